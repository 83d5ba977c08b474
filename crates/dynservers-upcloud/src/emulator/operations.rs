//! What can be done with a server that exists: stop, start, restart, modify, delete.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use super::attributes::Attributes;
use super::cloud::Step;
use super::labels;
use super::order;
use super::problem::Problem;
use super::route::Target;
use super::server::{Server, State};
use super::settings::{Capacity, ErrorServers, Guests};
use super::{Answer, Emulator};

/// How a guest is brought down.
enum Shutdown {
    /// The power is cut.
    Hard,
    /// It is asked; after the timeout, if one was given, something else follows.
    Soft { timeout_millis: Option<u64> },
}

impl Emulator {
    pub(super) fn stop(&mut self, uuid: &str, body: &[u8]) -> Result<Answer, Problem> {
        let (number, server) = self.own_server(uuid)?;
        let stoppable = match server.state {
            State::Started => !server.is_busy(),
            State::Error => self.settings.error_servers != ErrorServers::Locked,
            State::Stopped | State::Maintenance | State::PendingDelete | State::Unheard => false,
        };
        if !stoppable {
            return Err(refused_in_state(server));
        }
        let shutdown = read_shutdown(body, "stop_server", &["stop_type", "timeout"])?.0;
        let durations = &self.settings.durations;
        let notice = durations.notice;
        let hard = self.random.around(durations.hard_stop, durations.spread_percent);
        let settled = match shutdown {
            Shutdown::Hard => Step::last(notice + hard, State::Stopped),
            Shutdown::Soft { timeout_millis } => {
                match (self.guest_down_millis(timeout_millis), timeout_millis) {
                    (Some(down), _) => Step::last(notice + down, State::Stopped),
                    (None, Some(timeout)) => Step::last(notice + timeout + hard, State::Stopped),
                    // Nobody forces a guest that was only asked: it runs on.
                    (None, None) => Step::last(notice + self.settings.durations.soft_stop, State::Started),
                }
            }
        };
        // The answer still reads `started`, and so do the next looks.
        let answer = Answer::ok(self.details(number));
        self.cloud.operate(number, &[Step::passing(notice, State::Maintenance), settled]);
        Ok(answer)
    }

    pub(super) fn restart(&mut self, uuid: &str, body: &[u8]) -> Result<Answer, Problem> {
        let (number, server) = self.own_server(uuid)?;
        if server.state != State::Started || server.is_busy() {
            return Err(refused_in_state(server));
        }
        let known = ["stop_type", "timeout", "timeout_action", "host"];
        let (shutdown, destroys) = read_shutdown(body, "restart_server", &known)?;
        let durations = &self.settings.durations;
        let notice = durations.notice;
        let up = self.random.around(durations.restart, durations.spread_percent);
        let settled = match shutdown {
            Shutdown::Hard => Step::booted(notice + up),
            Shutdown::Soft { timeout_millis: None } => {
                return Err(Problem::missing("TIMEOUT_MISSING", "timeout"));
            }
            Shutdown::Soft { timeout_millis: Some(timeout) } => match self.guest_down_millis(Some(timeout)) {
                Some(down) => Step::booted(notice + down + up),
                None if destroys => Step::booted(notice + timeout + up),
                // The restart is given up, and nothing tells that it has not happened.
                None => Step::last(notice + timeout, State::Started),
            },
        };
        let answer = Answer::ok(self.details(number));
        self.cloud.operate(number, &[Step::passing(notice, State::Maintenance), settled]);
        Ok(answer)
    }

    pub(super) fn start(&mut self, uuid: &str, body: &[u8]) -> Result<Answer, Problem> {
        let (number, server) = self.own_server(uuid)?;
        if server.state != State::Stopped || server.is_busy() {
            return Err(refused_in_state(server));
        }
        if let Some(body) = parsed(body)? {
            let server = Attributes::wrapped(&body, "server")?;
            Attributes::of(&server, "server", &["host", "avoid_host", "start_type"])?;
        }
        if self.settings.capacity == Capacity::Exhausted {
            return Err(no_capacity());
        }
        let durations = &self.settings.durations;
        let up = self.random.around(durations.start, durations.spread_percent);
        self.cloud.operate(number, &[Step::passing(0, State::Maintenance), Step::booted(up)]);
        // The call blocks until the server has started, so its answer reads as it will be then.
        let mut details = self.details(number);
        details["server"]["state"] = State::Started.as_str().into();
        Ok(Answer { after: Duration::from_millis(up), ..Answer::ok(details) })
    }

    /// Changes the attributes that are sent; labels are replaced as a whole.
    pub(super) fn modify(&mut self, uuid: &str, body: &[u8]) -> Result<Answer, Problem> {
        let (number, server) = self.own_server(uuid)?;
        let body = parsed(body)?.ok_or_else(|| Problem::unknown_attribute("server"))?;
        let changes = Attributes::wrapped(&body, "server")?;
        let changes = Attributes::of(&changes, "server", &["hostname", "labels", "plan", "title"])?;
        let title = order::read_title(changes)?.map(ToOwned::to_owned);
        let hostname = order::read_hostname(changes)?.map(ToOwned::to_owned);
        let labels = changes.get("labels").map(labels::read).transpose()?;
        let plan = changes.get("plan").map(|_| order::read_plan(changes)).transpose()?;
        if server.state == State::Maintenance || (plan.is_some() && server.state != State::Stopped) {
            return Err(refused_in_state(server));
        }
        if let Some(labels) = labels {
            self.cloud.relabel(number, labels);
        }
        if let Some(server) = self.cloud.server_mut(number) {
            server.title = title.unwrap_or_else(|| std::mem::take(&mut server.title));
            server.hostname = hostname.unwrap_or_else(|| std::mem::take(&mut server.hostname));
            server.plan = plan.unwrap_or(server.plan);
        }
        Ok(Answer { status: StatusCode::ACCEPTED, ..Answer::ok(self.details(number)) })
    }

