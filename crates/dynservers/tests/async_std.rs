//! The fleet on async-std.

#![cfg(feature = "async-std")]

mod scenarios;

use async_std::task::block_on;

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

scenarios::calls::calls!(run, awaited, async_std);
scenarios::closures::closures!(run, awaited);
scenarios::readers::readers!(run, awaited);
scenarios::demands::demands!(run, awaited);

#[test]
fn a_loop_that_is_dropped_in_the_middle_of_a_create_is_a_crash_and_nothing_is_doubled() {
    block_on(async {
        let slow = dynservers_sim::Durations { create: Duration::from_millis(50), ..Default::default() };
        let cloud = SimulatedCloud::new(slow);
        let fleet = plain(&cloud).build().await.unwrap();
        let running = async_std::task::spawn({
            let fleet = fleet.clone();
            async move { fleet.run().await }
        });
        fleet.ensure(3).await.unwrap();
        eventually("a create is under way", || cloud.calls("create") > 0);
        running.cancel().await;
        assert_eq!(fleet.wait_until_ended().await, Err(RunError::Dropped));
        let fleet = plain(&cloud).start().await.unwrap();
        fleet.ensure(3).await.unwrap();
        fleet.wait_until_settled(PATIENCE).await.unwrap();
        eventually("exactly three", || cloud.servers().len() == 3);
        fleet.shutdown().await.unwrap();
    });
}
