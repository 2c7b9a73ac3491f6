//! Moving the write-ahead log into the database beside the writer.
//!
//! A checkpoint copies thousands of pages and then waits for the disk. Were it the writer's, as SQLite has it by
//! itself, every command would wait for it. So another connection does it, passively and in passes: it and the writer
//! are not in each other's way. What is written during the last pass the writer copies itself, at once, and the
//! write-ahead log is begun anew.
//!
//! SQLite flushes the database only in the checkpoint that reaches the end of the write-ahead log, which under load is
//! the writer's: all that the passes had copied would be waited for there. So a pass ends with a flush of our own.
//! Nothing rests on it: SQLite still flushes what it must, and finds little to do.
//!
//! Nothing keeps the writer from being faster than the disk takes the copies, and readers may keep the log from being
//! begun anew each time that it could be. So it has a bound at which the writer waits for both.
//!
//! The bound is on what the log holds when the writer looks. What is written between two looks comes on top, which is a
//! few MiB, or one batch: a single append of a whole ticket may have 64 MiB. And a reader that does not let go of its
//! snapshot within a statement's time-out, as a person with a shell may, is not waited for any longer: that would keep
//! every command waiting. Meanwhile the log grows.

use std::sync::Arc;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};
use tokio::task::{JoinHandle, spawn_blocking};

use super::Held;
use crate::fault::own_words;
use crate::log::command::Command;

/// Pages in the write-ahead log from which on it is to begin anew: 80 MiB. It is the writer that ends it, so not often;
/// and what it still holds by then has to be moved before it has grown to its bound.
const PAGES: i64 = 20_480;

/// From so many on, moved or not, the writer waits until all are moved and the log can begin anew: 128 MiB. Readers hold
/// their snapshots for a page only.
const PAGES_MAX: i64 = 32_768;

/// So many more before it waits again, where it waited for a reader in vain: 32 MiB.
const PAGES_MORE: i64 = 8_192;

/// So many gather before a pass moves what there is: 48 MiB. While the disk writes them, the writer's own flushes wait
/// behind: little at a time delays a few batches by a little, and everything at once stops them all. But a page that
/// changes again is written once in every pass, and each pass costs a connection and a flush.
const PAGES_OF_A_PASS: i64 = 12_288;

/// So many more before the end is tried again, where readers kept the log from being begun anew: 16 MiB.
const PAGES_AGAIN: i64 = 4_096;

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
    /// Pages at the last look.
    pages: i64,
    due: Due,
    /// The pass under way.
    pass: Option<JoinHandle<Result<(), sqlx::Error>>>,
}

/// From how many pages on what is due, since the log was last begun anew.
struct Due {
    /// A pass.
    pass_at: i64,
    /// The end: the log is to begin anew.
    end_at: i64,
    /// That the writer waits for it.
    wait_at: i64,
    /// Passes since the end was due.
    passes: u32,
}

impl Due {
    const NEW: Self = Self { pass_at: PAGES_OF_A_PASS, end_at: PAGES, wait_at: PAGES_MAX, passes: 0 };
}

impl Checkpoints {
    /// `connect` opens another connection that may write.
    pub(super) fn new(connect: SqliteConnectOptions, held: Arc<Held>) -> Self {
        Self { beside: Beside { connect, held }, events: 0, pages: 0, due: Due::NEW, pass: None }
    }

    /// Counts what is written.
    pub(super) fn count(&mut self, batch: &[Command]) {
        let events = batch.iter().map(|command| command.events.len() + command.bytes / PAGE_BYTES);
        self.events = events.fold(self.events, usize::saturating_add);
    }

    /// After a batch. What fails is said, and tried again later, which helps where a lock or a full disk was the reason.
    /// What a disk has lost it does not bring back.
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
        if let Some(pass) = self.pass.take_if(|pass| pass.is_finished()) {
            // A task that died is no reason to do the writer's part not.
            pass.await.unwrap_or(Ok(()))?;
        }
        let found = checkpoint(writer, "NOOP").await?;
        if found.pages < self.pages {
            self.due = Due::NEW;
        }
        self.pages = found.pages;
        if found.pages >= self.due.wait_at {
            self.due.wait_at = found.pages + PAGES_MORE;
            return self.begin_anew(writer).await;
        }
        if self.pass.is_some() {
            return Ok(());
        }
        let to_its_end = found.pages >= self.due.end_at;
        if to_its_end && (found.left <= PAGES_LEFT || self.due.passes >= PASSES_MAX) {
            self.due.passes = 0;
            // Readers may keep it from beginning anew.
            self.due.end_at = found.pages + PAGES_AGAIN;
            checkpoint(writer, "PASSIVE").await?;
        } else if to_its_end || found.left >= PAGES_OF_A_PASS && found.pages >= self.due.pass_at {
            self.due.passes += u32::from(to_its_end);
            // Counted from here: what a reader keeps from being moved is no reason to try without end.
            self.due.pass_at = found.pages + PAGES_OF_A_PASS;
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
    held: Arc<Held>,
}

impl Beside {
    /// Moves what there is, and flushes it. Whatever fails, the connection is closed when this ends.
    async fn pass(self) -> Result<(), sqlx::Error> {
        let mut connection = self.connect.connect().await?;
        let moved = checkpoint(&mut connection, "PASSIVE").await;
        let held = Arc::clone(&self.held);
        let flushed = spawn_blocking(move || held.database.sync_data()).await;
        let closed = connection.close().await;
        moved?;
        flushed.unwrap_or(Ok(())).map_err(sqlx::Error::Io)?;
        closed
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
    use std::fs::File;
    use std::path::Path;
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
        holding(directory, connect, &directory.path().join("log.sqlite"))
    }

