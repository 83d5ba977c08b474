//! The directory of servers on this machine: full, unreadable, another one; and snapshots that take a while to copy.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use dynservers_tests::{Fleet, binary, eventually};
use serde_json::Value;

/// Makes the command of a daemon that is started by another program, which becomes it.
fn run_by(fleet: &Fleet, program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).arg(binary()).arg("--config").arg(fleet.config()).arg("run");
    command.env("RUST_LOG", "debug");
    command
}

/// Whether a program can do this here.
fn can(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).arg("true").output();
    output.is_ok_and(|output| output.status.success())
}

/// Root reads whatever it likes, unless it gives that up.
const POWERLESS: [&str; 4] =
    ["--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-dac_override,-dac_read_search"];

fn set_mode(fleet: &Fleet, path: &str, mode: u32) {
    let path = fleet.path().join(path);
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the directory is ours");
}

#[test]
fn a_directory_that_cannot_be_read_is_no_empty_one() {
    let mut fleet = Fleet::local("max = 4");
    if rustix::process::geteuid().is_root() {
        if !can("setpriv", &POWERLESS) {
            println!("skipped: root reads everything, and setpriv cannot take that away here");
            return;
        }
        let mut command = run_by(&fleet, "setpriv", &POWERLESS);
        fleet.start_as(&mut command);
    } else {
        fleet.start();
    }
    fleet.reach(2);
    let begun = fleet.at_work(2);
    for directory in ["dynservers.local/servers", "dynservers.local"] {
        set_mode(&fleet, directory, 0);
        eventually("an operator is told", || {
            fleet.must(&["status"]).contains("ermission denied").then_some(())
        });
        fleet.ensure(3);
        eventually("it is looked for again", || (fleet.provider()["failure"] != Value::Null).then_some(()));
        assert_eq!((fleet.list().len() >= 2, fleet.events("deleted")), (true, 0));
        // Before it can be made: one that was made would be deleted, and rightly so.
        fleet.ensure(2);
        set_mode(&fleet, directory, 0o700);
        fleet.reach(2);
        fleet.settles_at(2);
        assert!(
            begun.iter().all(|worker| dynservers_tests::is_alive(*worker)) || fleet.events("stopping") > 0
        );
    }
    fleet.reach(0);
    fleet.vanishes();
}

#[test]
fn another_directory_in_its_place_is_held_until_the_right_one_is_back() {
    let mut fleet = Fleet::local("max = 4");
    fleet.start();
    fleet.reach(2);
    let (ids, begun) = (fleet.running(), fleet.at_work(2));
    fleet.kill();
    let (there, away) = (fleet.path().join("dynservers.local"), fleet.path().join("away"));
    fs::rename(&there, &away).expect("the directory is ours");
    fleet.start();
    eventually("everything is held", || (fleet.provider()["hold"] != Value::Null).then_some(()));
    assert!(fleet.alarms("resume"));
    fleet.ensure(4);
    let asked = || fleet.log().matches("outcome=\"account\"").count();
    let enough = asked() + 3;
    eventually("it is asked who it is, and little else", || (asked() >= enough).then_some(()));
    assert!(fleet.places().is_empty(), "made in the wrong directory");
    assert_eq!((fleet.running(), fleet.events("deleted")), (ids.clone(), 0));
    fleet.ensure(2);
    fleet.kill();
    fs::remove_dir_all(&there).expect("the directory is ours");
    fs::rename(&away, &there).expect("the directory is ours");
    fleet.start();
    fleet.reach(2);
    assert_eq!((fleet.running(), fleet.events("deleted")), (ids, 0));
    assert_eq!(fleet.at_work(2), begun);
    fleet.reach(0);
    fleet.vanishes();
}

#[test]
fn a_directory_that_goes_while_the_daemon_runs_is_missed_and_not_mourned() {
    let mut fleet = Fleet::local("max = 4");
    fleet.start();
    fleet.reach(2);
    let begun = fleet.at_work(2);
    let (there, away) = (fleet.path().join("dynservers.local"), fleet.path().join("away"));
    fs::rename(&there, &away).expect("the directory is ours");
    eventually("an operator is told", || {
        let status = fleet.must(&["status"]);
        assert!(!status.contains("credentials"), "{status}");
        status.contains("no longer the directory that was opened").then_some(())
    });
    fleet.ensure(3);
    assert_eq!((fleet.running().len(), fleet.events("deleted")), (2, 0));
    assert!(!there.exists(), "made anew");
    fs::rename(&away, &there).expect("the directory is ours");
    fleet.reach(3);
    assert!(begun.iter().all(|worker| fleet.at_work(3).contains(worker)));
    fleet.reach(0);
    fleet.vanishes();
}

