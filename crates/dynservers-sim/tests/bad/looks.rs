//! Looks that are cut short, or that say more of themselves than is so.

use dynservers_core::labels::FLEET;
use dynservers_core::{Failure, Op, Outcome, Seam, Step};
use dynservers_http::Provider as _;
use dynservers_sim::conformance::check_provider;

use crate::good::json_of;
use crate::trial::{GOOD, Reading, Trial, each};

#[test]
fn a_listing_has_no_end() {
    let trial = Trial {
        response: |good, op, step, response, clock| {
            let mut completion = good.response(op, step, response, clock);
            if matches!(completion.outcome, Outcome::Page(_)) {
                completion.next = Some(Step("1".to_owned()));
            }
            completion
        },
        ..GOOD
    };
    trial.fails("looks-are-whole", &["never ends"]);
}

#[test]
fn a_server_of_each_page_is_dropped() {
    let trial = Trial {
        response: |good, op, step, response, clock| {
            let mut completion = good.response(op, step, response, clock);
            if let (Some(_), Outcome::Page(page)) = (step, &mut completion.outcome) {
                page.servers.pop();
            }
            completion
        },
        ..GOOD
    };
    trial.fails("looks-are-whole", &["does not show all servers"]);
}

#[test]
fn the_total_is_that_of_the_page() {
    let trial = Trial {
        response: |good, op, step, response, clock| {
            let mut completion = good.response(op, step, response, clock);
            if let Outcome::Page(page) = &mut completion.outcome {
                page.total = Some(page.servers.len() as u64);
            }
            completion
        },
        ..GOOD
    };
    trial.fails("looks-are-whole", &["the total of a page", "page 1 says 3 where there are 4"]);
}

fn claiming(response: Reading) -> Trial {
    Trial { response, ..GOOD }
}

#[test]
fn numbered_pages_claim_to_overlap() {
    let trial = claiming(|good, op, step, response, clock| {
        let mut completion = good.response(op, step, response, clock);
        if let Outcome::Page(page) = &mut completion.outcome {
            page.seam = Seam::Overlapping;
        }
        completion
    });
    let words =
        ["claims to overlap", "page 2 does not begin with the last server of page 1", "Seam::Shifting"];
    trial.fails("seams-are-true", &words);
}

#[test]
fn numbered_pages_claim_to_follow_a_cursor() {
    let trial = claiming(|good, op, step, response, clock| {
        let mut completion = good.response(op, step, response, clock);
        if let Outcome::Page(page) = &mut completion.outcome {
            page.seam = Seam::Following;
        }
        completion
    });
    trial.fails("seams-are-true", &["claim to follow", "the first server of the first page went", "a kill"]);
}

#[test]
fn a_repeated_page_is_an_error() {
    let trial = claiming(|good, op, step, response, clock| {
        let page = json_of(response)["meta"]["page"].as_u64().unwrap_or(1).to_string();
        match step {
            Some(step) if step.0 != page => Outcome::Lost(Failure::new("a server shows twice")).into(),
            _ => good.response(op, step, response, clock),
        }
    });
    trial.fails("repeats-do-no-harm", &["shows twice spoils a look"]);
}

#[test]
fn whatever_is_listed_is_ours() {
    let trial = Trial {
        request: |good, op, step, clock| match (op, step) {
            (Op::Look, None) => good.build("GET", "/servers", &serde_json::Value::Null),
            _ => good.request(op, step, clock),
        },
        response: |good, op, step, response, clock| {
            let mut completion = good.response(op, step, response, clock);
            each(&mut completion.outcome, |server| server.labels.fleet = Some(good.fleet.clone()));
            completion
        },
        ..GOOD
    };
    trial.fails("strangers-stay-strangers", &["somebody else shows as one of our fleet", "a kill"]);
}

#[test]
fn the_account_counts_ours_alone() {
    let trial = Trial {
        response: |good, op, step, response, clock| {
            let mut completion = good.response(op, step, response, clock);
            if let Outcome::Account(account) = &mut completion.outcome {
                account.total = Some(1);
            }
            completion
        },
        ..GOOD
    };
    trial.fails("strangers-stay-strangers", &["account's total", "it says 1 where there are 4"]);
}

/// The other way to page, which is as good: nothing is wrong with it.
#[test]
fn pages_after_a_cursor_follow() {
    let trial = Trial {
        request: |good, op, step, clock| match (op, step) {
            (Op::Look, Some(Step(after))) => {
                let is_id = after.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
                if !is_id {
                    return Err(Failure::new("this is no cursor").into());
                }
                let path = format!("/servers?label={FLEET}:{}&after={after}", good.fleet);
                good.build("GET", &path, &serde_json::Value::Null)
            }
            _ => good.request(op, step, clock),
        },
        response: |good, op, step, response, clock| {
            let mut completion = good.response(op, step, response, clock);
            if let (Op::Look, Outcome::Page(page)) = (op, &mut completion.outcome) {
                page.seam = Seam::Following;
                let last = page.servers.last().map(|server| Step(server.provider_id.to_string()));
                completion.next = completion.next.and(last);
            }
            completion
        },
        ..GOOD
    };
    check_provider(&trial).unwrap();
}
