//! The cloud as a world needs it: it does requests, and the truth about it can be seen and meddled with.

use dynservers_core::{Completion, Effect, FoundLabels, ProviderId, ProviderState, Time, TypeName};
use serde_json::{Value, json};

use super::setup::Setup;
use super::step::{Boot, Fate, Meddling};

/// A cloud in a world. It goes by real time, in milliseconds, whatever the clocks of the fleet's hosts say.
pub trait Cloud {
    /// Gives a setup as this cloud can have it.
    #[must_use]
    fn fitting(setup: Setup) -> Setup
    where
        Self: Sized,
    {
        setup
    }

    /// Gives what a server of this type is to be, in the cloud's own vocabulary.
    #[must_use]
    fn specification(_server_type: &TypeName) -> Value
    where
        Self: Sized,
    {
        json!({"plan": "small"})
    }

    /// Lets time pass up to this moment.
    fn advance(&mut self, now: u64);

    /// Does a request, or not, and answers as its fate says. That a request does not arrive, or an answer, is not its
    /// affair: it is not asked then, or not heard.
    fn execute(&mut self, effect: &Effect, fate: Fate, told: Told) -> Completion;

    /// Gives every server that exists, in the order in which they were made.
    fn servers(&self) -> Vec<TrueServer>;

    /// Does something to a server by hand; whatever does not fit its state is left.
    fn meddle(&mut self, id: &ProviderId, how: Meddling);

    /// Brings the last server back that was taken away by hand, and gives its id.
    fn resurrect(&mut self) -> Option<ProviderId>;

    /// Adds a server that nobody of ours made.
    fn add(&mut self, labels: FoundLabels);

    /// Has every n-th of the next servers come up like this; none of them, if 0.
    fn boot(&mut self, boot: Boot, every: u8);

    /// Shows new servers this late in listings from now on.
    fn lag(&mut self, millis: u32);

    /// Has room for servers of a type, or has none.
    fn capacity(&mut self, kind: u8, has_room: bool);

    /// Allows so many servers in all, or as many as one likes.
    fn quota(&mut self, most: Option<usize>);

    /// Accepts our credentials, or does not.
    fn credentials(&mut self, are_valid: bool);

    /// Takes us for whom we are, or for somebody else, who has no servers.
    fn account(&mut self, is_ours: bool);

    /// Gives how many requests of every kind were answered or done, by the operation's name.
    fn calls(&self) -> &std::collections::BTreeMap<&'static str, u64>;

    /// Gives what is left behind of servers that are gone: disks, for example, which bill.
    fn leftovers(&self) -> Vec<String>;

    /// Lets go on whatever is stuck.
    fn free(&mut self);

    /// Does as it should from now on; what was done to its servers stays done.
    fn heal(&mut self) {
        self.free();
        self.boot(Boot::After(23), 1);
        self.lag(0);
        self.quota(None);
        self.credentials(true);
        self.account(true);
        for kind in 0..2 {
            self.capacity(kind, true);
        }
    }
}

/// What the host's clocks say as it sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The fleet's time.
    pub time: Time,
    /// The wall clock, in milliseconds.
    pub wall: u64,
}

/// A server as it truly is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrueServer {
    /// Its id.
    pub id: ProviderId,
    /// Its labels now.
    pub labels: FoundLabels,
    /// The labels that it was made with.
    pub made_with: FoundLabels,
    /// Its state.
    pub state: ProviderState,
}
