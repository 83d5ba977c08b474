//! A server on a raw socket, which treats each connection as a case says, byte by byte.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use dynservers_host::FleetClock;

/// How long something is waited for that must come: as long as a loaded machine may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request as it came over the wire, its headers in lower case and in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Method, target and version.
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What a case does with a connection; the second argument counts connections from 0.
pub(crate) type Serve = Arc<dyn Fn(&mut Talk, usize) + Send + Sync>;

/// One connection, from the server's side.
pub(crate) struct Talk {
    pub(crate) stream: TcpStream,
    pub(crate) clock: FleetClock,
    bytes: Vec<u8>,
    shared: Arc<Shared>,
}

impl Talk {
    /// Reads a whole request and remembers it; nothing if the other side went before it was whole.
    pub(crate) fn request(&mut self) -> Option<Request> {
        let request = read_request(&mut self.stream, &mut self.bytes)?;
        self.remember(request.clone());
        Some(request)
    }

    pub(crate) fn remember(&self, request: Request) {
        self.shared.lock().requests.push(request);
    }

    /// Reads up to the end of a head, and leaves the body where it is.
    pub(crate) fn head(&mut self) {
        let mut byte = [0];
        while !self.bytes.ends_with(b"\r\n\r\n") && self.stream.read(&mut byte).is_ok_and(|read| read > 0) {
            self.bytes.push(byte[0]);
        }
    }

    /// Says something; whoever should hear it may have gone.
    pub(crate) fn say(&mut self, answer: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(answer.as_ref()).is_ok()
    }

    /// Waits until the other side has nothing more to say.
    pub(crate) fn wait_for_end(&mut self) {
        wait_for_end(&mut self.stream);
    }

    /// Waits until the case is over on the other side, without reading.
    pub(crate) fn wait_unread(&mut self) {
        let state = self.shared.lock();
        let waited = self.shared.changed.wait_while(state, |state| !state.is_over);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Ends the connection with a reset.
    pub(crate) fn reset(&mut self) {
        rustix::net::sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO)).unwrap();
    }
}

/// Waits until the other side has nothing more to say.
pub(crate) fn wait_for_end(stream: &mut impl Read) {
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).is_ok_and(|read| read > 0) {}
}

/// Reads a whole request; what comes after it stays in `bytes`.
pub(crate) fn read_request(stream: &mut impl Read, bytes: &mut Vec<u8>) -> Option<Request> {
    loop {
        if let Some((request, length)) = parse(bytes) {
            bytes.drain(..length);
            return Some(request);
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer) {
            Ok(read) if read > 0 => bytes.extend_from_slice(&buffer[..read]),
            _ => return None,
        }
    }
}

fn parse(bytes: &[u8]) -> Option<(Request, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n").map(str::to_owned);
    let line = lines.next()?;
    let mut headers: Vec<_> = lines
        .map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_ascii_lowercase(), value.trim().to_owned())
        })
        .collect();
    // Of one name the order counts, and a stable sort keeps it.
    headers.sort_by(|(one, _), (two, _)| one.cmp(two));
    let mut request = Request { line, headers, body: Vec::new() };
    let length: usize = request.header("content-length").map_or(0, |length| length.parse().unwrap());
    request.body = bytes.get(end + 4..end + 4 + length)?.to_vec();
    Some((request, end + 4 + length))
}

#[derive(Default)]
struct State {
    /// Who connected, in order, whether they are still there or not.
    accepted: Vec<SocketAddr>,
    ended: usize,
    is_over: bool,
    requests: Vec<Request>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The server. Its thread goes with the process.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

/// Counts a connection as ended, however it ends.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.lock().ended += 1;
        self.0.changed.notify_all();
    }
}

impl Server {
    pub(crate) fn new(clock: &FleetClock, serve: Serve) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { address: listener.local_addr().unwrap(), shared: Arc::default() };
        let (shared, clock) = (Arc::clone(&server.shared), clock.clone());
        thread::spawn(move || {
            while let Ok((stream, address)) = listener.accept() {
                let number = {
                    let mut state = shared.lock();
                    state.accepted.push(address);
                    state.accepted.len() - 1
                };
                let (ending, serve) = (Ending(Arc::clone(&shared)), Arc::clone(&serve));
                let (clock, shared) = (clock.clone(), Arc::clone(&shared));
                thread::spawn(move || {
                    let ending = ending;
                    serve(&mut Talk { stream, clock, bytes: Vec::new(), shared }, number);
                    drop(ending);
                });
            }
        });
        server
    }

    /// Gives how many connections there were, and what was asked by them, when all of them have ended.
    pub(crate) fn seen(self) -> (usize, Vec<Request>) {
        // The queue is first in, first out: when this one is accepted, so are all before it.
        let last = TcpStream::connect(self.address).unwrap();
        let address = last.local_addr().unwrap();
        drop(last);
        self.shared.lock().is_over = true;
        self.shared.changed.notify_all();
        let is_open =
            |state: &mut State| state.ended < state.accepted.len() || !state.accepted.contains(&address);
        let waited = self.shared.changed.wait_timeout_while(self.shared.lock(), PATIENCE, is_open);
        let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!timeout.timed_out(), "a connection was never closed");
        (state.accepted.len() - 1, state.requests.clone())
    }
}
