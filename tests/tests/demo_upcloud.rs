//! The demo of the emulated cloud keeps what it claims, and says so.

use std::process::Command;

use dynservers_tests::binary;

#[test]
fn the_demo_holds_its_claim() {
    let output = Command::new(binary()).args(["demo", "--upcloud"]).output().expect("the binary starts");
    let shown = String::from_utf8_lossy(&output.stdout);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{shown}\n{told}");
    let row = |name: &str| {
        let line = shown.lines().find(|line| line.starts_with(name));
        let line = line.unwrap_or_else(|| panic!("no row {name} in {shown}"));
        let numbers: Vec<u64> =
            line.split_whitespace().rev().take(2).filter_map(|word| word.parse().ok()).collect();
        (numbers[1], numbers[0])
    };
    let (created, naive_created) = row("created");
    assert_eq!((created, row("deleted").0), (12, 12), "{shown}");
    assert!(naive_created > 12, "the naive loop met the same faults: {shown}");
    let (leaked, naive_leaked) = row("leaked");
    assert_eq!((leaked, row("doubled").0, row("still billed").0), (0, 0, 0), "{shown}");
    assert!(naive_leaked > 0, "{shown}");
}
