//! Issuing: which request goes to a provider next, within its pace, and with the intent recorded first.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::effect::{CreateFromSnapshot, Effect, Op, Step};
use crate::event::{EventKind, Limit};
use crate::ids::{ProviderName, ServerId, TypeName};
use crate::inflight::{Errand, Flight, Reading};
use crate::labels::Labels;
use crate::output::Output;
use crate::plan::{self, Task, Verdict};
use crate::provider::LookRun;
use crate::reconciler::{Reconciler, Timer};
use crate::record::{Attempt, Phase, Reboot, ServerRecord};
use crate::removal::{DeleteIssued, StopIssued};
use crate::server::{Class, Live};
use crate::status::Status;
use crate::time::Time;
use crate::why::Why;

impl Reconciler {
    /// Sends what a provider is to be asked, as long as it may be asked.
    pub(crate) fn step_provider(&mut self, name: &ProviderName) {
        self.bring_look_forward(name);
        while let Some(config) = self.provider_config(name) {
            let concurrency = config.concurrency.max(1);
            let (now, is_ending) = (self.now, self.is_shutting_down);
            let live = self.provider_mut(name);
            if is_ending || live.in_flight >= concurrency || live.pace.opens_at() > now {
                break;
            }
            let yields = core::mem::take(&mut live.was_reading);
            let is_sent = (!yields && self.issue_reading(name))
                || self.issue_task(name)
                || self.issue_create(name)
                || (yields && self.issue_reading(name));
            if !is_sent {
                break;
            }
        }
        self.set_provider_timer(name);
    }

    /// Looks earlier where something is in flight than where everything is quiet.
    fn bring_look_forward(&mut self, name: &ProviderName) {
        let is_restless = self.is_restless(name);
        let soon = self.now + self.config.timing.poll_interval;
        let live = self.provider_mut(name);
        if is_restless && live.failed_looks == 0 && live.look.is_none() && live.next_look > soon {
            live.next_look = soon;
        }
    }

    /// Whether something is expected to change at a provider soon.
    pub(crate) fn is_restless(&self, name: &ProviderName) -> bool {
        let Some(index) = self.ledger.providers.get(name) else { return false };
        let awaits_orphans = self.provider(name).is_some_and(|live| live.awaits_orphans);
        index.restless > 0 || index.suspected > 0 || awaits_orphans
    }

    fn set_provider_timer(&mut self, name: &ProviderName) {
        let now = self.now;
        let live = self.provider_mut(name);
        let opens_at = live.pace.opens_at();
        let mut next = live.next_look.max(opens_at);
        if opens_at > now {
            next = next.min(opens_at);
        }
        let retries = [live.account_retry, live.change_retry].map(|retry| retry.map(|retry| retry.at));
        let later = [live.restored_until, retries[0], retries[1]];
        next = later.into_iter().flatten().filter(|at| *at > now).fold(next, Time::min);
        // A reading under way ends by its answer; nothing is due before that.
        let next = (next > now).then_some(next);
        let before = core::mem::replace(&mut live.wake, next);
        if before != next {
            if let Some(at) = before {
                self.timers.remove(&(at, Timer::Provider(name.clone())));
            }
            self.timers.extend(next.map(|at| (at, Timer::Provider(name.clone()))));
        }
    }

    /// Goes on with the check, look or reading of the account, or begins one that is due.
    fn issue_reading(&mut self, name: &ProviderName) -> bool {
        let now = self.now;
        let wants_account = self.wants_account(name);
        let departed = self.ledger.providers.get(name).map_or(0, |index| index.departed);
        let live = self.provider_mut(name);
        if live.reading {
            return false;
        }
        let (errand, op, step) = if let Some(run) = &live.look {
            (Errand::Look, Op::Look, run.reading.next.clone())
        } else if let Some(check) = &live.check {
            (Errand::Check, Op::Check, check.next.clone())
        } else if let Some(account) = &live.account_read {
            (Errand::Account, Op::Account, account.next.clone())
        } else if now >= live.next_look {
            if live.checked && !live.wants_check {
                live.look = Some(LookRun::begin(now, departed));
                (Errand::Look, Op::Look, None)
            } else {
                live.check = Some(Reading { begun: now, next: None });
                (Errand::Check, Op::Check, None)
            }
        } else if wants_account {
            live.account_read = Some(Reading { begun: now, next: None });
            (Errand::Account, Op::Account, None)
        } else {
            return false;
        };
        live.reading = true;
        live.was_reading = true;
        self.send(name, errand, op, step, Why::Sync, false);
        true
    }

    pub(crate) fn types_at<'a>(&'a self, provider: &'a ProviderName) -> impl Iterator<Item = &'a TypeName> {
        self.config
            .server_types
            .iter()
            .filter(move |(_, config)| config.provider == *provider)
            .map(|(name, _)| name)
    }

