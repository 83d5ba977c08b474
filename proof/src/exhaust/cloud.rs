//! A cloud in a few lines, which does what it is asked and never lies: servers with a state and what it becomes next.

use dynservers_core::{
    Account, Address, Failure, FoundLabels, Network, Observed, Op, Outcome, Page, ProviderId, ProviderState,
    Reason, Seam, Time, Token,
};

use super::bounds::{BOOT, END, LAG};

/// A server at the cloud.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CloudServer {
    pub(crate) id: ProviderId,
    pub(crate) labels: FoundLabels,
    pub(crate) state: ProviderState,
    /// What becomes of it and when; without a state it is gone then.
    pub(crate) next: Option<(Time, Option<ProviderState>)>,
    /// Until when a listing may lack it.
    pub(crate) newborn_until: Option<Time>,
}

/// The account: what lives in it, ours and a stranger.
#[derive(Clone, Debug)]
pub(crate) struct Cloud {
    pub(crate) servers: Vec<CloudServer>,
    /// Whether a change was asked for of what is not ours.
    pub(crate) harmed: bool,
    made: u32,
}

impl CloudServer {
    pub(crate) fn is_ours(&self) -> bool {
        self.labels.fleet.is_some()
    }
}

impl Cloud {
    /// Begins with somebody else's server, which the listing shows too: not every cloud can filter.
    pub(crate) fn new() -> Self {
        let mut cloud = Self { servers: Vec::new(), harmed: false, made: 0 };
        cloud.add(FoundLabels::default(), ProviderState::Running);
        cloud
    }

    /// Gives what lives and bears our fleet's label.
    pub(crate) fn living(&self) -> impl Iterator<Item = &CloudServer> {
        self.servers.iter().filter(|server| server.is_ours())
    }

    /// Gives the next moment at which something changes by itself.
    pub(crate) fn next_change(&self) -> Option<Time> {
        self.servers.iter().filter_map(|server| server.next.map(|(at, _)| at)).min()
    }

    pub(crate) fn advance(&mut self, now: Time) {
        self.servers.retain_mut(|server| {
            if server.newborn_until.is_some_and(|until| until <= now) {
                server.newborn_until = None;
            }
            match server.next {
                Some((at, state)) if at <= now => {
                    server.next = None;
                    state.map(|state| server.state = state).is_some()
                }
                Some(_) | None => true,
            }
        });
    }

    fn add(&mut self, labels: FoundLabels, state: ProviderState) -> usize {
        let id = ProviderId::new(format!("s{:04}", self.made)).expect("it is no control character");
        self.made += 1;
        self.servers.push(CloudServer { id, labels, state, next: None, newborn_until: None });
        self.servers.len() - 1
    }

    /// Does what is asked, and answers. A listing lacks the servers that are `hidden`.
    pub(crate) fn execute(&mut self, op: &Op, hidden: &[ProviderId], now: Time) -> Outcome {
        match op {
            Op::Check | Op::Account => Outcome::Account(Account::default()),
            Op::Look => self.list(None, hidden),
            Op::Find(token) => self.list(Some(*token), hidden),
            Op::Inspect(id) => match self.find(id) {
                Some(at) => Outcome::Inspected(show(&self.servers[at])),
                None => absent(),
            },
            Op::CreateFromSnapshot(create) => {
                let at = self.add((&create.labels).into(), ProviderState::InProgress);
                let server = &mut self.servers[at];
                server.next = Some((now + BOOT, Some(ProviderState::Running)));
                server.newborn_until = Some(now + LAG);
                Outcome::Created(Box::new(show(server)))
            }
            Op::Stop { provider_id, .. } => {
                let next = (ProviderState::InProgress, Some(ProviderState::Stopped));
                self.change(provider_id, ProviderState::Running, next, now + END)
            }
            Op::Delete { provider_id, .. } => {
                self.change(provider_id, ProviderState::Stopped, (ProviderState::Deleting, None), now + END)
            }
            _ => Outcome::Refused(Reason::Invalid, Failure::new("no such operation")),
        }
    }

    fn change(
        &mut self,
        id: &ProviderId,
        needs: ProviderState,
        (meanwhile, then): (ProviderState, Option<ProviderState>),
        at: Time,
    ) -> Outcome {
        let Some(place) = self.find(id) else { return absent() };
        let server = &mut self.servers[place];
        self.harmed |= !server.is_ours();
        if server.state != needs {
            return Outcome::Refused(Reason::Busy, Failure::new("not in that state"));
        }
        server.state = meanwhile;
        server.next = Some((at, then));
        Outcome::Accepted
    }

    fn list(&self, token: Option<Token>, hidden: &[ProviderId]) -> Outcome {
        let is_shown = |server: &&CloudServer| {
            !hidden.contains(&server.id) && (token.is_none() || server.labels.token == token)
        };
        let servers: Vec<Observed> = self.servers.iter().filter(is_shown).map(show).collect();
        let total = Some(servers.len() as u64);
        Outcome::Page(Page { servers, total, seam: Seam::Overlapping })
    }

    fn find(&self, id: &ProviderId) -> Option<usize> {
        self.servers.iter().position(|server| server.id == *id)
    }
}

fn absent() -> Outcome {
    Outcome::Absent(Failure::new("there is no such server"))
}

fn show(server: &CloudServer) -> Observed {
    Observed {
        provider_id: server.id.clone(),
        name: String::new(),
        labels: server.labels.clone(),
        state: server.state,
        addresses: vec![Address { network: Network::Public, address: "192.0.2.1".to_owned() }],
    }
}
