//! Sources: the real files that become jobs.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// How many files become jobs at most.
pub(super) const FILES_MOST: usize = 400;
/// How many make a story: with fewer, all is done before anything can be killed.
pub(super) const FILES_LEAST: usize = 24;
/// How many bytes a file may have.
const FILE_BYTES_MOST: u64 = 256 * 1024;
/// How many bytes all of them may have.
const BYTES_MOST: u64 = 16 * 1024 * 1024;
/// How many entries of directories are looked at.
const ENTRIES_MOST: usize = 50_000;
/// How many directories deep.
const DEPTH_MOST: usize = 32;
/// How large the pieces are that a single large file is cut into.
const PIECE_BYTES: usize = 64 * 1024;
/// How many pieces.
const PIECES_MOST: usize = 240;

/// Directories that are built or fetched, never written by hand.
const NOT_SOURCES: [&str; 2] = ["target", "node_modules"];
/// What a directory has in it that says that it can be made again, by <https://bford.info/cachedir/>.
const CACHE_TAG: &str = "CACHEDIR.TAG";

/// A file, or a piece of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// Where it is, for people.
    pub(super) name: String,
    /// What is in it.
    pub(super) bytes: Vec<u8>,
}

/// Reads the files below a directory that somebody wrote, in the order of their names.
///
/// Left out is what is hidden, built, fetched, linked, large or cannot be read. It ends at [`FILES_MOST`] files.
pub(super) fn below(directory: &Path) -> io::Result<Vec<Source>> {
    let mut walk = Walk { root: directory, sources: Vec::new(), bytes: 0, entries: 0 };
    walk.enter(directory, fs::read_dir(directory)?, 0);
    Ok(walk.sources)
}

struct Walk<'a> {
    root: &'a Path,
    sources: Vec<Source>,
    bytes: u64,
    entries: usize,
}

impl Walk<'_> {
    fn enter(&mut self, directory: &Path, entries: fs::ReadDir, depth: usize) {
        let room = ENTRIES_MOST.saturating_sub(self.entries);
        let mut names: Vec<_> = entries.take(room).flatten().map(|entry| entry.file_name()).collect();
        self.entries += names.len();
        names.sort();
        for name in names {
            if self.sources.len() == FILES_MOST {
                return;
            }
            let path = directory.join(&name);
            let hidden = name.as_encoded_bytes().starts_with(b".");
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            if hidden {
                continue;
            }
            if metadata.is_file() {
                self.take(&path, metadata.len());
            }
            if metadata.is_dir()
                && depth < DEPTH_MOST
                && is_source(&path)
                && let Ok(entries) = fs::read_dir(&path)
            {
                self.enter(&path, entries, depth + 1);
            }
        }
    }

    fn take(&mut self, path: &Path, length: u64) {
        if length > FILE_BYTES_MOST || self.bytes + length > BYTES_MOST {
            return;
        }
        // It may have grown since.
        if let Ok(bytes) = read_most(path, FILE_BYTES_MOST) {
            let name = path.strip_prefix(self.root).unwrap_or(path).to_string_lossy().into_owned();
            self.bytes += bytes.len() as u64;
            self.sources.push(Source { name, bytes });
        }
    }
}

fn is_source(directory: &Path) -> bool {
    let name = directory.file_name().unwrap_or_default();
    !NOT_SOURCES.iter().any(|other| name == *other) && !directory.join(CACHE_TAG).exists()
}

/// Cuts a single file, such as this program itself, into pieces.
pub(super) fn pieces_of(file: &Path) -> io::Result<Vec<Source>> {
    let bytes = read_most(file, (PIECE_BYTES * PIECES_MOST) as u64)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let pieces = bytes.chunks(PIECE_BYTES).enumerate();
    Ok(pieces
        .map(|(index, piece)| Source { name: format!("{name}, piece {}", index + 1), bytes: piece.to_vec() })
        .collect())
}

fn read_most(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(sources: &[Source]) -> Vec<&str> {
        sources.iter().map(|source| source.name.as_str()).collect()
    }

    #[test]
    fn only_what_somebody_wrote_is_taken() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        for folder in ["src/deep", ".git", "target", "node_modules", "cache", "linked"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        let files =
            ["b.md", "a.md", "src/lib.rs", "src/deep/x.rs", ".env", ".git/HEAD", "target/x", "cache/x"];
        for file in files.iter().chain(&["node_modules/x", "cache/CACHEDIR.TAG"]) {
            fs::write(root.join(file), file.as_bytes()).unwrap();
        }
        fs::write(root.join("large"), vec![0; FILE_BYTES_MOST as usize + 1]).unwrap();
        std::os::unix::fs::symlink(root.join("a.md"), root.join("link.md")).unwrap();
        std::os::unix::fs::symlink(root, root.join("linked/round")).unwrap();
        let sources = below(root).unwrap();
        assert_eq!(names(&sources), ["a.md", "b.md", "src/deep/x.rs", "src/lib.rs"]);
        assert_eq!(sources[3].bytes, b"src/lib.rs");
        assert!(below(&root.join("nowhere")).is_err());
    }

    #[test]
    fn there_is_an_end_to_them() {
        let directory = tempfile::tempdir().unwrap();
        for number in 0..=FILES_MOST {
            fs::write(directory.path().join(number.to_string()), "").unwrap();
        }
        assert_eq!(below(directory.path()).unwrap().len(), FILES_MOST);
    }

    #[test]
    fn a_large_file_can_be_cut_into_pieces() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("program");
        let bytes: Vec<u8> = (0..=250).cycle().take(2 * PIECE_BYTES + 1).collect();
        fs::write(&file, &bytes).unwrap();
        let pieces = pieces_of(&file).unwrap();
        assert_eq!(names(&pieces), ["program, piece 1", "program, piece 2", "program, piece 3"]);
        assert_eq!(pieces.into_iter().flat_map(|piece| piece.bytes).collect::<Vec<_>>(), bytes);
    }
}
