//! Fleets on this machine that are right, and what is read from them: drain, demand and hooks too.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use dynservers_core::{DrainConfig, PolicyConfig, ProviderConfig, ProviderName, Rule, TypeConfig, TypeName};
use dynservers_http::{Reference, Text};
use dynservers_local::Local;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::call::Call;
use super::super::hook::{HookSettings, HookTarget};
use super::super::{AskSettings, Configuration, Home, ProviderSettings, SourceSettings};
use super::{LOCAL, SMALL_LOCAL, directory, parse_in};

fn read(text: &str) -> (Configuration, TempDir) {
    let directory = directory();
    (parse_in(text, directory.path()).unwrap(), directory)
}

fn here() -> ProviderName {
    ProviderName::new("here").unwrap()
}

fn default_type() -> TypeName {
    TypeName::new("default").unwrap()
}

#[test]
fn a_small_file_has_sensible_values() {
    let (read, directory) = read(SMALL_LOCAL);
    let home = Home { directory: directory.path().join("dynservers.local"), log_limit: 10 << 20 };
    assert_eq!(read.providers[&here()], ProviderSettings::Local(home));
    let provider = ProviderConfig { restart_time: Duration::from_secs(5), ..Local::provider_config() };
    assert_eq!(read.core.providers[&here()], provider);
    assert_eq!(provider.max_servers_in_account, None);
    assert_eq!(read.core.server_types[&default_type()], TypeConfig::new(here(), 8));
    let body = json!({"snapshot": directory.path().join("worker"), "command": ["./start"]});
    assert_eq!(Value::from(&read.server_types[&default_type()].template), body);
    assert!(read.hooks.is_empty() && read.server_types[&default_type()].demand.is_none());
}

#[test]
fn every_key_of_a_provider_and_a_type_is_read() {
    let (read, directory) = read(LOCAL);
    let at = |name: &str| directory.path().join(name).to_string_lossy().into_owned();
    let seconds = Duration::from_secs;
    assert_eq!(
        read.core.server_types[&default_type()],
        TypeConfig {
            drain: Some(DrainConfig { deadline: seconds(600), interval: seconds(10) }),
            asks_scores: true,
            policy: Some(PolicyConfig {
                rule: Rule::JobsPerServer(10),
                fallback: Some(2),
                ..PolicyConfig::default()
            }),
            ..TypeConfig::new(here(), 8)
        }
    );
    let settings = &read.server_types[&default_type()];
    assert_eq!(
        Value::from(&settings.template),
        json!({
            "snapshot": at("worker"),
            "command": ["./start"],
            "env": {"QUEUE": "mail", "API_KEY": {"env": "API_KEY"}},
        })
    );
    let drain = AskSettings { call: Call::Command(vec![at("drain"), "{name}".into()]), timeout: seconds(10) };
    assert_eq!(settings.workers.drain, Some(drain));
    let busy = Call::Http {
        url: "http://{address}:9000/busy".to_owned(),
        headers: [("Authorization".to_owned(), Text::Env { env: "BUSY_AUTH".to_owned() })].into(),
    };
    assert_eq!(settings.workers.busy, Some(AskSettings { call: busy, timeout: seconds(10) }));
    let demand = settings.demand.as_ref().unwrap();
    assert_eq!(demand.interval, seconds(60));
    assert_eq!(
        demand.sources,
        [
            SourceSettings::Command { command: vec![at("queue-length")], timeout: seconds(10) },
            SourceSettings::Http {
                url: "https://queue.example/stats".to_owned(),
                plain: false,
                pointer: "/waiting".to_owned(),
                in_flight: Some("/reserved".to_owned()),
                headers: [("Authorization".to_owned(), Text::Env { env: "QUEUE_AUTH".to_owned() })].into(),
                timeout: seconds(10),
            },
            SourceSettings::Spool { directory: directory.path().join("jobs") },
        ]
    );
}

#[test]
fn hooks_are_read_in_their_order() {
    let (read, directory) = read(LOCAL);
    let command = directory.path().join("on-event").to_string_lossy().into_owned();
    assert_eq!(
        read.hooks,
        [
            HookSettings {
                name: "chat".to_owned(),
                events: BTreeSet::from(["running", "errored"]),
                target: HookTarget::Web {
                    url: "https://example.com/hook".to_owned(),
                    plain: false,
                    secret: Reference::Env("HOOK_SECRET".to_owned()),
                },
                timeout: Duration::from_secs(30),
            },
            HookSettings {
                name: "log".to_owned(),
                events: BTreeSet::new(),
                target: HookTarget::Command(vec![command]),
                timeout: Duration::from_secs(30),
            },
        ]
    );
}

#[test]
fn programs_with_a_slash_are_beside_the_file_and_others_are_searched_for() {
    let text = SMALL_LOCAL.to_owned()
        + "drain = { command = [\"curl\", \"./a\"] }\nbusy = { command = [\"/bin/busy\"] }\n";
    let (read, _directory) = read(&text);
    let workers = &read.server_types[&default_type()].workers;
    let call = |ask: &Option<AskSettings>| ask.as_ref().unwrap().call.clone();
    assert_eq!(call(&workers.drain), Call::Command(vec!["curl".into(), "./a".into()]));
    assert_eq!(call(&workers.busy), Call::Command(vec!["/bin/busy".into()]));
}

#[test]
fn a_fleet_may_have_both_kinds() {
    let both = SMALL_LOCAL.to_owned()
        + super::SMALL.split_once("\n\n").unwrap().1.replace("default", "cloud").as_str();
    let (read, _directory) = read(&both);
    assert_eq!((read.providers.len(), read.server_types.len()), (2, 2));
    assert!(read.directory != Path::new("/"));
}
