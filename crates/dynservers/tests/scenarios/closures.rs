//! Scenarios: what a fleet calls of its host's, and what it tells: closures, readers, overriding.

/// Makes the scenarios of one colour in which it calls and tells; to be put behind those of `calls`.
macro_rules! closures {
    ($run:ident, $w:ident) => {
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

        /// Never comes back, until the test lets it.
        struct Hung(AtomicU64, Mutex<mpsc::Receiver<()>>);

        impl dynservers::core::Executor for Hung {
            fn execute(&self, _: &Effect) -> Completion {
                self.0.fetch_add(1, Ordering::SeqCst);
                let _ = self.1.lock().unwrap().recv();
                Outcome::Lost(Failure::new("at last")).into()
            }
        }

        #[test]
        fn an_executor_that_does_not_come_back_keeps_few_threads_and_nobody_else() {
            $run!({
                let (let_go, held) = mpsc::channel();
                let hung = Arc::new(Hung(AtomicU64::new(0), Mutex::new(held)));
                let provider = dynservers::Provider::executor(Arc::clone(&hung))
                    .request_timeout(Duration::from_millis(5))
                    .concurrency(3);
                let fleet = Fleet::builder("workers").provider("cloud", provider).timing(timing());
                let fleet = $w!(fleet.server_type(server_type()).start()).unwrap();
                let told = |view: &dynservers::FleetView| format!("{:?}", view.providers);
                while !told(&$w!(fleet.view()).unwrap()).contains("3 calls of the executor have not come back") {
                    std::thread::sleep(Duration::from_millis(2));
                }
                assert_eq!(hung.0.load(Ordering::SeqCst), 3);
                $w!(fleet.ensure(1)).unwrap();
                assert_eq!($w!(fleet.shutdown()), Ok(()));
                assert_eq!(hung.0.load(Ordering::SeqCst), 3);
                drop(let_go);
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
                assert_eq!($w!(fleet.run()), Ok(()), "it has ended, and well");
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
                self.drained.lock().unwrap().push(server.name.to_string());
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

pub(crate) use closures;
