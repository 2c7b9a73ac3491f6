//! Opening a file to read it, also where nothing may be written.
//!
//! What was written last stands in a write-ahead log beside the file, and SQLite reads both by an index that it makes
//! where it is missing. Where it may not, it refuses the file. If the write-ahead log is empty or gone, all there is
//! stands in the file, and then it can be read as one that does not change, as long as nobody begins to write it.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, SqliteConnection};

use super::fault::wants_to_write;
use super::{LOCK_FILE, open_error, reading};
use crate::log::OpenError;

/// A file that can be read.
#[derive(Debug)]
pub(crate) struct Readable {
    /// A first connection.
    pub(crate) connection: SqliteConnection,
    /// How to make more.
    pub(crate) connect: SqliteConnectOptions,
    /// Held as long as the file is read, so that no server begins to write one that is read as if it did not change.
    pub(crate) still: Option<File>,
}

/// Whether there is such a file. A place that cannot be looked into is told as that.
pub(crate) fn is_there(path: &Path) -> Result<bool, OpenError> {
    let Err(error) = path.metadata() else { return Ok(true) };
    let directory = || path.parent().unwrap_or(path);
    match error.kind() {
        ErrorKind::NotFound => Ok(false),
        ErrorKind::NotADirectory => Err(OpenError::NoDirectory { path: directory().to_owned() }),
        _ => Err(unread(directory(), error)),
    }
}

/// Opens a file that is there to read it, whether or not another process writes it.
pub(crate) async fn open_to_read(path: &Path, cache_kib: u32) -> Result<Readable, OpenError> {
    let connect = reading(path, cache_kib);
    match look(&connect).await {
        Ok(connection) => Ok(Readable { connection, connect, still: None }),
        Err(error) if wants_to_write(&error) => open_at_rest(path, connect).await,
        Err(source) => Err(open_error(path, source)),
    }
}

/// Opens a file that does not change while it is read.
async fn open_at_rest(path: &Path, connect: SqliteConnectOptions) -> Result<Readable, OpenError> {
    // Closing it takes no lock of SQLite's away: whoever in this process had it open would have made what is missing.
    File::open(path).map_err(|error| unread(path, error))?;
    let still = hold_still(path)?;
    let mut ahead = path.as_os_str().to_owned();
    ahead.push("-wal");
    let ahead = PathBuf::from(ahead);
    match File::open(&ahead).and_then(|found| found.metadata()) {
        Ok(found) if found.len() > 0 => return Err(OpenError::Ahead { path: path.to_owned(), ahead }),
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(unread(&ahead, error)),
        _ => {}
    }
    let connect = connect.immutable(true);
    let connection = look(&connect).await.map_err(|source| open_error(path, source))?;
    Ok(Readable { connection, connect, still })
}

/// Shares the lock that a server needs for itself; there is none where none has ever run.
fn hold_still(path: &Path) -> Result<Option<File>, OpenError> {
    let path = path.with_file_name(LOCK_FILE);
    let lock = match File::open(&path) {
        Ok(lock) => lock,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unread(&path, error)),
    };
    match lock.try_lock_shared() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path }),
        Err(TryLockError::Error(source)) => Err(OpenError::Io { path, source }),
    }
}

fn unread(path: &Path, error: std::io::Error) -> OpenError {
    let path = path.to_owned();
    match error.kind() {
        ErrorKind::PermissionDenied => OpenError::Unreadable { path },
        _ => OpenError::Io { path, source: error },
    }
}

async fn look(connect: &SqliteConnectOptions) -> Result<SqliteConnection, sqlx::Error> {
    let mut connection = connect.connect().await?;
    // Only a first read opens what stands beside the file.
    sqlx::query("SELECT 1 FROM sqlite_schema LIMIT 1").fetch_optional(&mut connection).await?;
    Ok(connection)
}
