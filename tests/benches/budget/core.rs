//! The core on one thread: lives of servers, quiet ticks, looks, and what a server takes of memory.

use std::hint::black_box;
use std::time::Duration;

use dynservers_tests::{Budget, Figure, Unit};

use crate::fleet::Fleet;
use crate::rounds::{Scale, least, worked};

/// The size from which growth counts: below it what a fleet costs by itself is shared by few.
const GROWS_FROM: u32 = 1_000;

/// One size: the time a server, and how many transitions and inputs there were a second.
struct Life {
    size: u32,
    seconds: f64,
    transitions: f64,
    inputs: f64,
}

/// Measures whole lives of servers, at each size: up and down again.
///
/// The life of a server is what the machine does for it from the wish for it until it was seen gone: its part of looks,
/// events and the fleet's own row included, the host's work and the cloud's not. A *transition* is a record of a server
/// written once more: the durable step from one state of its life to the next, of which a whole life has about ten. An
/// *input* is a call of the machine with news or the time, whatever is in it.
pub(crate) fn lives(scale: &Scale) -> Vec<Figure> {
    let lives: Vec<Life> = scale.fleets.iter().map(|size| live(*size, scale)).collect();
    let mut figures = Vec::new();
    figures.extend(lives.iter().map(|life| {
        let figure = Figure::new("core: life of a server", life.seconds, Unit::Seconds);
        figure.at(u64::from(life.size)).within(Budget::AtMost(10e-6))
    }));
    figures.extend(lives.iter().map(|life| {
        let figure = Figure::new("core: transitions", life.transitions, Unit::PerSecond);
        figure.at(u64::from(life.size)).within(Budget::AtLeast(1e6))
    }));
    figures.extend(
        lives
            .iter()
            .map(|life| Figure::new("core: inputs", life.inputs, Unit::PerSecond).at(u64::from(life.size))),
    );
    let from = lives.iter().find(|life| life.size == GROWS_FROM);
    if let (Some(small), Some(large)) = (from, lives.last()) {
        let growth = large.seconds / small.seconds;
        let figure = Figure::new("core: life, against that in a fleet of 1,000", growth, Unit::Times);
        figures.push(figure.at(u64::from(large.size)).within(Budget::AtMost(2.0)));
    }
    figures
}

fn live(size: u32, scale: &Scale) -> Life {
    // Small fleets live more often, so that a round is long enough to be measured.
    let repeats = (10_000 / size).max(1);
    let (mut transitions, mut inputs) = (0, 0);
    let busy = least(scale.rounds, || {
        let mut busy = Duration::ZERO;
        (transitions, inputs) = (0, 0);
        for _ in 0..repeats {
            let mut fleet = Fleet::start(size);
            fleet.count_anew();
            fleet.ensure(size);
            fleet.ensure(0);
            busy += fleet.busy;
            transitions += fleet.transitions;
            inputs += fleet.inputs;
        }
        busy
    });
    let seconds = busy.as_secs_f64();
    Life {
        size,
        seconds: seconds / f64::from(size * repeats),
        transitions: transitions as f64 / seconds,
        inputs: inputs as f64 / seconds,
    }
}

/// Measures ticks with nothing to do, looks, and memory, each in a fleet whose servers all run.
pub(crate) fn fleets(scale: &Scale) -> Vec<Figure> {
    let (mut ticks, mut looks, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for size in scale.fleets {
        let mut fleet = Fleet::running(*size);
        let at = u64::from(*size);
        let tick = Figure::new("core: quiet tick", quiet_tick(&mut fleet, scale), Unit::Seconds);
        ticks.push(tick.at(at).within(Budget::AtMost(1e-6)));
        let look = look(&mut fleet, scale).as_secs_f64();
        // Of a fleet of 100,000: a smaller one has as little time for each.
        let most = 20e-3 * f64::from((*size).max(GROWS_FROM)) / 100_000.0;
        let look = Figure::new("core: look at all servers", look, Unit::Seconds);
        looks.push(look.at(at).within(Budget::AtMost(most)));
        let bytes = Figure::new("core: memory a server", held(fleet) / f64::from(*size), Unit::Bytes);
        // The fleet's own few kilobytes are not any server's.
        memory.push(if *size < GROWS_FROM {
            bytes.at(at)
        } else {
            bytes.at(at).within(Budget::AtMost(1024.0))
        });
    }
    ticks.into_iter().chain(looks).chain(memory).collect()
}

fn quiet_tick(fleet: &mut Fleet, scale: &Scale) -> f64 {
    const TICKS: u32 = 100_000;
    let now = fleet.now;
    let took = least(scale.rounds, || {
        let (took, ()) = worked(|| {
            for _ in 0..TICKS {
                black_box(&mut fleet.machine).handle_timeout(black_box(now));
            }
        });
        took
    });
    took.as_secs_f64() / f64::from(TICKS)
}

/// Lets the machine look once more, page by page, and gives how long it took over that.
fn look(fleet: &mut Fleet, scale: &Scale) -> Duration {
    least(scale.rounds, || {
        fleet.count_anew();
        fleet.pass();
        fleet.rest();
        fleet.busy
    })
}

/// Gives how many bytes a machine holds: what the allocator gets back when it goes, and nobody else holds any of it.
fn held(fleet: Fleet) -> f64 {
    let machine = fleet.into_machine();
    let freed = allocation_counter::measure(move || drop(machine));
    -freed.bytes_current as f64
}
