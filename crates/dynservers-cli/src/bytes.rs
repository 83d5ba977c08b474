//! Sizes as people write them: one whole number and one unit.

use thiserror::Error;

/// The units, longest names first so that none is taken for the end of another.
const UNITS: [(&str, u64); 4] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)];

/// Why a text is no size: it has another form, or is more than a `u64` of bytes. Says what would be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a size is a whole number and a unit: \"512KiB\", \"10MiB\" or \"1GiB\"")]
pub(crate) struct NoSize;

/// Reads a size in bytes.
pub(crate) fn parse(text: &str) -> Result<u64, NoSize> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, bytes) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(NoSize)?;
    let number: u64 = number.parse().map_err(|_| NoSize)?;
    number.checked_mul(*bytes).ok_or(NoSize)
}

/// Writes a size in its largest whole unit, such that `parse` gives it back.
pub(crate) fn show(bytes: u64) -> String {
    let unit = UNITS[..3].iter().rev().find(|(_, unit)| bytes > 0 && bytes.is_multiple_of(*unit));
    unit.map_or_else(|| format!("{bytes}B"), |(name, unit)| format!("{}{name}", bytes / unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_unit_is_read_and_everything_else_is_not() {
        for (text, bytes) in [("0B", 0), ("512KiB", 512 << 10), ("10MiB", 10 << 20), ("1GiB", 1 << 30)] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in ["", "10", "MiB", "1.5MiB", "-1B", "10 MiB", "10MB", "10mib", "18014398509481984KiB"] {
            assert_eq!(parse(text), Err(NoSize), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(bytes: u64) {
            prop_assert_eq!(parse(&show(bytes)), Ok(bytes));
        }
    }
}
