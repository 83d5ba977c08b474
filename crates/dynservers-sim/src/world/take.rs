//! Taking steps: what each of them does to a world.

use dynservers_core::{
    Action, Command, CommandId, FoundLabels, Hold, Input, OwnerId, ProviderId, ProviderRecord, ServerId,
    ServerRecord, Status, Time, Token,
};

use super::cloud::{Cloud, TrueServer};
use super::law::is_ours;
use super::run::{LastWish, World};
use super::setup::{fleet, named, provider, server_type};
use super::step::{Crash, Meddling, Net, Step, StoreTrouble, Stranger, Wish};
use super::wire::Rule;

/// How late a listing may be by what the fleet was told, in milliseconds.
const HONEST_LAG: u32 = 30_000;
/// How many rules there are at once.
const RULES_MOST: usize = 4;

impl<C: Cloud> World<C> {
    /// Lets one step happen.
    pub fn take(&mut self, step: &Step) {
        self.trace.note(self.now, || format!("STEP {step:?}"));
        match *step {
            Step::Pass { millis } => self.run_for(millis),
            Step::Ask(wish) => drop(self.wish(wish)),
            Step::Repeat => self.repeat(),
            Step::Demand { kind, work } => {
                let kind = kind % self.setup.types;
                self.tell(Input::Demand(work.demand(kind, self.now)));
            }
            Step::Work { seconds } => {
                for id in self.running() {
                    self.workers.occupy(&id, self.now + u64::from(seconds) * 1_000);
                }
            }
            Step::Leave { which } => {
                if let Some(id) = choose(&self.running(), which) {
                    self.workers.leave(id);
                }
            }
            Step::Answers { fate, every } => self.workers.rule(fate, every),
            Step::Fates { fate, ops, every } => {
                self.rules.truncate(RULES_MOST - 1);
                self.rules.insert(0, Rule { fate, ops, every, seen: 0 });
            }
            Step::Calm => self.calm(),
            Step::Net(net) => self.net = net,
            Step::Boots { boot, every } => self.clouds.iter_mut().for_each(|cloud| cloud.boot(boot, every)),
            Step::Lag { millis } => {
                self.court.lag = self.court.lag.max(millis);
                if millis > HONEST_LAG {
                    self.court.strain = Some("listings were later than they may be");
                    self.court.misled = true;
                }
                self.clouds.iter_mut().for_each(|cloud| cloud.lag(millis));
            }
            Step::Capacity { kind, has_room } => {
                let home = usize::from(self.setup.home(kind % self.setup.types));
                self.clouds[home].capacity(kind % self.setup.types, has_room);
            }
            Step::Quota { more } => {
                for cloud in &mut self.clouds {
                    let servers = cloud.servers().len();
                    cloud.quota(more.map(|more| servers + usize::from(more)));
                }
            }
            Step::Credentials { are_valid } => {
                self.clouds.iter_mut().for_each(|cloud| cloud.credentials(are_valid));
            }
            Step::Account { is_ours } => {
                self.is_elsewhere = !is_ours;
                let known = self.store.rest().fleet.providers.get(&provider(0));
                if known.is_none_or(|provider| provider.identity.is_none()) {
                    self.court.strain = Some("nothing was known of the account that was changed");
                    self.court.misled = true;
                }
                self.clouds[0].account(is_ours);
            }
            Step::Meddle { which, how } => self.meddle(which, how),
            Step::Disaster => {
                for server in self.ours() {
                    self.clouds.iter_mut().for_each(|cloud| cloud.meddle(&server.id, Meddling::Vanish));
                }
            }
            Step::Stranger(stranger) => self.add_stranger(stranger),
            Step::Crash(crash) => self.plan_crash(crash),
            Step::Suspend { seconds } => self.suspend(u64::from(seconds) * 1_000),
            Step::Store(trouble) => self.trouble(trouble),
            Step::Reload(shape) => self.reload(shape),
        }
        self.drain();
    }

    /// Requests, questions and the store do as they should again.
    pub(crate) fn calm(&mut self) {
        self.rules.clear();
        self.workers.heal();
        self.store.heal();
        self.net = Net::default();
    }

