//! The store: how long it takes to restore a ledger from SQLite, and to make a batch durable.

use std::path::Path;
use std::sync::Arc;

use dynservers_core::{Batch, Change, FleetRecord, Ledger, OwnerId, Reconciler, Seq, Store as _};
use dynservers_store::Sqlite;
use dynservers_tests::{Figure, Unit};

use crate::fleet::{Fleet, fleet_name};
use crate::rounds::{Scale, least, timed};

/// Opens a ledger in a directory of its own.
pub(crate) fn open(directory: &Path) -> Sqlite {
    Sqlite::open(&directory.join("fleet.db"), &fleet_name()).expect("a new ledger can be begun")
}

/// Measures both: nothing was promised of either, and both tell what a restart and a write cost.
pub(crate) fn measure(scale: &Scale) -> Vec<Figure> {
    let restores = scale.ledgers.iter().map(|size| {
        Figure::new("store: restore of a ledger", restore(*size, scale), Unit::Seconds).at(u64::from(*size))
    });
    let appends = scale.batches.iter().map(|size| {
        Figure::new("store: append, durable", append(*size, scale), Unit::Seconds).at(u64::from(*size))
    });
    restores.chain(appends).collect()
}

fn restore(size: u32, scale: &Scale) -> f64 {
    let directory = tempfile::tempdir().expect("there is a place for temporary files");
    let mut store = open(directory.path());
    let machine = Fleet::running(size).into_machine();
    store.append(&batch(1, changes(&machine, store.owner()))).expect("a batch can be written");
    drop(machine);
    let took = least(scale.rounds, || {
        let (took, ledger) = timed(|| Ledger::restore(store.load().expect("it was just written")));
        assert_eq!(ledger.servers().count(), size as usize, "all of it is read");
        took
    });
    took.as_secs_f64()
}

fn append(size: u32, scale: &Scale) -> f64 {
    let directory = tempfile::tempdir().expect("there is a place for temporary files");
    let mut store = open(directory.path());
    let changes = changes(&Fleet::running(size).into_machine(), store.owner());
    let mut seq = 0;
    // The first one of a table is not like the others, and a single one is soon over.
    let rounds = scale.rounds * if size < 1_000 { 20 } else { 1 };
    let took = least(rounds + 1, || {
        seq += 1;
        let batch = batch(seq, changes.clone());
        timed(|| store.append(&batch).expect("a batch can be written")).0
    });
    took.as_secs_f64()
}

fn batch(seq: u64, changes: Vec<Change>) -> Batch {
    Batch { seq: Seq(seq), at: dynservers_core::Time::from_millis(seq), must_sync: true, changes }
}

/// Gives all that a machine knows, as if nothing of it had ever been written.
fn changes(machine: &Reconciler, owner: &OwnerId) -> Vec<Change> {
    let ledger = machine.ledger();
    let fleet = FleetRecord { owner: owner.clone(), ..ledger.fleet().clone() };
    let spec = crate::fleet::spec();
    let servers = ledger.servers().cloned().map(Arc::new).map(Change::Server);
    [Change::Fleet(Arc::new(fleet)), Change::Spec(spec)].into_iter().chain(servers).collect()
}
