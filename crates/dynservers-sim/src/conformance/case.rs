//! The case against one check: what is found while it runs.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::report::{Check, Danger, Fault, Flaw, Verdict};

const PANICKED: Flaw = Flaw {
    fault: "it panicked",
    danger: Danger::Standstill,
    why: "one odd answer ends the daemon, and the same answer ends the next one.",
    remedy: "give Outcome::Lost for what cannot be read, and Unbuildable::Invalid for what cannot be asked. The panic's \
             own message, printed above, says where. If it is the fake that panicked, mend the fake.",
};

/// Why a check cannot go on.
#[derive(Debug)]
pub(crate) enum Halt {
    /// What it rests on does not hold.
    Flaw(&'static Flaw, String),
    /// There is nothing to check.
    NotApplicable(String),
}

/// Whether a check came to its end.
pub(crate) type Checked<T = ()> = Result<T, Halt>;

/// A check that is still to be run on something.
pub(crate) struct Entry<B> {
    pub(crate) name: &'static str,
    pub(crate) demands: &'static str,
    pub(crate) run: fn(&mut B, &mut Case) -> Checked,
}

/// Writes entries as a table of names, demands and functions.
macro_rules! entries {
    ($($name:literal, $demands:literal, $run:expr;)*) => {
        vec![$($crate::conformance::case::Entry { name: $name, demands: $demands, run: |bench, case| $run(bench, case) }),*]
    };
}
pub(crate) use entries;

impl<B> Entry<B> {
    /// Runs the check on a bench of its own, and goes on after a panic.
    pub(crate) fn run(&self, bench: impl FnOnce() -> B) -> Check {
        let mut case = Case::default();
        let result = catch_unwind(AssertUnwindSafe(|| (self.run)(&mut bench(), &mut case)));
        let mut skipped = None;
        match result {
            Ok(Ok(())) => {}
            Ok(Err(Halt::Flaw(flaw, seen))) => case.add(flaw, seen),
            Ok(Err(Halt::NotApplicable(reason))) => skipped = Some(reason),
            Err(panic) => case.add(&PANICKED, panic_text(&*panic)),
        }
        let verdict = match skipped {
            _ if !case.faults.is_empty() => Verdict::Failed(case.faults),
            Some(reason) => Verdict::NotApplicable(reason),
            None => Verdict::Passed,
        };
        Check { name: self.name, demands: self.demands, verdict }
    }
}

/// What one check has found so far.
#[derive(Debug, Default)]
pub(crate) struct Case {
    faults: Vec<Fault>,
}

impl Case {
    /// Adds a sighting of a fault, unless it was seen just so before.
    pub(crate) fn add(&mut self, flaw: &'static Flaw, seen: impl Into<String>) {
        let seen = seen.into();
        match self.faults.iter_mut().find(|fault| fault.flaw == flaw) {
            Some(fault) if fault.seen.contains(&seen) => {}
            Some(fault) => fault.seen.push(seen),
            None => self.faults.push(Fault { flaw, seen: vec![seen] }),
        }
    }

    /// Adds a sighting of a fault unless all is well.
    pub(crate) fn demand(&mut self, is_well: bool, flaw: &'static Flaw, seen: impl FnOnce() -> String) {
        if !is_well {
            self.add(flaw, seen());
        }
    }

    /// Calls something that may not panic, and adds a fault if it does.
    pub(crate) fn without_panic<T>(
        &mut self,
        what: impl FnOnce() -> String,
        call: impl FnOnce() -> T,
    ) -> Option<T> {
        let result = catch_unwind(AssertUnwindSafe(call));
        result.map_err(|panic| self.add(&PANICKED, format!("{}: {}", what(), panic_text(&*panic)))).ok()
    }
}

/// Writes a number of things, be it one or more.
pub(crate) fn counted(count: usize, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without words".to_owned())
}
