//! Requests: one for each operation, or for each page of it.

use std::time::Duration;

use dynservers_core::labels::{FLEET, TOKEN};
use dynservers_core::{Failure, FleetName, Op, ProviderId, Step, StopMode};
use dynservers_http::Secrets;
use http::Method;
use serde_json::json;

use crate::create;
use crate::page::Offset;

/// How long UpCloud lets a guest take to shut down, in seconds; anything else is brought within.
const STOP_TIMEOUT_SECONDS: std::ops::RangeInclusive<u64> = 1..=600;

/// A request without what all requests share.
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Path and query below the base URL.
    pub(crate) target: String,
    pub(crate) body: Option<Vec<u8>>,
}

impl Call {
    fn get(target: impl Into<String>) -> Self {
        Self { method: Method::GET, target: target.into(), body: None }
    }

    fn post(target: impl Into<String>, body: Vec<u8>) -> Self {
        Self { method: Method::POST, target: target.into(), body: Some(body) }
    }

    /// Makes the call of an operation.
    pub(crate) fn new(
        op: &Op,
        step: Option<&Step>,
        fleet: &FleetName,
        page_size: u32,
        secrets: &dyn Secrets,
    ) -> Result<Self, Failure> {
        Ok(match op {
            Op::Check => Self::get("/account"),
            Op::Look => {
                let Offset(offset) = Offset::from_step(step)
                    .ok_or_else(|| Failure::new("the position in the listing cannot be read"))?;
                Self::get(format!("/server?label={FLEET}%3D{fleet}&limit={page_size}&offset={offset}"))
            }
            // One page by nature: a token is carried by one server, or by the few of a request that was repeated.
            Op::Find(token) => Self::get(format!(
                "/server?label={FLEET}%3D{fleet}&label={TOKEN}%3D{token}&limit={page_size}&offset=0"
            )),
            // The total comes in a header: one server is enough of a listing.
            Op::Account => Self::get("/server?limit=1"),
            Op::Inspect(server) => Self::get(path(server, "")?),
            Op::CreateFromSnapshot(new) => Self::post("/server", create::body(new, secrets)?),
            Op::Stop { provider_id, mode } => Self::post(path(provider_id, "/stop")?, stop_body(*mode)),
            Op::Reboot { provider_id, timeout } => {
                Self::post(path(provider_id, "/restart")?, restart_body(*timeout))
            }
            Op::Delete { provider_id, .. } => Self {
                method: Method::DELETE,
                target: path(provider_id, "?storages=1&backups=delete")?,
                body: None,
            },
            other => return Err(Failure::new(format!("UpCloud has no way to {}", other.name()))),
        })
    }
}

/// Whether a text can be the id of a server of UpCloud; such a text is safe in a path.
pub(crate) fn is_server_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn path(server: &ProviderId, rest: &str) -> Result<String, Failure> {
    if is_server_id(server.as_str()) {
        Ok(format!("/server/{server}{rest}"))
    } else {
        Err(Failure::new(format!("{:?} is not the id of a server of UpCloud", server.as_str())))
    }
}

fn stop_body(mode: StopMode) -> Vec<u8> {
    let stop = match mode {
        StopMode::Soft { timeout } => json!({ "stop_type": "soft", "timeout": seconds(timeout) }),
        StopMode::Hard => json!({ "stop_type": "hard" }),
    };
    json!({ "stop_server": stop }).to_string().into_bytes()
}

fn restart_body(timeout: Duration) -> Vec<u8> {
    // With `ignore`, the default, a guest that does not listen is simply not restarted.
    let restart = json!({ "stop_type": "soft", "timeout": seconds(timeout), "timeout_action": "destroy" });
    json!({ "restart_server": restart }).to_string().into_bytes()
}

/// Writes a timeout as UpCloud reads it: whole seconds, rounded up, from 1 to 600, as a string (a number is ignored).
fn seconds(timeout: Duration) -> String {
    let whole = timeout.as_secs().saturating_add(u64::from(timeout.subsec_nanos() > 0));
    whole.clamp(*STOP_TIMEOUT_SECONDS.start(), *STOP_TIMEOUT_SECONDS.end()).to_string()
}
