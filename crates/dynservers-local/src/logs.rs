//! Logs: each is bounded, by setting aside what it has when that is too much.

use std::fs::{self, OpenOptions};

use crate::files::{During as _, FileError};
use crate::place::Place;

/// Sets a log aside if it is longer than its limit. At most one older log is kept.
///
/// The log is copied and then emptied, since its writers have it open and go on at its new end: what they write
/// between the two is lost.
pub(crate) fn bound(place: &Place, limit: u64) -> Result<(), FileError> {
    let (log, old) = (place.log(), place.old_log());
    match fs::symlink_metadata(&log) {
        Ok(metadata) if metadata.is_file() && metadata.len() > limit => {}
        _ => return Ok(()),
    }
    fs::copy(&log, &old).during("set aside", &log)?;
    OpenOptions::new().write(true).truncate(true).open(&log).map(drop).during("empty", &log)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_log_is_set_aside_when_it_is_too_long_and_its_writer_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("0".repeat(32));
        fs::create_dir(&path).unwrap();
        let place = Place::at(&path).unwrap();
        bound(&place, 4).unwrap();
        let mut writer = OpenOptions::new().append(true).create(true).open(place.log()).unwrap();
        writer.write_all(b"1234").unwrap();
        bound(&place, 4).unwrap();
        assert!(!place.old_log().exists());
        writer.write_all(b"5").unwrap();
        bound(&place, 4).unwrap();
        assert_eq!(fs::read(place.old_log()).unwrap(), b"12345");
        writer.write_all(b"6").unwrap();
        assert_eq!(fs::read(place.log()).unwrap(), b"6");
    }
}
