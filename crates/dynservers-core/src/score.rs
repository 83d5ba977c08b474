//! Scores: asking workers how busy they are before one of them is chosen to go.

use alloc::vec::Vec;
use core::time::Duration;

use crate::ask::Question;
use crate::ids::{ServerId, TypeName};
use crate::reconciler::Reconciler;
use crate::scale::Order;
use crate::server::Class;
use crate::status::Status;
use crate::why::Why;

/// How long an answer counts.
const FRESH: Duration = Duration::from_secs(60);

/// How many are asked at least, and how many for each that is to go: asking all of a large fleet takes too long.
const ASKED: usize = 64;
const ASKED_EACH: usize = 8;

impl Reconciler {
    /// Replaces the running servers that are to go by those that have least to do, if their type's workers say so.
    ///
    /// While answers are awaited none of them goes. A worker that does not answer goes last.
    pub(crate) fn choose_by_score(&mut self, server_type: &TypeName, orders: &mut Vec<Order>) {
        if self.config.server_types.get(server_type).is_none_or(|config| !config.asks_scores) {
            return;
        }
        let goes = |order: &Order, machine: &Self| match order {
            Order::Doom(id, Why::Surplus) => machine
                .ledger
                .server(*id)
                .is_some_and(|record| record.status == Status::Running && record.class() == Class::Up),
            Order::Doom(..) | Order::Make { .. } | Order::Reprieve(_) => false,
        };
        let count = orders.iter().filter(|order| goes(order, self)).count();
        if count == 0 {
            self.scoring.remove(server_type);
            return;
        }
        let taken: Vec<ServerId> = orders
            .iter()
            .filter_map(|order| match order {
                Order::Doom(id, _) if !goes(order, self) => Some(*id),
                Order::Doom(..) | Order::Make { .. } | Order::Reprieve(_) => None,
            })
            .collect();
        orders.retain(|order| !goes(order, self));
        let candidates = self.candidates(server_type, &taken, ASKED.max(count * ASKED_EACH));
        if self.await_scores(server_type, &candidates) {
            return;
        }
        self.scoring.remove(server_type);
        let mut ranked = candidates;
        // The oldest of equals; those without an answer behind the busiest; and whoever is paid for still behind all.
        ranked.sort_by_key(|id| {
            let score = self.score_of(*id);
            (!self.is_spare(server_type, *id), score.is_none(), score, *id)
        });
        orders.extend(ranked.into_iter().take(count).map(|id| Order::Doom(id, Why::Surplus)));
    }

    fn candidates(&self, server_type: &TypeName, taken: &[ServerId], most: usize) -> Vec<ServerId> {
        let Some(index) = self.ledger.types.get(server_type) else { return Vec::new() };
        let may_go = |id: &ServerId| {
            self.ledger
                .server(*id)
                .is_some_and(|record| record.status == Status::Running && !record.protected)
                && !taken.contains(id)
        };
        let (spare, paid): (Vec<ServerId>, Vec<ServerId>) = index
            .class(Class::Up)
            .iter()
            .copied()
            .filter(may_go)
            .partition(|id| self.is_spare(server_type, *id));
        spare.into_iter().chain(paid).take(most).collect()
    }

    /// Whether nothing is lost of what was paid for a server if it goes now.
    fn is_spare(&self, server_type: &TypeName, id: ServerId) -> bool {
        let Some(billing) = self.billing(server_type) else { return true };
        self.ledger.server(id).is_none_or(|record| billing.left(record.age(self.now)) <= billing.margin())
    }

    /// Asks those whose answer is missing or old, and tells whether any answer is awaited.
    ///
    /// What was fresh when the asking began counts to its end: each is asked once, and however slow they are, it ends.
    fn await_scores(&mut self, server_type: &TypeName, candidates: &[ServerId]) -> bool {
        let began = *self.scoring.entry(server_type.clone()).or_insert(self.now);
        let mut awaits = false;
        for id in candidates {
            let Some(server) = self.ledger.get(*id) else { continue };
            let is_fresh = server.live.score.is_some_and(|score| began < score.at + FRESH);
            if is_fresh {
                continue;
            }
            awaits = true;
            if server.live.asked.is_none() {
                self.ask(*id, Question::Score);
            }
        }
        awaits
    }

    pub(crate) fn score_of(&self, id: ServerId) -> Option<u64> {
        self.ledger.get(id).and_then(|server| server.live.score).and_then(|score| score.value)
    }
}
