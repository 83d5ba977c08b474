//! What is said to `simulate`, and what it says.

use clap::Parser as _;
use dynservers_core::{Billing, PolicyConfig};
use dynservers_sim::forecast::{Generator, server_type};

use super::*;
use crate::args::{Cli, Command};

fn args(arguments: &[&str]) -> SimulateArgs {
    let cli = Cli::try_parse_from([&["dynservers"], arguments].concat()).unwrap();
    let Command::Simulate(args) = cli.command else { panic!("another command") };
    *args
}

#[test]
fn several_configurations_can_be_named_before_and_after_the_command() {
    let none: [&Path; 0] = [];
    let generated = ["simulate", "--generate", "daily"];
    assert_eq!(args(&generated).configs, none);
    assert_eq!(args(&[&["--config", "a"], &generated[..]].concat()).configs, [Path::new("a")]);
    let two = args(&[&generated[..], &["--config", "a", "--config", "b"]].concat());
    assert_eq!(two.configs, [Path::new("a"), Path::new("b")]);
    assert_eq!((two.seed, two.boot), (1, None));
}

#[test]
fn jobs_are_named_once() {
    for wrong in [
        &["simulate"][..],
        &["simulate", "--trace", "a.csv", "--generate", "daily"],
        &["simulate", "--trace", "a.csv", "--seed", "3"],
        &["simulate", "--generate", "wild"],
        &["simulate", "--generate", "daily", "--boot", "soon"],
    ] {
        let error = Cli::try_parse_from([&["dynservers"], wrong].concat()).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{wrong:?}");
    }
}

#[test]
fn what_it_rests_on_is_said() {
    let trace = "poisson:length=2h".parse::<Generator>().unwrap().trace(1).unwrap();
    let hourly = Setup::new("hourly", server_type(Some(PolicyConfig::default()), 20));
    let mut minutely = hourly.clone();
    minutely.name = "minutely".to_owned();
    minutely.server_type.policy = Some(PolicyConfig {
        billing: Some(Billing { unit: Duration::from_secs(60) }),
        ..PolicyConfig::default()
    });
    minutely.price = Some(30_000);
    let setups = [hourly, minutely];
    let reports: Vec<Report> = setups.iter().map(|setup| setup.forecast(&trace)).collect();
    let bounds = [bound(&setups[0], &trace), bound(&setups[1], &trace)];
    let assumed = tell::durations(&setups[0], [Origin::Given, Origin::Assumed]);
    let note = tell::notes(&trace, &bounds, &reports, &[assumed.clone(), assumed]).join(" ");
    assert!(note.contains("servers come up in 30s (as said) and stop in 10s (assumed)"), "{note}");
    assert!(note.contains("by units of 1h.") && note.contains("by units of 1m."), "{note}");
    let table = tell::table(&Figures::of(&reports), Style::PLAIN);
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].contains("wait p50") && lines[0].contains("cost") && lines.len() == 3, "{table}");
    let json: serde_json::Value = serde_json::from_str(&tell::json(&trace, &bounds, &reports)).unwrap();
    assert_eq!(json["forecasts"][1]["name"], "minutely");
    assert_eq!(json["forecasts"][1]["unit_millis"], 60_000);
    assert!(json["forecasts"][0]["cost_millionths"].is_null());
}
