//! SQLite's errors, by what they mean for the one who waits.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::damage::Damage;
use crate::fault::{Cause, own_words};
use crate::log::{OpenError, UnavailableReason};

/// The index beside the write-ahead log cannot grow. SQLite calls it an I/O error; on a full disk it comes first.
const IOERR_SHMSIZE: u32 = 4874;

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
    Some(code(error)? & 0xff)
}

fn code(error: &dyn sqlx::error::DatabaseError) -> Option<u32> {
    error.code()?.parse().ok()
}

/// Says of a file that could not be opened why, as far as the caller can do something about it.
pub(crate) fn open_error(path: &Path, source: sqlx::Error) -> OpenError {
    if source.as_database_error().and_then(code) == Some(IOERR_SHMSIZE) {
        return OpenError::NoSpace { path: path.to_owned() };
    }
    match source.as_database_error().and_then(primary_code) {
        Some(13) => OpenError::NoSpace { path: path.to_owned() },
        Some(8) => OpenError::ReadOnly { path: path.to_owned() },
        Some(11 | 26) => OpenError::Corrupt { path: path.to_owned(), damage: Damage::Quoted(own_words(&source)) },
        Some(14) if !path.exists() => OpenError::ReadOnly { path: path.to_owned() },
        _ => OpenError::Database { path: path.to_owned(), source },
    }
}

/// The same of a file that the system would not open or change.
pub(crate) fn io_error(path: PathBuf, source: std::io::Error) -> OpenError {
    match source.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => OpenError::ReadOnly { path },
        _ => OpenError::Io { path, source },
    }
}

/// Whether a file that was to be read only was refused for what SQLite makes beside it.
pub(super) fn wants_to_write(error: &sqlx::Error) -> bool {
    matches!(error.as_database_error().and_then(primary_code), Some(8 | 14))
}
