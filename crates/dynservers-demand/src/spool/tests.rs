//! Tests of the spool: the protocol, races, and what dies in the middle.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::*;

fn spool() -> (tempfile::TempDir, Spool) {
    let directory = tempfile::tempdir().unwrap();
    let spool = Spool::create(directory.path().join("spool")).unwrap();
    (directory, spool)
}

fn counts(spool: &Spool) -> (u64, u64) {
    let signal = spool.measure().unwrap();
    (signal.waiting, signal.in_flight)
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_job_goes_its_way_and_is_counted_on_it() {
    let (_directory, spool) = spool();
    assert_eq!((counts(&spool), spool.measure().unwrap().oldest_wait), ((0, 0), None));
    spool.submit("b", b"two").unwrap();
    spool.submit("a", b"one").unwrap();
    assert!(counts(&spool) == (2, 0) && spool.measure().unwrap().oldest_wait.is_some());
    let claim = spool.claim("w").unwrap().unwrap();
    assert_eq!((claim.name(), fs::read(claim.path()).unwrap()), ("a", b"one".to_vec()));
    assert_eq!(counts(&spool), (1, 1));
    claim.give_back().unwrap();
    assert_eq!(counts(&spool), (2, 0));
    spool.claim("w").unwrap().unwrap().finish(b"done").unwrap();
    spool.claim("w").unwrap().unwrap().fail("no good").unwrap();
    assert_eq!((counts(&spool), spool.claim("w").unwrap().is_none()), ((0, 0), true));
    assert_eq!(fs::read(spool.result_path("a")).unwrap(), b"done");
    assert_eq!(names(&spool.failed()), ["b", "b.reason"]);
    assert_eq!(names(&spool.done()), ["a"]);
}

#[test]
fn the_oldest_wait_is_that_of_the_oldest_file() {
    let (_directory, spool) = spool();
    spool.submit("a", b"").unwrap();
    spool.submit("b", b"").unwrap();
    let file = File::options().write(true).open(spool.new_jobs().join("b")).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
    assert!(spool.measure().unwrap().oldest_wait.unwrap() >= Duration::from_secs(3600));
}

#[test]
fn a_missing_directory_is_unknown_and_not_empty() {
    let (_directory, spool) = spool();
    fs::remove_dir(spool.claimed()).unwrap();
    assert!(spool.measure().is_err());
    let nowhere = Spool::open("/no/such/spool").measure().unwrap_err();
    assert!(nowhere.reason.contains("/no/such/spool cannot be read"), "{nowhere}");
}

#[test]
fn what_is_being_written_is_no_job() {
    let (_directory, spool) = spool();
    for name in [".a", "b.tmp"] {
        fs::write(spool.new_jobs().join(name), "").unwrap();
    }
    fs::create_dir(spool.new_jobs().join("directory")).unwrap();
    assert_eq!((counts(&spool), spool.claim("w").unwrap().is_none()), ((0, 0), true));
}

#[test]
fn a_name_is_never_used_twice_and_never_leads_elsewhere() {
    let (_directory, spool) = spool();
    let taken = |name| spool.submit(name, b"x").unwrap_err().kind() == io::ErrorKind::AlreadyExists;
    spool.submit("a", b"one").unwrap();
    assert!(taken("a"));
    let claim = spool.claim("w").unwrap().unwrap();
    assert!(taken("a"));
    claim.finish(b"").unwrap();
    assert!(taken("a"));
    assert!(names(&spool.new_jobs()).is_empty(), "nothing half-written stays");
    for name in ["", ".", "..", ".a", "a/b", "../a", "a.tmp", "a.reason", "a\nb", &"a".repeat(201)] {
        assert_eq!(spool.submit(name, b"").unwrap_err().kind(), io::ErrorKind::InvalidInput, "{name:?}");
    }
    assert_eq!(spool.claim("../w").unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn the_jobs_of_the_dead_wait_again_unless_they_were_done() {
    let (_directory, spool) = spool();
    for name in ["a", "b", "c"] {
        spool.submit(name, b"").unwrap();
    }
    let finished = spool.claim("dead").unwrap().unwrap();
    // As if it had died between its result and the end of its claim.
    write_durably(&spool.done(), finished.name(), b"result").unwrap();
    let begun = spool.claim("dead").unwrap().unwrap();
    let alive = spool.claim("alive").unwrap().unwrap();
    let recovered = spool.recover(|worker| worker == "alive").unwrap();
    assert_eq!(recovered, Recovered { given_back: 1, ended: 1 });
    assert_eq!((counts(&spool), names(&spool.claimed())), ((1, 1), vec!["alive".to_owned()]));
    // It was not dead after all: the result is there, once, and whole.
    begun.finish(b"late").unwrap();
    spool.claim("other").unwrap().unwrap().finish(b"again").unwrap();
    alive.finish(b"").unwrap();
    assert_eq!((counts(&spool), names(&spool.done())), ((0, 0), vec!["a".into(), "b".into(), "c".into()]));
    assert_eq!(fs::read(spool.result_path("b")).unwrap(), b"again");
}

#[test]
fn racing_workers_that_die_and_are_recovered_do_every_job_and_lose_none() {
    const JOBS: usize = 120;
    let (_directory, spool) = spool();
    let claimed = Mutex::new(BTreeMap::<String, usize>::new());
    let abandoned = AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for job in 0..JOBS {
                spool.submit(&format!("job-{job:03}"), format!("{job}").as_bytes()).unwrap();
            }
        });
        for worker in 0..4 {
            let (spool, claimed, abandoned) = (&spool, &claimed, &abandoned);
            scope.spawn(move || {
                let mut turns = 0;
                for life in 0_u64.. {
                    if names(&spool.done()).iter().filter(|name| !name.starts_with('.')).count() == JOBS {
                        return;
                    }
                    let me = format!("{worker}-{life}");
                    while let Some(claim) = spool.claim(&me).unwrap() {
                        turns += 1;
                        *claimed.lock().unwrap().entry(claim.name().to_owned()).or_default() += 1;
                        if turns % 5 == 0 {
                            // It dies here, with a job in hand.
                            abandoned.fetch_add(1, Ordering::Relaxed);
                            break;
                        }
                        let result = fs::read(claim.path()).unwrap();
                        claim.finish(&result).unwrap();
                    }
                    spool.recover(|other| other != me).unwrap();
                }
            });
        }
    });
    let claims = claimed.into_inner().unwrap();
    let abandoned = abandoned.into_inner();
    assert!(abandoned > 0, "somebody died");
    assert_eq!(
        claims.values().sum::<usize>() as u64,
        JOBS as u64 + abandoned,
        "no job was claimed by two at once"
    );
    for job in 0..JOBS {
        assert_eq!(fs::read_to_string(spool.result_path(&format!("job-{job:03}"))).unwrap(), job.to_string());
    }
    assert_eq!((counts(&spool), names(&spool.done()).len()), ((0, 0), JOBS));
}

