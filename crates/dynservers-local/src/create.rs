//! Creates: a server from a snapshot, in steps of which each may be the last one before a crash.

use std::fs;
use std::io;

use dynservers_core::{CreateFromSnapshot, Effect, Failure, Outcome, Reason};
use dynservers_http::{Names, Text};

use crate::copy::{CopyError, check_snapshot, copy_tree};
use crate::files::{self, During as _, FileError};
use crate::intent::Intent;
use crate::lock::{Gate, Lock};
use crate::observe::{Processes, observe};
use crate::place::Place;
use crate::site::{Site, refused};
use crate::start::StartError;
use crate::template::Template;
use crate::wish::Wish;

impl Site {
    /// Creates a server. Whatever fails, nothing of it is left, or it says that it does not know.
    pub(crate) fn create(&self, effect: &Effect, create: &CreateFromSnapshot) -> Outcome {
        self.try_create(effect, create).unwrap_or_else(|outcome| outcome)
    }

    fn try_create(&self, effect: &Effect, create: &CreateFromSnapshot) -> Result<Outcome, Outcome> {
        self.require_home()?;
        let intent = self.intent(create)?;
        check_snapshot(&intent.snapshot, self.home.path()).map_err(|error| not_copied(&error))?;
        let place = self.home.server(create.labels.token);
        if place.path().exists() {
            return Err(exists(&place));
        }
        let lock = self.establish(effect, &place, &intent)?;
        self.bell.ring();
        if let Err(error) = copy_tree(&intent.snapshot, &place.root()) {
            return Err(self.abandon(&place, lock, not_copied(&error)));
        }
        match Wish::read(&place).map(|wish| wish.is_none_or(|wish| wish.allows_start())) {
            Ok(false) => drop(lock),
            Ok(true) => {
                if let Err(error) = self.start(&place, &intent, lock) {
                    let outcome = not_started(&error);
                    return Err(match Lock::try_take(&place.lock()) {
                        Ok(Some(lock)) => self.abandon(&place, lock, outcome),
                        Ok(None) | Err(_) => unknown(&outcome),
                    });
                }
            }
            Err(error) => return Err(self.abandon(&place, lock, not_written(&error))),
        }
        self.bell.ring();
        let observed = observe(&place, &intent, &Processes::default());
        // It was made; that it cannot be read just now is the next look's affair.
        Ok(observed.map_or_else(|error| unknown(&not_written(&error)), |it| Outcome::Created(Box::new(it))))
    }

    /// Renders what the server is to be.
    fn intent(&self, create: &CreateFromSnapshot) -> Result<Intent, Outcome> {
        let template: Template = serde_json::from_value(create.spec.body().clone()).map_err(|error| {
            refused(Reason::Invalid, format!("the specification is not one for this machine: {error}"))
        })?;
        let named = Names::new(&create.name, &create.server_type, create.server);
        let filled = Template {
            command: template.command.iter().map(|argument| named.fill(argument)).collect(),
            env: template.env.iter().map(|(name, value)| (name.clone(), fill(value, &named))).collect(),
            ..template
        };
        // After the filling, since a name may hold anything too.
        filled.check().map_err(|errors| {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            refused(Reason::Invalid, errors.join("; "))
        })?;
        let labels = create.labels.pairs();
        Ok(Intent {
            name: create.name.to_string(),
            labels: labels.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            snapshot: filled.snapshot,
            command: filled.command,
            env: filled.env,
            log_limit: filled.log_limit.unwrap_or(self.settings.log_limit),
        })
    }

    /// Makes the server's directory: it is there as a whole, locked and with its intent, or not at all.
    fn establish(&self, effect: &Effect, place: &Place, intent: &Intent) -> Result<Lock, Outcome> {
        let new = self.home.new_server(place.token()).map_err(|error| not_written(&error))?;
        let made =
            self.make(&new, intent).map_err(|error| not_written(&error)).and_then(|lock| {
                // The last moment at which nothing has happened: the disk may have been slow until here.
                self.require_in_time(effect)?;
                // Fails if it is there meanwhile, since the directory of a server is never empty.
                let renamed = fs::rename(new.path(), place.path()).during("make directory", place.path());
                renamed.map_err(|error| {
                    if is_occupied(&error.source) { exists(place) } else { not_written(&error) }
                })?;
                Ok(lock)
            });
        if made.is_err() {
            // Nobody lists it under that name; what cannot be removed now is swept later.
            let _ = files::remove_tree(new.path());
        }
        let lock = made?;
        match files::sync_directory(&self.home.servers()) {
            Ok(()) => Ok(lock),
            Err(error) => Err(self.abandon(place, lock, not_written(&error))),
        }
    }

