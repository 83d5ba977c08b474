//! `Retry-After`: how long the provider asks us to wait (RFC 9110, section 10.2.3).

use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;
use jiff::fmt::rfc2822::DateTimeParser;

use crate::provider::Clock;

/// No wait that we are asked for is believed beyond this.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Reads the header in both of its forms; a date is taken relative to the wall clock, and a past one is no wait.
///
/// At most a day; none if there is no such header, or none that can be read.
#[must_use]
pub fn retry_after(headers: &HeaderMap, clock: Clock) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number too large to be read is a long wait all the same.
        text.parse().map_or(LONGEST, Duration::from_secs)
    } else {
        let date = DateTimeParser::new().parse_timestamp(text).ok()?.as_millisecond();
        Duration::from_millis(u64::try_from(date).unwrap_or(0).saturating_sub(clock.wall_millis))
    };
    Some(wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dynservers_core::Time;
    use http::HeaderValue;

    /// Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110.
    const NOVEMBER: u64 = 784_111_777_000;

    #[test]
    fn both_forms_are_read_and_nonsense_is_none() {
        let clock = Clock { time: Time::from_millis(5), wall_millis: NOVEMBER };
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        for (text, expected) in [
            ("0", seconds(0)),
            ("120", seconds(120)),
            (" 7 ", seconds(7)),
            ("999999999999999999999999", Some(LONGEST)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", seconds(0)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", seconds(30)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", seconds(0)),
            ("Fri, 06 Nov 2054 08:49:37 GMT", Some(LONGEST)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(text).unwrap())]);
            assert_eq!(retry_after(&headers, clock), expected, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), clock), None);
    }
}
