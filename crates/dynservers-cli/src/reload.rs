//! Reload: the configuration read again while the fleet runs, and taken over whole or not at all.

use dynservers_tokio::{FleetClock, Handle, ReloadError};
use thiserror::Error;

use crate::config::{Configuration, Problems};
use crate::making::{self, Company, Made, MakeError};

/// Why the daemon stays with the configuration that it has. Nothing has changed.
#[derive(Debug, Error)]
pub(crate) enum Kept {
    /// The file is wrong, or cannot be read.
    #[error("{0}")]
    Wrong(#[from] Problems),
    /// The file asks for something that only a start can do.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Fixed(Vec<Fixed>),
    /// Something that it speaks of cannot be used.
    #[error("{0}")]
    Unusable(#[from] MakeError),
    /// It contradicts the ledger.
    #[error("error: {0}")]
    Refused(#[from] ReloadError),
}

/// A key that stays as it is while the daemon runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("error: {key} changed, and {reason}: end the daemon and start it again, or take the change back")]
pub(crate) struct Fixed {
    key: &'static str,
    reason: &'static str,
}

/// Reads the file again, and lets the fleet go by it. Whoever works beside the loop is still to be exchanged.
pub(crate) async fn reload(
    current: &Configuration,
    handle: &Handle,
    clock: &FleetClock,
) -> Result<(Configuration, Company), Kept> {
    let mut next = Configuration::load(&current.path)?;
    // Said when it was started, and not in the file.
    next.core.shadow = current.core.shadow;
    let fixed = fixed(current, &next);
    if !fixed.is_empty() {
        return Err(Kept::Fixed(fixed));
    }
    let Made { parts, company } = making::make(&next, clock)?;
    handle.reload(parts).await?;
    Ok((next, company))
}

fn fixed(current: &Configuration, next: &Configuration) -> Vec<Fixed> {
    let all = [
        (current.fleet != next.fleet, "fleet", "the ledger and every server's label bear the old name"),
        (current.store != next.store, "store.url", "the ledger is open"),
        (current.api != next.api, "api.listen", "the daemon listens there"),
    ];
    all.into_iter().filter(|(is, ..)| *is).map(|(_, key, reason)| Fixed { key, reason }).collect()
}
