//! `[providers.NAME]`: an account at a cloud.

use std::ops::RangeInclusive;
use std::time::Duration;

use dynservers_core::{OrphanPolicy, OtherOwnerPolicy, ProviderConfig, StopBeforeDelete};
use dynservers_http::Reference;
use url::{Host, Url};

use super::field::Field;
use super::problem::{Place, Problem, Problems};
use super::reader::Section;

/// A provider's settings beyond what the machine must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProviderSettings {
    /// What kind of cloud it is.
    pub(crate) kind: ProviderKind,
    /// Where its API is, without a slash at the end.
    pub(crate) base_url: String,
    /// Where its credentials are read from, if the file says so.
    configured: Option<Credentials>,
    /// Where the file speaks of it, to say there what is missing.
    place: Place,
}

/// The kinds of cloud that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum ProviderKind {
    /// UpCloud, API 1.3.
    UpCloud,
}

/// Where credentials are read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credentials {
    /// A token.
    Token(Reference),
    /// The name and password of an API user.
    Password {
        /// The name.
        username: Reference,
        /// The password.
        password: Reference,
    },
}

const UPCLOUD_URL: &str = "https://api.upcloud.com/1.3";
const TOKEN_VARIABLE: &str = "UPCLOUD_TOKEN";
/// The variables of a user: UpCloud's own, then those of the reference.
const USER_VARIABLES: [(&str, &str); 2] =
    [("UPCLOUD_USERNAME", "UPCLOUD_PASSWORD"), ("UP_CLOUD_USER_NAME", "UP_CLOUD_PASSWORD")];
/// A request shorter than this cannot cross a network.
const REQUEST: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(600);
/// Waits that may be nothing.
const WAIT: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3600);

/// Reads a provider: what the machine must know, and the rest.
pub(super) fn read(field: &Field<'_>) -> Option<(ProviderConfig, ProviderSettings)> {
    let mut section = field.section()?;
    let kind = section
        .required("kind", "kind = \"upcloud\"")
        .and_then(|field| field.choice(&[("upcloud", ProviderKind::UpCloud)]));
    let base_url = match section.get("base_url") {
        Some(field) => base_url(&field),
        None => Some(UPCLOUD_URL.to_owned()),
    };
    let configured = credentials(&mut section);
    let config = machine(&mut section);
    section.finish();
    let place = field.report.source.place(&field.span);
    Some((config, ProviderSettings { kind: kind?, base_url: base_url?, configured, place }))
}

/// Reads what the machine must know. What is wrong has been told, so that any value does in its place.
fn machine(section: &mut Section<'_>) -> ProviderConfig {
    let default = ProviderConfig::default();
    let mut duration = |key, bounds: RangeInclusive<Duration>, otherwise| {
        section.get(key).and_then(|field| field.duration(bounds)).unwrap_or(otherwise)
    };
    let request_timeout = duration("request_timeout", REQUEST, default.request_timeout);
    let list_lag = duration("list_lag", WAIT, default.list_lag);
    let restart_time = duration("restart_time", WAIT, default.restart_time);
    let orphans =
        [("adopt", OrphanPolicy::Adopt), ("delete", OrphanPolicy::Delete), ("report", OrphanPolicy::Report)];
    let other_owner = [("hold", OtherOwnerPolicy::Hold), ("takeover", OtherOwnerPolicy::Takeover)];
    ProviderConfig {
        request_timeout,
        list_lag,
        restart_time,
        max_servers_in_account: section
            .get("max_servers_in_account")
            .and_then(|field| field.count(1..=100_000))
            .or(default.max_servers_in_account),
        orphans: section.get("orphans").and_then(|field| field.choice(&orphans)).unwrap_or(default.orphans),
        other_owner: section
            .get("other_owner")
            .and_then(|field| field.choice(&other_owner))
            .unwrap_or(default.other_owner),
        stop_before_delete: StopBeforeDelete::Always,
        concurrency: section
            .get("concurrency")
            .and_then(|field| field.count(1..=256))
            .unwrap_or(default.concurrency),
    }
}

