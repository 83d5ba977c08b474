//! The guide to `simulate`: its commands work as they stand there, and its plots are there.

use std::fs;
use std::path::Path;
use std::process::Command;

use dynservers_tests::{Fleet, Told, snippets};

const DOCUMENTATION: &str = include_str!("../../docs/simulate.md");

/// A directory with the files that the guide shows.
fn place() -> tempfile::TempDir {
    let place = tempfile::tempdir().expect("there is room");
    fs::create_dir(place.path().join("worker")).expect("the directory is ours");
    fs::write(place.path().join("hourly.toml"), &snippets(DOCUMENTATION, "toml")[0]).expect("it is ours");
    fs::write(place.path().join("jobs.csv"), &snippets(DOCUMENTATION, "csv")[0]).expect("it is ours");
    place
}

fn shell(place: &Path, line: &str) -> Told {
    let programs = dynservers_tests::binary();
    let programs = Path::new(&programs).parent().expect("it is in a directory").display().to_string();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("sh");
    Told::by(command.args(["-c", line]).current_dir(place).env("PATH", format!("{programs}:{path}")))
}

#[test]
fn the_commands_of_the_guide_work() {
    let place = place();
    let mut told = Vec::new();
    for line in snippets(DOCUMENTATION, "sh").iter().flat_map(|snippet| snippet.lines()) {
        let answer = shell(place.path(), line);
        assert_eq!((answer.code, answer.err.as_str()), (Some(0), ""), "{line}");
        told.push(answer.out);
    }
    assert_eq!(snippets(DOCUMENTATION, "text")[0].trim_end(), told[0].trim_end());
    assert!(told[1].starts_with("55 jobs: jobs.csv\n"), "{}", told[1]);
    let json: serde_json::Value = serde_json::from_str(&told[told.len() - 1]).expect("it is JSON");
    assert_eq!(json["forecasts"].as_array().map(Vec::len), Some(2));
    for file in ["daily.svg", "daily.html"] {
        let text = fs::read_to_string(place.path().join(file)).expect("it was written");
        assert!(text.contains("frugal.toml") && text.contains("prefers-color-scheme"), "{file}");
    }
}

#[test]
fn the_plots_of_the_guide_are_there() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let plots = DOCUMENTATION.split("](plots/").skip(1).filter_map(|rest| rest.split(')').next());
    let plots: Vec<&str> = plots.collect();
    assert!(plots.len() >= 3);
    for plot in plots {
        let text = fs::read_to_string(docs.join("plots").join(plot)).expect("it is there");
        assert!(text.starts_with("<svg") && text.contains("ours by default"), "{plot}");
    }
}

#[test]
fn what_is_wrong_is_told() {
    let place = place();
    fs::write(place.path().join("bad.csv"), "time,arrivals,service\n0,many,30\n").expect("it is ours");
    for (line, code, words) in [
        ("dynservers simulate --generate daily --config none.toml", 2, "none.toml: cannot be read"),
        ("dynservers simulate --generate daily --config hourly.toml --type web", 2, "it has: default"),
        ("dynservers simulate --trace bad.csv --config hourly.toml", 2, "line 2, column arrivals: \"many\""),
        ("dynservers simulate --trace none.csv --config hourly.toml", 1, "none.csv cannot be read"),
        (
            "dynservers simulate --generate daily --config hourly.toml --svg no/where.svg",
            1,
            "cannot be written",
        ),
        (
            "sed '/^policy/d; /^sources/d' hourly.toml > a.toml; dynservers simulate --generate daily --config a.toml",
            2,
            "add [[server_types.default.sources]]",
        ),
    ] {
        let told = shell(place.path(), line);
        assert_eq!(told.code, Some(code), "{line}: {}", told.err);
        assert!(told.err.contains(words), "{line}: {}", told.err);
    }
}

#[test]
fn what_the_fleet_has_learned_is_taken() {
    let mut fleet = Fleet::local(
        "max = 4\ndemand_interval = \"100ms\"\nsources = [{ kind = \"spool\", directory = \"jobs\" }]\n\
         policy = { jobs_per_server = 2 }\n",
    );
    for part in ["new", "claimed", "done", "failed"] {
        fs::create_dir_all(fleet.path().join("jobs").join(part)).expect("the directory is ours");
    }
    let simulate = ["simulate", "--generate", "poisson:length=1h"];
    let told = fleet.tell(&simulate);
    assert!(told.out.contains("come up in 30s (assumed)"), "{told:?}");
    fleet.start();
    fs::write(fleet.path().join("jobs/new/1"), "work").expect("the directory is ours");
    fleet.settles_at(1);
    let told = fleet.tell(&simulate);
    assert!(told.out.contains("(as learned)"), "{told:?}");
    let told = fleet.tell(&[&simulate[..], &["--boot", "2m"]].concat());
    assert!(told.out.contains("come up in 2m 00s (as said)"), "{told:?}");
    assert!(fleet.stop().success());
}
