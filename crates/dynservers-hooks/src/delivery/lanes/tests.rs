//! Tests of lanes: order, retries, bounds, and that nothing is lost over any restarts.

use dynservers_core::{ProviderName, ServerEvent, TypeName};
use proptest::prelude::*;

use super::*;

fn event(id: u64, server: Option<u64>) -> Event {
    let kind = match server {
        Some(server) => EventKind::Running(ServerEvent {
            server: ServerId(server),
            server_type: TypeName::new("web").unwrap(),
            name: "web-1".into(),
            provider_id: None,
            previous_status: None,
            why: None,
            failure: None,
        }),
        None => EventKind::Resumed { provider: ProviderName::new("cloud").unwrap() },
    };
    Event { id: EventId(id), at: Time::from_millis(id), kind }
}

fn retry() -> Result<(), Undelivered> {
    Err(Undelivered::Retry(Failure::new("not now")))
}

fn lanes(limits: Limits) -> Lanes {
    Lanes::new(EventId(0), Filter::default(), limits)
}

fn polled(lanes: &mut Lanes, now: Time) -> Vec<u64> {
    std::iter::from_fn(|| lanes.poll_delivery(now)).map(|delivery| delivery.event.id.0).collect()
}

#[test]
fn a_server_waits_for_its_own_events_and_for_no_others() {
    let mut lanes = lanes(Limits::default());
    for (id, server) in [(1, Some(7)), (2, Some(7)), (3, None), (4, Some(8)), (5, None)] {
        lanes.handle_event(event(id, server));
    }
    assert_eq!(polled(&mut lanes, Time::ZERO), [1, 3, 4]);
    lanes.handle_done(EventId(3), Ok(()), Time::ZERO);
    assert_eq!((polled(&mut lanes, Time::ZERO), lanes.cursor()), (vec![5], EventId(0)));
    lanes.handle_done(EventId(1), Ok(()), Time::ZERO);
    assert_eq!((polled(&mut lanes, Time::ZERO), lanes.cursor()), (vec![2], EventId(1)));
    for id in [2, 4, 5] {
        lanes.handle_done(EventId(id), Ok(()), Time::ZERO);
    }
    assert_eq!((lanes.cursor(), lanes.under_way(), lanes.poll_timeout()), (EventId(5), 0, None));
}

#[test]
fn what_fails_is_tried_at_doubling_distances_and_given_up_in_the_end() {
    let mut lanes = lanes(Limits { give_up_after: Duration::from_secs(1000), ..Limits::default() });
    lanes.handle_event(event(1, Some(7)));
    lanes.handle_event(event(2, Some(7)));
    let (mut now, mut waits) = (Time::ZERO, Vec::new());
    let dropped = loop {
        assert_eq!(polled(&mut lanes, now), [1]);
        lanes.handle_done(EventId(1), retry(), now);
        if let Some(dropped) = lanes.poll_dropped() {
            break dropped;
        }
        let next = lanes.poll_timeout().unwrap();
        waits.push(next.since(now).as_secs());
        lanes.handle_timeout(next.saturating_sub(Duration::from_millis(1)));
        assert_eq!(polled(&mut lanes, now), [0; 0], "not before its time");
        now = next;
        lanes.handle_timeout(now);
    };
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    assert_eq!((dropped.event.id, dropped.attempts, lanes.cursor()), (EventId(1), 12, EventId(1)));
    assert_eq!(polled(&mut lanes, now), [2]);
}

#[test]
fn what_is_refused_is_given_up_at_once() {
    let mut lanes = lanes(Limits::default());
    lanes.handle_event(event(1, None));
    assert_eq!(polled(&mut lanes, Time::ZERO), [1]);
    lanes.handle_done(EventId(1), Err(Undelivered::Refused(Failure::new("gone"))), Time::ZERO);
    assert_eq!(lanes.poll_dropped().unwrap().failure.message, "gone");
    assert_eq!((lanes.poll_dropped(), lanes.cursor()), (None, EventId(1)));
}

