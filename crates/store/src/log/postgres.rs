//! The log in a PostgreSQL database that several server processes may share.
//!
//! # One round trip
//!
//! A batch is planned in memory before the database is asked: [`crate::log::plan`] is given what the log most
//! probably is. A stream that this process wrote is assumed to be where it left it, any other one to be where the first
//! command that names it expects it, and no request is assumed to have been accepted before. Then one statement, a
//! call of `beleg_log.append`, carries the whole batch as arrays. The function
//!
//! 1. locks the one row of `log_head`, which the appends of all processes queue for;
//! 2. looks whether the log is as the plan assumed, as far as the keys do not say so: no later stamp, the versions of
//!    streams that the batch only reads or whose numbers this session does not know, requests of refused commands;
//! 3. inserts the rows behind the last event, wherever that is by now, and says where that was. A stream that has gone
//!    further, or an inserted request that was accepted before, has a row already that the keys do not give up.
//!
//! It runs outside a transaction, so its end is the commit. Positions are in no leaf hash, so nothing that was hashed
//! ahead becomes wrong when the batch lands elsewhere. If anything is otherwise, nothing is added, and the batch takes
//! the way that needs no assumptions: begin and lock, look up, plan, insert, commit, each a round trip. That is for what
//! is rare: repeated requests, and conflicts about streams that another process writes. After the keys refused a batch,
//! the next ones ask about everything first: a refusal by the keys leaves rows to clean away and a line in the server's
//! log.
//!
//! What a batch assumed and what was verified are the same set, refused commands included. So a command that the plan
//! refuses is refused rightly once the batch is in, and a batch with conflicts still takes one round trip.
//!
//! # Why no position is ever skipped
//!
//! Each statement in a volatile function, under READ COMMITTED, sees what was committed when that statement began. The
//! lock is held until the transaction has ended, and a transaction becomes visible before it lets go of its locks. So
//! the statement after the lock sees every event there is, its position plus one is free, and nobody else takes it.
//! Commits come in the order of positions: a reader that sees a position sees all before it, however long other
//! transactions on the server stay open. No sequence is used, whose numbers would come before their commits.
//!
//! The row of `log_head` is only locked, never updated. A row that every batch updates would leave a dead version
//! behind each time, and while any transaction on the server stays open, none of them can be cleaned away: every
//! append would walk over all of them. The log's end is its last event, found by its key.
//!
//! # Several processes
//!
//! `recorded_at` never decreases, and a batch is stamped and hashed before it waits for the lock. Where several processes
//! append at once, another's later stamp may be in the log by then. So after that happened, the next few batches lock
//! first, in a transaction, and are stamped under the lock: three round trips, but no hash for nothing.
//!
//! What others append is learned by looking: a task asks for the last event every few milliseconds, unless this
//! process's own writer, who learns the end with every batch, has just been there. That is one look-up by key. A
//! NOTIFY in the append would make commits queue for a lock that is common to the whole server; one after the append
//! would be another commit, and a connection that breaks would lose it, so that one had to look all the same.
//!
//! # A connection that dies
//!
//! When a call of the function, or a COMMIT, does not answer, it may have taken effect, or may still: the server's
//! process does not notice that its client left. So a new connection first ends the process behind the lost one, by
//! its pid and start, and waits until it is gone. What is read after that is final. The batch's own requests are
//! told from earlier ones with the same ids by their seals. If they are there, the batch is answered as appended; if
//! not, it is tried again for a bounded time, and then answered as unavailable. Only if the server stays away is the
//! outcome answered as unknown.
//!
//! Transactions are begun by the writer's task only, which is never dropped midway (a cancelled begin can leave an open
//! transaction behind, transact-rs/sqlx#4385), and the server ends what idles or waits too long.

mod batch;
mod excess;
mod moving;
mod open;
mod read;
mod roles;
mod write;

pub use excess::{Excess, Property};
pub use moving::{MoveError, move_log};
pub use roles::Roles;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use uuid::Uuid;

use super::queue::Queue;
use super::stream_names::StreamNames;
use super::{
    Append, AppendError, Appended, Commits, EventLog, Head, LogInfo, PAGE_EVENTS_MAX, ReadError, StoredEvent,
    StoredRequest,
};
use crate::postgres::Readers;

/// The event log in a PostgreSQL database.
#[derive(Debug)]
pub struct PostgresLog {
    info: LogInfo,
    readers: Readers,
    names: StreamNames,
    head: watch::Receiver<Head>,
    published: watch::Sender<Head>,
    queue: Queue,
    /// The task that looks for what other processes append.
    follower: AbortHandle,
}

#[async_trait]
impl EventLog for PostgresLog {
    fn info(&self) -> LogInfo {
        self.info
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn readers(&self) -> usize {
        self.readers.connections()
    }

    fn head(&self) -> Head {
        *self.head.borrow()
    }

    async fn refresh_head(&self) -> Result<Head, ReadError> {
        open::move_on(&self.published, read::head(&self.readers).await?);
        Ok(self.head())
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
        Ok(read::requests(&self.readers, &[request_id]).await?.remove(&request_id))
    }

    async fn stream_version(&self, stream: &str) -> Result<i64, ReadError> {
        Ok(read::stream_versions(&self.readers, &[stream]).await?.first().copied().unwrap_or(0))
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
        self.follower.abort();
        self.readers.close().await;
        self.queue.ended().await;
    }
}

impl Drop for PostgresLog {
    /// The writer ends with its queue; the follower would go on.
    fn drop(&mut self) {
        self.follower.abort();
    }
}
