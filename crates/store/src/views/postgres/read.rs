//! Reading the views' schema.

use async_trait::async_trait;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments as _, AssertSqlSafe, Encode, Postgres, Row as _, Type};

use crate::damage::Damage;
use crate::log::ReadError;
use crate::postgres::Readers;
use crate::views::columns::{ENTRY_COLUMNS, balance, contract, listed, policy, ticket};
use crate::views::{
    BalanceFilter, BalanceKeys, BalanceRow, ContractRow, EntryFilter, ListedEntry, PolicyRow, TicketFilter, TicketRow,
    ViewError, Views, bounded,
};

/// What a reader learns besides: the entry that reversed it, where that was posted, and its policy's hash.
const ENTRY_BESIDES: &str = "r.number, r.posted_position, \
    (SELECT p.content_hash FROM policies p WHERE p.name = e.policy_name AND p.version = e.policy_version) \
    FROM entries e LEFT JOIN entries r ON r.reverses = e.number";

/// The views' schema, for reading.
#[derive(Debug)]
pub(super) struct PostgresViews {
    readers: Readers,
}

impl PostgresViews {
    pub(super) fn new(readers: Readers) -> Self {
        Self { readers }
    }

    async fn rows(&self, query: Query) -> Result<Vec<PgRow>, ViewError> {
        if let Some(problem) = query.problem {
            return Err(ViewError::broken(Damage::Quoted(problem)));
        }
        Ok(self.readers.rows(AssertSqlSafe(query.text), query.values).await?)
    }
}

/// A statement that depends on what is asked for, with its values.
#[derive(Default)]
struct Query {
    text: String,
    values: PgArguments,
    problem: Option<String>,
}

impl Query {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    fn bind<T>(&mut self, value: T) -> &mut Self
    where
        T: for<'q> Encode<'q, Postgres> + Type<Postgres>,
    {
        if let Err(problem) = self.values.add(value) {
            self.problem = Some(problem.to_string());
        }
        self.text.push_str(&format!("${}", self.values.len()));
        self
    }
}

#[async_trait]
impl Views for PostgresViews {
    async fn position(&self) -> Result<i64, ViewError> {
        let rows = self.rows(Query::new("SELECT position FROM checkpoint")).await?;
        let row = rows.first().ok_or_else(|| ViewError::broken(Damage::Checkpoint))?;
        Ok(row.try_get(0)?)
    }

    async fn entry(&self, number: i64) -> Result<Option<ListedEntry>, ViewError> {
        let mut query = listed_entries();
        query.push(" WHERE e.number = ").bind(number);
        let rows = self.rows(query).await?;
        Ok(rows.first().map(|row| listed(row, i64::MAX)).transpose()?)
    }

    async fn entries(&self, filter: &EntryFilter, after: i64, limit: usize) -> Result<Vec<ListedEntry>, ViewError> {
        let up_to = filter.up_to_position.unwrap_or(i64::MAX);
        let mut query = listed_entries();
        query.push(" WHERE e.number > ").bind(after);
        if let Some(customer) = &filter.customer_id {
            query.push(" AND e.customer_id = ").bind(customer.clone());
        }
        if let Some(ticket) = filter.ticket_id {
            query.push(" AND e.ticket_id = ").bind(ticket);
        }
        if let Some(work) = filter.work_id {
            query.push(" AND e.work_id = ").bind(work);
        }
        if let Some(account) = filter.account {
            query.push(" AND e.account = ").bind(account);
        }
        if let Some(rule) = &filter.rule {
            query.push(" AND e.rule = ").bind(rule.clone());
        }
        if filter.up_to_position.is_some() {
            query.push(" AND e.posted_position <= ").bind(up_to);
        }
        if filter.standing_only {
            query.push(" AND e.reverses IS NULL AND (r.number IS NULL OR r.posted_position > ").bind(up_to).push(")");
        }
        query.push(" ORDER BY e.number LIMIT ").bind(bounded(limit));
        let rows = self.rows(query).await?;
        Ok(rows.iter().map(|row| listed(row, up_to)).collect::<Result<_, _>>()?)
    }

