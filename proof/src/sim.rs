//! Many seeds of a world: told in parallel, counted, and if a law is broken, shortened to what breaks it.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use dynservers_sim::world::{Evidence, FakeCloud, Law, Story, Telling, Violation};

/// Every so many-th story is told twice, and must be the same one.
const TWICE: u64 = 64;

/// Which world stories are told in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The machine, and a cloud that answers in its own words.
    Core,
    /// The machine, the requests and responses of UpCloud, and its emulator.
    UpCloud,
}

/// What came of many stories.
#[derive(Debug, Default)]
pub struct Tally {
    /// How many were told.
    pub stories: u64,
    /// What they reached.
    pub evidence: Evidence,
    /// How many outputs the machine put out in all of them.
    pub outputs: u64,
    /// How much time passed in all of them, in milliseconds.
    pub millis: u64,
    /// The first story that broke a law, by its seed, and the law.
    pub broken: Option<(u64, Violation)>,
}

impl Kind {
    /// Tells a story. What panics has broken a law too.
    #[must_use]
    pub fn tell(self, story: &Story, keeps_lines: bool) -> Telling {
        let told = panic::catch_unwind(AssertUnwindSafe(|| match self {
            Self::Core => story.tell(FakeCloud::new, keeps_lines),
            Self::UpCloud => story.tell(crate::upcloud::UpCloudStack::new, keeps_lines),
        }));
        told.unwrap_or_else(|panic| {
            let words = panic.downcast_ref::<String>().cloned();
            let what =
                words.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default();
            Telling {
                verdict: Err(Violation { law: Law::NoPanic, what }),
                evidence: Evidence::default(),
                outputs: 0,
                millis: 0,
                lines: Vec::new(),
            }
        })
    }

    /// Gives the shortest story that breaks the same law, as far as leaving steps out leads.
    #[must_use]
    pub fn shortened(self, story: Story) -> Story {
        story.shortened(|story| self.tell(story, false).verdict.err().map(|violation| violation.law))
    }

    /// Tells a story twice where that is its turn.
    fn tell_numbered(self, seed: u64) -> Telling {
        let story = Story::from_seed(seed);
        let is_checked = seed.is_multiple_of(TWICE);
        let mut telling = self.tell(&story, is_checked);
        if is_checked && telling.verdict.is_ok() && self.tell(&story, true).lines != telling.lines {
            let what = "the same story was told in other words".to_owned();
            telling.verdict = Err(Violation { law: Law::Deterministic, what });
        }
        telling
    }
}

/// Tells the stories of these seeds on every core, until all are told or one breaks a law. `told` hears of each.
pub fn run(kind: Kind, seeds: std::ops::Range<u64>, told: impl Fn() + Sync) -> Tally {
    let next = AtomicU64::new(seeds.start);
    let is_over = AtomicBool::new(false);
    let tally = Mutex::new(Tally::default());
    let work = || {
        let mut mine = Tally::default();
        while !is_over.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                break;
            }
            let telling = kind.tell_numbered(seed);
            mine.stories += 1;
            mine.evidence.add(&telling.evidence);
            mine.outputs += telling.outputs;
            mine.millis += telling.millis;
            if let Err(violation) = telling.verdict {
                mine.broken = Some((seed, violation));
                is_over.store(true, Ordering::Relaxed);
            }
            told();
        }
        tally.lock().unwrap_or_else(PoisonError::into_inner).add(mine);
    };
    let workers = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    tally.into_inner().unwrap_or_else(PoisonError::into_inner)
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.stories += other.stories;
        self.evidence.add(&other.evidence);
        self.outputs += other.outputs;
        self.millis += other.millis;
        let first = |broken: &Option<(u64, Violation)>| broken.as_ref().map_or(u64::MAX, |(seed, _)| *seed);
        if first(&other.broken) < first(&self.broken) {
            self.broken = other.broken;
        }
    }
}
