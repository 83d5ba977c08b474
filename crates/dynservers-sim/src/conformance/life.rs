//! A server's life, for whatever can carry an effect out.

use std::collections::BTreeSet;

use dynservers_core::{
    Completion, CreateFromSnapshot, Observed, Op, Outcome, Page, ProviderId, ProviderState, Step, StopMode,
    Token,
};

use super::bench::brief;
use super::case::{Checked, Halt};
use super::report::{Danger, Flaw};
use super::samples::{Samples, create};

/// Whatever carries effects out: a provider before its fake, or an executor.
pub(crate) trait Hands {
    /// Carries out one operation, or one step of it.
    fn execute(&mut self, op: &Op, step: Option<&Step>) -> Completion;

    /// Draws a server of the plain specification.
    fn draw(&mut self) -> CreateFromSnapshot;

    /// Gives what draws tokens.
    fn samples(&mut self) -> &mut Samples;

    /// Lets some time pass.
    fn pause(&mut self);

    /// Tells how many pauses anything may need.
    fn patience(&self) -> usize;

    /// Counts the servers that there really are, if that can be told.
    fn count(&mut self) -> Option<usize>;

    /// Counts what deleted servers have left behind.
    fn left_behind(&mut self) -> usize;
}

/// No listing of the kit has more pages than this.
const MOST_PAGES: usize = 200;
/// No operation but a look has more steps than this.
const MOST_STEPS: usize = 20;

pub(crate) const UNANSWERED: Flaw = Flaw {
    fault: "an operation that every provider needs has no request",
    danger: Danger::Standstill,
    why: "what cannot be asked is never done: no look means no create and no delete.",
    remedy: "build a request for it; Unbuildable is for credentials and specifications that cannot be used.",
};
pub(crate) const NOT_CREATED: Flaw = Flaw {
    fault: "a plain create that the cloud accepted is not told as created with an id",
    danger: Danger::Leak,
    why: "the server exists and bills, and its record has no id by which it could be stopped or deleted.",
    remedy: "read the id out of the answer to the create and give Outcome::Created with it. If it was the fake that \
             refused, mend the fake or Subject::spec.",
};
pub(crate) const NO_PAGE: Flaw = Flaw {
    fault: "a listing that the cloud gave is not told as a page",
    danger: Danger::Standstill,
    why: "after three failed looks in a row nothing is created and nothing deleted.",
    remedy: "give Outcome::Page, also for an empty list, and let servers that are odd in some way be part of it.",
};
pub(crate) const ENDLESS: Flaw = Flaw {
    fault: "a listing never ends",
    danger: Danger::Standstill,
    why: "a look that goes on for ever is never complete, and takes the whole rate limit.",
    remedy: "give no next step after the last page: when the cursor is empty, the total is reached or nothing is new.",
};
const NEVER_SO: Flaw = Flaw {
    fault: "a server never came into the state that it was sent to",
    danger: Danger::Standstill,
    why: "a server that is never seen running counts as hanging and is replaced, and one that is never seen stopped is \
          never deleted.",
    remedy: "decode the cloud's word for that state. If it was the fake that never got there, mend the fake.",
};
pub(crate) const NOT_ACCEPTED: Flaw = Flaw {
    fault: "what the cloud accepted is not told as accepted",
    danger: Danger::Standstill,
    why: "it is asked again and again, and the server stays where it is.",
    remedy: "give Outcome::Accepted for every success of a stop, a reboot and a delete, with or without a body.",
};

/// Carries out an operation with all of its steps but those of a look.
pub(crate) fn whole(hands: &mut impl Hands, op: &Op) -> Completion {
    let first = hands.execute(op, None);
    let mut next = first.next.clone();
    for _ in 0..MOST_STEPS {
        let Some(step) = next else { break };
        next = hands.execute(op, Some(&step)).next;
    }
    first
}

/// Creates a server, which must succeed.
pub(crate) fn made(hands: &mut impl Hands, new: &CreateFromSnapshot) -> Checked<Observed> {
    match whole(hands, &create(new)).outcome {
        Outcome::Created(observed) => Ok(*observed),
        other => Err(Halt::Flaw(&NOT_CREATED, format!("the create came out as {}", brief(&other)))),
    }
}

/// Creates a server of the plain specification.
pub(crate) fn made_plain(hands: &mut impl Hands) -> Checked<(CreateFromSnapshot, Observed)> {
    let new = hands.draw();
    let observed = made(hands, &new)?;
    Ok((new, observed))
}

