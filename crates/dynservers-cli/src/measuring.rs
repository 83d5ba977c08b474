//! Measuring: how much work there is for each type with sources, told to the machine again and again.

use std::sync::Arc;
use std::time::Duration;

use dynservers_core::{Combine, Demand, TypeName};
use dynservers_demand::calendar::{self, InvalidSlot, Slot};
use dynservers_demand::postgres::InvalidPostgres;
use dynservers_demand::prometheus::Prometheus;
use dynservers_demand::rabbitmq::InvalidRabbitMq;
use dynservers_demand::redis::InvalidRedis;
use dynservers_demand::spool::Spool;
use dynservers_demand::{Command, Http, InvalidPointer, Source, Sources, TooManySources};
use dynservers_hooks::{InvalidWeb, Program, Web};
use dynservers_tokio::Handle;
use jiff::Timestamp;
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval};

use crate::config::{Configuration, SlotSettings, SourceSettings};
use crate::workers;

/// Why a source cannot be asked at all. Nothing was asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum MeasuringError {
    /// Its address.
    #[error("error: server_types.{server_type}.sources: {source}")]
    Web {
        /// The type.
        server_type: TypeName,
        /// What is wrong with it.
        source: InvalidWeb,
    },
    /// Where in its answer the numbers are.
    #[error("error: server_types.{server_type}.sources: {source}")]
    Pointer {
        /// The type.
        server_type: TypeName,
        /// What is wrong with it.
        source: InvalidPointer,
    },
    /// What is asked of a PostgreSQL.
    #[error("error: server_types.{server_type}.sources: {source}")]
    Postgres {
        /// The type.
        server_type: TypeName,
        /// What is wrong with it.
        source: InvalidPostgres,
    },
    /// The address of a `RabbitMQ`.
    #[error("error: server_types.{server_type}.sources: {source}")]
    RabbitMq {
        /// The type.
        server_type: TypeName,
        /// What is wrong with it.
        source: InvalidRabbitMq,
    },
    /// The address of a Redis.
    #[error("error: server_types.{server_type}.sources: {source}")]
    Redis {
        /// The type.
        server_type: TypeName,
        /// What is wrong with it.
        source: InvalidRedis,
    },
    /// A time at which other bounds hold.
    #[error("error: server_types.{server_type}.policy.schedule: {source}")]
    Slot {
        /// The type.
        server_type: TypeName,
        /// What is wrong with it.
        source: InvalidSlot,
    },
    /// Too many of them.
    #[error("error: {0}")]
    TooMany(#[from] TooManySources),
}

/// The sources of a configuration's types, ready to be asked.
#[derive(Debug)]
pub(crate) struct Gauges(Vec<Gauge>);

#[derive(Debug)]
struct Gauge {
    server_type: TypeName,
    interval: Duration,
    sources: Arc<Sources>,
    schedule: Vec<Slot>,
}

impl Gauges {
    /// Makes them. Asks nobody.
    pub(crate) fn new(configuration: &Configuration) -> Result<Self, MeasuringError> {
        let mut gauges = Vec::new();
        for (name, settings) in &configuration.server_types {
            let Some(demand) = &settings.demand else { continue };
            let sources = demand.sources.iter().map(|settings| source(settings, name, configuration));
            let sources = Sources::new(name.clone(), sources.collect::<Result<_, _>>()?)?;
            let schedule = demand.schedule.iter().map(SlotSettings::slot).collect::<Result<_, _>>();
            let schedule =
                schedule.map_err(|source| MeasuringError::Slot { server_type: name.clone(), source })?;
            let (server_type, interval) = (name.clone(), demand.interval);
            gauges.push(Gauge { server_type, interval, sources: Arc::new(sources), schedule });
        }
        Ok(Self(gauges))
    }

    /// Measures at once and then at every interval, for as long as the loop runs.
    pub(crate) fn start(self, handle: &Handle) -> Measuring {
        let (first, unmeasured) = watch::channel(self.0.len());
        let measure = |gauge| measure(gauge, handle.clone(), first.clone());
        Measuring { _tasks: self.0.into_iter().map(measure).collect(), unmeasured }
    }
}

