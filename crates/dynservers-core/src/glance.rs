//! Glances: the fast way for servers that a look shows as they are known, which is nearly all of them nearly always.

use crate::ids::{ProviderName, ServerId};
use crate::ledger::Ledger;
use crate::look::{Observed, ProviderState};
use crate::record::ServerRecord;
use crate::server::{Server, Sighting};
use crate::status::Status;

impl Ledger {
    /// Notes a sighting of a server that runs and is shown as it is known, and tells whether this look had not shown it
    /// before. None if there is more to it: then nothing was noted.
    ///
    /// The label says which record is meant. A search among the provider's ids, each a text of its own somewhere in memory,
    /// is what a look at many would spend its time on.
    pub(crate) fn glance(
        &mut self,
        provider: &ProviderName,
        observed: &Observed,
        sighting: Sighting,
    ) -> Option<bool> {
        let is_clear = self.providers.get(provider).is_some_and(|index| !index.is_ambiguous);
        let labelled = observed.labels.server.filter(|_| is_clear)?;
        let server = self.split().0.get_mut(labelled)?;
        let record = &server.record;
        let is_meant = is_of(record, provider, observed);
        let is_moved = !observed.addresses.is_empty() && record.addresses != observed.addresses;
        let is_late = server.live.seen.is_some_and(|seen| seen.begun > sighting.begun);
        if !is_meant || is_moved || is_late || !is_quiet(server, sighting) {
            return None;
        }
        let is_first = server.live.seen.is_none_or(|seen| seen.begun < sighting.begun);
        note(server, sighting);
        Some(is_first)
    }

    /// Gives whose record a sighting is of, by the provider's id.
    pub(crate) fn by_sighting(&self, provider: &ProviderName, observed: &Observed) -> Option<ServerId> {
        let index = self.providers.get(provider)?;
        let is_meant =
            |id: &ServerId| self.server(*id).is_some_and(|record| is_of(record, provider, observed));
        let labelled = observed.labels.server.filter(|_| !index.is_ambiguous).filter(is_meant);
        labelled.or_else(|| index.by_id.get(&observed.provider_id).copied())
    }

    /// Notes that a look showed a server, unless more is known already. Gives whether that was all.
    pub(crate) fn sight_quietly(&mut self, id: ServerId, sighting: Sighting) -> bool {
        let Some(server) = self.split().0.get_mut(id) else { return true };
        if server.live.seen.is_some_and(|seen| seen.begun > sighting.begun) {
            return true;
        }
        note(server, sighting);
        is_quiet(server, sighting)
    }
}

fn is_of(record: &ServerRecord, provider: &ProviderName, observed: &Observed) -> bool {
    record.provider_id.as_ref() == Some(&observed.provider_id) && record.provider == *provider
}

fn note(server: &mut Server, sighting: Sighting) {
    server.live.seen = Some(sighting);
    server.live.listed |= sighting.is_listed;
    server.live.miss_no_more();
}

/// Whether a server runs, is to run, and is shown to run.
fn is_quiet(server: &Server, sighting: Sighting) -> bool {
    let record = &server.record;
    record.status == Status::Running
        && sighting.state == ProviderState::Running
        && record.removal.is_none()
        && !record.disowned
        && !server.live.suspected
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{FleetName, OwnerId, ProviderId, TypeName};
    use crate::labels::FoundLabels;
    use crate::record::Stored;
    use crate::time::Time;
    use alloc::string::String;
    use alloc::vec::Vec;

    fn cloud() -> ProviderName {
        ProviderName::new("cloud").unwrap()
    }

    /// A ledger of running servers that the provider knows by these ids.
    fn ledger(ids: &[&str]) -> Ledger {
        let server_type = TypeName::new("default").unwrap();
        let fleet = FleetName::new("workers").unwrap();
        let mut stored = Stored::empty(fleet, OwnerId::from_random(1));
        for (number, id) in ids.iter().enumerate() {
            let number = ServerId(number as u64 + 1);
            let mut record = ServerRecord::wanted(number, server_type.clone(), cloud(), None, Time::ZERO);
            record.status = Status::Running;
            record.provider_id = ProviderId::new(*id).ok();
            stored.servers.push(record);
        }
        Ledger::restore(stored)
    }

    fn shown(id: &str, label: u64) -> Observed {
        Observed {
            provider_id: ProviderId::new(id).unwrap(),
            name: String::new(),
            labels: FoundLabels { server: Some(ServerId(label)), ..FoundLabels::default() },
            state: ProviderState::Running,
            addresses: Vec::new(),
        }
    }

    fn at(millis: u64) -> Sighting {
        Sighting { begun: Time::from_millis(millis), state: ProviderState::Running, is_listed: true }
    }

    #[test]
    fn a_look_counts_a_server_once_and_knows_its_own_sightings_from_older_ones() {
        let mut ledger = ledger(&["a", "b"]);
        let mut glance = |begun| ledger.glance(&cloud(), &shown("b", 2), at(begun));
        assert_eq!([glance(5), glance(5), glance(6)], [Some(true), Some(false), Some(true)]);
        assert_eq!(glance(5), None, "more is known already");
        assert_eq!(ledger.get(ServerId(2)).unwrap().live.seen, Some(at(6)));
        assert_eq!(ledger.get(ServerId(1)).unwrap().live.seen, None);
    }

    #[test]
    fn what_is_not_as_it_was_is_left_to_the_long_way() {
        let mut ledger = ledger(&["a"]);
        let stopped = Sighting { state: ProviderState::Stopped, ..at(5) };
        assert_eq!(ledger.glance(&cloud(), &shown("a", 1), stopped), None);
        assert_eq!(ledger.glance(&ProviderName::new("other").unwrap(), &shown("a", 1), at(5)), None);
        ledger.update(ServerId(1), |record| record.disowned = true);
        assert_eq!(ledger.glance(&cloud(), &shown("a", 1), at(5)), None);
        assert_eq!(ledger.get(ServerId(1)).unwrap().live.seen, None, "and nothing was noted");
    }

    #[test]
    fn the_provider_s_id_decides_and_not_the_label() {
        let ledger = ledger(&["a", "b"]);
        let by_sighting = |id, label| ledger.by_sighting(&cloud(), &shown(id, label));
        assert_eq!(by_sighting("a", 1), Some(ServerId(1)));
        assert_eq!(by_sighting("a", 2), Some(ServerId(1)), "somebody edited the label");
        assert_eq!((by_sighting("a", 9), by_sighting("c", 1)), (Some(ServerId(1)), None));
    }

    #[test]
    fn where_one_id_was_given_twice_the_index_alone_decides() {
        let mut ledger = ledger(&["a", "a"]);
        assert_eq!(ledger.by_sighting(&cloud(), &shown("a", 1)), Some(ServerId(2)));
        assert_eq!(ledger.glance(&cloud(), &shown("a", 1), at(5)), None);
    }
}