    fn make(&self, new: &Place, intent: &Intent) -> Result<Lock, FileError> {
        // Whoever sweeps must not find it before it is locked.
        let gate = Gate::share(&self.home.creating())?;
        files::make_directory(new.path())?;
        let lock = Lock::make(&new.lock())?;
        drop(gate);
        files::write_json(&new.intent(), intent)?;
        Ok(lock)
    }

    /// Takes back what was made of a server that has no process yet, and gives the outcome of that.
    fn abandon(&self, place: &Place, lock: Lock, outcome: Outcome) -> Outcome {
        let removed = self.remove(place);
        drop(lock);
        match removed {
            Ok(()) => outcome,
            Err(error) => unknown(&Outcome::Lost(Failure::new(format!(
                "{}; and then: {error}",
                outcome.failure().map_or("", |failure| &failure.message)
            )))),
        }
    }

    /// Makes sure that an effect may still be done.
    pub(crate) fn require_in_time(&self, effect: &Effect) -> Result<(), Outcome> {
        if (self.settings.clock)() > effect.not_after {
            return Err(Outcome::Unsent(Failure::new("its time had passed before it was begun")));
        }
        Ok(())
    }
}

fn fill(text: &Text, names: &Names) -> Text {
    text.literal().map_or_else(|| text.clone(), |literal| names.fill(literal).into())
}

fn exists(place: &Place) -> Outcome {
    Outcome::Exists(Failure::new(format!("server {} is there already", place.token())))
}

/// Tells what went wrong although something may be left.
fn unknown(outcome: &Outcome) -> Outcome {
    Outcome::Lost(outcome.failure().cloned().unwrap_or_default())
}

fn not_copied(error: &CopyError) -> Outcome {
    match error {
        CopyError::File(error) => not_written(error),
        CopyError::NoSnapshot { .. } | CopyError::Contains { .. } | CopyError::Special { .. } => {
            refused(Reason::Invalid, error.to_string())
        }
    }
}

fn not_started(error: &StartError) -> Outcome {
    match error {
        StartError::File(error) => not_written(error),
        StartError::Spawn { source, .. } if is_lack(source) => {
            refused(Reason::Capacity, format!("{error}: this machine has no room for another server"))
        }
        StartError::Spawn { .. } | StartError::Secret(_) | StartError::Nul { .. } => {
            refused(Reason::Invalid, error.to_string())
        }
    }
}

/// Tells of a file that could not be read or written in a create that left nothing behind.
fn not_written(error: &FileError) -> Outcome {
    if is_lack(&error.source) {
        let message = format!("{error}: this machine has no room for another server; make some");
        refused(Reason::Capacity, message)
    } else {
        refused(Reason::Invalid, error.to_string())
    }
}

/// Whether the machine has run out of something.
fn is_lack(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let errno = Errno::from_io_error(error);
    errno.is_some_and(|errno| {
        matches!(
            errno,
            Errno::NOSPC
                | Errno::DQUOT
                | Errno::MFILE
                | Errno::NFILE
                | Errno::NOMEM
                | Errno::AGAIN
                | Errno::MLINK
        )
    })
}

fn is_occupied(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;

    #[test]
    fn a_full_disk_is_no_mistake_of_the_configuration() {
        let outcome = |errno: Errno| {
            let path = "/srv/data".into();
            not_written(&FileError { action: "write", path, source: errno.into() })
        };
        let Outcome::Refused(Reason::Capacity, failure) = outcome(Errno::NOSPC) else { panic!() };
        assert!(failure.message.starts_with("cannot write /srv/data: No space left"), "{failure}");
        assert!(matches!(outcome(Errno::NAMETOOLONG), Outcome::Refused(Reason::Invalid, _)));
        let spawn = |errno: Errno| StartError::Spawn { guard: "/guard".into(), source: errno.into() };
        assert!(matches!(not_started(&spawn(Errno::AGAIN)), Outcome::Refused(Reason::Capacity, _)));
        assert!(matches!(not_started(&spawn(Errno::NOENT)), Outcome::Refused(Reason::Invalid, _)));
    }
}
