//! The servers and disks of the account, and what time does to them.

use std::collections::{BTreeMap, HashMap};

use super::census::Census;
use super::index::Index;
use super::labels::Labels;
use super::server::{Disk, Server, State, Work};

/// Everything that exists, at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Cloud {
    now_millis: u64,
    servers: BTreeMap<u64, Server>,
    by_uuid: HashMap<String, u64>,
    disks: HashMap<String, Disk>,
    pub(super) index: Index,
    pub(super) census: Census,
    /// What is to happen, by the moment and then in the order of planning.
    due: BTreeMap<(u64, u64), Due>,
    servers_made: u64,
    changes_planned: u64,
    creating: u64,
    /// What servers that are gone were billed for.
    billed_millis: u64,
}

/// A server that was taken away and may come back, with its disks.
#[derive(Clone, Debug)]
pub(super) struct Withdrawn {
    pub(super) number: u64,
    pub(super) server: Server,
    pub(super) disks: Vec<(String, Disk)>,
}

/// One change that time will bring.
#[derive(Clone, Copy, Debug)]
struct Due {
    server: u64,
    change: Change,
}

#[derive(Clone, Copy, Debug)]
enum Change {
    /// Listings show the server from now on.
    Show,
    /// The operation of this number goes a step further.
    Step { operation: u64, step: Step },
}

/// One step of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) after_millis: u64,
    pub(super) state: State,
    /// Whether the operation is over with it.
    pub(super) settles: bool,
    /// Whether the guest boots with it.
    pub(super) boots: bool,
}

impl Step {
    /// Makes a step within an operation.
    pub(super) const fn passing(after_millis: u64, state: State) -> Self {
        Self { after_millis, state, settles: false, boots: false }
    }

    /// Makes the last step of an operation.
    pub(super) const fn last(after_millis: u64, state: State) -> Self {
        Self { after_millis, state, settles: true, boots: false }
    }

    /// Makes the last step of an operation that boots the guest.
    pub(super) const fn booted(after_millis: u64) -> Self {
        Self { after_millis, state: State::Started, settles: true, boots: true }
    }
}

