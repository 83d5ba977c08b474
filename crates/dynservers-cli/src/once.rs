//! `run --once`: the fleet brought to where it should be, and then left alone until the next time.

use std::time::Duration;

use dynservers_core::FleetView;
use dynservers_tokio::{FleetClock, Handle};
use jiff::Timestamp;
use tokio::time::{Instant, sleep, timeout_at};

use crate::api::report;
use crate::commands::alarms_of;
use crate::config::Configuration;
use crate::daemon::{DaemonError, Signals};
use crate::exit::Exit;
use crate::making::{self, Made, Present};
use crate::terminal::complain;
use crate::time::timestamp;

/// Between two looks at how far it is.
const INTERVAL: Duration = Duration::from_millis(100);

/// What ended it.
enum End {
    Settled,
    Overdue,
    Signal(&'static str),
    Loop,
}

/// Looks, does what is to be done, and ends: without control API, for cron.
pub(crate) async fn run(configuration: &Configuration, max_wait: Duration) -> Result<Exit, DaemonError> {
    let mut signals = Signals::install()?;
    let clock = FleetClock::new();
    let Made { parts, company } = making::make(configuration, &clock)?;
    let (handle, running) = making::start(parts, configuration, clock).await?;
    let journal = tokio::spawn(crate::journal::keep(handle.subscribe()));
    let mut running = tokio::spawn(running);
    let mut company = company.begin(configuration, &handle).await?;
    let began = Instant::now();
    // A time beyond the clock's end is as good as for ever.
    let deadline = began.checked_add(max_wait).unwrap_or_else(|| began + Duration::from_secs(86_400 * 365));
    let end = tokio::select! {
        _ = &mut running => End::Loop,
        name = signals.either() => End::Signal(name),
        settled = timeout_at(deadline, settled(&handle, &mut company)) => if settled.is_ok() { End::Settled } else { End::Overdue },
    };
    let last = handle.view().await.ok();
    if let End::Loop = end {
        return Err(DaemonError::Broken { part: "the loop" });
    }
    // Nobody tells of it later if nobody runs.
    company.finish().await;
    handle.shutdown().await;
    running.await.map_err(|_| DaemonError::Broken { part: "the loop" })??;
    journal.await.map_err(|_| DaemonError::Broken { part: "the log of events" })?;
    Ok(tell(&end, last.as_ref(), max_wait))
}

/// Waits until it is known how much is to be done, and nothing of it is left.
async fn settled(handle: &Handle, company: &mut Present) {
    company.measured().await;
    while let Ok(view) = handle.view().await {
        if is_settled(&view) {
            return;
        }
        sleep(INTERVAL).await;
    }
    // The loop has ended, which whoever polls it sees too.
    std::future::pending::<()>().await;
}

/// Whether every provider was seen, the servers that should be there are, and nothing is under way.
fn is_settled(view: &FleetView) -> bool {
    let seen = |provider: &dynservers_core::ProviderView| {
        provider.last_look.is_some() && provider.in_flight == 0 && provider.hold.is_none()
    };
    view.providers.values().all(seen) && view.types.values().all(|of_type| of_type.settled)
}

fn tell(end: &End, view: Option<&FleetView>, max_wait: Duration) -> Exit {
    let alarms = view.map(|view| alarms_of(&report::status(view), wall(view))).unwrap_or_default();
    for alarm in &alarms {
        complain(alarm);
    }
    match end {
        End::Settled => {
            tracing::info!("settled");
            Exit::Done
        }
        End::Overdue => {
            complain(format_args!(
                "not settled after {}; what is under way is recorded, and the next run goes on with it",
                crate::duration::show(max_wait)
            ));
            Exit::TimedOut
        }
        End::Signal(name) => {
            complain(format_args!("ended by {name} before it was settled; the next run goes on"));
            Exit::Failed
        }
        End::Loop => Exit::Failed,
    }
}

fn wall(view: &FleetView) -> Timestamp {
    timestamp(view.now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn a_fleet_is_settled_when_everything_was_seen_and_nothing_is_left() {
        let settled = samples::settled_view();
        assert!(is_settled(&settled));
        assert!(!is_settled(&samples::view()));
        let mut unseen = settled.clone();
        unseen.providers.values_mut().for_each(|provider| provider.last_look = None);
        assert!(!is_settled(&unseen));
        let mut busy = settled;
        busy.providers.values_mut().for_each(|provider| provider.in_flight = 1);
        assert!(!is_settled(&busy));
    }

    #[test]
    fn the_code_says_how_it_ended() {
        let wait = Duration::from_secs(1);
        assert_eq!(tell(&End::Settled, None, wait), Exit::Done);
        assert_eq!(tell(&End::Overdue, Some(&samples::view()), wait), Exit::TimedOut);
        assert_eq!(tell(&End::Signal("SIGTERM"), None, wait), Exit::Failed);
    }
}
