//! Traces: what happened, a line each, for a person who wants to know why a law was broken.

use dynservers_core::{Change, Completion, Effect, Output};

use super::step::Fate;

/// Lines, if anybody wants them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    lines: Option<Vec<String>>,
}

impl Trace {
    pub(crate) fn begin(&mut self) {
        self.lines.get_or_insert_default();
    }

    pub(crate) fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }

    pub(crate) fn note(&mut self, now: u64, line: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{} {}", clock(now), line()));
        }
    }

    pub(crate) fn output(&mut self, now: u64, output: &Output) {
        self.note(now, || match output {
            Output::Persist(batch) => {
                let changes: Vec<String> = batch.changes.iter().map(change).collect();
                format!("  write {}", changes.join(", "))
            }
            Output::Prepare(prepare) => format!("  render server {}", prepare.server),
            Output::Execute(effect) => format!("  send {} ({})", name(effect), effect.why),
            Output::Ask(ask) => format!("  ask the worker on server {}: {}", ask.server, ask.question.name()),
            Output::Notify(event) => format!("  tell {}", event.kind.name()),
            Output::Reply { command, reply } => format!("  answer {command}: {reply:?}"),
            _ => "  something unknown".to_owned(),
        });
    }

    pub(crate) fn request(&mut self, now: u64, effect: &Effect, fate: Fate, completion: Option<&Completion>) {
        self.note(now, || {
            let came = completion.map_or("nothing", |completion| completion.outcome.name());
            match fate {
                Fate::Answer => format!("    {} -> {came}", name(effect)),
                fate => format!("    {} -> {came}, but {fate:?}", name(effect)),
            }
        });
    }
}

fn name(effect: &Effect) -> String {
    let server = effect.server.map(|server| format!(" of server {server}")).unwrap_or_default();
    format!("{}{server}, effect {}", effect.op.name(), effect.id)
}

fn change(change: &Change) -> String {
    match change {
        Change::Fleet(_) => "the fleet".to_owned(),
        Change::Server(record) => {
            let id = record.provider_id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
            let going = if record.removal.is_some() { ", going" } else { "" };
            format!("server {}{id} is {}{going}", record.id, record.status)
        }
        Change::Forget(id) => format!("server {id} is forgotten"),
        Change::Spec(_) => "a specification".to_owned(),
        Change::Found(found) => format!("{} is found, {:?}", found.provider_id, found.kind),
        Change::FoundNoMore(_, id) => format!("{id} is no longer found"),
        Change::Event(event) => format!("event {} {}", event.id, event.kind.name()),
        Change::Decision(decision) => {
            let number = |count: Option<u32>| count.map_or_else(|| "?".to_owned(), |count| count.to_string());
            format!("{} servers of {} are decided for", number(decision.desired), decision.server_type)
        }
        Change::Command(command) => format!("the answer to {}", command.command.id),
    }
}

/// Writes a moment as hours, minutes, seconds and milliseconds since the beginning.
fn clock(now: u64) -> String {
    let (seconds, millis) = (now / 1_000, now % 1_000);
    format!("{:>3}:{:02}:{:02}.{millis:03}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}
