//! The wire: what leaves the host, what befalls it, and what comes back.

use dynservers_core::{Effect, Failure, Op, Outcome, StopMode};

use super::cloud::{Cloud, Told};
use super::host::Happening;
use super::law;
use super::run::World;
use super::setup::provider;
use super::step::{Fate, Ops};

/// How long one request may take, in milliseconds.
const REQUEST_TIMEOUT: u64 = 30_000;

/// A rule about what befalls requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) fate: Fate,
    pub(crate) ops: Ops,
    pub(crate) every: u8,
    pub(crate) seen: u64,
}

impl<C: Cloud> World<C> {
    /// Takes an effect into the host, with what will befall it.
    pub(super) fn issue(&mut self, process: u64, effect: Effect) {
        self.judge(law::judge_intent(&effect, &self.store));
        let servers = self.servers();
        // What is made in another account takes no room in ours.
        let is_elsewhere = self.is_elsewhere && effect.provider == provider(0);
        let present = if is_elsewhere { 0 } else { self.cloud_of(&effect.provider).servers().len() };
        self.judge(self.court.judge_room(&effect, present));
        if let Some(living) = &self.process {
            let clocks = (self.now, living.fleet_time(self.now));
            let harm = law::judge_harm(&effect, &living.machine, &self.store, &servers);
            let mercy = law::judge_mercy(&effect, &living.machine, &self.workers, &servers, clocks);
            let grace = law::judge_grace(&effect, &living.machine);
            self.judge(harm);
            self.judge(grace);
            match mercy {
                Ok(true) => self.evidence.note("a drain cut off at its deadline"),
                Ok(false) => {}
                Err(violation) => self.judge(Err(violation)),
            }
        }
        if matches!(effect.op, Op::Stop { mode: StopMode::Hard, .. }) {
            self.evidence.note("a hard stop");
        }
        let fate = self.fate(&effect);
        if self.net.wait == 0 {
            self.send(process, effect, fate);
        } else {
            let at = self.now + u64::from(self.net.wait);
            self.queue(at, Happening::Send { process, effect, fate });
        }
    }

    pub(super) fn fate(&mut self, effect: &Effect) -> Fate {
        let mut fate = Fate::Answer;
        for rule in &mut self.rules {
            if rule.ops.are_meant(&effect.op) {
                rule.seen += 1;
                if rule.seen.is_multiple_of(u64::from(rule.every.max(1))) {
                    fate = rule.fate;
                }
            }
        }
        fate
    }

    /// Lets a request leave the host, if it is not too late for it.
    pub(super) fn send(&mut self, process: u64, effect: Effect, fate: Fate) {
        let Some(living) = self.process.as_ref().filter(|living| living.number == process) else { return };
        let time = living.fleet_time(self.now);
        let is_late = time > effect.not_after;
        if is_late || fate == Fate::Unsent {
            if is_late {
                self.evidence.note("a request too late to be sent");
            }
            let outcome = Outcome::Unsent(Failure::new("it could not be sent"));
            self.queue(self.now, Happening::completed(process, &effect, outcome.into()));
            return;
        }
        let arrival = self.now + u64::from(self.net.request);
        if time.as_millis() + u64::from(self.net.request) > effect.not_after.as_millis() {
            self.court.strain = Some("a request was on its way for longer than it may");
        }
        let told = Told { time, wall: self.wall() };
        self.queue(arrival, Happening::Arrive { process, effect, fate, told, sent: self.now });
    }

    /// Lets a request arrive at its provider, and its answer leave.
    pub(super) fn arrive(&mut self, process: u64, effect: &Effect, fate: Fate, told: Told, sent: u64) {
        let now = self.now;
        let timeout = sent + REQUEST_TIMEOUT;
        let lost = || Outcome::Lost(Failure::new("no answer came")).into();
        let completion = match fate {
            Fate::LoseRequest => None,
            fate => {
                let cloud = self.cloud_of(&effect.provider);
                cloud.advance(now);
                Some(cloud.execute(effect, fate, told))
            }
        };
        if completion.is_some() && matches!(effect.op, Op::CreateFromSnapshot(_)) {
            self.court.created_at = Some(now);
        }
        self.trace.request(now, effect, fate, completion.as_ref());
        if fate == Fate::Hang {
            return;
        }
        let heard = now + u64::from(self.net.reply);
        let heard_in_time = completion.filter(|_| fate != Fate::LoseReply && heard <= timeout);
        if let Some(completion) = &heard_in_time {
            let judged = self.court.judge_refusals(effect, &completion.outcome, now);
            self.judge(judged);
        }
        let (at, completion) =
            heard_in_time.map_or_else(|| (timeout, lost()), |completion| (heard, completion));
        self.queue(at, Happening::completed(process, effect, completion));
    }
}

impl Ops {
    /// Whether a fate for these is for this one.
    fn are_meant(self, op: &Op) -> bool {
        match self {
            Self::All => true,
            Self::Reads => op.is_read(),
            Self::Changes => !op.is_read(),
            Self::Creates => matches!(op, Op::CreateFromSnapshot(_)),
            Self::Questions => matches!(op, Op::Find(_) | Op::Inspect(_)),
        }
    }
}
