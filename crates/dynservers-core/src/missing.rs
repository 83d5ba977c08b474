//! The missing: what looks lack, when that is believed, and when it is an alarm instead.

use alloc::vec::Vec;

use crate::effect::Failure;
use crate::ids::{ProviderName, ServerId};
use crate::provider::LookRun;
use crate::reconciler::Reconciler;
use crate::record::Hold;
use crate::time::Time;

/// A loss of this many, if they are all there were, is an alarm and not news.
const ALL_MISSING: usize = 3;

/// A loss of more than this many, and of more than a fifth, is believed of none before all were asked about.
const MANY_MISSING: usize = 2;

impl Reconciler {
    /// Takes the provider's own word that there is no such server. The only thing that convicts, once a check that began
    /// after it has shown that it was not the word of another account, and a look after that lacks the server still.
    pub(crate) fn absent_by_word(&mut self, id: ServerId, failure: Failure, begun: Time) {
        let Some(record) = self.ledger.server(id) else { return };
        let name = record.provider.clone();
        let list_lag = self.provider_config(&name).map(|config| config.list_lag).unwrap_or_default();
        let is_newborn = record.bound_at.is_none_or(|at| begun < at + list_lag);
        self.ledger.update_live(id, |live| live.retry = None);
        if is_newborn || !self.may_change(&name) {
            self.clear_suspicion(id);
            return;
        }
        if self.ledger.server(id).is_some_and(|record| record.removal.is_none()) {
            self.ledger.update(id, |record| record.failure = Some(failure.into()));
        }
        self.ledger.update_live(id, |live| {
            live.inspect = false;
            live.absent = true;
        });
        let now = self.now;
        let live = self.provider_mut(&name);
        live.absent.insert(id);
        live.absent_at = now;
        self.convict(&name);
    }

    /// The server is there, or what is known of it is not enough to doubt that.
    pub(crate) fn clear_suspicion(&mut self, id: ServerId) {
        self.ledger.update_live(id, |live| {
            live.suspected = false;
            live.inspect = false;
            live.absent = false;
        });
        let Some(name) = self.ledger.server(id).map(|record| record.provider.clone()) else { return };
        let live = self.provider_mut(&name);
        if live.absent.remove(&id) || live.lost_many {
            self.convict(&name);
        }
    }

    /// Ends the servers whose absence is the provider's own word. After a large loss none of them before all the
    /// others that are missed were asked about too.
    pub(crate) fn convict(&mut self, name: &ProviderName) {
        let suspected = self.ledger.providers.get(name).map_or(0, |index| index.suspected as usize);
        let live = self.provider_mut(name);
        if live.lost_many && suspected > live.absent.len() {
            return;
        }
        if !live.absent.is_empty() && live.confirmed < Some(live.absent_at) {
            self.check_again(name);
            return;
        }
        if live.looked < live.confirmed {
            return;
        }
        live.lost_many = false;
        for id in core::mem::take(&mut live.absent) {
            if self.ledger.server(id).is_some_and(|record| record.removal.is_none()) {
                self.note_short_life(id);
            }
            self.end_server(id);
        }
    }

    /// Asks who we are there before what it said of ours is believed, and looks again after that.
    pub(crate) fn check_again(&mut self, name: &ProviderName) {
        let now = self.now;
        let live = self.provider_mut(name);
        live.checked = false;
        live.next_look = now;
        self.touch_provider(name);
    }

    /// Plans anew for those that a search did not find, now that the account has proved to be ours. A search that ended after
    /// the check began waits for another one.
    pub(crate) fn believe_searches(&mut self, name: &ProviderName) {
        let live = self.provider_mut(name);
        let (searched, confirmed) = (core::mem::take(&mut live.searched), live.confirmed);
        let is_late =
            |id: &&ServerId| self.ledger.get(**id).is_some_and(|server| server.live.searched_at > confirmed);
        let (late, believed): (Vec<&ServerId>, Vec<&ServerId>) = searched.iter().partition(is_late);
        let late: Vec<ServerId> = late.into_iter().copied().collect();
        self.ledger.touched.extend(believed);
        let live = self.provider_mut(name);
        live.wants_check = !late.is_empty();
        live.searched = late;
    }

    /// Forgets what another account said, or lacked: it knows nothing of ours.
    pub(crate) fn acquit(&mut self, name: &ProviderName) {
        for id in core::mem::take(&mut self.provider_mut(name).searched) {
            self.ledger.update_live(id, |live| live.searches = 0);
            self.ledger.touched.insert(&id);
        }
        for id in core::mem::take(&mut self.provider_mut(name).absent) {
            self.clear_suspicion(id);
        }
    }

