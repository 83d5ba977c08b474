//! Templates: what is refused before anything is asked of UpCloud, and by which key.

use std::path::Path;

use dynservers_http::{Reference, Text};
use dynservers_upcloud::{Template, TemplateError};
use serde_json::{Value, json};

use crate::world::*;

fn with(change: impl FnOnce(&mut Template)) -> Vec<TemplateError> {
    let mut template = template();
    change(&mut template);
    template.validate().err().unwrap_or_default()
}

fn configured(configuration: Value) -> Vec<TemplateError> {
    with(|template| template.configuration = serde_json::from_value(configuration).unwrap())
}

#[test]
fn a_good_template_is_good() {
    assert_eq!(with(|_| {}), []);
    assert_eq!(
        with(|template| {
            template.storage_tier = Some("hdd".into());
            template.networks = vec!["public".into(), "utility".into(), SNAPSHOT.into()];
            template.labels = [("env".to_owned(), "prod".into()), ("a b".to_owned(), "".into())].into();
            template.snapshot = Text::Env { env: "SNAPSHOT".into() };
        }),
        []
    );
    assert_eq!(configured(json!({"labels": null, "hostname": "a", "firewall": "off"})), []);
    assert_eq!(configured(json!({"labels": {"label": [{"key": "ab", "value": {"env": "X"}}]}})), []);
}

#[test]
fn every_wrong_key_is_named_with_what_is_wrong() {
    let label = |label: &str| [(label.to_owned(), Text::from("x"))].into();
    for (errors, key, message) in [
        (with(|template| template.zone = " ".into()), "zone", "zone is empty"),
        (with(|template| template.plan = "".into()), "plan", "plan is empty"),
        (with(|template| template.snapshot = "".into()), "snapshot", "snapshot is empty"),
        (
            with(|template| template.snapshot = "ubuntu".into()),
            "snapshot",
            "snapshot is \"ubuntu\", which is not a UUID like \"01000000-0000-4000-8000-000000000001\"",
        ),
        (
            with(|template| template.server_group = Some("g".into())),
            "server_group",
            "server_group is \"g\", which is not a UUID like \"01000000-0000-4000-8000-000000000001\"",
        ),
        (
            with(|template| template.storage_tier = Some("ssd".into())),
            "storage_tier",
            "storage_tier is \"ssd\": \"maxiops\", \"standard\" or \"hdd\" was expected",
        ),
        (
            with(|template| template.networks = vec!["private".into()]),
            "networks",
            "networks has \"private\": \"public\", \"utility\" or the UUID of a private network was expected",
        ),
        (with(|template| template.ssh_keys = vec!["".into()]), "ssh_keys", "ssh_keys is empty"),
        (
            with(|template| template.labels = label("dynservers-token")),
            "labels",
            "labels has a label \"dynservers-token\": labels that begin with \"dynservers-\" are reserved",
        ),
        (
            with(|template| template.labels = label("_a")),
            "labels",
            "labels has a label \"_a\": 2 to 32 printable ASCII characters, the first not '_', were expected",
        ),
        (
            with(|template| template.labels = [("ab".to_owned(), "ä".repeat(256).into())].into()),
            "labels",
            "labels has a label \"ab\" whose value is longer than 255 characters",
        ),
        (
            configured(json!({"labels": {"label": [{"key": "DYNSERVERS-x", "value": "x"}]}})),
            "configuration",
            "configuration has a label \"DYNSERVERS-x\": labels that begin with \"dynservers-\" are reserved",
        ),
        (
            configured(json!({"labels": {"team": "jobs"}})),
            "configuration",
            "configuration.labels must be { label = [{ key = \"...\", value = \"...\" }] }",
        ),
    ] {
        let [error] = errors.as_slice() else { panic!("{message}: {errors:?}") };
        assert_eq!((error.key(), error.to_string().as_str()), (key, message));
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let errors = with(|template| {
        template.zone = "".into();
        template.snapshot = "x".into();
        template.labels = [("a".to_owned(), "x".into()), ("ä".repeat(9), "x".into())].into();
    });
    assert_eq!(
        errors.iter().map(TemplateError::key).collect::<Vec<_>>(),
        ["zone", "snapshot", "labels", "labels"]
    );
}

#[test]
fn unknown_and_missing_keys_are_refused() {
    let read = |value: Value| serde_json::from_value::<Template>(value).unwrap_err().to_string();
    assert!(read(json!({"zone": "a", "plan": "b"})).contains("missing field `snapshot`"));
    let unknown = read(json!({"zone": "a", "plan": "b", "snapshot": "c", "size": "d"}));
    assert!(unknown.contains("unknown field `size`"), "{unknown}");
    let wrong = read(json!({"zone": {"env": "A", "file": "b"}}));
    assert!(wrong.contains("a string, { env = \"NAME\" } or { file = \"PATH\" } was expected"), "{wrong}");
}

fn referring() -> Template {
    let mut template = template();
    template.user_data = Some(Text::File { file: "worker.sh".into() });
    template.labels = [("env".to_owned(), "prod".into())].into();
    template.ssh_keys = vec![Text::Env { env: "SSH_KEY".into() }];
    template.configuration = serde_json::from_value(json!({"a": [{"file": "b"}]})).unwrap();
    template
}

#[test]
fn a_specification_keeps_references_and_reads_back() {
    let template = referring();
    let value = Value::from(&template);
    assert_eq!(value["user_data"], json!({"file": "worker.sh"}));
    assert_eq!(serde_json::from_value::<Template>(value).unwrap(), template);
}

#[test]
fn references_are_listed_and_files_are_found_beside_the_configuration() {
    let mut template = referring();
    template.anchor_files(Path::new("/etc/dynservers"));
    assert_eq!(
        template.references(),
        [
            Reference::File("/etc/dynservers/worker.sh".into()),
            Reference::Env("SSH_KEY".into()),
            Reference::File("/etc/dynservers/b".into()),
        ]
    );
}
