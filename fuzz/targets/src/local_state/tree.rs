//! A directory laid out from an input, beside things that nobody may touch.
//!
//! A heading is a path and what it is: `servers/TOKEN/log` is a file with what is below it, `servers/TOKEN/root/` with a slash
//! at its end a directory, `servers/TOKEN/log -> NAME` a link to something outside, and `servers/TOKEN/lock |` a pipe.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};

use dynservers_core::Token;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use tempfile::TempDir;

use crate::text::{Section, sections};

/// How many files an input may lay out.
const ENTRIES: usize = 40;
/// What is outside, by name, and what is in it.
const OUTSIDE: [(&str, &str); 2] = [("diary", "dear diary\n"), ("album/picture", "a cat\n")];

/// What lies under a path: the paths below it, and what is in those that are files.
pub(super) type Content = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// A directory for a provider, and things outside of it.
pub(super) struct Tree {
    directory: TempDir,
}

impl Tree {
    /// Makes everything that an input says; none if it says nothing that can be made.
    pub(super) fn lay_out(bytes: &[u8]) -> Option<Self> {
        // Where nothing has to reach a disk, if there is such a place.
        let memory = Path::new("/dev/shm");
        let directory = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let tree = Self { directory: directory.ok()? };
        for (name, content) in OUTSIDE {
            write(&tree.outside().join(name), content.as_bytes())?;
        }
        let sections = sections(bytes);
        let made = sections.iter().take(ENTRIES).filter_map(|section| tree.make(section)).count();
        (made > 0).then_some(tree)
    }

    /// Where the provider is.
    pub(super) fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    /// Where a server is, or would be.
    pub(super) fn server(&self, name: &str) -> PathBuf {
        self.home().join("servers").join(name)
    }

    fn outside(&self) -> PathBuf {
        self.directory.path().join("outside")
    }

    fn make(&self, section: &Section<'_>) -> Option<()> {
        let (heading, target) = match section.heading.split_once(" -> ") {
            Some((heading, target)) => (heading, Some(target)),
            None => (section.heading, None),
        };
        let (name, is_pipe) = heading.strip_suffix(" |").map_or((heading, false), |name| (name, true));
        let path = self.home().join(plain(name)?);
        // Where the servers are is for whoever sets the provider up to say.
        let is_special = target.is_some() || is_pipe;
        if fs::symlink_metadata(&path).is_ok() || (is_special && !name.starts_with("servers/")) {
            return None;
        }
        match target {
            Some(target) => {
                fs::create_dir_all(path.parent()?).ok()?;
                symlink(self.outside().join(plain(target)?), path).ok()
            }
            None if is_pipe => {
                fs::create_dir_all(path.parent()?).ok()?;
                mkfifo(&path, Mode::S_IRWXU).ok()
            }
            None if name.ends_with('/') => fs::create_dir_all(path).ok(),
            None => write(&path, section.content),
        }
    }

    /// Gives the tokens that are names in the directory of the servers.
    pub(super) fn tokens(&self) -> Vec<Token> {
        let entries = fs::read_dir(self.home().join("servers")).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut tokens: Vec<Token> = names.filter_map(|name| name.parse().ok()).collect();
        tokens.sort_unstable();
        tokens
    }

    /// Gives what lies in the directory of the servers and is no server of ours, nor left over from one.
    pub(super) fn not_ours(&self, is_ours: &dyn Fn(&Path) -> bool) -> BTreeMap<PathBuf, Content> {
        let entries = fs::read_dir(self.home().join("servers")).into_iter().flatten().flatten();
        let is_left_over = |path: &Path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with(".new-") || name.starts_with(".gone-")
        };
        let others = entries.map(|entry| entry.path()).filter(|path| !is_left_over(path) && !is_ours(path));
        others.map(|path| (path.clone(), content(&path))).collect()
    }

    /// Checks that what lies outside is as it was.
    pub(super) fn assert_outside_is_untouched(&self) {
        let is: Content =
            content(&self.outside()).into_iter().filter(|(_, content)| content.is_some()).collect();
        let was =
            OUTSIDE.map(|(name, content)| (self.outside().join(name), Some(content.as_bytes().to_vec())));
        assert_eq!(is, Content::from(was), "what lies outside was touched");
    }
}

fn write(path: &Path, content: &[u8]) -> Option<()> {
    fs::create_dir_all(path.parent()?).ok()?;
    fs::write(path, content).ok()
}

/// Takes a path that leads nowhere else.
fn plain(name: &str) -> Option<&Path> {
    let path = Path::new(name);
    let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    (is_plain && !name.is_empty() && name.len() < 200 && !name.contains('\0')).then_some(path)
}

/// Reads all that lies under a path, without following links.
fn content(path: &Path) -> Content {
    let mut all = Content::new();
    let mut paths = vec![path.to_owned()];
    while let Some(path) = paths.pop() {
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        let content = metadata.is_file().then(|| fs::read(&path).unwrap_or_default());
        if metadata.is_dir() {
            paths.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        }
        all.insert(path, content);
    }
    all
}
