//! Which log the views were made of, and how far.
//!
//! A view file that is put beside another log, or left beside a log that was restored from an older copy, would answer
//! with what never happened here. So the checkpoint names the log and the leaf hash of the last event taken in, and
//! whoever opens the file compares both.

use std::path::Path;

use uuid::Uuid;

use super::ViewsOpenError;
use crate::damage::Foreign;
use crate::log::EventLog;

/// The checkpoint's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// The log; none as long as nothing was ever taken in.
    pub(super) log_id: Option<Uuid>,
    /// The last position taken in.
    pub(super) position: i64,
    /// The leaf hash of the event there.
    pub(super) leaf_hash: Option<Vec<u8>>,
}

impl Origin {
    /// Refuses a log that the views were not made of.
    pub(super) async fn check(&self, log: &dyn EventLog, path: &Path) -> Result<(), ViewsOpenError> {
        match self.stranger(log).await? {
            Some(what) => Err(ViewsOpenError::Foreign { path: path.to_owned(), what }),
            None => Ok(()),
        }
    }

    async fn stranger(&self, log: &dyn EventLog) -> Result<Option<Foreign>, ViewsOpenError> {
        let (log_id, head) = (log.info().log_id, log.head().position);
        if let Some(other) = self.log_id.filter(|other| *other != log_id) {
            return Ok(Some(Foreign::Log { theirs: other, this: log_id }));
        }
        if self.position > head {
            return Ok(Some(Foreign::Ahead { position: self.position, head }));
        }
        if self.position == 0 {
            return Ok(None);
        }
        let last = log.events_at(&[self.position]).await?;
        let same = last.first().is_some_and(|event| Some(&event.leaf_hash[..]) == self.leaf_hash.as_deref());
        Ok((!same).then_some(Foreign::Event { position: self.position }))
    }
}
