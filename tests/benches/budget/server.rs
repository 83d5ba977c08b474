//! A server on a loopback socket around the pure emulator: one thread a connection, and no more HTTP than clients here need.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use dynservers_upcloud::emulator::{Durations, Emulator, Reaction, Settings};
use http::{Request, Response};

/// An emulated cloud in this process in which everything is done at once. Ends with this.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
}

impl Server {
    /// Begins to serve an empty account.
    pub(crate) fn start() -> Self {
        let durations = Durations {
            create: 0,
            notice: 0,
            soft_stop: 0,
            hard_stop: 0,
            restart: 0,
            start: 0,
            create_answer: 0,
            delete_answer: 0,
            answer: 0,
            spread_percent: 0,
        };
        let emulator = Arc::new(Mutex::new(Emulator::new(Settings { durations, ..Settings::default() }, 1)));
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it is bound");
        let is_over = Arc::new(AtomicBool::new(false));
        let (began, over) = (Instant::now(), Arc::clone(&is_over));
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if over.load(Ordering::Acquire) {
                    return;
                }
                let emulator = Arc::clone(&emulator);
                // A connection ends when its client goes.
                thread::spawn(move || serve(stream, &emulator, began));
            }
        });
        Self { address, is_over }
    }

    /// Gives where the API is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/1.3", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        // Whoever waits for a connection gets this one, and goes.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(mut stream: TcpStream, emulator: &Mutex<Emulator>, began: Instant) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut bytes = Vec::new();
    loop {
        let request = read(&mut stream, &mut bytes)?;
        let now_millis = began.elapsed().as_millis() as u64;
        let mut emulator = emulator.lock().unwrap_or_else(PoisonError::into_inner);
        let Reaction { response, .. } = emulator.handle(&request, now_millis);
        drop(emulator);
        stream.write_all(&written(&response)).ok()?;
    }
}

/// Reads a whole request; what comes after it stays in `bytes`. None if the client has gone.
fn read(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Request<Vec<u8>>> {
    let mut part = [0; 16 * 1024];
    loop {
        if let Some((request, length)) = parse(bytes) {
            bytes.drain(..length);
            return Some(request);
        }
        match stream.read(&mut part) {
            Ok(read) if read > 0 => bytes.extend_from_slice(&part[..read]),
            _ => return None,
        }
    }
}

fn parse(bytes: &[u8]) -> Option<(Request<Vec<u8>>, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).expect("our clients write ASCII");
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let mut request = Request::builder().method(words.next()?).uri(words.next()?);
    let mut length = 0;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().expect("our clients can count");
        }
        request = request.header(name, value);
    }
    let body = bytes.get(end..end + length)?.to_vec();
    Some((request.body(body).expect("our clients write HTTP"), end + length))
}

fn written(response: &Response<Vec<u8>>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512 + response.body().len());
    let status = response.status();
    let reason = status.canonical_reason().unwrap_or_default();
    bytes.extend_from_slice(format!("HTTP/1.1 {} {reason}\r\n", status.as_str()).as_bytes());
    for (name, value) in response.headers() {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    // An answer without content has no length.
    if status != http::StatusCode::NO_CONTENT {
        bytes.extend_from_slice(format!("content-length: {}\r\n", response.body().len()).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(response.body());
    bytes
}
