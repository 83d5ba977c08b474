//! The blueprint: everything that a builder was told, and the fleet that it makes, or all that is wrong with it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dynservers_core::{
    Asker, Config, FleetName, NoAsker, Prepare, Prepared, ProviderConfig, ProviderName, Timing, TypeConfig,
    TypeName,
};
use dynservers_host::{CountFn, Counter, Driver, FleetClock, Handle, Hands, Host, PrepareFn, StartError};

use crate::audience::{Audience, Listener};
use crate::errors::{BoxError, BuildError, Mistake};
use crate::fleet::{Ended, Inner};
use crate::ledger::{Nowhere, OpenStore};
use crate::measuring::{Calendar, Gauge, Gauges};
use crate::overriding::{DefaultNames, Naming, Workers, WorkersAsker};
use crate::provider::{Provider, Source};
use crate::server_type::ServerType;
use crate::template::{NewServer, Options, Recipe};

/// The type that calls mean that name no other.
pub(crate) const DEFAULT_TYPE: &str = "default";
/// How many events a reader may fall behind before it reads the ledger.
const MAX_EVENTS: usize = 4096;
/// Between two determinations of the number of servers, as in the reference.
const COUNT_INTERVAL: Duration = Duration::from_secs(60);
/// The least time between two looks, or determinations.
const LEAST_INTERVAL: Duration = Duration::from_millis(1);

/// What determines the number of servers, once there is a fleet to give the commands to.
pub(crate) type Determine = Box<dyn FnOnce(Arc<Plan>) -> CountFn + Send>;

/// How a runtime carries HTTP: makes an executor of a provider.
pub(crate) type Carry =
    fn(Arc<dyn dynservers_http::Provider>, Duration, FleetClock) -> Result<Hands, BoxError>;

/// Everything that a builder was told.
pub(crate) struct Blueprint {
    pub(crate) name: String,
    pub(crate) providers: Vec<(String, Provider)>,
    pub(crate) server_types: Vec<ServerType>,
    pub(crate) retired_types: Vec<String>,
    pub(crate) store: Box<dyn OpenStore>,
    pub(crate) timing: Timing,
    pub(crate) naming: Arc<dyn Naming>,
    pub(crate) workers: Option<Arc<dyn Workers>>,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) determine: Option<Determine>,
    pub(crate) count_interval: Duration,
    pub(crate) count_timeout: Option<Duration>,
    pub(crate) max_events: usize,
}

impl fmt::Debug for Blueprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FleetBuilder")
            .field("name", &self.name)
            .field("providers", &self.providers)
            .field("server_types", &self.server_types)
            .finish_non_exhaustive()
    }
}

/// What a running fleet remembers of its blueprint.
#[derive(Debug)]
pub(crate) struct Plan {
    /// What is meant by a call that names no type.
    pub(crate) default_type: TypeName,
    pub(crate) options: Arc<BTreeMap<ProviderName, Options>>,
    /// All types; those with a policy have a calendar, which may be empty.
    pub(crate) policies: BTreeMap<TypeName, Option<Calendar>>,
    /// How the loop ended, once it has.
    pub(crate) ended: Ended,
    /// Those who listen.
    pub(crate) audience: Audience,
}

/// What a blueprint makes: all of a fleet but its runtime.
pub(crate) struct Site {
    pub(crate) inner: Inner,
    pub(crate) driver: Driver,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) gauges: Gauges,
}

/// A provider while the fleet is built.
struct Place {
    name: ProviderName,
    hands: Hands,
    config: ProviderConfig,
}

