//! Following: the policies that types of a world have, and the work that they follow.

use std::time::Duration;

use dynservers_core::{
    Billing, Combine, Demand, PolicyConfig, Rule, RuleStep, ScaleRate, Signal, Time, Window,
};
use serde::{Deserialize, Serialize};

use super::draw::Draw;
use super::setup::server_type;

/// How the number of a world's servers follows from the work there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub struct Follow {
    /// By which rule.
    pub rule: Ruling,
    /// Whether the largest of several sources decides.
    pub largest: bool,
    /// Whether the number rises slower than by default, and falls slowly.
    pub slow: bool,
    /// Whether small changes are left alone.
    pub tolerant: bool,
    /// Whether servers are paid for by the hour.
    pub paid: bool,
    /// Whether jumps are not believed at once.
    pub careful: bool,
    /// Whether there is no fallback.
    pub faithful: bool,
}

/// A rule of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// A server for ten jobs.
    Jobs,
    /// A server for each five minutes of waiting.
    Wait,
    /// As many as begin what waits within five minutes.
    Target,
    /// Steps.
    Steps,
}

/// What is measured at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// How many jobs wait.
    pub waiting: u16,
    /// How many are in hand.
    pub in_flight: u8,
    /// For how many seconds the oldest has waited, if that is told.
    pub oldest: Option<u16>,
    /// Whether a second source knows.
    pub is_known: bool,
    /// Bounds that a calendar sets: at least and at most.
    pub window: Option<(u8, u8)>,
}

impl Follow {
    /// Draws a policy.
    pub fn draw(draw: &mut Draw<'_>) -> Self {
        Self {
            rule: draw.weighted(&[
                (3, Ruling::Jobs),
                (3, Ruling::Wait),
                (1, Ruling::Target),
                (1, Ruling::Steps),
            ]),
            largest: draw.chance(25),
            slow: draw.chance(25),
            tolerant: draw.chance(25),
            paid: draw.chance(25),
            careful: draw.chance(25),
            faithful: draw.chance(25),
        }
    }

    /// Gives the configuration of this policy.
    #[must_use]
    pub fn config(self) -> PolicyConfig {
        const FIVE_MINUTES: Duration = Duration::from_secs(300);
        let rate = |servers, percent| ScaleRate { servers, percent, period: Duration::from_secs(120) };
        PolicyConfig {
            rule: match self.rule {
                Ruling::Jobs => Rule::JobsPerServer(10),
                Ruling::Wait => Rule::WaitPerServer(FIVE_MINUTES),
                Ruling::Target => {
                    Rule::TargetWait { within: FIVE_MINUTES, job_time: Duration::from_secs(20) }
                }
                Ruling::Steps => {
                    let steps = [(1, 1), (25, 3), (100, 8)];
                    Rule::Steps(steps.map(|(jobs, servers)| RuleStep { jobs, servers }).into())
                }
            },
            combine: if self.largest { Combine::Max } else { Combine::Sum },
            rate_up: if self.slow { Some(rate(1, 50)) } else { PolicyConfig::default().rate_up },
            rate_down: self.slow.then(|| rate(1, 0)),
            tolerance: if self.tolerant { 50 } else { 0 },
            hold: if self.faithful { Duration::from_secs(600) } else { FIVE_MINUTES / 3 },
            billing: self.paid.then_some(Billing { unit: Duration::from_secs(3_600) }),
            max_step: self.careful.then_some(4),
            fallback: (!self.faithful).then_some(1),
            ..PolicyConfig::default()
        }
    }

    /// Gives the work that asks for three servers, and for three again once they have it in hand.
    #[must_use]
    pub const fn of_three(self) -> Work {
        let in_flight = match self.rule {
            Ruling::Jobs | Ruling::Steps => 30,
            Ruling::Wait | Ruling::Target => 3,
        };
        Work { waiting: 0, in_flight, oldest: Some(0), is_known: true, window: None }
    }
}

impl Work {
    /// Draws what is measured.
    pub fn draw(draw: &mut Draw<'_>) -> Self {
        Self {
            waiting: draw.pick(&[0, 5, 30, 40, 60, 120]),
            in_flight: draw.pick(&[0, 0, 2, 9]),
            oldest: draw.chance(80).then(|| draw.pick(&[1, 60, 400, 1_500, 3_000])),
            is_known: draw.chance(60),
            window: draw.chance(20).then(|| draw.pick(&[(2, 9), (0, 2), (5, 5)])),
        }
    }

    /// Gives it as a measurement of a type.
    #[must_use]
    pub fn demand(self, kind: u8, now: u64) -> Demand {
        let name = || server_type(kind);
        let signal = Signal {
            waiting: self.waiting.into(),
            in_flight: self.in_flight.into(),
            oldest_wait: self.oldest.map(|seconds| Duration::from_secs(seconds.into())),
        };
        let mut demand = Demand::known(name(), "queue", signal);
        if !self.is_known {
            demand.readings.extend(Demand::unknown(name(), "other", "it is down").readings);
        }
        demand.windows.extend(self.window.map(|(floor, ceiling)| Window {
            name: "hours".to_owned(),
            floor: Some(floor.into()),
            ceiling: Some(ceiling.into()),
            until: Time::from_millis(now + 600_000),
        }));
        demand
    }
}
