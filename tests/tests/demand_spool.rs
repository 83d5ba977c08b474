//! A spool of job files drives a fleet: from none to as many as the work asks for, and back to none.

use std::fs;
use std::path::PathBuf;

use dynservers_tests::{Fleet, eventually};

const TYPE: &str = r#"
max = 4
demand_interval = "100ms"
sources = [{ kind = "spool", directory = "jobs" }]
policy = { jobs_per_server = 2, scale_in_after = "300ms" }
"#;

/// Makes a fleet with an empty spool.
fn fleet() -> Fleet {
    let fleet = Fleet::local(TYPE);
    for part in ["new", "claimed", "done", "failed"] {
        fs::create_dir_all(fleet.path().join("jobs").join(part)).expect("the directory is ours");
    }
    fleet
}

fn job(fleet: &Fleet, number: u32) -> PathBuf {
    fleet.path().join(format!("jobs/new/{number:04}"))
}

#[test]
fn the_number_of_servers_follows_the_number_of_jobs() {
    let mut fleet = fleet();
    fleet.start();
    for number in 0..5 {
        fs::write(job(&fleet, number), "work").expect("the directory is ours");
    }
    fleet.settles_at(3);
    // What somebody has in hand is work still.
    let claimed = fleet.path().join("jobs/claimed/somebody");
    fs::create_dir_all(&claimed).expect("the directory is ours");
    fs::rename(job(&fleet, 0), claimed.join("0000")).expect("the directory is ours");
    for number in 5..100 {
        fs::write(job(&fleet, number), "work").expect("the directory is ours");
    }
    fleet.settles_at(4);
    for number in 1..100 {
        fs::remove_file(job(&fleet, number)).expect("the directory is ours");
    }
    fleet.settles_at(1);
    fs::remove_file(claimed.join("0000")).expect("the directory is ours");
    fleet.settles_at(0);
    eventually("no directory is left", || fleet.places().is_empty().then_some(()));
    assert!(fleet.stop().success());
}

#[test]
fn a_number_by_hand_is_refused_and_pointed_elsewhere() {
    let mut fleet = fleet();
    fleet.start();
    let told = fleet.tell(&["ensure", "3"]);
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(told.err.contains("override"), "{told:?}");
    assert!(fleet.list().is_empty());
}
