//! Where a test's log and views are kept: a directory, or with `BELEG_TEST_BACKEND=postgres` a database. The same tests
//! run on both.

use std::sync::Arc;

use beleg_postgres_cluster::{Cluster, Database};
use beleg_store::Storage;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use tempfile::TempDir;

/// Chooses the backend: `sqlite`, which is the default, or `postgres`.
const BACKEND: &str = "BELEG_TEST_BACKEND";

#[derive(Clone)]
pub(crate) enum Place {
    Directory(Arc<TempDir>),
    Database(Arc<Database>),
    /// A database of a server that the test ends and starts itself.
    Own(Arc<Cluster>),
}

/// What of it is meant.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    Log,
    Views,
}

impl Place {
    /// An empty one.
    pub(crate) async fn new() -> Self {
        match std::env::var(BACKEND).as_deref() {
            Err(_) | Ok("" | "sqlite") => Self::directory(),
            Ok("postgres") => Self::database().await.expect("a PostgreSQL, for that was asked for"),
            Ok(other) => panic!("{BACKEND}={other}: it is sqlite or postgres"),
        }
    }

    fn directory() -> Self {
        Self::Directory(Arc::new(tempfile::tempdir().unwrap()))
    }

    /// A database, whatever the backend of the other tests; `None`, said loudly, where there can be none.
    pub(crate) async fn database() -> Option<Self> {
        Some(Self::Database(Arc::new(Database::new().await?)))
    }

    /// The same on a server that the test may end.
    pub(crate) async fn own() -> Option<Self> {
        // Says why there is none.
        Database::new().await?;
        let cluster = tokio::task::spawn_blocking(Cluster::start).await.unwrap();
        // An existing server is not ours to end.
        cluster
            .inspect_err(|error| eprintln!("*** NOT TESTED: {error} ***"))
            .ok()
            .map(|cluster| Self::Own(Arc::new(cluster)))
    }

    fn url(&self) -> Option<String> {
        match self {
            Self::Directory(_) => None,
            Self::Database(database) => Some(database.url().to_owned()),
            Self::Own(cluster) => Some(cluster.url("postgres")),
        }
    }

    pub(crate) fn storage(&self) -> Storage {
        match self {
            Self::Directory(directory) => Storage::Directory(directory.path().to_owned()),
            _ => Storage::Database(beleg_store::Database::at(self.url().unwrap())),
        }
    }

    /// A shell where the tables of log or views need no other name.
    pub(crate) async fn shell(&self, part: Part) -> Shell {
        match self {
            Self::Directory(directory) => {
                let file = match part {
                    Part::Log => "log.sqlite",
                    Part::Views => "views.sqlite",
                };
                let url = format!("sqlite://{}", directory.path().join(file).display());
                Shell::Sqlite(SqliteConnection::connect(&url).await.unwrap())
            }
            _ => {
                let mut shell = Shell::Postgres(PgConnection::connect(&self.url().unwrap()).await.unwrap());
                let path = match part {
                    Part::Log => "SET search_path = beleg_log",
                    Part::Views => "SET search_path = beleg_views",
                };
                shell.run(path).await;
                shell
            }
        }
    }

    /// A transaction that keeps all others from writing, until it is undone.
    pub(crate) async fn lock(&self, part: Part) -> Shell {
        let mut shell = self.shell(part).await;
        let lock = match (&shell, part) {
            (Shell::Sqlite(_), _) => "BEGIN IMMEDIATE",
            (Shell::Postgres(_), Part::Log) => "BEGIN; SELECT FROM log_head FOR UPDATE",
            (Shell::Postgres(_), Part::Views) => "BEGIN; SELECT FROM checkpoint FOR UPDATE",
        };
        shell.run(lock).await;
        shell
    }

    /// Loses the views. No server runs.
    pub(crate) async fn lose_views(&self) {
        match self {
            Self::Directory(directory) => std::fs::remove_file(directory.path().join("views.sqlite")).unwrap(),
            _ => drop(self.shell(Part::Views).await.run("DROP SCHEMA beleg_views CASCADE").await),
        }
    }

    /// Gets the views of another log. No server runs.
    pub(crate) async fn take_views_of(&self, other: &Self) {
        match (self, other) {
            (Self::Directory(directory), Self::Directory(other)) => {
                let of = |file| (other.path().join(file), directory.path().join(file));
                let (theirs, own) = of("views.sqlite");
                std::fs::copy(theirs, own).unwrap();
                // Where the last connections were closed at once there is a write-ahead log still, and one's own would
                // hide what was copied.
                let (theirs, own) = of("views.sqlite-wal");
                match theirs.exists() {
                    true => drop(std::fs::copy(theirs, own).unwrap()),
                    false if own.exists() => std::fs::remove_file(own).unwrap(),
                    false => {}
                }
            }
            _ => drop(self.shell(Part::Views).await.run("UPDATE checkpoint SET log_id = gen_random_uuid()").await),
        }
    }

    /// Fresh builds of the views that nobody removed.
    pub(crate) async fn builds_left(&self) -> u64 {
        match self {
            Self::Directory(directory) => {
                let names = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name());
                names.filter(|name| name.to_string_lossy().starts_with("views.fresh")).count() as u64
            }
            _ => {
                let count = "SELECT 1 FROM pg_namespace WHERE nspname LIKE 'beleg_views_fresh%'";
                self.shell(Part::Views).await.run(count).await
            }
        }
    }
}

/// A plain shell on the database.
pub(crate) enum Shell {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Shell {
    /// Runs statements and says how many rows they changed or gave.
    pub(crate) async fn run(&mut self, sql: &str) -> u64 {
        match self {
            Self::Sqlite(shell) => sqlx::raw_sql(AssertSqlSafe(sql)).execute(shell).await.unwrap().rows_affected(),
            Self::Postgres(shell) => sqlx::raw_sql(AssertSqlSafe(sql)).execute(shell).await.unwrap().rows_affected(),
        }
    }
}
