//! How long the daemon's effects wait, at rest and with 1,000 status requests a second and 100 idle listeners.
//!
//! Build the binary first, with `--release` for numbers that mean something. It measures, and asserts no time.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dynservers_tests::{Cloud, Fleet};

/// How many clients ask, each this often.
const CLIENTS: u32 = 50;
const EACH: Duration = Duration::from_millis(50);

/// How many listen and hear little.
const LISTENERS: usize = 100;

/// How often the desired number is changed and the first request for it waited for.
const ROUNDS: u32 = 20;

fn main() {
    let cloud = Cloud::start(100);
    let mut fleet = Fleet::new("bench", &cloud);
    fleet.start();
    fleet.reach(1);
    let socket = fleet.path().join("dynservers.sock");
    let rest = rounds(&cloud, &socket);
    let (ended, asked) = (AtomicBool::new(false), AtomicU64::new(0));
    let (busy, asked, took) = std::thread::scope(|scope| {
        let listeners: Vec<_> = (0..LISTENERS).map(|_| listener(&socket)).collect();
        for _ in 0..CLIENTS {
            scope.spawn(|| ask(&socket, &ended, &asked));
        }
        let begun = Instant::now();
        let busy = rounds(&cloud, &socket);
        let took = begun.elapsed();
        ended.store(true, Ordering::Relaxed);
        drop(listeners);
        (busy, asked.load(Ordering::Relaxed), took)
    });
    let rate = asked as f64 / took.as_secs_f64();
    println!("from a durable command to the create at the provider, the middle of {ROUNDS}:");
    println!("  at rest                                        {rest:>10.2?}");
    println!("  with {rate:>5.0} status requests/s, {LISTENERS} idle listeners {busy:>10.2?}");
    println!(
        "  ratio                                          {:>10.2}",
        busy.as_secs_f64() / rest.as_secs_f64()
    );
    for line in metrics(&socket).lines().filter(|line| line.contains("loop_") && line.contains("_sum")) {
        println!("  {line}");
    }
}

/// Wants one more server, again and again, and gives the middle of how long its create took to be seen.
fn rounds(cloud: &Cloud, socket: &Path) -> Duration {
    let mut times: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let created = cloud.report().created.len();
            let begun = Instant::now();
            let post = "POST /v1/types/default/increase HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
                        Content-Type: application/json\r\nContent-Length: 8\r\n\r\n{\"by\":1}";
            let answer = exchange(socket, post);
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            while cloud.report().created.len() == created {
                std::thread::sleep(Duration::from_micros(200));
            }
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

fn exchange(socket: &Path, request: &str) -> String {
    let mut stream = UnixStream::connect(socket).expect("the daemon listens");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

fn metrics(socket: &Path) -> String {
    exchange(socket, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
}

fn listener(socket: &Path) -> UnixStream {
    let mut stream = UnixStream::connect(socket).expect("the daemon listens");
    let request = "GET /v1/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("it reads");
    stream
}

/// Asks for the status over one connection, at an even pace.
fn ask(socket: &Path, ended: &AtomicBool, asked: &AtomicU64) {
    let mut stream = UnixStream::connect(socket).expect("the daemon listens");
    let mut next = Instant::now();
    let mut rest = Vec::new();
    while !ended.load(Ordering::Relaxed) {
        stream.write_all(b"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n").expect("it reads");
        read_answer(&mut stream, &mut rest);
        asked.fetch_add(1, Ordering::Relaxed);
        next += EACH;
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

/// Reads one answer off a connection that stays open.
fn read_answer(stream: &mut UnixStream, bytes: &mut Vec<u8>) {
    bytes.clear();
    let mut part = [0; 8192];
    loop {
        let text = String::from_utf8_lossy(bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize =
                length.and_then(|length| length.parse().ok()).expect("an answer has a length");
            if body.len() >= length {
                return;
            }
        }
        let length = stream.read(&mut part).expect("it answers");
        assert!(length > 0, "the daemon closed the connection");
        bytes.extend_from_slice(&part[..length]);
    }
}
