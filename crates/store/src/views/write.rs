//! Writing the views: one transaction a batch, one statement a table.

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, Connection as _, Row as _, SqliteConnection};
use uuid::Uuid;

use super::rows::{BalanceDelta, BalanceOf, TicketChange};
use super::{ContractRow, EntryRow, PolicyRow, TicketRow, ViewBatch, ViewError, read};
use crate::sqlite::BulkInsert;

/// The projector's connection. Its transactions are begun by a task that is never
/// dropped midway.
#[derive(Debug)]
pub struct ViewsWriter {
    connection: SqliteConnection,
    tickets: BulkInsert,
    changes: BulkInsert,
    entries: BulkInsert,
    balances: BulkInsert,
    contracts: BulkInsert,
    policies: BulkInsert,
}

impl ViewsWriter {
    pub(super) fn new(connection: SqliteConnection) -> Self {
        Self {
            connection,
            tickets: BulkInsert::new(
                "INSERT INTO tickets (opened_position, ticket_id, customer_id, reference_system, reference_number, \
                 impact, opened_at_us, status, class, rule)",
                10,
                "",
            ),
            changes: BulkInsert::new(
                "WITH change (ticket_id, status, class, rule) AS (",
                4,
                ") UPDATE tickets SET status = coalesce(change.status, tickets.status), \
                 class = coalesce(change.class, tickets.class), rule = coalesce(change.rule, tickets.rule) \
                 FROM change WHERE tickets.ticket_id = change.ticket_id",
            ),
            entries: BulkInsert::new(
                "INSERT INTO entries (number, customer_id, ticket_id, work_id, performer_id, service_from_us, \
                 service_to_us, worked_seconds, billed_seconds, hourly_rate_minor, amount_minor, currency, account, \
                 rule, clause, policy_name, policy_version, contract_version, posted_position, \
                 posted_at_us, assessment, segment, reverses)",
                23,
                "",
            ),
            balances: BulkInsert::new(
                "INSERT INTO balances (ticket_id, rule, account, currency, worked_seconds, \
                 billed_seconds, amount_minor)",
                7,
                "ON CONFLICT DO UPDATE SET worked_seconds = worked_seconds + excluded.worked_seconds, \
                 billed_seconds = billed_seconds + excluded.billed_seconds, \
                 amount_minor = amount_minor + excluded.amount_minor",
            ),
            contracts: BulkInsert::new("INSERT INTO contracts (customer_id, currency, time_zone, version)", 4, ""),
            policies: BulkInsert::new(
                "INSERT INTO policies (position, name, version, content_hash, published_at_us, event_id)",
                6,
                "",
            ),
        }
    }

    /// The last position taken in, and the number of the last entry.
    pub async fn end(&mut self) -> Result<(i64, i64), ViewError> {
        let row = sqlx::query("SELECT position, (SELECT coalesce(max(number), 0) FROM entries) FROM checkpoint");
        let row = row.fetch_one(&mut self.connection).await?;
        Ok((row.try_get(0)?, row.try_get(1)?))
    }

    /// The entry that an assessment posted at a place.
    pub async fn posting(
        &mut self,
        ticket: Uuid,
        assessment: Uuid,
        segment: i64,
    ) -> Result<Option<EntryRow>, ViewError> {
        let sql = posting_query("WHERE e.ticket_id = ? AND e.assessment = ? AND e.segment = ? AND e.reverses IS NULL");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(ticket.as_bytes().to_vec())
            .bind(assessment.as_bytes().to_vec())
            .bind(segment)
            .fetch_optional(&mut self.connection)
            .await?;
        Ok(row.map(|row| read::entry(&row)).transpose()?)
    }

    /// Closes the connection.
    pub async fn close(self) -> Result<(), ViewError> {
        Ok(self.connection.close().await?)
    }

    /// Applies a batch and moves the checkpoint, both or neither.
    pub async fn apply(&mut self, batch: &ViewBatch) -> Result<(), ViewError> {
        sqlx::query("BEGIN IMMEDIATE").execute(&mut self.connection).await?;
        let applied = self.write(batch).await;
        let end = if applied.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = sqlx::query(end).execute(&mut self.connection).await;
        applied?;
        ended?;
        Ok(())
    }

