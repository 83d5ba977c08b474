//! The fleet on tokio.

#![cfg(feature = "tokio")]

mod scenarios;

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("there is a runtime").block_on(future)
}

macro_rules! run {
    ($block:block) => {
        block_on(async move $block)
    };
}

macro_rules! awaited {
    ($future:expr) => {
        $future.await
    };
}

macro_rules! determine {
    ($fleet:ident, [$($shared:ident),*], $block:block) => {
        move |$fleet: Fleet| {
            $(let $shared = Arc::clone(&$shared);)*
            async move $block
        }
    };
}

/// Waits for ever, as a call does that is never answered.
macro_rules! hold {
    ($held:ident) => {{
        let _held = $held;
        std::future::pending::<()>().await;
    }};
}

scenarios::calls::calls!(run, awaited, tokio);
scenarios::closures::closures!(run, awaited);
scenarios::readers::readers!(run, awaited);
scenarios::demands::demands!(run, awaited);

#[test]
fn a_runtime_that_is_dropped_in_the_middle_of_a_create_is_a_crash_and_nothing_is_doubled() {
    let slow = dynservers_sim::Durations { create: Duration::from_millis(50), ..Default::default() };
    let cloud = SimulatedCloud::new(slow);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let fleet = runtime.block_on(async {
        let fleet = plain(&cloud).start().await.unwrap();
        fleet.ensure(3).await.unwrap();
        fleet
    });
    eventually("a create is under way", || cloud.calls("create") > 0);
    runtime.shutdown_background();
    block_on(async {
        assert_eq!(fleet.wait_until_ended().await, Err(RunError::Dropped));
        assert_eq!(fleet.ensure(1).await, Err(CommandError::Stopped(Stopped)));
        let fleet = plain(&cloud).start().await.unwrap();
        fleet.ensure(3).await.unwrap();
        fleet.wait_until_settled(PATIENCE).await.unwrap();
        eventually("exactly three", || cloud.servers().len() == 3);
        fleet.shutdown().await.unwrap();
    });
}

#[tokio::test(start_paused = true)]
async fn a_program_on_tokio_is_tested_in_paused_time() {
    let cloud = SimulatedCloud::default();
    let fleet = Fleet::builder("workers").provider("cloud", provider(&cloud)).server_type(server_type());
    let fleet = fleet.start().await.unwrap();
    fleet.ensure(2).await.unwrap();
    fleet.wait_until_settled(Duration::from_secs(600)).await.unwrap();
    assert_eq!(cloud.servers().len(), 2);
    fleet.shutdown().await.unwrap();
}

#[test]
fn run_is_a_future_for_a_select_and_dropping_it_is_a_crash() {
    block_on(async {
        let cloud = cloud();
        let fleet = plain(&cloud).build().await.unwrap();
        let other = fleet.clone();
        tokio::select! {
            ended = fleet.run() => panic!("{ended:?}"),
            desired = other.ensure(2) => assert_eq!(desired.unwrap().desired, 2),
        }
        assert_eq!(fleet.wait_until_ended().await, Err(RunError::Dropped));
        assert_eq!(fleet.ensure(1).await, Err(CommandError::Stopped(Stopped)));
    });
}
