//! Reading the views' file.

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite};
use uuid::Uuid;

use super::SqliteViews;
use crate::views::{
    BalanceDelta, BalanceFilter, BalanceKeys, BalanceRow, ContractRow, EntryFilter, EntryRow, ListedEntry, PolicyRow,
    TicketFilter, TicketRow, ViewError, Views, bounded,
};

/// The columns of an entry, as [`entry`] takes them.
pub(super) const ENTRY_COLUMNS: &str = "e.number, e.customer_id, e.ticket_id, e.work_id, e.performer_id, \
    e.service_from_us, e.service_to_us, e.worked_seconds, e.billed_seconds, e.hourly_rate_minor, e.amount_minor, \
    e.currency, e.account, e.rule, e.clause, e.policy_name, e.policy_version, e.contract_version, \
    e.posted_position, e.posted_at_us, e.assessment, e.segment, e.reverses";

/// What a reader learns besides: the entry that reversed it, its policy's hash, and where the reversal was posted.
const ENTRY_BESIDES: &str = "(SELECT r.number FROM entries r WHERE r.reverses = e.number), \
    (SELECT p.content_hash FROM policies p WHERE p.name = e.policy_name AND p.version = e.policy_version), \
    (SELECT r.posted_position FROM entries r WHERE r.reverses = e.number)";

const TICKET: &str = "SELECT opened_position, ticket_id, customer_id, reference_system, reference_number, impact, \
    opened_at_us, status, class, rule FROM tickets WHERE opened_position > ";

#[async_trait]
impl Views for SqliteViews {
    async fn position(&self) -> Result<i64, ViewError> {
        let row = sqlx::query("SELECT position FROM checkpoint").fetch_one(&self.readers).await?;
        Ok(row.try_get(0)?)
    }

    async fn entry(&self, number: i64) -> Result<Option<ListedEntry>, ViewError> {
        let mut query = listed_entries();
        query.push(" WHERE e.number = ").push_bind(number);
        let row = query.build().fetch_optional(&self.readers).await?;
        Ok(row.map(|row| listed(&row, i64::MAX)).transpose()?)
    }

    async fn entries(&self, filter: &EntryFilter, after: i64, limit: usize) -> Result<Vec<ListedEntry>, ViewError> {
        let up_to = filter.up_to_position.unwrap_or(i64::MAX);
        let mut query = listed_entries();
        query.push(" WHERE e.number > ").push_bind(after);
        if let Some(customer) = &filter.customer_id {
            query.push(" AND e.customer_id = ").push_bind(customer.clone());
        }
        if let Some(ticket) = filter.ticket_id {
            query.push(" AND e.ticket_id = ").push_bind(ticket.as_bytes().to_vec());
        }
        if let Some(work) = filter.work_id {
            query.push(" AND e.work_id = ").push_bind(work.as_bytes().to_vec());
        }
        if let Some(account) = filter.account {
            query.push(" AND e.account = ").push_bind(account);
        }
        if let Some(rule) = &filter.rule {
            query.push(" AND e.rule = ").push_bind(rule.clone());
        }
        if filter.up_to_position.is_some() {
            query.push(" AND e.posted_position <= ").push_bind(up_to);
        }
        if filter.standing_only {
            query.push(" AND e.reverses IS NULL AND NOT EXISTS (SELECT 1 FROM entries r WHERE r.reverses = e.number");
            query.push(" AND r.posted_position <= ").push_bind(up_to).push(")");
        }
        query.push(" ORDER BY e.number LIMIT +").push_bind(bounded(limit));
        let rows = query.build().fetch_all(&self.readers).await?;
        Ok(rows.iter().map(|row| listed(row, up_to)).collect::<Result<_, _>>()?)
    }

