//! Completions: what became of effects, each kind of news with its own next step.

use crate::backoff;
use crate::effect::{Completion, Failure, Outcome, Reason, Step};
use crate::event::EventKind;
use crate::ids::{EffectId, ProviderName, ServerId, Token};
use crate::inflight::{Errand, Flight};
use crate::look::Page;
use crate::plan::Task;
use crate::reconciler::{Reconciler, Timer};
use crate::status::Status;
use crate::time::Time;

impl Reconciler {
    pub(crate) fn handle_completed(&mut self, id: EffectId, completion: Completion) {
        let Some(flight) = self.flights.take(id) else { return };
        if !flight.overdue {
            self.timers.remove(&(flight.deadline, Timer::Flight(id)));
            self.land(&flight, id);
        }
        self.note_reachability(&flight, &completion);
        self.dispatch(flight, completion);
    }

    /// An answer that did not come in time counts as lost.
    pub(crate) fn handle_overdue(&mut self, id: EffectId) {
        let Some(flight) = self.flights.expire(id) else { return };
        self.land(&flight, id);
        self.dispatch(flight, Outcome::Lost(Failure::new("no answer came in time")).into());
    }

    fn land(&mut self, flight: &Flight, id: EffectId) {
        let live = self.provider_mut(&flight.provider);
        live.in_flight = live.in_flight.saturating_sub(1);
        if matches!(flight.errand, Errand::Check | Errand::Look | Errand::Account) {
            live.reading = false;
        }
        if let Some(server) = flight.errand.server() {
            self.ledger.update_live(server, |live| {
                if live.flight == Some(id) {
                    live.flight = None;
                }
            });
            self.ledger.touched.insert(&server);
        }
        self.touched_providers.insert(&flight.provider);
    }

    fn note_reachability(&mut self, flight: &Flight, completion: &Completion) {
        let (now, name) = (self.now, &flight.provider);
        let live = self.provider_mut(name);
        let is_denied = matches!(completion.outcome, Outcome::Denied(_));
        if flight.errand.is_change() {
            match live.change_retry {
                // Refusals of one burst are one refusal.
                Some(retry) if is_denied && now < retry.at => {}
                before if is_denied => live.change_retry = Some(backoff::STEP.after(before, now)),
                Some(_) if completion.outcome.failure().is_none() => {
                    live.change_retry = None;
                    self.notify(EventKind::ProviderReachable { provider: name.clone() });
                }
                Some(_) | None => {}
            }
        } else if is_denied {
            // All is denied: the next look that succeeds will tell when that is over.
            live.change_retry = None;
        }
        let live = self.provider_mut(name);
        let pace = &mut live.pace;
        match &completion.outcome {
            Outcome::Throttled { retry_after, .. } => pace.throttled(*retry_after, now),
            Outcome::Unsent(_) => pace.unsent(now),
            Outcome::Denied(failure) => {
                let failure = failure.clone();
                self.note_denied(name, failure);
            }
            Outcome::Page(_)
            | Outcome::Inspected(_)
            | Outcome::Account(_)
            | Outcome::Created(_)
            | Outcome::Accepted
            | Outcome::Absent(_)
            | Outcome::Exists(_)
            | Outcome::Vanished(_)
            | Outcome::Refused(..)
            | Outcome::Lost(_) => pace.answered(completion.rate, now),
        }
    }

    /// The credentials do not serve: nothing is changed until a check and a look succeed again.
    fn note_denied(&mut self, name: &ProviderName, failure: Failure) {
        let (now, poll) = (self.now, self.config.timing.poll_interval);
        let live = self.provider_mut(name);
        live.checked = false;
        live.failure = Some(failure.clone());
        let is_told = live.change_retry.is_some_and(|retry| retry.tries > 1);
        if !core::mem::replace(&mut live.denied, true) {
            live.next_look = live.next_look.min(now + poll);
            if is_told {
                return;
            }
            self.notify(EventKind::CredentialsRejected { provider: name.clone(), failure });
        }
    }

    fn dispatch(&mut self, flight: Flight, completion: Completion) {
        let Completion { outcome, next, .. } = completion;
        let name = flight.provider;
        match flight.errand {
            Errand::Check => self.handle_check(&name, outcome, next),
            Errand::Look => self.handle_look(&name, outcome, next.as_ref()),
            Errand::Account => self.handle_account(&name, outcome, next),
            Errand::Create(id, token) => self.handle_create(&name, id, token, outcome, next),
            Errand::Server(id, Task::Find, Some(token)) => {
                self.handle_find(&name, id, token, outcome, next.is_none(), flight.begun);
            }
            Errand::Server(id, Task::Inspect, _) => self.handle_inspect(id, outcome, flight.begun),
            Errand::Server(id, task, _) => self.handle_task(id, task, outcome, next),
        }
    }

