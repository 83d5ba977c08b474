//! Instant queries to a real Prometheus.
//!
//! Where the server is stands in `DYNSERVERS_TEST_PROMETHEUS`; `cargo xtask test` starts one by itself. It measures itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test file, helpers included")]

use std::time::{Duration, Instant};

use dynservers_demand::prometheus::Prometheus;
use dynservers_demand::{Signal, Source as _, Unknown};

const LONG: Duration = Duration::from_secs(60);

fn address() -> String {
    std::env::var("DYNSERVERS_TEST_PROMETHEUS").unwrap_or_else(|_| {
        panic!("say in DYNSERVERS_TEST_PROMETHEUS where a Prometheus is, as in http://127.0.0.1:9090, or run `cargo xtask test`")
    })
}

fn ask(waiting: &str, in_flight: Option<&str>) -> Result<Signal, Unknown> {
    Prometheus::new(&address(), waiting, in_flight, &[], false, LONG).unwrap().measure()
}

fn reason(query: &str) -> String {
    ask(query, None).unwrap_err().reason
}

#[test]
fn one_number_is_work_and_a_part_of_a_job_is_one() {
    for (query, expected) in
        [("vector(7)", 7), ("7", 7), ("vector(0)", 0), ("vector(2.001)", 3), ("sum(vector(4))", 4)]
    {
        assert_eq!(ask(query, None).unwrap(), Signal { waiting: expected, ..Signal::default() }, "{query}");
    }
    let both = ask("vector(7)", Some("scalar(vector(5))")).unwrap();
    assert_eq!((both.waiting, both.in_flight, both.work()), (7, 5, 12));
}

#[test]
fn what_it_measures_is_counted_with_all_that_a_query_may_hold() {
    // It measures itself every second, and has to begin with that.
    let begun = Instant::now();
    let query = "sum(up{job=\"itself\", instance=~\".+:[0-9]+\"}) * 3 > 0";
    while ask(query, None) != Ok(Signal { waiting: 3, ..Signal::default() }) {
        assert!(begun.elapsed() < LONG, "{:?}", ask(query, None));
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn what_is_no_one_number_is_unknown_and_never_zero() {
    for (query, words) in [
        ("no_such_metric", "no sample"),
        (
            "vector(1) or on() no_such_metric or label_replace(vector(2), \"a\", \"b\", \"\", \"\")",
            "2 samples: let it sum them",
        ),
        ("vector(-1)", "\"-1\" is no number of jobs"),
        ("vector(0)/0", "\"NaN\" is no number of jobs"),
        ("vector(1)/0", "\"+Inf\" is no number of jobs"),
        ("up[1m]", "gave a \"matrix\""),
        ("\"text\"", "gave a \"string\""),
        ("sum(", "status 400"),
    ] {
        let told = reason(query);
        assert!(told.contains(words), "{query}: {told}");
    }
    assert!(ask("vector(1)", Some("no_such_metric")).unwrap_err().reason.contains("no sample"));
}

#[test]
fn a_server_that_is_none_is_unknown() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let hung = format!("http://{}", listener.local_addr().unwrap());
    let source = Prometheus::new(&hung, "up", None, &[], false, Duration::from_millis(200)).unwrap();
    assert!(source.measure().unwrap_err().reason.contains("did not answer within"));
    drop(listener);
    assert!(source.measure().is_err());
    let elsewhere =
        Prometheus::new(&format!("{}/elsewhere", address()), "up", None, &[], false, LONG).unwrap();
    assert!(elsewhere.measure().unwrap_err().reason.contains("status 404"));
}
