//! Tables in a real PostgreSQL, as those who use them make them, and servers that are none.
//!
//! Where the server is stands in `DYNSERVERS_TEST_POSTGRES`; `cargo xtask test` starts one by itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test file, helpers included")]

mod helpers;
#[path = "../own_ca/mod.rs"]
mod own_ca;
mod queues;
mod tables;
mod tls;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use dynservers_demand::postgres::{Encryption, InvalidPostgres, Login, Postgres, Queue};
use dynservers_demand::{Signal, Source as _};
use helpers::{Admin, Database, LONG, address, ask, login, name, query, told_by};
use own_ca::ca;

/// Gives the address of something that takes one connection after another and does this with each.
fn served(mut serve: impl FnMut(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("postgres://{}/app", listener.local_addr().unwrap());
    std::thread::spawn(move || listener.incoming().flatten().for_each(&mut serve));
    address
}

#[test]
fn one_row_is_read_by_its_columns_whatever_kind_of_number_they_are() {
    let signal = |waiting, in_flight, milliseconds: Option<u64>| Signal {
        waiting,
        in_flight,
        oldest_wait: milliseconds.map(Duration::from_millis),
    };
    for (sql, expected) in [
        ("SELECT count(*) AS waiting FROM generate_series(1, 7)", signal(7, 0, None)),
        ("SELECT 0 AS waiting, 3::smallint AS in_flight", signal(0, 3, None)),
        (
            "SELECT sum(n) AS waiting FROM generate_series(1::bigint, 20000) AS n",
            signal(200_010_000, 0, None),
        ),
        ("SELECT 10000::numeric AS waiting, 30000.00::numeric AS in_flight", signal(10_000, 30_000, None)),
        ("SELECT 18446744073709551615::numeric AS waiting", signal(u64::MAX, 0, None)),
        ("SELECT 4::float8 AS waiting, 2::real AS in_flight, 1.5 AS oldest_wait;", signal(4, 2, Some(1_500))),
        (
            "SELECT 1 AS waiting, interval '1 month 1 day 1.25 s' AS oldest_wait",
            signal(1, 0, Some(2_678_401_250)),
        ),
        ("SELECT 1 AS waiting, 0.0125::numeric AS oldest_wait", signal(1, 0, Some(12))),
        ("SELECT 1 AS waiting, NULL::interval AS oldest_wait", signal(1, 0, None)),
        ("SELECT 'x' AS note, 1 AS waiting, now() AS at, '{}'::json AS more", signal(1, 0, None)),
    ] {
        let found = ask(sql).map(|signal| Signal {
            oldest_wait: signal.oldest_wait.map(|wait| Duration::from_millis(wait.as_millis() as u64)),
            ..signal
        });
        assert_eq!(found, Ok(expected), "{sql}");
    }
    let precise = ask("SELECT 1 AS waiting, 12345.000123456789 AS oldest_wait").unwrap().oldest_wait;
    assert_eq!(precise, Some(Duration::new(12_345, 123_456)));
    let both =
        vec![query("SELECT 2 AS waiting, 3 AS oldest_wait"), query("SELECT 3 AS waiting, 1 AS in_flight")];
    let both = Postgres::new(&address(None), login(), Encryption::Elsewhere, both, LONG).unwrap();
    assert_eq!(both.measure(), Ok(signal(5, 1, Some(3_000))), "several queues of one server are added up");
}

#[test]
fn what_is_no_one_number_is_unknown_with_its_reason_and_never_zero() {
    for (sql, words) in [
        ("SELECT 1 AS waiting WHERE false", "no row"),
        ("SELECT n AS waiting FROM generate_series(1, 100000) AS n", "several rows"),
        ("SELECT 1 AS jobs", "no column \"waiting\""),
        ("SELECT NULL::bigint AS waiting", "waiting is NULL"),
        ("SELECT 1 AS waiting, sum(1) AS in_flight WHERE false", "in_flight is NULL"),
        ("SELECT -1 AS waiting", "waiting is -1, which is no whole number"),
        ("SELECT 1.5 AS waiting", "waiting is 1.5, which is no whole number"),
        ("SELECT 1 AS waiting, -0.25 AS in_flight", "in_flight is -0.25, which is no whole number"),
        ("SELECT 'NaN'::float8 AS waiting", "infinite, none or too large"),
        ("SELECT 'Infinity'::numeric AS waiting", "infinite, none or too large"),
        ("SELECT 18446744073709551616::numeric AS waiting", "infinite, none or too large"),
        ("SELECT '3' AS waiting", "of type text"),
        ("SELECT 1 AS waiting, interval '-1 s' AS oldest_wait", "oldest_wait is -1,"),
        ("SELECT 1 AS waiting, now() AS oldest_wait", "of type timestamptz"),
        (
            "SELECT count(*) AS waiting FROM no_such_table",
            "\"no_such_table\" does not exist (SQLSTATE 42P01)",
        ),
        ("SELECT count(no_such_column) AS waiting FROM pg_class", "\"no_such_column\" does not exist"),
        ("SELEC", "syntax error"),
        ("SELECT 1 AS waiting; SELECT 2 AS waiting", "multiple commands"),
        ("COMMIT", "no row"),
    ] {
        let told = ask(sql).expect_err(sql).reason;
        assert!(told.contains(words) && told.starts_with("127.0.0.1:"), "{sql}: {told}");
    }
}

#[test]
fn nothing_is_written() {
    let database = Database::with("CREATE TABLE jobs (id int)");
    for sql in [
        "INSERT INTO jobs VALUES (1) RETURNING 1 AS waiting",
        "WITH gone AS (DELETE FROM jobs RETURNING *) SELECT count(*) AS waiting FROM gone",
        "CREATE TABLE more (id int)",
    ] {
        let told = database.told(query(sql));
        assert!(told.contains("read-only transaction"), "{sql}: {told}");
    }
    assert_eq!(database.admin.as_ref().unwrap().number("SELECT count(*) FROM jobs"), 0);
}

#[test]
fn a_connection_that_the_server_ended_is_replaced_within_the_measurement() {
    let database = Database::with("");
    let source = database.source(query("SELECT pg_backend_pid() AS waiting"));
    let first = source.measure().unwrap().waiting;
    assert_eq!(source.measure().unwrap().waiting, first, "one connection is kept");
    database.run(&format!("SELECT pg_terminate_backend({first}, 60000)"));
    let second = source.measure().unwrap().waiting;
    assert_ne!(second, first);
    // One that the server answered with an error is good still.
    let both = vec![query("SELECT pg_backend_pid() / 0 AS waiting"), query("SELECT 1 AS waiting")];
    let failing =
        Postgres::new(&address(Some(&database.name)), login(), Encryption::Elsewhere, both, LONG).unwrap();
    let ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dynservers' AND datname = current_database()";
    for _ in 0..3 {
        let told = failing.measure().unwrap_err().reason;
        assert!(told.contains("division by zero"), "{told}");
        assert_eq!(database.admin.as_ref().unwrap().number(ours), 2, "its own and the other's");
    }
    // Async hosts drop their sources in tasks.
    database.admin.as_ref().unwrap().runtime.block_on(async { drop((source, failing)) });
}

#[test]
fn a_query_that_takes_too_long_is_ended_by_the_server() {
    let database = Database::with("");
    let slow = vec![query("SELECT 1 AS waiting FROM pg_sleep(600)")];
    let short = Duration::from_millis(1_500);
    let source =
        Postgres::new(&address(Some(&database.name)), login(), Encryption::Elsewhere, slow, short).unwrap();
    let begun = Instant::now();
    let told = source.measure().unwrap_err().reason;
    assert!(told.contains("statement timeout") || told.contains("no answer in time"), "{told}");
    assert!(begun.elapsed() < LONG);
    let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND state = 'active' \
                    AND pid <> pg_backend_pid() AND datname = current_database()";
    while database.admin.as_ref().unwrap().number(sleeping) > 0 {
        assert!(begun.elapsed() < LONG, "the server ends it");
    }
}

#[test]
fn a_wrong_password_is_told_and_not_shown_and_the_right_one_is_read_anew() {
    let (admin, user) = (Admin::new(None), name("user"));
    admin.run(&format!("CREATE ROLE {user} LOGIN PASSWORD 'right-secret'"));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    std::fs::write(&file, "wrong-secret").unwrap();
    let password = dynservers_http::Reference::File(file.clone()).into();
    let login = Login { username: Some(user.as_str().into()), password: Some(password) };
    let one = vec![query("SELECT 1 AS waiting")];
    let source = Postgres::new(&address(None), login, Encryption::Elsewhere, one, LONG).unwrap();
    let told = source.measure().unwrap_err().reason;
    assert!(told.contains("password authentication failed") && !told.contains("secret"), "{told}");
    assert!(!format!("{source:?}").contains("secret"));
    let told = source.measure().unwrap_err().reason;
    assert!(told.contains("could not be reached just now"), "nobody is asked again at once: {told}");
    std::fs::write(&file, "right-secret").unwrap();
    let begun = Instant::now();
    while source.measure().is_err() {
        assert!(begun.elapsed() < LONG, "the pause ends");
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(source);
    admin.run(&format!("DROP ROLE {user}"));
}

#[test]
fn what_is_no_postgresql_is_unknown_in_time_and_never_zero() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let dead = format!("postgres://{}/app", listener.local_addr().unwrap());
    drop(listener);
    let told = told_by(&dead, Encryption::Elsewhere, LONG);
    assert!(told.contains("onnection refused"), "{told}");

    let short = Duration::from_millis(200);
    let hung = served(std::mem::forget);
    for encryption in [Encryption::Elsewhere, Encryption::Plain] {
        let told = told_by(&hung, encryption, short);
        assert!(told.contains("no answer in time"), "{told}");
    }
    let directory = tempfile::tempdir().unwrap();
    let told = told_by(&hung, Encryption::Ca(ca(directory.path(), "ca").file), short);
    assert!(told.contains("no answer in time"), "{told}");

    let nonsense = served(|mut stream| {
        let _ = stream.read(&mut [0; 1_024]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    told_by(&nonsense, Encryption::Elsewhere, LONG);

    let closed = served(drop);
    told_by(&closed, Encryption::Elsewhere, LONG);
}

#[test]
fn addresses_and_queues_that_cannot_be_are_refused() {
    let make = |address: &str, queues| {
        Postgres::new(address, Login::default(), Encryption::Elsewhere, queues, LONG).map(drop)
    };
    let one = || vec![query("SELECT 1 AS waiting")];
    assert_eq!(make("postgres://me:hunter2@127.0.0.1/app", one()), Err(InvalidPostgres::Credentials));
    assert_eq!(make("postgres://127.0.0.1/app?password=hunter2", one()), Err(InvalidPostgres::Parameters));
    for address in
        ["redis://127.0.0.1", "host=127.0.0.1", "postgres://", "postgres://a,b/app", "postgres://a:x/app"]
    {
        assert_eq!(make(address, one()), Err(InvalidPostgres::Address), "{address}");
    }
    for address in
        ["postgresql://db.example:5433/app", "postgres://%2Frun%2Fpostgresql/app", "postgres://[::1]/app"]
    {
        assert_eq!(make(address, one()), Ok(()), "{address}");
    }
    assert_eq!(make("postgres://127.0.0.1/app", Vec::new()), Err(InvalidPostgres::NoQueues));
    let odd = ["", " ", "a\0b", "a--b", "a\"b", "a'b", "a;b", "a$b", &"x".repeat(48)];
    for name in odd {
        let refused = make("postgres://127.0.0.1/app", vec![Queue::Pgmq { queue: name.to_owned() }]);
        assert!(matches!(refused, Err(InvalidPostgres::Queue { .. })), "{name:?}: {refused:?}");
    }
    let refused = make("postgres://127.0.0.1/app", vec![Queue::Apalis { job_type: "a\0b".to_owned() }]);
    assert!(matches!(refused, Err(InvalidPostgres::Queue { .. })), "{refused:?}");
}
