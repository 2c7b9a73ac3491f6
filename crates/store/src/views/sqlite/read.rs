//! Reading the views' file.

use super::SqliteViews;
use crate::views::columns::{ENTRY_COLUMNS, balance, contract, listed, policy, ticket};
use crate::views::{
    BalanceFilter, BalanceKeys, BalanceRow, ContractRow, EntryFilter, ListedEntry, PolicyRow, TicketFilter, TicketRow,
    ViewError, Views, bounded,
};
use async_trait::async_trait;
use sqlx::{QueryBuilder, Row as _, Sqlite};

/// What a reader learns besides: the entry that reversed it, where that was posted, and its policy's hash.
const ENTRY_BESIDES: &str = "(SELECT r.number FROM entries r WHERE r.reverses = e.number), \
    (SELECT r.posted_position FROM entries r WHERE r.reverses = e.number), \
    (SELECT p.content_hash FROM policies p WHERE p.name = e.policy_name AND p.version = e.policy_version)";

const TICKET: &str = "SELECT opened_position, ticket_id, customer_id, reference_system, reference_number, impact, \
    opened_at_us, status, class, rule, origin FROM tickets WHERE opened_position > ";

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
        Ok(rows.iter().map(contract).collect::<Result<_, _>>()?)
    }

    async fn policies(&self, after: i64, limit: usize) -> Result<Vec<PolicyRow>, ViewError> {
        let sql = "SELECT position, name, version, content_hash, published_at_us, event_id FROM policies \
                   WHERE position > ? ORDER BY position LIMIT +?";
        let rows = sqlx::query(sql).bind(after).bind(bounded(limit)).fetch_all(&self.readers).await?;
        Ok(rows.iter().map(policy).collect::<Result<_, _>>()?)
    }

    async fn close(&self) {
        self.readers.close().await;
    }
}

fn listed_entries() -> QueryBuilder<Sqlite> {
    QueryBuilder::new(format!("SELECT {ENTRY_COLUMNS}, {ENTRY_BESIDES} FROM entries e"))
}
