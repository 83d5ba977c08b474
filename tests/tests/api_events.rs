//! A listener that comes back with the last number it has hears of everything once, whatever became of the daemon.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use dynservers_tests::{Cloud, Fleet, eventually};
use serde_json::json;

/// Listens until the connection ends or enough was heard; gives the numbers of the events.
fn listen(socket: &Path, after: u64, enough: impl Fn(u64) -> bool) -> Vec<u64> {
    let Ok(mut stream) = UnixStream::connect(socket) else { return Vec::new() };
    let request = format!(
        "GET /v1/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nLast-Event-ID: {after}\r\n\r\n"
    );
    if stream.write_all(request.as_bytes()).is_err() {
        return Vec::new();
    }
    let mut heard = Vec::new();
    // An event counts when all of it is there, as a client must have it.
    let mut id = None;
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        if let Some(number) = line.strip_prefix("id: ") {
            id = Some(number.parse().expect("a number"));
        } else if line.is_empty()
            && let Some(id) = id.take()
        {
            heard.push(id);
            if enough(id) {
                break;
            }
        }
    }
    heard
}

#[test]
fn a_listener_hears_everything_once_across_kills_of_the_daemon() {
    let cloud = Cloud::with(100, &json!({"durations": {"spread-percent": 0}}));
    let mut fleet = Fleet::new("workers", &cloud);
    fleet.start();
    let mut heard: Vec<u64> = Vec::new();
    let socket = fleet.path().join("dynservers.sock");
    for count in [6, 0, 4] {
        let known = heard.last().copied().unwrap_or_default();
        // Until the connection ends, which it does with the daemon.
        let listener = {
            let socket = socket.clone();
            std::thread::spawn(move || listen(&socket, known, |_| false))
        };
        fleet.ensure(count);
        eventually("there is something to hear", || (page(&socket, known).len() >= 7).then_some(()));
        fleet.kill();
        heard.extend(listener.join().expect("it listens"));
        fleet.start();
    }
    fleet.reach(4);
    let last = *page(&socket, 0).last().expect("events");
    let known = heard.last().copied().unwrap_or_default();
    if known < last {
        heard.extend(listen(&socket, known, |id| id >= last));
    }
    assert_eq!(heard, (1..=heard.len() as u64).collect::<Vec<_>>(), "without a gap and without a double");
    assert!(heard.last().is_some_and(|heard| *heard >= last) && last > 20, "{last}");
    assert!(!fleet.agrees(&cloud).created.is_empty());
}

/// Gives the numbers of the events after one, from the page.
fn page(socket: &Path, after: u64) -> Vec<u64> {
    let mut stream = UnixStream::connect(socket).expect("the daemon listens");
    let request =
        format!("GET /v1/events?after={after}&limit=1000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let page: serde_json::Value = serde_json::from_str(body).expect("JSON");
    page["events"].as_array().expect("events").iter().filter_map(|event| event["id"].as_u64()).collect()
}
