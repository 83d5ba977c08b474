//! Identity: ids, tokens and labels, by which a server is known again.

use dynservers_core::{CreateFromSnapshot, FoundLabels, Observed, Op, Outcome, Reason, labels};
use dynservers_http::{CreateRetry, Provider as _};

use crate::conformance::bench::{Bench, brief};
use crate::conformance::case::{Case, Checked, Halt, counted};
use crate::conformance::life::{Hands, NOT_CREATED, find, look, made, made_plain, whole};
use crate::conformance::report::{Danger, Flaw};
use crate::conformance::samples::create;
use crate::conformance::subject::Subject;

const OTHER_ID: Flaw = Flaw {
    fault: "one server has different ids in different answers",
    danger: Danger::Leak,
    why: "stop and delete go to an id that does not exist, which is then believed to be gone while the server bills.",
    remedy: "give the id as the API writes it, the same in a create, a look, a find and an inspect.",
};
const OTHER_SERVER: Flaw = Flaw {
    fault: "the answer about one server was taken for that about another",
    danger: Danger::Kill,
    why: "what is seen of one server is then done to another.",
    remedy: "compare the id in the answer to an inspect with the one that was asked for; if they differ it is lost.",
};
const UNLABELLED: Flaw = Flaw {
    fault: "a server does not bear the labels that it was to be created with",
    danger: Danger::Leak,
    why: "after a lost answer or a lost ledger it is known by its labels alone: without the token another is made, \
          without the fleet it bills unseen, without the owner it is held as somebody else's.",
    remedy: "send all of Labels::pairs with the create itself, and read them back with FoundLabels::from_pairs.",
};
const OVERWRITTEN: Flaw = Flaw {
    fault: "labels of the user's win over ours",
    danger: Danger::Leak,
    why: "a configuration can hide servers from every look, or give them to another fleet that will delete them.",
    remedy: "write ours last, after everything that the specification asks for, or refuse keys that begin with dynservers-.",
};
const UNFINDABLE: Flaw = Flaw {
    fault: "a find does not show the server that bears the token",
    danger: Danger::Double,
    why: "two finds without it give the create up for good, and another server is made.",
    remedy: "filter the listing to the token as it was written on the server.",
};
const UNFILTERED: Flaw = Flaw {
    fault: "a find shows servers that do not bear the token",
    danger: Danger::Double,
    why: "a find must be one page by nature; one that lists everything can miss the server that it is about.",
    remedy: "filter the listing to the token, at the cloud or in the answer.",
};
const CONFUSED: Flaw = Flaw {
    fault: "two servers of one name are not kept apart",
    danger: Danger::Kill,
    why: "names are for people and may be the same: what is meant for one server is done to the other.",
    remedy: "know servers by the cloud's id and by their token, never by name.",
};
const DOUBLED: Flaw = Flaw {
    fault: "a create that was sent twice made two servers",
    danger: Danger::Double,
    why: "it is sent again after a lost answer, since it is said that this is safe here.",
    remedy: "send the idempotency token, or the unique name, that the capabilities promise; else say \
             CreateRetry::WaitAndLook.",
};

/// More servers than a page of a fake has.
const SERVERS: usize = 6;

fn told(seen: Option<&Observed>) -> String {
    seen.map_or("nothing".to_owned(), |server| format!("{:?}", server.provider_id.as_str()))
}

fn of<'a>(servers: &'a [Observed], new: &CreateFromSnapshot) -> Option<&'a Observed> {
    servers.iter().find(|server| server.labels.token == Some(new.labels.token))
}

/// Ids are the same everywhere.
pub(crate) fn keeps_ids<H: Hands>(hands: &mut H, case: &mut Case) -> Checked {
    let (new, observed) = made_plain(hands)?;
    let (_, other) = made_plain(hands)?;
    hands.pause();
    let id = &observed.provider_id;
    case.demand(*id != other.provider_id, &OTHER_ID, || {
        format!("two creates gave the same id {:?}", id.as_str())
    });
    let (looked, found) = (look(hands)?, find(hands, new.labels.token)?);
    for (what, server) in [("a look", of(&looked, &new)), ("a find", of(&found, &new))] {
        case.demand(server.is_some_and(|server| server.provider_id == *id), &OTHER_ID, || {
            format!("the create gave {:?}, and {what} gives {} for its token", id.as_str(), told(server))
        });
    }
    match whole(hands, &Op::Inspect(id.clone())).outcome {
        Outcome::Inspected(seen) => {
            let is_same = seen.provider_id == *id && seen.labels.token == Some(new.labels.token);
            case.demand(is_same, &OTHER_ID, || {
                format!("an inspect of {:?} gives {}", id.as_str(), told(Some(&seen)))
            });
        }
        outcome => {
            case.add(&OTHER_ID, format!("an inspect of {:?}, as created: {}", id.as_str(), brief(&outcome)));
        }
    }
    Ok(())
}

