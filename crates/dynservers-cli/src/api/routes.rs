//! Routes: what can be asked of the daemon, and how its answers read over HTTP.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use dynservers_core::{FleetView, Refusal, ServerRecord};
use tokio::sync::watch;

use crate::api::body::BODY_LIMIT;
use crate::api::commands::{self, IDEMPOTENCY_KEY, Name};
use crate::api::decisions;
use crate::api::events::{self, EVENT_STREAM};
use crate::api::fleet::{Fleet, Stopped};
use crate::api::guard::{Guard, guard};
use crate::api::lens::Lens;
use crate::api::metrics::{self, Counter};
use crate::api::openapi;
use crate::api::problem::Problem;
use crate::api::ready;
use crate::api::report::{self, AddressChoice};
use crate::api::schema::DoneShape;
use crate::api::seats::Gallery;
use crate::api::table::{Operation, Table};
use crate::api::wire::{
    By, DecisionList, DecisionsQuery, Desired, EventPage, EventQuery, FleetStatus, Health, Overriding, Pause,
    Ready, Reboot, Resume, Server, ServerList,
};
use crate::time::timestamp;

/// How much time lies between two questions to the loop at least, however many ask. A view costs it little.
const VIEW_PACE: Duration = Duration::from_millis(20);

/// The same for the whole ledger, which is a copy of every record.
const SERVERS_PACE: Duration = Duration::from_millis(100);

/// What every route needs.
#[derive(Debug)]
pub(crate) struct Shared<F> {
    pub(crate) fleet: F,
    pub(crate) gallery: Gallery,
    addresses: watch::Receiver<AddressChoice>,
    views: Lens<Sight>,
    servers: Lens<(Vec<ServerRecord>, FleetView)>,
    document: Bytes,
    counter: Arc<Counter>,
}

pub(crate) type Api<F> = State<Arc<Shared<F>>>;

/// A view, and what is sent of it: written once, however many ask.
#[derive(Debug)]
struct Sight {
    view: FleetView,
    status: Bytes,
}

impl From<Stopped> for Problem {
    fn from(_: Stopped) -> Self {
        Self::stopped()
    }
}

impl<F: Fleet> Shared<F> {
    async fn sight(&self) -> Result<Arc<Sight>, Stopped> {
        self.views
            .look(|| async {
                let view = self.fleet.view().await?;
                let status = serde_json::to_vec(&report::status(&view)).expect("a status has a JSON form");
                Ok(Sight { view, status: status.into() })
            })
            .await
    }

    /// Gives the fleet as it is known now.
    pub(crate) async fn view(&self) -> Result<FleetView, Stopped> {
        Ok(self.sight().await?.view.clone())
    }

    async fn records(&self) -> Result<Arc<(Vec<ServerRecord>, FleetView)>, Stopped> {
        self.servers.look(|| async { Ok((self.fleet.servers().await?, self.fleet.view().await?)) }).await
    }
}

/// Gives the whole API of a fleet, which shows the addresses that are chosen at the time.
pub(crate) fn router<F: Fleet>(
    fleet: F,
    addresses: watch::Receiver<AddressChoice>,
    admission: Guard,
) -> Router {
    let Table { operations, router } = table();
    let document = openapi::document(&operations).to_string();
    let counter = Arc::new(Counter::default());
    let shared = Shared {
        fleet,
        gallery: Gallery::new(),
        addresses,
        views: Lens::new(VIEW_PACE),
        servers: Lens::new(SERVERS_PACE),
        document: document.into(),
        counter: Arc::clone(&counter),
    };
    router
        .fallback(nothing_there)
        .method_not_allowed_fallback(not_that_way)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn_with_state(admission, guard))
        .layer(from_fn(move |request, next| metrics::count(Arc::clone(&counter), request, next)))
        .with_state(Arc::new(shared))
}

/// Gives everything that can be asked.
pub(crate) fn table<F: Fleet>() -> Table<Arc<Shared<F>>> {
    with_the_log(with_the_fleet(Table::new()))
}

