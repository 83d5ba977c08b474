//! The worker: what runs on each server of the demo. Claims jobs, does them, and ends with the job in hand done.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use dynservers_demand::spool::{Claim, Spool};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

use crate::demo::local::crew::{self, Badge};
use crate::demo::local::job::{self, Job, NoHead};
use crate::demo::local::place::Place;

/// How long a worker without a job waits before it looks for one.
const IDLE: Duration = Duration::from_millis(100);
/// How often it looks for jobs that the dead have in hand.
const BETWEEN_ROUNDS: Duration = Duration::from_secs(1);

/// Why a worker ended otherwise than it was told to.
#[derive(Debug, Error)]
pub(crate) enum WorkerError {
    /// The system refuses, or the demo is over and its directory gone.
    #[error(transparent)]
    System(#[from] io::Error),
    /// Somebody else has put something in the spool.
    #[error("{job} is no job: it {source}")]
    NoJob {
        /// Its name in the spool.
        job: String,
        /// What is wrong with it.
        source: NoHead,
    },
}

/// Works until SIGTERM. `job_time` is how long a job takes at least, so that people can watch.
pub(crate) async fn run(place: PathBuf, job_time: Duration) -> Result<(), WorkerError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let told_to_end = async move {
        terminate.recv().await;
    };
    let server = std::env::var("DYNSERVERS_SERVER_NAME").unwrap_or_else(|_| "nobody".to_owned());
    let bench = Bench::take(Place::at(place), &server)?;
    bench.work_until(told_to_end, job_time).await
}

/// What a worker works with.
struct Bench {
    place: Place,
    server: String,
    spool: Spool,
    badge: Badge,
}

impl Bench {
    fn take(place: Place, server: &str) -> io::Result<Self> {
        let badge = Badge::take(&place.crew(), server)?;
        let spool = Spool::open(place.spool());
        Ok(Self { place, server: server.to_owned(), spool, badge })
    }

    async fn work_until(&self, end: impl Future<Output = ()>, job_time: Duration) -> Result<(), WorkerError> {
        let mut end = std::pin::pin!(end);
        let mut next_round = Instant::now();
        loop {
            if Instant::now() >= next_round {
                self.give_back_of_the_dead()?;
                next_round = Instant::now() + BETWEEN_ROUNDS;
            }
            let claim = self.spool.claim(&self.badge.worker)?;
            let idle = claim.is_none();
            if let Some(claim) = claim {
                // Nothing interrupts this: whether it is time to end is asked when the job is done.
                sleep(job_time).await;
                self.finish(claim)?;
            }
            tokio::select! {
                biased;
                () = &mut end => return Ok(()),
                () = sleep(if idle { IDLE } else { Duration::ZERO }) => {}
            }
        }
    }

    /// Does a job. The spool keeps the result before it lets go of the job.
    fn finish(&self, claim: Claim) -> Result<(), WorkerError> {
        let joined = fs::read(claim.path())?;
        let no_job = |source| WorkerError::NoJob { job: claim.name().to_owned(), source };
        let (job, bytes) = job::part::<Job>(&joined).map_err(no_job)?;
        let told = format!("job {}, {}: {} bytes", job.job, job.file, bytes.len());
        let result = job::work(job, bytes, &self.server);
        claim.finish(&result)?;
        println!("{told} to {}", result.len());
        Ok(())
    }

