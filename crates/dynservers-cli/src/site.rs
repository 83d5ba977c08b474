//! The site: where a fleet's daemon and ledger are, as a configuration says.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dynservers_core::{FleetName, Network, ProviderName, TypeName};

use crate::api::Endpoint;
use crate::api::report::AddressChoice;
use crate::api::token::ApiToken;
use crate::config::{AddressPreference, Configuration, Listen, Price, ProviderSettings, StoreUrl};

/// What the commands must know of a fleet's configuration.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// The fleet.
    pub(crate) fleet: FleetName,
    /// Its server types.
    pub(crate) types: Vec<TypeName>,
    /// Where its daemon listens.
    pub(crate) endpoint: Endpoint,
    /// Where its ledger is.
    pub(crate) store: PathBuf,
    /// Which addresses its servers are shown with.
    pub(crate) addresses: AddressChoice,
    /// What its servers cost, for the types that say so.
    pub(crate) costs: Costs,
    /// Where the last words of removed servers are, for the providers that keep them.
    pub(crate) last_words: LastWords,
}

/// Where the last words of removed servers are, by provider.
pub(crate) type LastWords = BTreeMap<ProviderName, PathBuf>;

/// What servers cost, by type.
pub(crate) type Costs = BTreeMap<TypeName, Cost>;

/// What servers of a type cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cost {
    /// One of them, an hour.
    pub(crate) price: Price,
    /// How many there may be.
    pub(crate) max: u32,
}

impl From<&Configuration> for Site {
    fn from(configuration: &Configuration) -> Self {
        let StoreUrl::Sqlite(store) = &configuration.store;
        let endpoint = match &configuration.api {
            Listen::Unix { path, .. } => Endpoint::Unix(path.clone()),
            Listen::Tcp(address) => Endpoint::Tcp { address: *address, token_file: ApiToken::file_of(store) },
        };
        let addresses = configuration.server_types.iter().map(|(name, settings)| {
            let network = match settings.address {
                AddressPreference::Public => Network::Public,
                AddressPreference::Private => Network::Private,
                AddressPreference::Utility => Network::Utility,
            };
            (name.clone(), network)
        });
        let costs = configuration.server_types.iter().filter_map(|(name, settings)| {
            let max = configuration.core.server_types.get(name)?.max;
            Some((name.clone(), Cost { price: settings.price?, max }))
        });
        let last_words = configuration.providers.iter().filter_map(|(name, settings)| match settings {
            ProviderSettings::Local(home) => Some((name.clone(), home.directory.join("ended"))),
            ProviderSettings::UpCloud(_) => None,
        });
        Self {
            fleet: configuration.fleet.clone(),
            types: configuration.server_types.keys().cloned().collect(),
            endpoint,
            store: store.clone(),
            addresses: addresses.collect(),
            costs: costs.collect(),
            last_words: last_words.collect(),
        }
    }
}