/// The measurements of a fleet. Dropping it ends them; one that is under way is not told any more.
#[derive(Debug)]
pub(crate) struct Measuring {
    _tasks: JoinSet<()>,
    /// How many types were never measured.
    unmeasured: watch::Receiver<usize>,
}

impl Measuring {
    /// Waits until every type was measured once, and the loop was told.
    pub(crate) async fn begun(&mut self) {
        // If nobody measures any more, the loop has ended, which whoever polls it sees too.
        if self.unmeasured.wait_for(|left| *left == 0).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

fn source(
    settings: &SourceSettings,
    server_type: &TypeName,
    configuration: &Configuration,
) -> Result<(String, Arc<dyn Source>), MeasuringError> {
    Ok(match settings {
        SourceSettings::Command { command, timeout } => {
            let directory = Some(configuration.directory.clone());
            let name = command.first().map_or("", |program| program.rsplit('/').next().unwrap_or(program));
            let program = Program { argv: command.clone(), timeout: *timeout, directory };
            (name.to_owned(), Arc::new(Command::new(program)))
        }
        SourceSettings::Http { url, plain, pointer, in_flight, headers, timeout } => {
            let headers = workers::headers(headers);
            let web = if *plain {
                Web::over_plain_http(url, headers, *timeout)
            } else {
                Web::new(url, headers, *timeout)
            };
            let web =
                web.map_err(|source| MeasuringError::Web { server_type: server_type.clone(), source })?;
            // What it says of itself begins with its address.
            let name = "http".to_owned();
            let http = Http::new(web, pointer.clone(), in_flight.clone())
                .map_err(|source| MeasuringError::Pointer { server_type: server_type.clone(), source })?;
            (name, Arc::new(http))
        }
        SourceSettings::Postgres(settings) => {
            let postgres = settings
                .source()
                .map_err(|source| MeasuringError::Postgres { server_type: server_type.clone(), source })?;
            ("postgres".to_owned(), Arc::new(postgres))
        }
        SourceSettings::Prometheus { url, plain, query, in_flight, headers, timeout } => {
            let headers = workers::headers(headers);
            let prometheus = Prometheus::new(url, query, in_flight.as_deref(), &headers, *plain, *timeout)
                .map_err(|source| MeasuringError::Web { server_type: server_type.clone(), source })?;
            ("prometheus".to_owned(), Arc::new(prometheus))
        }
        SourceSettings::RabbitMq(settings) => {
            let rabbitmq = settings
                .source()
                .map_err(|source| MeasuringError::RabbitMq { server_type: server_type.clone(), source })?;
            ("rabbitmq".to_owned(), Arc::new(rabbitmq))
        }
        SourceSettings::Redis(settings) => {
            let redis = settings
                .source()
                .map_err(|source| MeasuringError::Redis { server_type: server_type.clone(), source })?;
            ("redis".to_owned(), Arc::new(redis))
        }
        SourceSettings::Spool { directory } => {
            (directory.display().to_string(), Arc::new(Spool::open(directory)))
        }
    })
}

async fn measure(gauge: Gauge, handle: Handle, first: watch::Sender<usize>) {
    let mut first = Some(first);
    let mut ticks = interval(gauge.interval);
    // After a source that took long the next measurement is a whole interval later, not several at once.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let sources = Arc::clone(&gauge.sources);
        let measured = spawn_blocking(move || sources.measure()).await;
        // What it panicked with is not repeated, since that may hold anything.
        let mut demand = measured
            .unwrap_or_else(|_| Demand::unknown(gauge.server_type.clone(), "sources", "measuring panicked"));
        demand.windows = calendar::windows(&gauge.schedule, Timestamp::now());
        let (work, unknown) = (demand.signal(Combine::Sum).work(), demand.reason());
        tracing::debug!(r#type = %demand.server_type, work, unknown, "demand");
        if handle.demand(demand).await.is_err() {
            return;
        }
        if let Some(first) = first.take() {
            first.send_modify(|left| *left -= 1);
        }
    }
}
