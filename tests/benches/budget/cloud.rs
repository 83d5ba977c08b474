//! A cloud in memory that does everything at once: what is measured is the machine, and not this.

use dynservers_core::{
    Account, Address, Completion, CreateFromSnapshot, Effect, Failure, FoundLabels, Labels, Network,
    Observed, Op, Outcome, Page, ProviderId, ProviderState, Seam, Step,
};

/// How many servers a page of a listing has, as with UpCloud unless configured otherwise.
const PAGE: usize = 100;

/// Every server that was ever made, by its number; none where it is gone.
#[derive(Debug, Default)]
pub(crate) struct Cloud {
    servers: Vec<Option<Instance>>,
    /// The numbers of the servers that the listing under way shows.
    listing: Vec<usize>,
}

#[derive(Debug)]
struct Instance {
    number: usize,
    name: String,
    labels: Labels,
    state: ProviderState,
}

impl Instance {
    /// Shows the server in an answer: every text is one of its own, as where an answer is read off a wire.
    fn show(&self) -> Observed {
        Observed {
            provider_id: ProviderId::new(id(self.number)).expect("it is short"),
            name: self.name.clone(),
            labels: FoundLabels::from(&self.labels),
            state: self.state,
            addresses: Vec::new(),
        }
    }
}

impl Cloud {
    /// Does what is asked, at once.
    pub(crate) fn execute(&mut self, effect: &Effect) -> Completion {
        match &effect.op {
            Op::Check | Op::Account => {
                let total = self.servers.iter().flatten().count() as u64;
                Outcome::Account(Account { total: Some(total), limit: None, identity: None }).into()
            }
            Op::Look => self.page(effect.step.as_ref()),
            Op::CreateFromSnapshot(wanted) => Outcome::Created(Box::new(self.create(wanted))).into(),
            Op::Stop { provider_id, .. } => {
                if let Some(server) = &mut self.servers[number(provider_id)] {
                    server.state = ProviderState::Stopped;
                }
                Outcome::Accepted.into()
            }
            Op::Delete { provider_id, .. } => {
                self.servers[number(provider_id)] = None;
                Outcome::Accepted.into()
            }
            other => Outcome::Lost(Failure::new(format!("{} is never asked for", other.name()))).into(),
        }
    }

    fn create(&mut self, wanted: &CreateFromSnapshot) -> Observed {
        let number = self.servers.len();
        let (name, labels) = (wanted.name.clone(), wanted.labels.clone());
        let instance = Instance { number, name: name.to_string(), labels, state: ProviderState::Running };
        // As with UpCloud, a listing shows no addresses, and a server that was just accepted is not up yet.
        let addresses = vec![
            address(Network::Public, format!("203.0.{}.{}", number / 256 % 256, number % 256)),
            address(Network::Utility, format!("10.1.{}.{}", number / 256 % 256, number % 256)),
        ];
        let shown = Observed { state: ProviderState::InProgress, addresses, ..instance.show() };
        self.servers.push(Some(instance));
        shown
    }

    /// Gives the page that begins at a step: with the last server of the one before.
    fn page(&mut self, step: Option<&Step>) -> Completion {
        let offset = step.map_or(0, |Step(offset)| offset.parse().expect("a step of our own making"));
        if step.is_none() {
            let there = self.servers.iter().enumerate().filter(|(_, server)| server.is_some());
            self.listing = there.map(|(number, _)| number).collect();
        }
        let total = self.listing.len();
        let end = total.min(offset + PAGE);
        let shown = self.listing[offset..end].iter();
        let servers = shown.filter_map(|number| self.servers[*number].as_ref()).map(Instance::show).collect();
        let next = (end < total).then(|| Step((end - 1).to_string()));
        let outcome = Outcome::Page(Page { servers, total: Some(total as u64), seam: Seam::Overlapping });
        Completion { outcome, next, rate: None }
    }
}

fn address(network: Network, address: String) -> Address {
    Address { network, address }
}

/// Makes an id that looks like any other, and ends with the server's number.
fn id(number: usize) -> String {
    let mixed = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (one, two, three) = (mixed >> 40, mixed >> 24 & 0xffff, mixed >> 12 & 0xfff);
    format!("00{one:06x}-{two:04x}-4{three:03x}-8b3e-{number:012}")
}

/// Reads the number off a server's id.
fn number(provider_id: &ProviderId) -> usize {
    let digits = provider_id.as_str().rsplit('-').next().unwrap_or_default();
    digits.parse().expect("an id of our own making")
}
