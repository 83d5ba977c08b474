//! Workers with a job in hand: whoever drains them waits for it, past its own death, and calls them back when work returns.
//!
//! A worker's jobs are a number in the file `jobs/ID`, where ID is the provider's id of its server; who is asked what is
//! told by `asked`, or by what the web address was asked.

use std::fs;
use std::path::Path;

use dynservers_tests::{Fleet, Receiver, Request, eventually, is_alive};
use serde_json::json;

/// Says what was asked, and answers from the file of the server's jobs.
const ASK: &str = r#"#!/bin/sh
echo "$DYNSERVERS_QUESTION $DYNSERVERS_SERVER_PROVIDER_ID ${DYNSERVERS_DEADLINE:--}" >> asked
jobs=$(cat "jobs/$DYNSERVERS_SERVER_PROVIDER_ID" 2>/dev/null || echo 0)
echo "$jobs"
[ "$DYNSERVERS_QUESTION" = drain ] && [ "$jobs" -gt 0 ] && exit 75
exit 0
"#;

const BY_PROGRAM: &str = "drain = { command = [\"./ask\"], timeout = \"5s\" }\ndrain_interval = \"100ms\"\n";

/// One fleet whose workers are asked by a program, or by an address that says the same.
struct Drained {
    fleet: Fleet,
    receiver: Option<Receiver>,
}

impl Drained {
    fn by_program(server_type: &str) -> Self {
        Self::new(&format!("{BY_PROGRAM}{server_type}"), None)
    }

    fn by_web(server_type: &str) -> Self {
        let receiver = Receiver::start(|_| (503, String::new()));
        let url = receiver.url();
        let drain = format!("drain = {{ http = \"{url}/{{provider_id}}\" }}\ndrain_interval = \"100ms\"\n");
        Self::new(&format!("{drain}{server_type}"), Some(receiver))
    }

    fn new(server_type: &str, receiver: Option<Receiver>) -> Self {
        let mut fleet = Fleet::local(&format!("max = 6\n{server_type}"));
        fleet.script("ask", ASK);
        fs::create_dir(fleet.path().join("jobs")).expect("the directory is ours");
        if let Some(receiver) = &receiver {
            let jobs = fleet.path().join("jobs");
            receiver.answer(move |request| answer(&jobs, request));
        }
        fleet.start();
        Self { fleet, receiver }
    }

    fn set_jobs(&self, id: &str, jobs: u32) {
        fs::write(self.fleet.path().join("jobs").join(id), jobs.to_string()).expect("the directory is ours");
    }

    /// Gives the deadlines with which a server was told so, in order; an empty one where none belongs.
    fn asked(&self, question: &str, id: &str) -> Vec<String> {
        if let Some(receiver) = &self.receiver {
            let method = if question == "drain" { "POST" } else { "DELETE" };
            let requests = receiver.requests().into_iter();
            let requests =
                requests.filter(|request| request.method == method && request.path == format!("/{id}"));
            return requests
                .map(|request| request.header("dynservers-deadline").unwrap_or("-").to_owned())
                .collect();
        }
        let asked = fs::read_to_string(self.fleet.path().join("asked")).unwrap_or_default();
        let words = asked.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        words
            .filter(|words| words[0] == question && words[1] == id)
            .map(|words| words[2].to_owned())
            .collect()
    }

    fn draining(&self) -> Vec<String> {
        let list = self.fleet.list();
        let draining = list.iter().filter(|server| server["status"] == "draining");
        draining.filter_map(|server| server["provider_id"].as_str().map(str::to_owned)).collect()
    }

    /// Waits until one server drains, and gives its id.
    fn one_drains(&self) -> String {
        eventually("a server drains", || {
            let draining = self.draining();
            (draining.len() == 1).then(|| draining[0].clone())
        })
    }

    fn worker(&self, id: &str) -> i32 {
        let place = self.fleet.path().join("dynservers.local/servers").join(id).join("root/pid");
        fs::read_to_string(place).expect("it lives").trim().parse().expect("a number")
    }

    /// Waits until a server was told so a few times more.
    fn told_again(&self, question: &str, id: &str) {
        let enough = self.asked(question, id).len() + 3;
        eventually("it is asked again", || (self.asked(question, id).len() >= enough).then_some(()));
    }

