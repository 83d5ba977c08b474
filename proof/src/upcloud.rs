//! The second world's cloud: the whole way to UpCloud and back, as requests and responses, to its emulator.

use dynservers_sim::world::FakeCloud;

/// Stands in until the merge.
pub type UpCloudStack = FakeCloud;
