//! Events reach hooks at least once, signed and in order, over failures and restarts.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test file, helpers included")]

mod server;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dynservers_core::{
    Event, EventId, EventKind, Failure, FleetName, ProviderId, ProviderName, ServerEvent, ServerId, Status,
    Time, TypeName,
};
use dynservers_hooks::delivery::{
    Courier, CourierError, Filter, Hook, InvalidHook, Limits, Log, Target, Told, What, payload,
};
use dynservers_hooks::signature::{Headers, Secret, TOLERANCE, verify};
use dynservers_hooks::{Header, Program, Web};
use dynservers_http::{Reference, Secrets, Text};
use secrecy::SecretString;
use server::{Arrived, says, serve};

const LONG: Duration = Duration::from_secs(60);
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<Event>>>);

impl Events {
    fn push(&self, kind: EventKind) {
        let mut events = self.0.lock().unwrap();
        let id = events.len() as u64 + 1;
        events.push(Event { id: EventId(id), at: Time::from_millis(1_700_000_000_000 + id), kind });
    }
}

impl Log for Events {
    fn end(&mut self) -> Result<EventId, Failure> {
        Ok(EventId(self.0.lock().unwrap().len() as u64))
    }

    fn events(&mut self, after: EventId, limit: usize) -> Result<Vec<Event>, Failure> {
        Ok(self.0.lock().unwrap().iter().filter(|event| event.id > after).take(limit).cloned().collect())
    }
}

fn running(server: u64) -> EventKind {
    EventKind::Running(ServerEvent {
        server: ServerId(server),
        server_type: TypeName::new("web").unwrap(),
        name: format!("web-{server}").into(),
        provider_id: Some(ProviderId::new("0123").unwrap()),
        previous_status: Some(Status::New),
        why: None,
        failure: None,
    })
}

fn resumed() -> EventKind {
    EventKind::Resumed { provider: ProviderName::new("cloud").unwrap() }
}

fn fleet() -> FleetName {
    FleetName::new("workers").unwrap()
}

fn webhook(url: &str) -> Hook {
    let web = Web::new(url, vec![], LONG).unwrap();
    Hook::new("web", Filter::default(), Target::Webhook { web, secret: SECRET.into() }).unwrap()
}

fn command(script: &str) -> Hook {
    let argv = ["/bin/sh", "-c", script].map(str::to_owned).into();
    Hook::new("command", Filter::default(), Target::Command(Program::new(argv, LONG))).unwrap()
}

fn start(hook: Hook, directory: &Path, events: &Events) -> (Courier, Receiver<Told>) {
    let (sender, told) = channel();
    let sender = Mutex::new(sender);
    let tell = move |what| drop(sender.lock().unwrap().send(what));
    let directory = directory.join("hooks");
    let courier = Courier::start(&fleet(), vec![hook], Limits::default(), &directory, events.clone(), tell);
    (courier.unwrap(), told)
}

fn cursor(directory: &Path, hook: &str) -> u64 {
    let path = directory.join("hooks").join(format!("{hook}.cursor"));
    std::fs::read_to_string(path).unwrap().trim().parse().unwrap()
}

fn wait_for_delivered(told: &Receiver<Told>, count: usize) -> BTreeSet<u64> {
    let mut delivered = BTreeSet::new();
    while delivered.len() < count {
        if let What::Delivered { event, .. } = told.recv().unwrap().what {
            delivered.insert(event.0);
        }
    }
    delivered
}

