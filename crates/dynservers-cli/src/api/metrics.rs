//! Metrics: the fleet, the loop and the API itself in the words of Prometheus.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use dynservers_core::FleetView;
use dynservers_tokio::{BOUNDS, Histogram, Snapshot};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

/// The media type of the text.
pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What stands for the route of a request that has none.
const NOWHERE: &str = "none";

/// A method, a route as the table has it, and a status.
type Kind = (&'static str, String, u16);

/// Counts requests. Routes and statuses are few, so it does not grow.
#[derive(Debug, Default)]
pub(crate) struct Counter(Mutex<BTreeMap<Kind, u64>>);

impl Counter {
    /// Gives how often each kind was answered.
    pub(crate) fn counted(&self) -> BTreeMap<Kind, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, kind: Kind) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_default() += 1;
    }
}

/// Counts a request once its answer begins.
pub(crate) async fn count(counter: Arc<Counter>, request: Request, next: Next) -> Response {
    // A client may make up methods without end.
    let method = match request.method().as_str() {
        "GET" => "GET",
        "PUT" => "PUT",
        "POST" => "POST",
        "DELETE" => "DELETE",
        _ => "other",
    };
    let route = request.extensions().get::<MatchedPath>().map_or(NOWHERE, MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    counter.add((method, route, response.status().as_u16()));
    response
}

/// Everything that is told.
#[derive(Debug)]
pub(crate) struct Counts {
    /// The fleet.
    pub(crate) view: FleetView,
    /// The loop.
    pub(crate) loops: Snapshot,
    /// The API.
    pub(crate) requests: BTreeMap<Kind, u64>,
    /// How many listen to events.
    pub(crate) listeners: usize,
}

/// Writes it out.
pub(crate) fn text(counts: Counts) -> String {
    let mut registry = Registry::with_prefix("dynservers");
    registry.register_collector(Box::new(counts));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("a string takes everything");
    text
}

impl Collector for Counts {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        page.gauge(
            "build",
            "The version that runs",
            [(vec![("version", env!("CARGO_PKG_VERSION"))], 1_u32)],
        )?;
        self.types(&mut page)?;
        self.providers(&mut page)?;
        self.the_loop(&mut page)?;
        page.gauge("api_listeners", "Clients that listen to events", [(vec![], self.listeners as u64)])?;
        let statuses: Vec<_> = self.requests.keys().map(|kind| kind.2.to_string()).collect();
        let requests = self.requests.iter().zip(&statuses).map(|(((method, route, _), count), status)| {
            (vec![("method", *method), ("route", route.as_str()), ("status", status.as_str())], *count)
        });
        page.counter("api_requests", "Requests by route and status", requests)
    }
}

impl Counts {
    fn types(&self, page: &mut Page<'_>) -> fmt::Result {
        let types = || self.view.types.iter().map(|(name, view)| (name.as_str(), view));
        let servers = types().flat_map(|(name, view)| {
            let counts = view.counts.iter();
            counts.map(move |(status, count)| (vec![("type", name), ("status", status.as_str())], *count))
        });
        page.gauge("servers", "Servers by type and status", servers)?;
        let desired = types().filter_map(|(name, view)| Some((vec![("type", name)], view.desired?)));
        page.gauge("desired", "Servers that there should be, where that is known", desired)?;
        let provisioned = types().map(|(name, view)| (vec![("type", name)], view.provisioned));
        page.gauge("provisioned", "Servers that count towards the desired number", provisioned)?;
        let existing = types().map(|(name, view)| (vec![("type", name)], view.existing));
        page.gauge("existing", "Servers that may exist at the provider", existing)?;
        let held = types().map(|(name, view)| (vec![("type", name)], view.held));
        page.gauge("held_servers", "Servers that belong to another ledger", held)?;
        let settled = types().map(|(name, view)| (vec![("type", name)], u32::from(view.settled)));
        page.gauge("settled", "1 if the desired servers run and nothing is in flight", settled)?;
        let paused = [("out", self.view.paused_out), ("in", self.view.paused_in)];
        let paused = paused.map(|(way, paused)| (vec![("direction", way)], u32::from(paused)));
        page.gauge("paused", "1 if creating (out) or choosing servers to go (in) is paused", paused)
    }

