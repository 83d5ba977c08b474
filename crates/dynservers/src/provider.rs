//! Providers: where servers are, and what of it may be chosen.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dynservers_core::{
    AsyncExecutor, Executor, FleetName, OrphanPolicy, OtherOwnerPolicy, ProviderConfig, StopBeforeDelete,
};
use dynservers_host::{FleetClock, Hands, Wrap};

use crate::errors::BoxError;
use crate::template::Options;

/// Where servers are: a cloud, this machine, or something of your own.
///
/// ```
/// # #[cfg(feature = "upcloud")]
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use dynservers::{Provider, UpCloud};
///
/// let provider = Provider::from(UpCloud::from_env()?)
///     .max_servers_in_account(50)
///     .option("disk_image", "01d15ea5-0000-4000-8000-000000000001");
/// # drop(provider);
/// # Ok(())
/// # }
/// ```
#[must_use = "a provider does nothing until a builder has it"]
pub struct Provider {
    pub(crate) source: Source,
    pub(crate) choices: Choices,
    pub(crate) options: Options,
    pub(crate) wraps: Vec<Arc<dyn Wrap>>,
}

impl fmt::Debug for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Provider").field("choices", &self.choices).finish_non_exhaustive()
    }
}

type MakeHttp = dyn FnOnce(&FleetName) -> Result<Arc<dyn dynservers_http::Provider>, BoxError> + Send;
type MakeHands = dyn FnOnce(&FleetName, &FleetClock) -> Result<Hands, BoxError> + Send;

/// What a provider is made from once the fleet's name and clock are known.
pub(crate) enum Source {
    Http(Box<MakeHttp>),
    Hands { make: Box<MakeHands>, default: ProviderConfig },
}

/// How many servers the account may have.
#[derive(Clone, Copy, Debug)]
enum Room {
    Servers(u32),
    AsTheProviderSays,
}

/// What was chosen; the rest is as the provider has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choices {
    request_timeout: Option<Duration>,
    list_lag: Option<Duration>,
    restart_time: Option<Duration>,
    room: Option<Room>,
    orphans: Option<OrphanPolicy>,
    other_owner: Option<OtherOwnerPolicy>,
    stop_before_delete: Option<StopBeforeDelete>,
    concurrency: Option<u32>,
}

impl Choices {
    /// Gives what the machine must know, from what the provider is like and what was chosen.
    pub(crate) fn over(&self, like: &ProviderConfig) -> ProviderConfig {
        ProviderConfig {
            request_timeout: self.request_timeout.unwrap_or(like.request_timeout),
            list_lag: self.list_lag.unwrap_or(like.list_lag),
            restart_time: self.restart_time.unwrap_or(like.restart_time),
            max_servers_in_account: match self.room {
                Some(Room::Servers(count)) => Some(count),
                Some(Room::AsTheProviderSays) => None,
                None => like.max_servers_in_account,
            },
            orphans: self.orphans.unwrap_or(like.orphans),
            other_owner: self.other_owner.unwrap_or(like.other_owner),
            stop_before_delete: self.stop_before_delete.unwrap_or(like.stop_before_delete),
            concurrency: self.concurrency.unwrap_or(like.concurrency),
        }
    }
}

