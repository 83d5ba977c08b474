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
