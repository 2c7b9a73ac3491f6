//! Instants as text: microseconds since the Unix epoch, written `YYYY-MM-DDTHH:MM:SS.ffffffZ`.
//!
//! Every event is written with two of them, so formatting allocates nothing and divides little.

use std::fmt;
use std::ops::Deref;

use thiserror::Error;

/// Length of a written instant.
pub const LENGTH: usize = 27;

/// The last instant that can be written: 9999-12-31T23:59:59.999999Z.
pub const MAX_US: i64 = 253_402_300_799_999_999;

const DAY_US: i64 = 86_400_000_000;

/// An instant outside the years 1970 to 9999, or text that is no instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InstantError {
    /// Before 1970 or after 9999.
    #[error("{0} microseconds since 1970 is outside the years 1970 to 9999")]
    OutOfRange(i64),
    /// Not `YYYY-MM-DDTHH:MM:SS.ffffffZ`, or no such day or time.
    #[error("an instant reads YYYY-MM-DDTHH:MM:SS.ffffffZ, in the years 1970 to 9999")]
    Malformed,
}

/// A written instant; dereferences to its text.
pub type InstantText = Written<LENGTH>;

/// A written whole second: `YYYY-MM-DDTHH:MM:SSZ`.
pub type SecondText = Written<20>;

/// A text of so many bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Written<const BYTES: usize>([u8; BYTES]);

impl<const BYTES: usize> Written<BYTES> {
    /// The text as bytes.
    pub fn as_bytes(&self) -> &[u8; BYTES] {
        &self.0
    }
}

impl<const BYTES: usize> Deref for Written<BYTES> {
    type Target = str;

    fn deref(&self) -> &str {
        // Only ASCII digits and punctuation are ever written.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl<const BYTES: usize> fmt::Display for Written<BYTES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl<const BYTES: usize> fmt::Debug for Written<BYTES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

/// Writes an instant.
pub fn format(us: i64) -> Result<InstantText, InstantError> {
    if !(0..=MAX_US).contains(&us) {
        return Err(InstantError::OutOfRange(us));
    }
    let (year, month, day) = civil_from_days(us / DAY_US);
    let of_day = us % DAY_US;
    let seconds = of_day / 1_000_000;
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    digits(&mut text[0..4], year);
    digits(&mut text[5..7], month);
    digits(&mut text[8..10], day);
    digits(&mut text[11..13], seconds / 3_600);
    digits(&mut text[14..16], seconds / 60 % 60);
    digits(&mut text[17..19], seconds % 60);
    digits(&mut text[20..26], of_day % 1_000_000);
    Ok(Written(text))
}

/// Writes a whole second, given in seconds since 1970.
pub fn format_second(seconds: i64) -> Result<SecondText, InstantError> {
    let whole = format(seconds.saturating_mul(1_000_000))?;
    let mut text = *b"0000-00-00T00:00:00Z";
    text[..19].copy_from_slice(&whole.0[..19]);
    Ok(Written(text))
}

/// Reads exactly what [`format`] writes.
pub fn parse(text: &str) -> Result<i64, InstantError> {
    let bytes: &[u8; LENGTH] = text.as_bytes().try_into().map_err(|_| InstantError::Malformed)?;
    for (at, sign) in [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (26, b'Z')] {
        if bytes[at] != sign {
            return Err(InstantError::Malformed);
        }
    }
    let year = number(&bytes[0..4], 1970..=9999)?;
    let month = number(&bytes[5..7], 1..=12)?;
    let day = number(&bytes[8..10], 1..=31)?;
    let hour = number(&bytes[11..13], 0..=23)?;
    let minute = number(&bytes[14..16], 0..=59)?;
    let second = number(&bytes[17..19], 0..=59)?;
    let micros = number(&bytes[20..26], 0..=999_999)?;
    let days = days_from_civil(year, month, day);
    if civil_from_days(days) != (year, month, day) {
        return Err(InstantError::Malformed);
    }
    Ok(days * DAY_US + ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros)
}

fn digits(into: &mut [u8], mut value: i64) {
    for digit in into.iter_mut().rev() {
        *digit = b'0' + u8::try_from(value % 10).unwrap_or_default();
        value /= 10;
    }
}

fn number(digits: &[u8], allowed: std::ops::RangeInclusive<i64>) -> Result<i64, InstantError> {
    let mut value = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return Err(InstantError::Malformed);
        }
        value = value * 10 + i64::from(digit - b'0');
    }
    if allowed.contains(&value) { Ok(value) } else { Err(InstantError::Malformed) }
}