    /// Says a wish, and gives whether it was answered at once.
    pub(crate) fn wish(&mut self, wish: Wish) -> bool {
        let Some(action) = self.action(wish) else { return false };
        self.commands += 1;
        let id = named(&format!("command {}", self.commands), CommandId::new);
        let ledger = self.store.replaced;
        self.last_wish = Some(LastWish { id, action, reply: None, ledger });
        self.repeat();
        self.last_wish.as_ref().is_some_and(|last| last.reply.is_some())
    }

    /// Says the last wish, under its key.
    pub(crate) fn repeat(&mut self) {
        let Some(last) = &self.last_wish else { return };
        let command = Command { id: last.id.clone(), action: last.action.clone() };
        if last.reply.is_some() {
            self.evidence.note("a command said twice");
        }
        let holds = |provider: &ProviderRecord| matches!(provider.hold, Some(Hold::OtherAccount { .. }));
        let is_other = self.is_elsewhere || self.store.rest().fleet.providers.values().any(holds);
        if is_other && matches!(last.action, Action::Resume { .. }) {
            self.court.misled = true;
            self.court.strain = Some("an operator said that another account is ours");
        }
        self.court.may_take_over |= matches!(last.action, Action::Takeover { .. });
        self.tell(Input::Command(command));
        self.drain();
    }

    fn action(&self, wish: Wish) -> Option<Action> {
        let named = |kind: u8| server_type(kind % self.setup.types);
        Some(match wish {
            Wish::Ensure { kind, count } => {
                Action::Ensure { server_type: named(kind), count: u32::from(count) }
            }
            Wish::Increase { kind, by } => Action::Increase { server_type: named(kind), by: u32::from(by) },
            Wish::Decrease { kind, by } => Action::Decrease { server_type: named(kind), by: u32::from(by) },
            Wish::Override { kind, count, seconds } => Action::Override {
                server_type: named(kind),
                count: count.map(u32::from),
                duration: seconds.map(|seconds| std::time::Duration::from_secs(u64::from(seconds))),
            },
            Wish::Reboot { kind, at_a_time } => {
                Action::Reboot { server_type: named(kind), at_a_time: at_a_time.map(u32::from) }
            }
            Wish::Protect { which, protected } => {
                let process = self.process.as_ref()?;
                let ids: Vec<ServerId> = process.machine.ledger().servers().map(|record| record.id).collect();
                Action::Protect { server: *choose(&ids, which)?, protected }
            }
            Wish::Pause { out, inward } => Action::Pause { out: Some(out), inward: Some(inward) },
            Wish::Takeover => Action::Takeover { provider: None },
            Wish::Resume => Action::Resume { provider: None },
        })
    }

    fn plan_crash(&mut self, crash: Crash) {
        match (&self.process, crash.after) {
            (Some(process), after @ 1..) => self.death = Some((process.outputs + u64::from(after), crash)),
            _ => self.crash(crash),
        }
    }

    fn trouble(&mut self, trouble: StoreTrouble) {
        match trouble {
            StoreTrouble::Slow(millis) => self.store.slow = millis,
            StoreTrouble::Fail(writes) => self.store.failing = writes,
            StoreTrouble::LoseReply | StoreTrouble::Tear => self.store.next = Some(trouble),
            StoreTrouble::Backup => self.store.back_up(),
            StoreTrouble::Fence => self.fence(),
            StoreTrouble::Restore | StoreTrouble::Lose => {
                if self.is_elsewhere {
                    self.court.strain = Some("nothing was known of the account that was changed");
                }
                if self.is_creating() {
                    self.court.strain =
                        Some("the ledger was replaced while a create was on its way, or was not yet listed");
                }
                self.court.note_found(&self.servers());
                self.crash(Crash { after: 0, is_done: false, down: 1, skew: 0 });
                if trouble == StoreTrouble::Lose {
                    self.store.lose();
                    self.workers.unspared.clear();
                    self.evidence.note("a ledger lost");
                } else if self.store.restore() {
                    self.court.forgot_drains = true;
                    self.evidence.note("a ledger restored from a backup");
                }
            }
        }
    }