/// An answer about another server is not taken for one about this.
pub(crate) fn minds_whom<S: Subject>(bench: &mut Bench<'_, S>, case: &mut Case) -> Checked {
    let one = made_plain(bench)?.1.provider_id;
    let other = made_plain(bench)?.1.provider_id;
    bench.pause();
    let response = bench.answer(&Op::Inspect(other), None)?;
    let outcome = bench.read(&Op::Inspect(one.clone()), None, &response).outcome;
    let is_mistaken = match &outcome {
        Outcome::Inspected(seen) => seen.provider_id == one,
        outcome => matches!(outcome, Outcome::Absent(_)),
    };
    case.demand(!is_mistaken, &OTHER_SERVER, || {
        format!("an inspect, answered with another server: {}", brief(&outcome))
    });
    Ok(())
}

/// All labels come back as they were sent.
pub(crate) fn keeps_labels<H: Hands>(hands: &mut H, case: &mut Case) -> Checked {
    let (new, _) = made_plain(hands)?;
    hands.pause();
    labelled(hands, &new, &UNLABELLED, "the plain specification", case)
}

fn labelled<H: Hands>(
    hands: &mut H,
    new: &CreateFromSnapshot,
    flaw: &'static Flaw,
    with: &str,
    case: &mut Case,
) -> Checked {
    let servers = look(hands)?;
    let server = of(&servers, new);
    let expected = FoundLabels::from(&new.labels);
    case.demand(server.is_some_and(|server| server.labels == expected), flaw, || {
        let lost: Vec<&str> =
            server.map_or(vec!["dynservers-token"], |server| differing(&server.labels, &expected));
        format!("with {with}, not as sent: {}", lost.join(", "))
    });
    Ok(())
}

/// Names the labels that differ.
fn differing(found: &FoundLabels, expected: &FoundLabels) -> Vec<&'static str> {
    let same = [
        (labels::FLEET, found.fleet == expected.fleet),
        (labels::OWNER, found.owner == expected.owner),
        (labels::TYPE, found.server_type == expected.server_type),
        (labels::ID, found.server == expected.server),
        (labels::TOKEN, found.token == expected.token),
        (labels::SPEC, found.spec == expected.spec),
    ];
    same.into_iter().filter(|(_, is_same)| !is_same).map(|(label, _)| label).collect()
}

/// Labels survive whatever a user's configuration asks for.
pub(crate) fn keeps_labels_from_users<S: Subject>(bench: &mut Bench<'_, S>, case: &mut Case) -> Checked {
    const INNOCENT: &[(&str, &str)] = &[("team", "jobs"), ("env", "test")];
    const HOSTILE: &[(&str, &str)] = &[
        (labels::FLEET, "somebody-elses"),
        (labels::OWNER, "somebody-else"),
        (labels::TYPE, "other"),
        (labels::ID, "1"),
        (labels::TOKEN, "00000000000000000000000000000001"),
        (labels::SPEC, "0000000000000001"),
    ];
    for (users, is_hostile) in [(INNOCENT, false), (HOSTILE, true)] {
        let mut specs = vec![bench.subject.spec(users)];
        specs.extend(bench.subject.other_specs(users));
        for (number, spec) in specs.into_iter().enumerate() {
            let new = bench.draw_of(spec);
            match whole(bench, &create(&new)).outcome {
                Outcome::Created(_) => {}
                Outcome::Refused(Reason::Invalid, _) if is_hostile => continue,
                other => {
                    case.add(&NOT_CREATED, format!("with labels of the user's: {}", brief(&other)));
                    continue;
                }
            }
            bench.pause();
            let kind = if is_hostile { "our labels set by the user" } else { "labels of the user's" };
            labelled(bench, &new, &OVERWRITTEN, &format!("{kind}, way {}", number + 1), case)?;
        }
    }
    Ok(())
}

