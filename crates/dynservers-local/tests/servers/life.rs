//! The life of a server, and all that can be asked about it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use dynservers_core::{
    Network, Op, Outcome, ProviderId, ProviderState, Reason, ServerId, StopMode, Time, Token,
};
use serde_json::json;

use crate::support::{PATIENT, World, create, draw_token, execute_until, lives, open, wait_for};

#[test]
fn a_server_is_made_seen_stopped_and_gone() {
    let world = World::of("echo $$ > pid; exec sleep 1000");
    fs::write(world.snapshot().join("data"), "from the snapshot").unwrap();
    let id = world.create();
    world.wait_for_state(&id, ProviderState::Running);
    let servers = world.look();
    let [seen] = servers.as_slice() else { panic!("{servers:?}") };
    assert_eq!((seen.name.as_str(), seen.labels.server), ("worker-12", Some(ServerId(12))));
    assert_eq!(seen.labels.token.unwrap().to_string(), id.as_str());
    assert_eq!(
        (seen.addresses[0].network, seen.addresses[0].address.as_str()),
        (Network::Private, "127.0.0.1")
    );
    assert_eq!(world.execute(Op::Inspect(id.clone())), Outcome::Inspected(seen.clone()));
    let Outcome::Page(page) = world.execute(Op::Find(seen.labels.token.unwrap())) else { panic!() };
    assert_eq!(page.servers, servers);
    let Outcome::Account(account) = world.execute(Op::Account) else { panic!() };
    assert_eq!((account.total, account.limit), (Some(1), None));
    assert_eq!(fs::read_to_string(world.file(&id, "root/data")).unwrap(), "from the snapshot");

    let pid = world.pid(&id, "root/pid");
    assert!(lives(pid));
    assert!(matches!(world.delete(&id), Outcome::Refused(Reason::Busy, _)), "it runs");
    world.stop(&id, PATIENT);
    world.wait_for_state(&id, ProviderState::Stopped);
    assert!(!lives(pid));
    world.stop(&id, StopMode::Hard);
    assert_eq!(world.delete(&id), Outcome::Accepted);
    assert_eq!(world.look(), []);
    assert_eq!(fs::read_dir(world.servers()).unwrap().count(), 0);
    assert!(matches!(world.execute(Op::Inspect(id.clone())), Outcome::Absent(_)));
    assert!(matches!(world.delete(&id), Outcome::Absent(_)));
    assert!(matches!(world.execute(Op::Stop { provider_id: id, mode: PATIENT }), Outcome::Absent(_)));
}

#[test]
fn another_daemon_finds_it_again_and_it_noticed_nothing() {
    let mut world = World::of("echo $$ > pid; exec sleep 1000");
    let id = world.create();
    let pid = world.pid(&id, "root/pid");
    world.wait_for_state(&id, ProviderState::Running);
    let before = (world.look(), world.execute(Op::Check));
    world.replace_daemon();
    assert_eq!((world.look(), world.execute(Op::Check)), before);
    assert!(lives(pid));
    world.remove(&id);
    assert!(!lives(pid));
}

#[test]
fn one_token_makes_one_server() {
    let world = World::of("exec sleep 1000");
    let token = draw_token();
    let op = create("workers", token, &world.spec(json!({})));
    assert!(matches!(world.execute(op.clone()), Outcome::Created(_)));
    assert!(matches!(world.execute(op), Outcome::Exists(_)));
    assert_eq!(world.look().len(), 1);
}

#[test]
fn what_is_late_is_not_begun() {
    let world = World::of("exec sleep 1000");
    let token = draw_token();
    let op = create("workers", token, &world.spec(json!({})));
    let outcome = execute_until(world.local(), op, Time::from_millis(999));
    assert!(matches!(outcome, Outcome::Unsent(_)), "{outcome:?}");
    assert_eq!(fs::read_dir(world.servers()).unwrap().count(), 0);
}

#[test]
fn a_wrong_specification_is_refused_with_what_is_wrong_and_leaves_nothing() {
    let world = World::of("exec sleep 1000");
    fs::write(world.directory.path().join("file"), "").unwrap();
    fs::create_dir(world.directory.path().join("pipes")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(world.directory.path().join("pipes/p")).status();
    assert!(made.unwrap().success());
    let at = |name: &str| world.directory.path().join(name);
    for (spec, words) in [
        (json!({ "snapshot": at("missing") }), "missing is no directory that can be read"),
        (json!({ "snapshot": at("file") }), "file is no directory that can be read"),
        (json!({ "snapshot": at("pipes") }), "pipes/p is a pipe"),
        (json!({ "snapshot": world.directory.path() }), "contains the provider's own directory"),
        (json!({ "snapshot": "relative" }), "snapshot: must be an absolute path"),
        (json!({ "snapshot": at("snapshot"), "plan": "x" }), "unknown field `plan`"),
        (json!({ "snapshot": at("snapshot"), "env": { "A": { "env": "NOT_SET_ANYWHERE" } } }), "is not set"),
        (json!("text"), "the specification is not one for this machine"),
    ] {
        let token = draw_token();
        let outcome = world.execute(create("workers", token, &spec));
        let Outcome::Refused(Reason::Invalid, failure) = outcome else { panic!("{outcome:?}") };
        assert!(failure.message.contains(words), "{failure}");
        assert_eq!(fs::read_dir(world.servers()).unwrap().count(), 0, "{words}");
    }
    world.create();
}

#[test]
fn a_program_that_cannot_be_started_says_so_in_the_log_and_the_server_is_stopped() {
    let world = World::new();
    let id = world.create_with(json!({ "command": ["./missing"] }));
    world.wait_for_state(&id, ProviderState::Stopped);
    let log = fs::read_to_string(world.file(&id, "log")).unwrap();
    assert!(log.contains("cannot start \"./missing\"") && log.contains("No such file"), "{log}");
    world.remove(&id);
}

#[test]
fn what_a_removed_server_said_is_kept() {
    let world = World::of("echo no queue in sight; exit 3");
    let id = world.create();
    world.wait_for_state(&id, ProviderState::Stopped);
    let log = world.file(&id, "log");
    wait_for("a last line", || fs::read_to_string(&log).unwrap().contains("exited with 3"));
    world.remove(&id);
    let ended = world.home().join("ended");
    let kept: Vec<_> = fs::read_dir(&ended).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [kept] = &kept[..] else { panic!("{kept:?}") };
    let text = fs::read_to_string(kept).unwrap();
    assert!(text.contains("no queue in sight\n") && text.contains("exited with 3"), "{text}");
    let mode =
        |path| std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions()) & 0o777;
    assert_eq!((mode(&ended), mode(kept)), (0o700, 0o600));
}

