//! The daemon: the machine, its store, its providers and its control API in one process, until a signal ends it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use dynservers_core::StoreError;
use dynservers_store::Sqlite;
use dynservers_tokio::{FleetClock, Handle, Host, Parts, RunError, Running, StartError};
use thiserror::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::api::Endpoint;
use crate::api::guard::Guard;
use crate::api::listener::{ListenError, Listener};
use crate::api::routes::router;
use crate::api::server::serve;
use crate::api::token::ApiToken;
use crate::config::{Configuration, Listen, SocketAccess};
use crate::exit::Exit;
use crate::hooks::{Hooks, HooksError};
use crate::journal;
use crate::measuring::{Gauges, MeasuringError};
use crate::providers::{self, ProviderError};
use crate::site::Site;
use crate::workers::{self, CallError};

/// How many events the log may fall behind before it skips some.
const MAX_EVENTS: usize = 4096;

/// Why the daemon did not start, or ended before it was told to. Servers stay in either case.
#[derive(Debug, Error)]
pub(crate) enum DaemonError {
    /// A provider cannot be used.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// Workers cannot be asked.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Work cannot be measured.
    #[error(transparent)]
    Measuring(#[from] MeasuringError),
    /// Nobody can be told of events.
    #[error(transparent)]
    Hooks(#[from] HooksError),
    /// The ledger cannot be opened.
    #[error("error: {0}")]
    Store(#[from] StoreError),
    /// The fleet cannot be started.
    #[error("error: {0}")]
    Start(#[from] StartError),
    /// Nobody could give commands.
    #[error("error: {0}")]
    Listen(#[from] ListenError),
    /// The token of the control API cannot be kept.
    #[error("error: the token of the control API cannot be kept in {}: {source}", path.display())]
    Token {
        /// Its file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The system gives no signals or no random numbers.
    #[error("error: the system refuses: {0}")]
    System(#[from] io::Error),
    /// The ledger could not be kept.
    #[error("error: {0}; servers stay, and the next start finds them")]
    Run(#[from] RunError),
    /// A part of the daemon broke down.
    #[error("error: {part} broke down; servers stay, and the next start finds them")]
    Broken {
        /// Which.
        part: &'static str,
    },
}

impl DaemonError {
    /// Gives the code that the process ends with.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Provider(error) => error.exit(),
            Self::Call(_)
            | Self::Measuring(_)
            | Self::Start(StartError::Config(_))
            | Self::Listen(ListenError::Nobody { .. }) => Exit::Usage,
            Self::Hooks(_)
            | Self::Store(_)
            | Self::Start(_)
            | Self::Listen(_)
            | Self::Token { .. }
            | Self::System(_)
            | Self::Run(_)
            | Self::Broken { .. } => Exit::Failed,
        }
    }
}

/// Runs until SIGTERM or Ctrl-C. What is refused is refused before anything is written, asked or listened to.
pub(crate) async fn run(configuration: Configuration) -> Result<Exit, DaemonError> {
    let site = Site::from(&configuration);
    let mut signals = Signals::install()?;
    let gauges = Gauges::new(&configuration)?;
    let (handle, running) = start(&configuration, &site).await?;
    // The machine waits until somebody can speak with it: a port that is taken must not leave half a daemon.
    let (listener, guard) = listen(&site.endpoint, &configuration.api).await?;
    let (stop, stopped) = watch::channel(false);
    let api = tokio::spawn(serve(listener, router(handle.clone(), site.addresses, guard), stopped));
    let journal = tokio::spawn(journal::keep(handle.subscribe()));
    let running = tokio::spawn(running);
    let hooks = Hooks::start(&configuration, &handle).await?;
    let measuring = gauges.start(&handle);
    tracing::info!(fleet = %site.fleet, store = %site.store.display(), api = %site.endpoint, "running");
    let ended = watch_over(&handle, running, &mut signals).await;
    drop(measuring);
    // Whoever asks is answered until here; from now on the socket is gone.
    stop.send_replace(true);
    let Some(ended) = ended else { return Ok(Exit::Failed) };
    hooks.stop().await;
    api.await.map_err(|_| DaemonError::Broken { part: "the control API" })?;
    journal.await.map_err(|_| DaemonError::Broken { part: "the log of events" })?;
    ended?;
    tracing::info!("ended");
    Ok(Exit::Done)
}

/// Opens the ledger and makes the machine, which does nothing yet.
async fn start(configuration: &Configuration, site: &Site) -> Result<(Handle, Running), DaemonError> {
    let clock = FleetClock::new();
    let executors = providers::executors(configuration, &clock)?;
    let (path, fleet) = (site.store.clone(), site.fleet.clone());
    let store = tokio::task::spawn_blocking(move || Sqlite::open(&path, &fleet))
        .await
        .map_err(|_| DaemonError::Broken { part: "the store" })??;
    let parts = Parts {
        config: configuration.core.clone(),
        executors,
        prepare: providers::prepare(configuration),
        asker: workers::asker(configuration)?,
    };
    let host = Host {
        parts,
        store: Box::new(store),
        clock,
        seed: getrandom::u64().map_err(io::Error::other)?,
        max_events: MAX_EVENTS,
    };
    Ok(host.start().await?)
}

async fn listen(endpoint: &Endpoint, wanted: &Listen) -> Result<(Listener, Guard), DaemonError> {
    match endpoint {
        Endpoint::Unix(path) => {
            let access = match wanted {
                Listen::Unix { access, .. } => access.clone(),
                Listen::Tcp(_) => SocketAccess::default(),
            };
            Ok((Listener::unix_for(path, &access).await?, Guard::FileSystem))
        }
        Endpoint::Tcp { address, token_file } => {
            let listener = Listener::tcp(*address).await?;
            let token = ApiToken::keep_or_write(token_file)
                .map_err(|source| DaemonError::Token { path: token_file.clone(), source })?;
            Ok((listener, Guard::Token(Arc::new(token))))
        }
    }
}

/// Waits for the loop's end, and brings it about on a signal; nothing if a second one wants out at once.
async fn watch_over(
    handle: &Handle,
    mut running: JoinHandle<Result<(), RunError>>,
    signals: &mut Signals,
) -> Option<Result<(), DaemonError>> {
    let ended = tokio::select! {
        ended = &mut running => ended,
        name = signals.either() => {
            tracing::info!(signal = name, "ending: nothing new is begun, servers stay");
            let end = async {
                handle.shutdown().await;
                (&mut running).await
            };
            tokio::select! {
                ended = end => ended,
                () = signals.interrupt() => {
                    tracing::warn!("ending at once: what is under way is found again at the next start");
                    return None;
                }
            }
        }
    };
    Some(match ended {
        Ok(result) => result.map_err(DaemonError::from),
        Err(_) => Err(DaemonError::Broken { part: "the loop" }),
    })
}

/// The signals that end a daemon.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn install() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn interrupt(&mut self) {
        self.interrupt.recv().await;
    }

    /// Waits for either, and gives its name.
    async fn either(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}