    /// Does the next thing that a server of the provider needs.
    fn issue_task(&mut self, name: &ProviderName) -> bool {
        let may_change = self.may_change(name) && self.may_retry_changes(name);
        loop {
            let live = self.provider_mut(name);
            let next = live.to_read.pop_first();
            let next = next.or_else(|| if may_change { live.to_change.pop_first() } else { None });
            let Some(id) = next else { return false };
            self.ledger.update_live(id, |live| live.is_queued = false);
            let Some(server) = self.ledger.get(id) else { continue };
            let Some(terms) = self.terms(&server.record) else { continue };
            if let Verdict::Do(task) = plan::plan(server, &terms) {
                if task.is_read() || may_change {
                    self.issue(id, task);
                    return true;
                }
            } else {
                self.ledger.touched.insert(&id);
            }
        }
    }

    /// Whether changes, if they were denied of late, may be tried again.
    fn may_retry_changes(&self, name: &ProviderName) -> bool {
        let retry = self.provider(name).and_then(|live| live.change_retry);
        retry.is_none_or(|retry| self.now >= retry.at)
    }

    /// Whether servers at a provider may be stopped, deleted and rebooted.
    pub(crate) fn may_change(&self, name: &ProviderName) -> bool {
        let is_held = self.ledger.fleet().providers.get(name).is_some_and(|record| record.hold.is_some());
        !is_held
            && !self.config.shadow
            && self.provider(name).is_some_and(crate::provider::Provider::may_change)
    }

    /// Whether servers may be created at a provider, as far as the provider is concerned.
    pub(crate) fn may_create(&self, name: &ProviderName) -> bool {
        let record = self.ledger.fleet().providers.get(name);
        let is_restored =
            self.provider(name).and_then(|live| live.restored_until).is_some_and(|until| self.now < until);
        self.may_change(name)
            && self.provider(name).is_some_and(|live| live.checked)
            && !is_restored
            && !self.ledger.fleet().paused_out
            && record.is_none_or(|record| !record.second_controller)
    }

    /// Records the intent of a task and sends it.
    fn issue(&mut self, id: ServerId, task: Task) {
        let now = self.now;
        let Some(server) = self.ledger.get(id) else { return };
        let record = &server.record;
        let name = record.provider.clone();
        let seen = server.live.seen.map(|seen| seen.state);
        let token = record.attempt.as_ref().map(|attempt| attempt.token);
        let step = if task == Task::Continue { record.unfinished.clone() } else { None };
        let why = match task {
            task if task.is_read() => Why::Sync,
            Task::Reboot => Why::Asked,
            _ => record.removal.as_ref().map_or(record.why, |removal| removal.why),
        };
        let stop_timeout =
            self.terms(record).map_or(crate::config::DEFAULT_STOP_TIMEOUT, |terms| terms.stop_timeout);
        let op = match (task, record.provider_id.clone(), token) {
            (Task::Find, _, Some(token)) => Op::Find(token),
            (Task::Inspect, Some(provider_id), _) => Op::Inspect(provider_id),
            (Task::Stop(mode), Some(provider_id), _) => Op::Stop { provider_id, mode },
            (Task::Delete, Some(provider_id), _) => Op::Delete { provider_id, seen },
            (Task::Reboot, Some(provider_id), _) => Op::Reboot { provider_id, timeout: stop_timeout },
            (Task::Continue, Some(_), Some(token)) => match self.create_op(record, token) {
                Some(op) => op,
                None => return,
            },
            _ => return,
        };
        match task {
            Task::Find | Task::Inspect | Task::Continue => {}
            Task::Stop(mode) => self.intend_stop(id, mode),
            Task::Delete => self.intend_delete(id),
            Task::Reboot => {
                let reboot = Reboot { at: now, accepted_at: None, seen_down: false };
                self.ledger.update(id, |record| record.reboot = Some(reboot));
            }
        }
        let effect = self.send(&name, Errand::Server(id, task, token), op, step, why, !task.is_read());
        self.ledger.update_live(id, |live| live.flight = Some(effect));
    }

    fn intend_stop(&mut self, id: ServerId, mode: crate::effect::StopMode) {
        let now = self.now;
        let moves = self.ledger.update(id, |record| {
            let again = record.removal.as_ref().is_some_and(|removal| removal.stop.is_some());
            if let Some(removal) = &mut record.removal {
                removal.stop = Some(StopIssued { mode, at: now, accepted: false });
                removal.delete = None;
            }
            record.status != Status::Stopping && !(record.status == Status::Hanging && again)
        });
        if moves == Some(true) {
            self.move_server(id, Status::Stopping, EventKind::Stopping);
        }
    }

    fn intend_delete(&mut self, id: ServerId) {
        let now = self.now;
        let moves = self.ledger.update(id, |record| {
            let again = record.removal.as_ref().is_some_and(|removal| removal.delete.is_some());
            if let Some(removal) = &mut record.removal {
                removal.delete = Some(DeleteIssued { at: now, accepted_at: None });
            }
            record.status != Status::Deleting && !(record.status == Status::Hanging && again)
        });
        self.ledger.update_live(id, Live::miss_no_more);
        if moves == Some(true) {
            self.move_server(id, Status::Deleting, EventKind::Deleting);
        }
    }

