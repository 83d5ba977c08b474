//! The token of the control API on TCP: 32 random bytes in a file that only its owner reads.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use subtle::ConstantTimeEq as _;

/// How many random bytes a token has.
const BYTES: usize = 32;

/// The word that a client must know. Never printed: there is no `Display`, and `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ApiToken(String);

impl std::fmt::Debug for ApiToken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ApiToken(..)")
    }
}

impl ApiToken {
    /// Gives the file that the token of a store is in: `<store>.token`.
    pub(crate) fn file_of(store: &Path) -> PathBuf {
        let mut name = store.as_os_str().to_owned();
        name.push(".token");
        PathBuf::from(name)
    }

    /// Makes a token.
    fn random() -> io::Result<Self> {
        let mut bytes = [0_u8; BYTES];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
        Ok(Self(digits.map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])).collect()))
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim_end();
        let valid =
            text.len() == 2 * BYTES && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        valid.then(|| Self(text.to_owned()))
    }

    /// Reads the token that a daemon wrote.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        Self::parse(&fs::read_to_string(path)?)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it does not hold a token"))
    }

    /// Keeps the token that is there if nobody else could have read it, so that scripts outlive a restart of the
    /// daemon; writes a new one otherwise.
    pub(crate) fn keep_or_write(path: &Path) -> io::Result<Self> {
        let private = fs::symlink_metadata(path).is_ok_and(|found| {
            found.is_file()
                && Mode::from_raw_mode(found.mode()).intersection(Mode::RWXG | Mode::RWXO).is_empty()
                && found.uid() == rustix::process::geteuid().as_raw()
        });
        if private && let Ok(token) = Self::read(path) {
            return Ok(token);
        }
        let token = Self::random()?;
        token.write(path)?;
        Ok(token)
    }

    /// Writes a file beside it and renames that, so that nobody reads half a token or one with the wrong mode.
    fn write(&self, path: &Path) -> io::Result<()> {
        let mut fresh = path.as_os_str().to_owned();
        fresh.push(".new");
        let fresh = PathBuf::from(fresh);
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        // Whatever the process masks just then.
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        writeln!(file, "{}", self.0)?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    }

    /// Gives what a client puts into the `Authorization` header.
    pub(crate) fn authorization(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// Whether an `Authorization` header carries this token; takes the same time for every wrong one of its length.
    pub(crate) fn admits(&self, authorization: &[u8]) -> bool {
        let Some((scheme, word)) = authorization.split_at_checked("Bearer ".len()) else { return false };
        scheme.eq_ignore_ascii_case(b"Bearer ") && bool::from(word.ct_eq(self.0.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_private_and_outlives_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let path = ApiToken::file_of(&directory.path().join("fleet.db"));
        assert!(path.ends_with("fleet.db.token"));
        let token = ApiToken::keep_or_write(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(ApiToken::read(&path).unwrap(), token);
        assert_eq!(ApiToken::keep_or_write(&path).unwrap(), token);
        assert!(!format!("{token:?}").contains(&token.0));
    }

    #[test]
    fn a_token_that_others_could_read_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let token = ApiToken::keep_or_write(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let fresh = ApiToken::keep_or_write(&path).unwrap();
        assert_ne!(fresh, token);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);

        fs::write(&path, "not a token\n").unwrap();
        assert_eq!(ApiToken::read(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_ne!(ApiToken::keep_or_write(&path).unwrap(), fresh);
    }

    #[test]
    fn only_the_whole_token_admits() {
        let token = ApiToken::random().unwrap();
        assert!(token.admits(token.authorization().as_bytes()));
        assert!(token.admits(format!("bearer {}", token.0).as_bytes()));
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            &token.0,
            &format!("Bearer {}x", token.0),
            &format!("Basic {}", token.0),
        ] {
            assert!(!token.admits(wrong.as_bytes()));
        }
        assert!(!token.admits(ApiToken::random().unwrap().authorization().as_bytes()));
    }
}
