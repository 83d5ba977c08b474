//! Ends: stops, reboots and deletes. Each is a durable wish first, and is then carried out by whoever comes by.

use std::fs;
use std::time::Duration;

use dynservers_core::{Outcome, ProviderId, Reason, StopMode};

use crate::enforce::lost;
use crate::files::{self, During as _, FileError};
use crate::lock::Lock;
use crate::logs;
use crate::observe::{Known, Processes};
use crate::place::Place;
use crate::site::{Site, refused};
use crate::wish::{Deadline, What, Wish};

impl Site {
    /// Stops a server: asks it to end, and kills it after the timeout, at once if there is none.
    pub(crate) fn stop(&self, id: &ProviderId, mode: StopMode) -> Outcome {
        let timeout = match mode {
            StopMode::Soft { timeout } => timeout,
            StopMode::Hard => Duration::ZERO,
        };
        let (place, _) = match self.find(id) {
            Ok(found) => found,
            Err(outcome) => return outcome,
        };
        self.wish_stop(&place, timeout).unwrap_or_else(|error| lost(&error))
    }

    fn wish_stop(&self, place: &Place, timeout: Duration) -> Result<Outcome, FileError> {
        let _hands = self.hands();
        let known = Known::read(place)?;
        let deadline = Deadline::after(timeout).during("read the clock for", place.path())?;
        let wish = match known.wish {
            Some(Wish { what: What::Delete, .. }) => return Ok(Outcome::Accepted),
            // Asked again, it gets no more time, and no second signal, which many programs take for impatience.
            Some(Wish { what: What::Stop, deadline: before, asked }) => {
                Wish { what: What::Stop, deadline: before.or_earlier(deadline), asked }
            }
            // One that was asked to end for a reboot knows already.
            Some(ref wish) if wish.restarts(known.process.as_ref()) => {
                Wish { what: What::Stop, deadline, asked: wish.asked }
            }
            _ => Wish { what: What::Stop, deadline, asked: false },
        };
        wish.write(place)?;
        self.enforce(place, &Processes::default())?;
        self.bell.ring();
        Ok(Outcome::Accepted)
    }

    /// Restarts a server that runs: asks its processes to end, kills them after the timeout, and starts it again.
    pub(crate) fn reboot(&self, id: &ProviderId, timeout: Duration) -> Outcome {
        let (place, _) = match self.find(id) {
            Ok(found) => found,
            Err(outcome) => return outcome,
        };
        self.wish_restart(&place, timeout).unwrap_or_else(|error| lost(&error))
    }

    fn wish_restart(&self, place: &Place, timeout: Duration) -> Result<Outcome, FileError> {
        let _hands = self.hands();
        let known = Known::read(place)?;
        if known.restarts() {
            return Ok(Outcome::Accepted);
        }
        if matches!(&known.wish, Some(Wish { what: What::Stop | What::Delete, .. })) {
            return Ok(refused(Reason::Busy, "it is being stopped, or was: it is not started again"));
        }
        let of = match &known.process {
            Some(process) if known.has_process() && known.is_alive(place, &Processes::default())? => {
                process.clone()
            }
            _ => return Ok(refused(Reason::Busy, "only a server that runs can be rebooted")),
        };
        let deadline = Deadline::after(timeout).during("read the clock for", place.path())?;
        Wish { what: What::Restart { of, starts: 0 }, deadline, asked: false }.write(place)?;
        self.enforce(place, &Processes::default())?;
        self.bell.ring();
        Ok(Outcome::Accepted)
    }

    /// Deletes a server that is stopped.
    pub(crate) fn delete(&self, id: &ProviderId) -> Outcome {
        let (place, _) = match self.find(id) {
            Ok(found) => found,
            Err(outcome) => return outcome,
        };
        self.delete_stopped(&place).unwrap_or_else(|error| {
            refused(Reason::Busy, format!("{error}: it stays in sight until it can be removed"))
        })
    }

    fn delete_stopped(&self, place: &Place) -> Result<Outcome, FileError> {
        let _hands = self.hands();
        let known = Known::read(place)?;
        let busy = || refused(Reason::Busy, "it runs, or is being started: stop it first");
        if known.restarts() || known.is_alive(place, &Processes::default())? {
            return Ok(busy());
        }
        let Some(lock) = Lock::try_take(&place.lock())? else { return Ok(busy()) };
        let deadline = Deadline::after(Duration::ZERO).during("read the clock for", place.path())?;
        Wish { what: What::Delete, deadline, asked: false }.write(place)?;
        let removed = self.remove(place);
        drop(lock);
        removed.map(|()| Outcome::Accepted)
    }

    /// Removes a server's directory, whose lock the caller holds. What fails early leaves it in sight.
    pub(crate) fn remove(&self, place: &Place) -> Result<(), FileError> {
        files::remove_any(&place.root())?;
        // A full disk is no reason to keep the server.
        let _ = logs::keep(&self.home, place);
        // The newer one last: what was kept is told from it.
        files::remove_any(&place.old_log())?;
        files::remove_any(&place.log())?;
        let gone = self.home.gone_server(place.token())?;
        fs::rename(place.path(), gone.path()).during("remove", place.path())?;
        files::sync_directory(&self.home.servers())?;
        // It is out of sight and small; what cannot be removed now is swept later.
        let _ = files::remove_tree(gone.path());
        Ok(())
    }
}
