//! The kit for HTTP APIs: a provider before a fake of its cloud.

use super::bench::Bench;
use super::case::{Entry, entries};
use super::checks::{absence, doubt, ends, garbage, identity, looks, requests, seams, secrecy, states};
use super::report::{Failed, Report};
use super::subject::Subject;

/// Tries a provider, and tells everything that is wrong with it at once.
///
/// Each check begins with an empty account. Nothing is left to chance: the same provider gives the same report.
///
/// # Errors
///
/// The report, if any check found a fault.
pub fn check_provider<S: Subject>(subject: &S) -> Result<Report, Failed> {
    let checks = checks::<S>().iter().map(|entry| entry.run(|| Bench::new(subject))).collect();
    Report { checks }.judged()
}

fn checks<'a, S: Subject>() -> Vec<Entry<Bench<'a, S>>> {
    entries! {
        "requests-are-built", "every operation has a request", requests::are_built;
        "requests-are-safe", "requests go over TLS, and their credentials are marked", requests::are_safe;
        "unreadable-credentials-deny", "credentials that cannot be read hold the provider", requests::need_credentials;
        "gone-is-absent", "the cloud's own word that a server is gone is understood", absence::is_understood;
        "hearsay-is-no-absence", "nothing but the cloud's own word makes a server gone", absence::is_not_hearsay;
        "nothing-is-no-listing", "a look is read from a list, or it is lost", absence::is_not_an_empty_body;
        "denied-is-denied", "refused credentials are a word of their own", absence::is_not_a_denial;
        "doubtful-creates-are-lost", "a create that may have happened is lost", doubt::is_lost;
        "lost-creates-are-found", "a create whose answer is lost is found by its token", doubt::is_found_again;
        "throttles-are-obeyed", "too many requests are throttled, for as long as the cloud says", doubt::is_throttled;
        "looks-are-whole", "a look shows every server, whatever its pages", looks::are_whole;
        "seams-are-true", "pages join as the provider says", seams::are_true;
        "repeats-do-no-harm", "a server that shows twice spoils no look", looks::bear_repeats;
        "late-listings-are-borne", "a server that is not listed yet is found later", looks::may_be_late;
        "strangers-stay-strangers", "servers of others do not show as ours", looks::leave_strangers;
        "unknown-states-are-unknown", "a state that nobody knows spoils no look", states::may_be_unknown;
        "states-are-told-apart", "every state of the cloud is told as what it is", states::are_told_apart;
        "slow-creates-are-in-progress", "a server that is being made is in progress", states::show_slow_creates;
        "ignored-shutdowns-show", "a guest that ignores its shutdown still runs", states::show_ignored_shutdowns;
        "stops-differ", "soft and hard stops are different requests", states::differ_by_stop;
        "ids-are-kept", "a server has one id in all answers", identity::keeps_ids;
        "answers-are-matched", "an answer about another server is not believed", identity::minds_whom;
        "labels-are-kept", "all six labels come back", identity::keeps_labels;
        "our-labels-win", "no configuration of a user's takes our labels away", identity::keeps_labels_from_users;
        "finds-are-filtered", "a find shows the server of the token and no other", identity::finds_by_token;
        "namesakes-are-two", "servers of one name are kept apart", identity::tells_namesakes_apart;
        "repeated-creates-make-one", "a create may be repeated as the capabilities say", identity::repeats_creates;
        "deletes-delete", "a delete takes that server, all of it, and may be repeated", ends::delete;
        "garbage-is-borne", "no answer makes it panic, or believe what nobody said", garbage::is_borne;
        "odd-steps-are-borne", "no step makes it panic", garbage::is_no_step;
        "secrets-stay-secret", "no secret shows in anything printed or kept", secrecy::is_kept;
    }
}
