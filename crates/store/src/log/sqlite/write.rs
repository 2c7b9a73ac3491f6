//! Batches as SQLite transactions.
//!
//! The transaction is spoken in plain SQL on a connection that belongs to the writer's task alone: begin and reading
//! the head are one statement text, moving the head and commit another, because each statement is a hop to the
//! connection's thread.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::sync::Arc;

use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions};
use sqlx::{Arguments as _, ConnectOptions as _, Connection as _, Row as _, SqliteConnection};
use uuid::Uuid;

use super::checkpoint::Checkpoints;
use super::read;
use crate::fault::Fault;
use crate::log::command::{Command, Pending};
use crate::log::heads::StreamHead;
use crate::log::plan::{Plan, Verdict};
use crate::log::writer::BatchStore;
use crate::log::{Head, PersonalField, StoredRequest, UnavailableReason};
use crate::sqlite::BulkInsert;

/// The writing connection.
pub(super) struct SqliteStore {
    /// `None` after it broke, until the next begin opens another.
    connection: Option<SqliteConnection>,
    connect: SqliteConnectOptions,
    pages_max: Option<u32>,
    inserts: Inserts,
    checkpoints: Checkpoints,
    /// Released after the connection is closed: fields are dropped in their order.
    _lock: File,
}

impl SqliteStore {
    pub(super) fn new(
        connection: SqliteConnection,
        connect: SqliteConnectOptions,
        lock: File,
        pages_max: Option<u32>,
    ) -> Self {
        let (inserts, checkpoints) = (Inserts::default(), Checkpoints::new(connect.clone()));
        Self { connection: Some(connection), connect, pages_max, inserts, checkpoints, _lock: lock }
    }

    /// Applies the bound on the file's size, where there is one.
    pub(super) async fn bound_pages(&mut self) -> Result<(), sqlx::Error> {
        if let (Some(pages), Some(connection)) = (self.pages_max, &mut self.connection) {
            let pragma = format!("PRAGMA max_page_count = {pages}");
            sqlx::raw_sql(sqlx::AssertSqlSafe(pragma)).execute(connection).await?;
        }
        Ok(())
    }

    async fn connection(&mut self) -> Result<&mut SqliteConnection, Fault> {
        if self.connection.is_none() {
            self.connection = Some(self.connect.connect().await?);
            self.bound_pages().await?;
        }
        self.connection.as_mut().ok_or_else(|| Fault::Unavailable(UnavailableReason::Other, "no connection".into()))
    }

    /// Moves everything from the write-ahead log, which holds the pages as they were, into the database. A reader
    /// that is still at an older state makes SQLite answer "busy" in a row, not as an error.
    async fn empty_write_ahead_log(&mut self) -> Result<(), Fault> {
        for attempt in 0..CHECKPOINT_ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(CHECKPOINT_PAUSE).await;
            }
            let connection = self.connection().await?;
            let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(connection).await?;
            if row.try_get::<i64, _>(0)? == 0 {
                return Ok(());
            }
        }
        Err(Fault::Unavailable(UnavailableReason::Locked, "readers kept the write-ahead log from being emptied".into()))
    }
}

/// How often emptying the write-ahead log is tried, and the pause between.
const CHECKPOINT_ATTEMPTS: u32 = 20;
const CHECKPOINT_PAUSE: Duration = Duration::from_millis(100);

#[async_trait]
impl BatchStore for SqliteStore {
    async fn begin(&mut self) -> Result<(Head, i64), Fault> {
        let connection = self.connection().await?;
        // fetch_all, not fetch_one: that would stop at the first row and leave nothing of the text behind it undone,
        // but here the row is the last thing.
        let rows = sqlx::query("BEGIN IMMEDIATE; SELECT position, recorded_at_us, streams FROM log_head")
            .fetch_all(connection)
            .await?;
        let Some(row) = rows.first() else {
            return Err(Fault::Unavailable(UnavailableReason::Corrupt, "log_head is empty".into()));
        };
        Ok((Head { position: row.try_get(0)?, recorded_at_us: row.try_get(1)? }, row.try_get(2)?))
    }

    async fn requests(&mut self, ids: &[Uuid]) -> Result<HashMap<Uuid, StoredRequest>, Fault> {
        Ok(read::requests(self.connection().await?, ids).await?)
    }

    async fn stream_heads(&mut self, names: &[Arc<str>]) -> Result<HashMap<Arc<str>, StreamHead>, Fault> {
        Ok(read::stream_heads(self.connection().await?, names).await?)
    }

    async fn taken(&mut self, event_ids: &[Uuid]) -> Result<HashSet<Uuid>, Fault> {
        Ok(read::taken(self.connection().await?, event_ids).await?)
    }

    async fn insert(&mut self, batch: &[Command], plan: &Plan) -> Result<(), Fault> {
        self.connection().await?;
        let Some(connection) = &mut self.connection else { return Ok(()) };
        Ok(self.inserts.run(connection, batch, plan).await?)
    }

    async fn commit(&mut self, head: Head, streams: i64) -> Result<(), Fault> {
        Ok(move_head_and_commit(self.connection().await?, head, streams).await?)
    }

    async fn rollback(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        // An error may have rolled back already; then SQLite says that no transaction is active. What counts is that
        // none is left.
        let _ = sqlx::query("ROLLBACK").execute(&mut *connection).await;
        if sqlx::query("BEGIN; ROLLBACK").execute(connection).await.is_err() {
            self.connection = None;
        }
    }

