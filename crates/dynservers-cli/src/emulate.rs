//! `emulate upcloud`: the emulator on a real socket, for anyone's client.

use std::convert::Infallible;
use std::future::Future;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use dynservers_upcloud::emulator::{
    Call, Credentials, Emulator, Fate, Fault, FaultRule, Reaction, Settings, Snapshot, Throttle,
};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// The longest request body that is read.
const BODY_CAP: usize = 1024 * 1024;

/// Serves a stateful, strict emulator of the UpCloud API to any client.
#[derive(Clone, Debug, Args)]
pub(crate) struct EmulateArgs {
    /// The loopback address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0", value_parser = loopback)]
    pub(crate) listen: SocketAddr,
    /// How many times faster than real its time passes
    #[arg(long, default_value = "1", value_parser = speed)]
    pub(crate) speed: f64,
    /// The seed of its random choices
    #[arg(long, default_value = "1")]
    pub(crate) seed: u64,
    /// A JSON file with settings; the flags below change them
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// The only API token that it takes; without token and user it takes any credentials
    #[arg(long, conflicts_with_all = ["username", "password"])]
    pub(crate) token: Option<String>,
    /// The only API user that it takes
    #[arg(long, requires = "password")]
    pub(crate) username: Option<String>,
    /// The password of that user
    #[arg(long, requires = "username")]
    pub(crate) password: Option<String>,
    /// The UUID of a storage that can be cloned; may be repeated
    #[arg(long, value_name = "UUID")]
    pub(crate) snapshot: Vec<String>,
    /// Loses the answer to each N-th create
    #[arg(long, value_name = "N")]
    pub(crate) lose_create_every: Option<u32>,
    /// Never answers each N-th create
    #[arg(long, value_name = "N")]
    pub(crate) hang_create_every: Option<u32>,
    /// Lets each N-th create end in state error
    #[arg(long, value_name = "N")]
    pub(crate) error_create_every: Option<u32>,
    /// Lets each N-th create stay in maintenance for ever
    #[arg(long, value_name = "N")]
    pub(crate) stuck_create_every: Option<u32>,
    /// Shows new servers in listings so many milliseconds late, by its own clock
    #[arg(long, value_name = "MILLIS")]
    pub(crate) list_lag: Option<u64>,
    /// Lets so many requests a second through, by the real clock
    #[arg(long, value_name = "N", value_parser = speed)]
    pub(crate) throttle: Option<f64>,
    /// The longest page that it gives
    #[arg(long, value_name = "N")]
    pub(crate) page_cap: Option<usize>,
}

/// Why the emulator did not run, or ended.
#[derive(Debug, Error)]
pub(crate) enum EmulateError {
    /// The settings could not be read.
    #[error("cannot read the settings {}", path.display())]
    Read {
        /// Of which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The settings are none.
    #[error("{} does not hold settings", path.display())]
    Settings {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The socket failed.
    #[error("cannot serve on {address}")]
    Socket {
        /// Which address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|error| format!("{error}, such as 127.0.0.1:8080"))?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err("the emulator checks no credentials worth the name, so it listens on loopback only".to_owned())
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(number),
        _ => Err("not a number above 0".to_owned()),
    }
}

impl EmulateArgs {
    /// Gives the settings of the file, or the defaults, as the flags change them.
    fn settings(&self) -> Result<Settings, EmulateError> {
        let mut settings = self.settings.as_ref().map_or_else(|| Ok(Settings::default()), read_settings)?;
        if self.settings.is_none() {
            // So that `created` looks like now to a client that compares it with its own clock.
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            settings.epoch_seconds = now.as_secs();
        }
        settings.snapshots.extend(self.snapshot.iter().map(Snapshot::new));
        let rules = [(self.lose_create_every, Fault::Lost), (self.hang_create_every, Fault::Hang)];
        let rules = rules.into_iter().filter_map(|(every, fault)| Some((every?, fault)));
        settings.faults.extend(rules.map(|(every, fault)| FaultRule::every(every, Call::Create, fault)));
        settings.create_error_every = self.error_create_every.unwrap_or(settings.create_error_every);
        settings.create_stuck_every = self.stuck_create_every.unwrap_or(settings.create_stuck_every);
        settings.list_lag_millis = self.list_lag.unwrap_or(settings.list_lag_millis);
        settings.page_cap = self.page_cap.or(settings.page_cap);
        if let Some(real) = self.throttle {
            settings.throttle = Some(Throttle { per_second: real / self.speed, retry_after: None });
        }
        Ok(settings)
    }

    fn credentials(&self) -> Credentials {
        match (&self.token, &self.username, &self.password) {
            (Some(token), _, _) => Credentials::Token(token.as_str().into()),
            (None, Some(username), Some(password)) => {
                Credentials::Basic { username: username.clone(), password: password.as_str().into() }
            }
            (None, _, _) => Credentials::Any,
        }
    }
}

fn read_settings(path: &PathBuf) -> Result<Settings, EmulateError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| EmulateError::Read { path: path.clone(), source })?;
    serde_json::from_str(&text).map_err(|source| EmulateError::Settings { path: path.clone(), source })
}

