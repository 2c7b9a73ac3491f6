//! Writing the views' schema: one transaction a batch, one statement a table, one array a column.

use async_trait::async_trait;
use sqlx::postgres::{PgArguments, PgBindIterExt as _, PgRow};
use sqlx::{Arguments as _, Connection as _, PgConnection, Row as _};
use tokio::time::timeout;
use uuid::Uuid;

use super::{PROJECTOR_LOCK, origin};
use crate::damage::Damage;
use crate::fault::{Cause, cause};
use crate::log::{EventLog, OpenError, UnavailableReason};
use crate::postgres::{Schema, Server, Use, prepare_schema, try_lock};
use crate::views::columns::{self, ENTRY_COLUMNS};
use crate::views::{
    ContractRow, EntryRow, PolicyRow, TicketRow, ViewBatch, ViewError, ViewsOpenError, ViewsWriter, all_there,
    not_behind,
};

/// Entries looked up by one statement.
const NAMED_MAX: usize = 8_192;

/// The projector's connection.
#[derive(Debug)]
pub(super) struct PostgresViewsWriter {
    server: Server,
    schema: Schema,
    /// `None` after it broke, until it is needed again.
    session: Option<PgConnection>,
    /// Whether the session holds the projector's lock.
    leads: bool,
    /// Where the checkpoint was when it was last seen: what is written next follows from there.
    position: i64,
}

impl PostgresViewsWriter {
    /// Opens a schema, which may be the serving one or a fresh one, and creates its tables.
    pub(super) async fn open(server: Server, schema: Schema, log: &dyn EventLog) -> Result<Self, ViewsOpenError> {
        let mut session = connect(&server, &schema).await?;
        let origin = origin(&mut session).await?;
        origin.check(log, &server.place).await?;
        if origin.log_id.is_none() {
            let claim = sqlx::query("UPDATE checkpoint SET log_id = $1 WHERE log_id IS NULL");
            claim.bind(log.info().log_id).execute(&mut session).await.map_err(ViewError::from)?;
        }
        Ok(Self { server, schema, session: Some(session), leads: false, position: origin.position })
    }

    /// A schema that nobody else knows needs no lock.
    pub(super) fn alone(self) -> Self {
        Self { leads: true, ..self }
    }

    fn lose(&mut self) {
        self.session = None;
        self.leads = false;
    }

    async fn rows(&mut self, sql: &str, values: PgArguments) -> Result<Vec<PgRow>, ViewError> {
        let patience = self.server.patience(Use::Project);
        let session = self.session.as_mut().ok_or_else(unreachable)?;
        let answered = sqlx::query_with(sqlx::AssertSqlSafe(sql), values).fetch_all(session);
        let answered = timeout(patience, answered).await;
        self.answered(answered)
    }

    async fn execute(&mut self, sql: &'static str, values: PgArguments) -> Result<u64, ViewError> {
        let patience = self.server.patience(Use::Project);
        let session = self.session.as_mut().ok_or_else(unreachable)?;
        let answered = timeout(patience, sqlx::query_with(sql, values).execute(session)).await;
        self.answered(answered).map(|result| result.rows_affected())
    }

    fn answered<T>(
        &mut self,
        answered: Result<Result<T, sqlx::Error>, tokio::time::error::Elapsed>,
    ) -> Result<T, ViewError> {
        match answered {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                if cause(&error) == Cause::Unavailable(UnavailableReason::Connection) {
                    self.lose();
                }
                Err(error.into())
            }
            Err(_) => {
                self.lose();
                Err(unreachable())
            }
        }
    }

    async fn write(&mut self, batch: &ViewBatch) -> Result<(), ViewError> {
        // First of all, so that nothing is done in vain, and so that whoever exchanges the views only has to hold this.
        let moved = "UPDATE checkpoint SET position = $1, leaf_hash = $2 WHERE position = $3";
        let values = arguments(|values| {
            values.add(batch.position)?;
            values.add(&batch.leaf_hash[..])?;
            values.add(self.position)
        })?;
        if self.execute(moved, values).await? != 1 {
            tracing::warn!("another process has moved the views on");
            self.lose();
            return Err(ViewError::Unavailable { reason: UnavailableReason::Locked });
        }
        if !batch.policies.is_empty() {
            self.execute(POLICIES, policies(&batch.policies)?).await?;
        }
        if !batch.contracts.is_empty() {
            self.execute(CONTRACTS, contracts(&batch.contracts)?).await?;
        }
        if !batch.amended.is_empty() {
            let found = self.execute(AMENDED, amended(batch)?).await?;
            all_there("contracts", batch.amended.len(), found)?;
        }
        if !batch.tickets.is_empty() {
            self.execute(TICKETS, tickets(&batch.tickets)?).await?;
        }
        if !batch.changes.is_empty() {
            let found = self.execute(CHANGES, changes(batch)?).await?;
            all_there("tickets", batch.changes.len(), found)?;
        }
        if !batch.entries.is_empty() {
            self.execute(ENTRIES, entries(&batch.entries)?).await?;
        }
        if !batch.balances.is_empty() {
            self.execute(BALANCES, balances(batch)?).await?;
        }
        self.execute("COMMIT", PgArguments::default()).await?;
        Ok(())
    }
}

