//! What every loop of dynservers has in common, without a runtime.

mod clock;

pub use clock::{FleetClock, wall_millis};
