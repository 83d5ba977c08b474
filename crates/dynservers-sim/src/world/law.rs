//! Laws: what must hold in every moment, and how a broken one is told.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use dynservers_core::{
    Batch, Change, CommandId, Effect, Event, Op, Outcome, ProviderId, ProviderName, ProviderState, Reason,
    Reconciler, Reply, ServerRecord, Status, Time, TypeName, Why,
};

use super::cloud::TrueServer;
use super::setup::fleet;
use super::store::FaultyStore;
use super::workers::Workers;

/// An hour, in milliseconds.
const HOUR: u64 = 3_600_000;
/// The most creates of a type that may be refused within an hour: a few dozen at once, and then fewer and fewer.
const REFUSALS_AN_HOUR: usize = 120;

/// A law, and what broke it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The law.
    pub law: Law,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.law, self.what)
    }
}

/// The laws, and the bounds that go with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Law {
    /// A server that bears our labels is in the ledger, or is adopted, deleted or reported.
    NoLeak,
    /// What is not ours is never touched.
    NoHarm,
    /// Ceilings count everything not seen gone.
    NoExcess,
    /// No effect leaves before its intent is durable.
    DurableFirst,
    /// Only a look, or the provider's word, convicts.
    Seen,
    /// Work in hand is not lost before its deadline.
    NoMurder,
    /// It comes to rest, and rests.
    Settles,
    /// Equal inputs give equal outputs; a restored machine knows what the live one knew.
    Deterministic,
    /// Nothing happens without end.
    Bounded,
    /// There is an answer to everything: nothing panics.
    NoPanic,
}

impl fmt::Display for Law {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NoLeak => "no leak",
            Self::NoHarm => "no harm",
            Self::NoExcess => "no excess",
            Self::DurableFirst => "durable first",
            Self::Seen => "seen, not assumed",
            Self::NoMurder => "no murder",
            Self::Settles => "it settles",
            Self::Deterministic => "deterministic",
            Self::Bounded => "bounded",
            Self::NoPanic => "no panic",
        })
    }
}

/// What is known of a world's past, against which its present is judged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Court {
    /// The most servers of each type that were wanted so far.
    most_wanted: BTreeMap<TypeName, u32>,
    /// The most that its configuration ever allowed.
    most_allowed: BTreeMap<TypeName, u32>,
    /// The most that each account was ever allowed, whoever made them.
    most_in_account: BTreeMap<ProviderName, u32>,
    /// When creates of each type were refused within the last hour, in milliseconds.
    refused: BTreeMap<TypeName, VecDeque<u64>>,
    /// Servers that came to be by somebody else's hand: they are none too many of ours.
    pub(crate) uncounted: BTreeSet<ProviderId>,
    /// Whether an operator ever said that what others own is ours.
    pub(crate) may_take_over: bool,
    /// When the latest create reached a provider.
    pub(crate) created_at: Option<u64>,
    /// The latest that listings ever were, in milliseconds.
    pub(crate) lag: u32,
    /// Whether an operator said that another account is ours, or nobody could know better, or listings were later than they may
    /// be: then somebody may be written off who lives.
    pub(crate) misled: bool,
    /// Whether the ledger may have forgotten that it told workers to go.
    pub(crate) forgot_drains: bool,
    /// Why there may be more than were wanted: something was later than the fleet was told that it can be.
    pub(crate) strain: Option<&'static str>,
}

impl Court {
    /// Notes what is wanted now.
    pub(crate) fn note_wanted(&mut self, machine: &Reconciler) {
        for (name, record) in &machine.ledger().fleet().types {
            let config = machine.config().server_types.get(name);
            let min = config.map_or(0, |config| config.min);
            let wanted = record.desired.unwrap_or(0).max(min);
            let most = self.most_wanted.entry(name.clone()).or_default();
            *most = (*most).max(wanted);
        }
        for (name, config) in &machine.config().server_types {
            let most = self.most_wanted.entry(name.clone()).or_default();
            *most = (*most).max(config.min);
            let most = self.most_allowed.entry(name.clone()).or_default();
            *most = (*most).max(config.max);
        }
        for (name, config) in &machine.config().providers {
            let most = self.most_in_account.entry(name.clone()).or_default();
            *most = (*most).max(config.max_servers_in_account.unwrap_or(u32::MAX));
        }
    }