    /// Everybody has a job in hand.
    fn all_busy(&self) {
        for id in self.fleet.running() {
            self.set_jobs(&id, 1);
        }
    }
}

/// What a worker's own small web server says.
fn answer(jobs: &Path, request: &Request) -> (u16, String) {
    let text = fs::read_to_string(jobs.join(request.path.trim_start_matches('/'))).unwrap_or_default();
    let jobs: u32 = text.parse().unwrap_or_default();
    match request.method.as_str() {
        "POST" if jobs > 0 => (202, jobs.to_string()),
        "POST" | "DELETE" => (204, String::new()),
        "GET" => (200, format!("{{\"busy\": {jobs}}}")),
        _ => (405, String::new()),
    }
}

fn scale_in_waits_for_the_job(drained: &Drained) {
    let fleet = &drained.fleet;
    fleet.reach(2);
    let begun = fleet.at_work(2);
    drained.all_busy();
    fleet.ensure(1);
    let id = drained.one_drains();
    let worker = drained.worker(&id);
    drained.told_again("drain", &id);
    assert!(begun.iter().all(|worker| is_alive(*worker)), "a worker with a job in hand was stopped");
    let shown = fleet.must(&["list"]);
    assert!(
        shown.contains("draining") && shown.contains("when its worker is done, at the latest in"),
        "{shown}"
    );
    let plan = fleet.must(&["plan"]);
    assert!(plan.contains("drain ") && plan.contains("when its worker is done"), "{plan}");
    assert_eq!(fleet.events("stopping"), 0);
    drained.set_jobs(&id, 0);
    fleet.settles_at(1);
    assert!(!is_alive(worker));
    assert_eq!(begun.iter().filter(|worker| is_alive(**worker)).count(), 1);
    drained.all_busy();
    fleet.ensure(0);
    let last = drained.one_drains();
    drained.set_jobs(&last, 0);
    fleet.vanishes();
}

fn the_deadline_outlives_the_daemon(drained: &mut Drained) {
    drained.fleet.reach(1);
    drained.all_busy();
    drained.fleet.ensure(0);
    let id = drained.one_drains();
    let worker = drained.worker(&id);
    drained.told_again("drain", &id);
    drained.fleet.kill();
    let before = drained.asked("drain", &id).len();
    drained.fleet.start();
    drained.told_again("drain", &id);
    let deadlines = drained.asked("drain", &id);
    assert!(deadlines.len() > before && deadlines.iter().all(|deadline| *deadline == deadlines[0]));
    assert!(deadlines[0].parse::<u64>().is_ok(), "{deadlines:?}");
    assert!(is_alive(worker), "the restart stopped a worker with a job in hand");
    drained.set_jobs(&id, 0);
    drained.fleet.vanishes();
}

fn demand_that_returns_calls_it_back(drained: &Drained) {
    let fleet = &drained.fleet;
    fleet.reach(2);
    let begun = fleet.at_work(2);
    drained.all_busy();
    fleet.ensure(1);
    let id = drained.one_drains();
    drained.told_again("drain", &id);
    fleet.reach(2);
    fleet.settles_at(2);
    eventually("it is told that it goes on", || (!drained.asked("undrain", &id).is_empty()).then_some(()));
    assert_eq!(fleet.at_work(2), begun);
    assert_eq!((fleet.events("creating"), fleet.events("stopping")), (2, 0));
    for id in fleet.running() {
        drained.set_jobs(&id, 0);
    }
    fleet.reach(0);
    fleet.vanishes();
}

#[test]
fn a_program_says_when_a_worker_is_done() {
    scale_in_waits_for_the_job(&Drained::by_program(""));
}

#[test]
fn a_web_address_says_when_a_worker_is_done() {
    scale_in_waits_for_the_job(&Drained::by_web(""));
}

#[test]
fn the_deadline_told_by_a_program_outlives_the_daemon() {
    the_deadline_outlives_the_daemon(&mut Drained::by_program(""));
}

#[test]
fn the_deadline_told_by_a_web_address_outlives_the_daemon() {
    the_deadline_outlives_the_daemon(&mut Drained::by_web(""));
}

#[test]
fn demand_that_returns_calls_a_worker_back_by_a_program() {
    demand_that_returns_calls_it_back(&Drained::by_program(""));
}

#[test]
fn demand_that_returns_calls_a_worker_back_by_a_web_address() {
    demand_that_returns_calls_it_back(&Drained::by_web(""));
}

