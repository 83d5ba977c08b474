//! Work that a web address tells, and an address that is slow, wrong or dead: whoever is at work stays.

use std::time::Duration;

use dynservers_tests::{Answered, Fleet, Receiver, Request, eventually};

fn fleet(receiver: &Receiver) -> Fleet {
    let mut fleet = Fleet::local(&format!(
        r#"
max = 8
demand_interval = "100ms"
policy = {{ jobs_per_server = 2, scale_in_after = "0s", hold = "1h" }}
sources = [{{ kind = "http", url = "{}/stats", pointer = "/queue/waiting", in_flight = "/queue/taken", timeout = "300ms" }}]
"#,
        receiver.url()
    ));
    fleet.start();
    fleet
}

fn work(waiting: u32, taken: u32) -> impl Fn(&Request) -> Answered {
    move |_| {
        (200, format!("{{\"queue\": {{\"waiting\": {waiting}, \"taken\": \"{taken}\"}}, \"other\": 99}}"))
    }
}

/// Waits until it was asked a few times more.
fn asked_again(receiver: &Receiver) {
    let enough = receiver.requests().len() + 4;
    eventually("the source is asked again", || (receiver.requests().len() >= enough).then_some(()));
}

#[test]
fn what_waits_and_what_is_in_hand_counts() {
    let receiver = Receiver::start(work(3, 0));
    let fleet = fleet(&receiver);
    fleet.settles_at(2);
    receiver.answer(work(3, 5));
    fleet.settles_at(4);
    receiver.answer(work(0, 1));
    fleet.settles_at(1);
    receiver.answer(work(0, 0));
    fleet.vanishes();
    assert!(receiver.requests().iter().all(|request| request.method == "GET" && request.path == "/stats"));
}

#[test]
fn an_address_that_is_slow_wrong_or_dead_lets_nobody_go() {
    let receiver = Receiver::start(work(4, 0));
    let mut fleet = fleet(&receiver);
    fleet.settles_at(2);
    let begun = fleet.at_work(2);
    let told = |words: &str| {
        eventually(&format!("it is told: {words}"), || fleet.log().contains(words).then_some(()));
        asked_again(&receiver);
        assert_eq!((fleet.at_work(2), fleet.events("stopping")), (begun.clone(), 0), "{words}");
    };
    // Slow is what it is meant to be; nothing waits for this.
    receiver.answer(|_| {
        std::thread::sleep(Duration::from_millis(600));
        (200, "{\"queue\": {\"waiting\": 0, \"taken\": 0}}".to_owned())
    });
    told("did not answer within 300ms");
    receiver.answer(|_| (500, "down for repair".to_owned()));
    told("500");
    receiver.answer(|_| (200, "<html>0</html>".to_owned()));
    told("<html>");
    receiver.answer(|_| (200, "{\"queue\": {}}".to_owned()));
    told("/queue/waiting");
    receiver.answer(|_| (200, "{\"queue\": {\"waiting\": -1, \"taken\": 0}}".to_owned()));
    asked_again(&receiver);
    receiver.answer(|_| (0, String::new()));
    asked_again(&receiver);
    fleet.kill();
    fleet.start();
    asked_again(&receiver);
    assert_eq!((fleet.at_work(2), fleet.events("stopping")), (begun, 0));
    assert!(fleet.events("demand_unknown") >= 1);
    receiver.answer(work(6, 0));
    fleet.settles_at(3);
    assert!(fleet.events("demand_known") >= 1);
    receiver.answer(work(0, 0));
    fleet.vanishes();
}
