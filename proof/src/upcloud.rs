//! The second world's cloud: the whole way to UpCloud and back, as requests and responses, to its emulator.
//!
//! What the machine wants done goes through the same [`Exchange`] as in life: the provider writes the request, the
//! emulator answers it, the provider reads the answer. Only the socket is missing, whose faults are the world's.
//!
//! ```
//! use dynservers_proof::upcloud::UpCloudStack;
//! use dynservers_sim::world::Story;
//!
//! assert_eq!(Story::from_seed(1).tell(UpCloudStack::new, false).verdict, Ok(()));
//! ```

mod account;
mod fates;
mod hands;

use std::collections::{BTreeMap, BTreeSet};

use dynservers_core::{Completion, Effect, FoundLabels, Op, ProviderId, ProviderState, TypeName};
use dynservers_http::{Clock, Exchange, TransportError};
use dynservers_sim::world::{Boot, Cloud, Fate, Join, Meddling, Setup, Told, TrueServer};
use dynservers_upcloud::UpCloud;
use dynservers_upcloud::emulator::{self, Action, Emulator, State};
use http::{Request, Response};
use serde_json::Value;

/// UpCloud as a world has it: the provider, and the account that it talks to.
#[derive(Debug)]
pub struct UpCloudStack {
    provider: UpCloud,
    emulator: Emulator,
    now: u64,
    known: BTreeMap<String, Known>,
    /// What only an operator brings on.
    stuck: BTreeSet<String>,
    boot: (Boot, u8),
    made: u64,
    accepts: bool,
    is_full: [bool; 2],
    calls: BTreeMap<&'static str, u64>,
}

/// What is known of a server besides its state, so that its labels are not read anew at each moment.
#[derive(Clone, Debug)]
struct Known {
    id: ProviderId,
    labels: FoundLabels,
    made_with: FoundLabels,
    /// The labels that it was made with, as they were written.
    written: Vec<(String, String)>,
}

impl UpCloudStack {
    /// Makes an empty account, the one of this number in its world: no two give the same ids.
    #[must_use]
    pub fn new(setup: &Setup, number: u8) -> Self {
        Self {
            provider: account::provider(setup),
            emulator: account::emulator(number),
            now: 0,
            known: BTreeMap::new(),
            stuck: BTreeSet::new(),
            boot: (Boot::After(23), 1),
            made: 0,
            accepts: true,
            is_full: [false; 2],
            calls: BTreeMap::new(),
        }
    }

    /// Carries a request to the emulator, and what befalls it there.
    fn carry(
        &mut self,
        op: &Op,
        request: &Request<Vec<u8>>,
        fate: Fate,
    ) -> Result<Response<Vec<u8>>, TransportError> {
        // Whoever is nobody is told so, and no more.
        let fate = if self.accepts { fate } else { Fate::Answer };
        if let Some(response) = fates::instead(fate, op) {
            return Ok(response);
        }
        let reaction = self.emulator.handle(request, self.now);
        if matches!(op, Op::CreateFromSnapshot(_)) {
            self.take_in(true);
        }
        let response =
            reaction.arrived().ok_or_else(|| TransportError::maybe_sent("the connection closed"))?;
        Ok(fates::spoil(fate, response))
    }

    /// Takes note of the latest server if it is new, and has it come up as is to be.
    fn take_in(&mut self, is_ours: bool) {
        let Some(latest) = self.emulator.servers().next_back() else { return };
        if self.known.contains_key(latest.uuid) {
            return;
        }
        let labels = found(latest.labels);
        let uuid = latest.uuid.to_owned();
        let known = Known {
            id: account::id(&uuid),
            made_with: labels.clone(),
            labels,
            written: latest.labels.to_vec(),
        };
        self.known.insert(uuid.clone(), known);
        if is_ours {
            self.made += 1;
            let (boot, every) = self.boot;
            let is_meant = every > 0 && self.made.is_multiple_of(u64::from(every));
            self.come_up(&uuid, if is_meant { boot } else { Boot::After(23) });
        }
    }

    fn change_settings(&mut self, change: impl FnOnce(&mut emulator::Settings)) {
        let mut settings = self.emulator.settings().clone();
        change(&mut settings);
        self.emulator.set_settings(settings);
    }
}

