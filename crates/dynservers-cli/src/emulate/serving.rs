//! Serving: the emulator on a socket, until it is told to stop.

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex};

use dynservers_upcloud::emulator::Emulator;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::stage::Stage;

/// Serves an emulator on a socket until `shutdown`; then every connection is dropped.
///
/// The emulator's time is the real time since the call, `time_scale` times as fast.
///
/// # Errors
///
/// If no connection can be accepted any more.
pub(crate) async fn serve(
    listener: TcpListener,
    emulator: Arc<Mutex<Emulator>>,
    time_scale: f64,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let stage = Stage::new(emulator, time_scale);
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => return Ok(()),
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(stage.clone().connection(stream));
                }
                // The client was gone before it was let in.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(error),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use dynservers_upcloud::emulator::{Call, Fault, FaultRule, Settings, Snapshot};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio::sync::oneshot;

    use super::*;

    const LIST: &str =
        "GET /1.3/server HTTP/1.1\r\nhost: x\r\nauthorization: Bearer any\r\nconnection: close\r\n\r\n";

    /// Serves while `client` talks to it.
    async fn while_served<T>(faults: Vec<FaultRule>, client: impl AsyncFnOnce(SocketAddr) -> T) -> T {
        let settings = Settings { faults, ..Settings::default() };
        let emulator = Arc::new(Mutex::new(Emulator::new(settings, 1)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (over, shutdown) = oneshot::channel::<()>();
        let shutdown = async {
            let _ = shutdown.await;
        };
        let server = tokio::spawn(serve(listener, emulator, 1_000.0, shutdown));
        let result = client(address).await;
        over.send(()).unwrap();
        server.await.unwrap().unwrap();
        result
    }

    /// Sends a request and gives every byte that comes before the connection ends.
    async fn exchange(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut received = Vec::new();
        // A cut may end as a reset: what came before it counts.
        let _ = stream.read_to_end(&mut received).await;
        String::from_utf8(received).unwrap()
    }

    fn once(fault: Fault) -> Vec<FaultRule> {
        vec![FaultRule { times: Some(1), ..FaultRule::every(1, Call::List, fault) }]
    }

    #[tokio::test]
    async fn an_answer_arrives_whole_and_after_its_delay() {
        let answer = while_served(Vec::new(), async |address| exchange(address, LIST).await).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("upcloud-total-count: 0\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\n{\"servers\":{\"server\":[]}}"), "{answer}");
        let body = format!(
            "{{\"server\":{{\"hostname\":\"a\",\"title\":\"a\",\"zone\":\"de-fra1\",\"plan\":\"1xCPU-1GB\",\
             \"storage_devices\":{{\"storage_device\":[{{\"action\":\"clone\",\"storage\":\"{}\"}}]}}}}}}",
            Snapshot::CUSTOM_IMAGE
        );
        let create = format!(
            "POST /1.3/server HTTP/1.1\r\nhost: x\r\nauthorization: Bearer any\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = while_served(Vec::new(), async |address| exchange(address, &create).await).await;
        assert!(answer.starts_with("HTTP/1.1 202 Accepted\r\n"), "{answer}");
    }

    #[tokio::test]
    async fn a_lost_answer_is_a_connection_that_closes_without_a_byte() {
        for fault in [Fault::Lost, Fault::Refused] {
            let answer = while_served(once(fault), async |address| exchange(address, LIST).await).await;
            assert_eq!(answer, "", "{fault:?}");
        }
    }

    #[tokio::test]
    async fn a_cut_answer_has_its_head_and_half_of_its_body() {
        let answer = while_served(once(Fault::Cut), async |address| exchange(address, LIST).await).await;
        assert!(answer.contains("content-length: 25\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\n{\"servers\":{"), "{answer}");
    }

    #[tokio::test]
    async fn a_hung_request_stays_open_and_hinders_nobody() {
        while_served(once(Fault::Hang), async |address| {
            let mut hung = TcpStream::connect(address).await.unwrap();
            hung.write_all(LIST.as_bytes()).await.unwrap();
            // The fault befalls the first listing that is read: go on once it has been counted.
            let report = "GET /_emulator/report HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
            while !exchange(address, report).await.contains("\"requests\":1") {}
            assert!(exchange(address, LIST).await.starts_with("HTTP/1.1 200 OK\r\n"));
            let mut byte = [0];
            let nothing = hung.try_read(&mut byte);
            assert_eq!(nothing.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        })
        .await;
    }
}
