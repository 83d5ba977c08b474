//! Forecasts: what a policy would make of a day of jobs, by the real machine in virtual time.
//!
//! A [`Trace`] says which jobs come when; a [`Setup`] says where the servers are and who decides how many there should be.
//! Its forecast is a [`Report`]. Time jumps from one event to the next, so that a day takes a fraction of a second.

mod bound;
mod cloud;
mod figures;
mod model;
pub mod plot;
pub mod policies;
mod queue;
mod report;
mod run;
mod trace;

pub use bound::Bound;
pub use figures::{Figures, span};
pub use model::{Model, PodAutoscaler, ReadmeRule, StepRule};
pub use report::{Report, Sample, Waits};
pub use run::{Setup, UNIT, server_type};
pub use trace::{
    GenerateError, Generator, JOBS_MOST, Job, Kind, Trace, TraceError, duration, duration_as_text,
};
