//! The defects of the reference's UpCloud driver, as far as its words to the API and the API's words to it go.

use std::time::Duration;

use dynservers_core::{Op, Outcome, ProviderState};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::*;

fn look_at(states: &[Value]) -> Vec<ProviderState> {
    let server = |(number, state): (usize, &Value)| json!({"uuid": format!("00000000-0000-4000-8000-{number:012}"), "state": state, "labels": {"label": []}});
    let servers: Vec<Value> = states.iter().enumerate().map(server).collect();
    match outcome(&Op::Look, &answer(200, &[], json!({"servers": {"server": servers}}))) {
        Outcome::Page(page) => page.servers.into_iter().map(|server| server.state).collect(),
        other => panic!("no page: {other:?}"),
    }
}

/// A state that the driver did not know ended its job, and the row stayed for ever.
#[test]
fn defect_14_a_state_nobody_knows_spoils_neither_its_server_nor_the_look() {
    for state in [json!("levitating"), json!(""), json!("ERROR"), json!(null), json!(7), json!(["started"])] {
        let read = look_at(&[json!("started"), state.clone(), json!("error"), json!("stopped")]);
        let expected =
            [ProviderState::Running, ProviderState::Unknown, ProviderState::Error, ProviderState::Stopped];
        assert_eq!(read, expected, "{state}");
    }
}

proptest! {
    #[test]
    fn defect_14_any_word_at_all_is_a_state(words in prop::collection::vec("\\PC{0,16}", 1..20)) {
        let states: Vec<Value> = words.iter().map(|word| json!(word)).collect();
        let known = ["started", "stopped", "maintenance", "error", "pending_delete"];
        for (word, read) in words.iter().zip(look_at(&states)) {
            prop_assert!(read == ProviderState::Unknown || known.contains(&word.as_str()));
        }
    }
}

/// The driver sent the options of a restart bare, and UpCloud refused them.
#[test]
fn defect_19_the_options_of_a_restart_are_wrapped_as_those_of_a_stop_are() {
    let restart = request(&Op::Reboot { provider_id: id(), timeout: Duration::from_secs(60) });
    let body = json_of(&restart);
    assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["restart_server"]);
    assert_eq!(
        body["restart_server"],
        json!({"stop_type": "soft", "timeout": "60", "timeout_action": "destroy"})
    );
    let stop = json_of(&request(&soft_stop(Duration::from_secs(60))));
    assert_eq!(stop.as_object().unwrap().keys().collect::<Vec<_>>(), ["stop_server"]);
}

/// A delete that is repeated finds nothing: that is its success, and the driver took it for an error.
#[test]
fn defect_19_a_delete_of_what_is_gone_is_absence_and_no_error() {
    let delete = Op::Delete { provider_id: id(), seen: None };
    let gone = json!({"error": {"error_code": "SERVER_NOT_FOUND", "error_message": "Words."}});
    assert_eq!(outcome(&delete, &answer(404, &[], gone)).name(), "absent");
    let hearsay = json!({"error": {"error_code": "NOT_FOUND", "error_message": "Words."}});
    assert_ne!(outcome(&delete, &answer(404, &[], hearsay)).name(), "absent");
}
