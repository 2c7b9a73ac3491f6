//! The views in a SQLite file.

mod compare;
mod generation;
mod read;
mod write;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection, SqlitePool};
use uuid::Uuid;

use super::origin::Origin;
use super::{ViewError, Views, ViewsOpenError, ViewsWriter};
use crate::damage::Damage;
use crate::log::EventLog;
use crate::sqlite::{check_version, migrate, open_error, reading, writing};

pub(super) use compare::FileSnapshot;
pub(super) use generation::FileGeneration;
pub use generation::serving_file;
use write::SqliteViewsWriter;

static MIGRATOR: Migrator = sqlx::migrate!("../../migrations/sqlite/views");

const WRITER_CACHE_KIB: u32 = 8 * 1024;
/// A build goes through all of its indexes, not only through what is new.
const BUILD_CACHE_KIB: u32 = 64 * 1024;
const READER_CACHE_KIB: u32 = 1024;
const READERS: u32 = 2;

/// How long the projector waits for a lock before it says that it waits; it tries again by itself.
const WRITER_BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// The views' file, for reading.
#[derive(Clone, Debug)]
struct SqliteViews {
    readers: SqlitePool,
}

/// Opens a file for the projector of a log and for readers, and creates it if it is missing. One that was made of
/// another log is refused. What the log holds can always be projected again, so a commit need not be on disk when it
/// returns.
pub(crate) async fn open(
    path: &Path,
    log: &dyn EventLog,
) -> Result<(Box<dyn ViewsWriter>, Arc<dyn Views>), ViewsOpenError> {
    let connect = writing(path, SqliteSynchronous::Normal, WRITER_CACHE_KIB)
        .busy_timeout(WRITER_BUSY_TIMEOUT)
        // 64 MiB: a page that many batches change is moved once.
        .pragma("wal_autocheckpoint", "16000")
        .pragma("journal_size_limit", (80 * 1024 * 1024).to_string());
    let writer = writer(&connect, path, log).await?;
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .test_before_acquire(false)
        .connect_lazy_with(reading(path, READER_CACHE_KIB));
    Ok((writer, Arc::new(SqliteViews { readers })))
}

/// Creates a file that nobody reads yet and that is thrown away if anything goes wrong, so it needs no journal.
async fn open_fresh(path: &Path, log: &dyn EventLog) -> Result<Box<dyn ViewsWriter>, ViewsOpenError> {
    let connect = writing(path, SqliteSynchronous::Off, BUILD_CACHE_KIB).journal_mode(SqliteJournalMode::Off);
    writer(&connect, path, log).await
}

async fn writer(
    connect: &SqliteConnectOptions,
    path: &Path,
    log: &dyn EventLog,
) -> Result<Box<dyn ViewsWriter>, ViewsOpenError> {
    let mut connection = connect.connect().await.map_err(|source| open_error(path, source))?;
    match prepare(&mut connection, connect, path, log).await {
        Ok(()) => Ok(Box::new(SqliteViewsWriter::new(connection))),
        Err(error) => {
            // The error says more than one about closing.
            let _ = connection.close().await;
            Err(error)
        }
    }
}

async fn prepare(
    connection: &mut SqliteConnection,
    connect: &SqliteConnectOptions,
    path: &Path,
    log: &dyn EventLog,
) -> Result<(), ViewsOpenError> {
    check_version(connection, path).await?;
    migrate(connect, &MIGRATOR, path).await?;
    origin(connection).await?.check(log, path).await?;
    Ok(claim(connection, log.info().log_id).await?)
}

async fn origin(connection: &mut SqliteConnection) -> Result<Origin, ViewError> {
    let row = sqlx::query("SELECT log_id, position, leaf_hash FROM checkpoint").fetch_one(connection).await?;
    let log_id: Option<Vec<u8>> = row.try_get(0)?;
    let log_id = log_id.map(|bytes| Uuid::from_slice(&bytes)).transpose();
    Ok(Origin {
        log_id: log_id.map_err(|_| ViewError::broken(Damage::Row))?,
        position: row.try_get(1)?,
        leaf_hash: row.try_get(2)?,
    })
}

/// Says to which log a new file belongs.
async fn claim(connection: &mut SqliteConnection, log_id: Uuid) -> Result<(), ViewError> {
    let claimed = sqlx::query("UPDATE checkpoint SET log_id = ? WHERE log_id IS NULL");
    claimed.bind(log_id.as_bytes().to_vec()).execute(connection).await?;
    Ok(())
}
