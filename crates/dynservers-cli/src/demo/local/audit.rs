//! The audit: holds the results against the files that were to be worked on, and trusts no word of a worker.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

use crate::demo::local::job::{self, Done};
use crate::demo::local::sources::Source;

/// How many names of files a sentence has at most.
const NAMES_MOST: usize = 5;

/// What must come out, taken from the files before any worker saw them.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    files: Vec<File>,
}

#[derive(Clone, Debug)]
struct File {
    name: String,
    bytes: u64,
    sha256: String,
}

impl Expected {
    /// Remembers what the files are; the job of a file has its place in the list as its number.
    pub(super) fn of(sources: &[Source]) -> Self {
        let files = sources.iter().map(|source| File {
            name: source.name.clone(),
            bytes: source.bytes.len() as u64,
            sha256: job::sha256(&source.bytes),
        });
        Self { files: files.collect() }
    }

    /// Gives how many jobs there are.
    pub(super) fn jobs(&self) -> usize {
        self.files.len()
    }
}

/// What the results say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Audit {
    /// How many jobs there were.
    pub(super) jobs: usize,
    /// How many have one right result.
    pub(super) done: usize,
    /// The files of jobs without a result.
    pub(super) lost: Vec<String>,
    /// The files of jobs with more than one.
    pub(super) twice: Vec<String>,
    /// What is wrong with results: a sentence for each.
    pub(super) wrong: Vec<String>,
    /// How many bytes went in.
    pub(super) bytes: u64,
    /// How many bytes the results have in all.
    pub(super) result_bytes: u64,
}

