//! The port: what a cloud must answer to be driven.

use std::time::Duration;

use dynservers_core::{Completion, Failure, Op, Step, StopBeforeDelete, Time};
use thiserror::Error;

/// A cloud with an HTTP API, as two pure functions.
///
/// An operation may take several requests: an answer asks for the next by [`Completion::next`], and the core comes
/// back with that step. The first request of a create must carry the token, and every later step must be idempotent,
/// since after a crash it is simply sent again.
pub trait Provider: Send + Sync {
    /// Tells how the cloud behaves, where clouds differ.
    fn capabilities(&self) -> Capabilities;

    /// Builds the request of an operation, or of one step of it.
    ///
    /// An error means that there is nothing to send, and the effect ends as the error says.
    fn request(
        &self,
        op: &Op,
        step: Option<&Step>,
        clock: Clock,
    ) -> Result<http::Request<Vec<u8>>, Unbuildable>;

    /// Reads the answer, whatever it is: no status, header or body may make this panic.
    fn response(
        &self,
        op: &Op,
        step: Option<&Step>,
        response: &http::Response<Vec<u8>>,
        clock: Clock,
    ) -> Completion;
}

/// Why there is no request to send.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unbuildable {
    /// The credentials cannot be read: nothing can be asked until they can.
    #[error("{0}")]
    Denied(Failure),
    /// The request itself cannot be made: its configuration must change, or the cloud has no such operation.
    #[error("{0}")]
    Invalid(Failure),
}

impl Unbuildable {
    /// Gives what is wrong.
    #[must_use]
    pub const fn failure(&self) -> &Failure {
        match self {
            Self::Denied(failure) | Self::Invalid(failure) => failure,
        }
    }
}

impl From<Failure> for Unbuildable {
    fn from(failure: Failure) -> Self {
        Self::Invalid(failure)
    }
}

/// The time as a provider may need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// The fleet's own time, for decisions.
    pub time: Time,
    /// The wall clock at sending, in milliseconds since 1970, for signatures and nothing else.
    pub wall_millis: u64,
}

/// How a cloud behaves, where clouds differ.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Where a server carries its token.
    pub token_carrier: TokenCarrier,
    /// How a create whose answer was lost may be repeated.
    pub create_retry: CreateRetry,
    /// Whether a server must be stopped before it is deleted.
    pub stop_before_delete: StopBeforeDelete,
    /// Whether the cloud can ask a guest to shut down.
    pub soft_stop: SoftStop,
    /// How late a create may still show in a listing, unless configured otherwise.
    pub list_lag: Duration,
    /// After how long a reboot counts as done, unless configured otherwise.
    pub restart_time: Duration,
    /// How many bytes an answer may have.
    pub body_cap: usize,
    /// Whether a stopped server bills in full.
    pub stopped_servers_bill: bool,
    /// What is paid for at once, begun units in full; none where it is paid to the second, or nobody knows.
    pub billing_unit: Option<Duration>,
}

impl Default for Capabilities {
    fn default() -> Self {
        Self {
            token_carrier: TokenCarrier::LabelMap,
            create_retry: CreateRetry::WaitAndLook,
            stop_before_delete: StopBeforeDelete::Always,
            soft_stop: SoftStop::WithTimeout,
            list_lag: Duration::from_secs(30),
            restart_time: Duration::from_secs(60),
            body_cap: 8 * 1024 * 1024,
            stopped_servers_bill: true,
            billing_unit: None,
        }
    }
}

/// Where a server carries its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenCarrier {
    /// In a map of labels.
    LabelMap,
    /// In flat tags.
    FlatTags,
    /// In the name, with or without tags beside it.
    Name,
}

/// How a create whose answer was lost may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateRetry {
    /// Only after the token was looked for twice, late enough.
    WaitAndLook,
    /// At once, with the same bytes: the cloud has idempotency tokens.
    SameToken,
    /// At once, with the same bytes: names are unique there.
    UniqueName,
}

/// Whether a cloud can ask a guest to shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SoftStop {
    /// It asks, waits, and cuts the guest off after a timeout.
    WithTimeout,
    /// It asks.
    Plain,
    /// It only cuts off: the request of a soft stop is that of a hard one.
    None,
}
