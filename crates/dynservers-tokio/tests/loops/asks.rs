//! Questions to workers: each has one answer, few are out at once, and none holds up the loop.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};

use dynservers_core::{Answer, Ask, Asker, Demand, Question, Subject};

use super::rig::{ANSWER, Rig, Setting, command, persist, provider, reply, server_type, until};
use super::*;

/// Holds every question until the test lets all of them go.
#[derive(Default)]
struct Held {
    is_open: Mutex<bool>,
    opened: Condvar,
    waiting: AtomicUsize,
    most: AtomicUsize,
}

impl Held {
    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

impl Asker for Held {
    fn ask(&self, ask: &Ask) -> Answer {
        assert!(ask.server != ServerId(13), "a secret");
        let waiting = self.waiting.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(waiting, Ordering::SeqCst);
        let is_open = self.is_open.lock().unwrap();
        drop(self.opened.wait_while(is_open, |is_open| !*is_open).unwrap());
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        Answer::Busy { score: Some(ask.server.0) }
    }
}

fn ask(server: u64) -> Output {
    let subject = Subject {
        server_type: server_type(),
        name: "worker".into(),
        provider: provider(),
        provider_id: None,
        addresses: Vec::new(),
    };
    Output::Ask(Box::new(Ask { server: ServerId(server), question: Question::Score, subject }))
}

fn answers(rig: &Rig) -> Vec<(u64, Answer)> {
    let seen = rig.seen().into_iter();
    let mut answers: Vec<_> = seen
        .filter_map(|input| match input {
            Input::Answered { server, question: Question::Score, answer } => Some((server.0, answer)),
            _ => None,
        })
        .collect();
    answers.sort_by_key(|(server, _)| *server);
    answers
}

fn asking(held: &Arc<Held>, servers: std::ops::RangeInclusive<u64>) -> Rig {
    let setting = Setting { asker: Some(Arc::clone(held) as Arc<dyn Asker>), ..Setting::default() };
    Rig::set(setting, move |input, _| match input {
        Input::Command(given) if *given == command(1) => servers.clone().map(ask).collect(),
        Input::Command(given) => vec![persist(1), reply(&given.id)],
        _ => Vec::new(),
    })
}

#[tokio::test]
async fn each_question_has_one_answer_and_few_are_out_at_once() {
    let held = Arc::new(Held::default());
    let rig = asking(&held, 20..=60);
    let _call = rig.command(1);
    until(|| held.waiting.load(Ordering::SeqCst) == 16).await;
    assert_eq!(rig.command(2).await.unwrap(), ANSWER, "whoever waits for a worker holds up nobody");
    assert_eq!(answers(&rig), []);
    held.open();
    until(|| answers(&rig).len() == 41).await;
    assert_eq!(answers(&rig), (20..=60).map(|id| (id, Answer::Busy { score: Some(id) })).collect::<Vec<_>>());
    assert_eq!(held.most.load(Ordering::SeqCst), 16);
    rig.allow_write.send(()).unwrap();
    rig.handle.shutdown().await;
    assert_eq!(answers(&rig).len(), 41);
}

#[tokio::test]
async fn a_question_that_panics_is_silence_and_its_words_stay_here() {
    let held = Arc::new(Held::default());
    held.open();
    let rig = asking(&held, 12..=14);
    let _call = rig.command(1);
    until(|| answers(&rig).len() == 3).await;
    let silent = Answer::Silent(Failure::new("asking the worker panicked"));
    assert_eq!(answers(&rig)[1], (13, silent));
}

#[tokio::test]
async fn a_shutdown_waits_for_no_worker() {
    let held = Arc::new(Held::default());
    let rig = asking(&held, 20..=22);
    let _call = rig.command(1);
    until(|| held.waiting.load(Ordering::SeqCst) == 3).await;
    rig.handle.shutdown().await;
    assert_eq!(rig.running.await.unwrap(), Ok(()));
    held.open();
}

#[tokio::test]
async fn a_measurement_reaches_the_machine() {
    let rig = Rig::new(|_, _| Vec::new());
    let demand =
        Demand::known(server_type(), "queue", dynservers_core::Signal { waiting: 7, ..Default::default() });
    rig.handle.demand(demand.clone()).await.unwrap();
    rig.until_seen(1).await;
    assert_eq!(rig.seen(), [Input::Demand(demand.clone())]);
    rig.handle.shutdown().await;
    assert_eq!(rig.handle.demand(demand).await, Err(Stopped));
}