impl Audit {
    /// Reads every result: unpacks it, hashes it again, and holds it against the file.
    pub(super) fn of(expected: &Expected, results: &Path) -> io::Result<Self> {
        let mut audit = Self {
            jobs: expected.jobs(),
            bytes: expected.files.iter().map(|file| file.bytes).sum(),
            ..Self::default()
        };
        let mut counts = BTreeMap::<u32, usize>::new();
        let mut names: Vec<_> = fs::read_dir(results)?.collect::<io::Result<Vec<_>>>()?;
        names.sort_by_key(fs::DirEntry::file_name);
        // A hidden one is what a worker was writing when it was killed: a result has a name of its own.
        names.retain(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
        for entry in names {
            let kept = fs::read(entry.path())?;
            audit.result_bytes += kept.len() as u64;
            match check(expected, &kept) {
                Ok(job) => *counts.entry(job).or_default() += 1,
                Err(reason) => audit.wrong.push(format!("result {}: {reason}", entry.file_name().display())),
            }
        }
        for (number, file) in (0..).zip(&expected.files) {
            match counts.get(&number) {
                None => audit.lost.push(file.name.clone()),
                Some(1) => audit.done += 1,
                Some(_) => audit.twice.push(file.name.clone()),
            }
        }
        Ok(audit)
    }

    /// Gives a sentence for everything that is not as it should be.
    pub(super) fn broken(&self) -> Vec<String> {
        let mut broken = self.wrong.clone();
        if !self.lost.is_empty() {
            broken.push(format!("without a right result: {}", names(&self.lost)));
        }
        if !self.twice.is_empty() {
            broken.push(format!("with more than one result: {}", names(&self.twice)));
        }
        broken
    }
}

/// Gives the number of the job that a result is right for.
fn check(expected: &Expected, kept: &[u8]) -> Result<u32, String> {
    let (done, body) = job::part::<Done>(kept).map_err(|error| error.to_string())?;
    let file = usize::try_from(done.job).ok().and_then(|job| expected.files.get(job));
    let file = file.ok_or_else(|| format!("there was no job {}", done.job))?;
    let length = usize::try_from(file.bytes).map_err(|_| "is larger than this machine".to_owned())?;
    let bytes = decompress_to_vec_zlib_with_limit(body, length)
        .map_err(|error| format!("{} cannot be unpacked: {:?}", file.name, error.status))?;
    let found = job::sha256(&bytes);
    if (bytes.len() as u64, &found) != (file.bytes, &file.sha256) {
        return Err(format!("what is unpacked is not {}", file.name));
    }
    if (done.bytes, &done.sha256) != (file.bytes, &file.sha256) {
        return Err(format!("the hash that the worker told is not that of {}", file.name));
    }
    Ok(done.job)
}

fn names(files: &[String]) -> String {
    let named = files.iter().take(NAMES_MOST).map(String::as_str).collect::<Vec<_>>().join(", ");
    match files.len().saturating_sub(NAMES_MOST) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;
    use crate::demo::local::job::Job;

    struct Kept {
        directory: TempDir,
        expected: Expected,
    }

    type Tamper = fn(&mut Done, &mut Vec<u8>);

    fn packed(bytes: &[u8]) -> Vec<u8> {
        miniz_oxide::deflate::compress_to_vec_zlib(bytes, 6)
    }

    /// Three files and a right result of each.
    fn kept() -> Kept {
        let directory = tempfile::tempdir().unwrap();
        let texts = [("a.rs", "fn a() {}"), ("b.rs", "fn b() { b() }"), ("c.rs", "")];
        let sources = texts.map(|(name, text)| Source { name: name.to_owned(), bytes: text.into() });
        let kept = Kept { directory, expected: Expected::of(&sources) };
        for (number, source) in (0..).zip(&sources) {
            let job = Job { job: number, file: source.name.clone() };
            fs::write(kept.path(number), job::work(job, &source.bytes, "worker-1")).unwrap();
        }
        kept
    }

    impl Kept {
        fn path(&self, number: u32) -> PathBuf {
            self.directory.path().join(number.to_string())
        }

        fn audit(&self) -> Audit {
            Audit::of(&self.expected, self.directory.path()).unwrap()
        }

        fn tamper(&self, number: u32, with: impl FnOnce(&mut Done, &mut Vec<u8>)) {
            let joined = fs::read(self.path(number)).unwrap();
            let (mut done, body) = job::part::<Done>(&joined).unwrap();
            let mut body = body.to_vec();
            with(&mut done, &mut body);
            fs::write(self.path(number), job::join(&done, &body)).unwrap();
        }
    }

    #[test]
    fn right_results_pass() {
        let kept = kept();
        fs::write(kept.directory.path().join(".9-worker-1"), "half of a resu").unwrap();
        let audit = kept.audit();
        assert_eq!((audit.jobs, audit.done, audit.bytes), (3, 3, 23));
        assert_eq!(audit.broken(), [""; 0]);
    }

    #[test]
    fn a_lost_job_is_found() {
        let kept = kept();
        fs::remove_file(kept.path(1)).unwrap();
        let audit = kept.audit();
        assert_eq!((audit.done, audit.lost.as_slice()), (2, &["b.rs".to_owned()][..]));
        assert_eq!(audit.broken(), ["without a right result: b.rs"]);
    }

    #[test]
    fn a_job_that_was_done_twice_is_found_under_whatever_name() {
        let kept = kept();
        fs::copy(kept.path(1), kept.directory.path().join("again")).unwrap();
        let audit = kept.audit();
        assert_eq!((audit.done, audit.twice.as_slice()), (2, &["b.rs".to_owned()][..]));
        assert_eq!(audit.broken(), ["with more than one result: b.rs"]);
    }

    #[test]
    fn a_result_that_was_tampered_with_is_found() {
        let tampers: [(&str, Tamper); 6] = [
            ("the hash that the worker told", |done, _| done.sha256 = "0".repeat(64)),
            ("the hash that the worker told", |done, _| done.bytes += 1),
            ("what is unpacked is not b.rs", |_, body| *body = packed(b"fn b() { c() }")),
            ("b.rs cannot be unpacked", |_, body| *body = packed(&vec![0; 1_000_000])),
            ("b.rs cannot be unpacked", |_, body| body.truncate(8)),
            ("there was no job 3", |done, _| done.job = 3),
        ];
        for (told, tamper) in tampers {
            let kept = kept();
            kept.tamper(1, tamper);
            let audit = kept.audit();
            assert_eq!((audit.done, audit.lost.len(), audit.wrong.len()), (2, 1, 1), "{told}");
            assert!(audit.wrong[0].contains(told), "{:?}", audit.wrong);
        }
    }

    #[test]
    fn a_result_under_the_number_of_another_job_is_found() {
        let kept = kept();
        kept.tamper(1, |done, _| done.job = 0);
        let audit = kept.audit();
        assert_eq!((audit.done, audit.lost.len()), (2, 1));
        assert!(
            audit.wrong[0].contains("is not a.rs") || audit.wrong[0].contains("a.rs cannot"),
            "{audit:?}"
        );
    }

    #[test]
    fn long_lists_are_cut() {
        let files: Vec<String> = (0..8).map(|number| format!("{number}.rs")).collect();
        assert_eq!(names(&files), "0.rs, 1.rs, 2.rs, 3.rs, 4.rs and 3 more");
    }
}