impl Cloud {
    /// Lets time pass: everything due happens, in order. Time never goes back.
    pub(super) fn advance(&mut self, now_millis: u64) {
        while let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= now_millis) {
            let ((at, _), due) = entry.remove_entry();
            self.now_millis = self.now_millis.max(at);
            self.happen(due);
        }
        self.now_millis = self.now_millis.max(now_millis);
    }

    fn happen(&mut self, due: Due) {
        let Some(server) = self.servers.get_mut(&due.server) else { return };
        match due.change {
            Change::Show if !server.listed => {
                server.listed = true;
                self.index.insert(due.server, &server.labels);
            }
            Change::Step { operation, step } if operation == server.operation => {
                let was_creating = server.work == Work::Creating;
                if step.settles {
                    self.creating = self.creating.saturating_sub(u64::from(was_creating));
                    server.work = Work::Idle;
                } else if !was_creating {
                    server.work = Work::Operating;
                }
                server.state = step.state;
                server.boots += u64::from(step.boots);
            }
            // Listed already, or planned by an operation that another one has replaced.
            Change::Show | Change::Step { .. } => {}
        }
    }

    pub(super) const fn now_millis(&self) -> u64 {
        self.now_millis
    }

    /// Gives a number that no other server has or had.
    pub(super) const fn number(&mut self) -> u64 {
        self.servers_made += 1;
        self.servers_made
    }

    /// Takes in a server and its disks; listings show it after `list_lag_millis`.
    pub(super) fn add(
        &mut self,
        number: u64,
        server: Server,
        disks: Vec<(String, Disk)>,
        list_lag_millis: u64,
    ) {
        self.census.enter(number, &server.labels);
        self.by_uuid.insert(server.uuid.clone(), number);
        self.disks.extend(disks);
        self.creating += u64::from(server.work == Work::Creating);
        self.servers.insert(number, server);
        let show = Due { server: number, change: Change::Show };
        if list_lag_millis == 0 {
            self.happen(show);
        } else {
            self.plan(self.now_millis.saturating_add(list_lag_millis), show);
        }
    }

    fn plan(&mut self, at: u64, due: Due) {
        self.changes_planned += 1;
        self.due.insert((at, self.changes_planned), due);
    }

    /// Begins an operation, in place of any that still runs; each step counts its time from now.
    pub(super) fn operate(&mut self, number: u64, steps: &[Step]) {
        let Some(server) = self.servers.get_mut(&number) else { return };
        server.operation += 1;
        let operation = server.operation;
        if !server.is_busy() {
            server.work = Work::Operating;
        }
        for step in steps {
            let due = Due { server: number, change: Change::Step { operation, step: *step } };
            if step.after_millis == 0 {
                self.happen(due);
            } else {
                self.plan(self.now_millis.saturating_add(step.after_millis), due);
            }
        }
    }

    /// Copies a server, as it would be if it came back.
    pub(super) fn copy(&self, number: u64) -> Option<Withdrawn> {
        let server = self.servers.get(&number)?;
        let disks =
            server.disks.iter().filter_map(|uuid| Some((uuid.clone(), self.disks.get(uuid)?.clone())));
        let disks = disks.collect();
        let back = Server { state: State::Stopped, work: Work::Idle, listed: false, ..server.clone() };
        Some(Withdrawn { number, server: back, disks })
    }

    /// Takes a server away. Its disks go with it, or stay behind and bill.
    pub(super) fn remove(&mut self, number: u64, with_disks: bool) -> Option<Server> {
        let server = self.servers.remove(&number)?;
        self.by_uuid.remove(&server.uuid);
        if server.listed {
            self.index.remove(number, &server.labels);
        }
        self.census.leave(number, &server.labels);
        self.creating = self.creating.saturating_sub(u64::from(server.work == Work::Creating));
        self.billed_millis += self.now_millis.saturating_sub(server.created_millis);
        for uuid in &server.disks {
            if with_disks {
                self.disks.remove(uuid);
            } else if let Some(disk) = self.disks.get_mut(uuid) {
                disk.server = None;
                disk.left_millis = self.now_millis;
            }
        }
        Some(server)
    }

    /// Replaces all labels of a server.
    pub(super) fn relabel(&mut self, number: u64, labels: Labels) {
        let Some(server) = self.servers.get_mut(&number) else { return };
        if server.listed {
            self.index.remove(number, &server.labels);
            self.index.insert(number, &labels);
        }
        self.census.leave(number, &server.labels);
        self.census.enter(number, &labels);
        server.labels = labels;
    }

    pub(super) fn find(&self, uuid: &str) -> Option<(u64, &Server)> {
        let number = *self.by_uuid.get(uuid)?;
        Some((number, self.servers.get(&number)?))
    }

    pub(super) fn server(&self, number: u64) -> Option<&Server> {
        self.servers.get(&number)
    }

    pub(super) fn server_mut(&mut self, number: u64) -> Option<&mut Server> {
        self.servers.get_mut(&number)
    }

    /// Gives the servers in the order of creation.
    pub(super) fn servers(&self) -> impl DoubleEndedIterator<Item = &Server> {
        self.servers.values()
    }

    pub(super) fn disk(&self, uuid: &str) -> Option<&Disk> {
        self.disks.get(uuid)
    }

    pub(super) fn remove_disk(&mut self, uuid: &str) {
        self.disks.remove(uuid);
    }

    /// Gives the disks that no server has, ordered by UUID.
    pub(super) fn disks_left(&self) -> Vec<(&str, &Disk)> {
        let left = self.disks.iter().filter(|(_, disk)| disk.server.is_none());
        let mut left: Vec<_> = left.map(|(uuid, disk)| (uuid.as_str(), disk)).collect();
        left.sort_unstable_by_key(|(uuid, _)| *uuid);
        left
    }

    /// Counts the creates that run.
    pub(super) const fn creating(&self) -> u64 {
        self.creating
    }

    /// Gives what all servers, gone and living, have been billed for.
    pub(super) fn billed_millis(&self) -> u64 {
        let living =
            self.servers.values().map(|server| self.now_millis.saturating_sub(server.created_millis));
        self.billed_millis + living.sum::<u64>()
    }
}
