//! Telling: the fleet by the daemon's word, or while it is down by what it left in its store.

use std::time::SystemTime;

use dynservers_core::{Stored, Time};
use dynservers_store::Sqlite;
use jiff::Timestamp;

use crate::api::client::ClientError;
use crate::api::report;
use crate::api::wire::{FleetStatus, ServerList};
use crate::commands::CommandError;
use crate::site::Site;
use crate::terminal::complain;
use crate::time::{age_seconds, span, timestamp};

/// Something told, and the moment that relative times in it count from.
pub(super) struct Told<T> {
    pub(super) what: T,
    pub(super) now: Timestamp,
}

/// Asks for every server.
pub(super) async fn servers(site: &Site) -> Result<Told<ServerList>, CommandError> {
    match site.client().servers().await {
        Ok(list) => Ok(Told { now: list.as_of, what: list }),
        Err(error) => {
            let stored = left_behind(site, error).await?;
            let as_of = timestamp(stored.fleet.time);
            Ok(Told { what: report::servers(&stored.servers, as_of, &site.addresses), now: wall() })
        }
    }
}

/// Asks how the fleet is.
pub(super) async fn status(site: &Site) -> Result<Told<FleetStatus>, CommandError> {
    match site.client().status().await {
        Ok(status) => Ok(Told { now: status.as_of, what: status }),
        Err(error) => {
            let stored = left_behind(site, error).await?;
            Ok(Told { what: report::stored_status(&stored, &site.types), now: wall() })
        }
    }
}

fn wall() -> Timestamp {
    Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::MAX)
}

/// Reads what a daemon that is down left, and says so; any other trouble stays what it is.
async fn left_behind(site: &Site, error: ClientError) -> Result<Stored, CommandError> {
    let ClientError::NoDaemon { .. } = &error else { return Err(error.into()) };
    // Nothing was left behind: then the daemon is all there is to say.
    if !site.store.exists() {
        return Err(error.into());
    }
    let (path, fleet) = (site.store.clone(), site.fleet.clone());
    let stored = tokio::task::spawn_blocking(move || Sqlite::open_read_only(&path, Some(&fleet))?.load())
        .await
        .map_err(|_| CommandError::Broken)??;
    let place = site.store.display();
    if stored.fleet.time == Time::ZERO {
        complain(format_args!("The daemon is down. It has written nothing to {place} yet."));
    } else {
        let age = span(age_seconds(timestamp(stored.fleet.time), wall()));
        complain(format_args!("The daemon is down. This is what it left in {place}, {age} old."));
    }
    Ok(stored)
}
