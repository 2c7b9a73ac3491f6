//! What an assessment posts, and by which version of which policy.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Cause;
use crate::facts::Account;
use crate::ids::EventId;
use crate::policy::{ClauseId, RuleId};
use crate::time::Second;

/// A part of a work entry that stands on one account for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// Where it stands.
    pub account: Account,
    /// Its price.
    pub amount_minor: i64,
    /// What is billed: worked seconds and a supplement up to an agreed increment.
    pub billed_seconds: i64,
    /// The vouchers.
    pub causes: Vec<Cause>,
    /// The clause of the policy.
    pub clause: ClauseId,
    /// The part of the window it is about begins here.
    pub from: Second,
    /// The grant that prepaid time was drawn from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<EventId>,
    /// The hourly rate, where one took part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hourly_rate_minor: Option<i64>,
    /// The version of the policy whose rule decided.
    pub policy: PolicyRef,
    /// The rule.
    pub rule: RuleId,
    /// The part of the window ends before here.
    pub to: Second,
    /// What was worked of it.
    pub worked_seconds: i64,
}

impl Segment {
    /// Holds the names that another segment has as well together with it: a ticket's entries mostly repeat them, and
    /// what is read from a log has a copy of its own each time.
    pub(crate) fn share_names(&mut self, other: &Self) {
        if self.rule == other.rule {
            self.rule = other.rule.clone();
        }
        if self.clause == other.clause {
            self.clause = other.clause.clone();
        }
        if self.policy.name == other.policy.name {
            self.policy.name = Arc::clone(&other.policy.name);
        }
    }
}

/// A policy version, named; its hash stands once beside the segments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyRef {
    /// The policy's name.
    pub name: Arc<str>,
    /// The version.
    pub version: i64,
}

/// One posted segment: the assessment that posted it and its place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostingRef {
    /// The `work_assessed` or `quote_assessed` event.
    pub assessment: EventId,
    /// The place in its `posted`, from 0.
    pub index: u32,
}

/// A policy's version, as pinned by an opening or a classification.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyPin {
    /// SHA-256 of the canonical policy, lower-case hex.
    pub hash: Arc<str>,
    /// The policy's name.
    pub name: Arc<str>,
    /// The version, from 1.
    pub version: i64,
}
