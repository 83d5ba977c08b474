//! The documentation's configuration: every key in it exists.
//!
//! Its values may be shortened for the reader, so that only keys are checked. That there is a README is for
//! `cargo xtask tidy` to say.

use super::super::NO_TOML;
use super::super::reader::{OTHERS_KEY, UNKNOWN_KEY};
use super::{FULL, parse};

/// Gives each TOML block of a text with the number of its first line.
fn blocks(readme: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut block: Option<(usize, String)> = None;
    for (index, line) in readme.lines().enumerate() {
        let fence = line.trim_start().strip_prefix("```");
        block = match (block, fence) {
            (None, Some(language)) if language.trim() == "toml" => Some((index + 2, String::new())),
            (None, _) => None,
            (Some(block), Some(_)) => {
                blocks.push(block);
                None
            }
            (Some((first, text)), None) => Some((first, text + line + "\n")),
        };
    }
    blocks
}

/// Gives what is wrong with the keys of a text's TOML blocks.
fn wrong_keys(file: &str, readme: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (first, block) in blocks(readme) {
        let Err(problems) = parse(&block) else { continue };
        let of_keys = problems.iter().filter(|problem| {
            [UNKNOWN_KEY, OTHERS_KEY, NO_TOML].iter().any(|begin| problem.message.starts_with(begin))
        });
        wrong.extend(of_keys.map(|problem| format!("{file}, block from line {first}: {problem}")));
    }
    wrong
}

#[test]
fn every_key_in_the_documentation_exists() {
    let root = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    for file in [
        "README.md",
        "docs/configuration.md",
        "docs/operating.md",
        "docs/api.md",
        "docs/hooks.md",
        "docs/queues.md",
    ] {
        if let Ok(text) = std::fs::read_to_string(root.join(file)) {
            assert!(!blocks(&text).is_empty(), "{file} shows no configuration");
            assert_eq!(wrong_keys(file, &text), [""; 0]);
        }
    }
}

#[test]
fn the_whole_configuration_has_no_wrong_key_and_a_wrong_one_is_found() {
    assert_eq!(wrong_keys("README.md", &format!("# A\n```toml\n{FULL}```\n")), [""; 0]);
    let wrong = wrong_keys("README.md", "# A\n```sh\nls\n```\n```toml\nflete = 1\n```\n");
    assert!(wrong.len() == 1 && wrong[0].starts_with("README.md, block from line 6: "), "{wrong:?}");
    assert!(!wrong_keys("README.md", "```toml\n[[[\n```\n").is_empty());
}
