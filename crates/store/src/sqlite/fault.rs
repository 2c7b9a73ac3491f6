//! SQLite's errors, by what they mean for the one who waits.

use std::path::Path;

use crate::log::{AppendError, OpenError, ReadError, UnavailableReason};

/// Why a statement failed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A constraint or a trigger said no: the rows are wrong, the database is well.
    Constraint(String),
    /// The database cannot do it now.
    Unavailable(UnavailableReason, String),
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        match primary_code(&error) {
            Some(19) => Self::Constraint(error.to_string()),
            _ => Self::Unavailable(reason_of(&error), error.to_string()),
        }
    }
}

impl Fault {
    /// The reason to give; a constraint that nobody can explain means that the file is not what it should be.
    pub(crate) fn reason(&self) -> UnavailableReason {
        match self {
            Self::Constraint(_) => UnavailableReason::Corrupt,
            Self::Unavailable(reason, _) => *reason,
        }
    }

    /// The database's words, for the program's own log.
    pub(crate) fn message(&self) -> &str {
        match self {
            Self::Constraint(message) | Self::Unavailable(_, message) => message,
        }
    }
}

impl From<Fault> for AppendError {
    fn from(fault: Fault) -> Self {
        Self::Unavailable { reason: fault.reason() }
    }
}

impl From<sqlx::Error> for ReadError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolClosed => Self::Closed,
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
                tracing::error!(%error, "a row cannot be read");
                Self::Corrupt { reason: "a row cannot be read".to_owned() }
            }
            error => {
                tracing::error!(%error, "reading failed");
                Self::Unavailable { reason: reason_of(&error) }
            }
        }
    }
}

/// SQLite's primary result code: extended codes carry it in their low byte.
fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// Result codes of SQLite, see its `rescode` page.
fn reason_of(error: &sqlx::Error) -> UnavailableReason {
    if let sqlx::Error::Io(io) = error {
        return match io.kind() {
            std::io::ErrorKind::StorageFull => UnavailableReason::DiskFull,
            std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied => {
                UnavailableReason::ReadOnly
            }
            _ => UnavailableReason::Io,
        };
    }
    match primary_code(error) {
        Some(5 | 6) => UnavailableReason::Locked,
        Some(8) => UnavailableReason::ReadOnly,
        Some(10 | 14) => UnavailableReason::Io,
        Some(11 | 26) => UnavailableReason::Corrupt,
        Some(13) => UnavailableReason::DiskFull,
        _ => UnavailableReason::Other,
    }
}

/// Says of a file that could not be opened why, as far as the caller can do something about it.
pub(crate) fn open_error(path: &Path, source: sqlx::Error) -> OpenError {
    match primary_code(&source) {
        Some(8) => OpenError::ReadOnly { path: path.to_owned() },
        Some(11 | 26) => OpenError::Corrupt { path: path.to_owned(), reason: source.to_string() },
        Some(14) if !path.exists() => OpenError::ReadOnly { path: path.to_owned() },
        _ => OpenError::Database { path: path.to_owned(), source },
    }
}
