//! Servers as process groups on this machine: the embedded default provider.
//!
//! A *snapshot* is a directory. A *server* is a copy of it in which a program runs, with all the processes that come of
//! it. [`Local`] implements [`dynservers_core::Executor`]; what a server type asks for is a [`Template`].
//!
//! ```no_run
//! use std::path::Path;
//! use std::sync::Arc;
//!
//! use dynservers_core::{FleetName, Spec, Time};
//! use dynservers_http::SystemSecrets;
//! use dynservers_local::{Local, Settings, Template, guard};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // This program is its own guard: it is started again with a word that nobody else says.
//! let arguments: Vec<_> = std::env::args_os().collect();
//! if arguments.get(1).is_some_and(|word| word == "local-guard") {
//!     // Becomes the worker, or says in the server's log why not.
//!     let error = guard::run(Path::new(&arguments[2])).unwrap_err();
//!     eprintln!("{error}");
//!     std::process::exit(127);
//! }
//! let settings = Settings {
//!     fleet: FleetName::new("workers")?,
//!     directory: "/var/lib/dynservers/local".into(),
//!     guard: vec![std::env::current_exe()?.into(), "local-guard".into()],
//!     log_limit: 10 * 1024 * 1024,
//!     // The clock of the fleet's loop, in life.
//!     clock: Arc::new(|| Time::ZERO),
//! };
//! let local = Local::new(settings, Arc::new(SystemSecrets))?;
//!
//! let template = Template { command: vec!["./worker".into()], ..Template::new("/srv/worker") };
//! template.check().map_err(|errors| errors[0].clone())?;
//! let spec = Spec::new((&template).into());
//! # drop((local, spec));
//! # Ok(())
//! # }
//! ```
//!
//! # What a server is
//!
//! Everything is in one directory, which is its owner's alone. A server's id is the token of its create:
//!
//! | path | is |
//! |---|---|
//! | `id` | the random name of the directory, which is the account's identity |
//! | `servers/TOKEN/intent.json` | labels, name, command and variables; written first, and never changed |
//! | `servers/TOKEN/lock` | locked by whoever makes the server, and then by every process of it |
//! | `servers/TOKEN/process.json` | its first process: number, start, boot of the machine |
//! | `servers/TOKEN/wish.json` | what is to become of it, and until when |
//! | `servers/TOKEN/root/` | the copy of the snapshot, where its program runs |
//! | `servers/TOKEN/log`, `log.old` | what it says, and said before |
//! | `ended/NAME.TOKEN.log` | the last 64 KiB that a removed server had said; of the newest 20, `TOKEN` cut short |
//!
//! How a server is, is never remembered, but read off these and the machine's processes each time: locked and with a
//! process of this boot it runs, locked without one it is being made, not locked it is stopped.
//!
//! # What is guaranteed
//!
//! - A daemon may be killed at any moment. A server is there as a whole, with its labels, or not at all; its lock
//!   passes from the daemon to the guard to the worker without a gap; a half-made or half-removed one is swept.
//! - Stops and reboots are durable before the first signal. If the daemon dies, the next one keeps the deadline, which
//!   counts on a clock that no one can set.
//! - Nothing is signalled but what belongs to the server beyond doubt: it bears the server's token in its environment,
//!   or is in the group of a first process of which number, start and boot are right. On Linux the signal goes through
//!   a pidfd that was opened before this was verified.
//! - A worker gets `PATH`, `HOME`, `USER`, `LOGNAME`, `LANG`, `LC_*`, `TZ` and `TMPDIR` of the daemon, its type's own
//!   variables, and `DYNSERVERS_FLEET`, `DYNSERVERS_SERVER_NAME`, `_TYPE`, `_ID`, `_TOKEN` and `_DIR`; nothing else.
//! - Other fleets in the same directory, and whatever else is there, are left alone.
//!
//! # Limits
//!
//! - A log is bounded while a daemon runs: once a second what is too long is set aside, and what is written in that
//!   moment is lost.
//! - Elsewhere than on Linux, a process that leaves its group is seen, since it holds the lock, but not signalled. On
//!   Linux that is so only if it has also overwritten its own environment.
//! - A worker runs as the daemon's user and may do what that user may: this separates servers, it does not jail them.
//! - The directory must be on a local file system: locks of network file systems do not pass to children.

#![allow(
    clippy::result_large_err,
    reason = "an outcome is the whole answer of an effect, made once for each: it is not worth an allocation"
)]

mod children;
mod copy;
mod create;
mod end;
mod enforce;
mod files;
pub mod guard;
mod intent;
mod janitor;
mod local;
mod lock;
mod logs;
mod observe;
mod place;
mod process;
mod site;
mod start;
mod sweep;
mod template;
mod wish;

pub use files::FileError;
pub use guard::GuardError;
pub use local::Local;
pub use site::{LocalError, Settings};
pub use template::{LOG_LEAST, RESERVED_VARIABLES, Template, TemplateError, TemplateProblem};
