//! Moving the write-ahead log into the database beside the writer.
//!
//! A checkpoint copies thousands of pages and then waits for the disk. Were it the writer's, as SQLite has it by
//! itself, every command would wait for it. So another connection does it, passively and in passes: it and the writer
//! are not in each other's way. What is written during the last pass the writer copies itself, at once, and the
//! write-ahead log is begun anew.
//!
//! SQLite flushes the database only in the checkpoint that reaches the end of the write-ahead log, which is the
//! writer's: all that the passes had copied would be waited for there. So a pass ends with a flush of our own. Nothing
//! rests on it: SQLite still flushes what it must, and finds little to do.
//!
//! Nothing keeps the writer from being faster than the disk takes the copies, and readers may keep the log from being
//! begun anew each time that it could be. So it has a bound at which the writer waits for both.
//!
//! The bound is on what the log holds when the writer looks. What is written between two looks comes on top, which is a
//! few MiB, or one batch: a single append of a whole ticket may have 64 MiB. And a reader that does not let go of its
//! snapshot within a statement's time-out, as a person with a shell may, is not waited for any longer: that would keep
//! every command waiting. Meanwhile the log grows.

use std::fs::File;
use std::sync::Arc;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};
use tokio::task::JoinHandle;

use crate::fault::own_words;
use crate::log::command::Command;

/// Pages in the write-ahead log from which on it is to begin anew: 96 MiB. In a large log almost every command changes a
/// page of an index that no other does; the longer they gather, the fewer are written twice.
const PAGES: i64 = 24_576;

/// From so many on, moved or not, the writer waits until all are moved and the log can begin anew: 128 MiB. Readers hold
/// their snapshots for a page only.
const PAGES_MAX: i64 = 32_768;

/// So many more before it waits again, where it waited for a reader in vain: 32 MiB.
const PAGES_MORE: i64 = 8_192;

/// What a pass takes before that: 16 MiB. While the disk writes them, the writer's own flushes wait behind: little at a
/// time delays a few batches by a little, and everything at once stops them all.
const PAGES_OF_A_PASS: i64 = 4_096;

/// What the writer copies itself, 1 MiB, unless the passes run out before.
const PAGES_LEFT: i64 = 256;

/// Passes once the log is to begin anew. The disk may be too slow for each to leave less than the one before.
const PASSES_MAX: u32 = 6;

/// Events between two looks. Each changes a few pages, and a large one counts once more for every page that it fills.
const EVENTS: usize = 256;

/// A page's size.
const PAGE_BYTES: usize = 4_096;

/// When what is done.
pub(super) struct Checkpoints {
    beside: Beside,
    /// Events since the last look.
    events: usize,
    /// Pages from which on the log is to begin anew.
    end_at: i64,
    /// Pages from which on the writer waits until it does.
    wait_at: i64,
    /// Passes since it was to begin anew.
    passes: u32,
    /// The pass under way.
    pass: Option<JoinHandle<Result<(), sqlx::Error>>>,
}

impl Checkpoints {
    /// `connect` opens another connection that may write to `database`.
    pub(super) fn new(connect: SqliteConnectOptions, database: Arc<File>) -> Self {
        let beside = Beside { connect, database };
        Self { beside, events: 0, end_at: PAGES, wait_at: PAGES_MAX, passes: 0, pass: None }
    }

    /// Counts what is written.
    pub(super) fn count(&mut self, batch: &[Command]) {
        let events = batch.iter().map(|command| command.events.len() + command.bytes / PAGE_BYTES);
        self.events = events.fold(self.events, usize::saturating_add);
    }

    /// After a batch. What fails is tried again later: nothing is lost by it but room.
    pub(super) async fn after_batch(&mut self, writer: &mut SqliteConnection) {
        let ready = self.pass.as_ref().is_some_and(JoinHandle::is_finished);
        if !ready && self.events < EVENTS {
            return;
        }
        self.events = 0;
        if let Err(error) = self.go_on(writer).await {
            tracing::warn!(error = own_words(&error), "the write-ahead log could not be checkpointed");
        }
    }

