//! `sim`: tells many stories, and says what it saw. `cargo xtask sim` runs it.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use dynservers_proof::sim::{self, Kind, Tally};
use dynservers_sim::world::{SOMETIMES, Story};
use indicatif::{ProgressBar, ProgressStyle};

/// How many stories are told where nobody says it.
const SEEDS: u64 = 1_000;
/// How many stories must be told before every rare path must have been reached.
const ENOUGH: u64 = 2_000;
/// How many lines of a trace are shown without being asked for.
const LINES: usize = 120;

/// Tells drawn stories to the real machine in virtual time, and demands that the laws hold.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask sim")]
struct Arguments {
    /// How many seeds: 1000 where no first one is named, else that one alone.
    #[arg(long)]
    seeds: Option<u64>,
    /// The first seed.
    #[arg(long)]
    seed: Option<u64>,
    /// The world.
    #[arg(long, value_enum, default_value_t = World::Core)]
    world: World,
    /// Print everything that happened; for a single seed.
    #[arg(long)]
    trace: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum World {
    /// The machine, and a cloud that answers in its own words.
    Core,
    /// The machine, the requests and responses of UpCloud, and its emulator.
    Upcloud,
}

fn main() -> ExitCode {
    // A panic in a story is an outcome, and told with it.
    std::panic::set_hook(Box::new(|_| {}));
    let arguments = Arguments::parse();
    let kind = match arguments.world {
        World::Core => Kind::Core,
        World::Upcloud => Kind::UpCloud,
    };
    let is_single = arguments.seed.is_some() && arguments.seeds.is_none();
    let first = arguments.seed.unwrap_or(0);
    let count = if is_single { 1 } else { arguments.seeds.unwrap_or(SEEDS) };
    let bar = bar(count);
    let begun = Instant::now();
    let tally = sim::run(kind, first..first.saturating_add(count), || bar.inc(1));
    bar.finish_and_clear();
    let took = begun.elapsed();
    if let Some((seed, _)) = &tally.broken {
        tell_broken(kind, *seed, arguments.trace);
        return ExitCode::FAILURE;
    }
    if is_single {
        tell_single(kind, first, arguments.trace);
    }
    summarize(&tally, took);
    let missing = tally.evidence.missing();
    if tally.stories >= ENOUGH && !missing.is_empty() {
        eprintln!("\nerror: never reached, and so never tried: {}", missing.join(", "));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn bar(count: u64) -> ProgressBar {
    let template = "{bar:40} {pos}/{len} seeds, {per_sec}, {eta} left";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(count).with_style(style)
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Core => "core",
        Kind::UpCloud => "upcloud",
    }
}

/// Shows how a law was broken, by as few steps as possible.
fn tell_broken(kind: Kind, seed: u64, is_whole: bool) {
    eprintln!("seed {seed} breaks a law; leaving out what is not needed for that ...");
    let story = kind.shortened(Story::from_seed(seed));
    let telling = kind.tell(&story, true);
    let skipped = if is_whole { 0 } else { telling.lines.len().saturating_sub(LINES) };
    if skipped > 0 {
        println!("({skipped} lines before; --trace shows all)");
    }
    for line in &telling.lines[skipped..] {
        println!("{line}");
    }
    println!("\n{:?}", story.setup);
    for step in &story.steps {
        println!("  {step:?}");
    }
    match telling.verdict {
        Err(violation) => println!("\nbroken: {violation}"),
        Ok(()) => println!("\nbroken only in the whole story"),
    }
    println!("again: cargo xtask sim --world {} --seed {seed}", name(kind));
}

fn tell_single(kind: Kind, seed: u64, is_traced: bool) {
    if is_traced {
        for line in kind.tell(&Story::from_seed(seed), true).lines {
            println!("{line}");
        }
    }
    println!("seed {seed} keeps the laws\n");
}

fn summarize(tally: &Tally, took: Duration) {
    println!("rare path                              times");
    for path in SOMETIMES {
        println!("  {path:<36} {:>6}", tally.evidence.count(path));
    }
    let others = tally.evidence.paths().filter(|(path, _)| !SOMETIMES.contains(path));
    println!("\nand besides                            times");
    for (path, count) in others {
        println!("  {path:<36} {count:>6}");
    }
    let seconds = took.as_secs_f64().max(0.001);
    let hour = 3_600_000.0;
    let years = tally.millis as f64 / hour / 24.0 / 365.25;
    println!(
        "\n{} seeds in {seconds:.1} s ({:.0} an hour): {} outputs, {years:.1} years of a fleet's life",
        tally.stories,
        tally.stories as f64 * 3_600.0 / seconds,
        tally.outputs,
    );
}
