//! The loop against a scripted machine: what is carried out, in which order, and what comes back.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are tests; the lint excuses only the functions marked so"
)]

mod asks;
mod reload;
mod rig;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, mpsc};

use dynservers_core::{
    AsyncExecutor, Command, Completion, Config, EventId, Failure, Input, NoAsker, Outcome, Output, Prepare,
    Prepared, ProviderConfig, ProviderName, Refusal, Seq, ServerId, Spec, Time, TypeConfig,
};
use tokio::task::JoinHandle;

use self::rig::*;
use dynservers_tokio::{
    EventsError, FleetClock, Hands, Host, Parts, PrepareFn, RecvError, RunError, StartError, Stopped, start,
};

#[tokio::test]
async fn a_command_is_answered_once_it_is_durable_and_not_before() {
    let rig = Rig::new(recorder());
    let answer = rig.command(1);
    rig.until_seen(1).await;
    assert_eq!(rig.handle.view().await.unwrap().fleet, fleet(), "a write holds up nobody who only asks");
    assert!(!answer.is_finished());
    rig.allow_write.send(()).unwrap();
    assert_eq!(answer.await.unwrap(), ANSWER);
    assert_eq!(rig.seen(), [Input::Command(command(1)), Input::Persisted(Seq(1))]);
}

