//! Sources that are queues of a `RabbitMQ`, right and wrong.

use std::time::Duration;

use dynservers_demand::rabbitmq::{Login, Queue};
use dynservers_http::Reference;

use super::super::SourceSettings;
use super::super::rabbitmq::RabbitMqSettings;
use super::bad_local::told_with;
use super::{LOCAL, directory, parse_in};

const LOGIN: &str = "username = \"metrics\", password = { env = \"RABBITMQ_PASSWORD\" }";

fn read(keys: &str) -> RabbitMqSettings {
    let directory = directory();
    let source = format!("kind = \"rabbitmq\"\nurl = \"http://127.0.0.1:15672\"\n{keys}");
    let file = LOCAL.replace("kind = \"spool\"\ndirectory = \"jobs\"", &source);
    let configuration = parse_in(&file, directory.path()).expect("it is right");
    let demand =
        configuration.server_types.values().find_map(|settings| settings.demand.as_ref()).expect("one");
    let rabbitmq = |source: &SourceSettings| match source {
        SourceSettings::RabbitMq(settings) => Some(settings.clone()),
        _ => None,
    };
    demand.sources.iter().find_map(rabbitmq).expect("one")
}

#[test]
fn queues_are_read_with_their_virtual_host() {
    let login = LOGIN.replace(", ", "\n");
    let queue = |vhost: &str, name: &str| Queue { vhost: vhost.into(), name: name.into() };
    let expected = RabbitMqSettings {
        address: "http://127.0.0.1:15672".into(),
        login: Login {
            username: Some("metrics".into()),
            password: Some(Reference::Env("RABBITMQ_PASSWORD".into()).into()),
        },
        queues: vec![queue("/", "jobs"), queue("/", "mail")],
        timeout: Duration::from_secs(10),
    };
    assert_eq!(read(&format!("{login}\nqueues = [\"jobs\", \"mail\"]")), expected);
    let settings = read(&format!("{login}\nvhost = \"app\"\nqueues = [\"jobs\"]\ntimeout = \"3s\""));
    assert_eq!((settings.queues, settings.timeout), (vec![queue("app", "jobs")], Duration::from_secs(3)));
}

#[test]
fn what_cannot_be_is_told_with_what_to_do() {
    let local = format!("url = \"http://127.0.0.1:15672\", {LOGIN}");
    let queues = "queues = [\"jobs\"]";
    let cases = [
        (format!("{LOGIN}, {queues}"), "url: is missing"),
        (local.clone(), "queues: is missing"),
        (format!("url = \"http://127.0.0.1:15672\", {queues}"), "username: is missing"),
        (format!("url = \"http://127.0.0.1:15672\", {queues}"), "password: is missing"),
        (format!("{local}, queues = []"), "names 0 queues"),
        (format!("{local}, queues = [\"\"]"), "is empty"),
        (format!("{local}, {queues}, vhost = \"\""), "vhost: is empty"),
        (format!("{local}, {queues}, plain_redis = true"), "is a key of redis sources"),
        (
            format!("url = \"http://rabbit.example:15672\", {LOGIN}, {queues}"),
            "sends the password in the clear",
        ),
        (format!("url = \"amqp://127.0.0.1\", {LOGIN}, {queues}"), "only http and https"),
        (format!("url = \"http://127.0.0.1/?a\", {LOGIN}, {queues}"), "has a \"?\""),
        (format!("url = \"http://me:hunter2@127.0.0.1\", {LOGIN}, {queues}"), "has a user or a password"),
        (
            format!("url = \"http://127.0.0.1\", username = \"me\", password = \"hunter2\", {queues}"),
            "must not be written here",
        ),
    ];
    for (keys, expected) in cases {
        let told = told_with(&format!(
            "sources = [{{ kind = \"rabbitmq\", {keys} }}]\npolicy = {{ jobs_per_server = 10 }}"
        ));
        assert!(told.contains(expected), "{keys}:\n{told}");
        assert!(told.starts_with("error: ") && !told.contains("hunter2"), "{keys}:\n{told}");
    }
}
