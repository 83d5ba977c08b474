//! Durations as people write them in traces: a whole number and a unit.

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads a duration such as `300ms`, `20s`, `10m`, `2h` or `7d` as milliseconds.
#[must_use]
pub fn duration(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*millis)
}

/// Writes milliseconds in the largest unit that they are a whole number of.
#[must_use]
pub fn duration_as_text(millis: u64) -> String {
    let whole = UNITS.iter().find(|(_, unit)| millis > 0 && millis.is_multiple_of(*unit));
    whole.map_or_else(|| "0s".to_owned(), |(name, unit)| format!("{}{name}", millis / unit))
}

/// Reads seconds such as `12` or `0.25`, to the millisecond.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(part) {
        return None;
    }
    let part = format!("{part:0<3}");
    whole.parse::<u64>().ok()?.checked_mul(1_000)?.checked_add(part.get(..3)?.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_seconds_are_read_to_the_millisecond() {
        for (text, millis) in [("300ms", 300), ("20s", 20_000), ("2h", 7_200_000), ("7d", 604_800_000)] {
            assert_eq!(duration(text), Some(millis), "{text}");
            assert_eq!(duration_as_text(millis), text);
        }
        for (text, millis) in [("0", 0), ("12", 12_000), ("0.25", 250), ("1.2345", 1_234)] {
            assert_eq!(seconds(text), Some(millis), "{text}");
        }
        for text in ["", "1.5h", "-1s", "10 m", "1w", "99999999999999999999d", "213503982335d"] {
            assert_eq!(duration(text), None, "{text}");
        }
        for text in ["", ".", "1.", ".5", "-1", "1e3", "x", "99999999999999999999"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
