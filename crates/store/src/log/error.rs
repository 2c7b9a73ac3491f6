//! The log's errors, by what the caller does next.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use uuid::Uuid;

use super::{ClockKind, Excess};
use crate::damage::Damage;
use crate::fault::{Cause, cause, own_words};

/// Why the database could not take or give anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UnavailableReason {
    /// No space is left where the log lives.
    #[error("the disk is full")]
    DiskFull,
    /// The file or its file system may not be written.
    #[error("the log may not be written")]
    ReadOnly,
    /// The database takes no changes, or this role lacks a right.
    #[error("the database refuses it: it is read-only, or the role lacks a right")]
    Refused,
    /// The operating system reported an I/O error.
    #[error("input/output error")]
    Io,
    /// Another process kept the database locked.
    #[error("the database is locked by another process")]
    Locked,
    /// The database server cannot be reached, or broke the connection.
    #[error("the database cannot be reached")]
    Connection,
    /// The file or the database is damaged or not what it should be.
    #[error("what is stored is damaged")]
    Corrupt,
    /// Anything else; the cause is in the program's own log.
    #[error("the database failed")]
    Other,
}

/// Why an append was not accepted. In every case but [`AppendError::Unknown`] nothing of it is in the log.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AppendError {
    /// A stream is at another version than expected: read again and decide again.
    #[error("stream {stream} is at version {actual}, expected {expected}")]
    Conflict {
        /// The first stream whose expectation failed.
        stream: Arc<str>,
        /// The version that was expected.
        expected: i64,
        /// The version it has; 0 if it does not exist.
        actual: i64,
    },
    /// An event id is taken.
    #[error("event id {event_id} exists already")]
    EventExists {
        /// The id.
        event_id: Uuid,
    },
    /// The request id was accepted before with other content.
    #[error("request id {request_id} was used before with other content")]
    RequestReused {
        /// The id.
        request_id: Uuid,
    },
    /// More than a batch may hold.
    #[error(
        "an append of {events} events and {bytes} bytes is too large (at most {events_max} events, {bytes_max} bytes)"
    )]
    TooLarge {
        /// Events in the append.
        events: usize,
        /// Bytes of payloads and personal fields.
        bytes: usize,
        /// Most events of one append.
        events_max: usize,
        /// Most bytes of one append.
        bytes_max: usize,
    },
    /// The append contradicts itself or the log's rules: a bug of the caller.
    #[error("malformed append: {reason}")]
    Malformed {
        /// What is wrong.
        reason: String,
    },
    /// The queue is full: try again later.
    #[error("too many appends are waiting")]
    Overloaded,
    /// The database cannot write now; the log goes on when it can.
    #[error("the log is unavailable: {reason}")]
    Unavailable {
        /// Why.
        reason: UnavailableReason,
    },
    /// The commit failed and whether it took effect could not be looked up: repeat with the same request id.
    #[error("the outcome of the append is unknown: {reason}")]
    Unknown {
        /// Why the commit failed.
        reason: UnavailableReason,
    },
    /// The log was closed, or was opened for reading only.
    #[error("the log is closed")]
    Closed,
}

/// Why a read failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadError {
    /// The database cannot read now.
    #[error("the log is unavailable: {reason}")]
    Unavailable {
        /// Why.
        reason: UnavailableReason,
    },
    /// A row is not what this program writes.
    #[error("the log is damaged: {damage}")]
    Corrupt {
        /// What was found.
        damage: Damage,
    },
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
}

