//! Stops: workers that listen, workers that do not, and those that spread.

use std::fs;
use std::time::Duration;

use dynservers_core::{Op, Outcome, ProviderState, Reason, StopMode};

use crate::support::{PATIENT, World, lives, wait_for};

const SHORT: StopMode = StopMode::Soft { timeout: Duration::from_millis(300) };

#[test]
fn a_worker_that_listens_finishes_what_it_does() {
    let world = World::of(
        "trap 'echo finished > bye; exit 0' TERM
         touch ready
         while :; do sleep 0.02; done",
    );
    let id = world.create_ready();
    world.stop(&id, PATIENT);
    world.wait_for_state(&id, ProviderState::Stopped);
    assert_eq!(fs::read_to_string(world.file(&id, "root/bye")).unwrap(), "finished\n");
}

#[test]
fn a_worker_that_does_not_listen_is_killed_after_the_timeout() {
    let world = World::of("trap '' TERM; echo $$ > pid; touch ready; while :; do sleep 0.02; done");
    let id = world.create_ready();
    let pid = world.pid(&id, "root/pid");
    world.stop(&id, SHORT);
    wait_for("its end without a look", || !lives(pid));
    let log = world.file(&id, "log");
    wait_for("its end in the log", || fs::read_to_string(&log).unwrap().contains("killed by signal 9"));
    world.wait_for_state(&id, ProviderState::Stopped);
}

#[test]
fn a_hard_stop_asks_nobody() {
    let world = World::of("trap 'touch asked' TERM; echo $$ > pid; touch ready; while :; do sleep 1; done");
    let id = world.create_ready();
    let pid = world.pid(&id, "root/pid");
    world.stop(&id, StopMode::Hard);
    world.wait_for_state(&id, ProviderState::Stopped);
    assert!(!lives(pid) && !world.file(&id, "root/asked").exists());
}

#[test]
fn a_promise_to_kill_outlives_the_daemon_that_gave_it() {
    let mut world = World::of("trap '' TERM; echo $$ > pid; touch ready; while :; do sleep 0.02; done");
    let id = world.create_ready();
    let pid = world.pid(&id, "root/pid");
    world.stop(&id, SHORT);
    world.local = None;
    assert!(fs::read_to_string(world.file(&id, "wish.json")).unwrap().contains("stop"));
    world.replace_daemon();
    wait_for("its end", || !lives(pid));
    world.wait_for_state(&id, ProviderState::Stopped);
}

#[test]
fn asked_twice_it_is_told_once_and_gets_no_more_time() {
    let mut world = World::of(
        "trap 'echo told >> told' TERM
         touch ready
         while :; do sleep 0.02; done",
    );
    let id = world.create_ready();
    world.stop(&id, PATIENT);
    world.wait_for_file(&id, "root/told");
    let wish = fs::read_to_string(world.file(&id, "wish.json")).unwrap();
    world.stop(&id, StopMode::Soft { timeout: Duration::from_secs(6000) });
    world.replace_daemon();
    world.stop(&id, PATIENT);
    assert_eq!(fs::read_to_string(world.file(&id, "wish.json")).unwrap(), wish);
    assert_eq!(world.state(&id), Some(ProviderState::Running));
    world.stop(&id, StopMode::Hard);
    world.wait_for_state(&id, ProviderState::Stopped);
    assert_eq!(fs::read_to_string(world.file(&id, "root/told")).unwrap(), "told\n");
}

#[test]
fn children_go_with_their_worker() {
    let world = World::of(
        "for n in 1 2 3; do (trap '' TERM; sh -c 'echo $$' > child-$n; sleep 1000) & done
         (exec sleep 1000) & echo $! > sleeper
         touch ready
         wait",
    );
    let id = world.create_ready();
    let sleeper = world.pid(&id, "root/sleeper");
    for n in 1..=3 {
        world.wait_for_file(&id, &format!("root/child-{n}"));
    }
    world.stop(&id, SHORT);
    world.wait_for_state(&id, ProviderState::Stopped);
    assert!(!lives(sleeper));
    assert_eq!(world.delete(&id), Outcome::Accepted);
}

#[cfg(target_os = "linux")]
#[test]
fn a_child_that_left_for_a_session_of_its_own_is_found() {
    let world = World::of(
        "setsid sh -c 'echo $$ > far; trap \"\" TERM; while :; do sleep 0.02; done' &
         while ! test -s far; do sleep 0.01; done",
    );
    let id = world.create();
    let far = world.pid(&id, "root/far");
    let log = world.file(&id, "log");
    wait_for("the end of the first process", || fs::read_to_string(&log).unwrap().contains("exited with 0"));
    assert_eq!(world.state(&id), Some(ProviderState::Running), "a process of it lives");
    assert!(matches!(world.delete(&id), Outcome::Refused(Reason::Busy, _)));
    world.stop(&id, SHORT);
    world.wait_for_state(&id, ProviderState::Stopped);
    assert!(!lives(far));
}

#[cfg(target_os = "linux")]
#[test]
fn a_worker_that_closes_what_it_inherited_still_counts() {
    let world = World::of(
        "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
         echo $$ > pid
         exec sleep 1000",
    );
    let id = world.create();
    let pid = world.pid(&id, "root/pid");
    assert_eq!(world.state(&id), Some(ProviderState::Running));
    assert!(matches!(world.delete(&id), Outcome::Refused(Reason::Busy, _)));
    world.stop(&id, PATIENT);
    world.wait_for_state(&id, ProviderState::Stopped);
    assert!(!lives(pid));
}

#[test]
fn a_stop_before_the_program_runs_is_a_stop() {
    let world = World::of("exec sleep 1000");
    for _ in 0..5 {
        let id = world.create();
        world.stop(&id, PATIENT);
        world.wait_for_state(&id, ProviderState::Stopped);
        let reboot = world.execute(Op::Reboot { provider_id: id.clone(), timeout: Duration::ZERO });
        assert!(matches!(reboot, Outcome::Refused(Reason::Busy, _)), "{reboot:?}");
        assert_eq!(world.delete(&id), Outcome::Accepted);
    }
}
