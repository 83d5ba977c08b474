//! An emulated UpCloud in a process of its own, and the hands of its operator.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use dynservers_upcloud::emulator::{Report, ServerSeen};
use serde_json::{Value, json};

use crate::process::{Process, binary};

/// A running emulator.
#[derive(Debug)]
pub struct Cloud {
    _process: Process,
    base: String,
}

impl Cloud {
    /// Starts one whose clock runs at `speed`.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    #[must_use]
    pub fn start(speed: u32) -> Self {
        let mut command = Command::new(binary());
        command.args(["emulate", "upcloud", "--listen", "127.0.0.1:0", "--speed", &speed.to_string()]);
        let mut process = Process::spawn(command.stdout(Stdio::piped()).stderr(Stdio::inherit()));
        let stdout = process.output();
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("the emulator says where it listens");
        let url = line.trim().rsplit(' ').next().expect("the address is the last word").to_owned();
        let base = url.strip_suffix("/1.3").expect("the address ends with the version").to_owned();
        Self { _process: process, base }
    }

    /// Starts one and tells it how to behave.
    #[must_use]
    pub fn with(speed: u32, settings: &Value) -> Self {
        let cloud = Self::start(speed);
        cloud.set(settings);
        cloud
    }

    /// Gives the address of the API.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/1.3", self.base)
    }

    /// Changes how it behaves from now on.
    ///
    /// # Panics
    ///
    /// If it refuses.
    pub fn set(&self, settings: &Value) {
        let answer = ureq::patch(format!("{}/_emulator/settings", self.base)).send(settings.to_string());
        answer.expect("the emulator takes its settings");
    }

    /// Gives what the provider saw.
    ///
    /// # Panics
    ///
    /// If the emulator does not answer.
    #[must_use]
    pub fn report(&self) -> Report {
        let answer = ureq::get(format!("{}/_emulator/report", self.base)).call();
        let body =
            answer.expect("the emulator reports").body_mut().with_config().limit(1 << 28).read_to_string();
        serde_json::from_str(&body.expect("a report is text")).expect("a report is JSON")
    }

    /// Adds servers by hand; gives their ids.
    ///
    /// # Panics
    ///
    /// If the emulator refuses.
    #[must_use]
    pub fn add(&self, servers: &Value) -> Vec<String> {
        let answer = ureq::post(format!("{}/_emulator/servers", self.base)).send(servers.to_string());
        let body = answer.expect("the emulator adds").body_mut().read_to_string().expect("text");
        let answer: Value = serde_json::from_str(&body).expect("JSON");
        let ids = answer["uuids"].as_array().expect("ids");
        ids.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect()
    }

    /// Does something to a server by hand.
    ///
    /// # Panics
    ///
    /// If the emulator refuses.
    pub fn act(&self, uuid: &str, action: &Value) {
        let answer = ureq::post(format!("{}/_emulator/servers/{uuid}", self.base)).send(action.to_string());
        answer.expect("the emulator acts");
    }

    /// Gives the living servers of a fleet.
    #[must_use]
    pub fn servers(&self, fleet: &str) -> Vec<ServerSeen> {
        let is_ours =
            |server: &ServerSeen| server.labels.get("dynservers-fleet").is_some_and(|label| label == fleet);
        self.report().servers.into_iter().filter(is_ours).collect()
    }

    /// Breaks each `every`-th call of a kind.
    pub fn break_each(&self, every: u32, on: &str, fault: &str) {
        self.set(&json!({"faults": [{"on": on, "fault": fault, "every": every}]}));
    }

    /// Ends all faults.
    pub fn heal(&self) {
        self.set(&json!({"faults": [], "account": "own", "throttle": null}));
    }
}
