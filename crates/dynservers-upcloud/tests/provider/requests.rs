//! Golden requests: exactly what leaves for each operation.

use std::time::Duration;

use dynservers_core::{Failure, Op, ProviderId, Step, StopMode};
use dynservers_http::{Provider as _, Text, Unbuildable};
use dynservers_upcloud::{Credentials, SettingsError, UpCloud};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use serde_json::{Value, json};

use crate::world::*;

#[test]
fn defect_19_every_operation_has_its_method_target_and_body() {
    let server = |rest: &str| format!("/server/{SERVER}{rest}");
    for (op, method, target, body) in [
        (Op::Check, "GET", "/account".to_owned(), Value::Null),
        (Op::Look, "GET", "/server?label=dynservers-fleet%3Dworkers&limit=100&offset=0".into(), Value::Null),
        (
            Op::Find(TOKEN),
            "GET",
            format!(
                "/server?label=dynservers-fleet%3Dworkers&label=dynservers-token%3D{TOKEN_TEXT}&limit=100&offset=0"
            ),
            Value::Null,
        ),
        (Op::Account, "GET", "/server?limit=1".into(), Value::Null),
        (Op::Inspect(id()), "GET", server(""), Value::Null),
        (
            soft_stop(Duration::from_secs(60)),
            "POST",
            server("/stop"),
            json!({"stop_server": {"stop_type": "soft", "timeout": "60"}}),
        ),
        (
            Op::Stop { provider_id: id(), mode: StopMode::Hard },
            "POST",
            server("/stop"),
            json!({"stop_server": {"stop_type": "hard"}}),
        ),
        (
            Op::Reboot { provider_id: id(), timeout: Duration::from_secs(90) },
            "POST",
            server("/restart"),
            json!({"restart_server": {"stop_type": "soft", "timeout": "90", "timeout_action": "destroy"}}),
        ),
        (
            Op::Delete { provider_id: id(), seen: None },
            "DELETE",
            server("?storages=1&backups=delete"),
            Value::Null,
        ),
    ] {
        let request = request(&op);
        assert_eq!(request.method(), method, "{op:?}");
        assert_eq!(request.uri().to_string(), format!("http://127.0.0.1:8080/1.3{target}"));
        if body.is_null() {
            assert_eq!((request.body().len(), request.headers().get(CONTENT_TYPE)), (0, None), "{op:?}");
        } else {
            assert_eq!(json_of(&request), body);
            assert_eq!(request.headers()[CONTENT_TYPE], "application/json");
        }
    }
}

