//! `--wait`: until the desired servers run and nothing is under way, with a line that says how far it is.

use std::fmt;
use std::io::IsTerminal as _;
use std::time::Duration;

use dynservers_core::{Status, TypeName};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::{Instant, sleep, timeout_at};

use crate::api::client::{Client, ClientError};
use crate::api::wire::FleetStatus;
use crate::commands::status::{counts, sentences};
use crate::terminal::complain;

/// Between two questions to the daemon.
const INTERVAL: Duration = Duration::from_millis(300);

/// How long the daemon may be away, since it may be about to start again.
const AWAY: Duration = Duration::from_secs(20);

/// How the waiting ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// It is there.
    Settled(Reached),
    /// The time is over.
    TimedOut {
        /// How far it came.
        reached: Reached,
        /// What is wrong, as sentences.
        alarms: Vec<String>,
    },
}

/// How far a type is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reached {
    settled: bool,
    running: u32,
    desired: Option<u32>,
    held: u32,
    counts: String,
}

impl Reached {
    fn of(status: &FleetStatus, server_type: &TypeName) -> Self {
        status.types.get(server_type).map_or_else(Self::default, |status| Self {
            settled: status.settled == Some(true),
            running: status.counts.get(&Status::Running).copied().unwrap_or(0),
            desired: status.desired,
            held: status.held,
            counts: counts(status),
        })
    }
}

impl fmt::Display for Reached {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.desired {
            Some(desired) => write!(formatter, "{} of {desired} run", self.running)?,
            None => write!(formatter, "{} run", self.running)?,
        }
        match self.held {
            _ if !self.settled => write!(formatter, " ({})", self.counts),
            0 => Ok(()),
            // They count, or the sum would not add up.
            held => write!(formatter, ", {held} of other owners held"),
        }
    }
}

/// Asks the daemon until a type is settled or the time is over.
pub(super) async fn until_settled(
    client: &Client,
    server_type: &TypeName,
    timeout: Duration,
) -> Result<Waited, ClientError> {
    poll(async || client.status().await, server_type, timeout).await
}

async fn poll(
    ask: impl AsyncFn() -> Result<FleetStatus, ClientError>,
    server_type: &TypeName,
    timeout: Duration,
) -> Result<Waited, ClientError> {
    let began = Instant::now();
    // A time beyond the clock's end is as good as for ever.
    let deadline = began.checked_add(timeout).unwrap_or_else(|| began + Duration::from_secs(86_400 * 365));
    let mut line = Line::new(server_type);
    let mut seen = began;
    let mut last: Option<FleetStatus> = None;
    loop {
        match timeout_at(deadline, ask()).await {
            Ok(Ok(status)) => {
                seen = Instant::now();
                let reached = Reached::of(&status, server_type);
                line.show(&reached.to_string());
                if reached.settled {
                    return Ok(Waited::Settled(reached));
                }
                last = Some(status);
            }
            Ok(Err(error)) if seen.elapsed() >= AWAY => return Err(error),
            Ok(Err(_)) => line.show("the daemon does not answer"),
            Err(_) => return Ok(timed_out(last.as_ref(), server_type)),
        }
        if timeout_at(deadline, sleep(INTERVAL)).await.is_err() {
            return Ok(timed_out(last.as_ref(), server_type));
        }
    }
}

fn timed_out(last: Option<&FleetStatus>, server_type: &TypeName) -> Waited {
    let Some(status) = last else {
        return Waited::TimedOut { reached: Reached::default(), alarms: Vec::new() };
    };
    let alarms = sentences(status, status.as_of);
    Waited::TimedOut { reached: Reached::of(status, server_type), alarms }
}

/// A line on standard error: it is rewritten on a terminal; elsewhere a new one is written on each change.
struct Line {
    label: String,
    bar: Option<ProgressBar>,
    shown: String,
}

impl Line {
    fn new(server_type: &TypeName) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}");
            let bar = ProgressBar::new_spinner();
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar
        });
        Self { label: server_type.to_string(), bar, shown: String::new() }
    }

    fn show(&mut self, text: &str) {
        let changed = self.shown != text;
        if changed {
            text.clone_into(&mut self.shown);
        }
        match &self.bar {
            Some(bar) => {
                bar.set_message(format!("{}: {text}", self.label));
                bar.tick();
            }
            None if changed => complain(format_args!("{}: {text}", self.label)),
            None => {}
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::path::PathBuf;

    use super::*;
    use crate::api::{Endpoint, report};
    use crate::samples;

    fn web() -> TypeName {
        TypeName::new("web").unwrap()
    }

    fn away() -> ClientError {
        let endpoint = Endpoint::Unix(PathBuf::from("api.sock"));
        ClientError::NoDaemon { endpoint, source: std::io::ErrorKind::NotFound.into() }
    }

    /// Answers as the daemon does from the n-th question on, and is away before.
    async fn waited(answers_from: u32, settles_at: u32, timeout: u64) -> Result<Waited, ClientError> {
        let asked = Cell::new(0);
        let ask = async || {
            asked.set(asked.get() + 1);
            if asked.get() < answers_from {
                return Err(away());
            }
            let view = if asked.get() < settles_at { samples::view() } else { samples::settled_view() };
            Ok(report::status(&view))
        };
        poll(ask, &web(), Duration::from_secs(timeout)).await
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_over_when_the_type_is_settled() {
        assert!(matches!(waited(1, 1, 0).await, Ok(Waited::Settled(_))));
        assert!(matches!(waited(1, 100, 600).await, Ok(Waited::Settled(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_over_when_the_time_is() {
        let Ok(Waited::TimedOut { reached, .. }) = waited(1, u32::MAX, 600).await else { panic!("settled") };
        assert_eq!((reached.running, reached.desired), (2, Some(5)));
        assert!(matches!(waited(u32::MAX, u32::MAX, 1).await, Ok(Waited::TimedOut { .. })));
        assert!(matches!(waited(1, 3, u64::MAX).await, Ok(Waited::Settled(_))), "no time is too long");
    }

    #[tokio::test(start_paused = true)]
    async fn a_daemon_that_starts_again_is_waited_for_and_one_that_stays_away_is_not() {
        assert!(matches!(waited(20, 30, 600).await, Ok(Waited::Settled(_))));
        assert!(matches!(waited(u32::MAX, u32::MAX, 600).await, Err(ClientError::NoDaemon { .. })));
    }

    #[test]
    fn how_far_it_is_reads_at_a_glance() {
        let web = TypeName::new("web").unwrap();
        let changing = Reached::of(&report::status(&samples::view()), &web);
        insta::assert_snapshot!(changing, @"2 of 5 run (1 new, 2 running, 1 stopping, 1 errored, 2 of other owners held)");
        let settled = Reached::of(&report::status(&samples::settled_view()), &web);
        insta::assert_snapshot!(settled, @"2 of 2 run");
        let unknown = Reached::of(&report::status(&samples::view()), &TypeName::new("x").unwrap());
        assert!(!unknown.settled);
    }

    #[test]
    fn what_is_wrong_is_told_when_the_time_is_over() {
        let web = TypeName::new("web").unwrap();
        let Waited::TimedOut { alarms, .. } = timed_out(Some(&report::status(&samples::view())), &web) else {
            panic!("settled");
        };
        assert!(alarms.iter().any(|alarm| alarm.starts_with("upcloud: ")), "{alarms:?}");
        assert!(alarms.iter().any(|alarm| alarm.contains("connection refused")), "{alarms:?}");
        assert!(alarms.iter().any(|alarm| alarm.starts_with("web: fewer servers are allowed")), "{alarms:?}");
    }
}
