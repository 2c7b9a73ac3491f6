//! Many rows, few statements.
//!
//! Every statement through sqlx is a hop to the connection's thread and back, so rows are written many at a time. A
//! text with as many placeholders as there happen to be rows would be prepared anew almost every time; here there are
//! two texts for every doubling, which stay prepared. The next larger one is taken and its last rows are left without
//! values: SQLite takes these for NULL, and rows without a key are passed over.

use std::sync::Arc;

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, AssertSqlSafe, SqliteConnection};

/// Values of one statement: about as many as fit into a connection's own memory. SQLite copies each, and from there on
/// from the system's.
const VALUES_MAX: usize = 1_536;

/// More rows than this in one statement gain nothing and cost memory in every prepared statement.
const ROWS_MAX: usize = 512;

/// So many rows at a time: 1, 2, 3, 4, 6, 8, 12, …
pub(crate) fn rooms() -> impl Iterator<Item = usize> {
    let counts = std::iter::successors(Some(1_usize), |rows| Some(rows * 2)).flat_map(|rows| [rows, rows * 3 / 2]);
    std::iter::once(1).chain(counts.skip(2)).take_while(|rows| *rows <= ROWS_MAX)
}

/// The statement that inserts up to so many rows: `head` names table and columns, the first of which is never NULL.
pub(crate) fn insert(head: &str, columns: usize, rows: usize) -> String {
    format!("{head} SELECT * FROM (VALUES {}) WHERE column1 IS NOT NULL", values(columns, rows))
}

fn values(columns: usize, rows: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(","));
    vec![row.as_str(); rows].join(",")
}

/// One statement about many rows of one table.
#[derive(Debug)]
pub(crate) struct BulkInsert {
    columns: usize,
    /// Texts for 1, 2, 3, 4, 6, 8, 12, … rows.
    texts: Vec<(usize, Arc<str>)>,
}

impl BulkInsert {
    /// `INSERT`: `head` names table and columns, the first of which is never NULL; `tail` follows.
    pub(crate) fn new(head: &str, columns: usize, tail: &str) -> Self {
        Self::about(columns, |rows| format!("{} {tail}", insert(head, columns, rows)))
    }

    /// Another statement: the rows stand between `head` and `tail`, which passes over those whose first column is NULL.
    pub(crate) fn with(head: &str, columns: usize, tail: &str) -> Self {
        Self::about(columns, |rows| format!("{head} VALUES {} {tail}", values(columns, rows)))
    }

    fn about(columns: usize, text: impl Fn(usize) -> String) -> Self {
        let rooms = rooms().take_while(|rows| *rows == 1 || rows * columns <= VALUES_MAX);
        Self { columns, texts: rooms.map(|rows| (rows, text(rows).into())).collect() }
    }

    /// The texts, for a look at how SQLite would go about them.
    #[cfg(test)]
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(|(_, text)| &**text)
    }

    /// Runs the statement and says how many rows were written; `bind` adds one row's values, in the order of the
    /// columns.
    pub(crate) async fn run<R>(
        &self,
        connection: &mut SqliteConnection,
        rows: &[R],
        bind: impl Fn(&R, &mut SqliteArguments) -> Result<(), sqlx::error::BoxDynError>,
    ) -> Result<u64, sqlx::Error> {
        let mut written = 0;
        let mut rest = rows;
        while !rest.is_empty() {
            let fitting = self.texts.iter().find(|(room, _)| *room >= rest.len());
            let Some((room, text)) = fitting.or(self.texts.last()) else { break };
            let (chunk, later) = rest.split_at(rest.len().min(*room));
            let mut arguments = SqliteArguments::default();
            arguments.reserve(chunk.len() * self.columns, 0);
            for row in chunk {
                bind(row, &mut arguments).map_err(sqlx::Error::Encode)?;
            }
            let text = AssertSqlSafe(Arc::clone(text));
            written += sqlx::query_with(text, arguments).execute(&mut *connection).await?.rows_affected();
            rest = later;
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection as _, Row as _};

    use super::*;

    #[tokio::test]
    async fn as_many_rows_are_written_as_there_are() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        sqlx::query("CREATE TABLE t (id INTEGER PRIMARY KEY, b TEXT)").execute(&mut connection).await.unwrap();
        let insert = BulkInsert::new("INSERT INTO t (id, b)", 2, "");
        let mut next = 0_i64;
        for count in (0..70).chain([127, 300, 511, 512, 513, 2_000]) {
            let rows: Vec<i64> = (next..next + count).collect();
            let written = insert.run(&mut connection, &rows, |id, values| {
                values.add(*id)?;
                values.add(None::<String>)
            });
            assert_eq!(written.await.unwrap(), count.unsigned_abs());
            next += count;
        }
        let row = sqlx::query("SELECT count(*), max(id) FROM t").fetch_one(&mut connection).await.unwrap();
        assert_eq!((row.get::<i64, _>(0), row.get::<i64, _>(1)), (next, next - 1));
    }

    #[test]
    fn the_next_larger_text_is_never_half_empty() {
        let insert = BulkInsert::new("INSERT INTO t (id, b)", 2, "");
        let rooms: Vec<usize> = insert.texts.iter().map(|(rooms, _)| *rooms).collect();
        assert_eq!(&rooms[..7], [1, 2, 3, 4, 6, 8, 12]);
        assert_eq!(rooms.last(), Some(&ROWS_MAX));
    }
}
