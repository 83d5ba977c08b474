//! The kit for executors: whatever carries effects out without an HTTP API.

use std::sync::Arc;
use std::time::Duration;

use dynservers_core::{
    Completion, CreateFromSnapshot, Effect, Executor as _, Op, Outcome, ProviderState, Reason, Step,
    StopMode, Time,
};
use serde_json::Value;

use super::bench::{brief, effect};
use super::case::{Case, Checked, Entry, Halt, entries};
use super::checks::{absence, ends, identity, requests};
use super::life::{Hands, look, made_plain, whole};
use super::report::{Danger, Failed, Flaw, Report};
use super::samples::{Samples, every_op, fleet};
use super::subject::ExecutorSubject;

/// The time at which the kit's effects are carried out.
const NOW: Time = Time::from_millis(1_000_000);
/// How many pauses a server may need to get on with something; a minute with those of the default.
const PATIENCE: usize = 12_000;

const BEGUN_LATE: Flaw = Flaw {
    fault: "an effect was carried out after its time",
    danger: Danger::Double,
    why: "the machine counts on nothing being begun after not_after: it may have made another server by then.",
    remedy: "compare Effect::not_after with the clock at the last moment before anything is done, and give Outcome::Unsent.",
};
const UNKNOWN_OP: Flaw = Flaw {
    fault: "an operation is not answered in a way that belongs to it",
    danger: Danger::Standstill,
    why: "what is not understood is tried again for ever.",
    remedy: "carry it out, or give Outcome::Refused with Reason::Invalid and say what there is not.",
};

/// Tries an executor, and tells everything that is wrong with it at once.
///
/// Each check gets an executor without servers. What the kit creates it also stops and deletes, as far as the executor
/// lets it.
///
/// # Errors
///
/// The report, if any check found a fault.
pub fn check_executor<S: ExecutorSubject>(subject: &S) -> Result<Report, Failed> {
    let checks = checks::<S>().iter().map(|entry| entry.run(|| Place::new(subject))).collect();
    Report { checks }.judged()
}

fn checks<'a, S: ExecutorSubject>() -> Vec<Entry<Place<'a, S>>> {
    entries! {
        "operations-are-answered", "every operation is carried out, or refused in words", answers_all;
        "late-effects-are-unsent", "nothing is begun after its time", obeys_the_clock;
        "gone-is-absent", "a server that is gone is told as absent", absence::is_understood;
        "ids-are-kept", "a server has one id in all answers", identity::keeps_ids;
        "labels-are-kept", "all six labels come back", identity::keeps_labels;
        "finds-are-filtered", "a find shows the server of the token and no other", identity::finds_by_token;
        "namesakes-are-two", "servers of one name are kept apart", identity::tells_namesakes_apart;
        "repeated-creates-make-one", "one token makes one server", identity::makes_one_of_a_token;
        "deletes-delete", "a delete takes that server, and may be repeated", ends::delete;
        "ignored-shutdowns-end", "a hard stop ends what ignored a soft one", ends_the_stubborn;
    }
}

/// An executor and what was made with it.
struct Place<'a, S: ExecutorSubject> {
    subject: &'a S,
    executor: S::Executor,
    samples: Samples,
}

impl<'a, S: ExecutorSubject> Place<'a, S> {
    fn new(subject: &'a S) -> Self {
        let executor = subject.executor(fleet(), Arc::new(|| NOW));
        Self { subject, executor, samples: Samples::unique() }
    }

    fn draw_of(&mut self, spec: Value) -> CreateFromSnapshot {
        self.samples.server(fleet(), spec)
    }

    fn carry_out(&self, effect: &Effect) -> Completion {
        self.executor.execute(effect)
    }
}

