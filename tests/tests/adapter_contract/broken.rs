//! Answers that are none, or not whole: lost, and never asked for again.

use std::net::Shutdown;

use crate::answers::says;
use crate::server::Talk;
use crate::table::{Case, answered, hold, lost};

fn broken(answer: &'static str) -> Case {
    Case::new(format!("{answer:?}"), lost(), says(answer))
}

#[test]
fn an_answer_that_is_cut_is_lost() {
    hold(
        &[
            "",
            "HTTP/1.1 200 OK\r\ncontent-le",
            "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nA\r\nhalf",
            "HTTP/1.1 100 Continue\r\n\r\n",
        ]
        .map(broken),
    );
}

#[test]
fn an_answer_that_is_no_http_is_lost() {
    hold(
        &[
            "SMTP ready, say hello\r\n\r\n",
            "\u{16}\u{3}\u{1}\u{2}",
            "{\"servers\": []}\r\n\r\n",
            "HTTP/1.1 999999 What\r\n\r\n",
            "HTTP/1.1 abc What\r\n\r\n",
            "HTTP/3.7 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nno header\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\na: \0\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\nbody",
            "HTTP/1.1 200 OK\r\ncontent-length: -4\r\n\r\nbody",
            "HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nbody!",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nmany\r\nbody\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nbody\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody too long\r\n0\r\n\r\n",
        ]
        .map(broken),
    );
}

#[test]
fn a_connection_that_ends_without_an_answer_is_lost_and_not_tried_again() {
    let reset = |after: &'static str| {
        move |talk: &mut Talk, _: usize| {
            talk.request();
            talk.say(after);
            talk.reset();
        }
    };
    hold(&[
        Case::new("closed unread", lost(), |_: &mut Talk, _: usize| {}).unseen(1),
        Case::new("closed half read", lost(), |talk: &mut Talk, _: usize| talk.head()).unseen(1),
        Case::new("reset", lost(), reset("")),
        Case::new("reset in the head", lost(), reset("HTTP/1.1 200 OK\r\ncontent-le")),
    ]);
}

#[test]
fn a_reset_is_not_the_end_of_a_body_whose_length_nobody_told() {
    let half = |talk: &mut Talk, _: usize| {
        talk.request();
        talk.say("HTTP/1.1 200 OK\r\n\r\nhalf");
        talk.reset();
    };
    hold(&[Case::new("reset in the body", lost(), half)]);
}

#[test]
fn an_answer_that_comes_before_the_request_was_read_is_an_answer() {
    const TOO_MUCH: &str = "HTTP/1.1 413 Too Much\r\ncontent-length: 8\r\n\r\ntoo much";
    let told = answered(413, "too much");
    hold(&[
        Case::new("after the head", told.clone(), |talk: &mut Talk, _: usize| {
            talk.head();
            talk.say(TOO_MUCH);
            talk.wait_for_end();
        })
        .unseen(1),
        Case::new("and no more reading", told, |talk: &mut Talk, _: usize| {
            talk.head();
            talk.say(TOO_MUCH);
            talk.stream.shutdown(Shutdown::Write).unwrap();
            talk.wait_for_end();
        })
        .unseen(1),
    ]);
}
