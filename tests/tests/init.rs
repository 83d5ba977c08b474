//! The first hour: what `init` writes works as it is, and everything that is said to a fleet is heard.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use dynservers_tests::{Fleet, Told, WATCHFUL, eventually};
use serde_json::Value;

/// A fleet by what `init` writes.
fn written() -> Fleet {
    let fleet = Fleet::bare();
    let told = init(&fleet, &[]);
    assert_eq!(told.code, Some(0), "{told:?}");
    fleet
}

fn init(fleet: &Fleet, arguments: &[&str]) -> Told {
    let mut command = Command::new(dynservers_tests::binary());
    Told::by(command.args(["init", "--dir"]).arg(fleet.path()).args(arguments))
}

/// The same with looks often enough for a test.
fn quick() -> Fleet {
    let fleet = written();
    let text = fs::read_to_string(fleet.config()).expect("it was written");
    fs::write(fleet.config(), often(&text)).expect("the directory is ours");
    fleet
}

fn often(file: &str) -> String {
    file.replacen("[providers.here]", &format!("[timing]\n{WATCHFUL}\n[providers.here]"), 1)
}

/// Changes the file, and has it read again.
fn change(fleet: &mut Fleet, change: impl Fn(&str) -> String) {
    let text = fs::read_to_string(fleet.config()).expect("it was written");
    let seen = fleet.log().matches("was read again").count();
    fs::write(fleet.config(), change(&text)).expect("the directory is ours");
    fleet.hang_up();
    eventually("it is read again", || (fleet.log().matches("was read again").count() > seen).then_some(()));
}

/// Gives the numbers of the events that were printed.
fn numbers(out: &str) -> Vec<u64> {
    let events = out.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.filter_map(|event| event["id"].as_u64()).collect()
}

/// Somebody who follows the events.
struct Following {
    process: Child,
    path: PathBuf,
}

impl Following {
    fn of(fleet: &Fleet) -> Self {
        let path = fleet.path().join("followed");
        let printed = fs::File::create(&path).expect("the directory is ours");
        let mut command = fleet.command();
        command.args(["events", "--follow", "--json"]).stdout(printed).stderr(Stdio::null());
        Self { process: command.spawn().expect("the binary starts"), path }
    }

