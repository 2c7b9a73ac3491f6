//! Two view files, row by row: whether a fresh build says what the serving one says.

use std::fs::File;
use std::path::{Path, PathBuf};

use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};

use super::{MIGRATOR, READER_CACHE_KIB, origin};
use crate::log::EventLog;
use crate::sqlite::{Readable, check_schema, is_there, open_to_read};
use crate::views::origin::Origin;
use crate::views::{Difference, ViewError, ViewsOpenError};

/// Every table of the views: its key, and the other columns.
const TABLES: [(&str, &str, &str); 6] = [
    ("checkpoint", "one", "log_id, position, leaf_hash"),
    (
        "tickets",
        "opened_position",
        "ticket_id, customer_id, reference_system, reference_number, impact, opened_at_us, status, class, rule, \
         origin",
    ),
    (
        "entries",
        "number",
        "customer_id, ticket_id, work_id, performer_id, service_from_us, service_to_us, worked_seconds, \
         billed_seconds, hourly_rate_minor, amount_minor, currency, account, rule, clause, policy_name, \
         policy_version, contract_version, posted_position, posted_at_us, assessment, segment, reverses, \
         origin",
    ),
    ("balances", "customer_id, rule, account, currency", "worked_seconds, billed_seconds, amount_minor"),
    ("contracts", "customer_id", "currency, time_zone, version"),
    ("policies", "position", "name, version, content_hash, published_at_us, event_id"),
];

/// Differences named at most, per table.
const NAMED_MAX: usize = 10;

/// The serving file as it was at one moment, whatever the projector does to it meanwhile.
///
/// While this lives the file's write-ahead log cannot be reset, so it grows with what the projector writes.
#[derive(Debug)]
pub(in crate::views) struct FileSnapshot {
    path: PathBuf,
    connection: SqliteConnection,
    origin: Origin,
    /// Held, not used: nobody writes a file that is read as one that does not change.
    _still: Option<File>,
}

impl FileSnapshot {
    /// Opens a file and holds on to what it says now.
    pub(in crate::views) async fn open(path: &Path) -> Result<Self, ViewsOpenError> {
        if !is_there(path)? {
            return Err(ViewsOpenError::Missing { path: path.to_owned() });
        }
        let Readable { mut connection, still, .. } = open_to_read(path, READER_CACHE_KIB).await?;
        check_schema(&mut connection, &MIGRATOR, path).await?;
        // The transaction begins to see with its first read, which is the checkpoint.
        sqlx::query("BEGIN").execute(&mut connection).await.map_err(ViewError::from)?;
        let origin = origin(&mut connection).await?;
        Ok(Self { path: path.to_owned(), connection, origin, _still: still })
    }

    /// The last position taken in.
    pub(in crate::views) fn position(&self) -> i64 {
        self.origin.position
    }

    /// Refuses a log that the views were not made of.
    pub(in crate::views) async fn check_origin(&self, log: &dyn EventLog) -> Result<(), ViewsOpenError> {
        self.origin.check(log, &self.path).await
    }

    /// Compares with a fresh build up to the same position. Says how many rows were compared and names the first
    /// differences of each table.
    pub(in crate::views) async fn compare(&mut self, fresh: &Path) -> Result<(u64, Vec<Difference>), ViewError> {
        let attach = sqlx::query("ATTACH DATABASE ? AS fresh").bind(fresh.to_string_lossy().into_owned());
        attach.execute(&mut self.connection).await?;
        let mut rows = 0;
        let mut differences = Vec::new();
        for (table, key, others) in TABLES {
            let counted = sqlx::query(AssertSqlSafe(format!("SELECT count(*) FROM main.{table}")));
            let counted = counted.fetch_one(&mut self.connection).await?.try_get::<i64, _>(0)?;
            rows += u64::try_from(counted).unwrap_or(0);
            for (only_serving, here, there) in [(true, "main", "fresh"), (false, "fresh", "main")] {
                let sql = only_in(table, key, others, here, there);
                let found = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut self.connection).await?;
                for row in &found {
                    differences.push(Difference { table, only_serving, row: row.try_get(0)? });
                }
            }
        }
        Ok((rows, differences))
    }

    /// Lets go.
    pub(in crate::views) async fn close(self) -> Result<(), ViewError> {
        Ok(self.connection.close().await?)
    }
}

/// The rows of one file that the other does not hold, found by key: nothing is sorted or kept, however many there are.
fn only_in(table: &str, key: &str, others: &str, here: &str, there: &str) -> String {
    let columns = || key.split(", ").chain(others.split(", "));
    let quoted: Vec<String> = columns().map(|column| format!("quote(h.{column})")).collect();
    let keys = key.split(", ").map(|column| format!("t.{column} = h.{column}"));
    let same: Vec<String> = keys.chain(others.split(", ").map(|column| format!("t.{column} IS h.{column}"))).collect();
    format!(
        "SELECT {} FROM {here}.{table} h WHERE NOT EXISTS (SELECT 1 FROM {there}.{table} t WHERE {}) LIMIT {NAMED_MAX}",
        quoted.join(" || ', ' || "),
        same.join(" AND ")
    )
}
