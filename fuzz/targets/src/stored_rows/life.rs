//! The life of a machine on a ledger that nobody may have written.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use dynservers_core::{
    Answer, Batch, Config, Executor as _, Failure, FleetName, Input, Ledger, Output, Prepared,
    ProviderConfig, ProviderName, Reconciler, Seq, Spec, Store as _, StoreError, Time, Timing, TypeConfig,
    TypeName,
};
use dynservers_sim::{Durations, SimulatedCloud};
use dynservers_store::Sqlite;

/// When a machine is made, unless its ledger is ahead of that.
const NOW: Time = Time::from_millis(1_750_000_000_000);
/// How often it may be called again.
const TURNS: usize = 6;
/// How much it may want in all. A ledger can ask for thousands of servers.
const OUTPUTS: usize = 400;
/// The most servers that a type has in these lives, so that each of them is short.
const MOST: u32 = 4;

/// Lets a machine live on a ledger for a while: it may refuse to begin, and its store may refuse to write, but it goes on.
pub(super) fn live(mut store: Sqlite, ledger: Ledger) {
    let config = config();
    if !ledger.contradictions(&config).is_empty() {
        return;
    }
    let mut now = NOW.max(ledger.fleet().time);
    let mut machine = Reconciler::new(config, ledger, 7, now);
    let cloud = SimulatedCloud::new(Durations { create: Duration::from_secs(5), ..Durations::default() });
    let mut left = OUTPUTS;
    for _ in 0..TURNS {
        if !drain(&mut machine, &mut store, &cloud, now, &mut left) {
            return;
        }
        let Some(wakeup) = machine.poll_timeout() else { break };
        now = now.max(wakeup.at);
        machine.handle_timeout(now);
    }
    let written = store.load().expect("what was written can be read");
    let again = Ledger::restore(written);
    let ids = |ledger: &Ledger| ledger.servers().map(|server| server.id).collect::<Vec<_>>();
    assert_eq!(ids(&again), ids(machine.ledger()), "a successor knows the same servers");
}

/// A configuration that an ordinary ledger does not contradict.
fn config() -> Config {
    let provider = ProviderName::new("upcloud").expect("a plain word");
    let server_type = TypeName::new("default").expect("a plain word");
    Config {
        fleet: FleetName::new(super::FLEET).expect("a plain word"),
        timing: Timing::default(),
        providers: BTreeMap::from([(provider.clone(), ProviderConfig::default())]),
        server_types: BTreeMap::from([(server_type, TypeConfig::new(provider, MOST))]),
        retired_types: [TypeName::new("old").expect("a plain word")].into(),
        shadow: false,
    }
}

/// Does all that the machine wants now. Gives whether it may go on.
fn drain(
    machine: &mut Reconciler,
    store: &mut Sqlite,
    cloud: &SimulatedCloud,
    now: Time,
    left: &mut usize,
) -> bool {
    let mut news = VecDeque::new();
    loop {
        while let Some(output) = machine.poll_output() {
            if *left == 0 {
                return false;
            }
            *left -= 1;
            match output {
                Output::Persist(batch) => match persist(store, &batch) {
                    Some(seq) => news.push_back(Input::Persisted(seq)),
                    None => return false,
                },
                Output::Prepare(prepare) => {
                    let spec = Arc::new(Spec::new(serde_json::json!({ "plan": "small" })));
                    let result = Ok(Prepared { name: format!("worker-{}", prepare.server), spec });
                    news.push_back(Input::Prepared { server: prepare.server, result });
                }
                Output::Execute(effect) => {
                    let completion = cloud.executor(move || now).execute(&effect);
                    news.push_back(Input::Completed { effect: effect.id, completion });
                }
                Output::Ask(ask) => {
                    let answer = Answer::Silent(Failure::new("nobody is there"));
                    news.push_back(Input::Answered { server: ask.server, question: ask.question, answer });
                }
                _ => {}
            }
        }
        let Some(input) = news.pop_front() else { return true };
        machine.handle_input(input, now);
    }
}

/// Writes a batch; none if the store says why it cannot.
fn persist(store: &mut Sqlite, batch: &Batch) -> Option<Seq> {
    match store.append(batch) {
        Ok(()) => Some(batch.seq),
        Err(StoreError::Invalid { .. } | StoreError::Io { .. }) => None,
        Err(error) => panic!("nobody else has this ledger: {error:?}"),
    }
}
