//! The fake cloud: servers that take their time, and everything that is known to go wrong with them.

use std::collections::BTreeMap;

use dynservers_core::{
    Account, Address, Completion, CreateFromSnapshot, Effect, Failure, FoundLabels, Network, Observed, Op,
    Outcome, Page, ProviderId, ProviderState, Reason, Step as Next, StopMode,
};

use super::cloud::{Cloud, Told, TrueServer};
use super::setup::{Join, Setup, named, server_type};
use super::step::{Boot, Fate, Meddling};

/// A cloud in a few lines, which answers in the core's own words.
#[derive(Clone, Debug)]
pub struct FakeCloud {
    now: u64,
    servers: BTreeMap<u64, Server>,
    gone: Vec<(u64, Server)>,
    made: u64,
    page_size: usize,
    join: Join,
    create_steps: u32,
    stops_first: bool,
    boot: (Boot, u8),
    lag: u64,
    no_room: [bool; 2],
    quota: Option<usize>,
    denies: bool,
    is_elsewhere: bool,
    calls: BTreeMap<&'static str, u64>,
}

#[derive(Clone, Debug)]
struct Server {
    name: String,
    labels: FoundLabels,
    made_with: FoundLabels,
    state: ProviderState,
    /// What it becomes, and when; the first comes first.
    next: Vec<(u64, Turn)>,
    listed_at: u64,
    /// Which request of its create was the latest.
    created_to: u32,
    /// Whether it is in another account.
    is_elsewhere: bool,
}

#[derive(Clone, Copy, Debug)]
enum Turn {
    Becomes(ProviderState),
    IsGone,
}

impl FakeCloud {
    /// Makes an empty cloud, the one of this number in its world: no two give the same ids.
    #[must_use]
    pub fn new(setup: &Setup, number: u8) -> Self {
        Self {
            now: 0,
            servers: BTreeMap::new(),
            gone: Vec::new(),
            made: u64::from(number) * 1_000_000,
            page_size: usize::from(setup.page_size),
            join: setup.seam,
            create_steps: u32::from(setup.create_steps),
            stops_first: setup.stops_first,
            boot: (Boot::After(23), 1),
            lag: 0,
            no_room: [false; 2],
            quota: None,
            denies: false,
            is_elsewhere: false,
            calls: BTreeMap::new(),
        }
    }

    fn answer(&mut self, effect: &Effect) -> Completion {
        match &effect.op {
            Op::Check | Op::Account => Outcome::Account(self.tell_account()).into(),
            Op::Look => self.page(effect.step.as_ref()),
            Op::Find(token) => {
                let listed = self.list().into_iter();
                let servers: Vec<Observed> = listed
                    .map(|key| self.show(key))
                    .filter(|server| server.labels.token == Some(*token))
                    .collect();
                let total = Some(servers.len() as u64);
                Outcome::Page(Page { servers, total, seam: self.join.seam() }).into()
            }
            Op::Inspect(id) => match self.find(id) {
                Some(key) => Outcome::Inspected(self.show_whole(key)).into(),
                None => absent(),
            },
            Op::CreateFromSnapshot(_) if effect.step.is_some() => self.go_on(effect.step.as_ref()),
            Op::CreateFromSnapshot(create) => self.create(create),
            Op::Stop { provider_id, mode } => {
                let takes = taken(provider_id, if *mode == StopMode::Hard { 1_000 } else { 10_000 });
                self.change(provider_id, &[ProviderState::Running, ProviderState::Error], |server, now| {
                    server.next = vec![(now + takes, Turn::Becomes(ProviderState::Stopped))];
                })
            }
            Op::Reboot { provider_id, .. } => {
                let takes = taken(provider_id, 15_000);
                self.change(provider_id, &[ProviderState::Running], |server, now| {
                    server.state = ProviderState::InProgress;
                    server.next = vec![(now + takes, Turn::Becomes(ProviderState::Running))];
                })
            }
            Op::Delete { provider_id, .. } => {
                let running = [ProviderState::Stopped, ProviderState::Error, ProviderState::Running];
                let states = &running[..if self.stops_first { 2 } else { 3 }];
                let takes = taken(provider_id, 5_000);
                self.change(provider_id, states, |server, now| {
                    server.state = ProviderState::Deleting;
                    server.next = vec![(now + takes, Turn::IsGone)];
                })
            }
            _ => Outcome::Refused(Reason::Invalid, Failure::new("no such operation")).into(),
        }
    }

