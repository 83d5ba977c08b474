//! Stories: a setup and a list of steps, drawn from a seed, told, and made shorter until only what matters is left.

use serde::{Deserialize, Serialize};

use super::cloud::Cloud;
use super::draw::Draw;
use super::evidence::Evidence;
use super::follow::Work;
use super::law::{Law, Violation};
use super::run::World;
use super::setup::Setup;
use super::step::{
    AskFate, Boot, Crash, Fate, Meddling, Net, Ops, Shape, Step, StoreTrouble, Stranger, Wish,
};
use dynservers_core::Reason;

/// The most steps of a story.
const STEPS_MOST: u64 = 60;

/// A story: everything that a run depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Story {
    /// What seeds the machine's tokens and its waits.
    pub seed: u64,
    /// What the world is like.
    pub setup: Setup,
    /// What happens, one after the other.
    pub steps: Vec<Step>,
}

/// What came of a story.
#[derive(Clone, Debug)]
pub struct Telling {
    /// Whether the laws held.
    pub verdict: Result<(), Violation>,
    /// Which rare paths were reached.
    pub evidence: Evidence,
    /// How many outputs the machine put out.
    pub outputs: u64,
    /// How much time passed in the world, in milliseconds.
    pub millis: u64,
    /// A line for everything that happened, if it was to be kept.
    pub lines: Vec<String>,
}

impl Story {
    /// Draws a story from a seed.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        Self::draw(&mut Draw::from_seed(seed), seed)
    }

    /// Draws a story from the bytes of a fuzzer: it is over when they are.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self::draw(&mut Draw::from_bytes(bytes), 1)
    }

    fn draw(draw: &mut Draw<'_>, seed: u64) -> Self {
        let setup = Setup::draw(draw);
        let count = draw.between(8, STEPS_MOST);
        let mut steps = vec![Step::Pass { millis: 5_000 }];
        for _ in 0..count {
            if draw.is_over() {
                break;
            }
            steps.push(Step::draw(draw));
            if draw.chance(50) {
                steps.push(pass(draw));
            }
        }
        Self { seed, setup, steps }
    }

    /// Tells the story in a world with these clouds.
    pub fn tell<C: Cloud>(&self, cloud: impl Fn(&Setup, u8) -> C, keeps_lines: bool) -> Telling {
        let setup = C::fitting(self.setup);
        let clouds = (0..setup.providers).map(|number| cloud(&setup, number)).collect();
        let mut world = World::new(setup, clouds, self.seed);
        if keeps_lines {
            world.trace();
        }
        for step in &self.steps {
            world.take(step);
            if world.verdict().is_err() {
                break;
            }
        }
        if world.verdict().is_ok() {
            world.make_peace();
        }
        Telling {
            verdict: world.verdict(),
            evidence: world.evidence().clone(),
            outputs: world.outputs(),
            millis: world.now,
            lines: world.lines().to_vec(),
        }
    }

    /// Leaves out everything without which the same law is still broken. `broken` gives the law that a story breaks.
    #[must_use]
    pub fn shortened(mut self, broken: impl Fn(&Self) -> Option<Law>) -> Self {
        let Some(law) = broken(&self) else { return self };
        let mut chunk = self.steps.len().div_ceil(2);
        while chunk > 0 {
            let mut at = 0;
            while at < self.steps.len() {
                let mut shorter = self.clone();
                shorter.steps.drain(at..(at + chunk).min(self.steps.len()));
                if broken(&shorter) == Some(law) {
                    self = shorter;
                } else {
                    at += chunk;
                }
            }
            chunk = if chunk == 1 { 0 } else { chunk.div_ceil(2) };
        }
        self
    }
}

fn pass(draw: &mut Draw<'_>) -> Step {
    let millis = match draw.below(20) {
        0..8 => draw.between(100, 30_000),
        8..16 => draw.between(1_000, 200_000),
        16..19 => draw.between(200_000, 4_000_000),
        _ => draw.between(4_000_000, 30_000_000),
    };
    Step::Pass { millis }
}

impl Step {
    /// Draws a step.
    pub fn draw(draw: &mut Draw<'_>) -> Self {
        match draw.below(100) {
            0..22 => Self::Ask(Wish::draw(draw)),
            22..25 => Self::Repeat,
            25..31 => Self::Demand { kind: draw.pick(&[0, 1]), work: Work::draw(draw) },
            31..34 => Self::Work { seconds: draw.small(1, 1_500) },
            34 => Self::Leave { which: byte(draw, 12) },
            35..38 => Self::Answers { fate: AskFate::draw(draw), every: byte(draw, 3) + 1 },
            38..52 => Self::Fates { fate: Fate::draw(draw), ops: Ops::draw(draw), every: byte(draw, 4) + 1 },
            52..56 => Self::Calm,
            56..60 => Self::Net(Net::draw(draw)),
            60..66 => Self::Boots { boot: Boot::draw(draw), every: byte(draw, 4) },
            66..69 => Self::Lag { millis: draw.weighted(&[(2, 0), (4, 15_000), (3, 29_000), (1, 90_000)]) },
            69..71 => Self::Capacity { kind: draw.pick(&[0, 1]), has_room: draw.chance(50) },
            71..73 => Self::Quota { more: draw.chance(70).then(|| byte(draw, 4)) },
            73..75 => Self::Credentials { are_valid: draw.chance(60) },
            75..77 => Self::Account { is_ours: draw.chance(60) },
            77..84 => Self::Meddle { which: byte(draw, 12), how: Meddling::draw(draw) },
            84 => Self::Disaster,
            85..88 => Self::Stranger(Stranger::draw(draw)),
            88..93 => Self::Crash(Crash::draw(draw)),
            93 => Self::Suspend { seconds: draw.pick(&[5, 60, 600, 3_600]) },
            94..98 => Self::Store(StoreTrouble::draw(draw)),
            _ => Self::Reload(Shape::draw(draw)),
        }
    }
}