#[tokio::test]
async fn writes_follow_each_other_in_order() {
    let rig = Rig::new(recorder());
    let answers: Vec<_> = (1..=20).map(|number| rig.command(number)).collect();
    (1..=20).for_each(|_| rig.allow_write.send(()).unwrap());
    for answer in answers {
        assert_eq!(answer.await.unwrap(), ANSWER);
    }
    assert_eq!(*rig.written.lock().unwrap(), (1..=20).map(Seq).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_the_loop_does_is_counted_and_read_past_it() {
    let rig = Rig::new(recorder());
    let answer = rig.command(1);
    rig.allow_write.send(()).unwrap();
    assert_eq!(answer.await.unwrap(), ANSWER);
    let counted = rig.handle.metrics();
    assert_eq!(counted.writes.count(), 1);
    assert!(counted.turns.count() >= 2, "one until the command, one until its write: {counted:?}");
}

#[tokio::test]
async fn everything_that_waits_is_handed_in_before_anything_is_carried_out() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::new(Mutex::new(0));
    let prepare: Arc<PrepareFn> = {
        let (seen, told) = (Arc::clone(&seen), Arc::clone(&told));
        Arc::new(move |_, name| {
            seen.lock().unwrap().push((name.to_owned(), *told.lock().unwrap()));
            Err(Failure::new("no user data"))
        })
    };
    let setting = Setting { prepare: Some(prepare), ..Setting::default() };
    let rig = Rig::set(setting, move |input, _| match input {
        Input::Command(_) => {
            *told.lock().unwrap() += 1;
            vec![Output::Prepare(Prepare { server: ServerId(7), server_type: server_type() })]
        }
        _ => Vec::new(),
    });
    // The loop is spawned and has not run yet: a test's runtime has one thread.
    let calls: Vec<_> = (1..=5).map(|number| rig.command(number)).collect();
    rig.until_seen(10).await;
    let first = seen.lock().unwrap()[0].clone();
    assert_eq!(first, ("dynamic-server-default-7".to_owned(), 5));
    let refused = Input::Prepared { server: ServerId(7), result: Err(Failure::new("no user data")) };
    assert_eq!(rig.seen()[5..], vec![refused; 5]);
    calls.iter().for_each(JoinHandle::abort);
}

#[tokio::test]
async fn what_is_prepared_is_handed_back() {
    let prepare: Arc<PrepareFn> = Arc::new(|_, name| {
        Ok(Prepared { name: name.to_owned(), spec: Arc::new(Spec::new(serde_json::json!({}))) })
    });
    let rig = Rig::set(Setting { prepare: Some(prepare), ..Setting::default() }, |input, _| match input {
        Input::Command(_) => {
            vec![Output::Prepare(Prepare { server: ServerId(7), server_type: server_type() })]
        }
        _ => Vec::new(),
    });
    let _call = rig.command(1);
    rig.until_seen(2).await;
    let Input::Prepared { result: Ok(prepared), .. } = rig.seen().remove(1) else {
        panic!("{:?}", rig.seen())
    };
    assert_eq!(prepared.name, "dynamic-server-default-7");
}

#[tokio::test]
async fn a_command_given_twice_is_told_once_and_answered_twice() {
    let rig = Rig::new(recorder());
    let (one, two) = (rig.command(1), rig.command(1));
    rig.until_seen(1).await;
    let other = Command { id: command(1).id, action: command(2).action };
    assert_eq!(rig.give(other).await.unwrap(), Ok(Err(Refusal::KeyReused)));
    rig.allow_write.send(()).unwrap();
    assert_eq!((one.await.unwrap(), two.await.unwrap()), (ANSWER, ANSWER));
    assert_eq!(rig.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn every_effect_ends_in_one_completion() {
    let rig = Rig::new(|input, _| match input {
        Input::Command(_) => {
            let elsewhere = ProviderName::new("elsewhere").unwrap();
            vec![
                execute(1, provider()),
                execute(PANICS, provider()),
                execute(HANGS, provider()),
                execute(4, elsewhere),
            ]
        }
        _ => Vec::new(),
    });
    let _call = rig.command(1);
    let lost = |message: &str| Completion::from(Outcome::Lost(Failure::new(message)));
    rig.hands.0.add_permits(1);
    assert_eq!(rig.completion(1).await, Outcome::Accepted.into());
    assert_eq!(rig.completion(PANICS).await, lost("the executor panicked"));
    let nobody = Failure::new("there is no executor for provider elsewhere");
    assert_eq!(rig.completion(4).await, Outcome::Unsent(nobody).into());
    assert_eq!(rig.completion(HANGS).await, lost("the executor gave no answer in time"));
    let deadline = Time::from_millis(1000) + ProviderConfig::default().request_timeout;
    assert!(rig.clock.now() >= deadline, "it might have been answered until then");
    assert_eq!(rig.seen().len(), 5);
    let counted = rig.handle.metrics().effects;
    let outcomes: Vec<_> = counted.iter().map(|(kind, took)| (kind.outcome, took.count())).collect();
    assert_eq!(outcomes, [("accepted", 1), ("lost", 2), ("unsent", 1)]);
}

#[tokio::test]
async fn a_write_that_fails_ends_the_loop_and_lets_the_store_go() {
    let rig = Rig::set(Setting { fails_at: Some(Seq(2)), ..Setting::default() }, recorder());
    let (one, two) = (rig.command(1), rig.command(2));
    rig.allow_write.send(()).unwrap();
    assert_eq!(one.await.unwrap(), ANSWER);
    rig.allow_write.send(()).unwrap();
    assert_eq!(rig.running.await.unwrap(), Err(RunError::Store(io_error())));
    assert_eq!(two.await.unwrap(), Err(Stopped));
    assert_eq!(Arc::strong_count(&rig.open), 1);
    assert_eq!(rig.handle.command(command(3)).await, Err(Stopped));
    assert_eq!(rig.handle.events(EventId(0), 1).await, Err(EventsError::Stopped(Stopped)));
}

#[tokio::test]
async fn a_loop_that_is_dropped_leaves_nobody_waiting_and_lets_the_store_go() {
    let rig = Rig::new(|input, _| match input {
        Input::Command(_) => vec![persist(1), execute(1, provider())],
        _ => Vec::new(),
    });
    let call = rig.command(1);
    rig.until_seen(1).await;
    rig.running.abort();
    assert_eq!(call.await.unwrap(), Err(Stopped));
    rig.handle.shutdown().await;
    rig.allow_write.send(()).unwrap();
    until(|| Arc::strong_count(&rig.open) == 1).await;
    assert_eq!(*rig.written.lock().unwrap(), [Seq(1)], "a write that has begun is not torn");
    until(|| Arc::strong_count(&rig.hands) == 1).await;
}

#[tokio::test]
async fn a_shutdown_waits_for_what_is_in_flight_and_records_it() {
    let rig = Rig::new(|input, _| match input {
        Input::Command(_) => vec![execute(1, provider())],
        Input::Completed { .. } => vec![persist(1)],
        _ => Vec::new(),
    });
    let _call = rig.command(1);
    rig.until_seen(1).await;
    let handle = rig.handle.clone();
    let shutdown = tokio::spawn(async move { handle.shutdown().await });
    rig.until_seen(2).await;
    assert_eq!(rig.seen()[1], Input::Shutdown);
    assert!(!shutdown.is_finished() && !rig.running.is_finished());
    rig.hands.0.add_permits(1);
    rig.until_seen(3).await;
    assert!(!shutdown.is_finished() && !rig.running.is_finished());
    rig.allow_write.send(()).unwrap();
    shutdown.await.unwrap();
    assert_eq!(*rig.written.lock().unwrap(), [Seq(1)]);
    assert_eq!(Arc::strong_count(&rig.open), 1, "another loop could have the ledger now");
    assert_eq!(rig.running.await.unwrap(), Ok(()));
    rig.handle.shutdown().await;
    assert!(matches!(rig.handle.subscribe().recv().await, Err(RecvError::Closed)));
}

#[tokio::test]
async fn events_reach_those_who_listen_and_the_log_has_those_that_were_missed() {
    let rig = Rig::new(|input, _| match input {
        Input::Command(command) => vec![1, 2, 3]
            .into_iter()
            .map(|id| Output::Notify(event(id).into()))
            .chain([reply(&command.id)])
            .collect(),
        _ => Vec::new(),
    });
    let mut receiver = rig.handle.subscribe();
    rig.command(1).await.unwrap().unwrap().unwrap();
    assert!(matches!(receiver.recv().await, Err(RecvError::Lagged(1))));
    assert_eq!(receiver.recv().await.unwrap(), event(2));
    assert_eq!(rig.handle.events(EventId(0), 2).await, Ok(vec![event(1), event(2)]));
    assert_eq!(rig.handle.events(EventId(8), 2).await, Ok(vec![event(9)]));
    assert_eq!(rig.handle.servers().await, Ok(Vec::new()));
    rig.handle.shutdown().await;
    assert_eq!(receiver.recv().await.unwrap(), event(3));
    assert!(matches!(receiver.recv().await, Err(RecvError::Closed)));
}

#[tokio::test(start_paused = true)]
async fn the_machine_is_called_back_when_it_asked_to_be() {
    let at = Time::from_millis(5000);
    let rig = Rig::set(Setting { timeout: Some(at), ..Setting::default() }, |_, _| Vec::new());
    let told = rig.handle.subscribe().recv().await.unwrap();
    assert!(told.id >= EventId(at.as_millis()));
    assert!(rig.clock.now() >= at);
}

#[tokio::test]
async fn a_fleet_that_does_not_fit_together_does_not_start() {
    let host = |config: Config| Host {
        parts: Parts {
            config,
            executors: BTreeMap::from([(
                provider(),
                Hands::Async(Arc::new(Fingers(tokio::sync::Semaphore::new(0))) as Arc<dyn AsyncExecutor>),
            )]),
            prepare: Arc::new(|_, _| Err(Failure::default())),
            asker: Arc::new(NoAsker),
            counter: None,
        },
        store: Box::new(Disk {
            allowed: mpsc::channel().1,
            fails_at: None,
            written: Arc::default(),
            _open: Arc::default(),
        }),
        clock: FleetClock::new(),
        seed: 1,
        max_events: 0,
    };
    assert_eq!(start(host(config())).await.unwrap_err(), StartError::Store(io_error()));
    let elsewhere = ProviderName::new("elsewhere").unwrap();
    let mut lacking = config();
    lacking.providers.insert(elsewhere.clone(), ProviderConfig::default());
    assert_eq!(
        start(host(lacking)).await.unwrap_err(),
        StartError::NoExecutor { provider: elsewhere.clone() }
    );
    let mut contradicting = config();
    let lost = TypeConfig { min: 2, ..TypeConfig::new(elsewhere, 1) };
    contradicting.server_types.insert(server_type(), lost);
    assert_eq!(
        start(host(contradicting)).await.unwrap_err().to_string(),
        "server type default is on provider elsewhere, which is not configured; \
         server type default has min 2 above max 1"
    );
}