/// Reads an address that requests may be sent to.
fn base_url(field: &Field<'_>) -> Option<String> {
    let help = format!("base_url = \"{UPCLOUD_URL}\"");
    let text = field.resolved()?;
    let Ok(url) = Url::parse(&text.text) else {
        field.add(format!("must be a URL, not {text}"), help);
        return None;
    };
    let problem = match url.scheme() {
        // First, since the message of any other problem would show the password.
        _ if !url.username().is_empty() || url.password().is_some() => {
            field.add_hidden("must hold no user and no password", help);
            return None;
        }
        "https" if url.has_host() => None,
        "http" if is_loopback(&url) => None,
        "http" => Some("sends credentials in the clear: http is for loopback addresses only"),
        _ => Some("must begin with https://"),
    };
    let problem = problem.or_else(|| {
        (url.query().is_some() || url.fragment().is_some()).then_some("must end before any `?` or `#`")
    });
    if let Some(message) = problem {
        field.add(message, help);
        return None;
    }
    Some(url.as_str().trim_end_matches('/').to_owned())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn credentials(section: &mut Section<'_>) -> Option<Credentials> {
    let fields = ["token", "username", "password"].map(|key| section.get(key));
    let given = fields.each_ref().map(Option::is_some);
    let [token, username, password] = fields.map(|field| field.and_then(|field| field.secret()));
    match given {
        [true, false, false] => token.map(Credentials::Token),
        [false, true, true] => Some(Credentials::Password { username: username?, password: password? }),
        [false, false, false] => None,
        [true, _, _] => {
            section.add("has a token and a user: one of them must go", "token = { env = \"UPCLOUD_TOKEN\" }");
            None
        }
        [false, _, _] => {
            section.add(
                "has half of a user: `username` and `password` belong together",
                "username = { env = \"UPCLOUD_USERNAME\" } and password = { env = \"UPCLOUD_PASSWORD\" }",
            );
            None
        }
    }
}

impl ProviderSettings {
    /// Finds where the credentials are read from, and that they are there: those of the file, else those of
    /// the environment.
    ///
    /// Not done while the file is read, since only commands that talk to the provider need them.
    pub(super) fn credentials(
        &self,
        file: &str,
        key: &str,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Credentials, Problems> {
        let set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
        let Some(configured) = &self.configured else {
            return from_environment(&set).ok_or_else(|| {
                let message = "its credentials are missing: neither the file nor the environment has any";
                self.problem(file, key, message.to_owned())
            });
        };
        let references = match configured {
            Credentials::Token(token) => vec![token],
            Credentials::Password { username, password } => vec![username, password],
        };
        let missing = references.into_iter().filter_map(|reference| {
            let reason = match reference {
                Reference::Env(name) if set(name) => return None,
                Reference::Env(_) => "it is not set".to_owned(),
                Reference::File(path) => std::fs::read_to_string(path).err()?.to_string(),
            };
            Some(format!("{reference} cannot be read: {reason}"))
        });
        let missing: Vec<String> = missing.collect();
        if missing.is_empty() {
            Ok(configured.clone())
        } else {
            Err(self.problem(file, key, format!("its credentials are missing: {}", missing.join("; "))))
        }
    }

    fn problem(&self, file: &str, key: &str, message: String) -> Problems {
        let help = format!(
            "set {TOKEN_VARIABLE}, or UPCLOUD_USERNAME and UPCLOUD_PASSWORD, \
             or name other variables or files: token = {{ env = \"NAME\" }}"
        );
        let place = Some(self.place.clone());
        Problem { file: file.to_owned(), place, key: key.to_owned(), message, help }.into()
    }
}

/// Finds credentials where UpCloud's own tools look for them.
fn from_environment(set: &dyn Fn(&str) -> bool) -> Option<Credentials> {
    let reference = |name: &str| Reference::Env(name.to_owned());
    if set(TOKEN_VARIABLE) {
        return Some(Credentials::Token(reference(TOKEN_VARIABLE)));
    }
    let (username, password) =
        USER_VARIABLES.iter().find(|(username, password)| set(username) && set(password))?;
    Some(Credentials::Password { username: reference(username), password: reference(password) })
}
