//! Batches as calls of `beleg_log.append`, on a connection that belongs to the writer alone.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments as _, Connection as _, PgConnection, Row as _};
use tokio::time::timeout;
use uuid::Uuid;

use super::batch::{APPEND, Rows};
use super::open::SCHEMA;
use super::read;
use crate::fault::{Fault, own_words};
use crate::log::command::Command;
use crate::log::heads::{Remembered, StreamHead};
use crate::log::plan::Plan;
use crate::log::writer::{BatchStore, Confirm, Placed};
use crate::log::{Head, StoredRequest, UnavailableReason};
use crate::postgres::{Backend, Server, Use, prepare_schema};

/// The writing session.
pub(super) struct PostgresStore {
    server: Server,
    /// `None` after it broke, until it is needed again.
    session: Option<Session>,
    /// The process behind the session that broke: it may still be at work.
    lost: Option<Backend>,
    /// Numbers of streams, as this session was told them: behind the next one there may be a copy of the database that
    /// was restored.
    numbers: Remembered<i64>,
}

/// A connection and the process behind it.
pub(super) struct Session {
    pub(super) connection: PgConnection,
    backend: Backend,
}

impl Session {
    /// Connects, and brings the schema up to date or refuses it.
    pub(super) async fn open(server: &Server) -> Result<Self, crate::log::OpenError> {
        let mut connection = server.connect(Use::Write).await.map_err(|source| server.failed(source))?;
        prepare_schema(&mut connection, server, &SCHEMA).await?;
        let backend = Backend::of(&mut connection).await.map_err(|source| server.failed(source))?;
        Ok(Self { connection, backend })
    }
}

impl PostgresStore {
    pub(super) fn new(server: Server, session: Session, streams_remembered: usize) -> Self {
        Self { server, session: Some(session), lost: None, numbers: Remembered::new(streams_remembered) }
    }

    /// The session, if it did not break.
    pub(super) fn into_session(self) -> Option<Session> {
        self.session
    }

    /// The session; a new one if the last one broke, once the process behind that is gone.
    async fn connection(&mut self) -> Result<&mut PgConnection, Fault> {
        if self.session.is_none() {
            let mut session = Session::open(&self.server).await.map_err(|error| match error {
                crate::log::OpenError::Database { source, .. } => Fault::from(source),
                // It was safe enough when the log was opened: a server that is taking over may be in between.
                error @ crate::log::OpenError::Tls { .. } => {
                    Fault::Unavailable(UnavailableReason::Connection, error.to_string())
                }
                error => Fault::Unavailable(UnavailableReason::Other, error.to_string()),
            })?;
            if let Some(lost) = &self.lost {
                lost.end(&mut session.connection).await?;
                self.lost = None;
            }
            self.session = Some(session);
        }
        match &mut self.session {
            Some(session) => Ok(&mut session.connection),
            None => Err(Fault::Unavailable(UnavailableReason::Connection, "no connection".into())),
        }
    }

    /// The rows of one statement, all of them: the server commits after it sent the last one, so that only the end of
    /// the answer says that the statement took effect.
    async fn rows(&mut self, sql: &'static str, values: PgArguments) -> Result<Vec<PgRow>, Fault> {
        let patience = self.server.patience(Use::Write);
        let rows = sqlx::query_with(sql, values).fetch_all(self.connection().await?);
        match timeout(patience, rows).await {
            Ok(rows) => Ok(rows?),
            Err(_) => {
                self.lose();
                Err(Fault::Unavailable(UnavailableReason::Connection, "the server does not answer".into()))
            }
        }
    }

    async fn listed<L>(&mut self, sql: &'static str, list: L) -> Result<Vec<PgRow>, Fault>
    where
        L: for<'q> sqlx::Encode<'q, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        let mut values = PgArguments::default();
        values.add(list).map_err(sqlx::Error::Encode)?;
        self.rows(sql, values).await
    }

    async fn call(&mut self, batch: &[Command], plan: &Plan, confirm: Confirm) -> Result<Placed, Fault> {
        let batch = Rows::of(batch, plan, confirm, &self.numbers).map_err(sqlx::Error::Encode)?;
        let answered = self.rows(APPEND, batch.arguments().map_err(sqlx::Error::Encode)?).await;
        if let Err(Fault::Constraint(_)) = &answered {
            // Mostly it is a version that is at fault. If it was a number, it is asked for again.
            self.numbers.clear();
        }
        let rows = answered?;
        let Some(row) = rows.first() else {
            return Err(Fault::Unavailable(UnavailableReason::Corrupt, "append gave no answer".into()));
        };
        let head = Head { position: row.try_get(1)?, recorded_at_us: row.try_get(2)? };
        match row.try_get(0)? {
            "appended" => {
                let stream_ids: Option<Vec<Option<i64>>> = row.try_get(3)?;
                batch.learn(&stream_ids.unwrap_or_default(), &mut self.numbers);
                Ok(Placed::Behind(head))
            }
            "overtaken" => Ok(Placed::Overtaken(head)),
            _ => Ok(Placed::Otherwise(head)),
        }
    }

