//! The control API spoken without any client of ours: a request over the socket, byte for byte.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use serde_json::Value;

use crate::Fleet;

impl Fleet {
    /// Says something to the API, and gives the status and what was answered; nothing stands for no body.
    ///
    /// # Panics
    ///
    /// If nobody answers.
    #[must_use]
    pub fn say(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream =
            UnixStream::connect(self.path().join("dynservers.sock")).expect("the daemon listens");
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: \
             {length}\r\nconnection: close\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).expect("the daemon reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the daemon answers");
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        (status.expect("an answer has a status"), serde_json::from_str(body).unwrap_or_default())
    }
}
