//! The ready fake: an account in memory, for whose API the author writes the words alone.

use std::collections::BTreeMap;
use std::fmt;

use http::{Request, Response};

use super::subject::Cloud;

/// Answers a request in the API's words, with what is in the account.
pub type Answering = fn(&mut FakeAccount, &Request<Vec<u8>>) -> Response<Vec<u8>>;

/// A [`Cloud`] of which only the words are still to be written.
pub struct FakeCloud {
    account: FakeAccount,
    answer: Answering,
}

impl FakeCloud {
    /// Makes an empty account that answers by a function.
    #[must_use]
    pub fn new(answer: Answering) -> Self {
        Self { account: FakeAccount::default(), answer }
    }
}

impl fmt::Debug for FakeCloud {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("FakeCloud").field("account", &self.account).finish_non_exhaustive()
    }
}

impl Cloud for FakeCloud {
    fn answer(&mut self, request: &Request<Vec<u8>>, _: u64) -> Response<Vec<u8>> {
        (self.answer)(&mut self.account, request)
    }

    fn servers(&mut self) -> usize {
        self.account.servers.len()
    }

    fn add_stranger(&mut self, name: &str) {
        self.account.create(name, BTreeMap::new());
    }

    fn remove(&mut self, id: &str) {
        self.account.delete(id);
    }

    fn left_behind(&mut self) -> usize {
        self.account.left_behind
    }
}

/// The servers of an account, in the order of their creation.
#[derive(Clone, Debug, Default)]
pub struct FakeAccount {
    /// The servers.
    pub servers: Vec<FakeServer>,
    /// How many disks and the like were left by deleted servers: to be counted up by whoever answers.
    pub left_behind: usize,
    made: u64,
}

/// A server of that account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FakeServer {
    /// Its id; ids grow with time.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its labels; where there are only flat tags, as whoever answers takes them apart.
    pub labels: BTreeMap<String, String>,
    /// Whether it runs; else it is stopped.
    pub is_running: bool,
}

impl FakeAccount {
    /// Adds a server, which runs at once.
    pub fn create(&mut self, name: &str, labels: BTreeMap<String, String>) -> FakeServer {
        self.made += 1;
        let id = format!("srv-{:04}", self.made);
        let server = FakeServer { id, name: name.to_owned(), labels, is_running: true };
        self.servers.push(server.clone());
        server
    }

    /// Finds a server.
    pub fn find(&mut self, id: &str) -> Option<&mut FakeServer> {
        self.servers.iter_mut().find(|server| server.id == id)
    }

    /// Takes a server away. Tells whether it was there.
    pub fn delete(&mut self, id: &str) -> bool {
        let before = self.servers.len();
        self.servers.retain(|server| server.id != id);
        self.servers.len() < before
    }

    /// Gives the servers that bear all of these labels, to be cut into pages.
    #[must_use]
    pub fn bearing(&self, labels: &[(&str, &str)]) -> Vec<&FakeServer> {
        let bears = |server: &&FakeServer| {
            labels.iter().all(|(key, value)| server.labels.get(*key).is_some_and(|found| found == value))
        };
        self.servers.iter().filter(bears).collect()
    }
}
