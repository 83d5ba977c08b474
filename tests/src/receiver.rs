//! A web server on this machine that says what a test wants and remembers what it was told.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// What was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// Gives a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What is answered: a status and a body. A status of zero is no answer: the connection is closed.
pub type Answered = (u16, String);

type Handler = Box<dyn Fn(&Request) -> Answered + Send + Sync>;

/// A web server of a test; it goes with the test's process.
#[derive(Clone)]
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    handler: Mutex<Arc<Handler>>,
    requests: Mutex<Vec<Request>>,
}

impl Receiver {
    /// Starts one that answers so.
    ///
    /// # Panics
    ///
    /// If there is no free port.
    pub fn start(handler: impl Fn(&Request) -> Answered + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it listens");
        let shared =
            Arc::new(Shared { handler: Mutex::new(Arc::new(Box::new(handler))), requests: Mutex::default() });
        let for_all = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&for_all);
                thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { address, shared }
    }

    /// Gives its address, to which paths are added.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers so from now on.
    pub fn answer(&self, handler: impl Fn(&Request) -> Answered + Send + Sync + 'static) {
        *self.shared.handler.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(Box::new(handler));
    }

    /// Gives all that was asked so far, in the order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Receiver").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Answers the one request of a connection; what is no request is not remembered.
fn serve(stream: TcpStream, shared: &Shared) {
    let Some((request, mut stream)) = read(stream) else { return };
    let handler = Arc::clone(&shared.handler.lock().unwrap_or_else(PoisonError::into_inner));
    shared.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
    let (status, body) = handler(&request);
    if status > 0 {
        let length = body.len();
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
        // Whoever asked may have gone meanwhile.
        let _ = stream.write_all(format!("{head}{body}").as_bytes());
    }
}

fn read(stream: TcpStream) -> Option<(Request, TcpStream)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((Request { method, path, headers, body }, reader.into_inner()))
}
