//! What a simulation is told.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use dynservers_core::TypeName;
use dynservers_sim::forecast::Generator;

use crate::duration;

/// What is simulated, and where it is shown.
#[derive(Debug, Args)]
#[command(after_long_help = KINDS)]
pub(crate) struct SimulateArgs {
    /// The configuration; more than one are compared side by side
    // It has the name of the global option, so that it takes its place here.
    #[arg(long = "config", id = "config", value_name = "FILE")]
    pub(crate) configs: Vec<PathBuf>,
    /// The server type; may be left out if there is only one
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) server_type: Option<TypeName>,
    /// The jobs: a CSV file with the columns time, arrivals and service
    #[arg(long, value_name = "FILE", required_unless_present = "generate", conflicts_with = "generate")]
    pub(crate) trace: Option<PathBuf>,
    /// Make jobs up: steady, poisson, daily, burst, ramp or flash, as in "daily:peak=900,service=30s"
    #[arg(long, value_name = "KIND[:KEY=VALUE,...]")]
    pub(crate) generate: Option<Generator>,
    /// From what jobs are made up: the same number gives the same jobs
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "trace")]
    pub(crate) seed: u64,
    /// How long a server takes to come up [default: as the ledger has learned, else 30s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) boot: Option<Duration>,
    /// How long a server takes to stop [default: as the ledger has learned, else 10s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) stop: Option<Duration>,
    /// Write a plot
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Write a page with the figures and the plot, which needs no other file
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Write JSON: one object
    #[arg(long)]
    pub(crate) json: bool,
}

const KINDS: &str = "\
A trace has a line for each moment at which jobs come: the seconds since its beginning, or a moment
such as 2026-03-01T08:00:00Z; how many come; how long a server takes for each, in seconds or as \"30s\".

Kinds of jobs that are made up, with what they are by default:
  steady    one each so many seconds: rate=600 (an hour)
  poisson   the same with chance: rate=600, spread=50 (percent by which a job takes more or less)
  daily     low by night, high by day: rate=120, peak=1800, every=1d
  burst     little, and again and again many at once: rate=60, peak=300 (jobs in one), every=3h
  ramp      more and more, then little: rate=60, peak=1800
  flash     a crowd that comes within a minute and ebbs away: rate=120, peak=3600
All of them: service=60s, length=1d.";
