//! The fleet behind its three faces: every call, as a future that any executor can await.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_lock::OnceCell;
use dynservers_core::{
    Action, Command, CommandId, Decision, DecisionQuery, Demand, Done, EventId, FleetView, Refusal, ServerId,
    Status, Told, TypeName,
};
use dynservers_host::{Driver, Handle, Stopped};
use serde_json::Value;

use crate::audience::Listener;
use crate::blueprint::Plan;
use crate::errors::{CommandError, RunError, SettleError};
use crate::events::Reading;
use crate::measuring::{Gauges, Measuring};
use crate::server::Server;

/// What a change of the desired number did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Desired {
    /// The number before, if one was set.
    pub before: Option<u32>,
    /// The number asked for.
    pub requested: u32,
    /// The number set: what was asked for, within the type's bounds.
    pub desired: u32,
}

/// What work that the program tells itself is called among the sources.
const BY_HAND: &str = "program";

/// How a loop ended, once it has.
pub(crate) type Ended = Arc<OnceCell<Result<(), RunError>>>;

/// A type as a caller means it: by a name that may be none.
#[derive(Clone, Debug)]
pub(crate) struct Meant(pub(crate) Result<TypeName, dynservers_core::InvalidId>);

/// A fleet, whatever it runs on.
#[derive(Clone, Debug)]
pub(crate) struct Inner {
    handle: Handle,
    plan: Arc<Plan>,
}

impl Inner {
    pub(crate) fn new(handle: Handle, plan: Arc<Plan>) -> Self {
        Self { handle, plan }
    }

    pub(crate) const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Gives the type that is meant by a call that names none.
    pub(crate) fn default_type(&self) -> Meant {
        Meant(Ok(self.plan.default_type.clone()))
    }

    pub(crate) async fn ensure(&self, of: &Meant, count: u32) -> Result<Desired, CommandError> {
        let server_type = of.0.clone()?;
        self.desire(Action::Ensure { server_type, count }).await
    }

    pub(crate) async fn increase(&self, of: &Meant, by: u32) -> Result<Desired, CommandError> {
        let server_type = of.0.clone()?;
        self.desire(Action::Increase { server_type, by }).await
    }

    pub(crate) async fn decrease(&self, of: &Meant, by: u32) -> Result<Desired, CommandError> {
        let server_type = of.0.clone()?;
        self.desire(Action::Decrease { server_type, by }).await
    }

    /// Tells how much work there is for a type, or why that is not known.
    pub(crate) async fn told(&self, of: &Meant, told: Told) -> Result<(), CommandError> {
        let server_type = of.0.clone()?;
        // The machine would not answer.
        let calendar = match self.plan.policies.get(&server_type) {
            Some(Some(calendar)) => calendar,
            Some(None) => return Err(CommandError::NoPolicy { server_type }),
            None => {
                let known = self.plan.policies.keys().cloned().collect();
                return Err(Refusal::UnknownType { server_type, known }.into());
            }
        };
        let mut demand = Demand::told(server_type, BY_HAND, told);
        demand.windows = calendar.windows();
        Ok(self.handle.demand(demand).await?)
    }

    /// Reads the last so many decisions, oldest first.
    pub(crate) async fn decisions(
        &self,
        of: Option<&Meant>,
        limit: usize,
    ) -> Result<Vec<Decision>, CommandError> {
        let server_type = of.map(|of| of.0.clone()).transpose()?;
        if let Some(of) = of {
            find(&self.view().await?, of)?;
        }
        Ok(self.handle.decisions(DecisionQuery { server_type, until: None, limit }).await?)
    }

    pub(crate) async fn reboot(&self, of: &Meant, at_a_time: Option<u32>) -> Result<u32, CommandError> {
        let server_type = of.0.clone()?;
        match self.command(Action::Reboot { server_type, at_a_time }).await? {
            Done::Rebooting { servers, .. } => Ok(servers),
            _ => Ok(0),
        }
    }

