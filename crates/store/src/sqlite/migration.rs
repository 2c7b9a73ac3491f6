//! Schemas of both files: brought up to date, or checked.

use std::path::Path;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};
use tokio::runtime::Handle;

use super::{open_error, reading};
use crate::log::OpenError;

/// Page cache for a look at the schema.
const LOOK_CACHE_KIB: u32 = 64;

/// Brings a file up to this program's schema; a newer one is refused.
///
/// The future that sqlx migrates with is too general for the compiler to see that it may move between threads. So it
/// stays on one: a thread for blocking work, with a connection of its own.
pub(crate) async fn migrate(
    connect: &SqliteConnectOptions,
    migrator: &'static Migrator,
    path: &Path,
) -> Result<(), OpenError> {
    let (connect, path, runtime) = (connect.clone(), path.to_owned(), Handle::current());
    let io = OpenError::Io { path: path.clone(), source: std::io::Error::other("the migration was interrupted") };
    let migrated = tokio::task::spawn_blocking(move || {
        runtime.block_on(async {
            let failed = |source| open_error(&path, source);
            let mut connection = connect.connect().await.map_err(failed)?;
            let (found, known) = (found(&mut connection, &path).await?, known(migrator));
            if found > known {
                return Err(OpenError::NewerSchema { path: path.clone(), found, known });
            }
            migrator.run(&mut connection).await.map_err(|source| match source {
                MigrateError::Execute(source) => open_error(&path, source),
                MigrateError::VersionMismatch(version) | MigrateError::VersionMissing(version) => {
                    OpenError::OtherBuild { path: path.clone(), version }
                }
                source => OpenError::Migration { path: path.clone(), source },
            })?;
            connection.close().await.map_err(failed)
        })
    });
    migrated.await.unwrap_or(Err(io))
}

/// Refuses another program's database before anything is written to it: to open it for writing would already change how
/// it keeps its journal. What cannot be read is left to whoever opens it.
pub(crate) async fn refuse_foreign(path: &Path) -> Result<(), OpenError> {
    let Ok(mut connection) = reading(path, LOOK_CACHE_KIB).connect().await else { return Ok(()) };
    let looked = found(&mut connection, path).await;
    // It was only looked at.
    let _ = connection.close().await;
    match looked {
        Err(foreign @ OpenError::NotOurs { .. }) => Err(foreign),
        _ => Ok(()),
    }
}

/// Demands exactly this program's schema.
pub(crate) async fn check_schema(
    connection: &mut SqliteConnection,
    migrator: &Migrator,
    path: &Path,
) -> Result<(), OpenError> {
    let (found, known) = (found(connection, path).await?, known(migrator));
    match found.cmp(&known) {
        std::cmp::Ordering::Less => Err(OpenError::OlderSchema { path: path.to_owned(), found, known }),
        std::cmp::Ordering::Equal => check_build(connection, migrator, path).await,
        std::cmp::Ordering::Greater => Err(OpenError::NewerSchema { path: path.to_owned(), found, known }),
    }
}

/// Two builds of one version may mean different tables by the same number.
async fn check_build(connection: &mut SqliteConnection, migrator: &Migrator, path: &Path) -> Result<(), OpenError> {
    let failed = |source| open_error(path, source);
    let rows = sqlx::query("SELECT version, checksum FROM _sqlx_migrations").fetch_all(connection).await;
    for row in rows.map_err(failed)? {
        let version: i64 = row.try_get(0).map_err(failed)?;
        let checksum: &[u8] = row.try_get(1).map_err(failed)?;
        if !migrator.iter().any(|known| known.version == version && *known.checksum == *checksum) {
            return Err(OpenError::OtherBuild { path: path.to_owned(), version });
        }
    }
    Ok(())
}

fn known(migrator: &Migrator) -> i64 {
    migrator.iter().map(|migration| migration.version).max().unwrap_or(0)
}

async fn found(connection: &mut SqliteConnection, path: &Path) -> Result<i64, OpenError> {
    let failed = |source| open_error(path, source);
    let migrated = sqlx::query("SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations'")
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed)?;
    if migrated.is_none() {
        // An empty file may become ours; one with tables of its own is somebody else's.
        let foreign = sqlx::query("SELECT 1 FROM sqlite_schema LIMIT 1").fetch_optional(connection).await;
        return match foreign.map_err(failed)? {
            None => Ok(0),
            Some(_) => Err(OpenError::NotOurs { path: path.to_owned() }),
        };
    }
    sqlx::query("SELECT coalesce(max(version), 0) FROM _sqlx_migrations")
        .fetch_one(connection)
        .await
        .and_then(|row| row.try_get(0))
        .map_err(failed)
}
