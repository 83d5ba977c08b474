//! Scenarios: those who read events, slowly, late or without rest.

/// Makes the scenarios of one colour about those who read events; to be put behind those of `calls`.
macro_rules! readers {
    ($run:ident, $w:ident) => {
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

        #[cfg(feature = "sqlite")]
        #[test]
        fn a_reader_whom_the_end_cuts_off_is_told_what_it_missed() {
            $run!({
                let cloud = cloud();
                let directory = tempfile::tempdir().unwrap();
                let ledger = dynservers::Sqlite::at(directory.path().join("fleet.db"));
                let fleet = $w!(plain(&cloud).store(ledger).max_events(1).start()).unwrap();
                let mut all = 0;
                // More than a reader takes at a time.
                while all < 300 {
                    for count in [5, 0] {
                        $w!(fleet.ensure(count)).unwrap();
                        $w!(fleet.wait_until_settled(PATIENCE)).unwrap();
                    }
                    all += 32;
                }
                let mut events = fleet.events_after(dynservers::EventId(0));
                assert_eq!($w!(events.next()).unwrap().unwrap().id.0, 1);
                let mut late = fleet.events_after(dynservers::EventId(0));
                $w!(fleet.shutdown()).unwrap();
                let missed = $w!(late.next()).unwrap().unwrap_err().missed;
                assert!(missed >= 299, "one that had not begun to read is told too: {missed}");
                let (mut heard, mut missed) = (1, 0);
                while let Some(told) = $w!(events.next()) {
                    match told {
                        Ok(event) => heard = event.id.0,
                        Err(lagged) => missed += lagged.missed,
                    }
                }
                assert!(missed > 0 && heard + missed >= 300, "{heard} heard, {missed} missed");
            });
        }

        #[test]
        fn readers_who_never_rest_keep_no_fleet_from_its_end() {
            $run!({
                let cloud = cloud();
                let fleet = $w!(plain(&cloud).start()).unwrap();
                $w!(fleet.ensure(1)).unwrap();
                let readers: Vec<_> = (0..8)
                    .map(|_| {
                        let fleet = fleet.clone();
                        std::thread::spawn(move || {
                            $run!({
                                let mut reads = 0_u64;
                                while matches!(
                                    $w!(fleet.events_after(dynservers::EventId(0)).next()),
                                    Some(Ok(_))
                                ) {
                                    reads += 1;
                                }
                                reads
                            })
                        })
                    })
                    .collect();
                $w!(fleet.wait_until_settled(PATIENCE)).unwrap();
                $w!(fleet.shutdown()).unwrap();
                for reader in readers {
                    reader.join().unwrap();
                }
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
    };
}

pub(crate) use readers;
