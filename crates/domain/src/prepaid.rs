//! A customer's prepaid time: grants, and what is left of each.

use crate::event::{Draw, PrepaidGranted};
use crate::ids::EventId;
use crate::time::Second;

/// One grant of prepaid time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The event that granted it.
    pub event: EventId,
    /// The version of the contract that granted it: work logged under an earlier
    /// one does not know of it.
    pub contract_version: i64,
    /// From when it may be used.
    pub opens: Second,
    /// How much was granted.
    pub seconds: i64,
    /// What no ticket has drawn.
    pub left_seconds: i64,
}

/// A customer's prepaid time, folded. Grants in the order of their dates, the
/// earlier recorded first; time is drawn in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prepaid {
    /// All grants.
    pub grants: Vec<Grant>,
    /// The version of the stream.
    pub version: i64,
}

impl Prepaid {
    /// Folds a grant.
    pub fn granted(&mut self, event: EventId, granted: &PrepaidGranted) {
        self.version += 1;
        let grant = Grant {
            event,
            contract_version: granted.contract_version,
            opens: granted.effective_at.opens(),
            seconds: granted.seconds,
            left_seconds: granted.seconds,
        };
        let place = self.grants.partition_point(|other| other.opens <= grant.opens);
        self.grants.insert(place, grant);
    }

    /// Folds draws and returns.
    pub fn drawn(&mut self, draws: &[Draw]) {
        self.version += 1;
        for draw in draws {
            if let Some(grant) = self.grants.iter_mut().find(|grant| grant.event == draw.grant) {
                grant.left_seconds -= draw.seconds;
            }
        }
    }

    /// What may be used at a second.
    pub fn left_seconds(&self, at: Second) -> i64 {
        let open = self.grants.iter().filter(|grant| grant.opens <= at);
        open.map(|grant| grant.left_seconds).sum()
    }
}
