//! What is filled, resolved, merged and named, and what is left alone.

use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::json;

use super::*;

struct Vault;

impl Secrets for Vault {
    fn read(&self, reference: &Reference) -> Result<SecretString, Failure> {
        match reference {
            Reference::Env(name) if name == "MISSING" => Err(Failure::new("MISSING is not set")),
            reference => Ok(SecretString::from(format!("<{reference} of {{name}}>"))),
        }
    }
}

fn names() -> Names {
    Names::new("My_Server 7", &TypeName::new("default").unwrap(), ServerId(7))
}

#[test]
fn placeholders_are_filled_and_other_braces_are_left_alone() {
    let names = names();
    for (text, expected) in [
        ("{name}", "My_Server 7"),
        ("{hostname}.{type}.{id}", "my-server-7.default.7"),
        ("{id}{id}", "77"),
        ("{ name } {Name} {} {unknown} {name", "{ name } {Name} {} {unknown} {name"),
        ("${name} ${id:-0} {{name}} {{ type }}", "${name} ${id:-0} {{name}} {{ type }}"),
        ("f() { echo {id}; }", "f() { echo 7; }"),
        ("ä{id}ö", "ä7ö"),
        ("", ""),
    ] {
        assert_eq!(names.fill(text), expected);
    }
    for (name, text, expected) in
        [("{id}", "{name}", "{id}"), ("a$", "{name}{id}", "a$7"), ("{", "{name}{id}", "{7")]
    {
        let tricky = Names { name: name.into(), ..names.clone() };
        assert_eq!(tricky.fill(text), expected, "what was filled in is not read again");
    }
}

#[test]
fn strings_are_rendered_however_deep_and_references_are_taken_as_they_are() {
    let template = json!({
        "title": "{name}",
        "deep": [{"more": ["{type}", 1, true, null]}],
        "{name}": "keys stay",
        "key": {"env": "KEY"},
        "script": {"file": "/etc/worker.sh"},
        "no reference": {"env": "KEY", "file": "a"},
        "no reference either": {"env": 1},
    });
    assert_eq!(
        render(&template, &names(), &Vault).unwrap().into_value(),
        json!({
            "title": "My_Server 7",
            "deep": [{"more": ["default", 1, true, null]}],
            "{name}": "keys stay",
            "key": "<environment variable KEY of {name}>",
            "script": "<file /etc/worker.sh of {name}>",
            "no reference": {"env": "KEY", "file": "a"},
            "no reference either": {"env": 1},
        })
    );
}

#[test]
fn a_reference_that_cannot_be_read_is_the_failure() {
    let failure = render(&json!([{"env": "KEY"}, {"env": "MISSING"}]), &names(), &Vault).unwrap_err();
    assert_eq!(failure, Failure::new("MISSING is not set"));
}

#[test]
fn what_is_rendered_does_not_show() {
    let rendered = render(&json!({"env": "KEY"}), &names(), &Vault).unwrap();
    assert_eq!(format!("{rendered:?}"), "Rendered([redacted])");
}

#[test]
fn references_are_listed_and_relative_files_are_anchored() {
    let mut template = json!({"a": [{"file": "a.sh"}, {"file": "/b.sh"}], "c": {"env": "C"}, "d": "file"});
    anchor_files(&mut template, Path::new("/etc/dynservers"));
    assert_eq!(
        references(&template),
        [
            Reference::File("/etc/dynservers/a.sh".into()),
            Reference::File("/b.sh".into()),
            Reference::Env("C".into())
        ]
    );
}

#[test]
fn merges_as_the_examples_of_rfc_7386_say() {
    for (target, patch, expected) in [
        (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
        (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
        (json!({"a": "b"}), json!({"a": null}), json!({})),
        (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
        (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
        (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
        (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
        (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
        (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
        (json!({"a": "b"}), json!(["c"]), json!(["c"])),
        (json!({"a": "foo"}), json!(null), json!(null)),
        (json!({"a": "foo"}), json!("bar"), json!("bar")),
        (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
        (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
        (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
    ] {
        let mut merged = target.clone();
        merge(&mut merged, patch.clone());
        assert_eq!(merged, expected, "{target} patched with {patch}");
    }
}

#[test]
fn host_names_are_made_of_any_name() {
    for (name, expected) in [
        ("dynamic-server-default-1", "dynamic-server-default-1"),
        ("Dynamic_Server", "dynamic-server"),
        ("-a-.-b-", "a.b"),
        ("a..b.", "a.b"),
        ("Größe", "gr--e"),
        ("", "server"),
        ("___", "server"),
        ("-.-", "server"),
    ] {
        assert_eq!(hostname(name), expected);
    }
    assert_eq!(hostname(&"a".repeat(200)), "a".repeat(63));
    assert_eq!(hostname(&format!("{}-b", "a".repeat(62))), "a".repeat(62));
}

proptest! {
    #[test]
    fn every_host_name_is_valid(name in "([a-zA-Z0-9_.\\-]{0,200}|\\PC{0,80})") {
        let host = hostname(&name);
        prop_assert!((1..=128).contains(&host.len()));
        for label in host.split('.') {
            prop_assert!((1..=63).contains(&label.len()), "{host}");
            prop_assert!(!label.starts_with('-') && !label.ends_with('-'), "{host}");
            prop_assert!(label.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')), "{host}");
        }
        prop_assert_eq!(hostname(&host), host);
    }

    #[test]
    fn text_without_our_placeholders_is_unchanged(text in "[a-h{}$ \n]{0,60}") {
        prop_assert_eq!(names().fill(&text), text);
    }
}
