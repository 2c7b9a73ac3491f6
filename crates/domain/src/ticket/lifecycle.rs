//! Diagnosis, findings, and the ticket's status.

use super::command::{Late, Surroundings};
use super::{Status, Ticket};
use crate::event::{
    DiagnosisStarted, Event, FindingsRecorded, ReassessmentRequested, TicketClassified, TicketClosed, TicketReopened,
    TicketResolved,
};
use crate::facts::{Account, Class, Findings};
use crate::refusal::Refusal;
use crate::time::Timestamp;

pub(super) fn start_diagnosis(ticket: &Ticket, late: &Late<'_>) -> Result<Event, Refusal> {
    if let Some(at) = ticket.diagnosis_started_at {
        return Err(Refusal::precondition(
            "ticket_id",
            "DIAGNOSIS_STARTED",
            format!("diagnosis began at {at} already"),
        ));
    }
    must_be_open(ticket, late.at)?;
    late.work(late.at)?;
    Ok(DiagnosisStarted {}.into())
}

/// Findings, and the classification that follows if it is another one. A repeated
/// finding with the same outcome replaces no cause and no pinned policy.
pub(super) fn record_findings(
    ticket: &Ticket,
    findings: Findings,
    expected: Option<Class>,
    late: &Late<'_>,
    surroundings: Surroundings<'_>,
) -> Result<Vec<Event>, Refusal> {
    if late.at != late.call.now && !late.call.imported {
        return Err(Refusal::precondition(
            "occurred_at",
            "FINDINGS_COUNT_FROM_NOW",
            "findings count from now: leave occurred_at out",
        ));
    }
    if let Some(last) = ticket.classifications.last().filter(|last| late.at < last.at) {
        return Err(Refusal::precondition(
            "occurred_at",
            "BEFORE_CLASSIFICATION",
            format!("findings may not precede the last classification at {}", last.at),
        ));
    }
    let contract = surroundings.contract;
    let policy = contract.at(contract.version()).policy(late.at).unwrap_or(&ticket.policy.name);
    let published = surroundings.book.latest(policy).ok_or_else(|| {
        Refusal::precondition("ticket_id", "POLICY_UNKNOWN", format!("no policy {policy} is published"))
    })?;
    let outcome = published.policy.classify(&findings);
    if let Some(expected) = expected.filter(|expected| *expected != outcome.class) {
        return Err(Refusal::precondition(
            "expected_class",
            "OTHER_CLASSIFICATION",
            format!(
                "expected {expected}, but rule {} makes it {}: correct the findings or expect that",
                outcome.rule, outcome.class
            ),
        ));
    }
    let mut events = vec![FindingsRecorded { findings }.into()];
    let same = |last: &super::Classification| {
        last.rule == outcome.rule && last.class == outcome.class && last.charge == outcome.charge
    };
    if !ticket.class_in_force().is_some_and(same) {
        let account = published.policy.rule(outcome.charge.as_str()).and_then(|rule| rule.account);
        events.push(
            TicketClassified {
                account: account.unwrap_or(Account::Withheld),
                cause: findings.cause,
                charge: outcome.charge.clone(),
                class: outcome.class,
                findings_event: late.call.event,
                policy: published.pin.clone(),
                rule: outcome.rule.clone(),
            }
            .into(),
        );
    }
    Ok(events)
}

pub(super) fn resolve(ticket: &Ticket, contract_version: i64, late: &Late<'_>) -> Result<Event, Refusal> {
    if ticket.status() != Status::Open {
        return Err(wrong_status(ticket, "resolved"));
    }
    late.entry()?;
    in_order(ticket, late.at)?;
    Ok(TicketResolved { contract_version }.into())
}

pub(super) fn close(ticket: &Ticket, late: &Late<'_>) -> Result<Event, Refusal> {
    if ticket.status() == Status::Closed {
        return Err(wrong_status(ticket, "closed"));
    }
    late.entry()?;
    in_order(ticket, late.at)?;
    Ok(TicketClosed {}.into())
}

pub(super) fn reopen(ticket: &Ticket, late: &Late<'_>) -> Result<Event, Refusal> {
    if ticket.status() == Status::Open {
        return Err(wrong_status(ticket, "reopened"));
    }
    late.entry()?;
    in_order(ticket, late.at)?;
    Ok(TicketReopened {}.into())
}

pub(super) fn reassess(contract_version: i64) -> Event {
    ReassessmentRequested { contract_version }.into()
}

fn wrong_status(ticket: &Ticket, wanted: &str) -> Refusal {
    let status = match ticket.status() {
        Status::Open => "open",
        Status::Resolved => "resolved",
        Status::Closed => "closed",
    };
    Refusal::precondition("ticket_id", "WRONG_STATUS", format!("the ticket is {status} and cannot be {wanted}"))
}

/// The ticket is open now, and was at an instant that a late entry names.
pub(super) fn must_be_open(ticket: &Ticket, at: Timestamp) -> Result<(), Refusal> {
    if ticket.status() != Status::Open || ticket.status_at(at) != Status::Open {
        return Err(Refusal::precondition(
            "ticket_id",
            "TICKET_SETTLED",
            "the ticket is resolved or closed: reopen it first",
        ));
    }
    Ok(())
}

/// A change of status, back-dated, keeps the ticket's order: it comes after every
/// other one, and after everything the customer was told and answered.
pub(super) fn in_order(ticket: &Ticket, at: Timestamp) -> Result<(), Refusal> {
    let told = ticket.informations.iter().map(|information| information.at);
    let answered = ticket.approvals.iter().map(|approval| approval.at);
    let revoked = ticket.approvals.iter().filter_map(|a| a.revoked.map(|(at, _)| at));
    let declined = ticket.declines.iter().map(|decline| decline.at);
    let latest = told.chain(answered).chain(revoked).chain(declined).chain(last_turn(ticket)).max();
    after(latest, at)
}

/// A back-dated answer comes after the last change of status.
pub(super) fn after_last_turn(ticket: &Ticket, at: Timestamp) -> Result<(), Refusal> {
    after(last_turn(ticket), at)
}

fn last_turn(ticket: &Ticket) -> Option<Timestamp> {
    ticket.transitions.last().map(|last| last.at)
}

fn after(latest: Option<Timestamp>, at: Timestamp) -> Result<(), Refusal> {
    match latest.filter(|latest| at < *latest) {
        Some(latest) => Err(Refusal::precondition(
            "occurred_at",
            "OUT_OF_ORDER",
            format!("{at} is before what the ticket recorded for {latest}"),
        )),
        None => Ok(()),
    }
}
