//! The event log and the views, in SQL and nothing else.
//!
//! Two stores live here. The **log** ([`EventLog`], [`SqliteLog`], [`PostgresLog`]) is the truth: events are only ever added, in one
//! gapless order, and the database itself refuses to change them. The **views** ([`Views`]) are what the projector
//! made of the log for lists and totals: delete them and they are rebuilt. Both live in one [`Storage`], a directory or
//! a PostgreSQL database.
//!
//! What is absent: no decision is taken here, no protobuf is known, no payload is ever read.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod damage;
mod fault;
mod log;
mod postgres;
mod sqlite;
mod storage;
pub mod views;

pub use damage::{Damage, Foreign};
pub use fault::own_words;
pub use log::{
    Append, AppendError, Appended, AppendedEvent, ClockKind, Commits, Disclosed, EventLog, Excess, Head, LogInfo,
    LogOptions, MoveError, NewEvent, OpenError, PAGE_BYTES_MAX, PAGE_EVENTS_MAX, PersonalField, PostgresLog, Property,
    ReadError, Roles, Seal, SqliteLog, StoredEvent, StoredPersonal, StoredRequest, UnavailableReason, move_log,
};
pub use postgres::{PostgresOptions, PrivateDatabase};
pub use storage::{Database, Storage};
pub use views::{ViewBatch, ViewError, Views, ViewsOpenError, ViewsWriter};