    /// Notes that the ledger is about to be another one, to which what is found is what is wanted.
    pub(crate) fn note_found(&mut self, servers: &[TrueServer]) {
        let mut found: BTreeMap<&TypeName, u32> = BTreeMap::new();
        for name in servers.iter().filter_map(|server| server.labels.server_type.as_ref()) {
            *found.entry(name).or_default() += 1;
        }
        for (name, count) in found {
            let most = self.most_wanted.entry(name.clone()).or_default();
            *most = (*most).max(count);
        }
    }

    /// No more live than were ever wanted, but for those that the ledger knows to be on their way out, failed, or standing in
    /// for one that came back, as long as nobody may be chosen to go.
    pub(crate) fn judge_excess(&self, store: &FaultyStore, servers: &[TrueServer]) -> Result<(), Violation> {
        if self.strain.is_some() {
            return Ok(());
        }
        for (name, most) in &self.most_wanted {
            // One whose create was never answered for may live too.
            let lives = |record: &ServerRecord| {
                let may_exist = record.provider_id.is_some() || record.attempt.is_some();
                may_exist && record.status != Status::Deleted
            };
            let is_back = |failed| store.server(failed).is_some_and(lives);
            let is_extra = |record: &&ServerRecord| {
                record.server_type == *name
                    && lives(record)
                    && (record.removal.is_some()
                        || matches!(record.status, Status::Hanging | Status::Errored)
                        || record.replaces.is_some_and(is_back))
            };
            let extra = store.servers().filter(is_extra).count();
            let ours = |server: &&TrueServer| {
                server.labels.server_type.as_ref() == Some(name)
                    && is_ours(server, store)
                    && !self.uncounted.contains(&server.id)
            };
            let living = servers.iter().filter(ours).count();
            let allowed = self.most_allowed.get(name).copied().unwrap_or(0).max(*most);
            if living > allowed as usize {
                let what = format!("{living} of {name} live, and {allowed} are allowed at most");
                return Err(Violation { law: Law::NoExcess, what });
            }
            if living > *most as usize + extra {
                let what = format!(
                    "{living} of {name} live, {most} were wanted at most, {extra} are going, failed or stand in"
                );
                return Err(Violation { law: Law::NoExcess, what });
            }
        }
        Ok(())
    }

    /// Creates that are refused again and again become few.
    pub(crate) fn judge_refusals(
        &mut self,
        effect: &Effect,
        outcome: &Outcome,
        now: u64,
    ) -> Result<(), Violation> {
        let Op::CreateFromSnapshot(create) = &effect.op else { return Ok(()) };
        // What is busy waits for the next look, and no longer.
        let is_refused = matches!(outcome, Outcome::Refused(reason, _) if *reason != Reason::Busy);
        if !is_refused || effect.step.is_some() {
            return Ok(());
        }
        let refused = self.refused.entry(create.server_type.clone()).or_default();
        refused.retain(|at| at + HOUR > now);
        refused.push_back(now);
        if refused.len() <= REFUSALS_AN_HOUR {
            return Ok(());
        }
        let what = format!("{} creates of {} were refused within an hour", refused.len(), create.server_type);
        Err(Violation { law: Law::Bounded, what })
    }

