//! Two view files, row by row: whether a fresh build says what the serving one says.

use std::path::Path;

use sqlx::{AssertSqlSafe, ConnectOptions as _, Row as _, SqliteConnection};

use super::{ViewError, Views};
use crate::sqlite::reading;

/// Every table of the views with its columns, the key first.
const TABLES: [(&str, &str); 6] = [
    ("checkpoint", "one, position"),
    (
        "tickets",
        "opened_position, ticket_id, customer_id, reference_system, reference_number, impact, opened_at_us, status, \
         class, rule",
    ),
    (
        "entries",
        "number, customer_id, ticket_id, work_id, performer_id, service_from_us, service_to_us, worked_seconds, \
         billed_seconds, hourly_rate_minor, amount_minor, currency, account, rule, clause, policy_name, \
         policy_version, contract_version, posted_position, posted_at_us, assessment, segment, reverses",
    ),
    ("balances", "ticket_id, rule, account, currency, worked_seconds, billed_seconds, amount_minor"),
    ("contracts", "customer_id, currency, time_zone, version"),
    ("policies", "position, name, version, content_hash, published_at_us, event_id"),
];

/// Differences named at most, per table.
const NAMED_MAX: usize = 10;

/// A row that only one of two files holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The table.
    pub table: &'static str,
    /// True: only in the serving file; false: only in the fresh one.
    pub only_serving: bool,
    /// The row, as SQLite quotes it.
    pub row: String,
}

impl Views {
    /// Compares the serving file with a fresh one. Says how many rows were compared
    /// and names the first differences of each table.
    pub async fn compare(serving: &Path, fresh: &Path) -> Result<(u64, Vec<Difference>), ViewError> {
        let mut connection = reading(serving, 4 * 1024).connect().await?;
        sqlx::query("ATTACH DATABASE ? AS fresh")
            .bind(fresh.to_string_lossy().into_owned())
            .execute(&mut connection)
            .await?;
        // One read transaction: a serving file may move on meanwhile.
        sqlx::query("BEGIN").execute(&mut connection).await?;
        let mut rows = 0;
        let mut differences = Vec::new();
        for (table, columns) in TABLES {
            let counted = sqlx::query(AssertSqlSafe(format!("SELECT count(*) FROM main.{table}")));
            rows += u64::try_from(counted.fetch_one(&mut connection).await?.try_get::<i64, _>(0)?).unwrap_or(0);
            for (only_serving, here, there) in [(true, "main", "fresh"), (false, "fresh", "main")] {
                differences.extend(only_in(&mut connection, table, columns, here, there, only_serving).await?);
            }
        }
        Ok((rows, differences))
    }
}

async fn only_in(
    connection: &mut SqliteConnection,
    table: &'static str,
    columns: &str,
    here: &str,
    there: &str,
    only_serving: bool,
) -> Result<Vec<Difference>, sqlx::Error> {
    let quoted: Vec<String> = columns.split(',').map(|column| format!("quote({})", column.trim())).collect();
    let sql = format!(
        "SELECT {} FROM (SELECT {columns} FROM {here}.{table} EXCEPT SELECT {columns} FROM {there}.{table}) LIMIT {}",
        quoted.join(" || ', ' || "),
        NAMED_MAX
    );
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await?;
    rows.iter().map(|row| Ok(Difference { table, only_serving, row: row.try_get(0)? })).collect()
}
