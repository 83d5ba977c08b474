//! Logs: each is bounded, by setting aside what it has when that is too much, and its end outlives its server.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::files::{self, During as _, FileError};
use crate::intent::Intent;
use crate::place::{Home, Place};

/// How much of a log is kept when its server is removed, in bytes.
pub(crate) const KEPT_BYTES: u64 = 64 * 1024;
/// How many servers' logs are kept; the oldest go.
const KEPT_LOGS: usize = 20;

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
    files::make_way(&old)?;
    fs::copy(&log, &old).during("set aside", &log)?;
    OpenOptions::new().write(true).truncate(true).open(&log).map(drop).during("empty", &log)
}

/// Keeps the end of a server's log, whose processes are gone, and lets go of the oldest that were kept.
///
/// Asked again, it changes nothing.
pub(crate) fn keep(home: &Home, place: &Place) -> Result<(), FileError> {
    let log = place.log();
    let Ok(mut tail) = tail(&log, KEPT_BYTES) else { return Ok(()) };
    let before = KEPT_BYTES.saturating_sub(tail.len() as u64);
    let mut text = self::tail(&place.old_log(), before).unwrap_or_default();
    text.append(&mut tail);

    let directory = home.ended();
    files::ensure_directory(&directory)?;
    let name = Intent::read(place).ok().flatten().map(|intent| intent.name).unwrap_or_default();
    let kept = directory.join(file_name(&name, &place.token().to_string()));
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&kept) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        opened => opened.during("keep a log in", &kept)?,
    };
    if let Err(error) = file.write_all(&text) {
        // Half of it would count as all of it when this is done again.
        let _ = fs::remove_file(&kept);
        return Err(error).during("keep a log in", &kept);
    }
    forget(&directory)
}

/// Reads the end of a file that is one: a worker may have put something else in its place.
fn tail(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    if !fs::symlink_metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(most)))?;
    let mut tail = Vec::new();
    file.take(most).read_to_end(&mut tail)?;
    Ok(tail)
}

/// Gives a name by which a person finds the server, and which no other server has.
fn file_name(server: &str, token: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if server.is_empty() || server.len() > 100 || !server.bytes().all(is_plain) {
        return format!("{token}.log");
    }
    format!("{server}.{}.log", &token[..token.len().min(8)])
}

/// Removes all logs but the newest.
fn forget(directory: &Path) -> Result<(), FileError> {
    let mut logs = Vec::new();
    for entry in fs::read_dir(directory).during("read directory", directory)?.flatten() {
        let path = entry.path();
        let changed = entry.metadata().and_then(|metadata| metadata.modified());
        if let (true, Ok(changed)) = (path.extension().is_some_and(|extension| extension == "log"), changed) {
            logs.push((changed, path));
        }
    }
    logs.sort_unstable();
    let excess = logs.len().saturating_sub(KEPT_LOGS);
    logs.iter().take(excess).try_for_each(|(_, path)| files::remove_file(path))
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn what_a_worker_put_in_place_of_an_older_log_is_neither_followed_nor_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("0".repeat(32));
        fs::create_dir(&path).unwrap();
        let place = Place::at(&path).unwrap();
        let diary = directory.path().join("diary");
        fs::write(&diary, "dear diary").unwrap();
        let pipe =
            || assert!(std::process::Command::new("mkfifo").arg(place.old_log()).status().unwrap().success());
        let link = || std::os::unix::fs::symlink(&diary, place.old_log()).unwrap();
        let folder = || fs::create_dir_all(place.old_log().join("deep")).unwrap();
        for put in [&pipe as &dyn Fn(), &link, &folder] {
            put();
            fs::write(place.log(), "12345").unwrap();
            bound(&place, 4).unwrap();
            assert_eq!(fs::read(place.old_log()).unwrap(), b"12345");
            assert_eq!(fs::read(&diary).unwrap(), b"dear diary");
            fs::remove_file(place.old_log()).unwrap();
        }
    }

    fn ended(home: &Home) -> Vec<String> {
        let entries = fs::read_dir(home.ended()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_end_of_a_log_is_kept_once_and_the_oldest_go() {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::new(directory.path().to_owned());
        for token in 1..=KEPT_LOGS as u128 + 3 {
            let place = home.server(dynservers_core::Token(token));
            fs::create_dir_all(place.path()).unwrap();
            keep(&home, &place).unwrap();
            fs::write(place.old_log(), vec![b'a'; 1 << 16]).unwrap();
            fs::write(place.log(), format!("the end of {token}")).unwrap();
            keep(&home, &place).unwrap();
            fs::write(place.log(), "again").unwrap();
            keep(&home, &place).unwrap();
        }
        let names = ended(&home);
        assert_eq!(names.len(), KEPT_LOGS);
        for name in names {
            let text = fs::read(home.ended().join(name)).unwrap();
            assert_eq!(text.len() as u64, KEPT_BYTES);
            assert!(String::from_utf8_lossy(&text).contains("aaathe end of "));
        }
    }

    #[test]
    fn a_log_that_a_worker_made_a_link_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::new(directory.path().to_owned());
        let place = home.server(dynservers_core::Token(1));
        fs::create_dir_all(place.path()).unwrap();
        fs::write(directory.path().join("secret"), "secret").unwrap();
        std::os::unix::fs::symlink(directory.path().join("secret"), place.log()).unwrap();
        keep(&home, &place).unwrap();
        assert!(!home.ended().exists());
    }

    #[test]
    fn names_lead_nowhere_else() {
        let token = "0123456789abcdef";
        assert_eq!(file_name("dynamic-server-default-7", token), "dynamic-server-default-7.01234567.log");
        for strange in ["", "..", "a/b", "../../etc/passwd", &"a".repeat(101)] {
            assert_eq!(file_name(strange, token), "0123456789abcdef.log");
        }
    }
}
