//! Requests by kind: what a method and a path ask for.

use http::{Method, Uri};
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::random::is_uuid;

/// The kinds of calls, as faults and reports name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Call {
    /// `GET /account`
    Account,
    /// `GET /plan`
    Plans,
    /// `GET /zone`
    Zones,
    /// `GET /price`
    Prices,
    /// `GET /server`
    List,
    /// `GET /server/UUID`
    Inspect,
    /// `POST /server`
    Create,
    /// `PUT /server/UUID`
    Modify,
    /// `POST /server/UUID/start`
    Start,
    /// `POST /server/UUID/stop`
    Stop,
    /// `POST /server/UUID/restart`
    Restart,
    /// `DELETE /server/UUID`
    Delete,
    /// `GET /ip_address`
    Addresses,
    /// `GET /storage/UUID`
    InspectStorage,
    /// `DELETE /storage/UUID`
    DeleteStorage,
    /// Anything else.
    Unknown,
}

/// A path and a query, taken apart.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// The parts of the path between slashes, those without text left out.
    pub(super) path: Vec<String>,
    /// Keys and values in the order given; keys may repeat.
    pub(super) query: Vec<(String, String)>,
}

impl Target {
    pub(super) fn of(uri: &Uri) -> Self {
        let path = uri.path().split('/').filter(|part| !part.is_empty()).map(|part| decoded(part, false));
        let query = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(key, true), decoded(value, true))
        });
        Self { path: path.collect(), query: query.collect() }
    }

    /// Gives the last value of a key.
    pub(super) fn value(&self, key: &str) -> Option<&str> {
        self.query.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Gives the kind of call and the UUID that it is about, or why there is none such.
    pub(super) fn call(&self, method: &Method) -> Result<(Call, String), (Call, Problem)> {
        let parts: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let ["1.3", resource @ ..] = parts.as_slice() else {
            let message = "The API version is not one of those that exist.";
            return Err((Call::Unknown, Problem::invalid("API_VERSION_INVALID", message)));
        };
        let uuid = resource.get(1).copied().unwrap_or_default();
        let call = call_of(method, resource)?;
        let (kind, code, message) = match resource[0] {
            "storage" => ("01", "STORAGE_INVALID", "The storage UUID is invalid."),
            _ => ("00", "SERVER_INVALID", "The server UUID is invalid."),
        };
        if resource.len() > 1 && !is_uuid(uuid, kind) {
            return Err((call, Problem::invalid(code, message)));
        }
        Ok((call, uuid.to_owned()))
    }
}

fn call_of(method: &Method, resource: &[&str]) -> Result<Call, (Call, Problem)> {
    let calls: &[(&str, Call)] = match resource {
        ["account"] => &[("GET", Call::Account)],
        ["plan"] => &[("GET", Call::Plans)],
        ["zone"] => &[("GET", Call::Zones)],
        ["price"] => &[("GET", Call::Prices)],
        ["ip_address"] => &[("GET", Call::Addresses)],
        ["server"] => &[("GET", Call::List), ("POST", Call::Create)],
        ["server", _] => &[("GET", Call::Inspect), ("PUT", Call::Modify), ("DELETE", Call::Delete)],
        ["server", _, "start"] => &[("POST", Call::Start)],
        ["server", _, "stop"] => &[("POST", Call::Stop)],
        ["server", _, "restart"] => &[("POST", Call::Restart)],
        ["storage", _] => &[("GET", Call::InspectStorage), ("DELETE", Call::DeleteStorage)],
        _ => {
            let problem = Problem::not_found("NOT_FOUND", "The requested resource does not exist.");
            return Err((Call::Unknown, problem));
        }
    };
    calls.iter().find(|(name, _)| *name == method.as_str()).map(|(_, call)| *call).ok_or_else(|| {
        let message = format!("The method {method} is not allowed for the resource.");
        (Call::Unknown, Problem::new(http::StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message))
    })
}

/// Undoes percent encoding; what is no encoding stays as it is.
fn decoded(text: &str, plus_is_space: bool) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut place = 0;
    while let Some(&byte) = bytes.get(place) {
        let code = (byte == b'%').then(|| text.get(place + 1..place + 3)).flatten();
        if let Some(value) = code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            decoded.push(value);
            place += 3;
        } else {
            decoded.push(if byte == b'+' && plus_is_space { b' ' } else { byte });
            place += 1;
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(method: &str, uri: &str) -> Result<Call, &'static str> {
        let target = Target::of(&uri.parse().unwrap());
        let found = target.call(&Method::from_bytes(method.as_bytes()).unwrap());
        found.map(|(call, _)| call).map_err(|(_, problem)| problem.code)
    }

    #[test]
    fn calls_are_told_apart_and_slashes_at_the_end_are_accepted() {
        let uuid = "00e8051f-86bf-413b-b932-c92a790be181";
        assert_eq!(call("GET", "/1.3/server"), Ok(Call::List));
        assert_eq!(call("GET", "/1.3/server/?label=a"), Ok(Call::List));
        assert_eq!(call("POST", "http://localhost:1/1.3/server"), Ok(Call::Create));
        assert_eq!(call("DELETE", &format!("/1.3/server/{uuid}/?storages=1")), Ok(Call::Delete));
        assert_eq!(call("POST", &format!("/1.3/server/{uuid}/stop")), Ok(Call::Stop));
        assert_eq!(call("GET", "/1.3/server/elsewhere"), Err("SERVER_INVALID"));
        assert_eq!(call("GET", &format!("/1.3/storage/{uuid}")), Err("STORAGE_INVALID"));
        assert_eq!(call("PATCH", "/1.3/server"), Err("METHOD_NOT_ALLOWED"));
        assert_eq!(call("GET", "/1.3/storage/public/template"), Err("NOT_FOUND"));
        assert_eq!(call("GET", "/1.3"), Err("NOT_FOUND"));
        assert_eq!(call("GET", "/1.1/server"), Err("API_VERSION_INVALID"));
    }

    #[test]
    fn queries_are_decoded_and_keys_may_repeat() {
        let target = Target::of(&"/1.3/server?label=a%3Db%20c&label=d+e&limit=5&x%zz=%4".parse().unwrap());
        let pairs: Vec<_> = target.query.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("label", "a=b c"), ("label", "d e"), ("limit", "5"), ("x%zz", "%4")]);
        assert_eq!(target.value("limit"), Some("5"));
        assert_eq!(target.value("offset"), None);
    }
}
