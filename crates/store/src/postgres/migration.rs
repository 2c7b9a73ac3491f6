//! Schemas: brought up to date, or refused, while other servers may run.
//!
//! Two advisory locks. The **use** lock is held, shared, by the writing session of every process for as long as it
//! lives, and whoever holds it has checked the schema after taking it. A migration needs it for itself alone: so no
//! process ever writes to a schema that it does not know, and a migration is refused, clearly, while servers of the
//! older program run. The **migration** lock lets processes that start together migrate one after the other; the
//! second finds nothing left to do.

use std::borrow::Cow;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use tokio::runtime::Handle;

use super::session::{Server, check_server};
use crate::log::OpenError;

/// "Bele": tells our advisory locks from those of others.
const LOCK_CLASS: i32 = 0x4265_6c65;

/// How often the use lock is tried for, and the pause between.
const ALONE_TRIES: u32 = 20;
const ALONE_PAUSE: Duration = Duration::from_millis(100);

/// A schema in the database, with its migrations.
#[derive(Debug, Clone)]
pub(crate) struct Schema {
    pub(crate) name: Cow<'static, str>,
    pub(crate) migrator: fn() -> Migrator,
    /// Tells the schemas' advisory locks apart: this one is the use lock, the next one the migration lock.
    pub(crate) lock: i32,
}

/// Brings the schema up to this program's version, unless it is newer, and leaves the use lock with the connection.
pub(crate) async fn prepare_schema(
    connection: &mut PgConnection,
    server: &Server,
    schema: &Schema,
) -> Result<(), OpenError> {
    check_server(connection, &server.place).await?;
    lock_for_use(connection, schema).await.map_err(|source| server.failed(source))?;
    match check_schema(connection, server, schema).await {
        Err(OpenError::OlderSchema { .. }) => {}
        outcome => return outcome,
    }
    let unlock = sqlx::query("SELECT pg_advisory_unlock_shared($1, $2)").bind(LOCK_CLASS).bind(schema.lock);
    unlock.execute(&mut *connection).await.map_err(|source| server.failed(source))?;
    migrate(server, schema).await?;
    lock_for_use(connection, schema).await.map_err(|source| server.failed(source))?;
    check_schema(connection, server, schema).await
}

/// Waits while a migration is under way.
async fn lock_for_use(connection: &mut PgConnection, schema: &Schema) -> Result<(), sqlx::Error> {
    let lock = sqlx::query("SELECT pg_advisory_lock_shared($1, $2)").bind(LOCK_CLASS).bind(schema.lock);
    lock.execute(connection).await.map(drop)
}

/// Demands exactly this program's schema.
pub(crate) async fn check_schema(
    connection: &mut PgConnection,
    server: &Server,
    schema: &Schema,
) -> Result<(), OpenError> {
    let path = server.place.clone();
    let known = known(&(schema.migrator)());
    let found = found(connection, schema).await.map_err(|source| server.failed(source))?;
    match found.cmp(&known) {
        std::cmp::Ordering::Less => Err(OpenError::OlderSchema { path, found, known }),
        std::cmp::Ordering::Equal => check_build(connection, server, schema).await,
        std::cmp::Ordering::Greater => Err(OpenError::NewerSchema { path, found, known }),
    }
}

/// Two builds of one version may mean different tables by the same number.
async fn check_build(connection: &mut PgConnection, server: &Server, schema: &Schema) -> Result<(), OpenError> {
    let sql = format!("SELECT version, checksum FROM {}._sqlx_migrations", schema.name);
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await.map_err(|source| server.failed(source))?;
    let migrator = (schema.migrator)();
    for row in rows {
        let version: i64 = row.try_get(0).map_err(|source| server.failed(source))?;
        let checksum: &[u8] = row.try_get(1).map_err(|source| server.failed(source))?;
        if !migrator.iter().any(|known| known.version == version && *known.checksum == *checksum) {
            return Err(OpenError::OtherBuild { path: server.place.clone(), version });
        }
    }
    Ok(())
}

/// The future that sqlx migrates with is too general for the compiler to see that it may move between threads. So it
/// stays on one: a thread for blocking work.
async fn migrate(server: &Server, schema: &Schema) -> Result<(), OpenError> {
    let (server, schema, runtime) = (server.clone(), schema.clone(), Handle::current());
    let interrupted =
        OpenError::Io { path: server.place.clone(), source: std::io::Error::other("the migration was interrupted") };
    let migrated = tokio::task::spawn_blocking(move || {
        runtime.block_on(async {
            let mut connection = server.connect_unbounded().await.map_err(|source| server.failed(source))?;
            let outcome = migrate_alone(&mut connection, &server, &schema).await;
            // Closing gives the locks back, also after a failure.
            let closed = connection.close().await;
            outcome.and(closed.map_err(|source| server.failed(source)))
        })
    });
    migrated.await.unwrap_or(Err(interrupted))
}

async fn migrate_alone(connection: &mut PgConnection, server: &Server, schema: &Schema) -> Result<(), OpenError> {
    let failed = |source| server.failed(source);
    let path = server.place.clone();
    let wait = sqlx::query("SELECT pg_advisory_lock($1, $2)").bind(LOCK_CLASS).bind(schema.lock + 1);
    wait.execute(&mut *connection).await.map_err(failed)?;
    let mut migrator = (schema.migrator)();
    let (found, known) = (found(connection, schema).await.map_err(failed)?, known(&migrator));
    if found >= known {
        return Ok(());
    }
    if !may_migrate(connection, schema).await.map_err(failed)? {
        return Err(OpenError::NotMigrated { path, found, known });
    }
    // Nobody can use a schema that does not exist.
    if found > 0 && !lock_alone(connection, schema).await.map_err(failed)? {
        return Err(OpenError::ServersRunning { path, found, known });
    }
    // Our own locks serve.
    migrator.set_locking(false);
    migrator.dangerous_set_table_name(format!("{}._sqlx_migrations", schema.name));
    if found == 0 {
        migrator.create_schema(schema.name.clone());
    }
    migrator.run(connection).await.map_err(|source| match source {
        MigrateError::Execute(source) => server.failed(source),
        MigrateError::VersionMismatch(version) | MigrateError::VersionMissing(version) => {
            OpenError::OtherBuild { path, version }
        }
        source => OpenError::Migration { path, source },
    })
}

