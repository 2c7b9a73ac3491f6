//! What ends an approval. Commands ask of an instant, the assessment of a second; both
//! ask here, so that no command takes for live what the assessment counts as ended.

use super::{Approval, Moment, Status, Ticket};
use crate::event::{Basis, Role};
use crate::ids::EventId;
use crate::time::Timestamp;

/// When an approval ended, and what ended it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) moment: Moment,
    pub(crate) role: Role,
    pub(crate) event: EventId,
}

impl Ticket {
    /// What ended an approval first. That its class was left or the ticket reopened is
    /// no end of it: its information no longer counts.
    pub(crate) fn end_of(&self, approval: &Approval) -> Option<End> {
        // What expires by itself was recorded with the approval.
        let expired = approval.valid_until.map(|at| End {
            moment: (at, approval.order),
            role: Role::Approval,
            event: approval.event,
        });
        self.taken_away(approval).into_iter().chain(expired).min_by_key(|end| end.moment)
    }

    /// What ended it first, expiry aside: a quote's price outlives that. Taken back,
    /// declined, closed with the ticket, or overtaken by a later accepted quote, which is
    /// the one basis from then on.
    ///
    /// What is recorded late counts from when it was true, in whatever order the log learned
    /// of it: an approval recorded after the customer's later decline of the same
    /// information lasts until that decline.
    pub(crate) fn taken_away(&self, approval: &Approval) -> Option<End> {
        let revoked = approval.revoked.map(|(at, event)| End {
            moment: (at, approval.revoked_order),
            role: Role::Revocation,
            event,
        });
        let closed = self.transitions.iter().filter(|t| t.to == Status::Closed);
        let closed = closed.map(|t| End { moment: t.moment(), role: Role::Closing, event: t.event });
        let declined = self.declines.iter().filter(|decline| decline.information == approval.information);
        let declined = declined.map(|d| End { moment: d.moment(), role: Role::Decline, event: d.event });
        let told = &self.informations[approval.information];
        let quoted = self.accepted_quotes(told.run, told.epoch);
        let quoted = quoted.map(|quote| End { moment: quote.moment(), role: Role::Quote, event: quote.event });
        let later = closed.chain(declined).chain(quoted).filter(|end| end.moment > approval.moment());
        later.chain(revoked).chain(self.never_opened(approval)).min_by_key(|end| end.moment)
    }

    /// Hourly work was released while a quote was in force that the log learned of only
    /// afterwards. Told in time, the release would have been refused: one basis at a time.
    fn never_opened(&self, approval: &Approval) -> Option<End> {
        if approval.basis == Basis::Quote {
            return None;
        }
        let told = &self.informations[approval.information];
        let in_force = |quote: &&Approval| {
            quote.moment() < approval.moment()
                && quote.order > approval.order
                && self.end_of(quote).is_none_or(|end| end.moment > approval.moment())
        };
        let quote = self.accepted_quotes(told.run, told.epoch).find(in_force)?;
        Some(End { moment: approval.moment(), role: Role::Quote, event: quote.event })
    }

    /// The accepted quotes of one run and epoch, whatever became of them.
    pub(crate) fn accepted_quotes(&self, run: u32, epoch: usize) -> impl Iterator<Item = &Approval> {
        self.approvals.iter().filter(move |approval| {
            let told = &self.informations[approval.information];
            approval.basis == Basis::Quote && told.run == run && told.epoch == epoch
        })
    }

    /// Whether an approval still binds the customer: it lives, or it is a quote whose cover
    /// expired and whose price is still to come.
    pub(crate) fn binds(&self, approval: &Approval, at: Timestamp) -> bool {
        let is_posted = self.quotes.iter().any(|price| price.approval == approval.event);
        let is_to_come = approval.basis == Basis::Quote && !is_posted;
        let end = if is_to_come { self.taken_away(approval) } else { self.end_of(approval) };
        self.holds(approval, end, at)
    }

    /// Whether an approval is given, not ended, and answers an information that counts.
    pub(crate) fn lives(&self, approval: &Approval, at: Timestamp) -> bool {
        self.holds(approval, self.end_of(approval), at)
    }

    fn holds(&self, approval: &Approval, end: Option<End>, at: Timestamp) -> bool {
        let has_ended = end.is_some_and(|end| end.moment.0 <= at);
        approval.at <= at && !has_ended && self.counts(&self.informations[approval.information], at)
    }
}
