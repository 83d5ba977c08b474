//! Traces that are made up by a rule: whole numbers and a seed, so that everybody gets the same ones.

use std::fmt;
use std::str::FromStr;

use fastrand::Rng;
use thiserror::Error;

use super::{JOBS_MOST, Job, LONGEST, Trace, units};

/// How the rate at which jobs come changes with time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A job each so many seconds, one as long as the other.
    Steady,
    /// A steady rate, and chance.
    Poisson,
    /// Low by night and high by day.
    Daily,
    /// Little, and every few hours many at once.
    Burst,
    /// More and more, and then little again.
    Ramp,
    /// Little, and once suddenly very much, which ebbs away.
    Flash,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Steady, Self::Poisson, Self::Daily, Self::Burst, Self::Ramp, Self::Flash];

    /// Gives its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Poisson => "poisson",
            Self::Daily => "daily",
            Self::Burst => "burst",
            Self::Ramp => "ramp",
            Self::Flash => "flash",
        }
    }
}

/// A rule by which a trace is made up: `KIND[:key=value,...]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generator {
    /// How the rate changes.
    pub kind: Kind,
    /// The lower rate, in jobs an hour.
    pub rate: u64,
    /// The higher rate, in jobs an hour; of bursts, the jobs of one.
    pub peak: u64,
    /// How long a server takes for a job, in milliseconds.
    pub service: u64,
    /// By how many percent at most a job takes more or less.
    pub spread: u64,
    /// How long the trace is, in milliseconds.
    pub length: u64,
    /// From one day or burst to the next, in milliseconds.
    pub every: u64,
}

/// Why a text is no rule.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// There is no such kind.
    #[error("there is no kind {0:?} of trace; there are: steady, poisson, daily, burst, ramp, flash")]
    Kind(String),
    /// There is no such key.
    #[error("there is no key {0:?}; there are: rate, peak, service, spread, length, every")]
    Key(String),
    /// A value is none.
    #[error("{key} = {value:?} is not {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// What is there.
        value: String,
        /// What should be.
        expected: &'static str,
    },
    /// There are too many jobs.
    #[error("that makes more than {JOBS_MOST} jobs")]
    TooMany,
}

const SECOND: u64 = 1_000;
const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;
/// The jobs of a burst come within this.
const BURST: u64 = 60;
/// A crowd is there within this, and halves in each [`EBB`].
const ONSET: u64 = 60;
const EBB: u64 = 900;

impl Generator {
    /// Gives the rule of a kind with what it has by default.
    #[must_use]
    pub const fn of(kind: Kind) -> Self {
        let (rate, peak, spread, every) = match kind {
            Kind::Steady => (600, 0, 0, DAY),
            Kind::Poisson => (600, 0, 50, DAY),
            Kind::Daily => (120, 1_800, 50, DAY),
            Kind::Burst => (60, 300, 50, 3 * HOUR),
            Kind::Ramp => (60, 1_800, 50, DAY),
            Kind::Flash => (120, 3_600, 50, DAY),
        };
        Self { kind, rate, peak, service: 60_000, spread, length: DAY, every }
    }

    /// Makes the trace. Equal seeds give equal traces.
    pub fn trace(&self, seed: u64) -> Result<Trace, GenerateError> {
        let mut random = Rng::with_seed(seed);
        let mut jobs = Vec::new();
        // What is still to come before the next job is there: a whole one is a million times the seconds of an hour.
        let mut left = self.gap(&mut random);
        let mut second = 0;
        while second * SECOND < self.length {
            let coming = self.rate_at(second).saturating_mul(MILLION);
            let mut used = 0;
            while left <= coming - used {
                used += left;
                let arrival = second * SECOND + used.saturating_mul(SECOND - 1) / coming.max(1);
                jobs.push(Job { arrival, service: self.service(&mut random) });
                left = self.gap(&mut random);
                if jobs.len() > JOBS_MOST {
                    return Err(GenerateError::TooMany);
                }
            }
            left -= coming - used;
            second += 1;
        }
        Ok(Trace::new(self.to_string(), jobs, self.length))
    }

