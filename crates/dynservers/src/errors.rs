//! Errors: what a builder refuses, what a call is refused for, and how a loop ends.

use std::time::Duration;

use dynservers_core::{Failure, FleetView, InvalidId, ProviderName, Refusal, StoreError, TypeName};
use dynservers_host::{EventsError, StartError, Stopped};
use thiserror::Error;

/// What a closure of yours may fail with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Says what went wrong and why, down to the first cause: the upper words alone often say only that something failed.
pub(crate) fn told(error: impl Into<BoxError>) -> String {
    let error = error.into();
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let more = source.to_string();
        // Some errors say their cause's words themselves.
        if !words.contains(&more) {
            words.push_str(": ");
            words.push_str(&more);
        }
        cause = source.source();
    }
    words
}

/// Why a fleet was not built. Nothing was started, asked or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// What the builder was told does not make a fleet: all that is wrong with it, never an empty list.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Mistake>),
    /// A provider cannot be used.
    #[error("provider {provider}: {cause}")]
    Provider {
        /// Which.
        provider: ProviderName,
        /// What stands in the way.
        cause: BoxError,
    },
    /// The ledger cannot be used.
    #[error(transparent)]
    Store(StoreError),
    /// What the builder was told does not fit together, or not the ledger.
    #[error(transparent)]
    Start(StartError),
    /// The system gives no random numbers, without which no two servers could be told apart.
    #[error("the system gives no random numbers: {0}")]
    NoEntropy(String),
    /// The system gives no thread to run the fleet on.
    #[error("the system gives no thread to run the fleet on: {0}")]
    NoThread(String),
    /// Something of yours panicked while the fleet was built.
    #[error("building the fleet panicked")]
    Panicked,
}

/// One thing that a builder was told wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Mistake {
    /// A name cannot be used.
    #[error(transparent)]
    Name(#[from] InvalidId),
    /// There is no provider.
    #[error("the fleet has no provider: say .provider(name, ..)")]
    NoProvider,
    /// There is no server type.
    #[error("the fleet has no server type: say .server_type(ServerType::new(\"default\"))")]
    NoServerType,
    /// Two providers have one name.
    #[error("there are two providers of the name {provider}")]
    TwoProviders {
        /// The name.
        provider: ProviderName,
    },
    /// Two server types have one name.
    #[error("there are two server types of the name {server_type}")]
    TwoServerTypes {
        /// The name.
        server_type: TypeName,
    },
    /// A type does not say where its servers are, and there are several places.
    #[error("server type {server_type} does not say which provider it is on: say .provider(name)")]
    WhichProvider {
        /// The type.
        server_type: TypeName,
    },
    /// A type does not say what its servers are made from.
    #[error("server type {server_type} has no template: say .template(..) or .template_with(..)")]
    NoTemplate {
        /// The type.
        server_type: TypeName,
    },
    /// A template is wrong.
    #[error("server type {server_type}: {problem}")]
    Template {
        /// The type.
        server_type: TypeName,
        /// What is wrong with it, and where.
        problem: String,
    },
    /// A type is to be drained, and nobody says how.
    #[error("server type {server_type} is to be drained: say how, with .workers(..)")]
    NoWorkers {
        /// The type.
        server_type: TypeName,
    },
    /// A type says where its work is counted, or when other bounds hold, and not what follows from that.
    #[error(
        "server type {server_type} has sources or a calendar, and no policy that goes by them: say .policy(..)"
    )]
    NoPolicy {
        /// The type.
        server_type: TypeName,
    },
    /// A type has more sources than there can be.
    #[error("server type {server_type} has {found} sources, and there can be {most}")]
    TooManySources {
        /// The type.
        server_type: TypeName,
        /// How many it has.
        found: usize,
        /// How many there can be.
        most: usize,
    },
    /// A time without which nothing would be bounded.
    #[error("{what} must be at least {least:?}, not {given:?}")]
    TooShort {
        /// Which time.
        what: &'static str,
        /// The least.
        least: Duration,
        /// What was given.
        given: Duration,
    },
}