#[test]
fn every_request_says_who_asks_and_what_it_reads() {
    for op in every_op() {
        let request = request(&op);
        let headers = request.headers();
        assert_eq!(headers[AUTHORIZATION], "Bearer ucat_hunter2");
        assert!(headers[AUTHORIZATION].is_sensitive());
        assert_eq!(headers[ACCEPT], "application/json");
        assert_eq!(headers[USER_AGENT], concat!("dynservers/", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn a_user_and_its_password_are_basic() {
    let upcloud = upcloud_with(|settings| {
        settings.credentials =
            Credentials::Basic { username: env("UPCLOUD_USERNAME"), password: env("UPCLOUD_PASSWORD") };
    });
    let request = upcloud.request(&Op::Check, None, CLOCK).unwrap();
    assert_eq!(request.uri(), "https://api.upcloud.com/1.3/account");
    assert_eq!(request.headers()[AUTHORIZATION], "Basic cm9ib3Q6cGFzc3dvcmQtaHVudGVyMg==");
    assert!(request.headers()[AUTHORIZATION].is_sensitive());
}

#[test]
fn credentials_that_cannot_be_read_leave_nothing_to_send() {
    let upcloud = upcloud_with(|settings| settings.credentials = Credentials::Token(env("NOT_SET")));
    assert_eq!(
        upcloud.request(&Op::Look, None, CLOCK).unwrap_err(),
        Unbuildable::Denied(Failure::new("environment variable NOT_SET cannot be read: it is not set"))
    );
}

#[test]
fn a_look_goes_on_where_its_step_says() {
    let step = Step("offset 9".to_owned());
    let upcloud = upcloud_with(|settings| settings.page_size = 10);
    let request = upcloud.request(&Op::Look, Some(&step), CLOCK).unwrap();
    assert_eq!(request.uri().query(), Some("label=dynservers-fleet%3Dworkers&limit=10&offset=9"));
    let foreign = Step("cursor xyz".to_owned());
    assert!(upcloud.request(&Op::Look, Some(&foreign), CLOCK).is_err());
}

#[test]
fn pages_too_small_to_overlap_are_refused() {
    for page_size in [0, 1, 1001] {
        let mut settings = settings();
        settings.page_size = page_size;
        let refused = UpCloud::new(settings, std::sync::Arc::new(Vault)).unwrap_err();
        assert_eq!(refused, SettingsError::PageSize { page_size });
    }
}

#[test]
fn stop_timeouts_are_whole_seconds_from_1_to_600_as_strings() {
    for (timeout, expected) in [
        (Duration::ZERO, "1"),
        (Duration::from_millis(300), "1"),
        (Duration::from_millis(1001), "2"),
        (Duration::from_secs(600), "600"),
        (Duration::from_secs(601), "600"),
        (Duration::MAX, "600"),
    ] {
        assert_eq!(json_of(&request(&soft_stop(timeout)))["stop_server"]["timeout"], expected);
    }
}

#[test]
fn an_id_cannot_lead_elsewhere() {
    for id in ["../account", "a/stop", "a?b", "a b", "ä", "a%2f"] {
        let provider_id = ProviderId::new(id).unwrap();
        for op in [Op::Inspect(provider_id.clone()), Op::Delete { provider_id, seen: None }] {
            let failure = upcloud().request(&op, None, CLOCK).unwrap_err().failure().clone();
            assert!(failure.message.ends_with("is not the id of a server of UpCloud"), "{failure}");
        }
    }
}

fn our_labels() -> Vec<Value> {
    [
        ("dynservers-fleet", "workers"),
        ("dynservers-owner", "00000000000000000000000000000001"),
        ("dynservers-type", "default"),
        ("dynservers-id", "7"),
        ("dynservers-token", TOKEN_TEXT),
        ("dynservers-spec", "0000000000000009"),
    ]
    .map(|(key, value)| json!({"key": key, "value": value}))
    .into()
}

#[test]
fn the_least_create_clones_the_snapshot_and_bears_our_labels() {
    let request = request(&create_of(&template()));
    assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/1.3/server"));
    assert_eq!(
        json_of(&request),
        json!({"server": {
            "hostname": "dynamic-server-7",
            "title": "Dynamic_Server 7",
            "zone": "de-fra1",
            "plan": "2xCPU-4GB",
            "metadata": "yes",
            "password_delivery": "none",
            "storage_devices": {"storage_device": [
                {"action": "clone", "storage": SNAPSHOT, "title": "Dynamic_Server 7"},
            ]},
            "labels": {"label": our_labels()},
        }})
    );
}

#[test]
fn a_full_create_has_everything_that_was_asked_for() {
    let network = "03000000-0000-4000-8000-000000000001";
    let mut template = template();
    template.storage_tier = Some("maxiops".into());
    template.user_data = Some(Text::File { file: "worker.sh".into() });
    template.ssh_keys = vec![Text::Env { env: "SSH_KEY".into() }, "ssh-ed25519 {name}".into()];
    template.networks = vec!["public".into(), "utility".into(), network.into()];
    template.server_group = Some("0b000000-0000-4000-8000-000000000001".into());
    // A label called env is a label, not a reference.
    template.labels = [("env".to_owned(), "prod-{type}".into())].into();
    let request = json_of(&request(&create_of(&template)));
    let server = &request["server"];
    let addresses = json!({"ip_address": [{"family": "IPv4"}]});
    assert_eq!(
        server["networking"],
        json!({"interfaces": {"interface": [
            {"type": "public", "ip_addresses": addresses},
            {"type": "utility", "ip_addresses": addresses},
            {"type": "private", "network": network, "ip_addresses": addresses},
        ]}})
    );
    assert_eq!(
        server["login_user"],
        json!({"create_password": "no", "ssh_keys": {"ssh_key": ["ssh-ed25519 hunter2", "ssh-ed25519 Dynamic_Server 7"]}})
    );
    assert_eq!(server["user_data"], "#!/bin/sh\nexport PASSWORD=hunter2-in-a-file {name}");
    assert_eq!(server["server_group"], "0b000000-0000-4000-8000-000000000001");
    assert_eq!(server["storage_devices"]["storage_device"][0]["tier"], "maxiops");
    let mut labels = vec![json!({"key": "env", "value": "prod-default"})];
    labels.extend(our_labels());
    assert_eq!(server["labels"], json!({"label": labels}));
}

#[test]
fn configuration_is_merged_over_all_but_what_makes_the_server_ours() {
    let mut template = template();
    template.labels = [("team".to_owned(), "jobs".into())].into();
    template.configuration = serde_json::from_value(json!({
        "hostname": "mine",
        "title": "{type} {id}",
        "plan": null,
        "core_number": "4",
        "user_data": {"env": "SSH_KEY"},
        "labels": {"label": [{"key": "cost", "value": "{id}"}]},
    }))
    .unwrap();
    let request = json_of(&request(&create_of(&template)));
    let server = &request["server"];
    assert_eq!(server["hostname"], "dynamic-server-7");
    assert_eq!(server["title"], "default 7");
    assert_eq!(server.get("plan"), None);
    assert_eq!(server["core_number"], "4");
    assert_eq!(server["user_data"], "ssh-ed25519 hunter2");
    let mut labels = vec![json!({"key": "cost", "value": "7"})];
    labels.extend(our_labels());
    assert_eq!(server["labels"], json!({"label": labels}), "a list replaces a list");
}

#[test]
fn a_configuration_that_takes_away_all_labels_leaves_ours() {
    let mut template = template();
    template.labels = [("team".to_owned(), "jobs".into())].into();
    template.configuration = serde_json::from_value(json!({"labels": null, "hostname": null})).unwrap();
    let request = json_of(&request(&create_of(&template)));
    assert_eq!(request["server"]["labels"], json!({"label": our_labels()}));
    assert_eq!(request["server"]["hostname"], "dynamic-server-7");
}

#[test]
fn a_configuration_is_never_a_reference_as_a_whole() {
    let mut template = template();
    template.configuration = serde_json::from_value(json!({"env": "SSH_KEY"})).unwrap();
    assert_eq!(json_of(&request(&create_of(&template)))["server"]["env"], "SSH_KEY");
}

#[test]
fn what_cannot_be_asked_for_is_not_sent() {
    let with = |configuration: Value| {
        let mut template = template();
        template.configuration = serde_json::from_value(configuration).unwrap();
        create_of(&template)
    };
    let labels = |value: Value| with(json!({ "labels": value }));
    let network = {
        let mut template = template();
        template.networks = vec![Text::Env { env: "SSH_KEY".into() }];
        create_of(&template)
    };
    for (op, expected) in [
        (create(json!({"zone": "de-fra1"})), "the specification is not one that"),
        (create(json!(null)), "the specification is not one that"),
        (with(json!({"user_data": {"env": "NOT_SET"}})), "environment variable NOT_SET cannot be read"),
        (labels(json!("x")), "the labels in configuration are not of the form"),
        (labels(json!({"label": [{"key": "a"}]})), "the labels in configuration are not of the form"),
        (
            labels(json!({"label": [{"key": "Dynservers-token", "value": "x"}]})),
            "labels that begin with dynservers- are reserved",
        ),
        (network, "networks: one is neither"),
    ] {
        let failure = upcloud().request(&op, None, CLOCK).unwrap_err().failure().clone();
        assert!(failure.message.starts_with(expected), "{failure}");
        assert!(!failure.message.contains("hunter2"), "{failure}");
    }
}
