//! Executors in memory: a good one, and one for each fault that the kit must name.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails as the test does")]

use std::sync::{Arc, Mutex};

use dynservers_core::{
    Account, Completion, Effect, Executor, Failure, FleetName, FoundLabels, Observed, Op, Outcome, Page,
    ProviderId, ProviderState, Reason, Seam, StopMode, Time, Token,
};
use dynservers_sim::conformance::{ExecutorSubject, Failed, check_executor};
use serde_json::{Value, json};

/// What an executor gets wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    Nothing,
    NoReboot,
    NoSoftStop,
    LateCreates,
    GoneIsLost,
    OtherIds,
    NoOwner,
    UnfilteredFind,
    KnownByName,
    Doubles,
    DeletesNothing,
    NeverKills,
    RefusesToKill,
    BelievesInStops,
}

struct Desk {
    fault: Fault,
    clock: Arc<dyn Fn() -> Time + Send + Sync>,
    servers: Mutex<Vec<(Observed, Value)>>,
}

impl Desk {
    fn outcome(&self, effect: &Effect) -> Outcome {
        if (self.clock)() > effect.not_after && self.fault != Fault::LateCreates {
            return Outcome::Unsent(Failure::new("too late"));
        }
        let mut servers = self.servers.lock().unwrap();
        let page = |servers: Vec<Observed>| {
            Outcome::Page(Page { total: Some(servers.len() as u64), servers, seam: Seam::Overlapping })
        };
        let all = || servers.iter().map(|(server, _)| server.clone());
        match &effect.op {
            Op::Check | Op::Account => Outcome::Account(Account::default()),
            Op::Look => page(all().collect()),
            Op::Find(_) if self.fault == Fault::UnfilteredFind => page(all().collect()),
            Op::Find(token) => page(all().filter(|server| server.labels.token == Some(*token)).collect()),
            Op::CreateFromSnapshot(new) => {
                let bears = |server: Observed| server.labels.token == Some(new.labels.token);
                if self.fault != Fault::Doubles && all().any(bears) {
                    return Outcome::Exists(Failure::new("it is there"));
                }
                let mut server = Observed {
                    provider_id: self.id(new.labels.token, &new.name, servers.len()),
                    name: new.name.to_string(),
                    labels: FoundLabels::from(&new.labels),
                    state: ProviderState::Running,
                    addresses: Vec::new(),
                };
                if self.fault == Fault::NoOwner {
                    server.labels.owner = None;
                }
                servers.push((server.clone(), new.spec.body().clone()));
                if self.fault == Fault::OtherIds {
                    server.provider_id = ProviderId::new(format!("/{}", server.provider_id)).unwrap();
                }
                Outcome::Created(Box::new(server))
            }
            Op::Reboot { .. } if self.fault == Fault::NoReboot => Outcome::Lost(Failure::new("what?")),
            Op::Inspect(id)
            | Op::Stop { provider_id: id, .. }
            | Op::Reboot { provider_id: id, .. }
            | Op::Delete { provider_id: id, .. } => {
                let Some(at) = servers.iter().position(|(server, _)| server.provider_id == *id) else {
                    let failure = Failure::new("there is no such server");
                    let is_lost = self.fault == Fault::GoneIsLost;
                    return if is_lost { Outcome::Lost(failure) } else { Outcome::Absent(failure) };
                };
                let (server, spec) = &mut servers[at];
                match &effect.op {
                    Op::Inspect(_) => return Outcome::Inspected(server.clone()),
                    Op::Stop { mode: StopMode::Hard, .. } if self.fault == Fault::RefusesToKill => {
                        return Outcome::Refused(Reason::Busy, Failure::new("it is busy"));
                    }
                    Op::Stop { mode: StopMode::Soft { .. }, .. } if self.fault == Fault::NoSoftStop => {
                        return Outcome::Refused(Reason::Invalid, Failure::new("there is no soft stop"));
                    }
                    Op::Stop { mode, .. } => {
                        let kills = *mode == StopMode::Hard && self.fault != Fault::NeverKills;
                        if kills || *spec != json!("stubborn") || self.fault == Fault::BelievesInStops {
                            server.state = ProviderState::Stopped;
                        }
                    }
                    Op::Delete { .. } if server.state != ProviderState::Stopped => {
                        return Outcome::Refused(Reason::Busy, Failure::new("it runs"));
                    }
                    Op::Delete { .. } if self.fault != Fault::DeletesNothing => {
                        servers.remove(at);
                    }
                    _ => {}
                }
                Outcome::Accepted
            }
            _ => Outcome::Refused(Reason::Invalid, Failure::new("there is no such operation")),
        }
    }

    fn id(&self, token: Token, name: &str, count: usize) -> ProviderId {
        let id = match self.fault {
            Fault::KnownByName => name.to_owned(),
            Fault::Doubles => format!("{token}-{count}"),
            _ => token.to_string(),
        };
        ProviderId::new(id).unwrap()
    }
}

impl Executor for Desk {
    fn execute(&self, effect: &Effect) -> Completion {
        self.outcome(effect).into()
    }
}

impl ExecutorSubject for Fault {
    type Executor = Desk;

    fn executor(&self, _: FleetName, clock: Arc<dyn Fn() -> Time + Send + Sync>) -> Desk {
        Desk { fault: *self, clock, servers: Mutex::default() }
    }

    fn spec(&self) -> Value {
        json!("obedient")
    }

    fn stubborn_spec(&self) -> Option<Value> {
        Some(json!("stubborn"))
    }

    fn pause(&self) {}
}

#[test]
fn a_good_one_passes() {
    println!("{}", check_executor(&Fault::Nothing).unwrap());
}

#[test]
fn every_fault_is_named() {
    for (fault, check, words) in [
        (Fault::NoReboot, "operations-are-answered", "reboot came out as lost"),
        (Fault::NoSoftStop, "operations-are-answered", "a soft stop is refused"),
        (Fault::LateCreates, "late-effects-are-unsent", "carried out after its time"),
        (Fault::GoneIsLost, "gone-is-absent", "of a server that is gone, came out as lost"),
        (Fault::OtherIds, "ids-are-kept", "one server has different ids"),
        (Fault::NoOwner, "labels-are-kept", "dynservers-owner"),
        (Fault::UnfilteredFind, "finds-are-filtered", "do not bear the token"),
        (Fault::KnownByName, "namesakes-are-two", "two servers of one name"),
        (Fault::Doubles, "repeated-creates-make-one", "made two servers"),
        (Fault::DeletesNothing, "deletes-delete", "still there"),
        (Fault::RefusesToKill, "ignored-shutdowns-end", "a stop: refused as busy"),
        (Fault::BelievesInStops, "ignored-shutdowns-end", "or shows as stopped"),
        (Fault::NeverKills, "ignored-shutdowns-end", "a hard stop does not stop"),
    ] {
        let Failed(report) = check_executor(&fault).expect_err(check);
        let told = report.check(check).unwrap();
        assert!(told.has_failed() && told.to_string().contains(words), "{words:?} is not in:\n{report}");
    }
}
