//! Looks: that they show everything of ours, once, and nothing of anybody else.

use std::collections::BTreeSet;

use dynservers_core::{Op, Outcome, ProviderId};

use crate::conformance::bench::{Bench, brief};
use crate::conformance::case::{Case, Checked, Halt, counted};
use crate::conformance::life::{Hands, find, look, made_plain, page_of, pages};
use crate::conformance::report::{Danger, Flaw};
use crate::conformance::samples::{create, fleet, other_fleet};
use crate::conformance::subject::{Cloud as _, Subject};

const CUT: Flaw = Flaw {
    fault: "a look ends after its first page although there are more servers",
    danger: Danger::Leak,
    why: "servers on later pages bill unseen, seem to be missing, and are made again.",
    remedy: "give Completion::next with a page as long as the API says that there are more.",
};
const HOLES: Flaw = Flaw {
    fault: "a look does not show all servers",
    danger: Danger::Leak,
    why: "what no look shows bills unseen, seems to be missing, and is made again.",
    remedy: "go through every page, leave out nothing between two pages, and give every server of a page.",
};
const WRONG_TOTAL: Flaw = Flaw {
    fault: "the total of a page is not the number of servers that the look is about",
    danger: Danger::Standstill,
    why: "a look whose total does not agree is never complete, so that nothing is ever missed.",
    remedy: "give Page::total only if the API counts what the listing is filtered to; else None.",
};
const SPOILT_BY_REPEATS: Flaw = Flaw {
    fault: "a server that shows twice spoils a look",
    danger: Danger::Standstill,
    why: "while servers come and go, pages shift and repeat servers; looks would fail just when they matter.",
    remedy: "give each page as it is; repeats are the core's affair.",
};
const BLINDED: Flaw = Flaw {
    fault: "a listing that is late is taken for more than it says",
    danger: Danger::Double,
    why: "a new server may be missing from a listing for a while: that is neither an error nor the server's absence.",
    remedy: "give Outcome::Page with the servers that are listed, none if it is empty.",
};
const STRANGER: Flaw = Flaw {
    fault: "a server of somebody else shows as one of our fleet",
    danger: Danger::Kill,
    why: "what bears our fleet's label is ours to stop and delete.",
    remedy: "read FoundLabels::fleet off the server's own label; never fill it in because the listing was filtered.",
};
const ACCOUNT_TOTAL: Flaw = Flaw {
    fault: "the account's total does not count all of its servers",
    danger: Danger::Standstill,
    why: "the room in the account is reckoned from it: too low a total orders servers that the account may not have.",
    remedy: "count without a filter, or give None where that cannot be asked.",
};

/// A look shows every server, however many pages it has.
pub(crate) fn are_whole<S: Subject>(bench: &mut Bench<'_, S>, case: &mut Case) -> Checked {
    let size = bench.subject.page_size().max(1);
    let mut made = BTreeSet::new();
    for wanted in [0, 1, size, size + 1, 2 * size + 1, 3 * size + 1] {
        while made.len() < wanted {
            made.insert(made_plain(bench)?.1.provider_id);
        }
        bench.pause();
        let pages = pages(bench, &Op::Look, |_, _, _| {})?;
        let seen: BTreeSet<&ProviderId> =
            pages.iter().flat_map(|page| &page.servers).map(|server| &server.provider_id).collect();
        let all = seen.len();
        let flaw = if pages.len() == 1 && wanted > size && all <= size { &CUT } else { &HOLES };
        case.demand(made.iter().all(|id| seen.contains(id)), flaw, || {
            let missing = made.iter().filter(|id| !seen.contains(id)).count();
            format!(
                "{missing} of {} missing from a look of {}",
                counted(wanted, "server"),
                counted(pages.len(), "page")
            )
        });
        for (number, page) in pages.iter().enumerate() {
            let total = page.total.unwrap_or(wanted as u64);
            case.demand(total == wanted as u64, &WRONG_TOTAL, || {
                format!("page {} says {total} where there are {wanted}", number + 1)
            });
        }
    }
    Ok(())
}

/// Servers that show twice do no harm.
pub(crate) fn bear_repeats<S: Subject>(bench: &mut Bench<'_, S>, case: &mut Case) -> Checked {
    for _ in 0..=2 * bench.subject.page_size() {
        made_plain(bench)?;
    }
    bench.pause();
    let response = bench.answer(&Op::Look, None)?;
    let first = bench.read(&Op::Look, None, &response);
    let page = page_of("a look", first.outcome)?;
    let Some(step) = first.next else {
        return Err(Halt::NotApplicable("a listing has one page".to_owned()));
    };
    let again = bench.read(&Op::Look, Some(&step), &response).outcome;
    let shows_all = matches!(&again, Outcome::Page(second) if page.servers.iter().all(|server| {
        second.servers.iter().any(|other| other.provider_id == server.provider_id)
    }));
    case.demand(shows_all, &SPOILT_BY_REPEATS, || {
        format!("the first page, given once more as the second: {}", brief(&again))
    });
    Ok(())
}

/// A listing that is late is borne, and the server is found when it shows.
pub(crate) fn may_be_late<S: Subject>(bench: &mut Bench<'_, S>, case: &mut Case) -> Checked {
    let new = bench.draw();
    let token = new.labels.token;
    let ops = [Op::Look, Op::Find(token)];
    let early = [bench.answer(&ops[0], None)?, bench.answer(&ops[1], None)?];
    let provider_id = crate::conformance::life::made(bench, &new)?.provider_id;
    for (op, response) in ops.iter().zip(&early) {
        let outcome = bench.read(op, None, response).outcome;
        let is_empty = matches!(&outcome, Outcome::Page(page) if page.servers.is_empty());
        case.demand(is_empty, &BLINDED, || {
            format!("a {}, answered with a list of nothing: {}", op.name(), brief(&outcome))
        });
    }
    bench.pause();
    let found = find(bench, token)?;
    case.demand(found.iter().any(|server| server.provider_id == provider_id), &HOLES, || {
        format!(
            "a find of its token, later, shows {} and not the one created",
            counted(found.len(), "server")
        )
    });
    Ok(())
}

/// Strangers are nobody of ours.
pub(crate) fn leave_strangers<S: Subject>(bench: &mut Bench<'_, S>, case: &mut Case) -> Checked {
    bench.cloud.add_stranger("kit-worker-1");
    bench.cloud.add_stranger("somebody-elses");
    let mine = made_plain(bench)?.1.provider_id;
    let other = bench.subject.provider(other_fleet(), bench.vault.clone());
    let spec = bench.subject.spec(&[]);
    let theirs = bench.samples().server(other_fleet(), spec);
    let outcome = bench.execute_as(&other, &create(&theirs)).outcome;
    if !matches!(outcome, Outcome::Created(_)) {
        return Err(Halt::Flaw(
            &crate::conformance::life::NOT_CREATED,
            format!("that of another fleet came out as {}", brief(&outcome)),
        ));
    }
    bench.pause();
    for server in look(bench)? {
        let claimed = server.labels.fleet == Some(fleet()) && server.provider_id != mine;
        case.demand(!claimed, &STRANGER, || format!("{:?} claims to be of our fleet", server.name));
    }
    let there = bench.cloud.servers() as u64;
    if let Outcome::Account(account) = bench.execute(&Op::Account, None).outcome {
        let total = account.total.unwrap_or(there);
        case.demand(total == there, &ACCOUNT_TOTAL, || format!("it says {total} where there are {there}"));
    }
    Ok(())
}
