//! The loops: what each costs for an effect, beside the same calls by the same client without a loop.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use dynservers_core::{
    AsyncExecutor as _, Config, ConfigError, Effect, EffectId, Executor as _, Failure, FleetView, Input,
    NoAsker, NoStore, Op, Outcome, Output, ServerId, ServerRecord, Time, Why,
};
use dynservers_host::{Driver, FleetClock, Handle, Hands, Host, Machine, Parts};
use dynservers_http::Provider;
use dynservers_tests::{Budget, Figure, Unit};

use crate::fleet::{config, fleet_name, provider_name};
use crate::rounds::{Scale, least};
use crate::server::Server;
use crate::upcloud;

/// How many requests are under way at once, as with every provider unless configured otherwise.
pub(crate) const CONCURRENCY: u32 = 16;

/// How long a request may take: so long that none is too late on a busy machine.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);

/// Measures every runtime.
pub(crate) fn measure(scale: &Scale) -> Vec<Figure> {
    let server = Server::start();
    let provider = upcloud::provider(Some(&server.url()));
    let runtimes: [(&str, Box<dyn Runtime>); 3] = [
        ("tokio", Box::new(Tokio::new(&provider))),
        ("async-std", Box::new(AsyncStd(blocking(&provider)))),
        ("threads", Box::new(Threads(blocking(&provider)))),
    ];
    let mut figures = Vec::new();
    for (name, runtime) in runtimes {
        // Connections are made, and both meet the same ones.
        let _ = runtime.bare(CONCURRENCY);
        let bare = least(scale.rounds, || runtime.bare(scale.effects)).as_secs_f64();
        let looped = least(scale.rounds, || looped(&*runtime, scale.effects)).as_secs_f64();
        let (each, count) = (f64::from(scale.effects), u64::from(scale.effects));
        let of =
            |what: &str, value, unit| Figure::new(format!("loop on {name}: {what}"), value, unit).at(count);
        figures.push(of("bare call", bare / each, Unit::Seconds));
        figures.push(of("effect", looped / each, Unit::Seconds));
        figures
            .push(of("effect, against a bare call", looped / bare, Unit::Times).within(Budget::AtMost(2.0)));
    }
    figures
}

/// A runtime, and its client.
trait Runtime {
    /// Makes so many calls without a loop, and gives how long that took.
    fn bare(&self, calls: u32) -> Duration;

    /// Gives who does effects.
    fn hands(&self) -> Hands;

    /// Carries a driver until `done` says when it was done with its work, and ends it.
    fn carry(&self, driver: Driver<Script>, handle: &Handle, done: &Receiver<Instant>) -> Instant;
}

fn looped(runtime: &dyn Runtime, effects: u32) -> Duration {
    let (done, is_done) = channel();
    let mut machine = Script { ready: VecDeque::new(), issued: 0, ended: 0, effects, done };
    for _ in 0..CONCURRENCY.min(effects) {
        machine.issue();
    }
    let host = Host {
        parts: Parts {
            config: config(1),
            executors: BTreeMap::from([(provider_name(), runtime.hands())]),
            prepare: Arc::new(|_, _| Err(Failure::new("nothing is made"))),
            asker: Arc::new(NoAsker),
            counter: None,
        },
        store: Box::new(NoStore::new(fleet_name())),
        clock: FleetClock::starting_at(Time::ZERO),
        seed: 1,
        max_events: 1,
    };
    let (handle, driver) = host.around(machine);
    let begun = Instant::now();
    runtime.carry(driver, &handle, &is_done).duration_since(begun)
}

/// An effect that changes nothing: the number of servers is read.
fn effect(id: u64) -> Effect {
    Effect {
        id: EffectId(id),
        provider: provider_name(),
        op: Op::Account,
        step: None,
        // Never too late.
        not_after: Time::from_millis(u64::from(u32::MAX)),
        server: None,
        why: Why::Sync,
    }
}

/// A machine that wants effects, so many at once and no more, and nothing else.
struct Script {
    ready: VecDeque<Output>,
    issued: u32,
    ended: u32,
    effects: u32,
    done: Sender<Instant>,
}

impl Script {
    fn issue(&mut self) {
        self.issued += 1;
        self.ready.push_back(Output::Execute(Box::new(effect(u64::from(self.issued)))));
    }
}

impl Machine for Script {
    fn handle_input(&mut self, input: Input, _: Time) {
        let Input::Completed { completion, .. } = input else { return };
        assert_eq!(completion.outcome.name(), "account", "{completion:?}");
        self.ended += 1;
        if self.issued < self.effects {
            self.issue();
        } else if self.ended == self.effects {
            self.done.send(Instant::now()).expect("it is waited for");
        }
    }

    fn handle_timeout(&mut self, _: Time) {}

    fn poll_output(&mut self) -> Option<Output> {
        self.ready.pop_front()
    }

    fn poll_timeout(&self) -> Option<Time> {
        None
    }

    fn view(&self, _: Time) -> FleetView {
        unreachable!("nobody asks")
    }

    fn servers(&self) -> Vec<ServerRecord> {
        Vec::new()
    }

    fn server(&self, _: ServerId) -> Option<ServerRecord> {
        None
    }

    fn contradictions(&self, _: &Config) -> Vec<ConfigError> {
        Vec::new()
    }
}

struct Tokio {
    runtime: tokio::runtime::Runtime,
    executor: dynservers_tokio::HttpExecutor,
}

