//! A cloud in a few lines: servers with states and durations, and answers that get lost.

use std::collections::BTreeMap;
use std::time::Duration;

use dynservers_core::{
    Account, Address, Completion, Effect, Failure, FoundLabels, Labels, Network, Observed, Op, Outcome, Page,
    ProviderId, ProviderState, Reason, Seam, Step, StopMode, Time,
};

/// A server at the cloud.
#[derive(Clone, Debug)]
pub(crate) struct CloudServer {
    pub(crate) labels: FoundLabels,
    pub(crate) state: ProviderState,
    /// What it becomes, and when.
    pub(crate) next: Option<(Time, ProviderState)>,
    /// When a listing first shows it.
    pub(crate) listed_at: Time,
    pub(crate) is_gone: bool,
    pub(crate) is_ours: bool,
    /// Whether it was made for us, whoever it belongs to by now.
    pub(crate) was_ours: bool,
    /// Which request of its create was the latest.
    pub(crate) created_to: u32,
}

/// How the cloud behaves.
#[derive(Clone, Debug)]
pub(crate) struct Habits {
    pub(crate) boot: u64,
    pub(crate) stop: u64,
    pub(crate) list_lag: u64,
    pub(crate) page_size: usize,
    pub(crate) identity: String,
    /// Whether guests ignore a soft stop.
    pub(crate) ignores_soft_stop: bool,
    /// Whether stops, deletes and reboots are accepted and then never happen.
    pub(crate) forgets_orders: bool,
    /// The servers that the account may have: the cloud refuses one more.
    pub(crate) quota: Option<usize>,
    /// How many requests a create takes.
    pub(crate) create_steps: u32,
    /// Whether a search gives a page with nothing on it first, and says that there is another.
    pub(crate) finds_in_pieces: bool,
    /// How many servers more than it shows a listing says that there are.
    pub(crate) overstates: u64,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            boot: 23_000,
            stop: 10_000,
            list_lag: 0,
            page_size: 100,
            identity: "acme".to_owned(),
            ignores_soft_stop: false,
            forgets_orders: false,
            quota: None,
            create_steps: 1,
            finds_in_pieces: false,
            overstates: 0,
        }
    }
}

/// What befalls one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Answer,
    LoseRequest,
    LoseReply,
    Throttle,
    /// Throttled, and told for how many seconds.
    ThrottleFor(u64),
    Refuse(Reason),
    Vanish,
    Exist,
    Deny,
    Unsent,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Cloud {
    pub(crate) servers: BTreeMap<u64, CloudServer>,
    pub(crate) habits: Habits,
    pub(crate) calls: BTreeMap<&'static str, u32>,
    pub(crate) harmed_strangers: u32,
    /// Creates beyond the account's limit.
    pub(crate) over_quota: u32,
    /// Whether a server in error may be deleted as it is.
    pub(crate) deletes_in_error: bool,
    /// Whether it says of every server that there is none such.
    pub(crate) denies_all: bool,
    /// How each stop was asked for.
    pub(crate) stops: Vec<StopMode>,
    /// The most servers of ours that existed at once.
    pub(crate) peak: usize,
    next_id: u64,
}

impl Cloud {
    /// Gives the living servers that bear the fleet's label.
    pub(crate) fn living(&self) -> impl Iterator<Item = (&u64, &CloudServer)> {
        self.servers.iter().filter(|(_, server)| !server.is_gone && server.is_ours)
    }

    pub(crate) fn count(&self) -> usize {
        self.living().count()
    }

    fn total(&self) -> usize {
        self.servers.values().filter(|server| !server.is_gone).count()
    }

    /// Gives the living servers of ours, to be meddled with.
    pub(crate) fn living_mut(&mut self) -> impl Iterator<Item = (u64, &mut CloudServer)> {
        let living = self.servers.iter_mut().filter(|(_, server)| !server.is_gone && server.is_ours);
        living.map(|(key, server)| (*key, server))
    }

    /// Gives the key of the oldest living server of ours.
    pub(crate) fn oldest(&self) -> u64 {
        *self.living().next().expect("something lives").0
    }

    /// Does something by hand to one server.
    pub(crate) fn meddle(&mut self, key: u64, act: impl FnOnce(&mut CloudServer)) {
        act(self.servers.get_mut(&key).expect("the server is known"));
    }

    pub(crate) fn calls(&self) -> u32 {
        self.calls.values().sum()
    }

