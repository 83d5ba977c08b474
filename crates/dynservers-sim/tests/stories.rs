//! Stories: a fixed set of drawn ones, and some that once ended badly, told to their end.

#![allow(clippy::unwrap_used, reason = "a test that finds nothing to unwrap has failed")]

use dynservers_sim::world::{
    Boot, Crash, Draw, Evidence, FakeCloud, Fate, Law, Net, Ops, Setup, Shape, Step, StoreTrouble, Story,
    Stranger, Wish,
};

/// How many stories the suite tells: enough to reach every rare path.
const STORIES: u64 = 1_000;

fn setup() -> Setup {
    let plain = Setup::draw(&mut Draw::from_bytes(&[]));
    let shape = Shape { drains: true, max: 16, account: None, ..plain.shape };
    Setup { providers: 1, types: 1, stops_first: true, concurrency: 16, shape, ..plain }
}

fn tell(steps: &[Step]) -> Evidence {
    let story = Story { seed: 7, setup: setup(), steps: steps.to_vec() };
    let telling = story.tell(FakeCloud::new, true);
    assert_eq!(telling.verdict, Ok(()), "{}", telling.lines.join("\n"));
    telling.evidence
}

const fn pass(seconds: u64) -> Step {
    Step::Pass { millis: seconds * 1_000 }
}

const fn ensure(count: u8) -> Step {
    Step::Ask(Wish::Ensure { kind: 0, count })
}

#[test]
fn drawn_stories_keep_the_laws_and_reach_every_rare_path() {
    let mut evidence = Evidence::default();
    for seed in 0..STORIES {
        let telling = Story::from_seed(seed).tell(FakeCloud::new, false);
        assert_eq!(telling.verdict, Ok(()), "cargo xtask sim --world core --seed {seed}");
        evidence.add(&telling.evidence);
    }
    assert_eq!(evidence.missing(), Vec::<&str>::new());
}

#[test]
fn equal_stories_are_told_in_equal_words() {
    for seed in 0..20 {
        let story = Story::from_seed(seed);
        let (once, again) = (story.tell(FakeCloud::new, true), story.tell(FakeCloud::new, true));
        assert!(once.lines.len() > 100);
        assert_eq!(once.lines, again.lines, "seed {seed}");
    }
}

#[test]
fn a_clock_put_forward_while_creates_are_on_their_way_makes_nothing_twice() {
    let forward = Crash { after: 0, is_done: true, down: 0, skew: 7_200 };
    let slow = Net { wait: 0, request: 29_000, reply: 100 };
    tell(&[pass(5), Step::Net(slow), ensure(3), pass(50), Step::Crash(forward), pass(600)]);
    let suspended = Step::Suspend { seconds: 3_600 };
    tell(&[
        pass(5),
        suspended,
        Step::Net(slow),
        ensure(3),
        pass(50),
        Step::Crash(Crash { skew: 0, ..forward }),
        pass(600),
    ]);
}

#[test]
fn listings_that_say_that_they_lack_something_write_nobody_off() {
    // Every fifth server takes a minute to go, and is the last of a listing sooner or later.
    let short = Step::Fates { fate: Fate::Shorten, ops: Ops::Reads, every: 1 };
    for count in 5..12 {
        tell(&[pass(5), ensure(count), pass(200), ensure(0), pass(60), short, pass(2_000)]);
    }
}

#[test]
fn a_lost_ledger_and_strangers_among_slow_clones() {
    let evidence = tell(&[
        pass(5),
        Step::Boots { boot: Boot::After(2_700), every: 2 },
        ensure(6),
        pass(700),
        Step::Stranger(Stranger::HalfLabelled),
        Step::Store(StoreTrouble::Lose),
        pass(3_000),
    ]);
    assert!(evidence.count("a server hanging") > 0 && evidence.count("a ledger lost") == 1);
}

#[test]
fn the_word_of_another_account_writes_nobody_off() {
    let elsewhere = Step::Account { is_ours: false };
    let evidence = tell(&[pass(5), ensure(5), pass(400), elsewhere, ensure(2), pass(3_000)]);
    assert_eq!(evidence.count("another account answered"), 1);
}

#[test]
fn a_story_is_shortened_to_what_breaks_the_law() {
    let broken = |story: &Story| {
        let is_there = |wanted: Step| story.steps.contains(&wanted);
        (is_there(ensure(3)) && is_there(ensure(5))).then_some(Law::NoLeak)
    };
    let rest = (1..40).map(pass);
    let noise = Step::Fates { fate: Fate::LoseReply, ops: Ops::All, every: 2 };
    let steps = [noise, ensure(3)].into_iter().chain(rest).chain([ensure(5), noise]).collect();
    let story = Story { seed: 1, setup: setup(), steps }.shortened(broken);
    assert_eq!(story.steps, [ensure(3), ensure(5)]);
}

#[test]
fn a_story_is_kept_as_text() {
    let story = Story::from_seed(3);
    let text = serde_json::to_string(&story).unwrap();
    assert_eq!(serde_json::from_str::<Story>(&text).unwrap(), story);
    assert_eq!(Story::from_bytes(&[]).steps.len(), 1, "no bytes, no steps but the first look");
}