impl Wish {
    fn draw(draw: &mut Draw<'_>) -> Self {
        let kind = draw.pick(&[0, 1]);
        match draw.below(20) {
            0..8 => Self::Ensure { kind, count: byte(draw, 12) },
            8..10 => Self::Increase { kind, by: byte(draw, 4) },
            10..12 => Self::Decrease { kind, by: byte(draw, 4) },
            12..14 => Self::Reboot { kind, at_a_time: draw.chance(50).then(|| byte(draw, 3)) },
            14 => Self::Override {
                kind,
                count: draw.chance(60).then(|| byte(draw, 12)),
                seconds: draw.chance(60).then(|| draw.pick(&[1, 300, 2_000])),
            },
            15..17 => Self::Protect { which: byte(draw, 12), protected: draw.chance(60) },
            17 => Self::Pause { out: draw.chance(40), inward: draw.chance(40) },
            18 => Self::Takeover,
            _ => Self::Resume,
        }
    }
}

impl Fate {
    fn draw(draw: &mut Draw<'_>) -> Self {
        let reason =
            draw.pick(&[Reason::Busy, Reason::Capacity, Reason::Invalid, Reason::Quota, Reason::Credit]);
        let seconds = draw.pick(&[None, Some(1), Some(30), Some(600)]);
        draw.weighted(&[
            (4, Self::LoseRequest),
            (6, Self::LoseReply),
            (2, Self::Hang),
            (2, Self::Unsent),
            (3, Self::Throttle(seconds)),
            (2, Self::FailBefore),
            (2, Self::FailAfter),
            (2, Self::NoSuchPage),
            (2, Self::Garble),
            (2, Self::Shorten),
            (1, Self::Deny),
            (4, Self::Refuse(reason)),
            (1, Self::Vanish),
            (1, Self::Exist),
        ])
    }
}

impl Ops {
    fn draw(draw: &mut Draw<'_>) -> Self {
        draw.weighted(&[
            (3, Self::All),
            (1, Self::Reads),
            (2, Self::Changes),
            (3, Self::Creates),
            (2, Self::Questions),
        ])
    }
}

impl AskFate {
    fn draw(draw: &mut Draw<'_>) -> Self {
        let late = u16::try_from(draw.between(1, 400)).unwrap_or(1);
        draw.pick(&[Self::LoseQuestion, Self::LoseAnswer, Self::Never, Self::Twice, Self::Late(late)])
    }
}

impl Net {
    fn draw(draw: &mut Draw<'_>) -> Self {
        Self {
            wait: draw.weighted(&[(5, 0), (1, 5_000), (1, 40_000)]),
            request: draw.weighted(&[(5, 100), (2, 5_000), (1, 25_000), (1, 45_000)]),
            reply: draw.weighted(&[(5, 100), (2, 5_000), (1, 25_000)]),
        }
    }
}

impl Boot {
    fn draw(draw: &mut Draw<'_>) -> Self {
        let seconds = draw.weighted(&[(3, 23), (2, 1), (3, 133), (2, 2_700), (1, 4_500)]);
        let life = draw.pick(&[1, 60, 600]);
        draw.weighted(&[
            (6, Self::After(seconds)),
            (1, Self::Never),
            (2, Self::Broken),
            (1, Self::Short(life)),
        ])
    }
}

impl Meddling {
    fn draw(draw: &mut Draw<'_>) -> Self {
        let seconds = draw.pick(&[30, 700, 4_000]);
        draw.weighted(&[
            (2, Self::Stop),
            (1, Self::Start),
            (2, Self::Break),
            (3, Self::Vanish),
            (2, Self::Return),
            (2, Self::Unlabel),
            (1, Self::Relabel),
            (2, Self::Maintain(seconds)),
            (1, Self::Puzzle),
            (1, Self::Rename),
        ])
    }
}

impl Stranger {
    fn draw(draw: &mut Draw<'_>) -> Self {
        draw.pick(&[Self::Foreign, Self::OtherFleet, Self::OtherOwner, Self::Impostor, Self::HalfLabelled])
    }
}

impl Crash {
    fn draw(draw: &mut Draw<'_>) -> Self {
        Self {
            after: draw.weighted(&[(1, 0), (1, 1), (1, 2), (1, 5), (1, 11), (1, 29)]),
            is_done: draw.chance(50),
            down: draw.weighted(&[(3, 0), (2, 5), (1, 90), (1, 3_600)]),
            skew: draw.weighted(&[(6, 0), (1, 3_600), (1, -3_600), (1, -5)]),
        }
    }
}

impl StoreTrouble {
    fn draw(draw: &mut Draw<'_>) -> Self {
        let millis = draw.pick(&[0, 50, 3_000, 40_000]);
        draw.weighted(&[
            (4, Self::Slow(millis)),
            (1, Self::Fail(1)),
            (1, Self::Fail(3)),
            (1, Self::LoseReply),
            (1, Self::Tear),
            (3, Self::Backup),
            (2, Self::Restore),
            (1, Self::Lose),
            (2, Self::Fence),
        ])
    }
}

fn byte(draw: &mut Draw<'_>, end: u64) -> u8 {
    u8::try_from(draw.below(end.max(1))).unwrap_or(0)
}
