//! Words that may not be left behind: unfinished code, and places that exist on one machine only.

use super::Finding;
use super::source::File;

/// Unfinished or silenced code. Written in two halves, so that this file does not find itself.
const UNFINISHED: &[&str] =
    &[concat!("todo", "!("), concat!("unimplemented", "!("), concat!("dbg", "!("), concat!("#[", "ignore")];
/// Where somebody's machine keeps things.
const PLACES: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];
/// What panics where an error should be told.
const UNWRAP: &str = concat!(".unwrap", "()");

/// Finds words that may not be there.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        for (number, line) in file.lines() {
            for word in UNFINISHED.iter().filter(|word| file.is_rust() && line.contains(**word)) {
                findings.push(Finding::new(&file.path, number, format!("`{word}` must not be left behind")));
            }
            for place in PLACES.iter().filter(|place| is_place(line, place)) {
                let message = format!("`{place}` is a place on one machine: use a path from the root");
                findings.push(Finding::new(&file.path, number, message));
            }
        }
        findings.extend(unwraps(file));
    }
    findings
}

/// Whether a line has an absolute path that begins so.
fn is_place(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        !line[..at].ends_with(|before: char| before.is_alphanumeric() || "._-~})*".contains(before))
    })
}

fn unwraps(file: &File) -> Vec<Finding> {
    let ships = file.path.starts_with("crates/") && file.path.contains("/src/") && !file.is_test();
    if !ships || !file.is_rust() {
        return Vec::new();
    }
    let finding = |number| {
        let message =
            format!("`{UNWRAP}` outside of tests: tell an error, or `expect` the invariant that is visible");
        Finding::new(&file.path, number, message)
    };
    let lines = file.shipped_lines().into_iter();
    lines.filter(|(_, line)| line.contains(UNWRAP)).map(|(number, _)| finding(number)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<usize> {
        check(&[File::new(path, text)]).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn unfinished_code_is_found_even_in_tests() {
        for word in UNFINISHED {
            assert_eq!(found("tests/src/a.rs", &format!("//! A.\n    {word}\n")), [2], "{word}");
            assert_eq!(found("README.md", word), [0; 0], "{word}");
        }
    }

    #[test]
    fn places_on_one_machine_are_found_in_any_file() {
        for place in PLACES {
            for line in [
                format!("see {place}x"),
                format!("\"{place}x\""),
                format!("file://{place}x"),
                (*place).to_owned(),
            ] {
                assert_eq!(found("a.toml", &line), [1], "{line}");
            }
            assert_eq!(found("a.toml", &format!("src{place}x and ~{place}x")), [0; 0], "{place}");
        }
    }

    #[test]
    fn unwraps_are_found_where_code_ships() {
        let code = format!(
            "//! A.\nfn a() {{\n    b(){UNWRAP};\n}}\n#[cfg(test)]\nmod tests {{\n    c(){UNWRAP};\n}}\n"
        );
        assert_eq!(found("crates/a/src/lib.rs", &code), [3]);
        for path in ["crates/a/src/tests.rs", "crates/a/tests/b.rs", "tests/src/lib.rs"] {
            assert_eq!(found(path, &code), [0; 0], "{path}");
        }
        assert_eq!(found("crates/a/src/lib.rs", &format!("/// {UNWRAP}\n")), [0; 0]);
    }
}
