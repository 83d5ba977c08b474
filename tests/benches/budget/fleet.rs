//! A fleet in memory: the machine, and a host that has everything done at once and watches how long the machine takes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use dynservers_core::{
    Action, Change, Command, CommandId, Config, FleetName, Input, Ledger, NoStore, Output, Prepared,
    ProviderConfig, ProviderName, Reconciler, Spec, Status, Store as _, Time, Timing, TypeConfig, TypeName,
};

use crate::cloud::Cloud;
use crate::rounds::worked;

/// The first moment of every fleet.
const START: Time = Time::from_millis(1_700_000_000_000);

pub(crate) fn fleet_name() -> FleetName {
    FleetName::new("workers").expect("it is plain")
}

pub(crate) fn provider_name() -> ProviderName {
    ProviderName::new("cloud").expect("it is plain")
}

pub(crate) fn type_name() -> TypeName {
    TypeName::new("default").expect("it is plain")
}

/// Gives a configuration with every choice at its default, and room for so many servers.
pub(crate) fn config(most: u32) -> Config {
    let provider = ProviderConfig { max_servers_in_account: None, ..ProviderConfig::default() };
    Config {
        fleet: fleet_name(),
        timing: Timing::default(),
        providers: BTreeMap::from([(provider_name(), provider)]),
        server_types: BTreeMap::from([(type_name(), TypeConfig::new(provider_name(), most))]),
        retired_types: BTreeSet::new(),
        shadow: false,
    }
}

/// Gives the command that there be so many servers.
pub(crate) fn ensure(count: u32) -> Command {
    let action = Action::Ensure { server_type: type_name(), count };
    Command { id: CommandId::new(format!("ensure {count}")).expect("it is short"), action }
}

/// What servers are made from.
pub(crate) fn spec() -> Arc<Spec> {
    Arc::new(Spec::new(serde_json::json!({"zone": "de-fra1", "plan": "2xCPU-4GB", "snapshot": "01d15ea5"})))
}

/// A machine and its world.
#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) machine: Reconciler,
    cloud: Cloud,
    pub(crate) now: Time,
    inbox: Vec<Input>,
    outputs: Vec<Output>,
    spec: Arc<Spec>,
    /// How long the machine was at work.
    pub(crate) busy: Duration,
    /// How many inputs it was given, and moments.
    pub(crate) inputs: u64,
    /// How many records of servers it had written.
    pub(crate) transitions: u64,
}

impl Fleet {
    /// Starts a fleet of none that has room for so many, and was seen once.
    pub(crate) fn start(most: u32) -> Self {
        let stored = NoStore::new(fleet_name()).load().expect("nothing is read");
        let mut fleet = Self {
            machine: Reconciler::new(config(most), Ledger::restore(stored), 7, START),
            cloud: Cloud::default(),
            now: START,
            inbox: Vec::new(),
            outputs: Vec::new(),
            spec: spec(),
            busy: Duration::ZERO,
            inputs: 0,
            transitions: 0,
        };
        fleet.rest();
        fleet
    }

    /// Starts a fleet and brings so many servers up.
    pub(crate) fn running(count: u32) -> Self {
        let mut fleet = Self::start(count);
        fleet.ensure(count);
        fleet
    }

    /// Wishes for so many servers, and lets time pass until there are exactly as many, and all of them run.
    pub(crate) fn ensure(&mut self, count: u32) {
        self.inbox.push(Input::Command(ensure(count)));
        self.rest();
        while !self.has(count) {
            self.pass();
            self.rest();
        }
    }

    /// Forgets what was counted so far.
    pub(crate) fn count_anew(&mut self) {
        self.busy = Duration::ZERO;
        self.inputs = 0;
        self.transitions = 0;
    }

    /// Goes to the next moment at which the machine has something to do.
    pub(crate) fn pass(&mut self) {
        let wakeup = self.machine.poll_timeout().expect("a provider is looked at again and again");
        self.now = self.now.max(wakeup.at);
        let (took, ()) = worked(|| self.machine.handle_timeout(self.now));
        self.busy += took;
        self.inputs += 1;
    }

    /// Has everything done that the machine wants at this moment: all news that there is is handed in at once, then all
    /// outputs are taken, as the loops do it.
    pub(crate) fn rest(&mut self) {
        loop {
            let inbox = std::mem::take(&mut self.inbox);
            self.inputs += inbox.len() as u64;
            let (took, ()) = worked(|| {
                for input in inbox {
                    self.machine.handle_input(input, self.now);
                }
                while let Some(output) = self.machine.poll_output() {
                    self.outputs.push(output);
                }
            });
            self.busy += took;
            if self.outputs.is_empty() {
                return;
            }
            for output in std::mem::take(&mut self.outputs) {
                let input = self.carry_out(output);
                self.inbox.extend(input);
            }
        }
    }

    /// Lets the world go, and leaves the machine alone.
    pub(crate) fn into_machine(self) -> Reconciler {
        self.machine
    }

    fn has(&self, count: u32) -> bool {
        let (ledger, server_type) = (self.machine.ledger(), type_name());
        let is_there = |status: &Status| *status != Status::Deleted;
        let there: u32 =
            Status::ALL.into_iter().filter(is_there).map(|status| ledger.count(&server_type, status)).sum();
        there == count && ledger.count(&server_type, Status::Running) == count
    }

    fn carry_out(&mut self, output: Output) -> Option<Input> {
        match output {
            Output::Persist(batch) => {
                let is_server = |change: &&Change| matches!(change, Change::Server(_));
                self.transitions += batch.changes.iter().filter(is_server).count() as u64;
                Some(Input::Persisted(batch.seq))
            }
            Output::Prepare(prepare) => {
                let name = format!("dynamic-server-{}-{}", prepare.server_type, prepare.server);
                let result = Ok(Prepared { name, spec: Arc::clone(&self.spec) });
                Some(Input::Prepared { server: prepare.server, result })
            }
            Output::Execute(effect) => {
                let completion = self.cloud.execute(&effect);
                Some(Input::Completed { effect: effect.id, completion })
            }
            _ => None,
        }
    }
}
