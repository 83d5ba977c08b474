//! Servers as process groups on this machine: the embedded default provider.

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
