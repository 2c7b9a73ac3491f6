//! Where a log and its views are kept: a directory of this machine, or a PostgreSQL database.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::log::{EventLog, LogOptions, OpenError, PostgresLog, SqliteLog};
use crate::postgres::PostgresOptions;
use crate::views::{self, Views, ViewsOpenError, ViewsWriter};

/// Where a log and its views are kept.
#[derive(Clone, Debug)]
pub enum Storage {
    /// Two SQLite files in a directory, for one server.
    Directory(PathBuf),
    /// Two schemas of a PostgreSQL database, for any number of servers.
    Database(Database),
}

/// A PostgreSQL database and how it is used.
#[derive(Clone)]
pub struct Database {
    url: String,
    connections: u32,
    pub(crate) options: PostgresOptions,
}

impl fmt::Debug for Database {
    /// Without its URL, for that may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("connections", &self.connections).finish_non_exhaustive()
    }
}

impl Database {
    /// Connections of a server, unless told otherwise.
    pub const CONNECTIONS: u32 = 12;

    /// The fewest: one each for the writer, the projector, looking where the log ends, and reading log and views.
    pub const CONNECTIONS_MIN: u32 = 5;

    /// A database by its URL, `postgres://user:password@host:port/database?sslmode=…&sslrootcert=…`.
    pub fn at(url: impl Into<String>) -> Self {
        Self { url: url.into(), connections: Self::CONNECTIONS, options: PostgresOptions::default() }
    }

    /// The same with at most so many connections.
    #[must_use]
    pub fn with_connections(self, connections: u32) -> Self {
        Self { connections: connections.max(Self::CONNECTIONS_MIN), ..self }
    }

    /// The same with other time-outs.
    #[must_use]
    pub fn with_options(self, options: PostgresOptions) -> Self {
        Self { options, ..self }
    }

    /// Another database on the same server, used in the same way.
    pub(crate) fn named(&self, name: &str) -> Self {
        Self { url: renamed(&self.url, name), ..self.clone() }
    }

    /// Its URL, which may hold a password.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Connections that read the views: a quarter of those that read.
    pub(crate) fn view_readers(&self) -> u32 {
        (self.readers() / 4).max(1)
    }

    fn log_readers(&self) -> u32 {
        (self.readers() - self.view_readers()).max(1)
    }

    fn readers(&self) -> u32 {
        self.connections.saturating_sub(3)
    }
}

/// The pause between attempts to reach a database that is away.
const AWAY_PAUSE: Duration = Duration::from_millis(500);

impl Storage {
    /// Opens the log for writing as [`Storage::open_log`] does. A database that is away is waited for, as long as its
    /// options say: after a power failure it may start later than those who use it.
    pub async fn await_log(&self, options: LogOptions) -> Result<Arc<dyn EventLog>, OpenError> {
        let mut waiting = self.waiting();
        loop {
            match self.open_log(options).await {
                Err(error) if error.is_away() => waiting.pause(error, OpenError::after).await?,
                opened => return opened,
            }
        }
    }

    /// Opens the views as [`Storage::open_views`] does, and waits for a database that is away as
    /// [`Storage::await_log`] does: it may go between the two.
    pub async fn await_views(
        &self,
        log: &dyn EventLog,
    ) -> Result<(Box<dyn ViewsWriter>, Arc<dyn Views>), ViewsOpenError> {
        let mut waiting = self.waiting();
        loop {
            match self.open_views(log).await {
                Err(error) if error.is_away() => waiting.pause(error, ViewsOpenError::after).await?,
                opened => return opened,
            }
        }
    }

    fn waiting(&self) -> Waiting {
        let longest = match self {
            // A directory is there or it is not.
            Self::Directory(_) => Duration::ZERO,
            Self::Database(database) => database.options.start_wait,
        };
        Waiting { begun: Instant::now(), longest, said: false }
    }

