//! What every colour must do alike: scenarios, written once, for whatever a call of the colour needs to come to its end.

#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "helpers of tests are tests; the lint excuses only the functions marked so, and not every colour needs all"
)]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dynservers::{BoxError, Event, Provider, ServerType, Timing};
use dynservers_sim::{Durations, SimulatedCloud};

/// How long a condition may take on a machine that is busy with other things. Nothing is measured by it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A cloud that is as fast as a test wants it.
pub(crate) fn cloud() -> SimulatedCloud {
    let millis = Duration::from_millis(5);
    SimulatedCloud::new(Durations { create: millis, stop: millis, reboot: millis })
}

/// The cloud as a provider that answers soon.
pub(crate) fn provider(cloud: &SimulatedCloud) -> Provider {
    let cloud = cloud.clone();
    let executor = Provider::executor_with(move |_, clock| {
        let clock = clock.clone();
        Ok::<_, BoxError>(cloud.executor(move || clock.now()))
    });
    executor
        .request_timeout(Duration::from_millis(300))
        .list_lag(Duration::from_millis(20))
        .restart_time(Duration::from_millis(20))
}

pub(crate) fn server_type() -> ServerType {
    ServerType::new("default").template(serde_json::json!({ "size": "small" }))
}

/// Looks often.
pub(crate) fn timing() -> Timing {
    Timing {
        poll_interval: Duration::from_millis(5),
        resync_interval: Duration::from_millis(50),
        ..Timing::default()
    }
}

/// Waits for a condition that nobody tells of.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Keeps what it is told.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Vec<Event>>>);

impl Heard {
    pub(crate) fn listener(&self) -> impl FnMut(&Event) + Send + 'static {
        let heard = Arc::clone(&self.0);
        move |event| heard.lock().unwrap().push(event.clone())
    }

    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().iter().map(|event| event.kind.name()).collect()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.names().contains(&name)
    }

    /// Gives the events, which must be in order, each once.
    pub(crate) fn in_order(&self) -> Vec<Event> {
        let heard = self.0.lock().unwrap().clone();
        let numbers: Vec<u64> = heard.iter().map(|event| event.id.0).collect();
        let expected: Vec<u64> = (1..).take(numbers.len()).collect();
        assert_eq!(numbers, expected);
        heard
    }
}

