//! Workers are asked by programs and web addresses, and no silence is taken for an answer.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test file, helpers included")]

mod server;

use std::time::Duration;

use dynservers_core::{
    Address, Answer, Ask, Asker as _, Network, ProviderId, ProviderName, Question, ServerId, Subject, Time,
    TypeName,
};
use dynservers_hooks::ask::{Form, Worker, Workers};
use dynservers_hooks::{Program, Web};
use server::{says, serve};

const LONG: Duration = Duration::from_secs(60);
const DRAIN: Question = Question::Drain { deadline: Time::from_millis(1_700_000_000_999) };

fn ask(question: Question) -> Ask {
    let address = |network, address: &str| Address { network, address: address.into() };
    let subject = Subject {
        server_type: TypeName::new("web").unwrap(),
        name: "web-7".into(),
        provider: ProviderName::new("cloud").unwrap(),
        provider_id: Some(ProviderId::new("id-7").unwrap()),
        addresses: vec![address(Network::Public, "192.0.2.7"), address(Network::Private, "127.0.0.1")],
    };
    Ask { server: ServerId(7), question, subject }
}

fn workers(form: Form) -> Workers {
    let worker = Worker { drain: Some(form.clone()), busy: Some(form), networks: Vec::new() };
    Workers::new([(TypeName::new("web").unwrap(), worker)].into())
}

fn shell(script: &str) -> Form {
    Form::command(Program::new(["/bin/sh", "-c", script].map(str::to_owned).into(), LONG)).unwrap()
}

fn busy(score: impl Into<Option<u64>>) -> Answer {
    Answer::Busy { score: score.into() }
}

fn is_silent(answer: &Answer) -> bool {
    matches!(answer, Answer::Silent(_))
}

#[test]
fn a_program_answers_by_its_code_and_what_it_prints() {
    for (script, question, expected) in [
        ("exit 0", DRAIN, Answer::Done),
        ("echo all done", DRAIN, Answer::Done),
        ("exit 0", Question::Undrain, Answer::Done),
        ("exit 0", Question::Score, Answer::Done),
        ("echo 0", Question::Score, Answer::Done),
        ("echo 3", Question::Score, busy(3)),
        ("echo '{\"busy\": 4}'", Question::Score, busy(4)),
        ("exit 75", DRAIN, busy(None)),
        ("echo 2; exit 75", DRAIN, busy(2)),
        ("echo still at it; exit 75", DRAIN, busy(None)),
        ("exit 69", DRAIN, Answer::Gone),
        ("exit 69", Question::Score, Answer::Gone),
    ] {
        assert_eq!(workers(shell(script)).ask(&ask(question)), expected, "{script}");
    }
    for (script, question) in [
        ("exit 1", DRAIN),
        ("exit 127", Question::Undrain),
        ("kill -9 $$", DRAIN),
        ("echo many", Question::Score),
        ("echo -1", Question::Score),
        ("echo 1.5", Question::Score),
        ("cat /dev/zero", Question::Score),
    ] {
        assert!(is_silent(&workers(shell(script)).ask(&ask(question))), "{script}");
    }
}

#[test]
fn a_program_is_told_what_it_is_asked() {
    let script = "[ \"$DYNSERVERS_QUESTION $DYNSERVERS_SERVER_ID $DYNSERVERS_SERVER_NAME $DYNSERVERS_SERVER_TYPE \
                  $DYNSERVERS_SERVER_ADDRESS $DYNSERVERS_SERVER_PROVIDER_ID $DYNSERVERS_DEADLINE\" = \
                  'drain 7 web-7 web 127.0.0.1 id-7 1700000000' ] && [ {name}-{id} = web-7-7 ]";
    assert_eq!(workers(shell(script)).ask(&ask(DRAIN)), Answer::Done);
}

#[test]
fn a_web_address_answers_by_its_status_and_its_body() {
    for (status, body, question, expected) in [
        ("200 OK", "whatever", DRAIN, Answer::Done),
        ("204 No Content", "", Question::Undrain, Answer::Done),
        ("204 No Content", "", Question::Score, Answer::Done),
        ("200 OK", "0", Question::Score, Answer::Done),
        ("200 OK", "5\n", Question::Score, busy(5)),
        ("200 OK", "{\"busy\":6}", Question::Score, busy(6)),
        ("202 Accepted", "{\"busy\":2}", DRAIN, busy(2)),
        ("409 Conflict", "", DRAIN, busy(None)),
        ("503 Service Unavailable", "<html>", DRAIN, busy(None)),
        ("410 Gone", "", DRAIN, Answer::Gone),
    ] {
        let (base, arrived) = serve(move |_| Some(says(status, body)));
        let port = base.rsplit_once(':').unwrap().1;
        let web = Web::over_plain_http(&format!("http://{{address}}:{port}/{{type}}"), vec![], LONG).unwrap();
        assert_eq!(workers(web.into()).ask(&ask(question)), expected, "{status}");
        let arrived = arrived.recv().unwrap();
        let (method, deadline) = match question {
            Question::Drain { .. } => ("POST", Some("1700000000")),
            Question::Undrain => ("DELETE", None),
            Question::Score => ("GET", None),
        };
        assert_eq!(arrived.line, format!("{method} /web HTTP/1.1"));
        assert_eq!(arrived.header("dynservers-deadline"), deadline);
    }
    for (status, body, question) in [
        ("404 Not Found", "", DRAIN),
        ("500 Internal Server Error", "", DRAIN),
        ("302 Found", "", Question::Undrain),
        ("200 OK", "many", Question::Score),
        ("200 OK", "{}", Question::Score),
    ] {
        let (base, _arrived) = serve(move |_| Some(says(status, body)));
        let web = Web::new(&base, vec![], LONG).unwrap();
        assert!(is_silent(&workers(web.into()).ask(&ask(question))), "{status}");
    }
}

#[test]
fn who_cannot_be_asked_is_silent() {
    let nobody = Workers::default().ask(&ask(DRAIN));
    assert!(is_silent(&nobody), "{nobody:?}");
    let web = Web::over_plain_http("http://{address}:1/", vec![], LONG).unwrap();
    let worker = Worker { drain: Some(web.into()), busy: None, networks: vec![Network::Utility] };
    let workers = Workers::new([(TypeName::new("web").unwrap(), worker)].into());
    let Answer::Silent(failure) = workers.ask(&ask(DRAIN)) else { panic!("there is no such address") };
    assert!(failure.message.contains("no address yet"), "{failure}");
    assert!(is_silent(&workers.ask(&ask(Question::Score))));
}

#[test]
fn a_placeholder_that_does_not_exist_is_refused_at_once() {
    let error = Form::command(Program::new(vec!["a".into(), "{hostname}".into()], LONG)).unwrap_err();
    assert!(error.to_string().contains("no placeholder {hostname}"), "{error}");
    assert!(Form::command(Program::new(vec![], LONG)).is_err());
}
