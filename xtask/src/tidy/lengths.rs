//! How long a file may be, and what its first line must be: one noun a file, and it says which.

use super::Finding;
use super::source::File;

/// Over this nothing goes.
const NEVER: usize = 700;
/// Over this a file of the core needs a reason.
const CORE: usize = 400;
/// Over this any other file needs a reason.
const ELSEWHERE: usize = 500;

/// Files that are longer than the rule, each with its reason.
pub(super) const LONG_ON_PURPOSE: &[(&str, &str)] = &[];

/// Finds files that are too long, reasons that are no longer needed, and files that do not say what they are.
pub(super) fn check(files: &[File], long_on_purpose: &[(&str, &str)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        findings.extend(length(file, long_on_purpose));
        if !says_what_it_is(&file.text) {
            findings.push(Finding::new(&file.path, 1, "the first line must be `//! what this file is for`"));
        }
    }
    for (path, _) in long_on_purpose {
        let long = files.iter().any(|file| file.path == *path && file.text.lines().count() > limit(path));
        if !long {
            findings.push(Finding::new(
                path,
                1,
                "is listed as long on purpose and is not: remove it from the list",
            ));
        }
    }
    findings
}

fn limit(path: &str) -> usize {
    if path.starts_with("crates/dynservers-core/") { CORE } else { ELSEWHERE }
}

fn length(file: &File, long_on_purpose: &[(&str, &str)]) -> Option<Finding> {
    let lines = file.text.lines().count();
    let limit = limit(&file.path);
    let excused = long_on_purpose.iter().any(|(path, reason)| *path == file.path && !reason.is_empty());
    if lines > NEVER {
        let message = format!("has {lines} lines, and none may have more than {NEVER}: one noun a file");
        Some(Finding::new(&file.path, NEVER + 1, message))
    } else if lines > limit && !excused {
        let message = format!(
            "has {lines} lines of {limit}: split it by noun, or list it with its reason in xtask/src/tidy/lengths.rs"
        );
        Some(Finding::new(&file.path, limit + 1, message))
    } else {
        None
    }
}

/// Whether the file's first words are its own documentation, after a shebang or attributes of the whole file.
fn says_what_it_is(text: &str) -> bool {
    let mut documented = false;
    for line in text.lines() {
        documented |= line.starts_with("//!") || line.starts_with("#![doc");
        if documented || !line.starts_with("#!") {
            break;
        }
    }
    documented
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str, lines: usize) -> File {
        File::new(path, format!("//! A.\n{}", "\n".repeat(lines - 1)))
    }

    fn messages(files: &[File], excused: &[(&str, &str)]) -> Vec<String> {
        check(files, excused).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn long_files_are_found_and_limits_are_not_exceeded_by_meeting_them() {
        let core = "crates/dynservers-core/src/a.rs";
        assert_eq!(messages(&[of(core, 400), of("tests/a.rs", 500), of("a.txt", 900)], &[]), [""; 0]);
        assert!(
            messages(&[of(core, 401)], &[])[0]
                .starts_with("crates/dynservers-core/src/a.rs:401: has 401 lines of 400")
        );
        assert!(
            messages(&[of("tests/a.rs", 501)], &[])[0].starts_with("tests/a.rs:501: has 501 lines of 500")
        );
    }

    #[test]
    fn a_reason_excuses_up_to_the_last_limit_and_is_not_kept_for_nothing() {
        let excused = [("tests/a.rs", "a table")];
        assert_eq!(messages(&[of("tests/a.rs", 600)], &excused), [""; 0]);
        assert!(messages(&[of("tests/a.rs", 701)], &excused)[0].contains("none may have more than 700"));
        assert!(messages(&[of("tests/a.rs", 500)], &excused)[0].contains("remove it from the list"));
        assert!(messages(&[of("tests/a.rs", 501)], &[("tests/a.rs", "")])[0].contains("of 500"));
    }

    #[test]
    fn a_file_says_what_it_is_first() {
        for good in [
            "//! A.\n",
            "#!/usr/bin/env rust\n//! A.\n",
            "#![no_std]\n//! A.",
            "#![no_std]\n#![doc = \"A.\"]\n",
        ] {
            assert!(says_what_it_is(good), "{good}");
        }
        for bad in ["", "use a;\n//! A.\n", "// A.\n", "#![no_std]\nuse a;\n", "\n//! A.\n"] {
            assert!(!says_what_it_is(bad), "{bad}");
            assert_eq!(check(&[File::new("a.rs", bad)], &[]).len(), 1, "{bad}");
        }
    }
}
