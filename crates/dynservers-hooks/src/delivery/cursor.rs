//! A hook's cursor: a number in a small file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use dynservers_core::EventId;

/// The most bytes of a file that can be a number.
const MOST_BYTES: u64 = 32;

/// The file with a cursor.
#[derive(Clone, Debug)]
pub(super) struct CursorFile {
    path: PathBuf,
}

impl CursorFile {
    pub(super) fn new(directory: &Path, hook: &str) -> Self {
        Self { path: directory.join(format!("{hook}.cursor")) }
    }

    /// Reads the cursor; none means that there is no file.
    pub(super) fn read(&self) -> io::Result<Option<EventId>> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let text = io::read_to_string(io::Read::take(file, MOST_BYTES))?;
        let number = text.trim_end().parse().map_err(|_| {
            let message = format!("{} does not hold a number", self.path.display());
            io::Error::new(io::ErrorKind::InvalidData, message)
        })?;
        Ok(Some(EventId(number)))
    }

    /// Writes the cursor durably: a crash leaves the one before or this one.
    pub(super) fn write(&self, cursor: EventId) -> io::Result<()> {
        let temporary = self.path.with_extension("cursor.tmp");
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        writeln!(file, "{cursor}")?;
        file.sync_all()?;
        fs::rename(&temporary, &self.path)?;
        match self.path.parent() {
            Some(directory) => File::open(directory)?.sync_all(),
            None => Ok(()),
        }
    }
}
