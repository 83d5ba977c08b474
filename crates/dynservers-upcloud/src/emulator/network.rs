//! Network interfaces and their addresses.

use serde_json::{Value, json};

use super::attributes::Attributes;
use super::problem::Problem;
use super::random::is_uuid;

/// An interface as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    kind: &'static str,
    network: Option<String>,
    families: Vec<&'static str>,
}

/// An interface that has its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interface {
    index: usize,
    kind: &'static str,
    network: String,
    mac: String,
    addresses: Vec<(&'static str, String)>,
}

const KINDS: [&str; 3] = ["public", "utility", "private"];

/// Reads `{"interfaces":{"interface":[..]}}`.
pub(super) fn read(value: &Value) -> Result<Vec<Wanted>, Problem> {
    let networking = Attributes::of(value, "networking", &["interfaces"])?;
    let interfaces = networking.get("interfaces").ok_or_else(|| Problem::unknown_attribute("networking"))?;
    Attributes::list(interfaces, "interfaces", "interface")?.iter().map(read_one).collect()
}

fn read_one(value: &Value) -> Result<Wanted, Problem> {
    const KNOWN: [&str; 6] = ["type", "network", "index", "ip_addresses", "source_ip_filtering", "bootable"];
    let interface = Attributes::of(value, "interface", &KNOWN)?;
    let kind = interface.one_of("type", "TYPE_INVALID", &KINDS)?.unwrap_or_default();
    let kind = KINDS.iter().find(|known| **known == kind);
    let kind = *kind.ok_or_else(|| Problem::invalid("TYPE_INVALID", "The interface has no type."))?;
    let filtering = interface.one_of("source_ip_filtering", "SOURCE_IP_FILTERING_INVALID", &["yes", "no"])?;
    if kind == "public" && filtering == Some("no") {
        let message = "Source IP filtering cannot be turned off on a public interface.";
        return Err(Problem::invalid("SOURCE_IP_FILTERING_INVALID", message));
    }
    let network = interface.text("network", "NETWORK_NOT_FOUND")?.map(ToOwned::to_owned);
    if kind == "private" && !network.as_deref().is_some_and(|uuid| is_uuid(uuid, "03")) {
        let message = format!("The network {} does not exist.", network.unwrap_or_default());
        return Err(Problem::not_found("NETWORK_NOT_FOUND", message));
    }
    Ok(Wanted { kind, network, families: families(interface)? })
}

