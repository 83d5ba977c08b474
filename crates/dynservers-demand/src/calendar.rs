//! Calendars: the times at which more or fewer servers are to be kept, whatever the work says.

use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds};
use dynservers_core::{Time, Window};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use thiserror::Error;

/// A time that comes again and again, and the bounds that hold while it lasts.
///
/// Where it opens at one hour and minute, and the clocks go forward over that, it opens when they did; where they go back it
/// opens once. One that opens at several hours opens as often as the clock shows them.
#[derive(Clone, Debug)]
pub struct Slot {
    name: String,
    opens: Cron,
    zone: TimeZone,
    lasts: SignedDuration,
    floor: Option<u32>,
    ceiling: Option<u32>,
}

/// Why something is no slot of a calendar.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidSlot {
    /// It is no cron expression.
    #[error(
        "{expression:?} is no cron expression of five fields (minute, hour, day, month, weekday): {reason}"
    )]
    Cron {
        /// The text.
        expression: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It is a cron expression of a moment that never comes.
    #[error("{expression:?} never comes")]
    Never {
        /// The text.
        expression: String,
    },
    /// There is no such time zone.
    #[error("there is no time zone {zone:?}")]
    Zone {
        /// The text.
        zone: String,
    },
    /// It bounds nothing.
    #[error("it has neither a minimum nor a maximum")]
    Boundless,
    /// Its bounds contradict each other.
    #[error("its minimum {floor} is above its maximum {ceiling}")]
    Contradiction {
        /// The minimum.
        floor: u32,
        /// The maximum.
        ceiling: u32,
    },
}

impl Slot {
    /// Makes a slot that opens by a cron expression of five fields in a time zone, by its name in the IANA database, and
    /// lasts for so long.
    pub fn new(
        name: impl Into<String>,
        opens: &str,
        zone: &str,
        lasts: Duration,
        (floor, ceiling): (Option<u32>, Option<u32>),
    ) -> Result<Self, InvalidSlot> {
        let expression = || opens.to_owned();
        let parser = CronParser::builder().seconds(Seconds::Disallowed).build();
        let cron = parser
            .parse(opens)
            .map_err(|error| InvalidSlot::Cron { expression: expression(), reason: error.to_string() })?;
        let time_zone = TimeZone::get(zone).map_err(|_| InvalidSlot::Zone { zone: zone.to_owned() })?;
        // A day that no month has is searched for in vain: once, and not at every measurement.
        cron.find_next_occurrence(&Timestamp::UNIX_EPOCH.to_zoned(time_zone.clone()), true)
            .map_err(|_| InvalidSlot::Never { expression: expression() })?;
        match (floor, ceiling) {
            (None, None) => return Err(InvalidSlot::Boundless),
            (Some(floor), Some(ceiling)) if floor > ceiling => {
                return Err(InvalidSlot::Contradiction { floor, ceiling });
            }
            _ => {}
        }
        let lasts = SignedDuration::try_from(lasts).unwrap_or(SignedDuration::MAX);
        Ok(Self { name: name.into(), opens: cron, zone: time_zone, lasts, floor, ceiling })
    }

    /// Gives its window if it is open at a moment.
    #[must_use]
    pub fn window(&self, now: Timestamp) -> Option<Window> {
        let local: Zoned = now.to_zoned(self.zone.clone());
        // All last as long: if the latest is over, so are those before it.
        let opened = self.opens.find_previous_occurrence(&local, true).ok()?.timestamp();
        let until = opened.checked_add(self.lasts).unwrap_or(Timestamp::MAX);
        let until_millis = u64::try_from(until.as_millisecond()).unwrap_or_default();
        (opened <= now && now < until).then(|| Window {
            name: self.name.clone(),
            floor: self.floor,
            ceiling: self.ceiling,
            until: Time::from_millis(until_millis),
        })
    }
}

/// Gives the windows that are open at a moment of a fleet's clock.
#[must_use]
pub fn windows_at(slots: &[Slot], now: Time) -> Vec<Window> {
    let now = i64::try_from(now.as_millis()).ok().and_then(|now| Timestamp::from_millisecond(now).ok());
    windows(slots, now.unwrap_or(Timestamp::MAX))
}