    pub(crate) async fn protect(&self, server: ServerId, protected: bool) -> Result<(), CommandError> {
        self.command(Action::Protect { server, protected }).await.map(drop)
    }

    pub(crate) async fn add_meta(
        &self,
        server: ServerId,
        key: String,
        value: Value,
    ) -> Result<(), CommandError> {
        self.command(Action::AddMeta { server, key, value }).await.map(drop)
    }

    pub(crate) async fn pause(&self, paused: bool) -> Result<(), CommandError> {
        self.command(Action::Pause { out: Some(paused), inward: Some(paused) }).await.map(drop)
    }

    pub(crate) async fn resume_providers(&self) -> Result<u32, CommandError> {
        match self.command(Action::Resume { provider: None }).await? {
            Done::Resumed { providers } => Ok(providers),
            _ => Ok(0),
        }
    }

    pub(crate) async fn take_over(&self) -> Result<u32, CommandError> {
        match self.command(Action::Takeover { provider: None }).await? {
            Done::TakenOver { servers } => Ok(servers),
            _ => Ok(0),
        }
    }

    pub(crate) async fn view(&self) -> Result<FleetView, Stopped> {
        self.handle.view().await
    }

    pub(crate) async fn provisioned_count(&self, of: Option<&Meant>) -> Result<u32, CommandError> {
        let view = self.view().await?;
        match of {
            None => Ok(view.types.values().map(|server_type| server_type.provisioned).sum()),
            Some(of) => Ok(find(&view, of)?.provisioned),
        }
    }

    pub(crate) async fn count_per_status(
        &self,
        of: Option<&Meant>,
    ) -> Result<BTreeMap<Status, u32>, CommandError> {
        let view = self.view().await?;
        let mut counts: BTreeMap<Status, u32> = Status::ALL.into_iter().map(|status| (status, 0)).collect();
        let mut add = |of: &dynservers_core::TypeView| {
            for (status, count) in &of.counts {
                *counts.entry(*status).or_default() += count;
            }
        };
        match of {
            None => view.types.values().for_each(&mut add),
            Some(of) => add(find(&view, of)?),
        }
        Ok(counts)
    }

    pub(crate) async fn servers(&self, of: Option<&Meant>) -> Result<Vec<Server>, CommandError> {
        let of = of.map(|of| of.0.clone()).transpose()?;
        let records = self.handle.servers().await?;
        let of_type =
            records.into_iter().filter(|record| of.as_ref().is_none_or(|of| record.server_type == *of));
        Ok(of_type.map(|record| Server::new(record, Arc::clone(&self.plan.options))).collect())
    }

    pub(crate) async fn server(&self, id: ServerId) -> Result<Option<Server>, Stopped> {
        let record = self.handle.server(id).await?;
        Ok(record.map(|record| Server::new(record, Arc::clone(&self.plan.options))))
    }

    pub(crate) async fn wait_until_settled(
        &self,
        of: Option<&Meant>,
        timeout: Duration,
    ) -> Result<FleetView, SettleError> {
        let of = of.map(|of| of.0.clone()).transpose()?;
        let settled = self.handle.settled(of.clone(), timeout).await?;
        match of {
            Some(of) if !settled.view.types.contains_key(&of) => Err(SettleError::UnknownType(of)),
            _ if settled.settled => Ok(settled.view),
            _ => Err(SettleError::TimedOut { waited: timeout, view: Box::new(settled.view) }),
        }
    }

    pub(crate) fn events(&self, after: Option<EventId>) -> Reading {
        Reading::new(self.handle.clone(), after)
    }

    /// Waits on this thread until every listener has heard what was told by now, within a bound.
    #[cfg(feature = "simulation")]
    pub(crate) fn wait_for_listeners(&self) {
        self.plan.audience.catch_up(self.handle.subscribe().last());
    }

    /// Gives where it is told how the loop ended.
    pub(crate) fn ended(&self) -> Ended {
        Arc::clone(&self.plan.ended)
    }