fn believed(arrived: &Arrived) -> bool {
    let headers = Headers {
        id: arrived.header("webhook-id"),
        timestamp: arrived.header("webhook-timestamp"),
        signature: arrived.header("webhook-signature"),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    verify(&[Secret::parse(SECRET).unwrap()], &headers, &arrived.body, now, TOLERANCE).is_ok()
}

#[test]
fn what_a_receiver_is_told() {
    let event = |kind| Event { id: EventId(7), at: Time::from_millis(1_700_000_000_250), kind };
    insta::assert_json_snapshot!(payload(&fleet(), &event(running(3))), @r#"
    {
      "at": "2023-11-14T22:13:20.25Z",
      "event": "running",
      "fleet": "workers",
      "id": 7,
      "name": "web-3",
      "previous_status": "new",
      "provider_id": "0123",
      "server": 3,
      "server_type": "web"
    }
    "#);
    let refused = EventKind::ProviderUnreachable {
        provider: ProviderName::new("cloud").unwrap(),
        failure: Failure { http_status: Some(500), ..Failure::new("it is down") },
    };
    insta::assert_json_snapshot!(payload(&fleet(), &event(refused)), @r#"
    {
      "at": "2023-11-14T22:13:20.25Z",
      "event": "provider_unreachable",
      "failure": {
        "http_status": 500,
        "message": "it is down"
      },
      "fleet": "workers",
      "id": 7,
      "provider": "cloud"
    }
    "#);
}

#[test]
fn a_webhook_gets_what_happens_from_now_on_signed_and_again_until_it_took_it() {
    let directory = tempfile::tempdir().unwrap();
    let (base, arrived) =
        serve(|number| Some(says(if number == 0 { "500 Oh" } else { "204 No Content" }, "")));
    let events = Events::default();
    events.push(resumed());
    let (courier, told) = start(webhook(&base), directory.path(), &events);
    assert_eq!(cursor(directory.path(), "web"), 1, "the beginning is durable at once");
    events.push(running(3));
    courier.bell().ring();
    assert_eq!(wait_for_delivered(&told, 1), [2].into());
    let (first, second) = (arrived.recv().unwrap(), arrived.recv().unwrap());
    assert!(believed(&first) && believed(&second));
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    let body: serde_json::Value = serde_json::from_slice(&second.body).unwrap();
    assert_eq!((&body["id"], &body["event"]), (&2.into(), &"running".into()));
    courier.stop(LONG);
    assert_eq!(cursor(directory.path(), "web"), 2);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(directory.path().join("hooks/web.cursor")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn gone_means_that_it_is_not_tried_again() {
    let directory = tempfile::tempdir().unwrap();
    let (base, _arrived) = serve(|number| Some(says(if number == 0 { "410 Gone" } else { "200 OK" }, "")));
    let events = Events::default();
    let (courier, told) = start(webhook(&base), directory.path(), &events);
    events.push(running(1));
    events.push(running(1));
    courier.bell().ring();
    let told: Vec<_> = (0..3).map(|_| told.recv().unwrap().what).collect();
    assert!(matches!(told[1], What::GaveUp { event: EventId(1), attempts: 1, .. }), "{told:?}");
    assert!(matches!(told[2], What::Delivered { event: EventId(2), .. }), "{told:?}");
    drop(courier);
    assert_eq!(cursor(directory.path(), "web"), 2);
}

#[test]
fn a_program_gets_each_event_as_its_input() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out");
    let script = format!("(echo \"$DYNSERVERS_EVENT $DYNSERVERS_FLEET\"; cat; echo) >> {}", out.display());
    let events = Events::default();
    let (courier, told) = start(command(&script), directory.path(), &events);
    events.push(running(3));
    courier.bell().ring();
    wait_for_delivered(&told, 1);
    courier.stop(LONG);
    let out = std::fs::read_to_string(out).unwrap();
    let (first, body) = out.split_once('\n').unwrap();
    assert_eq!(first, "running workers");
    assert_eq!(serde_json::from_str::<serde_json::Value>(body).unwrap()["name"], "web-3");
}

#[test]
fn what_was_not_delivered_before_a_stop_is_delivered_after_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let events = Events::default();
    // Nobody answers: the first courier is stopped in the middle of an attempt.
    let (silent, arrived) = serve(|_| None);
    let (courier, _told) = start(webhook(&silent), directory.path(), &events);
    for server in 0..50 {
        events.push(running(server % 5));
    }
    courier.bell().ring();
    arrived.recv().unwrap();
    courier.stop(Duration::ZERO);
    assert_eq!(cursor(directory.path(), "web"), 0);
    let (base, arrived) = serve(|_| Some(says("200 OK", "")));
    let (courier, told) = start(webhook(&base), directory.path(), &events);
    assert_eq!(wait_for_delivered(&told, 50), (1..=50).collect());
    courier.stop(LONG);
    let mut last = [0; 5];
    for arrived in arrived.try_iter() {
        let body: serde_json::Value = serde_json::from_slice(&arrived.body).unwrap();
        let (id, server) = (body["id"].as_u64().unwrap(), body["server"].as_u64().unwrap() as usize);
        assert!(id > last[server], "the events of a server arrive in order");
        last[server] = id;
    }
    assert_eq!((last, cursor(directory.path(), "web")), ([46, 47, 48, 49, 50], 50));
}

#[test]
fn a_cursor_that_cannot_be_right_is_told_and_begins_at_the_end() {
    for text in ["99\n", "rubbish", ""] {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("hooks")).unwrap();
        std::fs::write(directory.path().join("hooks/command.cursor"), text).unwrap();
        let events = Events::default();
        events.push(resumed());
        let (courier, told) = start(command("exit 0"), directory.path(), &events);
        assert!(matches!(told.recv().unwrap().what, What::Reset { end: EventId(1), .. }));
        assert_eq!(cursor(directory.path(), "command"), 1);
        events.push(resumed());
        courier.bell().ring();
        assert_eq!(wait_for_delivered(&told, 1), [2].into());
    }
}

#[test]
fn a_hook_that_cannot_work_is_refused_at_once() {
    let web = |url| Web::new(url, vec![], LONG).unwrap();
    let target = |url, secret: &str| Target::Webhook { web: web(url), secret: secret.into() };
    let hook = |name, target| Hook::new(name, Filter::default(), target).map(drop).unwrap_err();
    let good = "https://example.com/";
    assert!(matches!(hook("../a", target(good, SECRET)), InvalidHook::Name(_)));
    assert!(matches!(hook("a", target("https://example.com/{id}", SECRET)), InvalidHook::Placeholders(_)));
    assert!(matches!(hook("a", target(good, "short")), InvalidHook::Secret { .. }));
    assert!(matches!(hook("a", Target::Command(Program::new(vec![], LONG))), InvalidHook::Nothing(_)));
    let directory = tempfile::tempdir().unwrap();
    let twice = vec![webhook(good), webhook(good)];
    let place = directory.path();
    let error =
        Courier::start(&fleet(), twice, Limits::default(), place, Events::default(), |_| {}).unwrap_err();
    assert_eq!(error, CourierError::Twice("web".into()));
}

/// Panics the first time it is asked, as nothing should.
#[derive(Debug, Default)]
struct Trap(std::sync::atomic::AtomicBool);

impl Secrets for Trap {
    fn read(&self, _: &Reference) -> Result<SecretString, Failure> {
        assert!(self.0.swap(true, std::sync::atomic::Ordering::Relaxed), "the trap");
        Ok("token".into())
    }
}

#[test]
fn a_delivery_that_panics_is_made_again_and_holds_nothing_up() {
    let (url, arrived) = serve(|_| Some(says("204 No Content", "")));
    let directory = tempfile::tempdir().unwrap();
    let events = Events::default();
    let header = Header::new("x-token", Text::Env { env: "TOKEN".to_owned() });
    let web = Web::new(&url, vec![header], LONG).unwrap().with_secrets(Arc::new(Trap::default()));
    let target = Target::Webhook { web, secret: SECRET.into() };
    let hook = Hook::new("web", Filter::default(), target).unwrap();
    let (courier, told) = start(hook, directory.path(), &events);
    events.push(running(1));
    events.push(running(1));
    courier.bell().ring();
    let What::Failed { event, failure, .. } = told.recv().unwrap().what else { panic!() };
    assert!(event == EventId(1) && failure.message.contains("panicked"), "{failure}");
    assert_eq!(wait_for_delivered(&told, 2), BTreeSet::from([1, 2]));
    courier.stop(LONG);
    assert!(believed(&arrived.recv().unwrap()));
}
