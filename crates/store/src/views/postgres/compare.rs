//! Two schemas, row by row: whether a fresh build says what the serving one says.
//!
//! The snapshot of the serving one cannot see a build that came later, so each is read on a connection of its own: its
//! rows as text, in the order of that text, side by side. Nothing is kept, however many there are.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use tokio_stream::StreamExt as _;

use super::{SCHEMA, SchemaGeneration, origin};
use crate::log::EventLog;
use crate::postgres::{Server, check_schema};
use crate::storage::Database;
use crate::views::origin::Origin;
use crate::views::{Difference, ViewError, ViewsOpenError};

/// Every table of the views.
const TABLES: [&str; 6] = ["checkpoint", "tickets", "entries", "balances", "contracts", "policies"];

/// Differences named at most, per table and side.
const NAMED_MAX: usize = 10;

/// The serving schema as it was at one moment.
#[derive(Debug)]
pub(in crate::views) struct SchemaSnapshot {
    server: Server,
    connection: PgConnection,
    origin: Origin,
}

impl SchemaSnapshot {
    pub(in crate::views) async fn open(database: &Database) -> Result<Self, ViewsOpenError> {
        let server = Server::at(database.url(), database.options)?.in_schema(&SCHEMA.name);
        let failed = |source| server.failed(source);
        let mut connection = server.connect_unbounded().await.map_err(failed)?;
        let exists = sqlx::query("SELECT to_regclass('checkpoint') IS NOT NULL").fetch_one(&mut connection).await;
        if !exists.and_then(|row| row.try_get::<bool, _>(0)).map_err(failed)? {
            return Err(ViewsOpenError::Missing { path: server.place });
        }
        check_schema(&mut connection, &server, &SCHEMA).await?;
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        sqlx::query(begin).execute(&mut connection).await.map_err(failed)?;
        // The transaction begins to see with its first read, which is the checkpoint.
        let origin = origin(&mut connection).await?;
        // Tables that nobody has written yet are no views of any log.
        if origin.log_id.is_none() {
            return Err(ViewsOpenError::Missing { path: server.place });
        }
        Ok(Self { server, connection, origin })
    }

    pub(in crate::views) fn position(&self) -> i64 {
        self.origin.position
    }

    pub(in crate::views) async fn check_origin(&self, log: &dyn EventLog) -> Result<(), ViewsOpenError> {
        self.origin.check(log, &self.server.place).await
    }

    pub(in crate::views) async fn compare(
        &mut self,
        fresh: &SchemaGeneration,
    ) -> Result<(u64, Vec<Difference>), ViewError> {
        let mut other = self.server.connect_unbounded().await?;
        let (mut rows, mut differences) = (0, Vec::new());
        for table in TABLES {
            let lines = |schema: &str| {
                let sql = format!("SELECT (t.*)::text COLLATE \"C\" AS line FROM {schema}.{table} t ORDER BY line");
                sqlx::query(AssertSqlSafe(sql))
            };
            let mut here = lines(&SCHEMA.name).fetch(&mut self.connection);
            let mut there = lines(fresh.name()).fetch(&mut other);
            let line = |row: Option<sqlx::postgres::PgRow>| row.map(|row| row.try_get::<String, _>(0)).transpose();
            let (mut left, mut right) = (line(here.try_next().await?)?, line(there.try_next().await?)?);
            let mut named = [0, 0];
            while let Some(only_serving) = lesser(left.as_deref(), right.as_deref()) {
                rows += u64::from(left.is_some() && only_serving != Some(false));
                if let Some(only_serving) = only_serving {
                    let row = if only_serving { &left } else { &right }.clone().unwrap_or_default();
                    let named = &mut named[usize::from(only_serving)];
                    if *named < NAMED_MAX {
                        differences.push(Difference { table, only_serving, row });
                    }
                    *named += 1;
                }
                if only_serving != Some(false) {
                    left = line(here.try_next().await?)?;
                }
                if only_serving != Some(true) {
                    right = line(there.try_next().await?)?;
                }
            }
        }
        other.close().await?;
        // The serving side first, as one reads: what was there, what should be.
        differences.sort_by_key(|difference| {
            (TABLES.iter().position(|table| *table == difference.table), !difference.only_serving)
        });
        Ok((rows, differences))
    }

    pub(in crate::views) async fn close(self) -> Result<(), ViewError> {
        Ok(self.connection.close().await?)
    }
}

/// What comes next of two sorted sides: `Some(None)` a row that both have, `Some(Some(true))` one of the left side
/// alone, `Some(Some(false))` one of the right side alone, `None` nothing.
fn lesser(left: Option<&str>, right: Option<&str>) -> Option<Option<bool>> {
    match (left, right) {
        (None, None) => None,
        (Some(left), Some(right)) if left == right => Some(None),
        (Some(left), Some(right)) => Some(Some(left < right)),
        (left, _) => Some(Some(left.is_some())),
    }
}
