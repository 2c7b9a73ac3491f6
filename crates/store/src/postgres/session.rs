//! Sessions: what every connection of ours asks of the server before anything else.
//!
//! All access is by key, in short statements that are planned once. So the settings leave the planner no choice: a
//! plan that was made while a table was empty must not read all of it an hour later. A commit waits for the disk
//! whatever the server's default is, and nothing that hangs holds a lock for ever.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection, Row as _};
use tokio::time::timeout;

use super::PostgresOptions;
use crate::damage::Damage;
use crate::log::OpenError;

/// PostgreSQL 15.
const VERSION_NEEDED: i32 = 150_000;
const VERSION_NEEDED_TEXT: &str = "15";

/// Longest wait of the projector for a lock before it says that it waits; it tries again by itself.
const PROJECT_LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// Longest wait for a server process that is told to end.
const END_TIMEOUT: Duration = Duration::from_secs(2);

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Read,
    Write,
    /// Writing the views: what is lost of them is made again.
    Project,
    /// Writing a whole log in one transaction, however long it takes.
    Move,
}

/// A server and a database on it.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    connect: PgConnectOptions,
    pub(crate) options: PostgresOptions,
    /// For messages: host and database, never a password.
    pub(crate) place: PathBuf,
}

/// The server's process behind a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Backend {
    pid: i32,
    /// Tells it from a later one with the same pid. A role sees it of its own sessions only.
    started: Option<String>,
}

/// A process that is cut off is noticed, and its locks are free then.
const KEEPALIVES: [(&str, &str); 3] =
    [("tcp_keepalives_idle", "10"), ("tcp_keepalives_interval", "5"), ("tcp_keepalives_count", "3")];

impl Server {
    /// Takes a URL apart; nothing is connected yet.
    pub(crate) fn at(url: &str, options: PostgresOptions) -> Result<Self, OpenError> {
        let connect = PgConnectOptions::from_str(url).map_err(|source| OpenError::Url { source })?;
        let host = match connect.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => connect.get_host().to_owned(),
        };
        let database = connect.get_database().unwrap_or(connect.get_username()).to_owned();
        let place = PathBuf::from(format!("postgres://{host}:{}/{database}", connect.get_port()));
        Ok(Self { connect: connect.disable_statement_logging(), options, place })
    }

    /// The same server, where each session acts as another role.
    pub(crate) fn acting_as(&self, role: &str) -> Self {
        Self { connect: self.connect.clone().options([("role", role)]), ..self.clone() }
    }

    /// The same server, where a schema need not be named.
    pub(crate) fn in_schema(&self, schema: &str) -> Self {
        Self { connect: self.connect.clone().options([("search_path", schema)]), ..self.clone() }
    }

    /// The settings of a session, as part of what it connects with.
    fn session(&self, purpose: Use) -> PgConnectOptions {
        let ms = |duration: Duration| duration.as_millis().to_string();
        let statement = match purpose {
            Use::Read => self.options.read_timeout,
            Use::Write | Use::Project => self.options.write_timeout,
            Use::Move => Duration::ZERO,
        };
        let idle = if purpose == Use::Move { Duration::ZERO } else { self.options.idle_in_transaction_timeout };
        let lock = match purpose {
            Use::Read | Use::Write | Use::Move => self.options.lock_timeout,
            Use::Project => self.options.lock_timeout.min(PROJECT_LOCK_TIMEOUT),
        };
        let application = match purpose {
            Use::Read => "beleg reader",
            Use::Write => "beleg writer",
            Use::Project => "beleg projector",
            Use::Move => "beleg move",
        };
        let mut settings = vec![
            ("statement_timeout", ms(statement)),
            ("lock_timeout", ms(lock)),
            ("idle_in_transaction_session_timeout", ms(idle)),
            // A page is no work for several.
            ("max_parallel_workers_per_gather", "0".to_owned()),
            // The arrays of a batch.
            ("work_mem", "32MB".to_owned()),
        ];
        settings.extend(
            ["enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit"].map(|off| (off, "off".to_owned())),
        );
        let generic = ("plan_cache_mode", "force_generic_plan");
        let of_its_own = match purpose {
            Use::Read => [generic, ("default_transaction_read_only", "on")],
            Use::Write | Use::Move => [generic, ("synchronous_commit", "on")],
            // The projector's batches are large, and name rows of tables that grow under it: a plan that was made for all
            // of them when there was nothing yet would read a whole table for every batch.
            Use::Project => [("plan_cache_mode", "force_custom_plan"), ("synchronous_commit", "off")],
        };
        settings.extend(of_its_own.map(|(name, value)| (name, value.to_owned())));
        settings.extend(KEEPALIVES.map(|(name, value)| (name, value.to_owned())));
        self.connect.clone().application_name(application).options(settings).statement_cache_capacity(64)
    }

    /// Opens a session.
    pub(crate) async fn connect(&self, purpose: Use) -> Result<PgConnection, sqlx::Error> {
        self.within(self.session(purpose).connect()).await
    }

    /// A session for what takes as long as it takes: a migration, a comparison.
    pub(crate) async fn connect_unbounded(&self) -> Result<PgConnection, sqlx::Error> {
        let connect = self.connect.clone().application_name("beleg upkeep");
        let settings = [
            ("lock_timeout", "60s"),
            ("statement_timeout", "0"),
            ("idle_in_transaction_session_timeout", "0"),
            ("idle_session_timeout", "0"),
        ];
        self.within(connect.options(settings).options(KEEPALIVES).connect()).await
    }

    async fn within(
        &self,
        connect: impl Future<Output = Result<PgConnection, sqlx::Error>>,
    ) -> Result<PgConnection, sqlx::Error> {
        let late = || Err(sqlx::Error::Io(ErrorKind::TimedOut.into()));
        timeout(self.options.connect_timeout, connect).await.unwrap_or_else(|_| late())
    }

    /// How long to wait for an answer before the connection is given up. The server ends its statements earlier; this
    /// is for a network that swallows them.
    pub(crate) fn patience(&self, purpose: Use) -> Duration {
        let statement = match purpose {
            Use::Read => self.options.read_timeout,
            Use::Write | Use::Project => self.options.write_timeout,
            Use::Move => Duration::from_secs(600),
        };
        statement + Duration::from_secs(5)
    }

    pub(crate) fn failed(&self, source: sqlx::Error) -> OpenError {
        let path = self.place.clone();
        match self.no_tls(&source) {
            Some(reason) => OpenError::Tls { path, reason },
            None => OpenError::Database { path, source },
        }
    }

    /// Why there is no TLS, where that is what an error says. It is no server that is away: waiting helps nobody.
    fn no_tls(&self, error: &sqlx::Error) -> Option<String> {
        match error {
            sqlx::Error::Tls(reason) => Some(reason.to_string()),
            // A handshake that fails is rustls's error in one of these.
            sqlx::Error::Io(error) if error.kind() == ErrorKind::InvalidData => Some(error.to_string()),
            // A certificate is read from a file when it is needed. Over TCP nothing else is one.
            sqlx::Error::Io(error) if error.kind() == ErrorKind::NotFound && !self.is_local() => {
                Some("a file of certificates that the URL names is not there".into())
            }
            _ => None,
        }
    }

    /// Whether the server is reached over a Unix socket, which is a file as well.
    fn is_local(&self) -> bool {
        self.connect.get_socket().is_some() || self.connect.get_host().starts_with('/')
    }
}

