//! What the log and the views both need of SQLite: connections, the version check, migrations and bulk inserts.

mod fault;
mod insert;
mod migration;
mod readable;

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Row as _, SqliteConnection};

pub(crate) use fault::{cause, io_error, open_error};
pub(crate) use insert::{BulkInsert, insert, rooms};
pub(crate) use migration::{check_schema, migrate, refuse_foreign};
pub(crate) use readable::{Readable, is_there, open_to_read};

use crate::log::OpenError;

/// Held by the one process that writes what is in a directory.
pub(crate) const LOCK_FILE: &str = "log.lock";

/// 3.51.3 mends a fault by which a reset of the write-ahead log could damage the database.
const VERSION_NEEDED: (u32, u32, u32) = (3, 51, 3);
const VERSION_NEEDED_TEXT: &str = "3.51.3";

/// How long a statement waits for another process, a person with a shell for instance.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection that writes. `synchronous` decides whether a commit is on disk when it returns.
pub(crate) fn writing(path: &Path, synchronous: SqliteSynchronous, cache_kib: u32) -> SqliteConnectOptions {
    base(path, cache_kib).create_if_missing(true).journal_mode(SqliteJournalMode::Wal).synchronous(synchronous)
}

/// A connection that can only read.
pub(crate) fn reading(path: &Path, cache_kib: u32) -> SqliteConnectOptions {
    // The channel between the connection's thread and the task is deep enough for a page not to stall on every row.
    base(path, cache_kib).read_only(true).row_buffer_size(512)
}

fn base(path: &Path, cache_kib: u32) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(128)
        .pragma("cache_size", format!("-{cache_kib}"))
        .pragma("temp_store", "memory")
        .pragma("trusted_schema", "off")
        .disable_statement_logging()
}

/// Refuses a SQLite with known faults.
pub(crate) async fn check_version(connection: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    let found: String = sqlx::query("SELECT sqlite_version()")
        .fetch_one(connection)
        .await
        .and_then(|row| row.try_get(0))
        .map_err(|source| OpenError::Database { path: path.to_owned(), source })?;
    if parsed(&found) < Some(VERSION_NEEDED) {
        return Err(OpenError::OldSqlite { found, needed: VERSION_NEEDED_TEXT });
    }
    Ok(())
}

fn parsed(version: &str) -> Option<(u32, u32, u32)> {
    let mut numbers = version.split('.').map(|part| part.parse().ok());
    Some((numbers.next()??, numbers.next()??, numbers.next().flatten().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert!(parsed("3.51.3") >= Some(VERSION_NEEDED));
        assert!(parsed("3.100.0") > Some(VERSION_NEEDED));
        assert!(parsed("3.51.2") < Some(VERSION_NEEDED));
        assert!(parsed("3.9.9") < Some(VERSION_NEEDED));
        assert!(parsed("nonsense") < Some(VERSION_NEEDED));
    }
}