    /// Loads another configuration, as a host does: what is still in use cannot be left out.
    pub(crate) fn reload(&mut self, shape: super::step::Shape) {
        let config = self.setup.config(shape);
        let is_refused = self
            .process
            .as_ref()
            .is_some_and(|process| !process.machine.ledger().contradictions(&config).is_empty());
        if is_refused {
            return;
        }
        self.spare_none_of_the_stopped();
        (self.config, self.shape) = (config.clone(), shape);
        self.tell(Input::Configure(Box::new(config)));
        self.drain();
    }

    /// A stop that is on its way was decided for when nobody said how to drain, and cannot be taken back.
    fn spare_none_of_the_stopped(&mut self) {
        let Some(process) = &self.process else { return };
        let (ledger, config) = (process.machine.ledger(), process.machine.config());
        let drains = |record: &ServerRecord| {
            config.server_types.get(&record.server_type).is_some_and(|config| config.drain.is_some())
        };
        let is_stopped =
            |record: &ServerRecord| record.removal.as_ref().is_some_and(|removal| removal.stop.is_some());
        let stopped = ledger.servers().filter(|record| is_stopped(record) && !drains(record));
        self.workers.unspared.extend(stopped.map(|record| record.id));
    }

    fn meddle(&mut self, which: u8, how: Meddling) {
        if how == Meddling::Return {
            for cloud in &mut self.clouds {
                self.court.uncounted.extend(cloud.resurrect());
            }
            // While nobody said a number, as many as are found are wanted.
            self.court.note_found(&self.servers());
            return;
        }
        // Whatever was ours once can get its labels back.
        let servers = if how == Meddling::Relabel { self.made_by_us() } else { self.ours() };
        let Some(server) = choose(&servers, which) else { return };
        // Nor does the account's total tell ours from theirs where one lost its labels.
        if matches!(how, Meddling::Relabel | Meddling::Unlabel) {
            self.court.uncounted.insert(server.id.clone());
        }
        self.clouds.iter_mut().for_each(|cloud| cloud.meddle(&server.id, how));
        self.court.note_found(&self.servers());
    }

    fn add_stranger(&mut self, stranger: Stranger) {
        self.commands += 1;
        let all = FoundLabels {
            fleet: Some(fleet()),
            owner: Some(self.store.rest().fleet.owner.clone()),
            server_type: Some(server_type(0)),
            server: Some(ServerId(self.commands)),
            token: Some(Token(u128::from(self.commands))),
            spec: None,
        };
        let labels = match stranger {
            Stranger::Foreign => FoundLabels::default(),
            Stranger::OtherFleet => {
                FoundLabels { fleet: Some(named("others", dynservers_core::FleetName::new)), ..all }
            }
            Stranger::OtherOwner => FoundLabels { owner: Some(OwnerId::from_random(u128::MAX)), ..all },
            Stranger::Impostor => all,
            Stranger::HalfLabelled => FoundLabels { fleet: all.fleet, ..FoundLabels::default() },
        };
        self.clouds[0].add(labels);
        let added = self.clouds[0].servers().pop();
        self.court.uncounted.extend(added.map(|server| server.id));
        self.court.note_found(&self.servers());
    }

    fn running(&self) -> Vec<ProviderId> {
        self.records(Status::Running).into_iter().filter_map(|record| record.provider_id).collect()
    }

    fn ours(&self) -> Vec<TrueServer> {
        self.servers().into_iter().filter(|server| is_ours(server, &self.store)).collect()
    }

    fn made_by_us(&self) -> Vec<TrueServer> {
        self.servers().into_iter().filter(|server| server.made_with.token.is_some()).collect()
    }

    /// Gives the fleet's time, as the process has it.
    pub(crate) fn fleet_time(&self) -> Time {
        self.process.as_ref().map_or(Time::ZERO, |process| process.fleet_time(self.now))
    }
}

/// Chooses one of what is there, if anything is.
fn choose<T>(from: &[T], which: u8) -> Option<&T> {
    from.get(usize::from(which) % from.len().max(1))
}