    fn printed(&self) -> String {
        fs::read_to_string(&self.path).expect("it is ours")
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn what_is_written_works_unedited_and_is_never_written_over() {
    let mut fleet = written();
    let file = fs::read_to_string(fleet.config()).expect("it was written");
    let again = init(&fleet, &[]);
    assert_eq!(again.code, Some(2), "{again:?}");
    assert_eq!(fs::read_to_string(fleet.config()).expect("it is still there"), file);
    let plan = fleet.must(&["plan"]);
    assert!(plan.contains("create"), "{plan}");
    assert!(!fleet.path().join("dynservers.local").exists(), "a plan makes nothing");
    let checked = fleet.must(&["check"]);
    assert!(checked.contains("Nothing stands in the way") && checked.contains("ledger"), "{checked}");
    fleet.start();
    fleet.settles_at(1);
    change(&mut fleet, often);
    fleet.must(&["ensure", "3", "--wait"]);
    assert_eq!((fleet.list().len(), fleet.count("running")), (3, 3));
    let id = fleet.list()[0]["id"].to_string();
    fleet.must(&["protect", &id]);
    fleet.must(&["decrease", "2", "--wait"]);
    let left: Vec<String> = fleet.list().iter().map(|server| server["id"].to_string()).collect();
    assert_eq!(left, std::slice::from_ref(&id), "the one that is protected stays");
    fleet.must(&["unprotect", &id]);
    fleet.must(&["pause"]);
    fleet.must(&["ensure", "2"]);
    fleet.looks(2);
    assert_eq!(fleet.count("running"), 1, "a fleet that is paused makes nothing");
    fleet.must(&["resume"]);
    fleet.settles_at(2);
    fleet.must(&["reboot", "--at-a-time", "1", "--wait"]);
    assert!(fleet.events("rebooting") >= 2);
    let refused = fleet.tell(&["override", "default", "2"]);
    assert!(refused.code != Some(0) && refused.err.contains("sources"), "{refused:?}");
    change(&mut fleet, |file| file.replace("max = 4", "max = 0 # broken: below min"));
    assert!(fleet.log().contains("the one before still holds"));
    change(&mut fleet, |_| often(&file).replace("min = 1 ", "min = 0 ").replace("max = 4", "max = 6"));
    fleet.must(&["ensure", "6"]);
    fleet.settles_at(6);
    fleet.must(&["ensure", "0"]);
    fleet.vanishes();
}

#[test]
fn a_source_and_a_hook_that_are_added_hold_from_the_signal_on() {
    let mut fleet = quick();
    fleet.start();
    fleet.settles_at(1);
    fleet.script("count", "#!/bin/sh\necho 3\n");
    fleet.script("note", "#!/bin/sh\nprintf '%s\\n' \"$(cat)\" >> noted\n");
    let more = "demand_interval = \"100ms\"\npolicy = { jobs_per_server = 1, scale_in_after = \"0s\" }\n\
         sources = [{ kind = \"command\", command = [\"./count\"] }]\n\
         [[hooks]]\nname = \"note\"\ncommand = [\"./note\"]\nevents = [\"running\"]\n";
    change(&mut fleet, |file| format!("{file}{more}"));
    fleet.settles_at(3);
    let refused = fleet.tell(&["ensure", "1"]);
    assert!(refused.err.contains("override"), "{refused:?}");
    fleet.must(&["override", "default", "2", "--for", "2h"]);
    fleet.settles_at(2);
    let noted = || fs::read_to_string(fleet.path().join("noted")).unwrap_or_default();
    eventually("the hook is told", || (noted().matches("\"running\"").count() == 2).then_some(()));
    let checked = fleet.must(&["check"]);
    assert!(checked.contains("hook    note") && checked.contains("programs"), "{checked}");
    fs::remove_file(fleet.path().join("note")).expect("it is ours");
    let checked = fleet.tell(&["check"]);
    assert!(checked.code == Some(1) && checked.out.contains("there is no program"), "{checked:?}");
    assert!(fleet.stop().success());
}

#[test]
fn once_measures_and_tells_before_it_ends() {
    let fleet = quick();
    fleet.script("count", "#!/bin/sh\necho 2\n");
    fleet.script("note", "#!/bin/sh\nprintf '%s\\n' \"$(cat)\" >> noted\n");
    let file = fs::read_to_string(fleet.config()).expect("it was written").replace("min = 1 ", "min = 0 ");
    let more = "policy = { jobs_per_server = 1 }\nsources = [{ kind = \"command\", command = [\"./count\"] }]\n\
         [[hooks]]\nname = \"note\"\ncommand = [\"./note\"]\nevents = [\"running\"]\n";
    fs::write(fleet.config(), format!("{file}{more}")).expect("the directory is ours");
    fleet.must(&["run", "--once", "--max-wait", "80s"]);
    assert_eq!(fleet.count("running"), 2, "nothing was settled before the work was known");
    let noted = fs::read_to_string(fleet.path().join("noted")).expect("the hook was told");
    assert_eq!(noted.matches("\"running\"").count(), 2, "{noted}");
}

#[test]
fn what_is_written_for_a_cloud_can_be_checked() {
    let fleet = Fleet::bare();
    assert_eq!(init(&fleet, &["--provider", "upcloud"]).code, Some(0));
    let checked = Told::by(fleet.command().arg("check").env("UPCLOUD_TOKEN", "ucat_0123456789secret"));
    assert!(checked.code == Some(0) && !checked.out.contains("secret"), "{checked:?}");
    assert_eq!(init(&fleet, &[]).code, Some(2), "nothing is written over");
}

#[test]
fn events_go_on_over_a_restart_without_gap_or_double() {
    let mut fleet = quick();
    fleet.start();
    fleet.settles_at(1);
    let following = Following::of(&fleet);
    fleet.must(&["ensure", "2", "--wait"]);
    assert!(fleet.stop().success());
    let stored = fleet.must(&["events", "--json"]);
    assert!(!numbers(&stored).is_empty(), "the store is read while nobody listens: {stored}");
    fleet.start();
    fleet.must(&["ensure", "3", "--wait"]);
    let all = eventually("all events were followed", || {
        let all = numbers(&fleet.must(&["events", "--json", "--after", "0"]));
        let followed = numbers(&following.printed());
        (followed.last() == all.last()).then_some(all)
    });
    let followed = numbers(&following.printed());
    let from = all.iter().position(|id| Some(id) == followed.first()).expect("it followed something");
    assert_eq!(followed, all[from..], "no gap and no double");
}
