//! The sweep: what a crash left of a create or a delete is removed, once nobody works on it any more.

use std::fs;

use crate::files::{self, During as _, FileError};
use crate::lock::{Gate, Lock};
use crate::place::Place;
use crate::site::Site;

impl Site {
    /// Removes a server that a crash kept from ever being started: nobody was told that it was made.
    ///
    /// Shown as stopped, it would look like one that ended by itself as soon as it was there.
    pub(crate) fn drop_unborn(&self, place: &Place) -> Result<(), FileError> {
        if !is_unborn(place)? || self.ours(place)?.is_none() {
            return Ok(());
        }
        let Some(_lock) = Lock::try_take(&place.lock())? else { return Ok(()) };
        // Again, since whoever was about to start it held the lock until now.
        if is_unborn(place)? { self.remove(place) } else { Ok(()) }
    }

    /// Removes leftovers. What cannot be removed now is swept the next time.
    pub(crate) fn sweep(&self) {
        let _ = self.try_sweep();
    }

    fn try_sweep(&self) -> Result<(), FileError> {
        let Ok(entries) = fs::read_dir(self.home.servers()) else { return Ok(()) };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let leftovers: Vec<_> = names.filter_map(|name| self.home.leftover(&name)).collect();
        if leftovers.is_empty() {
            return Ok(());
        }
        // While somebody is about to lock what it has just made, nothing can be told from a leftover.
        let Some(gate) = Gate::try_close(&self.home.creating())? else { return Ok(()) };
        let mut dead = Vec::new();
        for place in leftovers {
            if !place.path().is_dir() {
                continue;
            }
            match Lock::try_take(&place.lock()) {
                Ok(Some(lock)) => dead.push((place, Some(lock))),
                // A file that is there and cannot be taken is held by whoever works on it.
                Ok(None) if !place.lock().exists() => dead.push((place, None)),
                Ok(None) | Err(_) => {}
            }
        }
        drop(gate);
        for (place, _lock) in dead {
            // One that resists must not keep the others.
            let _ = files::remove_tree(place.path());
        }
        Ok(())
    }
}

/// Whether a server has nothing yet that a start leaves, and nothing is wished of it. What cannot be read is no proof.
fn is_unborn(place: &Place) -> Result<bool, FileError> {
    for path in [place.process(), place.log(), place.wish()] {
        if path.try_exists().during("read", &path)? {
            return Ok(false);
        }
    }
    Ok(true)
}