#[test]
fn processes_in_any_language_can_race_for_jobs_and_be_killed() {
    let (_directory, spool) = spool();
    for job in 0..20 {
        spool.submit(&format!("job-{job:02}"), b"x").unwrap();
    }
    // Claims like anybody's: a rename that succeeds.
    let script = "cd \"$1\"; mkdir -p claimed/$2; while :; do left=; for job in new/*; do [ -e \"$job\" ] || continue; left=1; \
                  mv \"$job\" claimed/$2/ 2>/dev/null || continue; name=${job#new/}; \
                  [ \"$name$2\" = job-07first ] && kill -9 $$; \
                  cp claimed/$2/$name done/.$name.$2.tmp && mv done/.$name.$2.tmp done/$name && rm claimed/$2/$name; done; \
                  [ -n \"$left\" ] || exit 0; done";
    let worker = |name: &str| {
        let root = spool.root().to_str().unwrap();
        std::process::Command::new("/bin/sh").args(["-c", script, "sh", root, name]).spawn().unwrap()
    };
    let mut first = worker("first");
    let mut second = worker("second");
    let died = !first.wait().unwrap().success();
    assert!(second.wait().unwrap().success());
    let recovered = spool.recover(|_| false).unwrap();
    assert_eq!(recovered.given_back, u64::from(died));
    assert!(worker("third").wait().unwrap().success());
    assert_eq!((counts(&spool), names(&spool.done()).len()), ((0, 0), 20));
}
