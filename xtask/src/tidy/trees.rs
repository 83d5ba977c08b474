//! The walls between the runtimes: what may come with which feature of the library, and how thin an adapter is.

use super::Finding;
use super::source::File;
use crate::runner::{Cargo, Failure};

/// A choice of features, and what must not come with it.
struct Wall {
    package: &'static str,
    features: &'static str,
    forbidden: &'static [&'static str],
}

const WALLS: &[Wall] = &[
    Wall {
        package: "dynservers",
        features: "blocking,upcloud,sqlite",
        forbidden: &["tokio", "async-std", "hyper"],
    },
    Wall {
        package: "dynservers",
        features: "blocking,local,simulation",
        forbidden: &["tokio", "async-std", "hyper"],
    },
    Wall {
        package: "dynservers",
        features: "blocking,redis,rabbitmq,prometheus,calendar",
        forbidden: &["tokio", "async-std", "hyper"],
    },
    Wall { package: "dynservers", features: "async-std,upcloud", forbidden: &["tokio", "hyper"] },
    Wall { package: "dynservers", features: "tokio,upcloud", forbidden: &["async-std", "ureq"] },
    Wall { package: "dynservers-host", features: "", forbidden: &["tokio", "async-std", "hyper", "ureq"] },
];

/// The crates that put the driver on a runtime, and HTTP on a client.
const ADAPTERS: [&str; 3] = ["dynservers-tokio", "dynservers-blocking", "dynservers-async-std"];
/// An adapter of as many lines of code holds something that is not its own.
const ADAPTER: usize = 400;

/// Finds what comes with a feature and must not.
pub(super) fn check() -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    for wall in WALLS {
        let features =
            if wall.features.is_empty() { String::new() } else { format!("--features {}", wall.features) };
        let call = format!(
            "tree --quiet --edges normal --prefix none --package {} --no-default-features {features}",
            wall.package
        );
        findings.extend(breaches(wall, &Cargo::new(&call).output()?));
    }
    Ok(findings)
}

/// Finds the forbidden among the packages that `cargo tree` lists, one a line, name first.
fn breaches(wall: &Wall, tree: &str) -> Vec<Finding> {
    let manifest = format!("crates/{}/Cargo.toml", wall.package);
    let named = |name: &str| tree.lines().any(|line| line.split(' ').next() == Some(name));
    if !named(wall.package) {
        return vec![Finding::new(
            &manifest,
            1,
            "its dependencies cannot be read: `cargo tree` does not list it",
        )];
    }
    let forbidden = wall.forbidden.iter().filter(|name| named(name));
    let message = |name: &&&str| format!("with the features `{}` there must be no {name}", wall.features);
    forbidden.map(|name| Finding::new(&manifest, 1, message(&name))).collect()
}

/// Finds adapters that hold more than an adapter does: lines of code, without tests, comments and blank ones.
pub(super) fn check_adapters(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for adapter in ADAPTERS {
        let sources = format!("crates/{adapter}/src/");
        let ours = files.iter().filter(|file| file.path.starts_with(&sources) && file.is_rust());
        let code = ours.filter(|file| !file.is_test()).flat_map(File::shipped_lines);
        let lines = code.filter(|(_, line)| !line.trim().is_empty()).count();
        if lines == 0 || lines >= ADAPTER {
            let message =
                format!("has {lines} lines of code, and an adapter has fewer than {ADAPTER} and some");
            findings.push(Finding::new(&format!("{sources}lib.rs"), 1, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: Wall = Wall { package: "a", features: "b", forbidden: &["tokio", "hyper"] };

    #[test]
    fn what_is_forbidden_is_found_by_its_whole_name() {
        let found =
            |tree: &str| breaches(&WALL, tree).into_iter().map(|finding| finding.message).collect::<Vec<_>>();
        assert_eq!(found("a v0.1.0 (/a)\nserde v1.0.0\ntokio-util v0.7.0\n"), Vec::<String>::new());
        assert_eq!(
            found("a v0.1.0\nserde v1.0.0\ntokio v1.0.0\n"),
            ["with the features `b` there must be no tokio"]
        );
        assert_eq!(found("").len(), 1, "a tree that cannot be read proves nothing");
    }

    #[test]
    fn an_adapter_is_thin_and_there() {
        let file = |adapter: &str, lines: usize| {
            File::new(
                format!("crates/{adapter}/src/lib.rs"),
                format!("//! A.\n\n{}", "code();\n".repeat(lines)),
            )
        };
        let files = [file(ADAPTERS[0], 399), file(ADAPTERS[1], 400)];
        let found: Vec<_> = check_adapters(&files).into_iter().map(|finding| finding.path).collect();
        assert_eq!(
            found,
            ["crates/dynservers-blocking/src/lib.rs", "crates/dynservers-async-std/src/lib.rs"]
        );
    }
}