/// Days since 1970-01-01 to a date of the Gregorian calendar. The year is taken to begin in March, so that the leap
/// day is its last one, and months then follow a five-month pattern of 153 days.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    const ERA_DAYS: i64 = 146_097;
    const DAYS_FROM_0000_03_01: i64 = 719_468;
    let days = days + DAYS_FROM_0000_03_01;
    let (era, of_era) = (days / ERA_DAYS, days % ERA_DAYS);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

/// The inverse of [`civil_from_days`]; a day that its month does not have runs over into the next.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year / 400, year % 400);
    let month_from_march = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, SecondsFormat, Utc};
    use proptest::prelude::*;

    use super::*;

    fn by_chrono(us: i64) -> String {
        DateTime::<Utc>::from_timestamp_micros(us).unwrap().to_rfc3339_opts(SecondsFormat::Micros, true)
    }

    #[test]
    fn the_ends_of_the_range() {
        assert_eq!(&*format(0).unwrap(), "1970-01-01T00:00:00.000000Z");
        assert_eq!(&*format(MAX_US).unwrap(), "9999-12-31T23:59:59.999999Z");
        assert_eq!(format(-1), Err(InstantError::OutOfRange(-1)));
        assert_eq!(format(MAX_US + 1), Err(InstantError::OutOfRange(MAX_US + 1)));
        assert_eq!(&*format_second(MAX_US / 1_000_000).unwrap(), "9999-12-31T23:59:59Z");
        for outside in [-1, MAX_US / 1_000_000 + 1, i64::MIN, i64::MAX] {
            assert!(format_second(outside).is_err(), "{outside}");
        }
    }

    #[test]
    fn every_day_is_the_day_that_chrono_says() {
        for day in 0..=MAX_US / DAY_US {
            let us = day * DAY_US;
            assert_eq!(&*format(us).unwrap(), by_chrono(us));
            assert_eq!(parse(&format(us).unwrap()), Ok(us));
        }
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in [
            "",
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:00.000000+",
            "2026-02-29T00:00:00.000000Z",
            "2026-13-01T00:00:00.000000Z",
            "2026-01-01T24:00:00.000000Z",
            "2026-01-01T00:00:60.000000Z",
            "1969-12-31T23:59:59.999999Z",
            "2026-01-01 00:00:00.000000Z",
            "2026-01-01T00:00:00.00000éZ",
        ] {
            assert_eq!(parse(text), Err(InstantError::Malformed), "{text}");
        }
    }

    proptest! {
        #[test]
        fn formats_as_chrono_does_and_reads_back(us in 0..=MAX_US) {
            let text = format(us).unwrap();
            prop_assert_eq!(&*text, by_chrono(us));
            prop_assert_eq!(parse(&text), Ok(us));
            let second = DateTime::<Utc>::from_timestamp(us / 1_000_000, 0).unwrap();
            let second = second.to_rfc3339_opts(SecondsFormat::Secs, true);
            prop_assert_eq!(&*format_second(us / 1_000_000).unwrap(), second);
        }

        #[test]
        fn any_text_is_read_as_chrono_reads_it_or_refused(text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]\\.[0-9]{6}Z") {
            if let Ok(us) = parse(&text) {
                prop_assert_eq!(by_chrono(us), text);
            }
        }
    }
}
