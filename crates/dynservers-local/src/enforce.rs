//! Enforcement: what was wished of a server is made true, by whoever comes by, as often as it takes.

use dynservers_core::{Failure, Outcome};

use crate::children::note;
use crate::files::{During as _, FileError};
use crate::intent::Intent;
use crate::lock::Lock;
use crate::observe::{Known, Processes};
use crate::place::Place;
use crate::process;
use crate::site::Site;
use crate::wish::{STARTS_MOST, What, Wish};

impl Site {
    /// Does what is to be done by now for every server of the fleet. Gives whether anything is left to wait for.
    ///
    /// What fails for one server is tried again at the next occasion, and holds up no other.
    pub(crate) fn enforce_all(&self) -> bool {
        let _hands = self.hands();
        let processes = Processes::default();
        let places = self.places().unwrap_or_default();
        // Every one of them, so no `any`.
        places.iter().filter(|place| self.enforce(place, &processes).unwrap_or(true)).count() > 0
    }

    /// Does what is to be done by now for one server. Gives whether anything is left to wait for. Needs the hands.
    pub(crate) fn enforce(&self, place: &Place, processes: &Processes) -> Result<bool, FileError> {
        // Most servers have no wish, and this is asked often.
        if Wish::read(place)?.is_none() {
            return Ok(false);
        }
        let Some(intent) = self.ours(place)? else { return Ok(false) };
        let known = Known::read(place)?;
        let Some(wish) = &known.wish else { return Ok(false) };
        match &wish.what {
            // Whoever asked for it asks again.
            What::Delete => Ok(false),
            What::Stop => {
                let alive = known.is_alive(place, processes)?;
                if alive {
                    press(place, &known, wish)?;
                }
                Ok(alive)
            }
            What::Restart { .. } if !wish.restarts(known.process.as_ref()) => Ok(false),
            What::Restart { of, starts } => {
                if known.is_alive(place, processes)? {
                    // Without a process on record it is just being started.
                    if known.process.is_some() && *starts == 0 {
                        press(place, &known, wish)?;
                    }
                    return Ok(true);
                }
                if *starts >= STARTS_MOST {
                    return Ok(false);
                }
                let what = What::Restart { of: of.clone(), starts: starts + 1 };
                self.start_again(place, &intent, &Wish { what, ..wish.clone() })?;
                Ok(true)
            }
        }
    }

    /// Starts a server again that is down. The number of starts is durable before, so that it is bounded.
    fn start_again(&self, place: &Place, intent: &Intent, counted: &Wish) -> Result<(), FileError> {
        // Somebody else does it, or it is being removed.
        let Some(lock) = Lock::try_take(&place.lock())? else { return Ok(()) };
        counted.write(place)?;
        if let Err(error) = self.start(place, intent, lock) {
            note(&place.log(), &format!("cannot be started again: {error}"));
        }
        Ok(())
    }
}

/// Asks a server's processes to end, once, and kills them when their time is over.
fn press(place: &Place, known: &Known, wish: &Wish) -> Result<(), FileError> {
    let process = known.process.as_ref();
    if wish.deadline.is_over().during("read the clock for", place.path())? {
        process::kill(place.token(), process).during("kill the processes of", place.path())?;
    } else if !wish.asked {
        let any = process::terminate(place.token(), process);
        if any.during("signal the processes of", place.path())? {
            // Not before: who died between the two asks twice, which is better than never.
            Wish { asked: true, ..wish.clone() }.write(place)?;
        }
    }
    Ok(())
}

/// Tells of something that could not be done, and may have been begun.
pub(crate) fn lost(error: &FileError) -> Outcome {
    Outcome::Lost(Failure::new(error.to_string()))
}
