//! Durations as people write them: one whole number and one unit.
//!
//! The libraries that read durations also take "10M" for months and "1y 2w" for a sum; here only what the
//! documentation names is right, so that a message can say exactly what would be.

use std::time::Duration;

use thiserror::Error;

/// The units, longest first so that `show` finds the one that divides.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Why a text is no duration: it has another form, or is more than a `u64` of milliseconds. Says what would be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a duration is a whole number and a unit: \"300ms\", \"20s\", \"10m\", \"2h\" or \"7d\"")]
pub(crate) struct NoDuration;

/// Reads a duration.
pub(crate) fn parse(text: &str) -> Result<Duration, NoDuration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, milliseconds) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(NoDuration)?;
    let number: u64 = number.parse().map_err(|_| NoDuration)?;
    number.checked_mul(*milliseconds).map(Duration::from_millis).ok_or(NoDuration)
}

/// Writes a duration in its largest whole unit, such that `parse` gives it back.
pub(crate) fn show(duration: Duration) -> String {
    let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let whole = UNITS.iter().find(|(_, unit)| milliseconds > 0 && milliseconds.is_multiple_of(*unit));
    whole.map_or_else(|| "0s".to_owned(), |(name, unit)| format!("{}{name}", milliseconds / unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_unit_is_read_and_everything_else_is_not() {
        for (text, milliseconds) in [
            ("300ms", 300),
            ("20s", 20_000),
            ("10m", 600_000),
            ("2h", 7_200_000),
            ("7d", 604_800_000),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in [
            "",
            "20",
            "s",
            "1.5h",
            "-1s",
            "+1s",
            "10 m",
            "10M",
            "1h30m",
            "1w",
            "ß",
            "1ß",
            "213503982335d",
            "99999999999999999999s",
        ] {
            assert_eq!(parse(text), Err(NoDuration), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(milliseconds: u64) {
            let duration = Duration::from_millis(milliseconds);
            prop_assert_eq!(parse(&show(duration)), Ok(duration));
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = parse(&text);
        }
    }
}
