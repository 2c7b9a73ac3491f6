//! A handful of connections that read, lent out for one statement at a time.
//!
//! Not sqlx's pool: that one asks the server whether a connection still lives each time it is given back, which
//! doubles the round trips of a read. Here a broken connection shows at its next statement, and since every statement
//! only reads, it is simply repeated on a new one, for as long as a lost connection is to be ridden out. A connection
//! whose statement was abandoned midway is closed, not lent again.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Connection as _, PgConnection, SqlSafeStr, SqlStr};
use tokio::sync::{Semaphore, TryAcquireError};
use tokio::time::{Instant, sleep, timeout};

use super::session::{Server, Use};
use crate::fault::{Cause, cause, own_words};
use crate::log::{ReadError, UnavailableReason};

/// Pauses between attempts on a server that is away.
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(crate) struct Readers {
    server: Server,
    connections: usize,
    /// The last one given back is lent first.
    idle: Mutex<Vec<PgConnection>>,
    permits: Semaphore,
}

impl Readers {
    pub(crate) fn new(server: Server, connections: u32) -> Self {
        let connections = usize::try_from(connections.max(1)).unwrap_or(1);
        Self { server, connections, idle: Mutex::default(), permits: Semaphore::new(connections) }
    }

    /// The most connections, and so statements at a time.
    pub(crate) fn connections(&self) -> usize {
        self.connections
    }

    /// The rows of one statement.
    pub(crate) async fn rows(&self, sql: impl SqlSafeStr, arguments: PgArguments) -> Result<Vec<PgRow>, ReadError> {
        let sql = sql.into_sql_str();
        let _permit = match self.permits.try_acquire() {
            Ok(permit) => permit,
            Err(TryAcquireError::Closed) => return Err(ReadError::Closed),
            Err(TryAcquireError::NoPermits) => self.wait().await?,
        };
        let give_up = Instant::now() + self.server.options.ride_out;
        loop {
            let lent = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let fresh = lent.is_none();
            let error = match self.attempt(lent, sql.clone(), arguments.clone()).await {
                Ok(rows) => return Ok(rows),
                Err(error) => error,
            };
            let lost = cause(&error) == Cause::Unavailable(UnavailableReason::Connection);
            if !lost || (fresh && Instant::now() >= give_up) {
                return Err(error.into());
            }
            tracing::warn!(error = own_words(&error), "reading failed and is tried again");
            // When one is broken, so are those that were opened before it.
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
            if fresh {
                sleep(PAUSE).await;
            }
        }
    }

    async fn wait(&self) -> Result<tokio::sync::SemaphorePermit<'_>, ReadError> {
        match timeout(self.server.options.read_timeout, self.permits.acquire()).await {
            Ok(permit) => permit.map_err(|_| ReadError::Closed),
            Err(_) => Err(ReadError::Unavailable { reason: UnavailableReason::Locked }),
        }
    }

    async fn attempt(
        &self,
        lent: Option<PgConnection>,
        sql: SqlStr,
        arguments: PgArguments,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        let mut connection = match lent {
            Some(connection) => connection,
            None => self.server.connect(Use::Read).await?,
        };
        let rows = sqlx::query_with(sql, arguments).fetch_all(&mut connection);
        let rows = match timeout(self.server.patience(Use::Read), rows).await {
            Ok(rows) => rows,
            Err(_) => return Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
        };
        let usable = match &rows {
            Ok(_) => true,
            Err(error) => cause(error) != Cause::Unavailable(UnavailableReason::Connection),
        };
        if usable && !self.permits.is_closed() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        rows
    }

    /// Later reads fail as closed; those under way end by themselves.
    pub(crate) async fn close(&self) {
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for connection in idle {
            // The server forgets a connection in any case.
            let _ = connection.close().await;
        }
    }
}
