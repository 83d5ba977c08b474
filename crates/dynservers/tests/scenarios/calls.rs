//! Scenarios: what a fleet is told and asked, and what it does.

/// Makes the scenarios of one colour in which it is called. `run` brings a scenario to its end, and `w` a call.
macro_rules! calls {
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
                let shown = format!("{fleet:?} {running:?} {:?}", $w!(fleet.servers()).unwrap());
                assert!(!shown.contains("01-image"), "an option may be a secret: {shown}");
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
                let mut events = fleet.events();
                assert!($w!(events.next()).is_none() && $w!(events.next()).is_none());
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
                assert_eq!(heard.names().last(), Some(&"deleted"), "a shutdown waits for those who listen");
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
        fn defect_03_ten_threads_that_ensure_at_once_get_one_fleet() {
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
    };
}

pub(crate) use calls;
