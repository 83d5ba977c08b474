//! Sources that are servers of their own, right and wrong: Redis and Prometheus.

use std::time::Duration;

use dynservers_demand::redis::{Login, Queue};
use dynservers_http::Reference;

use super::super::SourceSettings;
use super::super::redis::RedisSettings;
use super::bad_local::told_with;
use super::{LOCAL, directory, parse_in};

/// Gives what is told of a source of this kind with these keys.
fn told(keys: &str) -> String {
    told_with(&format!("sources = [{{ kind = \"redis\", {keys} }}]\npolicy = {{ jobs_per_server = 10 }}"))
}

#[test]
fn queues_are_read_by_preset_or_by_key() {
    let directory = directory();
    let read = |keys: &str| {
        let url = if keys.contains("url =") { "" } else { "url = \"redis://127.0.0.1\"\n" };
        let source = format!("kind = \"redis\"\n{url}{keys}");
        let file = LOCAL.replace("kind = \"spool\"\ndirectory = \"jobs\"", &source);
        let configuration = parse_in(&file, directory.path()).expect("it is right");
        let demand =
            configuration.server_types.values().find_map(|settings| settings.demand.as_ref()).expect("one");
        let redis = |source: &SourceSettings| match source {
            SourceSettings::Redis(settings) => Some(settings.clone()),
            _ => None,
        };
        demand.sources.iter().find_map(redis).expect("one")
    };
    let laravel = |queue: &str| Queue::Laravel { prefix: "app_database_".into(), queue: queue.into() };
    let settings = read("preset = \"laravel\"\nqueues = [\"default\", \"mail\"]\nprefix = \"app_database_\"");
    let expected = RedisSettings {
        address: "redis://127.0.0.1".into(),
        login: Login::default(),
        plain: false,
        ca_file: None,
        queues: vec![laravel("default"), laravel("mail")],
        timeout: Duration::from_secs(10),
    };
    assert_eq!(settings, expected);
    let bull = |prefix: &str| vec![Queue::BullMq { prefix: prefix.into(), queue: "mail".into() }];
    assert_eq!(read("preset = \"bullmq\"\nqueues = [\"mail\"]").queues, bull("bull"));
    assert_eq!(read("preset = \"bullmq\"\nqueues = [\"mail\"]\nprefix = \"q\"").queues, bull("q"));
    assert_eq!(
        read("preset = \"sidekiq\"\nqueues = [\"mail\"]").queues,
        [Queue::Sidekiq { queue: "mail".into() }]
    );
    assert_eq!(read("list = \"jobs\"").queues, [Queue::List { key: "jobs".into() }]);
    assert_eq!(read("sorted_set = \"jobs\"").queues, [Queue::SortedSet { key: "jobs".into() }]);
    let stream = Queue::Stream { key: "jobs".into(), group: "workers".into() };
    assert_eq!(read("stream = \"jobs\"\ngroup = \"workers\"").queues, [stream]);
    let ca_file = read("list = \"jobs\"\nurl = \"rediss://redis.example\"\nca_file = \"ca.pem\"").ca_file;
    assert_eq!(ca_file, Some(directory.path().join("ca.pem")));
    let login =
        read("list = \"jobs\"\nusername = \"metrics\"\npassword = { env = \"REDIS_PASSWORD\" }").login;
    let password = Reference::Env("REDIS_PASSWORD".into()).into();
    assert_eq!(login, Login { username: Some("metrics".into()), password: Some(password) });
}

#[test]
fn what_cannot_be_is_told_with_what_to_do() {
    let local = "url = \"redis://127.0.0.1\"";
    let cases = [
        ("list = \"jobs\"".to_owned(), "url: is missing"),
        (local.to_owned(), "list: is missing"),
        (format!("{local}, list = \"a\", stream = \"b\""), "stream: stands beside list"),
        (format!("{local}, list = \"a\", group = \"b\""), "group: belongs to a stream"),
        (format!("{local}, list = \"a\", prefix = \"b\""), "prefix: belongs to a preset"),
        (format!("{local}, list = \"\""), "list: is empty"),
        (format!("{local}, stream = \"a\""), "group: is missing"),
        (
            format!("{local}, preset = \"horizon\", queues = [\"a\"]"),
            "must be \"laravel\" or \"sidekiq\" or \"bullmq\"",
        ),
        (format!("{local}, preset = \"sidekiq\""), "queues: is missing"),
        (format!("{local}, preset = \"sidekiq\", queues = []"), "names 0 queues"),
        (format!("{local}, preset = \"sidekiq\", queues = [\"a\"], prefix = \"b\""), "is not Sidekiq's"),
        (format!("{local}, preset = \"laravel\", queues = [\"a\"]"), "config:show database.redis.options"),
        (format!("{local}, list = \"a\", directory = \"b\""), "is a key of spool sources"),
        ("url = \"redis://redis.example\", list = \"a\"".to_owned(), "plain_redis = true"),
        (
            format!("{local}, list = \"a\", ca_file = \"ca.pem\""),
            "redis:// verifies nothing: write rediss://",
        ),
        ("url = \"http://127.0.0.1\", list = \"a\"".to_owned(), "no address of a Redis server"),
        (format!("{local}, list = \"a\", password = \"hunter2\""), "must not be written here"),
        ("url = \"redis://:hunter2@127.0.0.1\", list = \"a\"".to_owned(), "holds a user or a password"),
    ];
    for (keys, expected) in cases {
        let told = told(&keys);
        assert!(told.contains(expected), "{keys}:\n{told}");
        assert!(told.starts_with("error: ") && !told.contains("hunter2"), "{keys}:\n{told}");
    }
}

#[test]
fn a_prometheus_is_asked_one_query_or_two() {
    let directory = directory();
    let source = "kind = \"prometheus\"\nurl = \"http://127.0.0.1:9090\"\nquery = \"sum(a)\"\nin_flight = \"sum(b{c='d'})\"";
    let file = LOCAL.replace("kind = \"spool\"\ndirectory = \"jobs\"", source);
    let configuration = parse_in(&file, directory.path()).expect("it is right");
    let demand =
        configuration.server_types.values().find_map(|settings| settings.demand.as_ref()).expect("one");
    let expected = SourceSettings::Prometheus {
        url: "http://127.0.0.1:9090".into(),
        plain: false,
        query: "sum(a)".into(),
        in_flight: Some("sum(b{c='d'})".into()),
        headers: std::collections::BTreeMap::new(),
        timeout: Duration::from_secs(10),
    };
    assert!(demand.sources.contains(&expected), "{:?}", demand.sources);
    let told = |keys: &str| {
        told_with(&format!(
            "sources = [{{ kind = \"prometheus\", {keys} }}]\npolicy = {{ jobs_per_server = 10 }}"
        ))
    };
    assert!(told("url = \"http://127.0.0.1:9090\"").contains("query: is missing"));
    assert!(told("url = \"http://127.0.0.1:9090\", query = \" \"").contains("query: is empty"));
    assert!(told("url = \"http://prometheus.example\", query = \"a\"").contains("plain_http = true"));
}
