//! Axes: numbers and times as places, with ticks that are round.

use std::fmt;

/// One direction of a plot.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// The number at the end.
    most: u64,
    /// From one tick to the next.
    step: u64,
    pixels: u64,
}

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const TIMES: [u64; 17] = [
    1_000,
    5_000,
    15_000,
    MINUTE,
    5 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    24 * HOUR,
    48 * HOUR,
    168 * HOUR,
    672 * HOUR,
    8_736 * HOUR,
];

impl Axis {
    /// Makes an axis from zero to the round number that is not below the most.
    pub(super) fn of_numbers(most: u64, pixels: u64) -> Self {
        let step = round(most.max(5).div_ceil(5));
        Self { most: most.max(1).div_ceil(step).saturating_mul(step), step, pixels }
    }

    /// Makes an axis of milliseconds that ends where they end.
    pub(super) fn of_time(end: u64, pixels: u64) -> Self {
        let step = TIMES.into_iter().find(|step| end / step <= 12).unwrap_or(end.max(1));
        Self { most: end.max(1), step, pixels }
    }

    pub(super) fn ticks(&self) -> impl Iterator<Item = u64> {
        let step = self.step;
        (0..=self.most / step).map(move |index| index * step)
    }

    /// Gives how far from the beginning a number is.
    pub(super) fn pixels(&self, number: u64) -> u64 {
        self.tenths(number) / 10
    }

    /// Gives the same to the tenth.
    pub(super) fn tenths(&self, number: u64) -> u64 {
        let place = u128::from(number.min(self.most)) * u128::from(self.pixels * 10) / u128::from(self.most);
        u64::try_from(place).unwrap_or(u64::MAX)
    }

    /// Gives how many pixels there are.
    pub(super) const fn length(&self) -> u64 {
        self.pixels
    }
}

/// Gives the next number that is one, two or five and zeros.
fn round(number: u64) -> u64 {
    let mut unit: u64 = 1;
    loop {
        for round in [1, 2, 5].map(|factor| unit.saturating_mul(factor)) {
            if round >= number {
                return round;
            }
        }
        unit = unit.saturating_mul(10);
    }
}

/// A time since the beginning, in its largest unit.
pub(super) struct Span(pub(super) u64);

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(24 * HOUR, "d"), (HOUR, "h"), (MINUTE, "min"), (1_000, "s")];
        // A day of hours is read as hours; only weeks are in days.
        let units = if self.0 <= 48 * HOUR { &units[1..] } else { &units[..] };
        if self.0 > HOUR && self.0 % HOUR == HOUR / 2 {
            return write!(formatter, "{}.5 h", self.0 / HOUR);
        }
        let unit = units.iter().find(|(unit, _)| self.0 >= *unit && self.0.is_multiple_of(*unit));
        match unit {
            Some((unit, name)) => write!(formatter, "{} {name}", self.0 / unit),
            None => write!(formatter, "{}", self.0 / 1_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        for (most, ticks) in [
            (0, vec![0, 1]),
            (3, vec![0, 1, 2, 3]),
            (17, vec![0, 5, 10, 15, 20]),
            (100, vec![0, 20, 40, 60, 80, 100]),
            (231, vec![0, 50, 100, 150, 200, 250]),
        ] {
            assert_eq!(Axis::of_numbers(most, 100).ticks().collect::<Vec<_>>(), ticks, "{most}");
        }
        let day = Axis::of_time(24 * HOUR + 1, 100);
        assert_eq!(day.ticks().map(|tick| Span(tick).to_string()).last().as_deref(), Some("24 h"));
        let shown =
            [0, 1_000, 300_000, HOUR, HOUR / 2 * 3, 26 * HOUR, 168 * HOUR].map(|time| Span(time).to_string());
        assert_eq!(shown, ["0", "1 s", "5 min", "1 h", "1.5 h", "26 h", "7 d"]);
    }

    #[test]
    fn the_largest_numbers_have_a_place() {
        let axis = Axis::of_numbers(u64::MAX, 100);
        assert_eq!((axis.pixels(0), axis.pixels(u64::MAX)), (0, 100));
        assert!(Axis::of_time(u64::MAX, 100).ticks().count() < 20);
    }
}