    fn lose(&mut self) {
        if let Some(session) = self.session.take() {
            self.lost = Some(session.backend);
            self.numbers.clear();
        }
    }
}

#[async_trait]
impl BatchStore for PostgresStore {
    fn is_shared(&self) -> bool {
        true
    }

    fn ride_out(&self) -> Duration {
        self.server.options.ride_out
    }

    fn look_up_for(&self) -> Duration {
        self.server.options.look_up_for
    }

    async fn append_if_as_planned(
        &mut self,
        batch: &[Command],
        plan: &Plan,
        confirm: Confirm,
    ) -> Result<Placed, Fault> {
        self.call(batch, plan, confirm).await
    }

    async fn begin(&mut self) -> Result<(Head, i64), Fault> {
        // Two statements in one text, so one round trip; the lock is the second one's first act.
        let sql = "BEGIN ISOLATION LEVEL READ COMMITTED; \
                   SELECT position, recorded_at_us, streams FROM beleg_log.lock_head()";
        let patience = self.server.patience(Use::Write);
        let rows = {
            use sqlx::Executor as _;
            let rows = self.connection().await?.fetch_all(sqlx::raw_sql(sql));
            timeout(patience, rows).await
        };
        let rows = match rows {
            Ok(rows) => rows?,
            Err(_) => {
                self.lose();
                return Err(Fault::Unavailable(UnavailableReason::Connection, "the server does not answer".into()));
            }
        };
        let Some(row) = rows.first() else {
            return Err(Fault::Unavailable(UnavailableReason::Corrupt, "log_head is empty".into()));
        };
        Ok((Head { position: row.try_get(0)?, recorded_at_us: row.try_get(1)? }, row.try_get(2)?))
    }

    async fn requests(&mut self, ids: &[Uuid]) -> Result<HashMap<Uuid, StoredRequest>, Fault> {
        Ok(read::requests_in(&self.listed(read::REQUESTS, ids).await?)?)
    }

    async fn stream_heads(&mut self, names: &[Arc<str>]) -> Result<HashMap<Arc<str>, StreamHead>, Fault> {
        let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        Ok(read::stream_heads_in(&self.listed(read::STREAM_HEADS, names).await?)?)
    }

    async fn taken(&mut self, event_ids: &[Uuid]) -> Result<HashSet<Uuid>, Fault> {
        Ok(read::taken_in(&self.listed(read::TAKEN, event_ids).await?)?)
    }

    async fn insert(&mut self, batch: &[Command], plan: &Plan) -> Result<(), Fault> {
        match self.call(batch, plan, Confirm::Additions).await? {
            Placed::Behind(_) => Ok(()),
            placed => Err(Fault::Unavailable(
                UnavailableReason::Corrupt,
                format!("a batch that was planned under the lock was refused: {placed:?}"),
            )),
        }
    }

    async fn commit(&mut self) -> Result<(), Fault> {
        self.rows("COMMIT", PgArguments::default()).await.map(drop)
    }

    async fn rollback(&mut self) {
        let Some(session) = &mut self.session else { return };
        // Outside a transaction this is a warning of the server's, no error.
        let rolled_back = sqlx::query("ROLLBACK").execute(&mut session.connection);
        if !matches!(timeout(self.server.options.connect_timeout, rolled_back).await, Ok(Ok(_))) {
            self.lose();
        }
    }

    async fn erase_personal(&mut self, from_position: i64, to_position: i64) -> Result<u64, Fault> {
        let mut values = PgArguments::default();
        values.add(from_position).map_err(sqlx::Error::Encode)?;
        values.add(to_position).map_err(sqlx::Error::Encode)?;
        let rows = self.rows("SELECT beleg_log.erase_personal($1, $2)", values).await?;
        let erased: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0))?;
        Ok(u64::try_from(erased).unwrap_or(0))
    }

    async fn tidy(&mut self) {}

    async fn close(mut self: Box<Self>) {
        if let Some(session) = self.session.take()
            && let Err(error) = session.connection.close().await
        {
            tracing::warn!(error = own_words(&error), "the log did not close cleanly; nothing is lost");
        }
    }
}
