//! Setups: what a world is like from its beginning to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dynservers_core::{
    Config, DrainConfig, FailedPolicy, FleetName, OrphanPolicy, OtherOwnerPolicy, ProviderConfig,
    ProviderName, Seam, StopBeforeDelete, Timing, TypeConfig, TypeName,
};
use serde::{Deserialize, Serialize};

use super::draw::Draw;
use super::follow::Follow;
use super::step::Shape;

/// How long a worker may take to drain in a world, and how often it is asked.
const DRAIN: DrainConfig =
    DrainConfig { deadline: Duration::from_secs(900), interval: Duration::from_secs(15) };

/// What a world is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// How many providers there are, 1 or 2. The second type is on the last one.
    pub providers: u8,
    /// How many server types there are, 1 or 2.
    pub types: u8,
    /// How many servers a listing has on a page.
    pub page_size: u8,
    /// How its pages join.
    pub seam: Join,
    /// How many requests a create takes.
    pub create_steps: u8,
    /// Whether a server must be stopped before it is deleted.
    pub stops_first: bool,
    /// What becomes of servers that nobody knows.
    pub orphans: Orphans,
    /// How many requests may be under way at once.
    pub concurrency: u8,
    /// How long records of what is gone are kept, in minutes.
    pub retention: u32,
    /// What the configuration says at first, and again at the end.
    pub shape: Shape,
}

/// How pages of a listing join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// Each begins with the last server of the one before.
    Overlapping,
    /// Each begins after the last server of the one before.
    Following,
    /// Each begins at a number.
    Shifting,
}

impl Join {
    /// Gives the core's word for it.
    #[must_use]
    pub const fn seam(self) -> Seam {
        match self {
            Self::Overlapping => Seam::Overlapping,
            Self::Following => Seam::Following,
            Self::Shifting => Seam::Shifting,
        }
    }
}

/// What becomes of servers that nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Orphans {
    /// They become records.
    Adopt,
    /// They are deleted.
    Delete,
    /// They are reported.
    Report,
}

impl Setup {
    /// Draws a setup.
    pub fn draw(draw: &mut Draw<'_>) -> Self {
        Self {
            providers: draw.weighted(&[(3, 1), (1, 2)]),
            types: draw.weighted(&[(1, 1), (1, 2)]),
            page_size: draw.weighted(&[(4, 100), (1, 2), (1, 3), (1, 5)]),
            seam: draw.weighted(&[(3, Join::Overlapping), (1, Join::Following), (1, Join::Shifting)]),
            create_steps: draw.weighted(&[(4, 1), (1, 2), (1, 3)]),
            stops_first: draw.chance(75),
            orphans: draw.weighted(&[(5, Orphans::Adopt), (1, Orphans::Delete), (1, Orphans::Report)]),
            concurrency: draw.pick(&[16, 1, 4]),
            retention: draw.pick(&[7 * 24 * 60, 120, 10]),
            shape: Shape::draw(draw),
        }
    }

    /// Gives the configuration of this setup in a shape.
    #[must_use]
    pub fn config(&self, shape: Shape) -> Config {
        let mut config = Config {
            fleet: fleet(),
            timing: Timing {
                retention: Duration::from_secs(u64::from(self.retention) * 60),
                ..Timing::default()
            },
            providers: (0..self.providers).map(|number| (provider(number), self.provider(shape))).collect(),
            server_types: BTreeMap::new(),
            retired_types: BTreeSet::new(),
            shadow: false,
        };
        for kind in 0..self.types {
            if kind == 1 && shape.retires {
                config.retired_types.insert(server_type(kind));
            } else {
                config.server_types.insert(server_type(kind), self.server_type(kind, shape));
            }
        }
        config
    }

    /// Gives the number of the provider that a type's servers are at.
    #[must_use]
    pub fn home(&self, kind: u8) -> u8 {
        if kind == 1 { self.providers - 1 } else { 0 }
    }

    fn provider(&self, shape: Shape) -> ProviderConfig {
        ProviderConfig {
            max_servers_in_account: shape.account.map(u32::from),
            orphans: match self.orphans {
                Orphans::Adopt => OrphanPolicy::Adopt,
                Orphans::Delete => OrphanPolicy::Delete,
                Orphans::Report => OrphanPolicy::Report,
            },
            other_owner: OtherOwnerPolicy::Hold,
            stop_before_delete: if self.stops_first {
                StopBeforeDelete::Always
            } else {
                StopBeforeDelete::Never
            },
            concurrency: u32::from(self.concurrency),
            ..ProviderConfig::default()
        }
    }

    fn server_type(&self, kind: u8, shape: Shape) -> TypeConfig {
        TypeConfig {
            min: u32::from(shape.min.min(shape.max)),
            on_failed: if shape.keeps_failed { FailedPolicy::Keep } else { FailedPolicy::Delete },
            drain: shape.drains.then_some(DRAIN),
            asks_scores: shape.scores,
            policy: shape.follows.map(Follow::config),
            ..TypeConfig::new(provider(self.home(kind)), u32::from(shape.max))
        }
    }
}

impl Shape {
    /// Draws what a configuration says.
    pub fn draw(draw: &mut Draw<'_>) -> Self {
        Self {
            drains: draw.chance(75),
            scores: draw.chance(30),
            follows: draw.chance(45).then(|| Follow::draw(draw)),
            keeps_failed: draw.chance(15),
            retires: draw.chance(8),
            min: draw.weighted(&[(4, 0), (1, 1), (1, 2)]),
            max: draw.weighted(&[(4, 16), (1, 8), (1, 4), (1, 1)]),
            account: draw.chance(30).then(|| draw.pick(&[20, 10, 6, 3])),
        }
    }

    /// Gives the shape in which a world must come to rest: nothing in it keeps a server, or one from being made.
    #[must_use]
    pub fn of_peace(self) -> Self {
        // Within its tolerance any number is as good as another.
        let follows = self.follows.map(|follow| Follow { tolerant: false, ..follow });
        Self { follows, retires: false, keeps_failed: false, max: 16, account: None, ..self }
    }
}

/// The fleet of every world.
pub(crate) fn fleet() -> FleetName {
    named("fleet", FleetName::new)
}

/// A server type by its number.
pub(crate) fn server_type(kind: u8) -> TypeName {
    named(if kind == 0 { "default" } else { "burst" }, TypeName::new)
}

/// A provider by its number.
pub(crate) fn provider(number: u8) -> ProviderName {
    named(if number == 0 { "cloud" } else { "other-cloud" }, ProviderName::new)
}

/// Makes a name of a word that is known to be one.
pub(crate) fn named<T, E: std::fmt::Debug>(word: &str, make: impl FnOnce(String) -> Result<T, E>) -> T {
    make(word.to_owned()).expect("the word is a name")
}
