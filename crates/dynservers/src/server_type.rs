//! Server types: what to clone, where, and within which bounds.

use std::time::Duration;

use dynservers_core::{
    DEFAULT_STOP_TIMEOUT, DrainConfig, FailedPolicy, PolicyConfig, ProviderName, TypeConfig,
};

use crate::errors::BoxError;
use crate::measuring::Work;
use crate::template::{NewServer, Recipe, Template};

/// The most servers that a type has unless told otherwise.
const DEFAULT_MAXIMUM: u32 = 20;
/// How often a worker that drains is asked, unless told otherwise.
const DRAIN_INTERVAL: Duration = Duration::from_secs(5);

/// A server type: what to clone, where, and within which bounds.
///
/// ```
/// # #[cfg(feature = "upcloud")] {
/// use dynservers::{ServerType, upcloud};
///
/// let server_type = ServerType::new("default").max(20).template(upcloud::Template::new(
///     "de-fra1",
///     "2xCPU-4GB",
///     "01d15ea5-0000-4000-8000-000000000001",
/// ));
/// # drop(server_type);
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a type does nothing until a builder has it"]
pub struct ServerType {
    pub(crate) name: String,
    pub(crate) provider: Option<String>,
    pub(crate) recipe: Option<Recipe>,
    pub(crate) policy: Option<PolicyConfig>,
    pub(crate) work: Work,
    min: u32,
    max: u32,
    stop_timeout: Duration,
    on_failed: FailedPolicy,
    drain_deadline: Option<Duration>,
    drain_interval: Duration,
}

