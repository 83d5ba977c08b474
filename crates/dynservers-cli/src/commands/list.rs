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
    let servers = to_show(told.what.servers, all);
    emit(&if as_json { json(&servers) } else { for_people(&servers, told.now, wide, Style::of_stdout()) })?;
    Ok(Exit::Done)
}

/// Leaves out those that are seen gone, unless all are wanted. What is stopped still bills, and is shown.
fn to_show(mut servers: Vec<Server>, all: bool) -> Vec<Server> {
    servers.retain(|server| all || server.status != Status::Deleted);
    servers
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

    /// One of every status, as the reference's `list` had them: it hid what was stopped and billed, and showed what was
    /// deleted for ever.
    #[test]
    fn defect_21_what_is_stopped_is_listed_and_what_is_deleted_is_not() {
        let now = crate::time::timestamp(samples::view().now);
        let mut records = samples::records();
        let template = records.iter().find(|record| record.status == Status::Stopping).unwrap().clone();
        records.clear();
        for (id, status) in (1..).zip(Status::ALL) {
            let id = dynservers_core::ServerId(id);
            records.push(dynservers_core::ServerRecord { id, status, removal: None, ..template.clone() });
        }
        let servers = report::servers(&records, now, &samples::addresses()).servers;
        let text = for_people(&to_show(servers.clone(), false), now, false, Style::PLAIN);
        insta::assert_snapshot!(text, @r"
        ID  NAME           TYPE  STATUS     SINCE    ADDRESS
         1  workers-web-5  web   new        12s ago  -
         2  workers-web-5  web   starting   12s ago  -
         3  workers-web-5  web   running    12s ago  -
         4  workers-web-5  web   rebooting  12s ago  -
         5  workers-web-5  web   draining   12s ago  -
         6  workers-web-5  web   stopping   12s ago  -
         7  workers-web-5  web   stopped    12s ago  -
         8  workers-web-5  web   deleting   12s ago  -
        10  workers-web-5  web   errored    12s ago  -
        11  workers-web-5  web   hanging    12s ago  -
        12  workers-web-5  web   paused     12s ago  -
        ");
        for status in Status::ALL {
            let is_shown = text.split_whitespace().any(|word| word == status.as_str());
            assert_eq!(is_shown, status != Status::Deleted, "{status}");
        }
        assert!(to_show(servers, true).iter().any(|server| server.status == Status::Deleted), "if asked for");
    }

    /// The reference said "could not start" of a server that could not be stopped.
    #[test]
    fn defect_21_of_a_stop_that_failed_nobody_reads_that_it_could_not_start() {
        let now = crate::time::timestamp(samples::view().now);
        let mut records = samples::records();
        records.retain(|record| record.status == Status::Stopping);
        records[0].failure = Some(Box::new(dynservers_core::Failure {
            message: "The server is not in a state in which it can be stopped".to_owned(),
            code: Some("SERVER_STATE_ILLEGAL".to_owned()),
            http_status: Some(409),
            correlation: None,
        }));
        let servers = report::servers(&records, now, &samples::addresses()).servers;
        let text = for_people(&servers, now, false, Style::PLAIN);
        insta::assert_snapshot!(text, @r"
        ID  NAME           TYPE  STATUS    SINCE    ADDRESS
         5  workers-web-5  web   stopping  12s ago  -

        server 5: The server is not in a state in which it can be stopped (SERVER_STATE_ILLEGAL, HTTP 409)
        server 5: is removed: more servers are there than are wanted
        ");
        assert!(text.contains("stop") && !text.contains("start"));
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
