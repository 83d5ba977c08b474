//! Time as people and machines read it: relative, and in the calendar.

use dynservers_core::Time;
use jiff::Timestamp;

/// Gives a moment of the fleet's clock as a moment in the calendar; one beyond the calendar is its last.
pub(crate) fn timestamp(time: Time) -> Timestamp {
    i64::try_from(time.as_millis())
        .ok()
        .and_then(|millis| Timestamp::from_millisecond(millis).ok())
        .unwrap_or(Timestamp::MAX)
}

/// Gives how long ago `then` was, or in how long it will be, in the largest unit that fits: `3m ago`, `in 20s`.
pub(crate) fn relative(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs();
    match seconds {
        0 => "just now".to_owned(),
        1.. => format!("{} ago", span(seconds.unsigned_abs())),
        ..0 => format!("in {}", span(seconds.unsigned_abs())),
    }
}

/// Gives how many whole seconds passed between two moments; none if `then` is later.
pub(crate) fn age_seconds(then: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.duration_since(then).as_secs()).unwrap_or(0)
}

/// Gives a number of seconds in the largest unit that fits, rounded down.
pub(crate) fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..172_800 => format!("{}h", seconds / 3_600),
        172_800.. => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_750_000_000 + seconds).unwrap()
    }

    #[test]
    fn moments_read_as_people_say_them() {
        let now = at(0);
        let told: Vec<_> =
            [0, 1, 59, 60, 3_599, 7_200, 172_800, -20].map(|ago| relative(at(-ago), now)).into();
        assert_eq!(
            told,
            ["just now", "1s ago", "59s ago", "1m ago", "59m ago", "2h ago", "2d ago", "in 20s"]
        );
    }

    #[test]
    fn the_clock_never_leaves_the_calendar() {
        assert_eq!(timestamp(Time::from_millis(0)), Timestamp::UNIX_EPOCH);
        assert_eq!(timestamp(Time::from_millis(u64::MAX)), Timestamp::MAX);
        assert_eq!(age_seconds(Timestamp::MAX, Timestamp::MIN), 0);
        assert!(relative(Timestamp::MIN, Timestamp::MAX).ends_with("d ago"));
    }
}
