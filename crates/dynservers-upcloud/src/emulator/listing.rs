//! Listings: servers, filtered and paged, and the account's addresses.

use serde_json::{Value, json};

use super::index::Filter;
use super::network;
use super::problem::Problem;
use super::route::Target;
use super::settings::Account;
use super::{Answer, Emulator};

/// What a page holds when nothing is asked for.
const DEFAULT_LIMIT: usize = 25;

impl Emulator {
    pub(super) fn list(&self, target: &Target) -> Result<Answer, Problem> {
        let limit = number(target, "limit")?.unwrap_or(DEFAULT_LIMIT);
        let limit = limit.min(self.settings.page_cap.unwrap_or(usize::MAX));
        let offset = number(target, "offset")?.unwrap_or(0);
        if self.settings.account == Account::Other {
            return Ok(Answer::page(&[], 0));
        }
        let labels = target.query.iter().filter(|(key, _)| key == "label");
        let filters: Vec<_> = labels.map(|(_, filter)| Filter::of(filter)).collect();
        let matches = self.cloud.index.matches(&filters);
        let numbers = matches.iter();
        let in_state = target.value("state");
        let (page, total): (Vec<u64>, usize) = match in_state {
            None => (numbers.skip(offset).take(limit).collect(), matches.count()),
            Some(state) => {
                let is_in = |number: &u64| {
                    self.cloud.server(*number).is_some_and(|server| server.state.as_str() == state)
                };
                let numbers: Vec<u64> = numbers.filter(is_in).collect();
                let total = numbers.len();
                (numbers.into_iter().skip(offset).take(limit).collect(), total)
            }
        };
        let epoch = self.settings.epoch_seconds;
        let servers = page.iter().filter_map(|number| self.cloud.server(*number));
        let servers: Vec<Value> = servers.map(|server| server.write_summary(epoch)).collect();
        Ok(Answer::page(&servers, total))
    }

    /// Gives every address of the account with its server, in one answer.
    pub(super) fn addresses(&self) -> Answer {
        let listed = self.cloud.servers().filter(|server| server.listed);
        let addresses: Vec<Value> = match self.settings.account {
            Account::Other => Vec::new(),
            Account::Own => listed
                .flat_map(|server| network::write_account(&server.interfaces, &server.uuid, &server.zone))
                .collect(),
        };
        Answer::ok(json!({"ip_addresses": {"ip_address": addresses}}))
    }
}

fn number(target: &Target, key: &str) -> Result<Option<usize>, Problem> {
    let parsed = target.value(key).map(str::parse).transpose();
    parsed.map_err(|_| Problem::invalid("REQUEST_INVALID", format!("The value of {key} is not a number.")))
}
