//! What depends on the process's environment, each in a process of its own.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::answers::keeps_saying;
use crate::certificates::{Certificates, Tls, converse};
use crate::server::Talk;
use crate::table::{Case, answered, hold, lost, unsent};
use crate::timely::LATER;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
/// Tells a process that it is the one of its own, and where its files are.
const FOLDER: &str = "DYNSERVERS_CONTRACT_FOLDER";

/// Runs a test again in an environment of its own; there this gives the folder of its files, and the test goes on.
fn in_its_own_process(test: &str, prepare: impl FnOnce(&Path, &mut Command)) -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return Some(folder.into());
    }
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([&format!("elsewhere::{test}"), "--exact"]).env(FOLDER, folder.path());
    prepare(folder.path(), &mut command);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    None
}

#[test]
fn a_proxy_of_the_environment_is_not_used() {
    let none = |_: &Path, command: &mut Command| {
        for name in ["http_proxy", "https_proxy", "all_proxy"] {
            // Nobody listens there.
            command.env(name, "http://127.0.0.1:1").env(name.to_uppercase(), "http://127.0.0.1:1");
        }
    };
    if in_its_own_process("a_proxy_of_the_environment_is_not_used", none).is_some() {
        hold(&[Case::new("proxies", answered(200, "ok"), keeps_saying(OK))]);
    }
}

#[test]
fn a_system_that_trusts_nobody_is_told_what_to_do() {
    let empty = |folder: &Path, command: &mut Command| {
        command.env("SSL_CERT_FILE", folder.join("none")).env("SSL_CERT_DIR", folder.join("nothing"));
    };
    if in_its_own_process("a_system_that_trusts_nobody_is_told_what_to_do", empty).is_some() {
        let told = unsent("this system has no certificates to trust");
        hold(&[
            Case::new("https", told, keeps_saying(OK)).over_tls().unseen(0),
            Case::new("http", answered(200, "ok"), keeps_saying(OK)),
        ]);
    }
}

fn trusting(folder: &Path, command: &mut Command) {
    Certificates::new().write(folder);
    command.env("SSL_CERT_FILE", folder.join("authority")).env_remove("SSL_CERT_DIR");
}

#[test]
fn an_answer_over_tls_is_handed_on_and_its_connection_used_again() {
    let test = "an_answer_over_tls_is_handed_on_and_its_connection_used_again";
    let Some(folder) = in_its_own_process(test, trusting) else { return };
    let config = Certificates::read(&folder).server();
    let serve = |answer: &'static str| {
        let config = Arc::clone(&config);
        move |talk: &mut Talk, _: usize| {
            converse(talk, &config, |tls, _| tls.write_all(answer.as_bytes()).unwrap());
        }
    };
    let cut = |answer: &'static str| {
        let config = Arc::clone(&config);
        move |talk: &mut Talk, _: usize| {
            let end = |tls: &mut Tls| tls.sock.shutdown(std::net::Shutdown::Both);
            converse(talk, &config, |tls, _| {
                tls.write_all(answer.as_bytes()).unwrap();
                end(tls).unwrap();
            });
        }
    };
    let ok = answered(200, "ok");
    hold(
        &[
            Case::new("whole", ok.clone(), serve(OK)).then(ok.clone()),
            Case::new("no answer", lost(), cut("")),
            // Whoever cuts a connection does not know TLS's own word for its end.
            Case::new("cut", lost(), cut("HTTP/1.1 200 OK\r\n\r\nhalf")),
        ]
        .map(Case::over_tls),
    );
}

#[test]
fn a_certificate_of_another_name_is_not_trusted() {
    let Some(folder) = in_its_own_process("a_certificate_of_another_name_is_not_trusted", trusting) else {
        return;
    };
    let config = Certificates::read(&folder).server();
    let serve = move |talk: &mut Talk, _: usize| converse(talk, &config, |_, _| {});
    hold(&[Case::new("another name", unsent("there was no connection"), serve)
        .over_tls_to_its_number()
        .unseen(1)]);
}

#[test]
fn a_slow_handshake_does_not_carry_a_request_past_its_time() {
    let test = "a_slow_handshake_does_not_carry_a_request_past_its_time";
    let Some(folder) = in_its_own_process(test, trusting) else { return };
    let config = Certificates::read(&folder).server();
    let serve = move |talk: &mut Talk, _: usize| {
        // It takes until the other side has begun its handshake, and the request's time passes there.
        talk.stream.peek(&mut [0]).unwrap();
        talk.clock.raise(LATER + Duration::from_millis(1));
        converse(talk, &config, |tls, _| tls.write_all(OK.as_bytes()).unwrap());
    };
    let told = unsent("its time had passed before there was a connection to send it by");
    hold(&[Case::new("slow", told, serve).over_tls().not_after(LATER).unseen(1)]);
}
