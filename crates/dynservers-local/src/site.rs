//! The site: one provider's directory, and what all that work on it share.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dynservers_core::{Failure, FleetName, Outcome, ProviderId, Reason, Time, Token};
use dynservers_http::Secrets;
use thiserror::Error;

use crate::files::{self, During as _, FileError};
use crate::intent::Intent;
use crate::place::{Home, Place};
use crate::template::LOG_LEAST;

/// What a provider on this machine must know.
#[derive(Clone)]
pub struct Settings {
    /// The fleet: servers of others in the same directory are left alone.
    pub fleet: FleetName,
    /// Where everything is kept; made with what is missing above it, for its owner alone.
    pub directory: PathBuf,
    /// The program that calls [`guard::run`](crate::guard::run) with its last argument, and the arguments before that
    /// one: usually this very program with a hidden command. An absolute path.
    pub guard: Vec<OsString>,
    /// How many bytes the log of a server may have before it is set aside, unless its type says otherwise.
    pub log_limit: u64,
    /// The fleet's time, with which the [`not_after`](dynservers_core::Effect::not_after) of effects is compared.
    pub clock: Arc<dyn Fn() -> Time + Send + Sync>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("fleet", &self.fleet)
            .field("directory", &self.directory)
            .field("guard", &self.guard)
            .field("log_limit", &self.log_limit)
            .finish_non_exhaustive()
    }
}

/// Why a provider on this machine cannot be used. No server was touched.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LocalError {
    /// There is no guard that could be found from anywhere.
    #[error("guard must begin with the absolute path of a program, not {program:?}")]
    NoGuard {
        /// What it begins with.
        program: OsString,
    },
    /// A log could not hold a few lines.
    #[error("log_limit must be at least {LOG_LEAST} bytes, not {value}")]
    LogTooSmall {
        /// The value.
        value: u64,
    },
    /// The directory cannot be used.
    #[error(transparent)]
    Directory(#[from] FileError),
    /// The janitor could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// One provider's directory with its settings.
pub(crate) struct Site {
    pub(crate) settings: Settings,
    pub(crate) home: Home,
    pub(crate) identity: String,
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) bell: Bell,
    hands: Mutex<()>,
}

impl Site {
    /// Makes the directory, if it is not there, and reads who it is.
    pub(crate) fn open(settings: Settings, secrets: Arc<dyn Secrets>) -> Result<Self, LocalError> {
        let program = settings.guard.first().cloned().unwrap_or_default();
        if !program.as_bytes().starts_with(b"/") {
            return Err(LocalError::NoGuard { program });
        }
        if settings.log_limit < LOG_LEAST {
            return Err(LocalError::LogTooSmall { value: settings.log_limit });
        }
        files::ensure_directory(&settings.directory)?;
        let path = fs::canonicalize(&settings.directory).during("find", &settings.directory)?;
        let home = Home::new(path);
        files::ensure_directory(&home.servers())?;
        let identity = make_identity(&home)?;
        Ok(Self { settings, home, identity, secrets, bell: Bell::default(), hands: Mutex::new(()) })
    }

    /// Lets one at a time of this process wish and enforce, so that no server is asked twice.
    pub(crate) fn hands(&self) -> MutexGuard<'_, ()> {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes sure that the directory is still the one that was opened: an unmounted one would seem empty.
    pub(crate) fn require_home(&self) -> Result<(), Outcome> {
        match read_identity(&self.home) {
            Ok(Some(identity)) if identity == self.identity => Ok(()),
            Ok(_) => Err(Outcome::Denied(Failure::new(format!(
                "{} is no longer the directory that was opened: bring it back, or start again",
                self.home.path().display()
            )))),
            Err(error) => Err(unreadable(&error)),
        }
    }

