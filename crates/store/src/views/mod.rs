//! Read models in a file of their own: lists, the ledger, its sums.
//!
//! The projector, through [`ViewsWriter`], is the only one who writes: a batch of rows
//! and the log position they reach, in one transaction. Everybody else reads through
//! [`Views`]. Money invariants stand in the schema too: entries are only added, a
//! reversal is equal and opposite to the one entry it names, and none is reversed
//! twice.

mod compare;
mod read;
mod rows;
mod write;

use std::path::{Path, PathBuf};

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, SqlitePool};

use crate::log::OpenError;
use crate::sqlite::{check_schema, check_version, migrate, open_error, reading, writing};

pub use compare::Difference;
pub use rows::{
    BalanceDelta, BalanceFilter, BalanceKeys, BalanceOf, BalanceRow, ContractRow, EntryFilter, EntryRow, ListedEntry,
    PolicyRow, TicketChange, TicketFilter, TicketRow, ViewBatch,
};
pub use write::ViewsWriter;

static MIGRATOR: Migrator = sqlx::migrate!("../../migrations/sqlite/views");

const FILE: &str = "views.sqlite";
const REBUILD_FILE: &str = "views.rebuild.sqlite";
const WRITER_CACHE_KIB: u32 = 16 * 1024;
const READER_CACHE_KIB: u32 = 4 * 1024;
const READERS: u32 = 2;

/// Why the views could not take or give anything.
#[derive(Debug, thiserror::Error)]
#[error("the views cannot be used now: {0}")]
pub struct ViewError(#[from] sqlx::Error);

/// The views, for reading.
#[derive(Clone, Debug)]
pub struct Views {
    readers: SqlitePool,
}

/// The file that serves, in a data directory.
pub fn serving_file(directory: &Path) -> PathBuf {
    directory.join(FILE)
}

/// The file that a rebuild fills, in a data directory.
pub fn rebuild_file(directory: &Path) -> PathBuf {
    directory.join(REBUILD_FILE)
}

impl Views {
    /// Opens a file for the projector and for readers, and creates it if it is
    /// missing. What the log holds can always be projected again, so a commit need
    /// not be on disk when it returns.
    pub async fn open(path: &Path) -> Result<(ViewsWriter, Self), OpenError> {
        let connect = writing(path, SqliteSynchronous::Normal, WRITER_CACHE_KIB)
            .pragma("wal_autocheckpoint", "2000")
            .pragma("journal_size_limit", (64 * 1024 * 1024).to_string());
        let mut connection = connect.connect().await.map_err(|source| open_error(path, source))?;
        check_version(&mut connection, path).await?;
        migrate(&connect, &MIGRATOR, path).await?;
        Ok((ViewsWriter::new(connection), Self::readers(path)))
    }

    /// Opens a file for reading only, whether or not a server writes it.
    pub async fn open_read_only(path: &Path) -> Result<Self, OpenError> {
        if !path.exists() {
            return Err(OpenError::Missing { path: path.to_owned() });
        }
        let mut connection =
            reading(path, READER_CACHE_KIB).connect().await.map_err(|source| open_error(path, source))?;
        check_schema(&mut connection, &MIGRATOR, path).await?;
        Ok(Self::readers(path))
    }

    fn readers(path: &Path) -> Self {
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .test_before_acquire(false)
            .connect_lazy_with(reading(path, READER_CACHE_KIB));
        Self { readers }
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.readers.close().await;
    }
}

/// Puts a rebuilt file in the place of the serving one. No server may run.
pub fn switch(directory: &Path) -> std::io::Result<()> {
    remove(&serving_file(directory))?;
    std::fs::rename(rebuild_file(directory), serving_file(directory))
}

/// Removes a database file with its journal.
pub fn remove(path: &Path) -> std::io::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(PathBuf::from(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
