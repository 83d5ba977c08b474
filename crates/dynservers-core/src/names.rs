//! One copy of each name, so that everything under a name is compared with it at a glance.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use crate::config::Config;
use crate::ids::{ProviderName, TypeName};
use crate::ledger::Ledger;

impl Config {
    /// Has the types hold the names of their providers that the providers are known by.
    pub(crate) fn share_names(&mut self) {
        for config in self.server_types.values_mut() {
            config.provider = own(&self.providers, &config.provider);
        }
    }

    /// Gives a type's name as the configuration holds it.
    pub(crate) fn own_type_name(&self, name: &TypeName) -> TypeName {
        own(&self.server_types, name)
    }

    fn own_provider_name(&self, name: &ProviderName) -> ProviderName {
        own(&self.providers, name)
    }
}

impl Ledger {
    /// Has everything hold the names that the configuration does.
    pub(crate) fn share_names(&mut self, config: &Config) {
        let fleet = Arc::make_mut(&mut self.fleet);
        rename(&mut fleet.types, |name| config.own_type_name(name));
        rename(&mut fleet.providers, |name| config.own_provider_name(name));
        rename(&mut self.types, |name| config.own_type_name(name));
        rename(&mut self.providers, |name| config.own_provider_name(name));
        for id in self.ids() {
            let Some(server) = self.split().0.get_mut(id) else { continue };
            let record = Arc::make_mut(&mut server.record);
            record.server_type = config.own_type_name(&record.server_type);
            record.provider = config.own_provider_name(&record.provider);
        }
    }
}

/// Gives a name as a map holds it, or as it was given.
fn own<K: Clone + Ord, V>(map: &BTreeMap<K, V>, name: &K) -> K {
    map.get_key_value(name).map_or(name, |(own, _)| own).clone()
}

fn rename<K: Ord, V>(map: &mut BTreeMap<K, V>, own: impl Fn(&K) -> K) {
    *map = core::mem::take(map).into_iter().map(|(name, value)| (own(&name), value)).collect();
}
