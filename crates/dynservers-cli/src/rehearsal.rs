//! A rehearsal: the real machine on a copy of the ledger, whose readings are done and whose changes are only noted.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use dynservers_core::{
    Account, Answer, Completion, Config, Effect, Executor, Failure, FleetView, Input, Ledger, Op, Outcome,
    Output, OwnerId, Page, Prepared, ProviderId, ProviderName, Question, Reconciler, Seam, ServerRecord,
    Status, Stored, TypeName,
};
use dynservers_store::Sqlite;
use dynservers_tokio::{FleetClock, Hands, PrepareFn, execute};
use thiserror::Error;

use crate::config::{Configuration, ProviderSettings};
use crate::providers::{self, ProviderError};
use crate::site::Site;

/// What the machine would do now.
#[derive(Debug)]
pub(crate) struct Rehearsal {
    /// The fleet as it was found.
    pub(crate) view: FleetView,
    /// How many servers of each type the provider showed.
    pub(crate) found: BTreeMap<TypeName, u32>,
    /// How many servers of each type are on record and were not shown.
    pub(crate) unseen: BTreeMap<TypeName, u32>,
    /// The changes that it would make, in order.
    pub(crate) changes: Vec<Change>,
    /// The servers that drain, or would begin to.
    pub(crate) draining: Vec<ServerRecord>,
    /// Whether it would ask workers how busy they are before it chooses who goes. Here nobody was asked.
    pub(crate) asks_scores: bool,
}

/// A change that would be made, and the server that it is about.
#[derive(Debug)]
pub(crate) struct Change {
    /// The change.
    pub(crate) effect: Effect,
    /// The server's type.
    pub(crate) server_type: TypeName,
    /// The server's name.
    pub(crate) name: String,
}

/// Why there was no rehearsal.
#[derive(Debug, Error)]
pub(crate) enum RehearsalError {
    /// A provider cannot be used.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The ledger cannot be read.
    #[error("error: {0}")]
    Store(#[from] dynservers_core::StoreError),
    /// The ledger does not fit the configuration.
    #[error("{}", .0.iter().map(|error| format!("error: {error}")).collect::<Vec<_>>().join("\n"))]
    Config(Vec<dynservers_core::ConfigError>),
    /// A provider cannot be seen.
    #[error("error: provider {provider} cannot be seen: {failure}")]
    Unseen {
        /// The provider.
        provider: ProviderName,
        /// What it said.
        failure: Failure,
    },
    /// The system gives no random numbers.
    #[error("error: the system refuses: {0}")]
    System(#[from] io::Error),
}

/// Takes one look, and notes what would be done. Writes nothing, neither here nor there.
pub(crate) async fn rehearse(configuration: &Configuration) -> Result<Rehearsal, RehearsalError> {
    let clock = FleetClock::new();
    let executors = executors(configuration, &clock)?;
    let stored = stored(&Site::from(configuration))?;
    clock.raise(stored.fleet.time);
    let ledger = Ledger::restore(stored);
    let contradictions = ledger.contradictions(&configuration.core);
    if !contradictions.is_empty() {
        return Err(RehearsalError::Config(contradictions));
    }
    let seed = getrandom::u64().map_err(io::Error::other)?;
    let machine = Reconciler::new(unbounded(&configuration.core), ledger, seed, clock.now());
    let prepare = providers::prepare(configuration);
    let (changes, shown) = (Vec::new(), BTreeMap::new());
    let mut stage = Stage { machine, clock, executors, prepare, changes, shown, asks_scores: false };
    stage.play().await;
    stage.end()
}

/// Gives who takes the look. A provider on this machine makes its directory, unless it is only spoken of.
fn executors(
    configuration: &Configuration,
    clock: &FleetClock,
) -> Result<BTreeMap<ProviderName, Hands>, ProviderError> {
    let is_bare = |settings: &ProviderSettings| match settings {
        ProviderSettings::UpCloud(_) => false,
        ProviderSettings::Local(home) => !home.directory.exists(),
    };
    let mut there = configuration.clone();
    there.providers.retain(|_, settings| !is_bare(settings));
    let mut executors = providers::executors(&there, clock)?;
    for (name, _) in configuration.providers.iter().filter(|(_, settings)| is_bare(settings)) {
        executors.insert(name.clone(), Hands::Blocking(Arc::new(Bare)));
    }
    Ok(executors)
}

/// A provider on this machine whose directory was never made: it has no servers.
struct Bare;

impl Executor for Bare {
    fn execute(&self, effect: &Effect) -> Completion {
        let outcome = match &effect.op {
            Op::Check | Op::Account => {
                Outcome::Account(Account { total: Some(0), limit: None, identity: None })
            }
            _ => Outcome::Page(Page { servers: Vec::new(), total: Some(0), seam: Seam::Overlapping }),
        };
        outcome.into()
    }
}

/// Reads the ledger as it is; one that was never written to is empty.
fn stored(site: &Site) -> Result<Stored, RehearsalError> {
    if site.store.exists() {
        return Ok(Sqlite::open_read_only(&site.store, Some(&site.fleet))?.load()?);
    }
    let bits = (u128::from(getrandom::u64().map_err(io::Error::other)?) << 64)
        | u128::from(getrandom::u64().map_err(io::Error::other)?);
    Ok(Stored::empty(site.fleet.clone(), OwnerId::from_random(bits)))
}

/// What is only noted is never answered, and must not use up the requests that may be under way at once.
fn unbounded(config: &Config) -> Config {
    let mut config = config.clone();
    for provider in config.providers.values_mut() {
        provider.concurrency = u32::MAX;
    }
    config
}

struct Stage {
    machine: Reconciler,
    clock: FleetClock,
    executors: BTreeMap<ProviderName, Hands>,
    prepare: Arc<PrepareFn>,
    changes: Vec<Effect>,
    shown: BTreeMap<TypeName, BTreeSet<(ProviderName, ProviderId)>>,
    asks_scores: bool,
}

impl Stage {
    async fn play(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Persist(batch) => self.tell(Input::Persisted(batch.seq)),
                Output::Prepare(wanted) => {
                    let name = format!("dynamic-server-{}-{}", wanted.server_type, wanted.server);
                    let result: Result<Prepared, Failure> = (self.prepare)(&wanted, &name);
                    self.tell(Input::Prepared { server: wanted.server, result });
                }
                Output::Execute(effect) => self.execute(*effect).await,
                Output::Ask(ask) if ask.question == Question::Score => {
                    self.asks_scores = true;
                    let answer = Answer::Silent(Failure::new("a plan asks no worker"));
                    self.tell(Input::Answered { server: ask.server, question: ask.question, answer });
                }
                // Nobody listens, and what a later version lets out changes nothing here.
                Output::Notify(_) | Output::Reply { .. } | _ => {}
            }
        }
    }