fn families(interface: Attributes<'_>) -> Result<Vec<&'static str>, Problem> {
    let Some(value) = interface.get("ip_addresses") else { return Ok(vec!["IPv4"]) };
    let addresses = Attributes::list(value, "ip_addresses", "ip_address")?;
    let family = |value| {
        let address = Attributes::of(value, "ip_address", &["family", "address"])?;
        let family = address.one_of("family", "TYPE_INVALID", &["IPv4", "IPv6"])?;
        Ok(if family == Some("IPv6") { "IPv6" } else { "IPv4" })
    };
    addresses.iter().map(family).collect()
}

/// Gives what a server has that asks for no networking: a public and a utility interface, and no private one.
pub(super) fn default_interfaces() -> Vec<Wanted> {
    let wanted = |kind| Wanted { kind, network: None, families: vec!["IPv4"] };
    vec![wanted("public"), wanted("utility")]
}

/// Counts the public IPv4 addresses that are asked for.
pub(super) fn public_ipv4(wanted: &[Wanted]) -> u64 {
    let public = wanted.iter().filter(|interface| interface.kind == "public");
    public.flat_map(|interface| &interface.families).filter(|family| **family == "IPv4").count() as u64
}

/// Counts the public IPv4 addresses that a server has.
pub(super) fn public_addresses(interfaces: &[Interface]) -> u64 {
    let public = interfaces.iter().filter(|interface| interface.kind == "public");
    public.flat_map(|interface| &interface.addresses).filter(|(family, _)| *family == "IPv4").count() as u64
}

/// Gives the interfaces their addresses, which no other server number has.
///
/// Public ones are of a range that is reserved for benchmarks, so that nobody's client reaches a stranger.
pub(super) fn attach(wanted: &[Wanted], server: u64) -> Vec<Interface> {
    let low = server & 0xff;
    let (middle, high) = ((server >> 8) & 0xff, (server >> 16) & 0xff);
    let address = |kind: &str, family: &str, index: usize| match (kind, family) {
        ("public", "IPv4") => format!("198.{}.{middle}.{low}", 18 + (high & 1)),
        ("utility", "IPv4") => format!("10.{high}.{middle}.{low}"),
        (_, "IPv4") => format!("172.{}.{middle}.{low}", 16 + index % 16),
        _ => format!("2001:db8:{index:x}:{high:x}::{:x}", server & 0xffff),
    };
    let interface = |(place, wanted): (usize, &Wanted)| {
        let index = place + 1;
        let kind = wanted.kind;
        Interface {
            index,
            kind,
            network: wanted.network.clone().unwrap_or_else(|| format!("03000000-0000-4000-8000-{index:012}")),
            mac: format!("ee:1b:{index:02x}:{high:02x}:{middle:02x}:{low:02x}"),
            addresses: wanted.families.iter().map(|family| (*family, address(kind, family, index))).collect(),
        }
    };
    wanted.iter().enumerate().map(interface).collect()
}

/// Writes the flat list, in which private addresses are missing.
pub(super) fn write_addresses(interfaces: &[Interface]) -> Value {
    let flat = interfaces.iter().filter(|interface| interface.kind != "private").flat_map(|interface| {
        interface
            .addresses
            .iter()
            .map(|(family, address)| json!({"access": interface.kind, "address": address, "family": family}))
    });
    json!({"ip_address": flat.collect::<Vec<_>>()})
}

pub(super) fn write_networking(interfaces: &[Interface]) -> Value {
    let interfaces = interfaces.iter().map(|interface| {
        let addresses = interface
            .addresses
            .iter()
            .map(|(family, address)| json!({"address": address, "family": family, "floating": "no"}));
        json!({
            "index": interface.index,
            "ip_addresses": {"ip_address": addresses.collect::<Vec<_>>()},
            "mac": interface.mac,
            "network": interface.network,
            "type": interface.kind,
            "bootable": "no",
            "source_ip_filtering": "yes",
        })
    });
    json!({"interfaces": {"interface": interfaces.collect::<Vec<_>>()}})
}

/// Writes the entries that a server adds to the account's list of addresses.
pub(super) fn write_account(interfaces: &[Interface], server: &str, zone: &str) -> Vec<Value> {
    let flat = interfaces.iter().filter(|interface| interface.kind != "private");
    let entries = flat.flat_map(|interface| {
        interface.addresses.iter().map(|(family, address)| {
            json!({
                "access": interface.kind,
                "address": address,
                "family": family,
                "floating": "no",
                "mac": interface.mac,
                "part_of_plan": "no",
                "ptr_record": "",
                "server": server,
                "zone": zone,
            })
        })
    });
    entries.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(interface: &Value) -> Value {
        json!({"interfaces": {"interface": [interface]}})
    }

    #[test]
    fn private_addresses_show_on_their_interface_and_nowhere_else() {
        let network = "03c93fd8-cc60-4849-91b8-6e404b228e2a";
        let mut wanted = default_interfaces();
        wanted.extend(read(&wrapped(&json!({"type": "private", "network": network}))).unwrap());
        let interfaces = attach(&wanted, 0x0102);
        let flat = write_addresses(&interfaces);
        assert_eq!(flat["ip_address"].as_array().map(Vec::len), Some(2));
        assert_eq!(flat["ip_address"][0]["address"], "198.18.1.2");
        let networking = write_networking(&interfaces);
        let private = &networking["interfaces"]["interface"][2];
        assert_eq!(private["network"], network);
        assert_eq!(private["ip_addresses"]["ip_address"][0]["address"], "172.19.1.2");
        assert_eq!(public_ipv4(&wanted), 1);
    }

    #[test]
    fn what_the_provider_refuses_is_refused() {
        let code = |interface: Value| read(&wrapped(&interface)).unwrap_err().code;
        let public = json!({"type": "public", "source_ip_filtering": "no"});
        assert_eq!(code(public), "SOURCE_IP_FILTERING_INVALID");
        assert_eq!(code(json!({"type": "private"})), "NETWORK_NOT_FOUND");
        assert_eq!(code(json!({"type": "wide"})), "TYPE_INVALID");
        assert_eq!(code(json!({})), "TYPE_INVALID");
        assert_eq!(code(json!({"type": "public", "speed": 1})), "UNKNOWN_ATTRIBUTE");
        assert_eq!(read(&json!({"interface": []})).unwrap_err().code, "UNKNOWN_ATTRIBUTE");
    }
}
