//! Information, approval, decline, revocation: from when a chargeable class may cost.

use super::command::Late;
use super::lifecycle::{after_last_turn, must_be_open};
use super::{Approval, Information, Ticket};
use crate::contract::{check_limit, check_minutes};
use crate::event::{ApprovalDeclined, ApprovalGiven, ApprovalRevoked, Basis, CustomerInformed, Event, Limit, Offer};
use crate::ids::EventId;
use crate::money::{self, Currency};
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// The currency a caller named, and the contract's.
type Currencies = (Option<Currency>, Currency);

/// A release as it was asked for.
pub(super) struct Release {
    pub(super) information: EventId,
    pub(super) basis: Basis,
    pub(super) limit: Option<Limit>,
    pub(super) valid_until: Option<Timestamp>,
}

pub(super) fn inform(
    ticket: &Ticket,
    classification: Option<EventId>,
    offer: Offer,
    currency: Currencies,
    late: &Late<'_>,
) -> Result<Event, Refusal> {
    match offer {
        Offer::None => {}
        Offer::EstimateMinutes(minutes) => check_minutes("estimate_minutes", minutes)?,
        Offer::QuoteMinor(minor) => {
            money::positive_amount("quote", minor)?;
            same_currency("quote.currency_code", currency)?;
        }
    }
    must_be_open(ticket, late.at)?;
    let told = match classification {
        Some(id) => ticket.classification(id).ok_or_else(|| {
            Refusal::unknown(
                "classification_id",
                "CLASSIFICATION_UNKNOWN",
                format!("the ticket has no classification {id}"),
            )
        })?,
        None => {
            let now = ticket.class_in_force().ok_or_else(|| {
                let advice = "the ticket is not classified: record findings first";
                Refusal::precondition("ticket_id", "NOT_CLASSIFIED", advice)
            })?;
            // What was told before a corrected cause was told of the cause in force then.
            ticket.class_at(late.at).filter(|then| then.run == now.run).unwrap_or(now)
        }
    };
    if late.at < told.at {
        return Err(Refusal::precondition(
            "occurred_at",
            "BEFORE_CLASSIFICATION",
            format!("the information may not precede its classification at {}", told.at),
        ));
    }
    if ticket.class_at(late.at).is_none_or(|in_force| in_force.run != told.run) {
        return Err(Refusal::precondition(
            "classification_id",
            "CLASSIFICATION_SUPERSEDED",
            format!("at {} another class was in force: inform of that one", late.at),
        ));
    }
    late.entry()?;
    Ok(CustomerInformed { classification: told.event, offer }.into())
}

pub(super) fn approve(
    ticket: &Ticket,
    release: Release,
    currency: Currencies,
    late: &Late<'_>,
) -> Result<Event, Refusal> {
    let Release { information, basis, limit, valid_until } = release;
    check_release(basis, limit, currency)?;
    if let Some(until) = valid_until.filter(|until| *until <= late.at) {
        return Err(Refusal::malformed(
            "valid_until",
            format!("valid_until {until} is not after the approval at {}", late.at),
        ));
    }
    let told = find_information(ticket, information)?;
    must_be_open(ticket, late.at)?;
    if late.at < told.at {
        return Err(Refusal::precondition(
            "occurred_at",
            "APPROVAL_BEFORE_INFORMATION",
            format!("the customer was informed at {}, later than {}", told.at, late.at),
        ));
    }
    if !ticket.counts(told, late.at) {
        return Err(Refusal::precondition(
            "information_id",
            "INFORMATION_SUPERSEDED",
            "since that information the class changed or the ticket was reopened: inform anew",
        ));
    }
    match (basis, told.offer) {
        (Basis::Quote, Offer::QuoteMinor(_)) => {
            if ticket.approvals.iter().any(|a| {
                a.basis == Basis::Quote && informed(ticket, a).event == information && ticket.lives(a, late.at)
            }) {
                return Err(Refusal::precondition(
                    "information_id",
                    "QUOTE_ACCEPTED",
                    "that quote is accepted already",
                ));
            }
        }
        (Basis::Quote, _) => {
            return Err(Refusal::precondition(
                "information_id",
                "NO_QUOTE",
                "that information holds no quote: approve hourly work, or inform with a quote",
            ));
        }
        (Basis::Hourly, Offer::QuoteMinor(_)) => {
            return Err(Refusal::precondition(
                "basis",
                "QUOTE_OFFERED",
                "that information offers a quote: accept it, or inform with an estimate",
            ));
        }
        (Basis::Hourly, _) => {
            let covered = ticket
                .approvals
                .iter()
                .any(|a| a.basis == Basis::Quote && informed(ticket, a).run == told.run && ticket.lives(a, late.at));
            if covered {
                return Err(Refusal::precondition(
                    "basis",
                    "QUOTE_IN_FORCE",
                    "an accepted quote is in force: one basis at a time, revoke it first",
                ));
            }
        }
    }
    late.entry()?;
    Ok(ApprovalGiven { basis, information, limit, valid_until }.into())
}

