//! A server, as the ledger has it.

use std::collections::BTreeMap;
use std::sync::Arc;

use dynservers_core::{Address, Failure, ProviderId, ProviderName, ServerId, ServerRecord, Status, TypeName};
use serde_json::Value;

use crate::template::Options;

/// A server at one moment: it does not change when the fleet does.
#[derive(Clone, Debug)]
pub struct Server {
    record: ServerRecord,
    options: Arc<BTreeMap<ProviderName, Options>>,
}

impl Server {
    pub(crate) const fn new(record: ServerRecord, options: Arc<BTreeMap<ProviderName, Options>>) -> Self {
        Self { record, options }
    }

    /// Gives its number, never used twice in one ledger.
    #[must_use]
    pub const fn id(&self) -> ServerId {
        self.record.id
    }

    /// Gives its type.
    #[must_use]
    pub const fn server_type(&self) -> &TypeName {
        &self.record.server_type
    }

    /// Gives where it is.
    #[must_use]
    pub const fn provider(&self) -> &ProviderName {
        &self.record.provider
    }

    /// Gives the provider's own id of it, once that is known.
    #[must_use]
    pub const fn provider_id(&self) -> Option<&ProviderId> {
        self.record.provider_id.as_ref()
    }

    /// Gives its name; empty until it has one.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.record.name
    }

    /// Gives its status.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.record.status
    }

    /// Gives its addresses, as far as they are known.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        &self.record.addresses
    }

    /// Gives what went wrong last.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.record.failure.as_deref()
    }

    /// Gives a value that was kept with it by [`add_meta`](crate::Fleet::add_meta), or one of its own properties.
    ///
    /// Dots lead into objects: `job.id` is `id` of what is kept under `job`. The properties are `uuid` (the provider's
    /// id), `title` (the name) and `ip` (the first address), also behind `server_properties.` as in
    /// laravel-dynamic-servers; a value that is kept under such a name comes first.
    #[must_use]
    pub fn meta(&self, key: &str) -> Option<Value> {
        let kept = self.record.meta.get(key).or_else(|| {
            let (first, rest) = key.split_once('.')?;
            rest.split('.').try_fold(self.record.meta.get(first)?, |value, key| value.get(key))
        });
        kept.cloned().or_else(|| self.property(key))
    }

    fn property(&self, key: &str) -> Option<Value> {
        let text = match key.strip_prefix("server_properties.").unwrap_or(key) {
            "uuid" => self.record.provider_id.as_ref().map(ProviderId::as_str),
            "title" => Some(&*self.record.name).filter(|name| !name.is_empty()),
            "ip" => self.record.addresses.first().map(|address| address.address.as_str()),
            _ => None,
        };
        text.map(Value::from)
    }

    /// Gives an option of its provider, as [`Provider::option`](crate::Provider::option) was told.
    #[must_use]
    pub fn option(&self, key: &str) -> Option<&str> {
        self.options.get(&self.record.provider)?.get(key)
    }

    /// Gives all that the ledger has of it.
    #[must_use]
    pub const fn record(&self) -> &ServerRecord {
        &self.record
    }
}
