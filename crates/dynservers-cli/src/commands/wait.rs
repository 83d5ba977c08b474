//! `--wait`: until the desired servers run and nothing is under way, with a line that says how far it is.

use std::fmt;
use std::io::IsTerminal as _;
use std::time::Duration;

use dynservers_core::{Status, TypeName};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::{Instant, sleep, timeout_at};

use crate::api::client::{Client, ClientError};
use crate::api::wire::FleetStatus;
use crate::commands::status::{alarms, counts};
use crate::terminal::{complain, shown};

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
    counts: String,
}

impl Reached {
    fn of(status: &FleetStatus, server_type: &TypeName) -> Self {
        status.types.get(server_type).map_or_else(Self::default, |status| Self {
            settled: status.settled == Some(true),
            running: status.counts.get(&Status::Running).copied().unwrap_or(0),
            desired: status.desired,
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
        if self.settled { Ok(()) } else { write!(formatter, " ({})", self.counts) }
    }
}

/// Asks until a type is settled or the time is over.
pub(super) async fn until_settled(
    client: &Client,
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
        match timeout_at(deadline, client.status()).await {
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
    let alarms = status
        .providers
        .iter()
        .flat_map(|(name, status)| alarms(status).map(move |alarm| format!("{name}: {}", shown(&alarm))))
        .collect();
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
    use super::*;
    use crate::api::report;
    use crate::samples;

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
    }
}
