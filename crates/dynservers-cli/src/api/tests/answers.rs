//! Commands and questions, and what is answered to good and bad ones.

use std::path::Path;

use dynservers_core::{Done, Refusal, TypeName};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use super::*;
use crate::api::client::ClientError;
use crate::api::wire::Source;

#[tokio::test]
async fn commands_reach_the_fleet_and_bring_back_its_answer() {
    let harness = Harness::unix().await;
    let client = harness.client();
    let web = TypeName::new("web").unwrap();
    let done = client.ensure(&web, 12).await.unwrap();
    assert_eq!(done, Done::Desired { server_type: web.clone(), before: Some(1), requested: 12, desired: 10 });
    client.increase(&web, 2).await.unwrap();
    client.reboot(&web).await.unwrap();
    assert_eq!(client.takeover().await.unwrap(), Done::TakenOver { servers: 2 });
    let told = harness.told();
    assert_eq!(told.len(), 4);
    assert_ne!(told[0].id, told[1].id, "each command has a key of its own");
}

#[tokio::test]
async fn status_and_servers_read_back_as_sent() {
    let harness = Harness::unix().await;
    let status = harness.client().status().await.unwrap();
    assert_eq!((status.fleet.as_str(), status.source), ("workers", Source::Daemon));
    assert_eq!(status.types.len(), samples::view().types.len());
    let list = harness.client().servers().await.unwrap();
    assert_eq!(list.servers.len(), samples::records().len());
    assert!(list.servers.is_sorted_by_key(|server| server.id));
    let (status, _, body) =
        harness.raw("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert_eq!((status, body["fleet"].as_str()), (200, Some("workers")));
}

#[tokio::test]
async fn the_idempotency_key_is_the_commands_id() {
    let harness = Harness::unix().await;
    let path = "/v1/types/web/desired";
    let answer = harness.put(path, "Idempotency-Key: once\r\n", r#"{"count":5}"#).await;
    assert_eq!((answer.0, &answer.2["desired"]), (200, &Value::from(5)));
    assert_eq!(harness.told()[0].id.as_str(), "once");
    let long = format!("Idempotency-Key: {}\r\n", "k".repeat(256));
    assert_problem(harness.put(path, &long, r#"{"count":5}"#).await, 400, "1 to 255");
    let two = "Idempotency-Key: a\r\nIdempotency-Key: b\r\n";
    assert_problem(harness.put(path, two, r#"{"count":5}"#).await, 400, "one Idempotency-Key");
    assert_eq!(harness.told().len(), 1);
}

#[tokio::test]
async fn refusals_are_problems_that_carry_the_refusal() {
    let harness = Harness::unix().await;
    let client = harness.client();
    let Err(ClientError::Refused(problem)) = client.ensure(&TypeName::new("db").unwrap(), 1).await else {
        panic!("not refused");
    };
    assert_eq!((problem.status, problem.kind.as_str()), (404, "/problems/unknown-type"));
    assert!(problem.detail.contains("web"), "{}", problem.detail);
    assert!(matches!(problem.refusal.as_deref(), Some(Refusal::UnknownType { .. })));
    assert_problem(harness.put("/v1/types/Not%20A%20Name/desired", "", r#"{"count":1}"#).await, 404, "web");

    let Err(ClientError::Refused(problem)) = client.decrease(&TypeName::new("web").unwrap(), 1).await else {
        panic!("not refused");
    };
    assert_eq!(problem.status, 503);
    let Err(ClientError::Refused(problem)) = client.resume().await else { panic!("not refused") };
    assert_eq!(problem.status, 422);
}

#[tokio::test]
async fn bad_requests_are_problems_and_reach_nobody() {
    let harness = Harness::unix().await;
    let path = "/v1/types/web/desired";
    for (body, status, detail) in [
        ("{", 400, "EOF"),
        ("", 400, "needs a body"),
        (r#"{"count":-1}"#, 422, "-1"),
        (r#"{"count":1.5}"#, 422, "1.5"),
        (r#"{"count":4294967296}"#, 422, "4294967296"),
        (r#"{"by":1}"#, 422, "by"),
        (r#"{"count":1,"force":true}"#, 422, "force"),
        ("5", 422, "5"),
    ] {
        assert_problem(harness.put(path, "", body).await, status, detail);
    }
    assert_problem(harness.put(path, "", &" ".repeat(17 * 1024)).await, 413, "limit");
    assert_problem(harness.put("/v1/types/web/increase", "", "{}").await, 405, "method");
    assert_problem(harness.put("/v2/anything", "", "{}").await, 404, "nothing");
    let plain = "PUT /v1/types/web/desired HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 11\r\n\
                 Content-Type: text/plain\r\n\r\n{\"count\":5}";
    assert_problem(harness.raw(plain).await, 415, "Content-Type");
    assert_eq!(harness.raw("complete nonsense\r\n\r\n").await.0, 400);
    assert!(harness.told().is_empty());
}

#[tokio::test]
async fn on_tcp_every_call_needs_the_token_and_a_host_of_this_machine() {
    let harness = Harness::tcp().await;
    let client = harness.client();
    assert_eq!(client.status().await.unwrap().fleet.as_str(), "workers");

    let Endpoint::Tcp { address, token_file } = &harness.endpoint else { panic!("not TCP") };
    let authorization = ApiToken::read(token_file).unwrap().authorization();
    let get = |host: &str, authorization: &str| {
        format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{authorization}\r\n")
    };
    let with_token = format!("Authorization: {authorization}\r\n");
    assert_eq!(harness.raw(&get(&address.to_string(), &with_token)).await.0, 200);
    assert_problem(harness.raw(&get("evil.example", &with_token)).await, 421, "Host");
    assert_problem(harness.raw(&get("localhost", "")).await, 401, "Bearer");
    let wrong = harness.raw(&get("localhost", "Authorization: Bearer 0000\r\n")).await;
    assert!(wrong.1.contains("www-authenticate: bearer"), "{}", wrong.1);
    assert_problem(wrong, 401, "token");
}

#[tokio::test]
async fn a_token_that_cannot_be_read_is_told_apart() {
    let harness = Harness::tcp().await;
    let Endpoint::Tcp { address, .. } = &harness.endpoint else { panic!("not TCP") };
    let token_file = harness.directory.path().join("missing");
    let client = Client::new(Endpoint::Tcp { address: *address, token_file });
    assert!(matches!(client.status().await, Err(ClientError::NoToken { .. })));
}

#[tokio::test]
async fn without_a_daemon_the_client_says_how_to_start_one() {
    let client = Client::new(Endpoint::Unix(Path::new("/nonexistent/api.sock").to_owned()));
    let error = client.status().await.unwrap_err();
    assert!(matches!(error, ClientError::NoDaemon { .. }));
    assert!(error.to_string().contains("dynservers run"), "{error}");
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_with_the_same_key() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("api.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let body = r#"{"done":"taken_over","servers":1}"#;
    let whole = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let cut = whole[..whole.len() - 5].to_owned();
    let seen = tokio::spawn(async move {
        let mut keys = Vec::new();
        for answer in [String::new(), cut, whole] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            let request = String::from_utf8_lossy(&request[..length]).to_lowercase();
            keys.push(request.lines().find(|line| line.starts_with("idempotency-key")).unwrap().to_owned());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        keys
    });
    let done = Client::new(Endpoint::Unix(path)).takeover().await.unwrap();
    assert_eq!(done, Done::TakenOver { servers: 1 });
    let keys = seen.await.unwrap();
    assert!(keys.len() == 3 && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}

#[tokio::test]
async fn a_fleet_that_ended_is_unavailable() {
    let harness = Harness::unix_before(Double { stopped: true, ..Double::default() }).await;
    let Err(ClientError::Refused(problem)) = harness.client().takeover().await else { panic!("not refused") };
    assert_eq!(problem.status, 503);
}

#[tokio::test]
async fn the_server_ends_when_told_and_takes_its_socket_with_it() {
    let harness = Harness::unix().await;
    let Endpoint::Unix(path) = harness.endpoint.clone() else { panic!("not a socket") };
    // An idle connection does not hold it up.
    let idle = UnixStream::connect(&path).await.unwrap();
    harness.stop.send(true).unwrap();
    harness.serving.await.unwrap();
    assert!(!path.exists());
    drop(idle);
}

/// Such a daemon is alive: what it left in its store is no news, and its place is not free.
#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_daemon_that_lets_nobody_in_is_not_taken_for_none() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("api.sock");
    let socket = tokio::net::UnixSocket::new_stream().unwrap();
    socket.bind(&path).unwrap();
    let _listener = socket.listen(1).unwrap();
    let mut queue = Vec::new();
    while let Ok(stream) = UnixStream::connect(&path).await {
        queue.push(stream);
    }
    let error = Client::new(Endpoint::Unix(path)).status().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
}