    pub(crate) fn advance(&mut self, now: Time) {
        for server in self.servers.values_mut() {
            if let Some((at, state)) = server.next
                && at <= now
            {
                server.state = state;
                server.next = None;
            }
        }
    }

    /// Adds a server by hand.
    pub(crate) fn add(&mut self, labels: FoundLabels, state: ProviderState, is_ours: bool, now: Time) -> u64 {
        self.next_id += 1;
        let listed_at = Time::from_millis(now.as_millis() + self.habits.list_lag);
        self.servers.insert(
            self.next_id,
            CloudServer {
                labels,
                state,
                next: None,
                listed_at,
                is_gone: false,
                is_ours,
                was_ours: is_ours,
                created_to: 1,
            },
        );
        self.peak = self.peak.max(self.count());
        self.next_id
    }

    /// Does a request, or not, and answers, or not.
    pub(crate) fn execute(&mut self, effect: &Effect, fate: Fate, now: Time) -> Completion {
        let failure = || Failure::new("as the test wants it");
        match fate {
            Fate::Unsent => return Outcome::Unsent(failure()).into(),
            Fate::LoseRequest => return Outcome::Lost(failure()).into(),
            Fate::Throttle => return Outcome::Throttled { retry_after: None, failure: failure() }.into(),
            Fate::ThrottleFor(seconds) => {
                let retry_after = Some(Duration::from_secs(seconds));
                return Outcome::Throttled { retry_after, failure: failure() }.into();
            }
            Fate::Deny => return Outcome::Denied(failure()).into(),
            Fate::Refuse(reason) => return Outcome::Refused(reason, failure()).into(),
            Fate::Vanish => return Outcome::Vanished(failure()).into(),
            Fate::Exist => return Outcome::Exists(failure()).into(),
            Fate::Answer | Fate::LoseReply => {}
        }
        *self.calls.entry(effect.op.name()).or_default() += 1;
        if now > effect.not_after {
            return Outcome::Unsent(failure()).into();
        }
        let completion = self.answer(effect, now);
        if fate == Fate::LoseReply { Outcome::Lost(failure()).into() } else { completion }
    }

    fn answer(&mut self, effect: &Effect, now: Time) -> Completion {
        match &effect.op {
            Op::Check => Outcome::Account(Account {
                identity: Some(self.habits.identity.clone()),
                ..Account::default()
            })
            .into(),
            Op::Account => {
                let (total, identity) = (Some(self.total() as u64), Some(self.habits.identity.clone()));
                Outcome::Account(Account { total, limit: None, identity }).into()
            }
            Op::Look => self.page(effect.step.as_ref(), now),
            Op::Find(_) if self.habits.finds_in_pieces => {
                let page = Page { servers: Vec::new(), total: None, seam: Seam::Following };
                let next = Some(Step("the rest".to_owned()));
                Completion { outcome: Outcome::Page(page), next, rate: None }
            }
            Op::Find(token) => {
                let servers: Vec<Observed> =
                    self.list(now).into_iter().filter(|server| server.labels.token == Some(*token)).collect();
                let total = Some(servers.len() as u64);
                Outcome::Page(Page { servers, total, seam: Seam::Overlapping }).into()
            }
            Op::Inspect(id) => match self.find(id) {
                Some(key) => Outcome::Inspected(self.show_whole(key)).into(),
                None => Outcome::Absent(Failure::new("gone")).into(),
            },
            Op::CreateFromSnapshot(_) if effect.step.is_some() => self.go_on(effect.step.as_ref()),
            Op::CreateFromSnapshot(_) if self.habits.quota.is_some_and(|quota| self.total() >= quota) => {
                self.over_quota += 1;
                Outcome::Refused(Reason::Quota, Failure::new("the account is full")).into()
            }
            Op::CreateFromSnapshot(create) => {
                let key = self.add(found(&create.labels), ProviderState::InProgress, true, now);
                let boot = self.habits.boot;
                self.then(key, now, boot, ProviderState::Running);
                let outcome = Outcome::Created(Box::new(self.show_whole(key)));
                Completion { outcome, next: self.step_after(key), rate: None }
            }
            Op::Stop { provider_id, mode } => {
                let stop = self.habits.stop;
                let is_ignored = self.habits.ignores_soft_stop && *mode != StopMode::Hard;
                self.stops.push(*mode);
                self.change(provider_id, &[ProviderState::Running, ProviderState::Error], |cloud, key| {
                    if !is_ignored {
                        cloud.then(key, now, stop, ProviderState::Stopped);
                    }
                })
            }
            Op::Reboot { provider_id, .. } => {
                let stop = self.habits.stop;
                self.change(provider_id, &[ProviderState::Running], |cloud, key| {
                    cloud.servers.get_mut(&key).unwrap().state = ProviderState::InProgress;
                    cloud.then(key, now, stop, ProviderState::Running);
                })
            }
            Op::Delete { provider_id, .. } => {
                let states = [ProviderState::Stopped, ProviderState::Error];
                let states = &states[..if self.deletes_in_error { 2 } else { 1 }];
                self.change(provider_id, states, |cloud, key| {
                    cloud.servers.get_mut(&key).unwrap().is_gone = true;
                })
            }
            other => panic!("unknown operation {other:?}"),
        }
    }

