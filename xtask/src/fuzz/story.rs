//! What libFuzzer tells of one target, and the table of all of them.

/// What came of one target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Story {
    pub(super) target: String,
    executions: u64,
    per_second: u64,
    /// Edges that were reached.
    edges: u64,
    /// Edges with how often they were taken, and comparisons, as libFuzzer counts them.
    features: u64,
    new_entries: u64,
    crashes: u64,
    /// The input of the last crash.
    pub(super) artifact: Option<String>,
    /// Whether the program ended well.
    pub(super) succeeded: bool,
}

impl Story {
    pub(super) fn of(target: &str) -> Self {
        Self { target: target.to_owned(), ..Self::default() }
    }

    /// Takes what a line of libFuzzer says, if it says anything.
    pub(super) fn read(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("stat::") {
            let Some((name, Ok(number))) =
                rest.split_once(':').map(|(name, value)| (name, value.trim().parse()))
            else {
                return;
            };
            match name {
                "number_of_executed_units" => self.executions = number,
                "average_exec_per_sec" => self.per_second = number,
                "new_units_added" => self.new_entries = number,
                _ => {}
            }
        } else if line.starts_with('#') {
            let words: Vec<&str> = line.split_whitespace().collect();
            for pair in words.windows(2) {
                match (pair[0], pair[1].parse()) {
                    ("cov:", Ok(edges)) => self.edges = edges,
                    ("ft:", Ok(features)) => self.features = features,
                    _ => {}
                }
            }
        } else if let Some((_, path)) = line.split_once("Test unit written to ") {
            self.crashes += 1;
            self.artifact = Some(path.trim().to_owned());
        }
    }

    /// Whether it crashed, or could not be run at all.
    pub(super) const fn failed(&self) -> bool {
        self.crashes > 0 || !self.succeeded
    }

    pub(super) fn told(&self) -> String {
        let end = match (self.crashes, self.succeeded) {
            (0, true) => "nothing fell",
            (0, false) => "it could not be run",
            (_, _) => "IT CRASHED",
        };
        format!("{}: {} executions, {} edges: {end}", self.target, self.executions, self.edges)
    }
}

/// Lays stories out for people.
pub(super) fn table(stories: &[Story]) -> String {
    let mut rows = vec![
        ["target", "executions", "a second", "edges", "features", "new entries", "crashes"]
            .map(str::to_owned),
    ];
    rows.extend(stories.iter().map(|story| {
        let crashes = if story.crashes == 0 && story.failed() {
            "not run".to_owned()
        } else {
            story.crashes.to_string()
        };
        let numbers = [story.executions, story.per_second, story.edges, story.features, story.new_entries]
            .map(|it| it.to_string());
        let [executions, per_second, edges, features, new_entries] = numbers;
        [story.target.clone(), executions, per_second, edges, features, new_entries, crashes]
    }));
    let line = |row: &[String; 7]| {
        let [target, numbers @ ..] = row;
        let numbers: Vec<String> = numbers.iter().map(|number| format!("{number:>12}")).collect();
        format!("  {target:<18} {}", numbers.join(" "))
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = "INFO: Running with entropic power schedule (0xFF, 100).
#2\tINITED cov: 12 ft: 13 corp: 1/1b exec/s: 0 rss: 30Mb
#1024\tpulse  cov: 211 ft: 612 corp: 90/2Kb lim: 14 exec/s: 512 rss: 44Mb
#4096\tDONE   cov: 213 ft: 640 corp: 91/2Kb lim: 40 exec/s: 1365 rss: 50Mb
stat::number_of_executed_units: 4096
stat::average_exec_per_sec:     1365
stat::new_units_added:          90
stat::slowest_unit_time_sec:    0
stat::peak_rss_mb:              50";

    fn read(lines: &str) -> Story {
        let mut story = Story::of("config");
        lines.lines().for_each(|line| story.read(line));
        story
    }

    #[test]
    fn the_last_word_of_libfuzzer_counts() {
        let story = Story { succeeded: true, ..read(LINES) };
        let expected = Story {
            target: "config".to_owned(),
            executions: 4096,
            per_second: 1365,
            edges: 213,
            features: 640,
            new_entries: 90,
            crashes: 0,
            artifact: None,
            succeeded: true,
        };
        assert_eq!(story, expected);
        assert!(!story.failed());
        let table = table(&[story]);
        let words: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(words[1], ["config", "4096", "1365", "213", "640", "90", "0"]);
    }

    #[test]
    fn a_crash_and_a_run_that_never_was_are_failures() {
        let crash = "artifact_prefix='/a/'; Test unit written to /a/crash-00ff";
        let crashed = Story { succeeded: true, ..read(crash) };
        assert!(crashed.failed() && crashed.artifact.as_deref() == Some("/a/crash-00ff"));
        let unbuilt = read("error[E0425]: cannot find value");
        assert!(unbuilt.failed() && table(&[unbuilt]).ends_with("not run"));
    }
}