    fn handle_check(&mut self, name: &ProviderName, outcome: Outcome, next: Option<Step>) {
        let now = self.now;
        let live = self.provider_mut(name);
        match outcome {
            Outcome::Account(_) if next.is_some() => {
                if let Some(check) = &mut live.check {
                    check.next = next;
                }
            }
            Outcome::Account(account) => {
                let begun = live.check.take().map(|check| check.begun);
                if !self.is_known_account(name, account.identity) {
                    self.leave_account(name);
                    return;
                }
                let live = self.provider_mut(name);
                live.checked = true;
                live.next_look = now;
                live.confirmed = begun;
                self.believe_searches(name);
            }
            // Sent again as soon as the pace allows.
            Outcome::Throttled { .. } => {}
            Outcome::Denied(failure)
            | Outcome::Lost(failure)
            | Outcome::Unsent(failure)
            | Outcome::Refused(Reason::Quota | Reason::Credit | Reason::Capacity | Reason::Busy, failure) => {
                self.check_failed(name, failure);
            }
            // A provider that has nothing to check, if it never had.
            Outcome::Refused(Reason::Invalid, _)
            | Outcome::Absent(_)
            | Outcome::Accepted
            | Outcome::Page(_)
            | Outcome::Inspected(_)
            | Outcome::Created(_)
            | Outcome::Exists(_)
            | Outcome::Vanished(_) => self.handle_uncheckable(name, &outcome),
        }
    }

    /// Whose word it was that somebody is gone cannot be told now, and later another account may be ours again.
    fn check_failed(&mut self, name: &ProviderName, failure: Failure) {
        self.acquit(name);
        self.look_failed(name, failure);
    }

    fn handle_uncheckable(&mut self, name: &ProviderName, outcome: &Outcome) {
        let record = self.ledger.fleet().providers.get(name);
        if record.is_some_and(|record| record.identity.is_some()) {
            let failure = outcome.failure().cloned();
            let failure = failure.unwrap_or_else(|| Failure::new("the answer says nothing of the account"));
            self.check_failed(name, failure);
            return;
        }
        let live = self.provider_mut(name);
        live.confirmed = live.check.take().map(|check| check.begun);
        live.checked = true;
        self.believe_searches(name);
    }

    fn handle_look(&mut self, name: &ProviderName, outcome: Outcome, next: Option<&Step>) {
        match outcome {
            Outcome::Page(page) => self.take_page(name, &page, next),
            // Sent again as soon as the pace allows: the pages so far are not lost.
            Outcome::Throttled { .. } => {}
            other => {
                let failure =
                    other.failure().cloned().unwrap_or_else(|| Failure::new("the answer was no listing"));
                self.look_failed(name, failure);
            }
        }
    }

    pub(crate) fn look_failed(&mut self, name: &ProviderName, failure: Failure) {
        let (timing, now) = (self.config.timing.clone(), self.now);
        let live = self.provider_mut(name);
        let was_blind = live.is_blind();
        live.look_failed(failure.clone(), &timing, now);
        if !was_blind && live.is_blind() && !live.denied {
            self.notify(EventKind::ProviderUnreachable { provider: name.clone(), failure });
        }
    }

    fn handle_find(
        &mut self,
        name: &ProviderName,
        id: ServerId,
        token: Token,
        outcome: Outcome,
        is_last: bool,
        begun: Time,
    ) {
        let now = self.now;
        match outcome {
            Outcome::Page(page) => {
                // No other page is read: where there is one, nothing is known of what this one lacks.
                let is_told_whole = page.total.is_none_or(|total| total == page.servers.len() as u64);
                let is_whole = is_last && is_told_whole;
                let shows_it = page.servers.iter().any(|server| server.labels.token == Some(token));
                for observed in page.servers.iter().filter(|server| server.labels.token == Some(token)) {
                    self.observe(name, observed, begun);
                }
                let is_current = self.ledger.server(id).and_then(|record| record.attempt.as_ref());
                let is_current = is_current.is_some_and(|attempt| attempt.token == token);
                if is_whole && !shows_it && is_current {
                    self.ledger.update_live(id, |live| {
                        if !core::mem::take(&mut live.exists) {
                            live.searches = live.searches.saturating_add(1);
                            live.searched_at = Some(now);
                        }
                        live.retry = None;
                    });
                    let live = self.provider_mut(name);
                    live.wants_check = true;
                    live.searched.push(id);
                } else if !shows_it {
                    self.retry_read(id);
                }
            }
            Outcome::Throttled { .. } => {}
            _ => self.retry_read(id),
        }
        self.ledger.touched.insert(&id);
    }

