//! Where a log is kept, as arguments say it: a directory, or a PostgreSQL database.

use crate::failure::Failure;
use crate::said::Said;
use beleg_store::{Database, Storage};
use clap::Args as ClapArgs;
use std::io::ErrorKind;
use std::path::PathBuf;

/// The URL of the database, where it is not an argument.
pub(crate) const DATABASE: &str = "BELEG_DATABASE";

/// Where log and views live: `--data`, `--database` or the environment.
#[derive(Debug, ClapArgs)]
pub(crate) struct Kept {
    /// A directory for log and views, made if it is not there; one server uses it
    #[arg(long, value_name = "DIR", conflicts_with = "database")]
    data: Option<PathBuf>,
    /// A PostgreSQL database (15 or newer) for log and views; any number of servers share it
    ///
    /// postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=MODE&sslrootcert=FILE. MODE is disable, prefer (the default),
    /// require, verify-ca or verify-full; the last two check the server's certificate, against FILE or what the system
    /// trusts. Arguments are seen by everybody on the machine, so a URL with a password belongs in the environment
    /// variable BELEG_DATABASE.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Connections to the database, at most: one writes, one projects, one follows the log's end, the others read
    #[arg(long, value_name = "N", default_value_t = Database::CONNECTIONS,
          value_parser = clap::value_parser!(u32).range(i64::from(Database::CONNECTIONS_MIN)..=500))]
    database_connections: u32,
}

impl Kept {
    /// Exactly one of both. An argument counts more than the environment.
    pub(crate) fn storage(self) -> Result<Storage, Failure> {
        if let Some(directory) = self.data {
            return Ok(Storage::Directory(directory));
        }
        let url = self.database.or_else(|| from_environment(DATABASE));
        let database = url.map(|url| Database::at(url).with_connections(self.database_connections));
        database.map(Storage::Database).ok_or_else(nowhere)
    }
}

/// A log or views that may not be written are noticed before anything is begun: SQLite opens such a file all the same
/// and fails with the first command.
pub(crate) fn check_writable(storage: &Storage) -> Result<(), Failure> {
    let Storage::Directory(directory) = storage else { return Ok(()) };
    for name in ["log.sqlite", "views.sqlite"] {
        let path = directory.join(name);
        // What is not there is made; other troubles are told by who opens it.
        let Ok(metadata) = path.metadata() else { continue };
        let denied = || {
            let opened = std::fs::File::options().append(true).open(&path);
            opened
                .is_err_and(|error| matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem))
        };
        if metadata.permissions().readonly() || denied() {
            return Err(Failure::NotWritable { path });
        }
    }
    Ok(())
}

/// Where a private server keeps its log, if not in a temporary directory.
#[derive(Debug, Default, ClapArgs)]
pub(crate) struct Beside {
    /// Use PostgreSQL: each private log gets a database of its own beside this one, dropped at the end. The URL's role
    /// must be allowed to create databases
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
}

/// A variable that says something.
pub(crate) fn from_environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn nowhere() -> Failure {
    Failure::Usage(Said::new(
        "Wo liegt das Protokoll? Angeben: --data VERZEICHNIS oder --database URL (oder BELEG_DATABASE setzen)",
        "where is the log? give --data DIR or --database URL (or set BELEG_DATABASE)",
    ))
}
