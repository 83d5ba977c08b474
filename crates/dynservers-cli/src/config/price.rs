//! Prices: what a server costs an hour, in a currency that the writer of the configuration knows.

use std::fmt;

use toml::de::DeValue;

use super::field::Field;

/// An amount of money, in millionths of its currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Price(u64);

/// More an hour than anything costs: a typing error.
const MOST: f64 = 100_000.0;

impl Price {
    /// Takes an amount in millionths.
    pub(crate) const fn of_millionths(millionths: u64) -> Self {
        Self(millionths)
    }

    /// Gives the price of so many.
    pub(crate) const fn times(self, count: u32) -> Self {
        Self(self.0.saturating_mul(count as u64))
    }

    /// Gives the price of both.
    pub(crate) const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Gives the amount in millionths.
    pub(crate) const fn in_millionths(self) -> u64 {
        self.0
    }

    /// Gives the amount as a fraction, for machines.
    pub(crate) fn as_fraction(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

/// Writes at least two digits after the point, and no more than are needed.
impl fmt::Display for Price {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:06}", self.0 % 1_000_000);
        let digits = fraction.trim_end_matches('0').len().max(2);
        write!(formatter, "{}.{}", self.0 / 1_000_000, &fraction[..digits])
    }
}

/// Reads a price.
pub(super) fn read(field: &Field<'_>) -> Option<Price> {
    let number = match field.value {
        DeValue::Integer(integer) => integer.as_str().parse::<f64>().ok(),
        DeValue::Float(float) => float.as_str().parse::<f64>().ok(),
        _ => None,
    };
    let Some(number) = number.filter(|number| (0.0..=MOST).contains(number)) else {
        field.add(
            "must be what one server costs an hour: a number from 0 on",
            "price_per_hour = 0.03, in your account's currency",
        );
        return None;
    };
    #[expect(clippy::cast_sign_loss, reason = "its bounds were looked at")]
    Some(Price((number * 1e6).round() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_reads_as_money() {
        let shown = [0, 7_440, 29_760, 1_500_000, 12, 20_000_000].map(|price| Price(price).to_string());
        assert_eq!(shown, ["0.00", "0.00744", "0.02976", "1.50", "0.000012", "20.00"]);
        assert_eq!(Price(29_760).times(20).to_string(), "0.5952");
        assert_eq!(Price(1).plus(Price(2)), Price(3));
    }
}
