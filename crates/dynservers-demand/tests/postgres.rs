//! Tables in a real PostgreSQL, as those who use them make them, and servers that are none.
//!
//! Where the server is stands in `DYNSERVERS_TEST_POSTGRES`; `cargo xtask test` starts one by itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test file, helpers included")]

mod postgres_tables;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dynservers_demand::postgres::{Encryption, InvalidPostgres, Login, Postgres, Queue};
use dynservers_demand::{Signal, Source as _, Unknown};
use postgres_tables::{APALIS, PGMQ, SQLXMQ};
use tokio_postgres::{Client, Config, NoTls};

const LONG: Duration = Duration::from_secs(60);

fn server() -> Config {
    let address = std::env::var("DYNSERVERS_TEST_POSTGRES").unwrap_or_else(|_| {
        panic!("say in DYNSERVERS_TEST_POSTGRES where a PostgreSQL is, as in postgres://USER:PASSWORD@127.0.0.1:5432/postgres, or run `cargo xtask test`")
    });
    address.parse().unwrap()
}

/// Gives the address without who logs in, with another database if one is named.
fn address(database: Option<&str>) -> String {
    let (server, own) = (server(), server());
    let database = database.unwrap_or_else(|| own.get_dbname().unwrap());
    format!("postgres://127.0.0.1:{}/{database}", server.get_ports()[0])
}

fn login() -> Login {
    let password = String::from_utf8(server().get_password().unwrap().to_vec()).unwrap();
    Login { username: server().get_user().map(Into::into), password: Some(password.as_str().into()) }
}