/// Gives the windows that are open at a moment.
#[must_use]
pub fn windows(slots: &[Slot], now: Timestamp) -> Vec<Window> {
    slots.iter().filter_map(|slot| slot.window(now)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn slot(opens: &str, zone: &str, lasts: Duration) -> Result<Slot, InvalidSlot> {
        Slot::new("office", opens, zone, lasts, (Some(3), None))
    }

    /// Tells until when a slot is open at a local time.
    fn open(slot: &Slot, at: &str) -> Option<String> {
        let now: Zoned = at.parse().unwrap();
        let until = slot.window(now.timestamp())?.until.as_millis();
        let until = Timestamp::from_millisecond(i64::try_from(until).unwrap()).unwrap();
        Some(until.to_zoned(now.time_zone().clone()).strftime("%a %H:%M").to_string())
    }

    #[test]
    fn it_is_open_from_its_moment_for_its_time_in_its_zone() {
        let slot = slot("0 8 * * mon-fri", "Europe/Berlin", 10 * HOUR).unwrap();
        for (at, until) in [
            ("2026-11-26T07:59:59[Europe/Berlin]", None),
            ("2026-11-26T08:00:00[Europe/Berlin]", Some("Thu 18:00")),
            ("2026-11-26T17:59:59[Europe/Berlin]", Some("Thu 18:00")),
            ("2026-11-26T18:00:00[Europe/Berlin]", None),
            ("2026-11-26T07:00:00[Europe/London]", Some("Thu 17:00")),
            ("2026-11-28T12:00:00[Europe/Berlin]", None),
        ] {
            assert_eq!(open(&slot, at).as_deref(), until, "{at}");
        }
    }

    #[test]
    fn it_may_last_over_midnight() {
        let slot = slot("30 22 * * fri", "UTC", 36 * HOUR).unwrap();
        assert_eq!(open(&slot, "2026-11-28T23:00:00[UTC]").as_deref(), Some("Sun 10:30"));
        assert_eq!(open(&slot, "2026-11-29T10:30:00[UTC]"), None);
    }

    #[test]
    fn clocks_that_are_set_neither_leave_it_out_nor_open_it_twice() {
        let slot = slot("30 2 * * *", "Europe/Berlin", HOUR).unwrap();
        // There is no half past two on the day on which they go forward: it opens as they have.
        assert_eq!(open(&slot, "2026-03-29T03:10:00[Europe/Berlin]").as_deref(), Some("Sun 04:00"));
        // And there are two on the day on which they go back.
        assert!(open(&slot, "2026-10-25T02:40:00+02:00[Europe/Berlin]").is_some());
        assert_eq!(open(&slot, "2026-10-25T02:40:00+01:00[Europe/Berlin]"), None);
    }

    #[test]
    fn what_is_no_slot_is_refused_with_its_reason() {
        let wrong = |opens, zone, bounds| Slot::new("x", opens, zone, HOUR, bounds).unwrap_err();
        let some = (Some(1), None);
        assert!(matches!(wrong("8 o'clock", "UTC", some), InvalidSlot::Cron { .. }));
        assert!(matches!(wrong("* * * * * *", "UTC", some), InvalidSlot::Cron { .. }), "seconds");
        assert_eq!(wrong("0 0 30 2 *", "UTC", some), InvalidSlot::Never { expression: "0 0 30 2 *".into() });
        assert_eq!(
            wrong("0 8 * * *", "Europe/Nowhere", some),
            InvalidSlot::Zone { zone: "Europe/Nowhere".into() }
        );
        assert_eq!(wrong("0 8 * * *", "UTC", (None, None)), InvalidSlot::Boundless);
        let both = InvalidSlot::Contradiction { floor: 3, ceiling: 2 };
        assert_eq!(wrong("0 8 * * *", "UTC", (Some(3), Some(2))), both);
    }

    #[test]
    fn all_that_are_open_are_given() {
        let slots =
            ["0 8 * * *", "0 9 * * *", "0 12 * * *"].map(|opens| slot(opens, "UTC", 2 * HOUR).unwrap());
        let now: Timestamp = "2026-11-26T09:30:00Z".parse().unwrap();
        assert_eq!(windows(&slots, now).len(), 2);
        let now = Time::from_millis(u64::try_from(now.as_millisecond()).unwrap());
        assert_eq!(windows_at(&slots, now).len(), 2);
        assert_eq!(windows_at(&slots, Time::from_millis(u64::MAX)).len(), 0);
    }
}
