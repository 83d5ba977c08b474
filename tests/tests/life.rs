//! A fleet's ordinary life over real sockets: up, down, to zero, restarted, rebooted.

use dynservers_tests::{Loop, trials};

#[test]
fn a_fleet_goes_up_and_down_and_to_zero() {
    trials::life(Loop::Told);
}