/// A name that no other test uses, in this run or another on the same server.
fn name(word: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    format!("t_{word}_{time}_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A connection of the test's own.
struct Admin {
    runtime: tokio::runtime::Runtime,
    client: Client,
}

impl Admin {
    fn new(database: Option<&str>) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut config = server();
        if let Some(database) = database {
            config.dbname(database);
        }
        let client = runtime.block_on(async {
            let (client, driver) = config.connect(NoTls).await.unwrap();
            drop(tokio::spawn(driver));
            client
        });
        Self { runtime, client }
    }

    fn run(&self, sql: &str) {
        self.runtime.block_on(self.client.batch_execute(sql)).unwrap();
    }

    fn number(&self, sql: &str) -> i64 {
        self.runtime.block_on(self.client.query_one(sql, &[])).unwrap().get(0)
    }
}

/// A database for one test, gone with it.
struct Database {
    name: String,
    admin: Option<Admin>,
}

impl Database {
    fn with(tables: &str) -> Self {
        let name = name("database");
        Admin::new(None).run(&format!("CREATE DATABASE {name}"));
        let admin = Admin::new(Some(&name));
        admin.run(tables);
        Self { name, admin: Some(admin) }
    }

    fn run(&self, sql: &str) {
        self.admin.as_ref().unwrap().run(sql);
    }

    fn source(&self, queue: Queue) -> Postgres {
        let address = address(Some(&self.name));
        Postgres::new(&address, login(), Encryption::Elsewhere, vec![queue], LONG).unwrap()
    }

    fn count(&self, queue: Queue) -> Result<Signal, Unknown> {
        self.source(queue).measure()
    }

    fn counts(&self, queue: Queue) -> (u64, u64) {
        let signal = self.count(queue).unwrap();
        (signal.waiting, signal.in_flight)
    }

    fn told(&self, queue: Queue) -> String {
        self.count(queue).unwrap_err().reason
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.admin = None;
        Admin::new(None).run(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

fn query(sql: &str) -> Queue {
    Queue::Query { sql: sql.to_owned() }
}

fn ask(sql: &str) -> Result<Signal, Unknown> {
    Postgres::new(&address(None), login(), Encryption::Elsewhere, vec![query(sql)], LONG).unwrap().measure()
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
fn apalis_counts_what_is_due_and_what_is_taken_of_one_type() {
    let database = Database::with(APALIS);
    let queue = |job_type: &str| Queue::Apalis { job_type: job_type.to_owned() };
    assert_eq!(database.count(queue("mail")), Ok(Signal::default()), "a table that is empty has no jobs");
    database.run(
        "INSERT INTO apalis.workers (id, worker_type, storage_name) VALUES ('w', 'mail', 'postgres');
         INSERT INTO apalis.jobs (job, id, job_type, status, attempts, max_attempts, run_at) VALUES
            ('{}', 'waits', 'mail', 'Pending', 0, 25, now() - interval '90 s'),
            ('{}', 'waits too', 'mail', 'Pending', 0, 25, now() - interval '5 s'),
            ('{}', 'due in an hour', 'mail', 'Pending', 0, 25, now() + interval '1 h'),
            ('{}', 'to be tried again', 'mail', 'Failed', 3, 25, now() - interval '10 s'),
            ('{}', 'tried often enough', 'mail', 'Failed', 25, 25, now() - interval '2 h'),
            ('{}', 'over', 'mail', 'Done', 1, 25, now() - interval '2 h'),
            ('{}', 'another''s', 'thumbnails', 'Pending', 0, 25, now());",
    );
    let signal = database.count(queue("mail")).unwrap();
    assert_eq!((signal.waiting, signal.in_flight), (3, 0));
    let oldest = signal.oldest_wait.unwrap().as_secs();
    assert!((90..150).contains(&oldest), "{oldest}");
    // As the library itself takes jobs, before it was split up and since.
    database.run("SELECT apalis.get_jobs('w', 'mail', 1)");
    assert_eq!(database.counts(queue("mail")), (2, 1));
    database.run("UPDATE apalis.jobs SET status = 'Queued' WHERE id = 'waits too'");
    assert_eq!(database.counts(queue("mail")), (1, 2));
    assert_eq!(database.counts(queue("thumbnails")), (1, 0));
    assert_eq!(database.counts(queue("'; DROP TABLE apalis.jobs; --")), (0, 0), "a name is no SQL");
}

#[test]
fn pgmq_counts_what_can_be_read_and_what_was_read_and_is_hidden() {
    let database = Database::with(PGMQ);
    let queue = |queue: &str| Queue::Pgmq { queue: queue.to_owned() };
    assert_eq!(database.count(queue("mail")), Ok(Signal::default()), "a queue that is empty has no jobs");
    let told = database.told(queue("male"));
    assert!(told.contains("\"pgmq.q_male\" does not exist"), "{told}");
    database.run(
        "INSERT INTO pgmq.q_mail (enqueued_at, vt, message)
         SELECT clock_timestamp() - interval '90 s', clock_timestamp() - interval '90 s', '{}' FROM generate_series(1, 3);
         INSERT INTO pgmq.q_mail (vt, message) VALUES (clock_timestamp() + interval '1 h', '{\"sent\": \"with a delay\"}')",
    );
    assert_eq!(database.counts(queue("mail")), (3, 0));
    database.run("SELECT pgmq.read('mail', 3600, 2)");
    let signal = database.count(queue("Mail")).unwrap();
    assert_eq!((signal.waiting, signal.in_flight), (1, 2), "in whatever case it is written, it is one queue");
    let oldest = signal.oldest_wait.unwrap().as_secs();
    assert!((90..150).contains(&oldest), "{oldest}");
}

#[test]
fn sqlxmq_counts_what_a_poll_would_give_and_what_was_polled() {
    let database = Database::with(SQLXMQ);
    let queue = |channel: &str| Queue::Sqlxmq { channel: channel.to_owned() };
    assert_eq!(database.count(queue("mail")), Ok(Signal::default()));
    let message = |id: u32, delay: &str, commit: &str, ordered: bool| {
        format!(
            "SELECT mq_insert(ARRAY[ROW('00000000-0000-0000-0000-{id:012}', {delay}, 4, interval '10 min', 'mail', '', \
             {commit}, {ordered}, 'job', NULL, NULL)::mq_new_t]);"
        )
    };
    database.run(&message(1, "interval '0'", "NULL", false));
    database.run(&message(2, "interval '1 day'", "NULL", false));
    database.run(&message(3, "interval '0'", "interval '1 min'", false));
    database.run(&message(4, "interval '0'", "NULL", true));
    database.run(&message(5, "interval '0'", "NULL", true));
    assert_eq!(
        database.counts(queue("mail")),
        (2, 0),
        "not what is due tomorrow, nor what is not committed, nor what comes after another"
    );
    database.run("SELECT mq_poll(ARRAY['mail'], 1)");
    assert_eq!(database.counts(queue("mail")), (1, 1));
    database.run(
        "SELECT mq_keep_alive(array_agg(id), interval '10 min') FROM mq_msgs WHERE attempts = 4;
         SELECT mq_poll(ARRAY['mail'], 9)",
    );
    assert_eq!(database.counts(queue("mail")), (0, 2));
    assert_eq!(database.counts(queue("other")), (0, 0));
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

/// Gives the address of something that takes one connection after another and does this with each.
fn served(mut serve: impl FnMut(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("postgres://{}/app", listener.local_addr().unwrap());
    std::thread::spawn(move || listener.incoming().flatten().for_each(&mut serve));
    address
}

fn told_by(address: &str, encryption: Encryption, timeout: Duration) -> String {
    let one = vec![query("SELECT 1 AS waiting")];
    Postgres::new(address, login(), encryption, one, timeout).unwrap().measure().unwrap_err().reason
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
    let told = told_by(&hung, Encryption::Ca(ca(directory.path()).file), short);
    assert!(told.contains("no answer in time"), "{told}");

    let nonsense = served(|mut stream| {
        let _ = stream.read(&mut [0; 1_024]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    told_by(&nonsense, Encryption::Elsewhere, LONG);

    let closed = served(drop);
    told_by(&closed, Encryption::Elsewhere, LONG);
}

/// A CA of one's own, and a server's certificate by it.
struct Ca {
    file: std::path::PathBuf,
    server: rustls::ServerConfig,
}

fn ca(directory: &std::path::Path) -> Ca {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    // Else one could be taken for another that signed badly.
    params.distinguished_name.push(rcgen::DnType::CommonName, name("ca"));
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let own = params.self_signed(&key).unwrap();
    let file = directory.join(name("ca"));
    std::fs::write(&file, own.pem()).unwrap();
    let server_key = rcgen::KeyPair::generate().unwrap();
    let issuer = rcgen::Issuer::new(params, key);
    let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&server_key, &issuer).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            rustls::pki_types::PrivateKeyDer::Pkcs8(server_key.serialize_der().into()),
        )
        .unwrap();
    Ca { file, server }
}

/// Speaks TLS before the real server, as poolers do. Gives the port.
fn behind_tls(config: rustls::ServerConfig) -> u16 {
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    let real = ("127.0.0.1", server().get_ports()[0]);
    std::thread::spawn(move || {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((mut stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // It is asked whether it speaks TLS.
                    let mut question = [0; 8];
                    stream.read_exact(&mut question).await.unwrap();
                    assert_eq!(question, [0, 0, 0, 8, 4, 210, 22, 47]);
                    stream.write_all(b"S").await.unwrap();
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut real = tokio::net::TcpStream::connect(real).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut real).await;
                });
            }
        });
    });
    port
}

#[test]
fn a_ca_of_ones_own_is_trusted_if_it_is_named_and_no_other_is() {
    let directory = tempfile::tempdir().unwrap();
    let (ours, other) = (ca(directory.path()), ca(directory.path()));
    let port = behind_tls(ours.server);
    let database = server().get_dbname().unwrap().to_owned();
    let address = |host: &str| format!("postgres://{host}:{port}/{database}");
    let one = || vec![query("SELECT 1 AS waiting")];
    let source =
        Postgres::new(&address("127.0.0.1"), login(), Encryption::Ca(ours.file.clone()), one(), LONG)
            .unwrap();
    assert_eq!(source.measure().unwrap().waiting, 1);
    let told = told_by(&address("127.0.0.1"), Encryption::Ca(other.file), LONG);
    assert!(told.contains("UnknownIssuer") && told.contains("name its file"), "{told}");
    let told = told_by(&address("localhost"), Encryption::Ca(ours.file.clone()), LONG);
    assert!(told.contains("not valid for name"), "{told}");
    // The real one speaks none here: then nothing is said to it, least of all a password.
    let told = told_by(&self::address(None), Encryption::Ca(ours.file.clone()), LONG);
    assert!(told.contains("does not support TLS"), "{told}");
    std::fs::write(&ours.file, "no certificate").unwrap();
    let told = told_by(&address("127.0.0.1"), Encryption::Ca(ours.file), LONG);
    assert!(told.contains("it holds no certificate"), "{told}");
    let told = told_by(&address("127.0.0.1"), Encryption::Ca("/no/such/file".into()), LONG);
    assert!(told.contains("/no/such/file") && told.contains("must be PEM"), "{told}");
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
