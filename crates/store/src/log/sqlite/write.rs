//! Batches as SQLite transactions.
//!
//! The transaction is spoken in plain SQL on a connection that belongs to the writer alone. Each statement text is a hop
//! to the connection's thread and back, so there are as few as can be: a common batch is one text from begin to commit.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};
use uuid::Uuid;

use super::batch::{self, Inserts};
use super::checkpoint::Checkpoints;
use super::{Held, read};
use crate::fault::{Fault, own_words};
use crate::log::command::Command;
use crate::log::heads::StreamHead;
use crate::log::plan::Plan;
use crate::log::writer::BatchStore;
use crate::log::{Head, StoredRequest, UnavailableReason};

/// The writing connection.
pub(super) struct SqliteStore {
    /// `None` after it broke, until the next begin opens another.
    connection: Option<SqliteConnection>,
    connect: SqliteConnectOptions,
    pages_max: Option<u32>,
    inserts: Inserts,
    /// Hold what is held, so the connection is closed before them.
    checkpoints: Checkpoints,
}

impl SqliteStore {
    pub(super) fn new(
        connection: SqliteConnection,
        connect: SqliteConnectOptions,
        held: Arc<Held>,
        pages_max: Option<u32>,
    ) -> Self {
        let (inserts, checkpoints) = (Inserts::default(), Checkpoints::new(connect.clone(), held));
        Self { connection: Some(connection), connect, pages_max, inserts, checkpoints }
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
    async fn connect(&mut self) -> Result<(), Fault> {
        self.connection().await.map(drop)
    }

    async fn begin(&mut self) -> Result<(Head, i64), Fault> {
        let connection = self.connection().await?;
        // fetch_all, not fetch_one: that would stop at the first row and leave nothing of the text behind it undone,
        // but here the row is the last thing.
        let rows = sqlx::query(
            "BEGIN IMMEDIATE; SELECT position, recorded_at_us, (SELECT coalesce(max(stream_id), 0) FROM streams) \
             FROM events ORDER BY position DESC LIMIT 1",
        );
        let rows = rows.fetch_all(connection).await?;
        let Some(row) = rows.first() else {
            return Err(Fault::Unavailable(UnavailableReason::Corrupt, "the log is empty".into()));
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
        self.checkpoints.count(batch);
        Ok(self.inserts.run(connection, batch, plan).await?)
    }

    async fn append(&mut self, batch: &[Command], plan: &Plan) -> Result<(), Fault> {
        self.connection().await?;
        let Some(connection) = &mut self.connection else { return Ok(()) };
        self.checkpoints.count(batch);
        Ok(self.inserts.transaction(connection, batch, plan).await?)
    }

    async fn commit(&mut self) -> Result<(), Fault> {
        Ok(batch::commit(self.connection().await?).await?)
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
            tracing::warn!(error = own_words(&error), "the log did not close cleanly; nothing is lost");
        }
    }
}