    async fn write(&mut self, batch: &ViewBatch) -> Result<(), sqlx::Error> {
        let connection = &mut self.connection;
        self.policies.run(connection, &batch.policies, bind_policy).await?;
        self.contracts.run(connection, &batch.contracts, bind_contract).await?;
        for (customer, count) in &batch.amended {
            let amended = sqlx::query("UPDATE contracts SET version = version + ? WHERE customer_id = ?");
            amended.bind(count).bind(customer).execute(&mut *connection).await?;
        }
        self.tickets.run(connection, &batch.tickets, bind_ticket).await?;
        let changes: Vec<(&Uuid, &TicketChange)> = batch.changes.iter().collect();
        self.changes.run(connection, &changes, bind_change).await?;
        self.entries.run(connection, &batch.entries, bind_entry).await?;
        let balances: Vec<(&BalanceOf, &BalanceDelta)> = batch.balances.iter().collect();
        self.balances.run(connection, &balances, bind_balance).await?;
        let moved = sqlx::query("UPDATE checkpoint SET position = ?1 WHERE position < ?1");
        let moved = moved.bind(batch.position).execute(connection).await?;
        if moved.rows_affected() != 1 {
            return Err(sqlx::Error::Protocol("the views are not behind the batch".into()));
        }
        Ok(())
    }
}

fn posting_query(tail: &str) -> String {
    format!("{} {tail}", read::ENTRY)
}

type Bound = Result<(), sqlx::error::BoxDynError>;

fn bytes(id: &Uuid) -> Vec<u8> {
    id.as_bytes().to_vec()
}

fn bind_ticket(row: &TicketRow, to: &mut SqliteArguments) -> Bound {
    to.add(row.opened_position)?;
    to.add(bytes(&row.ticket_id))?;
    to.add(row.customer_id.clone())?;
    to.add(row.reference.as_ref().map(|(system, _)| system.clone()))?;
    to.add(row.reference.as_ref().map(|(_, number)| number.clone()))?;
    to.add(row.impact.clone())?;
    to.add(row.opened_at_us)?;
    to.add(row.status.clone())?;
    to.add(row.class.clone())?;
    to.add(row.rule.clone())
}

fn bind_change((id, change): &(&Uuid, &TicketChange), to: &mut SqliteArguments) -> Bound {
    to.add(bytes(id))?;
    to.add(change.status)?;
    to.add(change.class.as_ref().map(|(class, _)| class.clone()))?;
    to.add(change.class.as_ref().map(|(_, rule)| rule.clone()))
}

fn bind_entry(row: &EntryRow, to: &mut SqliteArguments) -> Bound {
    to.add(row.number)?;
    to.add(row.customer_id.clone())?;
    to.add(bytes(&row.ticket_id))?;
    to.add(row.work_id.as_ref().map(bytes))?;
    to.add(row.performer_id.clone())?;
    to.add(row.service_from_us)?;
    to.add(row.service_to_us)?;
    to.add(row.worked_seconds)?;
    to.add(row.billed_seconds)?;
    to.add(row.hourly_rate_minor)?;
    to.add(row.amount_minor)?;
    to.add(row.currency.clone())?;
    to.add(row.account.clone())?;
    to.add(row.rule.clone())?;
    to.add(row.clause.clone())?;
    to.add(row.policy_name.clone())?;
    to.add(row.policy_version)?;
    to.add(row.contract_version)?;
    to.add(row.posted_position)?;
    to.add(row.posted_at_us)?;
    to.add(bytes(&row.assessment))?;
    to.add(row.segment)?;
    to.add(row.reverses)
}

fn bind_balance((of, delta): &(&BalanceOf, &BalanceDelta), to: &mut SqliteArguments) -> Bound {
    let (ticket, rule, account, currency) = of;
    to.add(bytes(ticket))?;
    to.add(rule.clone())?;
    to.add(account.clone())?;
    to.add(currency.clone())?;
    to.add(delta.worked_seconds)?;
    to.add(delta.billed_seconds)?;
    to.add(delta.amount_minor)
}

fn bind_contract(row: &ContractRow, to: &mut SqliteArguments) -> Bound {
    to.add(row.customer_id.clone())?;
    to.add(row.currency.clone())?;
    to.add(row.time_zone.clone())?;
    to.add(row.version)
}

fn bind_policy(row: &PolicyRow, to: &mut SqliteArguments) -> Bound {
    to.add(row.position)?;
    to.add(row.name.clone())?;
    to.add(row.version)?;
    to.add(row.content_hash.clone())?;
    to.add(row.published_at_us)?;
    to.add(bytes(&row.event_id))
}
