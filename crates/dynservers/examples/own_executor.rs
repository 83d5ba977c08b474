//! Servers that are no cloud's: an own executor whose servers are threads of this process, each with a mailbox.
//!
//! It is tried by the conformance kit first, and then a fleet works with it: three servers come up, get work, finish it,
//! and go. Run it: `cargo run -p dynservers --example own_executor --features blocking`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use dynservers::blocking::Fleet;
use dynservers::core::{
    Account, Completion, CreateFromSnapshot, Effect, Executor, Failure, FleetName, FoundLabels, Observed, Op,
    Outcome, Page, ProviderId, ProviderState, Reason, Seam, StopMode, Time,
};
use dynservers::{BoxError, Provider, ServerType, Timing};
use dynservers_sim::conformance::{ExecutorSubject, check_executor};
use serde_json::{Value, json};

/// A piece of work.
type Job = Box<dyn FnOnce() + Send>;
type Clock = Arc<dyn Fn() -> Time + Send + Sync>;

/// Threads as servers. Clones are the same site.
#[derive(Clone, Default)]
struct Site(Arc<Mutex<BTreeMap<ProviderId, Worker>>>);

/// One server: a thread that works off its mailbox until that is closed, or until it is cut off.
struct Worker {
    name: String,
    labels: FoundLabels,
    mailbox: Option<mpsc::Sender<Job>>,
    is_cut_off: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Site {
    /// Gives a job to a server that runs.
    fn give(&self, id: &ProviderId, job: Job) -> Result<(), &'static str> {
        let workers = self.workers();
        let mailbox = workers.get(id).and_then(|worker| worker.mailbox.as_ref());
        mailbox.ok_or("there is no such mailbox")?.send(job).map_err(|_| "nobody reads that mailbox")
    }

    /// Whoever panicked while it was locked has changed nothing halfway.
    fn workers(&self) -> MutexGuard<'_, BTreeMap<ProviderId, Worker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Worker {
    fn start(new: &CreateFromSnapshot) -> std::io::Result<Self> {
        let (mailbox, jobs) = mpsc::channel::<Job>();
        let is_cut_off = Arc::new(AtomicBool::new(false));
        let cut_off = Arc::clone(&is_cut_off);
        let work = move || jobs.iter().take_while(|_| !cut_off.load(Ordering::Relaxed)).for_each(|job| job());
        let (name, labels) = (new.name.to_string(), FoundLabels::from(&new.labels));
        let thread = std::thread::Builder::new().name(name.clone()).spawn(work)?;
        Ok(Self { name, labels, mailbox: Some(mailbox), is_cut_off, thread })
    }

    /// Tells what it does, and not what was wished of it: what is seen stopped is deleted.
    fn seen(&self, id: &ProviderId) -> Observed {
        let state = if self.thread.is_finished() { ProviderState::Stopped } else { ProviderState::Running };
        let (name, labels) = (self.name.clone(), self.labels.clone());
        Observed { provider_id: id.clone(), name, labels, state, addresses: Vec::new() }
    }
}

/// Does effects at a site, for one fleet.
struct Threads {
    site: Site,
    fleet: FleetName,
    now: Clock,
}

impl Executor for Threads {
    fn execute(&self, effect: &Effect) -> Completion {
        let mut workers = self.site.workers();
        // The machine counts on it that nothing is begun later. Compared when nothing is to be waited for any more.
        if (self.now)() > effect.not_after {
            return Outcome::Unsent(Failure::new("its time had passed")).into();
        }
        self.outcome(&mut workers, &effect.op).into()
    }
}