impl<S: ExecutorSubject> Hands for Place<'_, S> {
    fn execute(&mut self, op: &Op, step: Option<&Step>) -> Completion {
        self.carry_out(&effect(op, step, NOW + Duration::from_secs(60)))
    }

    fn draw(&mut self) -> CreateFromSnapshot {
        let spec = self.subject.spec();
        self.draw_of(spec)
    }

    fn samples(&mut self) -> &mut Samples {
        &mut self.samples
    }

    fn pause(&mut self) {
        self.subject.pause();
    }

    fn patience(&self) -> usize {
        PATIENCE
    }

    fn count(&mut self) -> Option<usize> {
        None
    }

    fn left_behind(&mut self) -> usize {
        0
    }
}

/// Leaves no server behind, whatever became of the check.
impl<S: ExecutorSubject> Drop for Place<'_, S> {
    fn drop(&mut self) {
        for server in look(self).unwrap_or_default() {
            let stop = Op::Stop { provider_id: server.provider_id.clone(), mode: StopMode::Hard };
            whole(self, &stop);
            let delete = Op::Delete { provider_id: server.provider_id, seen: Some(ProviderState::Stopped) };
            for _ in 0..PATIENCE {
                if !matches!(whole(self, &delete).outcome, Outcome::Refused(Reason::Busy, _)) {
                    break;
                }
                self.pause();
            }
        }
    }
}

/// Every operation has an outcome that belongs to it.
fn answers_all<S: ExecutorSubject>(place: &mut Place<'_, S>, case: &mut Case) -> Checked {
    let (_, observed) = made_plain(place)?;
    let fresh = place.draw();
    for (name, op) in every_op(&fresh, &observed.provider_id) {
        let outcome = whole(place, &op).outcome;
        if let (Op::Stop { .. }, Outcome::Refused(Reason::Invalid, _)) = (&op, &outcome) {
            case.add(&requests::NO_SOFT_STOP, format!("{name} came out as {}", brief(&outcome)));
        }
        let is_well = match &op {
            Op::Look | Op::Find(_) => matches!(outcome, Outcome::Page(_)),
            Op::Inspect(_) => matches!(outcome, Outcome::Inspected(_)),
            Op::CreateFromSnapshot(_) => matches!(outcome, Outcome::Created(_)),
            Op::Check | Op::Account => {
                matches!(outcome, Outcome::Account(_) | Outcome::Accepted | Outcome::Refused(..))
            }
            _ => matches!(outcome, Outcome::Accepted | Outcome::Refused(..)),
        };
        case.demand(is_well, &UNKNOWN_OP, || format!("{name} came out as {}", brief(&outcome)));
    }
    Ok(())
}

/// What is late is not begun.
fn obeys_the_clock<S: ExecutorSubject>(place: &mut Place<'_, S>, case: &mut Case) -> Checked {
    let late = NOW.saturating_sub(Duration::from_millis(1));
    let (_, observed) = made_plain(place)?;
    let new = place.draw();
    for (name, op) in every_op(&new, &observed.provider_id) {
        let outcome = place.carry_out(&effect(&op, None, late)).outcome;
        case.demand(matches!(outcome, Outcome::Unsent(_)), &BEGUN_LATE, || {
            format!("{name}, a millisecond too late: {}", brief(&outcome))
        });
    }
    let servers = look(place)?;
    let made = servers.iter().any(|server| server.labels.token == Some(new.labels.token));
    case.demand(!made, &BEGUN_LATE, || "a server was made".to_owned());
    case.demand(servers.iter().any(|server| server.provider_id == observed.provider_id), &BEGUN_LATE, || {
        "a server was deleted".to_owned()
    });
    Ok(())
}

/// A hard stop ends what ignored a soft one.
fn ends_the_stubborn<S: ExecutorSubject>(place: &mut Place<'_, S>, case: &mut Case) -> Checked {
    let Some(spec) = place.subject.stubborn_spec() else {
        return Err(Halt::NotApplicable("every server obeys a soft stop".to_owned()));
    };
    let new = place.draw_of(spec);
    ends::stop_the_stubborn(place, &new, case)
}
