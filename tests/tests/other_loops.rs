//! The daemon carried by threads and by async-std: what a fleet must stand, it stands on every loop.
//!
//! `cargo xtask loops` runs every end-to-end test with the cloud on both.

use dynservers_tests::{Loop, trials};
use serde_json::json;

/// Makes each trial a test on both of the other loops.
macro_rules! on_both {
    ($($trial:ident => $run:expr;)*) => {
        mod on_threads {
            use super::*;
            $(#[test] fn $trial() { ($run)(Loop::Threads); })*
        }
        mod on_async_std {
            use super::*;
            $(#[test] fn $trial() { ($run)(Loop::AsyncStd); })*
        }
    };
}

on_both! {
    a_fleet_goes_up_and_down_and_to_zero => trials::life;
    a_create_whose_answer_is_lost_is_found_again =>
        |carrier| assert_eq!(trials::create_fault(carrier, "lost"), 6);
    a_create_that_is_never_answered_is_found_again =>
        |carrier| assert_eq!(trials::create_fault(carrier, "hang"), 6);
    a_create_whose_connection_closes_is_made_again =>
        |carrier| assert!(trials::create_fault(carrier, "refused") > 6);
    a_daemon_killed_while_it_grows_goes_on => trials::killed_while_it_grows;
    lost_replies_and_late_listings_double_nothing =>
        |carrier| drop(trials::list_lag(carrier, &json!([{"on": "create", "fault": "lost", "every": 2}])));
}
