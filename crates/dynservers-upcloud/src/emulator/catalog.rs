//! What the provider sells: zones, plans, prices.

use serde_json::{Map, Value, json};

/// A size of server.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) name: &'static str,
    pub(super) cores: u64,
    /// In MiB.
    pub(super) memory: u64,
    /// In GiB.
    pub(super) storage: u64,
    /// In thousandths of a hundredth of the currency, an hour.
    price_millis: u64,
}

const fn plan(name: &'static str, cores: u64, gib: u64, storage: u64, price_millis: u64) -> Plan {
    Plan { name, cores, memory: gib * 1024, storage, price_millis }
}

/// Names and sizes as sold; of the prices only the first is a recorded one.
static PLANS: [Plan; 7] = [
    plan("1xCPU-1GB", 1, 1, 25, 744),
    plan("1xCPU-2GB", 1, 2, 50, 1_488),
    plan("2xCPU-4GB", 2, 4, 80, 2_976),
    plan("4xCPU-8GB", 4, 8, 160, 5_952),
    plan("6xCPU-16GB", 6, 16, 320, 11_905),
    plan("8xCPU-32GB", 8, 32, 640, 23_810),
    plan("16xCPU-64GB", 16, 64, 1_280, 47_619),
];

const ZONES: [(&str, &str); 9] = [
    ("de-fra1", "Frankfurt #1"),
    ("fi-hel1", "Helsinki #1"),
    ("fi-hel2", "Helsinki #2"),
    ("nl-ams1", "Amsterdam #1"),
    ("sg-sin1", "Singapore #1"),
    ("uk-lon1", "London #1"),
    ("us-chi1", "Chicago #1"),
    ("us-nyc1", "New York #1"),
    ("us-sjo1", "San Jose #1"),
];

pub(super) fn plan_named(name: &str) -> Option<&'static Plan> {
    PLANS.iter().find(|plan| plan.name == name)
}

/// Gives the plan of servers that nobody asked for.
pub(super) const fn smallest() -> &'static Plan {
    &PLANS[0]
}

pub(super) fn is_zone(name: &str) -> bool {
    ZONES.iter().any(|(zone, _)| *zone == name)
}

pub(super) fn plans() -> Value {
    let plans = PLANS.iter().map(|plan| {
        json!({
            "name": plan.name,
            "core_number": plan.cores,
            "memory_amount": plan.memory,
            "storage_size": plan.storage,
            "storage_tier": "maxiops",
            "public_traffic_out": 0,
        })
    });
    json!({"plans": {"plan": plans.collect::<Vec<_>>()}})
}

pub(super) fn zones() -> Value {
    let zones =
        ZONES.iter().map(|(id, description)| json!({"id": id, "description": description, "public": "yes"}));
    json!({"zones": {"zone": zones.collect::<Vec<_>>()}})
}

pub(super) fn prices() -> Value {
    let zones = ZONES.iter().map(|(zone, _)| {
        let mut items = Map::new();
        items.insert("name".to_owned(), json!(zone));
        for plan in &PLANS {
            let price = plan.price_millis as f64 / 1_000.0;
            items.insert(format!("server_plan_{}", plan.name), json!({"amount": 1, "price": price}));
        }
        Value::Object(items)
    });
    json!({"prices": {"zone": zones.collect::<Vec<_>>()}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recorded_price_comes_out_as_recorded() {
        assert_eq!(
            prices()["prices"]["zone"][0]["server_plan_1xCPU-1GB"],
            json!({"amount": 1, "price": 0.744})
        );
        assert_eq!(plans()["plans"]["plan"][0]["core_number"], json!(1));
        assert_eq!(zones()["zones"]["zone"].as_array().map(Vec::len), Some(9));
    }
}
