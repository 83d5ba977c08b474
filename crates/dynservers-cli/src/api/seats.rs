//! Seats: how many may be connected at once, with those that only listen apart from those that ask.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many may listen to events at once; further ones are told so.
pub(crate) const LISTENERS: usize = 256;

/// The room for those that listen.
#[derive(Clone, Debug)]
pub(crate) struct Gallery(Arc<Semaphore>);

impl Gallery {
    /// Makes a gallery with nobody in it.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(LISTENERS)))
    }

    /// Takes a place, if there is one.
    pub(crate) fn enter(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).try_acquire_owned().ok()
    }

    /// Tells how many listen.
    pub(crate) fn len(&self) -> usize {
        LISTENERS - self.0.available_permits()
    }
}

/// The seat of a connection among those that ask. It is given up when the connection ends, or turns to listening.
#[derive(Clone, Debug)]
pub(crate) struct Seat(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

impl Seat {
    /// Makes a seat of a permit.
    pub(crate) fn new(permit: OwnedSemaphorePermit) -> Self {
        Self(Arc::new(Mutex::new(Some(permit))))
    }

    /// Makes room for another connection.
    pub(crate) fn leave(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_gallery_is_bounded_and_a_seat_is_left_once() {
        let gallery = Gallery::new();
        let places: Vec<_> = (0..LISTENERS).map(|_| gallery.enter().unwrap()).collect();
        assert!(gallery.enter().is_none());
        assert_eq!(gallery.len(), LISTENERS);
        drop(places);
        assert_eq!(gallery.len(), 0);

        let room = Arc::new(Semaphore::new(1));
        let seat = Seat::new(Arc::clone(&room).acquire_owned().await.unwrap());
        let same = seat.clone();
        seat.leave();
        same.leave();
        assert_eq!(room.available_permits(), 1);
    }
}