/// Takes a page out of an outcome.
pub(crate) fn page_of(what: &str, outcome: Outcome) -> Checked<Page> {
    match outcome {
        Outcome::Page(page) => Ok(page),
        other => Err(Halt::Flaw(&NO_PAGE, format!("{what} came out as {}", brief(&other)))),
    }
}

/// Reads all pages of a listing; `between` is called after each page but the last.
pub(crate) fn pages<H: Hands>(
    hands: &mut H,
    op: &Op,
    mut between: impl FnMut(&mut H, &Page, usize),
) -> Checked<Vec<Page>> {
    let mut pages = Vec::new();
    let mut step = None;
    while pages.len() < MOST_PAGES {
        let completion = hands.execute(op, step.as_ref());
        let page = page_of(&format!("page {} of a {}", pages.len() + 1, op.name()), completion.outcome)?;
        step = completion.next;
        if step.is_some() {
            between(hands, &page, pages.len());
        }
        pages.push(page);
        if step.is_none() {
            return Ok(pages);
        }
    }
    Err(Halt::Flaw(&ENDLESS, format!("a {} has more than {MOST_PAGES} pages", op.name())))
}

/// Looks, and gives each server once, by its first sighting.
pub(crate) fn look(hands: &mut impl Hands) -> Checked<Vec<Observed>> {
    listed(hands, &Op::Look)
}

/// Finds the servers of a token.
pub(crate) fn find(hands: &mut impl Hands, token: Token) -> Checked<Vec<Observed>> {
    listed(hands, &Op::Find(token))
}

fn listed(hands: &mut impl Hands, op: &Op) -> Checked<Vec<Observed>> {
    let mut known = BTreeSet::new();
    let servers = pages(hands, op, |_, _, _| {})?.into_iter().flat_map(|page| page.servers);
    Ok(servers.filter(|server| known.insert(server.provider_id.clone())).collect())
}

/// Waits until a look shows a server with a token in a state.
pub(crate) fn wait_for(hands: &mut impl Hands, token: Token, states: &[ProviderState]) -> Checked<Observed> {
    let mut last = None;
    for _ in 0..hands.patience() {
        last = look(hands)?.into_iter().find(|server| server.labels.token == Some(token));
        if let Some(server) = last.take_if(|server| states.contains(&server.state)) {
            return Ok(server);
        }
        hands.pause();
    }
    let wanted: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
    let seen = last.map_or("is in no look".to_owned(), |server| format!("is {}", server.state.as_str()));
    Err(Halt::Flaw(&NEVER_SO, format!("a server that should be {} {seen}", wanted.join(" or "))))
}

/// Demands that something is accepted.
pub(crate) fn accepted(what: &str, outcome: &Outcome) -> Checked {
    match outcome {
        Outcome::Accepted => Ok(()),
        other => Err(Halt::Flaw(&NOT_ACCEPTED, format!("{what} came out as {}", brief(other)))),
    }
}

/// Stops a server hard and waits until it is seen stopped. Gives the id under which it was seen.
pub(crate) fn stopped(hands: &mut impl Hands, token: Token) -> Checked<ProviderId> {
    let seen = wait_for(hands, token, &[ProviderState::Running, ProviderState::Stopped])?;
    let provider_id = seen.provider_id;
    if seen.state == ProviderState::Running {
        let stop = Op::Stop { provider_id: provider_id.clone(), mode: StopMode::Hard };
        accepted("a hard stop", &whole(hands, &stop).outcome)?;
        wait_for(hands, token, &[ProviderState::Stopped])?;
    }
    Ok(provider_id)
}

/// Ends a server: stops it, and deletes it until that is accepted.
pub(crate) fn ended(hands: &mut impl Hands, token: Token) -> Checked<ProviderId> {
    let provider_id = stopped(hands, token)?;
    let delete = Op::Delete { provider_id: provider_id.clone(), seen: Some(ProviderState::Stopped) };
    let mut outcome = whole(hands, &delete).outcome;
    for _ in 0..hands.patience() {
        match outcome {
            Outcome::Refused(dynservers_core::Reason::Busy, _) => {
                hands.pause();
                outcome = whole(hands, &delete).outcome;
            }
            _ => break,
        }
    }
    accepted("the delete of a stopped server", &outcome)?;
    Ok(provider_id)
}
