//! PostgreSQL's errors, by what they mean for the one who waits.

use sqlx::postgres::PgDatabaseError;

use crate::fault::Cause;
use crate::log::UnavailableReason;

/// What an SQLSTATE means; see the appendix of PostgreSQL's manual.
pub(crate) fn cause(error: &PgDatabaseError) -> Cause {
    let code = error.code();
    let class = code.get(..2).unwrap_or_default();
    Cause::Unavailable(match (class, code) {
        // Values that do not fit, constraints, and what a function of ours refuses.
        ("22" | "23", _) | (_, "P0001") => return Cause::Constraint,
        (_, "53100") => UnavailableReason::DiskFull,
        (_, "25006" | "42501") => UnavailableReason::Refused,
        (_, "58030") => UnavailableReason::Io,
        // A lock or a statement took too long, or a person cancelled it.
        (_, "55P03" | "40P01" | "57014") => UnavailableReason::Locked,
        // The server shuts down, starts, or has no room for another connection; our own idle session was ended.
        ("08", _) | (_, "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "53300") => UnavailableReason::Connection,
        ("XX", "XX001" | "XX002") => UnavailableReason::Corrupt,
        _ => UnavailableReason::Other,
    })
}