    pub(crate) fn retry_read(&mut self, id: ServerId) {
        let now = self.now;
        self.ledger.update_live(id, |live| live.retry = Some(backoff::STEP.after(live.retry, now)));
    }

    fn handle_inspect(&mut self, id: ServerId, outcome: Outcome, begun: Time) {
        match outcome {
            Outcome::Inspected(observed) => self.inspected(id, &observed, begun),
            Outcome::Absent(failure) => self.absent_by_word(id, failure, begun),
            Outcome::Throttled { .. } => {}
            _ => self.retry_read(id),
        }
        self.ledger.touched.insert(&id);
    }

    fn handle_task(&mut self, id: ServerId, task: Task, outcome: Outcome, next: Option<Step>) {
        let now = self.now;
        match (task, outcome) {
            (Task::Stop(_), Outcome::Accepted) => {
                self.accepted(id, |record| {
                    if let Some(stop) = record.removal.as_mut().and_then(|removal| removal.stop.as_mut()) {
                        stop.accepted = true;
                    }
                });
            }
            // The provider's word that it is not there ends nothing by itself: two looks must lack it.
            (Task::Delete, Outcome::Accepted | Outcome::Absent(_)) => {
                self.accepted(id, |record| {
                    if let Some(delete) = record.removal.as_mut().and_then(|removal| removal.delete.as_mut())
                    {
                        delete.accepted_at = Some(now);
                    }
                });
            }
            (Task::Reboot, Outcome::Accepted | Outcome::Lost(_)) => {
                self.accepted(id, |record| {
                    if let Some(reboot) = &mut record.reboot {
                        reboot.accepted_at = Some(now);
                    }
                });
            }
            (Task::Continue, Outcome::Accepted | Outcome::Created(_) | Outcome::Inspected(_)) => {
                self.accepted(id, |record| record.unfinished = next);
            }
            (task, Outcome::Absent(failure)) => {
                // It may have been convicted while the answer was on its way.
                let is_there = self.ledger.server(id).is_some_and(|record| record.status != Status::Deleted);
                self.ledger.update(id, |record| {
                    record.failure = Some(failure.into());
                    if task == Task::Reboot {
                        record.reboot = None;
                    }
                });
                self.ledger.update_live(id, |live| {
                    live.suspected = is_there;
                    live.act_after = now;
                });
            }
            (task, outcome) => self.task_failed(id, task, &outcome),
        }
    }

    fn accepted(&mut self, id: ServerId, change: impl FnOnce(&mut crate::record::ServerRecord)) {
        let now = self.now;
        self.ledger.update(id, |record| {
            record.retry = None;
            change(record);
        });
        self.ledger.update_live(id, |live| live.act_after = now);
    }

    /// A stop, delete or reboot that was not accepted: what is seen next decides what is asked next.
    fn task_failed(&mut self, id: ServerId, task: Task, outcome: &Outcome) {
        let now = self.now;
        let (waits_for_look, backs_off) = match outcome {
            Outcome::Refused(Reason::Busy, _) => (true, task == Task::Continue || self.is_out_of_reach(id)),
            Outcome::Throttled { .. } | Outcome::Unsent(_) | Outcome::Denied(_) => (false, false),
            _ => (true, true),
        };
        let failure = outcome.failure().cloned();
        self.ledger.update(id, |record| {
            if failure.is_some() {
                record.failure = failure.map(Into::into);
            }
            if task == Task::Reboot {
                record.reboot = None;
            }
            if backs_off || task == Task::Reboot {
                record.retry = Some(backoff::STEP.after(record.retry, now));
            }
        });
        if waits_for_look {
            self.ledger.update_live(id, |live| live.act_after = now);
        }
    }

    /// Whether a server is in a state in which it obeys nothing, so that asking at every look is asking too often.
    fn is_out_of_reach(&self, id: ServerId) -> bool {
        use crate::look::ProviderState;
        let seen = self.ledger.get(id).and_then(|server| server.live.seen);
        seen.is_none_or(|seen| !matches!(seen.state, ProviderState::Running | ProviderState::Stopped))
    }

    /// Takes one page of a look: what it shows counts at once, what it lacks only at the end.
    fn take_page(&mut self, name: &ProviderName, page: &Page, next: Option<&Step>) {
        let live = self.provider_mut(name);
        let Some(run) = &mut live.look else { return };
        let may_go_on = run.add(page);
        let begun = run.reading.begun;
        run.reading.next = next.cloned();
        let as_known = page.servers.iter().filter(|observed| self.look_at(name, observed, begun)).count();
        if let Some(run) = &mut self.provider_mut(name).look {
            run.as_known += as_known as u64;
        }
        if next.is_none() {
            self.end_look(name);
        } else if !may_go_on {
            self.look_failed(name, Failure::new("the listing has no end"));
        }
    }
}
