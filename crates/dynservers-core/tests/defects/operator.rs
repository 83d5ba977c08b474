//! What an operator sees and says, as far as the machine is concerned: row 22.

use dynservers_core::{Action, ServerRecord, Status, TypeName};
use serde_json::json;

use crate::world::{Disk, World, config, type_name};

#[test]
fn defect_22_what_is_provisioned_is_counted_by_type() {
    let other = TypeName::new("other").unwrap();
    let mut config = config();
    config.server_types.insert(other.clone(), config.server_types[&type_name()].clone());
    let mut world = World::with(config, Disk::new(1));
    world.run_seconds(5);
    world.most_wanted = 5;
    world.ensure(2);
    world.command(Action::Ensure { server_type: other.clone(), count: 3 }).unwrap();
    for seconds in [1, 60] {
        world.run_seconds(seconds);
        let types = world.machine.view(world.now).types;
        assert_eq!((types[&type_name()].provisioned, types[&other].provisioned), (2, 3), "{seconds}");
    }
    let types = world.machine.view(world.now).types;
    assert_eq!(
        (types[&type_name()].counts[&Status::Running], types[&other].counts[&Status::Running]),
        (2, 3)
    );
}

#[test]
fn defect_22_what_a_server_was_made_from_is_never_overwritten() {
    let mut world = World::running(config(), 2);
    let specs = |world: &World| -> Vec<_> {
        world.machine.ledger().servers().map(|record| (record.id, record.spec.unwrap())).collect()
    };
    let before = specs(&world);
    world.plan = "large";
    world.ensure(3);
    world.run_seconds(60);
    world.command(Action::Reboot { server_type: type_name(), at_a_time: None }).unwrap();
    world.run_seconds(200);
    world.crash();
    world.run_seconds(60);
    let after = specs(&world);
    assert_eq!(after[..2], before);
    assert_ne!(after[2].1, before[0].1);
    let bodies: Vec<_> = world.disk.stored.specs.iter().map(|spec| spec.body()["plan"].clone()).collect();
    assert_eq!(bodies, ["small", "large"], "both are kept as they were");
}

/// Meta is added to the record as it is by then, and not to a copy from before: what happened meanwhile is not undone.
#[test]
fn defect_22_meta_changes_nothing_else_of_its_server() {
    let mut world = World::running(config(), 1);
    world.ensure(2);
    let servers =
        |world: &World| -> Vec<ServerRecord> { world.machine.ledger().servers().cloned().collect() };
    let mut was_starting = false;
    for number in 0..60 {
        let before = servers(&world);
        let server = before[1].id;
        was_starting |= before[1].status == Status::Starting;
        world.command(Action::AddMeta { server, key: "number".to_owned(), value: json!(number) }).unwrap();
        let mut after = servers(&world);
        assert_eq!(after[1].meta["number"], json!(number));
        after[1].meta.clone_from(&before[1].meta);
        assert_eq!(after, before);
        world.run_seconds(1);
    }
    assert!(was_starting && world.count(Status::Running) == 2, "it came up meanwhile");
}