    /// Gives how many jobs an hour come in a second.
    fn rate_at(&self, second: u64) -> u64 {
        let (at, length) = (second * SECOND, self.length.max(1));
        let more = self.peak.saturating_sub(self.rate);
        match self.kind {
            Kind::Steady | Kind::Poisson => self.rate,
            Kind::Daily => {
                let part = (at % self.every.max(1)).saturating_mul(MILLION) / self.every.max(1);
                let sine = sine(part);
                self.rate + scaled(more, sine * sine / MILLION)
            }
            Kind::Burst => {
                let since = at % self.every.max(1) / SECOND;
                // The first comes after a while, so that there is a before to each of them.
                let begins = self.every / SECOND / 2;
                let is_burst = (begins..begins + BURST).contains(&since);
                if is_burst { self.rate + self.peak * 3_600 / BURST } else { self.rate }
            }
            Kind::Ramp => {
                let top = length / 4 * 3;
                if at < top {
                    self.rate + scaled(more, at.saturating_mul(MILLION) / top.max(1))
                } else {
                    self.rate
                }
            }
            Kind::Flash => {
                let Some(since) = second.checked_sub(length / 3 / SECOND) else { return self.rate };
                let Some(ebbing) = since.checked_sub(ONSET) else {
                    return self.rate + more * since / ONSET;
                };
                let halves = u32::try_from(ebbing / EBB).unwrap_or(u32::MAX);
                let top = more.checked_shr(halves).unwrap_or(0);
                self.rate + top - top / 2 * (ebbing % EBB) / EBB
            }
        }
    }

    fn gap(&self, random: &mut Rng) -> u64 {
        3_600 * if self.kind == Kind::Steady { MILLION } else { exponential(random) }
    }

    fn service(&self, random: &mut Rng) -> u64 {
        let width = scaled(self.service, self.spread.min(100) * MILLION / 100);
        self.service - width + if width == 0 { 0 } else { random.u64(0..=2 * width) }
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), GenerateError> {
        let number = |key, expected| {
            let number = value.parse::<u64>().ok().filter(|number| *number <= 1_000_000_000);
            number.ok_or_else(|| GenerateError::Value { key, value: value.to_owned(), expected })
        };
        let time = |key| {
            let time = units::duration(value).filter(|time| (1..=LONGEST).contains(time));
            let expected = "a duration such as 30s, 10m or 2h, up to 400d";
            time.ok_or_else(|| GenerateError::Value { key, value: value.to_owned(), expected })
        };
        match key {
            "rate" => self.rate = number("rate", "a number of jobs an hour")?,
            "peak" => self.peak = number("peak", "a number of jobs an hour, or in a burst")?,
            "spread" => {
                self.spread = number("spread", "a number of percent from 0 to 100")?.min(100);
            }
            "service" => self.service = time("service")?,
            "length" => self.length = time("length")?,
            "every" => self.every = time("every")?,
            other => return Err(GenerateError::Key(other.to_owned())),
        }
        Ok(())
    }
}

impl FromStr for Generator {
    type Err = GenerateError;

    fn from_str(text: &str) -> Result<Self, GenerateError> {
        let (kind, keys) = text.split_once(':').unwrap_or((text, ""));
        let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind);
        let kind =
            kind.ok_or_else(|| GenerateError::Kind(text.split(':').next().unwrap_or("").to_owned()))?;
        let mut generator = Self::of(kind);
        for pair in keys.split(',').filter(|pair| !pair.trim().is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            generator.set(key.trim(), value.trim())?;
        }
        Ok(generator)
    }
}

/// Writes the kind, and what is not as it is by default.
impl fmt::Display for Generator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = Self::of(self.kind);
        let text = units::duration_as_text;
        let keys = [
            ("rate", self.rate.to_string(), default.rate.to_string()),
            ("peak", self.peak.to_string(), default.peak.to_string()),
            ("service", text(self.service), text(default.service)),
            ("spread", self.spread.to_string(), default.spread.to_string()),
            ("length", text(self.length), text(default.length)),
            ("every", text(self.every), text(default.every)),
        ];
        formatter.write_str(self.kind.as_str())?;
        let mut between = ":";
        for (key, value, _) in keys.iter().filter(|(_, value, default)| value != default) {
            write!(formatter, "{between}{key}={value}")?;
            between = ",";
        }
        Ok(())
    }
}

