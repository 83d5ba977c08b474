//! Queues in a real `RabbitMQ`, and servers that are none.
//!
//! Where its management plugin is stands in `DYNSERVERS_TEST_RABBITMQ`; `cargo xtask test` starts one by itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test file, helpers included")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dynservers_demand::rabbitmq::{InvalidRabbitMq, Login, Queue, RabbitMq};
use dynservers_demand::{Signal, Source as _, Unknown};
use dynservers_hooks::{Header, InvalidWeb, Web};
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

const LONG: Duration = Duration::from_secs(60);

/// Gives the address without who logs in, and the user and the password.
fn server() -> (String, String, String) {
    let address = std::env::var("DYNSERVERS_TEST_RABBITMQ").unwrap_or_else(|_| {
        panic!("say in DYNSERVERS_TEST_RABBITMQ where a RabbitMQ's management is, as in http://guest:guest@127.0.0.1:15672, or run `cargo xtask test`")
    });
    let (scheme, rest) = address.split_once("://").unwrap();
    let (login, host) = rest.split_once('@').unwrap();
    let (user, password) = login.split_once(':').unwrap();
    (format!("{scheme}://{host}"), user.to_owned(), password.to_owned())
}

fn login() -> Login {
    let (_, user, password) = server();
    Login { username: Some(user.as_str().into()), password: Some(password.as_str().into()) }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Says something to the management plugin.
fn manage(method: Method, path: &str, body: &Value) -> Value {
    use base64::Engine as _;
    let (address, user, password) = server();
    let value = base64::prelude::BASE64_STANDARD.encode(format!("{user}:{password}"));
    let header =
        Header { name: "authorization".into(), before: "Basic ".into(), value: value.as_str().into() };
    let web = Web::new(&format!("{address}/api/{path}"), vec![header], LONG).unwrap();
    let body = body.to_string();
    let json = ("content-type", "application/json");
    let body = (method != Method::GET).then_some(body.as_bytes());
    let answer = web.call(method, None, &[json], body).unwrap();
    assert!((200..300).contains(&answer.status), "{path}: {} {}", answer.status, answer.said);
    serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
}

/// A name that no other test uses, in this run or another on the same server.
fn name(word: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    format!("dynservers-test-{word}-{}-{time}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn queue(name: &str) -> Queue {
    Queue { vhost: "/".to_owned(), name: name.to_owned() }
}

fn source(queues: Vec<Queue>) -> RabbitMq {
    RabbitMq::new(&server().0, login(), queues, LONG).unwrap()
}

/// A queue for one test, gone with it.
struct Declared(Queue);

impl Declared {
    fn new(queue: Queue) -> Self {
        let declared = Self(queue);
        manage(Method::PUT, &declared.path(), &json!({"durable": true}));
        declared
    }

    fn path(&self) -> String {
        format!("queues/{}/{}", encoded(&self.0.vhost), encoded(&self.0.name))
    }

    fn publish(&self, messages: usize) {
        let path = format!("exchanges/{}/amq.default/publish", encoded(&self.0.vhost));
        let message = json!({
            "properties": {}, "routing_key": self.0.name, "payload": "job", "payload_encoding": "string",
        });
        for _ in 0..messages {
            assert_eq!(manage(Method::POST, &path, &message)["routed"], json!(true));
        }
    }

    fn measure(&self) -> Result<Signal, Unknown> {
        source(vec![self.0.clone()]).measure()
    }

    /// Waits until the server's statistics have caught up.
    fn counts(&self, waiting: u64, in_flight: u64) {
        let begun = Instant::now();
        let expected = Ok(Signal { waiting, in_flight, oldest_wait: None });
        while self.measure() != expected {
            assert!(begun.elapsed() < LONG, "{:?}, and not {waiting} and {in_flight}", self.measure());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Declared {
    fn drop(&mut self) {
        manage(Method::DELETE, &self.path(), &Value::Null);
    }
}

/// A consumer that takes messages and acknowledges none, for as long as it lives: as much of AMQP 0-9-1 as that needs.
struct Consumer(TcpStream);

impl Consumer {
    fn new() -> Self {
        let listeners = manage(Method::GET, "overview", &Value::Null)["listeners"].take();
        let amqp =
            listeners.as_array().unwrap().iter().find(|listener| listener["protocol"] == "amqp").unwrap();
        let port = u16::try_from(amqp["port"].as_u64().unwrap()).unwrap();
        let mut consumer = Self(TcpStream::connect(("127.0.0.1", port)).unwrap());
        consumer.0.set_read_timeout(Some(LONG)).unwrap();
        consumer.0.write_all(b"AMQP\0\0\x09\x01").unwrap();
        consumer.expect([10, 10]);
        let (_, user, password) = server();
        let response = format!("\0{user}\0{password}");
        let length = u32::try_from(response.len()).unwrap().to_be_bytes();
        let start: Vec<u8> = [&[0; 4][..], b"\x05PLAIN", &length, response.as_bytes(), b"\x05en_US"].concat();
        consumer.say(0, [10, 11], &start);
        consumer.expect([10, 30]);
        consumer.say(0, [10, 31], &[0, 1, 0, 2, 0, 0, 0, 0]);
        consumer.say(0, [10, 40], b"\x01/\x00\x00");
        consumer.expect([10, 41]);
        consumer.say(1, [20, 10], b"\x00");
        consumer.expect([20, 11]);
        consumer
    }

    fn take(&mut self, queue: &str) {
        let name = [&[u8::try_from(queue.len()).unwrap()], queue.as_bytes()].concat();
        self.say(1, [60, 70], &[&[0, 0][..], &name, &[0]].concat());
        self.expect([60, 71]);
        // What the message says of itself, and the message.
        assert_eq!((self.frame().0, self.frame().0), (2, 3));
    }

    fn say(&mut self, channel: u8, [class, method]: [u8; 2], arguments: &[u8]) {
        let length = u32::try_from(arguments.len() + 4).unwrap().to_be_bytes();
        let frame = [&[1, 0, channel], &length[..], &[0, class, 0, method], arguments, &[0xce]].concat();
        self.0.write_all(&frame).unwrap();
    }

    fn expect(&mut self, [class, method]: [u8; 2]) {
        let (kind, payload) = self.frame();
        assert_eq!((kind, &payload[..4]), (1, &[0, class, 0, method][..]), "{payload:?}");
    }

    fn frame(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 7];
        self.0.read_exact(&mut head).unwrap();
        let mut payload = vec![0; u32::from_be_bytes(head[3..].try_into().unwrap()) as usize + 1];
        self.0.read_exact(&mut payload).unwrap();
        assert_eq!(payload.pop(), Some(0xce));
        (head[0], payload)
    }
}

#[test]
fn what_is_ready_waits_and_what_is_not_acknowledged_is_in_hand() {
    let jobs = Declared::new(queue(&name("jobs")));
    jobs.counts(0, 0);
    jobs.publish(3);
    jobs.counts(3, 0);
    let mut consumer = Consumer::new();
    consumer.take(&jobs.0.name);
    consumer.take(&jobs.0.name);
    jobs.counts(1, 2);
    let more = Declared::new(queue(&name("more")));
    more.publish(1);
    more.counts(1, 0);
    let both = source(vec![jobs.0.clone(), more.0.clone()]).measure().unwrap();
    assert_eq!((both.waiting, both.in_flight), (2, 2), "several queues of one server are added up");
    // Whoever is gone has nothing in hand.
    drop(consumer);
    jobs.counts(3, 0);
}

#[test]
fn a_name_and_a_virtual_host_may_hold_anything() {
    let vhost = format!("{}/%2F ?#ü", name("vhost"));
    let path = format!("vhosts/{}", encoded(&vhost));
    manage(Method::PUT, &path, &json!({}));
    let rights = json!({"configure": ".*", "write": ".*", "read": ".*"});
    manage(Method::PUT, &format!("permissions/{}/{}", encoded(&vhost), server().1), &rights);
    let odd = Declared::new(Queue { vhost: vhost.clone(), name: "a/b c?d=e#{name}&%2Fü\"".to_owned() });
    odd.publish(2);
    odd.counts(2, 0);
    drop(odd);
    manage(Method::DELETE, &path, &Value::Null);
}

#[test]
fn a_queue_that_is_not_there_is_unknown_and_never_empty() {
    let missing = name("missing");
    let told = source(vec![queue(&missing)]).measure().unwrap_err().reason;
    assert!(told.contains(&missing) && told.contains("knows no such queue"), "{told}");
    let elsewhere = Queue { vhost: missing.clone(), name: "jobs".to_owned() };
    let told = source(vec![elsewhere]).measure().unwrap_err().reason;
    assert!(told.contains(&missing) && told.contains("knows no such queue"), "{told}");
    // One that is there does not make up for another that is not.
    let there = Declared::new(queue(&name("there")));
    there.counts(0, 0);
    assert!(source(vec![there.0.clone(), queue(&missing)]).measure().is_err());
    let path = format!("{}/elsewhere", server().0);
    let source = RabbitMq::new(&path, login(), vec![there.0.clone()], LONG).unwrap();
    let told = source.measure().unwrap_err().reason;
    assert!(told.contains("status 4") && !told.contains("no such queue"), "{told}");
}

#[test]
fn a_wrong_password_is_told_and_not_shown_and_the_right_one_is_read_anew() {
    let jobs = Declared::new(queue(&name("closed")));
    jobs.counts(0, 0);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    std::fs::write(&file, "wrong-secret").unwrap();
    let password = dynservers_http::Reference::File(file.clone()).into();
    let login = Login { password: Some(password), ..login() };
    let source = RabbitMq::new(&server().0, login, vec![jobs.0.clone()], LONG).unwrap();
    let told = source.measure().unwrap_err().reason;
    assert!(told.contains("status 401") && !told.contains("secret"), "{told}");
    assert!(!format!("{source:?}").contains("secret"));
    std::fs::write(&file, server().2).unwrap();
    assert_eq!(source.measure(), Ok(Signal::default()));
    std::fs::remove_file(&file).unwrap();
    let told = source.measure().unwrap_err().reason;
    assert!(told.contains("cannot be read"), "{told}");
}

/// Gives the address of something that takes one connection after another and does this with each.
fn served(mut serve: impl FnMut(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || listener.incoming().flatten().for_each(&mut serve));
    address
}

/// Gives the address of something that answers every request so.
fn answering(status: &'static str, body: &'static str) -> String {
    served(move |mut stream| {
        let _ = stream.read(&mut [0; 4_096]);
        let head =
            format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        let _ = stream.write_all(format!("{head}{body}").as_bytes());
    })
}

fn measured(address: &str, timeout: Duration) -> Result<Signal, Unknown> {
    let queues = vec![queue("jobs"), queue("mail")];
    RabbitMq::new(address, login(), queues, timeout).unwrap().measure()
}

#[test]
fn what_is_no_count_is_unknown_in_time_and_never_zero() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let dead = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert!(measured(&dead, LONG).is_err());
    let hung = measured(&served(std::mem::forget), Duration::from_millis(200)).unwrap_err().reason;
    assert!(hung.contains("did not answer within"), "{hung}");
    assert!(measured(&served(drop), LONG).is_err());

    let well = "{\"messages_ready\":2,\"messages_unacknowledged\":1,\"state\":\"running\"}";
    assert_eq!(measured(&answering("200 OK", well), LONG).map(|signal| signal.work()), Ok(6));
    for (status, body, words) in [
        // So a queue is told of that was declared just now, or where statistics are disabled.
        ("200 OK", "{\"state\":\"live\"}", "no statistics"),
        ("200 OK", "{\"messages_ready\":2}", "no statistics"),
        ("200 OK", "{\"messages_ready\":-1,\"messages_unacknowledged\":0}", "messages_ready is -1"),
        (
            "200 OK",
            "{\"messages_ready\":1,\"messages_unacknowledged\":\"0\"}",
            "messages_unacknowledged is \"0\"",
        ),
        ("200 OK", "{\"messages_ready\":1,\"messages_unacknowledged\":0,\"state\":\"down\"}", "it is down"),
        ("200 OK", "[]", "no statistics"),
        ("200 OK", "<html>", "no JSON"),
        ("404 Not Found", "{\"error\":\"no such page\"}", "status 404"),
        ("404 Not Found", "<html>", "status 404"),
        ("503 Service Unavailable", "{}", "status 503"),
        ("302 Found", "{}", "status 302"),
    ] {
        let told = measured(&answering(status, body), LONG).expect_err(body).reason;
        assert!(told.contains(words), "{status} {body}: {told}");
    }
}

#[test]
fn all_queues_together_have_one_deadline() {
    let slow = served(|mut stream| {
        let _ = stream.read(&mut [0; 4_096]);
        // One byte after another, and never the last.
        std::thread::spawn(move || while stream.write_all(b"H").is_ok() {});
    });
    let begun = Instant::now();
    assert!(measured(&slow, Duration::from_millis(300)).is_err());
    assert!(begun.elapsed() < LONG);
}

#[test]
fn addresses_that_give_something_away_are_refused() {
    let make = |address: &str, queues| RabbitMq::new(address, Login::default(), queues, LONG).map(drop);
    let one = || vec![queue("jobs")];
    for address in ["http://rabbit.example:15672", "http://10.0.0.1:15672"] {
        let refused = make(address, one());
        assert!(matches!(refused, Err(InvalidRabbitMq::Web(InvalidWeb::Plain { .. }))), "{refused:?}");
    }
    for address in ["http://me:hunter2@127.0.0.1", "amqp://127.0.0.1"] {
        let refused = make(address, one());
        assert!(matches!(refused, Err(InvalidRabbitMq::Web(InvalidWeb::Url { .. }))), "{refused:?}");
        assert!(!refused.unwrap_err().to_string().contains("hunter2"));
    }
    assert_eq!(make("http://127.0.0.1:15672/?a=b", one()), Err(InvalidRabbitMq::Address));
    for address in ["https://rabbit.example/management/", "http://127.0.0.1:15672", "http://localhost:15672/"]
    {
        assert_eq!(make(address, one()), Ok(()), "{address}");
    }
    assert_eq!(make("http://127.0.0.1", Vec::new()), Err(InvalidRabbitMq::NoQueues));
    assert_eq!(make("http://127.0.0.1", vec![queue("")]), Err(InvalidRabbitMq::Name));
}