/// Why a call did nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The fleet does not do that.
    #[error(transparent)]
    Refused(Refusal),
    /// The number of the type's servers follows from the work, by its policy: it cannot be said by hand.
    #[error(
        "the number of {server_type} servers follows from the work, by the policy of the type: tell how much work there is, \
         with .measured(..) or a source, or leave out .policy(..)"
    )]
    FollowsWork {
        /// The type.
        server_type: TypeName,
    },
    /// Work was told to a type whose number does not follow from it.
    #[error(
        "server type {server_type} has no policy that goes by the work: say .policy(..), or a number with .ensure(..)"
    )]
    NoPolicy {
        /// The type.
        server_type: TypeName,
    },
    /// The ledger could not be read.
    #[error(transparent)]
    Ledger(#[from] StoreError),
    /// The name of a server type cannot be one.
    #[error(transparent)]
    Name(#[from] InvalidId),
    /// The loop has ended; what was asked for may have been recorded or not.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoEntropy,
}

impl From<Refusal> for CommandError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            // Its own words are for those who sit at the daemon's commands.
            Refusal::HasSources { server_type } => Self::FollowsWork { server_type },
            other => Self::Refused(other),
        }
    }
}

impl From<EventsError> for CommandError {
    fn from(error: EventsError) -> Self {
        match error {
            EventsError::Store(error) => Self::Ledger(error),
            // It has no third.
            _ => Self::Stopped(Stopped),
        }
    }
}

/// Why the wait for a settled fleet ended without one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SettleError {
    /// The time is over.
    #[error("not settled within {waited:?}: {}", unsettled(.view))]
    TimedOut {
        /// How long was waited.
        waited: Duration,
        /// The fleet as it was then.
        view: Box<FleetView>,
    },
    /// The name of a server type cannot be one.
    #[error(transparent)]
    Name(#[from] InvalidId),
    /// There is no such server type.
    #[error("there is no server type {0}")]
    UnknownType(TypeName),
    /// The loop has ended.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Says how far the types are that are not settled, and what is known to be wrong.
fn unsettled(view: &FleetView) -> String {
    let types =
        view.types.iter().filter(|(_, server_type)| !server_type.settled).map(|(name, server_type)| {
            let counts = &server_type.counts;
            let running = counts.get(&dynservers_core::Status::Running).copied().unwrap_or(0);
            let desired = server_type.desired.map_or_else(|| "?".to_owned(), |desired| desired.to_string());
            let failure = server_type.create_trouble.as_ref().and_then(|trouble| trouble.failure.as_ref());
            let trouble = failure.map(|failure: &Failure| format!(" ({failure})")).unwrap_or_default();
            format!("{running} of {desired} {name} servers run{trouble}")
        });
    let alarms = view.providers.values().flat_map(|provider| provider.alarms.iter().cloned());
    types.chain(alarms).collect::<Vec<_>>().join("; ")
}

/// How a loop ended other than by [`shutdown`](crate::Fleet::shutdown). Servers stay, and the next start finds them.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RunError {
    /// The ledger could not be written.
    #[error(transparent)]
    Loop(#[from] dynservers_host::RunError),
    /// The future of the loop was dropped, or its runtime ended.
    #[error("the fleet's loop was dropped")]
    Dropped,
    /// The loop runs already, or has run: a fleet runs once.
    #[error("the fleet runs already, or has run: build another")]
    RunsAlready,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Error)]
    #[error("the queue cannot be read")]
    struct Queue(#[source] std::io::Error);

    #[test]
    fn the_cause_is_told_too_and_once() {
        let refused = || std::io::Error::other("connection refused by 10.0.0.1");
        assert_eq!(told(Queue(refused())), "the queue cannot be read: connection refused by 10.0.0.1");
        assert_eq!(told("no more"), "no more");
        let store = StoreError::Io { place: "a.db".into(), message: "no space left".into() };
        assert_eq!(
            told(RunError::from(dynservers_host::RunError::Store(store.clone()))).matches("a.db").count(),
            1
        );
    }
}
