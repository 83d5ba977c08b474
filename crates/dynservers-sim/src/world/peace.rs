//! Peace: the faults stop, and then the world must come to rest within a stated bound, and rest.

use std::collections::BTreeMap;

use dynservers_core::{Found, Input, ServerRecord, Status};

use super::cloud::Cloud;
use super::law::Law;
use super::run::World;
use super::setup::{fleet, server_type};
use super::step::Wish;

/// How long a world may take to come to rest once the faults have stopped, in milliseconds: a failed server is kept for an
/// hour, a stuck one for two, a create that failed often waits for half an hour, and a lost one is looked for after that.
pub const REST_WITHIN: u64 = 6 * HOUR;
/// How many servers of each type are wanted at the end.
const WANTED: u8 = 3;
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

impl<C: Cloud> World<C> {
    /// Lets the faults stop, has an operator put everything right that only an operator can, and demands rest.
    pub fn make_peace(&mut self) {
        self.trace.note(self.now, || "PEACE".to_owned());
        self.death = None;
        self.calm();
        for cloud in &mut self.clouds {
            cloud.heal();
        }
        self.is_elsewhere = false;
        self.start();
        self.run_for(HOUR / 6);
        self.reload(self.shape_of_peace());
        self.unprotect();
        self.insist(Wish::Pause { out: false, inward: false });
        // What one word lets be seen may need another: who we are is asked anew after a reload, then what there is is seen.
        for _ in 0..3 {
            self.run_for(HOUR / 6);
            self.insist(Wish::Takeover);
            self.insist(Wish::Resume);
        }
        self.want();
        self.run_on(REST_WITHIN);
        if self.verdict().is_ok() {
            self.judge_rest();
            self.judge_silence();
        }
    }

    /// Says how many are wanted, where that does not follow from the work.
    fn want(&mut self) {
        for kind in 0..self.setup.types {
            match self.shape_of_peace().follows {
                None => self.insist(Wish::Ensure { kind, count: WANTED }),
                Some(_) => self.insist(Wish::Override { kind, count: None, seconds: None }),
            }
        }
    }

    /// Lets time pass, and measures the work each minute where the number follows from it.
    pub(crate) fn run_on(&mut self, millis: u64) {
        let Some(follow) = self.setup.shape.follows else { return self.run_for(millis) };
        for _ in 0..millis / MINUTE {
            for kind in 0..self.setup.types {
                self.tell(Input::Demand(follow.of_three().demand(kind, self.now)));
            }
            self.run_for(MINUTE);
        }
    }

    fn shape_of_peace(&self) -> super::step::Shape {
        self.setup.shape.of_peace()
    }

    /// Says something that must be done now.
    fn insist(&mut self, wish: Wish) {
        if !self.wish(wish) {
            self.violate(Law::Settles, format!("{wish:?} is not answered"));
        }
    }

    /// Takes back every word that would keep a server.
    fn unprotect(&mut self) {
        let Some(process) = &self.process else { return };
        let records: Vec<ServerRecord> = process.machine.ledger().servers().cloned().collect();
        for (which, record) in records.iter().enumerate() {
            if record.protected && record.status != Status::Deleted {
                let which = u8::try_from(which).unwrap_or(u8::MAX);
                self.wish(Wish::Protect { which, protected: false });
            }
        }
    }

    fn judge_rest(&mut self) {
        let time = self.fleet_time();
        let Some(process) = &self.process else {
            self.violate(Law::Settles, "nobody is there");
            return;
        };
        let view = process.machine.view(time);
        let mut wrong = Vec::new();
        for kind in 0..self.setup.types {
            let name = server_type(kind);
            let Some(of_type) = view.types.get(&name) else { continue };
            let running = process.machine.ledger().count(&name, Status::Running);
            if !of_type.settled {
                wrong.push((Law::Settles, format!("{name} is not settled: {of_type:?}")));
            } else if running > u32::from(WANTED) {
                wrong.push((Law::Settles, format!("{running} of {name} run, {WANTED} are wanted")));
            }
        }
        let records = process.machine.ledger().servers();
        let is_idler = |record: &&ServerRecord| {
            record.status == Status::Running
                && !record.disowned
                && record.provider_id.as_ref().is_some_and(|id| self.workers.is_idle_for_good(id))
        };
        // Where workers cannot be asked any more, only the ledger that told them so could call them back.
        let is_remembered = self.store.replaced == 0 && !self.court.misled;
        let is_told = !self.court.forgot_drains && (self.setup.shape.drains || is_remembered);
        if let Some(idler) = records.into_iter().find(is_idler).filter(|_| is_told) {
            wrong
                .push((Law::Settles, format!("the worker on server {} believes that it is to go", idler.id)));
        }
        wrong.extend(self.find_disagreement());
        for (law, what) in wrong {
            self.violate(law, what);
        }
    }

    /// What lives at the providers is what the ledger says, and what the store says is what the machine knows.
    fn find_disagreement(&self) -> Vec<(Law, String)> {
        let Some(process) = &self.process else { return Vec::new() };
        let ledger = process.machine.ledger();
        let mut wrong = Vec::new();
        let servers = self.servers();
        let known: BTreeMap<_, _> = ledger
            .servers()
            .filter(|record| record.status != Status::Deleted)
            .filter_map(|record| record.provider_id.clone().map(|id| (id, record)))
            .collect();
        for server in servers.iter().filter(|server| server.labels.fleet.as_ref() == Some(&fleet())) {
            let is_found = ledger.found().any(|found| {
                found.provider_id == server.id && matches!(found.kind, Found::Orphan | Found::Held)
            });
            if !known.contains_key(&server.id) && !is_found {
                wrong.push((
                    Law::NoLeak,
                    format!("{} bears our label and is in no ledger: {server:?}", server.id),
                ));
            }
        }
        for (id, record) in &known {
            if !servers.iter().any(|server| server.id == *id) {
                wrong.push((
                    Law::Settles,
                    format!("server {} ({id}) is {} and is not there", record.id, record.status),
                ));
            }
        }
        wrong.extend(self.clouds.iter().flat_map(Cloud::leftovers).map(|left| (Law::NoLeak, left)));
        if !ledger.servers().eq(self.store.servers()) {
            wrong.push((Law::Deterministic, "the store has other records than the machine".to_owned()));
        }
        wrong
    }

    /// Nothing is asked but the periodic look.
    fn judge_silence(&mut self) {
        let calls = |world: &Self| -> Vec<BTreeMap<&'static str, u64>> {
            world.clouds.iter().map(|cloud| cloud.calls().clone()).collect()
        };
        let before = calls(self);
        self.run_on(HOUR);
        let after = calls(self);
        let servers = self.servers().len() as u64;
        let disowned = self.store.servers().filter(|record| record.disowned).count() as u64;
        let page_size = u64::from(self.setup.page_size.max(2)) - 1;
        for (before, after) in before.iter().zip(&after) {
            for (name, calls) in after {
                let more = calls - before.get(name).copied().unwrap_or(0);
                let allowed = match *name {
                    "look" => 13 * servers.div_ceil(page_size).max(1),
                    // Only that shows what became of a server that lost our label.
                    "inspect" => 13 * disowned,
                    _ => 0,
                };
                if more > allowed {
                    self.violate(
                        Law::Settles,
                        format!("{more} calls of {name} in an hour of rest, not {allowed}"),
                    );
                }
            }
        }
    }
}