    async fn tickets(&self, filter: &TicketFilter, after: i64, limit: usize) -> Result<Vec<TicketRow>, ViewError> {
        let mut query = Query::new(
            "SELECT opened_position, ticket_id, customer_id, reference_system, reference_number, impact, opened_at_us, \
             status, class, rule, origin FROM tickets WHERE opened_position > ",
        );
        query.bind(after);
        if let Some(customer) = &filter.customer_id {
            query.push(" AND customer_id = ").bind(customer.clone());
        }
        if let Some(status) = filter.status {
            query.push(" AND status = ").bind(status);
        }
        if let Some(class) = filter.class {
            query.push(" AND class = ").bind(class);
        }
        query.push(" ORDER BY opened_position LIMIT ").bind(bounded(limit));
        let rows = self.rows(query).await?;
        Ok(rows.iter().map(ticket).collect::<Result<_, _>>()?)
    }

    async fn balances(
        &self,
        keys: BalanceKeys,
        filter: &BalanceFilter,
        after: &str,
        limit: usize,
    ) -> Result<Vec<BalanceRow>, ViewError> {
        let column = |wanted: bool, name: &'static str| if wanted { name } else { "''::text" };
        let customer = column(keys.customer, "b.customer_id");
        let ticket = column(keys.ticket, "b.ticket_id::text");
        let account = column(keys.account, "b.account");
        let rule = column(keys.rule, "b.rule");
        let by = format!("{customer}, {ticket}, {account}, {rule}, b.currency");
        // The sums at hand are those of customers and of now; all others are added up anew.
        let at_hand = !keys.ticket && filter.ticket_id.is_none() && filter.up_to_position.is_none();
        let rows = if at_hand { "balances" } else { "entries" };
        let mut query = Query::new(format!(
            "SELECT * FROM (SELECT json_build_array({by})::text COLLATE \"C\" AS cursor, {by}, \
             sum(b.worked_seconds)::bigint, sum(b.billed_seconds)::bigint, sum(b.amount_minor)::bigint \
             FROM {rows} b WHERE true"
        ));
        if let Some(up_to) = filter.up_to_position {
            query.push(" AND b.posted_position <= ").bind(up_to);
        }
        if let Some(customer) = &filter.customer_id {
            query.push(" AND b.customer_id = ").bind(customer.clone());
        }
        if let Some(ticket) = filter.ticket_id {
            query.push(" AND b.ticket_id = ").bind(ticket);
        }
        if let Some(account) = filter.account {
            query.push(" AND b.account = ").bind(account);
        }
        if let Some(rule) = &filter.rule {
            query.push(" AND b.rule = ").bind(rule.clone());
        }
        query.push(&format!(" GROUP BY {by}) sums WHERE cursor > ")).bind(after.to_owned());
        query.push(" ORDER BY cursor LIMIT ").bind(bounded(limit));
        let rows = self.rows(query).await?;
        Ok(rows.iter().map(balance).collect::<Result<_, _>>()?)
    }

    async fn contracts(&self, after: &str, limit: usize) -> Result<Vec<ContractRow>, ViewError> {
        let mut query = Query::new("SELECT customer_id, currency, time_zone, version FROM contracts");
        query.push(" WHERE customer_id > ").bind(after.to_owned());
        query.push(" ORDER BY customer_id LIMIT ").bind(bounded(limit));
        Ok(self.rows(query).await?.iter().map(contract).collect::<Result<_, _>>()?)
    }

    async fn policies(&self, after: i64, limit: usize) -> Result<Vec<PolicyRow>, ViewError> {
        let mut query = Query::new("SELECT position, name, version, content_hash, published_at_us, event_id");
        query.push(" FROM policies WHERE position > ").bind(after);
        query.push(" ORDER BY position LIMIT ").bind(bounded(limit));
        Ok(self.rows(query).await?.iter().map(policy).collect::<Result<_, _>>()?)
    }

    async fn close(&self) {
        self.readers.close().await;
    }
}

impl From<ReadError> for ViewError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable { reason } => Self::Unavailable { reason },
            ReadError::Corrupt { .. } => Self::broken(Damage::Row),
            ReadError::Closed => Self::Unavailable { reason: crate::log::UnavailableReason::Other },
        }
    }
}

fn listed_entries() -> Query {
    Query::new(format!("SELECT {ENTRY_COLUMNS}, {ENTRY_BESIDES}"))
}
