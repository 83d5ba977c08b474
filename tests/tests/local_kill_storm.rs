//! `kill -9` of the daemon at drawn moments around the start, stop and removal of servers on this machine: whatever was
//! under way, the next daemon makes an end of it.
//!
//! `cargo xtask storm --rounds 200` does it more often.

use std::process::Stdio;
use std::time::{Duration, Instant};

use dynservers_tests::{Fleet, eventually};

/// How often the daemon is killed, unless `DYNSERVERS_STORM_ROUNDS` says otherwise.
const ROUNDS: u32 = 15;
const ROUNDS_VARIABLE: &str = "DYNSERVERS_STORM_ROUNDS";
/// The ceiling of the type: never are there more servers than that.
const MAX: usize = 6;

/// What has just been begun when the daemon is killed.
#[derive(Clone, Copy, Debug)]
enum Begun {
    Start,
    Stop,
    Removal,
}

/// Numbers that look drawn and are the same each time.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Counts the servers of which this can be seen now.
fn seen(fleet: &Fleet, begun: Begun) -> usize {
    let places = fleet.places();
    let name = |path: &std::path::Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let shows = |path: &std::path::PathBuf| match begun {
        Begun::Start => !path.join("process.json").exists() && !path.join("wish.json").exists(),
        Begun::Stop => path.join("wish.json").exists() && path.join("root").exists(),
        Begun::Removal => !path.join("root").exists() || name(path).is_some_and(|name| name.starts_with('.')),
    };
    places.iter().filter(|path| shows(path)).count()
}

/// Waits until something of this kind has been begun, and a drawn moment more. Where it is over before it is seen, the
/// daemon is killed at some other moment, which is as good.
fn let_begin(fleet: &Fleet, begun: Begun, dice: &mut Dice) -> bool {
    let since = Instant::now();
    let mut was_seen = false;
    while !was_seen && since.elapsed() < Duration::from_millis(1200) {
        was_seen = seen(fleet, begun) > 0;
    }
    // The moment itself is what is drawn; nothing is waited for.
    std::thread::sleep(Duration::from_micros(dice.throw(12_000)));
    was_seen
}

#[test]
fn a_daemon_killed_at_any_moment_leaves_no_process_and_no_directory_behind() {
    let rounds = std::env::var(ROUNDS_VARIABLE).ok();
    let rounds = rounds.map_or(ROUNDS, |text| text.parse().expect("a number of rounds"));
    let mut fleet = Fleet::local(&format!("max = {MAX}"));
    // Whoever was killed amid a create waits for so long before it makes another: the rounds would be idle.
    fleet.reconfigure(|text| {
        text.replace("request_timeout = \"3s\"", "request_timeout = \"300ms\"\nlist_lag = \"100ms\"")
    });
    let mut dice = Dice(u64::from(rounds));
    let mut hits = [0_u32; 3];
    fleet.start();
    for round in 0..rounds {
        let (count, begun) = match round % 3 {
            0 => (4 + dice.throw(3), Begun::Start),
            1 => (dice.throw(3), Begun::Stop),
            _ => (dice.throw(2), Begun::Removal),
        };
        // Whoever waits for the answer comes too late for what it began.
        let mut command = fleet.command();
        let command =
            command.args(["ensure", &count.to_string()]).stderr(Stdio::null()).stdout(Stdio::null());
        let mut command = command.spawn().expect("the binary starts");
        hits[begun as usize] += u32::from(let_begin(&fleet, begun, &mut dice));
        fleet.kill();
        command.wait().expect("the command is ours");
        let whole = fleet.places().iter().filter(|path| path.join("intent.json").exists()).count();
        assert!(whole <= MAX, "{whole} servers after round {round}, and {MAX} are the most");
        fleet.start();
    }
    println!("{rounds} kills; of starts, stops and removals hit in the act: {hits:?}");
    assert!(hits.iter().sum::<u32>() > 0, "nothing was ever hit in the act: {hits:?}");

    fleet.reach(3);
    fleet.settles_at(3);
    fleet.at_work(3);
    eventually("nothing but three servers is there", || (fleet.places().len() == 3).then_some(()));
    let listed: Vec<_> = fleet.running();
    let mut places: Vec<_> = fleet.places();
    places.retain(|place| !listed.iter().any(|id| place.ends_with(id)));
    assert!(places.is_empty(), "unknown to the ledger: {places:?}");

    fleet.reach(0);
    fleet.vanishes();
    assert!(fleet.stop().success());
    assert!(fleet.marked().is_empty() && fleet.places().is_empty());
}
