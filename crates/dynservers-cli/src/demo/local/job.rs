//! Jobs and their results: a line of JSON that says what it is, and bytes behind it.

use std::fmt::Write as _;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// How many bytes the line may have that says what it is.
pub(super) const HEAD_MOST: usize = 64 * 1024;
/// How hard zlib tries, from 0 to 10.
const LEVEL: u8 = 6;

/// What is to be done: hash these bytes, compress them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Job {
    /// Its number, by which its result is known.
    pub(super) job: u32,
    /// The file that the bytes are of, for people.
    pub(super) file: String,
}

/// What has been done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Done {
    /// The job's number.
    pub(super) job: u32,
    /// The file that the bytes are of, for people.
    pub(super) file: String,
    /// How many bytes they are.
    pub(super) bytes: u64,
    /// Their SHA-256, in hexadecimal.
    pub(super) sha256: String,
    /// The server that did it.
    pub(super) server: String,
}

/// Why bytes are no job and no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("does not begin with a line of JSON that says what it is")]
pub(crate) struct NoHead;

/// Joins a line that says what it is and bytes.
pub(super) fn join(head: &impl Serialize, body: &[u8]) -> Vec<u8> {
    let mut joined = serde_json::to_vec(head).expect("numbers and texts have a JSON form");
    joined.push(b'\n');
    joined.extend_from_slice(body);
    joined
}

/// Parts what was joined.
pub(super) fn part<T: DeserializeOwned>(joined: &[u8]) -> Result<(T, &[u8]), NoHead> {
    let end = joined.iter().take(HEAD_MOST).position(|byte| *byte == b'\n').ok_or(NoHead)?;
    let head = serde_json::from_slice(&joined[..end]).map_err(|_| NoHead)?;
    Ok((head, &joined[end + 1..]))
}

/// Does a job, and gives its result as it is kept.
pub(super) fn work(job: Job, bytes: &[u8], server: &str) -> Vec<u8> {
    let done = Done {
        job: job.job,
        file: job.file,
        bytes: bytes.len() as u64,
        sha256: sha256(bytes),
        server: server.to_owned(),
    };
    join(&done, &miniz_oxide::deflate::compress_to_vec_zlib(bytes, LEVEL))
}

/// Gives the SHA-256 of bytes in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_joined_can_be_parted() {
        let job = Job { job: 7, file: "a\nb".to_owned() };
        let joined = join(&job, b"one\ntwo");
        assert_eq!(part::<Job>(&joined), Ok((job.clone(), &b"one\ntwo"[..])));
        assert_eq!(part::<Job>(&join(&job, b"")), Ok((job, &b""[..])));
        for wrong in [&b""[..], b"{}", b"{}\n", b"\n", b"binary \xff\n"] {
            assert_eq!(part::<Job>(wrong), Err(NoHead), "{wrong:?}");
        }
    }

    #[test]
    fn work_hashes_and_compresses() {
        // The hash is that of FIPS 180-2, appendix B.1.
        let result = work(Job { job: 7, file: "abc".to_owned() }, b"abc", "worker-1");
        let (done, body) = part::<Done>(&result).unwrap();
        assert_eq!(done.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!((done.job, done.bytes, done.server.as_str()), (7, 3, "worker-1"));
        assert_eq!(miniz_oxide::inflate::decompress_to_vec_zlib(body).unwrap(), b"abc");
        let zeros = vec![0; 100_000];
        assert!(work(Job { job: 7, file: "zeros".to_owned() }, &zeros, "worker-1").len() < 1_000);
    }
}
