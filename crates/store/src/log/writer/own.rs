//! Batches for a log that no other process appends to: where it ends, and where its remembered streams are, is known
//! without asking. Whether a request was accepted before, or an event's id is taken, is not known, and so rarely the case
//! that the database may find it out.
//!
//! A batch is one text, so of a failure that is no constraint's nobody knows whether the commit was reached: it is looked
//! up like a failed commit.

use std::collections::{HashMap, HashSet};

use super::{Answers, Writer, answers};
use crate::fault::Fault;
use crate::log::command::Command;
use crate::log::plan::{self, Known, Verdict};

/// After a batch with a request that was accepted before, so many look theirs up first.
const LOOK_FIRST: u32 = 8;

impl Writer {
    /// Appends a batch in which every command is accepted, in one step; `None` if it is not such a one, and then nothing
    /// of it is in the log.
    pub(super) async fn unasked(
        &mut self,
        batch: &mut [Command],
        clock_us: Option<i64>,
    ) -> Result<Option<Answers>, Fault> {
        if self.look_first > 0 {
            self.look_first -= 1;
            return Ok(None);
        }
        let Some(streams) = self.streams else { return Ok(None) };
        let heads = match self.stream_heads(batch).await {
            Ok(heads) => heads,
            Err(fault) => return Err(self.undo(fault).await),
        };
        let (requests, taken) = (HashMap::new(), HashSet::new());
        let known = Known { head: self.head, streams, requests: &requests, heads: &heads, taken: &taken };
        let plan = plan::plan(batch, &known, clock_us);
        if !plan.verdicts.iter().all(|verdict| matches!(verdict, Verdict::Accepted { .. })) {
            return Ok(None);
        }
        if let Err(fault) = self.store.connect().await {
            return Err(self.undo(fault).await);
        }
        match self.store.append(batch, &plan).await {
            Ok(()) => {}
            Err(fault @ Fault::Constraint(_)) => {
                self.undo(fault).await;
                self.look_first = LOOK_FIRST;
                return Ok(None);
            }
            Err(fault) => {
                let fault = self.undo(fault).await;
                return self.look_up_outcome(batch, &plan, fault).await.map(Some);
            }
        }
        self.committed(&plan);
        Ok(Some(answers(batch, &plan)))
    }
}
