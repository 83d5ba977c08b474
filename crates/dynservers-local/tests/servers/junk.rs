//! Junk: what others put into the directory is left alone, and what is broken breaks nothing.

use std::fs;
use std::fs::File;

use dynservers_core::{Op, Outcome, ProviderState, Reason, StopMode, Token};
use proptest::prelude::*;
use rustix::fs::{FlockOperation, flock};

use crate::support::World;

#[test]
fn what_is_not_ours_is_left_alone_and_reported_nowhere() {
    let world = World::new();
    let servers = world.servers();
    let (file, empty) = ("a".repeat(32), "b".repeat(32));
    fs::write(servers.join("notes.txt"), "").unwrap();
    fs::write(servers.join(&file), "").unwrap();
    for directory in ["backup", ".new-x", ".gone-", &empty] {
        fs::create_dir(servers.join(directory)).unwrap();
    }
    std::os::unix::fs::symlink("/", servers.join("c".repeat(32))).unwrap();
    assert_eq!(world.look(), []);
    assert_eq!(world.look(), []);
    assert_eq!(fs::read_dir(&servers).unwrap().count(), 7);
    for name in [&empty, &file, &"c".repeat(32)] {
        let id = dynservers_core::ProviderId::new(name.as_str()).unwrap();
        for op in [
            Op::Stop { provider_id: id.clone(), mode: StopMode::Hard },
            Op::Delete { provider_id: id.clone(), seen: None },
        ] {
            let outcome = world.execute(op);
            assert!(matches!(outcome, Outcome::Refused(Reason::Invalid, _)), "{outcome:?}");
        }
    }
    let Outcome::Inspected(seen) =
        world.execute(Op::Inspect(dynservers_core::ProviderId::new(empty.as_str()).unwrap()))
    else {
        panic!()
    };
    assert_eq!((seen.labels.fleet, seen.state), (None, ProviderState::Unknown));
}

#[test]
fn leftovers_are_swept_once_nobody_works_on_them() {
    let world = World::new();
    let leftover = |prefix: &str, digit: u8| {
        let name = format!("{prefix}{}-{}", Token(u128::from(digit)), digit.to_string().repeat(16));
        let path = world.servers().join(name);
        fs::create_dir_all(path.join("root/deep")).unwrap();
        path
    };
    let (bare, free, held) = (leftover(".new-", 1), leftover(".gone-", 2), leftover(".new-", 3));
    fs::write(free.join("lock"), "").unwrap();
    let lock = File::create(held.join("lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    assert_eq!(world.look(), []);
    assert!(!bare.exists() && !free.exists() && held.exists());
    let gate = File::open(world.home().join("creating.lock")).unwrap();
    flock(&gate, FlockOperation::LockShared).unwrap();
    drop(lock);
    world.look();
    assert!(held.exists(), "somebody is about to lock what it made");
    drop(gate);
    world.look();
    assert!(!held.exists());
}

#[test]
fn what_was_begun_and_never_started_is_taken_back() {
    let world = World::new();
    world.script("exec sleep 1000");
    let whole = world.create();
    let unborn = |digit: u128| {
        let path = world.servers().join(Token(digit).to_string());
        fs::create_dir_all(path.join("root/half")).unwrap();
        let intent = fs::read_to_string(world.file(&whole, "intent.json")).unwrap();
        let intent = intent.replace(whole.as_str(), &Token(digit).to_string());
        fs::write(path.join("intent.json"), intent).unwrap();
        fs::write(path.join("lock"), "").unwrap();
        path
    };
    // Somebody makes this one.
    let held = unborn(2);
    let lock = File::open(held.join("lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    // Somebody said something of that one.
    let wished = unborn(3);
    fs::write(wished.join("wish.json"), "").unwrap();
    let (first, second) = (unborn(1), unborn(4));
    let found = world.execute(Op::Find(Token(1)));
    assert!(matches!(&found, Outcome::Page(page) if page.servers.is_empty()), "{found:?}");
    assert!(!first.exists());
    let seen = world.look();
    assert!(!second.exists() && held.exists() && wished.exists());
    assert_eq!(seen.len(), 3);
    drop(lock);
    assert_eq!(world.look().len(), 2);
    world.remove(&whole);
}

#[test]
fn what_a_worker_puts_in_place_of_its_logs_is_neither_written_through_nor_waited_for() {
    let world = World::new();
    let diary = world.directory.path().join("diary");
    fs::write(&diary, "dear diary").unwrap();
    let link = format!("ln -sf {} ../log", diary.display());
    for puts in [link.as_str(), "rm ../log; mkfifo ../log", "mkdir -p ../log.old/deep"] {
        world.script(&format!("{puts}; touch put; exit 0"));
        let id = world.create();
        world.wait_for_file(&id, "root/put");
        world.wait_for_state(&id, ProviderState::Stopped);
        world.remove(&id);
        assert_eq!(fs::read_to_string(&diary).unwrap(), "dear diary", "{puts}");
    }
}

#[test]
fn broken_files_break_nothing() {
    let world = World::of("exit 0");
    let id = world.create();
    world.wait_for_state(&id, ProviderState::Stopped);
    let token = id.as_str().parse().unwrap();
    let whole: Vec<_> = ["intent.json", "process.json"]
        .map(|name| (name, fs::read(world.file(&id, name)).unwrap()))
        .into_iter()
        .chain([("wish.json", Vec::new())])
        .collect();
    let config = ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() };
    let cuts = (0..whole.len(), any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 0..64));
    proptest!(config, |((which, cut, bytes) in cuts)| {
        let (name, content) = &whole[which];
        let path = world.file(&id, name);
        // Noise alone, or after a beginning that is right.
        let kept = if content.is_empty() { 0 } else { cut.index(content.len()) };
        fs::write(&path, [&content[..kept], &bytes].concat()).unwrap();
        let seen = world.look();
        prop_assert!(*name != "intent.json" || seen.is_empty());
        prop_assert!(*name == "intent.json" || seen[0].state == ProviderState::Stopped);
        for op in [
            Op::Find(token),
            Op::Inspect(id.clone()),
            Op::Account,
            Op::Stop { provider_id: id.clone(), mode: StopMode::Hard },
            Op::Reboot { provider_id: id.clone(), timeout: std::time::Duration::ZERO },
        ] {
            let outcome = world.execute(op);
            prop_assert!(!matches!(outcome, Outcome::Absent(_)), "{:?}", outcome);
        }
        if *name == "intent.json" {
            prop_assert!(matches!(world.execute(Op::Find(token)), Outcome::Lost(_)));
            prop_assert!(matches!(world.delete(&id), Outcome::Refused(Reason::Invalid, _)));
        }
        fs::write(&path, content).unwrap();
    });
    world.remove(&id);
}
