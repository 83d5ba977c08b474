//! The clairvoyant bound: what somebody would pay who knew everything before, as a measure for everybody else.

use super::trace::Trace;

/// What a trace costs at the least.
///
/// It is a bound and no policy: who knows all jobs before, has servers that are up at once, and may move a job from one to
/// another at any time, needs this much. Nobody can need less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The work itself, in whole units, in milliseconds: nobody who does all of it can pay for less, however long jobs wait.
    pub least_paid: u64,
    /// What must be paid for such that no job ever waits, in milliseconds: the fewest units that cover, at every moment, as many
    /// servers as there are jobs then.
    pub no_wait_paid: u64,
}

impl Bound {
    /// Finds the bound of a trace by units of so many milliseconds, with so many jobs at once on a server.
    #[must_use]
    pub fn of(trace: &Trace, unit: u64, jobs_at_once: u32) -> Self {
        let (unit, jobs_at_once) = (unit.max(1), u64::from(jobs_at_once.max(1)));
        let least = trace.work().div_ceil(jobs_at_once).div_ceil(unit);
        Self { least_paid: least * unit, no_wait_paid: no_wait(trace, unit, jobs_at_once) * unit }
    }
}

/// Gives the fewest units that cover the jobs in hand at every moment, if each is begun as it comes.
///
/// From left to right a unit is opened when it must be, and no sooner: any other cover can be pushed to the right into this
/// one without a unit more.
fn no_wait(trace: &Trace, unit: u64, jobs_at_once: u64) -> u64 {
    // At the same moment what ends comes first: its server is free.
    let mut moments: Vec<(u64, i64)> = Vec::with_capacity(trace.jobs().len() * 2);
    for job in trace.jobs().iter().filter(|job| job.service > 0) {
        moments.push((job.arrival, 1));
        moments.push((job.arrival.saturating_add(job.service), -1));
    }
    moments.sort_unstable();
    let mut open: std::collections::VecDeque<u64> = std::collections::VecDeque::new();
    let (mut in_hand, mut units) = (0_i64, 0);
    let mut next = 0;
    // Units that end while they are needed are opened again, so that their ends are moments too.
    while next < moments.len() || (in_hand > 0 && !open.is_empty()) {
        let at = moments.get(next).map_or(u64::MAX, |moment| moment.0);
        let ends = open.front().copied().unwrap_or(u64::MAX);
        let now = at.min(ends);
        if now == u64::MAX {
            break;
        }
        while open.front().is_some_and(|end| *end <= now) {
            open.pop_front();
        }
        while let Some((_, change)) = moments.get(next).filter(|moment| moment.0 == now) {
            in_hand += change;
            next += 1;
        }
        let needed = in_hand.unsigned_abs().div_ceil(jobs_at_once);
        while (open.len() as u64) < needed {
            open.push_back(now.saturating_add(unit));
            units += 1;
        }
    }
    units
}

#[cfg(test)]
mod tests {
    use super::super::trace::Job;
    use super::*;

    fn bound(jobs: &[(u64, u64)], jobs_at_once: u32) -> (u64, u64) {
        let jobs = jobs.iter().map(|(arrival, service)| Job { arrival: *arrival, service: *service });
        let bound = Bound::of(&Trace::new("test", jobs.collect(), 0), 60, jobs_at_once);
        (bound.least_paid / 60, bound.no_wait_paid / 60)
    }

    #[test]
    fn units_cover_what_is_in_hand() {
        assert_eq!(bound(&[], 1), (0, 0));
        assert_eq!(bound(&[(0, 10), (20, 10), (40, 10)], 1), (1, 1));
        assert_eq!(bound(&[(0, 10), (5, 10), (40, 10)], 1), (1, 2), "two at once");
        assert_eq!(bound(&[(0, 10), (5, 10), (40, 10)], 2), (1, 1));
        assert_eq!(bound(&[(0, 10), (10, 10)], 1), (1, 1), "one after the other");
        assert_eq!(bound(&[(0, 130)], 1), (3, 3), "a job is longer than a unit");
        assert_eq!(bound(&[(0, 1), (100, 1)], 1), (1, 2), "nobody pays for what is between them");
    }
}
