//! Ends: that a delete deletes, one server, with all that is its own.

use dynservers_core::{Op, Outcome, ProviderState, StopMode};

use crate::conformance::bench::brief;
use crate::conformance::case::{Case, Checked, counted};
use crate::conformance::life::{Hands, ended, look, made, made_plain, stopped, wait_for, whole};
use crate::conformance::report::{Danger, Flaw};
use crate::conformance::samples::SOFT;

const LIVES_ON: Flaw = Flaw {
    fault: "a server that was deleted, or is told to be gone, is still there",
    danger: Danger::Leak,
    why: "the record is closed, and the server bills until somebody reads the invoice.",
    remedy: "send the delete to the very id that the create gave, and give Outcome::Absent for the cloud's own word alone.",
};
const WRONG_ONE: Flaw = Flaw {
    fault: "a delete took another server than the one that it was for",
    danger: Danger::Kill,
    why: "a worker dies with its work.",
    remedy: "send the delete to the very id that was asked for.",
};
const NOT_REPEATABLE: Flaw = Flaw {
    fault: "a delete that is sent again is not told as accepted or absent",
    danger: Danger::Standstill,
    why: "after a lost answer it is sent again; what fails then is asked for ever.",
    remedy: "give Outcome::Absent when the cloud says that it knows no such server, or Outcome::Accepted.",
};
const LEFT_BEHIND: Flaw = Flaw {
    fault: "a deleted server leaves something behind that bills",
    danger: Danger::Leak,
    why: "disks and addresses without a server are in no look.",
    remedy: "ask for them to go with the server, in the delete or already in the create.",
};
const NOT_STOPPED: Flaw = Flaw {
    fault: "a hard stop does not stop a server that ignored a soft one",
    danger: Danger::Standstill,
    why: "a worker that hangs keeps its server for ever.",
    remedy: "let a hard stop cut the server off, whatever was asked of it before.",
};

const SEEN_STOPPED: Flaw = Flaw {
    fault: "a server that ignored a soft stop is in no look, or shows as stopped",
    danger: Danger::Kill,
    why: "what is seen stopped is deleted, with the work that still goes on in it.",
    remedy: "tell what the server does and not what was wished of it.",
};

/// A delete deletes that server, and nothing is left of it.
pub(crate) fn delete<H: Hands>(hands: &mut H, case: &mut Case) -> Checked {
    let (new, observed) = made_plain(hands)?;
    let (other, _) = made_plain(hands)?;
    wait_for(hands, other.labels.token, &[ProviderState::Running])?;
    wait_for(hands, new.labels.token, &[ProviderState::Running])?;
    let is_there =
        |hands: &mut H, token| Ok(look(hands)?.iter().any(|server| server.labels.token == Some(token)));
    // While it runs, by the id that the create gave.
    let delete = Op::Delete { provider_id: observed.provider_id.clone(), seen: Some(ProviderState::Running) };
    let outcome = whole(hands, &delete).outcome;
    hands.pause();
    if is_there(hands, new.labels.token)? {
        case.demand(!matches!(outcome, Outcome::Absent(_)), &LIVES_ON, || {
            format!("a delete by the id that the create gave: {}, while a look shows it", brief(&outcome))
        });
        if !matches!(outcome, Outcome::Accepted) {
            stopped(hands, new.labels.token)?;
        }
    }
    let before = hands.count();
    for _ in 0..hands.patience() {
        if !is_there(hands, new.labels.token)? {
            break;
        }
        let outcome = whole(hands, &delete).outcome;
        hands.pause();
        if matches!(outcome, Outcome::Absent(_)) {
            break;
        }
    }
    let lives = is_there(hands, new.labels.token)?;
    case.demand(!lives, &LIVES_ON, || {
        "stopped and deleted by the id that the create gave, it is still listed".to_owned()
    });
    case.demand(is_there(hands, other.labels.token)?, &WRONG_ONE, || "the other server is gone".to_owned());
    if let (false, Some(before), Some(after)) = (lives, before, hands.count()) {
        case.demand(after < before || after == 1, &LIVES_ON, || {
            format!("the cloud still has {}", counted(after, "server"))
        });
    }
    let again = whole(hands, &delete).outcome;
    case.demand(matches!(again, Outcome::Absent(_) | Outcome::Accepted), &NOT_REPEATABLE, || {
        format!("a delete of what is gone: {}", brief(&again))
    });
    let left = hands.left_behind();
    case.demand(left == 0, &LEFT_BEHIND, || {
        format!("{} that the fake counts as left behind", counted(left, "thing"))
    });
    Ok(())
}

/// A server that ignores a soft stop goes by a hard one.
pub(crate) fn stop_the_stubborn<H: Hands>(
    hands: &mut H,
    new: &dynservers_core::CreateFromSnapshot,
    case: &mut Case,
) -> Checked {
    made(hands, new)?;
    let token = new.labels.token;
    let provider_id = wait_for(hands, token, &[ProviderState::Running])?.provider_id;
    let mut stop = |hands: &mut H, mode| {
        let outcome = whole(hands, &Op::Stop { provider_id: provider_id.clone(), mode }).outcome;
        case.demand(matches!(outcome, Outcome::Accepted), &NOT_STOPPED, || {
            format!("a stop: {}", brief(&outcome))
        });
    };
    stop(hands, SOFT);
    let still = look(hands)?.into_iter().find(|server| server.labels.token == Some(token));
    stop(hands, StopMode::Hard);
    let gone = wait_for(hands, token, &[ProviderState::Stopped]);
    case.demand(gone.is_ok(), &NOT_STOPPED, || "it was never seen stopped".to_owned());
    case.demand(still.is_some_and(|server| server.state != ProviderState::Stopped), &SEEN_STOPPED, || {
        "right after a soft stop that it does not care for".to_owned()
    });
    ended(hands, token).map(|_| ())
}
