//! Providers: the clouds of a configuration, ready to do effects, and what their servers are made from.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use dynservers_core::{Failure, Prepare, Prepared, ProviderName, Spec, TypeName};
use dynservers_http::SystemSecrets;
use dynservers_local::{Local, LocalError};
use dynservers_tokio::{FleetClock, Hands, HttpExecutor, HttpOptions, PrepareFn, TransportSetupError};
use dynservers_upcloud::{Settings, SettingsError, UpCloud};
use thiserror::Error;

use crate::args::LOCAL_GUARD;
use crate::config::{Account, Configuration, Home, Problems, ProviderSettings, TypeSettings};
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
    /// Servers cannot be kept on this machine.
    #[error("error: provider {provider}: {source}")]
    Local {
        /// The provider.
        provider: ProviderName,
        /// What stands in the way.
        source: LocalError,
    },
    /// The path of this program, which servers on this machine are started with, is not known.
    #[error("error: provider {provider}: the path of this program is not known: {source}")]
    NoProgram {
        /// The provider.
        provider: ProviderName,
        /// The system's words.
        source: io::Error,
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
            Self::Local { .. } | Self::NoProgram { .. } | Self::Transport(_) => Exit::Failed,
        }
    }
}

/// Gives one executor for each configured provider, having read every credential once.
pub(crate) fn executors(
    configuration: &Configuration,
    clock: &FleetClock,
) -> Result<BTreeMap<ProviderName, Hands>, ProviderError> {
    let mut executors = BTreeMap::new();
    for (name, settings) in &configuration.providers {
        let executor = match settings {
            ProviderSettings::UpCloud(account) => {
                let cloud = Arc::new(upcloud(configuration, name, account)?);
                hands(configuration, name, cloud, clock)?
            }
            ProviderSettings::Local(home) => {
                Hands::Blocking(Arc::new(local(configuration, name, home, clock)?))
            }
        };
        executors.insert(name.clone(), executor);
    }
    Ok(executors)
}

/// Gives an account at UpCloud, having read its credentials once.
pub(crate) fn upcloud(
    configuration: &Configuration,
    name: &ProviderName,
    account: &Account,
) -> Result<UpCloud, ProviderError> {
    let credentials = configuration.credentials(name, &SystemSecrets)?;
    let mut upcloud = Settings::new(configuration.fleet.clone(), credentials);
    upcloud.base_url = account.base_url.clone();
    let config = configuration.core.providers.get(name).cloned().unwrap_or_default();
    upcloud.list_lag = config.list_lag;
    upcloud.restart_time = config.restart_time;
    UpCloud::new(upcloud, Arc::new(SystemSecrets))
        .map_err(|source| ProviderError::Settings { provider: name.clone(), source })
}

/// Gives what carries a cloud's requests.
pub(crate) fn caller(
    configuration: &Configuration,
    name: &ProviderName,
    cloud: Arc<UpCloud>,
    clock: &FleetClock,
) -> Result<HttpExecutor, ProviderError> {
    Ok(HttpExecutor::new(cloud, options(configuration, name, clock))?)
}

/// Gives what does a cloud's effects.
fn hands(
    configuration: &Configuration,
    name: &ProviderName,
    cloud: Arc<UpCloud>,
    clock: &FleetClock,
) -> Result<Hands, ProviderError> {
    #[cfg(feature = "other-loops")]
    return crate::other_loops::hands(cloud, options(configuration, name, clock));
    #[cfg(not(feature = "other-loops"))]
    Ok(Hands::Async(Arc::new(caller(configuration, name, cloud, clock)?)))
}

fn options(configuration: &Configuration, name: &ProviderName, clock: &FleetClock) -> HttpOptions {
    let request_timeout = configuration.core.providers.get(name).cloned().unwrap_or_default().request_timeout;
    HttpOptions { request_timeout, clock: clock.clone() }
}

fn local(
    configuration: &Configuration,
    name: &ProviderName,
    home: &Home,
    clock: &FleetClock,
) -> Result<Local, ProviderError> {
    let program = std::env::current_exe()
        .map_err(|source| ProviderError::NoProgram { provider: name.clone(), source })?;
    let clock = clock.clone();
    let settings = dynservers_local::Settings {
        fleet: configuration.fleet.clone(),
        directory: home.directory.clone(),
        guard: vec![program.into_os_string(), LOCAL_GUARD.into()],
        log_limit: home.log_limit,
        clock: Arc::new(move || clock.now()),
    };
    Local::new(settings, Arc::new(SystemSecrets))
        .map_err(|source| ProviderError::Local { provider: name.clone(), source })
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