impl Cloud for UpCloudStack {
    /// UpCloud's creates take one request, its pages overlap as its provider has it, and it deletes nothing that runs.
    fn fitting(setup: Setup) -> Setup {
        let page_size = setup.page_size.max(2);
        Setup { create_steps: 1, seam: Join::Overlapping, stops_first: true, page_size, ..setup }
    }

    fn specification(server_type: &TypeName) -> Value {
        account::template(server_type)
    }

    fn advance(&mut self, now: u64) {
        self.now = self.now.max(now);
        self.emulator.advance(self.now);
    }

    fn execute(&mut self, effect: &Effect, fate: Fate, told: Told) -> Completion {
        *self.calls.entry(effect.op.name()).or_default() += 1;
        let clock = Clock { time: told.time, wall_millis: told.wall };
        let request = match Exchange::new(&self.provider, effect).request(clock) {
            Ok(request) => request,
            Err(completion) => return *completion,
        };
        let result = self.carry(&effect.op, &request, fate);
        Exchange::new(&self.provider, effect).finish(result, clock)
    }

    fn servers(&self) -> Vec<TrueServer> {
        let tell = |truth: emulator::Truth<'_>| {
            let known = self.known.get(truth.uuid)?;
            Some(TrueServer {
                id: known.id.clone(),
                labels: known.labels.clone(),
                made_with: known.made_with.clone(),
                state: state(truth.state),
            })
        };
        self.emulator.servers().filter_map(tell).collect()
    }

    fn meddle(&mut self, id: &ProviderId, how: Meddling) {
        self.lay_hands(id.as_str(), how);
    }

    fn resurrect(&mut self) -> Option<ProviderId> {
        let uuid = self.emulator.bring_back(self.now)?;
        self.stuck.remove(&uuid);
        Some(account::id(&uuid))
    }

    fn add(&mut self, labels: FoundLabels) {
        let labels = account::written(&labels);
        let foreign = emulator::Foreign { title: "a stranger".to_owned(), labels, ..Default::default() };
        self.emulator.add_foreign(&foreign, self.now);
        self.take_in(false);
    }

    fn boot(&mut self, boot: Boot, every: u8) {
        self.boot = (boot, every);
    }

    fn lag(&mut self, millis: u32) {
        self.change_settings(|settings| settings.list_lag_millis = u64::from(millis));
    }

    fn capacity(&mut self, kind: u8, has_room: bool) {
        self.is_full[usize::from(kind.min(1))] = !has_room;
        let full = account::PLANS.iter().zip(self.is_full).filter(|(_, is_full)| *is_full);
        let full = full.map(|(plan, _)| (*plan).to_owned()).collect();
        self.change_settings(|settings| settings.full_plans = full);
    }

    fn quota(&mut self, most: Option<usize>) {
        self.change_settings(|settings| settings.limits.servers = most.map(|most| most as u64));
    }

    fn credentials(&mut self, are_valid: bool) {
        self.accepts = are_valid;
        self.emulator.set_credentials(account::accepted(are_valid));
    }

    fn account(&mut self, is_ours: bool) {
        let account = if is_ours { emulator::Account::Own } else { emulator::Account::Other };
        self.change_settings(|settings| settings.account = account);
    }

    fn calls(&self) -> &BTreeMap<&'static str, u64> {
        &self.calls
    }

    /// Every disk was made for a server of ours: strangers have none.
    fn leftovers(&self) -> Vec<String> {
        let left = self.emulator.clone().report(self.now).disks_left;
        left.into_iter().map(|disk| format!("disk {} of {} bills on", disk.uuid, disk.title)).collect()
    }

    /// What was stuck goes on.
    fn free(&mut self) {
        for uuid in std::mem::take(&mut self.stuck) {
            let turn = emulator::Turn { after_millis: 23_000, state: State::Started };
            self.emulator.act(&uuid, &Action::Course { turns: vec![turn] }, self.now);
        }
    }
}

fn found(labels: &[(String, String)]) -> FoundLabels {
    FoundLabels::from_pairs(labels.iter().map(|(key, value)| (key.as_str(), value.as_str())))
}

/// Gives the core's word for a state, without the provider's help, which is on trial.
fn state(state: State) -> ProviderState {
    match state {
        State::Maintenance => ProviderState::InProgress,
        State::Started => ProviderState::Running,
        State::Stopped => ProviderState::Stopped,
        State::Error => ProviderState::Error,
        State::PendingDelete => ProviderState::Deleting,
        _ => ProviderState::Unknown,
    }
}