#[test]
fn what_is_not_wanted_moves_the_cursor_alone() {
    let filter = Filter::new(["resumed".to_owned()].into());
    let mut lanes = Lanes::new(EventId(10), filter, Limits::default());
    for id in [9, 10, 11] {
        lanes.handle_event(event(id, Some(7)));
    }
    assert_eq!((polled(&mut lanes, Time::ZERO), lanes.cursor()), (vec![], EventId(11)));
    lanes.handle_event(event(12, None));
    assert_eq!((polled(&mut lanes, Time::ZERO), lanes.cursor()), (vec![12], EventId(11)));
}

#[test]
fn concurrency_and_window_bound_it() {
    let mut lanes = lanes(Limits { concurrency: 2, window: 3, ..Limits::default() });
    for id in 1..=3 {
        lanes.handle_event(event(id, Some(id)));
    }
    assert_eq!((polled(&mut lanes, Time::ZERO), lanes.room()), (vec![1, 2], 0));
    lanes.handle_done(EventId(2), Ok(()), Time::ZERO);
    assert_eq!((polled(&mut lanes, Time::ZERO), lanes.room()), (vec![3], 1));
}

#[derive(Clone, Debug)]
enum Step {
    Deliver,
    End { which: usize, good: bool },
    Wait,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Deliver),
        4 => (any::<usize>(), any::<bool>()).prop_map(|(which, good)| Step::End { which, good }),
        2 => Just(Step::Wait),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #[test]
    fn every_event_arrives_and_each_server_s_in_order(
        servers in proptest::collection::vec(proptest::option::of(0_u64..4), 1..60),
        steps in proptest::collection::vec(step(), 0..300),
        concurrency in 1_usize..5,
        window in 1_usize..20,
    ) {
        let limits = Limits { concurrency, window, give_up_after: Duration::from_secs(1_000_000_000) };
        let log: Vec<Event> = servers.iter().zip(1..).map(|(server, id)| event(id, *server)).collect();
        let mut lanes = lanes(limits);
        let mut now = Time::ZERO;
        let mut under_way: Vec<Arc<Event>> = Vec::new();
        let mut delivered = BTreeSet::new();
        // After the random part everything succeeds, and everything must be delivered.
        let calm = std::iter::repeat_with(|| [Step::Deliver, Step::End { which: 0, good: true }, Step::Wait]);
        for step in steps.into_iter().chain(calm.take(3 * log.len() + 10).flatten()) {
            let from = lanes.taken().0 as usize;
            for event in log[from..].iter().take(lanes.room()) {
                lanes.handle_event(event.clone());
            }
            prop_assert!(lanes.held.len() <= window);
            match step {
                Step::Deliver => {
                    if let Some(delivery) = lanes.poll_delivery(now) {
                        for before in &log[..delivery.event.id.0 as usize - 1] {
                            let same = lane(&before.kind) == lane(&delivery.event.kind);
                            prop_assert!(!same || delivered.contains(&before.id), "begun before its turn");
                        }
                        under_way.push(delivery.event);
                        prop_assert!(under_way.len() <= concurrency);
                    }
                }
                Step::End { which, good } if !under_way.is_empty() => {
                    let event = under_way.swap_remove(which % under_way.len());
                    if good {
                        delivered.insert(event.id);
                    }
                    lanes.handle_done(event.id, if good { Ok(()) } else { retry() }, now);
                }
                Step::End { .. } => {}
                Step::Wait => {
                    now = lanes.poll_timeout().unwrap_or(now);
                    lanes.handle_timeout(now);
                }
                Step::Restart => {
                    lanes = Lanes::new(lanes.cursor(), Filter::default(), limits);
                    under_way.clear();
                }
            }
            let cursor = lanes.cursor();
            prop_assert!((1..=cursor.0).all(|id| delivered.contains(&EventId(id))), "the cursor skips an event");
        }
        prop_assert_eq!((delivered.len(), lanes.cursor()), (log.len(), EventId(log.len() as u64)));
    }
}
