//! Sight: what looks show, what they lack, and what both mean for the records.

use alloc::vec::Vec;

use crate::backoff;
use crate::effect::Failure;
use crate::event::EventKind;
use crate::ids::{OwnerId, ProviderName, ServerId};
use crate::look::{Observed, ProviderState};
use crate::reconciler::Reconciler;
use crate::record::{Found, Phase, Retry};
use crate::server::Sighting;
use crate::status::Status;
use crate::time::Time;
use crate::why::Why;

impl Reconciler {
    /// Takes one server of a look. Gives whether it is as it was, and this look had not shown it before.
    pub(crate) fn look_at(&mut self, name: &ProviderName, observed: &Observed, begun: Time) -> bool {
        // Whoever bears our labels has a number that was given before, or is found the long way.
        if !self.is_lost_to_us(observed) {
            let sighting = Sighting { begun, state: observed.state, is_listed: true };
            if let Some(is_first) = self.ledger.glance(name, observed, sighting) {
                return is_first;
            }
        }
        self.observe(name, observed, begun);
        false
    }

    /// Takes one server as a listing shows it. A sighting counts whatever becomes of the rest of the listing.
    pub(crate) fn observe(&mut self, name: &ProviderName, observed: &Observed, begun: Time) {
        if observed.labels.fleet.as_ref() != Some(&self.ledger.fleet().fleet) {
            return;
        }
        if let Some(seen) = observed.labels.server {
            self.ledger.skip_server_ids(seen);
        }
        if let Some(id) = self.ledger.by_sighting(name, observed) {
            self.observe_known(id, observed, begun, true);
            return;
        }
        if self.is_seen_elsewhere(name, observed) {
            return;
        }
        let Some(id) = observed.labels.token.and_then(|token| self.ledger.by_token(token)) else {
            self.observe_unknown(name, observed, begun);
            return;
        };
        let is_awaited = self.ledger.server(id).is_some_and(|record| {
            record.provider == *name
                && record.provider_id.is_none()
                && record.status != Status::Deleted
                && record.attempt.as_ref().is_some_and(|attempt| {
                    attempt.phase != Phase::Bound && Some(attempt.token) == observed.labels.token
                })
        });
        if is_awaited {
            self.bind(id, observed.provider_id.clone(), observed.addresses.clone(), None);
            self.sight(id, Sighting { begun, state: observed.state, is_listed: true });
        } else {
            self.adopt_duplicate(name, observed);
        }
    }

    /// Whether another provider answers for this server: two names may lead to one account, and what either shows is no
    /// duplicate of what the other does.
    fn is_seen_elsewhere(&self, name: &ProviderName, observed: &Observed) -> bool {
        let Some(token) = observed.labels.token else { return false };
        let answers = |other: &ProviderName| other != name && self.config.providers.contains_key(other);
        let known = self.ledger.by_token(token).and_then(|id| self.ledger.server(id));
        known.is_some_and(|record| answers(&record.provider))
            || self.ledger.providers.iter().any(|(other, index)| {
                let found = index.found.get(&observed.provider_id);
                answers(other) && found.is_some_and(|found| found.record.token == Some(token))
            })
    }

    fn observe_known(&mut self, id: ServerId, observed: &Observed, begun: Time, is_listed: bool) {
        if self.is_lost_to_us(observed) {
            self.disown(id);
            return;
        }
        let Some(record) = self.ledger.server(id) else { return };
        let is_moved = !observed.addresses.is_empty() && record.addresses != observed.addresses;
        if record.disowned || is_moved {
            self.ledger.update(id, |record| {
                record.disowned = false;
                if is_moved {
                    record.addresses.clone_from(&observed.addresses);
                }
            });
        }
        self.sight(id, Sighting { begun, state: observed.state, is_listed });
    }

    pub(crate) fn is_ours(&self, observed: &Observed) -> bool {
        let fleet = self.ledger.fleet();
        let is_our_owner = |owner: &OwnerId| *owner == fleet.owner || fleet.taken_owners.contains(owner);
        observed.labels.fleet.as_ref() == Some(&fleet.fleet)
            && observed.labels.owner.as_ref().is_some_and(is_our_owner)
    }

