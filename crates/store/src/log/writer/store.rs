//! What the writer asks of a database.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::{Confirm, Placed};
use crate::fault::Fault;
use crate::log::command::Command;
use crate::log::heads::StreamHead;
use crate::log::plan::Plan;
use crate::log::{Head, StoredRequest};

/// How long an unknown outcome is usually looked up.
const LOOK_UP_FOR: Duration = Duration::from_millis(500);

/// A database that takes batches. Its calls come in the order of the [writer](super)'s steps, from one task.
#[async_trait]
pub(crate) trait BatchStore: Send {
    /// Whether other processes append to the log too. Then a remembered stream is an assumption, no more.
    fn is_shared(&self) -> bool {
        false
    }

    /// Connects, if the connection broke. Called where the log is this process's own.
    async fn connect(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    /// How long a lost connection is hidden from those who wait.
    fn ride_out(&self) -> Duration {
        Duration::ZERO
    }

    /// How long an unknown outcome is looked up before it is answered as such.
    fn look_up_for(&self) -> Duration {
        LOOK_UP_FOR
    }

    /// Appends a batch if the log is as its plan assumed, and says where it landed; outside a transaction it is
    /// durable then. What is left to the keys is refused as a constraint. Called where the log is shared.
    async fn append_if_as_planned(
        &mut self,
        batch: &[Command],
        plan: &Plan,
        confirm: Confirm,
    ) -> Result<Placed, Fault> {
        let _ = (batch, confirm);
        Ok(Placed::Otherwise(plan.head))
    }

    /// Begins a transaction, keeps other writers out and says where the log ends, with the number of streams.
    async fn begin(&mut self) -> Result<(Head, i64), Fault>;

    /// Those of these requests that were accepted. Also called outside a transaction.
    async fn requests(&mut self, ids: &[Uuid]) -> Result<HashMap<Uuid, StoredRequest>, Fault>;

    /// Those of these streams that exist.
    async fn stream_heads(&mut self, names: &[Arc<str>]) -> Result<HashMap<Arc<str>, StreamHead>, Fault>;

    /// Those of these event ids that exist.
    async fn taken(&mut self, event_ids: &[Uuid]) -> Result<HashSet<Uuid>, Fault>;

    /// Appends what a plan accepted, in a transaction of its own; durable when it returns. A constraint means that
    /// nothing of it is in the log; after any other failure that must be looked up. Called where the log is this
    /// process's own.
    async fn append(&mut self, batch: &[Command], plan: &Plan) -> Result<(), Fault> {
        self.begin().await?;
        self.insert(batch, plan).await?;
        self.commit().await
    }

    /// Inserts what the plan accepted.
    async fn insert(&mut self, batch: &[Command], plan: &Plan) -> Result<(), Fault>;

    /// Commits; durable when it returns.
    async fn commit(&mut self) -> Result<(), Fault>;

    /// Ends a transaction without effect, and replaces a connection that is beyond use. Never fails: what is broken
    /// shows at the next begin.
    async fn rollback(&mut self);

    /// Removes personal texts between two positions, durably.
    async fn erase_personal(&mut self, from_position: i64, to_position: i64) -> Result<u64, Fault>;

    /// After a batch: whatever has to be done now and then.
    async fn tidy(&mut self);

    /// The end.
    async fn close(self: Box<Self>);
}