#[test]
fn a_full_disk_makes_creates_wait_and_leaves_nothing_half_made() {
    // A file system of its own, seen by the daemon and its servers alone, which goes with the last of them.
    const SPACE: [&str; 2] = ["-Urm", "--propagation=private"];
    if !can("unshare", &SPACE) {
        println!("skipped: no file system of a known size can be made here (unshare -Urm is refused)");
        return;
    }
    let mut fleet = Fleet::local("max = 4");
    fs::write(fleet.path().join("worker/data"), vec![1_u8; 1_500_000]).expect("the directory is ours");
    let small = fleet.path().join("dynservers.local");
    fs::create_dir(&small).expect("the directory is ours");
    let script = format!("mount -t tmpfs -o size=4m,mode=700 small '{}' && exec \"$@\"", small.display());
    let arguments = ["-Urm", "--propagation=private", "sh", "-c", &script, "sh"];
    let mut command = run_by(&fleet, "unshare", &arguments);
    fleet.start_as(&mut command);
    fleet.reach(2);
    fleet.ensure(4);
    eventually("creates wait", || fleet.must(&["status"]).contains("the next one is tried").then_some(()));
    assert!(fleet.log().contains("no room for another server"), "{}", fleet.must(&["status"]));
    assert_eq!(fleet.count("running"), 2);
    // What was begun was taken back: there is still room for the log of the others, and for as many again.
    fleet.reach(1);
    fleet.reach(2);
    assert_eq!(fleet.count("running"), 2);
    fleet.reach(0);
    fleet.settles_at(0);
    eventually("no process is left", || fleet.marked().is_empty().then_some(()));
    assert!(fleet.stop().success());
}

#[test]
fn a_snapshot_that_takes_a_while_to_copy_is_made_once_past_a_killed_daemon() {
    let mut fleet = Fleet::local("max = 4");
    // Not sparse, so that it is copied wherever it is.
    let block = vec![7_u8; 1 << 20];
    let mut file = fs::File::create(fleet.path().join("worker/data")).expect("the directory is ours");
    for _ in 0..300 {
        std::io::Write::write_all(&mut file, &block).expect("there is room");
    }
    drop(file);
    fleet.start();
    fleet.ensure(2);
    eventually("it is being made", || (!fleet.places().is_empty()).then_some(()));
    fleet.kill();
    fleet.start();
    fleet.settles_at(2);
    fleet.at_work(2);
    assert_eq!(fleet.places().len(), 2);
    for place in fleet.places() {
        let copy = fs::metadata(place.join("root/data")).expect("it was copied");
        assert_eq!(copy.len(), 300 << 20, "half a copy runs");
    }
    fleet.reach(0);
    fleet.vanishes();
}

#[test]
fn a_type_that_is_no_longer_wanted_goes_to_none() {
    let mut fleet = Fleet::local("max = 4");
    fleet.start();
    fleet.reach(2);
    assert!(fleet.stop().success());
    fleet.reconfigure(|text| {
        text.replace("fleet = \"workers\"", "fleet = \"workers\"\nretired_types = [\"default\"]")
            .replace("[server_types.default]", "[server_types.other]")
    });
    fleet.start();
    fleet.vanishes();
    let told = fleet.tell(&["ensure", "1", "--type", "default"]);
    assert!(told.code == Some(2) && told.err.contains("retired"), "{told:?}");
    fleet.must(&["ensure", "1", "--type", "other", "--wait", "--timeout", "60s"]);
    fleet.at_work(1);
    fleet.must(&["ensure", "0", "--type", "other", "--wait", "--timeout", "60s"]);
    fleet.vanishes();
}

#[test]
fn ceilings_and_floors_are_kept() {
    let mut fleet = Fleet::local("min = 1\nmax = 3");
    fleet.start();
    fleet.settles_at(1);
    assert!(fleet.must(&["ensure", "4"]).contains("3 servers wanted (4 is more than its max allows)"));
    fleet.reach(3);
    fleet.at_work(3);
    fleet.must(&["increase", "--wait", "--timeout", "60s"]);
    fleet.looks(2);
    assert_eq!(fleet.places().len(), 3);
    assert!(fleet.must(&["ensure", "0"]).contains("1 server wanted"));
    fleet.settles_at(1);
    fleet.looks(2);
    assert_eq!((fleet.places().len(), fleet.events("creating")), (1, 3));
}