fn check_release(basis: Basis, limit: Option<Limit>, currency: Currencies) -> Result<(), Refusal> {
    match (basis, limit) {
        (Basis::Quote, Some(_)) => Err(Refusal::malformed("limit", "a quote is a fixed price and takes no limit")),
        (Basis::Quote, None) => Ok(()),
        (Basis::Hourly, None) => {
            Err(Refusal::malformed("limit", "hourly work needs a limit in minutes or money, or explicitly none"))
        }
        (Basis::Hourly, Some(limit)) => {
            check_limit("limit", limit)?;
            if matches!(limit, Limit::Minor(_)) {
                same_currency("limit.money.currency_code", currency)?;
            }
            Ok(())
        }
    }
}

pub(super) fn decline(ticket: &Ticket, information: EventId, late: &Late<'_>) -> Result<Event, Refusal> {
    let told = find_information(ticket, information)?;
    must_be_open(ticket, late.at)?;
    if late.at < told.at {
        return Err(Refusal::precondition(
            "occurred_at",
            "DECLINE_BEFORE_INFORMATION",
            format!("the customer was informed at {}, later than {}", told.at, late.at),
        ));
    }
    let approved =
        |approval: &&Approval| informed(ticket, approval).event == information && ticket.binds(approval, late.at);
    if let Some(approval) = ticket.approvals.iter().find(approved) {
        return Err(Refusal::precondition(
            "information_id",
            "APPROVED",
            format!("approval {} answers it: what was approved is revoked", approval.event),
        ));
    }
    late.entry()?;
    after_last_turn(ticket, late.at)?;
    Ok(ApprovalDeclined { information }.into())
}

pub(super) fn revoke(ticket: &Ticket, approval: EventId, late: &Late<'_>) -> Result<Event, Refusal> {
    let given = ticket.approvals.iter().find(|given| given.event == approval).ok_or_else(|| {
        Refusal::unknown("approval_id", "APPROVAL_UNKNOWN", format!("the ticket has no approval {approval}"))
    })?;
    if late.at < given.at {
        return Err(Refusal::precondition(
            "occurred_at",
            "REVOCATION_BEFORE_APPROVAL",
            format!("it was approved at {}, later than {}", given.at, late.at),
        ));
    }
    if !ticket.binds(given, late.at) || given.revoked.is_some() {
        return Err(Refusal::precondition(
            "approval_id",
            "APPROVAL_ENDED",
            format!("approval {approval} has ended already"),
        ));
    }
    late.entry()?;
    after_last_turn(ticket, late.at)?;
    Ok(ApprovalRevoked { approval }.into())
}

fn find_information(ticket: &Ticket, id: EventId) -> Result<&Information, Refusal> {
    ticket.informations.iter().find(|information| information.event == id).ok_or_else(|| {
        Refusal::unknown(
            "information_id",
            "INFORMATION_UNKNOWN",
            format!("the ticket has no information {id}: inform the customer first"),
        )
    })
}

fn informed<'a>(ticket: &'a Ticket, approval: &Approval) -> &'a Information {
    &ticket.informations[approval.information]
}

fn same_currency(field: &'static str, (named, agreed): Currencies) -> Result<(), Refusal> {
    match named {
        Some(named) if named != agreed => {
            Err(Refusal::precondition(field, "OTHER_CURRENCY", format!("the contract is in {agreed}, not in {named}")))
        }
        _ => Ok(()),
    }
}
