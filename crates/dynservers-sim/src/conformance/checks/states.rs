//! States: that the cloud's words are told apart, and that unknown ones spoil nothing.

use dynservers_core::{Observed, Op, Outcome, ProviderState, StopMode};
use dynservers_http::{Provider as _, SoftStop};

use crate::conformance::bench::{Bench, brief};
use crate::conformance::case::{Case, Checked, Halt};
use crate::conformance::life::{Hands as _, accepted, made_plain, page_of, wait_for, whole};
use crate::conformance::report::{Danger, Flaw};
use crate::conformance::samples::{SOFT, create};
use crate::conformance::subject::Subject;

/// A state that no cloud has.
const UNHEARD_OF: &str = "kit-unheard-of";

const NO_WORDS: Flaw = Flaw {
    fault: "the kit cannot find the state in the fake's answers",
    danger: Danger::Blindness,
    why: "it writes other states into answers to see what becomes of them, and finds none of Subject::state_words there.",
    remedy: "give the words for running and for being created as they stand in answers, as whole JSON strings or XML texts.",
};
const SPOILT: Flaw = Flaw {
    fault: "one server in an unknown state spoils the whole look",
    danger: Danger::Standstill,
    why: "clouds add states without notice: then every look fails, and nothing is created or deleted any more.",
    remedy: "decode what is not known as ProviderState::Unknown, and give the page with all of its servers.",
};
const GUESSED: Flaw = Flaw {
    fault: "an unknown state was taken for a known one",
    danger: Danger::Kill,
    why: "a server that is moved or repaired would be taken for stopped and deleted, or for running and counted.",
    remedy: "let the last arm of the match on states be ProviderState::Unknown.",
};
const MISTAKEN: Flaw = Flaw {
    fault: "a state of the cloud is taken for another",
    danger: Danger::Kill,
    why: "what is taken for stopped is deleted, what is taken for broken is replaced, and what is taken for running is \
          counted on.",
    remedy: "map the word to the state that Subject::state_words gives it, or correct it there.",
};
const TOO_SOON: Flaw = Flaw {
    fault: "a server that is still being made does not show as in progress",
    danger: Danger::Double,
    why: "a clone may take an hour: as running it is counted on, as stopped or broken it is removed and made anew, again \
          and again.",
    remedy: "map the cloud's words for creating, starting and maintenance to ProviderState::InProgress.",
};
const SAME_STOP: Flaw = Flaw {
    fault: "a soft and a hard stop are the same request",
    danger: Danger::Kill,
    why: "either a soft stop cuts off work, or a hard one is ignored by a guest that hangs, for ever.",
    remedy: "send what the API has for each, or say SoftStop::None in the capabilities.",
};
const NO_TIMEOUT: Flaw = Flaw {
    fault: "the timeout of a soft stop does not reach the cloud",
    danger: Danger::Kill,
    why: "SoftStop::WithTimeout says that the cloud waits for the guest; without the timeout it waits as long as it likes.",
    remedy: "write the timeout into the request, within what the API allows, or say SoftStop::Plain.",
};

