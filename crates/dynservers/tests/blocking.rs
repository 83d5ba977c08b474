//! The fleet on threads.

#![cfg(feature = "blocking")]

mod scenarios;

macro_rules! run {
    ($block:block) => {
        $block
    };
}

macro_rules! waited {
    ($value:expr) => {
        $value
    };
}

macro_rules! determine {
    ($fleet:ident, [$($shared:ident),*], $block:block) => {
        move |$fleet: Fleet| $block
    };
}

/// Blocks until the test lets go.
macro_rules! hold {
    ($held:ident) => {
        let _ = $held.lock().unwrap().recv();
    };
}

scenarios::calls::calls!(run, waited, blocking);
scenarios::closures::closures!(run, waited);
scenarios::readers::readers!(run, waited);
scenarios::demands::demands!(run, waited);

#[test]
fn a_host_that_owns_its_loop_turns_it() {
    let cloud = cloud();
    let mut turns = plain(&cloud).turns().unwrap();
    assert_eq!(cloud.calls("look") + cloud.calls("check"), 0, "nothing is done but in a turn");
    assert_eq!(turns.with(|fleet| fleet.ensure(2)).unwrap().unwrap().desired, 2);
    while cloud.servers().len() < 2 {
        assert_eq!(turns.turn(Duration::from_millis(5)), Ok(dynservers::blocking::Turned::GoesOn));
    }
    turns.with(|fleet| fleet.wait_until_settled(PATIENCE)).unwrap().unwrap();
    let fleet = turns.fleet();
    let ending = std::thread::spawn(move || fleet.shutdown());
    while turns.turn(Duration::from_millis(5)) == Ok(dynservers::blocking::Turned::GoesOn) {}
    assert_eq!(ending.join().unwrap(), Ok(()));
    assert_eq!(cloud.made(), 2);
}

#[test]
fn a_fleet_that_is_not_turned_any_more_is_a_crash_and_the_next_one_finds_everything() {
    let cloud = cloud();
    let mut turns = plain(&cloud).turns().unwrap();
    turns.with(|fleet| fleet.ensure(3)).unwrap().unwrap();
    while cloud.calls("create") == 0 {
        let _ = turns.turn(Duration::from_millis(1)).unwrap();
    }
    let fleet = turns.fleet();
    drop(turns);
    assert_eq!(fleet.wait_until_ended(), Err(RunError::Dropped));
    let fleet = plain(&cloud).start().unwrap();
    fleet.ensure(3).unwrap();
    fleet.wait_until_settled(PATIENCE).unwrap();
    eventually("exactly three", || cloud.servers().len() == 3);
    fleet.shutdown().unwrap();
}

#[test]
fn calls_that_panic_are_passed_on() {
    let mut turns = plain(&cloud()).turns().unwrap();
    let calls = std::panic::AssertUnwindSafe(|| turns.with(|_| panic!("on purpose")));
    assert!(std::panic::catch_unwind(calls).is_err());
}

#[test]
fn handles_are_cheap_to_share() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    shared::<Fleet>();
    shared::<dynservers::blocking::FleetType>();
    shared::<dynservers::Server>();
}

#[cfg(feature = "simulation")]
#[test]
fn a_simulated_fleet_can_be_shut_down() {
    use dynservers::simulation::SimulationError;

    let cloud = SimulatedCloud::default();
    let fleet = Fleet::builder("workers").provider("cloud", cloud.clone()).server_type(server_type());
    let mut fleet = fleet.simulate().unwrap();
    fleet.with(|fleet| fleet.ensure(2)).unwrap().unwrap();
    let begun = fleet.now();
    fleet.with(|fleet| fleet.wait_until_settled(Duration::from_secs(600))).unwrap().unwrap();
    let took = fleet.now().since(begun);
    assert!((30..60).contains(&took.as_secs()), "a boot and a poll, in virtual time: {took:?}");
    assert_eq!(fleet.with(Fleet::provisioned_count).unwrap(), Ok(2));
    assert_eq!(fleet.with(Fleet::shutdown).unwrap(), Ok(()));
    assert_eq!(fleet.run_for(Duration::from_secs(1)), Err(SimulationError::Over));
    assert_eq!(fleet.with(|fleet| fleet.ensure(1)).unwrap(), Err(CommandError::Stopped(Stopped)));
    assert_eq!(cloud.servers().len(), 2, "servers stay");
}

#[cfg(feature = "simulation")]
#[test]
fn in_virtual_time_work_is_told_by_hand() {
    let cloud = SimulatedCloud::default();
    let server_type = server_type().policy(policy());
    #[cfg(feature = "demand")]
    let server_type = server_type.source("table", || panic!("nobody asks it"));
    let fleet = Fleet::builder("workers").provider("cloud", cloud.clone()).server_type(server_type);
    let mut fleet = fleet.simulate().unwrap();
    fleet.with(|fleet| fleet.measured(jobs(25))).unwrap().unwrap();
    fleet.run_for(Duration::from_secs(60)).unwrap();
    assert_eq!(cloud.servers().len(), 3);
    fleet.with(|fleet| fleet.measured(jobs(0))).unwrap().unwrap();
    fleet.run_for(Duration::from_secs(600)).unwrap();
    assert_eq!(cloud.servers().len(), 0);
}