impl Blueprint {
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            providers: Vec::new(),
            server_types: Vec::new(),
            retired_types: Vec::new(),
            store: Box::new(Nowhere),
            timing: Timing::default(),
            naming: Arc::new(DefaultNames),
            workers: None,
            listeners: Vec::new(),
            determine: None,
            count_interval: COUNT_INTERVAL,
            count_timeout: None,
            max_events: MAX_EVENTS,
        }
    }

    /// Makes the fleet. Blocks while credentials and the ledger are read; on an error nothing was begun.
    pub(crate) fn open(mut self, carry: Carry, clock: FleetClock) -> Result<Site, BuildError> {
        let Checked { fleet, providers, types, retired } = self.check(&clock)?;
        let Types { configs: types, recipes, policies, gauges } = types;
        let mut options = BTreeMap::new();
        let mut places = Vec::new();
        for (name, mut provider) in providers {
            options.insert(name.clone(), std::mem::take(&mut provider.options));
            places.push(place(name, provider, &fleet, &clock, carry)?);
        }
        let plan = Arc::new(Plan {
            default_type: default_type(&types)?,
            options: Arc::new(options),
            policies,
            ended: Ended::default(),
            audience: Audience::default(),
        });
        let seed = getrandom::u64().map_err(|error| BuildError::NoEntropy(error.to_string()))?;
        let asker: Arc<dyn Asker> = match self.workers.take() {
            Some(workers) => Arc::new(WorkersAsker(workers)),
            None => Arc::new(NoAsker),
        };
        let config = Config {
            fleet: fleet.clone(),
            timing: self.timing,
            providers: places.iter().map(|place| (place.name.clone(), place.config.clone())).collect(),
            server_types: types,
            shadow: false,
            retired_types: retired.into_iter().collect(),
        };
        // Before a ledger is made.
        let contradictions = config.contradictions();
        if !contradictions.is_empty() {
            return Err(BuildError::Start(StartError::Config(contradictions)));
        }
        let prepare = prepare(&config, recipes, Arc::clone(&plan), Arc::clone(&self.naming));
        let (interval, timeout) = (self.count_interval, self.count_timeout);
        let counter = self.determine.take().map(|determine| Counter {
            interval,
            timeout: timeout.unwrap_or(interval.max(COUNT_INTERVAL)),
            count: determine(Arc::clone(&plan)),
        });
        // Last, since it is made where there is none.
        let store = self.store.open(&fleet).map_err(BuildError::Store)?;
        let executors = places.into_iter().map(|place| (place.name, place.hands)).collect();
        let parts = dynservers_host::Parts { config, executors, prepare, asker, counter };
        let host = Host { parts, store, clock, seed, max_events: self.max_events };
        let (handle, driver): (Handle, Driver) = host.open().map_err(BuildError::Start)?;
        let gauges = Gauges { interval, gauges };
        Ok(Site { inner: Inner::new(handle, plan), driver, listeners: self.listeners, gauges })
    }

    /// Finds everything that is wrong.
    fn check(&mut self, clock: &FleetClock) -> Result<Checked, BuildError> {
        let mut mistakes = Vec::new();
        let fleet = keep(&mut mistakes, FleetName::new(std::mem::take(&mut self.name)));
        let mut providers: Vec<(ProviderName, Provider)> = Vec::new();
        for (name, provider) in std::mem::take(&mut self.providers) {
            let Some(name) = keep(&mut mistakes, ProviderName::new(name)) else { continue };
            if providers.iter().any(|(other, _)| *other == name) {
                mistakes.push(Mistake::TwoProviders { provider: name });
                continue;
            }
            providers.push((name, provider));
        }
        let types = self.check_types(&providers, clock, &mut mistakes);
        let retired: Vec<TypeName> = std::mem::take(&mut self.retired_types)
            .into_iter()
            .filter_map(|name| keep(&mut mistakes, TypeName::new(name)))
            .collect();
        if self.providers.is_empty() && providers.is_empty() {
            mistakes.push(Mistake::NoProvider);
        }
        if types.configs.is_empty() && retired.is_empty() && mistakes.is_empty() {
            mistakes.push(Mistake::NoServerType);
        }
        for (what, given) in [
            ("poll_interval", self.timing.poll_interval),
            ("resync_interval", self.timing.resync_interval),
            ("determine_every", self.count_interval),
            ("determine_timeout", self.count_timeout.unwrap_or(LEAST_INTERVAL)),
        ] {
            if given < LEAST_INTERVAL {
                mistakes.push(Mistake::TooShort { what, least: LEAST_INTERVAL, given });
            }
        }
        match fleet {
            Some(fleet) if mistakes.is_empty() => Ok(Checked { fleet, providers, types, retired }),
            _ => Err(BuildError::Invalid(mistakes)),
        }
    }

    fn check_types(
        &mut self,
        providers: &[(ProviderName, Provider)],
        clock: &FleetClock,
        mistakes: &mut Vec<Mistake>,
    ) -> Types {
        let mut checked = Types::default();
        for server_type in std::mem::take(&mut self.server_types) {
            let Some(name) = keep(mistakes, TypeName::new(server_type.name.clone())) else { continue };
            let provider = match (&server_type.provider, providers) {
                (Some(provider), _) => keep(mistakes, ProviderName::new(provider.clone())),
                (None, [(only, _)]) => Some(only.clone()),
                (None, []) => None,
                (None, _) => {
                    mistakes.push(Mistake::WhichProvider { server_type: name.clone() });
                    None
                }
            };
            match &server_type.recipe {
                None => mistakes.push(Mistake::NoTemplate { server_type: name.clone() }),
                Some(recipe) => {
                    let wrong = recipe.problems().iter().cloned();
                    mistakes.extend(
                        wrong.map(|problem| Mistake::Template { server_type: name.clone(), problem }),
                    );
                    checked.recipes.insert(name.clone(), recipe.clone());
                }
            }
            let config = provider.map(|provider| server_type.config(provider, self.workers.is_some()));
            let has_policy = server_type.policy.is_some();
            if !has_policy && !server_type.work.is_empty() {
                mistakes.push(Mistake::NoPolicy { server_type: name.clone() });
            }
            let calendar = server_type.work.calendar(clock);
            checked.policies.insert(name.clone(), has_policy.then(|| calendar.clone()));
            match server_type.work.gauge(&name, calendar) {
                Ok(gauge) => checked.gauges.extend(gauge),
                Err(mistake) => mistakes.push(mistake),
            }
            let Some(config) = config else { continue };
            if config.drain.is_some() && self.workers.is_none() {
                mistakes.push(Mistake::NoWorkers { server_type: name.clone() });
            }
            if checked.configs.insert(name.clone(), config).is_some() {
                mistakes.push(Mistake::TwoServerTypes { server_type: name });
            }
        }
        checked
    }
}

