//! What is run or asked over the network: programs, addresses and headers.

use std::collections::BTreeMap;
use std::time::Duration;

use dynservers_hooks::{Header, InvalidWeb, Web};
use dynservers_http::Text;

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

/// Any will do where nothing is called.
const EXAMPLE: Duration = Duration::from_secs(1);
/// More headers than anybody needs.
const HEADERS_MOST: usize = 32;

/// What is asked of an address beside being one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// There is one for each server: placeholders are filled, and plain http is what workers speak.
    OfEachServer,
    /// There is one for all.
    Once {
        /// Whether it may go over the network in the clear.
        plain: bool,
    },
}

/// Reads `plain_http`: whether a request may go over the network in the clear, as is usual in private networks.
pub(super) fn plain_http(section: &mut Section<'_>) -> Asked {
    let plain = section.get("plain_http").and_then(|field| field.boolean()).unwrap_or_default();
    Asked::Once { plain }
}

/// Reads an address that is called with these headers.
pub(super) fn url(field: &Field<'_>, headers: &BTreeMap<String, Text>, asked: Asked) -> Option<String> {
    let text = field.resolved()?;
    let sent = headers.iter().map(|(name, value)| Header::new(name.clone(), value.clone())).collect();
    let web = match asked {
        Asked::OfEachServer | Asked::Once { plain: true } => Web::over_plain_http(&text.text, sent, EXAMPLE),
        Asked::Once { plain: false } => Web::new(&text.text, sent, EXAMPLE),
    };
    let name = field.name();
    let (message, help) = match web {
        Ok(web) if web.has_placeholders() && asked != Asked::OfEachServer => {
            let message = "has placeholders, and there is no server to fill them with".to_owned();
            (message, format!("{name} = \"https://example.com/...\""))
        }
        Ok(_) => return Some(text.text),
        Err(InvalidWeb::Url { message, .. }) => (message, format!("{name} = \"https://example.com/...\"")),
        Err(InvalidWeb::Fill { source, .. }) => {
            (source.to_string(), format!("{name} = \"http://{{address}}/...\""))
        }
        Err(InvalidWeb::Plain { .. }) => {
            let message = "is not encrypted, and goes to another machine".to_owned();
            let help = match (asked, headers.is_empty()) {
                (Asked::Once { plain: false }, true) => {
                    "use https, or plain_http = true in a network of your own"
                }
                _ => "use https: headers that may hold credentials go over plain http to this machine alone",
            };
            (message, help.to_owned())
        }
        Err(error) => (error.to_string(), "see the other problems".to_owned()),
    };
    // What stands before an `@` may be a password, however broken the rest is.
    if text.text.contains('@') {
        field.add_hidden(message, help);
    } else {
        field.add(message, help);
    }
    None
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