    /// Lists the directories of servers, of whatever fleet, in the order of their tokens.
    pub(crate) fn places(&self) -> Result<Vec<Place>, FileError> {
        let servers = self.home.servers();
        let mut places = Vec::new();
        for entry in fs::read_dir(&servers).during("read directory", &servers)? {
            let entry = entry.during("read directory", &servers)?;
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                places.extend(Place::at(&entry.path()));
            }
        }
        places.sort_unstable_by_key(Place::token);
        Ok(places)
    }

    /// Reads the intent of a server of this fleet; none for everybody else's.
    pub(crate) fn ours(&self, place: &Place) -> Result<Option<Intent>, FileError> {
        Ok(Intent::read(place)?.filter(|intent| intent.is_of(&self.settings.fleet)))
    }

    /// Finds a server that something is to be done to. Nothing but one of this fleet is given.
    pub(crate) fn find(&self, id: &ProviderId) -> Result<(Place, Intent), Outcome> {
        self.require_home()?;
        let place = self.place(id)?;
        match self.ours(&place) {
            Ok(Some(intent)) => Ok((place, intent)),
            Ok(None) if !place.path().exists() => Err(absent(id)),
            Ok(None) => Err(refused(
                Reason::Invalid,
                format!(
                    "{} bears no labels of fleet {}: left alone",
                    place.path().display(),
                    self.settings.fleet
                ),
            )),
            Err(error) => Err(unreadable(&error)),
        }
    }

    /// Finds the directory of a server, whoever's it is.
    pub(crate) fn place(&self, id: &ProviderId) -> Result<Place, Outcome> {
        let token: Token = id.as_str().parse().map_err(|error| {
            refused(Reason::Invalid, format!("this is not the id of a server here: {error}"))
        })?;
        let place = self.home.server(token);
        match fs::symlink_metadata(place.path()) {
            Ok(metadata) if metadata.is_dir() => Ok(place),
            Ok(_) => Err(refused(Reason::Invalid, format!("{} is no server", place.path().display()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(absent(id)),
            Err(source) => {
                Err(unreadable(&FileError { action: "read", path: place.path().to_owned(), source }))
            }
        }
    }
}

fn absent(id: &ProviderId) -> Outcome {
    Outcome::Absent(Failure::new(format!("there is no server {id} on this machine")))
}

pub(crate) fn refused(reason: Reason, message: impl Into<String>) -> Outcome {
    Outcome::Refused(reason, Failure::new(message))
}

/// Tells of a directory that cannot be read: who may not is denied, and anything else may pass.
pub(crate) fn unreadable(error: &FileError) -> Outcome {
    let failure = Failure::new(error.to_string());
    if error.source.kind() == io::ErrorKind::PermissionDenied {
        Outcome::Denied(failure)
    } else {
        Outcome::Lost(failure)
    }
}

fn read_identity(home: &Home) -> Result<Option<String>, FileError> {
    let bytes = files::read_bytes(&home.identity())?;
    let text = bytes.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    Ok(text.filter(|text| !text.is_empty() && text.len() <= 255 && !text.contains(char::is_control)))
}

/// Reads the random name of a directory, or gives it one. Of two who do so at once, both read the same.
fn make_identity(home: &Home) -> Result<String, FileError> {
    let path = home.identity();
    for _ in 0..2 {
        if let Some(identity) = read_identity(home)? {
            return Ok(identity);
        }
        let drawn = files::random_hex().and_then(|one| files::random_hex().map(|two| one + &two));
        let drawn = drawn.during("draw a random name for", home.path())?;
        let temporary = home.path().join(format!(".id.{drawn}"));
        let linked = write_new(&temporary, &drawn).and_then(|()| fs::hard_link(&temporary, &path));
        files::remove_file(&temporary)?;
        match linked {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => result.during("write", &path)?,
        }
        files::sync_directory(home.path())?;
    }
    let source = io::Error::other("it holds no name: remove it, and another will be drawn");
    Err(FileError { action: "use", path, source })
}

fn write_new(path: &std::path::Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(format!("{text}\n").as_bytes())?;
    file.sync_all()
}

/// Wakes the janitor, and tells it when to end.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    state: Mutex<Ringing>,
    rung: Condvar,
}

#[derive(Debug, Default)]
struct Ringing {
    rings: bool,
    ended: bool,
}

impl Bell {
    /// Wakes the janitor now.
    pub(crate) fn ring(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).rings = true;
        self.rung.notify_all();
    }

    /// Tells the janitor to end.
    pub(crate) fn end(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
        self.rung.notify_all();
    }

    /// Waits for a ring, at most so long if that is limited. Gives whether to go on.
    pub(crate) fn wait(&self, most: Option<Duration>) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let quiet = |state: &mut Ringing| !state.rings && !state.ended;
        let mut state = match most {
            Some(most) => {
                self.rung.wait_timeout_while(state, most, quiet).unwrap_or_else(PoisonError::into_inner).0
            }
            None => self.rung.wait_while(state, quiet).unwrap_or_else(PoisonError::into_inner),
        };
        state.rings = false;
        !state.ended
    }
}
