//! SQLite's errors, by what they mean for the one who waits.

use std::path::Path;

use crate::fault::Cause;
use crate::log::{OpenError, UnavailableReason};

/// What a result code means; see SQLite's `rescode` page.
pub(crate) fn cause(error: &dyn sqlx::error::DatabaseError) -> Cause {
    Cause::Unavailable(match primary_code(error) {
        Some(19) => return Cause::Constraint,
        Some(5 | 6) => UnavailableReason::Locked,
        Some(8) => UnavailableReason::ReadOnly,
        Some(10 | 14) => UnavailableReason::Io,
        Some(11 | 26) => UnavailableReason::Corrupt,
        Some(13) => UnavailableReason::DiskFull,
        _ => UnavailableReason::Other,
    })
}

/// SQLite's primary result code: extended codes carry it in their low byte.
fn primary_code(error: &dyn sqlx::error::DatabaseError) -> Option<u32> {
    let code: u32 = error.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// Says of a file that could not be opened why, as far as the caller can do something about it.
pub(crate) fn open_error(path: &Path, source: sqlx::Error) -> OpenError {
    match source.as_database_error().and_then(primary_code) {
        Some(8) => OpenError::ReadOnly { path: path.to_owned() },
        Some(11 | 26) => OpenError::Corrupt { path: path.to_owned(), reason: source.to_string() },
        Some(14) if !path.exists() => OpenError::ReadOnly { path: path.to_owned() },
        _ => OpenError::Database { path: path.to_owned(), source },
    }
}
