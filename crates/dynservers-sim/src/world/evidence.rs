//! Evidence: which rare paths were reached, and how often. What was never reached was never tried.

use std::collections::BTreeMap;

use dynservers_core::{Batch, Change, ClampKind, Event, EventKind, Limit, ServerEvent, Status, Why};

/// How often each path was reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence(BTreeMap<&'static str, u64>);

/// The paths that a run of many stories must reach in any world, or it has proved less than it says.
pub const SOMETIMES: &[&str] = &[
    "a batch torn",
    "a drain cut off at its deadline",
    "a drain undone",
    "a fall held back by its rate",
    "a jump held",
    "a late duplicate removed",
    "a ledger lost",
    "a ledger restored from a backup",
    "a number held by a calendar",
    "a number held in the dark",
    "a replacement made",
    "a replacement superseded",
    "a request too late to be sent",
    "a rise held back by its rate",
    "a second controller seen",
    "a server adopted",
    "a server disowned",
    "a server hanging",
    "a server returned",
    "a server taken back from hanging",
    "a write fenced off",
    "a write that took effect unheard",
    "an attempt given up",
    "an operator's number in place of the policy's",
    "an orphan found",
    "another account answered",
    "another owner's servers taken over",
    "credentials rejected",
    "creates refused",
    "demand unknown",
    "everything missing at once",
    "limit of the account",
    "limit of the type",
    "other owner found",
    "provider unreachable",
    "records forgotten",
    "servers kept since they are paid for",
    "servers not ordered twice",
    "the clock put back",
    "the clock put forward",
    "the fallback after the dark",
    "the host suspended",
    "the number kept for little",
    "the number kept for what was wanted",
];

impl Evidence {
    /// Notes that a path was reached.
    pub fn note(&mut self, path: &'static str) {
        *self.0.entry(path).or_default() += 1;
    }

    /// Adds what another story reached.
    pub fn add(&mut self, other: &Self) {
        for (path, count) in &other.0 {
            *self.0.entry(path).or_default() += count;
        }
    }

    /// Gives how often a path was reached.
    #[must_use]
    pub fn count(&self, path: &str) -> u64 {
        self.0.get(path).copied().unwrap_or(0)
    }

    /// Gives every path that was reached, and how often.
    pub fn paths(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(path, count)| (*path, *count))
    }

    /// Gives the paths of [`SOMETIMES`] that were never reached.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        SOMETIMES.iter().copied().filter(|path| self.count(path) == 0).collect()
    }

    /// Notes what the decisions of a batch tell of.
    pub(crate) fn note_decisions(&mut self, batch: &Batch) {
        for change in &batch.changes {
            let Change::Decision(decision) = change else { continue };
            if decision.overriding.is_some() {
                self.note("an operator's number in place of the policy's");
            }
            for clamp in decision.judgement.iter().flat_map(|judgement| &judgement.clamps) {
                self.note(match clamp.kind {
                    ClampKind::Unknown => "a number held in the dark",
                    ClampKind::Fallback => "the fallback after the dark",
                    ClampKind::MaxStep => "a jump held",
                    ClampKind::Floor | ClampKind::Ceiling => "a number held by a calendar",
                    ClampKind::RateUp => "a rise held back by its rate",
                    ClampKind::Tolerance => "the number kept for little",
                    ClampKind::Stabilization => "the number kept for what was wanted",
                    ClampKind::RateDown => "a fall held back by its rate",
                    ClampKind::Booting => "servers not ordered twice",
                    ClampKind::PaidUnit => "servers kept since they are paid for",
                    _ => "a number within its bounds",
                });
            }
        }
    }

    /// Notes what an event tells of.
    pub(crate) fn note_event(&mut self, event: &Event) {
        let path = match &event.kind {
            EventKind::Running(server) if server.previous_status == Some(Status::Hanging) => {
                "a server taken back from hanging"
            }
            EventKind::Creating(ServerEvent { why: Some(Why::Replaces(_)), .. }) => "a replacement made",
            EventKind::Deleted(ServerEvent { why: Some(Why::Duplicate), .. }) => "a late duplicate removed",
            EventKind::Deleted(ServerEvent { why: Some(Why::Superseded), .. }) => "a replacement superseded",
            EventKind::Undrained(_) => "a drain undone",
            EventKind::Hanging(_) => "a server hanging",
            EventKind::LimitHit { limit: Limit::TypeMaximum, .. } => "limit of the type",
            EventKind::LimitHit { .. } => "limit of the account",
            EventKind::Adopted(_) => "a server adopted",
            EventKind::Returned(_) => "a server returned",
            EventKind::Disowned(_) => "a server disowned",
            EventKind::OrphanFound { .. } => "an orphan found",
            EventKind::OtherOwnerFound { .. } => "other owner found",
            EventKind::SecondController { .. } => "a second controller seen",
            EventKind::TakenOver { .. } => "another owner's servers taken over",
            EventKind::Held { reason, .. } if reason.contains("missing") => "everything missing at once",
            EventKind::Held { .. } => "another account answered",
            EventKind::CredentialsRejected { .. } => "credentials rejected",
            EventKind::ProviderUnreachable { .. } => "provider unreachable",
            EventKind::CreateRefused { .. } => "creates refused",
            EventKind::DemandUnknown { .. } => "demand unknown",
            other => other.name(),
        };
        self.note(path);
    }
}
