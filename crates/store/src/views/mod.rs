//! Read models in a file of their own: lists, the ledger, its sums.
//!
//! The projector, through [`ViewsWriter`], is the only one who writes: a batch of rows
//! and the log position they reach, in one transaction. Everybody else reads through
//! [`Views`]. Money invariants stand in the schema too: entries are only added, a
//! reversal is equal and opposite to the one entry it names, and none is reversed
//! twice.

mod compare;
mod error;
mod generation;
mod origin;
mod read;
mod rows;
mod write;

use std::path::Path;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, SqlitePool};

use self::origin::Origin;
use crate::log::EventLog;
use crate::sqlite::{check_version, migrate, open_error, reading, writing};

pub use compare::{Difference, Snapshot};
pub use error::{ViewError, ViewsOpenError};
pub use generation::{Generation, serving_file};
pub use rows::{
    BalanceDelta, BalanceFilter, BalanceKeys, BalanceOf, BalanceRow, ContractRow, EntryFilter, EntryRow, ListedEntry,
    PolicyRow, TicketChange, TicketFilter, TicketRow, ViewBatch,
};
pub use write::ViewsWriter;

static MIGRATOR: Migrator = sqlx::migrate!("../../migrations/sqlite/views");

const WRITER_CACHE_KIB: u32 = 16 * 1024;
/// A build goes through all of its indexes, not only through what is new.
const BUILD_CACHE_KIB: u32 = 64 * 1024;
const READER_CACHE_KIB: u32 = 4 * 1024;
const READERS: u32 = 2;

/// How long the projector waits for a lock before it says that it waits; it tries again by itself.
const WRITER_BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// The views, for reading.
#[derive(Clone, Debug)]
pub struct Views {
    readers: SqlitePool,
}

impl Views {
    /// Opens a file for the projector of a log and for readers, and creates it if it is missing. One that was made of
    /// another log is refused. What the log holds can always be projected again, so a commit need not be on disk when
    /// it returns.
    pub async fn open(path: &Path, log: &dyn EventLog) -> Result<(ViewsWriter, Self), ViewsOpenError> {
        let connect = writing(path, SqliteSynchronous::Normal, WRITER_CACHE_KIB)
            .busy_timeout(WRITER_BUSY_TIMEOUT)
            .pragma("wal_autocheckpoint", "8000")
            .pragma("journal_size_limit", (64 * 1024 * 1024).to_string());
        let writer = Self::writer(&connect, path, log).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .test_before_acquire(false)
            .connect_lazy_with(reading(path, READER_CACHE_KIB));
        Ok((writer, Self { readers }))
    }

    /// Creates a file that nobody reads yet and that is thrown away if anything goes wrong, so it needs no journal.
    async fn open_fresh(path: &Path, log: &dyn EventLog) -> Result<ViewsWriter, ViewsOpenError> {
        let connect = writing(path, SqliteSynchronous::Off, BUILD_CACHE_KIB).journal_mode(SqliteJournalMode::Off);
        Self::writer(&connect, path, log).await
    }

    async fn writer(
        connect: &SqliteConnectOptions,
        path: &Path,
        log: &dyn EventLog,
    ) -> Result<ViewsWriter, ViewsOpenError> {
        let mut connection = connect.connect().await.map_err(|source| open_error(path, source))?;
        check_version(&mut connection, path).await?;
        migrate(connect, &MIGRATOR, path).await?;
        Origin::read(&mut connection).await?.check(log, path).await?;
        Origin::claim(&mut connection, log.info().log_id).await?;
        Ok(ViewsWriter::new(connection))
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.readers.close().await;
    }
}
