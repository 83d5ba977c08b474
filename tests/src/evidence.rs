//! Evidence: what the daemon says and what the provider saw, in the words in which tests hold one against the other.

use dynservers_upcloud::emulator::{Call, Report, ServerSeen};
use serde_json::{Value, json};

use crate::{Cloud, Fleet, eventually};

impl Cloud {
    /// Gives a server that lives.
    ///
    /// # Panics
    ///
    /// If it does not.
    #[must_use]
    pub fn server(&self, uuid: &str) -> ServerSeen {
        self.find(uuid).unwrap_or_else(|| panic!("server {uuid} is gone"))
    }

    /// Gives a server if it lives.
    #[must_use]
    pub fn find(&self, uuid: &str) -> Option<ServerSeen> {
        self.report().servers.into_iter().find(|server| server.uuid == uuid)
    }

    /// Adds servers of somebody else, and gives them as they are: whatever we do must leave them so.
    #[must_use]
    pub fn others(&self, count: u64, labels: &Value) -> Vec<ServerSeen> {
        let ids = self.add(&json!({"count": count, "labels": labels}));
        ids.iter().map(|id| self.server(id)).collect()
    }

    /// Holds what somebody else has against what it was: state, labels, boots and existence.
    ///
    /// # Panics
    ///
    /// If anything of it was touched.
    pub fn unharmed(&self, others: &[ServerSeen]) {
        for other in others {
            assert_eq!(&self.server(&other.uuid), other, "somebody else's server was touched");
        }
    }
}

impl Fleet {
    /// Gives the providers' ids of the servers that run, in the order of their numbers.
    #[must_use]
    pub fn running(&self) -> Vec<String> {
        let list = self.list();
        let running = list.iter().filter(|server| server["status"] == "running" && !is_disowned(server));
        running.filter_map(|server| server["provider_id"].as_str().map(str::to_owned)).collect()
    }

    /// Gives the row of a server by the provider's id of it.
    #[must_use]
    pub fn row(&self, uuid: &str) -> Option<Value> {
        self.list().into_iter().find(|server| server["provider_id"] == uuid)
    }

    /// Gives what is said of the type `default`.
    #[must_use]
    pub fn default_type(&self) -> Value {
        self.status()["types"]["default"].take()
    }

    /// Gives what is said of the only provider.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn provider(&self) -> Value {
        let status = self.status();
        let providers = status["providers"].as_object().expect("providers are told of by name");
        providers.values().next().expect("there is a provider").clone()
    }

    /// Counts the events of a kind that were told since the fleet was made.
    #[must_use]
    pub fn events(&self, name: &str) -> usize {
        self.log().matches(&format!("event=\"{name}\"")).count()
    }

    /// Counts the events of a kind that told of this server.
    #[must_use]
    pub fn events_of(&self, name: &str, uuid: &str) -> usize {
        let (event, server) = (format!("event=\"{name}\""), format!("provider_id=\"{uuid}\""));
        self.log().lines().filter(|line| line.contains(&event) && line.contains(&server)).count()
    }

    /// Whether an operator is told so.
    #[must_use]
    pub fn alarms(&self, words: &str) -> bool {
        let provider = self.provider();
        let alarms = provider["alarms"].as_array().cloned().unwrap_or_default();
        alarms.iter().any(|alarm| alarm.as_str().is_some_and(|alarm| alarm.contains(words)))
    }

    /// Waits until the provider was looked at so often again: what was to be done about it has been begun by then.
    pub fn looks(&self, times: u32) {
        let mut last = self.provider()["last_look"].take();
        for _ in 0..times {
            last = eventually("another look", || {
                let look = self.provider()["last_look"].take();
                (look != last).then_some(look)
            });
        }
    }

    /// Waits until as many of our servers run as given and nothing else of ours is listed.
    pub fn comes_to(&self, count: usize) {
        eventually(&format!("{count} of our servers run and nothing else of ours is there"), || {
            let mut list = self.list();
            list.retain(|server| !is_disowned(server));
            (list.len() == count && list.iter().all(|server| server["status"] == "running")).then_some(())
        });
    }

    /// Holds the ledger against what the provider saw, where `others` bear this fleet's label and are not ours.
    ///
    /// # Panics
    ///
    /// If a server leaked, was doubled, or left a disk.
    #[must_use]
    pub fn agrees_beside(&self, cloud: &Cloud, fleet: &str, others: &[String]) -> Report {
        let mut list = self.list();
        list.retain(|server| !is_disowned(server));
        let mut known: Vec<_> = list.iter().filter_map(|server| server["provider_id"].as_str()).collect();
        let report = cloud.report();
        let bears =
            |server: &&ServerSeen| server.labels.get("dynservers-fleet").is_some_and(|label| label == fleet);
        let living = report.servers.iter().filter(bears).map(|server| server.uuid.as_str());
        let mut living: Vec<_> = living.filter(|id| !others.iter().any(|other| other == id)).collect();
        known.sort_unstable();
        living.sort_unstable();
        assert_eq!(known, living, "the ledger and the provider differ; the daemon says:\n{}", self.log());
        assert!(report.ever_doubled.is_empty(), "doubled: {:?}", report.ever_doubled);
        assert!(report.disks_left.is_empty(), "disks left: {:?}", report.disks_left);
        report
    }

    /// Changes the text of the configuration; takes effect at the next start.
    ///
    /// # Panics
    ///
    /// If it cannot be read and written.
    pub fn reconfigure(&self, change: impl FnOnce(&str) -> String) {
        let text = std::fs::read_to_string(self.config()).expect("the configuration is ours");
        std::fs::write(self.config(), change(&text)).expect("the configuration is ours");
    }
}

/// Counts the calls of a kind that the provider saw.
#[must_use]
pub fn calls(report: &Report, call: Call) -> u64 {
    report.calls.get(&call).copied().unwrap_or_default()
}

fn is_disowned(server: &Value) -> bool {
    server["disowned"] == true
}