const MILLION: u64 = 1_000_000;

/// Gives so many millionths of a number.
fn scaled(number: u64, millionths: u64) -> u64 {
    number.saturating_mul(millionths) / MILLION
}

/// Gives the sine of a part of half a turn, all in millionths, by Bhaskara's formula: at most two thousandths off.
const fn sine(part: u64) -> u64 {
    let product = part * (MILLION - part) / MILLION;
    16 * product * MILLION / (5 * MILLION - 4 * product)
}

/// Draws from the exponential distribution with mean one, in millionths, as John von Neumann did it: by comparisons alone, so
/// that no platform's logarithm counts. See "Various techniques used in connection with random digits", 1951.
fn exponential(random: &mut Rng) -> u64 {
    let mut whole = 0;
    loop {
        let first = random.u32(..);
        let (mut last, mut falls) = (first, 1_u32);
        loop {
            let next = random.u32(..);
            if next >= last {
                break;
            }
            (last, falls) = (next, falls + 1);
        }
        if falls % 2 == 1 {
            return (whole + ((u64::from(first) * MILLION) >> 32)).max(1);
        }
        whole += MILLION;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_traces_and_others_do_not() {
        for kind in Kind::ALL {
            let generator = Generator::of(kind);
            let trace = generator.trace(1).unwrap();
            assert_eq!(trace, generator.trace(1).unwrap(), "{generator}");
            assert!(kind == Kind::Steady || trace != generator.trace(2).unwrap(), "{generator}");
            assert!(trace.jobs().len() > 1_000 && trace.length() == DAY, "{generator}");
        }
    }

    #[test]
    fn as_many_come_as_the_rate_says() {
        let steady = Generator::of(Kind::Steady).trace(7).unwrap();
        assert_eq!(steady.jobs().len(), 14_400);
        assert!(
            steady
                .jobs()
                .windows(2)
                .all(|pair| (5_990..=6_010).contains(&(pair[1].arrival - pair[0].arrival)))
        );
        let poisson = Generator::of(Kind::Poisson).trace(7).unwrap();
        // Four standard deviations.
        assert!(poisson.jobs().len().abs_diff(14_400) < 480, "{}", poisson.jobs().len());
        let mean = poisson.mean_service();
        assert!((59_000..61_000).contains(&mean), "{mean}");
    }

    #[test]
    fn chance_is_spread_as_it_should_be() {
        let mut random = Rng::with_seed(3);
        let draws: Vec<u64> = (0..100_000).map(|_| exponential(&mut random)).collect();
        let mean = draws.iter().sum::<u64>() / 100_000;
        assert!((985_000..1_015_000).contains(&mean), "{mean}");
        // e to the power of minus two is 0.1353.
        let long = draws.iter().filter(|draw| **draw > 2 * MILLION).count();
        assert!((13_000..14_100).contains(&long), "{long}");
    }

    #[test]
    fn a_rule_is_read_as_it_is_written() {
        let text = "burst:rate=10,peak=50,service=30s,spread=0,length=6h,every=2h";
        let generator: Generator = text.parse().unwrap();
        assert_eq!(generator.to_string(), text);
        assert_eq!(generator.trace(1).unwrap().name, text);
        assert_eq!("daily".parse::<Generator>().unwrap(), Generator::of(Kind::Daily));
        let told = |text: &str| text.parse::<Generator>().unwrap_err().to_string();
        assert!(told("wild:rate=1").starts_with("there is no kind \"wild\" of trace"));
        assert!(told("daily:speed=1").starts_with("there is no key \"speed\""));
        assert_eq!(told("daily:rate=fast"), "rate = \"fast\" is not a number of jobs an hour");
        assert!(told("daily:length=1w").starts_with("length = \"1w\" is not a duration"));
        let many: Generator = "steady:rate=1000000000".parse().unwrap();
        assert_eq!(many.trace(1), Err(GenerateError::TooMany));
    }
}
