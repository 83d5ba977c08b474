//! Time as people and machines read it: relative, in ISO 8601, and durations such as `10m`.

use std::time::Duration;

use dynservers_core::Time;
use jiff::Timestamp;
use thiserror::Error;

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

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a duration is a whole number with a unit, such as \"300ms\", \"20s\", \"10m\", \"2h\" or \"7d\"")]
pub(crate) struct NoDuration;

/// Reads a duration of one number and one unit.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, NoDuration> {
    let digits = text.find(|char: char| !char.is_ascii_digit()).ok_or(NoDuration)?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| NoDuration)?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(NoDuration),
    };
    number.checked_mul(millis).map(Duration::from_millis).ok_or(NoDuration)
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

    #[test]
    fn durations_need_a_number_and_a_unit() {
        assert_eq!(parse_duration("300ms"), Ok(Duration::from_millis(300)));
        assert_eq!(parse_duration("7d"), Ok(Duration::from_secs(604_800)));
        for bad in
            ["", "10", "m", "-1s", "1.5h", "1h30m", "10 m", "99999999999999999999s", "18446744073709551615d"]
        {
            assert_eq!(parse_duration(bad), Err(NoDuration), "{bad}");
        }
    }
}
