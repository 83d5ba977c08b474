//! Subjects: what the author of a provider hands to the kit.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use dynservers_core::{Executor, FleetName, ProviderState, Time};
use dynservers_http::{Provider, Secrets};
use http::header::RETRY_AFTER;
use http::{HeaderValue, Response};
use serde_json::Value;

/// A provider for an HTTP API, and what the kit must know of that API to try it.
pub trait Subject {
    /// The provider.
    type Provider: Provider + fmt::Debug;
    /// The fake of its API.
    type Cloud: Cloud;

    /// Makes the provider for a fleet.
    ///
    /// It reads its credentials through `secrets`, which has a text for every reference that it is asked for.
    fn provider(&self, fleet: FleetName, secrets: Arc<dyn Secrets>) -> Self::Provider;

    /// Makes an empty account in a healthy fake of the API.
    fn cloud(&self) -> Self::Cloud;

    /// How many servers a page of a listing has with this provider and this fake; 2 to 5 are best.
    fn page_size(&self) -> usize;

    /// Gives a specification that the fake takes: what a user would write who asks for these labels besides.
    ///
    /// The list may be empty, and it may hold labels that are ours: then it is to be written as the user would do it,
    /// whatever the provider makes of that. Where a user can set no labels, it is to be left out.
    fn spec(&self, labels: &[(&str, &str)]) -> Value;

    /// Gives a specification for every other way in which a user may ask for labels; none unless there is one.
    fn other_specs(&self, labels: &[(&str, &str)]) -> Vec<Value> {
        let _ = labels;
        Vec::new()
    }

    /// Gives the API's words for states, as they stand in answers. Those of a running server and of one that is being
    /// created are needed. The kit writes one in place of another, to see what the provider makes of it.
    fn state_words(&self) -> Vec<(ProviderState, &'static str)>;

    /// Writes an error as the API does, with this status and this message, and no code that has a meaning of its own.
    fn error(&self, status: u16, message: &str) -> Response<Vec<u8>>;

    /// Writes what the API answers when there are too many requests; 429 and an error unless told otherwise.
    fn throttled(&self, retry_after: Option<&str>) -> Response<Vec<u8>> {
        let mut response = self.error(429, "Too many requests.");
        if let Some(value) = retry_after.and_then(|value| HeaderValue::from_str(value).ok()) {
            response.headers_mut().insert(RETRY_AFTER, value);
        }
        response
    }
}

/// A fake of a cloud's API: one account, in memory.
///
/// It need not be strict nor slow: a create that runs at once will do. It must list, create, read, stop and delete
/// servers and keep their labels, in pages of [`Subject::page_size`].
pub trait Cloud {
    /// Answers a request as the API would; `now_millis` only grows, an hour in a few steps where servers need time.
    fn answer(&mut self, request: &http::Request<Vec<u8>>, now_millis: u64) -> Response<Vec<u8>>;

    /// Counts the servers of the account, whoever's they are.
    fn servers(&mut self) -> usize;

    /// Adds a running server of somebody else, which bears no label.
    fn add_stranger(&mut self, name: &str);

    /// Takes a server away by hand, at once.
    fn remove(&mut self, id: &str);

    /// Counts what deleted servers have left and what bills on, disks above all.
    fn left_behind(&mut self) -> usize {
        0
    }
}

/// An executor that is no HTTP API, and what the kit must know of it to try it.
pub trait ExecutorSubject {
    /// The executor.
    type Executor: Executor;

    /// Makes an executor for a fleet that has no servers yet. The clock is the one that effects are timed by.
    fn executor(&self, fleet: FleetName, clock: Arc<dyn Fn() -> Time + Send + Sync>) -> Self::Executor;

    /// Gives a specification of a server that runs until it is stopped, softly or not.
    fn spec(&self) -> Value;

    /// Gives a specification of a server that does not care for a soft stop; none where all obey.
    fn stubborn_spec(&self) -> Option<Value> {
        None
    }

    /// Lets some time pass, for a server to get on with something.
    fn pause(&self) {
        thread::sleep(Duration::from_millis(5));
    }
}