    /// Whether a server that we know bears no label of our fleet any more, or another owner's. One without any owner's
    /// label is nobody else's.
    fn is_lost_to_us(&self, observed: &Observed) -> bool {
        observed.labels.fleet.as_ref() != Some(&self.ledger.fleet().fleet)
            || (observed.labels.owner.is_some() && !self.is_ours(observed))
    }

    /// Takes a sighting of a server that has a record.
    fn sight(&mut self, id: ServerId, sighting: Sighting) {
        if self.ledger.sight_quietly(id, sighting) {
            return;
        }
        if self.ledger.get(id).is_some_and(|server| server.live.suspected) {
            self.clear_suspicion(id);
        }
        self.ledger.touched.insert(&id);
        let Some(record) = self.ledger.server(id) else { return };
        let is_ending = record.removal.is_some();
        match (record.status, sighting.state) {
            (Status::Deleted, _) => self.came_back(id, sighting),
            (_, ProviderState::Running) if is_ending => {}
            // Up, and not yet whole: its create has more to ask for.
            (Status::Starting | Status::Hanging, ProviderState::Running) if record.unfinished.is_some() => {}
            (Status::Starting | Status::Hanging | Status::Errored, ProviderState::Running) => {
                self.came_up(id);
            }
            (Status::Rebooting, state) => self.sight_rebooting(id, state, sighting.begun),
            (_, ProviderState::Stopped) if is_ending => self.seen_stopped(id, sighting.begun),
            (Status::Starting, ProviderState::Stopped) if record.unfinished.is_some() => {}
            (
                Status::Starting | Status::Running | Status::Hanging | Status::Errored,
                ProviderState::Stopped,
            ) => {
                self.found_stopped(id);
            }
            (Status::Starting | Status::Running | Status::Hanging, ProviderState::Error) if !is_ending => {
                self.seen_in_error(id);
            }
            _ => {}
        }
    }

    fn came_up(&mut self, id: ServerId) {
        self.learn_boot(id);
        self.change_and_move_server(id, Status::Running, EventKind::Running, |record| {
            record.failure = None;
            record.failed_at = None;
            record.retry = None;
            record.reboot = None;
        });
        let Some(record) = self.ledger.server(id) else { return };
        let (server_type, lacks_address) = (record.server_type.clone(), record.addresses.is_empty());
        if record.replaces.is_some() {
            self.ledger.update_type(&server_type, |record| record.replacement_backoff = None);
        }
        if lacks_address {
            self.ledger.update_live(id, |live| live.inspect = true);
        }
    }

    /// A reboot is done when the server was seen to leave and come back, or its time has passed.
    fn sight_rebooting(&mut self, id: ServerId, state: ProviderState, begun: Time) {
        let Some(record) = self.ledger.server(id) else { return };
        let Some(reboot) = record.reboot else { return };
        let Some(accepted_at) = reboot.accepted_at.filter(|at| begun >= *at) else { return };
        let restart_time =
            self.provider_config(&record.provider).map(|config| config.restart_time).unwrap_or_default();
        let is_due = begun >= accepted_at + restart_time;
        match state {
            ProviderState::Running if reboot.seen_down || is_due => {
                self.learn(id, Status::Rebooting, reboot.at);
                self.came_up(id);
            }
            ProviderState::Stopped if is_due => self.found_stopped(id),
            ProviderState::Error => self.seen_in_error(id),
            ProviderState::InProgress | ProviderState::Stopped if !reboot.seen_down => {
                self.ledger.update(id, |record| {
                    if let Some(reboot) = &mut record.reboot {
                        reboot.seen_down = true;
                    }
                });
            }
            ProviderState::Running
            | ProviderState::Stopped
            | ProviderState::InProgress
            | ProviderState::Deleting
            | ProviderState::Unknown => {}
        }
    }

