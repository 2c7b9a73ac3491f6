//! Many rows, few statements.
//!
//! Every statement through sqlx is a hop to the connection's thread, so rows are written many at a time. A text with
//! as many placeholders as there happen to be rows would be prepared anew almost every time; chunks of powers of two
//! need a dozen texts per table, which stay prepared.

use std::sync::Arc;

use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, SqliteConnection};

/// SQLite takes 32,766 values per statement.
const VALUES_MAX: usize = 32_766;

/// More rows than this in one statement gain nothing and cost memory in every prepared statement.
const ROWS_MAX: usize = 512;

/// `INSERT INTO … VALUES (…),(…),…` for one table.
#[derive(Debug)]
pub(crate) struct BulkInsert {
    /// Texts for 1, 2, 4, … rows.
    texts: Vec<Arc<str>>,
}

impl BulkInsert {
    /// `head` ends before `VALUES`, `tail` follows the rows.
    pub(crate) fn new(head: &str, columns: usize, tail: &str) -> Self {
        let row = format!("({})", vec!["?"; columns].join(","));
        let texts = std::iter::successors(Some(1_usize), |rows| Some(rows * 2))
            .take_while(|rows| *rows <= ROWS_MAX && rows * columns <= VALUES_MAX)
            .map(|rows| format!("{head} VALUES {} {tail}", vec![row.as_str(); rows].join(",")).into())
            .collect();
        Self { texts }
    }

    /// Inserts rows and says how many were written; `bind` adds one row's values, in the order of the columns.
    pub(crate) async fn run<R>(
        &self,
        connection: &mut SqliteConnection,
        rows: &[R],
        bind: impl Fn(&R, &mut SqliteArguments) -> Result<(), sqlx::error::BoxDynError>,
    ) -> Result<u64, sqlx::Error> {
        let mut written = 0;
        let mut rest = rows;
        while !rest.is_empty() {
            let power = usize::try_from(rest.len().ilog2()).unwrap_or(usize::MAX).min(self.texts.len() - 1);
            let (chunk, later) = rest.split_at(1 << power);
            let mut arguments = SqliteArguments::default();
            for row in chunk {
                bind(row, &mut arguments).map_err(sqlx::Error::Encode)?;
            }
            let text = AssertSqlSafe(Arc::clone(&self.texts[power]));
            written += sqlx::query_with(text, arguments).execute(&mut *connection).await?.rows_affected();
            rest = later;
        }
        Ok(written)
    }
}