    /// Waits until the loop has ended, and tells how.
    pub(crate) async fn wait_until_ended(&self) -> Result<(), RunError> {
        self.plan.ended.wait().await.clone()
    }

    /// Ends the loop and tells how it ended.
    pub(crate) async fn shutdown(&self) -> Result<(), RunError> {
        self.handle.shutdown().await;
        let ended = self.plan.ended.wait().await.clone();
        self.plan.audience.leaves().await;
        ended
    }

    async fn desire(&self, action: Action) -> Result<Desired, CommandError> {
        match self.command(action).await? {
            Done::Desired { before, requested, desired, .. } => Ok(Desired { before, requested, desired }),
            // The machine answers these with nothing else.
            _ => Err(CommandError::Stopped(Stopped)),
        }
    }

    async fn command(&self, action: Action) -> Result<Done, CommandError> {
        let mut bits = [0; 16];
        getrandom::fill(&mut bits).map_err(|_| CommandError::NoEntropy)?;
        let id = CommandId::new(format!("{:032x}", u128::from_le_bytes(bits)))?;
        Ok(self.handle.command(Command { id, action }).await??)
    }
}

fn find<'a>(view: &'a FleetView, of: &Meant) -> Result<&'a dynservers_core::TypeView, CommandError> {
    let server_type = of.0.clone()?;
    view.types.get(&server_type).ok_or_else(|| {
        let known = view.types.keys().cloned().collect();
        CommandError::Refused(Refusal::UnknownType { server_type, known })
    })
}

/// Tells how a loop ended: as it is told, or that it was dropped.
#[derive(Debug)]
pub(crate) struct Ending {
    ended: Ended,
    result: Result<(), RunError>,
    /// As long as the loop lives, the work is measured.
    _measuring: Measuring,
}

impl Ending {
    pub(crate) fn new(ended: Ended, measuring: Measuring) -> Self {
        Self { ended, result: Err(RunError::Dropped), _measuring: measuring }
    }

    pub(crate) fn tell(mut self, result: Result<(), dynservers_host::RunError>) -> Result<(), RunError> {
        self.result = result.map_err(RunError::Loop);
        self.result.clone()
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let result = std::mem::replace(&mut self.result, Err(RunError::Dropped));
        // Nobody else sets it: there is one loop.
        let _ = self.ended.set_blocking(result);
    }
}

/// A fleet that was built and does not run yet.
#[derive(Clone, Default)]
pub(crate) struct Idle(Arc<Mutex<Option<Waiting>>>);

/// A loop that nobody runs yet, those who will listen to it, and what will be measured for it.
type Waiting = (Driver, Vec<Listener>, Gauges);

impl std::fmt::Debug for Idle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Idle").finish_non_exhaustive()
    }
}

impl Idle {
    pub(crate) fn new(driver: Driver, listeners: Vec<Listener>, gauges: Gauges) -> Self {
        Self(Arc::new(Mutex::new(Some((driver, listeners, gauges)))))
    }

    /// Gives the loop to be run, to the first who asks, and begins to tell the listeners and to measure. Of a fleet that has
    /// ended it gives how.
    pub(crate) fn begin(&self, inner: &Inner) -> Result<(Driver, Ending), Result<(), RunError>> {
        let waiting = self.waiting().take();
        let Some((driver, listeners, gauges)) = waiting else {
            return Err(inner.ended().get().cloned().unwrap_or(Err(RunError::RunsAlready)));
        };
        inner.plan.audience.tell(inner, listeners);
        let measuring = Measuring::begin(inner.handle(), gauges);
        Ok((driver, Ending::new(inner.ended(), measuring)))
    }

    /// Ends a fleet that never ran. Gives whether it was one.
    pub(crate) fn end(&self, inner: &Inner) -> bool {
        let mut waiting = self.waiting();
        let Some(never_ran) = waiting.take() else { return false };
        // Before anybody can find nothing to run. Nobody else sets it: it never ran.
        let _ = inner.ended().set_blocking(Ok(()));
        drop(waiting);
        drop(never_ran);
        true
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
