//! The cloud of a forecast: servers that come up and go down in their time, each of which is paid for.

use std::collections::{BTreeMap, BTreeSet};

use dynservers_core::{
    Account, Effect, Failure, FoundLabels, Observed, Op, Outcome, Page, ProviderId, ProviderState, Reason,
    Seam, Time,
};

use crate::Durations;

/// Servers in memory, and what becomes of them. Unlike [`crate::SimulatedCloud`] it says when something will happen next, so
/// that nothing is asked in vain.
#[derive(Debug)]
pub(super) struct Cloud {
    durations: Durations,
    servers: BTreeMap<u64, Server>,
    due: BTreeSet<(u64, u64)>,
    news: Vec<News>,
    pub(super) lives: Vec<Life>,
    pub(super) most: u32,
}

#[derive(Debug)]
struct Server {
    id: ProviderId,
    name: String,
    labels: FoundLabels,
    state: ProviderState,
    /// What it will be, and when.
    next: Option<(u64, ProviderState)>,
}

/// What happened to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It is up.
    Up(u64),
    /// It is going down.
    Down(u64),
}

/// When a server began to cost, and when it ended, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) begin: u64,
    pub(super) end: Option<u64>,
}

const PREFIX: &str = "forecast-";

/// Gives the number of a server by what the provider calls it.
pub(super) fn number(id: &ProviderId) -> Option<u64> {
    id.as_str().strip_prefix(PREFIX)?.parse().ok()
}

impl Cloud {
    pub(super) fn new(durations: Durations) -> Self {
        Self {
            durations,
            servers: BTreeMap::new(),
            due: BTreeSet::new(),
            news: Vec::new(),
            lives: Vec::new(),
            most: 0,
        }
    }

    /// Gives the next moment at which a server is something else.
    pub(super) fn next(&self) -> Option<u64> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Gives how many servers there are.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.servers.len()).unwrap_or(u32::MAX)
    }

    /// Lets everything happen that is due by now.
    pub(super) fn advance(&mut self, now: u64) {
        while let Some((at, number)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.remove(&(at, number));
            let Some(server) = self.servers.get_mut(&number) else { continue };
            let Some((_, state)) = server.next.take_if(|(due, _)| *due == at) else { continue };
            server.state = state;
            if state == ProviderState::Running {
                self.news.push(News::Up(number));
            }
        }
    }

    /// Takes what happened since this was last called.
    pub(super) fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    pub(super) fn execute(&mut self, effect: &Effect, now: Time) -> Outcome {
        let now = now.as_millis();
        match &effect.op {
            Op::Check | Op::Account => Outcome::Account(Account {
                total: Some(self.servers.len() as u64),
                limit: None,
                identity: Some("forecast".to_owned()),
            }),
            Op::Look => self.page(|_| true),
            Op::Find(token) => self.page(|server| server.labels.token == Some(*token)),
            Op::Inspect(id) => match number(id).and_then(|number| self.servers.get(&number)) {
                Some(server) => Outcome::Inspected(server.observed()),
                None => absent(),
            },
            Op::CreateFromSnapshot(wanted) => {
                let number = self.lives.len() as u64;
                let server = Server {
                    id: ProviderId::new(format!("{PREFIX}{number}")).expect("the id is valid"),
                    name: wanted.name.to_string(),
                    labels: FoundLabels::from(&wanted.labels),
                    state: ProviderState::InProgress,
                    next: None,
                };
                let observed = server.observed();
                self.servers.insert(number, server);
                self.lives.push(Life { begin: now, end: None });
                self.most = self.most.max(self.count());
                self.begin(number, now + millis(self.durations.create), ProviderState::Running);
                Outcome::Created(Box::new(observed))
            }
            Op::Stop { provider_id, .. } => match self.find(provider_id) {
                Some((number, ProviderState::Running)) => {
                    self.news.push(News::Down(number));
                    self.begin(number, now + millis(self.durations.stop), ProviderState::Stopped);
                    Outcome::Accepted
                }
                Some((_, ProviderState::Stopped)) => Outcome::Accepted,
                Some(_) => busy(),
                None => absent(),
            },
            Op::Reboot { provider_id, .. } => match self.find(provider_id) {
                Some((number, ProviderState::Running)) => {
                    self.news.push(News::Down(number));
                    self.begin(number, now + millis(self.durations.reboot), ProviderState::Running);
                    Outcome::Accepted
                }
                Some(_) => busy(),
                None => absent(),
            },
            Op::Delete { provider_id, .. } => match self.find(provider_id) {
                Some((_, ProviderState::InProgress)) => busy(),
                Some((number, state)) => {
                    if state == ProviderState::Running {
                        self.news.push(News::Down(number));
                    }
                    self.servers.remove(&number);
                    if let Some(life) = usize::try_from(number).ok().and_then(|at| self.lives.get_mut(at)) {
                        life.end = Some(now);
                    }
                    Outcome::Accepted
                }
                None => absent(),
            },
            _ => Outcome::Refused(Reason::Invalid, Failure::new("there is no such operation here")),
        }
    }

    fn find(&self, id: &ProviderId) -> Option<(u64, ProviderState)> {
        let number = number(id)?;
        Some((number, self.servers.get(&number)?.state))
    }

    fn begin(&mut self, number: u64, until: u64, state: ProviderState) {
        if let Some(server) = self.servers.get_mut(&number) {
            server.state = ProviderState::InProgress;
            server.next = Some((until, state));
            self.due.insert((until, number));
        }
    }

    fn page(&self, is_wanted: impl Fn(&Server) -> bool) -> Outcome {
        let wanted = self.servers.values().filter(|server| is_wanted(server));
        let servers: Vec<Observed> = wanted.map(Server::observed).collect();
        let total = Some(servers.len() as u64);
        Outcome::Page(Page { servers, total, seam: Seam::Overlapping })
    }
}

impl Server {
    fn observed(&self) -> Observed {
        Observed {
            provider_id: self.id.clone(),
            name: self.name.clone(),
            labels: self.labels.clone(),
            state: self.state,
            addresses: Vec::new(),
        }
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn busy() -> Outcome {
    Outcome::Refused(Reason::Busy, Failure::new("the server is in the midst of something"))
}

fn absent() -> Outcome {
    Outcome::Absent(Failure::new("there is no such server"))
}