#[test]
fn how_it_ended_stands_in_the_log() {
    let world = World::of("echo working; exit 3");
    let id = world.create();
    let log = world.file(&id, "log");
    wait_for("a last line", || fs::read_to_string(&log).unwrap().contains("[dynservers] exited with 3"));
    assert!(fs::read_to_string(&log).unwrap().contains("working\n"));
    world.wait_for_state(&id, ProviderState::Stopped);
}

#[test]
fn what_is_no_id_of_ours_is_refused_and_never_absent() {
    let world = World::new();
    for id in ["../../etc", "x", &"A".repeat(32), &"0".repeat(33)] {
        let id = ProviderId::new(id).unwrap();
        for op in [
            Op::Inspect(id.clone()),
            Op::Stop { provider_id: id.clone(), mode: StopMode::Hard },
            Op::Delete { provider_id: id.clone(), seen: None },
        ] {
            let outcome = world.execute(op);
            assert!(matches!(outcome, Outcome::Refused(Reason::Invalid, _)), "{outcome:?}");
        }
    }
}

#[test]
fn a_directory_that_is_gone_or_another_is_no_proof_that_servers_are() {
    let world = World::new();
    let id = ProviderId::new("0".repeat(32)).unwrap();
    assert!(matches!(world.execute(Op::Inspect(id.clone())), Outcome::Absent(_)));
    let away = world.directory.path().join("away");
    fs::rename(world.home(), &away).unwrap();
    for op in [Op::Look, Op::Account, Op::Find(Token(0)), Op::Inspect(id)] {
        let outcome = world.execute(op);
        assert!(matches!(outcome, Outcome::Denied(_)), "{outcome:?}");
    }
    let other = open(&world.home(), "workers");
    assert!(matches!(world.execute(Op::Look), Outcome::Denied(_)), "another directory in its place");
    drop(other);
    fs::remove_dir_all(world.home()).unwrap();
    fs::rename(&away, world.home()).unwrap();
    assert_eq!(world.look(), []);
}

#[test]
fn two_fleets_share_a_directory_and_leave_each_other_alone() {
    let world = World::of("exec sleep 1000");
    let others = open(&world.home(), "others");
    let token = draw_token();
    let op = create("others", token, &world.spec(json!({})));
    let Outcome::Created(theirs) = crate::support::execute(&others, op) else { panic!() };
    let theirs = theirs.provider_id;
    let ours = world.create();
    let ids = |servers: Vec<dynservers_core::Observed>| {
        servers.into_iter().map(|server| server.provider_id).collect::<Vec<_>>()
    };
    assert_eq!(ids(world.look()), [ours]);
    assert_eq!(ids(crate::support::look(&others)), std::slice::from_ref(&theirs));
    let Outcome::Account(account) = world.execute(Op::Account) else { panic!() };
    assert_eq!(account.total, Some(2));
    for op in [
        Op::Stop { provider_id: theirs.clone(), mode: StopMode::Hard },
        Op::Reboot { provider_id: theirs.clone(), timeout: std::time::Duration::ZERO },
        Op::Delete { provider_id: theirs.clone(), seen: None },
    ] {
        let Outcome::Refused(Reason::Invalid, failure) = world.execute(op) else { panic!() };
        assert!(failure.message.contains("left alone"), "{failure}");
    }
    let Outcome::Page(page) = world.execute(Op::Find(token)) else { panic!() };
    assert_eq!(page.servers, []);
    wait_for("theirs", || crate::support::look(&others)[0].state == ProviderState::Running);
    crate::support::remove(&others, &theirs);
}

#[test]
fn nobody_else_may_read_what_a_server_has() {
    let world = World::of("exec sleep 1000");
    let id = world.create();
    let mode = |path: std::path::PathBuf| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!((mode(world.home()), mode(world.servers()), mode(world.file(&id, ""))), (0o700, 0o700, 0o700));
    for file in ["intent.json", "lock", "log"] {
        assert_eq!(mode(world.file(&id, file)), 0o600, "{file}");
    }
}