    async fn go_on(&mut self, writer: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let found = checkpoint(writer, "NOOP").await?;
        if found.pages < PAGES {
            (self.end_at, self.wait_at) = (PAGES, PAGES_MAX);
        } else if found.pages >= self.wait_at {
            self.wait_at = found.pages + PAGES_MORE;
            return self.begin_anew(writer).await;
        }
        if self.pass.as_ref().is_some_and(|pass| !pass.is_finished()) {
            return Ok(());
        }
        if let Some(pass) = self.pass.take() {
            // A task that died is no reason to do the writer's part not.
            pass.await.unwrap_or(Ok(()))?;
        }
        let to_its_end = found.pages >= self.end_at;
        if to_its_end && (found.left <= PAGES_LEFT || self.passes >= PASSES_MAX) {
            self.passes = 0;
            // Readers may keep it from beginning anew.
            self.end_at = found.pages + PAGES_OF_A_PASS;
            checkpoint(writer, "PASSIVE").await?;
        } else if to_its_end || found.left >= PAGES_OF_A_PASS {
            self.passes += u32::from(to_its_end);
            self.pass = Some(tokio::spawn(self.beside.clone().pass()));
        }
        Ok(())
    }

    /// Lets the writer, and so everybody who writes, wait until the log can begin anew.
    async fn begin_anew(&mut self, writer: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        // Two cannot move the log at a time: while another connection does, SQLite refuses at once. What is done beside
        // has an end, now that nothing more is written.
        let pass = match self.pass.take() {
            Some(pass) => pass.await.unwrap_or(Ok(())),
            None => Ok(()),
        };
        let found = checkpoint(writer, "RESTART").await?;
        if found.busy {
            let pages = found.pages;
            tracing::warn!(pages, "a reader keeps the write-ahead log from being begun anew: it grows meanwhile");
        }
        pass
    }

    /// Waits for what is done beside.
    pub(super) async fn end(&mut self) {
        if let Some(pass) = self.pass.take() {
            // The connection that closes last does what is left.
            let _ = pass.await;
        }
    }
}

/// What moves the write-ahead log beside the writer.
#[derive(Clone)]
struct Beside {
    connect: SqliteConnectOptions,
    /// The database file, to flush it.
    database: Arc<File>,
}

impl Beside {
    /// Moves what there is, and flushes it.
    async fn pass(self) -> Result<(), sqlx::Error> {
        let mut connection = self.connect.connect().await?;
        checkpoint(&mut connection, "PASSIVE").await?;
        // What a failing disk says here it says again to SQLite, whose flush is the one that counts.
        let _ = tokio::task::spawn_blocking(move || self.database.sync_data()).await;
        connection.close().await
    }
}

/// What is found of the write-ahead log.
struct Found {
    /// Whether readers, or whoever moves the log already, kept it from what was asked.
    busy: bool,
    /// The pages that it holds since it was begun.
    pages: i64,
    /// Those of them that are not in the database.
    left: i64,
}

