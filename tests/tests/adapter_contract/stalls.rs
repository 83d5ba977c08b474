//! Answers that do not come in time: one deadline for everything, and then they are lost.

use std::time::{Duration, Instant};

use crate::server::Talk;
use crate::table::{Case, Told, hold_at_once};

/// Long enough for a busy machine to make a connection in half of it.
const TIMEOUT: Duration = Duration::from_secs(2);

fn overdue(name: &str, serve: impl Fn(&mut Talk, usize) + Send + Sync + 'static) -> Case {
    Case::new(name, Told::Lost("there was no whole answer within 2s".to_owned()), serve).within(TIMEOUT)
}

/// A server that reads a request, says this, and neither says more nor closes.
fn stalls_after(answer: &'static str) -> impl Fn(&mut Talk, usize) + Send + Sync + 'static {
    move |talk, _| {
        talk.request();
        talk.say(answer);
        talk.wait_for_end();
    }
}

/// A server that begins so and then says this piece by piece, each in much less than the deadline.
fn drips(begin: &'static str, piece: &'static str) -> impl Fn(&mut Talk, usize) + Send + Sync + 'static {
    move |talk, _| {
        talk.request();
        talk.say(begin);
        let mut said = Instant::now();
        while talk.say(piece) {
            while said.elapsed() < TIMEOUT / 20 {
                std::thread::park_timeout(TIMEOUT / 20);
            }
            said = Instant::now();
        }
    }
}

#[test]
fn an_answer_that_is_not_whole_by_its_deadline_is_lost() {
    let big = "x".repeat(32 * 1024 * 1024);
    let unread = |talk: &mut Talk, _: usize| talk.wait_unread();
    hold_at_once(&[
        overdue("nothing", stalls_after("")),
        overdue("half a head", stalls_after("HTTP/1.1 200 OK\r\ncont")),
        overdue("no body", stalls_after("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n")),
        overdue("half a body", stalls_after("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")),
        overdue("half a chunk", stalls_after("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nha")),
        overdue("a body without an end", stalls_after("HTTP/1.0 200 OK\r\n\r\nhalf")),
        overdue("soon, soon", stalls_after("HTTP/1.1 102 Processing\r\n\r\n")),
        overdue("drops of a head", drips("HTTP/1.1 200 OK\r\n", "x-a: b\r\n")),
        overdue("drops of a body", drips("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n", ".")),
        overdue(
            "drops of chunks",
            drips("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\n.\r\n"),
        ),
        overdue("drops of patience", drips("", "HTTP/1.1 102 Processing\r\n\r\n")),
        overdue("a request that nobody reads", unread).with_body(big).unseen(1),
    ]);
}
