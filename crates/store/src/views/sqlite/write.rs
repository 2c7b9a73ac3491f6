//! Writing the views' file: one transaction a batch, one statement a table.

use async_trait::async_trait;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, Connection as _, Row as _, SqliteConnection};
use uuid::Uuid;

use crate::sqlite::BulkInsert;
use crate::views::columns;
use crate::views::{
    BalanceDelta, BalanceOf, ContractRow, EntryRow, PolicyRow, TicketChange, TicketRow, ViewBatch, ViewError,
    ViewsWriter, all_there, not_behind,
};

/// The projector's connection.
#[derive(Debug)]
pub(super) struct SqliteViewsWriter {
    connection: SqliteConnection,
    /// A failed transaction may still be open.
    unsettled: bool,
    tickets: BulkInsert,
    changes: BulkInsert,
    entries: BulkInsert,
    balances: BulkInsert,
    contracts: BulkInsert,
    amended: BulkInsert,
    policies: BulkInsert,
}

impl SqliteViewsWriter {
    pub(super) fn new(connection: SqliteConnection) -> Self {
        // A plus keeps SQLite from an index of its own on many changes, for which it would read the whole table.
        Self {
            connection,
            unsettled: false,
            tickets: BulkInsert::new(
                "INSERT INTO tickets (opened_position, ticket_id, customer_id, reference_system, reference_number, \
                 impact, opened_at_us, status, class, rule, origin)",
                11,
                "",
            ),
            changes: BulkInsert::with(
                "WITH change (ticket_id, status, class, rule) AS (",
                4,
                ") UPDATE tickets SET status = coalesce(change.status, tickets.status), \
                 class = coalesce(change.class, tickets.class), rule = coalesce(change.rule, tickets.rule) \
                 FROM change WHERE tickets.ticket_id = +change.ticket_id",
            ),
            entries: BulkInsert::new(
                "INSERT INTO entries (number, customer_id, ticket_id, work_id, performer_id, service_from_us, \
                 service_to_us, worked_seconds, billed_seconds, hourly_rate_minor, amount_minor, currency, account, \
                 rule, clause, policy_name, policy_version, contract_version, posted_position, \
                 posted_at_us, assessment, segment, reverses, origin)",
                24,
                "",
            ),
            balances: BulkInsert::new(
                "INSERT INTO balances (customer_id, rule, account, currency, worked_seconds, \
                 billed_seconds, amount_minor)",
                7,
                "ON CONFLICT DO UPDATE SET worked_seconds = worked_seconds + excluded.worked_seconds, \
                 billed_seconds = billed_seconds + excluded.billed_seconds, \
                 amount_minor = amount_minor + excluded.amount_minor",
            ),
            contracts: BulkInsert::new("INSERT INTO contracts (customer_id, currency, time_zone, version)", 4, ""),
            amended: BulkInsert::with(
                "WITH amended (customer_id, times) AS (",
                2,
                ") UPDATE contracts SET version = version + amended.times \
                 FROM amended WHERE contracts.customer_id = +amended.customer_id",
            ),
            policies: BulkInsert::new(
                "INSERT INTO policies (position, name, version, content_hash, published_at_us, event_id)",
                6,
                "",
            ),
        }
    }

    /// Some errors have ended the transaction already, and then this one says that there is none.
    async fn roll_back(&mut self) {
        self.unsettled = sqlx::query("ROLLBACK").execute(&mut self.connection).await.is_err();
    }

    async fn write(&mut self, batch: &ViewBatch) -> Result<(), ViewError> {
        let connection = &mut self.connection;
        self.policies.run(connection, &batch.policies, bind_policy).await?;
        self.contracts.run(connection, &batch.contracts, bind_contract).await?;
        let amended: Vec<(&String, &i64)> = batch.amended.iter().collect();
        let found = self.amended.run(connection, &amended, bind_amended).await?;
        all_there("contracts", amended.len(), found)?;
        self.tickets.run(connection, &batch.tickets, bind_ticket).await?;
        let changes: Vec<(&Uuid, &TicketChange)> = batch.changes.iter().collect();
        let found = self.changes.run(connection, &changes, bind_change).await?;
        all_there("tickets", changes.len(), found)?;
        self.entries.run(connection, &batch.entries, bind_entry).await?;
        let balances: Vec<(&BalanceOf, &BalanceDelta)> = batch.balances.iter().collect();
        self.balances.run(connection, &balances, bind_balance).await?;
        let moved = sqlx::query("UPDATE checkpoint SET position = ?1, leaf_hash = ?2 WHERE position < ?1");
        let moved = moved.bind(batch.position).bind(batch.leaf_hash.to_vec());
        if moved.execute(&mut *connection).await?.rows_affected() != 1 {
            return Err(not_behind());
        }
        sqlx::query("COMMIT").execute(connection).await?;
        Ok(())
    }
}

