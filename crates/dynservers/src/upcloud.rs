//! UpCloud: who we are there, and what servers there are made from.

use std::sync::Arc;

use dynservers_http::{Secrets, SystemSecrets};

pub use dynservers_upcloud::{
    BaseUrl, BaseUrlError, Credentials, CredentialsError, SettingsError, Template, TemplateError,
};

use crate::provider::Provider;

/// An account at UpCloud. Holds names of secrets, never a secret: they are read when a request is built.
#[derive(Clone)]
#[must_use = "an account does nothing until a builder has it"]
pub struct UpCloud {
    credentials: Credentials,
    base_url: BaseUrl,
    secrets: Arc<dyn Secrets>,
}

impl std::fmt::Debug for UpCloud {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("UpCloud")
            .field("credentials", &self.credentials)
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}

impl UpCloud {
    /// Makes the account that the environment tells of: by `UPCLOUD_TOKEN`, or by `UPCLOUD_USERNAME` and
    /// `UPCLOUD_PASSWORD`.
    pub fn from_env() -> Result<Self, CredentialsError> {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        Ok(Self::new(Credentials::from_env(is_set)?))
    }

    /// Makes the account of these credentials, which are read from the environment and from files.
    pub fn new(credentials: Credentials) -> Self {
        Self { credentials, base_url: BaseUrl::default(), secrets: Arc::new(SystemSecrets) }
    }

    /// Has secrets read by another: a vault, for example.
    pub fn secrets(mut self, secrets: impl Secrets + 'static) -> Self {
        self.secrets = Arc::new(secrets);
        self
    }

    /// Says where the API is: an emulator on this machine, for example.
    pub fn base_url(mut self, url: &str) -> Result<Self, BaseUrlError> {
        self.base_url = url.parse()?;
        Ok(self)
    }

    /// Makes the provider for one fleet.
    pub(crate) fn provider(
        self,
        fleet: &dynservers_core::FleetName,
    ) -> Result<dynservers_upcloud::UpCloud, SettingsError> {
        let mut settings = dynservers_upcloud::Settings::new(fleet.clone(), self.credentials);
        settings.base_url = self.base_url;
        dynservers_upcloud::UpCloud::new(settings, self.secrets)
    }
}

impl From<UpCloud> for Provider {
    fn from(account: UpCloud) -> Self {
        Self::http(move |fleet| account.provider(fleet))
    }
}