    fn tell_account(&self) -> Account {
        let identity = if self.is_elsewhere { "somebody else" } else { "us" };
        Account {
            total: Some(self.total() as u64),
            limit: self.quota.map(|quota| quota as u64),
            identity: Some(identity.to_owned()),
        }
    }

    fn create(&mut self, create: &CreateFromSnapshot) -> Completion {
        if self.quota.is_some_and(|quota| self.total() >= quota) {
            return Outcome::Refused(Reason::Quota, Failure::new("the account is full")).into();
        }
        if self.no_room[usize::from(create.server_type != server_type(0))] {
            return Outcome::Refused(Reason::Capacity, Failure::new("no room for such a plan in this zone"))
                .into();
        }
        let labels = FoundLabels::from(&create.labels);
        let key = self.insert(create.name.to_string(), labels);
        let now = self.now;
        let server = self.servers.get_mut(&key).expect("it was just made");
        let (boot, every) = self.boot;
        let is_meant = every > 0 && key.is_multiple_of(u64::from(every));
        let boot = if is_meant { boot } else { Boot::After(23) };
        server.next = come_up(boot, now);
        let outcome = Outcome::Created(Box::new(self.show_whole(key)));
        Completion { outcome, next: self.step_after(key), rate: None }
    }

    /// Does a later request of a create: its step names the server and the request.
    fn go_on(&mut self, step: Option<&Next>) -> Completion {
        let parts = step.and_then(|step| step.0.split_once(' '));
        let numbers = parts.and_then(|(key, number)| Some((key.parse().ok()?, number.parse::<u32>().ok()?)));
        let Some((key, number)) = numbers.filter(|(key, _)| self.servers.contains_key(key)) else {
            return absent();
        };
        if let Some(server) = self.servers.get_mut(&key) {
            server.created_to = server.created_to.max(number);
        }
        Completion { outcome: Outcome::Accepted, next: self.step_after(key), rate: None }
    }

    fn step_after(&self, key: u64) -> Option<Next> {
        let done = self.servers[&key].created_to;
        (done < self.create_steps).then(|| Next(format!("{key} {}", done + 1)))
    }

    fn insert(&mut self, name: String, labels: FoundLabels) -> u64 {
        self.made += 1;
        let server = Server {
            name,
            made_with: labels.clone(),
            labels,
            state: ProviderState::InProgress,
            next: Vec::new(),
            listed_at: self.now + self.lag,
            created_to: 1,
            is_elsewhere: self.is_elsewhere,
        };
        self.servers.insert(self.made, server);
        self.made
    }

    fn change(
        &mut self,
        id: &ProviderId,
        needs: &[ProviderState],
        act: impl FnOnce(&mut Server, u64),
    ) -> Completion {
        let Some(key) = self.find(id) else { return absent() };
        let now = self.now;
        match self.servers.get_mut(&key).filter(|server| needs.contains(&server.state)) {
            Some(server) => {
                act(server, now);
                Outcome::Accepted.into()
            }
            None => Outcome::Refused(Reason::Busy, Failure::new("not in that state")).into(),
        }
    }

    fn find(&self, id: &ProviderId) -> Option<u64> {
        let key = id.as_str().parse().ok()?;
        self.servers.get(&key).filter(|server| server.is_elsewhere == self.is_elsewhere).map(|_| key)
    }

    fn total(&self) -> usize {
        self.servers.values().filter(|server| server.is_elsewhere == self.is_elsewhere).count()
    }

