//! Opening and creating a log.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, Mutex};

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, SqlitePool};
use tokio::sync::{mpsc, watch};

use super::batch::{Inserts, commit};
use super::write::SqliteStore;
use super::{Held, LogOptions, SqliteLog, limits, read};
use crate::damage::Damage;
use crate::log::queue::Queue;
use crate::log::stream_names::StreamNames;
use crate::log::writer::{Gauges, Writer};
use crate::log::{ClockKind, Head, LogInfo, OpenError, ReadError, creation, plan};
use crate::sqlite::{
    LOCK_FILE, Readable, check_schema, check_version, io_error, is_there, migrate, open_error, open_to_read, reading,
    refuse_foreign, writing,
};

static MIGRATOR: Migrator = sqlx::migrate!("../../migrations/sqlite/log");

const FILE: &str = "log.sqlite";
const WRITE_AHEAD_FILE: &str = "log.sqlite-wal";

/// Page caches. Reads are mostly of recent pages, which the operating system holds as well. The writer's is not larger
/// because SQLite walks over all of it at the end of almost every transaction.
pub(super) const WRITER_CACHE_KIB: u32 = 4 * 1024;
const READER_CACHE_KIB: u32 = 1024;

impl SqliteLog {
    /// Opens the log in a directory for writing; creates both if they are missing. Refuses a second writer, another
    /// kind of clock and a newer schema.
    pub async fn open(directory: &Path, options: LogOptions) -> Result<Self, OpenError> {
        let lock = lock(directory)?;
        let path = directory.join(FILE);
        flush_what_was_left(directory)?;
        refuse_foreign(&path).await?;
        let connect = writing(&path, SqliteSynchronous::Full, WRITER_CACHE_KIB)
            // What is erased is overwritten, not only unlinked. Nothing but erasure deletes.
            .pragma("secure_delete", "on")
            // Only if the checkpoints beside the writer fail, or a reader keeps them from an end.
            .pragma("wal_autocheckpoint", "48000")
            .pragma("journal_size_limit", (128 * 1024 * 1024).to_string());
        let mut connection = connect.connect().await.map_err(|source| open_error(&path, source))?;
        check_version(&mut connection, &path).await?;
        migrate(&connect, &MIGRATOR, &path).await?;
        if end(&mut connection, &path).await?.position == 0 {
            create(&mut connection, &options, &path).await?;
        }
        let info = log_created(&mut connection, &path).await?;
        if info.clock != options.clock {
            return Err(OpenError::WrongClock { found: info.clock, wanted: options.clock });
        }
        let head = end(&mut connection, &path).await?;
        let database = File::open(&path).map_err(|source| io_error(path.clone(), source))?;
        let held = Arc::new(Held { database, _lock: lock });
        let mut store = SqliteStore::new(connection, connect, Arc::clone(&held), options.pages_max);
        store.bound_pages().await.map_err(|source| open_error(&path, source))?;
        let readers = pool(reading(&path, READER_CACHE_KIB), options.readers);

        let (batch_limits, append_limits) = limits(&options);
        let (jobs, queue) = mpsc::channel(options.queue_commands_max.max(1));
        let (published, head) = watch::channel(head);
        let gauges = Arc::new(Gauges::default());
        let writer = Writer::new(
            Box::new(store),
            queue,
            Arc::clone(&gauges),
            batch_limits,
            options.streams_remembered.max(1),
            published,
            info.clock == ClockKind::System,
        );
        Ok(Self {
            path,
            info,
            readers,
            names: StreamNames::new(),
            head,
            head_of_reader: None,
            queue: Queue::new(jobs, gauges, options.queue_bytes_max, append_limits, tokio::spawn(writer.run())),
            held: Mutex::new(Some(held)),
            still: None,
        })
    }

    /// Opens the log in a directory for reading, whether or not another process writes it, also where nothing may be
    /// written. The head stands where the
    /// log ended at this moment, or at the last [`crate::EventLog::refresh_head`].
    pub async fn open_read_only(directory: &Path) -> Result<Self, OpenError> {
        let path = directory.join(FILE);
        if !is_there(&path)? {
            return Err(OpenError::Missing { path });
        }
        let Readable { mut connection, connect, still } = open_to_read(&path, READER_CACHE_KIB).await?;
        check_version(&mut connection, &path).await?;
        check_schema(&mut connection, &MIGRATOR, &path).await?;
        let head = end(&mut connection, &path).await?;
        let info = log_created(&mut connection, &path).await?;
        connection.close().await.map_err(|source| open_error(&path, source))?;
        let (sender, head) = watch::channel(head);
        let names = StreamNames::new();
        Ok(Self {
            readers: pool(connect, 2),
            names,
            path,
            info,
            head,
            head_of_reader: Some(sender),
            queue: Queue::closed(),
            held: Mutex::new(None),
            still,
        })
    }
}

fn pool(connect: SqliteConnectOptions, readers: u32) -> SqlitePool {
    SqlitePoolOptions::new().max_connections(readers.max(1)).test_before_acquire(false).connect_lazy_with(connect)
}

/// Creates the directory and takes the lock that one writer holds.
fn lock(directory: &Path) -> Result<File, OpenError> {
    std::fs::create_dir_all(directory).map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory => OpenError::NoDirectory { path: directory.to_owned() },
        _ => io_error(directory.to_owned(), source),
    })?;
    let path = directory.join(LOCK_FILE);
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|source| io_error(path.clone(), source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path }),
        Err(TryLockError::Error(source)) => Err(io_error(path, source)),
    }
}

/// What a writer left that was killed between writing a batch and flushing it is read as committed, and a repeated
/// command is answered from it. So it is made durable before anything is read. A file beside it holds no lock of
/// SQLite's: closing it here takes none away.
fn flush_what_was_left(directory: &Path) -> Result<(), OpenError> {
    let path = directory.join(WRITE_AHEAD_FILE);
    // Its name as well: whoever made the file may not have come to it.
    match File::open(&path).and_then(|left| left.sync_data()).and_then(|()| File::open(directory)?.sync_all()) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(io_error(path, error)),
        _ => Ok(()),
    }
}

/// Where the log ends.
async fn end(connection: &mut SqliteConnection, path: &Path) -> Result<Head, OpenError> {
    read::head(connection).await.map_err(|source| open_error(path, source))
}

/// Appends the first event, by the same way as all others.
async fn create(connection: &mut SqliteConnection, options: &LogOptions, path: &Path) -> Result<(), OpenError> {
    let mut batch = [creation::command(options, path)?];
    let (requests, heads, taken) = Default::default();
    let known = plan::Known { head: Head::default(), streams: 0, requests: &requests, heads: &heads, taken: &taken };
    let plan = plan::plan(&mut batch, &known, None);
    let outcome = async {
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
        Inserts::default().run(connection, &batch, &plan).await?;
        commit(connection).await
    };
    outcome.await.map_err(|source| open_error(path, source))
}

async fn log_created(connection: &mut SqliteConnection, path: &Path) -> Result<LogInfo, OpenError> {
    let corrupt = |error: ReadError| {
        let damage = match error {
            ReadError::Corrupt { damage } => damage,
            error => Damage::Quoted(error.to_string()),
        };
        OpenError::Corrupt { path: path.to_owned(), damage }
    };
    creation::info(read::first(connection).await.map_err(corrupt)?, path)
}
