//! `explain`: why there are as many servers as there are, as sentences.

use dynservers_core::{DecisionQuery, Time, TypeName};
use dynservers_store::Sqlite;
use jiff::Timestamp;
use serde_json::Value;

use crate::api::client::ClientError;
use crate::api::report;
use crate::commands::{CommandError, emit};
use crate::exit::Exit;
use crate::site::Site;
use crate::terminal::{complain, shown};

/// Which decisions somebody wants to have explained.
#[derive(Clone, Debug, Default)]
pub(crate) struct Question {
    /// Only those about this type.
    pub(crate) server_type: Option<TypeName>,
    /// What held at this moment, and not now.
    pub(crate) at: Option<Timestamp>,
    /// How many, the latest.
    pub(crate) last: u32,
    /// Whether a machine reads it.
    pub(crate) json: bool,
}

/// Explains the last decisions, or those up to a moment, oldest first.
pub(crate) async fn explain(site: &Site, question: &Question) -> Result<Exit, CommandError> {
    let decisions = decisions(site, question).await?;
    if question.json {
        for decision in &decisions {
            emit(&format!("{decision}\n"))?;
        }
        return Ok(Exit::Done);
    }
    if decisions.is_empty() {
        complain(
            "Nothing was decided yet, or not so long ago: only types with sources have decisions to explain.",
        );
    }
    let told: Vec<String> = decisions.iter().map(for_people).collect();
    emit(&told.join("\n"))?;
    Ok(Exit::Done)
}

/// Asks the daemon; while it is down, reads the store as it left it.
async fn decisions(site: &Site, question: &Question) -> Result<Vec<Value>, CommandError> {
    let answer = site.client().decisions(question.server_type.as_ref(), question.at, question.last).await;
    match answer {
        Err(error @ ClientError::NoDaemon { .. }) if site.store.exists() => {
            complain(format_args!("The daemon is down. This is what it left in {}.", site.store.display()));
            tracing::debug!(%error, "reading the store");
            stored(site, question).await
        }
        answer => Ok(answer?),
    }
}

async fn stored(site: &Site, question: &Question) -> Result<Vec<Value>, CommandError> {
    let (path, fleet) = (site.store.clone(), site.fleet.clone());
    let until = question.at.map(|at| Time::from_millis(u64::try_from(at.as_millisecond()).unwrap_or(0)));
    let wish =
        DecisionQuery { server_type: question.server_type.clone(), until, limit: question.last as usize };
    let read =
        tokio::task::spawn_blocking(move || Sqlite::open_read_only(&path, Some(&fleet))?.decisions(&wish));
    let decisions = read.await.map_err(|_| CommandError::Broken)??;
    Ok(decisions.iter().map(report::decision).collect())
}

fn for_people(decision: &Value) -> String {
    let lines = decision["explanation"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let indented = lines.enumerate().map(|(number, line)| {
        let indent = if number == 0 { "" } else { "  " };
        format!("{indent}{}\n", shown(line))
    });
    indented.collect()
}
