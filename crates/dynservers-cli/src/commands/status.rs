//! `status`: how many servers there are and should be, and what is wrong.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use dynservers_core::{ProviderName, Status};
use jiff::Timestamp;
use serde::Serialize;

use crate::api::wire::{FleetStatus, OverrideStatus, ProviderStatus, TypeStatus};
use crate::commands::cost::FleetCost;
use crate::commands::{CommandError, emit, json, table, tell};
use crate::exit::Exit;
use crate::site::{LastWords, Site};
use crate::terminal::{Style, shown};
use crate::time::{age_seconds, relative};

/// Shows how the fleet is.
pub(crate) async fn status(site: &Site, as_json: bool) -> Result<Exit, CommandError> {
    let told = tell::status(site).await?;
    let cost = FleetCost::of(&told.what, &site.costs);
    emit(&if as_json {
        json(&Priced { status: &told.what, cost: &cost })
    } else {
        let mut text = for_people(&told.what, &cost, told.now, Style::of_stdout());
        text.extend(last_words(&told.what, &site.last_words, told.now));
        text
    })?;
    Ok(Exit::Done)
}

/// What a machine reads: the daemon's word, and what it costs by the configuration.
#[derive(Serialize)]
struct Priced<'s> {
    #[serde(flatten)]
    status: &'s FleetStatus,
    #[serde(skip_serializing_if = "FleetCost::is_unknown")]
    cost: &'s FleetCost,
}

fn for_people(status: &FleetStatus, cost: &FleetCost, now: Timestamp, style: Style) -> String {
    let mut text = format!("Fleet {}, owner {}\n\n", status.fleet, status.owner);
    text.push_str(&types(status, style));
    if !status.providers.is_empty() {
        text.push('\n');
        text.push_str(&providers(status, now, style));
    }
    if let Some(sentence) = cost.sentence() {
        text.push('\n');
        text.push_str(&sentence);
    }
    let sentences = sentences(status, now);
    if !sentences.is_empty() {
        text.push('\n');
        text.extend(sentences.iter().map(|sentence| format!("{sentence}\n")));
    }
    text
}

fn types(status: &FleetStatus, style: Style) -> String {
    let has_work = status.types.values().any(|status| status.work.is_some());
    let mut headings = vec!["TYPE", "PROVIDER", "DESIRED", "PROVISIONED", "STATE", "SERVERS"];
    if has_work {
        headings.insert(2, "WORK");
    }
    let mut table = table::table(style, &headings);
    for (name, status) in &status.types {
        let mut row = vec![
            table::text(Some(name.as_str())),
            table::text(status.provider.as_ref().map(ProviderName::as_str)),
            table::number(status.desired.map(u64::from)),
            table::number(Some(status.provisioned.into())),
            table::text(Some(state(status))),
            table::text(Some(&counts(status))),
        ];
        if has_work {
            row.insert(2, table::number(status.work));
        }
        table.add_row(row);
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
pub(crate) fn sentences(status: &FleetStatus, now: Timestamp) -> Vec<String> {
    let mut sentences = Vec::new();
    if status.shadow {
        sentences.push("Only watching: it is decided what would be done, and nothing is changed.".to_owned());
    }
    if status.paused_out {
        sentences.push("Creating is paused.".to_owned());
    }
    if status.paused_in {
        sentences.push("Choosing servers to go is paused.".to_owned());
    }
    for (name, status) in &status.types {
        if let Some(OverrideStatus { count, until }) = status.overriding {
            let until = until.map_or_else(
                || "until it is ended".to_owned(),
                |until| format!("and ends {}", relative(until, now)),
            );
            sentences.push(format!("{name}: an override says {count}, whatever the sources say, {until}"));
        }
        if let Some(why) = &status.work_unknown {
            sentences.push(format!("{name}: not all of the work is known: {}", shown(why)));
        }
        if let Some(since) = status.limited_since {
            let since = relative(since, now);
            sentences.push(format!("{name}: fewer servers are allowed than are wanted, since {since}"));
        }
        if let Some(next) = status.next_create.filter(|next| *next > now) {
            // Less than a second away is now, and not something that was.
            let next = if age_seconds(now, next) == 0 { "now".to_owned() } else { relative(next, now) };
            sentences.push(format!("{name}: {}; the next one is tried {next}", trouble(status, now)));
        }
    }
    for (name, status) in &status.providers {
        sentences.extend(alarms(status).map(|alarm| format!("{name}: {}", shown(&alarm))));
    }
    sentences
}

/// Says where to read why servers ended by themselves.
fn last_words(status: &FleetStatus, places: &LastWords, now: Timestamp) -> Option<String> {
    let ended_early = |status: &&TypeStatus| {
        status.next_create.is_some_and(|next| next > now)
            && status.create_trouble.as_ref().is_some_and(|trouble| trouble.ended_early)
    };
    let providers: BTreeSet<_> =
        status.types.values().filter(ended_early).filter_map(|status| status.provider.as_ref()).collect();
    let mut lines = String::new();
    for place in providers.into_iter().filter_map(|name| places.get(name)) {
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "What they said last is in {}", place.display());
    }
    (!lines.is_empty()).then_some(lines)
}

/// Says why a type waits with its next create.
fn trouble(status: &TypeStatus, now: Timestamp) -> String {
    let trouble = status.create_trouble.as_ref();
    let what = match trouble {
        Some(trouble) if trouble.ended_early => "servers ended by themselves soon after they were made",
        Some(_) | None => "creates failed",
    };
    let since = trouble.and_then(|trouble| trouble.since);
    let since = since.map(|since| format!(", the first {}", relative(since, now))).unwrap_or_default();
    let failure = trouble.and_then(|trouble| trouble.failure.as_ref());
    let failure = failure.map(|failure| format!(": {}", shown(&failure.to_string()))).unwrap_or_default();
    format!("{what}{since}{failure}")
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
        for_people(status, &FleetCost::default(), status.as_of, Style::PLAIN)
    }

    #[test]
    fn work_overrides_and_costs_are_shown() {
        let mut status = report::status(&samples::view());
        let web = status.types.values_mut().last().unwrap();
        web.work = Some(1_234);
        web.work_unknown = Some("the queue's address does not answer".to_owned());
        web.overriding = Some(OverrideStatus { count: 4, until: Some(status.as_of) });
        let price = crate::config::Price::of_millionths(29_760);
        let costs = [(dynservers_core::TypeName::new("web").unwrap(), crate::site::Cost { price, max: 20 })];
        let cost = FleetCost::of(&status, &costs.into());
        insta::assert_snapshot!(for_people(&status, &cost, status.as_of, Style::PLAIN));
        assert!(json(&Priced { status: &status, cost: &cost }).contains("\"at_max\": 0.5952"));
    }

    #[test]
    fn servers_that_ended_soon_are_told_from_creates_that_failed() {
        let mut status = report::status(&samples::view());
        let places = LastWords::from([(ProviderName::new("upcloud").unwrap(), "/srv/ended".into())]);
        assert_eq!(last_words(&status, &places, status.as_of), None);
        let web = status.types.values_mut().last().unwrap();
        let trouble = web.create_trouble.as_mut().unwrap();
        (trouble.ended_early, trouble.failure) = (true, None);
        let told = shown(&status);
        let sentence =
            "web: servers ended by themselves soon after they were made, the first 1m ago; the next one is";
        assert!(told.contains(sentence), "{told}");
        let place = last_words(&status, &places, status.as_of);
        assert_eq!(place.as_deref(), Some("What they said last is in /srv/ended\n"));
        assert_eq!(last_words(&status, &LastWords::new(), status.as_of), None);
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
