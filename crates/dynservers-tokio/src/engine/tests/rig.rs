//! The rig: a loop around a scripted machine, with a disk and hands that wait for the test's word.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, mpsc as blocking};
use std::time::Duration;

use dynservers_core::{
    Action, Batch, Command, CommandId, Completing, Completion, ConfigError, Done, EffectId, EventId,
    EventKind, FleetName, FleetView, NoAsker, Op, Outcome, OwnerId, ProviderConfig, Reply, Seq, ServerRecord,
    Store, Stored, Time, Timing, TypeName, Why,
};
use tokio::task::JoinHandle;

use super::super::*;
use crate::handle::{Handle, Stopped};
use crate::host::Host;

pub(super) type Seen = Arc<Mutex<Vec<Input>>>;
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

    fn contradictions(&self, config: &Config) -> Vec<ConfigError> {
        config.contradictions()
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
pub(super) struct Disk {
    pub(super) allowed: blocking::Receiver<()>,
    pub(super) fails_at: Option<Seq>,
    pub(super) written: Arc<Mutex<Vec<Seq>>>,
    /// Counted by the tests that must know when the store was let go.
    pub(super) _open: Arc<()>,
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

pub(super) const PANICS: u64 = 66;
pub(super) const HANGS: u64 = 77;

/// Treats effects by their number: most are done once the test allows it.
pub(super) struct Hands(pub(super) tokio::sync::Semaphore);

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
pub(super) struct Rig {
    pub(super) handle: Handle,
    pub(super) running: JoinHandle<Result<(), RunError>>,
    pub(super) seen: Seen,
    pub(super) written: Arc<Mutex<Vec<Seq>>>,
    pub(super) allow_write: blocking::Sender<()>,
    pub(super) open: Arc<()>,
    pub(super) hands: Arc<Hands>,
    pub(super) clock: FleetClock,
}

#[derive(Default)]
pub(super) struct Setting {
    pub(super) fails_at: Option<Seq>,
    pub(super) timeout: Option<Time>,
    pub(super) prepare: Option<Arc<PrepareFn>>,
    pub(super) asker: Option<Arc<dyn Asker>>,
}

impl Rig {
    pub(super) fn new(script: impl FnMut(&Input, Time) -> Vec<Output> + Send + 'static) -> Self {
        Self::set(Setting::default(), script)
    }

    pub(super) fn set(
        setting: Setting,
        script: impl FnMut(&Input, Time) -> Vec<Output> + Send + 'static,
    ) -> Self {
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
            parts: Parts {
                config: config(),
                executors: BTreeMap::from([(provider(), Arc::clone(&hands) as Arc<dyn AsyncExecutor>)]),
                prepare,
                asker: setting.asker.unwrap_or_else(|| Arc::new(NoAsker)),
            },
            store: Box::new(disk),
            clock: clock.clone(),
            seed: 1,
            max_events: 2,
        };
        let (handle, engine) = host.engine(machine);
        let running = tokio::spawn(engine.run());
        Self { handle, running, seen, written, allow_write, open, hands, clock }
    }

    /// Gives a command of this number without waiting for its answer.
    pub(super) fn command(&self, number: u32) -> JoinHandle<Result<Reply, Stopped>> {
        self.give(command(number))
    }

    pub(super) fn give(&self, command: Command) -> JoinHandle<Result<Reply, Stopped>> {
        let handle = self.handle.clone();
        tokio::spawn(async move { handle.command(command).await })
    }

    pub(super) fn seen(&self) -> Vec<Input> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) async fn until_seen(&self, count: usize) {
        until(|| self.seen.lock().unwrap().len() >= count).await;
    }

    /// Gives what became of the effect, once the machine knows.
    pub(super) async fn completion(&self, effect: u64) -> Completion {
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

pub(super) async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::task::yield_now().await;
    }
}

pub(super) fn fleet() -> FleetName {
    FleetName::new("workers").unwrap()
}

pub(super) fn provider() -> ProviderName {
    ProviderName::new("cloud").unwrap()
}

pub(super) fn server_type() -> TypeName {
    TypeName::new("default").unwrap()
}

pub(super) fn config() -> Config {
    Config {
        fleet: fleet(),
        timing: Timing::default(),
        providers: BTreeMap::from([(provider(), ProviderConfig::default())]),
        server_types: BTreeMap::new(),
        retired_types: BTreeSet::new(),
    }
}

pub(super) fn io_error() -> StoreError {
    StoreError::Io { place: "test".into(), message: "no space left".into() }
}

pub(super) fn event(id: u64) -> Event {
    Event { id: EventId(id), at: Time::ZERO, kind: EventKind::ProviderReachable { provider: provider() } }
}

pub(super) fn command(number: u32) -> Command {
    let action = Action::Ensure { server_type: server_type(), count: number };
    Command { id: CommandId::new(format!("command {number}")).unwrap(), action }
}

pub(super) fn reply(command: &CommandId) -> Output {
    Output::Reply { command: command.clone(), reply: Ok(Done::TakenOver { servers: 7 }) }
}

pub(super) fn persist(seq: u64) -> Output {
    Output::Persist(Batch { seq: Seq(seq), at: Time::ZERO, must_sync: true, changes: Vec::new() })
}

pub(super) fn execute(id: u64, provider: ProviderName) -> Output {
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
pub(super) fn recorder() -> impl FnMut(&Input, Time) -> Vec<Output> + Send + 'static {
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

pub(super) const ANSWER: Result<Reply, Stopped> = Ok(Ok(Done::TakenOver { servers: 7 }));
