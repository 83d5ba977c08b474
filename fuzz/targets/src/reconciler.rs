//! Stories told to the machine: whatever happens in whatever order, the laws hold, and when the faults stop it comes to rest.

use dynservers_sim::world::{FakeCloud, Story};

/// Draws a story from bytes, as the simulation draws one from a seed, and tells it.
///
/// # Panics
///
/// If a law is broken, or the world does not come to rest.
pub fn reconciler(bytes: &[u8]) {
    let story = Story::from_bytes(bytes);
    let telling = story.tell(FakeCloud::new, false);
    assert_eq!(telling.verdict, Ok(()), "of {story:?}");
}