/// Makes the scenarios of one colour. `run` brings a scenario to its end, and `w` a call.
macro_rules! scenarios {
    ($run:ident, $w:ident, $colour:ident) => {
        use std::collections::BTreeSet;
        use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
        use std::sync::{Arc, Mutex, mpsc};
        use std::time::Duration;

        use dynservers::$colour::{Fleet, FleetBuilder};
        use dynservers::{
            BuildError, CommandError, Drained, EventKind, Mistake, Naming, NewServer, Refusal, RunError,
            ServerType, SettleError, Status, Stopped, Subject, Time, Workers, Wrap,
        };
        use dynservers::core::{Completion, Effect, Failure, Outcome};
        use dynservers_sim::{SimulatedCloud, Trouble};
        use scenarios::{Heard, PATIENCE, cloud, eventually, provider, server_type, timing};

        fn builder(cloud: &SimulatedCloud) -> FleetBuilder {
            Fleet::builder("workers").provider("cloud", provider(cloud)).timing(timing())
        }

        fn plain(cloud: &SimulatedCloud) -> FleetBuilder {
            builder(cloud).server_type(server_type())
        }

        #[test]
        fn a_fleet_goes_up_and_down_and_ends_clean() {
            $run!({
                let cloud = cloud();
                let provider = provider(&cloud).option("disk_image", "01-image");
                let fleet = Fleet::builder("workers").provider("cloud", provider).timing(timing());
                let fleet = $w!(fleet.server_type(server_type().max(10)).start()).unwrap();
                let desired = $w!(fleet.ensure(30)).unwrap();
                assert_eq!((desired.before, desired.requested, desired.desired), (None, 30, 10));
                assert_eq!($w!(fleet.ensure(3)).unwrap().before, Some(10));
                $w!(fleet.wait_until_settled(PATIENCE)).unwrap();
                assert_eq!($w!(fleet.provisioned_count()).unwrap(), 3);
                let counts = $w!(fleet.count_per_status()).unwrap();
                assert_eq!((counts[&Status::Running], counts.len()), (3, Status::ALL.len()));
                let servers = $w!(fleet.servers()).unwrap();
                let running = servers.iter().find(|server| server.status() == Status::Running).unwrap();
                assert_eq!(running.name(), format!("dynamic-server-default-{}", running.id()));
                assert_eq!(running.option("disk_image"), Some("01-image"));
                assert_eq!(running.meta("title").unwrap(), running.name());
                assert_eq!(running.meta("uuid").unwrap(), running.provider_id().unwrap().as_str());
                assert_eq!(running.meta("server_properties.uuid"), running.meta("uuid"));
                let job = serde_json::json!({ "id": 7, "queue": { "name": "mail" } });
                $w!(fleet.add_meta(running.id(), "job", job)).unwrap();
                let again = $w!(fleet.server(running.id())).unwrap().unwrap();
                assert_eq!(again.meta("job.queue.name").unwrap(), "mail");
                assert_eq!((again.meta("job.none"), again.meta("none")), (None, None));
                assert_eq!($w!(fleet.increase(0)).unwrap().desired, 3);
                assert_eq!($w!(fleet.increase(2)).unwrap().desired, 5);
                assert_eq!($w!(fleet.decrease(50)).unwrap().desired, 0);
                $w!(fleet.wait_until_settled(PATIENCE)).unwrap();
                assert_eq!(cloud.servers(), []);
                assert_eq!($w!(fleet.shutdown()), Ok(()));
                assert_eq!($w!(fleet.shutdown()), Ok(()), "it may be said twice");
                assert_eq!($w!(fleet.ensure(1)), Err(CommandError::Stopped(Stopped)));
                assert_eq!($w!(fleet.view()), Err(Stopped));
                assert_eq!($w!(fleet.wait_until_settled(PATIENCE)), Err(SettleError::Stopped(Stopped)));
                assert!($w!(fleet.events().next()).is_none());
            });
        }

        #[test]
        fn all_ten_kinds_of_events_are_told_in_order_each_once() {
            $run!({
                let (cloud, heard) = (cloud(), Heard::default());
                // Time enough for a server that is well on a slow machine, and none too much for one that is stuck.
                let timing = dynservers::Timing {
                    hanging_after: Duration::from_secs(1),
                    failed_retention: Duration::from_millis(50),
                    create_deadline: Duration::from_secs(2),
                    ..timing()
                };
                let fleet = Fleet::builder("workers")
                    .provider("cloud", provider(&cloud).max_servers_in_account(4))
                    .timing(timing)
                    .on_event(heard.listener());
                let fleet = $w!(fleet.server_type(server_type()).start()).unwrap();
                cloud.spoil([Trouble::Broken, Trouble::Stuck]);
                $w!(fleet.ensure(3)).unwrap();
                eventually("one errored and one hangs", || heard.has("errored") && heard.has("hanging"));
                $w!(fleet.ensure(6)).unwrap();
                eventually("the account is full", || heard.has("limit_hit"));
                $w!(fleet.ensure(4)).unwrap();
                $w!(fleet.wait_until_settled(PATIENCE)).unwrap();
                assert_eq!($w!(fleet.reboot()).unwrap(), 4);
                eventually("reboots", || heard.has("rebooting"));
                $w!(fleet.wait_until_settled(PATIENCE)).unwrap();
                $w!(fleet.decrease(4)).unwrap();
                $w!(fleet.wait_until_settled(PATIENCE)).unwrap();
                let last = $w!(fleet.view()).unwrap();
                assert_eq!(last.types.values().map(|server_type| server_type.existing).sum::<u32>(), 0);
                $w!(fleet.shutdown()).unwrap();
                eventually("the listener has heard all", || heard.names().last() == Some(&"deleted"));
                let told: BTreeSet<&str> = heard.in_order().iter().map(|event| event.kind.name()).collect();
                for kind in [
                    "creating", "running", "stopping", "stopped", "deleting", "deleted", "rebooting", "errored",
                    "hanging", "limit_hit",
                ] {
                    assert!(told.contains(kind), "{kind} is not among {told:?}");
                }
                assert_eq!(cloud.servers(), []);
            });
        }

        #[test]
        fn ten_threads_that_ensure_at_once_get_one_fleet() {
            $run!({
                let cloud = cloud();
                let fleet = $w!(plain(&cloud).start()).unwrap();
                let threads: Vec<_> = (0..10)
                    .map(|_| {
                        let fleet = fleet.clone();
                        std::thread::spawn(move || $run!({ $w!(fleet.ensure(5)).unwrap().desired }))
                    })
                    .collect();
                for thread in threads {
                    assert_eq!(thread.join().unwrap(), 5);
                }
                $w!(fleet.wait_until_settled(PATIENCE)).unwrap();
                assert_eq!((cloud.made(), cloud.most()), (5, 5));
                $w!(fleet.shutdown()).unwrap();
            });
        }

        #[test]
        fn two_fleets_in_one_process_leave_each_other_alone() {
            $run!({
                let (one, two) = (cloud(), cloud());
                let first = $w!(plain(&one).start()).unwrap();
                let second = Fleet::builder("others").provider("cloud", provider(&two)).timing(timing());
                let second = $w!(second.server_type(server_type()).start()).unwrap();
                $w!(first.ensure(2)).unwrap();
                $w!(second.ensure(3)).unwrap();
                $w!(first.wait_until_settled(PATIENCE)).unwrap();
                $w!(second.wait_until_settled(PATIENCE)).unwrap();
                assert_eq!((one.made(), two.made()), (2, 3));
                $w!(first.shutdown()).unwrap();
                $w!(second.ensure(0)).unwrap();
                $w!(second.wait_until_settled(PATIENCE)).unwrap();
                assert_eq!((one.servers().len(), two.servers().len()), (2, 0));
                $w!(second.shutdown()).unwrap();
            });
        }

        #[test]
        fn types_are_spoken_of_by_name_and_a_wrong_name_is_told() {
            $run!({
                let cloud = cloud();
                let fleet = plain(&cloud).server_type(
                    ServerType::new("big").max(2).template(serde_json::json!({ "size": "big" })),
                );
                let fleet = $w!(fleet.start()).unwrap();
                $w!(fleet.ensure(1)).unwrap();
                assert_eq!($w!(fleet.of("big").ensure(5)).unwrap().desired, 2);
                $w!(fleet.wait_until_settled(PATIENCE)).unwrap();
                assert_eq!($w!(fleet.of("big").provisioned_count()).unwrap(), 2);
                assert_eq!($w!(fleet.provisioned_count()).unwrap(), 3);
                assert_eq!($w!(fleet.of("big").count_per_status()).unwrap()[&Status::Running], 2);
                assert_eq!($w!(fleet.of("default").servers()).unwrap().len(), 1);
                assert_eq!($w!(fleet.of("big").reboot_at_a_time(1)).unwrap(), 2);
                let unknown = $w!(fleet.of("huge").ensure(1)).unwrap_err();
                assert!(matches!(unknown, CommandError::Refused(Refusal::UnknownType { .. })), "{unknown}");
                let unknown = $w!(fleet.of("huge").provisioned_count()).unwrap_err();
                assert_eq!(unknown.to_string(), "there is no server type huge; there are: big, default");
                let invalid = $w!(fleet.of("Huge!").ensure(1)).unwrap_err();
                assert!(matches!(invalid, CommandError::Name(_)), "{invalid}");
                let unknown = $w!(fleet.of("huge").wait_until_settled(PATIENCE)).unwrap_err();
                assert!(matches!(unknown, SettleError::UnknownType(_)), "{unknown}");
                $w!(fleet.shutdown()).unwrap();
            });
        }

        #[test]
        fn a_wait_that_is_in_vain_says_how_far_it_came() {
            $run!({
                let cloud = cloud();
                let fleet = $w!(plain(&cloud).start()).unwrap();
                cloud.spoil([Trouble::NoCapacity; 50]);
                $w!(fleet.ensure(2)).unwrap();
                eventually("a create was refused", || cloud.calls("create") > 0);
                let error = $w!(fleet.wait_until_settled(Duration::from_millis(50))).unwrap_err();
                let words = error.to_string();
                assert!(words.starts_with("not settled within 50ms: 0 of 2 default servers run"), "{words}");
                $w!(fleet.shutdown()).unwrap();
            });
        }

        #[test]
        fn what_is_protected_stays_and_what_is_paused_waits() {
            $run!({
                let cloud = cloud();
                let fleet = $w!(plain(&cloud).start()).unwrap();
                $w!(fleet.ensure(2)).unwrap();
                $w!(fleet.wait_until_settled(PATIENCE)).unwrap();
                let oldest = $w!(fleet.servers()).unwrap()[0].id();
                $w!(fleet.protect(oldest)).unwrap();
                $w!(fleet.ensure(1)).unwrap();
                $w!(fleet.wait_until_settled(PATIENCE)).unwrap();
                assert_eq!($w!(fleet.server(oldest)).unwrap().unwrap().status(), Status::Running);
                $w!(fleet.unprotect(oldest)).unwrap();
                $w!(fleet.pause()).unwrap();
                $w!(fleet.ensure(3)).unwrap();
                let looks = cloud.calls("look");
                eventually("a few more looks", || cloud.calls("look") > looks + 3);
                assert_eq!(cloud.made(), 2, "a pause makes nothing");
                $w!(fleet.resume()).unwrap();
                $w!(fleet.wait_until_settled(PATIENCE)).unwrap();
                assert_eq!(cloud.made(), 4);
                let nobody = $w!(fleet.protect(dynservers::ServerId(99))).unwrap_err();
                assert_eq!(nobody.to_string(), "there is no server 99");
                $w!(fleet.shutdown()).unwrap();
            });
        }

        #[test]
        fn the_number_is_determined_now_and_then_and_kept_while_it_cannot_be() {
            $run!({
                let (cloud, heard) = (cloud(), Heard::default());
                let (calls, mood) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU32::new(0)));
                let (count, says) = (Arc::clone(&calls), Arc::clone(&mood));
                let fleet = plain(&cloud)
                    .on_event(heard.listener())
                    .determine_every(Duration::from_millis(5))
                    .determine_server_count(determine!(fleet, [count, says], {
                        count.fetch_add(1, Ordering::SeqCst);
                        match says.load(Ordering::SeqCst) {
                            1 => return Err("the queue is down".into()),
                            2 => panic!("a secret"),
                            _ => {}
                        }
                        let running = $w!(fleet.provisioned_count())?;
                        $w!(fleet.ensure(running.max(2)))?;
                        Ok::<(), dynservers::BoxError>(())
                    }));
                let fleet = $w!(fleet.start()).unwrap();
                let more = |times: u64| {
                    let enough = calls.load(Ordering::SeqCst) + times;
                    eventually("more calls of the closure", || calls.load(Ordering::SeqCst) >= enough);
                };
                eventually("it made two", || cloud.made() == 2);
                for trouble in [1, 2] {
                    mood.store(trouble, Ordering::SeqCst);
                    more(5);
                    eventually("the event", || heard.has("count_unknown"));
                    mood.store(0, Ordering::SeqCst);
                    more(5);
                }
                let counted = || heard.names().into_iter().filter(|name| name.starts_with("count_"));
                eventually("both episodes are over", || counted().count() == 4);
                assert_eq!(
                    counted().collect::<Vec<_>>(),
                    ["count_unknown", "count_known", "count_unknown", "count_known"],
                    "each episode is told once"
                );
                let reasons: Vec<String> = heard
                    .in_order()
                    .into_iter()
                    .filter_map(|event| match event.kind {
                        EventKind::CountUnknown { reason } => Some(reason),
                        _ => None,
                    })
                    .collect();
                assert_eq!(
                    reasons,
                    ["the queue is down", "the closure that determines the number of servers panicked"]
                );
                assert_eq!(cloud.made(), 2, "the last count holds");
                $w!(fleet.shutdown()).unwrap();
            });
        }

        #[test]
        fn a_determination_that_takes_too_long_is_told_and_holds_up_nobody() {
            $run!({
                let (cloud, heard) = (cloud(), Heard::default());
                let (let_go, held) = mpsc::channel::<()>();
                let held = Arc::new(Mutex::new(held));
                let fleet = plain(&cloud)
                    .on_event(heard.listener())
                    .determine_timeout(Duration::from_millis(20))
                    .determine_server_count(determine!(fleet, [held], {
                        drop(fleet);
                        hold!(held);
                        Ok::<(), dynservers::BoxError>(())
                    }));
                let fleet = $w!(fleet.start()).unwrap();
                eventually("the event", || heard.has("count_unknown"));
                $w!(fleet.ensure(1)).unwrap();
                $w!(fleet.wait_until_settled(PATIENCE)).unwrap();
                $w!(fleet.shutdown()).unwrap();
                drop(let_go);
            });
        }

        #[test]
        fn a_reader_that_stops_reading_holds_up_nobody_and_is_told_what_it_missed() {
            $run!({
                let cloud = cloud();
                let fleet = $w!(plain(&cloud).max_events(4).start()).unwrap();
                let mut events = fleet.events();
                $w!(fleet.ensure(1)).unwrap();
                let first = $w!(events.next()).unwrap().unwrap();
                assert_eq!(first.kind.name(), "desired_changed");
                // Without a ledger, what is not read in time is lost, and said to be.
                for count in [5, 0, 4] {
                    $w!(fleet.ensure(count)).unwrap();
                    $w!(fleet.wait_until_settled(PATIENCE)).unwrap();
                }
                $w!(fleet.shutdown()).unwrap();
                let missed = $w!(events.next()).unwrap().unwrap_err().missed;
                assert!(missed > 10, "{missed}");
                let mut last = first.id.0 + missed;
                let mut rest = 0;
                while let Some(told) = $w!(events.next()) {
                    let event = told.unwrap();
                    assert_eq!(event.id.0, last + 1);
                    (last, rest) = (event.id.0, rest + 1);
                }
                assert_eq!(rest, 4);
            });
        }

        #[cfg(feature = "sqlite")]
        #[test]
        fn with_a_ledger_a_reader_misses_nothing_and_goes_on_after_a_restart() {
            $run!({
                let cloud = cloud();
                let directory = tempfile::tempdir().unwrap();
                let ledger = || dynservers::Sqlite::at(directory.path().join("fleet.db"));
                let fleet = $w!(plain(&cloud).store(ledger()).max_events(2).start()).unwrap();
                let mut events = fleet.events();
                for count in [5, 0, 3] {
                    $w!(fleet.ensure(count)).unwrap();
                    $w!(fleet.wait_until_settled(PATIENCE)).unwrap();
                }
                let mut read = Vec::new();
                while read.len() < 20 {
                    read.push($w!(events.next()).unwrap().unwrap().id.0);
                }
                assert_eq!(read, (1..=20).collect::<Vec<u64>>());
                $w!(fleet.shutdown()).unwrap();
                let locked = $w!(plain(&cloud).store(ledger()).build()).unwrap();
                let refused = $w!(plain(&cloud).store(ledger()).build()).unwrap_err();
                assert!(matches!(refused, BuildError::Store(_)), "{refused}");
                drop(locked);

                let fleet = $w!(plain(&cloud).store(ledger()).start()).unwrap();
                $w!(fleet.wait_until_settled(PATIENCE)).unwrap();
                assert_eq!($w!(fleet.provisioned_count()).unwrap(), 3, "the desired number is remembered");
                let mut events = fleet.events_after(dynservers::EventId(20));
                $w!(fleet.ensure(0)).unwrap();
                let mut next = 21;
                loop {
                    let event = $w!(events.next()).unwrap().unwrap();
                    assert_eq!(event.id.0, next);
                    next += 1;
                    if event.kind.name() == "desired_changed" && event.id.0 > 30 {
                        break;
                    }
                }
                $w!(fleet.shutdown()).unwrap();
            });
        }

        #[test]
        fn a_cursor_of_another_log_is_no_reason_to_be_silent() {
            $run!({
                let cloud = cloud();
                let fleet = $w!(plain(&cloud).start()).unwrap();
                let mut events = fleet.events_after(dynservers::EventId(1_000_000));
                $w!(fleet.ensure(1)).unwrap();
                assert_eq!($w!(events.next()).unwrap().unwrap().kind.name(), "desired_changed");
                $w!(fleet.shutdown()).unwrap();
            });
        }

        #[test]
        fn a_listener_that_panics_hears_the_next_event() {
            $run!({
                let (cloud, heard) = (cloud(), Heard::default());
                let mut listener = heard.listener();
                let fleet = plain(&cloud).on_event(move |event| {
                    listener(event);
                    assert!(event.id.0 != 1, "a secret");
                });
                let fleet = $w!(fleet.start()).unwrap();
                $w!(fleet.ensure(1)).unwrap();
                $w!(fleet.wait_until_settled(PATIENCE)).unwrap();
                $w!(fleet.shutdown()).unwrap();
                eventually("it hears on", || heard.has("running"));
            });
        }

        #[test]
        fn dropping_the_last_handle_changes_nothing() {
            $run!({
                let cloud = cloud();
                let (let_go, end) = (Arc::new(AtomicU32::new(1)), Arc::new(AtomicU32::new(0)));
                let (wanted, ended) = (Arc::clone(&let_go), Arc::clone(&end));
                let fleet = plain(&cloud)
                    .determine_every(Duration::from_millis(5))
                    .determine_server_count(determine!(fleet, [wanted, ended], {
                        $w!(fleet.ensure(wanted.load(Ordering::SeqCst)))?;
                        if wanted.load(Ordering::SeqCst) == 0 && $w!(fleet.provisioned_count())? == 0 {
                            ended.store(1, Ordering::SeqCst);
                        }
                        Ok::<(), CommandError>(())
                    }));
                drop($w!(fleet.start()).unwrap());
                eventually("it makes one", || cloud.made() == 1);
                let_go.store(0, Ordering::SeqCst);
                eventually("it lets it go", || cloud.servers().is_empty());
                eventually("and goes on", || end.load(Ordering::SeqCst) == 1);
            });
        }

        #[test]
        fn a_fleet_runs_once_and_one_that_never_ran_ends_too() {
            $run!({
                let cloud = cloud();
                let fleet = $w!(plain(&cloud).build()).unwrap();
                assert_eq!($w!(fleet.shutdown()), Ok(()));
                assert_eq!($w!(fleet.run()), Err(RunError::RunsAlready));
                assert_eq!($w!(fleet.wait_until_ended()), Ok(()));
                assert_eq!($w!(fleet.ensure(1)), Err(CommandError::Stopped(Stopped)));
                assert_eq!(cloud.calls("check") + cloud.calls("look"), 0, "nothing was asked");

                let fleet = $w!(plain(&cloud).start()).unwrap();
                $w!(fleet.ensure(0)).unwrap();
                assert_eq!($w!(fleet.run()), Err(RunError::RunsAlready));
                $w!(fleet.shutdown()).unwrap();
            });
        }

        #[test]
        fn mistakes_are_told_all_at_once_before_anything_is_begun() {
            $run!({
                let cloud = cloud();
                let fleet = Fleet::builder("No Name")
                    .provider("cloud", provider(&cloud))
                    .provider("cloud", provider(&cloud))
                    .server_type(server_type())
                    .server_type(server_type())
                    .server_type(ServerType::new("bare").drain(PATIENCE))
                    .determine_every(Duration::ZERO);
                let error = $w!(fleet.build()).unwrap_err();
                let BuildError::Invalid(mistakes) = &error else { panic!("{error}") };
                assert!(matches!(mistakes[0], Mistake::Name(_)), "{error}");
                let words: Vec<String> = mistakes[1..].iter().map(ToString::to_string).collect();
                assert_eq!(
                    words,
                    [
                        "there are two providers of the name cloud",
                        "there are two server types of the name default",
                        "server type bare has no template: say .template(..) or .template_with(..)",
                        "server type bare is to be drained: say how, with .workers(..)",
                        "determine_every must be at least 1ms, not 0ns",
                    ]
                );
                let nothing = $w!(Fleet::builder("workers").build()).unwrap_err();
                assert_eq!(
                    nothing.to_string(),
                    "the fleet has no provider: say .provider(name, ..)"
                );
                let elsewhere = builder(&cloud).server_type(server_type().provider("elsewhere").min(3).max(2));
                let error = $w!(elsewhere.build()).unwrap_err();
                assert_eq!(
                    error.to_string(),
                    "server type default is on provider elsewhere, which is not configured; \
                     server type default has min 3 above max 2"
                );
                assert_eq!(cloud.calls("check") + cloud.calls("look"), 0);
            });
        }

        #[test]
        fn names_and_templates_may_depend_on_the_server_and_fail() {
            $run!({
                let (cloud, heard) = (cloud(), Heard::default());
                let naming = |server: &NewServer<'_>| {
                    assert!(server.server_type().as_str() != "nameless", "a secret");
                    format!("{}-of-{}", server.id(), server.provider())
                };
                let template = |server: &NewServer<'_>| {
                    if server.server_type().as_str() == "bare" {
                        return Err("no disk for this one");
                    }
                    Ok(serde_json::json!({ "image": server.option("disk_image"), "name": server.default_name() }))
                };
                let provider = provider(&cloud).option("disk_image", "01-image");
                let mut fleet = Fleet::builder("workers")
                    .provider("cloud", provider)
                    .timing(timing())
                    .on_event(heard.listener())
                    .naming(naming);
                for name in ["nameless", "bare", "default"] {
                    fleet = fleet.server_type(ServerType::new(name).template_with(template));
                }
                let fleet = $w!(fleet.start()).unwrap();
                for name in ["nameless", "bare", "default"] {
                    $w!(fleet.of(name).ensure(1)).unwrap();
                }
                $w!(fleet.of("default").wait_until_settled(PATIENCE)).unwrap();
                let refused = || heard.names().into_iter().filter(|name| *name == "create_refused").count();
                eventually("both others are told of", || refused() == 2);
                let servers = cloud.servers();
                let [server] = &servers[..] else { panic!("{servers:?}") };
                let id = server.name.strip_suffix("-of-cloud").unwrap();
                let default_name = format!("dynamic-server-default-{id}");
                assert_eq!(server.spec, serde_json::json!({ "image": "01-image", "name": default_name }));
                let told = format!("{:?}", heard.in_order());
                assert!(told.contains("no disk for this one") && !told.contains("a secret"), "{told}");
                $w!(fleet.shutdown()).unwrap();
            });
        }

        /// Notes what passes, and stands in for some of it.
        struct Noting(&'static str, Arc<Mutex<Vec<String>>>);

        impl Wrap for Noting {
            fn before(&self, effect: &Effect) -> Option<Completion> {
                if effect.op.name() != "create" {
                    return None;
                }
                let mut notes = self.1.lock().unwrap();
                notes.push(format!("{} before", self.0));
                let refuse = self.0 == "outer" && notes.len() == 1;
                refuse.then(|| Outcome::Unsent(Failure::new("not today")).into())
            }

            fn after(&self, effect: &Effect, completion: Completion) -> Completion {
                if effect.op.name() == "create" {
                    self.1.lock().unwrap().push(format!("{} after {}", self.0, completion.outcome.name()));
                }
                completion
            }
        }

        #[test]
        fn effects_are_wrapped_before_after_and_instead_and_wrappers_compose() {
            $run!({
                let (cloud, notes) = (cloud(), Arc::new(Mutex::new(Vec::new())));
                let provider = provider(&cloud)
                    .wrap(Noting("inner", Arc::clone(&notes)))
                    .wrap(Noting("outer", Arc::clone(&notes)));
                let fleet = Fleet::builder("workers").provider("cloud", provider).timing(timing());
                let fleet = $w!(fleet.server_type(server_type()).start()).unwrap();
                $w!(fleet.ensure(1)).unwrap();
                $w!(fleet.wait_until_settled(PATIENCE)).unwrap();
                assert_eq!(
                    *notes.lock().unwrap(),
                    [
                        "outer before",
                        "outer after unsent",
                        "outer before",
                        "inner before",
                        "inner after created",
                        "outer after created"
                    ]
                );
                assert_eq!(cloud.calls("create"), 1, "what was done instead did not reach the cloud");
                $w!(fleet.shutdown()).unwrap();
            });
        }

        /// Workers that finish when they are let go; the one of server 2 has least to lose.
        #[derive(Default)]
        struct Crew {
            may_go: Mutex<bool>,
            drained: Mutex<Vec<String>>,
        }

        impl Workers for Crew {
            fn score(&self, server: &Subject) -> Result<Option<u64>, dynservers::BoxError> {
                Ok(Some(if server.name.ends_with('2') { 0 } else { 10 }))
            }

            fn drain(&self, server: &Subject, _: Time) -> Result<Drained, dynservers::BoxError> {
                self.drained.lock().unwrap().push(server.name.clone());
                Ok(if *self.may_go.lock().unwrap() { Drained::Yes } else { Drained::NotYet })
            }
        }

        #[test]
        fn who_has_least_to_lose_goes_first_and_finishes_before_that() {
            $run!({
                let (cloud, crew) = (cloud(), Arc::new(Crew::default()));
                let drained = server_type().drain(PATIENCE).drain_interval(Duration::from_millis(5));
                let fleet = builder(&cloud).workers(Arc::clone(&crew)).server_type(drained);
                let fleet = $w!(fleet.start()).unwrap();
                $w!(fleet.ensure(3)).unwrap();
                $w!(fleet.wait_until_settled(PATIENCE)).unwrap();
                $w!(fleet.ensure(2)).unwrap();
                eventually("it is asked again and again", || crew.drained.lock().unwrap().len() > 3);
                assert_eq!(cloud.calls("stop"), 0, "a worker that is busy is not stopped");
                *crew.may_go.lock().unwrap() = true;
                $w!(fleet.wait_until_settled(PATIENCE)).unwrap();
                assert!(crew.drained.lock().unwrap().iter().all(|name| name == "dynamic-server-default-2"));
                let left: Vec<u64> = $w!(fleet.servers())
                    .unwrap()
                    .iter()
                    .filter(|server| server.status() == Status::Running)
                    .map(|server| server.id().0)
                    .collect();
                assert_eq!(left, [1, 3]);
                $w!(fleet.shutdown()).unwrap();
            });
        }

        #[test]
        fn a_naming_may_be_a_type_of_its_own() {
            struct AsItIs;
            impl Naming for AsItIs {}
            $run!({
                let cloud = cloud();
                let fleet = $w!(plain(&cloud).naming(AsItIs).start()).unwrap();
                $w!(fleet.ensure(1)).unwrap();
                eventually("it has a name", || {
                    cloud.servers().first().is_some_and(|server| server.name == "dynamic-server-default-1")
                });
                $w!(fleet.shutdown()).unwrap();
            });
        }
    };
}

pub(crate) use scenarios;
