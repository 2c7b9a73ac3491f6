//! Read models apart from the log: lists, the ledger, its sums.
//!
//! The projector, through a [`ViewsWriter`], is the only one who writes: a batch of rows and the log position they
//! reach, in one transaction. Everybody else reads through [`Views`]. On SQLite they are a file of their own, on
//! PostgreSQL a schema of their own. Money invariants stand in the schema too: entries are only added, a reversal is
//! equal and opposite to the one entry it names, and none is reversed twice.
//!
//! A build from the start goes into a [`Generation`] beside the serving one. It is compared with a [`Snapshot`] of
//! what serves, and can take its place.

mod columns;
mod error;
mod generation;
mod origin;
mod postgres;
mod rows;
mod sqlite;

use async_trait::async_trait;
use uuid::Uuid;

use crate::damage::Damage;

pub use error::{ViewError, ViewsOpenError};
pub use generation::{Difference, Generation, Snapshot};
pub(crate) use postgres::{GRANTS, SCHEMA, open as open_in_database};
pub use rows::{
    BalanceDelta, BalanceFilter, BalanceKeys, BalanceOf, BalanceRow, ContractRow, EntryFilter, EntryRow, ListedEntry,
    PolicyRow, TicketChange, TicketFilter, TicketRow, ViewBatch,
};
pub(crate) use sqlite::open as open_in_directory;
pub use sqlite::serving_file;

/// The views, for reading: pages by key, bounded by their caller.
#[async_trait]
pub trait Views: Send + Sync + std::fmt::Debug {
    /// The last position taken in.
    async fn position(&self) -> Result<i64, ViewError>;

    /// One entry.
    async fn entry(&self, number: i64) -> Result<Option<ListedEntry>, ViewError>;

    /// Entries after a number, in order of posting.
    async fn entries(&self, filter: &EntryFilter, after: i64, limit: usize) -> Result<Vec<ListedEntry>, ViewError>;

    /// Tickets opened after a position, in the order they were opened.
    async fn tickets(&self, filter: &TicketFilter, after: i64, limit: usize) -> Result<Vec<TicketRow>, ViewError>;

    /// Net sums after a cursor, in the order of what they are summed by.
    async fn balances(
        &self,
        keys: BalanceKeys,
        filter: &BalanceFilter,
        after: &str,
        limit: usize,
    ) -> Result<Vec<BalanceRow>, ViewError>;

    /// Contracts after a customer's, in the order of customers.
    async fn contracts(&self, after: &str, limit: usize) -> Result<Vec<ContractRow>, ViewError>;

    /// Policies published after a position, in the order they were published.
    async fn policies(&self, after: i64, limit: usize) -> Result<Vec<PolicyRow>, ViewError>;

    /// Closes all connections.
    async fn close(&self);
}

/// The projector's side of the views. Its transactions are begun by a task that is never dropped midway.
#[async_trait]
pub trait ViewsWriter: Send + std::fmt::Debug {
    /// Whether this writer is the one that writes; where several processes could, one of them does, and another takes
    /// over when it is gone. Asked again and again, as long as it is not, and after every failure.
    async fn lead(&mut self) -> Result<bool, ViewError> {
        Ok(true)
    }

    /// The last position taken in, and the number of the last entry.
    async fn end(&mut self) -> Result<(i64, i64), ViewError>;

    /// The entries that assessments posted, each named by its assessment and its place there; unknown ones are left
    /// out.
    async fn postings(&mut self, named: &[(Uuid, u32)]) -> Result<Vec<EntryRow>, ViewError>;

    /// Applies a batch and moves the checkpoint, both or neither. After a failure the same batch may be applied again.
    async fn apply(&mut self, batch: &ViewBatch) -> Result<(), ViewError>;

    /// Closes the connection.
    async fn close(self: Box<Self>) -> Result<(), ViewError>;

    /// Closes a fresh build, in the form in which it can serve.
    async fn finish(self: Box<Self>) -> Result<(), ViewError>;
}

/// What changes a row needs the row: a change of nothing means that the log or the views have lost something.
fn all_there(table: &'static str, named: usize, found: u64) -> Result<(), ViewError> {
    if found == named as u64 {
        return Ok(());
    }
    Err(ViewError::broken(Damage::Lost { table, named, found }))
}

/// What is to be taken in lies behind where the views are.
fn not_behind() -> ViewError {
    ViewError::broken(Damage::NotBehind)
}

/// A limit as SQL has it.
fn bounded(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
