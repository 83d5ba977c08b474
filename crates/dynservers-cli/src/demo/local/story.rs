//! The story: no server, then several for the jobs in the spool, deaths on the way, and no server again.

use std::fs;
use std::path::Path;
use std::time::Duration;

use dynservers_core::{Status, TypeName};
use dynservers_demand::Source as _;
use indicatif::{ProgressBar, ProgressStyle};
use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use crate::api::client::{Client, ClientError};
use crate::demo::local::DemoError;
use crate::demo::local::crew;
use crate::demo::local::job::{self, Job};
use crate::demo::local::sources::Source;
use crate::demo::local::stage::{SERVERS_MOST, Stage};
use crate::demo::local::verdict::Verdict;
use crate::site::Site;

/// For so long may nothing change at all.
const PATIENCE: Duration = Duration::from_secs(45);
/// Between two glances at what happens.
const GLANCE: Duration = Duration::from_millis(100);
/// When a worker is killed, in hundredths of the jobs.
const WORKER_KILLED_AT: usize = 5;
/// When the daemon is.
const DAEMON_KILLED_AT: usize = 60;
/// How much is to be done without it.
const DONE_WITHOUT_DAEMON: usize = 5;

struct Story<'a> {
    stage: &'a mut Stage,
    client: Client,
    server_type: TypeName,
    line: ProgressBar,
    jobs: usize,
    begun: Instant,
    verdict: Verdict,
    /// What was seen last, and since when nothing else.
    seen: Seen,
    since: Instant,
    /// What the last printed row says of servers.
    printed: Option<(u32, u32)>,
}

/// What is seen at a glance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    wanted: u32,
    running: u32,
    existing: u32,
    waiting: usize,
    in_hand: usize,
    done: usize,
    given_back: usize,
    settled: bool,
}

/// Tells it. What the verdict lacks then is what the results say, and what is left behind.
pub(super) async fn tell(stage: &mut Stage, sources: &[Source]) -> Result<Verdict, DemoError> {
    let mut story = Story::begin(stage, sources.len())?;
    story.start().await?;
    story.until("the daemon sees that there is nothing to do", |seen| seen.settled).await?;
    story.submit(sources)?;
    story.until("some jobs are done", |seen| seen.done * 100 >= sources.len() * WORKER_KILLED_AT).await?;
    story.kill_a_worker().await?;
    story.until("the dead worker's job is given back", |seen| seen.given_back > 0).await?;
    story.say("-> another worker has given that job back");
    story
        .until("more than half of the jobs are done", |seen| {
            seen.done * 100 >= sources.len() * DAEMON_KILLED_AT
        })
        .await?;
    story.kill_the_daemon().await?;
    story.until("all jobs are done", |seen| seen.waiting + seen.in_hand == 0).await?;
    story.until("no server is left", |seen| seen.settled && seen.wanted == 0 && seen.existing == 0).await?;
    story.end().await
}

impl<'a> Story<'a> {
    fn begin(stage: &'a mut Stage, jobs: usize) -> Result<Self, DemoError> {
        let configuration = stage.configuration()?;
        let server_type = configuration.server_types.keys().next().expect("the demo has a type").clone();
        let client = Client::new(Site::from(&configuration).endpoint);
        let line = ProgressBar::new(jobs as u64);
        let template = "{spinner} [{bar:24}] {pos}/{len} jobs  {msg}";
        line.set_style(
            ProgressStyle::with_template(template).expect("the template is fixed").progress_chars("=> "),
        );
        let now = Instant::now();
        Ok(Self {
            stage,
            client,
            server_type,
            line,
            jobs,
            begun: now,
            verdict: Verdict { allowed: SERVERS_MOST, ..Verdict::default() },
            seen: Seen::default(),
            since: now,
            printed: None,
        })
    }

    fn say(&self, text: &str) {
        self.line.suspend(|| println!("{text}"));
    }

    async fn start(&mut self) -> Result<(), DemoError> {
        self.stage.start()?;
        self.since = Instant::now();
        while self.client.status().await.is_err() {
            self.glance("the daemon answers").await?;
        }
        Ok(())
    }

    fn submit(&mut self, sources: &[Source]) -> Result<(), DemoError> {
        self.say(&format!("-> {} jobs are spooled", sources.len()));
        for (number, source) in (0..).zip(sources) {
            let job = job::join(&Job { job: number, file: source.name.clone() }, &source.bytes);
            self.stage.spool.submit(&format!("{number:04}"), &job)?;
        }
        Ok(())
    }

