//! Scenarios: types whose number of servers follows from the work, told by hand or counted by sources.

/// Makes the scenarios of one colour in which the number follows from the work; to be put behind those of `calls`.
macro_rules! demands {
    ($run:ident, $w:ident) => {
        use dynservers::Signal;
        use scenarios::policy;

        fn jobs(waiting: u64) -> Signal {
            Signal { waiting, ..Signal::default() }
        }

        #[test]
        fn work_that_is_told_by_hand_makes_servers_come_and_go() {
            $run!({
                let (cloud, heard) = (cloud(), Heard::default());
                let fleet = builder(&cloud)
                    .on_event(heard.listener())
                    .server_type(server_type().policy(policy()))
                    .server_type(ServerType::new("plain").template(serde_json::json!({})));
                let fleet = $w!(fleet.start()).unwrap();
                $w!(fleet.measured(jobs(25))).unwrap();
                eventually("three are made", || cloud.servers().len() == 3);
                $w!(fleet.of("default").unmeasured("the queue is down")).unwrap();
                eventually("the event", || heard.has("demand_unknown"));
                assert_eq!(cloud.servers().len(), 3, "unknown is never zero");
                $w!(fleet.of("default").measured(jobs(1))).unwrap();
                eventually("two go", || cloud.servers().len() == 1);
                $w!(fleet.of("default").measured(Signal::default())).unwrap();
                eventually("the last one goes", || cloud.servers().is_empty());
                $w!(fleet.unmeasured("again")).unwrap();

                let follows = $w!(fleet.ensure(1)).unwrap_err();
                assert!(matches!(follows, CommandError::FollowsWork { .. }), "{follows}");
                assert_eq!(
                    follows.to_string(),
                    "the number of default servers follows from the work, by the policy of the type: tell how much \
                     work there is, with .measured(..) or a source, or leave out .policy(..)"
                );
                let plain = $w!(fleet.of("plain").measured(jobs(1))).unwrap_err();
                assert!(matches!(plain, CommandError::NoPolicy { .. }), "{plain}");
                let unknown = $w!(fleet.of("none").measured(jobs(1))).unwrap_err();
                assert_eq!(unknown.to_string(), "there is no server type none; there are: default, plain");
                assert!(matches!($w!(fleet.of("No Name").unmeasured("x")), Err(CommandError::Name(_))));
                assert!(matches!($w!(fleet.of("No Name").decisions(1)), Err(CommandError::Name(_))));
                assert!(matches!($w!(fleet.of("none").decisions(1)), Err(CommandError::Refused(_))));
                assert_eq!($w!(fleet.decisions(9)), Ok(Vec::new()), "without a ledger none is kept");
                $w!(fleet.shutdown()).unwrap();
                assert_eq!($w!(fleet.measured(jobs(1))), Err(CommandError::Stopped(Stopped)));
                assert_eq!($w!(fleet.decisions(1)), Err(CommandError::Stopped(Stopped)));
            });
        }

        #[cfg(feature = "sqlite")]
        #[test]
        fn decisions_say_what_was_known_and_what_changed_the_number() {
            use dynservers::{ClampKind, Told, Trigger};

            $run!({
                let (cloud, directory) = (cloud(), tempfile::tempdir().unwrap());
                let fleet = builder(&cloud)
                    .store(dynservers::Sqlite::at(directory.path().join("fleet.db")))
                    .server_type(server_type().max(2).policy(policy()))
                    .server_type(ServerType::new("other").template(serde_json::json!({})).policy(policy()));
                let fleet = $w!(fleet.start()).unwrap();
                $w!(fleet.measured(jobs(25))).unwrap();
                eventually("two are made", || cloud.servers().len() == 2);
                let decisions = $w!(fleet.decisions(10)).unwrap();
                assert_eq!($w!(fleet.of("other").decisions(10)), Ok(Vec::new()));
                let decided = decisions.iter().find(|decision| decision.trigger == Trigger::Measured).unwrap();
                assert_eq!((decided.server_type.as_str(), decided.desired), ("default", Some(2)));
                let judgement = decided.judgement.as_ref().unwrap();
                assert_eq!((judgement.raw, judgement.signal), (3, jobs(25)));
                assert_eq!(judgement.bound().unwrap().kind, ClampKind::Maximum);
                assert_eq!(judgement.readings[0].source, "program");
                assert_eq!(judgement.readings[0].told, Told::Known(jobs(25)));
                assert_eq!($w!(fleet.of("default").decisions(1)).unwrap().len(), 1);
                $w!(fleet.shutdown()).unwrap();
            });
        }

        /// Told when it is dropped.
        #[cfg(feature = "demand")]
        struct Guard(Arc<AtomicU64>);

        #[cfg(feature = "demand")]
        impl Drop for Guard {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }

        #[cfg(feature = "demand")]
        #[test]
        fn a_source_makes_servers_come_and_go_and_one_that_fails_keeps_them() {
            $run!({
                const FAILS: u64 = u64::MAX;
                const PANICS: u64 = u64::MAX - 1;
                let (cloud, heard) = (cloud(), Heard::default());
                let (work, asked, gone) = (Arc::new(AtomicU64::new(25)), Arc::new(AtomicU64::new(0)), Arc::default());
                let (says, counts, guard) = (Arc::clone(&work), Arc::clone(&asked), Guard(Arc::clone(&gone)));
                let source = move || {
                    let _ = &guard;
                    counts.fetch_add(1, Ordering::SeqCst);
                    match says.load(Ordering::SeqCst) {
                        FAILS => Err(dynservers::demand::Unknown::new("the queue is down")),
                        PANICS => panic!("a secret"),
                        waiting => Ok(jobs(waiting)),
                    }
                };
                let fleet = builder(&cloud)
                    .on_event(heard.listener())
                    .determine_every(Duration::from_millis(5))
                    .server_type(server_type().policy(policy()).source("table", source));
                let fleet = $w!(fleet.build()).unwrap();
                assert_eq!(asked.load(Ordering::SeqCst), 0, "nobody is asked before the loop runs");
                let running = fleet.clone();
                let running = std::thread::spawn(move || $run!({ $w!(running.run()) }));
                eventually("three are made", || cloud.servers().len() == 3);
                for (episode, trouble) in [(1, FAILS), (2, PANICS)] {
                    work.store(trouble, Ordering::SeqCst);
                    let told = || heard.names().into_iter().filter(|name| *name == "demand_unknown").count();
                    eventually("it is told", || told() == episode);
                    let enough = asked.load(Ordering::SeqCst) + 5;
                    eventually("it is asked again", || asked.load(Ordering::SeqCst) >= enough);
                    assert_eq!(cloud.servers().len(), 3, "unknown is never zero");
                    work.store(25, Ordering::SeqCst);
                    let known = || heard.names().into_iter().filter(|name| *name == "demand_known").count();
                    eventually("it is known again", || known() == episode);
                }
                let told = format!("{:?}", heard.in_order());
                assert!(told.contains("table: the queue is down") && told.contains("table: it panicked"), "{told}");
                assert!(!told.contains("a secret"), "{told}");
                work.store(0, Ordering::SeqCst);
                eventually("they go", || cloud.servers().is_empty());
                $w!(fleet.shutdown()).unwrap();
                running.join().unwrap().unwrap();
                eventually("the source is let go", || gone.load(Ordering::SeqCst) == 1);
            });
        }

        #[cfg(feature = "demand")]
        #[test]
        fn sources_are_let_go_at_the_end_of_a_loop_at_once_and_of_a_fleet_that_never_ran() {
            $run!({
                let (cloud, asked, gone) = (cloud(), Arc::new(AtomicU64::new(0)), Arc::default());
                let with_source = || {
                    let (counts, guard) = (Arc::clone(&asked), Guard(Arc::clone(&gone)));
                    let source = move || {
                        let _ = &guard;
                        counts.fetch_add(1, Ordering::SeqCst);
                        Ok(jobs(0))
                    };
                    // It waits for the next hour.
                    let fleet = builder(&cloud).determine_every(Duration::from_secs(3_600));
                    fleet.server_type(server_type().policy(policy()).source("table", source))
                };
                let fleet = $w!(with_source().start()).unwrap();
                eventually("it is asked", || asked.load(Ordering::SeqCst) == 1);
                $w!(fleet.shutdown()).unwrap();
                eventually("it is let go", || gone.load(Ordering::SeqCst) == 1);
                drop($w!(with_source().build()).unwrap());
                assert_eq!(gone.load(Ordering::SeqCst), 2, "a fleet that never ran ends with its last handle");
                let fleet = $w!(with_source().build()).unwrap();
                $w!(fleet.shutdown()).unwrap();
                assert_eq!(gone.load(Ordering::SeqCst), 3);
                assert_eq!(asked.load(Ordering::SeqCst), 1);
            });
        }

        #[cfg(feature = "demand")]
        #[test]
        fn sources_without_a_policy_and_too_many_are_mistakes() {
            $run!({
                let (cloud, most) = (cloud(), dynservers::demand::MOST_SOURCES);
                let many = |name: &str, count: usize| {
                    let server_type = ServerType::new(name).template(serde_json::json!({}));
                    (0..count).fold(server_type, |server_type, _| server_type.source("table", || Ok(jobs(0))))
                };
                let fleet = builder(&cloud)
                    .server_type(many("bare", 1))
                    .server_type(many("most", most).policy(policy()))
                    .server_type(many("many", most + 1).policy(policy()).provider("No Name"))
                    .server_type(server_type().policy(policy()));
                let error = $w!(fleet.build()).unwrap_err();
                let BuildError::Invalid(mistakes) = &error else { panic!("{error}") };
                let words: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
                let bare = "server type bare has sources or a calendar, and no policy that goes by them: say .policy(..)";
                assert!(words.iter().any(|word| word == bare), "{words:?}");
                let many = format!("server type many has {} sources, and there can be {most}", most + 1);
                assert!(words.contains(&many), "{words:?}");
                assert!(matches!(mistakes[1], Mistake::Name(_)) && mistakes.len() == 3, "{words:?}");
            });
        }

        #[cfg(feature = "calendar")]
        #[test]
        fn a_window_asks_for_more_than_the_work_does() {
            use dynservers::demand::calendar::Slot;

            $run!({
                let cloud = cloud();
                let always = |bounds| {
                    let day = Duration::from_secs(26 * 3_600);
                    Slot::new("always", "0 0 * * *", "UTC", day, bounds).unwrap()
                };
                let counted = ServerType::new("counted").template(serde_json::json!({}));
                let counted = counted.policy(policy()).slot(always((Some(2), None))).source("table", || Ok(jobs(0)));
                let told = server_type().policy(policy()).slot(always((None, Some(1))));
                let fleet = $w!(builder(&cloud).server_type(counted).server_type(told).start()).unwrap();
                $w!(fleet.measured(jobs(100))).unwrap();
                let names = || cloud.servers().into_iter().map(|server| server.name);
                let of = |name: &str| names().filter(|server| server.contains(name)).count();
                eventually("the floor", || of("counted") == 2);
                eventually("the ceiling", || of("default") == 1);
                $w!(fleet.wait_until_settled(PATIENCE)).unwrap();
                assert_eq!((of("counted"), of("default")), (2, 1));
                $w!(fleet.shutdown()).unwrap();
            });
        }
    };
}

pub(crate) use demands;