impl Provider {
    /// Makes a provider of a cloud with an HTTP API. It is given the fleet's name, which it must look for in labels.
    pub fn http<P, E>(make: impl FnOnce(&FleetName) -> Result<P, E> + Send + 'static) -> Self
    where
        P: dynservers_http::Provider + 'static,
        E: Into<BoxError>,
    {
        let make: Box<MakeHttp> = Box::new(move |fleet| match make(fleet) {
            Ok(provider) => Ok(Arc::new(provider)),
            Err(error) => Err(error.into()),
        });
        Self::new(Source::Http(make))
    }

    /// Makes a provider of whoever does effects one by one, each on a thread. Every call must end by itself: those that do
    /// not keep their threads, and nothing more is begun when as many as may be under way have not come back.
    pub fn executor(executor: impl Executor + 'static) -> Self {
        let make = move |_: &FleetName, _: &FleetClock| Ok(Hands::Blocking(Arc::new(executor)));
        Self::hands(ProviderConfig::default(), make)
    }

    /// Makes a provider of whoever does effects at once. One that needs tokio's reactor works on tokio only.
    pub fn async_executor(executor: impl AsyncExecutor + 'static) -> Self {
        let make = move |_: &FleetName, _: &FleetClock| Ok(Hands::Async(Arc::new(executor)));
        Self::hands(ProviderConfig::default(), make)
    }

    /// Makes a provider of an executor that must know the fleet's name and its clock, with which it compares
    /// [`not_after`](dynservers_core::Effect::not_after).
    pub fn executor_with<X, E>(
        make: impl FnOnce(&FleetName, &FleetClock) -> Result<X, E> + Send + 'static,
    ) -> Self
    where
        X: Executor + 'static,
        E: Into<BoxError>,
    {
        let make = move |fleet: &FleetName, clock: &FleetClock| match make(fleet, clock) {
            Ok(executor) => Ok(Hands::Blocking(Arc::new(executor))),
            Err(error) => Err(error.into()),
        };
        Self::hands(ProviderConfig::default(), make)
    }

    /// As [`Provider::executor_with`], of one that does effects at once.
    pub fn async_executor_with<X, E>(
        make: impl FnOnce(&FleetName, &FleetClock) -> Result<X, E> + Send + 'static,
    ) -> Self
    where
        X: AsyncExecutor + 'static,
        E: Into<BoxError>,
    {
        let make = move |fleet: &FleetName, clock: &FleetClock| match make(fleet, clock) {
            Ok(executor) => Ok(Hands::Async(Arc::new(executor))),
            Err(error) => Err(error.into()),
        };
        Self::hands(ProviderConfig::default(), make)
    }

    pub(crate) fn hands(
        default: ProviderConfig,
        make: impl FnOnce(&FleetName, &FleetClock) -> Result<Hands, BoxError> + Send + 'static,
    ) -> Self {
        Self::new(Source::Hands { make: Box::new(make), default })
    }

    fn new(source: Source) -> Self {
        Self { source, choices: Choices::default(), options: Options::default(), wraps: Vec::new() }
    }

    /// Keeps a value that templates and servers may ask for, by [`NewServer::option`](crate::NewServer::option) and
    /// [`Server::option`](crate::Server::option). It stays in this process: no ledger, log or event has it.
    pub fn option(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.set(key.into(), value.into());
        self
    }

    /// Puts something around every effect: before it, after it, or in its place. The last one put is the outermost.
    pub fn wrap(mut self, wrap: impl Wrap + 'static) -> Self {
        self.wraps.push(Arc::new(wrap));
        self
    }

    /// Says how many servers the account may have, ours or not. 20 unless told otherwise.
    pub fn max_servers_in_account(mut self, count: u32) -> Self {
        self.choices.room = Some(Room::Servers(count));
        self
    }

    /// Lets the provider's own word alone say how many servers the account may have.
    pub fn no_account_limit(mut self) -> Self {
        self.choices.room = Some(Room::AsTheProviderSays);
        self
    }

    /// Says how long one request may take. 30 seconds unless told otherwise.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.choices.request_timeout = Some(timeout);
        self
    }

    /// Says how late a create may still show in a listing. After a lost answer, so long is waited at least.
    pub fn list_lag(mut self, lag: Duration) -> Self {
        self.choices.list_lag = Some(lag);
        self
    }

    /// Says after how long a reboot counts as done if the server was never seen down.
    pub fn restart_time(mut self, time: Duration) -> Self {
        self.choices.restart_time = Some(time);
        self
    }

    /// Says what becomes of servers with our labels that the ledger does not know. They are adopted unless told
    /// otherwise.
    pub fn orphans(mut self, policy: OrphanPolicy) -> Self {
        self.choices.orphans = Some(policy);
        self
    }

    /// Says what becomes of this fleet's servers with another owner's label. They are held unless told otherwise.
    pub fn other_owner(mut self, policy: OtherOwnerPolicy) -> Self {
        self.choices.other_owner = Some(policy);
        self
    }

    /// Says whether a server must be stopped before it is deleted, if the provider does not say so itself.
    pub fn stop_before_delete(mut self, when: StopBeforeDelete) -> Self {
        self.choices.stop_before_delete = Some(when);
        self
    }

    /// Says how many requests may be under way at once. 16 unless told otherwise.
    pub fn concurrency(mut self, requests: u32) -> Self {
        self.choices.concurrency = Some(requests);
        self
    }
}
