//! The account: who it is, how many servers it has, and how many more it has room for.

use alloc::string::String;
use alloc::vec::Vec;

use crate::backoff;
use crate::effect::{Account, Outcome, Reason, Step};
use crate::event::EventKind;
use crate::ids::{ProviderName, ServerId};
use crate::provider::AccountSeen;
use crate::reconciler::Reconciler;
use crate::record::Hold;
use crate::time::Time;

impl Reconciler {
    /// Compares the account with the one that was stored, and holds everything if it is another.
    pub(crate) fn is_known_account(&mut self, name: &ProviderName, identity: Option<String>) -> bool {
        let Some(found) = identity else { return true };
        let record = self.ledger.fleet().providers.get(name).cloned().unwrap_or_default();
        match (record.identity, record.hold) {
            (None, _) => {
                self.ledger.update_fleet(|fleet| {
                    fleet.providers.entry(name.clone()).or_default().identity = Some(found);
                });
                true
            }
            (Some(known), hold) if known == found => {
                if matches!(hold, Some(Hold::OtherAccount { .. })) {
                    self.end_hold(name);
                }
                true
            }
            (Some(known), Some(Hold::OtherAccount { found: held, .. }))
                if held == found && known != found =>
            {
                false
            }
            (Some(known), _) => {
                let since = self.now;
                self.begin_hold(name, Hold::OtherAccount { known, found, since });
                false
            }
        }
    }

    /// The account is not the one that is known: what it says is believed in nothing, and it is asked again who it is.
    pub(crate) fn leave_account(&mut self, name: &ProviderName) {
        let again_at = self.now + self.config.timing.poll_interval;
        let live = self.provider_mut(name);
        live.checked = false;
        live.next_look = again_at;
        self.acquit(name);
    }

    /// Stands still until an operator has looked.
    pub(crate) fn begin_hold(&mut self, name: &ProviderName, hold: Hold) {
        let reason = crate::view::hold_reason(&hold);
        self.ledger.update_fleet(|fleet| fleet.providers.entry(name.clone()).or_default().hold = Some(hold));
        self.notify(EventKind::Held { provider: name.clone(), reason });
    }

    /// Moves again: what it was held for has proved to be wrong.
    pub(crate) fn end_hold(&mut self, name: &ProviderName) {
        self.ledger.update_fleet(|fleet| fleet.providers.entry(name.clone()).or_default().hold = None);
        self.notify(EventKind::Resumed { provider: name.clone() });
        self.touch_provider(name);
    }

    pub(crate) fn handle_account(&mut self, name: &ProviderName, outcome: Outcome, next: Option<Step>) {
        let now = self.now;
        let live = self.provider_mut(name);
        let Some(reading) = &mut live.account_read else { return };
        match outcome {
            Outcome::Account(Account { total, limit, identity }) => {
                if next.is_some() {
                    reading.next = next;
                    return;
                }
                let begun = reading.begun;
                live.account_read = None;
                // The credentials may have changed since the latest check, and this is the word before creates.
                if !self.is_known_account(name, identity) {
                    self.leave_account(name);
                    return;
                }
                let live = self.provider_mut(name);
                live.account_retry = None;
                live.account = Some(AccountSeen { begun, ended: now, total, limit });
                self.count_seen(name, begun);
                self.touch_provider(name);
            }
            Outcome::Throttled { .. } => {}
            // A provider that keeps no account to read: nothing is known of it, and that will not change.
            Outcome::Refused(Reason::Invalid, _) | Outcome::Absent(_) => {
                let begun = reading.begun;
                live.account_read = None;
                live.account = Some(AccountSeen { begun, ended: now, total: None, limit: None });
                self.count_seen(name, begun);
                self.touch_provider(name);
            }
            other => {
                live.account_read = None;
                live.account_retry = Some(backoff::STEP.after(live.account_retry, now));
                if let Some(failure) = other.failure() {
                    live.failure = Some(failure.clone());
                }
            }
        }
    }

    /// Marks which servers the account's total includes: those seen by a look that began before it was read.
    pub(crate) fn count_seen(&mut self, name: &ProviderName, begun: Time) {
        let Some(index) = self.ledger.providers.get(name).filter(|index| index.uncounted > 0) else { return };
        let Some(looked) = self.provider(name).and_then(|live| live.looked).filter(|looked| *looked <= begun)
        else {
            return;
        };
        let is_counted = |id: &&ServerId| {
            self.ledger.get(**id).is_some_and(|server| {
                !server.live.counted && server.live.seen.is_some_and(|seen| seen.begun >= looked)
            })
        };
        let counted: Vec<ServerId> = index.watched.iter().filter(is_counted).copied().collect();
        for id in counted {
            self.ledger.update_live(id, |live| live.counted = true);
        }
    }

    /// Gives how many more servers the account has room for. Creates that no total includes yet count against it.
    pub(crate) fn account_room(&self, name: &ProviderName) -> u64 {
        let index = self.ledger.providers.get(name);
        let (existing, uncounted) =
            index.map_or((0, 0), |index| (u64::from(index.existing), u64::from(index.uncounted)));
        let seen = self.provider(name).and_then(|live| live.account);
        let configured =
            self.provider_config(name).and_then(|config| config.max_servers_in_account).map(u64::from);
        let limit = [configured, seen.and_then(|seen| seen.limit)].into_iter().flatten().min();
        let Some(limit) = limit else { return u64::MAX };
        let known = existing - uncounted;
        let total = seen.and_then(|seen| seen.total).unwrap_or(known).max(known);
        limit.saturating_sub(total + uncounted)
    }

    /// Whether the account's total is too old to create by.
    pub(crate) fn lacks_account(&self, name: &ProviderName) -> bool {
        let seen = self.provider(name).and_then(|live| live.account);
        seen.is_none_or(|seen| self.now.since(seen.ended) > self.config.timing.poll_interval)
    }

    /// Whether a create waits only for a total of the account that is young enough.
    pub(crate) fn wants_account(&self, name: &ProviderName) -> bool {
        let retry = self.provider(name).and_then(|live| live.account_retry);
        let may_ask = retry.is_none_or(|retry| self.now >= retry.at);
        may_ask
            && self.lacks_account(name)
            && self.may_create(name)
            && self.types_at(name).any(|name| self.next_create(name).is_some())
    }
}
