//! Moving the write-ahead log into the database beside the writer.
//!
//! A checkpoint copies thousands of pages and then waits for the disk. Were it the writer's, as SQLite has it by
//! itself, every command would wait for it. So another connection does it, passively: it and the writer are not in
//! each other's way. What is written meanwhile is copied by another pass, until little is left; the writer copies that
//! itself, at once, and the write-ahead log is begun anew.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};
use tokio::task::JoinHandle;

/// Pages in the write-ahead log from which on they are moved: 96 MiB. In a large log almost every command changes a page
/// of an index that no other does; the longer they gather, the fewer are written twice.
const PAGES: i64 = 24_576;

/// From so many on a checkpoint waits for readers, so that the log does begin anew. Readers hold their snapshots for
/// a page only.
const PAGES_MAX: i64 = 32_768;

/// What the writer copies itself, 1 MiB, unless the passes run out before.
const PAGES_LEFT: i64 = 256;

/// Passes beside the writer. The disk may be too slow for each to leave less than the one before.
const PASSES_MAX: u32 = 4;

/// Batches between two looks.
const BATCHES: u32 = 16;

/// When what is done.
pub(super) struct Checkpoints {
    connect: SqliteConnectOptions,
    batches: u32,
    beside: Option<JoinHandle<Result<(), sqlx::Error>>>,
}

impl Checkpoints {
    /// `connect` opens another connection that may write.
    pub(super) fn new(connect: SqliteConnectOptions) -> Self {
        Self { connect, batches: 0, beside: None }
    }

    /// After a batch. What fails is tried again later: nothing is lost by it but room.
    pub(super) async fn after_batch(&mut self, writer: &mut SqliteConnection) {
        self.batches = self.batches.wrapping_add(1);
        let ready = self.beside.as_ref().is_some_and(JoinHandle::is_finished);
        if !ready && !self.batches.is_multiple_of(BATCHES) {
            return;
        }
        if let Err(error) = self.go_on(writer).await {
            tracing::warn!(%error, "the write-ahead log could not be checkpointed");
        }
    }

    async fn go_on(&mut self, writer: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let pages = checkpoint(writer, "NOOP").await?;
        match self.beside.take() {
            Some(beside) if beside.is_finished() => {
                // A task that died is no reason to do the writer's part not.
                beside.await.unwrap_or(Ok(()))?;
                checkpoint(writer, "PASSIVE").await?;
            }
            beside if pages >= PAGES_MAX => {
                self.beside = beside;
                checkpoint(writer, "RESTART").await?;
            }
            None if pages >= PAGES => {
                let connect = self.connect.clone();
                self.beside = Some(tokio::spawn(async move {
                    let mut connection = connect.connect().await?;
                    for _ in 0..PASSES_MAX {
                        if checkpoint(&mut connection, "PASSIVE").await? <= PAGES_LEFT {
                            break;
                        }
                    }
                    connection.close().await
                }));
            }
            beside => self.beside = beside,
        }
        Ok(())
    }

    /// Waits for what is done beside.
    pub(super) async fn end(&mut self) {
        if let Some(beside) = self.beside.take() {
            // The connection that closes last does what is left.
            let _ = beside.await;
        }
    }
}

/// Says how many pages the write-ahead log still holds that are not in the database.
async fn checkpoint(connection: &mut SqliteConnection, mode: &'static str) -> Result<i64, sqlx::Error> {
    let pragma = sqlx::AssertSqlSafe(format!("PRAGMA wal_checkpoint({mode})"));
    let row = sqlx::query(pragma).fetch_one(connection).await?;
    let (pages, moved): (i64, i64) = (row.try_get(1)?, row.try_get(2)?);
    Ok(pages - moved)
}
