//! Costs: what the fleet costs an hour, by the prices that its configuration names.

use dynservers_core::{Status, TypeName};
use serde::{Serialize, Serializer};

use crate::api::wire::{FleetStatus, TypeStatus};
use crate::config::Price;
use crate::site::Costs;

/// What the fleet costs an hour. Unknown stays unknown: types without a price are named, and in no sum.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct FleetCost {
    /// With the servers that may exist now.
    #[serde(serialize_with = "fraction")]
    now: Option<Price>,
    /// With as many as there may be.
    #[serde(serialize_with = "fraction")]
    at_max: Option<Price>,
    /// The types whose prices are not known.
    unknown: Vec<TypeName>,
}

#[expect(clippy::ref_option, reason = "the signature is serde's")]
fn fraction<S: Serializer>(price: &Option<Price>, serializer: S) -> Result<S::Ok, S::Error> {
    price.map(Price::as_fraction).serialize(serializer)
}

impl FleetCost {
    /// Reckons by what may exist, since what was asked for and not seen gone may be billed.
    pub(super) fn of(status: &FleetStatus, costs: &Costs) -> Self {
        let mut sum = Self::default();
        let add = |sum: Option<Price>, price| Some(sum.map_or(price, |sum: Price| sum.plus(price)));
        for (name, status) in &status.types {
            match costs.get(name) {
                Some(cost) => {
                    sum.now = add(sum.now, cost.price.times(existing(status)));
                    sum.at_max = add(sum.at_max, cost.price.times(cost.max));
                }
                None => sum.unknown.push(name.clone()),
            }
        }
        sum
    }

    /// Whether no price is known at all.
    pub(super) const fn is_unknown(&self) -> bool {
        self.now.is_none()
    }

    /// Says it in a line.
    pub(super) fn sentence(&self) -> Option<String> {
        let (now, at_max) = (self.now?, self.at_max?);
        let without = match self.unknown.as_slice() {
            [] => String::new(),
            types => {
                let names: Vec<&str> = types.iter().map(TypeName::as_str).collect();
                format!("; not counted, for want of a price: {}", names.join(", "))
            }
        };
        Some(format!("Cost an hour: {now} now, {at_max} at max{without}\n"))
    }
}

fn existing(status: &TypeStatus) -> u32 {
    let counted = || {
        let living = status.counts.iter().filter(|(status, _)| **status != Status::Deleted);
        living.map(|(_, count)| count).sum()
    };
    status.existing.unwrap_or_else(counted)
}
