//! Living with the daemon: a configuration that is read again, a supervisor that is told, a run without a daemon.

use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::sync::{Arc, Mutex};

use dynservers_tests::{Cloud, Fleet, TIMING, Told, eventually};
use serde_json::json;

fn fleet(cloud: &Cloud, server_type: &str) -> Fleet {
    Fleet::configured("workers", cloud, TIMING, "", server_type)
}

#[test]
fn a_configuration_that_is_right_holds_from_the_signal_on() {
    let cloud = Cloud::with(100, &json!({}));
    let mut fleet = fleet(&cloud, "max = 1");
    fleet.start();
    fleet.reach(1);
    fleet.configure(&cloud, TIMING, "", "max = 3\nmin = 2");
    fleet.hang_up();
    fleet.settles_at(2);
    assert!(fleet.log().contains("holds from now on"));
    fleet.reach(3);
    assert_eq!(fleet.agrees(&cloud).deleted.len(), 0, "nobody is replaced");
}

#[test]
fn a_configuration_that_is_wrong_changes_nothing_and_says_why() {
    let cloud = Cloud::with(100, &json!({}));
    let mut fleet = fleet(&cloud, "max = 2");
    fleet.start();
    fleet.reach(1);
    for (text, words) in [
        ("max = \"many\"", "must be a whole number"),
        ("max = 2\ncolour = 1", "there is no such key"),
        ("max = 2\n[api]\nlisten = \"unix:elsewhere.sock\"", "api.listen changed"),
        ("max = 2\n[store]\nurl = \"sqlite:other.db\"", "store.url changed"),
    ] {
        fleet.configure(&cloud, TIMING, "", text);
        fleet.hang_up();
        eventually("it is refused", || fleet.log().contains(words).then_some(()));
        assert!(fleet.is_running());
    }
    assert!(!fleet.log().contains("holds from now on"));
    fleet.configure(&cloud, TIMING, "", "max = 2");
    fleet.reach(2);
}

#[test]
fn a_supervisor_hears_of_start_reload_and_end() {
    let cloud = Cloud::with(100, &json!({}));
    let mut fleet = fleet(&cloud, "max = 2");
    let path = fleet.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("the directory is ours");
    let heard = Arc::new(Mutex::new(String::new()));
    let ears = Arc::clone(&heard);
    std::thread::spawn(move || {
        let mut words = [0; 1024];
        while let Ok(length) = socket.recv(&mut words) {
            let mut heard = ears.lock().expect("nobody panics");
            heard.push_str(&String::from_utf8_lossy(&words[..length]));
        }
    });
    let heard = || heard.lock().expect("nobody panics").clone();
    let mut command = fleet.command();
    command.arg("run").env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000");
    fleet.start_as(&mut command);
    eventually("it says that it is ready", || {
        heard().contains("READY=1\nSTATUS=keeping fleet workers\n").then_some(())
    });
    eventually("the watchdog is fed", || (heard().matches("WATCHDOG=1").count() > 2).then_some(()));
    assert!(!heard().contains("RELOADING=1"));
    fleet.hang_up();
    eventually("it reloads, and is ready again", || {
        let heard = heard();
        let reload = heard.find("RELOADING=1\nMONOTONIC_USEC=")?;
        heard[reload..].contains("READY=1").then_some(())
    });
    assert!(fleet.stop().success());
    eventually("it says that it ends", || heard().contains("STOPPING=1").then_some(()));
}

#[test]
fn a_run_without_a_daemon_settles_and_ends() {
    let cloud = Cloud::with(100, &json!({}));
    let fleet = fleet(&cloud, "max = 5\nmin = 3");
    let told = fleet.must(&["run", "--once", "--max-wait", "60s"]);
    assert_eq!(told, "");
    assert_eq!(fleet.count("running"), 3);
    assert_eq!(fleet.agrees(&cloud).created.len(), 3);
    assert!(!fleet.path().join("dynservers.sock").exists(), "nobody listens");
    let told = fleet.tell(&["run", "--once", "--max-wait", "60s"]);
    assert_eq!((told.code, fleet.agrees(&cloud).created.len()), (Some(0), 3), "{told:?}");
}

#[test]
fn a_run_whose_time_is_over_says_so_and_the_next_goes_on() {
    let cloud = Cloud::with(1, &json!({}));
    let fleet = fleet(&cloud, "max = 5\nmin = 1");
    let told = fleet.tell(&["run", "--once", "--max-wait", "1s"]);
    assert_eq!(told.code, Some(4), "{told:?}");
    assert!(told.err.contains("not settled after 1s"), "{told:?}");
    assert!(cloud.report().created.len() <= 1);
}

#[test]
fn a_second_run_changes_nothing() {
    let cloud = Cloud::with(100, &json!({}));
    let mut fleet = fleet(&cloud, "max = 5");
    fleet.start();
    let told = fleet.tell(&["run", "--once"]);
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(told.err.contains("in use"), "{told:?}");
}

#[test]
fn what_would_not_work_is_found_before_anything_is_made() {
    let cloud = Cloud::with(100, &json!({"limits": {"cores": 4}}));
    let fleet = fleet(&cloud, "max = 4\nprice_per_hour = 0.00744");
    let told = fleet.tell(&["check", "--online"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(told.out.contains("0.00744 an hour, 0.02976 at max = 4"), "{}", told.out);
    fleet.configure(&cloud, TIMING, "", "max = 5");
    let told = fleet.tell(&["check", "--online", "--json"]);
    assert_eq!(told.code, Some(1), "{told:?}");
    let report: serde_json::Value = serde_json::from_str(&told.out).expect("it is JSON");
    let findings = report["findings"].as_array().expect("a list");
    let failed: Vec<_> = findings.iter().filter(|finding| finding["verdict"] == "fail").collect();
    assert!(failed.len() == 1 && failed[0]["what"] == "upcloud: cores", "{failed:?}");
    fleet.configure(&cloud, TIMING, "", "max = 4");
    let text = std::fs::read_to_string(fleet.config()).expect("it is there");
    for (from, to, words) in [
        ("de-fra1", "mars-1", "there is no zone mars-1"),
        ("1xCPU-1GB", "9xCPU-9GB", "there is no plan 9xCPU-9GB"),
        ("01d15ea5", "01d15ea6", "does not exist"),
    ] {
        std::fs::write(fleet.config(), text.replace(from, to)).expect("it is ours");
        let told = fleet.tell(&["check", "--online"]);
        assert!(told.code == Some(1) && told.out.contains(words), "{told:?}");
        assert_eq!(fleet.tell(&["check"]).code, Some(0), "only the provider knows");
    }
    assert_eq!(cloud.report().created.len(), 0);
    assert!(!fleet.path().join("dynservers.db").exists(), "nothing is written");
}

#[test]
fn what_init_writes_is_not_written_over() {
    let directory =
        tempfile::TempDir::with_prefix("dynservers-test-").expect("there is a temporary directory");
    let init = || {
        let mut command = Command::new(dynservers_tests::binary());
        Told::by(command.args(["init", "--provider", "upcloud", "--dir"]).arg(directory.path()))
    };
    let told = init();
    assert_eq!(told.code, Some(0), "{told:?}");
    let told = init();
    assert_eq!(told.code, Some(2), "{told:?}");
    assert!(told.err.contains("nothing was written"), "{told:?}");
}