/// Gives a client on tokio that never finds a request too late.
pub(crate) fn tokio_executor(
    provider: &Arc<dyn Provider>,
    clock: FleetClock,
) -> dynservers_tokio::HttpExecutor {
    let options = dynservers_tokio::HttpOptions { request_timeout: REQUEST_TIMEOUT, clock };
    dynservers_tokio::HttpExecutor::new(Arc::clone(provider), options).expect("plain HTTP needs nothing")
}

/// Gives tokio as the daemon has it.
pub(crate) fn tokio_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("the system gives threads")
}

impl Tokio {
    fn new(provider: &Arc<dyn Provider>) -> Self {
        let executor = tokio_executor(provider, FleetClock::starting_at(Time::ZERO));
        Self { runtime: tokio_runtime(), executor }
    }
}

/// Has effects done without a loop, so many at a time: each worker takes the next one.
pub(crate) fn bare_on_tokio(
    runtime: &tokio::runtime::Runtime,
    executor: &dynservers_tokio::HttpExecutor,
    effects: Vec<Effect>,
) -> Duration {
    let effects = Arc::new(std::sync::Mutex::new(effects.into_iter()));
    runtime.block_on(async {
        let begun = Instant::now();
        let work = || {
            let (executor, effects) = (executor.clone(), Arc::clone(&effects));
            tokio::spawn(async move {
                loop {
                    let next = effects.lock().expect("nobody panics").next();
                    let Some(effect) = next else { return };
                    let completion = executor.execute(&effect).await;
                    // Another cloud may know less; but whatever was asked is answered.
                    let is_lost = matches!(
                        completion.outcome,
                        Outcome::Lost(_)
                            | Outcome::Unsent(_)
                            | Outcome::Throttled { .. }
                            | Outcome::Denied(_)
                    );
                    assert!(!is_lost, "{effect:?}: {completion:?}");
                }
            })
        };
        let workers: Vec<_> = (0..CONCURRENCY).map(|_| work()).collect();
        for worker in workers {
            worker.await.expect("nobody panics");
        }
        begun.elapsed()
    })
}

impl Runtime for Tokio {
    fn bare(&self, calls: u32) -> Duration {
        bare_on_tokio(&self.runtime, &self.executor, (0..u64::from(calls)).map(effect).collect())
    }

    fn hands(&self) -> Hands {
        Hands::Async(Arc::new(self.executor.clone()))
    }

    fn carry(&self, driver: Driver<Script>, handle: &Handle, done: &Receiver<Instant>) -> Instant {
        let running = self.runtime.spawn(dynservers_tokio::carry(driver));
        let ended = done.recv().expect("it is told");
        self.runtime.block_on(handle.shutdown());
        self.runtime.block_on(running).expect("it does not panic").expect("nothing is written");
        ended
    }
}

fn blocking(provider: &Arc<dyn Provider>) -> dynservers_blocking::HttpExecutor {
    let clock = FleetClock::starting_at(Time::ZERO);
    let options = dynservers_blocking::HttpOptions { request_timeout: REQUEST_TIMEOUT, clock };
    dynservers_blocking::HttpExecutor::new(Arc::clone(provider), options).expect("plain HTTP needs nothing")
}

/// Makes one worker's share of calls.
fn share(executor: &dynservers_blocking::HttpExecutor, calls: u32) {
    for call in 0..calls / CONCURRENCY {
        let completion = executor.execute(&effect(u64::from(call)));
        assert_eq!(completion.outcome.name(), "account", "{completion:?}");
    }
}

/// async-std, which has the client for threads on its pool.
struct AsyncStd(dynservers_async_std::HttpExecutor);

impl Runtime for AsyncStd {
    fn bare(&self, calls: u32) -> Duration {
        let begun = Instant::now();
        let work = || {
            let executor = self.0.clone();
            async_std::task::spawn_blocking(move || share(&executor, calls))
        };
        let workers: Vec<_> = (0..CONCURRENCY).map(|_| work()).collect();
        workers.into_iter().for_each(async_std::task::block_on);
        begun.elapsed()
    }

    fn hands(&self) -> Hands {
        Hands::Blocking(Arc::new(self.0.clone()))
    }

    fn carry(&self, driver: Driver<Script>, handle: &Handle, done: &Receiver<Instant>) -> Instant {
        let running = async_std::task::spawn(dynservers_async_std::carry(driver));
        let ended = done.recv().expect("it is told");
        async_std::task::block_on(handle.shutdown());
        async_std::task::block_on(running).expect("nothing is written");
        ended
    }
}

/// Threads, and no runtime.
struct Threads(dynservers_blocking::HttpExecutor);

impl Runtime for Threads {
    fn bare(&self, calls: u32) -> Duration {
        let begun = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..CONCURRENCY {
                scope.spawn(|| share(&self.0, calls));
            }
        });
        begun.elapsed()
    }

    fn hands(&self) -> Hands {
        Hands::Blocking(Arc::new(self.0.clone()))
    }

    fn carry(&self, driver: Driver<Script>, handle: &Handle, done: &Receiver<Instant>) -> Instant {
        let running = std::thread::spawn(|| dynservers_blocking::Running::new(driver).run());
        let ended = done.recv().expect("it is told");
        dynservers_host::wait(handle.shutdown());
        running.join().expect("it does not panic").expect("nothing is written");
        ended
    }
}
