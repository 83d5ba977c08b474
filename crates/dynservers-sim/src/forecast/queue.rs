//! The queue of a forecast: jobs that wait, in the order in which they came, and the servers that have some in hand.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::time::Duration;

use dynservers_core::Signal;

use super::trace::Job;

/// The jobs of a trace and what becomes of them.
#[derive(Debug)]
pub(super) struct Queue<'a> {
    jobs: &'a [Job],
    /// How many have come.
    come: usize,
    waiting: VecDeque<usize>,
    jobs_at_once: usize,
    workers: BTreeMap<u64, Worker>,
    /// Those that take a job.
    free: BTreeSet<u64>,
    /// When which server is done with which job. Of a server that is gone it means nothing.
    ends: BinaryHeap<Reverse<(u64, u64, usize)>>,
    in_hand: u64,
    /// How long each job waited before it was begun, for those that are done or in hand.
    pub(super) waits: Vec<Option<u64>>,
    pub(super) done: u64,
    pub(super) killed: u64,
}

#[derive(Debug, Default)]
struct Worker {
    in_hand: Vec<usize>,
    is_draining: bool,
}

impl<'a> Queue<'a> {
    pub(super) fn new(jobs: &'a [Job], jobs_at_once: u32) -> Self {
        Self {
            jobs,
            come: 0,
            waiting: VecDeque::new(),
            jobs_at_once: jobs_at_once.max(1) as usize,
            workers: BTreeMap::new(),
            free: BTreeSet::new(),
            ends: BinaryHeap::new(),
            in_hand: 0,
            waits: vec![None; jobs.len()],
            done: 0,
            killed: 0,
        }
    }

    /// Gives the next moment at which a job comes or is done, if there is any.
    pub(super) fn next(&self) -> Option<u64> {
        let comes = self.jobs.get(self.come).map(|job| job.arrival);
        let ends = self.ends.peek().map(|Reverse((at, ..))| *at);
        comes.into_iter().chain(ends).min()
    }

    /// Lets what is due by now come and end, and has whoever is free begin what waits.
    pub(super) fn advance(&mut self, now: u64) {
        while let Some(Reverse((_, server, job))) =
            self.ends.peek().copied().filter(|Reverse(end)| end.0 <= now)
        {
            self.ends.pop();
            let Some(worker) = self.workers.get_mut(&server) else { continue };
            let Some(place) = worker.in_hand.iter().position(|held| *held == job) else { continue };
            worker.in_hand.swap_remove(place);
            self.in_hand -= 1;
            self.done += 1;
            if !worker.is_draining {
                self.free.insert(server);
            }
        }
        while self.jobs.get(self.come).is_some_and(|job| job.arrival <= now) {
            self.waiting.push_back(self.come);
            self.come += 1;
        }
        while let (Some(job), Some(server)) = (self.waiting.front().copied(), self.free.first().copied()) {
            let Some(worker) = self.workers.get_mut(&server) else {
                self.free.remove(&server);
                continue;
            };
            self.waiting.pop_front();
            worker.in_hand.push(job);
            if worker.in_hand.len() >= self.jobs_at_once {
                self.free.remove(&server);
            }
            self.in_hand += 1;
            self.waits[job] = Some(now - self.jobs[job].arrival);
            self.ends.push(Reverse((now + self.jobs[job].service, server, job)));
        }
    }

    /// A server is up and takes jobs.
    pub(super) fn join(&mut self, server: u64) {
        self.workers.entry(server).or_default();
        self.free.insert(server);
    }

    /// A server goes down: what it has in hand has to be done again by another, before what came later.
    pub(super) fn leave(&mut self, server: u64) {
        self.free.remove(&server);
        let Some(mut worker) = self.workers.remove(&server) else { return };
        worker.in_hand.sort_unstable();
        for job in worker.in_hand.into_iter().rev() {
            self.killed += 1;
            self.in_hand -= 1;
            self.waits[job] = None;
            let place = self.waiting.partition_point(|waiting| *waiting < job);
            self.waiting.insert(place, job);
        }
    }