    /// A create leaves room in the account for what is there already, as far as that was there to be seen.
    pub(crate) fn judge_room(&self, effect: &Effect, present: usize) -> Result<(), Violation> {
        let is_first = matches!(effect.op, Op::CreateFromSnapshot(_)) && effect.step.is_none();
        let limit = self.most_in_account.get(&effect.provider).copied().unwrap_or(u32::MAX);
        let is_judged = is_first && self.strain.is_none() && self.uncounted.is_empty();
        if !is_judged || present < limit as usize {
            return Ok(());
        }
        let what = format!("a create with {present} servers in an account that may have {limit}");
        Err(Violation { law: Law::NoExcess, what })
    }
}

/// An orphan that nobody wants is removed after its grace, and not before.
pub(crate) fn judge_grace(effect: &Effect, machine: &Reconciler) -> Result<(), Violation> {
    let record = effect.server.filter(|_| !effect.op.is_read()).and_then(|id| machine.ledger().server(id));
    let Some((record, removal)) = record.and_then(|record| Some((record, record.removal.as_ref()?))) else {
        return Ok(());
    };
    let Some(config) = machine.config().providers.get(&record.provider) else { return Ok(()) };
    let grace = config.request_timeout + config.list_lag;
    if removal.why == Why::Orphan && record.bound_at.is_some_and(|found| removal.since < found + grace) {
        return Err(Violation {
            law: Law::NoHarm,
            what: format!("an orphan is removed at once: {record:?}"),
        });
    }
    Ok(())
}

/// Whether a server bears our fleet's label, and that of an owner who is us.
pub(crate) fn is_ours(server: &TrueServer, store: &FaultyStore) -> bool {
    server.labels.fleet.as_ref() == Some(&fleet())
        && server.labels.owner.as_ref().is_some_and(|owner| store.owns(owner))
}

/// No token is borne twice.
pub(crate) fn judge_tokens(servers: &[TrueServer]) -> Result<(), Violation> {
    let mut tokens = BTreeSet::new();
    for server in servers {
        if let Some(token) = server.labels.token
            && !tokens.insert(token)
        {
            let what = format!("{} bears a token that another one bears", server.id);
            return Err(Violation { law: Law::NoLeak, what });
        }
    }
    Ok(())
}

/// The intent of what is about to be sent is durable.
pub(crate) fn judge_intent(effect: &Effect, store: &FaultyStore) -> Result<(), Violation> {
    let broken = |what: String| Err(Violation { law: Law::DurableFirst, what });
    if effect.op.is_read() {
        return Ok(());
    }
    let Some(record) = effect.server.and_then(|id| store.server(id)) else {
        return broken(format!("{} of a server that is in no ledger: {:?}", effect.op.name(), effect.server));
    };
    let removal = record.removal.as_ref();
    let is_intended = match &effect.op {
        Op::CreateFromSnapshot(create) => {
            record.attempt.as_ref().is_some_and(|attempt| attempt.token == create.labels.token)
        }
        Op::Stop { .. } => removal.is_some_and(|removal| removal.stop.is_some()),
        Op::Delete { .. } => removal.is_some_and(|removal| removal.delete.is_some()),
        Op::Reboot { .. } => record.reboot.is_some(),
        _ => true,
    };
    if is_intended {
        Ok(())
    } else {
        broken(format!("{} leaves, and is in no ledger: {record:?}", effect.op.name()))
    }
}

/// What is told to whoever listens is in the log.
pub(crate) fn judge_event(event: &Event, store: &FaultyStore) -> Result<(), Violation> {
    if event.id <= store.last_event() {
        return Ok(());
    }
    Err(Violation {
        law: Law::DurableFirst,
        what: format!("{} was told before it was written", event.kind.name()),
    })
}

/// What is answered is kept, so that it is answered again and not done again.
pub(crate) fn judge_reply(command: &CommandId, reply: &Reply, store: &FaultyStore) -> Result<(), Violation> {
    let is_kept = || store.rest().commands.iter().any(|kept| kept.command.id == *command);
    if reply.is_err() || is_kept() {
        return Ok(());
    }
    Err(Violation { law: Law::DurableFirst, what: format!("{command} was answered before it was written") })
}

