//! `list`: the servers, one a line.

use dynservers_core::{ProviderId, Status};
use jiff::Timestamp;

use crate::api::wire::Server;
use crate::commands::{CommandError, emit, json, table, tell};
use crate::exit::Exit;
use crate::site::Site;
use crate::terminal::{Style, shown};
use crate::time::relative;

/// Shows the servers.
pub(crate) async fn list(site: &Site, all: bool, wide: bool, as_json: bool) -> Result<Exit, CommandError> {
    let told = tell::servers(site).await?;
    let mut servers = told.what.servers;
    servers.retain(|server| all || server.status != Status::Deleted);
    emit(&if as_json { json(&servers) } else { for_people(&servers, told.now, wide, Style::of_stdout()) })?;
    Ok(Exit::Done)
}

fn for_people(servers: &[Server], now: Timestamp, wide: bool, style: Style) -> String {
    if servers.is_empty() {
        return "There are no servers.\n".to_owned();
    }
    // A line is to fit a terminal of 100 columns: what tells servers of one provider apart is their name.
    let headings: &[&str] = if wide {
        &["ID", "NAME", "TYPE", "STATUS", "SINCE", "ADDRESS", "PROVIDER", "PROVIDER ID"]
    } else {
        &["ID", "NAME", "TYPE", "STATUS", "SINCE", "ADDRESS"]
    };
    let mut table = table::table(style, headings);
    for server in servers {
        let mut row = vec![
            table::number(Some(server.id.0)),
            table::text((!server.name.is_empty()).then_some(&server.name)),
            table::text(Some(server.server_type.as_str())),
            table::status(server.status),
            table::text(Some(&relative(server.status_since, now))),
            table::text(server.address.as_deref()),
        ];
        if wide {
            row.push(table::text(Some(server.provider.as_str())));
            row.push(table::text(server.provider_id.as_ref().map(ProviderId::as_str)));
        }
        table.add_row(row);
    }
    let mut text = table::finish(table);
    let notes: Vec<_> = servers.iter().flat_map(|server| notes(server, now)).collect();
    if !notes.is_empty() {
        text.push('\n');
        text.extend(notes.iter().map(|note| format!("{note}\n")));
    }
    text
}

/// Says what a person should know of a server beyond its line.
fn notes(server: &Server, now: Timestamp) -> Vec<String> {
    let id = server.id;
    let mut notes = Vec::new();
    if let Some(failure) = &server.failure {
        notes.push(format!("server {id}: {}", shown(&failure.to_string())));
    }
    if let Some(reason) = server.removal_reason.as_ref().filter(|_| server.status != Status::Deleted) {
        let until = server.drains_until.map(|until| {
            format!("; it is stopped when its worker is done, at the latest {}", relative(until, now))
        });
        notes.push(format!("server {id}: is removed: {reason}{}", until.unwrap_or_default()));
    }
    if server.disowned {
        notes.push(format!("server {id}: lost our label, and is left alone"));
    }
    if server.protected {
        notes.push(format!("server {id}: is protected from removal"));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::report;
    use crate::samples;

    fn servers() -> (Vec<Server>, Timestamp) {
        let as_of = crate::time::timestamp(samples::view().now);
        (report::servers(&samples::records(), as_of, &samples::addresses()).servers, as_of)
    }

    #[test]
    fn people_see_aligned_lines_and_what_is_wrong() {
        let (servers, now) = servers();
        insta::assert_snapshot!(for_people(&servers, now, false, Style::PLAIN));
        insta::assert_snapshot!("wide", for_people(&servers, now, true, Style::PLAIN));
        insta::assert_snapshot!(for_people(&[], now, false, Style::PLAIN), @"There are no servers.");
    }

    #[test]
    fn colours_come_only_when_wanted() {
        let (servers, now) = servers();
        assert!(!for_people(&servers, now, false, Style::PLAIN).contains('\u{1b}'));
        let colored = for_people(&servers, now, false, Style { color: true });
        assert!(colored.contains("\u{1b}[38;5;10mrunning"), "{colored:?}");
    }

    #[test]
    fn machines_see_every_field() {
        let (servers, _) = servers();
        insta::assert_snapshot!(json(&servers[..2].to_vec()));
    }
}