    /// Does a later request of a create: its step names the server and the request.
    fn go_on(&mut self, step: Option<&Step>) -> Completion {
        let (key, number) = step.and_then(|step| step.0.split_once(' ')).expect("a step of a create");
        let (key, number): (u64, u32) = (key.parse().unwrap(), number.parse().unwrap());
        let server = self.servers.get_mut(&key).unwrap();
        assert!(number <= server.created_to + 1, "a step was left out");
        server.created_to = server.created_to.max(number);
        Completion { outcome: Outcome::Accepted, next: self.step_after(key), rate: None }
    }

    fn step_after(&self, key: u64) -> Option<Step> {
        let done = self.servers[&key].created_to;
        (done < self.habits.create_steps).then(|| Step(format!("{key} {}", done + 1)))
    }

    fn then(&mut self, key: u64, now: Time, after: u64, state: ProviderState) {
        let at = Time::from_millis(now.as_millis() + after);
        self.servers.get_mut(&key).unwrap().next = Some((at, state));
    }

    fn change(
        &mut self,
        id: &ProviderId,
        needs: &[ProviderState],
        act: impl FnOnce(&mut Self, u64),
    ) -> Completion {
        let Some(key) = self.find(id) else { return Outcome::Absent(Failure::new("gone")).into() };
        let server = &self.servers[&key];
        if !server.was_ours {
            self.harmed_strangers += 1;
        }
        if !needs.contains(&server.state) {
            return Outcome::Refused(Reason::Busy, Failure::new("not in that state")).into();
        }
        if !self.habits.forgets_orders {
            act(self, key);
        }
        Outcome::Accepted.into()
    }

    fn find(&self, id: &ProviderId) -> Option<u64> {
        let key = id.as_str().parse().ok()?;
        self.servers.get(&key).filter(|server| !server.is_gone && !self.denies_all).map(|_| key)
    }

    fn show(&self, key: u64) -> Observed {
        let server = &self.servers[&key];
        Observed {
            provider_id: ProviderId::new(key.to_string()).unwrap(),
            name: format!("server {key}"),
            labels: server.labels.clone(),
            state: server.state,
            addresses: Vec::new(),
        }
    }

    /// As creates and inspections show it: with its addresses, which listings lack.
    fn show_whole(&self, key: u64) -> Observed {
        let address = Address { network: Network::Public, address: format!("192.0.2.{}", key % 256) };
        Observed { addresses: vec![address], ..self.show(key) }
    }

    fn list(&self, now: Time) -> Vec<Observed> {
        let shown = self.servers.iter().filter(|(_, server)| {
            !server.is_gone && server.listed_at <= now && server.labels.fleet.is_some()
        });
        shown.map(|(key, _)| self.show(*key)).collect()
    }

    fn page(&self, step: Option<&Step>, now: Time) -> Completion {
        let all = self.list(now);
        let offset = step.map_or(0, |step| step.0.parse::<usize>().unwrap()).min(all.len());
        let end = (offset + self.habits.page_size).min(all.len());
        let next = (end < all.len()).then(|| Step((end - 1).to_string()));
        let page = Page {
            servers: all[offset..end].to_vec(),
            total: Some(all.len() as u64 + self.habits.overstates),
            seam: Seam::Overlapping,
        };
        Completion { outcome: Outcome::Page(page), next, rate: None }
    }
}

pub(crate) fn found(labels: &Labels) -> FoundLabels {
    FoundLabels::from(labels)
}