#[test]
fn a_job_that_outlasts_the_deadline_is_not_waited_for() {
    let drained = Drained::by_program("drain_deadline = \"1s\"\n");
    drained.fleet.reach(1);
    drained.all_busy();
    drained.fleet.reach(0);
    drained.fleet.vanishes();
    assert_eq!(drained.fleet.events("draining"), 1);
}

#[test]
fn a_question_that_is_not_answered_is_no_permission() {
    let drained = Drained::by_web("");
    drained.fleet.reach(1);
    let worker = drained.fleet.at_work(1)[0];
    for silence in [404, 500, 0] {
        let receiver = drained.receiver.as_ref().expect("it is asked by the web");
        receiver.answer(move |_| (silence, "<html>not here</html>".to_owned()));
        drained.fleet.ensure(0);
        let id = drained.one_drains();
        drained.told_again("drain", &id);
        assert!(is_alive(worker), "stopped after {silence}");
        drained.fleet.reach(1);
    }
    let receiver = drained.receiver.as_ref().expect("it is asked by the web");
    receiver.answer(|_| (410, String::new()));
    drained.fleet.ensure(0);
    drained.fleet.vanishes();
}

#[test]
fn of_many_the_idle_one_goes() {
    let drained = Drained::by_program("busy = { command = [\"./ask\"] }\n");
    drained.fleet.reach(3);
    let ids = drained.fleet.running();
    drained.fleet.at_work(3);
    for (id, jobs) in ids.iter().zip([5, 0, 2]) {
        drained.set_jobs(id, jobs);
    }
    drained.fleet.reach(2);
    drained.fleet.settles_at(2);
    assert_eq!(drained.fleet.running(), [ids[0].clone(), ids[2].clone()]);
    for id in &ids {
        drained.set_jobs(id, 0);
    }
    drained.fleet.reach(0);
    drained.fleet.vanishes();
}

#[test]
fn a_protected_one_stays_until_it_is_not() {
    let drained = Drained::by_program("");
    let fleet = &drained.fleet;
    fleet.reach(2);
    let (ids, begun) = (fleet.running(), fleet.at_work(2));
    let number = |id: &str| fleet.row(id).expect("it is there")["id"].clone();
    let path = format!("/v1/servers/{}/protection", number(&ids[0]));
    let (status, told) = fleet.say("PUT", &path, &json!(null));
    assert_eq!(status, 200, "{told}");
    let protected = drained.worker(&ids[0]);
    fleet.ensure(0);
    fleet.settles_at(1);
    fleet.looks(2);
    assert_eq!((fleet.running(), is_alive(protected)), (vec![ids[0].clone()], true));
    assert!(drained.asked("drain", &ids[0]).is_empty(), "it was told to drain");
    let (status, told) = fleet.say("DELETE", &path, &json!(null));
    assert_eq!(status, 200, "{told}");
    fleet.vanishes();
    assert!(!begun.iter().any(|worker| is_alive(*worker)));
}

/// Finishes its job when it is asked to end, and says that it did.
const FINISHES: &str = r#"#!/bin/sh
trap 'while [ -e job ]; do sleep 0.05; done; echo done >> "$DONE"; exit 0' TERM
touch job
echo $$ > pid.new && mv pid.new pid
while :; do sleep 1; done
"#;

#[test]
fn a_worker_that_is_only_stopped_has_its_time_to_finish_too() {
    let mut fleet = Fleet::local("max = 2");
    let done = fleet.path().join("done");
    fleet.script("worker/start", FINISHES);
    fleet.reconfigure(|text| {
        text.replace("stop_timeout = \"5s\"", "stop_timeout = \"10m\"")
            .replace("max = 2", &format!("max = 2\nenv = {{ DONE = \"{}\" }}", done.display()))
    });
    fleet.start();
    fleet.reach(1);
    let worker = fleet.at_work(1)[0];
    fleet.ensure(0);
    eventually("it is being stopped", || (fleet.count("stopping") == 1).then_some(()));
    fleet.kill();
    fleet.start();
    fleet.looks(2);
    assert!(is_alive(worker) && !done.exists(), "its time was cut short");
    fs::remove_file(fleet.places()[0].join("root/job")).expect("the job is there");
    fleet.vanishes();
    assert_eq!(fs::read_to_string(done).expect("it finished"), "done\n");
}