/// A process that is starting like us lets go of the use lock soon; one that serves does not.
pub(crate) async fn lock_alone(connection: &mut PgConnection, schema: &Schema) -> Result<bool, sqlx::Error> {
    for _ in 0..ALONE_TRIES {
        if try_lock(connection, schema.lock).await? {
            return Ok(true);
        }
        tokio::time::sleep(ALONE_PAUSE).await;
    }
    Ok(false)
}

fn known(migrator: &Migrator) -> i64 {
    migrator.iter().map(|migration| migration.version).max().unwrap_or(0)
}

async fn found(connection: &mut PgConnection, schema: &Schema) -> Result<i64, sqlx::Error> {
    let table = format!("{}._sqlx_migrations", schema.name);
    let exists = sqlx::query("SELECT to_regclass($1) IS NOT NULL").bind(&table);
    if !exists.fetch_one(&mut *connection).await?.try_get::<bool, _>(0)? {
        return Ok(0);
    }
    let version = AssertSqlSafe(format!("SELECT coalesce(max(version), 0) FROM {table}"));
    sqlx::query(version).fetch_one(connection).await?.try_get(0)
}

/// Takes one of our advisory locks for the session, unless another one holds it.
pub(crate) async fn try_lock(connection: &mut PgConnection, lock: i32) -> Result<bool, sqlx::Error> {
    let taken = sqlx::query("SELECT pg_try_advisory_lock($1, $2)").bind(LOCK_CLASS).bind(lock);
    taken.fetch_one(connection).await?.try_get(0)
}

/// Gives it back.
pub(crate) async fn unlock(connection: &mut PgConnection, lock: i32) -> Result<(), sqlx::Error> {
    let given = sqlx::query("SELECT pg_advisory_unlock($1, $2)").bind(LOCK_CLASS).bind(lock);
    given.execute(connection).await.map(drop)
}

/// What the server makes of a format and names. Names cannot be bound, and which must be quoted is for the server to
/// know: reserved words, too.
pub(crate) async fn formatted(
    connection: &mut PgConnection,
    format: &'static str,
    names: &[&str],
) -> Result<String, sqlx::Error> {
    let mut query = sqlx::query(format);
    for name in names {
        query = query.bind(*name);
    }
    query.fetch_one(connection).await?.try_get(0)
}

/// Runs the statement that the server formats with names.
pub(crate) async fn run_formatted(
    connection: &mut PgConnection,
    format: &'static str,
    names: &[&str],
) -> Result<(), sqlx::Error> {
    let statement = formatted(&mut *connection, format, names).await?;
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.map(drop)
}

/// The service's role may not, and should hear it from us.
async fn may_migrate(connection: &mut PgConnection, schema: &Schema) -> Result<bool, sqlx::Error> {
    let sql = "SELECT coalesce((SELECT pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = $1), \
               has_database_privilege(current_database(), 'CREATE'))";
    sqlx::query(sql).bind(&*schema.name).fetch_one(connection).await?.try_get(0)
}

#[cfg(test)]
mod tests {
    use beleg_postgres_cluster::Database;
    use sqlx::SqlSafeStr as _;
    use sqlx::migrate::{Migration, MigrationType};

    use super::*;
    use crate::postgres::{PostgresOptions, Use};

    fn older() -> Migrator {
        let create = "CREATE TABLE drawer.paper (x int)".into_sql_str();
        Migrator::with_migrations(vec![Migration::new(1, "paper".into(), MigrationType::Simple, create, false)])
    }

    fn newer() -> Migrator {
        let mut migrations: Vec<_> = older().iter().cloned().collect();
        let add = "ALTER TABLE drawer.paper ADD y int".into_sql_str();
        migrations.push(Migration::new(2, "more".into(), MigrationType::Simple, add, false));
        Migrator::with_migrations(migrations)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_schema_in_use_is_not_migrated_and_a_newer_one_is_refused() {
        let Some(database) = Database::new().await else { return };
        let server = Server::at(database.url(), PostgresOptions::default()).unwrap();
        let (older, newer) = (
            Schema { name: "drawer".into(), migrator: older, lock: 101 },
            Schema { name: "drawer".into(), migrator: newer, lock: 101 },
        );
        let mut serving = server.connect(Use::Write).await.unwrap();
        prepare_schema(&mut serving, &server, &older).await.unwrap();
        let mut starting = server.connect(Use::Write).await.unwrap();
        let refused = prepare_schema(&mut starting, &server, &newer).await.unwrap_err();
        assert!(matches!(refused, OpenError::ServersRunning { found: 1, known: 2, .. }), "{refused}");

        serving.close().await.unwrap();
        let mut starting = server.connect(Use::Write).await.unwrap();
        prepare_schema(&mut starting, &server, &newer).await.unwrap();
        let mut late = server.connect(Use::Write).await.unwrap();
        let refused = prepare_schema(&mut late, &server, &older).await.unwrap_err();
        assert!(matches!(refused, OpenError::NewerSchema { found: 2, known: 1, .. }), "{refused}");
    }
}
