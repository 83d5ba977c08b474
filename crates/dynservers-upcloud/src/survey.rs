//! Survey: what an operator wants to know before the first server is made, as questions that change nothing.
//!
//! Only what UpCloud documents, or was recorded, is read. What is not in an answer is unknown, and never guessed.

use std::collections::BTreeMap;

use dynservers_core::Failure;
use dynservers_http::Unbuildable;
use http::{Method, Request, Response};
use serde_json::Value;

use crate::provider::UpCloud;
use crate::request::Call;
use crate::template::is_uuid;

/// A question about the account or about what UpCloud sells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Question {
    /// Who we are, and how much we may have.
    Account,
    /// Which zones there are.
    Zones,
    /// Which plans there are.
    Plans,
    /// What is sold in each zone, and for how much.
    Prices,
    /// What a storage is.
    Storage {
        /// Its UUID.
        uuid: String,
    },
}

/// Who we are, and how much we may have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountFacts {
    /// The user.
    pub username: String,
    /// The limits by name: `cores`, `memory` in MiB, `public_ipv4`, and others.
    pub limits: BTreeMap<String, u64>,
}

/// A size of server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlanFacts {
    /// Its name.
    pub name: String,
    /// How many cores.
    pub cores: u64,
    /// How much memory, in MiB.
    pub memory_mib: u64,
    /// How much storage it includes, in GiB.
    pub storage_gib: u64,
}

/// What a storage is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StorageFacts {
    /// What it is for: `template`, `normal`, `backup` or `cdrom`.
    pub kind: String,
    /// `online`, or why it is not.
    pub state: String,
    /// The zone that it is in, for those that are in one.
    pub zone: Option<String>,
    /// Its size in GiB.
    pub size_gib: Option<u64>,
}

/// Prices an hour by zone and plan, in millionths of the account's currency.
///
/// `GET /price` tells hundredths, with fractions; of its items the plans' are named `server_plan_` and the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prices(BTreeMap<String, BTreeMap<String, u64>>);

impl Question {
    fn call(&self) -> Result<Call, Failure> {
        let target = match self {
            Self::Account => "/account".to_owned(),
            Self::Zones => "/zone".to_owned(),
            Self::Plans => "/plan".to_owned(),
            Self::Prices => "/price".to_owned(),
            Self::Storage { uuid } if is_uuid(uuid) => format!("/storage/{uuid}"),
            Self::Storage { uuid } => {
                return Err(Failure::new(format!("{uuid:?} is not the UUID of a storage")));
            }
        };
        Ok(Call { method: Method::GET, target, body: None })
    }
}

impl UpCloud {
    /// Builds the request of a question.
    pub fn question(&self, question: &Question) -> Result<Request<Vec<u8>>, Unbuildable> {
        self.build(question.call()?)
    }

    /// Reads the answer to a question, whatever it was; an error has UpCloud's words without our secrets.
    pub fn answer(&self, response: &Response<Vec<u8>>) -> Result<Value, Failure> {
        if !response.status().is_success() {
            return Err(self.failure(response));
        }
        serde_json::from_slice(response.body())
            .map_err(|_| Failure::new("UpCloud answered with something that is not JSON"))
    }
}

impl AccountFacts {
    /// Reads `GET /account`; nothing if it is something else.
    #[must_use]
    pub fn read(answer: &Value) -> Option<Self> {
        let account = answer.get("account")?;
        let limits = account.get("resource_limits").and_then(Value::as_object);
        let limits =
            limits.into_iter().flatten().filter_map(|(name, limit)| Some((name.clone(), number(limit)?)));
        Some(Self { username: text(account, "username")?, limits: limits.collect() })
    }
}

/// Reads the names of `GET /zone`; nothing if it is something else.
#[must_use]
pub fn zones(answer: &Value) -> Option<Vec<String>> {
    let zones = answer.get("zones")?.get("zone")?.as_array()?;
    Some(zones.iter().filter_map(|zone| text(zone, "id")).collect())
}

/// Reads `GET /plan`; nothing if it is something else.
#[must_use]
pub fn plans(answer: &Value) -> Option<Vec<PlanFacts>> {
    let plans = answer.get("plans")?.get("plan")?.as_array()?;
    let plan = |plan: &Value| {
        Some(PlanFacts {
            name: text(plan, "name")?,
            cores: number(plan.get("core_number")?)?,
            memory_mib: number(plan.get("memory_amount")?)?,
            storage_gib: number(plan.get("storage_size")?)?,
        })
    };
    Some(plans.iter().filter_map(plan).collect())
}

