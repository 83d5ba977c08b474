//! Reboots: the same server with another process.

use std::fs;
use std::time::Duration;

use dynservers_core::{Op, Outcome, ProviderId, ProviderState, Reason, StopMode};
use serde_json::json;

use crate::support::{World, lives, wait_for};

const PATIENT: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(300);

fn reboot(world: &World, id: &ProviderId, timeout: Duration) {
    let outcome = world.execute(Op::Reboot { provider_id: id.clone(), timeout });
    assert_eq!(outcome, Outcome::Accepted);
}

/// Waits until the program of a server was started so often, and gives the number of its process.
fn nth_start(world: &World, id: &ProviderId, times: usize) -> u32 {
    let path = world.file(id, "root/starts");
    let read = || fs::read_to_string(&path).unwrap_or_default();
    wait_for("a start", || read().ends_with('\n') && read().lines().count() >= times);
    assert_eq!(read().lines().count(), times);
    read().lines().last().unwrap().parse().unwrap()
}

#[test]
fn a_server_comes_back_with_what_it_had() {
    let world = World::of("echo $$ >> starts; exec sleep 1000");
    let id = world.create();
    let first = nth_start(&world, &id, 1);
    world.wait_for_state(&id, ProviderState::Running);
    let before = world.look();
    reboot(&world, &id, PATIENT);
    let second = nth_start(&world, &id, 2);
    world.wait_for_state(&id, ProviderState::Running);
    assert!(!lives(first) && lives(second));
    assert_eq!(world.look(), before);
    reboot(&world, &id, PATIENT);
    nth_start(&world, &id, 3);
    world.remove(&id);
    assert!(!lives(second));
}

#[test]
fn it_is_in_progress_until_it_is_back_and_asked_again_it_is_one_reboot() {
    let world = World::of(
        "echo $$ >> starts
         trap 'while ! test -e go; do sleep 0.02; done; exit 0' TERM
         touch ready
         while :; do sleep 0.02; done",
    );
    let id = world.create_ready();
    reboot(&world, &id, PATIENT);
    assert_eq!(world.state(&id), Some(ProviderState::InProgress));
    reboot(&world, &id, SHORT);
    assert!(matches!(world.delete(&id), Outcome::Refused(Reason::Busy, _)));
    fs::write(world.file(&id, "root/go"), "").unwrap();
    nth_start(&world, &id, 2);
    world.wait_for_state(&id, ProviderState::Running);
}

#[test]
fn one_that_does_not_listen_is_killed_and_started_again() {
    let world = World::of("trap '' TERM; echo $$ >> starts; touch ready; while :; do sleep 0.02; done");
    let id = world.create_ready();
    let first = nth_start(&world, &id, 1);
    reboot(&world, &id, SHORT);
    nth_start(&world, &id, 2);
    assert!(!lives(first));
}

#[test]
fn a_reboot_outlives_the_daemon_that_began_it() {
    let mut world = World::of("trap '' TERM; echo $$ >> starts; touch ready; while :; do sleep 0.02; done");
    let id = world.create_ready();
    reboot(&world, &id, SHORT);
    world.replace_daemon();
    nth_start(&world, &id, 2);
    world.wait_for_state(&id, ProviderState::Running);
}

#[test]
fn a_stop_overtakes_a_reboot() {
    let world = World::of("trap '' TERM; echo $$ >> starts; touch ready; while :; do sleep 0.02; done");
    let id = world.create_ready();
    reboot(&world, &id, PATIENT);
    world.stop(&id, StopMode::Hard);
    world.wait_for_state(&id, ProviderState::Stopped);
    nth_start(&world, &id, 1);
    assert_eq!(world.delete(&id), Outcome::Accepted);
}

#[test]
fn one_that_cannot_be_started_again_is_stopped_in_the_end() {
    let world = World::of("rm start; touch ready; exec sleep 1000");
    let id = world.create_ready();
    reboot(&world, &id, PATIENT);
    world.wait_for_state(&id, ProviderState::Stopped);
    assert!(fs::read_to_string(world.file(&id, "log")).unwrap().contains("cannot start \"./start\""));

    let id = world.create_with(json!({ "command": ["sleep", "1000"] }));
    world.wait_for_state(&id, ProviderState::Running);
    // Not even the guard gets that far.
    fs::remove_dir_all(world.file(&id, "root")).unwrap();
    reboot(&world, &id, PATIENT);
    world.wait_for_state(&id, ProviderState::Stopped);
    let again = world.execute(Op::Reboot { provider_id: id.clone(), timeout: SHORT });
    assert!(matches!(again, Outcome::Refused(Reason::Busy, _)), "{again:?}");
    world.remove(&id);
}
