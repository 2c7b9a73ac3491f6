//! Batches for a log that other processes append to as well: planned on assumptions that the database verifies, and
//! tried again when the connection was lost. [`crate::log::postgres`] tells the whole story.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Answers, Writer, answers};
use crate::fault::Fault;
use crate::log::command::Command;
use crate::log::heads::StreamHead;
use crate::log::plan::{self, Known, Plan};
use crate::log::{Head, UnavailableReason};

/// Where the database put a batch, with the log's end as it was under the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placed {
    /// Behind this end.
    Behind(Head),
    /// Nowhere: another process's later stamps are in the log.
    Overtaken(Head),
    /// Nowhere: the log is otherwise than the plan assumed.
    Otherwise(Head),
}

/// How much of a plan the database confirms before it adds anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Confirm {
    /// All that it depends on: every stream that a command of the batch expects, every request id.
    All,
    /// What the keys do not: they know the streams that the batch writes to, and the requests that it adds.
    WhatIsRead,
    /// Nothing more: all of it was looked up under the lock. The streams of accepted commands are named for their numbers.
    Additions,
}

/// After the keys refused a batch, so many have everything confirmed: what one caller repeats, or another process
/// writes to, may well come again.
const CONFIRM_ALL: u32 = 64;

/// After another process's batch came between, so many batches lock before they are stamped.
const LOCK_FIRST: u32 = 8;

/// Pauses between attempts while the database is away: the first, and the longest.
const PAUSE_FIRST: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_millis(320);

impl Writer {
    /// One transaction, tried again for a while where the connection was lost: nothing of what failed is in the log.
    pub(super) async fn attempt(&mut self, batch: &mut [Command], look_up_events: bool) -> Result<Answers, Fault> {
        let mut pause = PAUSE_FIRST;
        loop {
            let outcome = self.attempt_once(batch, look_up_events).await;
            let lost = matches!(outcome, Err(Fault::Unavailable(UnavailableReason::Connection, _)));
            if !lost || Instant::now() + pause >= self.give_up {
                return outcome;
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Appends a batch on assumptions: `None` if they are wrong, and then nothing of it is in the log.
    pub(super) async fn assuming(
        &mut self,
        batch: &mut [Command],
        clock_us: Option<i64>,
    ) -> Result<Option<Answers>, Fault> {
        let seen = *self.published.borrow();
        if seen.position > self.head.position {
            self.head = seen;
        }
        if self.lock_first == 0 {
            let plan = self.assumed_plan(batch, clock_us);
            if plan.is_empty() {
                return Ok(None);
            }
            let confirm = self.confirm();
            match self.store.append_if_as_planned(batch, &plan, confirm).await {
                Ok(Placed::Behind(end)) => return Ok(Some(self.placed(batch, plan, end))),
                Ok(Placed::Otherwise(end)) => {
                    self.publish(end);
                    return Ok(None);
                }
                Ok(Placed::Overtaken(end)) => {
                    self.publish(end);
                    self.lock_first = LOCK_FIRST;
                }
                Err(fault @ Fault::Constraint(_)) => return Ok(self.refused_by_the_keys(&fault).await),
                Err(fault) => {
                    let fault = self.undo(fault).await;
                    return self.look_up_outcome(batch, &plan, fault).await.map(Some);
                }
            }
        }
        self.lock_first -= 1;
        self.assuming_under_lock(batch, clock_us).await
    }

    /// The same in a transaction that locks first, so that nobody's stamps come between.
    async fn assuming_under_lock(
        &mut self,
        batch: &mut [Command],
        clock_us: Option<i64>,
    ) -> Result<Option<Answers>, Fault> {
        match self.store.begin().await {
            Ok((end, _)) => self.publish(end),
            Err(fault) => return Err(self.undo(fault).await),
        }
        let plan = self.assumed_plan(batch, clock_us);
        if plan.is_empty() {
            self.store.rollback().await;
            return Ok(None);
        }
        let confirm = self.confirm();
        match self.store.append_if_as_planned(batch, &plan, confirm).await {
            Ok(Placed::Behind(end)) => {
                if let Err(fault) = self.store.commit().await {
                    let fault = self.undo(fault).await;
                    return self.look_up_outcome(batch, &plan, fault).await.map(Some);
                }
                Ok(Some(self.placed(batch, plan, end)))
            }
            Ok(Placed::Overtaken(_) | Placed::Otherwise(_)) => {
                self.store.rollback().await;
                Ok(None)
            }
            Err(fault @ Fault::Constraint(_)) => Ok(self.refused_by_the_keys(&fault).await),
            Err(fault) => Err(self.undo(fault).await),
        }
    }

    fn confirm(&mut self) -> Confirm {
        if self.look_first == 0 {
            return Confirm::WhatIsRead;
        }
        self.look_first -= 1;
        Confirm::All
    }

    /// What was assumed is not so, and what is so is found out under the lock; or an event's id is taken, which refuses the
    /// batch there once more.
    async fn refused_by_the_keys(&mut self, fault: &Fault) -> Option<Answers> {
        tracing::debug!(message = fault.message(), "a batch was refused by the keys");
        self.store.rollback().await;
        self.look_first = CONFIRM_ALL;
        None
    }

    /// The plan of a batch on the log as it most probably is.
    fn assumed_plan(&self, batch: &mut [Command], clock_us: Option<i64>) -> Plan {
        let heads = self.assumed_heads(batch);
        let (requests, taken) = (HashMap::new(), HashSet::new());
        let known = Known { head: self.head, streams: 0, requests: &requests, heads: &heads, taken: &taken };
        plan::plan(batch, &known, clock_us)
    }

    /// A remembered stream is where this process left it; another one is where the first command expects it.
    fn assumed_heads(&self, batch: &[Command]) -> HashMap<Arc<str>, StreamHead> {
        let mut heads = HashMap::new();
        for (stream, expected) in batch.iter().flat_map(|command| &command.expectations) {
            if !heads.contains_key(stream) {
                let assumed = StreamHead { stream_id: 0, version: *expected };
                heads.insert(Arc::clone(stream), self.heads.get(stream).unwrap_or(assumed));
            }
        }
        // A stream without events does not exist.
        heads.retain(|_, head| head.version > 0);
        heads
    }

    fn placed(&mut self, batch: &[Command], mut plan: Plan, end: Head) -> Answers {
        plan.move_behind(end.position);
        self.committed(&plan);
        answers(batch, &plan)
    }
}
