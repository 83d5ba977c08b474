//! Sources count what there is, and what does not answer in earnest is unknown and never zero.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test file, helpers included")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use dynservers_core::{Combine, TypeName};
use dynservers_demand::{Command, Http, MOST_SOURCES, Signal, Source, Sources, Unknown};
use dynservers_hooks::{Header, Program, Web};

const LONG: Duration = Duration::from_secs(60);

fn shell(script: &str, timeout: Duration) -> Command {
    Command::new(Program::new(["/bin/sh", "-c", script].map(str::to_owned).into(), timeout))
}

/// Answers one request.
fn serve(status: &str, body: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/stats", listener.local_addr().unwrap());
    let answer =
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        stream.write_all(answer.as_bytes()).unwrap();
    });
    base
}

fn http(status: &str, body: &str) -> Http {
    let web = Web::new(&serve(status, body), vec![Header::bearer("secret-token")], LONG).unwrap();
    Http::new(web, "/queue/waiting", Some("/queue/busy/0".into())).unwrap()
}

fn type_name() -> TypeName {
    TypeName::new("web").unwrap()
}

#[test]
fn a_program_counts() {
    assert_eq!(shell("echo 17", LONG).measure(), Ok(Signal { waiting: 17, ..Signal::default() }));
    let counted = shell("echo '{\"waiting\":1,\"in_flight\":2}'", LONG).measure().unwrap();
    assert_eq!(counted.work(), 3);
}

#[test]
fn a_program_that_fails_hangs_or_talks_rubbish_is_unknown() {
    for (script, reason) in [
        ("echo 3; echo \"no queue\" >&2; exit 1", "ended with code 1: no queue"),
        ("echo 3; kill -9 $$", "signal 9"),
        ("true", "printed nothing"),
        ("echo 1 2", "neither"),
        ("echo three", "three"),
        ("cat /dev/zero", "more than"),
        ("printf '\\033[2Jx'", "[2Jx"),
    ] {
        let unknown = shell(script, LONG).measure().unwrap_err();
        assert!(unknown.reason.contains(reason) && !unknown.reason.contains('\u{1b}'), "{script}: {unknown}");
    }
    let unknown = shell("sleep 1000", Duration::from_millis(50)).measure().unwrap_err();
    assert!(unknown.reason.contains("took longer"), "{unknown}");
}

