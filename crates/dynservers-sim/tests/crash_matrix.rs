//! The crash matrix: a scripted life of a fleet, and a crash after every single output of it, with the last one done or lost.

use dynservers_sim::world::{
    Crash, Draw, Evidence, FakeCloud, Meddling, Setup, Shape, Step, StoreTrouble, Story, Stranger, Telling,
    Wish,
};

const fn pass(seconds: u64) -> Step {
    Step::Pass { millis: seconds * 1_000 }
}

const fn ensure(count: u8) -> Step {
    Step::Ask(Wish::Ensure { kind: 0, count })
}

/// Up, rebooted, one of them lost and one stopped by hand, drained and scaled in, an orphan, the limit, and down to nothing.
fn life() -> Vec<Step> {
    vec![
        pass(5),
        ensure(3),
        pass(60),
        Step::Ask(Wish::Reboot { kind: 0, at_a_time: Some(2) }),
        pass(90),
        Step::Meddle { which: 0, how: Meddling::Vanish },
        Step::Meddle { which: 1, how: Meddling::Stop },
        pass(400),
        Step::Work { seconds: 60 },
        ensure(1),
        pass(150),
        Step::Stranger(Stranger::Impostor),
        pass(400),
        ensure(9),
        pass(200),
        ensure(0),
        pass(200),
    ]
}

/// A small account, so that the life comes to its limit.
fn setup() -> Setup {
    let plain = Setup::draw(&mut Draw::from_bytes(&[]));
    let shape = Shape { drains: true, max: 8, account: Some(6), ..plain.shape };
    Setup { providers: 1, types: 1, stops_first: true, concurrency: 16, shape, ..plain }
}

fn tell(store: StoreTrouble, crash: Option<Crash>) -> Telling {
    let beginning = [Step::Store(store)].into_iter().chain(crash.map(Step::Crash));
    let steps = beginning.chain(life()).collect();
    Story { seed: 11, setup: setup(), steps }.tell(FakeCloud::new, false)
}

#[test]
fn a_crash_after_every_output_leaves_nothing_behind() {
    let (mut cells, mut evidence) = (0_u32, Evidence::default());
    for store in [StoreTrouble::Slow(0), StoreTrouble::Slow(50)] {
        let whole = tell(store, None);
        assert_eq!(whole.verdict, Ok(()));
        evidence.add(&whole.evidence);
        // The last outputs are those of the time in which it comes to rest: crashes in it are cells too.
        for after in 1..=u16::try_from(whole.outputs).expect("a life is short") {
            for is_done in [true, false] {
                let crash = Crash { after, is_done, down: 5, skew: 0 };
                assert_eq!(tell(store, Some(crash)).verdict, Ok(()), "{store:?}, {crash:?}");
                cells += 1;
            }
        }
    }
    println!("crash matrix: {cells} cells, all green");
    for path in ["a server adopted", "limit of the account", "rebooting", "draining", "deleted", "stopped"] {
        assert!(evidence.count(path) > 0, "the life has no {path} in it");
    }
    assert!(cells > 1_000, "{cells}");
}
