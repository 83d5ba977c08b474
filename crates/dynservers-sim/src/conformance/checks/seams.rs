//! Seams: whether pages join as the provider says that they do.

use std::collections::BTreeSet;

use dynservers_core::{Op, Page, ProviderId, Seam};

use crate::conformance::bench::Bench;
use crate::conformance::case::{Case, Checked, Halt};
use crate::conformance::life::{Hands as _, made_plain, pages};
use crate::conformance::report::{Danger, Flaw};
use crate::conformance::subject::{Cloud as _, Subject};

const NO_OVERLAP: Flaw = Flaw {
    fault: "a page claims to overlap the one before it and does not",
    danger: Danger::Kill,
    why: "Seam::Overlapping says that nothing can slip between two pages; with it a look counts as complete that has \
          holes, and the living are taken for missing. Without the overlap no look of two pages is ever complete.",
    remedy: "begin each page with the last server of the one before, or say Seam::Shifting if pages are numbered and \
             Seam::Following if they follow a cursor.",
};
const SLIPS: Flaw = Flaw {
    fault: "pages claim to follow each other by a cursor, and a server that goes meanwhile makes them skip another",
    danger: Danger::Kill,
    why: "a living server is missing from a look that says it was read to its end.",
    remedy: "say Seam::Shifting: these pages are numbered, or count from an offset.",
};

/// A change to the account while a look goes on.
#[derive(Clone, Copy, Debug)]
enum Change {
    None,
    FirstGoes,
    LastGoes,
    OneComes,
}

/// Seams are told right.
pub(crate) fn are_true<S: Subject>(bench: &mut Bench<'_, S>, case: &mut Case) -> Checked {
    let wanted = 3 * bench.subject.page_size() + 1;
    for change in [Change::None, Change::FirstGoes, Change::LastGoes, Change::OneComes] {
        while bench.cloud.servers() < wanted {
            made_plain(bench)?;
        }
        bench.pause();
        let mut gone = None;
        let mut living: BTreeSet<ProviderId> =
            crate::conformance::life::look(bench)?.into_iter().map(|server| server.provider_id).collect();
        let pages = pages(bench, &Op::Look, |bench: &mut Bench<'_, S>, page, number| {
            if number == 0 {
                gone = changed(bench, page, change);
            }
        })?;
        if pages.len() == 1 {
            return Err(Halt::NotApplicable("a listing has one page".to_owned()));
        }
        if let Some(gone) = gone {
            living.remove(&gone);
        }
        judge(change, &pages, &living, case);
    }
    Ok(())
}

/// Makes a change and gives the server that went.
fn changed<S: Subject>(bench: &mut Bench<'_, S>, page: &Page, change: Change) -> Option<ProviderId> {
    let goes = match change {
        Change::None => None,
        Change::FirstGoes => page.servers.first(),
        Change::LastGoes => page.servers.last(),
        Change::OneComes => {
            // That it can be made is another check's affair.
            let _ = made_plain(bench);
            None
        }
    };
    let id = goes.map(|server| server.provider_id.clone());
    if let Some(id) = &id {
        bench.cloud.remove(id.as_str());
    }
    id
}

fn judge(change: Change, pages: &[Page], living: &BTreeSet<ProviderId>, case: &mut Case) {
    let joins = |pair: &[Page]| {
        let last = pair[0].servers.last().map(|server| &server.provider_id);
        last.is_some() && last == pair[1].servers.first().map(|server| &server.provider_id)
    };
    for (number, pair) in pages.windows(2).enumerate() {
        let claims = pair[1].seam == Seam::Overlapping;
        let is_calm = matches!(change, Change::None);
        case.demand(!claims || !is_calm || joins(pair), &NO_OVERLAP, || {
            format!("page {} does not begin with the last server of page {}", number + 2, number + 1)
        });
    }
    let seen: BTreeSet<&ProviderId> =
        pages.iter().flat_map(|page| &page.servers).map(|server| &server.provider_id).collect();
    let missing = living.iter().filter(|id| !seen.contains(id)).count();
    let told = || format!("{missing} living servers were missing from a look in which {}", change.told());
    let followed = pages[1..].iter().all(|page| page.seam == Seam::Following);
    case.demand(missing == 0 || !followed, &SLIPS, told);
    let overlapped = pages.windows(2).all(|pair| pair[1].seam == Seam::Overlapping && joins(pair));
    case.demand(missing == 0 || !overlapped, &NO_OVERLAP, told);
}

impl Change {
    const fn told(self) -> &'static str {
        match self {
            Self::None => "nothing changed",
            Self::FirstGoes => "the first server of the first page went",
            Self::LastGoes => "the last server of the first page went",
            Self::OneComes => "one more came",
        }
    }
}
