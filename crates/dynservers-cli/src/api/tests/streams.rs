//! Streams of events, metrics, and those who take too much or too long.

use std::time::Duration;

use super::*;
use crate::api::seats::LISTENERS;

/// Reads a stream of events.
struct Listener {
    stream: UnixStream,
    heard: String,
}

impl Listener {
    async fn new(harness: &Harness, headers: &str) -> Self {
        let Endpoint::Unix(path) = &harness.endpoint else { panic!("not a socket") };
        let mut stream = UnixStream::connect(path).await.unwrap();
        let request =
            format!("GET /v1/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut listener = Self { stream, heard: String::new() };
        listener.until("retry:").await;
        listener
    }

    /// Reads on until it has heard something.
    async fn until(&mut self, words: &str) {
        while !self.heard.contains(words) {
            let mut bytes = [0; 4096];
            let length = self.stream.read(&mut bytes).await.unwrap();
            assert!(length > 0, "it ended before {words:?}: {}", self.heard);
            self.heard.push_str(&String::from_utf8_lossy(&bytes[..length]));
        }
    }

    fn ids(&self) -> Vec<u64> {
        let ids = self.heard.lines().filter_map(|line| line.strip_prefix("id: "));
        ids.map(|id| id.parse().unwrap()).collect()
    }
}

#[tokio::test]
async fn a_stream_goes_on_where_it_was_left_and_tells_each_event_once() {
    let harness = Harness::unix().await;
    harness.fleet.happen(250);
    let mut listener = Listener::new(&harness, "Last-Event-ID: 7\r\n").await;
    // More than the channel holds, while it catches up: what is lost there is found in the store.
    harness.fleet.happen(50);
    listener.until("id: 300\n").await;
    assert_eq!(listener.ids(), (8..=300).collect::<Vec<_>>());
    let lower = listener.heard.to_lowercase();
    assert!(
        lower.contains("content-type: text/event-stream") && lower.contains("connection: close"),
        "{lower}"
    );
    let data = listener.heard.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    assert_eq!((data["id"].as_u64(), data["event"].as_str()), (Some(8), Some("demand_known")));
    assert!(data["at"].as_str().unwrap().ends_with('Z'), "{data}");
    assert!(listener.heard.contains("event: demand_known\n"));
}

#[tokio::test]
async fn a_stream_without_a_cursor_tells_what_happens_from_now_on() {
    let harness = Harness::unix().await;
    harness.fleet.happen(5);
    let mut listener = Listener::new(&harness, "").await;
    harness.fleet.happen(2);
    listener.until("id: 7\n").await;
    assert_eq!(listener.ids(), [6, 7]);
}

#[tokio::test]
async fn a_cursor_of_another_ledger_does_not_silence_a_stream() {
    let harness = Harness::unix().await;
    harness.fleet.happen(5);
    let mut listener = Listener::new(&harness, "Last-Event-ID: 9000\r\n").await;
    harness.fleet.happen(1);
    listener.until("id: 6\n").await;
    assert_eq!(listener.ids(), [6]);
    assert_problem(harness.get("/v1/events", "Last-Event-ID: x\r\n").await, 400, "number");
}

#[tokio::test]
async fn pages_follow_each_other() {
    let harness = Harness::unix().await;
    harness.fleet.happen(5);
    let (status, _, page) = harness.get("/v1/events?after=1&limit=3", "").await;
    assert_eq!((status, page["next_after"].as_u64(), page["more"].as_bool()), (200, Some(4), Some(true)));
    let (_, _, page) = harness.get("/v1/events?after=4", "").await;
    assert_eq!((page["next_after"].as_u64(), page["more"].as_bool()), (Some(5), Some(false)));
    assert_eq!(page["events"].as_array().unwrap().len(), 1);
    let (_, _, page) = harness.get("/v1/events?after=9", "").await;
    assert_eq!((page["next_after"].as_u64(), page["events"].as_array().map(Vec::len)), (Some(9), Some(0)));
    assert_problem(harness.get("/v1/events?after=x", "").await, 400, "after");
    assert_problem(harness.get("/v1/events?since=1", "").await, 400, "since");
}

#[tokio::test]
async fn listeners_are_bounded_and_take_no_room_from_those_who_ask() {
    let limits = Limits { connections: 2, ..Limits::default() };
    let harness = Harness::within(limits, Double::default()).await;
    let mut listeners = Vec::new();
    for _ in 0..LISTENERS {
        listeners.push(Listener::new(&harness, "").await);
    }
    assert_problem(harness.get("/v1/events", "Accept: text/event-stream\r\n").await, 503, "256 clients");
    assert_eq!(harness.get("/v1/status", "").await.0, 200);
    // Each hears of what happens, and one that leaves makes room for another.
    harness.fleet.happen(1);
    for listener in &mut listeners {
        listener.until("id: 1\n").await;
    }
    drop(listeners.pop());
    loop {
        let metrics = text(&harness).await;
        if metrics.contains(&format!("dynservers_api_listeners {}\n", LISTENERS - 1)) {
            break;
        }
        tokio::task::yield_now().await;
    }
    Listener::new(&harness, "").await;
}

#[tokio::test]
async fn a_listener_that_does_not_read_is_cut_off_and_holds_nobody_up() {
    // Long enough that one who reads on a busy machine is never taken for deaf.
    let limits = Limits { stall: Duration::from_secs(3), ..Limits::default() };
    let harness = Harness::within(limits, Double::default()).await;
    let deaf = Listener::new(&harness, "Last-Event-ID: 0\r\n").await;
    let mut keen = Listener::new(&harness, "Last-Event-ID: 0\r\n").await;
    // Far more than any socket takes at once.
    harness.fleet.happen(12_000);
    keen.until("id: 12000\n").await;
    assert_eq!(keen.ids().len(), 12_000);
    while !text(&harness).await.contains("dynservers_api_listeners 1\n") {
        tokio::task::yield_now().await;
    }
    drop(deaf);
}

#[tokio::test]
async fn streams_end_with_the_daemon() {
    let harness = Harness::unix().await;
    let mut listener = Listener::new(&harness, "").await;
    let Harness { fleet, stop, serving, directory, .. } = harness;
    // As in the daemon: the loop ends first, and the API then.
    fleet.happen(1);
    fleet.live.lock().unwrap().take().unwrap().close();
    listener.until("\r\n0\r\n\r\n").await;
    assert_eq!(listener.ids(), [1], "what happened last is told before the end");
    stop.send(true).unwrap();
    serving.await.unwrap();
    drop(directory);
}

#[tokio::test]
async fn a_slow_head_is_not_waited_for() {
    let limits = Limits { head: Duration::from_millis(50), connections: 1, ..Limits::default() };
    let harness = Harness::within(limits, Double::default()).await;
    let Endpoint::Unix(path) = &harness.endpoint else { panic!("not a socket") };
    let mut slow = UnixStream::connect(path).await.unwrap();
    slow.write_all(b"GET /v1/status HTTP/1.1\r\nHost: x\r\nX-Slow:").await.unwrap();
    // There is one place, and it gets free.
    assert_eq!(harness.get("/v1/status", "").await.0, 200);
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).await.unwrap();
    assert!(!rest.starts_with(b"HTTP/1.1 200"));
}