/// What is changed at the provider is ours, and was not let go.
pub(crate) fn judge_harm(
    effect: &Effect,
    machine: &Reconciler,
    store: &FaultyStore,
    servers: &[TrueServer],
) -> Result<(), Violation> {
    let (Op::Stop { provider_id: id, .. }
    | Op::Reboot { provider_id: id, .. }
    | Op::Delete { provider_id: id, .. }) = &effect.op
    else {
        return Ok(());
    };
    let broken = |what: String| Err(Violation { law: Law::NoHarm, what });
    let record = effect.server.and_then(|id| machine.ledger().server(id));
    if record.is_some_and(|record| record.disowned) {
        return broken(format!("{} of {id}, which lost our label", effect.op.name()));
    }
    let Some(server) = servers.iter().find(|server| server.id == *id) else { return Ok(()) };
    let made = &server.made_with;
    let was_ours =
        made.fleet.as_ref() == Some(&fleet()) && made.owner.as_ref().is_some_and(|owner| store.owns(owner));
    if was_ours { Ok(()) } else { broken(format!("{} of {id}, which was never ours", effect.op.name())) }
}

/// Another owner's servers become ours by an operator's word alone.
pub(crate) fn judge_owners(batch: &Batch, store: &FaultyStore) -> Result<(), Violation> {
    for change in &batch.changes {
        let Change::Fleet(fleet) = change else { continue };
        let mut taken = fleet.taken_owners.iter().filter(|owner| !store.owns(owner));
        if let Some(owner) = taken.next() {
            return Err(Violation {
                law: Law::NoHarm,
                what: format!("{owner} was taken over, and nobody said so"),
            });
        }
    }
    Ok(())
}

/// A server that is written off is gone.
pub(crate) fn judge_conviction(
    batch: &Batch,
    store: &FaultyStore,
    servers: &[TrueServer],
    returned: &BTreeSet<ProviderId>,
) -> Result<(), Violation> {
    for change in &batch.changes {
        let Change::Server(record) = change else { continue };
        let Some(id) = record.provider_id.as_ref().filter(|_| record.status == Status::Deleted) else {
            continue;
        };
        // Only the moment at which it is written off counts; what comes back later comes back.
        if store.server(record.id).is_some_and(|known| known.status == Status::Deleted) {
            continue;
        }
        // Whoever came back did so behind everybody's back, perhaps since it was looked for.
        if servers.iter().any(|server| server.id == *id && !returned.contains(id)) {
            let what = format!("server {} is written off, and {id} lives", record.id);
            return Err(Violation { law: Law::Seen, what });
        }
    }
    Ok(())
}

/// Nobody who has work in hand is stopped before the end of the time that it was given.
pub(crate) fn judge_mercy(
    effect: &Effect,
    machine: &Reconciler,
    workers: &Workers,
    servers: &[TrueServer],
    clocks: (u64, Time),
) -> Result<bool, Violation> {
    let Op::Stop { provider_id, .. } = &effect.op else { return Ok(false) };
    let Some(record) = effect.server.and_then(|id| machine.ledger().server(id)) else { return Ok(false) };
    let runs =
        servers.iter().any(|server| server.id == *provider_id && server.state == ProviderState::Running);
    let Some(removal) = record.removal.as_ref().filter(|_| runs && workers.is_at_work(provider_id, clocks.0))
    else {
        return Ok(false);
    };
    let is_lost = matches!(removal.why, Why::Failed | Why::FoundStopped | Why::Drained | Why::DeletedBefore);
    let config = machine.config().server_types.get(&record.server_type);
    let drains = config.is_some_and(|config| config.drain.is_some());
    if is_lost || !drains || workers.unspared.contains(&record.id) {
        return Ok(false);
    }
    if removal.drain.is_some_and(|drain| drain.deadline <= clocks.1) {
        return Ok(true);
    }
    Err(Violation { law: Law::NoMurder, what: format!("a worker with work in hand is stopped: {record:?}") })
}