#[test]
fn a_web_address_is_read_by_its_pointers() {
    let counted = |body| http("200 OK", body).measure();
    let expected = Ok(Signal { waiting: 12, in_flight: 3, oldest_wait: None });
    assert_eq!(counted(r#"{"queue":{"waiting":12,"busy":[3,9]},"more":1}"#), expected);
    assert_eq!(counted(r#"{"queue":{"waiting":"12","busy":["3"]}}"#), expected);
    let whole = Http::new(Web::new(&serve("200 OK", "7"), vec![], LONG).unwrap(), "", None).unwrap();
    assert_eq!(whole.measure(), Ok(Signal { waiting: 7, ..Signal::default() }));
}

#[test]
fn any_other_answer_is_unknown() {
    let good = r#"{"queue":{"waiting":12,"busy":[3]}}"#;
    for (status, body, reason) in [
        ("500 Oh", good, "status 500"),
        ("201 Created", good, "status 201"),
        ("302 Found", good, "status 302"),
        ("401 No", "who is secret-token", "status 401: who is [redacted]"),
        ("200 OK", "", "no JSON"),
        ("200 OK", "{} {}", "no JSON"),
        ("200 OK", "{}", "nothing at \"/queue/waiting\""),
        ("200 OK", r#"{"queue":{"waiting":12}}"#, "nothing at \"/queue/busy/0\""),
        ("200 OK", r#"{"queue":{"waiting":-1,"busy":[3]}}"#, "no whole number"),
        ("200 OK", r#"{"queue":{"waiting":1.5,"busy":[3]}}"#, "no whole number"),
        ("200 OK", r#"{"queue":{"waiting":"+1","busy":[3]}}"#, "no whole number"),
        ("200 OK", r#"{"queue":{"waiting":"","busy":[3]}}"#, "no whole number"),
        ("200 OK", r#"{"queue":{"waiting":null,"busy":[3]}}"#, "no whole number"),
    ] {
        let unknown = http(status, body).measure().unwrap_err();
        assert!(unknown.reason.contains(reason), "{status} {body}: {unknown}");
    }
}

#[test]
fn a_pointer_that_is_none_is_refused() {
    let web = || Web::new("https://example.com/", vec![], LONG).unwrap();
    for pointer in ["waiting", "queue/waiting", "/a~2b", "/a~"] {
        assert!(Http::new(web(), pointer, None).is_err(), "{pointer}");
        assert!(Http::new(web(), "/a", Some(pointer.into())).is_err(), "{pointer}");
    }
    assert!(Http::new(web(), "/a~0b~1c", Some(String::new())).is_ok());
}

struct Fixed(Result<u64, &'static str>);

impl Source for Fixed {
    fn measure(&self) -> Result<Signal, Unknown> {
        self.0.map(|waiting| Signal { waiting, ..Signal::default() }).map_err(Unknown::new)
    }
}

/// Answers when it is let go.
#[derive(Default)]
struct Stuck {
    /// Whether it was asked, and whether it may answer.
    free: Mutex<(bool, bool)>,
    begun: Condvar,
    freed: Condvar,
}

impl Source for Stuck {
    fn measure(&self) -> Result<Signal, Unknown> {
        let mut state = self.free.lock().unwrap();
        state.0 = true;
        self.begun.notify_all();
        drop(self.freed.wait_while(state, |(_, free)| !*free).unwrap());
        Ok(Signal::default())
    }
}

fn sources(list: Vec<(&str, Arc<dyn Source>)>) -> Sources {
    Sources::new(type_name(), list.into_iter().map(|(name, source)| (name.to_owned(), source)).collect())
        .unwrap()
}

#[test]
fn what_is_known_is_added_up_and_what_is_not_is_named() {
    let demand = |list| {
        let demand = sources(list).measure();
        assert_eq!(demand.server_type, type_name());
        (demand.signal(Combine::Sum).work(), demand.reason())
    };
    let of = |work, unknown: Option<&str>| (work, unknown.map(str::to_owned));
    let fixed = |result| -> Arc<dyn Source> { Arc::new(Fixed(result)) };
    assert_eq!(demand(vec![]), of(0, None));
    assert_eq!(demand(vec![("a", fixed(Ok(2))), ("b", fixed(Ok(3)))]), of(5, None));
    assert_eq!(demand(vec![("a", fixed(Ok(u64::MAX))), ("b", fixed(Ok(3)))]), of(u64::MAX, None));
    assert_eq!(
        demand(vec![("a", fixed(Err("no"))), ("b", fixed(Ok(3))), ("c", fixed(Err("hm")))]),
        of(3, Some("a: no; c: hm"))
    );
}

#[test]
fn sources_of_one_name_are_told_apart() {
    let fixed = |result| -> Arc<dyn Source> { Arc::new(Fixed(result)) };
    let twice = sources(vec![
        ("a", fixed(Ok(1))),
        ("a", fixed(Err("no"))),
        ("a 2", fixed(Ok(2))),
        ("a", fixed(Ok(3))),
    ]);
    let names: Vec<String> = twice.measure().readings.into_iter().map(|reading| reading.source).collect();
    assert_eq!(names, ["a", "a 2", "a 2 2", "a 3"]);
}

/// A source that waits for another to be asked too: only at once do both answer.
struct Meeting(std::sync::Barrier);

impl Source for Meeting {
    fn measure(&self) -> Result<Signal, Unknown> {
        self.0.wait();
        Ok(Signal { waiting: 1, ..Signal::default() })
    }
}

#[test]
fn sources_are_asked_at_once() {
    let meeting: Arc<dyn Source> = Arc::new(Meeting(std::sync::Barrier::new(2)));
    let demand = sources(vec![("a", Arc::clone(&meeting)), ("b", meeting)]).measure();
    assert_eq!((demand.signal(Combine::Sum).waiting, demand.reason()), (2, None));
}

#[test]
fn a_source_that_is_still_at_it_is_not_asked_again() {
    let stuck = Arc::new(Stuck::default());
    let sources = sources(vec![("stuck", Arc::<Stuck>::clone(&stuck))]);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| sources.measure());
        let begun = stuck.begun.wait_while(stuck.free.lock().unwrap(), |(begun, _)| !*begun).unwrap();
        drop(begun);
        let second = sources.measure();
        assert_eq!(second.reason().as_deref(), Some("stuck: it has not answered since it was asked before"));
        stuck.free.lock().unwrap().1 = true;
        stuck.freed.notify_all();
        assert_eq!(first.join().unwrap().reason(), None);
    });
    assert_eq!(sources.measure().reason(), None, "it is asked again once it has answered");
}

#[test]
fn there_cannot_be_too_many() {
    let one: Arc<dyn Source> = Arc::new(Fixed(Ok(1)));
    let list = (0..=MOST_SOURCES).map(|index| (index.to_string(), Arc::clone(&one))).collect();
    assert_eq!(Sources::new(type_name(), list).unwrap_err().found, MOST_SOURCES + 1);
}
