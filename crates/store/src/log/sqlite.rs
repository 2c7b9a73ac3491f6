//! The log in one SQLite file: `log.sqlite`, with `log.lock` held by the one process that writes it.

mod batch;
mod checkpoint;
mod open;
mod read;
mod write;

use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use sqlx::SqlitePool;
use tokio::sync::watch;
use uuid::Uuid;

use super::command::AppendLimits;
use super::queue::Queue;
use super::stream_names::StreamNames;
use super::writer::BatchLimits;
use super::{
    Append, AppendError, Appended, ClockKind, Commits, EventLog, Head, LogInfo, PAGE_EVENTS_MAX, ReadError,
    StoredEvent, StoredRequest,
};

/// How a log is opened for writing.
#[derive(Debug, Clone, Copy)]
pub struct LogOptions {
    /// The clock the log must have, and gets if it is created.
    pub clock: ClockKind,
    /// What `log_created` is stamped with; `None` is the system's clock, or 1970 under a simulated one.
    pub created_at_us: Option<i64>,
    /// Most appends that wait; one more is answered [`AppendError::Overloaded`].
    pub queue_commands_max: usize,
    /// Most bytes that wait.
    pub queue_bytes_max: usize,
    /// Most commands of one transaction.
    pub batch_commands_max: usize,
    /// Events after which a transaction takes no further command.
    pub batch_events_max: usize,
    /// Bytes after which a transaction takes no further command.
    pub batch_bytes_max: usize,
    /// Most events of one append.
    pub append_events_max: usize,
    /// Most bytes of one append. A re-assessment of a whole ticket is one append, so this is far more than a batch's.
    pub append_bytes_max: usize,
    /// Streams whose version is remembered, at least.
    pub streams_remembered: usize,
    /// Connections for reading.
    pub readers: u32,
    /// Most pages (4 KiB) of the database file, for tests of a full disk; `None` is no bound.
    pub pages_max: Option<u32>,
}

impl LogOptions {
    /// The usual bounds.
    pub fn new(clock: ClockKind) -> Self {
        Self {
            clock,
            created_at_us: None,
            queue_commands_max: 4_096,
            queue_bytes_max: 96 * 1024 * 1024,
            batch_commands_max: 512,
            batch_events_max: 4_096,
            batch_bytes_max: 4 * 1024 * 1024,
            append_events_max: 8_192,
            append_bytes_max: 64 * 1024 * 1024,
            streams_remembered: 32_768,
            // Full reads leave two of them to everybody else, and three keep a full read at its speed.
            readers: 5,
            pages_max: None,
        }
    }
}

/// The event log in a SQLite file.
#[derive(Debug)]
pub struct SqliteLog {
    path: PathBuf,
    info: LogInfo,
    readers: SqlitePool,
    names: StreamNames,
    head: watch::Receiver<Head>,
    /// Keeps the head's channel open where nothing is written, and lets [`SqliteLog::refresh_head`] move it.
    head_of_reader: Option<watch::Sender<Head>>,
    queue: Queue,
    /// Where it is written, until the connections are closed.
    held: Mutex<Option<Arc<Held>>>,
    /// Held until it is closed: nobody writes a file that is read as one that does not change.
    still: Option<File>,
}

/// What whoever writes a log holds. Fields are dropped in their order.
#[derive(Debug)]
struct Held {
    /// The database file once more, for flushes. To close it takes all locks on that file from this process, SQLite's as
    /// well, so the next one may open it only then.
    database: File,
    /// Keeps other writers out.
    _lock: File,
}

impl SqliteLog {
    /// Accepted requests, many at a time.
    pub(crate) async fn requests(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, StoredRequest>, ReadError> {
        let mut reader = self.readers.acquire().await?;
        read::requests(&mut reader, ids).await
    }

    /// The database file.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }
}

#[async_trait]
impl EventLog for SqliteLog {
    fn info(&self) -> LogInfo {
        self.info
    }

    fn readers(&self) -> usize {
        usize::try_from(self.readers.options().get_max_connections()).unwrap_or(usize::MAX)
    }

    fn head(&self) -> Head {
        *self.head.borrow()
    }

    /// Only needed where it was opened for reading: another process writes it then.
    async fn refresh_head(&self) -> Result<Head, ReadError> {
        let Some(sender) = &self.head_of_reader else { return Ok(self.head()) };
        let head = read::head(&mut *self.readers.acquire().await?).await?;
        sender.send_replace(head);
        Ok(head)
    }

    fn commits(&self) -> Commits {
        self.queue.commits()
    }

    fn watch_head(&self) -> watch::Receiver<Head> {
        self.head.clone()
    }

    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        self.queue.append(append).await
    }

    async fn find_request(&self, request_id: Uuid) -> Result<Option<StoredRequest>, ReadError> {
        Ok(self.requests(&[request_id]).await?.remove(&request_id))
    }

    async fn stream_version(&self, stream: &str) -> Result<i64, ReadError> {
        read::stream_version(&self.readers, stream).await
    }

    async fn stream_versions(&self, streams: &[&str]) -> Result<Vec<i64>, ReadError> {
        read::stream_versions(&self.readers, streams).await
    }

    async fn read_stream(&self, stream: &str, after_version: i64, limit: usize) -> Result<Vec<StoredEvent>, ReadError> {
        read::stream(&self.readers, stream, after_version, limit).await
    }

    async fn read_all(&self, after_position: i64, limit: usize) -> Result<Vec<StoredEvent>, ReadError> {
        read::all(&self.readers, &self.names, after_position, limit).await
    }

    async fn events_at(&self, positions: &[i64]) -> Result<Vec<StoredEvent>, ReadError> {
        read::at(&self.readers, &self.names, &positions[..positions.len().min(PAGE_EVENTS_MAX)]).await
    }

    async fn events_by_id(&self, event_ids: &[Uuid]) -> Result<Vec<StoredEvent>, ReadError> {
        read::by_id(&self.readers, &self.names, &event_ids[..event_ids.len().min(PAGE_EVENTS_MAX)]).await
    }

    async fn position_at(&self, recorded_at_us: i64) -> Result<i64, ReadError> {
        read::position_at(&self.readers, recorded_at_us).await
    }

    async fn erase_personal(&self, from_position: i64, to_position: i64) -> Result<u64, AppendError> {
        self.queue.erase_personal(from_position, to_position).await
    }

    async fn close(&self) {
        self.queue.stop();
        self.queue.ended().await;
        self.readers.close().await;
        drop(self.held.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(still) = &self.still {
            // What cannot be given back now, the end of this gives back.
            let _ = still.unlock();
        }
    }
}

/// Bounds of a batch and of an append.
pub(crate) fn limits(options: &LogOptions) -> (BatchLimits, AppendLimits) {
    let batch = BatchLimits {
        commands_max: options.batch_commands_max.max(1),
        events_max: options.batch_events_max.max(1),
        bytes_max: options.batch_bytes_max,
    };
    (batch, AppendLimits { events_max: options.append_events_max.max(1), bytes_max: options.append_bytes_max })
}