    /// Whether a look showed every server as it was, so that nothing is to be judged: each of those that take part in looks,
    /// once, and none of them went meanwhile. A hold or an operator's word is for the long way.
    pub(crate) fn is_all_there(&mut self, name: &ProviderName, run: &LookRun) -> bool {
        let record = self.ledger.fleet().providers.get(name);
        let is_free = record.is_none_or(|record| record.hold.is_none() && !record.accept_missing);
        let index = self.ledger.providers.get(name);
        let is_all = index.is_some_and(|index| {
            index.departed == run.departed && index.watched.len() as u64 == run.as_known
        });
        let live = self.provider_mut(name);
        if is_free && is_all {
            live.missed_all = false;
        }
        is_free && is_all
    }

    /// Looks at what a look lacks. What we deleted may be gone by it; all else is at most suspected.
    pub(crate) fn judge_missing(&mut self, name: &ProviderName, run: &LookRun) {
        let (begun, is_complete) = (run.reading.begun, run.is_complete());
        let Some(index) = self.ledger.providers.get(name) else { return };
        let list_lag = self.provider_config(name).map(|config| config.list_lag).unwrap_or_default();
        let (mut deleted, mut missing) = (Vec::new(), Vec::new());
        let (mut expected, mut lost) = (0_usize, 0_usize);
        for id in &index.watched {
            let Some(server) = self.ledger.get(*id) else { continue };
            let is_missing = server.live.seen.is_none_or(|seen| seen.begun < begun);
            if let Some(at) = server.deleted_at() {
                if is_missing && at <= begun {
                    deleted.push(*id);
                }
            } else if server.record.bound_at.is_some_and(|bound_at| bound_at + list_lag <= begun) {
                expected += usize::from(server.is_expected());
                if is_missing && !server.is_being_deleted() {
                    lost += usize::from(server.is_expected());
                    missing.push(*id);
                }
            }
        }
        for id in deleted {
            self.judge_deleted(name, id, run);
        }
        if self.hold_if_all_missing(name, lost, lost == expected && expected > 0, expected) {
            return;
        }
        self.provider_mut(name).lost_many |= lost > MANY_MISSING.max(expected / 5);
        for id in missing {
            let misses = self.ledger.update_live(id, |live| live.missed(begun));
            if cfg!(dynservers_knockout = "conviction") {
                self.end_server(id);
            } else if is_complete || misses >= Some(2) {
                self.suspect(id);
            }
        }
    }

    /// What we deleted is gone after two looks that lack it, if a check since the first of them has shown that these are looks
    /// at our account, and unless they say themselves that they lack something.
    fn judge_deleted(&mut self, name: &ProviderName, id: ServerId, run: &LookRun) {
        let count = self.ledger.update_live(id, |live| (live.missed(run.reading.begun), live.missed_at));
        let Some((misses, since)) = count else { return };
        let live = self.provider_mut(name);
        if misses < 2 || live.confirmed < Some(since) {
            live.wants_check = true;
        } else if run.is_short() {
            self.suspect(id);
        } else {
            self.end_server(id);
        }
    }

    fn suspect(&mut self, id: ServerId) {
        self.ledger.update_live(id, |live| live.suspected = true);
        self.ledger.touched.insert(&id);
    }

    /// Tells whether what is missing may not be believed for now: everything at once is rather the wrong account.
    fn hold_if_all_missing(
        &mut self,
        name: &ProviderName,
        missing: usize,
        all: bool,
        expected: usize,
    ) -> bool {
        let record = self.ledger.fleet().providers.get(name);
        let is_held = matches!(record.and_then(|record| record.hold.as_ref()), Some(Hold::AllMissing { .. }));
        let is_accepted = record.is_some_and(|record| record.accept_missing);
        let now = self.now;
        let live = self.provider_mut(name);
        if !all {
            live.missed_all = false;
            if is_accepted {
                self.ledger.update_fleet(|fleet| {
                    fleet.providers.entry(name.clone()).or_default().accept_missing = false;
                });
            }
            if is_held && expected > 0 {
                self.end_hold(name);
            }
            return false;
        }
        if is_held {
            return true;
        }
        // Accepted until all were asked about, however many looks that takes.
        if is_accepted {
            return false;
        }
        if !core::mem::replace(&mut live.missed_all, true) {
            // Before anything is believed.
            self.check_again(name);
            if missing < ALL_MISSING {
                return true;
            }
        }
        if missing >= ALL_MISSING {
            let servers = u32::try_from(missing).unwrap_or(u32::MAX);
            self.begin_hold(name, Hold::AllMissing { servers, since: now });
            return true;
        }
        false
    }

    pub(crate) fn inspect_disowned(&mut self, name: &ProviderName) {
        if self.is_restless(name) {
            return;
        }
        let Some(index) = self.ledger.providers.get(name) else { return };
        for id in index.left.clone() {
            self.ledger.update_live(id, |live| live.inspect = true);
            self.ledger.touched.insert(&id);
        }
    }
}
