//! Instants and whole seconds.
//!
//! An instant has microseconds; work is counted in whole seconds. A gate opens at
//! the next whole second ([`Timestamp::opens`]), what ends or frees counts from the
//! second it lies in ([`Timestamp::ends`]): rounding is always for the customer.

use std::fmt;

use beleg_proof::instant;
use chrono::{DateTime, Datelike, LocalResult, NaiveDate, TimeZone};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An instant: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// A whole second since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Second(i64);

const US_PER_SECOND: i64 = 1_000_000;

/// 9999-12-31T23:59:59.999999Z, the last instant that can be written down.
const LATEST_US: i64 = 253_402_300_799_999_999;

impl Timestamp {
    /// From microseconds; nothing before 1970 or after 9999.
    pub fn from_micros(micros: i64) -> Option<Self> {
        (0..=LATEST_US).contains(&micros).then_some(Self(micros))
    }

    /// Microseconds since the epoch.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Parses RFC 3339 in UTC.
    pub fn parse(text: &str) -> Option<Self> {
        // As events are written; whoever calls may write it otherwise.
        if let Ok(us) = instant::parse(text) {
            return Self::from_micros(us);
        }
        let at = DateTime::parse_from_rfc3339(text).ok()?;
        Self::from_micros(at.timestamp_micros())
    }

    /// The first whole second at which a gate given at this instant is open.
    pub fn opens(self) -> Second {
        Second(self.0.div_euclid(US_PER_SECOND) + i64::from(self.0.rem_euclid(US_PER_SECOND) > 0))
    }

    /// The second from which on what ended, or became free, at this instant counts.
    pub fn ends(self) -> Second {
        Second(self.0.div_euclid(US_PER_SECOND))
    }

    /// This instant as a whole second, if it is one.
    pub fn whole_second(self) -> Option<Second> {
        (self.0 % US_PER_SECOND == 0).then_some(Second(self.0 / US_PER_SECOND))
    }

    /// The instant so many microseconds earlier, not before 1970.
    pub fn minus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_sub(micros).max(0))
    }
}

impl Second {
    /// Seconds since the epoch.
    pub fn value(self) -> i64 {
        self.0
    }

    /// So many seconds later.
    pub fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to this.
    pub fn since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }

    /// The instant at which this second begins.
    pub fn timestamp(self) -> Timestamp {
        Timestamp(self.0.saturating_mul(US_PER_SECOND).clamp(0, LATEST_US))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match instant::format(self.0) {
            Ok(text) => f.write_str(&text),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

impl fmt::Display for Second {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match instant::format_second(self.0) {
            Ok(text) => f.write_str(&text),
            Err(_) => write!(f, "{}s", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Second {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match instant::format(self.0) {
            Ok(text) => serializer.serialize_str(&text),
            Err(_) => serializer.collect_str(self),
        }
    }
}

impl Serialize for Second {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match instant::format_second(self.0) {
            Ok(text) => serializer.serialize_str(&text),
            Err(_) => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom(format!("not an instant: {text:.40}")))
    }
}

impl<'de> Deserialize<'de> for Second {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Timestamp::deserialize(deserializer)?.whole_second().ok_or_else(|| de::Error::custom("not a whole second"))
    }
}

/// A calendar day, written `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(NaiveDate);

impl Date {
    /// Parses `YYYY-MM-DD`, 1970 to 9999.
    pub fn parse(text: &str) -> Option<Self> {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        (text.len() == 10 && (1970..=9999).contains(&date.year())).then_some(Self(date))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom(format!("not a date: {text:.40}")))
    }
}

/// The instant at which a date begins in a time zone. Where midnight does not
/// exist (a clock put forward at 00:00) the day begins at its first instant.
pub fn start_of_day(date: Date, zone: Tz) -> Option<Timestamp> {
    let midnight = date.0.and_hms_opt(0, 0, 0)?;
    let first = (0..=180).find_map(|minute| {
        match zone.from_local_datetime(&(midnight + chrono::Duration::minutes(minute))) {
            LocalResult::Single(at) => Some(at),
            LocalResult::Ambiguous(earlier, _) => Some(earlier),
            LocalResult::None => None,
        }
    })?;
    Timestamp::from_micros(first.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_opens_at_the_next_whole_second_and_an_end_counts_from_its_own() {
        let at = Timestamp::parse("2026-03-02T09:00:00.000001Z").unwrap();
        assert_eq!(at.opens().to_string(), "2026-03-02T09:00:01Z");
        assert_eq!(at.ends().to_string(), "2026-03-02T09:00:00Z");
        let whole = Timestamp::parse("2026-03-02T09:00:00Z").unwrap();
        assert_eq!(whole.opens(), whole.ends());
    }

    #[test]
    fn a_day_begins_at_midnight_of_its_zone_or_at_its_first_instant() {
        let day = |text| Date::parse(text).unwrap();
        let berlin = start_of_day(day("2026-07-01"), Tz::Europe__Berlin).unwrap();
        assert_eq!(berlin.to_string(), "2026-06-30T22:00:00.000000Z");
        // Cuba puts its clocks forward at midnight: that day begins at 01:00.
        let havana = start_of_day(day("2026-03-08"), Tz::America__Havana).unwrap();
        assert_eq!(havana.to_string(), "2026-03-08T05:00:00.000000Z");
    }
}
