//! Templates: what is refused before anything is asked of UpCloud, and by which key.

use std::path::Path;

use dynservers_http::{Reference, Text};
use dynservers_upcloud::{Part, Segment, Template, TemplateError, TemplateProblem};
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
    for (errors, message) in [
        (with(|template| template.zone = " ".into()), "zone: must not be empty"),
        (with(|template| template.plan = "".into()), "plan: must not be empty"),
        (with(|template| template.snapshot = "".into()), "snapshot: must not be empty"),
        (with(|template| template.user_data = Some("".into())), "user_data: must not be empty"),
        (
            with(|template| template.plan = "2xCPU 4GB".into()),
            "plan: must be one word of printable ASCII characters, not \"2xCPU 4GB\"",
        ),
        (with(|template| template.snapshot = "ubuntu".into()), "snapshot: must be a UUID, not \"ubuntu\""),
        (
            with(|template| template.server_group = Some("g".into())),
            "server_group: must be a UUID, not \"g\"",
        ),
        (
            with(|template| template.storage_tier = Some("ssd".into())),
            "storage_tier: must be \"maxiops\", \"standard\" or \"hdd\", not \"ssd\"",
        ),
        (
            with(|template| template.networks = vec!["public".into(), "private".into()]),
            "networks[1]: must be \"public\", \"utility\" or the UUID of a private network, not \"private\"",
        ),
        (with(|template| template.ssh_keys = vec!["".into()]), "ssh_keys[0]: must not be empty"),
        (
            with(|template| template.ssh_keys = vec!["ssh-ed25519".into()]),
            "ssh_keys[0]: must be a public key as OpenSSH writes it",
        ),
        (
            with(|template| template.labels = label("dynservers-token")),
            "labels.dynservers-token: keys that begin with `dynservers-` are the fleet's own",
        ),
        (
            with(|template| template.labels = label("_a")),
            "labels._a: UpCloud takes keys of 2 to 32 printable ASCII characters that do not begin with `_`",
        ),
        (
            with(|template| template.labels = [("ab".to_owned(), "ä".repeat(256).into())].into()),
            "labels.ab: UpCloud takes at most 255 characters",
        ),
        (
            configured(json!({"labels": {"label": [{"key": "DYNSERVERS-x", "value": "x"}]}})),
            "configuration.labels.label[0].key: keys that begin with `dynservers-` are the fleet's own",
        ),
        (
            configured(json!({"a": [{"dynservers-x": 1}]})),
            "configuration.a[0].dynservers-x: keys that begin with `dynservers-` are the fleet's own",
        ),
        (
            configured(
                json!({"labels": {"label": [{"key": "ab", "value": "x"}, {"key": "a", "value": "x"}]}}),
            ),
            "configuration.labels.label[1].key: \
             UpCloud takes keys of 2 to 32 printable ASCII characters that do not begin with `_`",
        ),
        (
            configured(json!({"labels": {"team": "jobs"}})),
            "configuration.labels: must be { label = [{ key = \"...\", value = \"...\" }] }",
        ),
        (
            configured(json!({"labels": {"label": [{"key": "team"}]}})),
            "configuration.labels.label[0]: must be { label = [{ key = \"...\", value = \"...\" }] }",
        ),
    ] {
        let [error] = errors.as_slice() else { panic!("{message}: {errors:?}") };
        assert_eq!(error.to_string(), message);
        assert!(message.starts_with(error.location.key()), "{error}");
    }
}

#[test]
fn a_private_key_is_refused_and_not_repeated() {
    let errors = with(|template| {
        template.ssh_keys = vec!["-----BEGIN OPENSSH PRIVATE KEY----- hunter2".into()];
    });
    assert_eq!(errors[0].problem, TemplateProblem::PrivateKey);
    assert!(!format!("{errors:?} {}", errors[0]).contains("hunter2"));
}

#[test]
fn it_is_told_whether_a_key_or_its_value_is_wrong() {
    let errors = with(|template| {
        template.labels = [("x".to_owned(), "x".repeat(256).into())].into();
    });
    let parts: Vec<_> = errors.iter().map(|error| (&error.problem, error.location.part)).collect();
    assert_eq!(
        parts,
        [(&TemplateProblem::InvalidLabelKey, Part::Key), (&TemplateProblem::LabelValueTooLong, Part::Value)]
    );
    assert_eq!(
        errors[0].location.segments,
        [Segment::Key("labels".to_owned()), Segment::Key("x".to_owned())]
    );
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let errors = with(|template| {
        template.zone = "".into();
        template.snapshot = "x".into();
        template.labels = [("a".to_owned(), "x".into()), ("ä".repeat(9), "x".into())].into();
    });
    assert_eq!(
        errors.iter().map(|error| error.location.key()).collect::<Vec<_>>(),
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