/// A find shows the one server that bears the token.
pub(crate) fn finds_by_token<H: Hands>(hands: &mut H, case: &mut Case) -> Checked {
    let mut servers = Vec::new();
    for _ in 0..SERVERS {
        servers.push(made_plain(hands)?);
    }
    hands.pause();
    for (new, observed) in &servers {
        let found = find(hands, new.labels.token)?;
        case.demand(
            found.iter().any(|server| server.provider_id == observed.provider_id),
            &UNFINDABLE,
            || {
                format!(
                    "a find of the token of {:?} shows {}",
                    observed.provider_id.as_str(),
                    counted(found.len(), "server")
                )
            },
        );
        let strangers = found.iter().filter(|server| server.labels.token != Some(new.labels.token)).count();
        case.demand(strangers == 0, &UNFILTERED, || {
            format!("{strangers} of {} that it shows", counted(found.len(), "server"))
        });
    }
    if let Some((new, _)) = servers.first() {
        let next = hands.execute(&Op::Find(new.labels.token), None).next;
        case.demand(next.is_none(), &UNFILTERED, || {
            "it goes on after its first page, and nobody will".to_owned()
        });
    }
    let nobody = hands.samples().token();
    let found = find(hands, nobody)?;
    case.demand(found.is_empty(), &UNFILTERED, || {
        format!("{}, for a token that no server bears", counted(found.len(), "server"))
    });
    Ok(())
}

/// Two servers of one name are two servers.
pub(crate) fn tells_namesakes_apart<H: Hands>(hands: &mut H, case: &mut Case) -> Checked {
    let first = hands.draw();
    let second = CreateFromSnapshot { name: first.name.clone(), ..hands.draw() };
    let one = made(hands, &first)?;
    let two = match whole(hands, &create(&second)).outcome {
        Outcome::Created(observed) => *observed,
        Outcome::Exists(_) => {
            return Err(Halt::NotApplicable("names are unique here".to_owned()));
        }
        other => return Err(Halt::Flaw(&NOT_CREATED, format!("the second of a name: {}", brief(&other)))),
    };
    hands.pause();
    let servers = look(hands)?;
    for (new, observed) in [(&first, &one), (&second, &two)] {
        let seen = of(&servers, new);
        case.demand(seen.is_some_and(|seen| seen.provider_id == observed.provider_id), &CONFUSED, || {
            format!("{:?} was created, and its token is on {}", observed.provider_id.as_str(), told(seen))
        });
        let outcome = whole(hands, &Op::Inspect(observed.provider_id.clone())).outcome;
        let is_own =
            matches!(&outcome, Outcome::Inspected(seen) if seen.labels.token == Some(new.labels.token));
        case.demand(is_own, &CONFUSED, || {
            format!(
                "an inspect of {:?} does not show its token: {}",
                observed.provider_id.as_str(),
                brief(&outcome)
            )
        });
    }
    Ok(())
}

/// A create may be repeated as the capabilities say.
pub(crate) fn repeats_creates<S: Subject>(bench: &mut Bench<'_, S>, case: &mut Case) -> Checked {
    if bench.provider.capabilities().create_retry == CreateRetry::WaitAndLook {
        return Err(Halt::NotApplicable("a create is not repeated before a look".to_owned()));
    }
    makes_one_of_a_token(bench, case)
}

/// One token makes one server.
pub(crate) fn makes_one_of_a_token<H: Hands>(hands: &mut H, case: &mut Case) -> Checked {
    let (new, observed) = made_plain(hands)?;
    let before = hands.count();
    let outcome = whole(hands, &create(&new)).outcome;
    let is_same = match &outcome {
        Outcome::Exists(_) => true,
        Outcome::Created(again) => again.provider_id == observed.provider_id,
        _ => false,
    };
    case.demand(is_same, &DOUBLED, || format!("the second create of a token: {}", brief(&outcome)));
    hands.pause();
    let bearers = find(hands, new.labels.token)?.len();
    case.demand(bearers == 1 && hands.count() == before, &DOUBLED, || {
        format!("{bearers} servers bear the token")
    });
    Ok(())
}
