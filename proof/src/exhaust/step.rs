//! Steps: everything that can happen next in a state, fair or not.

use dynservers_core::{Failure, Input, Op, Outcome, ProviderId, Reconciler, Time};

use super::world::{Client, Flight, Rules, World};

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The write under way becomes durable, and the machine is told so.
    Write,
    /// A request arrives, is done, and is answered at once. A listing lacks the newborn servers named.
    Answer(usize, Vec<ProviderId>),
    /// The slow answer to a request arrives.
    Hear(usize),
    /// Time passes until the next moment at which anything is due.
    Wait,
    /// A process starts with what the disk has.
    Start,
    /// What is wanted is said, again if a process died with it.
    Say,
    /// Another number is wanted, and is said.
    Change,
    /// A request of a dead process never left.
    Forget(usize),
    /// The process dies, with the write under way done or not.
    Crash {
        /// Whether the write became durable.
        written: bool,
    },
    /// A change is never done, and the machine is told that nobody knows.
    LoseRequest(usize),
    /// A request is done, and the machine is told that nobody knows.
    LoseReply(usize),
    /// A request is done, and its answer comes later.
    Delay(usize),
    /// A whole listing lacks this server.
    Gap(usize, ProviderId),
}

impl Step {
    /// Whether it can happen when nothing goes wrong any more.
    #[must_use]
    pub fn is_fair(&self) -> bool {
        match self {
            Self::Write
            | Self::Answer(..)
            | Self::Hear(_)
            | Self::Wait
            | Self::Start
            | Self::Say
            | Self::Forget(_) => true,
            Self::Change
            | Self::Crash { .. }
            | Self::LoseRequest(_)
            | Self::LoseReply(_)
            | Self::Delay(_)
            | Self::Gap(..) => false,
        }
    }
}

impl World {
    /// Gives everything that can happen next, in a fixed order.
    pub(crate) fn steps(&self, rules: &Rules, steps: &mut Vec<Step>) {
        if self.writing.is_some() {
            steps.push(Step::Write);
        }
        for (at, flight) in self.flights.iter().enumerate() {
            self.flight_steps(rules, at, flight, steps);
        }
        if self.machine.is_none() {
            steps.push(Step::Start);
        } else {
            self.client_steps(rules, steps);
            self.crash_steps(steps);
        }
        if self.next_moment().is_some() {
            steps.push(Step::Wait);
        }
    }

    fn crash_steps(&self, steps: &mut Vec<Step>) {
        if self.left.crashes > 0 {
            steps.push(Step::Crash { written: false });
            if self.writing.is_some() {
                steps.push(Step::Crash { written: true });
            }
        }
    }

    fn client_steps(&self, rules: &Rules, steps: &mut Vec<Step>) {
        let Client { has_changed, told, answered } = self.client;
        if !told && !answered {
            steps.push(Step::Say);
        }
        if answered && !has_changed && rules.bounds.then.is_some() {
            steps.push(Step::Change);
        }
    }

    fn flight_steps(&self, rules: &Rules, at: usize, flight: &Flight, steps: &mut Vec<Step>) {
        if flight.answer.is_some() {
            steps.push(Step::Hear(at));
            return;
        }
        let op = &flight.effect.op;
        let is_listing = matches!(op, Op::Look | Op::Find(_));
        for hidden in if is_listing && rules.bounds.lags { self.newborn() } else { vec![Vec::new()] } {
            steps.push(Step::Answer(at, hidden));
        }
        if !flight.is_awaited {
            steps.push(Step::Forget(at));
            return;
        }
        if self.left.lost_requests > 0 && !op.is_read() {
            steps.push(Step::LoseRequest(at));
        }
        if self.left.lost_replies > 0 {
            steps.push(Step::LoseReply(at));
        }
        if self.left.slow_replies > 0 && !op.is_read() {
            steps.push(Step::Delay(at));
        }
        if self.left.gaps > 0 && *op == Op::Look {
            steps.extend(self.cloud.living().map(|server| Step::Gap(at, server.id.clone())));
        }
    }

