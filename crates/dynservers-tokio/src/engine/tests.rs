//! The loop against a scripted machine: what is carried out, in which order, and what comes back.

use std::collections::VecDeque;
use std::sync::{Mutex, mpsc as blocking};
use std::time::Duration;

use dynservers_core::{
    Action, Batch, Command, CommandId, Completing, Completion, Done, EffectId, EventId, EventKind,
    FailedPolicy, FleetName, FleetView, Op, Outcome, OwnerId, ProviderConfig, Refusal, Reply, Seq, ServerId,
    ServerRecord, Spec, Store, Stored, Time, Timing, TypeConfig, TypeName, Why,
};
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;

use super::*;
use crate::handle::{EventsError, Handle, Stopped};
use crate::host::{Host, StartError};

type Seen = Arc<Mutex<Vec<Input>>>;
type Script = Box<dyn FnMut(&Input, Time) -> Vec<Output> + Send>;

/// Notes what it is told, and asks for what its script says.
struct Double {
    seen: Seen,
    script: Script,
    outputs: VecDeque<Output>,
    timeout: Option<Time>,
}

impl Machine for Double {
    fn handle_input(&mut self, input: Input, now: Time) {
        self.outputs.extend((self.script)(&input, now));
        self.seen.lock().unwrap().push(input);
    }

    fn handle_timeout(&mut self, now: Time) {
        self.timeout = None;
        self.outputs.push_back(Output::Notify(event(now.as_millis())));
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.timeout
    }

    fn view(&self, now: Time) -> FleetView {
        FleetView {
            fleet: fleet(),
            owner: OwnerId::of_fleet(&fleet()),
            now,
            paused_out: false,
            paused_in: false,
            types: BTreeMap::new(),
            providers: BTreeMap::new(),
        }
    }

    fn servers(&self) -> Vec<ServerRecord> {
        Vec::new()
    }
}

/// Writes when it is allowed to, and fails where it is told to.
struct Disk {
    allowed: blocking::Receiver<()>,
    fails_at: Option<Seq>,
    written: Arc<Mutex<Vec<Seq>>>,
    /// Counted by the tests that must know when the store was let go.
    _open: Arc<()>,
}

impl Store for Disk {
    fn load(&mut self) -> Result<Stored, StoreError> {
        Err(io_error())
    }

    fn append(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.allowed.recv().expect("the test lives as long as its disk");
        if self.fails_at == Some(batch.seq) {
            return Err(io_error());
        }
        self.written.lock().unwrap().push(batch.seq);
        Ok(())
    }

    fn events(&mut self, after: EventId, limit: usize) -> Result<Vec<Event>, StoreError> {
        Ok((1..=9).map(event).filter(|event| event.id > after).take(limit).collect())
    }
}

const PANICS: u64 = 66;
const HANGS: u64 = 77;

/// Treats effects by their number: most are done once the test allows it.
struct Hands(tokio::sync::Semaphore);

impl AsyncExecutor for Hands {
    fn execute<'a>(&'a self, effect: &'a Effect) -> Completing<'a> {
        Box::pin(async move {
            match effect.id.0 {
                PANICS => panic!("a secret"),
                HANGS => pending().await,
                _ => self.0.acquire().await.expect("never closed").forget(),
            }
            Outcome::Accepted.into()
        })
    }
}

/// A running loop, and everything that a test watches and allows.
struct Rig {
    handle: Handle,
    running: JoinHandle<Result<(), RunError>>,
    seen: Seen,
    written: Arc<Mutex<Vec<Seq>>>,
    allow_write: blocking::Sender<()>,
    open: Arc<()>,
    hands: Arc<Hands>,
    clock: FleetClock,
}

#[derive(Default)]
struct Setting {
    fails_at: Option<Seq>,
    timeout: Option<Time>,
    prepare: Option<Arc<PrepareFn>>,
}

impl Rig {
    fn new(script: impl FnMut(&Input, Time) -> Vec<Output> + Send + 'static) -> Self {
        Self::set(Setting::default(), script)
    }

    fn set(setting: Setting, script: impl FnMut(&Input, Time) -> Vec<Output> + Send + 'static) -> Self {
        let (allow_write, allowed) = blocking::channel();
        let (seen, written, open) = (Seen::default(), Arc::default(), Arc::new(()));
        let hands = Arc::new(Hands(tokio::sync::Semaphore::new(0)));
        let clock = FleetClock::starting_at(Time::ZERO);
        let disk = Disk {
            allowed,
            fails_at: setting.fails_at,
            written: Arc::clone(&written),
            _open: Arc::clone(&open),
        };
        let machine = Double {
            seen: Arc::clone(&seen),
            script: Box::new(script),
            outputs: VecDeque::new(),
            timeout: setting.timeout,
        };
        let prepare = setting.prepare.unwrap_or_else(|| Arc::new(|_, _| Err(Failure::new("not asked for"))));
        let host = Host {
            config: config(),
            store: Box::new(disk),
            executors: BTreeMap::from([(provider(), Arc::clone(&hands) as Arc<dyn AsyncExecutor>)]),
            prepare,
            clock: clock.clone(),
            seed: 1,
            max_events: 2,
        };
        let (handle, engine) = host.engine(machine);
        let running = tokio::spawn(engine.run());
        Self { handle, running, seen, written, allow_write, open, hands, clock }
    }