/// Serves until Ctrl-C. The first line on standard output tells the base URL.
pub(crate) async fn run(args: EmulateArgs) -> Result<(), EmulateError> {
    let emulator = Emulator::new(args.settings()?, args.seed).with_credentials(args.credentials());
    let failed = |source| EmulateError::Socket { address: args.listen, source };
    let listener = TcpListener::bind(args.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let mut output = io::stdout();
    writeln!(output, "listening on http://{address}/1.3").and_then(|()| output.flush()).map_err(failed)?;
    let interrupted = async {
        // Without a way to be told, it serves until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    serve(listener, Arc::new(Mutex::new(emulator)), args.speed, interrupted).await.map_err(failed)
}

/// Serves an emulator on a socket until `shutdown`; then every connection is dropped.
///
/// The emulator's time is the real time since the call, `time_scale` times as fast.
///
/// # Errors
///
/// If no connection can be accepted any more.
pub(crate) async fn serve(
    listener: TcpListener,
    emulator: Arc<Mutex<Emulator>>,
    time_scale: f64,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let stage = Stage { emulator, began: Instant::now(), time_scale };
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => return Ok(()),
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(stage.clone().connection(stream));
                }
                // The client was gone before it was let in.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(error),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Where reactions are acted out.
#[derive(Clone, Debug)]
struct Stage {
    emulator: Arc<Mutex<Emulator>>,
    began: Instant,
    time_scale: f64,
}

/// The connection is to be closed without a byte.
#[derive(Debug, Error)]
#[error("cut on purpose")]
struct Cut;

impl Stage {
    async fn connection(self, stream: TcpStream) {
        let service = service_fn(|request| self.clone().answer(request));
        // How a connection ends is the client's business, or on purpose.
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Staged>, Cut> {
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, BODY_CAP).collect().await else {
            let mut response = Response::new(Staged::whole(Vec::new()));
            *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            return Ok(response);
        };
        let request = Request::from_parts(head, body.to_bytes().to_vec());
        let Reaction { fate, response } = self.handle(&request);
        match fate {
            Fate::Answer => Ok(response.map(Staged::whole)),
            Fate::AnswerAfter(delay) => {
                tokio::time::sleep(delay.div_f64(self.time_scale)).await;
                Ok(response.map(Staged::whole))
            }
            Fate::CutMidAnswer if !response.body().is_empty() => Ok(response.map(Staged::half)),
            Fate::Hang => match std::future::pending::<Infallible>().await {},
            // An answer without a body has no middle that a client could see.
            Fate::CutMidAnswer | Fate::CutBeforeAnswer | Fate::CutBeforeProcessing => Err(Cut),
        }
    }

    fn handle(&self, request: &Request<Vec<u8>>) -> Reaction {
        let passed = self.began.elapsed().mul_f64(self.time_scale);
        let now_millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        self.locked().handle(request, now_millis)
    }

    fn locked(&self) -> MutexGuard<'_, Emulator> {
        // Each request leaves the emulator whole, even one that panicked in a test's own hands.
        self.emulator.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body that arrives whole, or half and then not at all.
#[derive(Debug)]
enum Staged {
    /// All of it, or its first half with the length of all of it.
    Ready { data: Bytes, length: u64 },
    /// The half was handed over, and is to leave before the cut.
    Flushing,
    /// The cut.
    Cutting,
    /// The end of a whole body.
    Over,
}

impl Staged {
    fn whole(body: Vec<u8>) -> Self {
        Self::Ready { length: body.len() as u64, data: body.into() }
    }

    fn half(mut body: Vec<u8>) -> Self {
        let length = body.len() as u64;
        body.truncate(body.len() / 2);
        Self::Ready { length, data: body.into() }
    }
}

impl Body for Staged {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match std::mem::replace(&mut *self, Self::Over) {
            Self::Ready { data, length } => {
                if (data.len() as u64) < length {
                    *self = Self::Flushing;
                }
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            Self::Flushing => {
                *self = Self::Cutting;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Self::Cutting => Poll::Ready(Some(Err(Cut))),
            Self::Over => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Over | Self::Ready { length: 0, .. })
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Ready { length, .. } => SizeHint::with_exact(*length),
            Self::Flushing | Self::Cutting => SizeHint::default(),
            Self::Over => SizeHint::with_exact(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::oneshot;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        args: EmulateArgs,
    }

    fn parse(args: &[&str]) -> Result<EmulateArgs, clap::Error> {
        Command::try_parse_from(["emulate"].iter().chain(args)).map(|command| command.args)
    }

    const LIST: &str =
        "GET /1.3/server HTTP/1.1\r\nhost: x\r\nauthorization: Bearer any\r\nconnection: close\r\n\r\n";

    /// Serves while `client` talks to it.
    async fn while_served<T>(faults: Vec<FaultRule>, client: impl AsyncFnOnce(SocketAddr) -> T) -> T {
        let settings = Settings { faults, ..Settings::default() };
        let emulator = Arc::new(Mutex::new(Emulator::new(settings, 1)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (over, shutdown) = oneshot::channel::<()>();
        let shutdown = async {
            let _ = shutdown.await;
        };
        let server = tokio::spawn(serve(listener, emulator, 1_000.0, shutdown));
        let result = client(address).await;
        over.send(()).unwrap();
        server.await.unwrap().unwrap();
        result
    }

    /// Sends a request and gives every byte that comes before the connection ends.
    async fn exchange(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut received = Vec::new();
        // A cut may end as a reset: what came before it counts.
        let _ = stream.read_to_end(&mut received).await;
        String::from_utf8(received).unwrap()
    }

    fn once(fault: Fault) -> Vec<FaultRule> {
        vec![FaultRule { times: Some(1), ..FaultRule::every(1, Call::List, fault) }]
    }

    #[tokio::test]
    async fn an_answer_arrives_whole_and_after_its_delay() {
        let answer = while_served(Vec::new(), async |address| exchange(address, LIST).await).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("upcloud-total-count: 0\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\n{\"servers\":{\"server\":[]}}"), "{answer}");
        let body = format!(
            "{{\"server\":{{\"hostname\":\"a\",\"title\":\"a\",\"zone\":\"de-fra1\",\"plan\":\"1xCPU-1GB\",\
             \"storage_devices\":{{\"storage_device\":[{{\"action\":\"clone\",\"storage\":\"{}\"}}]}}}}}}",
            Snapshot::CUSTOM_IMAGE
        );
        let create = format!(
            "POST /1.3/server HTTP/1.1\r\nhost: x\r\nauthorization: Bearer any\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = while_served(Vec::new(), async |address| exchange(address, &create).await).await;
        assert!(answer.starts_with("HTTP/1.1 202 Accepted\r\n"), "{answer}");
    }

    #[tokio::test]
    async fn a_lost_answer_is_a_connection_that_closes_without_a_byte() {
        for fault in [Fault::Lost, Fault::Refused] {
            let answer = while_served(once(fault), async |address| exchange(address, LIST).await).await;
            assert_eq!(answer, "", "{fault:?}");
        }
    }

    #[tokio::test]
    async fn a_cut_answer_has_its_head_and_half_of_its_body() {
        let answer = while_served(once(Fault::Cut), async |address| exchange(address, LIST).await).await;
        assert!(answer.contains("content-length: 25\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\n{\"servers\":{"), "{answer}");
    }

    #[tokio::test]
    async fn a_hung_request_stays_open_and_hinders_nobody() {
        while_served(once(Fault::Hang), async |address| {
            let mut hung = TcpStream::connect(address).await.unwrap();
            hung.write_all(LIST.as_bytes()).await.unwrap();
            // The fault befalls the first listing that is read: go on once it has been counted.
            let report = "GET /_emulator/report HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
            while !exchange(address, report).await.contains("\"requests\":1") {}
            assert!(exchange(address, LIST).await.starts_with("HTTP/1.1 200 OK\r\n"));
            let mut byte = [0];
            let nothing = hung.try_read(&mut byte);
            assert_eq!(nothing.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        })
        .await;
    }

    #[test]
    fn flags_become_settings() {
        let flags = ["--speed", "60", "--throttle", "15", "--lose-create-every", "5", "--list-lag", "3000"];
        let args = parse(&flags).unwrap();
        let settings = args.settings().unwrap();
        assert_eq!(settings.throttle, Some(Throttle { per_second: 0.25, retry_after: None }));
        assert_eq!(settings.faults, [FaultRule::every(5, Call::Create, Fault::Lost)]);
        assert_eq!(settings.list_lag_millis, 3_000);
        assert!(settings.epoch_seconds > 1_767_225_600);
        assert!(matches!(args.credentials(), Credentials::Any));
        let args = parse(&["--token", "ucat_1"]).unwrap();
        assert!(matches!(args.credentials(), Credentials::Token(_)));
    }

    #[test]
    fn what_cannot_be_served_is_refused() {
        for bad in [
            &["--listen", "0.0.0.0:80"][..],
            &["--listen", "here"],
            &["--speed", "0"],
            &["--speed", "NaN"],
            &["--username", "me"],
            &["--token", "a", "--username", "me", "--password", "b"],
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
        let missing = parse(&["--settings", "/nowhere/settings.json"]).unwrap().settings();
        assert!(matches!(missing, Err(EmulateError::Read { .. })));
    }
}
