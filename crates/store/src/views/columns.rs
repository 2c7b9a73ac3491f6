//! Rows out of columns. Both databases give the same columns in the same order, so both are read here.

use sqlx::{ColumnIndex, Decode, Row, Type};
use uuid::Uuid;

use super::{BalanceDelta, BalanceRow, ContractRow, EntryRow, ListedEntry, PolicyRow, TicketRow};

/// The columns of an entry, as [`entry`] takes them.
pub(super) const ENTRY_COLUMNS: &str = "e.number, e.customer_id, e.ticket_id, e.work_id, e.performer_id, \
    e.service_from_us, e.service_to_us, e.worked_seconds, e.billed_seconds, e.hourly_rate_minor, e.amount_minor, \
    e.currency, e.account, e.rule, e.clause, e.policy_name, e.policy_version, e.contract_version, \
    e.posted_position, e.posted_at_us, e.assessment, e.segment, e.reverses, e.origin";

/// A row of either database, by the place of its columns.
pub(super) trait Columns {
    fn number(&self, column: usize) -> Result<i64, sqlx::Error>;
    fn number_if_any(&self, column: usize) -> Result<Option<i64>, sqlx::Error>;
    fn text(&self, column: usize) -> Result<String, sqlx::Error>;
    fn text_if_any(&self, column: usize) -> Result<Option<String>, sqlx::Error>;
    fn id(&self, column: usize) -> Result<Uuid, sqlx::Error>;
    fn id_if_any(&self, column: usize) -> Result<Option<Uuid>, sqlx::Error>;
}

impl<R: Row> Columns for R
where
    usize: ColumnIndex<R>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> Uuid: Decode<'r, R::Database> + Type<R::Database>,
{
    fn number(&self, column: usize) -> Result<i64, sqlx::Error> {
        self.try_get(column)
    }

    fn number_if_any(&self, column: usize) -> Result<Option<i64>, sqlx::Error> {
        self.try_get(column)
    }

    fn text(&self, column: usize) -> Result<String, sqlx::Error> {
        self.try_get(column)
    }

    fn text_if_any(&self, column: usize) -> Result<Option<String>, sqlx::Error> {
        self.try_get(column)
    }

    fn id(&self, column: usize) -> Result<Uuid, sqlx::Error> {
        self.try_get(column)
    }

    fn id_if_any(&self, column: usize) -> Result<Option<Uuid>, sqlx::Error> {
        self.try_get(column)
    }
}

/// An entry, and the one that had reversed it at a log position.
pub(super) fn listed(row: &impl Columns, up_to: i64) -> Result<ListedEntry, sqlx::Error> {
    let (reversed_by, reversed_at) = (row.number_if_any(24)?, row.number_if_any(25)?);
    let reversed_by = reversed_by.filter(|_| reversed_at.is_some_and(|at| at <= up_to));
    Ok(ListedEntry { entry: entry(row)?, reversed_by, policy_hash: row.text(26)? })
}

pub(super) fn entry(row: &impl Columns) -> Result<EntryRow, sqlx::Error> {
    Ok(EntryRow {
        number: row.number(0)?,
        customer_id: row.text(1)?.into(),
        ticket_id: row.id(2)?,
        work_id: row.id_if_any(3)?,
        performer_id: row.text_if_any(4)?.map(Into::into),
        service_from_us: row.number(5)?,
        service_to_us: row.number(6)?,
        worked_seconds: row.number(7)?,
        billed_seconds: row.number(8)?,
        hourly_rate_minor: row.number_if_any(9)?,
        amount_minor: row.number(10)?,
        currency: row.text(11)?.into(),
        account: row.text(12)?.into(),
        rule: row.text(13)?.into(),
        clause: row.text(14)?.into(),
        policy_name: row.text(15)?.into(),
        policy_version: row.number(16)?,
        contract_version: row.number(17)?,
        posted_position: row.number(18)?,
        posted_at_us: row.number(19)?,
        assessment: row.id(20)?,
        segment: row.number(21)?,
        reverses: row.number_if_any(22)?,
        origin: row.text_if_any(23)?.map(Into::into),
    })
}

pub(super) fn ticket(row: &impl Columns) -> Result<TicketRow, sqlx::Error> {
    Ok(TicketRow {
        opened_position: row.number(0)?,
        ticket_id: row.id(1)?,
        customer_id: row.text(2)?,
        reference: row.text_if_any(3)?.zip(row.text_if_any(4)?),
        impact: row.text(5)?,
        opened_at_us: row.number(6)?,
        status: row.text(7)?,
        class: row.text_if_any(8)?,
        rule: row.text_if_any(9)?,
        origin: row.text_if_any(10)?,
    })
}

pub(super) fn balance(row: &impl Columns) -> Result<BalanceRow, sqlx::Error> {
    Ok(BalanceRow {
        cursor: row.text(0)?,
        customer_id: row.text(1)?,
        ticket_id: Uuid::try_parse(&row.text(2)?).ok(),
        account: row.text(3)?,
        rule: row.text(4)?,
        currency: row.text(5)?,
        sum: BalanceDelta {
            worked_seconds: row.number(6)?,
            billed_seconds: row.number(7)?,
            amount_minor: row.number(8)?,
        },
    })
}

pub(super) fn contract(row: &impl Columns) -> Result<ContractRow, sqlx::Error> {
    Ok(ContractRow {
        customer_id: row.text(0)?,
        currency: row.text(1)?,
        time_zone: row.text(2)?,
        version: row.number(3)?,
    })
}

pub(super) fn policy(row: &impl Columns) -> Result<PolicyRow, sqlx::Error> {
    Ok(PolicyRow {
        position: row.number(0)?,
        name: row.text(1)?,
        version: row.number(2)?,
        content_hash: row.text(3)?,
        published_at_us: row.number(4)?,
        event_id: row.id(5)?,
    })
}
