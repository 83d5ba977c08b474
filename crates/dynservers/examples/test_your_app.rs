//! Testing your own program: its logic against a cloud in memory, an hour of its life in a moment.
//!
//! ```sh
//! cargo test --example test_your_app --features simulation
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use dynservers::blocking::{Fleet, FleetBuilder};
use dynservers::{BoxError, CommandError, Provider, ServerType};

/// The program under test: how many jobs wait, and what it makes of that.
#[derive(Clone, Default)]
struct App {
    jobs: Arc<AtomicU32>,
}

impl App {
    /// One server for every ten jobs that wait, and one in any case; the provider is whoever it is given.
    fn fleet(&self, provider: impl Into<Provider>) -> FleetBuilder {
        let jobs = Arc::clone(&self.jobs);
        Fleet::builder("workers")
            .provider("cloud", provider)
            .server_type(ServerType::new("default").max(20).template(serde_json::json!({ "size": "small" })))
            .determine_server_count(move |fleet| {
                let waiting = jobs.load(Ordering::SeqCst);
                fleet.ensure(1 + waiting / 10)?;
                Ok::<_, CommandError>(())
            })
    }
}

fn main() -> Result<(), BoxError> {
    use dynservers::simulation::SimulatedCloud;

    let (app, cloud) = (App::default(), SimulatedCloud::default());
    let mut fleet = app.fleet(cloud.clone()).simulate()?;
    for jobs in [0, 95, 20] {
        app.jobs.store(jobs, Ordering::SeqCst);
        fleet.run_for(std::time::Duration::from_secs(10 * 60))?;
        println!("{jobs:>3} jobs wait: {:>2} servers", cloud.servers().len());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use dynservers::EventKind;
    use dynservers::simulation::{Durations, SimulatedCloud, Trouble};

    use super::*;

    const TEN_MINUTES: Duration = Duration::from_secs(600);

    #[test]
    fn the_number_of_servers_follows_the_jobs() {
        let (app, cloud) = (App::default(), SimulatedCloud::default());
        let mut fleet = app.fleet(cloud.clone()).simulate().unwrap();
        for (jobs, servers) in [(0, 1), (95, 10), (1_000, 20), (5, 1)] {
            app.jobs.store(jobs, Ordering::SeqCst);
            fleet.run_for(TEN_MINUTES).unwrap();
            assert_eq!(cloud.servers().len(), servers, "with {jobs} jobs");
        }
        assert_eq!(cloud.most(), 20);
    }

    #[test]
    fn a_slow_cloud_and_lost_answers_make_no_server_too_many() {
        let slow = Durations { create: Duration::from_secs(45 * 60), ..Durations::default() };
        let (app, cloud) = (App::default(), SimulatedCloud::new(slow));
        cloud.spoil([Trouble::LostAnswer, Trouble::LostAnswer]);
        app.jobs.store(20, Ordering::SeqCst);
        let mut fleet = app.fleet(cloud.clone()).simulate().unwrap();
        fleet.run_for(8 * 6 * TEN_MINUTES).unwrap();
        let desired =
            fleet.with(|fleet| fleet.view().unwrap().types.values().next().unwrap().desired).unwrap();
        assert_eq!((desired, cloud.servers().len()), (Some(3), 3));
    }

    #[test]
    fn what_happens_can_be_asserted_too() {
        let (app, cloud) = (App::default(), SimulatedCloud::default());
        cloud.spoil([Trouble::NoCapacity]);
        let (told, events) = std::sync::mpsc::channel();
        let listener = move |event: &dynservers::Event| told.send(event.kind.clone()).unwrap();
        let mut fleet = app.fleet(cloud.clone()).on_event(listener).simulate().unwrap();
        fleet.run_for(TEN_MINUTES).unwrap();
        assert!(events.try_iter().any(|event| matches!(event, EventKind::CreateRefused { .. })));
        assert_eq!(cloud.servers().len(), 1, "it was tried again");
    }
}
