//! The operator's hands: what people and the provider do to servers behind a controller's back.

use std::collections::BTreeMap;

use http::{Method, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::catalog;
use super::cloud::Step;
use super::network;
use super::problem::Problem;
use super::route::Target;
use super::server::{Server, State, Work};
use super::settings::Settings;
use super::{Answer, Emulator};

/// Something done to a server by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Action {
    /// It is powered off, at once.
    Stop,
    /// It is deleted with its disks, whatever its state.
    Vanish,
    /// Labels are set; those without a value are removed.
    Label {
        /// The changes by key.
        labels: BTreeMap<String, Option<String>>,
    },
    /// It breaks: state `error`, until something else is done.
    Error,
    /// The provider has repaired it: state `started`.
    ClearError,
    /// The provider works on it: maintenance, and then the state that it had.
    Maintenance {
        /// For how long; until [`Action::EndMaintenance`] without it.
        #[serde(default)]
        millis: Option<u64>,
    },
    /// The provider's work is over: state `started`.
    EndMaintenance,
    /// It goes through these states in place of whatever runs, a create included; with none it stays as it is, for ever.
    Course {
        /// The states, in order.
        turns: Vec<Turn>,
    },
    /// It gets another title.
    Title {
        /// The title.
        title: String,
    },
}

/// One state that a server gets into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Turn {
    /// How long from now.
    pub after_millis: u64,
    /// The state.
    pub state: State,
}

/// Servers that appear by hand: other people's, or another fleet's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Foreign {
    /// How many.
    pub count: u64,
    /// Their title and host name.
    pub title: String,
    /// Their labels.
    pub labels: BTreeMap<String, String>,
    /// Their state.
    pub state: State,
}

impl Default for Foreign {
    fn default() -> Self {
        Self { count: 1, title: "foreign".to_owned(), labels: BTreeMap::new(), state: State::Started }
    }
}

impl Turn {
    /// Makes the turn a step: nothing runs any more where a server has got somewhere.
    fn step(&self) -> Step {
        match self.state {
            State::Maintenance => Step::passing(self.after_millis, self.state),
            State::Started => Step::booted(self.after_millis),
            state => Step::last(self.after_millis, state),
        }
    }
}

impl Emulator {
    /// Adds servers that nobody created through the API and that listings show at once; gives their UUIDs.
    pub fn add_foreign(&mut self, foreign: &Foreign, now_millis: u64) -> Vec<String> {
        self.cloud.advance(now_millis);
        (0..foreign.count).map(|_| self.add_one(foreign)).collect()
    }

    fn add_one(&mut self, foreign: &Foreign) -> String {
        let number = self.cloud.number();
        let uuid = self.random.uuid("00");
        let now_millis = self.cloud.now_millis();
        let server = Server {
            uuid: uuid.clone(),
            title: foreign.title.clone(),
            hostname: foreign.title.clone(),
            zone: "de-fra1".to_owned(),
            plan: catalog::smallest(),
            labels: foreign.labels.clone().into_iter().collect(),
            state: foreign.state,
            work: if foreign.state == State::Maintenance { Work::Operating } else { Work::Idle },
            operation: 0,
            created_millis: now_millis,
            ready_millis: now_millis,
            interfaces: network::attach(&network::default_interfaces(), number),
            disks: Vec::new(),
            group: None,
            metadata: false,
            boots: 1,
            listed: false,
        };
        self.cloud.add(number, server, Vec::new(), 0);
        uuid
    }

    /// Does something to a server by hand; `false` if there is no such server.
    pub fn act(&mut self, uuid: &str, action: &Action, now_millis: u64) -> bool {
        self.cloud.advance(now_millis);
        let Some((number, server)) = self.cloud.find(uuid) else { return false };
        let state = server.state;
        match action {
            Action::Vanish => self.remove(number, true, true),
            Action::Label { labels } => {
                let mut changed = server.labels.clone();
                for (key, value) in labels {
                    changed.retain(|(other, _)| other != key);
                    changed.extend(value.clone().map(|value| (key.clone(), value)));
                }
                self.cloud.relabel(number, changed);
            }
            Action::Stop => self.cloud.operate(number, &[Step::last(0, State::Stopped)]),
            Action::Error => self.cloud.operate(number, &[Step::last(0, State::Error)]),
            Action::ClearError | Action::EndMaintenance => {
                self.cloud.operate(number, &[Step::last(0, State::Started)]);
            }
            Action::Maintenance { millis } => {
                let mut steps = vec![Step::passing(0, State::Maintenance)];
                steps.extend(millis.map(|millis| Step::last(millis.max(1), state)));
                self.cloud.operate(number, &steps);
            }
            Action::Course { turns } => {
                let steps: Vec<Step> = turns.iter().map(Turn::step).collect();
                self.cloud.operate(number, &steps);
            }
            Action::Title { title } => {
                if let Some(server) = self.cloud.server_mut(number) {
                    server.title.clone_from(title);
                }
            }
        }
        true
    }

    /// Gives the settings as they are.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Replaces the settings. What is under way keeps the times that it was given; faults are counted anew if their
    /// rules have changed.
    pub fn set_settings(&mut self, settings: Settings) {
        if settings.faults != self.settings.faults {
            self.faults.reset();
        }
        self.settings = settings;
    }

    /// Answers an operator's request: a path below `/_emulator/`, which needs no credentials.
    pub(super) fn operator(&mut self, method: &Method, target: &Target, body: &[u8]) -> Response<Vec<u8>> {
        let parts: Vec<&str> = target.path.iter().skip(1).map(String::as_str).collect();
        let now_millis = self.cloud.now_millis();
        let answered = match (method.as_str(), parts.as_slice()) {
            ("GET", ["report"]) => written(&self.report(now_millis)),
            ("GET", ["settings"]) => written(&self.settings),
            ("PATCH", ["settings"]) => read::<Value>(body)
                .and_then(|patch| self.settings.patched(&patch).map_err(|error| refused(&error)))
                .and_then(|settings| {
                    self.set_settings(settings);
                    written(&self.settings)
                }),
            ("POST", ["servers"]) => {
                read(body).map(|foreign| Answer::ok(json!({"uuids": self.add_foreign(&foreign, now_millis)})))
            }
            ("POST", ["servers", uuid]) => read(body).and_then(|action| {
                let known = self.act(uuid, &action, now_millis);
                if known { Ok(Answer::nothing()) } else { Err(Problem::no_server(uuid)) }
            }),
            _ => Err(Problem::not_found("NOT_FOUND", "The emulator has no such page.")),
        };
        answered.unwrap_or_else(Answer::from).into_response()
    }
}

fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| refused(&error))
}

fn refused(error: &serde_json::Error) -> Problem {
    Problem::invalid("REQUEST_INVALID", error.to_string())
}

fn written(value: &impl Serialize) -> Result<Answer, Problem> {
    let written = serde_json::to_value(value).map(Answer::ok);
    written
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "SERVICE_ERROR", error.to_string()))
}