    /// Creates the next server that may be created.
    fn issue_create(&mut self, name: &ProviderName) -> bool {
        if !self.may_create(name) || !self.may_retry_changes(name) {
            return false;
        }
        let next = |server_type: &TypeName| Some((server_type.clone(), self.next_create(server_type)?));
        let ready: Vec<(TypeName, ServerId)> = self.types_at(name).filter_map(next).collect();
        for (server_type, id) in ready {
            if self.lacks_account(name) {
                return false;
            }
            if self.account_room(name) == 0 {
                // What no total includes yet may be counted twice: no alarm before that is known.
                if self.ledger.providers.get(name).is_some_and(|index| index.uncounted > 0) {
                    continue;
                }
                let wanted = self.target(&server_type);
                let allowed = wanted.saturating_sub(self.count_class(&server_type, Class::New));
                self.limit_hit(&server_type, wanted, allowed, Limit::Account);
                continue;
            }
            self.create(id);
            return true;
        }
        false
    }

    /// Gives the server that would be created next, if the type may create one now.
    pub(crate) fn next_create(&self, server_type: &TypeName) -> Option<ServerId> {
        let config = self.config.server_types.get(server_type)?;
        let index = self.ledger.types.get(server_type)?;
        let ceiling = index.existing + index.held + index.orphans;
        if ceiling >= config.max {
            return None;
        }
        let record = self.type_record(server_type);
        if record.and_then(|record| record.short_lives).is_some_and(|retry| self.now < retry.at) {
            return None;
        }
        let backoff = record.map(|record| &record.create_backoff);
        if let Some(backoff) = backoff.filter(|backoff| !backoff.is_empty()) {
            // Half open: one at a time until one succeeds.
            let is_waiting = backoff.values().any(|retry| self.now < retry.at);
            let is_probing = index
                .class(Class::Starting)
                .iter()
                .any(|id| self.ledger.server(*id).is_some_and(|record| record.provider_id.is_none()));
            if is_waiting || is_probing {
                return None;
            }
        }
        self.prepared.get(server_type)?.first().copied()
    }

    /// The first leg: the intent with its token is durable before the request leaves.
    fn create(&mut self, id: ServerId) {
        let now = self.now;
        let Some(record) = self.ledger.server(id) else { return };
        let name = record.provider.clone();
        let why = record.why;
        if let Some(prepared) = self.prepared.get_mut(&record.server_type) {
            prepared.remove(&id);
        }
        let token = self.rng.token();
        let Some(op) = self.ledger.server(id).and_then(|record| self.create_op(record, token)) else {
            // No intent without a request: what it is to be made from is asked for again.
            self.ask_to_prepare(id);
            return;
        };
        let not_after = now + self.request_timeout(&name);
        self.change_and_move_server(id, Status::Starting, EventKind::Creating, |record| {
            record.attempt = Some(Attempt { token, not_after, phase: Phase::Issued });
        });
        let after_write = !cfg!(dynservers_knockout = "intent");
        let effect = self.send(&name, Errand::Create(id, token), op, None, why, after_write);
        self.ledger.update_live(id, |live| {
            live.flight = Some(effect);
            live.searches = 0;
            live.exists = false;
            live.searched_at = None;
            live.counted = false;
        });
    }

    fn create_op(&self, record: &ServerRecord, token: crate::ids::Token) -> Option<Op> {
        let hash = record.spec?;
        let spec = self.ledger.spec(hash)?.clone();
        let fleet = self.ledger.fleet();
        let labels = Labels {
            fleet: fleet.fleet.clone(),
            owner: fleet.owner.clone(),
            server_type: record.server_type.clone(),
            server: record.id,
            token: if cfg!(dynservers_knockout = "token") { crate::ids::Token(0) } else { token },
            spec: hash,
        };
        Some(Op::CreateFromSnapshot(Box::new(CreateFromSnapshot {
            server: record.id,
            server_type: record.server_type.clone(),
            name: record.name.clone(),
            labels,
            spec,
        })))
    }

    pub(crate) fn request_timeout(&self, name: &ProviderName) -> core::time::Duration {
        self.provider_config(name).map(|config| config.request_timeout).unwrap_or_default()
    }

    /// Lets an effect out: at once if it changes nothing, else once its intent is durable.
    fn send(
        &mut self,
        name: &ProviderName,
        errand: Errand,
        op: Op,
        step: Option<Step>,
        why: Why,
        after_write: bool,
    ) -> crate::ids::EffectId {
        let now = self.now;
        let timeout = self.request_timeout(name);
        let not_after = now + timeout;
        let server = errand.server();
        // The sending is bounded by `not_after`, the answer by as much again, and some more for a busy host.
        let deadline = not_after + timeout + timeout;
        let id =
            self.flights.add(Flight { provider: name.clone(), errand, begun: now, deadline, overdue: false });
        self.timers.insert((deadline, Timer::Flight(id)));
        let live = self.provider_mut(name);
        live.in_flight += 1;
        live.pace.sent(now);
        let effect = Box::new(Effect { id, provider: name.clone(), op, step, not_after, server, why });
        if after_write {
            self.gate.send_after_write(Output::Execute(effect));
        } else {
            self.gate.send(Output::Execute(effect));
        }
        id
    }
}
