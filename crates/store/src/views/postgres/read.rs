//! Reading the views' schema.

use async_trait::async_trait;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments as _, AssertSqlSafe, Encode, Postgres, Row as _, Type};

use crate::log::ReadError;
use crate::postgres::Readers;
use crate::views::{
    BalanceDelta, BalanceFilter, BalanceKeys, BalanceRow, ContractRow, EntryFilter, EntryRow, ListedEntry, PolicyRow,
    TicketFilter, TicketRow, ViewError, Views, bounded,
};

/// The columns of an entry, as [`entry`] takes them.
pub(super) const ENTRY_COLUMNS: &str = "e.number, e.customer_id, e.ticket_id, e.work_id, e.performer_id, \
    e.service_from_us, e.service_to_us, e.worked_seconds, e.billed_seconds, e.hourly_rate_minor, e.amount_minor, \
    e.currency, e.account, e.rule, e.clause, e.policy_name, e.policy_version, e.contract_version, \
    e.posted_position, e.posted_at_us, e.assessment, e.segment, e.reverses";

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
            return Err(ViewError::broken(problem));
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
        let row = rows.first().ok_or_else(|| ViewError::broken("their checkpoint is gone"))?;
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
             status, class, rule FROM tickets WHERE opened_position > ",
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
        let contract = |row: &PgRow| {
            Ok::<_, sqlx::Error>(ContractRow {
                customer_id: row.try_get(0)?,
                currency: row.try_get(1)?,
                time_zone: row.try_get(2)?,
                version: row.try_get(3)?,
            })
        };
        Ok(self.rows(query).await?.iter().map(contract).collect::<Result<_, _>>()?)
    }

    async fn policies(&self, after: i64, limit: usize) -> Result<Vec<PolicyRow>, ViewError> {
        let mut query = Query::new("SELECT position, name, version, content_hash, published_at_us, event_id");
        query.push(" FROM policies WHERE position > ").bind(after);
        query.push(" ORDER BY position LIMIT ").bind(bounded(limit));
        let policy = |row: &PgRow| {
            Ok::<_, sqlx::Error>(PolicyRow {
                position: row.try_get(0)?,
                name: row.try_get(1)?,
                version: row.try_get(2)?,
                content_hash: row.try_get(3)?,
                published_at_us: row.try_get(4)?,
                event_id: row.try_get(5)?,
            })
        };
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
            ReadError::Corrupt { .. } => Self::broken("a row cannot be read"),
            ReadError::Closed => Self::Unavailable { reason: crate::log::UnavailableReason::Other },
        }
    }
}

fn listed_entries() -> Query {
    Query::new(format!("SELECT {ENTRY_COLUMNS}, {ENTRY_BESIDES}"))
}

/// An entry, and the one that had reversed it at a log position.
fn listed(row: &PgRow, up_to: i64) -> Result<ListedEntry, sqlx::Error> {
    let reversed_at: Option<i64> = row.try_get(24)?;
    let reversed_by = if reversed_at.is_some_and(|at| at <= up_to) { row.try_get(23)? } else { None };
    Ok(ListedEntry { entry: entry(row)?, reversed_by, policy_hash: row.try_get(25)? })
}

pub(super) fn entry(row: &PgRow) -> Result<EntryRow, sqlx::Error> {
    Ok(EntryRow {
        number: row.try_get(0)?,
        customer_id: row.try_get(1)?,
        ticket_id: row.try_get(2)?,
        work_id: row.try_get(3)?,
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
        assessment: row.try_get(20)?,
        segment: row.try_get(21)?,
        reverses: row.try_get(22)?,
    })
}

fn ticket(row: &PgRow) -> Result<TicketRow, sqlx::Error> {
    let (system, number): (Option<String>, Option<String>) = (row.try_get(3)?, row.try_get(4)?);
    Ok(TicketRow {
        opened_position: row.try_get(0)?,
        ticket_id: row.try_get(1)?,
        customer_id: row.try_get(2)?,
        reference: system.zip(number),
        impact: row.try_get(5)?,
        opened_at_us: row.try_get(6)?,
        status: row.try_get(7)?,
        class: row.try_get(8)?,
        rule: row.try_get(9)?,
    })
}

fn balance(row: &PgRow) -> Result<BalanceRow, sqlx::Error> {
    let ticket: String = row.try_get(2)?;
    Ok(BalanceRow {
        cursor: row.try_get(0)?,
        customer_id: row.try_get(1)?,
        ticket_id: ticket.parse().ok(),
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
