//! `status`: how many servers there are and should be, and what is wrong.

use std::fmt::Write as _;

use dynservers_core::{ProviderName, Status};
use jiff::Timestamp;

use crate::api::wire::{FleetStatus, ProviderStatus, TypeStatus};
use crate::commands::{CommandError, emit, json, table, tell};
use crate::exit::Exit;
use crate::site::Site;
use crate::terminal::{Style, shown};
use crate::time::relative;

/// Shows how the fleet is.
pub(crate) async fn status(site: &Site, as_json: bool) -> Result<Exit, CommandError> {
    let told = tell::status(site).await?;
    emit(&if as_json { json(&told.what) } else { for_people(&told.what, told.now, Style::of_stdout()) })?;
    Ok(Exit::Done)
}

fn for_people(status: &FleetStatus, now: Timestamp, style: Style) -> String {
    let mut text = format!("Fleet {}, owner {}\n\n", status.fleet, status.owner);
    text.push_str(&types(status, style));
    if !status.providers.is_empty() {
        text.push('\n');
        text.push_str(&providers(status, now, style));
    }
    let sentences = sentences(status, now);
    if !sentences.is_empty() {
        text.push('\n');
        text.extend(sentences.iter().map(|sentence| format!("{sentence}\n")));
    }
    text
}

fn types(status: &FleetStatus, style: Style) -> String {
    let headings = ["TYPE", "PROVIDER", "DESIRED", "PROVISIONED", "STATE", "SERVERS"];
    let mut table = table::table(style, &headings);
    for (name, status) in &status.types {
        table.add_row([
            table::text(Some(name.as_str())),
            table::text(status.provider.as_ref().map(ProviderName::as_str)),
            table::number(status.desired.map(u64::from)),
            table::number(Some(status.provisioned.into())),
            table::text(Some(state(status))),
            table::text(Some(&counts(status))),
        ]);
    }
    table::finish(table)
}

fn state(status: &TypeStatus) -> &'static str {
    match (status.retired, status.settled) {
        (true, _) => "retired",
        (false, Some(true)) => "settled",
        (false, Some(false)) => "changing",
        (false, None) => "unknown",
    }
}

/// Lists how many servers there are of each status, but for those that are gone.
pub(super) fn counts(status: &TypeStatus) -> String {
    let mut parts: Vec<_> = status
        .counts
        .iter()
        .filter(|(status, count)| **status != Status::Deleted && **count > 0)
        .map(|(status, count)| format!("{count} {status}"))
        .collect();
    if status.held > 0 {
        parts.push(format!("{} of other owners held", status.held));
    }
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}

fn providers(status: &FleetStatus, now: Timestamp, style: Style) -> String {
    let mut table = table::table(style, &["PROVIDER", "LAST LOOK", "IN ACCOUNT", "IN FLIGHT"]);
    for (name, status) in &status.providers {
        let last_look = status.last_look.map(|look| relative(look, now));
        table.add_row([
            table::text(Some(name.as_str())),
            table::text(last_look.as_deref()),
            table::number(status.account_total),
            table::number(Some(status.in_flight.into())),
        ]);
    }
    table::finish(table)
}

/// Says what a person should know beyond the tables.
pub(super) fn sentences(status: &FleetStatus, now: Timestamp) -> Vec<String> {
    let mut sentences = Vec::new();
    if status.paused_out {
        sentences.push("Creating is paused.".to_owned());
    }
    if status.paused_in {
        sentences.push("Choosing servers to go is paused.".to_owned());
    }
    for (name, status) in &status.types {
        if let Some(since) = status.limited_since {
            let since = relative(since, now);
            sentences.push(format!("{name}: fewer servers are allowed than are wanted, since {since}"));
        }
        if let Some(next) = status.next_create.filter(|next| *next > now) {
            let next = relative(next, now);
            sentences.push(format!("{name}: creates failed; the next one is tried {next}"));
        }
    }
    for (name, status) in &status.providers {
        sentences.extend(alarms(status).map(|alarm| format!("{name}: {}", shown(&alarm))));
    }
    sentences
}

/// Gives the alarms of a provider, and its last failure if no alarm tells of it.
fn alarms(status: &ProviderStatus) -> impl Iterator<Item = String> {
    let untold = status
        .failure
        .as_ref()
        .filter(|failure| !status.alarms.iter().any(|alarm| alarm.contains(&failure.message)))
        .map(|failure| {
            let mut sentence = failure.to_string();
            if status.failed_looks > 1 {
                // Writing to a string cannot fail.
                let _ = write!(sentence, " ({} looks failed in a row)", status.failed_looks);
            }
            sentence
        });
    status.alarms.iter().cloned().chain(untold)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::report;
    use crate::samples;

    fn shown(status: &FleetStatus) -> String {
        for_people(status, status.as_of, Style::PLAIN)
    }

    #[test]
    fn people_see_what_is_and_what_is_wrong() {
        insta::assert_snapshot!(shown(&report::status(&samples::view())));
    }

    #[test]
    fn a_fleet_at_rest_says_no_more_than_that() {
        insta::assert_snapshot!(shown(&report::status(&samples::settled_view())));
    }

    #[test]
    fn what_a_daemon_left_is_shown_with_what_is_not_known() {
        let spare = dynservers_core::TypeName::new("spare").unwrap();
        let status = report::stored_status(&samples::stored(), &[spare]);
        insta::assert_snapshot!(shown(&status));
        insta::assert_snapshot!("stored_json", json(&status));
    }

    #[test]
    fn machines_see_every_field() {
        insta::assert_snapshot!(json(&report::status(&samples::view())));
    }
}
