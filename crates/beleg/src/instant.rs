//! Instants as people type them and as the protocol carries them. Always UTC.

use crate::said::Said;
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Utc};
use prost_types::Timestamp;

/// An instant given on the command line or in a file: RFC 3339, or
/// `YYYY-MM-DD[THH:MM[:SS]]` taken as UTC. One that no server takes is none here.
pub(crate) fn parse(text: &str) -> Result<DateTime<Utc>, Said> {
    let at = read(text)?;
    if (1970..=9999).contains(&at.year()) {
        return Ok(at);
    }
    Err(Said::new(
        format!("{text:?}: Zeitpunkte liegen zwischen 1970 und 9999"),
        format!("{text:?}: instants lie between 1970 and 9999"),
    ))
}

fn read(text: &str) -> Result<DateTime<Utc>, Said> {
    if let Ok(given) = DateTime::parse_from_rfc3339(text) {
        return Ok(given.with_timezone(&Utc));
    }
    for form in ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"] {
        if let Ok(naive) = NaiveDateTime::parse_from_str(text, form) {
            return Ok(naive.and_utc());
        }
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        .and_then(|day| day.and_hms_opt(0, 0, 0))
        .map(|naive| naive.and_utc())
        .ok_or_else(|| {
            Said::new(
                format!("{text:?} ist kein Zeitpunkt; so schreiben: 2026-03-02, 2026-03-02T09:00 (UTC) oder RFC 3339"),
                format!("{text:?} is no instant; write 2026-03-02, 2026-03-02T09:00 (UTC) or RFC 3339"),
            )
        })
}

/// The protocol's form.
pub(crate) fn stamp(at: DateTime<Utc>) -> Timestamp {
    Timestamp { seconds: at.timestamp(), nanos: at.timestamp_subsec_nanos().try_into().unwrap_or(0) }
}

/// The protocol's form of whole seconds since 1970.
pub(crate) fn stamp_of_seconds(seconds: i64) -> Timestamp {
    Timestamp { seconds, nanos: 0 }
}

/// The protocol's instant, if it is one that a calendar has.
pub(crate) fn of_stamp(stamp: &Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(stamp.seconds, stamp.nanos.try_into().ok()?)
}

/// How call metadata carries an instant: RFC 3339 with microseconds.
pub(crate) fn in_metadata(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::{in_metadata, of_stamp, parse, stamp};
    use crate::lang::Lang;

    #[test]
    fn the_forms_people_type_mean_the_same_instant() {
        let wanted = parse("2026-03-02T00:00:00Z");
        for text in ["2026-03-02", "2026-03-02T00:00", "2026-03-02T00:00:00", "2026-03-02T01:00:00+01:00"] {
            assert_eq!(parse(text), wanted);
        }
        assert!(parse("yesterday").is_err());
        assert!(parse("2026-02-30").is_err());
    }

    #[test]
    fn instants_that_no_server_takes_are_refused_with_their_bounds() {
        for text in ["1900-03-02T09:00", "1969-12-31", "1970-01-01T00:30:00+01:00", "0001-01-01T00:00:00Z"] {
            let said = parse(text).expect_err(text);
            assert_eq!(said.clone().in_(Lang::En), format!("{text:?}: instants lie between 1970 and 9999"));
            assert_eq!(said.in_(Lang::De), format!("{text:?}: Zeitpunkte liegen zwischen 1970 und 9999"));
        }
        for text in ["1970-01-01", "9999-12-31T23:59:59"] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn an_instant_survives_the_protocol() {
        let at = parse("2026-03-02T09:10:11.000250Z").expect("valid");
        assert_eq!(of_stamp(&stamp(at)), Some(at));
        assert_eq!(in_metadata(at), "2026-03-02T09:10:11.000250Z");
    }
}
