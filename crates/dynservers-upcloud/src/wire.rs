//! The wire: UpCloud's JSON, read with tolerance for everything that is not needed.

use dynservers_core::{FoundLabels, Observed, ProviderId, ProviderState};
use serde_json::Value;

use crate::address::addresses;
use crate::request::is_server_id;

/// Why a success cannot be read. Says nothing of the content.
pub(crate) type Malformed = &'static str;

/// Gives the entries of a wrapped list, `{"server": [..]}`; an empty one may come without its wrapper.
pub(crate) fn items<'a>(list: &'a Value, inner: &str) -> Option<&'a [Value]> {
    list.get(inner).unwrap_or(list).as_array().map(Vec::as_slice)
}

/// Gives a field that is a text.
pub(crate) fn string<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

/// Reads a server, from a listing or from its details.
///
/// Two things must be there: an id, since what cannot be named cannot be counted, and the list of labels, since to
/// take a server for somebody else's because its labels could not be read would let it run unseen. Everything else may
/// be missing or unknown.
pub(crate) fn observed(server: &Value) -> Result<Observed, Malformed> {
    Ok(described(server, id(server)?, labels(server)?))
}

/// Reads the id of a server.
pub(crate) fn id(server: &Value) -> Result<ProviderId, Malformed> {
    let id = string(server, "uuid").filter(|id| is_server_id(id));
    id.and_then(|id| ProviderId::new(id).ok()).ok_or("a server without an id")
}

/// Reads our labels on a server. A label that cannot be read is as if it were missing; the list must be there.
pub(crate) fn labels(server: &Value) -> Result<FoundLabels, Malformed> {
    let list = server.get("labels").and_then(|labels| items(labels, "label"));
    let labels = list.ok_or("a server without labels")?.iter();
    Ok(FoundLabels::from_pairs(
        labels.filter_map(|label| Some((string(label, "key")?, string(label, "value")?))),
    ))
}

/// Reads what may be missing, of a server whose id and labels are known.
pub(crate) fn described(server: &Value, provider_id: ProviderId, labels: FoundLabels) -> Observed {
    Observed {
        provider_id,
        name: string(server, "title").or_else(|| string(server, "hostname")).unwrap_or_default().to_owned(),
        labels,
        state: state(string(server, "state").unwrap_or_default()),
        addresses: addresses(server),
    }
}

fn state(state: &str) -> ProviderState {
    match state {
        "maintenance" => ProviderState::InProgress,
        "started" => ProviderState::Running,
        "stopped" => ProviderState::Stopped,
        "error" => ProviderState::Error,
        "pending_delete" => ProviderState::Deleting,
        _ => ProviderState::Unknown,
    }
}
