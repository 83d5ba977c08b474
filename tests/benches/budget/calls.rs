//! Calls: what it takes at the provider to bring servers up, counted in virtual time with the provider's usual pace.

use std::collections::BTreeMap;
use std::time::Duration;

use dynservers_core::{
    Effect, Input, Ledger, NoStore, Op, Output, Prepared, Reconciler, Status, Store as _, Time,
};
use dynservers_http::{Clock, Exchange, Provider};
use dynservers_tests::{Budget, Figure, Unit};
use dynservers_upcloud::emulator::{Emulator, Fate, Settings};

use crate::fleet::{config, ensure, fleet_name, type_name};
use crate::rounds::Scale;
use crate::upcloud;

/// How long a request is on its way, there and back.
const LATENCY: Duration = Duration::from_millis(50);

/// Counts the calls at each size.
pub(crate) fn measure(scale: &Scale) -> Vec<Figure> {
    let counts: Vec<(u32, World)> = scale.called.iter().map(|size| (*size, World::up(*size))).collect();
    let figures = |what: &'static str, budget: Option<Budget>, count: fn(u32, &World) -> f64| {
        let figures: Vec<Figure> = counts
            .iter()
            .map(|(size, world)| {
                let figure = Figure::new(what, count(*size, world), Unit::Count).at(u64::from(*size));
                budget.map_or(figure.clone(), |budget| figure.within(budget))
            })
            .collect();
        figures
    };
    [
        figures("calls: creates a server", Some(Budget::AtMost(1.0)), |size, world| {
            world.called("create") as f64 / f64::from(size)
        }),
        figures("calls: readings of single servers", Some(Budget::AtMost(0.0)), |_, world| {
            (world.called("inspect") + world.called("find")) as f64
        }),
        figures("calls: looks a poll", Some(Budget::AtMost(1.0)), |_, world| world.looks_a_poll()),
        figures("calls: pages a look", None, |_, world| world.called("look") as f64 / world.looks as f64),
        figures("calls: all of them, to bring all up", None, |_, world| {
            world.calls.values().sum::<u64>() as f64
        }),
    ]
    .concat()
}

/// A machine, UpCloud's emulator, and a clock that jumps.
struct World {
    machine: Reconciler,
    provider: std::sync::Arc<dyn Provider>,
    emulator: Emulator,
    now: Time,
    answers: BTreeMap<(Time, u64), Input>,
    sent: u64,
    calls: BTreeMap<&'static str, u64>,
    looks: u64,
    began: Time,
}

impl World {
    /// Brings so many servers up.
    fn up(count: u32) -> Self {
        let stored = NoStore::new(fleet_name()).load().expect("nothing is read");
        // Zero is the emulator's own first moment.
        let now = Time::ZERO;
        let mut world = Self {
            machine: Reconciler::new(config(count), Ledger::restore(stored), 7, now),
            provider: upcloud::provider(None),
            emulator: Emulator::new(Settings::default(), 1),
            now,
            answers: BTreeMap::new(),
            sent: 0,
            calls: BTreeMap::new(),
            looks: 0,
            began: now,
        };
        world.tell(Input::Command(ensure(count)));
        while world.machine.ledger().count(&type_name(), Status::Running) < count {
            world.step();
        }
        world
    }

    fn called(&self, op: &str) -> u64 {
        self.calls.get(op).copied().unwrap_or_default()
    }

    /// Gives how many looks there were for each that was due: one at the start, and one a poll.
    fn looks_a_poll(&self) -> f64 {
        let poll = self.machine.config().timing.poll_interval;
        let polls = self.now.since(self.began).as_secs_f64() / poll.as_secs_f64();
        self.looks as f64 / (polls.floor() + 1.0)
    }

    /// Goes to the next moment at which anything happens.
    fn step(&mut self) {
        let answer = self.answers.keys().next().map(|(at, _)| *at);
        let wakeup = self.machine.poll_timeout().map(|wakeup| wakeup.at);
        let next = answer.into_iter().chain(wakeup).min().expect("a provider is looked at again and again");
        self.now = self.now.max(next);
        while let Some(answer) = self.answers.first_entry().filter(|answer| answer.key().0 <= self.now) {
            let input = answer.remove();
            self.tell(input);
        }
        self.machine.handle_timeout(self.now);
        self.carry_out();
    }

    fn tell(&mut self, input: Input) {
        self.machine.handle_input(input, self.now);
        self.carry_out();
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            let input = match output {
                Output::Persist(batch) => Input::Persisted(batch.seq),
                Output::Prepare(prepare) => {
                    let name = format!("dynamic-server-{}-{}", prepare.server_type, prepare.server);
                    let result = Ok(Prepared { name, spec: upcloud::spec() });
                    Input::Prepared { server: prepare.server, result }
                }
                Output::Execute(effect) => {
                    self.send(&effect);
                    continue;
                }
                _ => continue,
            };
            self.machine.handle_input(input, self.now);
        }
    }

    fn send(&mut self, effect: &Effect) {
        *self.calls.entry(effect.op.name()).or_default() += 1;
        self.looks += u64::from(effect.op == Op::Look && effect.step.is_none());
        let clock = Clock { time: self.now, wall_millis: self.now.as_millis() };
        let exchange = Exchange::new(&*self.provider, effect);
        let request = exchange.request(clock).expect("all that it is made from is there");
        let reaction = self.emulator.handle(&request, self.now.as_millis());
        let delay = match reaction.fate {
            Fate::AnswerAfter(delay) => delay,
            _ => Duration::ZERO,
        };
        let completion = exchange.finish(Ok(reaction.response), clock);
        self.sent += 1;
        let input = Input::Completed { effect: effect.id, completion };
        self.answers.insert((self.now + delay + LATENCY, self.sent), input);
    }
}
