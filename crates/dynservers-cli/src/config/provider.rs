//! `[providers.NAME]`: an account at a cloud.

use std::ops::RangeInclusive;
use std::time::Duration;

use dynservers_core::{OrphanPolicy, OtherOwnerPolicy, ProviderConfig, StopBeforeDelete};
use dynservers_http::{Reference, Secrets};
use dynservers_upcloud::{BaseUrl, BaseUrlError, Credentials, CredentialsError};
use secrecy::ExposeSecret as _;

use super::field::Field;
use super::problem::{Place, Problem, Problems};
use super::reader::Section;

/// A provider's settings beyond what the machine must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProviderSettings {
    /// What kind of cloud it is.
    pub(crate) kind: ProviderKind,
    /// Where its API is.
    pub(crate) base_url: BaseUrl,
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

const NO_CREDENTIALS: &str = "its credentials are missing: neither the file nor the environment has any";
const NAME_CREDENTIALS: &str = "set UPCLOUD_TOKEN, or UPCLOUD_USERNAME and UPCLOUD_PASSWORD, \
     or name other variables or files: token = { env = \"NAME\" }";
const NAME_ONE: &str = "or say in the file which to use: token = { env = \"UPCLOUD_TOKEN\" }";
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
        None => Some(BaseUrl::default()),
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
fn base_url(field: &Field<'_>) -> Option<BaseUrl> {
    let help = format!("base_url = \"{}\"", BaseUrl::default());
    let text = field.resolved()?;
    match BaseUrl::new(&text.text) {
        Ok(url) => return Some(url),
        // What stands before an `@` may be a password, however broken the rest is.
        Err(error) if text.text.contains('@') => field.add_hidden(error.to_string(), help),
        Err(error @ (BaseUrlError::NotAUrl | BaseUrlError::Scheme)) => {
            field.add(format!("{error}, not {text}"), help);
        }
        Err(error) => field.add(error.to_string(), help),
    }
    None
}

fn credentials(section: &mut Section<'_>) -> Option<Credentials> {
    let fields = ["token", "username", "password"].map(|key| section.get(key));
    let given = fields.each_ref().map(Option::is_some);
    let [token, username, password] = fields.map(|field| field.and_then(|field| field.secret()));
    match given {
        [true, false, false] => token.map(Credentials::Token),
        [false, true, true] => Some(Credentials::Basic { username: username?, password: password? }),
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
    /// Tells whether the file says of both that they are one account. Other credentials may still lead to it.
    pub(super) fn is_account_of(&self, other: &Self) -> bool {
        self.base_url == other.base_url && self.configured == other.configured
    }

    /// Finds where the credentials are read from, and that they are there: those of the file, else those of
    /// the environment.
    ///
    /// Not done while the file is read, since only commands that talk to the provider need them.
    pub(super) fn credentials(
        &self,
        file: &str,
        key: &str,
        secrets: &dyn Secrets,
    ) -> Result<Credentials, Problems> {
        let problem = |message: String, help: &str| {
            let place = Some(self.place.clone());
            let (file, key, help) = (file.to_owned(), key.to_owned(), help.to_owned());
            Problems::from(Problem { file, place, key, message, help })
        };
        let read = |reference: &Reference| match secrets.read(reference) {
            Ok(secret) if secret.expose_secret().is_empty() => Err(format!("{reference} is empty")),
            Ok(_) => Ok(()),
            Err(failure) => Err(failure.message),
        };
        let Some(configured) = &self.configured else {
            let is_set = |name: &str| read(&Reference::Env(name.to_owned())).is_ok();
            return Credentials::from_env(is_set).map_err(|error| match error {
                CredentialsError::None => problem(NO_CREDENTIALS.to_owned(), NAME_CREDENTIALS),
                error => problem(format!("the environment is unclear: {error}"), NAME_ONE),
            });
        };
        let missing = configured.references().into_iter().filter_map(|reference| read(reference).err());
        let missing: Vec<String> = missing.collect();
        if missing.is_empty() {
            Ok(configured.clone())
        } else {
            let message = format!("its credentials are missing: {}", missing.join("; "));
            Err(problem(message, NAME_CREDENTIALS))
        }
    }
}