#[async_trait]
impl ViewsWriter for PostgresViewsWriter {
    async fn lead(&mut self) -> Result<bool, ViewError> {
        if self.leads {
            return Ok(true);
        }
        let session = match &mut self.session {
            Some(session) => session,
            None => {
                let session = connect(&self.server, &self.schema).await.map_err(|error| match error {
                    OpenError::Database { source, .. } => ViewError::from(source),
                    // As for the log: it was safe enough before.
                    error @ OpenError::Tls { .. } => {
                        tracing::warn!(%error, "the views cannot be reached");
                        ViewError::Unavailable { reason: UnavailableReason::Connection }
                    }
                    error => {
                        tracing::error!(%error, "the views cannot be opened again");
                        ViewError::Unavailable { reason: UnavailableReason::Other }
                    }
                })?;
                self.session.insert(session)
            }
        };
        let locked = timeout(self.server.patience(Use::Project), try_lock(session, PROJECTOR_LOCK)).await;
        self.leads = self.answered(locked)?;
        if self.leads {
            tracing::info!("this process moves the views on");
        }
        Ok(self.leads)
    }

    async fn end(&mut self) -> Result<(i64, i64), ViewError> {
        let sql = "SELECT position, (SELECT coalesce(max(number), 0) FROM entries) FROM checkpoint";
        let rows = self.rows(sql, PgArguments::default()).await?;
        let row = rows.first().ok_or_else(|| ViewError::broken(Damage::Checkpoint))?;
        self.position = row.try_get(0)?;
        Ok((self.position, row.try_get(1)?))
    }

    async fn postings(&mut self, named: &[(Uuid, u32)]) -> Result<Vec<EntryRow>, ViewError> {
        // There is one at most, and with that said each is looked up by its key: a join the planner may turn round, and
        // of a table that it was told nothing of it believes that few entries reverse nothing.
        let sql = format!(
            "SELECT {ENTRY_COLUMNS} FROM unnest($1::uuid[], $2::bigint[]) AS named (assessment, segment), \
             LATERAL (SELECT * FROM entries WHERE assessment = named.assessment AND segment = named.segment \
             AND reverses IS NULL LIMIT 1) e"
        );
        let mut entries = Vec::with_capacity(named.len());
        for some in named.chunks(NAMED_MAX) {
            let values = arguments(|values| {
                values.add(some.iter().map(|(assessment, _)| *assessment).bind_iter())?;
                values.add(some.iter().map(|(_, place)| i64::from(*place)).bind_iter())
            })?;
            for row in self.rows(&sql, values).await? {
                entries.push(columns::entry(&row)?);
            }
        }
        Ok(entries)
    }

    async fn apply(&mut self, batch: &ViewBatch) -> Result<(), ViewError> {
        if batch.position <= self.position {
            return Err(not_behind());
        }
        self.execute("BEGIN", PgArguments::default()).await?;
        let applied = self.write(batch).await;
        match applied {
            Ok(()) => self.position = batch.position,
            Err(_) => {
                // A connection that does not even do this is beyond use, and with it goes the transaction.
                if self.session.is_some() && self.execute("ROLLBACK", PgArguments::default()).await.is_err() {
                    self.lose();
                }
            }
        }
        applied
    }

    async fn close(mut self: Box<Self>) -> Result<(), ViewError> {
        match self.session.take() {
            Some(session) => Ok(session.close().await?),
            None => Ok(()),
        }
    }

    async fn finish(mut self: Box<Self>) -> Result<(), ViewError> {
        // Nobody has told the planner's statistics yet, and the rows were all written by one process.
        // Only these tables: without names it would be every table of the database that the role may look at.
        self.execute("ANALYZE tickets, entries, balances, contracts, policies", PgArguments::default()).await.ok();
        self.close().await
    }
}

/// A session that knows the schema.
async fn connect(server: &Server, schema: &Schema) -> Result<PgConnection, OpenError> {
    let mut session = server.connect(Use::Project).await.map_err(|source| server.failed(source))?;
    prepare_schema(&mut session, server, schema).await?;
    Ok(session)
}

