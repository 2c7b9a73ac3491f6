//! The event log: one gapless order of events that nobody can change.
//!
//! [`EventLog`] is all that the rest of the program knows. [`SqliteLog`] keeps it in one SQLite file, [`PostgresLog`] in
//! a database that several processes share. What both a
//! SQLite and a PostgreSQL log need, and what no SQL should decide, stands beside them: [`plan`] settles in memory
//! which commands of a batch are accepted and what rows they become, [`writer`] collects waiting commands into
//! batches, commits them and answers.
//!
//! Invariants, each held twice (by the code and by the schema):
//!
//! - Positions start at 1, have no gaps and follow the order of commits; `recorded_at` never decreases along them.
//! - A stream's versions start at 1 and have no gaps.
//! - An event id and a request id occur once.
//! - Nothing is answered before it is durable, and nothing durable is answered as failed.

mod command;
mod creation;
mod decoded;
mod error;
mod heads;
mod plan;
mod postgres;
mod queue;
mod rows;
mod sqlite;
mod stream_names;
mod writer;

use async_trait::async_trait;
use tokio::sync::watch;
use uuid::Uuid;

pub use error::{AppendError, OpenError, ReadError, UnavailableReason};
pub use postgres::{Excess, MoveError, PostgresLog, Property, Roles, move_log};
pub use rows::{
    Append, Appended, AppendedEvent, ClockKind, Commits, Disclosed, Head, LogInfo, NewEvent, PersonalField, Seal,
    StoredEvent, StoredPersonal, StoredRequest,
};
pub use sqlite::{LogOptions, SqliteLog};

/// The log, whatever database keeps it.
///
/// Pages: a read returns at most `limit` events, at most [`PAGE_EVENTS_MAX`], and stops early once the page holds
/// [`PAGE_BYTES_MAX`] bytes; only an empty page means that nothing follows.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// The log's id and clock.
    fn info(&self) -> LogInfo;

    /// Whether other processes may append to it: then what this process remembers of a stream may be outdated.
    fn is_shared(&self) -> bool {
        false
    }

    /// Connections for reading: so many reads go on at once, and the next one waits.
    fn readers(&self) -> usize;

    /// The last position that this process knows to be durable.
    fn head(&self) -> Head;

    /// Looks where the log ends now, also by what other processes appended.
    async fn refresh_head(&self) -> Result<Head, ReadError>;

    /// What this process has committed so far.
    fn commits(&self) -> Commits;

    /// Follows [`EventLog::head`].
    fn watch_head(&self) -> watch::Receiver<Head>;

    /// Appends a command's events, or gives the first receipt of a repeated request. Returns once it is durable. A
    /// caller that stops waiting does not take the command back.
    async fn append(&self, append: Append) -> Result<Appended, AppendError>;

    /// The receipt of an accepted request.
    async fn find_request(&self, request_id: Uuid) -> Result<Option<StoredRequest>, ReadError>;

    /// A stream's version; 0 if it does not exist.
    async fn stream_version(&self, stream: &str) -> Result<i64, ReadError>;

    /// Versions of several streams, in the order given; 0 for one that does not exist.
    async fn stream_versions(&self, streams: &[&str]) -> Result<Vec<i64>, ReadError>;

    /// A page of one stream, in order of version.
    async fn read_stream(&self, stream: &str, after_version: i64, limit: usize) -> Result<Vec<StoredEvent>, ReadError>;

    /// A page of the whole log, in order of position.
    async fn read_all(&self, after_position: i64, limit: usize) -> Result<Vec<StoredEvent>, ReadError>;

    /// The events at these positions (at most [`PAGE_EVENTS_MAX`]), in order of position; unknown ones are left out.
    async fn events_at(&self, positions: &[i64]) -> Result<Vec<StoredEvent>, ReadError>;

    /// The events with these ids (at most [`PAGE_EVENTS_MAX`]), in order of position; unknown ones are left out.
    async fn events_by_id(&self, event_ids: &[Uuid]) -> Result<Vec<StoredEvent>, ReadError>;

    /// The last position that was recorded at or before an instant; 0 if there is none.
    async fn position_at(&self, recorded_at_us: i64) -> Result<i64, ReadError>;

    /// Removes the texts of the personal fields of all events from one position to another, both included, for good,
    /// and says how many. Payloads, commitments and leaf hashes stay.
    async fn erase_personal(&self, from_position: i64, to_position: i64) -> Result<u64, AppendError>;

    /// Answers what is queued, then closes the database. Later calls fail as closed.
    async fn close(&self);
}

/// Most events of one page.
pub const PAGE_EVENTS_MAX: usize = 8_192;

/// Bytes after which a page ends early.
pub const PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;
