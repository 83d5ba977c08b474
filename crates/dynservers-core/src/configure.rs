//! Reconfiguring: another configuration from now on, without a restart.

use alloc::vec::Vec;

use crate::config::Config;
use crate::ids::{ServerId, TypeName};
use crate::provider::Provider;
use crate::reconciler::Reconciler;
use crate::record::{Retry, ServerRecord};
use crate::status::Status;
use crate::why::Why;

impl Reconciler {
    /// Goes by another configuration. What was wanted and not yet asked for is made from it; what exists stays as it is.
    pub(crate) fn handle_configure(&mut self, mut config: Config) {
        config.share_names();
        self.ledger.share_names(&config);
        let before = core::mem::replace(&mut self.config, config);
        for name in self.config.providers.keys() {
            let live = self.providers.entry(name.clone()).or_default();
            if !before.providers.contains_key(name) {
                // What was known of it before it went is old; what is under way still ends.
                let (reading, in_flight, wake) = (live.reading, live.in_flight, live.wake);
                *live = Provider { reading, in_flight, wake, ..Provider::default() };
            }
            // Its credentials may be others: who we are there, and what there is, before anything is made.
            live.checked = false;
            live.next_look = self.now;
            live.change_retry = None;
            live.account_retry = None;
        }
        self.prepared.clear();
        self.unprepared.clear();
        for id in self.ledger.ids() {
            if self.ledger.server(id).is_some_and(|record| record.status == Status::New) {
                self.prepare_or_drop(id);
            }
            self.recall_adopted(id, &before);
            self.ledger.touched.insert(&id);
        }
        // What failed may have been mended: nobody should wait half an hour to see whether it was.
        let types: Vec<TypeName> = self.ledger.fleet().types.keys().cloned().collect();
        for name in types {
            self.ledger.update_type(&name, |record| {
                record.create_backoff.clear();
                record.creates_fail_since = None;
                record.replacement_backoff = None;
                record.short_lives = None;
                record.short_lives_since = None;
            });
        }
        self.touch_everything();
    }

    /// Whoever had an adopted server before may have told its worker to go, and only now does somebody say how to ask it.
    fn recall_adopted(&mut self, id: ServerId, before: &Config) {
        let drains = |config: &Config, record: &ServerRecord| {
            config.server_types.get(&record.server_type).is_some_and(|config| config.drain.is_some())
        };
        let is_meant = |record: &ServerRecord| {
            let is_adopted = record.why == Why::Found && record.removal.is_none();
            is_adopted && drains(&self.config, record) && !drains(before, record)
        };
        if self.ledger.server(id).is_some_and(is_meant) {
            let now = self.now;
            self.ledger.update(id, |record| record.recall = Some(Retry { tries: 0, at: now }));
        }
    }

    /// Asks what a new server is to be made from, unless servers of its type are made elsewhere by now.
    pub(crate) fn prepare_or_drop(&mut self, id: ServerId) {
        if self.ledger.server(id).is_some_and(|record| self.is_placed(record)) {
            self.ask_to_prepare(id);
        } else {
            self.drop_new(id);
        }
    }
}
