//! Databases for logs that are thrown away: a demo's, a rehearsal's, a bench's.
//!
//! Whoever made one holds an advisory lock on it, on a connection of its own, for as long as it lives. A process that
//! is killed drops nothing, but its lock is gone: the next one that makes a database drops those that nobody holds and
//! nobody is connected to.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use uuid::Uuid;

use super::session::Server;
use crate::fault::own_words;
use crate::log::OpenError;
use crate::storage::Database;

/// What all of their names begin with; 32 hexadecimal digits follow.
const NAME: &str = "beleg_private_";

/// "BelP": tells the advisory locks of these databases from others. The second key is in the name's first digits.
const LOCK_CLASS: i32 = 0x4265_6c50;

/// Those that this role may drop and nobody uses. Locks of all databases are listed, whichever they were taken in. A
/// database is seen here once its maker has the lock, for that came first.
const LEFT: &str = "SELECT datname FROM pg_database d \
    WHERE datname ~ '^beleg_private_[0-9a-f]{32}$' AND pg_has_role(datdba, 'USAGE') \
    AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datname = d.datname) \
    AND NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = $1 AND objsubid = 2 \
        AND objid::bigint = ('x' || substr(d.datname, 15, 8))::bit(32)::bigint) \
    ORDER BY datname";

/// A database of one process: dropped by [`PrivateDatabase::discard`], or after its end by the next one.
#[derive(Debug)]
pub struct PrivateDatabase {
    database: Database,
    name: String,
    server: Server,
    /// Holds the lock.
    holder: PgConnection,
}

impl PrivateDatabase {
    /// Creates an empty one on the server that a database is on, and drops those that killed processes left there. The
    /// URL's role must be allowed to create databases. A server that restarts forgets who holds what: a database
    /// whose maker is not connected at that moment may then be dropped as well.
    pub async fn beside(database: &Database) -> Result<Self, OpenError> {
        let server = Server::at(database.url(), database.options)?;
        let failed = |source| server.failed(source);
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|_| OpenError::Random)?;
        let name = format!("{NAME}{}", Uuid::from_bytes(random).simple());
        let [a, b, c, d, ..] = random;
        let mut holder = server.connect_unbounded().await.map_err(failed)?;
        let lock = sqlx::query("SELECT pg_advisory_lock_shared($1, $2)");
        lock.bind(LOCK_CLASS).bind(i32::from_be_bytes([a, b, c, d])).execute(&mut holder).await.map_err(failed)?;
        if let Err(error) = drop_left(&mut holder).await {
            tracing::warn!(
                error = own_words(&error),
                "databases of processes that were killed could not be looked for"
            );
        }
        let create = AssertSqlSafe(format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"));
        sqlx::query(create).execute(&mut holder).await.map_err(failed)?;
        let database = database.named(&name);
        Ok(Self { database, name, server, holder })
    }

    /// The database, for as long as this is held.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Drops it. Whoever is still connected is cut off.
    pub async fn discard(self) -> Result<(), OpenError> {
        let Self { name, server, mut holder, .. } = self;
        // The server may have restarted since the holder connected.
        if holder.ping().await.is_err() {
            holder = server.connect_unbounded().await.map_err(|source| server.failed(source))?;
        }
        let drop = AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        sqlx::query(drop).execute(&mut holder).await.map_err(|source| server.failed(source))?;
        holder.close().await.map_err(|source| server.failed(source))
    }
}

async fn drop_left(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let left: Vec<String> = sqlx::query_scalar(LEFT).bind(i64::from(LOCK_CLASS)).fetch_all(&mut *connection).await?;
    for name in left {
        // Without FORCE: whoever came since then keeps it.
        let drop = AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name}"));
        match sqlx::query(drop).execute(&mut *connection).await {
            Ok(_) => tracing::info!(name, "dropped the database of a process that was killed"),
            // Another process may be dropping it.
            Err(error) => {
                tracing::info!(name, error = own_words(&error), "the database of a process that was killed stays");
            }
        }
    }
    Ok(())
}
