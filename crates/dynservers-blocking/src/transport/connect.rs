//! Connections: name, socket and handshake within one bound, and what fails until then marked as such.

use std::time::Instant;

use thiserror::Error;
use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::time::Duration;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport,
};

/// Why there is no connection, so that nothing has left: the mark by which it is known among the client's errors.
#[derive(Debug, Error)]
pub(super) enum Unconnected {
    #[error("the name was not found")]
    Name(Error),
    #[error("there was no connection")]
    Connection(Error),
}

/// Leaves names to [`Connecting`]: the client asks for one before it looks for a connection that it has kept.
#[derive(Debug)]
pub(super) struct Later;

impl Resolver for Later {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        Ok(self.empty())
    }
}

/// Makes connections as the client does by itself, but for the name, which is looked up here.
#[derive(Debug, Default)]
pub(super) struct Connecting {
    resolver: DefaultResolver,
    connector: DefaultConnector,
}

impl Connector for Connecting {
    type Out = Connected;

    fn connect(&self, details: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Connected>, Error> {
        let begun = Instant::now();
        let addrs = self
            .resolver
            .resolve(details.uri, details.config, details.timeout)
            .map_err(|error| unconnected(Unconnected::Name(error)))?;
        let details = ConnectionDetails {
            addrs,
            uri: details.uri,
            config: details.config,
            // Only what is made for the agent is kept: else each connection would read the system's certificates.
            request_level: false,
            resolver: details.resolver,
            now: (details.current_time)(),
            timeout: NextTimeout { after: left(details.timeout.after, begun), ..details.timeout },
            current_time: details.current_time.clone(),
            run_connector: details.run_connector.clone(),
            register_shutdown: details.register_shutdown.clone(),
        };
        let connection = self.connector.connect(&details, None);
        let connection = connection.map_err(|error| unconnected(Unconnected::Connection(error)))?;
        Ok(connection.map(Connected))
    }
}

/// Gives what is left of a time: never nothing, which the client would take for a second.
fn left(time: Duration, begun: Instant) -> Duration {
    match time {
        Duration::Exact(time) => {
            let left = time.saturating_sub(begun.elapsed());
            Duration::Exact(left.max(std::time::Duration::from_millis(1)))
        }
        Duration::NotHappening => Duration::NotHappening,
    }
}

fn unconnected(why: Unconnected) -> Error {
    Error::Other(Box::new(why))
}

/// A connection whose failures are failures.
#[derive(Debug)]
pub(super) struct Connected(Box<dyn Transport>);

impl Transport for Connected {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        // The client takes a reset for the end of a body whose length nobody told, and half an answer for a whole one.
        self.0.await_input(timeout).map_err(|error| match error {
            Error::Io(error) => Error::Other(Box::new(error)),
            other => other,
        })
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }

    fn is_tls(&self) -> bool {
        self.0.is_tls()
    }
}