    fn holding(directory: &tempfile::TempDir, connect: SqliteConnectOptions, database: &Path) -> Checkpoints {
        let lock = File::create(directory.path().join("log.lock")).unwrap();
        Checkpoints::new(connect, Arc::new(Held { database: File::open(database).unwrap(), _lock: lock }))
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

    /// Reads at the end of the log, which then cannot begin anew, though all of it can be moved.
    async fn read_at_the_end(reader: &mut SqliteConnection) {
        let _ = sqlx::raw_sql("COMMIT").execute(&mut *reader).await;
        sqlx::raw_sql("BEGIN; SELECT count(*) FROM texts").execute(reader).await.unwrap();
    }

    async fn left(writer: &mut SqliteConnection) -> i64 {
        checkpoint(writer, "NOOP").await.unwrap().left
    }

    #[tokio::test]
    async fn the_log_is_moved_pass_by_pass_and_the_writer_does_the_little_rest() {
        let directory = tempfile::tempdir().unwrap();
        let (connect, mut writer) = open(directory.path()).await;
        let mut reader = connect.connect().await.unwrap();
        let mut checkpoints = checkpoints(&directory, connect);
        look(&mut checkpoints, &mut writer).await;
        assert!(checkpoints.pass.is_none(), "there is little to move");

        // A pass beside the writer, while the log goes on.
        let found = fill(&mut writer, PAGES_OF_A_PASS).await;
        assert!(found.pages < PAGES && found.left >= PAGES_OF_A_PASS, "{} of {}", found.left, found.pages);
        read_at_the_end(&mut reader).await;
        look(&mut checkpoints, &mut writer).await;
        assert!(checkpoints.pass.is_some());
        passed(&checkpoints).await;
        assert_eq!(left(&mut writer).await, 0);
        look(&mut checkpoints, &mut writer).await;
        assert!(checkpoints.pass.is_none(), "there is nothing new to move");

        // At the end passes first, as long as they find much; then the writer itself.
        fill(&mut writer, PAGES).await;
        read_at_the_end(&mut reader).await;
        look(&mut checkpoints, &mut writer).await;
        assert_eq!(checkpoints.due.passes, 1);
        passed(&checkpoints).await;
        sqlx::raw_sql("INSERT INTO texts VALUES ('little')").execute(&mut writer).await.unwrap();
        read_at_the_end(&mut reader).await;
        assert!((1..=PAGES_LEFT).contains(&left(&mut writer).await));
        look(&mut checkpoints, &mut writer).await;
        assert!(checkpoints.pass.is_none());
        assert_eq!(left(&mut writer).await, 0);

        sqlx::raw_sql("COMMIT").execute(&mut reader).await.unwrap();
        assert!(fill(&mut writer, 1).await.pages < PAGES, "it has begun anew");
    }

    #[tokio::test]
    async fn passes_that_find_much_each_time_have_an_end() {
        let directory = tempfile::tempdir().unwrap();
        let (connect, mut writer) = open(directory.path()).await;
        let mut checkpoints = checkpoints(&directory, connect);
        fill(&mut writer, PAGES).await;
        checkpoints.due.passes = PASSES_MAX;
        assert!(left(&mut writer).await > PAGES_LEFT);
        look(&mut checkpoints, &mut writer).await;
        assert!(checkpoints.pass.is_none());
        assert_eq!(left(&mut writer).await, 0);
    }

    #[tokio::test]
    async fn what_a_reader_keeps_from_being_moved_is_tried_again_when_the_log_has_grown() {
        let directory = tempfile::tempdir().unwrap();
        let (connect, mut writer) = open(directory.path()).await;
        let mut reader = connect.connect().await.unwrap();
        let mut checkpoints = checkpoints(&directory, connect);
        read_at_the_end(&mut reader).await;
        let found = fill(&mut writer, PAGES_OF_A_PASS).await;
        look(&mut checkpoints, &mut writer).await;
        assert!(checkpoints.pass.is_some());
        passed(&checkpoints).await;
        for _ in 0..3 {
            look(&mut checkpoints, &mut writer).await;
            assert!(checkpoints.pass.is_none() && left(&mut writer).await >= PAGES_OF_A_PASS);
        }
        fill(&mut writer, found.pages + PAGES_OF_A_PASS).await;
        look(&mut checkpoints, &mut writer).await;
        assert!(checkpoints.pass.is_some());
        passed(&checkpoints).await;
    }

    #[tokio::test]
    async fn a_flush_that_fails_is_told_once_and_the_log_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let (connect, mut writer) = open(directory.path()).await;
        // No disk is behind it, so there is nothing to flush to.
        let mut checkpoints = holding(&directory, connect, Path::new("/dev/null"));
        fill(&mut writer, PAGES_OF_A_PASS).await;
        checkpoints.go_on(&mut writer).await.unwrap();
        passed(&checkpoints).await;
        let told = checkpoints.go_on(&mut writer).await;
        assert!(matches!(told, Err(sqlx::Error::Io(_))), "{told:?}");
        checkpoints.go_on(&mut writer).await.unwrap();
        assert_eq!(left(&mut writer).await, 0, "it was moved all the same");
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
        assert_eq!(checkpoints.due.wait_at, found.pages + PAGES_MORE);

        sqlx::raw_sql("COMMIT").execute(&mut reader).await.unwrap();
        fill(&mut writer, checkpoints.due.wait_at).await;
        checkpoints.due.passes = PASSES_MAX;
        look(&mut checkpoints, &mut writer).await;
        assert!(fill(&mut writer, 1).await.pages < PAGES);
        // And what was due then is not due any more.
        look(&mut checkpoints, &mut writer).await;
        assert_eq!((checkpoints.due.wait_at, checkpoints.due.passes), (PAGES_MAX, 0));
    }
}