fn unreachable() -> ViewError {
    ViewError::Unavailable { reason: UnavailableReason::Connection }
}

type Bound = Result<(), sqlx::error::BoxDynError>;

fn arguments(add: impl FnOnce(&mut PgArguments) -> Bound) -> Result<PgArguments, ViewError> {
    let mut values = PgArguments::default();
    add(&mut values).map_err(sqlx::Error::Encode)?;
    Ok(values)
}

const POLICIES: &str = "INSERT INTO policies (position, name, version, content_hash, published_at_us, event_id) \
     SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::uuid[])";

fn policies(rows: &[PolicyRow]) -> Result<PgArguments, ViewError> {
    arguments(|values| {
        values.add(rows.iter().map(|row| row.position).bind_iter())?;
        values.add(rows.iter().map(|row| &*row.name).bind_iter())?;
        values.add(rows.iter().map(|row| row.version).bind_iter())?;
        values.add(rows.iter().map(|row| &*row.content_hash).bind_iter())?;
        values.add(rows.iter().map(|row| row.published_at_us).bind_iter())?;
        values.add(rows.iter().map(|row| row.event_id).bind_iter())
    })
}

const CONTRACTS: &str = "INSERT INTO contracts (customer_id, currency, time_zone, version) \
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])";

fn contracts(rows: &[ContractRow]) -> Result<PgArguments, ViewError> {
    arguments(|values| {
        values.add(rows.iter().map(|row| &*row.customer_id).bind_iter())?;
        values.add(rows.iter().map(|row| &*row.currency).bind_iter())?;
        values.add(rows.iter().map(|row| &*row.time_zone).bind_iter())?;
        values.add(rows.iter().map(|row| row.version).bind_iter())
    })
}

const AMENDED: &str = "UPDATE contracts c SET version = c.version + amended.times \
     FROM unnest($1::text[], $2::bigint[]) AS amended (customer_id, times) \
     WHERE c.customer_id = amended.customer_id";

fn amended(batch: &ViewBatch) -> Result<PgArguments, ViewError> {
    arguments(|values| {
        values.add(batch.amended.keys().map(|customer| &**customer).bind_iter())?;
        values.add(batch.amended.values().copied().bind_iter())
    })
}

// Many columns side by side in the list rather than in FROM, which would put each array into a table of its own first.
const TICKETS: &str = "INSERT INTO tickets (opened_position, ticket_id, customer_id, reference_system, \
     reference_number, impact, opened_at_us, status, class, rule, origin) \
     SELECT unnest($1::bigint[]), unnest($2::uuid[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]), \
     unnest($6::text[]), unnest($7::bigint[]), unnest($8::text[]), unnest($9::text[]), unnest($10::text[]), \
     unnest($11::text[])";

fn tickets(rows: &[TicketRow]) -> Result<PgArguments, ViewError> {
    arguments(|values| {
        values.add(rows.iter().map(|row| row.opened_position).bind_iter())?;
        values.add(rows.iter().map(|row| row.ticket_id).bind_iter())?;
        values.add(rows.iter().map(|row| &*row.customer_id).bind_iter())?;
        values.add(rows.iter().map(|row| row.reference.as_ref().map(|(system, _)| &**system)).bind_iter())?;
        values.add(rows.iter().map(|row| row.reference.as_ref().map(|(_, number)| &**number)).bind_iter())?;
        values.add(rows.iter().map(|row| &*row.impact).bind_iter())?;
        values.add(rows.iter().map(|row| row.opened_at_us).bind_iter())?;
        values.add(rows.iter().map(|row| &*row.status).bind_iter())?;
        values.add(rows.iter().map(|row| row.class.as_deref()).bind_iter())?;
        values.add(rows.iter().map(|row| row.rule.as_deref()).bind_iter())?;
        values.add(rows.iter().map(|row| row.origin.as_deref()).bind_iter())
    })
}

const CHANGES: &str = "UPDATE tickets t SET status = coalesce(change.status, t.status), \
     class = coalesce(change.class, t.class), rule = coalesce(change.rule, t.rule) \
     FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) AS change (ticket_id, status, class, rule) \
     WHERE t.ticket_id = change.ticket_id";

fn changes(batch: &ViewBatch) -> Result<PgArguments, ViewError> {
    let changes = || batch.changes.values();
    arguments(|values| {
        values.add(batch.changes.keys().copied().bind_iter())?;
        values.add(changes().map(|change| change.status).bind_iter())?;
        values.add(changes().map(|change| change.class.as_ref().map(|(class, _)| &**class)).bind_iter())?;
        values.add(changes().map(|change| change.class.as_ref().map(|(_, rule)| &**rule)).bind_iter())
    })
}