impl Threads {
    fn outcome(&self, workers: &mut BTreeMap<ProviderId, Worker>, op: &Op) -> Outcome {
        let page = |is_wanted: &dyn Fn(&FoundLabels) -> bool| {
            let wanted = workers.iter().filter(|(_, worker)| is_wanted(&worker.labels));
            let servers: Vec<Observed> = wanted.map(|(id, worker)| worker.seen(id)).collect();
            // All at one moment, so it is whole.
            Outcome::Page(Page { total: Some(servers.len() as u64), servers, seam: Seam::Overlapping })
        };
        match op {
            Op::Check | Op::Account => {
                Outcome::Account(Account { total: Some(workers.len() as u64), ..Account::default() })
            }
            Op::Look => page(&|labels| labels.fleet.as_ref() == Some(&self.fleet)),
            Op::Find(token) => page(&|labels| labels.token == Some(*token)),
            Op::CreateFromSnapshot(new) => create(workers, new),
            Op::Inspect(id) | Op::Stop { provider_id: id, .. } | Op::Delete { provider_id: id, .. } => {
                let Some(worker) = workers.get_mut(id) else {
                    return Outcome::Absent(Failure::new(format!("there is no thread {id}")));
                };
                let is_over = worker.thread.is_finished();
                match op {
                    Op::Inspect(_) => return Outcome::Inspected(worker.seen(id)),
                    Op::Delete { .. } if !is_over => {
                        return Outcome::Refused(Reason::Busy, Failure::new("the thread runs"));
                    }
                    Op::Delete { .. } => drop(workers.remove(id)),
                    // A closed mailbox is worked off first; who is cut off ends after the job in hand.
                    Op::Stop { mode, .. } => {
                        worker.is_cut_off.fetch_or(*mode == StopMode::Hard, Ordering::Relaxed);
                        worker.mailbox = None;
                    }
                    _ => {}
                }
                Outcome::Accepted
            }
            other => {
                Outcome::Refused(Reason::Invalid, Failure::new(format!("threads have no {}", other.name())))
            }
        }
    }
}

/// The token is the id: so a create that is repeated finds what the first one made.
fn create(workers: &mut BTreeMap<ProviderId, Worker>, new: &CreateFromSnapshot) -> Outcome {
    let Ok(id) = ProviderId::new(new.labels.token.to_string()) else {
        return Outcome::Refused(Reason::Invalid, Failure::new("the token is no id"));
    };
    if workers.contains_key(&id) {
        return Outcome::Exists(Failure::new(format!("there is a thread {id} already")));
    }
    match Worker::start(new) {
        Ok(worker) => {
            let seen = worker.seen(&id);
            workers.insert(id, worker);
            Outcome::Created(Box::new(seen))
        }
        // Nothing was made, and later there may be room.
        Err(error) => Outcome::Refused(Reason::Capacity, Failure::new(error.to_string())),
    }
}

/// Threads before the kit.
struct OfThreads;

impl ExecutorSubject for OfThreads {
    type Executor = Threads;

    fn executor(&self, fleet: FleetName, now: Clock) -> Threads {
        Threads { site: Site::default(), fleet, now }
    }

    fn spec(&self) -> Value {
        json!({})
    }
}

const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<(), BoxError> {
    println!("{}\n", check_executor(&OfThreads)?);
    let site = Site::default();
    let place = site.clone();
    let threads = Provider::executor_with(move |fleet, clock| {
        let (fleet, clock) = (fleet.clone(), clock.clone());
        Ok::<_, BoxError>(Threads { site: place, fleet, now: Arc::new(move || clock.now()) })
    });
    let fleet = Fleet::builder("workers")
        .provider("threads", threads.list_lag(Duration::ZERO))
        .server_type(ServerType::new("default").template(json!({})))
        // To look costs nothing here, so it is done often.
        .timing(Timing { poll_interval: Duration::from_millis(50), ..Timing::default() })
        .start()?;
    fleet.ensure(3)?;
    fleet.wait_until_settled(PATIENCE)?;
    let done = Arc::new(AtomicU32::new(0));
    for server in fleet.servers()? {
        println!("{} is {}", server.name(), server.status());
        let id = server.provider_id().ok_or("a server that runs has an id")?;
        for _ in 0..10 {
            let done = Arc::clone(&done);
            site.give(id, Box::new(move || _ = done.fetch_add(1, Ordering::Relaxed)))?;
        }
    }
    // They are stopped softly, so that all of it is done before they go.
    fleet.decrease(3)?;
    fleet.wait_until_settled(PATIENCE)?;
    println!("{} threads, {} of 30 jobs done", site.workers().len(), done.load(Ordering::Relaxed));
    fleet.shutdown()?;
    Ok(())
}