    fn providers(&self, page: &mut Page<'_>) -> fmt::Result {
        let providers = || self.view.providers.iter().map(|(name, view)| (name.as_str(), view));
        let ages = providers().filter_map(|(name, view)| {
            let age = self.view.now.since(view.last_look?).as_secs_f64();
            Some((vec![("provider", name)], age))
        });
        page.gauge("look_age_seconds", "Time since the last whole look began", ages)?;
        let failed = providers().map(|(name, view)| (vec![("provider", name)], view.failed_looks));
        page.gauge("failed_looks", "Looks that failed in a row", failed)?;
        let denied = providers().map(|(name, view)| (vec![("provider", name)], u32::from(view.denied)));
        page.gauge("denied", "1 if the credentials are not accepted", denied)?;
        let holds =
            providers().map(|(name, view)| (vec![("provider", name)], u32::from(view.hold.is_some())));
        page.gauge("held", "1 if nothing is changed until somebody resumes it", holds)?;
        let seconds =
            providers().map(|(name, view)| (vec![("provider", name)], u32::from(view.second_controller)));
        page.gauge("second_controller", "1 if another controller was seen", seconds)?;
        let in_flight = providers().map(|(name, view)| (vec![("provider", name)], view.in_flight));
        page.gauge("in_flight", "Requests under way", in_flight)?;
        let alarms = providers().map(|(name, view)| (vec![("provider", name)], view.alarms.len() as u64));
        page.gauge("alarms", "Things that somebody should do something about", alarms)
    }

    fn the_loop(&self, page: &mut Page<'_>) -> fmt::Result {
        let effects = self.loops.effects.iter().map(|(kind, histogram)| {
            let labels =
                vec![("provider", kind.provider.as_str()), ("op", kind.op), ("outcome", kind.outcome)];
            (labels, histogram)
        });
        page.histogram("effect_seconds", "How long effects took, by what became of them", effects)?;
        let turns = [(vec![], &self.loops.turns)];
        page.histogram("loop_busy_seconds", "How long the loop heard nothing, each time", turns)?;
        let late = [(vec![], &self.loops.late)];
        page.histogram("loop_lag_seconds", "How late the loop woke up for what was due", late)?;
        let writes = [(vec![], &self.loops.writes)];
        page.histogram("write_seconds", "How long the ledger took to be durable, each time", writes)
    }
}

/// The labels of one row.
type Labels<'a> = Vec<(&'static str, &'a str)>;

/// What is being written.
struct Page<'e>(DescriptorEncoder<'e>);

impl Page<'_> {
    fn gauge<'a, V: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = (Labels<'a>, V)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in rows {
            if labels.is_empty() {
                metric.encode_gauge(&value)?;
            } else {
                metric.encode_family(&labels.as_slice())?.encode_gauge(&value)?;
            }
        }
        Ok(())
    }

    fn counter<'a>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = (Labels<'a>, u64)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in rows {
            metric.encode_family(&labels.as_slice())?.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
        }
        Ok(())
    }

    fn histogram<'a>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = (Labels<'a>, &'a Histogram)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        for (labels, histogram) in rows {
            let bounds = BOUNDS.into_iter().chain([f64::MAX]);
            let buckets: Vec<_> = bounds.zip(histogram.buckets).collect();
            let (sum, count) = (histogram.sum.as_secs_f64(), histogram.count());
            if labels.is_empty() {
                metric.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
            } else {
                let labels = labels.as_slice();
                let mut row = metric.encode_family(&labels)?;
                row.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
            }
        }
        Ok(())
    }
}