fn with_the_fleet<F: Fleet>(table: Table<Arc<Shared<F>>>) -> Table<Arc<Shared<F>>> {
    let get = |path, name, summary| Operation::new(Method::GET, path, name, summary);
    let command = |method, path, name, summary| {
        Operation::new(method, path, name, summary)
            .heeds(IDEMPOTENCY_KEY, "Sent again with the same key, it is done once.")
            .gives::<DoneShape>()
    };
    let (put, post, delete) = (Method::PUT, Method::POST, Method::DELETE);
    let desired = "/v1/types/{type}/desired";
    let overriding = "/v1/types/{type}/override";
    let protection = "/v1/servers/{id}/protection";
    table
        .add(get("/v1/status", "status", "Tells how the fleet is.").gives::<FleetStatus>(), status)
        .add(get("/v1/servers", "servers", "Tells of every server.").gives::<ServerList>(), servers)
        .add(get("/v1/servers/{id}", "server", "Tells of one server.").gives::<Server>(), server)
        .add(
            command(put.clone(), desired, "ensure", "Sets how many servers there should be.")
                .takes::<Desired>(),
            commands::ensure,
        )
        .add(
            command(post.clone(), "/v1/types/{type}/increase", "increase", "Wants more servers.")
                .takes::<By>(),
            commands::increase,
        )
        .add(
            command(post.clone(), "/v1/types/{type}/decrease", "decrease", "Wants fewer servers.")
                .takes::<By>(),
            commands::decrease,
        )
        .add(
            command(
                put.clone(),
                overriding,
                "override",
                "Sets the number in place of what the sources ask for.",
            )
            .takes::<Overriding>(),
            commands::overrule,
        )
        .add(
            command(delete.clone(), overriding, "endOverride", "Lets the sources decide again."),
            commands::end_override,
        )
        .add(
            command(post.clone(), "/v1/types/{type}/reboot", "reboot", "Reboots every server of a type.")
                .may_take::<Reboot>(),
            commands::reboot,
        )
        .add(
            command(put, protection, "protect", "Keeps a server from being chosen to go."),
            commands::protect,
        )
        .add(command(delete, protection, "unprotect", "Ends that."), commands::unprotect)
        .add(
            command(
                post.clone(),
                "/v1/pause",
                "pause",
                "Stops creating, or choosing servers to go, or both.",
            )
            .may_take::<Pause>(),
            commands::pause,
        )
        .add(
            command(
                post.clone(),
                "/v1/resume",
                "resume",
                "Ends pauses and holds; without a body, the holds.",
            )
            .may_take::<Resume>(),
            commands::resume,
        )
        .add(
            command(post, "/v1/takeover", "takeover", "Makes the servers of other ledgers ours."),
            commands::takeover,
        )
}

/// Adds what happened and was decided, and what is told of the API and the daemon themselves.
fn with_the_log<F: Fleet>(table: Table<Arc<Shared<F>>>) -> Table<Arc<Shared<F>>> {
    let get = |path, name, summary| Operation::new(Method::GET, path, name, summary);
    table
        .add(
            get("/v1/events", "events", "Tells what happened: a page, or a stream as it happens.")
                .asks::<EventQuery>()
                .heeds(events::LAST_EVENT_ID, "The last event that is known already; goes before `after`.")
                .gives::<EventPage>()
                .gives_as::<String>(EVENT_STREAM),
            events::events,
        )
        .add(
            get("/v1/decisions", "decisions", "Tells what was decided about numbers of servers, and why.")
                .asks::<DecisionsQuery>()
                .gives::<DecisionList>(),
            decisions::decisions,
        )
        .add(get("/v1/openapi.json", "openapi", "This description.").gives::<serde_json::Value>(), document)
        .add(get("/healthz", "health", "Tells that the loop is alive.").gives::<Health>(), health)
        .add(
            get("/readyz", "ready", "Tells whether every provider is seen and nothing is held.")
                .gives::<Ready>(),
            readiness,
        )
        .add(
            get("/metrics", "metrics", "Counts, for Prometheus.").gives_as::<String>(metrics::MEDIA_TYPE),
            counts,
        )
}

fn json(bytes: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], bytes).into_response()
}

async fn health<F: Fleet>(State(api): Api<F>) -> Result<Json<Health>, Problem> {
    Ok(Json(Health { fleet: api.sight().await?.view.fleet.clone() }))
}

async fn readiness<F: Fleet>(State(api): Api<F>) -> Result<Json<Ready>, Problem> {
    let reasons = ready::obstacles(&api.sight().await?.view);
    if reasons.is_empty() {
        return Ok(Json(Ready { ready: true }));
    }
    let detail = format!("not ready: {}", reasons.join("; "));
    Err(Problem { reasons, ..Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail) })
}

async fn counts<F: Fleet>(State(api): Api<F>) -> Result<Response, Problem> {
    let sight = api.sight().await?;
    let text = metrics::text(metrics::Counts {
        view: sight.view.clone(),
        loops: api.fleet.metrics(),
        requests: api.counter.counted(),
        listeners: api.gallery.len(),
    });
    Ok(([(header::CONTENT_TYPE, metrics::MEDIA_TYPE)], text).into_response())
}

async fn document<F: Fleet>(State(api): Api<F>) -> Response {
    json(api.document.clone())
}

async fn status<F: Fleet>(State(api): Api<F>) -> Result<Response, Problem> {
    Ok(json(api.sight().await?.status.clone()))
}

async fn servers<F: Fleet>(State(api): Api<F>) -> Result<Json<ServerList>, Problem> {
    let records = api.records().await?;
    Ok(Json(report::servers(&records.0, timestamp(records.1.now), &api.addresses.borrow())))
}

async fn server<F: Fleet>(State(api): Api<F>, id: Name) -> Result<Json<Server>, Problem> {
    let id = commands::server_id(id)?;
    let records = api.records().await?;
    match records.0.iter().find(|record| record.id == id) {
        Some(record) => Ok(Json(report::server(record, &api.addresses.borrow()))),
        None => Err(Refusal::UnknownServer { server: id }.into()),
    }
}

async fn nothing_there() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is nothing at this path; see /v1/openapi.json")
}

async fn not_that_way() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path does not take that method; see /v1/openapi.json")
}
