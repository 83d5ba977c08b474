//! Answers: what a success means for each operation.

use dynservers_core::{
    Account, Completion, CreateFromSnapshot, Failure, FoundLabels, Observed, Op, Outcome, Page, ProviderId,
    Seam, Step,
};
use http::Response;
use serde_json::Value;

use crate::envelope;
use crate::page::Offset;
use crate::wire::{self, Malformed, items, observed, string};

/// Reads an answer that is a success. One that cannot be read is lost: what it said may have happened.
///
/// `redact` takes secrets out of UpCloud's words.
pub(crate) fn read(
    op: &Op,
    step: Option<&Step>,
    response: &Response<Vec<u8>>,
    redact: &dyn Fn(&str) -> String,
) -> Completion {
    let read = match op {
        Op::Check => check(response).map(Completion::from),
        Op::Look => look(step, response),
        Op::Find(_) => page(response).map(|page| Outcome::Page(page).into()),
        Op::Inspect(id) => inspect(id, response).map(Completion::from),
        Op::Account => account(response).map(Completion::from),
        Op::CreateFromSnapshot(create) => created(create, response).map(Completion::from),
        Op::Stop { .. } | Op::Reboot { .. } | Op::Delete { .. } => accepted(response).map(Completion::from),
        _ => Err("the answer to something that was never asked"),
    };
    read.unwrap_or_else(|malformed| Outcome::Lost(failure(malformed, response, redact)).into())
}

fn failure(malformed: Malformed, response: &Response<Vec<u8>>, redact: &dyn Fn(&str) -> String) -> Failure {
    Failure {
        message: format!("UpCloud's answer cannot be read: {malformed}"),
        code: None,
        http_status: Some(response.status().as_u16()),
        correlation: envelope::correlation(response).map(|correlation| redact(&correlation)),
    }
}

fn json(response: &Response<Vec<u8>>) -> Result<Value, Malformed> {
    serde_json::from_slice(response.body()).map_err(|_| "it is not JSON")
}

fn check(response: &Response<Vec<u8>>) -> Result<Outcome, Malformed> {
    let body = json(response)?;
    let account = body.get("account").filter(|account| account.is_object()).ok_or("no account")?;
    let identity = string(account, "username").filter(|name| !name.is_empty()).map(str::to_owned);
    Ok(Outcome::Account(Account { identity, ..Account::default() }))
}

fn account(response: &Response<Vec<u8>>) -> Result<Outcome, Malformed> {
    servers(&json(response)?)?;
    Ok(Outcome::Account(Account { total: total(response), ..Account::default() }))
}

fn look(step: Option<&Step>, response: &Response<Vec<u8>>) -> Result<Completion, Malformed> {
    let offset = Offset::from_step(step).ok_or("its position in the listing is unknown")?;
    let page = page(response)?;
    let next = offset.next(page.servers.len() as u64, page.total);
    Ok(Completion { next, ..Outcome::Page(page).into() })
}

fn page(response: &Response<Vec<u8>>) -> Result<Page, Malformed> {
    let body = json(response)?;
    let servers = servers(&body)?.iter().map(observed).collect::<Result<Vec<_>, _>>()?;
    Ok(Page { servers, total: total(response), seam: Seam::Overlapping })
}

fn servers(body: &Value) -> Result<&[Value], Malformed> {
    body.get("servers").and_then(|servers| items(servers, "server")).ok_or("no list of servers")
}

/// Reads how many servers the whole listing has.
fn total(response: &Response<Vec<u8>>) -> Option<u64> {
    response.headers().get("upcloud-total-count")?.to_str().ok()?.trim().parse().ok()
}

fn inspect(asked: &ProviderId, response: &Response<Vec<u8>>) -> Result<Outcome, Malformed> {
    let body = json(response)?;
    let server = observed(body.get("server").ok_or("no server")?)?;
    if server.provider_id.as_str().eq_ignore_ascii_case(asked.as_str()) {
        // The id as the ledger knows it, should the two be written differently.
        Ok(Outcome::Inspected(Observed { provider_id: asked.clone(), ..server }))
    } else {
        Err("it is about another server")
    }
}

/// Reads the answer to a create, of which the id is the one thing that must be there.
fn created(create: &CreateFromSnapshot, response: &Response<Vec<u8>>) -> Result<Outcome, Malformed> {
    let body = json(response)?;
    let server = body.get("server").ok_or("no server")?;
    // Labels are set with the create or not at all: where the answer leaves them out, they are what we asked for.
    let labels = wire::labels(server).unwrap_or_else(|_| FoundLabels::from(&create.labels));
    Ok(Outcome::Created(Box::new(wire::described(server, wire::id(server)?, labels))))
}

/// Reads an answer of which nothing is needed but that it is the API's own: empty or JSON, not some gateway's page.
fn accepted(response: &Response<Vec<u8>>) -> Result<Outcome, Malformed> {
    if !response.body().trim_ascii().is_empty() {
        json(response)?;
    }
    Ok(Outcome::Accepted)
}