    /// Opens the log for writing, and creates it if it is missing.
    pub async fn open_log(&self, options: LogOptions) -> Result<Arc<dyn EventLog>, OpenError> {
        Ok(match self {
            Self::Directory(directory) => Arc::new(SqliteLog::open(directory, options).await?),
            Self::Database(database) => {
                let options = LogOptions { readers: database.log_readers(), ..options };
                Arc::new(PostgresLog::open(database.url(), options, database.options).await?)
            }
        })
    }

    /// Opens the log for reading, beside whoever writes it.
    pub async fn open_log_read_only(&self) -> Result<Arc<dyn EventLog>, OpenError> {
        Ok(match self {
            Self::Directory(directory) => Arc::new(SqliteLog::open_read_only(directory).await?),
            Self::Database(database) => {
                // What it is created with is not asked: it is there.
                let options = LogOptions::new(crate::log::ClockKind::System);
                let options = LogOptions { readers: database.log_readers(), ..options };
                Arc::new(PostgresLog::open_read_only(database.url(), options, database.options).await?)
            }
        })
    }

    /// Opens the views of a log for its projector and for readers, and creates them if they are missing. Those of
    /// another log are refused.
    pub async fn open_views(
        &self,
        log: &dyn EventLog,
    ) -> Result<(Box<dyn ViewsWriter>, Arc<dyn Views>), ViewsOpenError> {
        match self {
            Self::Directory(directory) => views::open_in_directory(&views::serving_file(directory), log).await,
            Self::Database(database) => views::open_in_database(database, log).await,
        }
    }

    /// The directory, or host and database; never a password. `URL` where that names no database.
    pub fn place(&self) -> PathBuf {
        match self {
            Self::Directory(directory) => directory.clone(),
            Self::Database(database) => crate::postgres::Server::at(database.url(), database.options)
                .map_or_else(|_| Path::new("URL").to_owned(), |server| server.place),
        }
    }
}

/// The wait for a database that is away.
struct Waiting {
    begun: Instant,
    longest: Duration,
    /// Whether it was said that it is waited for.
    said: bool,
}

impl Waiting {
    /// Waits a little before the next attempt. At the end of patience the error comes back, with the time it took.
    async fn pause<E: fmt::Display>(&mut self, error: E, after: impl FnOnce(E, Duration) -> E) -> Result<(), E> {
        if self.begun.elapsed() + AWAY_PAUSE >= self.longest {
            return Err(after(error, self.begun.elapsed()));
        }
        if !self.said {
            let longest = self.longest.as_secs();
            tracing::warn!(%error, "the database does not answer; it is waited for, {longest} s at most");
            self.said = true;
        }
        tokio::time::sleep(AWAY_PAUSE).await;
        Ok(())
    }
}

/// The URL with another database in its path.
fn renamed(url: &str, name: &str) -> String {
    let (address, query) = url.split_once('?').map_or((url, String::new()), |(url, query)| (url, format!("?{query}")));
    let after_scheme = address.find("://").map_or(0, |at| at + 3);
    let end = address[after_scheme..].find('/').map_or(address.len(), |at| after_scheme + at);
    format!("{}/{name}{query}", &address[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_database_keeps_the_rest_of_the_url() {
        assert_eq!(renamed("postgres://a:b@host:1/x?sslmode=disable", "y"), "postgres://a:b@host:1/y?sslmode=disable");
        assert_eq!(renamed("postgres://host", "y"), "postgres://host/y");
    }

    #[test]
    fn what_is_printed_holds_no_password() {
        let storage = Storage::Database(Database::at("postgres://beleg:secret@host:5433/tickets"));
        assert_eq!(storage.place(), Path::new("postgres://host:5433/tickets"));
        assert!(!format!("{storage:?}").contains("secret"), "{storage:?}");
    }

    #[test]
    fn connections_are_shared_out() {
        for connections in [0, 5, 6, 12, 100] {
            let database = Database::at("postgres://host/x").with_connections(connections);
            let used = 3 + database.log_readers() + database.view_readers();
            assert_eq!(used, connections.max(Database::CONNECTIONS_MIN), "{connections}");
        }
    }
}
