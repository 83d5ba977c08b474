//! Providers: the clouds of a configuration, ready to do effects, and what their servers are made from.

use std::collections::BTreeMap;
use std::sync::Arc;

use dynservers_core::{AsyncExecutor, Failure, Prepare, Prepared, ProviderName, Spec, TypeName};
use dynservers_http::SystemSecrets;
use dynservers_tokio::{FleetClock, HttpExecutor, HttpOptions, PrepareFn, TransportSetupError};
use dynservers_upcloud::{Settings, SettingsError, UpCloud};
use thiserror::Error;

use crate::config::{Configuration, Problems, ProviderKind, ProviderSettings, TypeSettings};
use crate::exit::Exit;

/// Why a provider cannot be used. Nothing was asked of it.
#[derive(Debug, Error)]
pub(crate) enum ProviderError {
    /// Its credentials are missing or unclear.
    #[error(transparent)]
    Credentials(#[from] Problems),
    /// Its settings cannot be used.
    #[error("error: provider {provider}: {source}")]
    Settings {
        /// The provider.
        provider: ProviderName,
        /// What is wrong with them.
        source: SettingsError,
    },
    /// Requests cannot be sent at all.
    #[error("error: {0}")]
    Transport(#[from] TransportSetupError),
}

impl ProviderError {
    /// Gives the code that the process ends with.
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Credentials(_) | Self::Settings { .. } => Exit::Usage,
            Self::Transport(_) => Exit::Failed,
        }
    }
}

/// Gives one executor for each configured provider, having read every credential once.
pub(crate) fn executors(
    configuration: &Configuration,
    clock: &FleetClock,
) -> Result<BTreeMap<ProviderName, Arc<dyn AsyncExecutor>>, ProviderError> {
    let mut executors: BTreeMap<_, Arc<dyn AsyncExecutor>> = BTreeMap::new();
    for (name, settings) in &configuration.providers {
        let cloud = match settings.kind {
            ProviderKind::UpCloud => Arc::new(upcloud(configuration, name, settings)?),
        };
        let request_timeout =
            configuration.core.providers.get(name).cloned().unwrap_or_default().request_timeout;
        let options = HttpOptions { request_timeout, clock: clock.clone() };
        executors.insert(name.clone(), Arc::new(HttpExecutor::new(cloud, options)?));
    }
    Ok(executors)
}

/// Gives an account at UpCloud, having read its credentials once.
pub(crate) fn upcloud(
    configuration: &Configuration,
    name: &ProviderName,
    settings: &ProviderSettings,
) -> Result<UpCloud, ProviderError> {
    let credentials = configuration.credentials(name, &SystemSecrets)?;
    let mut upcloud = Settings::new(configuration.fleet.clone(), credentials);
    upcloud.base_url = settings.base_url.clone();
    if let Some(config) = configuration.core.providers.get(name) {
        upcloud.list_lag = config.list_lag;
        upcloud.restart_time = config.restart_time;
    }
    UpCloud::new(upcloud, Arc::new(SystemSecrets))
        .map_err(|source| ProviderError::Settings { provider: name.clone(), source })
}

/// Gives what servers of a type are made from.
pub(crate) fn spec(settings: &TypeSettings) -> Arc<Spec> {
    Arc::new(Spec::new((&settings.template).into()))
}

/// Gives what tells the machine how a new server is called and what it is made from.
pub(crate) fn prepare(configuration: &Configuration) -> Arc<PrepareFn> {
    let specs: BTreeMap<TypeName, Arc<Spec>> =
        configuration.server_types.iter().map(|(name, settings)| (name.clone(), spec(settings))).collect();
    Arc::new(move |wanted: &Prepare, default_name: &str| match specs.get(&wanted.server_type) {
        Some(spec) => Ok(Prepared { name: default_name.to_owned(), spec: Arc::clone(spec) }),
        None => Err(Failure::new(format!("server type {} is not configured", wanted.server_type))),
    })
}
