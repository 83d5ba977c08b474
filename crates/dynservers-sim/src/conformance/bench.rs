//! The bench: a provider and a fake of its API, face to face, at a time of the kit's own.

use std::sync::Arc;
use std::time::Duration;

use dynservers_core::{
    Completion, CreateFromSnapshot, Effect, EffectId, Op, Outcome, ProviderName, ProviderState, Step, Time,
    Why,
};
use dynservers_http::{Clock, Exchange, TransportError};
use http::{Request, Response};
use serde_json::Value;

use super::case::{Checked, Halt};
use super::life::{Hands, UNANSWERED};
use super::samples::{Samples, fleet};
use super::subject::{Cloud, Subject};
use super::vault::Vault;

/// Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110: far from the fleet's own time, which no date is to be
/// compared with.
pub(crate) const WALL_MILLIS: u64 = 784_111_777_000;
/// How far a pause moves the fake's clock.
const PAUSE_MILLIS: u64 = 60_000;
/// How many pauses a server may need to get on with something.
const PATIENCE: usize = 240;

/// A provider and its cloud.
pub(crate) struct Bench<'a, S: Subject> {
    pub(crate) subject: &'a S,
    pub(crate) provider: S::Provider,
    pub(crate) cloud: S::Cloud,
    pub(crate) vault: Arc<Vault>,
    samples: Samples,
    millis: u64,
}

impl<'a, S: Subject> Bench<'a, S> {
    pub(crate) fn new(subject: &'a S) -> Self {
        let vault = Arc::new(Vault::default());
        let provider = subject.provider(fleet(), Arc::<Vault>::clone(&vault));
        Self {
            subject,
            provider,
            cloud: subject.cloud(),
            vault,
            samples: Samples::steady(),
            millis: PAUSE_MILLIS,
        }
    }

    /// Draws a server of a specification.
    pub(crate) fn draw_of(&mut self, spec: Value) -> CreateFromSnapshot {
        self.samples.server(fleet(), spec)
    }

    /// Gives the time; the wall clock always shows the same.
    pub(crate) const fn clock(&self) -> Clock {
        Clock { time: Time::from_millis(self.millis), wall_millis: WALL_MILLIS }
    }

    /// Builds a request, or gives the end of the round where there is none.
    pub(crate) fn request(&self, op: &Op, step: Option<&Step>) -> Result<Request<Vec<u8>>, Box<Completion>> {
        let effect = effect(op, step, Time::from_millis(self.millis) + Duration::from_secs(30));
        Exchange::new(&self.provider, &effect).request(self.clock())
    }

    /// Has the cloud answer an operation; the provider does not read it yet.
    pub(crate) fn answer(&mut self, op: &Op, step: Option<&Step>) -> Checked<Response<Vec<u8>>> {
        let request = self.request(op, step).map_err(|ended| {
            Halt::Flaw(&UNANSWERED, format!("{} built no request: {}", op.name(), brief(&ended.outcome)))
        })?;
        Ok(self.cloud.answer(&request, self.millis))
    }

    /// Has the provider read an answer.
    pub(crate) fn read(&self, op: &Op, step: Option<&Step>, response: &Response<Vec<u8>>) -> Completion {
        self.finish(op, step, Ok(response.clone()))
    }

    /// Has the provider read what came of a request.
    pub(crate) fn finish(
        &self,
        op: &Op,
        step: Option<&Step>,
        result: Result<Response<Vec<u8>>, TransportError>,
    ) -> Completion {
        let effect = effect(op, step, Time::from_millis(self.millis));
        Exchange::new(&self.provider, &effect).finish(result, self.clock())
    }

    /// Carries an operation of another provider to the same cloud.
    pub(crate) fn execute_as(&mut self, provider: &S::Provider, op: &Op) -> Completion {
        let effect = effect(op, None, Time::from_millis(self.millis));
        let exchange = Exchange::new(provider, &effect);
        match exchange.request(self.clock()) {
            Ok(request) => exchange.finish(Ok(self.cloud.answer(&request, self.millis)), self.clock()),
            Err(ended) => *ended,
        }
    }