#[async_trait]
impl ViewsWriter for SqliteViewsWriter {
    async fn end(&mut self) -> Result<(i64, i64), ViewError> {
        let row = sqlx::query("SELECT position, (SELECT coalesce(max(number), 0) FROM entries) FROM checkpoint");
        let row = row.fetch_one(&mut self.connection).await?;
        Ok((row.try_get(0)?, row.try_get(1)?))
    }

    async fn postings(&mut self, named: &[(Uuid, u32)]) -> Result<Vec<EntryRow>, ViewError> {
        let sql = format!(
            "SELECT {} FROM json_each(?) named CROSS JOIN entries e \
             ON e.assessment = unhex(named.value ->> 0) AND e.segment = named.value ->> 1 WHERE e.reverses IS NULL",
            columns::ENTRY_COLUMNS
        );
        let mut entries = Vec::with_capacity(named.len());
        for some in named.chunks(NAMED_MAX) {
            let list: Vec<String> =
                some.iter().map(|(assessment, place)| format!("[\"{}\",{place}]", assessment.simple())).collect();
            let found = sqlx::query(sqlx::AssertSqlSafe(sql.as_str())).bind(format!("[{}]", list.join(",")));
            for row in found.fetch_all(&mut self.connection).await? {
                entries.push(columns::entry(&row)?);
            }
        }
        Ok(entries)
    }

    async fn close(self: Box<Self>) -> Result<(), ViewError> {
        Ok(self.connection.close().await?)
    }

    async fn finish(mut self: Box<Self>) -> Result<(), ViewError> {
        sqlx::query("PRAGMA journal_mode = wal").execute(&mut self.connection).await?;
        self.close().await
    }

    async fn apply(&mut self, batch: &ViewBatch) -> Result<(), ViewError> {
        if self.unsettled {
            self.roll_back().await;
        }
        sqlx::query("BEGIN IMMEDIATE").execute(&mut self.connection).await?;
        self.unsettled = true;
        let applied = self.write(batch).await;
        match applied {
            Ok(()) => self.unsettled = false,
            Err(_) => self.roll_back().await,
        }
        applied
    }
}

/// Entries looked up by one statement.
const NAMED_MAX: usize = 8_192;

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
    to.add(row.rule.clone())?;
    to.add(row.origin.clone())
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
    to.add(row.reverses)?;
    to.add(row.origin.clone())
}

fn bind_balance((of, delta): &(&BalanceOf, &BalanceDelta), to: &mut SqliteArguments) -> Bound {
    let (customer, rule, account, currency) = of;
    to.add(customer.clone())?;
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

fn bind_amended((customer, times): &(&String, &i64), to: &mut SqliteArguments) -> Bound {
    to.add(customer.as_str())?;
    to.add(**times)
}

fn bind_policy(row: &PolicyRow, to: &mut SqliteArguments) -> Bound {
    to.add(row.position)?;
    to.add(row.name.clone())?;
    to.add(row.version)?;
    to.add(row.content_hash.clone())?;
    to.add(row.published_at_us)?;
    to.add(bytes(&row.event_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn changes_go_by_the_key_however_many_there_are() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        super::super::MIGRATOR.run(&mut connection).await.unwrap();
        let mut writer = SqliteViewsWriter::new(connection);
        for (table, statement) in [("tickets", &writer.changes), ("contracts", &writer.amended)] {
            for text in statement.texts() {
                let plan = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}")));
                let plan = plan.fetch_all(&mut writer.connection).await.unwrap();
                let steps: Vec<String> = plan.iter().map(|step| step.get("detail")).collect();
                assert!(steps.iter().any(|step| step.starts_with(&format!("SEARCH {table} USING"))), "{steps:?}");
            }
        }
    }
}