    async fn execute(&mut self, effect: Effect) {
        match self.executors.get(&effect.provider) {
            Some(executor) if effect.op.is_read() => {
                let completion = execute(executor, &effect).await;
                if let (Op::Look, Outcome::Page(page)) = (&effect.op, &completion.outcome) {
                    self.note(&effect.provider, page);
                }
                self.tell(Input::Completed { effect: effect.id, completion });
            }
            Some(_) | None => self.changes.push(effect),
        }
    }

    fn note(&mut self, provider: &ProviderName, page: &Page) {
        for server in &page.servers {
            if let Some(server_type) = &server.labels.server_type {
                let seen = self.shown.entry(server_type.clone()).or_default();
                seen.insert((provider.clone(), server.provider_id.clone()));
            }
        }
    }

    fn tell(&mut self, input: Input) {
        self.machine.handle_input(input, self.clock.now());
    }

    fn end(self) -> Result<Rehearsal, RehearsalError> {
        let view = self.machine.view(self.clock.now());
        for (provider, seen) in &view.providers {
            if seen.last_look.is_none() {
                let failure = seen.failure.clone().unwrap_or_else(|| Failure::new("it was not looked at"));
                return Err(RehearsalError::Unseen { provider: provider.clone(), failure });
            }
        }
        let ledger = self.machine.ledger();
        let changes = self.changes.into_iter().filter_map(|effect| {
            let record = ledger.server(effect.server?)?;
            Some(Change { server_type: record.server_type.clone(), name: record.name.to_string(), effect })
        });
        let changes: Vec<Change> = changes.collect();
        let mut unseen: BTreeMap<TypeName, u32> = BTreeMap::new();
        for record in ledger.servers().filter(|record| record.status.is_provisioned() && !record.disowned) {
            let seen = self.shown.get(&record.server_type);
            let is_shown = |id: &ProviderId| {
                seen.is_some_and(|seen| seen.contains(&(record.provider.clone(), id.clone())))
            };
            if record.provider_id.as_ref().is_some_and(|id| !is_shown(id)) {
                *unseen.entry(record.server_type.clone()).or_default() += 1;
            }
        }
        let count = |seen: &BTreeSet<_>| u32::try_from(seen.len()).unwrap_or(u32::MAX);
        let found = self.shown.iter().map(|(name, seen)| (name.clone(), count(seen))).collect();
        let draining = ledger.servers().filter(|record| record.status == Status::Draining).cloned().collect();
        Ok(Rehearsal { view, found, unseen, changes, draining, asks_scores: self.asks_scores })
    }
}