    /// Gives the API's word for a state, if its author knows one.
    pub(crate) fn word(&self, state: ProviderState) -> Option<&'static str> {
        self.subject.state_words().into_iter().find(|(known, _)| *known == state).map(|(_, word)| word)
    }

    /// Writes another word for the state of the first server in an answer, or of all of them. None if there is no
    /// state in it.
    pub(crate) fn retell(
        &self,
        response: &Response<Vec<u8>>,
        word: &str,
        all: bool,
    ) -> Option<Response<Vec<u8>>> {
        let words: Vec<&str> = self.subject.state_words().into_iter().map(|(_, word)| word).collect();
        let text = std::str::from_utf8(response.body()).ok()?;
        let body = retold(text, &words, word, all)?.into_bytes();
        let mut retold = response.clone();
        *retold.body_mut() = body;
        Some(retold)
    }
}

impl<S: Subject> Hands for Bench<'_, S> {
    fn execute(&mut self, op: &Op, step: Option<&Step>) -> Completion {
        match self.request(op, step) {
            Ok(request) => {
                let response = self.cloud.answer(&request, self.millis);
                self.finish(op, step, Ok(response))
            }
            Err(ended) => *ended,
        }
    }

    fn draw(&mut self) -> CreateFromSnapshot {
        let spec = self.subject.spec(&[]);
        self.draw_of(spec)
    }

    fn samples(&mut self) -> &mut Samples {
        &mut self.samples
    }

    fn pause(&mut self) {
        self.millis += PAUSE_MILLIS;
    }

    fn patience(&self) -> usize {
        PATIENCE
    }

    fn count(&mut self) -> Option<usize> {
        Some(self.cloud.servers())
    }

    fn left_behind(&mut self) -> usize {
        self.cloud.left_behind()
    }
}

/// Makes an effect of an operation.
pub(crate) fn effect(op: &Op, step: Option<&Step>, not_after: Time) -> Effect {
    Effect {
        id: EffectId(1),
        provider: ProviderName::new("subject").expect("a plain name"),
        op: op.clone(),
        step: step.cloned(),
        not_after,
        server: None,
        why: Why::Asked,
    }
}

/// Writes `word` where the first of `words` stands as a value, or where any does.
fn retold(text: &str, words: &[&str], word: &str, all: bool) -> Option<String> {
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, length)) = next_word(rest, words) {
        told.push_str(&rest[..at]);
        told.push_str(word);
        rest = &rest[at + length..];
        if !all {
            break;
        }
    }
    (rest.len() < text.len()).then(|| told + rest)
}

/// Finds the first of some words that stands alone as a value, in JSON or in XML.
fn next_word(text: &str, words: &[&str]) -> Option<(usize, usize)> {
    let of = |word: &&str| {
        text.match_indices(*word).map(|(at, word)| (at, word.len())).find(|(at, length)| {
            let (before, after) = (&text[..*at], &text[at + length..]);
            let quoted = before.ends_with('"')
                && after.strip_prefix('"').is_some_and(|rest| !rest.trim_start().starts_with(':'));
            quoted || (before.ends_with('>') && after.starts_with('<'))
        })
    };
    words.iter().filter_map(of).min()
}

/// Tells an outcome in a few words.
pub(crate) fn brief(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Page(page) => format!("a page of {}", page.servers.len()),
        Outcome::Inspected(seen) => format!("inspected, {}", seen.state.as_str()),
        Outcome::Created(seen) => format!("created, {}", seen.state.as_str()),
        Outcome::Refused(reason, failure) => format!("refused as {reason}: {failure}"),
        Outcome::Throttled { retry_after: Some(wait), .. } => format!("throttled for {} s", wait.as_secs()),
        Outcome::Throttled { retry_after: None, .. } => "throttled for a time that is not said".to_owned(),
        other => match other.failure() {
            Some(failure) => format!("{}: {failure}", other.name()),
            None => other.name().to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_values_are_told_anew() {
        let text = r#"{"error" : null, "a": ["on", "error", "only"], "on": "on"}"#;
        let words = ["on", "error"];
        let first = r#"{"error" : null, "a": ["new", "error", "only"], "on": "on"}"#;
        let every = r#"{"error" : null, "a": ["new", "new", "only"], "on": "new"}"#;
        assert_eq!(retold(text, &words, "new", false).as_deref(), Some(first));
        assert_eq!(retold(text, &words, "new", true).as_deref(), Some(every));
        assert_eq!(retold("<state>on</state>", &words, "new", true).as_deref(), Some("<state>new</state>"));
        assert_eq!(retold(r#"{"on": 1}"#, &words, "new", true), None);
    }
}
