//! What only a host of its own needs: values kept with servers, and a count that cannot be determined.

use dynservers_core::{
    Action, Done, EventKind, Input, META_BYTES_MOST, META_ENTRIES_MOST, Refusal, ServerId,
};
use serde_json::{Value, json};

use crate::world::{World, config};

fn add(world: &mut World, server: ServerId, key: &str, value: Value) -> Result<Done, Refusal> {
    world.command(Action::AddMeta { server, key: key.to_owned(), value })
}

fn meta(world: &World, server: ServerId) -> Value {
    let record = world.machine.ledger().server(server).unwrap();
    serde_json::to_value(&record.meta).unwrap()
}

#[test]
fn what_is_kept_with_a_server_outlives_a_crash_and_can_be_taken_away() {
    let mut world = World::running(config(), 1);
    let server = ServerId(1);
    let done = Done::MetaAdded { server, key: "job".to_owned() };
    assert_eq!(add(&mut world, server, "job", json!({"id": 7})), Ok(done));
    add(&mut world, server, "note", json!("x")).unwrap();
    world.crash();
    world.run_seconds(60);
    assert_eq!(meta(&world, server), json!({"job": {"id": 7}, "note": "x"}));
    add(&mut world, server, "note", Value::Null).unwrap();
    assert_eq!(meta(&world, server), json!({"job": {"id": 7}}));
    assert_eq!(
        add(&mut world, ServerId(9), "job", json!(1)),
        Err(Refusal::UnknownServer { server: ServerId(9) })
    );
    world.converge(1);
}

#[test]
fn what_is_kept_with_a_server_is_bounded_and_a_refusal_changes_nothing() {
    let mut world = World::running(config(), 1);
    let server = ServerId(1);
    let too_large = Err(Refusal::MetaTooLarge { server });
    // A key of four and two quotes leave so much for the value.
    let most = "x".repeat(META_BYTES_MOST - 6);
    assert_eq!(add(&mut world, server, "most", json!(most.clone() + "x")), too_large);
    add(&mut world, server, "most", json!(most)).unwrap();
    assert_eq!(add(&mut world, server, "a", json!(1)), too_large);
    add(&mut world, server, "most", Value::Null).unwrap();
    for number in 0..META_ENTRIES_MOST {
        add(&mut world, server, &number.to_string(), json!(number)).unwrap();
    }
    assert_eq!(add(&mut world, server, "one more", json!(1)), too_large);
    add(&mut world, server, "0", json!("another value")).unwrap();
    assert_eq!(meta(&world, server).as_object().unwrap().len(), META_ENTRIES_MOST);
}

#[test]
fn a_count_that_cannot_be_determined_is_told_once_an_episode_and_the_number_stays() {
    let mut world = World::running(config(), 2);
    let unknown = |reason: &str| Input::Counted(Err(reason.to_owned()));
    world.tell(unknown("the queue is down"));
    world.tell(unknown("it is still down"));
    world.run_seconds(60);
    let since = world.machine.view(world.now).count_unknown_since;
    assert!(since.is_some());
    world.crash();
    world.run_seconds(60);
    world.tell(unknown("it is down after a restart"));
    world.run_seconds(60);
    assert_eq!(world.machine.view(world.now).count_unknown_since, since, "an episode outlives a crash");
    assert_eq!((world.events_named("count_unknown"), world.events_named("count_known")), (1, 0));
    assert!(
        world
            .told(|kind| matches!(kind, EventKind::CountUnknown { reason } if reason == "the queue is down"))
    );
    for _ in 0..2 {
        world.tell(Input::Counted(Ok(())));
    }
    world.run_seconds(60);
    assert_eq!((world.events_named("count_unknown"), world.events_named("count_known")), (1, 1));
    assert_eq!(world.machine.view(world.now).count_unknown_since, None);
    world.converge(2);
}