/// Why a log or its views could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Nothing is there, and reading was all that was asked for.
    #[error("no log at {path}: start the server once")]
    Missing {
        /// The file looked for.
        path: PathBuf,
    },
    /// The database holds none, and reading was all that was asked for.
    #[error(
        "{path} holds no log: `beleg database init` prepares a database, and the first `beleg serve --database` creates \
         its log"
    )]
    NoLog {
        /// The database.
        path: PathBuf,
    },
    /// What is there may not be looked at.
    #[error("{path} may not be read: give the user that runs this program the right to, or run it as one that has it")]
    Unreadable {
        /// The directory or the file.
        path: PathBuf,
    },
    /// A file is where the directory should be.
    #[error("{path} is no directory, and --data must be one")]
    NoDirectory {
        /// The path.
        path: PathBuf,
    },
    /// Another process writes this log.
    #[error("{path} is locked: another process is writing this log. Stop it first, or give this one another directory")]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// The log was created with another kind of clock.
    #[error("this log was created with the {found} clock and cannot be opened with the {wanted} clock")]
    WrongClock {
        /// What the log says.
        found: ClockKind,
        /// What was asked for.
        wanted: ClockKind,
    },
    /// A newer program migrated the file.
    #[error("{path} has schema {found}, this program knows {known}: use the newer program")]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// The schema found.
        found: i64,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// The file must be migrated, but was opened for reading only.
    #[error("{path} has schema {found}, this program reads {known}: open it once for writing")]
    OlderSchema {
        /// The file.
        path: PathBuf,
        /// The schema found.
        found: i64,
        /// The schema needed.
        known: i64,
    },
    /// Another program's database.
    #[error("{path} is a database of another program: give another directory")]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// The schema has this program's number, but was made by another build.
    #[error(
        "{path} has the schema {version} of another build of this program: use the build that made it, or another place"
    )]
    OtherBuild {
        /// The file, or the database.
        path: PathBuf,
        /// The schema.
        version: i64,
    },
    /// The database must be migrated, and the role may not.
    #[error(
        "{path} has schema {found}, this program needs {known}: run `beleg database init` as the role that owns it"
    )]
    NotMigrated {
        /// The database.
        path: PathBuf,
        /// The schema found; 0 is none.
        found: i64,
        /// The schema needed.
        known: i64,
    },
    /// The database must be migrated, but servers of an older program use it.
    #[error(
        "{path} has schema {found}, this program needs {known}, and servers that need {found} are running: stop them first"
    )]
    ServersRunning {
        /// The database.
        path: PathBuf,
        /// The schema found.
        found: i64,
        /// The schema needed.
        known: i64,
    },
    /// Servers of another build use a schema of the same version.
    #[error("servers of another build of beleg use {path}: stop them first")]
    OtherBuildRunning {
        /// The database.
        path: PathBuf,
    },
    /// The role that is to serve could change what is recorded.
    #[error(
        "role {role} {excess}, so whoever serves with it could change what is recorded: take that away over the \
         administrator's URL ({cure}){}; nothing was done",
        excess.besides()
    )]
    Excess {
        /// The role.
        role: String,
        /// What it has and must not.
        excess: Box<Excess>,
        /// The statements that take it away, for the role and the database of the administrator's URL.
        cure: String,
    },
    /// The directory or file may not be written.
    #[error("{path} may not be written: give the directory to the user that runs this program")]
    ReadOnly {
        /// The path.
        path: PathBuf,
    },
    /// Nothing may be written, and what was written last does not stand in the file itself.
    #[error(
        "{path} cannot be read where nothing may be written, for {ahead} holds what is not in it yet: copy the whole \
         directory to where it may be written, and read the copy"
    )]
    Ahead {
        /// The file.
        path: PathBuf,
        /// Its write-ahead log.
        ahead: PathBuf,
    },
    /// No space is left for the file, or for what stands beside it.
    #[error("{path} cannot be opened, no space is left where it lives: make room, then start again")]
    NoSpace {
        /// The file.
        path: PathBuf,
    },
    /// The SQLite built in is older than the oldest one without a known fault that damages a log.
    #[error("SQLite {found} is too old, at least {needed} is needed")]
    OldSqlite {
        /// The version built in.
        found: String,
        /// The oldest accepted.
        needed: &'static str,
    },
    /// The PostgreSQL server is too old.
    #[error("PostgreSQL {found} is too old, at least {needed} is needed")]
    OldPostgres {
        /// The server's version.
        found: String,
        /// The oldest accepted.
        needed: &'static str,
    },
    /// The file or the database holds no log of this program, or is damaged.
    #[error("{path} is no intact log: {damage}")]
    Corrupt {
        /// The file, or the database.
        path: PathBuf,
        /// What is wrong.
        damage: Damage,
    },
    /// The database's URL is none.
    #[error("the database's URL cannot be used: {}", own_words(source))]
    Url {
        /// What is wrong with it.
        source: sqlx::Error,
    },
    /// The operating system said no.
    #[error("{path}: {source}")]
    Io {
        /// The path.
        path: PathBuf,
        /// Its words.
        source: std::io::Error,
    },
    /// The database failed.
    #[error("{path}: {}", own_words(source))]
    Database {
        /// The file.
        path: PathBuf,
        /// Its words.
        source: sqlx::Error,
    },
    /// The database did not answer for as long as was waited for it.
    #[error(
        "{path} does not answer since {waited_seconds} s ({}): start it, or correct host and port in its URL",
        own_words(source)
    )]
    Away {
        /// The database.
        path: PathBuf,
        /// How long it was tried for.
        waited_seconds: u64,
        /// What was said last.
        source: sqlx::Error,
    },
    /// The database was reached, and no connection came about that is as safe as its URL asks for.
    #[error("{path}: no connection over TLS ({reason}): correct the host's name, sslmode or sslrootcert in its URL")]
    Tls {
        /// The database.
        path: PathBuf,
        /// What is wrong with the server, its certificate, or a file named in the URL.
        reason: String,
    },
    /// The migration failed.
    #[error("{path}: {}", own_words(source))]
    Migration {
        /// The file.
        path: PathBuf,
        /// Its words.
        source: sqlx::migrate::MigrateError,
    },
    /// No random bytes could be had.
    #[error("the system gave no random bytes")]
    Random,
}

impl OpenError {
    /// Whether the database could not be reached, or is only starting: it may be there in a moment.
    pub(crate) fn is_away(&self) -> bool {
        let Self::Database { source, .. } = self else { return false };
        cause(source) == Cause::Unavailable(UnavailableReason::Connection)
    }

    /// The same after it was waited for.
    pub(crate) fn after(self, waited: Duration) -> Self {
        match self {
            Self::Database { path, source } => Self::Away { path, waited_seconds: waited.as_secs(), source },
            error => error,
        }
    }
}
