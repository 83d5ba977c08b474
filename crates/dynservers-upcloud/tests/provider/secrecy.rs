//! Secrecy: what was told in confidence shows nowhere, not even when UpCloud repeats it.

use dynservers_core::{Op, Outcome};
use dynservers_http::{Provider as _, Text};
use dynservers_upcloud::{Credentials, UpCloud};
use serde_json::json;

use crate::world::*;

fn with_token() -> UpCloud {
    upcloud()
}

fn with_password() -> UpCloud {
    let basic = Credentials::Basic { username: env("UPCLOUD_USERNAME"), password: env("UPCLOUD_PASSWORD") };
    upcloud_with(|settings| settings.credentials = basic)
}

fn secretive_create() -> Op {
    let mut template = template();
    template.user_data = Some(Text::File { file: "worker.sh".into() });
    template.configuration =
        serde_json::from_value(json!({"login_user": {"ssh": {"env": "SSH_KEY"}}})).unwrap();
    create_of(&template)
}

#[test]
fn no_secret_shows_in_debug() {
    for upcloud in [with_token(), with_password()] {
        let op = secretive_create();
        let request = upcloud.request(&op, None, CLOCK).unwrap();
        assert!(String::from_utf8_lossy(request.body()).contains("hunter2"), "it is sent");
        let shown = format!("{upcloud:?} {op:?} {:?}", request.headers());
        assert!(!shown.contains("hunter2") && !shown.contains("cm9ib3Q6"), "{shown}");
    }
}

#[test]
fn a_secret_that_an_error_repeats_is_taken_out() {
    for (upcloud, words) in [
        (with_token(), "The token ucat_hunter2 is wrong."),
        (with_token(), "Authorization: Bearer ucat_hunter2"),
        (with_password(), "Authorization: Basic cm9ib3Q6cGFzc3dvcmQtaHVudGVyMg=="),
        (with_password(), "robot:password-hunter2"),
        (with_token(), "user_data: line 2: export PASSWORD=hunter2-in-a-file"),
        (with_token(), "invalid key 'ssh-ed25519 hunter2'"),
    ] {
        let body =
            json!({"error": {"error_code": "REQUEST_INVALID", "error_message": format!("Oh: {words}")}});
        let outcome = upcloud.response(&secretive_create(), None, &answer(400, &[], body), CLOCK).outcome;
        let message = &outcome.failure().unwrap().message;
        assert!(message.starts_with("Oh: ") && message.contains("[redacted]"), "{message}");
        assert!(!message.contains("hunter2") && !message.contains("cm9ib3Q6"), "{message}");
    }
}

#[test]
fn a_secret_that_stands_in_for_a_correlation_is_taken_out() {
    let refusal = json!({"error": {"error_code": "REQUEST_INVALID", "error_message": "No."}}).to_string();
    let problem = json!({"type": "a#ERROR_X", "title": "T", "correlation_id": "ucat_hunter2"}).to_string();
    let header = [("upcloud-cid", "ucat_hunter2")];
    for answer in [answer(400, &header, &refusal), answer(400, &[], &problem), answer(200, &header, "<html>")]
    {
        let outcome = outcome(&Op::Look, &answer);
        assert_eq!(outcome.failure().unwrap().correlation.as_deref(), Some("[redacted]"), "{outcome:?}");
    }
}

#[test]
fn a_long_message_is_cut() {
    let body = json!({"error": {"error_code": "REQUEST_INVALID", "error_message": "x".repeat(100_000)}});
    let outcome = outcome(&Op::Look, &answer(400, &[], body));
    assert_eq!(outcome.failure().unwrap().message.chars().count(), 301);
}

#[test]
fn the_password_of_a_new_server_is_not_kept() {
    let op = create_of(&template());
    for body in [
        json!({"server": {"uuid": SERVER, "username": "root", "password": "hunter2"}}),
        json!({"server": {"password": "hunter2"}}),
    ] {
        let outcome = outcome(&op, &answer(202, &[], body));
        assert!(matches!(outcome, Outcome::Created(_) | Outcome::Lost(_)));
        assert!(!format!("{outcome:?}").contains("hunter2"), "{outcome:?}");
    }
}