impl ServerType {
    /// Makes a type of at most 20 servers. One of the name `default` is what calls mean that name no type.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            provider: None,
            recipe: None,
            policy: None,
            work: Work::default(),
            min: 0,
            max: DEFAULT_MAXIMUM,
            stop_timeout: DEFAULT_STOP_TIMEOUT,
            on_failed: FailedPolicy::Delete,
            drain_deadline: None,
            drain_interval: DRAIN_INTERVAL,
        }
    }

    /// Says which provider its servers are at; not needed where there is only one.
    pub fn provider(mut self, name: impl Into<String>) -> Self {
        self.provider = Some(name.into());
        self
    }

    /// Says how many servers there are at least, whatever is asked for. 0 unless told otherwise.
    pub fn min(mut self, count: u32) -> Self {
        self.min = count;
        self
    }

    /// Says how many servers there may be at most, in whatever state. 20 unless told otherwise.
    pub fn max(mut self, count: u32) -> Self {
        self.max = count;
        self
    }

    /// Says what its servers are made from: a template of the provider's, or plain JSON.
    #[expect(clippy::needless_pass_by_value, reason = "a builder is given what it needs")]
    pub fn template(mut self, template: impl Template) -> Self {
        self.recipe = Some(Recipe::fixed(&template));
        self
    }

    /// Says what each of its servers is made from. Called once for each, before it is created; what it gives is kept
    /// with the record.
    ///
    /// Called by the loop: it must not wait for anything. If it fails or panics, that server is not made, the failure is
    /// logged, and it is asked again later.
    pub fn template_with<T, E>(
        mut self,
        make: impl Fn(&NewServer<'_>) -> Result<T, E> + Send + Sync + 'static,
    ) -> Self
    where
        T: Template,
        E: Into<BoxError>,
    {
        self.recipe = Some(Recipe::each(make));
        self
    }

    /// Says how long a guest may take to shut down before it is cut off. One minute unless told otherwise.
    pub fn stop_timeout(mut self, timeout: Duration) -> Self {
        self.stop_timeout = timeout;
        self
    }

    /// Says what becomes of failed servers. They are deleted unless told otherwise.
    pub fn on_failed(mut self, policy: FailedPolicy) -> Self {
        self.on_failed = policy;
        self
    }

    /// Has workers finish before their server is stopped, for as long as `deadline`. Needs
    /// [`workers`](crate::FleetBuilder::workers), which say how they are asked.
    pub fn drain(mut self, deadline: Duration) -> Self {
        self.drain_deadline = Some(deadline);
        self
    }

    /// Says how often a worker that drains is asked. Five seconds unless told otherwise.
    pub fn drain_interval(mut self, interval: Duration) -> Self {
        self.drain_interval = interval;
        self
    }

    /// Has the number of its servers follow from the work there is, by a rule and within clamps that keep it calm.
    ///
    /// The work is measured by sources (`source`, with the feature `demand`), or told by the program
    /// ([`FleetType::measured`](crate::blocking::FleetType::measured)). Before it is known for the first time there are as
    /// many servers as there were. A number that is said by hand, as with `ensure`, is refused from now on:
    /// [`CommandError::FollowsWork`](crate::CommandError::FollowsWork).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use dynservers::{PolicyConfig, Rule, ServerType};
    ///
    /// let policy = PolicyConfig {
    ///     rule: Rule::JobsPerServer(10),
    ///     scale_in_after: Duration::from_secs(600),
    ///     ..PolicyConfig::default()
    /// };
    /// let server_type = ServerType::new("default").max(20).policy(policy);
    /// # drop(server_type);
    /// ```
    pub fn policy(mut self, policy: PolicyConfig) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Counts its work here too, under a name for people: a [`Source`](crate::demand::Source) of the module
    /// [`demand`](crate::demand), your own, or a closure. Needs a [`policy`](Self::policy). What several sources tell is
    /// put together as the policy says; there can be [`MOST_SOURCES`](crate::demand::MOST_SOURCES).
    ///
    /// All sources of a type are asked at once, when the loop begins to run and then as often as
    /// [`determine_every`](crate::blocking::FleetBuilder::determine_every) says, on threads on which they may block. One that
    /// fails, panics or takes longer than its [`timeout`](crate::demand::Source::timeout) does not know, which is never
    /// zero: the number is held as long as the policy says, and an event tells why
    /// ([`DemandUnknown`](crate::EventKind::DemandUnknown), once an episode). Nobody waits at the end of the fleet for one
    /// that is being asked.
    ///
    /// They live by the time of the system. In virtual time
    /// ([`simulate`](crate::blocking::FleetBuilder::simulate)) nobody asks them: say
    /// [`measured`](crate::blocking::FleetType::measured) there. Where tokio's time is paused they are asked all the same.
    ///
    /// ```
    /// use dynservers::demand::Unknown;
    /// use dynservers::{PolicyConfig, ServerType, Signal};
    ///
    /// # fn jobs_in_the_table() -> Result<u64, std::io::Error> { Ok(3) }
    /// let server_type = ServerType::new("default").policy(PolicyConfig::default()).source("table", || {
    ///     let waiting = jobs_in_the_table().map_err(|error| Unknown::new(error.to_string()))?;
    ///     Ok(Signal { waiting, ..Signal::default() })
    /// });
    /// # drop(server_type);
    /// ```
    #[cfg(feature = "demand")]
    pub fn source(
        mut self,
        name: impl Into<String>,
        source: impl dynservers_demand::Source + 'static,
    ) -> Self {
        self.work.sources.push((name.into(), std::sync::Arc::new(source)));
        self
    }

    /// Sets other bounds at certain times, by the fleet's clock. Needs a [`policy`](Self::policy). Whether it is such a time
    /// is looked up whenever the work is measured or told, and not in between.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use dynservers::demand::calendar::Slot;
    /// use dynservers::{PolicyConfig, ServerType};
    ///
    /// // Three servers at least, for ten hours from eight o'clock on, from Monday to Friday.
    /// let hours = Duration::from_secs(10 * 3600);
    /// let office = Slot::new("office", "0 8 * * mon-fri", "Europe/Berlin", hours, (Some(3), None))?;
    /// let server_type = ServerType::new("default").policy(PolicyConfig::default()).slot(office);
    /// # drop(server_type);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "calendar")]
    pub fn slot(mut self, slot: dynservers_demand::calendar::Slot) -> Self {
        self.work.slots.push(slot);
        self
    }

    /// Gives what the machine must know.
    pub(crate) fn config(&self, provider: ProviderName, asks_scores: bool) -> TypeConfig {
        let Self { min, max, stop_timeout, on_failed, drain_interval: interval, .. } = *self;
        let drain = self.drain_deadline.map(|deadline| DrainConfig { deadline, interval });
        let policy = self.policy.clone();
        TypeConfig {
            min,
            stop_timeout,
            on_failed,
            drain,
            asks_scores,
            policy,
            ..TypeConfig::new(provider, max)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_counts_in_whatever_order() {
        let (deadline, interval) = (Duration::from_secs(60), Duration::from_secs(1));
        let place = || ProviderName::new("cloud").unwrap();
        let one = ServerType::new("a").drain(deadline).drain_interval(interval).config(place(), false);
        let other = ServerType::new("a").drain_interval(interval).drain(deadline).config(place(), false);
        assert_eq!(one.drain, Some(DrainConfig { deadline, interval }));
        assert_eq!(one, other);
        assert_eq!(ServerType::new("a").drain_interval(interval).config(place(), false).drain, None);
    }
}
