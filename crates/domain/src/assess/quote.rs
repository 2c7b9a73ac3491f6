//! An accepted quote's price: posted once, at the first resolution with its approval
//! in force; taken back for good by a free, exempted or undetermined class.

use crate::assess::answers::{ClassAnswer, When};
use crate::assess::{Facts, NotWhole, cause};
use crate::event::{Basis, Offer, Role, Segment};
use crate::ids::EventId;
use crate::policy::Required;
use crate::ticket::{Approval, Moment, Status, Transition};

/// Whether an accepted quote's price stands.
pub struct QuoteAssessment {
    /// The accepted quote.
    pub approval: EventId,
    /// The version of the contract that was read: the one that stood when it was
    /// delivered.
    pub contract_version: i64,
    /// What stands.
    pub price: Option<Segment>,
}

pub(crate) fn assess(facts: &Facts<'_>) -> Result<Vec<QuoteAssessment>, NotWhole> {
    let quotes = facts.ticket.approvals.iter().filter(|approval| approval.basis == Basis::Quote);
    let assessed = quotes.map(|quote| {
        let delivery = delivery(facts, quote);
        Ok(QuoteAssessment {
            approval: quote.event,
            contract_version: delivery.map_or(facts.contract.version(), |d| d.contract_version),
            price: delivery.map_or(Ok(None), |delivery| price(facts, quote, delivery))?,
        })
    });
    assessed.collect()
}

fn price(facts: &Facts<'_>, quote: &Approval, resolution: &Transition) -> Result<Option<Segment>, NotWhole> {
    let recorded = facts.ticket.quotes.iter().find(|price| price.approval == quote.event);
    if recorded.is_some_and(|price| price.standing.is_none()) {
        return Ok(None);
    }
    let information = facts.answered(quote);
    let Offer::QuoteMinor(amount_minor) = information.offer else { return Ok(None) };
    let contract = facts.contract.at(resolution.contract_version);
    let answer = facts.class_answer(When::Moment(resolution.moment()), &contract);
    let ClassAnswer::Chargeable(class) = answer else { return Ok(None) };
    let classification = &facts.ticket.classifications[class];
    if classification.run != information.run {
        return Ok(None);
    }
    let policy = facts.policy_of(class)?;
    let cited = policy
        .cite_required(Required::BillableQuoteDelivered)
        .ok_or_else(|| NotWhole(format!("policy {} has no quotes", policy.pin.name)))?;
    Ok(Some(Segment {
        account: cited.account,
        amount_minor,
        billed_seconds: 0,
        causes: vec![
            cause(Role::Classification, classification.event),
            cause(Role::Information, information.event),
            cause(Role::Quote, quote.event),
            cause(Role::Resolution, resolution.event),
            cause(Role::Policy, policy.event),
        ],
        clause: cited.clause,
        from: resolution.at.ends(),
        grant: None,
        hourly_rate_minor: None,
        policy: policy.reference.clone(),
        rule: cited.rule,
        to: resolution.at.ends(),
        worked_seconds: 0,
    }))
}

/// The first resolution at which the acceptance was in force: not taken back, not
/// closed, not replaced by a later quote, and its class never left. That it expired
/// meanwhile ends the cover, not the price.
fn delivery<'a>(facts: &Facts<'a>, quote: &Approval) -> Option<&'a Transition> {
    let information = facts.answered(quote);
    let ticket = facts.ticket;
    let taken_away = ticket.taken_away(quote);
    let in_force = |at: Moment| {
        let class = ticket.classifications.iter().rfind(|class| class.moment() < at);
        quote.moment() < at
            && taken_away.is_none_or(|end| end.moment > at)
            && ticket.epoch_before(at) == information.epoch
            && class.is_some_and(|class| class.run == information.run)
    };
    ticket.transitions.iter().find(|t| t.to == Status::Resolved && in_force(t.moment()))
}
