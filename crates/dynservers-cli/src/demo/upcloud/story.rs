//! The story: nothing, then a dozen, killed on the way, then four, then nothing again.

use std::time::Duration;

use dynservers_core::TypeName;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::{Instant, sleep};

use crate::api::Endpoint;
use crate::api::client::{Client, ClientError};
use crate::config::Configuration;
use crate::demo::upcloud::DemoError;
use crate::demo::upcloud::naive::Naive;
use crate::demo::upcloud::stage::{Cloud, LIST_LAG_MILLIS, LOSE_EVERY, REQUESTS_A_SECOND, SPEED, Site};
use crate::demo::upcloud::verdict::{Seen, Verdict};
use crate::terminal::Style;

/// The most servers that are wanted.
const MOST: u32 = 12;
/// With so many created, the daemon is killed.
const KILLED_AT: usize = 7;
/// No step of the story may last longer.
const PATIENCE: Duration = Duration::from_secs(45);
/// How long the naive loop may take to believe that it is done, once ours is.
const NAIVE_PATIENCE: Duration = Duration::from_secs(10);
/// Between two glances at what happens.
const GLANCE: Duration = Duration::from_millis(100);

struct Story {
    ours: Cloud,
    theirs: Cloud,
    site: Site,
    /// Where the naive loop's credentials are.
    _naive_site: Site,
    naive: Naive,
    client: Client,
    server_type: TypeName,
    line: ProgressBar,
    wanted: u32,
}

/// Tells it, and gives what the providers saw.
pub(super) async fn tell() -> Result<Verdict, DemoError> {
    let mut story = Story::begin().await?;
    story.say(&format!(
        "Two emulated UpClouds, {SPEED} times as fast as life. Both lose each {LOSE_EVERY}th answer to a create, let\n\
         {REQUESTS_A_SECOND} requests a second through, and list new servers {} s late.\n\
         One is driven by a dynservers daemon with a SQLite ledger, the other by a naive loop: create what is\n\
         missing, remember what was answered.\n",
        LIST_LAG_MILLIS / 1_000
    ));
    story.start().await?;
    story.want(MOST).await?;
    story.until("some servers are created", |story| story.ours.report().created.len() >= KILLED_AT).await?;
    story.crash().await?;
    story.settle().await?;
    story.want(MOST / 3).await?;
    story.settle().await?;
    story.want(0).await?;
    story.settle().await?;
    story.let_the_naive_loop_finish().await?;
    story.end().await
}

impl Story {
    async fn begin() -> Result<Self, DemoError> {
        let (ours, theirs) = (Cloud::open().await?, Cloud::open().await?);
        let site = Site::prepare(&ours)?;
        let configuration = site.configuration()?;
        // The naive loop has the same configuration, but for the cloud that it is told to use.
        let naive_site = Site::prepare(&theirs)?;
        let naive = Naive::new(&naive_site.configuration()?)?;
        let server_type = configuration.server_types.keys().next().expect("the demo has a type").clone();
        let line = ProgressBar::new_spinner();
        line.set_style(ProgressStyle::with_template("{spinner} {msg}").expect("the template is fixed"));
        let client = Client::new(endpoint(&configuration));
        Ok(Self { ours, theirs, site, _naive_site: naive_site, naive, client, server_type, line, wanted: 0 })
    }

    fn say(&self, text: &str) {
        self.line.suspend(|| println!("{text}"));
    }

    async fn start(&mut self) -> Result<(), DemoError> {
        self.site.start()?;
        self.naive.start();
        let began = Instant::now();
        while self.client.status().await.is_err() {
            self.glance(began, "the daemon answers").await?;
        }
        Ok(())
    }

    /// Says to both how many there should be.
    async fn want(&mut self, count: u32) -> Result<(), DemoError> {
        self.say(&format!("-> {count} servers are wanted"));
        self.wanted = count;
        self.naive.ensure(count as usize);
        self.client.ensure(&self.server_type, count).await?;
        Ok(())
    }

    /// Kills both without warning while creates are under way, and starts them again.
    async fn crash(&mut self) -> Result<(), DemoError> {
        self.say("-> both are killed with creates under way (SIGKILL), and started again");
        self.naive.kill();
        self.site.kill().await?;
        self.start().await
    }

    /// Waits until the daemon says that what is wanted runs and nothing is under way.
    async fn settle(&mut self) -> Result<(), DemoError> {
        let began = Instant::now();
        loop {
            let status = match self.client.status().await {
                Ok(status) => status.types.get(&self.server_type).cloned(),
                Err(ClientError::NoDaemon { .. }) => None,
                Err(error) => return Err(error.into()),
            };
            if status.is_some_and(|status| status.settled == Some(true)) {
                let (ours, theirs) = (self.ours.report().servers.len(), self.theirs.report().servers.len());
                let believed = self.naive.believes();
                self.say(&format!(
                    "   dynservers has settled: its provider has {ours}; \
                     the naive loop's has {theirs}, of which it knows {believed}"
                ));
                return Ok(());
            }
            self.glance(began, "the fleet settles").await?;
        }
    }

    async fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) -> Result<(), DemoError> {
        let began = Instant::now();
        while !is_so(self) {
            self.glance(began, what).await?;
        }
        Ok(())
    }

    /// Shows how far it is, and lets a moment pass.
    async fn glance(&mut self, began: Instant, what: &str) -> Result<(), DemoError> {
        if self.site.ended()?.is_some() {
            return Err(DemoError::DaemonEnded { log: self.site.log() });
        }
        if began.elapsed() > PATIENCE {
            return Err(DemoError::TooLong { what: what.to_owned() });
        }
        self.line.set_message(format!(
            "wanted {:>2}   dynservers: {:>2} at the provider   naive loop: {:>2} at the provider, {:>2} known",
            self.wanted,
            self.ours.report().servers.len(),
            self.theirs.report().servers.len(),
            self.naive.believes(),
        ));
        self.line.tick();
        sleep(GLANCE).await;
        Ok(())
    }

    async fn let_the_naive_loop_finish(&mut self) -> Result<(), DemoError> {
        let began = Instant::now();
        while self.naive.believes() > 0 && began.elapsed() < NAIVE_PATIENCE {
            self.glance(began, "the naive loop is done").await?;
        }
        Ok(())
    }

    async fn end(mut self) -> Result<Verdict, DemoError> {
        let servers = self.client.servers().await?.servers;
        let known = servers.iter().filter_map(|server| server.provider_id.as_ref());
        let known = known.map(|id| id.as_str().to_owned()).collect();
        self.naive.kill();
        self.site.kill().await?;
        self.line.finish_and_clear();
        let verdict = Verdict {
            ours: Seen::of(&self.ours.report(), &known),
            naive: Seen::of(&self.theirs.report(), &self.naive.known()),
            wanted: u64::from(MOST),
        };
        println!("\n{}", verdict.for_people(Style::of_stdout()));
        Ok(verdict)
    }
}

fn endpoint(configuration: &Configuration) -> Endpoint {
    crate::site::Site::from(configuration).endpoint
}
