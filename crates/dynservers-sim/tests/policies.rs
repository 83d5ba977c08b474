//! Ours by default holds its own against models of others: what `cargo xtask policies` demands, on the same traces.

use dynservers_sim::forecast::policies::{BOOT, compare, traces};

#[test]
fn no_model_waits_less_and_pays_less_than_ours_by_default() {
    let traces = traces(1).unwrap();
    assert!(traces.len() >= 5);
    let faults: Vec<String> = traces.iter().flat_map(|trace| compare(trace, BOOT).faults()).collect();
    assert_eq!(faults, [""; 0]);
}

#[test]
fn equal_traces_give_equal_forecasts() {
    let trace = &traces(3).unwrap()[3];
    assert_eq!(compare(trace, BOOT).reports, compare(trace, BOOT).reports);
}
