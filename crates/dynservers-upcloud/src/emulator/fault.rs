//! Which fault befalls a call: counted and drawn, the same for the same seed and the same calls.

use http::header::{CONTENT_TYPE, HeaderValue, SERVER};
use http::{Response, StatusCode};

use super::random::Random;
use super::route::Call;
use super::settings::{Fault, FaultRule, Throttle};

/// How far the rules have come.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    progress: Vec<Progress>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    seen: u64,
    fired: u64,
}

impl Faults {
    /// Starts counting anew, as the rules are other ones.
    pub(super) fn reset(&mut self) {
        self.progress.clear();
    }

    /// Counts a call and gives what befalls it. Every rule counts, though only the first that fires has its way.
    pub(super) fn befall(&mut self, call: Call, rules: &[FaultRule], random: &mut Random) -> Option<Fault> {
        self.progress.resize(rules.len(), Progress::default());
        let mut befallen = None;
        for (rule, progress) in rules.iter().zip(&mut self.progress) {
            if rule.on.is_some_and(|on| on != call) {
                continue;
            }
            progress.seen += 1;
            let due = rule.every > 0 && progress.seen.is_multiple_of(u64::from(rule.every));
            let left = rule.times.is_none_or(|times| progress.fired < times);
            if due && left && random.fraction() < rule.chance && befallen.is_none() {
                progress.fired += 1;
                befallen = Some(rule.fault);
            }
        }
        befallen
    }
}

/// Whether a call that meets the fault is processed.
pub(super) const fn is_processed(fault: Fault) -> bool {
    match fault {
        Fault::Lost | Fault::Cut | Fault::Hang | Fault::Garbage | Fault::ErrorAfter => true,
        Fault::Refused
        | Fault::ErrorBefore
        | Fault::Unauthorized
        | Fault::HtmlNotFound
        | Fault::EmptyBody
        | Fault::EmptyList => false,
    }
}

/// Makes an answer that is no JSON, or JSON that says nothing.
pub(super) fn bare(status: StatusCode, content_type: &'static str, body: &str) -> Response<Vec<u8>> {
    let mut response = Response::new(body.as_bytes().to_vec());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(SERVER, HeaderValue::from_static("Apache"));
    response
}

/// A bucket that fills at the rate of the throttle and from which each request takes one.
#[derive(Clone, Debug, Default)]
pub(super) struct Bucket {
    taken: f64,
    since_millis: u64,
}

impl Bucket {
    /// Takes one, if there is one.
    pub(super) fn take(&mut self, throttle: &Throttle, now_millis: u64) -> bool {
        let passed = now_millis.saturating_sub(self.since_millis) as f64 / 1_000.0;
        self.since_millis = now_millis;
        self.taken = (self.taken - passed * throttle.per_second).max(0.0);
        let allowed = self.taken + 1.0 <= throttle.per_second.max(1.0);
        if allowed {
            self.taken += 1.0;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_count_their_own_calls_and_the_first_wins() {
        let rules = [
            FaultRule::every(3, Call::Create, Fault::Lost),
            FaultRule { on: None, times: Some(1), ..FaultRule::every(2, Call::List, Fault::Cut) },
        ];
        let mut faults = Faults::default();
        let mut random = Random::new(1);
        let mut befall = |call| faults.befall(call, &rules, &mut random);
        assert_eq!(befall(Call::Create), None);
        assert_eq!(befall(Call::Create), Some(Fault::Cut), "the second of all calls");
        assert_eq!(befall(Call::List), None);
        assert_eq!(befall(Call::List), None, "once is enough");
        assert_eq!(befall(Call::Create), Some(Fault::Lost), "the third create");
    }

    #[test]
    fn chances_are_the_same_for_the_same_seed() {
        let rules = [FaultRule { chance: 0.2, ..FaultRule::every(1, Call::Create, Fault::Lost) }];
        let run = |seed| {
            let (mut faults, mut random) = (Faults::default(), Random::new(seed));
            let drawn = (0..1_000).map(|_| faults.befall(Call::Create, &rules, &mut random).is_some());
            drawn.collect::<Vec<_>>()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        let hit = run(1).into_iter().filter(|hit| *hit).count();
        assert!((150..250).contains(&hit), "{hit}");
    }

    #[test]
    fn the_bucket_lets_a_burst_through_and_then_the_rate() {
        let throttle = Throttle { per_second: 15.0, retry_after: None };
        let mut bucket = Bucket::default();
        let burst = (0..100).filter(|_| bucket.take(&throttle, 5_000)).count();
        assert_eq!(burst, 15);
        let steady = (0..1_000).filter(|step| bucket.take(&throttle, 5_000 + step * 10)).count();
        assert!((149..=150).contains(&steady), "{steady}");
        let slow = Throttle { per_second: 0.25, retry_after: None };
        let mut bucket = Bucket::default();
        assert!(bucket.take(&slow, 0));
        assert!(!bucket.take(&slow, 3_900));
        assert!(bucket.take(&slow, 4_000));
    }
}
