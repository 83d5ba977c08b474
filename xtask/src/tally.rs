//! A tally of tests, over all test programs of a run.

/// How many tests there were, over all test programs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
    programs: u64,
}

impl Tally {
    /// Counts `test result: ok. 3 passed; 0 failed; 1 ignored; ...`.
    pub(crate) fn read(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        self.programs += 1;
        for part in result.split(['.', ';']) {
            let mut words = part.split_whitespace();
            let (Some(number), Some(word)) = (words.next(), words.next()) else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            match word {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }

    pub(crate) fn summary(&self, succeeded: bool) -> String {
        let Self { passed, failed, ignored, programs } = self;
        let verdict = if succeeded { "ok" } else { "FAILED" };
        format!("{verdict}: {passed} passed, {failed} failed, {ignored} ignored in {programs} test programs")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_all_programs_are_added_up() {
        let mut tally = Tally::default();
        for line in [
            "running 4 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: FAILED. 0 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
        ] {
            tally.read(line);
        }
        assert_eq!(tally, Tally { passed: 3, failed: 2, ignored: 1, programs: 2 });
        assert_eq!(tally.summary(false), "FAILED: 3 passed, 2 failed, 1 ignored in 2 test programs");
    }
}
