//! The daemon: the machine, its store, its providers and its control API in one process, until a signal ends it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use dynservers_core::StoreError;
use dynservers_tokio::{FleetClock, Handle, RunError, StartError};
use thiserror::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::api::Endpoint;
use crate::api::guard::Guard;
use crate::api::listener::{ListenError, Listener};
use crate::api::report::AddressChoice;
use crate::api::routes::router;
use crate::api::server::serve;
use crate::api::token::ApiToken;
use crate::config::{Configuration, Listen, SocketAccess};
use crate::exit::Exit;
use crate::hooks::HooksError;
use crate::journal;
use crate::making::{self, Made, MakeError, Present};
use crate::notify::Supervisor;
use crate::reload::reload;
use crate::site::Site;
use crate::terminal::complain;

/// Why the daemon did not start, or ended before it was told to. Servers stay in either case.
#[derive(Debug, Error)]
pub(crate) enum DaemonError {
    /// Something that the configuration speaks of cannot be used.
    #[error(transparent)]
    Make(#[from] MakeError),
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
            Self::Make(error) => error.exit(),
            Self::Start(StartError::Config(_)) | Self::Listen(ListenError::Nobody { .. }) => Exit::Usage,
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
    let supervisor = Supervisor::find();
    let clock = FleetClock::new();
    let Made { parts, company } = making::make(&configuration, &clock)?;
    let (handle, running) = making::start(parts, &configuration, clock.clone()).await?;
    // The machine waits until somebody can speak with it: a port that is taken must not leave half a daemon.
    let (listener, guard) = listen(&site.endpoint, &configuration.api).await?;
    let (stop, stopped) = watch::channel(false);
    let (addresses, chosen) = watch::channel(site.addresses);
    let api = tokio::spawn(serve(listener, router(handle.clone(), chosen, guard), stopped));
    let journal = tokio::spawn(journal::keep(handle.subscribe()));
    let running = tokio::spawn(running);
    let company = Some(company.begin(&configuration, &handle).await?);
    let mut daemon = Daemon { configuration, handle, clock, supervisor, running, company, addresses };
    tracing::info!(fleet = %site.fleet, store = %site.store.display(), api = %site.endpoint, "running");
    daemon.supervisor.ready(&format!("keeping fleet {}", site.fleet));
    let ended = daemon.watch_over(&mut signals).await;
    let company = daemon.company.take();
    // Whoever asks is answered until here; from now on the socket is gone.
    stop.send_replace(true);
    let Some(ended) = ended else { return Ok(Exit::Failed) };
    if let Some(company) = company {
        company.end().await;
    }
    api.await.map_err(|_| DaemonError::Broken { part: "the control API" })?;
    journal.await.map_err(|_| DaemonError::Broken { part: "the log of events" })?;
    ended?;
    tracing::info!("ended");
    Ok(Exit::Done)
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

/// A daemon that runs.
struct Daemon {
    /// What it goes by now.
    configuration: Configuration,
    handle: Handle,
    clock: FleetClock,
    supervisor: Supervisor,
    running: JoinHandle<Result<(), RunError>>,
    /// Who works beside the loop; nobody only while they are exchanged, or if that failed.
    company: Option<Present>,
    /// Which addresses the control API shows.
    addresses: watch::Sender<AddressChoice>,
}

impl Daemon {
    /// Waits for the loop's end, and brings it about on a signal; nothing if a second one wants out at once.
    async fn watch_over(&mut self, signals: &mut Signals) -> Option<Result<(), DaemonError>> {
        let mut watchdog = self.supervisor.watchdog().map(|period| {
            let mut interval = interval_at(Instant::now(), period);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        });
        let ended = loop {
            tokio::select! {
                ended = &mut self.running => break ended,
                () = tick(watchdog.as_mut()) => {
                    // A loop that answers lives; one that has ended is seen above.
                    if self.handle.view().await.is_ok() {
                        self.supervisor.alive();
                    }
                }
                word = signals.next() => {
                    let Word::End(name) = word else {
                        self.reload().await;
                        continue;
                    };
                    tracing::info!(signal = name, "ending: nothing new is begun, servers stay");
                    self.supervisor.stopping();
                    let end = async {
                        self.handle.shutdown().await;
                        (&mut self.running).await
                    };
                    tokio::select! {
                        ended = end => break ended,
                        () = signals.interrupt() => {
                            tracing::warn!("ending at once: what is under way is found again at the next start");
                            return None;
                        }
                    }
                }
            }
        };
        Some(match ended {
            Ok(result) => result.map_err(DaemonError::from),
            Err(_) => Err(DaemonError::Broken { part: "the loop" }),
        })
    }

    /// Goes by the file as it is now, or by what it went by before.
    async fn reload(&mut self) {
        self.supervisor.reloading();
        let fleet = self.configuration.fleet.clone();
        match reload(&self.configuration, &self.handle, &self.clock).await {
            Ok((next, company)) => {
                if let Some(company) = self.company.take() {
                    company.end().await;
                }
                match company.begin(&next, &self.handle).await {
                    Ok(company) => self.company = Some(company),
                    Err(error) => tracing::error!(%error, "nobody is told of events until the next reload"),
                }
                tracing::info!(file = %next.path.display(), "the configuration was read again and holds from now on");
                self.addresses.send_replace(Site::from(&next).addresses);
                self.configuration = next;
                self.supervisor.ready(&format!("keeping fleet {fleet}"));
            }
            Err(kept) => {
                tracing::error!(
                    "the configuration was read again and is refused; the one before still holds"
                );
                // As at a start: lines for a person, with the place in the file.
                complain(&kept);
                self.supervisor
                    .ready(&format!("keeping fleet {fleet} by an older configuration: the file is refused"));
            }
        }
    }
}

/// Waits for the next tick; for ever, if nobody counts.
async fn tick(interval: Option<&mut Interval>) {
    match interval {
        Some(interval) => {
            interval.tick().await;
        }
        None => std::future::pending().await,
    }
}

/// What a signal says.
enum Word {
    /// End, by the signal of this name.
    End(&'static str),
    /// Read the configuration again.
    Reload,
}

/// The signals that a daemon obeys.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    /// Takes the signals from the system: none of them ends the process by itself any more.
    pub(crate) fn install() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn interrupt(&mut self) {
        self.interrupt.recv().await;
    }

    /// Waits for the next signal.
    async fn next(&mut self) -> Word {
        tokio::select! {
            _ = self.interrupt.recv() => Word::End("SIGINT"),
            _ = self.terminate.recv() => Word::End("SIGTERM"),
            _ = self.hangup.recv() => Word::Reload,
        }
    }

    /// Waits for either of those that end it, and gives its name.
    pub(crate) async fn either(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}
