//! The conformance kit.

mod bench;
mod case;
mod checks;
mod executor;
mod life;
mod noise;
mod provider;
mod report;
mod samples;
mod subject;
mod vault;

pub use executor::check_executor;
pub use provider::check_provider;
pub use report::{Check, Danger, Failed, Fault, Flaw, Report, Verdict};
pub use subject::{Cloud, ExecutorSubject, Subject};
