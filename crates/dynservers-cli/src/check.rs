//! `check`: whether a configuration would work, told one finding a line.

mod here;
mod offline;
mod online;

use std::fmt::Write as _;
use std::path::Path;

use dynservers_core::TypeName;
use serde::Serialize;

use crate::commands::{CommandError, emit, json, table};
use crate::config::{Configuration, HookTarget, SourceSettings};
use crate::exit::Exit;
use crate::site::Site;
use crate::terminal::{Style, shown};

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// It is as it should be.
    Ok,
    /// It works, and somebody should know this; or it could not be found out.
    Warn,
    /// It would not work.
    Fail,
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Finding {
    verdict: Verdict,
    /// What was checked.
    what: String,
    /// What was found.
    detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

impl Finding {
    fn ok(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Ok, what: what.into(), detail: detail.into(), help: None }
    }

    fn warn(what: impl Into<String>, detail: impl Into<String>, help: impl Into<String>) -> Self {
        let help = Some(help.into());
        Self { verdict: Verdict::Warn, what: what.into(), detail: detail.into(), help }
    }

    fn fail(what: impl Into<String>, detail: impl Into<String>, help: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, ..Self::warn(what, detail, help) }
    }
}

/// What a machine reads.
#[derive(Serialize)]
struct Report<'f> {
    ok: bool,
    findings: &'f [Finding],
}

/// Checks, and tells. What is wrong in the file itself was told before it came to this.
pub(crate) async fn check(
    configuration: &Configuration,
    online: bool,
    as_json: bool,
) -> Result<Exit, CommandError> {
    let mut findings = offline::check(configuration).await;
    if online {
        findings.extend(online::check(configuration).await);
    }
    let ok = findings.iter().all(|finding| finding.verdict != Verdict::Fail);
    emit(&if as_json {
        json(&Report { ok, findings: &findings })
    } else {
        let style = Style::of_stdout();
        let text = format!("{}\n{}", understood(configuration, style), for_people(&findings, online));
        // Whoever stands in the directory reads paths as they would write them.
        match std::env::current_dir() {
            Ok(here) if here != Path::new("/") => text.replace(&format!("{}/", here.display()), ""),
            Ok(_) | Err(_) => text,
        }
    })?;
    Ok(if ok { Exit::Done } else { Exit::Failed })
}

/// Shows what the file was taken to mean.
fn understood(configuration: &Configuration, style: Style) -> String {
    let mut table = table::table(style, &["TYPE", "PROVIDER", "MIN", "MAX", "STOP TIMEOUT", "SOURCES"]);
    for (name, config) in &configuration.core.server_types {
        table.add_row([
            table::text(Some(name.as_str())),
            table::text(Some(config.provider.as_str())),
            table::number(Some(config.min.into())),
            table::number(Some(config.max.into())),
            table::text(Some(&crate::duration::show(config.stop_timeout))),
            table::text(sources(configuration, name).as_deref()),
        ]);
    }
    let site = Site::from(configuration);
    let mut text = format!("Fleet {}, by {}\n\n", configuration.fleet, configuration.path.display());
    text += &table::finish(table);
    // Writing to a string cannot fail.
    let _ = write!(text, "\nledger  {}\nAPI     {}\n", site.store.display(), site.endpoint);
    for hook in &configuration.hooks {
        let events: Vec<&str> = hook.events.iter().copied().collect();
        let events = if events.is_empty() { "all events".to_owned() } else { events.join(", ") };
        let how = match &hook.target {
            HookTarget::Web { .. } => "request",
            HookTarget::Command(_) => "program",
        };
        let _ = writeln!(text, "hook    {}: a {how} for {events}", hook.name);
    }
    text
}

/// Names the sources of a type, without what may be secret.
fn sources(configuration: &Configuration, name: &TypeName) -> Option<String> {
    let demand = configuration.server_types.get(name)?.demand.as_ref()?;
    let kind = |source: &SourceSettings| match source {
        SourceSettings::Command { .. } => "command",
        SourceSettings::Http { .. } => "http",
        SourceSettings::Postgres(_) => "postgres",
        SourceSettings::Prometheus { .. } => "prometheus",
        SourceSettings::RabbitMq(_) => "rabbitmq",
        SourceSettings::Redis(_) => "redis",
        SourceSettings::Spool { .. } => "spool",
    };
    Some(demand.sources.iter().map(kind).collect::<Vec<_>>().join(", "))
}

fn for_people(findings: &[Finding], online: bool) -> String {
    let width = findings.iter().map(|finding| finding.what.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for Finding { verdict, what, detail, help } in findings {
        let verdict = match verdict {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "FAIL",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{verdict:<4}  {what:<width$}  {}", shown(detail));
        if let Some(help) = help {
            let _ = writeln!(text, "      {:width$}  {}", "", shown(help));
        }
    }
    let failed = findings.iter().filter(|finding| finding.verdict == Verdict::Fail).count();
    text + &match failed {
        0 if online => "\nNothing stands in the way of `dynservers run`.\n".to_owned(),
        0 => "\nNothing stands in the way of `dynservers run`, as far as can be seen from here.\n".to_owned(),
        1 => "\n1 check failed.\n".to_owned(),
        failed => format!("\n{failed} checks failed.\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_reads_what_was_found_and_what_to_do() {
        let findings = [
            Finding::ok("ledger", "/var/lib/dynservers/dynservers.db agrees"),
            Finding::warn("prices", "not checked", "see the price list"),
            Finding::fail("default: zone", "there is no zone mars-1", "zone = \"de-fra1\""),
        ];
        insta::assert_snapshot!(for_people(&findings, true));
        insta::assert_snapshot!("one_is_fine", for_people(&findings[..1], false));
        insta::assert_snapshot!("json", json(&Report { ok: false, findings: &findings }));
    }
}
