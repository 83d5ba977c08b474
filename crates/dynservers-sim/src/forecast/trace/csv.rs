//! Traces from files: lines of `time,arrivals,service`.

use jiff::Timestamp;
use thiserror::Error;

use super::{JOBS_MOST, Job, LONGEST, Trace, units};

/// Why a text is no trace.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TraceError {
    /// The first line does not name the columns.
    #[error("line 1: must name the columns time, arrivals and service, and names {found}")]
    Header {
        /// What it names.
        found: String,
    },
    /// A value is none.
    #[error("line {line}, column {column}: {value:?} is not {expected}")]
    Value {
        /// The line, from 1 on.
        line: u64,
        /// The column's name.
        column: &'static str,
        /// What is there.
        value: String,
        /// What should be.
        expected: &'static str,
    },
    /// A line is not of this form at all.
    #[error("line {line}: {reason}")]
    Line {
        /// The line, from 1 on.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A time is further from the first than any trace is long.
    #[error("line {line}: is more than 400 days after the beginning")]
    TooLong {
        /// The line, from 1 on.
        line: u64,
    },
    /// There are too many jobs.
    #[error("line {line}: there are more than {JOBS_MOST} jobs by then")]
    TooMany {
        /// The line, from 1 on.
        line: u64,
    },
    /// There are none.
    #[error("there is no job in it")]
    Empty,
}

const COLUMNS: [&str; 3] = ["time", "arrivals", "service"];
const TIME: &str =
    "seconds such as 90 or 0.5, or a moment such as 2026-03-01T08:00:00Z, as in the lines before";
const SERVICE: &str = "seconds such as 30 or 0.5, or a duration such as 30s or 2m";

impl Trace {
    /// Reads lines of `time,arrivals,service`: when, how many jobs come then, and how long a server takes for each.
    ///
    /// The first line names the columns, in any order. A time is in seconds from the beginning of the trace, or a moment by
    /// RFC 3339, of which the earliest is the beginning; a service is in seconds, or a duration such as `30s`.
    pub fn read_csv(name: &str, text: &str) -> Result<Self, TraceError> {
        let mut reader = ::csv::ReaderBuilder::new()
            .trim(::csv::Trim::All)
            .comment(Some(b'#'))
            .from_reader(text.as_bytes());
        let header = reader.headers().map_err(|error| of_line(1, &error))?.clone();
        let place = |column| header.iter().position(|name| name.eq_ignore_ascii_case(column));
        let [Some(time), Some(arrivals), Some(service)] = COLUMNS.map(place) else {
            let found: Vec<&str> = header.iter().collect();
            let found = if text.trim().is_empty() { "nothing".to_owned() } else { format!("{found:?}") };
            return Err(TraceError::Header { found });
        };
        let (mut rows, mut are_moments, mut count) = (Vec::new(), None, 0_usize);
        for record in reader.records() {
            let record =
                record.map_err(|error| of_line(error.position().map_or(0, ::csv::Position::line), &error))?;
            let line = record.position().map_or(0, ::csv::Position::line);
            let wrong = |column, at: usize, expected| TraceError::Value {
                line,
                column,
                value: record[at].to_owned(),
                expected,
            };
            let (at, is_moment) = moment(&record[time]).ok_or_else(|| wrong("time", time, TIME))?;
            if *are_moments.get_or_insert(is_moment) != is_moment {
                return Err(wrong("time", time, TIME));
            }
            let how_many = record[arrivals].parse::<usize>();
            let how_many =
                how_many.map_err(|_| wrong("arrivals", arrivals, "a number of jobs such as 0 or 12"))?;
            let each = &record[service];
            let each = units::seconds(each).or_else(|| units::duration(each)).filter(|each| *each <= LONGEST);
            let each = each.ok_or_else(|| wrong("service", service, SERVICE))?;
            count = count.saturating_add(how_many);
            if count > JOBS_MOST {
                return Err(TraceError::TooMany { line });
            }
            rows.push((at, how_many, each, line));
        }
        if count == 0 {
            return Err(TraceError::Empty);
        }
        let begins =
            if are_moments == Some(true) { rows.iter().map(|row| row.0).min().unwrap_or(0) } else { 0 };
        let late = rows.iter().find(|row| row.0 - begins > LONGEST);
        if let Some((.., line)) = late {
            return Err(TraceError::TooLong { line: *line });
        }
        let latest = rows.iter().map(|row| row.0).max().unwrap_or(0) - begins;
        let jobs = rows.iter().flat_map(|(at, how_many, service, _)| {
            std::iter::repeat_n(Job { arrival: at - begins, service: *service }, *how_many)
        });
        Ok(Self::new(name, jobs.collect(), latest))
    }
}

/// Reads a time, and whether it is a moment.
fn moment(text: &str) -> Option<(u64, bool)> {
    if let Some(millis) = units::seconds(text) {
        return Some((millis, false));
    }
    let moment: Timestamp = text.parse().ok()?;
    Some((u64::try_from(moment.as_millisecond()).ok()?, true))
}

fn of_line(line: u64, error: &::csv::Error) -> TraceError {
    let reason = match error.kind() {
        ::csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("has {len} values, and the first line names {expected_len}")
        }
        _ => error.to_string(),
    };
    TraceError::Line { line, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Trace, TraceError> {
        Trace::read_csv("test", text)
    }

    #[test]
    fn seconds_moments_and_durations_are_read() {
        let seconds = read("time,arrivals,service\n60,2,30\n0,1,1m\n120.5,0,0.25\n").unwrap();
        let jobs = [(0, 60_000), (60_000, 30_000), (60_000, 30_000)];
        assert_eq!(seconds.jobs(), jobs.map(|(arrival, service)| Job { arrival, service }));
        assert_eq!((seconds.length(), seconds.work(), seconds.mean_service()), (120_500, 120_000, 40_000));
        let text = "# a comment\nService, Time, Arrivals\n30s, 2026-03-01T08:00:00Z, 1\n30, 2026-03-01T09:01:00+01:00, 1\n";
        let moments = read(text).unwrap();
        let jobs = [(0, 30_000), (60_000, 30_000)];
        assert_eq!(moments.jobs(), jobs.map(|(arrival, service)| Job { arrival, service }));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let header = "time,arrivals,service\n";
        let told = |rows: &str| read(&format!("{header}{rows}")).unwrap_err().to_string();
        assert!(told("0,1,30\nsoon,1,30\n").starts_with("line 3, column time: \"soon\" is not seconds"));
        assert!(told("0,1.5,30\n").starts_with("line 2, column arrivals: \"1.5\" is not a number of jobs"));
        assert!(told("0,1,long\n").starts_with("line 2, column service: \"long\" is not seconds"));
        assert!(told("0,1,3\n2026-03-01T08:00:00Z,1,3\n").starts_with("line 3, column time"));
        assert_eq!(told("0,1\n"), "line 2: has 2 values, and the first line names 3");
        assert_eq!(told("0,10000001,1\n"), "line 2: there are more than 10000000 jobs by then");
        assert_eq!(told("0,1,1\n40000000,1,1\n"), "line 3: is more than 400 days after the beginning");
        assert!(told("0,1,401d\n").starts_with("line 2, column service"));
        assert!(told("0,1,18446744073709551\n").starts_with("line 2, column service"));
        assert_eq!(told("0,0,1\n"), "there is no job in it");
        let headless = read("0,1,30\n").unwrap_err().to_string();
        assert!(headless.starts_with("line 1: must name the columns time, arrivals and service"));
        assert!(read("").unwrap_err().to_string().ends_with("names nothing"));
    }
}
