//! The second world's cloud: the whole way to UpCloud and back, as requests and responses, to its emulator.
