//! Lines that go in steps: a number holds until there is another.

use std::fmt::Write as _;

use super::axis::Axis;

/// One line of a panel.
pub(super) struct Line {
    pub(super) class: &'static str,
    pub(super) is_dashed: bool,
    /// Until when the last number holds.
    pub(super) end: u64,
    pub(super) points: Vec<(u64, u64)>,
}

/// Leaves one point for each pixel: the highest, so that no peak is lost.
pub(super) fn thinned(points: impl Iterator<Item = (u64, u64)>, time: &Axis) -> Vec<(u64, u64)> {
    let mut thinned: Vec<(u64, u64)> = Vec::with_capacity(usize::try_from(time.length()).unwrap_or(0));
    for (at, value) in points {
        match thinned.last_mut() {
            Some(last) if time.pixels(last.0) == time.pixels(at) => last.1 = last.1.max(value),
            _ => thinned.push((at, value)),
        }
    }
    thinned
}

/// Draws a line from its first point on, with the origin at a place.
pub(super) fn steps(line: &Line, time: &Axis, numbers: &Axis, (left, bottom): (u64, u64)) -> String {
    let mut path = String::new();
    let mut height = None;
    for (at, value) in &line.points {
        let x = Tenths(left * 10 + time.tenths(*at));
        let y = bottom * 10 - numbers.tenths(*value);
        let _ = match height.replace(y) {
            None => write!(path, "M{x} {}", Tenths(y)),
            Some(before) if before == y => Ok(()),
            Some(_) => write!(path, "H{x}V{}", Tenths(y)),
        };
    }
    if height.is_some() {
        let _ = write!(path, "H{}", Tenths(left * 10 + time.tenths(line.end)));
    }
    path
}

/// A place in tenths of a pixel.
struct Tenths(u64);

impl std::fmt::Display for Tenths {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 % 10 {
            0 => write!(formatter, "{}", self.0 / 10),
            tenth => write!(formatter, "{}.{tenth}", self.0 / 10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_hold_until_the_next_and_peaks_stay() {
        let (time, numbers) = (Axis::of_time(1_000, 10), Axis::of_numbers(10, 10));
        let points = thinned([(0, 1), (50, 9), (90, 2), (500, 9), (700, 3)].into_iter(), &time);
        assert_eq!(points, [(0, 9), (500, 9), (700, 3)]);
        let line = Line { class: "a", is_dashed: false, end: 1_000, points };
        let path = steps(&line, &time, &numbers, (5, 20));
        assert_eq!(
            path,
            format!("M5 {}H12V{}H15", Tenths(200 - numbers.tenths(9)), Tenths(200 - numbers.tenths(3)))
        );
        let empty = Line { class: "a", is_dashed: false, end: 1_000, points: Vec::new() };
        assert_eq!(steps(&empty, &time, &numbers, (5, 20)), "");
    }
}
