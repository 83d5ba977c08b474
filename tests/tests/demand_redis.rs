//! A Laravel queue in a real Redis has servers come and go by the recipe of `docs/queues.md`, and a Redis that dies in the middle
//! holds the number, then falls back, then counts again.
//!
//! Where the server is stands in `DYNSERVERS_TEST_REDIS`; `cargo xtask test` starts one by itself.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dynservers_tests::{Fleet, eventually};

/// Where a Redis is, as host and port.
fn redis() -> String {
    let address = std::env::var("DYNSERVERS_TEST_REDIS").expect(
        "say in DYNSERVERS_TEST_REDIS where a Redis is, as in redis://127.0.0.1:6379, or run `cargo xtask test`",
    );
    address.trim_start_matches("redis://").trim_end_matches('/').to_owned()
}

/// Says one command to Redis, as any client does, and gives the first line of its answer.
fn say(arguments: &[&str]) -> String {
    let mut stream = TcpStream::connect(redis()).expect("it is there");
    write!(stream, "*{}\r\n", arguments.len()).expect("it listens");
    for argument in arguments {
        write!(stream, "${}\r\n{argument}\r\n", argument.len()).expect("it listens");
    }
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("it answers");
        answer.push(byte[0]);
    }
    let answer = String::from_utf8_lossy(&answer).trim().to_owned();
    assert!(!answer.starts_with('-'), "{arguments:?}: {answer}");
    answer
}

/// Gives the recipe as it stands in the documentation, for this Redis and these keys, and as fast as a test wants it.
fn recipe(address: &str, prefix: &str, hold: &str) -> String {
    let document = include_str!("../../docs/queues.md");
    let block =
        document.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a recipe");
    let changed = [
        ("[server_types.default]\n", ""),
        ("redis://127.0.0.1:6379/0", address),
        ("laravel_database_", prefix),
        ("demand_interval = \"30s\"", "demand_interval = \"100ms\""),
        ("{ jobs_per_server = 10", "{ rate_up = \"unlimited\", jobs_per_server = 10"),
        ("scale_in_after = \"5m\"", "scale_in_after = \"0s\""),
        ("hold = \"10m\"", &format!("hold = \"{hold}\"")),
    ];
    changed.iter().fold(block.to_owned(), |recipe, (from, to)| {
        assert!(recipe.contains(from), "the recipe says {from:?}");
        recipe.replace(from, to)
    })
}

/// Keys that no other run uses.
fn prefix(word: &str) -> String {
    let time =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is later").as_nanos();
    format!("dynservers-test-{word}-{time}_database_")
}

struct Queue {
    list: String,
    reserved: String,
}

impl Queue {
    fn of(prefix: &str) -> Self {
        Self { list: format!("{prefix}queues:default"), reserved: format!("{prefix}queues:default:reserved") }
    }

    /// Puts jobs in as the framework does.
    fn push(&self, jobs: u32) {
        for job in 0..jobs {
            say(&["RPUSH", &self.list, &format!("{{\"uuid\":\"{job}\",\"createdAt\":1700000000}}")]);
        }
    }

    /// Takes one in hand, as a worker does.
    fn reserve(&self) {
        say(&["LPOP", &self.list]);
        say(&["ZADD", &self.reserved, "1900000000", "in hand"]);
    }

    fn clear(&self) {
        say(&["DEL", &self.list, &self.reserved]);
    }
}

/// A way to Redis that can be cut.
struct Way {
    address: String,
    is_cut: Arc<AtomicBool>,
}

impl Way {
    fn lay() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = format!("redis://{}/0", listener.local_addr().expect("it has one"));
        let is_cut = Arc::new(AtomicBool::new(false));
        let cut = Arc::clone(&is_cut);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if !cut.load(Ordering::Relaxed) {
                    carry(stream, &cut);
                }
            }
        });
        Self { address, is_cut }
    }

    fn cut(&self, is_cut: bool) {
        self.is_cut.store(is_cut, Ordering::Relaxed);
    }
}

/// Carries what each side says to the other, as long as the way is whole.
fn carry(near: TcpStream, cut: &Arc<AtomicBool>) {
    let far = TcpStream::connect(redis()).expect("it is there");
    let ends = [(near.try_clone(), far.try_clone()), (Ok(far), Ok(near))];
    for (from, to) in ends {
        let (mut from, mut to) = (from.expect("a stream"), to.expect("a stream"));
        let cut = Arc::clone(cut);
        std::thread::spawn(move || {
            let mut bytes = [0; 4_096];
            while let Ok(read @ 1..) = from.read(&mut bytes) {
                if cut.load(Ordering::Relaxed) || to.write_all(&bytes[..read]).is_err() {
                    break;
                }
            }
            // Whoever is at the other end learns of it, or has gone.
            let _ = from.shutdown(std::net::Shutdown::Both);
            let _ = to.shutdown(std::net::Shutdown::Both);
        });
    }
}

/// Waits until the last decision is told in these words.
fn explains(fleet: &Fleet, words: &str) {
    eventually(words, || fleet.must(&["explain"]).contains(words).then_some(()));
}

#[test]
fn the_recipe_for_laravel_has_servers_come_and_go_with_the_jobs() {
    let prefix = prefix("laravel");
    let queue = Queue::of(&prefix);
    let mut fleet = Fleet::local(&recipe(&format!("redis://{}/0", redis()), &prefix, "10m"));
    fleet.start();
    queue.push(25);
    fleet.settles_at(3);
    queue.clear();
    queue.push(1);
    queue.reserve();
    fleet.settles_at(1);
    queue.clear();
    fleet.settles_at(0);
    assert!(fleet.stop().success());
}

#[test]
fn a_redis_that_dies_holds_the_number_and_then_counts_again() {
    let (prefix, way) = (prefix("holds"), Way::lay());
    let queue = Queue::of(&prefix);
    let mut fleet = Fleet::local(&recipe(&way.address, &prefix, "1h"));
    queue.push(30);
    fleet.start();
    fleet.settles_at(3);
    way.cut(true);
    eventually("it is told", || (fleet.events("demand_unknown") > 0).then_some(()));
    explains(&fleet, "which is not taken for no work");
    explains(&fleet, "3 are kept, since not all of the work is known; the fallback stands in from");
    queue.clear();
    queue.push(50);
    way.cut(false);
    fleet.settles_at(5);
    assert!(fleet.events("demand_known") > 0);
    assert_eq!(fleet.events("stopping"), 0, "what was not known was not none");
    queue.clear();
    fleet.settles_at(0);
    assert!(fleet.stop().success());
}

#[test]
fn a_redis_that_stays_dead_has_the_fallback() {
    let (prefix, way) = (prefix("falls"), Way::lay());
    let queue = Queue::of(&prefix);
    let mut fleet = Fleet::local(&recipe(&way.address, &prefix, "500ms"));
    queue.push(30);
    fleet.start();
    fleet.settles_at(3);
    way.cut(true);
    fleet.settles_at(1);
    explains(&fleet, "it is 1 by fallback: the work has not been known for longer than hold");
    way.cut(false);
    fleet.settles_at(3);
    explains(&fleet, "The rule asks for 3 servers.");
    queue.clear();
    assert!(fleet.stop().success());
}
