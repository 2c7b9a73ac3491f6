//! The table from findings to class and charge ("Unser Abgrenzungsgrundsatz"; domain.md section 2).
//!
//! It is unrolled once over every combination of facts. A combination that no row or more than one row claims
//! refuses the policy, so classifying is a lookup that always answers.

use std::collections::BTreeMap;

use super::document::{RowEntry, When};
use super::names::RuleId;
use super::problem::{Problem, shown};
use crate::facts::{Class, FaultCause, Findings};

/// Most gaps, and most overlaps, that are listed one by one.
const LISTED_MAX: usize = 20;

/// One row of the table as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The rule that classifies.
    pub rule: RuleId,
    /// The class it gives.
    pub class: Class,
    /// The findings it applies to.
    pub when: When,
    /// The rule that says who pays.
    pub charge: RuleId,
    /// Causes for which another rule says so.
    pub charge_by_cause: BTreeMap<FaultCause, RuleId>,
}

/// What follows from findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The rule that classified.
    pub rule: RuleId,
    /// The class.
    pub class: Class,
    /// The rule that says who pays for work on it.
    pub charge: RuleId,
}

/// Who pays for a class, before gates, exemptions and quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The provider, always.
    Free,
    /// The customer, once informed and with an approval.
    Chargeable,
    /// Nobody can say yet; nothing may be charged.
    Undetermined,
}

/// The outcome for every combination of facts, at [`Findings::index`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table(Box<[Outcome; Findings::COUNT]>);

impl Table {
    /// None when some combination has no row, which [`coverage`] reports.
    pub(super) fn unroll(rows: &[Row]) -> Option<Self> {
        let outcomes: Option<Vec<Outcome>> = Findings::all()
            .map(|findings| {
                let row = rows.iter().find(|row| row.when.holds(&findings))?;
                let charge = row.charge_by_cause.get(&findings.cause).unwrap_or(&row.charge);
                Some(Outcome { rule: row.rule.clone(), class: row.class, charge: charge.clone() })
            })
            .collect();
        outcomes?.into_boxed_slice().try_into().ok().map(Self)
    }

    /// Total: an index is below [`Findings::COUNT`] by the number of values its enums have.
    pub(super) fn outcome(&self, findings: Findings) -> &Outcome {
        &self.0[findings.index()]
    }
}

/// Every combination must be claimed by exactly one row.
pub(super) fn coverage(rows: &[RowEntry]) -> Vec<Problem> {
    let mut gaps = Vec::new();
    let mut overlaps = Vec::new();
    let mut overlaps_unlisted = 0;
    for findings in Findings::all() {
        let mut claims = rows.iter().filter(|row| row.when.holds(&findings));
        let Some(first) = claims.next() else {
            gaps.push(Problem::Gap { findings });
            continue;
        };
        for second in claims {
            if overlaps.len() < LISTED_MAX {
                let (first, second) = (shown(&first.rule), shown(&second.rule));
                overlaps.push(Problem::Overlap { findings, first, second });
            } else {
                overlaps_unlisted += 1;
            }
        }
    }
    let gaps_unlisted = gaps.len().saturating_sub(LISTED_MAX);
    gaps.truncate(LISTED_MAX);
    if gaps_unlisted > 0 {
        gaps.push(Problem::MoreGaps { count: gaps_unlisted });
    }
    if overlaps_unlisted > 0 {
        overlaps.push(Problem::MoreOverlaps { count: overlaps_unlisted });
    }
    gaps.append(&mut overlaps);
    gaps
}