    async fn tickets(&self, filter: &TicketFilter, after: i64, limit: usize) -> Result<Vec<TicketRow>, ViewError> {
        let mut query = QueryBuilder::<Sqlite>::new(TICKET);
        query.push_bind(after);
        if let Some(customer) = &filter.customer_id {
            query.push(" AND customer_id = ").push_bind(customer.clone());
        }
        if let Some(status) = filter.status {
            query.push(" AND status = ").push_bind(status);
        }
        if let Some(class) = filter.class {
            query.push(" AND class = ").push_bind(class);
        }
        query.push(" ORDER BY opened_position LIMIT +").push_bind(bounded(limit));
        let rows = query.build().fetch_all(&self.readers).await?;
        Ok(rows.iter().map(ticket).collect::<Result<_, _>>()?)
    }

    async fn balances(
        &self,
        keys: BalanceKeys,
        filter: &BalanceFilter,
        after: &str,
        limit: usize,
    ) -> Result<Vec<BalanceRow>, ViewError> {
        let column = |wanted: bool, name: &'static str| if wanted { name } else { "''" };
        let customer = column(keys.customer, "b.customer_id");
        let ticket = column(keys.ticket, "hex(b.ticket_id)");
        let account = column(keys.account, "b.account");
        let rule = column(keys.rule, "b.rule");
        let by = format!("{customer}, {ticket}, {account}, {rule}, b.currency");
        // The sums at hand are those of customers and of now; all others are added up anew.
        let at_hand = !keys.ticket && filter.ticket_id.is_none() && filter.up_to_position.is_none();
        let rows = if at_hand { "balances" } else { "entries" };
        let mut query = QueryBuilder::<Sqlite>::new(format!(
            "SELECT json_array({by}) AS cursor, {by}, sum(b.worked_seconds), sum(b.billed_seconds), sum(b.amount_minor) \
             FROM {rows} b WHERE 1 = 1"
        ));
        if let Some(up_to) = filter.up_to_position {
            query.push(" AND b.posted_position <= ").push_bind(up_to);
        }
        if let Some(customer) = &filter.customer_id {
            query.push(" AND b.customer_id = ").push_bind(customer.clone());
        }
        if let Some(ticket) = filter.ticket_id {
            query.push(" AND b.ticket_id = ").push_bind(ticket.as_bytes().to_vec());
        }
        if let Some(account) = filter.account {
            query.push(" AND b.account = ").push_bind(account);
        }
        if let Some(rule) = &filter.rule {
            query.push(" AND b.rule = ").push_bind(rule.clone());
        }
        query.push(format!(" GROUP BY {by} HAVING cursor > ")).push_bind(after.to_owned());
        query.push(" ORDER BY cursor LIMIT +").push_bind(bounded(limit));
        let rows = query.build().fetch_all(&self.readers).await?;
        Ok(rows.iter().map(balance).collect::<Result<_, _>>()?)
    }

    async fn contracts(&self, after: &str, limit: usize) -> Result<Vec<ContractRow>, ViewError> {
        let sql = "SELECT customer_id, currency, time_zone, version FROM contracts WHERE customer_id > ? \
                   ORDER BY customer_id LIMIT +?";
        let rows = sqlx::query(sql).bind(after.to_owned()).bind(bounded(limit)).fetch_all(&self.readers).await?;
        let contract = |row: &SqliteRow| {
            Ok::<_, sqlx::Error>(ContractRow {
                customer_id: row.try_get(0)?,
                currency: row.try_get(1)?,
                time_zone: row.try_get(2)?,
                version: row.try_get(3)?,
            })
        };
        Ok(rows.iter().map(contract).collect::<Result<_, _>>()?)
    }

