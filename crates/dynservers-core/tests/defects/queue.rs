//! An app with a queue, closed into a loop with its fleet: what waits depends on the servers that run.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use dynservers_core::{Config, Demand, Input, ProviderState, ServerId, Signal, Status, Time};

use crate::world::{Disk, World, type_name};

/// How often the app moves: jobs come, end and are taken.
const TICK: u64 = 15;

/// How the app says how many servers there should be, once a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// As the reference documents it: `ensure(round(wait / 10))`.
    Ensure,
    /// The same wait, told as a measurement: the policy makes the number of it.
    MeasureWait,
    /// The jobs that wait or are in hand, told as a measurement.
    MeasureJobs,
    /// All that a queue can tell, the oldest job's own wait too.
    MeasureAll,
}

/// An app, its queue, and the fleet that works on it.
pub(crate) struct App {
    pub(crate) world: World,
    rule: Rule,
    jobs_per_hour: u64,
    job_seconds: u64,
    /// Seconds times the rate, of which the next job is not whole yet.
    coming: u64,
    waiting: u64,
    /// When each of those that wait came, the oldest first.
    queue: VecDeque<Time>,
    /// When each server is done with its job.
    in_hand: BTreeMap<ServerId, Time>,
    pub(crate) arrived: u64,
    pub(crate) done: u64,
    /// Jobs whose server was stopped under them.
    pub(crate) killed: u64,
}

impl App {
    pub(crate) fn new(config: Config, rule: Rule, jobs_per_hour: u64, job_seconds: u64) -> Self {
        let mut world = World::with(config, Disk::new(1));
        world.run_seconds(5);
        Self {
            world,
            rule,
            jobs_per_hour,
            job_seconds,
            coming: 0,
            waiting: 0,
            queue: VecDeque::new(),
            in_hand: BTreeMap::new(),
            arrived: 0,
            done: 0,
            killed: 0,
        }
    }

    pub(crate) fn set_load(&mut self, jobs_per_hour: u64) {
        self.jobs_per_hour = jobs_per_hour;
    }

    pub(crate) fn run_hours(&mut self, hours: u64) {
        for _ in 0..hours * 60 {
            self.say();
            for _ in 0..60 / TICK {
                self.world.run_seconds(TICK);
                self.move_jobs();
            }
        }
    }

    /// The time until a job that comes now is begun, in minutes.
    fn wait(&self) -> u64 {
        let running = u64::from(self.world.count(Status::Running)).max(1);
        self.waiting * self.job_seconds / 60 / running
    }

    fn say(&mut self) {
        let work = match self.rule {
            Rule::Ensure => {
                let count = (self.wait() + 5) / 10;
                self.world.ensure(u32::try_from(count).unwrap());
                return;
            }
            Rule::MeasureWait => self.wait(),
            Rule::MeasureJobs => self.waiting + self.in_hand.len() as u64,
            Rule::MeasureAll => {
                let oldest_wait = self.queue.front().map(|came| self.world.now.since(*came));
                let in_flight = self.in_hand.len() as u64;
                let signal = Signal { waiting: self.waiting, in_flight, oldest_wait };
                self.world.tell(Input::Demand(Demand::known(type_name(), "queue", signal)));
                self.world.drain();
                return;
            }
        };
        let signal = Signal { waiting: work, ..Signal::default() };
        self.world.tell(Input::Demand(Demand::known(type_name(), "queue", signal)));
        self.world.drain();
    }

    fn move_jobs(&mut self) {
        self.coming += self.jobs_per_hour * TICK;
        self.waiting += self.coming / 3_600;
        self.queue.extend((0..self.coming / 3_600).map(|_| self.world.now));
        self.arrived += self.coming / 3_600;
        self.coming %= 3_600;
        let now = self.world.now;
        for (id, ends) in std::mem::take(&mut self.in_hand) {
            if ends <= now {
                self.done += 1;
            } else if self.is_up(id) {
                self.in_hand.insert(id, ends);
            } else {
                self.killed += 1;
                self.waiting += 1;
                self.queue.push_front(now);
            }
        }
        for id in self.world.ids(Status::Running) {
            let takes_work = self.is_up(id) && !self.world.worker(id).is_draining;
            if self.waiting > 0 && takes_work && !self.in_hand.contains_key(&id) {
                self.waiting -= 1;
                self.queue.pop_front();
                self.world.occupy(id, self.job_seconds);
                self.in_hand.insert(id, now + Duration::from_secs(self.job_seconds));
            }
        }
    }

    fn is_up(&self, id: ServerId) -> bool {
        let record = self.world.machine.ledger().server(id);
        let key = record.and_then(|record| record.provider_id.as_ref()?.as_str().parse().ok());
        let server = key.and_then(|key: u64| self.world.cloud.servers.get(&key));
        server.is_some_and(|server| !server.is_gone && server.state == ProviderState::Running)
    }

    /// How many servers were started and stopped, in all.
    pub(crate) fn turnover(&self) -> (u32, u32) {
        (self.world.sent("create"), self.world.sent("stop"))
    }

    /// Jobs that are neither done nor known to the app any more.
    pub(crate) fn missing(&self) -> u64 {
        self.arrived - self.done - self.waiting - self.in_hand.len() as u64
    }
}
