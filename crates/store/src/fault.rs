//! Why a statement failed, by what that means for the one who waits, whatever database said it.

use std::error::Error;
use std::io::ErrorKind;

use sqlx::postgres::PgDatabaseError;

use crate::damage::Damage;
use crate::log::{AppendError, ReadError, UnavailableReason};

/// Why a statement failed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A constraint or a trigger said no: the rows are wrong, the database is well.
    Constraint(String),
    /// The database cannot do it now.
    Unavailable(UnavailableReason, String),
}

/// The same without the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    Constraint,
    Unavailable(UnavailableReason),
}

impl Fault {
    /// The reason to give; a constraint that nobody can explain means that the log is not what it should be.
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

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        match cause(&error) {
            Cause::Constraint => Self::Constraint(own_words(&error)),
            Cause::Unavailable(reason) => Self::Unavailable(reason, own_words(&error)),
        }
    }
}

impl From<ReadError> for Fault {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable { reason } => Self::Unavailable(reason, error.to_string()),
            ReadError::Corrupt { .. } => Self::Unavailable(UnavailableReason::Corrupt, error.to_string()),
            ReadError::Closed => Self::Unavailable(UnavailableReason::Other, error.to_string()),
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
                tracing::error!(error = own_words(&error), "a row cannot be read");
                Self::Corrupt { damage: Damage::Row }
            }
            error => {
                tracing::error!(error = own_words(&error), "reading failed");
                let reason = match cause(&error) {
                    Cause::Constraint => UnavailableReason::Other,
                    Cause::Unavailable(reason) => reason,
                };
                Self::Unavailable { reason }
            }
        }
    }
}

/// What a database says of an error, with the code to look it up by. The library that asked it would add a line number,
/// which is one of the database's own source; what is no database's error is told as it is.
pub fn own_words(error: &(dyn Error + 'static)) -> String {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(sqlx::Error::Database(error)) = error.downcast_ref::<sqlx::Error>() {
            return match error.try_downcast_ref::<PgDatabaseError>() {
                Some(error) => words_of_postgres(error),
                None => words_of_sqlite(&**error),
            };
        }
        cause = error.source();
    }
    error.to_string()
}

fn words_of_postgres(error: &PgDatabaseError) -> String {
    let detail = error.detail().map(|detail| format!("; {detail}")).unwrap_or_default();
    // A detail may have several lines, and this is part of a sentence.
    format!("{}{} (SQLSTATE {})", error.message(), detail.replace('\n', " "), error.code())
}

fn words_of_sqlite(error: &dyn sqlx::error::DatabaseError) -> String {
    let code = error.code().map(|code| format!(" (SQLite's code {code})")).unwrap_or_default();
    format!("{}{code}", error.message())
}

/// What an error means.
pub(crate) fn cause(error: &sqlx::Error) -> Cause {
    match error {
        sqlx::Error::Io(error) => Cause::Unavailable(io_reason(error.kind())),
        // After a connection broke, its next message makes no sense.
        sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut => {
            Cause::Unavailable(UnavailableReason::Connection)
        }
        sqlx::Error::Database(error) => match error.try_downcast_ref::<PgDatabaseError>() {
            Some(error) => crate::postgres::cause(error),
            None => crate::sqlite::cause(&**error),
        },
        _ => Cause::Unavailable(UnavailableReason::Other),
    }
}

/// Whether it is a PostgreSQL server that says so.
pub(crate) fn is_of_a_server(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.try_downcast_ref::<PgDatabaseError>().is_some())
}

fn io_reason(kind: ErrorKind) -> UnavailableReason {
    match kind {
        ErrorKind::StorageFull => UnavailableReason::DiskFull,
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => UnavailableReason::ReadOnly,
        // A server's socket that is not there is one that cannot be reached.
        ErrorKind::NotFound
        | ErrorKind::ConnectionRefused
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::NotConnected
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof
        | ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown
        | ErrorKind::TimedOut => UnavailableReason::Connection,
        _ => UnavailableReason::Io,
    }
}
