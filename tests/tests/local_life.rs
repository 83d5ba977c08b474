//! Servers on this machine, whole: up, past a daemon that is killed, down, and nothing left behind.

use dynservers_tests::{Fleet, eventually, is_alive};

/// Waits until as many workers as given have said who they are, and gives them.
fn workers(fleet: &Fleet, count: usize) -> Vec<i32> {
    eventually(&format!("{count} workers are at work"), || {
        let workers = fleet.workers();
        (workers.len() == count && workers.iter().all(|worker| is_alive(*worker))).then_some(workers)
    })
}

#[test]
fn servers_outlive_the_daemon_and_leave_nothing_behind() {
    let mut fleet = Fleet::local("max = 8");
    fleet.start();
    fleet.reach(3);
    fleet.settles_at(3);
    let begun = workers(&fleet, 3);

    fleet.kill();
    assert!(begun.iter().all(|worker| is_alive(*worker)), "the daemon took a worker with it");
    fleet.start();
    fleet.settles_at(3);
    assert_eq!(workers(&fleet, 3), begun, "the next daemon knows the same servers");

    fleet.must(&["decrease", "1", "--wait", "--timeout", "60s"]);
    fleet.settles_at(2);
    let left = workers(&fleet, 2);
    assert!(left.iter().all(|worker| begun.contains(worker)));
    assert_eq!(begun.iter().filter(|worker| is_alive(**worker)).count(), 2);

    fleet.reach(0);
    fleet.settles_at(0);
    eventually("no directory is left", || fleet.places().is_empty().then_some(()));
    assert!(!begun.iter().any(|worker| is_alive(*worker)), "a process was left");
    assert!(fleet.stop().success());
}

#[test]
fn no_credentials_are_asked_for() {
    let mut fleet = Fleet::local("max = 8");
    let told = fleet.must(&["plan"]);
    assert!(told.contains("Nothing would be done"), "{told}");
    fleet.start();
    assert!(fleet.list().is_empty());
}

#[test]
fn a_worker_that_dies_is_replaced() {
    let mut fleet = Fleet::local("max = 8");
    fleet.start();
    fleet.reach(2);
    let begun = workers(&fleet, 2);
    let victim = rustix::process::Pid::from_raw(begun[0]).expect("a process has an id");
    rustix::process::kill_process_group(victim, rustix::process::Signal::KILL).expect("the worker is ours");
    eventually("another worker is at work", || {
        let workers = fleet.workers();
        let is_whole = workers.len() == 2 && workers.iter().all(|worker| is_alive(*worker));
        (is_whole && !workers.contains(&begun[0])).then_some(())
    });
    fleet.settles_at(2);
    assert!(fleet.workers().contains(&begun[1]), "the other one was left alone");
    fleet.reach(0);
    assert!(fleet.stop().success());
}
