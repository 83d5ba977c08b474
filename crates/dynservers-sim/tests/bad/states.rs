//! States, stops and deletes that are not what they seem.

use std::time::Duration;

use dynservers_core::{Failure, Op, Outcome, ProviderId, ProviderState, Reason, StopMode};
use dynservers_http::{Provider as _, SoftStop};

use crate::trial::{GOOD, Trial, each};

#[test]
fn an_unknown_state_fails_the_whole_look() {
    let trial = Trial {
        response: |good, op, step, response, clock| {
            let completion = good.response(op, step, response, clock);
            match &completion.outcome {
                Outcome::Page(page) if page.servers.iter().any(|it| it.state == ProviderState::Unknown) => {
                    Outcome::Lost(Failure::new("a state that cannot be read")).into()
                }
                _ => completion,
            }
        },
        ..GOOD
    };
    trial.fails("unknown-states-are-unknown", &["spoils the whole look", "lost", "a standstill"]);
}

#[test]
fn an_unknown_state_is_stopped() {
    let trial = Trial {
        response: |good, op, step, response, clock| {
            let mut completion = good.response(op, step, response, clock);
            each(&mut completion.outcome, |server| {
                if server.state == ProviderState::Unknown {
                    server.state = ProviderState::Stopped;
                }
            });
            completion
        },
        ..GOOD
    };
    trial.fails("unknown-states-are-unknown", &["taken for a known one", "stopped", "a kill"]);
}

#[test]
fn broken_is_stopped() {
    let trial = Trial {
        response: |good, op, step, response, clock| {
            let mut completion = good.response(op, step, response, clock);
            each(&mut completion.outcome, |server| {
                if server.state == ProviderState::Error {
                    server.state = ProviderState::Stopped;
                }
            });
            completion
        },
        ..GOOD
    };
    trial.fails("states-are-told-apart", &["taken for another", "\"broken\" is error"]);
}

#[test]
fn a_server_that_is_being_made_runs() {
    let trial = Trial {
        response: |good, op, step, response, clock| {
            let mut completion = good.response(op, step, response, clock);
            each(&mut completion.outcome, |server| {
                if server.state == ProviderState::InProgress {
                    server.state = ProviderState::Running;
                }
            });
            completion
        },
        ..GOOD
    };
    trial.fails("slow-creates-are-in-progress", &["still being made", "\"creating\"", "running"]);
}

#[test]
fn a_soft_stop_that_was_accepted_is_an_error() {
    let trial = Trial {
        response: |good, op, step, response, clock| match op {
            Op::Stop { mode: StopMode::Soft { .. }, .. } => {
                Outcome::Refused(Reason::Busy, Failure::new("it runs still")).into()
            }
            _ => good.response(op, step, response, clock),
        },
        ..GOOD
    };
    trial.fails("ignored-shutdowns-show", &["accepted is not told as accepted", "a soft stop"]);
}

#[test]
fn every_stop_is_a_soft_one() {
    let trial = Trial {
        request: |good, op, step, clock| match op {
            Op::Stop { provider_id, .. } => {
                let mode = StopMode::Soft { timeout: Duration::from_secs(60) };
                good.request(&Op::Stop { provider_id: provider_id.clone(), mode }, step, clock)
            }
            _ => good.request(op, step, clock),
        },
        ..GOOD
    };
    trial.fails("stops-differ", &["are the same request", "30 s and 300 s are sent alike"]);
}

#[test]
fn disks_stay_behind() {
    let trial = Trial {
        request: |good, op, step, clock| match op {
            Op::Delete { provider_id, .. } => {
                good.build("DELETE", &format!("/servers/{provider_id}"), &serde_json::Value::Null)
            }
            _ => good.request(op, step, clock),
        },
        ..GOOD
    };
    trial.fails("deletes-delete", &["leaves something behind that bills", "a leak"]);
}

#[test]
fn a_delete_goes_to_another_server() {
    let trial = Trial {
        request: |good, op, step, clock| match op {
            Op::Delete { seen, .. } => {
                let provider_id = ProviderId::new("srv-0002").unwrap();
                good.request(&Op::Delete { provider_id, seen: *seen }, step, clock)
            }
            _ => good.request(op, step, clock),
        },
        ..GOOD
    };
    trial.fails("deletes-delete", &["a delete took another server", "a kill"]);
}

#[test]
fn a_delete_only_takes_the_labels_off() {
    let trial = Trial {
        request: |good, op, step, clock| match op {
            Op::Delete { provider_id, .. } => {
                good.build("PUT", &format!("/servers/{provider_id}/labels"), &serde_json::json!({}))
            }
            _ => good.request(op, step, clock),
        },
        ..GOOD
    };
    trial.fails("deletes-delete", &["still there", "the cloud still has 2 servers"]);
}

#[test]
fn stopped_is_never_seen() {
    let trial = Trial {
        response: |good, op, step, response, clock| {
            let mut completion = good.response(op, step, response, clock);
            each(&mut completion.outcome, |server| {
                if server.state == ProviderState::Stopped {
                    server.state = ProviderState::Unknown;
                }
            });
            completion
        },
        ..GOOD
    };
    trial.fails("gone-is-absent", &["never came into the state"]);
}

#[test]
fn a_subject_that_does_not_know_its_own_words_is_told() {
    let trial = Trial { running: "RUNNING", ..GOOD };
    trial.fails("unknown-states-are-unknown", &["a blind kit", "state_words"]);
}

/// The machine stops nothing by force that was not stopped softly before.
#[test]
fn a_soft_stop_is_refused_where_there_is_none() {
    let trial = Trial {
        request: |good, op, step, clock| match op {
            Op::Stop { mode: StopMode::Soft { .. }, .. } => Err(Failure::new("there is no soft stop").into()),
            _ => good.request(op, step, clock),
        },
        capabilities: |it| it.soft_stop = SoftStop::None,
        ..GOOD
    };
    trial.fails("requests-are-built", &["a soft stop is refused", "for ever", "do a hard one"]);
}