/// Moves the write-ahead log as far as the mode says, and tells what it holds then.
async fn checkpoint(connection: &mut SqliteConnection, mode: &'static str) -> Result<Found, sqlx::Error> {
    let pragma = sqlx::AssertSqlSafe(format!("PRAGMA wal_checkpoint({mode})"));
    let row = sqlx::query(pragma).fetch_one(connection).await?;
    let (busy, pages, moved): (i64, i64, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    Ok(Found { busy: busy != 0, pages, left: pages - moved })
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use sqlx::sqlite::SqliteSynchronous;
    use tokio::sync::oneshot;

    use super::*;

    async fn open(directory: &Path) -> (SqliteConnectOptions, SqliteConnection) {
        let connect = crate::sqlite::writing(&directory.join("log.sqlite"), SqliteSynchronous::Off, 1_024)
            .pragma("wal_autocheckpoint", "0")
            .busy_timeout(Duration::from_millis(100));
        let mut writer = connect.connect().await.unwrap();
        sqlx::raw_sql("CREATE TABLE texts (text BLOB)").execute(&mut writer).await.unwrap();
        (connect, writer)
    }

    fn checkpoints(directory: &tempfile::TempDir, connect: SqliteConnectOptions) -> Checkpoints {
        Checkpoints::new(connect, Arc::new(File::open(directory.path().join("log.sqlite")).unwrap()))
    }

    /// Writes the same pages again and again until the write-ahead log holds so many.
    async fn fill(writer: &mut SqliteConnection, pages: i64) -> Found {
        loop {
            let again = "DELETE FROM texts; INSERT INTO texts VALUES (zeroblob(4194304))";
            sqlx::raw_sql(again).execute(&mut *writer).await.unwrap();
            let found = checkpoint(writer, "NOOP").await.unwrap();
            if found.pages >= pages {
                return found;
            }
        }
    }

    async fn look(checkpoints: &mut Checkpoints, writer: &mut SqliteConnection) {
        checkpoints.events = EVENTS;
        checkpoints.after_batch(writer).await;
    }

    /// Waits until the pass under way is over.
    async fn passed(checkpoints: &Checkpoints) {
        while checkpoints.pass.as_ref().is_some_and(|pass| !pass.is_finished()) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn the_log_is_moved_pass_by_pass_and_begun_anew_when_the_writer_has_done_the_rest() {
        let directory = tempfile::tempdir().unwrap();
        let (connect, mut writer) = open(directory.path()).await;
        let mut checkpoints = checkpoints(&directory, connect);
        look(&mut checkpoints, &mut writer).await;
        assert!(checkpoints.pass.is_none(), "there is little to move");

        let mut passes = 0;
        let mut next = PAGES_OF_A_PASS;
        while next < PAGES {
            let found = fill(&mut writer, next).await;
            assert!(found.left >= PAGES_OF_A_PASS, "{} of {}", found.left, found.pages);
            look(&mut checkpoints, &mut writer).await;
            assert!(checkpoints.pass.is_some());
            passed(&checkpoints).await;
            assert_eq!(checkpoint(&mut writer, "NOOP").await.unwrap().left, 0);
            passes += 1;
            next = found.pages + PAGES_OF_A_PASS;
        }
        assert!(passes > 1);

        fill(&mut writer, PAGES).await;
        for _ in 0..=PASSES_MAX {
            look(&mut checkpoints, &mut writer).await;
            passed(&checkpoints).await;
        }
        assert!(fill(&mut writer, 1).await.pages < PAGES, "it has begun anew");
    }

    #[tokio::test]
    async fn the_writer_waits_for_who_moves_the_log_slower_than_it_writes() {
        let directory = tempfile::tempdir().unwrap();
        let (connect, mut writer) = open(directory.path()).await;
        let mut checkpoints = checkpoints(&directory, connect);
        let ended = Arc::new(AtomicBool::new(false));
        let (end, told) = oneshot::channel::<()>();
        let slow = Arc::clone(&ended);
        checkpoints.pass = Some(tokio::spawn(async move {
            let _ = told.await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            slow.store(true, Ordering::SeqCst);
            Ok(())
        }));
        fill(&mut writer, PAGES).await;
        look(&mut checkpoints, &mut writer).await;
        assert!(!ended.load(Ordering::SeqCst));

        fill(&mut writer, PAGES_MAX).await;
        end.send(()).unwrap();
        look(&mut checkpoints, &mut writer).await;
        assert!(ended.load(Ordering::SeqCst));
        assert_eq!(checkpoint(&mut writer, "NOOP").await.unwrap().left, 0);
        assert!(fill(&mut writer, 1).await.pages < PAGES);
    }

    #[tokio::test]
    async fn a_log_that_is_moved_but_read_is_begun_anew_all_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let (connect, mut writer) = open(directory.path()).await;
        let mut reader = connect.connect().await.unwrap();
        let mut checkpoints = checkpoints(&directory, connect);
        fill(&mut writer, PAGES_MAX).await;
        sqlx::raw_sql("BEGIN; SELECT count(*) FROM texts").execute(&mut reader).await.unwrap();
        checkpoint(&mut writer, "PASSIVE").await.unwrap();
        // The reader is at a state that is only in the write-ahead log, which therefore goes on.
        let found = fill(&mut writer, 1).await;
        assert!(found.pages > PAGES_MAX && found.left < PAGES, "{} {}", found.pages, found.left);
        look(&mut checkpoints, &mut writer).await;
        // In vain, so the next commands do not wait for it as well.
        assert_eq!(checkpoints.wait_at, found.pages + PAGES_MORE);

        sqlx::raw_sql("COMMIT").execute(&mut reader).await.unwrap();
        fill(&mut writer, checkpoints.wait_at).await;
        look(&mut checkpoints, &mut writer).await;
        assert!(fill(&mut writer, 1).await.pages < PAGES);
    }
}
