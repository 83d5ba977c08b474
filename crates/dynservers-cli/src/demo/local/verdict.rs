//! The verdict: what became of the jobs and of the servers, and whether the claim holds.

use crate::commands::table;
use crate::demo::local::audit::Audit;
use crate::terminal::Style;

/// What was left behind when all was over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    /// Processes that live still.
    pub(super) processes: usize,
    /// Directories that are there still.
    pub(super) directories: usize,
}

/// What happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) audit: Audit,
    /// Jobs that are in the spool still.
    pub(super) unfinished: usize,
    /// Servers that were made.
    pub(super) made: usize,
    /// The most that there were at a time.
    pub(super) peak: u32,
    /// How many were allowed.
    pub(super) allowed: u32,
    /// Workers that were killed.
    pub(super) workers_killed: usize,
    /// Jobs that were taken from the hands of the dead.
    pub(super) given_back: usize,
    /// How often the daemon was killed and came back.
    pub(super) daemon_restarts: usize,
    /// How long it took.
    pub(super) seconds: u64,
    pub(super) left: Left,
}

impl Verdict {
    /// Gives a sentence for everything that is not as the demo claims.
    pub(super) fn broken(&self) -> Vec<String> {
        let mut broken = self.audit.broken();
        let mut demand = |holds: bool, otherwise: String| {
            if !holds {
                broken.push(otherwise);
            }
        };
        let Left { processes, directories } = self.left;
        demand(self.audit.jobs > 0, "there was no job".to_owned());
        demand(self.unfinished == 0, format!("in the spool still: {}", self.unfinished));
        demand(self.peak > 1, format!("there were never several servers, at most {}", self.peak));
        demand(
            self.peak <= self.allowed,
            format!("{} servers at a time, {} allowed", self.peak, self.allowed),
        );
        demand(self.workers_killed > 0, "no worker was killed with a job in hand".to_owned());
        demand(
            self.given_back >= self.workers_killed,
            format!("{} workers were killed, {} jobs given back", self.workers_killed, self.given_back),
        );
        demand(self.daemon_restarts > 0, "the daemon was not killed".to_owned());
        demand(processes == 0, format!("processes left behind: {processes}"));
        demand(directories == 0, format!("directories left behind: {directories}"));
        broken
    }

    pub(super) fn for_people(&self, style: Style) -> String {
        let audit = &self.audit;
        let mut table = table::table(style, &["WHAT BECAME OF IT", "NUMBER"]);
        let most = format!("most at a time ({} allowed)", self.allowed);
        let count = |number: usize| number as u64;
        let rows = [
            ("jobs: files to hash and compress", count(audit.jobs)),
            ("done: unpacked, hashed again, the same", count(audit.done)),
            ("lost", count(audit.lost.len())),
            ("twice in the results", count(audit.twice.len())),
            ("servers made", count(self.made)),
            (&most, u64::from(self.peak)),
            ("workers that we killed with a job in hand", count(self.workers_killed)),
            ("jobs given back by the dead", count(self.given_back)),
            ("daemons that we killed, and that came back", count(self.daemon_restarts)),
            ("processes left behind", count(self.left.processes)),
            ("directories left behind", count(self.left.directories)),
            ("seconds", self.seconds),
        ];
        for (name, number) in rows {
            table.add_row([table::text(Some(name)), table::number(Some(number))]);
        }
        let broken = self.broken();
        let last = if broken.is_empty() {
            "Every job was done once, whatever was killed, and nothing is left behind.".to_owned()
        } else {
            let reasons = broken.join("\n- ");
            format!(
                "The claim does not hold in this run; please report it with the table above:\n- {reasons}"
            )
        };
        format!("{}\n{last}\n", table::finish(table))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict() -> Verdict {
        Verdict {
            audit: Audit {
                jobs: 286,
                done: 286,
                bytes: 1_556_923,
                result_bytes: 498_211,
                ..Audit::default()
            },
            unfinished: 0,
            made: 6,
            peak: 5,
            allowed: 5,
            workers_killed: 1,
            given_back: 1,
            daemon_restarts: 1,
            seconds: 31,
            left: Left::default(),
        }
    }

    #[test]
    fn the_table_reads_well() {
        insta::assert_snapshot!(verdict().for_people(Style::PLAIN));
    }

    #[test]
    fn whatever_is_wrong_breaks_the_claim() {
        assert_eq!(verdict().broken(), [""; 0]);
        let breaks: [fn(&mut Verdict); 12] = [
            |verdict| verdict.audit.lost.push("a.rs".to_owned()),
            |verdict| verdict.audit.twice.push("a.rs".to_owned()),
            |verdict| verdict.audit.wrong.push("result 1: is wrong".to_owned()),
            |verdict| verdict.audit.jobs = 0,
            |verdict| verdict.unfinished = 1,
            |verdict| verdict.peak = 1,
            |verdict| verdict.peak = 6,
            |verdict| verdict.workers_killed = 0,
            |verdict| verdict.given_back = 0,
            |verdict| verdict.daemon_restarts = 0,
            |verdict| verdict.left.processes = 1,
            |verdict| verdict.left.directories = 1,
        ];
        for break_it in breaks {
            let mut verdict = verdict();
            break_it(&mut verdict);
            assert_eq!(verdict.broken().len(), 1, "{verdict:?}");
            assert!(verdict.for_people(Style::PLAIN).contains("does not hold"), "{verdict:?}");
        }
    }
}