const ENTRIES: &str = "INSERT INTO entries (number, customer_id, ticket_id, work_id, performer_id, service_from_us, \
     service_to_us, worked_seconds, billed_seconds, hourly_rate_minor, amount_minor, currency, account, rule, clause, \
     policy_name, policy_version, contract_version, posted_position, posted_at_us, assessment, segment, reverses, \
     origin) \
     SELECT unnest($1::bigint[]), unnest($2::text[]), unnest($3::uuid[]), unnest($4::uuid[]), unnest($5::text[]), \
     unnest($6::bigint[]), unnest($7::bigint[]), unnest($8::bigint[]), unnest($9::bigint[]), unnest($10::bigint[]), \
     unnest($11::bigint[]), unnest($12::text[]), unnest($13::text[]), unnest($14::text[]), unnest($15::text[]), \
     unnest($16::text[]), unnest($17::bigint[]), unnest($18::bigint[]), unnest($19::bigint[]), \
     unnest($20::bigint[]), unnest($21::uuid[]), unnest($22::bigint[]), unnest($23::bigint[]), unnest($24::text[])";

fn entries(rows: &[EntryRow]) -> Result<PgArguments, ViewError> {
    arguments(|values| {
        values.add(rows.iter().map(|row| row.number).bind_iter())?;
        values.add(rows.iter().map(|row| &*row.customer_id).bind_iter())?;
        values.add(rows.iter().map(|row| row.ticket_id).bind_iter())?;
        values.add(rows.iter().map(|row| row.work_id).bind_iter())?;
        values.add(rows.iter().map(|row| row.performer_id.as_deref()).bind_iter())?;
        values.add(rows.iter().map(|row| row.service_from_us).bind_iter())?;
        values.add(rows.iter().map(|row| row.service_to_us).bind_iter())?;
        values.add(rows.iter().map(|row| row.worked_seconds).bind_iter())?;
        values.add(rows.iter().map(|row| row.billed_seconds).bind_iter())?;
        values.add(rows.iter().map(|row| row.hourly_rate_minor).bind_iter())?;
        values.add(rows.iter().map(|row| row.amount_minor).bind_iter())?;
        values.add(rows.iter().map(|row| &*row.currency).bind_iter())?;
        values.add(rows.iter().map(|row| &*row.account).bind_iter())?;
        values.add(rows.iter().map(|row| &*row.rule).bind_iter())?;
        values.add(rows.iter().map(|row| &*row.clause).bind_iter())?;
        values.add(rows.iter().map(|row| &*row.policy_name).bind_iter())?;
        values.add(rows.iter().map(|row| row.policy_version).bind_iter())?;
        values.add(rows.iter().map(|row| row.contract_version).bind_iter())?;
        values.add(rows.iter().map(|row| row.posted_position).bind_iter())?;
        values.add(rows.iter().map(|row| row.posted_at_us).bind_iter())?;
        values.add(rows.iter().map(|row| row.assessment).bind_iter())?;
        values.add(rows.iter().map(|row| row.segment).bind_iter())?;
        values.add(rows.iter().map(|row| row.reverses).bind_iter())?;
        values.add(rows.iter().map(|row| row.origin.as_deref()).bind_iter())
    })
}

const BALANCES: &str = "INSERT INTO balances AS b (customer_id, rule, account, currency, worked_seconds, \
     billed_seconds, amount_minor) \
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[]) \
     ON CONFLICT (customer_id, rule, account, currency) DO UPDATE SET \
     worked_seconds = b.worked_seconds + excluded.worked_seconds, \
     billed_seconds = b.billed_seconds + excluded.billed_seconds, \
     amount_minor = b.amount_minor + excluded.amount_minor";

fn balances(batch: &ViewBatch) -> Result<PgArguments, ViewError> {
    let (of, deltas) = (|| batch.balances.keys(), || batch.balances.values());
    arguments(|values| {
        values.add(of().map(|(customer, ..)| &**customer).bind_iter())?;
        values.add(of().map(|(_, rule, ..)| &**rule).bind_iter())?;
        values.add(of().map(|(_, _, account, _)| &**account).bind_iter())?;
        values.add(of().map(|(.., currency)| &**currency).bind_iter())?;
        values.add(deltas().map(|delta| delta.worked_seconds).bind_iter())?;
        values.add(deltas().map(|delta| delta.billed_seconds).bind_iter())?;
        values.add(deltas().map(|delta| delta.amount_minor).bind_iter())
    })
}
