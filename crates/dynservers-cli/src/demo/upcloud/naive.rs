//! The naive loop: creates what is missing and remembers what it was told. A model of what one writes first.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dynservers_core::{
    CreateFromSnapshot, Effect, EffectId, FleetName, Labels, Op, Outcome, OwnerId, ProviderId, ProviderName,
    ProviderState, ServerId, Spec, StopMode, Token, TypeName, Why,
};
use dynservers_tokio::{FleetClock, Hands, execute};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::config::Configuration;
use crate::demo::upcloud::DemoError;
use crate::providers;

/// Between two turns of the loop.
const TURN: Duration = Duration::from_millis(250);

/// How long it waits when it is told that it asks too much.
const PATIENCE: Duration = Duration::from_millis(50);

/// What the loop has in its database: the ids that it was told, by slot. It outlives the process.
type Remembered = Arc<Mutex<BTreeMap<u64, ProviderId>>>;

/// A naive controller that can be killed and started again.
pub(super) struct Naive {
    worker: Arc<Worker>,
    desired: watch::Sender<usize>,
    process: Option<AbortHandle>,
}

struct Worker {
    executor: Hands,
    clock: FleetClock,
    provider: ProviderName,
    fleet: FleetName,
    server_type: TypeName,
    spec: Arc<Spec>,
    remembered: Remembered,
}

impl Naive {
    pub(super) fn new(configuration: &Configuration) -> Result<Self, DemoError> {
        let clock = FleetClock::new();
        let executors = providers::executors(configuration, &clock)?;
        let first = executors.into_iter().next().zip(configuration.server_types.iter().next());
        let ((provider, executor), (server_type, settings)) =
            first.expect("the demo has a provider and a type");
        let worker = Worker {
            executor,
            clock,
            provider,
            fleet: configuration.fleet.clone(),
            server_type: server_type.clone(),
            spec: providers::spec(settings),
            remembered: Remembered::default(),
        };
        Ok(Self { worker: Arc::new(worker), desired: watch::Sender::new(0), process: None })
    }

    pub(super) fn ensure(&self, count: usize) {
        self.desired.send_replace(count);
    }

    pub(super) fn start(&mut self) {
        let worker = Arc::clone(&self.worker);
        let desired = self.desired.subscribe();
        self.process = Some(tokio::spawn(async move { worker.turn_for_ever(desired).await }).abort_handle());
    }

    /// Kills it: what was under way is not remembered by anybody.
    pub(super) fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.abort();
        }
    }

    /// Gives how many servers it believes to have.
    pub(super) fn believes(&self) -> usize {
        self.worker.remembered().len()
    }

    /// Gives the ids that it knows.
    pub(super) fn known(&self) -> BTreeSet<String> {
        self.worker.remembered().values().map(|id| id.as_str().to_owned()).collect()
    }
}

impl Worker {
    fn remembered(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, ProviderId>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn turn_for_ever(&self, desired: watch::Receiver<usize>) {
        loop {
            let desired = *desired.borrow();
            let slots: BTreeSet<u64> = self.remembered().keys().copied().collect();
            for slot in (1..).filter(|slot| !slots.contains(slot)).take(desired.saturating_sub(slots.len())) {
                self.create(slot).await;
            }
            for slot in slots.into_iter().skip(desired) {
                self.remove(slot).await;
            }
            tokio::time::sleep(TURN).await;
        }
    }

    /// Creates one. If the answer is lost, it did not work, so the next turn tries again.
    async fn create(&self, slot: u64) {
        let token = (u128::from(getrandom::u64().unwrap_or(slot)) << 64) | u128::from(slot);
        let labels = Labels {
            fleet: self.fleet.clone(),
            owner: OwnerId::of_fleet(&self.fleet),
            server_type: self.server_type.clone(),
            server: ServerId(slot),
            token: Token(token),
            spec: self.spec.hash(),
        };
        let create = CreateFromSnapshot {
            server: ServerId(slot),
            server_type: self.server_type.clone(),
            name: format!("naive-{slot}").into(),
            labels,
            spec: Arc::clone(&self.spec),
        };
        if let Outcome::Created(created) = self.ask(Op::CreateFromSnapshot(Box::new(create))).await {
            self.remembered().insert(slot, created.provider_id);
        }
    }

    /// Goes one step further with the removal of one: stop, wait, delete, forget.
    async fn remove(&self, slot: u64) {
        let Some(provider_id) = self.remembered().get(&slot).cloned() else { return };
        match self.ask(Op::Inspect(provider_id.clone())).await {
            Outcome::Inspected(seen) if seen.state == ProviderState::Running => {
                let mode = StopMode::Soft { timeout: Duration::from_secs(60) };
                self.ask(Op::Stop { provider_id, mode }).await;
            }
            Outcome::Inspected(seen) if seen.state == ProviderState::Stopped => {
                self.ask(Op::Delete { provider_id, seen: None }).await;
            }
            Outcome::Absent(_) => {
                self.remembered().remove(&slot);
            }
            _ => {}
        }
    }

    /// Asks once; only what was throttled it asks again, since that surely did not happen.
    async fn ask(&self, op: Op) -> Outcome {
        loop {
            match self.ask_once(op.clone()).await {
                Outcome::Throttled { .. } => tokio::time::sleep(PATIENCE).await,
                outcome => return outcome,
            }
        }
    }

    async fn ask_once(&self, op: Op) -> Outcome {
        let effect = Effect {
            id: EffectId(0),
            provider: self.provider.clone(),
            op,
            step: None,
            not_after: self.clock.now() + Duration::from_secs(2),
            server: None,
            why: Why::Wanted,
        };
        execute(&self.executor, &effect).await.outcome
    }
}