    /// A server is to take no more jobs. Gives how many it has in hand.
    pub(super) fn drain(&mut self, server: u64) -> usize {
        self.free.remove(&server);
        let Some(worker) = self.workers.get_mut(&server) else { return 0 };
        worker.is_draining = true;
        worker.in_hand.len()
    }

    /// A server takes jobs again.
    pub(super) fn undrain(&mut self, server: u64) {
        let Some(worker) = self.workers.get_mut(&server) else { return };
        worker.is_draining = false;
        if worker.in_hand.len() < self.jobs_at_once {
            self.free.insert(server);
        }
    }

    /// Gives how many jobs a server has in hand.
    pub(super) fn in_hand_of(&self, server: u64) -> usize {
        self.workers.get(&server).map_or(0, |worker| worker.in_hand.len())
    }

    /// Gives how many servers are up.
    pub(super) fn servers(&self) -> u32 {
        u32::try_from(self.workers.len()).unwrap_or(u32::MAX)
    }

    /// Gives what a source would tell now.
    pub(super) fn signal(&self, now: u64) -> Signal {
        let oldest = self.waiting.front().map(|job| now - self.jobs[*job].arrival);
        Signal {
            waiting: self.waiting.len() as u64,
            in_flight: self.in_hand,
            oldest_wait: oldest.map(Duration::from_millis),
        }
    }

    /// Whether every job has come and is done.
    pub(super) fn is_over(&self) -> bool {
        self.done == self.jobs.len() as u64
    }

    /// Gives how long each job waited, those that wait still included.
    pub(super) fn waited(&self, now: u64) -> Vec<u64> {
        let jobs = self.jobs.iter().zip(&self.waits).filter(|(job, _)| job.arrival <= now);
        let mut waits: Vec<u64> = jobs.map(|(job, wait)| wait.unwrap_or(now - job.arrival)).collect();
        waits.sort_unstable();
        waits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs(pairs: &[(u64, u64)]) -> Vec<Job> {
        pairs.iter().map(|(arrival, service)| Job { arrival: *arrival, service: *service }).collect()
    }

    #[test]
    fn who_came_first_is_served_first_by_as_many_as_there_are() {
        let jobs = jobs(&[(0, 10), (1, 10), (2, 10)]);
        let mut queue = Queue::new(&jobs, 1);
        queue.advance(5);
        assert_eq!(
            queue.signal(5),
            Signal { waiting: 3, in_flight: 0, oldest_wait: Some(Duration::from_millis(5)) }
        );
        queue.join(1);
        queue.join(2);
        queue.advance(5);
        assert_eq!((queue.signal(5).waiting, queue.signal(5).in_flight, queue.next()), (1, 2, Some(15)));
        queue.advance(15);
        queue.advance(25);
        assert!(queue.is_over());
        assert_eq!(queue.waited(25), [4, 5, 13]);
    }

    #[test]
    fn who_goes_kills_and_who_drains_does_not() {
        let jobs = jobs(&[(0, 10), (0, 10), (3, 10)]);
        let mut queue = Queue::new(&jobs, 2);
        queue.join(1);
        queue.advance(0);
        assert_eq!((queue.in_hand_of(1), queue.drain(1)), (2, 2));
        queue.advance(3);
        assert_eq!(queue.signal(3).waiting, 1, "who drains takes nothing");
        queue.leave(1);
        assert_eq!((queue.killed, queue.signal(3).waiting), (2, 3));
        queue.join(2);
        queue.advance(4);
        assert_eq!(queue.signal(4).in_flight, 2, "the first two again");
        assert_eq!(queue.drain(2), 2);
        queue.advance(14);
        queue.undrain(2);
        queue.advance(14);
        queue.advance(24);
        assert!(queue.is_over() && queue.waited(24) == [4, 4, 11]);
    }
}