    fn seen_stopped(&mut self, id: ServerId, begun: Time) {
        let Some(record) = self.ledger.server(id) else { return };
        let stop = record.removal.as_ref().and_then(|removal| removal.stop);
        // A listing from before the deletion was asked for says nothing of it.
        let is_deleting = record.status == Status::Deleting
            || record
                .removal
                .as_ref()
                .is_some_and(|removal| removal.delete.is_some_and(|delete| begun <= delete.at));
        let is_stuck = record.status == Status::Hanging
            && record.removal.as_ref().is_some_and(|removal| removal.delete.is_some());
        if record.status == Status::Stopped || is_deleting || is_stuck {
            return;
        }
        if let Some(stop) = stop {
            self.learn(id, Status::Stopping, stop.at);
        }
        self.change_and_move_server(id, Status::Stopped, EventKind::Stopped, |record| record.retry = None);
    }

    /// Nobody here stopped it: it is news, and then it is replaced.
    fn found_stopped(&mut self, id: ServerId) {
        let now = self.now;
        if self.config.shadow {
            return;
        }
        if self.ledger.server(id).is_some_and(|record| record.protected) {
            // An operator keeps it: it failed, and is back when somebody starts it.
            if self.ledger.server(id).is_some_and(|record| record.status != Status::Errored) {
                self.ledger.update(id, |record| {
                    record.failure =
                        Some(Failure::new("it was stopped, though nobody here asked for it").into());
                    record.failed_at = Some(now);
                });
                self.move_server(id, Status::Errored, EventKind::Errored);
            }
            return;
        }
        self.note_short_life(id);
        self.ledger.update(id, |record| record.doom(Why::FoundStopped, now));
        self.move_server(id, Status::Stopped, EventKind::Stopped);
    }

    /// A server that ends by itself soon after it was made will do so again: the next ones wait, longer each time.
    pub(crate) fn note_short_life(&mut self, id: ServerId) {
        let (now, short) = (self.now, self.config.timing.hanging_after);
        let Some(record) = self.ledger.server(id) else { return };
        let lived = record.bound_at.map(|at| now.since(at));
        if lived.is_none_or(|lived| lived >= short) {
            return;
        }
        let server_type = record.server_type.clone();
        self.ledger.update_type(&server_type, |record| {
            let recent = record.short_lives.filter(|retry| now < retry.at + backoff::CREATE.most);
            // Those that end together are one.
            if recent.is_none() {
                record.short_lives_since = Some(now);
            }
            if recent.is_none_or(|retry| now >= retry.at) {
                record.short_lives = Some(backoff::CREATE.after(recent, now));
            }
        });
    }

    fn seen_in_error(&mut self, id: ServerId) {
        let now = self.now;
        self.ledger.update(id, |record| {
            record.failure = Some(Failure::new("the provider reports an error of the server").into());
            record.failed_at = Some(now);
        });
        self.move_server(id, Status::Errored, EventKind::Errored);
    }

    /// It was taken for gone. If we deleted it, the deletion goes on; else it is taken back.
    fn came_back(&mut self, id: ServerId, sighting: Sighting) {
        if self.config.shadow {
            return;
        }
        let now = self.now;
        let Some(record) = self.ledger.server(id) else { return };
        if sighting.begun <= record.status_since {
            return;
        }
        let was_deleted = record.removal.as_ref().is_some_and(|removal| removal.delete.is_some());
        let status = match sighting.state {
            ProviderState::Stopped => Status::Stopped,
            ProviderState::Running => Status::Running,
            ProviderState::InProgress
            | ProviderState::Error
            | ProviderState::Deleting
            | ProviderState::Unknown => Status::Starting,
        };
        self.ledger.update(id, |record| {
            // Its worker was told to go, and goes on believing that.
            if record.removal.take().is_some_and(|removal| removal.drain.is_some()) {
                record.recall = Some(Retry { tries: 0, at: now });
            }
            record.failure = None;
            record.failed_at = None;
            record.retry = None;
            if was_deleted {
                record.doom(Why::DeletedBefore, now);
            } else if status == Status::Stopped {
                record.doom(Why::FoundStopped, now);
            }
        });
        self.ledger.update_live(id, |live| live.act_after = Time::ZERO);
        self.move_server(id, status, EventKind::Returned);
    }

