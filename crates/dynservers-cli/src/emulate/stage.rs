//! The stage: where the emulator's reactions are acted out, delays and cuts included.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use dynservers_upcloud::emulator::{Emulator, Fate, Reaction};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::Instant;

/// The longest request body that is read.
const BODY_CAP: usize = 1024 * 1024;

/// Where reactions are acted out.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    emulator: Arc<Mutex<Emulator>>,
    began: Instant,
    time_scale: f64,
}

/// The connection is to be closed without a byte.
#[derive(Debug, Error)]
#[error("cut on purpose")]
pub(super) struct Cut;

impl Stage {
    /// Begins the emulator's time, `time_scale` times as fast as the real one.
    pub(super) fn new(emulator: Arc<Mutex<Emulator>>, time_scale: f64) -> Self {
        Self { emulator, began: Instant::now(), time_scale }
    }

    /// Answers every request of one connection.
    pub(super) async fn connection(self, stream: TcpStream) {
        let service = service_fn(|request| self.clone().answer(request));
        // How a connection ends is the client's business, or on purpose.
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Staged>, Cut> {
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, BODY_CAP).collect().await else {
            let mut response = Response::new(Staged::whole(Vec::new()));
            *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            return Ok(response);
        };
        let request = Request::from_parts(head, body.to_bytes().to_vec());
        let Reaction { fate, response } = self.handle(&request);
        match fate {
            Fate::Answer => Ok(response.map(Staged::whole)),
            Fate::AnswerAfter(delay) => {
                tokio::time::sleep(delay.div_f64(self.time_scale)).await;
                Ok(response.map(Staged::whole))
            }
            Fate::CutMidAnswer if !response.body().is_empty() => Ok(response.map(Staged::half)),
            Fate::Hang => match std::future::pending::<Infallible>().await {},
            // An answer without a body has no middle that a client could see.
            Fate::CutMidAnswer | Fate::CutBeforeAnswer | Fate::CutBeforeProcessing => Err(Cut),
        }
    }

    fn handle(&self, request: &Request<Vec<u8>>) -> Reaction {
        let passed = self.began.elapsed().mul_f64(self.time_scale);
        let now_millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        self.locked().handle(request, now_millis)
    }

    fn locked(&self) -> MutexGuard<'_, Emulator> {
        // Each request leaves the emulator whole, even one that panicked in a test's own hands.
        self.emulator.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body that arrives whole, or half and then not at all.
#[derive(Debug)]
enum Staged {
    /// All of it, or its first half with the length of all of it.
    Ready { data: Bytes, length: u64 },
    /// The half was handed over, and is to leave before the cut.
    Flushing,
    /// The cut.
    Cutting,
    /// The end of a whole body.
    Over,
}

impl Staged {
    fn whole(body: Vec<u8>) -> Self {
        Self::Ready { length: body.len() as u64, data: body.into() }
    }

    fn half(mut body: Vec<u8>) -> Self {
        let length = body.len() as u64;
        body.truncate(body.len() / 2);
        Self::Ready { length, data: body.into() }
    }
}

impl Body for Staged {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match std::mem::replace(&mut *self, Self::Over) {
            Self::Ready { data, length } => {
                if (data.len() as u64) < length {
                    *self = Self::Flushing;
                }
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            Self::Flushing => {
                *self = Self::Cutting;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Self::Cutting => Poll::Ready(Some(Err(Cut))),
            Self::Over => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Over | Self::Ready { length: 0, .. })
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Ready { length, .. } => SizeHint::with_exact(*length),
            Self::Flushing | Self::Cutting => SizeHint::default(),
            Self::Over => SizeHint::with_exact(0),
        }
    }
}