    async fn policies(&self, after: i64, limit: usize) -> Result<Vec<PolicyRow>, ViewError> {
        let sql = "SELECT position, name, version, content_hash, published_at_us, event_id FROM policies \
                   WHERE position > ? ORDER BY position LIMIT +?";
        let rows = sqlx::query(sql).bind(after).bind(bounded(limit)).fetch_all(&self.readers).await?;
        let policy = |row: &SqliteRow| {
            Ok::<_, sqlx::Error>(PolicyRow {
                position: row.try_get(0)?,
                name: row.try_get(1)?,
                version: row.try_get(2)?,
                content_hash: row.try_get(3)?,
                published_at_us: row.try_get(4)?,
                event_id: id(row, 5)?,
            })
        };
        Ok(rows.iter().map(policy).collect::<Result<_, _>>()?)
    }

    async fn close(&self) {
        self.readers.close().await;
    }
}

fn listed_entries() -> QueryBuilder<Sqlite> {
    QueryBuilder::new(format!("SELECT {ENTRY_COLUMNS}, {ENTRY_BESIDES} FROM entries e"))
}

fn id(row: &SqliteRow, column: usize) -> Result<Uuid, sqlx::Error> {
    let bytes: Vec<u8> = row.try_get(column)?;
    Uuid::from_slice(&bytes).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// An entry, and the one that had reversed it at a log position.
fn listed(row: &SqliteRow, up_to: i64) -> Result<ListedEntry, sqlx::Error> {
    let reversed_at: Option<i64> = row.try_get(25)?;
    let reversed_by = if reversed_at.is_some_and(|at| at <= up_to) { row.try_get(23)? } else { None };
    Ok(ListedEntry { entry: entry(row)?, reversed_by, policy_hash: row.try_get(24)? })
}

pub(super) fn entry(row: &SqliteRow) -> Result<EntryRow, sqlx::Error> {
    let work: Option<Vec<u8>> = row.try_get(3)?;
    let work = work.map(|bytes| Uuid::from_slice(&bytes)).transpose();
    Ok(EntryRow {
        number: row.try_get(0)?,
        customer_id: row.try_get(1)?,
        ticket_id: id(row, 2)?,
        work_id: work.map_err(|error| sqlx::Error::Decode(error.into()))?,
        performer_id: row.try_get(4)?,
        service_from_us: row.try_get(5)?,
        service_to_us: row.try_get(6)?,
        worked_seconds: row.try_get(7)?,
        billed_seconds: row.try_get(8)?,
        hourly_rate_minor: row.try_get(9)?,
        amount_minor: row.try_get(10)?,
        currency: row.try_get(11)?,
        account: row.try_get(12)?,
        rule: row.try_get(13)?,
        clause: row.try_get(14)?,
        policy_name: row.try_get(15)?,
        policy_version: row.try_get(16)?,
        contract_version: row.try_get(17)?,
        posted_position: row.try_get(18)?,
        posted_at_us: row.try_get(19)?,
        assessment: id(row, 20)?,
        segment: row.try_get(21)?,
        reverses: row.try_get(22)?,
    })
}

fn ticket(row: &SqliteRow) -> Result<TicketRow, sqlx::Error> {
    let (system, number): (Option<String>, Option<String>) = (row.try_get(3)?, row.try_get(4)?);
    Ok(TicketRow {
        opened_position: row.try_get(0)?,
        ticket_id: id(row, 1)?,
        customer_id: row.try_get(2)?,
        reference: system.zip(number),
        impact: row.try_get(5)?,
        opened_at_us: row.try_get(6)?,
        status: row.try_get(7)?,
        class: row.try_get(8)?,
        rule: row.try_get(9)?,
    })
}

fn balance(row: &SqliteRow) -> Result<BalanceRow, sqlx::Error> {
    let ticket: String = row.try_get(2)?;
    Ok(BalanceRow {
        cursor: row.try_get(0)?,
        customer_id: row.try_get(1)?,
        ticket_id: Uuid::try_parse(&ticket).ok(),
        account: row.try_get(3)?,
        rule: row.try_get(4)?,
        currency: row.try_get(5)?,
        sum: BalanceDelta {
            worked_seconds: row.try_get(6)?,
            billed_seconds: row.try_get(7)?,
            amount_minor: row.try_get(8)?,
        },
    })
}