    fn show(&self, key: u64) -> Observed {
        let server = &self.servers[&key];
        Observed {
            provider_id: id(key),
            name: server.name.clone(),
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

    /// Lists what bears the label of our fleet, by its keys.
    fn list(&self) -> Vec<u64> {
        let ours = super::setup::fleet();
        let is_listed = |server: &Server| {
            server.listed_at <= self.now
                && server.is_elsewhere == self.is_elsewhere
                && server.labels.fleet.as_ref() == Some(&ours)
        };
        self.servers.iter().filter(|(_, server)| is_listed(server)).map(|(key, _)| *key).collect()
    }

    fn page(&self, step: Option<&Next>) -> Completion {
        let all = self.list();
        let from = step.and_then(|step| step.0.parse::<u64>().ok());
        let begin = match (self.join, from) {
            (_, None) => 0,
            (Join::Following, Some(last)) => all.partition_point(|key| *key <= last),
            (Join::Overlapping | Join::Shifting, Some(offset)) => {
                usize::try_from(offset).unwrap_or(0).min(all.len())
            }
        };
        let end = (begin + self.page_size).min(all.len());
        let next = match self.join {
            _ if end >= all.len() => None,
            Join::Following => Some(all[end - 1]),
            Join::Overlapping => Some(end as u64 - 1),
            Join::Shifting => Some(end as u64),
        };
        let page = Page {
            servers: all[begin..end].iter().map(|key| self.show(*key)).collect(),
            total: (self.join != Join::Following).then_some(all.len() as u64),
            seam: self.join.seam(),
        };
        Completion { outcome: Outcome::Page(page), next: next.map(|next| Next(next.to_string())), rate: None }
    }
}

impl Cloud for FakeCloud {
    fn advance(&mut self, now: u64) {
        self.now = self.now.max(now);
        let now = self.now;
        let mut gone = Vec::new();
        for (key, server) in &mut self.servers {
            while server.next.first().is_some_and(|(at, _)| *at <= now) {
                match server.next.remove(0).1 {
                    Turn::Becomes(state) => server.state = state,
                    Turn::IsGone => gone.push(*key),
                }
            }
        }
        for key in gone {
            self.servers.remove(&key);
        }
    }

    fn execute(&mut self, effect: &Effect, fate: Fate, _told: Told) -> Completion {
        let failure = || Failure::new("as the world has it");
        let is_create = matches!(effect.op, Op::CreateFromSnapshot(_));
        *self.calls.entry(effect.op.name()).or_default() += 1;
        match fate {
            _ if self.denies => Outcome::Denied(failure()).into(),
            Fate::Deny => Outcome::Denied(failure()).into(),
            Fate::Refuse(reason) => Outcome::Refused(reason, failure()).into(),
            Fate::Throttle(seconds) => {
                let retry_after = seconds.map(|seconds| std::time::Duration::from_secs(u64::from(seconds)));
                Outcome::Throttled { retry_after, failure: failure() }.into()
            }
            Fate::Vanish if is_create => Outcome::Vanished(failure()).into(),
            Fate::Exist if is_create => Outcome::Exists(failure()).into(),
            Fate::FailBefore | Fate::NoSuchPage => Outcome::Lost(failure()).into(),
            Fate::FailAfter | Fate::Garble => {
                drop(self.answer(effect));
                Outcome::Lost(failure()).into()
            }
            Fate::Shorten => {
                let all = self.list().len() as u64;
                shortened(self.answer(effect), all)
            }
            Fate::Answer
            | Fate::LoseRequest
            | Fate::LoseReply
            | Fate::Hang
            | Fate::Unsent
            | Fate::Vanish
            | Fate::Exist => self.answer(effect),
        }
    }

    fn servers(&self) -> Vec<TrueServer> {
        let ours = self.servers.iter().filter(|(_, server)| !server.is_elsewhere);
        ours.map(|(key, server)| TrueServer {
            id: id(*key),
            labels: server.labels.clone(),
            made_with: server.made_with.clone(),
            state: server.state,
        })
        .collect()
    }

    fn meddle(&mut self, id: &ProviderId, how: Meddling) {
        let Some(key) = id.as_str().parse::<u64>().ok().filter(|key| self.servers.contains_key(key)) else {
            return;
        };
        let now = self.now;
        if how == Meddling::Vanish {
            self.gone.extend(self.servers.remove(&key).map(|server| (key, server)));
            return;
        }
        let other = self.servers.values().next().map(|server| server.name.clone()).unwrap_or_default();
        // Nothing that is done by hand undoes a deletion that was accepted.
        let lives = |server: &&mut Server| server.state != ProviderState::Deleting;
        let Some(server) = self.servers.get_mut(&key).filter(lives) else { return };
        let mut become_now = |state| (server.state, server.next) = (state, Vec::new());
        match how {
            Meddling::Stop => become_now(ProviderState::Stopped),
            Meddling::Start => become_now(ProviderState::Running),
            Meddling::Break => become_now(ProviderState::Error),
            Meddling::Puzzle => become_now(ProviderState::Unknown),
            Meddling::Unlabel => server.labels = FoundLabels::default(),
            Meddling::Relabel => server.labels = server.made_with.clone(),
            Meddling::Maintain(seconds) if server.next.is_empty() && is_at_rest(server.state) => {
                let back = server.state;
                server.state = ProviderState::InProgress;
                server.next = vec![(now + u64::from(seconds) * 1_000, Turn::Becomes(back))];
            }
            Meddling::Rename => server.name = other,
            Meddling::Maintain(_) | Meddling::Vanish | Meddling::Return => {}
        }
    }

    fn resurrect(&mut self) -> Option<ProviderId> {
        let (key, mut server) = self.gone.pop()?;
        (server.state, server.next) = (ProviderState::Stopped, Vec::new());
        self.servers.insert(key, server);
        Some(id(key))
    }

    fn add(&mut self, labels: FoundLabels) {
        let key = self.insert("a stranger".to_owned(), labels);
        if let Some(server) = self.servers.get_mut(&key) {
            server.state = ProviderState::Running;
            server.created_to = self.create_steps;
        }
    }

    fn boot(&mut self, boot: Boot, every: u8) {
        self.boot = (boot, every);
    }

    fn lag(&mut self, millis: u32) {
        self.lag = u64::from(millis);
    }

    fn capacity(&mut self, kind: u8, has_room: bool) {
        self.no_room[usize::from(kind.min(1))] = !has_room;
    }

    fn quota(&mut self, most: Option<usize>) {
        self.quota = most;
    }

    fn credentials(&mut self, are_valid: bool) {
        self.denies = !are_valid;
    }

    fn account(&mut self, is_ours: bool) {
        self.is_elsewhere = !is_ours;
    }

    fn calls(&self) -> &BTreeMap<&'static str, u64> {
        &self.calls
    }

    fn leftovers(&self) -> Vec<String> {
        Vec::new()
    }

    /// What was stuck goes on.
    fn free(&mut self) {
        let now = self.now;
        for server in self.servers.values_mut() {
            let is_stuck = matches!(server.state, ProviderState::InProgress | ProviderState::Unknown);
            if is_stuck && server.next.is_empty() {
                server.next = vec![(now + 23_000, Turn::Becomes(ProviderState::Running))];
            }
        }
    }
}

/// How long something takes that is done to a server: with one in five servers everything takes twelve times as long.
fn taken(id: &ProviderId, typical: u64) -> u64 {
    let is_slow = id.as_str().parse::<u64>().is_ok_and(|key| key.is_multiple_of(5));
    if is_slow { typical * 12 } else { typical }
}

/// Whether a state is one that a server stays in.
const fn is_at_rest(state: ProviderState) -> bool {
    matches!(state, ProviderState::Running | ProviderState::Stopped | ProviderState::Error)
}

fn come_up(boot: Boot, now: u64) -> Vec<(u64, Turn)> {
    let after = |seconds: u64, state| (now + seconds * 1_000, Turn::Becomes(state));
    match boot {
        Boot::After(seconds) => vec![after(u64::from(seconds), ProviderState::Running)],
        Boot::Never => Vec::new(),
        Boot::Broken => vec![after(20, ProviderState::Error)],
        Boot::Short(seconds) => {
            vec![after(23, ProviderState::Running), after(23 + u64::from(seconds), ProviderState::Stopped)]
        }
    }
}

/// Takes the last server off a listing that goes on saying how many there are.
/// A listing that says how many there are, and shows fewer.
fn shortened(mut completion: Completion, all: u64) -> Completion {
    if let Outcome::Page(page) = &mut completion.outcome {
        page.total = page.total.or(Some(all));
        page.servers.pop();
    }
    completion
}

fn id(key: u64) -> ProviderId {
    named(&key.to_string(), ProviderId::new)
}

fn absent() -> Completion {
    Outcome::Absent(Failure::new("there is no such server")).into()
}
