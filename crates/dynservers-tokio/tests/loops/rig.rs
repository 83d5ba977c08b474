//! The rig: a loop around a scripted machine, with a disk and hands that wait for the test's word.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::pending;
use std::sync::{Arc, Mutex, mpsc as blocking};
use std::time::Duration;

use dynservers_core::{
    Action, Asker, AsyncExecutor, Batch, Command, CommandId, Completing, Completion, Config, ConfigError,
    Done, Effect, EffectId, Event, EventId, EventKind, Failure, FleetName, FleetView, Input, NoAsker, Op,
    Outcome, Output, OwnerId, ProviderConfig, ProviderName, Reply, Seq, ServerId, ServerRecord, Store,
    StoreError, Stored, Time, Timing, TypeName, Why,
};
use tokio::task::JoinHandle;

use dynservers_tokio::{
    FleetClock, Handle, Hands, Host, Machine, Parts, PrepareFn, RunError, Stopped, carry,
};

pub(crate) type Seen = Arc<Mutex<Vec<Input>>>;
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
        self.outputs.push_back(Output::Notify(event(now.as_millis()).into()));
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.timeout
    }

    fn contradictions(&self, config: &Config) -> Vec<ConfigError> {
        config.contradictions()
    }

    fn view(&self, now: Time) -> FleetView {
        FleetView {
            fleet: fleet(),
            owner: OwnerId::of_fleet(&fleet()),
            now,
            shadow: false,
            paused_out: false,
            paused_in: false,
            count_unknown_since: None,
            types: BTreeMap::new(),
            providers: BTreeMap::new(),
        }
    }

    fn servers(&self) -> Vec<ServerRecord> {
        Vec::new()
    }

    fn server(&self, _server: ServerId) -> Option<ServerRecord> {
        None
    }
}

/// Writes when it is allowed to, and fails where it is told to.
pub(crate) struct Disk {
    pub(crate) allowed: blocking::Receiver<()>,
    pub(crate) fails_at: Option<Seq>,
    pub(crate) written: Arc<Mutex<Vec<Seq>>>,
    /// Counted by the tests that must know when the store was let go.
    pub(crate) _open: Arc<()>,
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

pub(crate) const PANICS: u64 = 66;
pub(crate) const HANGS: u64 = 77;

/// Treats effects by their number: most are done once the test allows it.
pub(crate) struct Fingers(pub(crate) tokio::sync::Semaphore);

impl AsyncExecutor for Fingers {
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
pub(crate) struct Rig {
    pub(crate) handle: Handle,
    pub(crate) running: JoinHandle<Result<(), RunError>>,
    pub(crate) seen: Seen,
    pub(crate) written: Arc<Mutex<Vec<Seq>>>,
    pub(crate) allow_write: blocking::Sender<()>,
    pub(crate) open: Arc<()>,
    pub(crate) hands: Arc<Fingers>,
    pub(crate) clock: FleetClock,
}

#[derive(Default)]
pub(crate) struct Setting {
    pub(crate) fails_at: Option<Seq>,
    pub(crate) timeout: Option<Time>,
    pub(crate) prepare: Option<Arc<PrepareFn>>,
    pub(crate) asker: Option<Arc<dyn Asker>>,
    pub(crate) counter: Option<dynservers_tokio::Counter>,
}

impl Rig {
    pub(crate) fn new(script: impl FnMut(&Input, Time) -> Vec<Output> + Send + 'static) -> Self {
        Self::set(Setting::default(), script)
    }

    pub(crate) fn set(
        setting: Setting,
        script: impl FnMut(&Input, Time) -> Vec<Output> + Send + 'static,
    ) -> Self {
        let (allow_write, allowed) = blocking::channel();
        let (seen, written, open) = (Seen::default(), Arc::default(), Arc::new(()));
        let hands = Arc::new(Fingers(tokio::sync::Semaphore::new(0)));
        let origin = tokio::time::Instant::now();
        let clock = FleetClock::ticking_by(Time::ZERO, move || origin.elapsed());
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
            parts: Parts {
                config: config(),
                executors: BTreeMap::from([(
                    provider(),
                    Hands::Async(Arc::clone(&hands) as Arc<dyn AsyncExecutor>),
                )]),
                prepare,
                asker: setting.asker.unwrap_or_else(|| Arc::new(NoAsker)),
                counter: setting.counter,
            },
            store: Box::new(disk),
            clock: clock.clone(),
            seed: 1,
            max_events: 2,
        };
        let (handle, driver) = host.around(machine);
        let running = tokio::spawn(carry(driver));
        Self { handle, running, seen, written, allow_write, open, hands, clock }
    }

    /// Gives a command of this number without waiting for its answer.
    pub(crate) fn command(&self, number: u32) -> JoinHandle<Result<Reply, Stopped>> {
        self.give(command(number))
    }

    pub(crate) fn give(&self, command: Command) -> JoinHandle<Result<Reply, Stopped>> {
        let handle = self.handle.clone();
        tokio::spawn(async move { handle.command(command).await })
    }

    pub(crate) fn seen(&self) -> Vec<Input> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) async fn until_seen(&self, count: usize) {
        until(|| self.seen.lock().unwrap().len() >= count).await;
    }

    /// Gives what became of the effect, once the machine knows.
    pub(crate) async fn completion(&self, effect: u64) -> Completion {
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

pub(crate) async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::task::yield_now().await;
    }
}

pub(crate) fn fleet() -> FleetName {
    FleetName::new("workers").unwrap()
}

pub(crate) fn provider() -> ProviderName {
    ProviderName::new("cloud").unwrap()
}

pub(crate) fn server_type() -> TypeName {
    TypeName::new("default").unwrap()
}

pub(crate) fn config() -> Config {
    Config {
        fleet: fleet(),
        timing: Timing::default(),
        providers: BTreeMap::from([(provider(), ProviderConfig::default())]),
        server_types: BTreeMap::new(),
        retired_types: BTreeSet::new(),
        shadow: false,
    }
}

pub(crate) fn io_error() -> StoreError {
    StoreError::Io { place: "test".into(), message: "no space left".into() }
}

pub(crate) fn event(id: u64) -> Event {
    Event { id: EventId(id), at: Time::ZERO, kind: EventKind::ProviderReachable { provider: provider() } }
}

pub(crate) fn command(number: u32) -> Command {
    let action = Action::Ensure { server_type: server_type(), count: number };
    Command { id: CommandId::new(format!("command {number}")).unwrap(), action }
}

pub(crate) fn reply(command: &CommandId) -> Output {
    Output::Reply { command: command.clone(), reply: Ok(Done::TakenOver { servers: 7 }) }
}

pub(crate) fn persist(seq: u64) -> Output {
    Output::Persist(Batch { seq: Seq(seq), at: Time::ZERO, must_sync: true, changes: Vec::new() })
}

pub(crate) fn execute(id: u64, provider: ProviderName) -> Output {
    Output::Execute(Box::new(Effect {
        id: EffectId(id),
        provider,
        op: Op::Check,
        step: None,
        not_after: Time::from_millis(1000),
        server: None,
        why: Why::Sync,
    }))
}

/// Records every command under its own number, and answers once that is durable.
pub(crate) fn recorder() -> impl FnMut(&Input, Time) -> Vec<Output> + Send + 'static {
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

pub(crate) const ANSWER: Result<Reply, Stopped> = Ok(Ok(Done::TakenOver { servers: 7 }));
