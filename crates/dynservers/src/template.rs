//! Templates: what servers are made from, as a type of the provider's, as plain JSON, or as a closure over the server.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use dynservers_core::{Failure, ProviderName, ServerId, Spec, TypeName};
use serde_json::Value;

use crate::errors::{BoxError, told};

/// What a server is made from, in its provider's own vocabulary.
///
/// Typed templates are checked when the fleet is built; plain JSON is the provider's to check.
pub trait Template {
    /// Gives the body of the specification. References to secrets stay references: it is kept in the ledger.
    fn body(&self) -> Value;

    /// Finds what is wrong with it, each as a sentence that says where.
    fn problems(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Template for Value {
    fn body(&self) -> Value {
        self.clone()
    }
}

#[cfg(feature = "upcloud")]
impl Template for dynservers_upcloud::Template {
    fn body(&self) -> Value {
        self.into()
    }

    fn problems(&self) -> Vec<String> {
        self.validate().err().unwrap_or_default().iter().map(ToString::to_string).collect()
    }
}

#[cfg(feature = "local")]
impl Template for dynservers_local::Template {
    fn body(&self) -> Value {
        self.into()
    }

    fn problems(&self) -> Vec<String> {
        self.check().err().unwrap_or_default().iter().map(ToString::to_string).collect()
    }
}

/// A provider's options: what [`Provider::option`](crate::Provider::option) was told. Their values may be secrets, and are
/// not shown.
#[derive(Clone, Default)]
pub(crate) struct Options(BTreeMap<String, String>);

impl Options {
    pub(crate) fn set(&mut self, key: String, value: String) {
        self.0.insert(key, value);
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// A server that is about to be made.
#[derive(Clone, Debug)]
pub struct NewServer<'a> {
    pub(crate) id: ServerId,
    pub(crate) server_type: &'a TypeName,
    pub(crate) provider: &'a ProviderName,
    pub(crate) default_name: &'a str,
    pub(crate) options: &'a Options,
}

impl NewServer<'_> {
    /// Gives its number, never used twice in one ledger.
    #[must_use]
    pub const fn id(&self) -> ServerId {
        self.id
    }

    /// Gives its type.
    #[must_use]
    pub const fn server_type(&self) -> &TypeName {
        self.server_type
    }

    /// Gives where it will be.
    #[must_use]
    pub const fn provider(&self) -> &ProviderName {
        self.provider
    }

    /// Gives the name that it has unless you say otherwise: `dynamic-server-{type}-{id}`.
    #[must_use]
    pub const fn default_name(&self) -> &str {
        self.default_name
    }

    /// Gives an option of its provider, as [`Provider::option`](crate::Provider::option) was told.
    #[must_use]
    pub fn option(&self, key: &str) -> Option<&str> {
        self.options.get(key)
    }
}

type Make = dyn Fn(&NewServer<'_>) -> Result<Spec, Failure> + Send + Sync;

/// How the specification of a new server comes about.
#[derive(Clone)]
pub(crate) enum Recipe {
    /// One for all, shared.
    Fixed { spec: Arc<Spec>, problems: Vec<String> },
    /// Each its own.
    Each(Arc<Make>),
}

impl Recipe {
    pub(crate) fn fixed(template: &impl Template) -> Self {
        Self::Fixed { spec: Arc::new(Spec::new(template.body())), problems: template.problems() }
    }

    pub(crate) fn each<T, E>(make: impl Fn(&NewServer<'_>) -> Result<T, E> + Send + Sync + 'static) -> Self
    where
        T: Template,
        E: Into<BoxError>,
    {
        Self::Each(Arc::new(move |server| {
            let template = make(server).map_err(|error| Failure::new(told(error)))?;
            let problems = template.problems();
            if problems.is_empty() {
                Ok(Spec::new(template.body()))
            } else {
                Err(Failure::new(problems.join("; ")))
            }
        }))
    }

    pub(crate) fn make(&self, server: &NewServer<'_>) -> Result<Arc<Spec>, Failure> {
        match self {
            Self::Fixed { spec, .. } => Ok(Arc::clone(spec)),
            Self::Each(make) => make(server).map(Arc::new),
        }
    }

    pub(crate) fn problems(&self) -> &[String] {
        match self {
            Self::Fixed { problems, .. } => problems,
            Self::Each(_) => &[],
        }
    }
}

impl fmt::Debug for Recipe {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Fixed { .. } => "Recipe::Fixed",
            Self::Each(_) => "Recipe::Each",
        })
    }
}