impl StorageFacts {
    /// Reads `GET /storage/UUID`; nothing if it is something else.
    #[must_use]
    pub fn read(answer: &Value) -> Option<Self> {
        let storage = answer.get("storage")?;
        Some(Self {
            kind: text(storage, "type")?,
            state: text(storage, "state")?,
            zone: text(storage, "zone").filter(|zone| !zone.is_empty()),
            size_gib: storage.get("size").and_then(number),
        })
    }
}

impl Prices {
    /// Reads `GET /price`; nothing if it is something else.
    #[must_use]
    pub fn read(answer: &Value) -> Option<Self> {
        let zones = answer.get("prices")?.get("zone")?.as_array()?;
        let zone = |zone: &Value| {
            let items = zone.as_object()?.iter();
            let plans = items.filter_map(|(item, price)| {
                Some((item.strip_prefix("server_plan_")?.to_owned(), millionths(price)?))
            });
            Some((text(zone, "name")?, plans.collect()))
        };
        Some(Self(zones.iter().filter_map(zone).collect()))
    }

    /// Whether anything is sold in a zone, as far as the list tells.
    #[must_use]
    pub fn knows_zone(&self, zone: &str) -> bool {
        self.0.contains_key(zone)
    }

    /// Gives what a server of a plan costs an hour in a zone; nothing if it is not sold there.
    #[must_use]
    pub fn of_plan(&self, zone: &str, plan: &str) -> Option<u64> {
        self.0.get(zone)?.get(plan).copied()
    }
}

/// Gives the price of one, in millionths of the currency.
fn millionths(item: &Value) -> Option<u64> {
    let price = item.get("price")?.as_f64()?;
    let amount = item.get("amount").and_then(Value::as_f64).filter(|amount| *amount > 0.0).unwrap_or(1.0);
    let millionths = (price / amount * 10_000.0).round();
    #[expect(clippy::cast_sign_loss, reason = "its sign and size were looked at")]
    (0.0..1e15).contains(&millionths).then_some(millionths as u64)
}

/// Reads a number that may be written as a text.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_recorded_price_is_what_the_account_is_charged() {
        let answer = json!({"prices": {"zone": [
            {"name": "de-fra1", "server_plan_1xCPU-1GB": {"amount": 1, "price": 0.744}, "firewall": {"amount": 1, "price": 0.5}},
            {"name": "fi-hel1", "server_plan_dear": {"amount": 1, "price": -1}},
        ]}});
        let prices = Prices::read(&answer).unwrap();
        assert_eq!(prices.of_plan("de-fra1", "1xCPU-1GB"), Some(7_440), "0.00744 an hour");
        assert_eq!(prices.of_plan("de-fra1", "firewall"), None);
        assert_eq!(prices.of_plan("fi-hel1", "dear"), None);
        assert!(prices.knows_zone("fi-hel1") && !prices.knows_zone("nl-ams1"));
    }

    #[test]
    fn numbers_are_read_however_they_are_written() {
        let answer = json!({"account": {"username": "u", "resource_limits": {"cores": 100, "memory": "2048", "odd": null}}});
        let account = AccountFacts::read(&answer).unwrap();
        assert_eq!(account.limits, [("cores".to_owned(), 100), ("memory".to_owned(), 2048)].into());
        let answer = json!({"plans": {"plan": [
            {"name": "1xCPU-1GB", "core_number": 1, "memory_amount": "1024", "storage_size": 25}, {"name": "half"},
        ]}});
        assert_eq!(plans(&answer).unwrap().len(), 1);
        assert_eq!(zones(&json!({"zones": {"zone": [{"id": "de-fra1"}, {}]}})).unwrap(), ["de-fra1"]);
    }

    #[test]
    fn an_answer_to_something_else_is_nothing() {
        for answer in
            [json!(null), json!([]), json!({"account": []}), json!({"prices": {}}), json!({"storage": 1})]
        {
            assert_eq!(AccountFacts::read(&answer), None, "{answer}");
            assert_eq!(Prices::read(&answer), None, "{answer}");
            assert_eq!(StorageFacts::read(&answer), None, "{answer}");
            assert_eq!((zones(&answer), plans(&answer)), (None, None), "{answer}");
        }
    }
}
