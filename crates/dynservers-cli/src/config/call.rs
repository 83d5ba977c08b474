//! What is run or asked over the network: programs, addresses and headers.

use std::collections::BTreeMap;

use dynservers_http::Text;
use http::Uri;

use super::field::Field;
use super::reader::Section;

/// A program to run, or an address to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// A program and its arguments, which runs in the configuration's directory.
    Command(Vec<String>),
    /// An address, and headers with references unresolved.
    Http {
        /// The address.
        url: String,
        /// The headers.
        headers: BTreeMap<String, Text>,
    },
}

/// Who may be asked without encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    /// This machine only.
    Loopback,
    /// Any worker: there is no name that a certificate could vouch for.
    Workers,
}

/// More headers than anybody needs.
const HEADERS_MOST: usize = 32;

/// Reads an address. Placeholders may stand where an address is to be filled in.
pub(super) fn url(field: &Field<'_>, plain: Plain) -> Option<String> {
    let text = field.resolved()?;
    let filled = text.text.replace("{address}", "127.0.0.1").replace(['{', '}'], "");
    let help = format!("{} = \"https://example.com/...\"", field.name());
    let Ok(uri) = filled.parse::<Uri>() else {
        field.add(format!("must be an address, not {text}"), help);
        return None;
    };
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let is_local = host == "localhost" || host.parse().is_ok_and(|host: std::net::IpAddr| host.is_loopback());
    match uri.scheme_str() {
        _ if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) => {
            field.add_hidden(
                "must not hold a user or a password",
                "headers = { Authorization = { env = \"NAME\" } }",
            );
            None
        }
        Some("https") if !host.is_empty() => Some(text.text),
        Some("http") if is_local || plain == Plain::Workers && !host.is_empty() => Some(text.text),
        Some("http") => {
            field.add("goes over the network in the clear: plain http is for this machine only", help);
            None
        }
        _ => {
            field.add(format!("must begin with https://, not {text}"), help);
            None
        }
    }
}

/// Reads `headers`: names with texts or references to them. What sounds like a secret may only be referred to.
pub(super) fn headers(section: &mut Section<'_>) -> BTreeMap<String, Text> {
    let Some(field) = section.get("headers") else { return BTreeMap::new() };
    let Some(table) = field.section() else { return BTreeMap::new() };
    let mut headers = BTreeMap::new();
    for (name, span, value) in table.entries() {
        if name.parse::<http::HeaderName>().is_err() {
            let help = "headers = { Authorization = { env = \"NAME\" } }";
            value.report.add(&span, &value.key, "this is not the name of a header", help);
        } else if is_secret(name) {
            let variable = name.to_uppercase().replace('-', "_");
            headers.extend(value.secret(&variable).map(|reference| (name.to_owned(), reference.into())));
        } else if let Some(text) = value.text() {
            if text.literal().is_some_and(|text| text.parse::<http::HeaderValue>().is_err()) {
                value.add("this cannot stand in a header", "one line of ASCII");
            }
            headers.insert(name.to_owned(), text);
        }
    }
    if headers.len() > HEADERS_MOST {
        field
            .add(format!("has {} headers, and {HEADERS_MOST} are the most", headers.len()), "leave some out");
    }
    headers
}

/// Whether a header sounds like one that nobody else may know.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["authorization", "cookie", "token", "secret", "password", "key"].iter().any(|word| name.contains(word))
}