async fn text(harness: &Harness) -> String {
    let Endpoint::Unix(path) = &harness.endpoint else { panic!("not a socket") };
    let mut stream = UnixStream::connect(path).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn metrics_tell_of_the_fleet_and_of_the_api() {
    let harness = Harness::unix().await;
    harness.get("/v1/servers/1", "").await;
    harness.get("/v1/servers/77", "").await;
    harness.get("/nowhere/at/all", "").await;
    let metrics = text(&harness).await;
    for line in [
        "dynservers_servers{type=\"web\",status=\"running\"} 2",
        "dynservers_desired{type=\"web\"} 5",
        "dynservers_provisioned{type=\"web\"} 3",
        "dynservers_settled{type=\"web\"} 0",
        "dynservers_look_age_seconds{provider=\"upcloud\"} 12",
        "dynservers_failed_looks{provider=\"spare\"} 3",
        "dynservers_held{provider=\"upcloud\"} 0",
        "dynservers_api_requests_total{method=\"GET\",route=\"/v1/servers/{id}\",status=\"200\"} 1",
        "dynservers_api_requests_total{method=\"GET\",route=\"/v1/servers/{id}\",status=\"404\"} 1",
        "dynservers_api_requests_total{method=\"GET\",route=\"none\",status=\"404\"} 1",
        "dynservers_loop_lag_seconds_count 0",
        "# EOF",
    ] {
        assert!(metrics.lines().any(|told| told.starts_with(line)), "{line} is not in {metrics}");
    }
    assert!(!metrics.contains("desired{type=\"db\"}"), "what is not known is not told");
}
