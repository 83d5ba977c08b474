//! Queues in a real Redis, as those who use them write them, and servers that are none.
//!
//! Where the server is stands in `DYNSERVERS_TEST_REDIS`; `cargo xtask test` starts one by itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test file, helpers included")]

mod own_ca;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dynservers_demand::redis::{InvalidRedis, Login, Queue, Redis};
use dynservers_demand::{Signal, Source as _, Unknown};
use own_ca::{behind_tls, ca};
use redis::{Commands as _, Connection};
use serde_json::json;

const LONG: Duration = Duration::from_secs(60);

fn address() -> String {
    std::env::var("DYNSERVERS_TEST_REDIS").unwrap_or_else(|_| {
        panic!("say in DYNSERVERS_TEST_REDIS where a Redis is, as in redis://127.0.0.1:6379, or run `cargo xtask test`")
    })
}

fn connection() -> Connection {
    redis::Client::open(address()).unwrap().get_connection().unwrap()
}

/// A name that no other test uses, in this run or another on the same server.
fn name(word: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    format!("dynservers-test-{word}-{}-{time}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn source(queue: Queue) -> Redis {
    Redis::new(&address(), Login::default(), false, vec![queue], LONG).unwrap()
}

fn count(queue: Queue) -> Result<Signal, Unknown> {
    source(queue).measure()
}

fn counts(queue: Queue) -> (u64, u64) {
    let signal = count(queue).unwrap();
    (signal.waiting, signal.in_flight)
}

fn reason(queue: Queue) -> String {
    count(queue).unwrap_err().reason
}

/// Gives the server's time in milliseconds.
fn server_time(connection: &mut Connection) -> u64 {
    let (seconds, micros): (u64, u64) = redis::cmd("TIME").query(connection).unwrap();
    seconds * 1_000 + micros / 1_000
}

#[test]
fn lists_and_sorted_sets_are_counted_and_what_is_not_there_is_none() {
    let (mut redis, list, set) = (connection(), name("list"), name("set"));
    assert_eq!(
        counts(Queue::List { key: list.clone() }),
        (0, 0),
        "the server says that there is no such key"
    );
    let _: () = redis.rpush(&list, vec!["a", "b", "c"]).unwrap();
    let _: () = redis.zadd_multiple(&set, &[(1, "a"), (2, "b")]).unwrap();
    assert_eq!(counts(Queue::List { key: list.clone() }), (3, 0));
    assert_eq!(counts(Queue::SortedSet { key: set.clone() }), (2, 0));
    let both = vec![Queue::List { key: list.clone() }, Queue::SortedSet { key: set.clone() }];
    let both = Redis::new(&address(), Login::default(), false, both, LONG).unwrap();
    assert_eq!(both.measure().unwrap().work(), 5, "several queues of one server are added up");
    let wrong = reason(Queue::SortedSet { key: list.clone() });
    assert!(wrong.contains(&list) && wrong.contains("WRONGTYPE"), "{wrong}");
    let _: () = redis.del(&[list, set]).unwrap();
}

#[test]
fn a_stream_counts_what_its_group_was_not_given_and_what_it_has_not_acknowledged() {
    let (mut redis, key) = (connection(), name("stream"));
    let queue = || Queue::Stream { key: key.clone(), group: "workers".to_owned() };
    assert_eq!(counts(queue()), (0, 0));
    for job in ["a", "b", "c"] {
        let _: String = redis::cmd("XADD").arg(&key).arg("*").arg("job").arg(job).query(&mut redis).unwrap();
    }
    let missing = reason(queue());
    assert!(missing.contains("no group \"workers\""), "{missing}");
    let _: () = redis::cmd("XGROUP").arg(&["CREATE", &key, "workers", "0"]).query(&mut redis).unwrap();
    assert_eq!(counts(queue()), (3, 0));
    let read = ["GROUP", "workers", "one", "COUNT", "2", "STREAMS", &key, ">"];
    let _: redis::Value = redis::cmd("XREADGROUP").arg(&read).query(&mut redis).unwrap();
    assert_eq!(counts(queue()), (1, 2));
    let _: () = redis.del(&key).unwrap();
}

#[test]
fn laravel_counts_what_waits_what_was_delayed_and_is_due_and_what_is_reserved() {
    let (mut redis, prefix) = (connection(), name("laravel") + "_database_");
    let queue = || Queue::Laravel { prefix: prefix.clone(), queue: "default".to_owned() };
    assert_eq!(count(queue()).unwrap(), Signal::default());
    let key = format!("{prefix}queues:default");
    let now = server_time(&mut redis) / 1_000;
    let payload = |since: u64| json!({"uuid": "u", "attempts": 0, "createdAt": now - since}).to_string();
    let _: () = redis.rpush(&key, vec![payload(90), payload(10)]).unwrap();
    let _: () = redis.zadd(format!("{key}:delayed"), payload(3), now - 1).unwrap();
    let _: () = redis.zadd(format!("{key}:delayed"), payload(2), now + 3_600).unwrap();
    let _: () = redis.zadd(format!("{key}:reserved"), payload(200), now + 60).unwrap();
    let signal = count(queue()).unwrap();
    assert_eq!((signal.waiting, signal.in_flight), (3, 1), "one that is due in an hour is no work now");
    let oldest = signal.oldest_wait.unwrap().as_secs();
    assert!((90..150).contains(&oldest), "{oldest}");
    // Horizon writes a text of seconds.
    let _: () = redis.lpush(&key, json!({"pushedAt": format!("{}.2519", now - 300)}).to_string()).unwrap();
    assert!(count(queue()).unwrap().oldest_wait.unwrap() >= Duration::from_secs(299));
    let _: () = redis.lpush(&key, "no JSON at all").unwrap();
    assert_eq!(count(queue()).unwrap().oldest_wait, None);
    let _: () = redis.del(&[key.clone(), format!("{key}:delayed"), format!("{key}:reserved")]).unwrap();
}

#[test]
fn sidekiq_counts_what_waits_and_what_its_processes_say_that_they_do() {
    let (mut redis, queue) = (connection(), name("sidekiq"));
    let counted = || count(Queue::Sidekiq { queue: queue.clone() }).unwrap();
    assert_eq!(counted(), Signal::default());
    let (key, now) = (format!("queue:{queue}"), server_time(&mut redis));
    let job = |enqueued_at: serde_json::Value| json!({"jid": "j", "enqueued_at": enqueued_at}).to_string();
    let _: () = redis.lpush(&key, job(json!(now - 120_000))).unwrap();
    let _: () = redis.lpush(&key, job(json!(now))).unwrap();
    let process = name("host:1");
    let _: () = redis.sadd("processes", &process).unwrap();
    let work = |queue: &str| json!({"queue": queue, "run_at": 1, "payload": "{}"}).to_string();
    let _: () = redis.hset(format!("{process}:work"), "t1", work(&queue)).unwrap();
    let _: () = redis.hset(format!("{process}:work"), "t2", work("another")).unwrap();
    let signal = counted();
    assert_eq!((signal.waiting, signal.in_flight), (2, 1));
    let oldest = signal.oldest_wait.unwrap().as_secs();
    assert!((120..180).contains(&oldest), "{oldest}");
    let _: () = redis.srem("processes", &process).unwrap();
    let _: () = redis.del(&[key, format!("{process}:work")]).unwrap();
}

#[test]
fn bull_mq_counts_by_state_and_nothing_of_a_paused_queue() {
    let (mut redis, queue) = (connection(), name("bull"));
    let counted = || counts(Queue::BullMq { prefix: "bull".to_owned(), queue: queue.clone() });
    let key = |part: &str| format!("bull:{queue}:{part}");
    assert_eq!(counted(), (0, 0));
    let now = server_time(&mut redis);
    let _: () = redis.lpush(key("wait"), vec!["1", "2"]).unwrap();
    let _: () = redis.zadd(key("prioritized"), "3", 5).unwrap();
    let _: () = redis.zadd(key("delayed"), "4", (now - 1_000) * 0x1000 + 7).unwrap();
    let _: () = redis.zadd(key("delayed"), "5", (now + 3_600_000) * 0x1000).unwrap();
    let _: () = redis.lpush(key("active"), "6").unwrap();
    let _: () = redis.lpush(key("paused"), "7").unwrap();
    assert_eq!(counted(), (4, 1));
    let parts = ["wait", "prioritized", "delayed", "active", "paused"].map(key);
    let _: () = redis.del(&parts).unwrap();
}

#[test]
fn a_connection_that_the_server_closed_is_replaced_within_the_measurement() {
    let mut redis = connection();
    // A database that no other test uses, to know our connection by.
    let (address, queue) = (format!("{}/7", address()), vec![Queue::List { key: name("kept") }]);
    let source = Redis::new(&address, Login::default(), false, queue, LONG).unwrap();
    source.measure().unwrap();
    let clients: String = redis::cmd("CLIENT").arg("LIST").query(&mut redis).unwrap();
    let ours = clients.lines().filter(|line| line.contains(" db=7 "));
    let ids: Vec<&str> = ours.filter_map(|line| line.split(' ').next()?.strip_prefix("id=")).collect();
    for id in &ids {
        let _: u64 = redis::cmd("CLIENT").arg(&["KILL", "ID", id]).query(&mut redis).unwrap();
    }
    assert!(!ids.is_empty(), "{clients}");
    assert_eq!(source.measure(), Ok(Signal::default()));
}

#[test]
fn a_wrong_password_is_told_and_not_shown_and_the_right_one_is_read_anew() {
    let (mut redis, user) = (connection(), name("user"));
    let set = ["SETUSER", &user, "on", ">right-secret", "~*", "+@all"];
    let _: () = redis::cmd("ACL").arg(&set).query(&mut redis).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    std::fs::write(&file, "wrong-secret").unwrap();
    let password = dynservers_http::Reference::File(file.clone()).into();
    let login = Login { username: Some(user.as_str().into()), password: Some(password) };
    let queue = vec![Queue::List { key: name("closed") }];
    let source = Redis::new(&address(), login, false, queue, LONG).unwrap();
    let told = source.measure().unwrap_err().reason;
    assert!(told.contains("uthentication") && !told.contains("secret"), "{told}");
    assert!(!format!("{source:?}").contains("secret"));
    let told = source.measure().unwrap_err().reason;
    assert!(told.contains("could not be reached just now"), "nobody is asked again at once: {told}");
    std::fs::write(&file, "right-secret").unwrap();
    let begun = std::time::Instant::now();
    while source.measure().is_err() {
        assert!(begun.elapsed() < LONG, "the pause ends");
        std::thread::sleep(Duration::from_millis(20));
    }
    let _: () = redis::cmd("ACL").arg(&["DELUSER", &user]).query(&mut redis).unwrap();
}

/// Gives the address of something that takes one connection after another and does this with each.
fn served(mut serve: impl FnMut(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("redis://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || listener.incoming().flatten().for_each(&mut serve));
    address
}

fn told_by(address: &str, timeout: Duration) -> String {
    let queue = vec![Queue::List { key: "jobs".to_owned() }];
    Redis::new(address, Login::default(), false, queue, timeout).unwrap().measure().unwrap_err().reason
}

#[test]
fn what_is_no_redis_is_unknown_in_time_and_never_zero() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let dead = format!("redis://{}", listener.local_addr().unwrap());
    drop(listener);
    assert!(told_by(&dead, LONG).contains("onnection refused"));

    let short = Duration::from_millis(200);
    let hung = served(std::mem::forget);
    assert!(told_by(&hung, short).contains("no answer in time"));

    let nonsense = served(|mut stream| {
        let _ = stream.read(&mut [0; 1_024]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    told_by(&nonsense, LONG);

    let closed = served(drop);
    told_by(&closed, LONG);

    let loading = served(|mut stream| {
        while stream.read(&mut [0; 1_024]).is_ok_and(|read| read > 0) {
            let error = "-LOADING Redis is loading the dataset in memory\r\n";
            let _ = stream.write_all(error.repeat(3).as_bytes());
        }
    });
    assert!(told_by(&loading, LONG).contains("loading"));
}

#[test]
fn addresses_that_give_something_away_are_refused() {
    let make = |address: &str, plain| {
        let queue = vec![Queue::List { key: "jobs".to_owned() }];
        Redis::new(address, Login::default(), plain, queue, LONG).map(drop)
    };
    assert_eq!(make("redis://:hunter2@127.0.0.1", false), Err(InvalidRedis::Credentials));
    assert_eq!(make("amqp://127.0.0.1", false), Err(InvalidRedis::Address));
    let shown = "redis.example:6379/2".to_owned();
    assert_eq!(make("redis://redis.example/2", false), Err(InvalidRedis::Plain { shown }));
    assert_eq!(make("redis://redis.example/2", true), Ok(()));
    assert_eq!(make("rediss://redis.example", false), Ok(()));
    let none = Redis::new("redis://localhost", Login::default(), false, Vec::new(), LONG);
    assert_eq!(none.map(drop), Err(InvalidRedis::NoQueues));
}

#[test]
fn a_ca_of_ones_own_is_trusted_if_it_is_named_and_no_other_is() {
    let directory = tempfile::tempdir().unwrap();
    let (ours, other) = (ca(directory.path(), "ours"), ca(directory.path(), "other"));
    let real = address().rsplit(':').next().unwrap().trim_end_matches('/').parse().unwrap();
    let port = behind_tls(ours.server, real, &[], &[]);
    let by = |host: &str, file: &std::path::Path| {
        let list = vec![Queue::List { key: name("tls") }];
        let source =
            Redis::new(&format!("rediss://{host}:{port}"), Login::default(), false, list, LONG).unwrap();
        source.trusting(file.to_owned()).unwrap().measure().map_err(|unknown| unknown.reason)
    };
    assert_eq!(by("127.0.0.1", &ours.file), Ok(Signal::default()));
    let told = by("127.0.0.1", &other.file).unwrap_err();
    assert!(told.contains("UnknownIssuer"), "{told}");
    let told = by("localhost", &ours.file).unwrap_err();
    assert!(told.contains("not valid for name"), "{told}");
    std::fs::write(&ours.file, "no certificate").unwrap();
    let told = by("127.0.0.1", &ours.file).unwrap_err();
    assert!(told.contains("it holds no certificate"), "{told}");
    let plain = vec![Queue::List { key: name("plain") }];
    let plain = Redis::new(&address(), Login::default(), false, plain, LONG).unwrap();
    assert_eq!(plain.trusting(other.file).map(drop), Err(InvalidRedis::NothingToVerify));
}
