//! `[providers.NAME]` of kind `upcloud`: an account at UpCloud.

use dynservers_core::ProviderConfig;
use dynservers_http::{Reference, Secrets};
use dynservers_upcloud::{BaseUrl, BaseUrlError, Credentials, CredentialsError};
use secrecy::ExposeSecret as _;

use super::super::field::Field;
use super::super::problem::{Place, Problem, Problems};
use super::super::provider::{REQUEST, machine};
use super::super::reader::Section;

/// The keys of a provider that only those at UpCloud have.
pub(in super::super) const PROVIDER_KEYS: &[&str] = &["base_url", "token", "username", "password"];

/// An account at UpCloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    /// Where its API is.
    pub(crate) base_url: BaseUrl,
    /// Where its credentials are read from, if the file says so.
    configured: Option<Credentials>,
    /// Where the file speaks of it, to say there what is missing.
    place: Place,
}

const NO_CREDENTIALS: &str = "its credentials are missing: neither the file nor the environment has any";
const NAME_CREDENTIALS: &str = "set UPCLOUD_TOKEN, or UPCLOUD_USERNAME and UPCLOUD_PASSWORD, \
     or name other variables or files: token = { env = \"NAME\" }";
const NAME_ONE: &str = "or say in the file which to use: token = { env = \"UPCLOUD_TOKEN\" }";

/// Reads the keys of an account: what the machine must know, and the rest.
pub(in super::super) fn read(section: &mut Section<'_>, place: Place) -> Option<(ProviderConfig, Account)> {
    let base_url = match section.get("base_url") {
        Some(field) => base_url(&field),
        None => Some(BaseUrl::default()),
    };
    let configured = credentials(section);
    let config = machine(section, &ProviderConfig::default(), REQUEST);
    Some((config, Account { base_url: base_url?, configured, place }))
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
    let [token, username, password] = fields.map(|field| {
        field.and_then(|field| field.secret(&format!("UPCLOUD_{}", field.name().to_uppercase())))
    });
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

impl Account {
    /// Tells whether the file says of both that they are one account. Other credentials may still lead to it.
    pub(in super::super) fn is_account_of(&self, other: &Self) -> bool {
        self.base_url == other.base_url && self.configured == other.configured
    }

    /// Finds where the credentials are read from, and that they are there: those of the file, else those of
    /// the environment.
    ///
    /// Not done while the file is read, since only commands that talk to the provider need them.
    pub(in super::super) fn credentials(
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