fn word<S: Subject>(bench: &Bench<'_, S>, state: ProviderState) -> Checked<&'static str> {
    bench.word(state).ok_or_else(|| {
        Halt::Flaw(&NO_WORDS, format!("Subject::state_words has no word for {}", state.as_str()))
    })
}

fn no_words(what: &str) -> Halt {
    Halt::Flaw(&NO_WORDS, format!("not in the answer to {what}"))
}

/// Looks at two running servers, the first of which is told to be in another state.
fn look_told<S: Subject>(bench: &mut Bench<'_, S>, word: &str) -> Checked<Outcome> {
    let response = bench.answer(&Op::Look, None)?;
    let retold = bench.retell(&response, word, false).ok_or_else(|| no_words("a look"))?;
    Ok(bench.read(&Op::Look, None, &retold).outcome)
}

fn two_running<S: Subject>(bench: &mut Bench<'_, S>) -> Checked<Observed> {
    let (first, _) = made_plain(bench)?;
    let (second, _) = made_plain(bench)?;
    wait_for(bench, second.labels.token, &[ProviderState::Running])?;
    wait_for(bench, first.labels.token, &[ProviderState::Running])
}

/// An unknown state spoils no look.
pub(crate) fn may_be_unknown<S: Subject>(bench: &mut Bench<'_, S>, case: &mut Case) -> Checked {
    let known = two_running(bench)?.provider_id;
    let outcome = look_told(bench, UNHEARD_OF)?;
    let Outcome::Page(page) = &outcome else {
        case.add(&SPOILT, format!("a look with a server that is {UNHEARD_OF:?}: {}", brief(&outcome)));
        return Ok(());
    };
    case.demand(page.servers.len() == 2, &SPOILT, || {
        format!("of 2 servers, of which one is {UNHEARD_OF:?}, {} are shown", page.servers.len())
    });
    let unknown = page.servers.iter().filter(|server| server.state == ProviderState::Unknown).count();
    let running = page.servers.iter().filter(|server| server.state == ProviderState::Running).count();
    case.demand(unknown == 1 && running == 1, &GUESSED, || {
        let states: Vec<&str> = page.servers.iter().map(|server| server.state.as_str()).collect();
        format!("one running and one {UNHEARD_OF:?} are shown as {}", states.join(" and "))
    });
    let op = Op::Inspect(known);
    let response = bench.answer(&op, None)?;
    let retold = bench.retell(&response, UNHEARD_OF, false).ok_or_else(|| no_words("an inspect"))?;
    match bench.read(&op, None, &retold).outcome {
        Outcome::Inspected(seen) => case.demand(seen.state == ProviderState::Unknown, &GUESSED, || {
            format!("an inspected server that is {UNHEARD_OF:?} shows as {}", seen.state.as_str())
        }),
        other => case.add(&SPOILT, format!("an inspected server that is {UNHEARD_OF:?}: {}", brief(&other))),
    }
    Ok(())
}

/// States are told apart.
pub(crate) fn are_told_apart<S: Subject>(bench: &mut Bench<'_, S>, case: &mut Case) -> Checked {
    word(bench, ProviderState::Running)?;
    two_running(bench)?;
    for (state, word) in bench.subject.state_words() {
        let outcome = look_told(bench, word)?;
        let page = page_of(&format!("a look with a server that is {word:?}"), outcome)?;
        let expected = usize::from(state == ProviderState::Running) + 1;
        let shown = page.servers.iter().filter(|server| server.state == state).count();
        case.demand(shown == expected, &MISTAKEN, || {
            let states: Vec<&str> = page.servers.iter().map(|server| server.state.as_str()).collect();
            format!("{word:?} is {}, and shows as one of {}", state.as_str(), states.join(" and "))
        });
    }
    Ok(())
}

/// A slow create is in progress.
pub(crate) fn show_slow_creates<S: Subject>(bench: &mut Bench<'_, S>, case: &mut Case) -> Checked {
    let word = word(bench, ProviderState::InProgress)?;
    let new = bench.draw();
    let op = create(&new);
    let response = bench.answer(&op, None)?;
    let retold = bench.retell(&response, word, true);
    match bench.read(&op, None, retold.as_ref().unwrap_or(&response)).outcome {
        Outcome::Created(seen) => {
            let is_well = seen.state == ProviderState::InProgress
                || (retold.is_none() && seen.state == ProviderState::Unknown);
            case.demand(is_well, &TOO_SOON, || {
                let told = if retold.is_some() { format!("{word:?}") } else { "without a state".to_owned() };
                format!("a create whose answer is {told} shows as {}", seen.state.as_str())
            });
        }
        other => case.add(&crate::conformance::life::NOT_CREATED, brief(&other)),
    }
    let outcome = look_told(bench, word)?;
    for server in page_of("a look", outcome)?.servers {
        case.demand(server.state == ProviderState::InProgress, &TOO_SOON, || {
            format!("{word:?} shows as {} in a look", server.state.as_str())
        });
    }
    Ok(())
}

/// A guest that ignores the shutdown still runs, and can be stopped by force.
pub(crate) fn show_ignored_shutdowns<S: Subject>(bench: &mut Bench<'_, S>, case: &mut Case) -> Checked {
    let running = word(bench, ProviderState::Running)?;
    let (new, _) = made_plain(bench)?;
    let provider_id = wait_for(bench, new.labels.token, &[ProviderState::Running])?.provider_id;
    let stop = |mode| Op::Stop { provider_id: provider_id.clone(), mode };
    if bench.provider.capabilities().soft_stop == SoftStop::None {
        return Err(Halt::NotApplicable("there is no soft stop".to_owned()));
    }
    // The answer alone is taken: the fake's guest would obey.
    let response = bench.answer(&stop(SOFT), None)?;
    accepted("a soft stop", &bench.read(&stop(SOFT), None, &response).outcome)?;
    let outcome = look_told(bench, running)?;
    for server in page_of("a look", outcome)?.servers {
        case.demand(server.state == ProviderState::Running, &MISTAKEN, || {
            format!("a guest that ignored its shutdown shows as {}", server.state.as_str())
        });
    }
    Ok(())
}

/// Soft and hard stops differ.
pub(crate) fn differ_by_stop<S: Subject>(bench: &mut Bench<'_, S>, case: &mut Case) -> Checked {
    let soft_stop = bench.provider.capabilities().soft_stop;
    if soft_stop == SoftStop::None {
        return Err(Halt::NotApplicable("there is no soft stop".to_owned()));
    }
    let (new, _) = made_plain(bench)?;
    let provider_id = wait_for(bench, new.labels.token, &[ProviderState::Running])?.provider_id;
    let sent = |mode| {
        let op = Op::Stop { provider_id: provider_id.clone(), mode };
        let request = bench.request(&op, None).ok()?;
        Some((request.method().clone(), request.uri().clone(), request.body().clone()))
    };
    let soft = |seconds| StopMode::Soft { timeout: std::time::Duration::from_secs(seconds) };
    case.demand(sent(soft(60)) != sent(StopMode::Hard), &SAME_STOP, || {
        format!("the capabilities say {soft_stop:?}, and both are sent alike")
    });
    if soft_stop == SoftStop::WithTimeout {
        case.demand(sent(soft(30)) != sent(soft(300)), &NO_TIMEOUT, || {
            "30 s and 300 s are sent alike".to_owned()
        });
    }
    for mode in [SOFT, StopMode::Hard] {
        let outcome = whole(bench, &Op::Stop { provider_id: provider_id.clone(), mode }).outcome;
        // The second may come while the first is under way.
        let is_busy =
            mode == StopMode::Hard && matches!(outcome, Outcome::Refused(dynservers_core::Reason::Busy, _));
        if !is_busy {
            accepted("a stop", &outcome)?;
        }
    }
    bench.pause();
    Ok(())
}
