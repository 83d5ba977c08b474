//! The report: every check with what came of it, in words for a person.

use std::fmt;

use thiserror::Error;

/// What the kit found, check by check, in a fixed order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The checks.
    pub checks: Vec<Check>,
}

/// One check and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its name, which does not change between versions.
    pub name: &'static str,
    /// What it demands, as a sentence.
    pub demands: &'static str,
    /// What came of it.
    pub verdict: Verdict,
}

/// What came of a check. Closed on purpose: whoever reads a report must not take anything else for a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All is as it should be.
    Passed,
    /// There is nothing to check here, for this reason.
    NotApplicable(String),
    /// These faults were found; never an empty list.
    Failed(Vec<Fault>),
}

/// A fault that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind of fault it is.
    pub flaw: &'static Flaw,
    /// Where it was seen; one sentence for each time.
    pub seen: Vec<String>,
}

/// A kind of fault that the kit knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// What is wrong.
    pub fault: &'static str,
    /// What it leads to.
    pub danger: Danger,
    /// How it leads there.
    pub why: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

/// What a fault leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Danger {
    /// A server bills that nobody knows.
    Leak,
    /// Two servers are made where one was wanted.
    Double,
    /// A server goes that should have stayed, or one that is somebody else's.
    Kill,
    /// A secret shows in a log or is kept in a ledger.
    Exposure,
    /// The fleet never reaches the number that is wanted.
    Standstill,
    /// The kit itself cannot see: nothing that it says is worth anything until this is mended.
    Blindness,
}

impl fmt::Display for Danger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Leak => "a leak",
            Self::Double => "a double",
            Self::Kill => "a kill",
            Self::Exposure => "an exposure",
            Self::Standstill => "a standstill",
            Self::Blindness => "a blind kit",
        })
    }
}

/// How many sightings of one fault are shown to a person.
const SIGHTINGS_SHOWN: usize = 4;
/// How wide a report is.
const WIDTH: usize = 110;

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Flaw { fault, danger, why, remedy } = self.flaw;
        part(formatter, "fault:", fault)?;
        // From all over, since neighbours are much alike.
        let shown = self.seen.len().min(SIGHTINGS_SHOWN);
        let seen = (0..shown).filter_map(|number| self.seen.get(number * self.seen.len() / shown));
        for (number, seen) in seen.enumerate() {
            part(formatter, if number == 0 { "seen:" } else { "" }, seen)?;
        }
        let more = self.seen.len() - shown;
        if more > 0 {
            part(formatter, "", &format!("and {more} more"))?;
        }
        part(formatter, "leads to:", &format!("{danger}: {why}"))?;
        part(formatter, "do:", remedy)
    }
}

/// Writes a part of a fault under its heading, in lines that a terminal can hold.
fn part(formatter: &mut fmt::Formatter<'_>, heading: &str, text: &str) -> fmt::Result {
    write!(formatter, "\n  {heading:<9}")?;
    let mut column = 11;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column + 1 + length > WIDTH && column > 11 {
            write!(formatter, "\n  {:<9}", "")?;
            column = 11;
        }
        write!(formatter, " {word}")?;
        column += 1 + length;
    }
    Ok(())
}

impl fmt::Display for Check {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, demands, verdict } = self;
        match verdict {
            Verdict::Passed => write!(formatter, "passed  {name}"),
            Verdict::NotApplicable(reason) => write!(formatter, "skipped {name}: {reason}"),
            Verdict::Failed(faults) => {
                write!(formatter, "FAILED  {name}: {demands}")?;
                faults.iter().try_for_each(|fault| write!(formatter, "{fault}"))
            }
        }
    }
}

/// What is well comes first and what is not last, where a terminal shows it.
impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.checks.len();
        let skipped =
            self.checks.iter().filter(|check| matches!(check.verdict, Verdict::NotApplicable(_))).count();
        let (failed, well): (Vec<&Check>, Vec<&Check>) =
            self.checks.iter().partition(|check| check.has_failed());
        match failed.len() {
            0 => write!(formatter, "conformance: {all} checks, no fault")?,
            failed => write!(formatter, "conformance: {failed} of {all} checks failed")?,
        }
        if skipped > 0 {
            write!(formatter, ", {skipped} skipped")?;
        }
        well.iter().try_for_each(|check| write!(formatter, "\n{check}"))?;
        failed.iter().try_for_each(|check| write!(formatter, "\n\n{check}"))
    }
}

impl Check {
    /// Whether it found a fault.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        !self.faults().is_empty()
    }

    /// Gives the faults that it found.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        match &self.verdict {
            Verdict::Failed(faults) => faults,
            Verdict::Passed | Verdict::NotApplicable(_) => &[],
        }
    }
}

impl Report {
    /// Gives the check of a name.
    #[must_use]
    pub fn check(&self, name: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.name == name)
    }

    /// Whether any check found a fault.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.checks.iter().any(Check::has_failed)
    }

    /// Splits good reports from bad ones.
    pub(crate) fn judged(self) -> Result<Self, Failed> {
        if self.has_failed() { Err(Failed(self)) } else { Ok(self) }
    }
}

/// At least one check failed. Its Debug is the report as a person reads it, so that `unwrap` in a test shows that.
#[derive(Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Failed(pub Report);

impl fmt::Debug for Failed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAW: Flaw = Flaw {
        fault: "a look ends after its first page although there are more servers",
        danger: Danger::Leak,
        why: "servers on later pages bill unseen, seem to be missing, and are made again, while whoever pays for them \
              reads of no error anywhere.",
        remedy: "give Completion::next.",
    };

    #[test]
    fn a_report_is_read_from_its_end_and_fits_a_terminal() {
        let check = |name, verdict| Check { name, demands: "it is well", verdict };
        let fault = Fault { flaw: &FLAW, seen: vec!["1 of 4".to_owned(), "4 of 7".to_owned()] };
        let report = Report {
            checks: vec![
                check("looks-are-whole", Verdict::Failed(vec![fault])),
                check("ids-are-kept", Verdict::Passed),
                check("stops-differ", Verdict::NotApplicable("there is no soft stop".to_owned())),
            ],
        };
        let expected = "conformance: 1 of 3 checks failed, 1 skipped\n\
            passed  ids-are-kept\n\
            skipped stops-differ: there is no soft stop\n\
            \n\
            FAILED  looks-are-whole: it is well\n\x20 \
            fault:    a look ends after its first page although there are more servers\n\x20 \
            seen:     1 of 4\n\x20           4 of 7\n\x20 \
            leads to: a leak: servers on later pages bill unseen, seem to be missing, and are made again, while whoever\n\
            \x20           pays for them reads of no error anywhere.\n\x20 \
            do:       give Completion::next.";
        assert_eq!(report.to_string(), expected);
    }
}
