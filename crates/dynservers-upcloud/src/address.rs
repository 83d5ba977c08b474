//! Addresses: out of the two places where a server's details carry them.

use dynservers_core::{Address, Addresses, Network};
use serde_json::Value;

use crate::wire::{items, string};

/// The most addresses that are kept of a server, and the longest text that is taken for one.
const ADDRESSES_MOST: usize = 64;
const ADDRESS_LENGTH_MOST: usize = 64;

/// Reads the addresses of a server, each once.
///
/// The flat list lacks those of private networks; they stand under the interfaces only.
pub(crate) fn addresses(server: &Value) -> Addresses {
    let flat = items(&server["ip_addresses"], "ip_address")
        .unwrap_or_default()
        .iter()
        .map(|entry| (string(entry, "access"), string(entry, "address")));
    let interfaces = items(&server["networking"]["interfaces"], "interface").unwrap_or_default().iter();
    let nested = interfaces.flat_map(|interface| {
        let kind = string(interface, "type");
        let entries = items(&interface["ip_addresses"], "ip_address").unwrap_or_default().iter();
        entries.map(move |entry| (kind, string(entry, "address")))
    });
    let mut addresses = Addresses::new();
    for (kind, address) in flat.chain(nested) {
        let (Some(network), Some(address)) = (kind.and_then(network), address) else { continue };
        let found = Address { network, address: address.to_owned() };
        let usable = (1..=ADDRESS_LENGTH_MOST).contains(&address.len()) && addresses.len() < ADDRESSES_MOST;
        if usable && !addresses.contains(&found) {
            addresses.push(found);
        }
    }
    addresses
}

fn network(kind: &str) -> Option<Network> {
    match kind {
        "public" => Some(Network::Public),
        "private" => Some(Network::Private),
        "utility" => Some(Network::Utility),
        _ => None,
    }
}