/// Refuses a server that this program cannot use, and warns of one that loses what it acknowledged.
pub(crate) async fn check_server(connection: &mut PgConnection, path: &Path) -> Result<(), OpenError> {
    let failed = |source| OpenError::Database { path: path.to_owned(), source };
    let row = sqlx::query(
        "SELECT current_setting('server_version_num')::int, current_setting('server_version'), \
         current_setting('server_encoding'), current_setting('fsync')::bool AND current_setting('full_page_writes')::bool",
    );
    let row = row.fetch_one(connection).await.map_err(failed)?;
    if row.try_get::<i32, _>(0).map_err(failed)? < VERSION_NEEDED {
        let found = row.try_get(1).map_err(failed)?;
        return Err(OpenError::OldPostgres { found, needed: VERSION_NEEDED_TEXT });
    }
    let encoding: &str = row.try_get(2).map_err(failed)?;
    if encoding != "UTF8" {
        let damage = Damage::Encoding { found: encoding.to_owned() };
        return Err(OpenError::Corrupt { path: path.to_owned(), damage });
    }
    if !row.try_get::<bool, _>(3).map_err(failed)? {
        tracing::warn!(database = %path.display(), "fsync or full_page_writes is off: a crash of the server loses events");
    }
    Ok(())
}

impl Backend {
    /// The one behind this connection.
    pub(crate) async fn of(connection: &mut PgConnection) -> Result<Self, sqlx::Error> {
        let row = sqlx::query("SELECT pid, backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()");
        let row = row.fetch_one(connection).await?;
        Ok(Self { pid: row.try_get(0)?, started: row.try_get(1)? })
    }

    /// Makes sure, from another connection, that it is gone and will not commit any more.
    ///
    /// A server process does not notice that its client left while it works, or while it waits for a lock. Its
    /// commit could come after we looked whether it came.
    pub(crate) async fn end(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let wait_ms = i64::try_from(END_TIMEOUT.as_millis()).unwrap_or(i64::MAX);
        sqlx::query(
            "SELECT pg_terminate_backend(pid, $3) FROM pg_stat_activity \
             WHERE pid = $1 AND backend_start::text IS NOT DISTINCT FROM $2",
        )
        .bind(self.pid)
        .bind(&self.started)
        .bind(wait_ms)
        .fetch_all(&mut *connection)
        .await?;
        let left =
            sqlx::query("SELECT FROM pg_stat_activity WHERE pid = $1 AND backend_start::text IS NOT DISTINCT FROM $2");
        match left.bind(self.pid).bind(&self.started).fetch_optional(connection).await? {
            None => Ok(()),
            Some(_) => Err(sqlx::Error::Io(std::io::Error::new(
                ErrorKind::TimedOut,
                "the server process of a lost connection does not end",
            ))),
        }
    }
}