/// A blueprint in which nothing is wrong by itself.
struct Checked {
    fleet: FleetName,
    providers: Vec<(ProviderName, Provider)>,
    types: Types,
    retired: Vec<TypeName>,
}

/// What was found of the server types.
#[derive(Default)]
struct Types {
    configs: BTreeMap<TypeName, TypeConfig>,
    recipes: BTreeMap<TypeName, Recipe>,
    policies: BTreeMap<TypeName, Option<Calendar>>,
    gauges: Vec<Gauge>,
}

fn keep<T>(mistakes: &mut Vec<Mistake>, name: Result<T, dynservers_core::InvalidId>) -> Option<T> {
    name.map_err(|error| mistakes.push(error.into())).ok()
}

/// Finds what is meant by a call that names no type: `default`, or the only one there is.
fn default_type(types: &BTreeMap<TypeName, TypeConfig>) -> Result<TypeName, BuildError> {
    let named = TypeName::new(DEFAULT_TYPE).map_err(|error| BuildError::Invalid(vec![error.into()]))?;
    Ok(match types.first_key_value() {
        Some((only, _)) if types.len() == 1 => only.clone(),
        _ => named,
    })
}

/// Makes the hands of a provider, and tells the machine what it is like.
fn place(
    name: ProviderName,
    provider: Provider,
    fleet: &FleetName,
    clock: &FleetClock,
    carry: Carry,
) -> Result<Place, BuildError> {
    let failed = |cause: BoxError| BuildError::Provider { provider: name.clone(), cause };
    let (hands, config) = match provider.source {
        Source::Http(make) => {
            let cloud = make(fleet).map_err(failed)?;
            let like = cloud.capabilities();
            let config = provider.choices.over(&ProviderConfig {
                list_lag: like.list_lag,
                restart_time: like.restart_time,
                stop_before_delete: like.stop_before_delete,
                ..ProviderConfig::default()
            });
            (carry(cloud, config.request_timeout, clock.clone()).map_err(failed)?, config)
        }
        Source::Hands { make, default } => {
            (make(fleet, clock).map_err(failed)?, provider.choices.over(&default))
        }
    };
    let hands = provider.wraps.into_iter().fold(hands, Hands::wrapped);
    Ok(Place { name, hands, config })
}

/// Makes what tells the machine how a new server is called and what it is made from.
fn prepare(
    config: &Config,
    recipes: BTreeMap<TypeName, Recipe>,
    plan: Arc<Plan>,
    naming: Arc<dyn Naming>,
) -> Arc<PrepareFn> {
    let providers: BTreeMap<TypeName, ProviderName> =
        config.server_types.iter().map(|(name, config)| (name.clone(), config.provider.clone())).collect();
    let none = Options::default();
    Arc::new(move |wanted: &Prepare, default_name: &str| {
        let known = providers.get(&wanted.server_type).zip(recipes.get(&wanted.server_type));
        let (provider, recipe) = known.ok_or_else(|| {
            dynservers_core::Failure::new(format!("server type {} is not configured", wanted.server_type))
        })?;
        let server = NewServer {
            id: wanted.server,
            server_type: &wanted.server_type,
            provider,
            default_name,
            options: plan.options.get(provider).unwrap_or(&none),
        };
        let spec = recipe.make(&server)?;
        Ok(Prepared { name: naming.name(&server), spec })
    })
}
