//! Many seeds of a world: told in parallel, counted, and if a law is broken, shortened to what breaks it.