    /// Gives a command of this number without waiting for its answer.
    fn command(&self, number: u32) -> JoinHandle<Result<Reply, Stopped>> {
        self.give(command(number))
    }

    fn give(&self, command: Command) -> JoinHandle<Result<Reply, Stopped>> {
        let handle = self.handle.clone();
        tokio::spawn(async move { handle.command(command).await })
    }

    fn seen(&self) -> Vec<Input> {
        self.seen.lock().unwrap().clone()
    }

    async fn until_seen(&self, count: usize) {
        until(|| self.seen.lock().unwrap().len() >= count).await;
    }

    /// Gives what became of the effect, once the machine knows.
    async fn completion(&self, effect: u64) -> Completion {
        let find = || {
            self.seen().into_iter().find_map(|input| match input {
                Input::Completed { effect: id, completion } if id.0 == effect => Some(completion),
                _ => None,
            })
        };
        loop {
            if let Some(completion) = find() {
                return completion;
            }
            // Lets paused time go on, which happens only while everybody waits.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::task::yield_now().await;
    }
}

fn fleet() -> FleetName {
    FleetName::new("workers").unwrap()
}

fn provider() -> ProviderName {
    ProviderName::new("cloud").unwrap()
}

fn server_type() -> TypeName {
    TypeName::new("default").unwrap()
}

fn config() -> Config {
    Config {
        fleet: fleet(),
        timing: Timing::default(),
        providers: BTreeMap::from([(provider(), ProviderConfig::default())]),
        server_types: BTreeMap::new(),
        retired_types: std::collections::BTreeSet::new(),
    }
}

fn io_error() -> StoreError {
    StoreError::Io { place: "test".into(), message: "no space left".into() }
}

fn event(id: u64) -> Event {
    Event { id: EventId(id), at: Time::ZERO, kind: EventKind::ProviderReachable { provider: provider() } }
}

fn command(number: u32) -> Command {
    let action = Action::Ensure { server_type: server_type(), count: number };
    Command { id: CommandId::new(format!("command {number}")).unwrap(), action }
}

fn reply(command: &CommandId) -> Output {
    Output::Reply { command: command.clone(), reply: Ok(Done::TakenOver { servers: 7 }) }
}

fn persist(seq: u64) -> Output {
    Output::Persist(Batch { seq: Seq(seq), at: Time::ZERO, must_sync: true, changes: Vec::new() })
}

fn execute(id: u64, provider: ProviderName) -> Output {
    Output::Execute(Effect {
        id: EffectId(id),
        provider,
        op: Op::Check,
        step: None,
        not_after: Time::from_millis(1000),
        server: None,
        why: Why::Sync,
    })
}

/// Records every command under its own number, and answers once that is durable.
fn recorder() -> impl FnMut(&Input, Time) -> Vec<Output> + Send + 'static {
    let mut commands = Vec::new();
    move |input, _| match input {
        Input::Command(command) => {
            commands.push(command.id.clone());
            vec![persist(commands.len() as u64)]
        }
        Input::Persisted(seq) => vec![reply(&commands[seq.0 as usize - 1])],
        _ => Vec::new(),
    }
}

const ANSWER: Result<Reply, Stopped> = Ok(Ok(Done::TakenOver { servers: 7 }));

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
            .map(|id| Output::Notify(event(id)))
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
        config,
        store: Box::new(Disk {
            allowed: blocking::channel().1,
            fails_at: None,
            written: Arc::default(),
            _open: Arc::default(),
        }),
        executors: BTreeMap::from([(
            provider(),
            Arc::new(Hands(tokio::sync::Semaphore::new(0))) as Arc<dyn AsyncExecutor>,
        )]),
        prepare: Arc::new(|_, _| Err(Failure::default())),
        clock: FleetClock::new(),
        seed: 1,
        max_events: 0,
    };
    assert_eq!(host(config()).start().await.unwrap_err(), StartError::Store(io_error()));
    let elsewhere = ProviderName::new("elsewhere").unwrap();
    let mut lacking = config();
    lacking.providers.insert(elsewhere.clone(), ProviderConfig::default());
    assert_eq!(
        host(lacking).start().await.unwrap_err(),
        StartError::NoExecutor { provider: elsewhere.clone() }
    );
    let mut contradicting = config();
    let lost = TypeConfig {
        provider: elsewhere,
        min: 2,
        max: 1,
        stop_timeout: Duration::ZERO,
        on_failed: FailedPolicy::Delete,
    };
    contradicting.server_types.insert(server_type(), lost);
    assert_eq!(
        host(contradicting).start().await.unwrap_err().to_string(),
        "server type default is on provider elsewhere, which is not configured; \
         server type default has min 2 above max 1"
    );
}
