//! `plan`: what would be done now, and why.

use std::collections::BTreeMap;

use dynservers_core::{Effect, Op, ServerId, ServerRecord, StopMode, TypeName};
use jiff::Timestamp;
use serde::Serialize;

use crate::api::report;
use crate::commands::status::sentences;
use crate::commands::{CommandError, emit, json, table};
use crate::config::Configuration;
use crate::exit::Exit;
use crate::rehearsal::{Change, Rehearsal, RehearsalError, rehearse};
use crate::terminal::{Style, shown};
use crate::time::{relative, timestamp};

/// What would be done, by type.
#[derive(Debug, Serialize)]
struct Plan {
    types: BTreeMap<TypeName, TypePlan>,
    /// What is wrong and what stands in the way, as `status` tells it.
    alarms: Vec<String>,
}

/// What would be done about one type.
#[derive(Debug, Default, Serialize)]
struct TypePlan {
    /// How many servers there should be; unknown means as many as are found.
    desired: Option<u32>,
    /// How many were found at the provider.
    found: u32,
    actions: Vec<PlannedAction>,
}

/// One thing that would be done.
#[derive(Debug, Serialize)]
struct PlannedAction {
    action: &'static str,
    server: Option<ServerId>,
    name: String,
    reason: String,
}

/// Takes one look and shows what would be done now.
pub(crate) async fn plan(configuration: &Configuration, as_json: bool) -> Result<Exit, CommandError> {
    let plan = Plan::of(rehearse(configuration).await?);
    emit(&if as_json { json(&plan) } else { plan.for_people(Style::of_stdout()) })?;
    Ok(Exit::Done)
}

impl RehearsalError {
    /// Gives the code that the process ends with.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Provider(error) => error.exit(),
            Self::Config(_) => Exit::Usage,
            Self::Store(_) | Self::Unseen { .. } | Self::System(_) => Exit::Failed,
        }
    }
}

impl Plan {
    fn of(rehearsal: Rehearsal) -> Self {
        let mut types: BTreeMap<TypeName, TypePlan> = BTreeMap::new();
        let Rehearsal { view, found, unseen, changes, draining, asks_scores } = rehearsal;
        let mut alarms = sentences(&report::status(&view), timestamp(view.now));
        alarms.extend(unseen.iter().map(|(name, count)| not_shown(name, *count)));
        if asks_scores {
            alarms.push(
                "workers are asked how busy they are, and the least busy go; a plan asks nobody".to_owned(),
            );
        }
        for (name, seen) in view.types {
            let found = found.get(&name).copied().unwrap_or(0);
            types.insert(name, TypePlan { desired: seen.desired, found, actions: Vec::new() });
        }
        for Change { effect, server_type, name } in changes {
            let action = PlannedAction::of(&effect, name);
            types.entry(server_type).or_default().actions.push(action);
        }
        for record in draining {
            let action = PlannedAction::drain(&record, timestamp(view.now));
            types.entry(record.server_type).or_default().actions.push(action);
        }
        Self { types, alarms }
    }

    fn for_people(&self, style: Style) -> String {
        let mut text: String = self.types.iter().map(|(name, plan)| plan.heading(name)).collect();
        let actions: Vec<&PlannedAction> = self.types.values().flat_map(|plan| &plan.actions).collect();
        if actions.is_empty() {
            text.push_str("\nNothing would be done.\n");
        } else {
            let mut table = table::table(style, &["ACTION", "SERVER", "NAME", "REASON"]);
            for action in actions {
                table.add_row([
                    table::text(Some(action.action)),
                    table::number(action.server.map(|server| server.0)),
                    table::text(Some(&action.name)),
                    table::text(Some(&action.reason)),
                ]);
            }
            text.push('\n');
            text.push_str(&table::finish(table));
        }
        if !self.alarms.is_empty() {
            text.push('\n');
            text.extend(self.alarms.iter().map(|alarm| format!("! {}\n", shown(alarm))));
        }
        text
    }
}

fn not_shown(name: &TypeName, count: u32) -> String {
    let (servers, are) = if count == 1 { ("server", "is") } else { ("servers", "are") };
    format!("{name}: {count} {servers} on record {are} not in this look; one look convicts nobody")
}

impl TypePlan {
    fn heading(&self, name: &TypeName) -> String {
        let desired =
            self.desired.map_or_else(|| "as many as are found".to_owned(), |count| count.to_string());
        format!("{name}: desired {desired}, found {}\n", self.found)
    }
}

impl PlannedAction {
    /// A server that drains is stopped later: what is waited for is told, and how long at most.
    fn drain(record: &ServerRecord, now: Timestamp) -> Self {
        let removal = record.removal.as_ref();
        let why = removal.map_or(record.why, |removal| removal.why);
        let until = removal.and_then(|removal| removal.drain).map(|drain| {
            let until = relative(timestamp(drain.deadline), now);
            format!("; it is stopped when its worker is done, at the latest {until}")
        });
        let reason = format!("{why}{}", until.unwrap_or_default());
        Self { action: "drain", server: Some(record.id), name: record.name.to_string(), reason }
    }

    fn of(effect: &Effect, name: String) -> Self {
        let action = match &effect.op {
            Op::Stop { mode: StopMode::Hard, .. } => "stop hard",
            Op::Stop { mode: StopMode::Soft { .. }, .. } => "stop",
            other => other.name(),
        };
        Self { action, server: effect.server, name, reason: effect.why.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use dynservers_core::Status;

    use super::*;
    use crate::samples;

    fn plan() -> Plan {
        let action = |action, server, reason: &str| PlannedAction {
            action,
            server: Some(ServerId(server)),
            name: format!("dynamic-server-web-{server}"),
            reason: reason.to_owned(),
        };
        let actions = vec![
            action("create", 4, "more servers are wanted than there are"),
            action("delete", 2, "seen stopped though nobody asked for it"),
        ];
        let web = TypePlan { desired: Some(3), found: 2, actions };
        let types = [("db", TypePlan::default()), ("web", web)];
        let types = types.into_iter().map(|(name, plan)| (TypeName::new(name).unwrap(), plan)).collect();
        Plan { types, alarms: vec!["1 server bears our labels and is in no record yet".to_owned()] }
    }

    #[test]
    fn a_person_reads_what_and_why() {
        insta::assert_snapshot!(plan().for_people(Style::PLAIN));
    }

    #[test]
    fn a_machine_reads_the_same() {
        insta::assert_snapshot!(json(&plan()));
    }

    #[test]
    fn what_stands_in_the_way_is_told() {
        let unseen = [(TypeName::new("web").unwrap(), 2)].into();
        let (found, changes) = (BTreeMap::new(), Vec::new());
        let draining =
            samples::records().into_iter().filter(|record| record.status == Status::Draining).collect();
        let view = samples::view();
        let plan = Plan::of(Rehearsal { view, found, unseen, changes, draining, asks_scores: true });
        insta::assert_snapshot!(plan.for_people(Style::PLAIN));
    }

    #[test]
    fn nothing_to_do_is_said() {
        let idle = Plan { types: BTreeMap::new(), alarms: Vec::new() };
        assert_eq!(idle.for_people(Style::PLAIN), "\nNothing would be done.\n");
    }
}
