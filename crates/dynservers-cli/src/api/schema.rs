//! Shapes of what the machine's own vocabulary looks like as JSON, for the API's description of itself.
//!
//! The vocabulary knows nothing of schemas; a test holds answers against these.

#![expect(dead_code, reason = "only the shapes count: nobody makes such values")]

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// A moment: RFC 3339 in UTC.
pub(crate) struct Moment;

impl JsonSchema for Moment {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}

/// The status of a server.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StatusWord {
    New,
    Starting,
    Running,
    Rebooting,
    Draining,
    Stopping,
    Stopped,
    Deleting,
    Deleted,
    Errored,
    Hanging,
    Paused,
}

/// What a server without a record is to this fleet.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FoundWord {
    Orphan,
    Held,
}

/// What went wrong, in the provider's words.
#[derive(JsonSchema)]
pub(crate) struct Trouble {
    /// What happened, in one sentence.
    message: String,
    /// The provider's own code.
    #[schemars(default)]
    code: Option<String>,
    /// The HTTP status.
    #[schemars(default)]
    http_status: Option<u16>,
    /// The provider's id of the request, to quote to its support.
    #[schemars(default)]
    correlation: Option<String>,
}

/// An address, with the kind of network that it is on.
#[derive(JsonSchema)]
pub(crate) struct NetworkAddress {
    /// `public`, `private` or `utility`.
    network: String,
    /// The address.
    address: String,
}

/// An entry of the log. What else it has depends on its name.
#[derive(JsonSchema)]
pub(crate) struct EventShape {
    /// Its number, ascending without gaps.
    id: u64,
    /// When.
    at: Moment,
    /// What: `running`, `deleted`, `desired_changed`, and so on.
    event: String,
    /// The server that it is about, if it is about one.
    #[schemars(default)]
    server: Option<u64>,
    /// The type that it is about, if it is about one.
    #[schemars(default)]
    server_type: Option<String>,
    /// The server's name.
    #[schemars(default)]
    name: Option<String>,
    /// The provider's id of the server.
    #[schemars(default)]
    provider_id: Option<String>,
    /// The provider that it is about, if it is about one.
    #[schemars(default)]
    provider: Option<String>,
    /// What went wrong.
    #[schemars(default)]
    failure: Option<Trouble>,
}

/// A decision about the number of servers of a type, and what it was made of.
#[derive(JsonSchema)]
pub(crate) struct DecisionShape {
    /// When.
    at: Moment,
    /// The type.
    server_type: String,
    /// Why then: `measured`, `overridden`, or `fleet` where it was carried out as servers came and went.
    trigger: String,
    /// What the policy made of the work, if that was measured.
    #[schemars(default)]
    judgement: Option<JudgementShape>,
    /// The operator's number that holds in its place.
    #[schemars(default)]
    overriding: Option<serde_json::Value>,
    /// How many servers there should have been before.
    #[schemars(default)]
    before: Option<u32>,
    /// How many servers there should be.
    #[schemars(default)]
    desired: Option<u32>,
    /// How many ran.
    running: u32,
    /// How many were on their way to run.
    starting: u32,
    /// What is done about it at once: `made`, `kept`, `gone`, and the first `victims`, each with why.
    #[schemars(default)]
    orders: Option<serde_json::Value>,
    /// Whether nothing of it is done.
    #[schemars(default)]
    shadow: bool,
    /// All of it in sentences.
    explanation: Vec<String>,
}

/// What a policy made of the work that was measured.
#[derive(JsonSchema)]
pub(crate) struct JudgementShape {
    /// What each source told: `known` with its numbers, or `unknown` with a reason and since when.
    readings: Vec<serde_json::Value>,
    /// What those that answered told together: `waiting`, `in_flight`, and `oldest_wait` in seconds.
    signal: serde_json::Value,
    /// How many seconds a server takes for a job, as learned.
    #[schemars(default)]
    job_time: Option<f64>,
    /// How many servers the rule asks for.
    raw: u32,
    /// What changed that, in order: each with its `kind`, the number `before` and `after`, and `until` when.
    clamps: Vec<serde_json::Value>,
    /// How many servers are wanted in the end.
    decided: u32,
}

/// What a command did.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case", tag = "done")]
pub(crate) enum DoneShape {
    /// The desired number is set.
    Desired {
        /// The type.
        server_type: String,
        /// The number before, if one was set.
        before: Option<u32>,
        /// The number asked for.
        requested: u32,
        /// The number set: what was asked for, within the type's bounds.
        desired: u32,
    },
    /// The number in place of what the sources ask for is set, or taken back.
    Overridden {
        /// The type.
        server_type: String,
        /// The number that holds; null means that the sources decide.
        count: Option<u32>,
        /// Until when, in milliseconds since 1970.
        until: Option<u64>,
        /// How many servers there should be now, if that is known.
        desired: Option<u32>,
    },
    /// Reboots are requested.
    Rebooting {
        /// The type.
        server_type: String,
        /// How many servers.
        servers: u32,
    },
    /// The protection is set.
    Protected {
        /// The server.
        server: u64,
        /// Whether it is protected now.
        protected: bool,
    },
    /// The pauses are set.
    Paused {
        /// Whether creating is paused.
        out: bool,
        /// Whether choosing servers to go is paused.
        inward: bool,
    },
    /// Other owners' servers are ours now.
    TakenOver {
        /// How many servers.
        servers: u32,
    },
    /// The holds are over.
    Resumed {
        /// How many providers were held.
        providers: u32,
    },
}