    /// Kills a worker that surely has a job in hand: it is stopped first, so that it cannot finish meanwhile.
    async fn kill_a_worker(&mut self) -> Result<(), DemoError> {
        loop {
            for member in crew::alive(&self.stage.place.crew())? {
                if !member.signal(Signal::STOP)? {
                    continue;
                }
                sleep(GLANCE).await;
                if files(&self.stage.place.in_hand(&member.worker)) > 0 && member.signal(Signal::KILL)? {
                    self.verdict.workers_killed += 1;
                    self.say(&format!("-> {} is killed (SIGKILL) with a job in hand", member.server));
                    return Ok(());
                }
                member.signal(Signal::CONT)?;
            }
            self.glance("a worker has a job in hand").await?;
        }
    }

    async fn kill_the_daemon(&mut self) -> Result<(), DemoError> {
        self.stage.kill()?;
        let workers = crew::alive(&self.stage.place.crew())?.len();
        self.say(&format!("-> the daemon is killed (SIGKILL); {workers} workers go on without it"));
        let before = self.seen.done;
        let more = (self.jobs * DONE_WITHOUT_DAEMON).div_ceil(100);
        self.until("jobs are done without the daemon", |seen| seen.done >= before + more).await?;
        let done = self.seen.done - before;
        self.start().await?;
        self.verdict.daemon_restarts += 1;
        self.say(&format!("-> the daemon is back; {done} jobs were done without it"));
        Ok(())
    }

    async fn until(&mut self, what: &str, is_so: impl Fn(&Seen) -> bool) -> Result<(), DemoError> {
        loop {
            self.glance(what).await?;
            if is_so(&self.seen) {
                return Ok(());
            }
        }
    }

    /// Looks at what happens, shows it, and lets a moment pass.
    async fn glance(&mut self, what: &str) -> Result<(), DemoError> {
        if let Some(status) = self.stage.ended()? {
            return Err(DemoError::DaemonEnded { status });
        }
        let seen = self.look().await?;
        if seen != self.seen {
            self.since = Instant::now();
        } else if self.since.elapsed() > PATIENCE {
            return Err(DemoError::TooLong { what: what.to_owned() });
        }
        self.seen = seen;
        self.verdict.peak = self.verdict.peak.max(seen.existing);
        self.show();
        sleep(GLANCE).await;
        Ok(())
    }

    async fn look(&self) -> Result<Seen, DemoError> {
        let spool = self.stage.spool.measure()?;
        let mut seen = Seen {
            waiting: spool.waiting as usize,
            in_hand: spool.in_flight as usize,
            done: files(&self.stage.place.results()),
            given_back: lines(&self.stage.place.given_back()),
            // What cannot be seen now is as it was; but nothing is settled while nobody says so.
            settled: false,
            ..self.seen
        };
        match self.client.status().await {
            Ok(status) => {
                if let Some(status) = status.types.get(&self.server_type) {
                    seen.wanted = status.desired.unwrap_or_default();
                    seen.running = status.counts.get(&Status::Running).copied().unwrap_or_default();
                    seen.existing = status.existing.unwrap_or_default();
                    seen.settled = status.settled == Some(true);
                }
            }
            Err(ClientError::NoDaemon { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(seen)
    }

    /// Moves the bar, and prints a row when the number of servers has changed.
    fn show(&mut self) {
        let Seen { wanted, running, waiting, in_hand, done, .. } = self.seen;
        self.line.set_position(done as u64);
        self.line.set_message(format!("servers: {running} of {wanted}"));
        self.line.tick();
        if self.printed.is_none() {
            self.say("seconds  wanted  running  waiting  in hand   done");
        }
        if self.printed.replace((wanted, running)) != Some((wanted, running)) {
            let seconds = self.begun.elapsed().as_secs_f64();
            self.say(&format!("{seconds:7.1}  {wanted:6}  {running:7}  {waiting:7}  {in_hand:7}  {done:5}"));
        }
    }

    async fn end(mut self) -> Result<Verdict, DemoError> {
        self.verdict.made = self.client.servers().await?.servers.len();
        self.verdict.unfinished = self.seen.waiting + self.seen.in_hand;
        self.verdict.given_back = self.seen.given_back;
        self.stage.ask_to_end()?;
        let asked = Instant::now();
        while self.stage.ended()?.is_none() {
            if asked.elapsed() > PATIENCE {
                return Err(DemoError::TooLong { what: "the daemon ends".to_owned() });
            }
            sleep(GLANCE).await;
        }
        self.verdict.seconds = self.begun.elapsed().as_secs();
        self.line.finish_and_clear();
        Ok(self.verdict)
    }
}

/// Counts the files of a directory that are there as a whole; one that is not there has none.
fn files(directory: &Path) -> usize {
    let names = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.filter(|name| !name.as_encoded_bytes().starts_with(b".")).count()
}

/// Counts lines; a file that nobody has written has none.
fn lines(file: &Path) -> usize {
    fs::read_to_string(file).unwrap_or_default().lines().count()
}
