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
    /// closed with the ticket, or overtaken by a later accepted quote, which is the one
    /// basis from then on.
    pub(crate) fn taken_away(&self, approval: &Approval) -> Option<End> {
        let revoked = approval.revoked.map(|(at, event)| End {
            moment: (at, approval.revoked_order),
            role: Role::Revocation,
            event,
        });
        let closed = self.transitions.iter().filter(|t| t.to == Status::Closed);
        let closed = closed.map(|t| End { moment: t.moment(), role: Role::Closing, event: t.event });
        let told = &self.informations[approval.information];
        let quoted = self.accepted_quotes(told.run, told.epoch);
        let quoted = quoted.map(|quote| End { moment: quote.moment(), role: Role::Quote, event: quote.event });
        let later = closed.chain(quoted).filter(|end| end.moment > approval.moment());
        later.chain(revoked).min_by_key(|end| end.moment)
    }

    /// The accepted quotes of one run and epoch, whatever became of them.
    pub(crate) fn accepted_quotes(&self, run: u32, epoch: usize) -> impl Iterator<Item = &Approval> {
        self.approvals.iter().filter(move |approval| {
            let told = &self.informations[approval.information];
            approval.basis == Basis::Quote && told.run == run && told.epoch == epoch
        })
    }

    /// Whether an approval is given, not ended, and answers an information that counts.
    pub(crate) fn lives(&self, approval: &Approval, at: Timestamp) -> bool {
        let has_ended = self.end_of(approval).is_some_and(|end| end.moment.0 <= at);
        approval.at <= at && !has_ended && self.counts(&self.informations[approval.information], at)
    }
}
