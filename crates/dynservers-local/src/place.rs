//! Places: where everything is within the directory of a provider, and by which names it is known.

use std::path::{Path, PathBuf};

use dynservers_core::Token;

use crate::files::{During as _, FileError, random_hex};

/// What the name of a server begins with while it is being made.
const NEW: &str = ".new-";
/// What the name of a server begins with while it is being removed.
const GONE: &str = ".gone-";

/// The directory of a provider.
#[derive(Clone, Debug)]
pub(crate) struct Home(PathBuf);

impl Home {
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Where the servers are.
    pub(crate) fn servers(&self) -> PathBuf {
        self.0.join("servers")
    }

    /// The random name of this directory, by which the machine notices that it is another one.
    pub(crate) fn identity(&self) -> PathBuf {
        self.0.join("id")
    }

    /// What servers said before they were removed.
    pub(crate) fn ended(&self) -> PathBuf {
        self.0.join("ended")
    }

    /// Locked in common by whoever begins a server, and alone by whoever sweeps.
    pub(crate) fn creating(&self) -> PathBuf {
        self.0.join("creating.lock")
    }

    pub(crate) fn server(&self, token: Token) -> Place {
        Place { path: self.servers().join(token.to_string()), token }
    }

    /// Where a server is made until it is whole.
    pub(crate) fn new_server(&self, token: Token) -> Result<Place, FileError> {
        self.beside(NEW, token)
    }

    /// Where a server goes to be removed.
    pub(crate) fn gone_server(&self, token: Token) -> Result<Place, FileError> {
        self.beside(GONE, token)
    }

    fn beside(&self, prefix: &str, token: Token) -> Result<Place, FileError> {
        let servers = self.servers();
        let random = random_hex().during("draw a random name in", &servers)?;
        Ok(Place { path: servers.join(format!("{prefix}{token}-{random}")), token })
    }

    /// Reads a name as that of something that was begun or ended and not finished.
    pub(crate) fn leftover(&self, name: &str) -> Option<Place> {
        let rest = name.strip_prefix(NEW).or_else(|| name.strip_prefix(GONE))?;
        let (token, random) = rest.split_once('-')?;
        let is_random = random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit());
        let token = token.parse().ok()?;
        is_random.then(|| Place { path: self.servers().join(name), token })
    }
}

/// The directory of one server.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    path: PathBuf,
    token: Token,
}

impl Place {
    /// Takes a path whose last part is a token.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        let token = path.file_name()?.to_str()?.parse().ok()?;
        Some(Self { path: path.to_owned(), token })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) const fn token(&self) -> Token {
        self.token
    }

    /// What the server is: written once, before anything else of it.
    pub(crate) fn intent(&self) -> PathBuf {
        self.path.join("intent.json")
    }

    /// Held by whoever makes the server, and then by its processes.
    pub(crate) fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// Its first process.
    pub(crate) fn process(&self) -> PathBuf {
        self.path.join("process.json")
    }

    /// What is to become of it.
    pub(crate) fn wish(&self) -> PathBuf {
        self.path.join("wish.json")
    }

    /// The copy of the snapshot: where its processes begin.
    pub(crate) fn root(&self) -> PathBuf {
        self.path.join("root")
    }

    /// What its processes say.
    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// What they said before.
    pub(crate) fn old_log(&self) -> PathBuf {
        self.path.join("log.old")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_were_drawn_here_are_leftovers() {
        let home = Home::new("home".into());
        for place in [home.new_server(Token(7)).unwrap(), home.gone_server(Token(7)).unwrap()] {
            let name = place.path().file_name().unwrap().to_str().unwrap();
            assert_eq!(home.leftover(name).unwrap().path(), place.path());
        }
        let token = Token(7);
        for foreign in [
            format!("{token}"),
            format!(".new-{token}"),
            format!(".new-{token}-x"),
            format!(".newer-{token}-0123456789abcdef"),
            ".new-x-0123456789abcdef".to_owned(),
            format!(".gone-{token}-0123456789abcde/"),
        ] {
            assert!(home.leftover(&foreign).is_none(), "{foreign}");
        }
    }
}
