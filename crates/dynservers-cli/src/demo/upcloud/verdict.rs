//! The verdict: what the providers saw, side by side.

use std::collections::BTreeSet;

use dynservers_upcloud::emulator::Report;

use crate::commands::table;
use crate::terminal::Style;

/// What one provider saw of one controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Creates that were accepted.
    pub(super) created: usize,
    /// Servers that were deleted.
    pub(super) deleted: usize,
    /// The most that there were at a time.
    pub(super) peak: u64,
    /// Servers that were made twice.
    pub(super) doubled: usize,
    /// Servers that exist and that the controller does not know.
    pub(super) leaked: usize,
    /// Servers and disks that exist and bill.
    pub(super) billed: usize,
    /// Requests in all.
    pub(super) requests: u64,
}

impl Seen {
    /// Holds what the provider saw against what the controller knows.
    pub(super) fn of(report: &Report, known: &BTreeSet<String>) -> Self {
        Self {
            created: report.created.len(),
            deleted: report.deleted.len(),
            peak: report.peak,
            doubled: report.ever_doubled.len(),
            leaked: report.servers.iter().filter(|server| !known.contains(&server.uuid)).count(),
            billed: report.servers.len() + report.disks_left.len(),
            requests: report.requests,
        }
    }

    fn rows<'a>(&self, most: &'a str) -> [(&'a str, u64); 7] {
        [
            ("created", self.created as u64),
            ("deleted", self.deleted as u64),
            (most, self.peak),
            ("doubled", self.doubled as u64),
            ("leaked: alive and unknown", self.leaked as u64),
            ("still billed", self.billed as u64),
            ("requests", self.requests),
        ]
    }
}

/// What both providers saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) ours: Seen,
    pub(super) naive: Seen,
    /// The most that were wanted at a time.
    pub(super) wanted: u64,
}

impl Verdict {
    /// Whether nothing leaked, was doubled, or bills still.
    pub(super) fn holds(&self) -> bool {
        let Seen { doubled, leaked, billed, peak, .. } = self.ours;
        doubled == 0 && leaked == 0 && billed == 0 && peak <= self.wanted
    }

    pub(super) fn for_people(&self, style: Style) -> String {
        let mut table = table::table(style, &["WHAT THE PROVIDER SAW", "DYNSERVERS", "NAIVE LOOP (A MODEL)"]);
        let most = format!("most at a time ({} wanted)", self.wanted);
        for ((name, ours), (_, naive)) in self.ours.rows(&most).into_iter().zip(self.naive.rows(&most)) {
            table.add_row([table::text(Some(name)), table::number(Some(ours)), table::number(Some(naive))]);
        }
        let last = if self.holds() {
            "Nothing leaked, nothing was doubled, nothing bills."
        } else {
            "The claim does not hold in this run: please report it with the table above."
        };
        format!("{}\n{last}\n", table::finish(table))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict() -> Verdict {
        let ours =
            Seen { created: 12, deleted: 12, peak: 12, doubled: 0, leaked: 0, billed: 0, requests: 150 };
        let naive =
            Seen { created: 20, deleted: 12, peak: 20, doubled: 8, leaked: 8, billed: 8, requests: 420 };
        Verdict { ours, naive, wanted: 12 }
    }

    #[test]
    fn the_table_reads_well() {
        insta::assert_snapshot!(verdict().for_people(Style::PLAIN));
    }

    #[test]
    fn whatever_is_wrong_with_ours_breaks_the_claim() {
        assert!(verdict().holds());
        let breaks: [fn(&mut Seen); 4] =
            [|seen| seen.doubled = 1, |seen| seen.leaked = 1, |seen| seen.billed = 1, |seen| seen.peak = 13];
        for break_it in breaks {
            let mut verdict = verdict();
            break_it(&mut verdict.ours);
            assert!(!verdict.holds());
        }
    }
}
