//! A file of the repository, and which of its lines are code that ships.

use std::path::Path;

/// A tracked text file.
#[derive(Clone, Debug)]
pub(super) struct File {
    /// Its path from the root, with `/`.
    pub(super) path: String,
    /// What is in it.
    pub(super) text: String,
}

impl File {
    pub(super) fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    /// Tells whether it is Rust.
    pub(super) fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|extension| extension == "rs")
    }

    /// Tells whether the whole file is compiled for tests only, by where it lies.
    pub(super) fn is_test(&self) -> bool {
        let inside = |folder: &str| self.path.split('/').rev().skip(1).any(|part| part == folder);
        inside("tests") || inside("benches") || self.path.ends_with("/tests.rs")
    }

    /// Gives the lines with their numbers, from 1.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// Gives the lines that ship: neither comments nor anything under `#[cfg(test)]`.
    ///
    /// Relies on rustfmt: an item ends at the first line that closes it at its own indentation.
    pub(super) fn shipped_lines(&self) -> Vec<(usize, &str)> {
        let mut shipped = Vec::new();
        let mut lines = self.lines();
        while let Some((number, line)) = lines.next() {
            let code = line.trim_start();
            if code.starts_with("#[cfg(test)]") {
                let indentation = &line[..line.len() - code.len()];
                skip_item(&mut lines, indentation);
            } else if !code.starts_with("//") {
                shipped.push((number, line));
            }
        }
        shipped
    }
}

fn skip_item<'a>(lines: &mut impl Iterator<Item = (usize, &'a str)>, indentation: &str) {
    for (_, line) in lines {
        let at_its_level =
            line.strip_prefix(indentation).is_some_and(|rest| !rest.starts_with(char::is_whitespace));
        let closes = line.trim_end().ends_with([';', '}', ',']);
        if at_its_level && closes {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_cfg_test_does_not_ship_and_what_follows_it_does() {
        let file = File::new(
            "a.rs",
            "//! A.\nuse b;\n#[cfg(test)]\nmod c;\nfn d() {\n    // why\n    #[cfg(test)]\n    e();\n    f();\n}\n\
             #[cfg(test)]\nmod tests {\n    fn g() {}\n}\nfn h() {}\n",
        );
        let shipped: Vec<_> = file.shipped_lines().into_iter().map(|(number, _)| number).collect();
        assert_eq!(shipped, [2, 5, 9, 10, 15]);
    }

    #[test]
    fn test_files_are_known_by_their_place() {
        for (path, test) in [
            ("tests/src/up.rs", true),
            ("crates/a/src/b/tests.rs", true),
            ("crates/a/tests/c.rs", true),
            ("crates/a/src/tests/d.rs", true),
            ("crates/a/src/attests.rs", false),
            ("crates/a/src/lib.rs", false),
        ] {
            assert_eq!(File::new(path, "").is_test(), test, "{path}");
        }
    }
}