    async fn erase_personal(&mut self, from_position: i64, to_position: i64) -> Result<u64, Fault> {
        let connection = self.connection().await?;
        let erased = sqlx::query("DELETE FROM personal WHERE position BETWEEN ? AND ?")
            .bind(from_position)
            .bind(to_position)
            .execute(&mut *connection)
            .await?
            .rows_affected();
        self.empty_write_ahead_log().await?;
        Ok(erased)
    }

    async fn tidy(&mut self) {
        if let Some(connection) = &mut self.connection {
            self.checkpoints.after_batch(connection).await;
        }
    }

    async fn close(mut self: Box<Self>) {
        self.checkpoints.end().await;
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the log did not close cleanly; nothing is lost");
        }
    }
}

pub(super) async fn move_head_and_commit(
    connection: &mut SqliteConnection,
    head: Head,
    streams: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE log_head SET position = ?, recorded_at_us = ?, streams = ?; COMMIT")
        .bind(head.position)
        .bind(head.recorded_at_us)
        .bind(streams)
        .execute(connection)
        .await?;
    Ok(())
}

/// One statement per table, for as many rows as there are.
pub(super) struct Inserts {
    streams: BulkInsert,
    events: BulkInsert,
    personal: BulkInsert,
    requests: BulkInsert,
}

impl Default for Inserts {
    fn default() -> Self {
        Self {
            streams: BulkInsert::new("INSERT INTO streams (stream_id, name)", 2, ""),
            events: BulkInsert::new(
                "INSERT INTO events (position, stream_id, version, event_id, event_type, schema_version, \
                 occurred_at_us, recorded_at_us, request_id, causation_id, correlation_id, actor, origin, payload, \
                 commitments, leaf_hash)",
                16,
                "",
            ),
            personal: BulkInsert::new("INSERT INTO personal (position, name, salt, bytes)", 4, ""),
            requests: BulkInsert::new(
                "INSERT INTO requests (request_id, salt, hash, first_position, event_count)",
                5,
                "",
            ),
        }
    }
}

impl Inserts {
    /// Inserts what the plan accepted of a batch.
    pub(super) async fn run(
        &self,
        connection: &mut SqliteConnection,
        batch: &[Command],
        plan: &Plan,
    ) -> Result<(), sqlx::Error> {
        let accepted = batch.iter().zip(&plan.verdicts).filter_map(|(command, verdict)| match verdict {
            Verdict::Accepted { first_position } => Some((command, *first_position)),
            _ => None,
        });
        let accepted: Vec<_> = accepted.collect();
        let events = accepted.iter().flat_map(|(command, first)| {
            command.events.iter().zip(*first..).map(|(event, position)| (*command, event, position))
        });
        let events: Vec<_> = events.collect();
        let personal =
            events.iter().flat_map(|(_, event, position)| event.personal.iter().map(|field| (*position, field)));
        let personal: Vec<_> = personal.collect();

        self.streams
            .run(connection, &plan.new_streams, |(stream_id, name), values| {
                values.add(*stream_id)?;
                values.add(Arc::clone(name))
            })
            .await?;
        self.events
            .run(connection, &events, |(command, event, position), values| {
                let stream_id = plan.heads.get(&event.stream).map_or(0, |head| head.stream_id);
                bind_event(values, command, event, *position, stream_id)
            })
            .await?;
        self.personal.run(connection, &personal, bind_personal).await?;
        self.requests.run(connection, &accepted, bind_request).await?;
        Ok(())
    }
}

type Bound = Result<(), sqlx::error::BoxDynError>;

fn id(id: Uuid) -> Vec<u8> {
    id.as_bytes().to_vec()
}

fn bind_event(
    values: &mut SqliteArguments,
    command: &Command,
    event: &Pending,
    position: i64,
    stream_id: i64,
) -> Bound {
    values.add(position)?;
    values.add(stream_id)?;
    values.add(event.version)?;
    values.add(id(event.event_id))?;
    values.add(Arc::clone(&event.event_type))?;
    values.add(i64::from(event.schema_version))?;
    values.add(event.occurred_at_us)?;
    values.add(command.recorded_at_us)?;
    values.add(id(command.request_id))?;
    values.add(event.causation_id.map(id))?;
    values.add(command.correlation_id.map(id))?;
    values.add(Arc::clone(&command.actor))?;
    values.add(command.origin.clone())?;
    values.add(Arc::clone(&event.payload))?;
    values.add(event.commitments.clone())?;
    values.add(event.leaf_hash.to_vec())
}

fn bind_personal((position, field): &(i64, &PersonalField), values: &mut SqliteArguments) -> Bound {
    values.add(*position)?;
    values.add(Arc::clone(&field.name))?;
    values.add(field.salt.to_vec())?;
    values.add(field.bytes.clone())
}

fn bind_request((command, first_position): &(&Command, i64), values: &mut SqliteArguments) -> Bound {
    values.add(id(command.request_id))?;
    values.add(command.salt.to_vec())?;
    values.add(beleg_proof::commitment::commit(&command.salt, &command.request_digest).to_vec())?;
    values.add(*first_position)?;
    values.add(i64::try_from(command.events.len())?)
}