    pub(super) fn delete(&mut self, uuid: &str, target: &Target) -> Result<Answer, Problem> {
        let (number, server) = self.own_server(uuid)?;
        let policies = [None, Some("keep"), Some("keep_latest"), Some("delete")];
        if !policies.contains(&target.value("backups")) {
            let message = "The value of backups is not a deletion policy.";
            return Err(Problem::invalid("BACKUP_DELETION_POLICY_INVALID", message));
        }
        let deletable = match server.state {
            State::Stopped => !server.is_busy(),
            State::Error => self.settings.error_servers == ErrorServers::Deletable,
            State::Started | State::Maintenance | State::PendingDelete | State::Unheard => false,
        };
        if !deletable {
            return Err(refused_in_state(server));
        }
        let with_disks = matches!(target.value("storages"), Some("1" | "true"));
        self.remove(number, with_disks, false);
        let after = Duration::from_millis(self.settings.durations.delete_answer);
        Ok(Answer { after, ..Answer::nothing() })
    }

    pub(super) fn inspect_storage(&self, uuid: &str) -> Result<Answer, Problem> {
        let online = |title: &str, size: u64, kind: &str, zone: &str| {
            json!({"storage": {
                "uuid": uuid, "title": title, "size": size, "type": kind, "zone": zone,
                "access": "private", "state": "online", "labels": [],
            }})
        };
        if let Some(disk) = self.cloud.disk(uuid) {
            return Ok(Answer::ok(online(&disk.title, disk.size, "normal", &disk.zone)));
        }
        let snapshot = self.settings.snapshots.iter().find(|snapshot| snapshot.uuid == uuid);
        let snapshot = snapshot.ok_or_else(|| Problem::no_storage(uuid))?;
        let zone = snapshot.zone.as_deref().unwrap_or_default();
        Ok(Answer::ok(online(&snapshot.title, snapshot.size, "template", zone)))
    }

    /// Deletes a disk that no server has.
    pub(super) fn delete_storage(&mut self, uuid: &str) -> Result<Answer, Problem> {
        let disk = self.cloud.disk(uuid).ok_or_else(|| Problem::no_storage(uuid))?;
        if disk.server.is_some() {
            let message = format!("The storage {uuid} is attached to a server.");
            return Err(Problem::conflict("STORAGE_ATTACHED", message));
        }
        self.cloud.remove_disk(uuid);
        Ok(Answer::nothing())
    }

    /// Gives how long the guest takes to shut down, if it does so in time.
    fn guest_down_millis(&mut self, timeout_millis: Option<u64>) -> Option<u64> {
        let durations = &self.settings.durations;
        let down = self.random.around(durations.soft_stop, durations.spread_percent);
        let heeds = self.settings.guests == Guests::ShutDown;
        (heeds && timeout_millis.is_none_or(|timeout| down <= timeout)).then_some(down)
    }
}

/// Reads a body, which may be missing.
pub(super) fn parsed(body: &[u8]) -> Result<Option<Value>, Problem> {
    if body.is_empty() {
        return Ok(None);
    }
    let parsed = serde_json::from_slice(body).map(Some);
    parsed.map_err(|error| Problem::invalid("REQUEST_INVALID", format!("The request is not JSON: {error}.")))
}

pub(super) fn no_capacity() -> Problem {
    Problem::conflict("SERVER_RESOURCES_UNAVAILABLE", "There are not enough resources for the server.")
}

/// Refuses an operation. One that runs unseen reads as the maintenance that it is about to be.
fn refused_in_state(server: &Server) -> Problem {
    let state = if server.is_busy() { State::Maintenance } else { server.state };
    Problem::wrong_state(&server.uuid, state.as_str())
}

/// Reads how to bring a guest down, and whether it is destroyed if it does not heed.
fn read_shutdown(body: &[u8], wrapper: &str, known: &[&str]) -> Result<(Shutdown, bool), Problem> {
    let Some(body) = parsed(body)? else { return Ok((Shutdown::Soft { timeout_millis: None }, false)) };
    let inner = Attributes::wrapped(&body, wrapper)?;
    let attributes = Attributes::of(&inner, wrapper, known)?;
    let stop_type = attributes.one_of("stop_type", "STOP_TYPE_INVALID", &["soft", "hard"])?;
    let action = attributes.one_of("timeout_action", "TIMEOUT_ACTION_INVALID", &["ignore", "destroy"])?;
    let hard = stop_type == Some("hard");
    let timeout = match attributes.get("timeout") {
        // A number is accepted and ignored: a trap that must stay a trap here.
        None | Some(Value::Number(_)) => None,
        Some(value) => {
            let seconds = value.as_str().and_then(|text| text.parse::<u64>().ok());
            let message = "The timeout is not a number of seconds from 1 to 600, written as a text.";
            let refused = || Problem::invalid("TIMEOUT_INVALID", message);
            // A hard stop was seen to accept more than the documented range.
            Some(seconds.filter(|seconds| hard || (1..=600).contains(seconds)).ok_or_else(refused)?)
        }
    };
    let timeout_millis = timeout.map(|seconds| seconds.saturating_mul(1_000));
    let shutdown = if hard { Shutdown::Hard } else { Shutdown::Soft { timeout_millis } };
    Ok((shutdown, action == Some("destroy")))
}
