//! The site: where a fleet's daemon and ledger are, as a configuration says.

use std::path::PathBuf;

use dynservers_core::{FleetName, Network, TypeName};

use crate::api::Endpoint;
use crate::api::report::AddressChoice;
use crate::api::token::ApiToken;
use crate::config::{AddressPreference, Configuration, Listen, StoreUrl};

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
        Self {
            fleet: configuration.fleet.clone(),
            types: configuration.server_types.keys().cloned().collect(),
            endpoint,
            store: store.clone(),
            addresses: addresses.collect(),
        }
    }
}
