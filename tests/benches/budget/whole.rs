//! The whole loop: servers up, durable, over HTTP, beside its floor: each part of that very run, done again alone.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dynservers_core::{
    Batch, Change, Config, FleetRecord, Ledger, NoAsker, Prepared, Reconciler, Store as _, Stored, Time,
};
use dynservers_host::{FleetClock, Hands, Host, Parts};
use dynservers_tests::{Budget, Figure, Unit};

use crate::fleet::{config, ensure, provider_name};
use crate::recorder::{Call, Record, Recorder};
use crate::rounds::{Scale, least, timed};
use crate::runtimes::{REQUEST_TIMEOUT, bare_on_tokio, tokio_executor, tokio_runtime};
use crate::server::Server;
use crate::{store, upcloud};

const SEED: u64 = 7;

/// Looks come this often while something is under way; and so the last server waits for half as long on average.
const POLL: Duration = Duration::from_millis(500);

/// Measures the run and its floor.
pub(crate) fn measure(scale: &Scale) -> Vec<Figure> {
    let count = scale.whole;
    let rounds = scale.rounds.min(3);
    let mut runs: Vec<Run> = (0..rounds).map(|_| Run::begin(count)).collect();
    runs.sort_by_key(|run| run.took);
    let run = runs.swap_remove(0);
    let decision = least(rounds, || run.decide(count)).as_secs_f64();
    let writes = least(rounds, || run.write()).as_secs_f64();
    let calls = least(rounds, || run.call()).as_secs_f64();
    let (whole, floor) = (run.took.as_secs_f64(), decision + writes + calls);
    let of =
        |what: &str, value, unit| Figure::new(format!("whole: {what}"), value, unit).at(u64::from(count));
    let (servers, commits) = (f64::from(count), run.record.batches.len() as f64);
    vec![
        of("decision alone", decision, Unit::Seconds),
        of("writes alone", writes, Unit::Seconds),
        of("calls alone", calls, Unit::Seconds),
        of("all servers up", whole, Unit::Seconds),
        of("against the floor of its parts", whole / floor, Unit::Times).within(Budget::AtMost(2.0)),
        of("commits a server", commits / servers, Unit::Count).within(Budget::AtMost(1.0)),
        of("calls a server", run.record.effects.len() as f64 / servers, Unit::Count),
    ]
}

fn settings(count: u32) -> Config {
    let mut config = config(count);
    config.timing.poll_interval = POLL;
    let provider = config.providers.get_mut(&provider_name()).expect("it is configured");
    provider.request_timeout = REQUEST_TIMEOUT;
    config
}

/// One run of the whole loop on tokio.
struct Run {
    took: Duration,
    /// The ledger before it, and the moment at which it began.
    stored: Stored,
    start: Time,
    record: Record,
}

impl Run {
    fn begin(count: u32) -> Self {
        let directory = tempfile::tempdir().expect("there is a place for temporary files");
        let mut store = store::open(directory.path());
        let stored = store.load().expect("it was just begun");
        let server = Server::start();
        let runtime = tokio_runtime();
        let clock = FleetClock::new();
        let executor = tokio_executor(&upcloud::provider(Some(&server.url())), clock.clone());
        let (start, record) = (clock.now(), Arc::new(Mutex::new(Record::default())));
        let machine = Reconciler::new(settings(count), Ledger::restore(stored.clone()), SEED, start);
        let (done, is_done) = channel();
        let machine = Recorder::new(machine, count, Arc::clone(&record), done);
        let spec = upcloud::spec();
        let parts = Parts {
            config: settings(count),
            executors: BTreeMap::from([(provider_name(), Hands::Async(Arc::new(executor)))]),
            prepare: Arc::new(move |_, name| Ok(Prepared { name: name.to_owned(), spec: Arc::clone(&spec) })),
            asker: Arc::new(NoAsker),
            counter: None,
        };
        let host = Host { parts, store: Box::new(store), clock, seed: SEED, max_events: 1024 };
        let (handle, driver) = host.around(machine);
        let running = runtime.spawn(dynservers_tokio::carry(driver));
        let begun = std::time::Instant::now();
        runtime.block_on(handle.command(ensure(count))).expect("it runs").expect("the type is known");
        let took = is_done.recv().expect("it is told").duration_since(begun);
        runtime.block_on(handle.shutdown());
        runtime.block_on(running).expect("it does not panic").expect("the ledger can be written");
        let record = std::mem::take(&mut *record.lock().expect("nobody panics"));
        Self { took, stored, start, record }
    }

    /// Makes the same decisions of the same news.
    fn decide(&self, count: u32) -> Duration {
        let ledger = Ledger::restore(self.stored.clone());
        let mut machine = Reconciler::new(settings(count), ledger, SEED, self.start);
        let calls = self.record.calls.clone();
        let (took, ()) = timed(|| {
            for call in calls {
                match call {
                    Call::Input(input, now) => machine.handle_input(*input, now),
                    Call::Timeout(now) => machine.handle_timeout(now),
                    Call::Poll => drop(black_box(machine.poll_output())),
                }
            }
        });
        took
    }

    /// Writes the same batches to another ledger.
    fn write(&self) -> Duration {
        let directory = tempfile::tempdir().expect("there is a place for temporary files");
        let mut store = store::open(directory.path());
        let owner = store.owner().clone();
        let given = |change: &Change| match change {
            Change::Fleet(fleet) => {
                Change::Fleet(Arc::new(FleetRecord { owner: owner.clone(), ..(**fleet).clone() }))
            }
            other => other.clone(),
        };
        let again =
            |batch: &Batch| Batch { changes: batch.changes.iter().map(given).collect(), ..batch.clone() };
        let batches: Vec<Batch> = self.record.batches.iter().map(again).collect();
        let (took, ()) = timed(|| {
            for batch in &batches {
                store.append(batch).expect("a batch can be written");
            }
        });
        took
    }

    /// Asks another cloud for the same, as many at a time and by the same client.
    fn call(&self) -> Duration {
        let server = Server::start();
        let runtime = tokio_runtime();
        // It begins as that run did, so that nothing is too late.
        let clock = FleetClock::starting_at(self.start);
        let executor = tokio_executor(&upcloud::provider(Some(&server.url())), clock);
        bare_on_tokio(&runtime, &executor, self.record.effects.clone())
    }
}