    /// Lets others have what workers had in hand that are dead.
    fn give_back_of_the_dead(&self) -> io::Result<()> {
        let recovered = self.spool.recover(|worker| crew::is_alive(&self.place.crew(), worker))?;
        for _ in 0..recovered.given_back + recovered.ended {
            let mut given_back =
                OpenOptions::new().create(true).append(true).open(self.place.given_back())?;
            given_back.write_all(format!("by {}\n", self.badge.worker).as_bytes())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use dynservers_demand::Source as _;

    use super::*;
    use crate::demo::local::audit::{Audit, Expected};
    use crate::demo::local::sources::Source;

    struct Shop {
        _directory: tempfile::TempDir,
        place: Place,
        expected: Expected,
    }

    /// A spool with three jobs, and nobody who does them.
    fn shop() -> Shop {
        let directory = tempfile::tempdir().unwrap();
        let place = Place::at(directory.path().to_owned());
        fs::create_dir(place.crew()).unwrap();
        let spool = Spool::create(place.spool()).unwrap();
        let sources = ["a", "b", "c"].map(|name| Source { name: name.to_owned(), bytes: name.into() });
        for (number, source) in (0..).zip(&sources) {
            let job = Job { job: number, file: source.name.clone() };
            spool.submit(&number.to_string(), &job::join(&job, &source.bytes)).unwrap();
        }
        Shop { _directory: directory, place, expected: Expected::of(&sources) }
    }

    impl Shop {
        fn bench(&self, server: &str) -> Bench {
            Bench::take(self.place.clone(), server).unwrap()
        }

        fn audit(&self) -> Audit {
            Audit::of(&self.expected, &self.place.results()).unwrap()
        }

        fn left(&self) -> u64 {
            Spool::open(self.place.spool()).measure().unwrap().work()
        }

        fn given_back(&self) -> String {
            fs::read_to_string(self.place.given_back()).unwrap_or_default()
        }
    }

    /// Works until nothing is left.
    async fn work_off(shop: &Shop, bench: &Bench) {
        let nothing_left = async {
            while shop.left() > 0 {
                tokio::task::yield_now().await;
            }
        };
        bench.work_until(nothing_left, Duration::ZERO).await.unwrap();
    }

    #[tokio::test]
    async fn who_is_told_to_end_does_the_job_in_hand_and_no_other() {
        let shop = shop();
        shop.bench("worker-1").work_until(async {}, Duration::from_millis(1)).await.unwrap();
        let audit = shop.audit();
        assert_eq!((audit.done, audit.wrong.len(), shop.left()), (1, 0, 2));
    }

    #[tokio::test]
    async fn what_the_dead_had_in_hand_is_done_once() {
        let shop = shop();
        let dead = shop.bench("worker-1");
        let claim = dead.spool.claim(&dead.badge.worker).unwrap().unwrap();
        let living = shop.bench("worker-2");
        living.give_back_of_the_dead().unwrap();
        assert_eq!(shop.given_back(), "", "it lives still");
        drop((claim, dead));
        work_off(&shop, &living).await;
        assert_eq!(shop.given_back().lines().count(), 1);
        let audit = shop.audit();
        assert_eq!((audit.done, audit.broken()), (3, Vec::new()));
    }

    #[tokio::test]
    async fn what_was_done_before_its_worker_died_is_not_done_twice() {
        let shop = shop();
        let dead = shop.bench("worker-1");
        let claim = dead.spool.claim(&dead.badge.worker).unwrap().unwrap();
        let claimed = claim.path().to_owned();
        let again = fs::read(&claimed).unwrap();
        dead.finish(claim).unwrap();
        fs::write(claimed, again).unwrap();
        drop(dead);
        work_off(&shop, &shop.bench("worker-2")).await;
        let audit = shop.audit();
        assert_eq!((audit.done, audit.broken()), (3, Vec::new()));
        let first = fs::read(shop.place.results().join("0")).unwrap();
        assert_eq!(job::part::<job::Done>(&first).unwrap().0.server, "worker-1");
    }

    #[tokio::test]
    async fn what_is_no_job_is_told() {
        let shop = shop();
        let spool = Spool::open(shop.place.spool());
        spool.submit("!", b"not a job").unwrap();
        let error = shop.bench("worker-1").work_until(async {}, Duration::ZERO).await.unwrap_err();
        assert!(error.to_string().contains("! is no job: it does not begin with"), "{error}");
        assert!(Bench::take(Place::at(shop.place.path().join("nowhere")), "worker-1").is_err());
    }
}
