//! Trials: the good provider with one thing bent, before the kit.

use std::fmt;
use std::sync::Arc;

use dynservers_core::{Completion, FleetName, Observed, Op, Outcome, ProviderState, Step};
use dynservers_http::{Capabilities, Clock, Provider, Secrets, Unbuildable};
use dynservers_sim::conformance::{Failed, FakeCloud, Subject, check_provider};
use http::{Request, Response};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::cloud::{PAGE, error, respond};
use crate::good::Good;

pub(crate) type Asking = fn(&Good, &Op, Option<&Step>, Clock) -> Result<Request<Vec<u8>>, Unbuildable>;
pub(crate) type Reading = fn(&Good, &Op, Option<&Step>, &Response<Vec<u8>>, Clock) -> Completion;

/// What a bad provider does in its own way.
#[derive(Clone, Copy)]
pub(crate) struct Trial {
    pub(crate) url: &'static str,
    pub(crate) request: Asking,
    pub(crate) response: Reading,
    pub(crate) capabilities: fn(&mut Capabilities),
    pub(crate) debugs_key: bool,
    /// What the author of the trial says, and not the provider.
    pub(crate) running: &'static str,
}

pub(crate) const GOOD: Trial = Trial {
    url: "https://api.tiny.example",
    request: |good, op, step, clock| good.request(op, step, clock),
    response: |good, op, step, response, clock| good.response(op, step, response, clock),
    capabilities: |_| {},
    debugs_key: false,
    running: "running",
};

pub(crate) struct Bent {
    good: Good,
    trial: Trial,
}

impl fmt::Debug for Bent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.good.key().ok().filter(|_| self.trial.debugs_key);
        let key = key.as_ref().map(ExposeSecret::expose_secret);
        formatter.debug_struct("Bent").field("good", &self.good).field("key", &key).finish_non_exhaustive()
    }
}

impl Provider for Bent {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.good.capabilities();
        (self.trial.capabilities)(&mut capabilities);
        capabilities
    }

    fn request(&self, op: &Op, step: Option<&Step>, clock: Clock) -> Result<Request<Vec<u8>>, Unbuildable> {
        (self.trial.request)(&self.good, op, step, clock)
    }

    fn response(
        &self,
        op: &Op,
        step: Option<&Step>,
        response: &Response<Vec<u8>>,
        clock: Clock,
    ) -> Completion {
        (self.trial.response)(&self.good, op, step, response, clock)
    }
}

impl Subject for Trial {
    type Provider = Bent;
    type Cloud = FakeCloud;

    fn provider(&self, fleet: FleetName, secrets: Arc<dyn Secrets>) -> Bent {
        Bent { good: Good { fleet, secrets, url: self.url }, trial: *self }
    }

    fn cloud(&self) -> FakeCloud {
        FakeCloud::new(respond)
    }

    fn page_size(&self) -> usize {
        PAGE
    }

    fn spec(&self, labels: &[(&str, &str)]) -> Value {
        let labels: serde_json::Map<_, _> =
            labels.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
        json!({"image": "worker", "script": {"env": "TINY_SCRIPT"}, "labels": labels})
    }

    fn state_words(&self) -> Vec<(ProviderState, &'static str)> {
        vec![
            (ProviderState::Running, self.running),
            (ProviderState::InProgress, "creating"),
            (ProviderState::Stopped, "off"),
            (ProviderState::Error, "broken"),
        ]
    }

    fn error(&self, status: u16, message: &str) -> Response<Vec<u8>> {
        error(status, "other", message)
    }
}

impl Trial {
    /// Tries it, and demands that a check fails with words that name the fault.
    #[track_caller]
    pub(crate) fn fails(self, check: &str, words: &[&str]) {
        let Failed(report) = check_provider(&self).expect_err("the kit takes it for good");
        let found = report.check(check).unwrap_or_else(|| panic!("there is no check {check}"));
        assert!(found.has_failed(), "{check} passed:\n{report}");
        // Without the ends of its lines, within which words may be.
        let mut told = found.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        for fault in found.faults() {
            told.push_str(&fault.seen.join("\n"));
        }
        for word in words {
            assert!(told.contains(word), "{word:?} is not in:\n{told}");
        }
        for part in ["fault:", "seen:", "leads to:", "do:"] {
            assert!(told.contains(part), "{part:?} is not in:\n{told}");
        }
    }
}

/// Changes every server of an outcome.
pub(crate) fn each(outcome: &mut Outcome, change: impl Fn(&mut Observed)) {
    match outcome {
        Outcome::Page(page) => page.servers.iter_mut().for_each(change),
        Outcome::Inspected(server) => change(server),
        Outcome::Created(server) => change(server),
        _ => {}
    }
}

#[test]
fn the_good_one_passes() {
    let report = check_provider(&GOOD).unwrap();
    println!("{report}");
}
