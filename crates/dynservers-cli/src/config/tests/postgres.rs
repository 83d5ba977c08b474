//! Sources that are tables in PostgreSQL, right and wrong.

use std::time::Duration;

use dynservers_demand::postgres::{Encryption, Login, Queue};
use dynservers_http::Reference;

use super::super::SourceSettings;
use super::super::postgres::PostgresSettings;
use super::bad_local::told_with;
use super::{LOCAL, directory, parse_in};

fn read(keys: &str) -> PostgresSettings {
    let directory = directory();
    let source = format!("kind = \"postgres\"\n{keys}");
    let file = LOCAL.replace("kind = \"spool\"\ndirectory = \"jobs\"", &source);
    let configuration = parse_in(&file, directory.path()).expect("it is right");
    let demand =
        configuration.server_types.values().find_map(|settings| settings.demand.as_ref()).expect("one");
    let postgres = |source: &SourceSettings| match source {
        SourceSettings::Postgres(settings) => Some(PostgresSettings {
            encryption: match &settings.encryption {
                Encryption::Ca(file) => {
                    Encryption::Ca(file.strip_prefix(directory.path()).expect("relative to the file").into())
                }
                other => other.clone(),
            },
            ..settings.clone()
        }),
        _ => None,
    };
    demand.sources.iter().find_map(postgres).expect("one")
}

#[test]
fn a_query_or_the_queues_of_a_library_are_read() {
    let url = "url = \"postgres://127.0.0.1/app\"";
    let sql = "SELECT count(*) AS waiting FROM jobs";
    let expected = PostgresSettings {
        address: "postgres://127.0.0.1/app".into(),
        login: Login::default(),
        encryption: Encryption::Elsewhere,
        queues: vec![Queue::Query { sql: sql.into() }],
        timeout: Duration::from_secs(10),
    };
    assert_eq!(read(&format!("{url}\nquery = \"{sql}\"")), expected);
    let preset = |word: &str| read(&format!("{url}\npreset = \"{word}\"\nqueues = [\"a\", \"b\"]")).queues;
    let both = |queue: fn(String) -> Queue| vec![queue("a".into()), queue("b".into())];
    assert_eq!(preset("apalis"), both(|job_type| Queue::Apalis { job_type }));
    assert_eq!(preset("pgmq"), both(|queue| Queue::Pgmq { queue }));
    assert_eq!(preset("sqlxmq"), both(|channel| Queue::Sqlxmq { channel }));
    let login = read(&format!(
        "{url}\nquery = \"{sql}\"\nusername = \"metrics\"\npassword = {{ env = \"PGPASSWORD\" }}"
    ))
    .login;
    let password = Reference::Env("PGPASSWORD".into()).into();
    assert_eq!(login, Login { username: Some("metrics".into()), password: Some(password) });
    let encryption = |key: &str| read(&format!("{url}\nquery = \"{sql}\"\n{key}")).encryption;
    assert_eq!(encryption("ca_file = \"ca.pem\""), Encryption::Ca("ca.pem".into()));
    assert_eq!(encryption("ca_file = \"ca.pem\"\nplain_postgres = false"), Encryption::Ca("ca.pem".into()));
    assert_eq!(encryption("plain_postgres = true"), Encryption::Plain);
}

#[test]
fn what_cannot_be_is_told_with_what_to_do() {
    let local = "url = \"postgres://127.0.0.1/app\"";
    let query = "query = \"SELECT 1 AS waiting\"";
    let cases = [
        (query.to_owned(), "url: is missing"),
        (local.to_owned(), "query: is missing"),
        (format!("{local}, query = \" \""), "which is no queue of PostgreSQL"),
        (format!("{local}, {query}, preset = \"pgmq\""), "preset: stands beside query"),
        (format!("{local}, {query}, queues = [\"a\"]"), "queues: belongs to a preset"),
        (
            format!("{local}, preset = \"graphile\", queues = [\"a\"]"),
            "must be \"apalis\" or \"pgmq\" or \"sqlxmq\"",
        ),
        (format!("{local}, preset = \"pgmq\""), "queues: is missing"),
        (format!("{local}, preset = \"pgmq\", queues = []"), "names 0 queues"),
        (
            format!("{local}, preset = \"pgmq\", queues = [\"a;b\"]"),
            "names \"a;b\", which is no queue of pgmq",
        ),
        (format!("{local}, {query}, list = \"a\""), "is a key of redis sources"),
        (format!("{local}, {query}, ca_file = \"a\", plain_postgres = true"), "stands beside ca_file"),
        (format!("url = \"mysql://127.0.0.1/app\", {query}"), "no address of a PostgreSQL server"),
        (format!("url = \"postgres://127.0.0.1/app?sslmode=disable\", {query}"), "has parameters"),
        (format!("{local}, {query}, password = \"hunter2\""), "must not be written here"),
        (format!("url = \"postgres://me:hunter2@127.0.0.1/app\", {query}"), "holds a user or a password"),
    ];
    for (keys, expected) in cases {
        let told = told_with(&format!(
            "sources = [{{ kind = \"postgres\", {keys} }}]\npolicy = {{ jobs_per_server = 10 }}"
        ));
        assert!(told.contains(expected), "{keys}:\n{told}");
        assert!(told.starts_with("error: ") && !told.contains("hunter2"), "{keys}:\n{told}");
    }
}
