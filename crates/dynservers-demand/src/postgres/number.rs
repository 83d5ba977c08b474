//! Numbers as PostgreSQL sends them: whole, with a part, of any length, or an interval.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use tokio_postgres::types::{FromSql, Type};

/// A number of any of its types. An interval is one of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// One that is finite, and within what counts can be.
    Finite {
        negative: bool,
        whole: u64,
        /// What is beyond the whole, cut to billionths.
        billionths: u32,
    },
    /// None, infinite, or far too large.
    Other,
}

const SECONDS_PER_DAY: i128 = 86_400;
/// As the server itself reckons where an interval becomes seconds.
const DAYS_PER_MONTH: i128 = 30;
/// How many digits a numeric of the server holds in each of its parts.
const BASE: u64 = 10_000;

impl Number {
    /// Gives it if it is whole, and not below zero.
    pub(super) const fn whole(self) -> Option<u64> {
        match self {
            Self::Finite { negative: false, whole, billionths: 0 } => Some(whole),
            Self::Finite { .. } | Self::Other => None,
        }
    }

    /// Gives it as seconds, if it is not below zero.
    pub(super) const fn seconds(self) -> Option<Duration> {
        match self {
            Self::Finite { negative: false, whole, billionths } => Some(Duration::new(whole, billionths)),
            Self::Finite { .. } | Self::Other => None,
        }
    }

    /// Makes one of billionths.
    fn of_billionths(billionths: i128) -> Self {
        let positive = billionths.unsigned_abs();
        let part = (positive % 1_000_000_000) as u32;
        u64::try_from(positive / 1_000_000_000).map_or(Self::Other, |whole| Self::Finite {
            negative: billionths < 0,
            whole,
            billionths: part,
        })
    }

    fn of_float(float: f64) -> Self {
        // Beyond this a float skips whole numbers, and no queue is that long.
        Duration::try_from_secs_f64(float.abs()).ok().filter(|_| float.abs() <= 9e15).map_or(
            Self::Other,
            |duration| Self::Finite {
                negative: float < 0.0,
                whole: duration.as_secs(),
                billionths: duration.subsec_nanos(),
            },
        )
    }

    /// Reads a numeric: how many parts, how many of them stand before the point less one, the sign, how many digits are shown
    /// behind it, and then the parts, each of four digits.
    fn of_numeric(raw: &[u8]) -> Option<Self> {
        let (head, parts) = raw.split_at_checked(8)?;
        let word = |index: usize| u16::from_be_bytes([head[index], head[index + 1]]);
        let weight = i32::from(word(2).cast_signed());
        let negative = match word(4) {
            0x0000 => false,
            0x4000 => true,
            _ => return Some(Self::Other),
        };
        let (mut whole, mut billionths, mut unit) = (0_u64, 0_u64, 1_000_000_000_u64);
        let mut parts = parts.chunks_exact(2).map(|part| u64::from(u16::from_be_bytes([part[0], part[1]])));
        for _ in 0..=weight {
            let Some(more) =
                whole.checked_mul(BASE).and_then(|whole| whole.checked_add(parts.next().unwrap_or(0)))
            else {
                return Some(Self::Other);
            };
            whole = more;
        }
        // Parts that are nothing but zeros are not sent.
        for _ in 0..(-1 - weight).clamp(0, 3) {
            unit /= BASE;
        }
        for part in parts {
            billionths += part * unit / BASE;
            unit /= BASE;
        }
        let billionths = u32::try_from(billionths).ok()?;
        Some(Self::Finite { negative, whole, billionths })
    }
}

impl<'a> FromSql<'a> for Number {
    fn from_sql(of_type: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let whole = |number: i64| Self::of_billionths(i128::from(number) * 1_000_000_000);
        let number = match *of_type {
            Type::INT2 => whole(i16::from_be_bytes(raw.try_into()?).into()),
            Type::INT4 => whole(i32::from_be_bytes(raw.try_into()?).into()),
            Type::INT8 => whole(i64::from_be_bytes(raw.try_into()?)),
            Type::FLOAT4 => Self::of_float(f32::from_be_bytes(raw.try_into()?).into()),
            Type::FLOAT8 => Self::of_float(f64::from_be_bytes(raw.try_into()?)),
            Type::NUMERIC => Self::of_numeric(raw).ok_or("it is no numeric")?,
            Type::INTERVAL => {
                let (micros, rest) = raw.split_at_checked(8).ok_or("it is no interval")?;
                let (days, months) = rest.split_at_checked(4).ok_or("it is no interval")?;
                let micros = i128::from(i64::from_be_bytes(micros.try_into()?));
                let days = i128::from(i32::from_be_bytes(days.try_into()?));
                let months = i128::from(i32::from_be_bytes(months.try_into()?));
                let seconds = (months * DAYS_PER_MONTH + days) * SECONDS_PER_DAY;
                Self::of_billionths(seconds * 1_000_000_000 + micros * 1_000)
            }
            _ => return Err("it is of another type".into()),
        };
        Ok(number)
    }

    fn accepts(of_type: &Type) -> bool {
        [Type::INT2, Type::INT4, Type::INT8, Type::FLOAT4, Type::FLOAT8, Type::NUMERIC, Type::INTERVAL]
            .contains(of_type)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finite { negative, whole, billionths } => {
                let sign = if *negative { "-" } else { "" };
                let part = format!("{billionths:09}");
                let part = part.trim_end_matches('0');
                let point = if part.is_empty() { "" } else { "." };
                write!(formatter, "{sign}{whole}{point}{part}")
            }
            Self::Other => formatter.write_str("infinite, none or too large"),
        }
    }
}