    /// Gives every choice of newborn servers that a listing may lack, none of them first.
    fn newborn(&self) -> Vec<Vec<ProviderId>> {
        let newborn = self.cloud.living().filter(|server| server.newborn_until.is_some());
        newborn.fold(vec![Vec::new()], |choices, server| {
            let with =
                choices.iter().map(|choice| [choice.as_slice(), std::slice::from_ref(&server.id)].concat());
            let with: Vec<_> = with.collect();
            [choices, with].concat()
        })
    }

    /// Gives the next moment at which anything is due.
    ///
    /// A disk is fast, a client speaks as soon as somebody listens, and a request leaves in time or never: time stands still
    /// while a write is under way, while what shows no server (a check, the account) is read, while the client has something
    /// to say, or while a request has no time left. And a slow answer comes in the end.
    fn next_moment(&self) -> Option<Time> {
        let latest = self.flights.iter().map(Flight::latest);
        let is_brief = |flight: &Flight| matches!(flight.effect.op, Op::Check | Op::Account);
        let is_silent = self.machine.is_some() && !self.client.told && !self.client.answered;
        if is_silent
            || self.writing.is_some()
            || self.flights.iter().any(is_brief)
            || latest.clone().any(|at| at <= self.now)
        {
            return None;
        }
        let wakeup = self.machine.as_ref().and_then(Reconciler::poll_timeout).map(|wakeup| wakeup.at);
        latest.chain(wakeup).chain(self.cloud.next_change()).min().map(|at| at.max(self.now))
    }

    /// Gives the state after a step.
    pub(crate) fn after(&self, rules: &Rules, step: &Step) -> Self {
        let mut world = self.clone();
        world.take(rules, step);
        world.seal();
        world
    }

    fn take(&mut self, rules: &Rules, step: &Step) {
        match step {
            Step::Write => self.write(rules),
            Step::Answer(at, hidden) => {
                let flight = self.flights.remove(*at);
                let outcome = self.cloud.execute(&flight.effect.op, hidden, self.now);
                self.answer(rules, &flight, outcome);
            }
            Step::Hear(at) => {
                let flight = self.flights.remove(*at);
                if let Some(completion) = flight.answer {
                    self.tell(rules, Input::Completed { effect: flight.effect.id, completion });
                }
            }
            Step::Wait => {
                if let Some(until) = self.next_moment() {
                    self.pass(rules, until);
                }
            }
            Step::Start => self.start(rules),
            Step::Say => self.say(rules),
            Step::Change => {
                self.client = Client { has_changed: true, told: false, answered: false };
                self.say(rules);
            }
            Step::Forget(at) => {
                self.flights.remove(*at);
            }
            Step::Crash { written } => {
                self.left.crashes -= 1;
                self.die(*written);
            }
            Step::LoseRequest(at) => {
                self.left.lost_requests -= 1;
                let flight = self.flights.remove(*at);
                self.answer(rules, &flight, lost());
            }
            Step::LoseReply(at) => {
                self.left.lost_replies -= 1;
                let flight = self.flights.remove(*at);
                self.cloud.execute(&flight.effect.op, &[], self.now);
                self.answer(rules, &flight, lost());
            }
            Step::Delay(at) => {
                self.left.slow_replies -= 1;
                let outcome = self.cloud.execute(&self.flights[*at].effect.op, &[], self.now);
                self.flights[*at].answer = Some(outcome.into());
            }
            Step::Gap(at, lacking) => {
                self.left.gaps -= 1;
                let flight = self.flights.remove(*at);
                let outcome = self.cloud.execute(&flight.effect.op, std::slice::from_ref(lacking), self.now);
                self.answer(rules, &flight, outcome);
            }
        }
    }

    fn answer(&mut self, rules: &Rules, flight: &Flight, outcome: Outcome) {
        if flight.is_awaited {
            self.tell(rules, Input::Completed { effect: flight.effect.id, completion: outcome.into() });
        }
    }
}

fn lost() -> Outcome {
    Outcome::Lost(Failure::new("nobody knows"))
}

impl Flight {
    /// Gives the latest moment at which it can still be on its way: for a request its own bound, for a slow answer twice
    /// that after it, when the machine gives it up, and as much again.
    fn latest(&self) -> Time {
        let not_after = self.effect.not_after;
        if self.answer.is_some() { not_after + SLOW } else { not_after }
    }
}

/// How long after the last moment of sending an answer may still come: the machine waits for two thirds of that.
const SLOW: std::time::Duration = std::time::Duration::from_secs(30);