    /// Takes what the provider says of one server when asked about it.
    pub(crate) fn inspected(&mut self, id: ServerId, observed: &Observed, begun: Time) {
        let is_same = self.ledger.server(id).and_then(|record| record.provider_id.as_ref())
            == Some(&observed.provider_id);
        if !is_same {
            self.retry_read(id);
            return;
        }
        self.ledger.update_live(id, |live| live.retry = None);
        self.clear_suspicion(id);
        self.observe_known(id, observed, begun, false);
    }

    /// Ends a look that was read to its end.
    pub(crate) fn end_look(&mut self, name: &ProviderName) {
        let live = self.provider_mut(name);
        let Some(run) = live.look.take() else { return };
        if !live.surveyed && run.is_short() {
            // No ground to change anything on.
            self.look_failed(name, Failure::new("the listing says that it lacks something"));
            return;
        }
        let begun = run.reading.begun;
        let is_survey = !live.surveyed && (run.is_complete() || live.looked.is_some());
        let was_blind = live.is_blind() || live.denied;
        // Only the changes are denied: a look that succeeds is no news.
        let is_told = live.change_retry.is_some();
        live.looked = Some(begun);
        live.failed_looks = 0;
        live.denied = false;
        live.failure = None;
        if was_blind && !is_told {
            self.notify(EventKind::ProviderReachable { provider: name.clone() });
        }
        if !self.is_all_there(name, &run) {
            self.judge_missing(name, &run);
        }
        if self.provider(name).is_some_and(|live| !live.absent.is_empty()) {
            self.convict(name);
        }
        if !run.is_short() {
            self.drop_unseen_found(name, begun);
        }
        if is_survey {
            // Set before, what the look found would be somebody's who came after us.
            self.provider_mut(name).surveyed = true;
            self.note_restored(name);
        }
        self.adopt_due(name, begun);
        self.inspect_disowned(name);
        let timing = &self.config.timing;
        let pause = if self.is_restless(name) { timing.poll_interval } else { timing.resync_interval };
        let now = self.now;
        let (next, live) = (now + pause, self.provider_mut(name));
        // Unless something asked for a sooner one while this one ran.
        if !live.surveyed {
            live.next_look = now;
        } else if live.next_look <= begun || live.next_look > next {
            live.next_look = next;
        }
        self.touch_provider(name);
    }

    /// Forgets what two looks lacked, if a check between them has shown that they were looks at our account.
    fn drop_unseen_found(&mut self, name: &ProviderName, begun: Time) {
        let confirmed = self.provider(name).and_then(|live| live.confirmed);
        let (mut gone, mut is_doubtful) = (Vec::new(), false);
        for (id, found) in &mut self.ledger.provider_index(name).found {
            if found.seen.is_some_and(|seen| seen >= begun) {
                continue;
            }
            if found.misses == 0 {
                found.missed_at = begun;
            }
            found.misses = found.misses.saturating_add(1);
            if found.misses >= 2 && confirmed >= Some(found.missed_at) {
                gone.push(id.clone());
            } else {
                is_doubtful = true;
            }
        }
        for id in gone {
            self.ledger.drop_found(name, &id);
        }
        if is_doubtful {
            self.check_again(name);
        }
        let holds = |found: &crate::record::FoundRecord| found.provider == *name && found.kind == Found::Held;
        let is_second =
            self.ledger.fleet().providers.get(name).is_some_and(|record| record.second_controller);
        if is_second && !self.ledger.found().any(holds) {
            self.ledger.update_fleet(|fleet| {
                fleet.providers.entry(name.clone()).or_default().second_controller = false;
            });
        }
    }
}
