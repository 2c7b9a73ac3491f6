//! Assessments against their facts.

use std::path::Path;

use beleg_domain::assess::{self, Balance, Reading};
use beleg_domain::book::PolicyBook;
use beleg_domain::event::{Cause, Event, Role};
use beleg_domain::ids::EventId;
use beleg_domain::ticket::Ticket;
use beleg_proof::commitment;
use beleg_proof::envelope::Envelope;
use beleg_store::{EventLog, SqliteLog, StoredEvent};

use super::{AuditError, Differences};
use crate::failure::Failure;
use crate::fold::{self, UpTo};

/// Events of one page.
const PAGE_EVENTS: usize = 4_096;

/// Checks every event against its leaf hash, and derives every assessment anew from
/// the facts before it, the policies and the contract it names.
pub async fn verify(data: &Path, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<Differences, AuditError> {
    let log = SqliteLog::open_read_only(data).await?;
    let head = log.head().position;
    let (book, _) = fold::policies(&log).await?;
    let mut result = Differences::default();
    let mut position = 0;
    while position < head {
        let page = log.read_all(position, PAGE_EVENTS).await.map_err(Failure::from)?;
        let Some(last) = page.last() else { break };
        position = last.position;
        for stored in &page {
            if !holds(stored)? {
                result.checked += 1;
                let told = format!("event {} at position {} is not what was hashed", stored.event_id, stored.position);
                result.tell(told);
            }
        }
        for opening in page.iter().filter(|event| &*event.event_type == "ticket_opened") {
            verify_ticket(&log, &book, opening, &mut result).await?;
        }
        progress(position.unsigned_abs(), head.unsigned_abs());
    }
    Ok(result)
}

/// Whether an event is what its leaf was hashed over.
fn holds(stored: &StoredEvent) -> Result<bool, AuditError> {
    let commitments: Vec<(&str, [u8; 32])> =
        stored.personal.iter().map(|field| (&*field.name, field.commitment)).collect();
    let envelope = Envelope {
        stream: &stored.stream,
        version: stored.version,
        event_id: stored.event_id,
        event_type: &stored.event_type,
        schema_version: stored.schema_version,
        occurred_at_us: stored.occurred_at_us,
        recorded_at_us: stored.recorded_at_us,
        request_id: stored.request_id,
        causation_id: stored.causation_id,
        correlation_id: stored.correlation_id,
        actor: &stored.actor,
        origin: stored.origin.as_deref(),
        payload_sha256: commitment::sha256(&stored.payload),
        commitments: &commitments,
    };
    let leaf = envelope.leaf_hash().map_err(Failure::broken)?;
    // A text that is still there must be what was committed to.
    let texts = stored.personal.iter().all(|field| match &field.disclosed {
        Some(disclosed) => commitment::commit(&disclosed.salt, &disclosed.bytes) == field.commitment,
        None => true,
    });
    Ok(leaf == stored.leaf_hash && texts)
}

/// One ticket, command by command: what a command recorded of assessments must be
/// what the facts up to it give.
async fn verify_ticket(
    log: &SqliteLog,
    book: &PolicyBook,
    opening: &StoredEvent,
    result: &mut Differences,
) -> Result<(), AuditError> {
    let mut stream = Vec::new();
    fold::walk(log, &opening.stream, UpTo::Head, |stored| {
        stream.push(stored);
        Ok(())
    })
    .await?;
    let mut ticket: Option<Ticket> = None;
    for command in stream.chunk_by(|a, b| a.request_id == b.request_id) {
        let first = &command[0];
        let mut recorded = Vec::new();
        let mut trigger = None;
        for stored in command {
            let event = fold::read(stored)?;
            match (&mut ticket, event) {
                (_, event @ (Event::WorkAssessed(_) | Event::QuoteAssessed(_))) => recorded.push((stored, event)),
                (None, Event::TicketOpened(opened)) => ticket = Some(Ticket::opened(fold::recorded(stored), opened)),
                (Some(ticket), event) => {
                    trigger = Some(trigger_of(&event, stored));
                    ticket.evolve(fold::recorded(stored), event).map_err(Failure::broken)?;
                }
                (None, event) => {
                    return Err(Failure::broken(format!("a ticket begins with {}", event.event_type())).into());
                }
            }
        }
        let (Some(ticket), Some(trigger)) = (ticket.as_mut(), trigger) else { continue };
        // What the command read had been recorded before it.
        let before = UpTo::Position(first.position - 1);
        let contract = fold::contract(log, &ticket.customer, before).await?;
        let contract = contract.ok_or_else(|| Failure::broken("a ticket without a contract"))?;
        let prepaid = fold::prepaid(log, &ticket.customer, before).await?;
        let balance = match &*first.event_type {
            "work_logged" => Balance::For(EventId(first.event_id)),
            "reassessment_requested" => Balance::Open,
            _ => Balance::Closed,
        };
        let reading = Reading { ticket, contract: &contract, book, prepaid: &prepaid, balance };
        let derived = assess::changes(&reading, &trigger).map_err(Failure::broken)?;
        let derived: Vec<Event> = derived.into_iter().filter(|e| !matches!(e, Event::PrepaidDrawn(_))).collect();
        let count = recorded.len().max(derived.len());
        result.checked += count as u64;
        for place in 0..count {
            let (recorded, derived) = (recorded.get(place), derived.get(place));
            let facts = derived.map_or("nothing".to_owned(), outcome);
            let difference = match recorded {
                Some((_, recorded)) if Some(recorded) == derived => None,
                Some((stored, recorded)) => Some(format!(
                    "{} at position {} (event {}) says: {}; its facts give: {facts}",
                    stored.event_type,
                    stored.position,
                    stored.event_id,
                    outcome(recorded)
                )),
                None => {
                    Some(format!("an assessment is missing after position {}: its facts give: {facts}", first.position))
                }
            };
            if let Some(difference) = difference {
                result.tell(difference);
            }
            // What follows is judged by what should stand here, so one forgery is
            // named once.
            if let Some((stored, event)) = recorded {
                let event = derived.cloned().unwrap_or_else(|| event.clone());
                ticket.evolve(fold::recorded(stored), event).map_err(Failure::broken)?;
            }
        }
    }
    Ok(())
}

/// What an assessment says, in a line: what it posts and how much it reverses.
fn outcome(event: &Event) -> String {
    let (posted, reversed) = match event {
        Event::WorkAssessed(assessed) => (&assessed.posted, assessed.reversed.len()),
        Event::QuoteAssessed(assessed) => (&assessed.posted, assessed.reversed.len()),
        other => return other.event_type().to_owned(),
    };
    let segment = |s: &beleg_domain::event::Segment| {
        format!("{} s {} ({} billed, {} minor units)", s.worked_seconds, s.rule, s.billed_seconds, s.amount_minor)
    };
    let mut parts: Vec<String> = posted.iter().map(segment).collect();
    parts.push(format!("{reversed} reversed"));
    parts.join(", ")
}

/// The fact that a command's assessments name as new: the last of its own events.
fn trigger_of(event: &Event, stored: &StoredEvent) -> Cause {
    let role = match event {
        Event::FindingsRecorded(_) | Event::TicketClassified(_) => Role::Classification,
        Event::CustomerInformed(_) => Role::Information,
        Event::ApprovalGiven(_) => Role::Approval,
        Event::ApprovalDeclined(_) => Role::Decline,
        Event::ApprovalRevoked(_) => Role::Revocation,
        Event::WorkVoided(_) => Role::Void,
        Event::TicketResolved(_) => Role::Resolution,
        Event::TicketClosed(_) => Role::Closing,
        Event::TicketReopened(_) => Role::Reopening,
        Event::ReassessmentRequested(_) => Role::Reassessment,
        _ => Role::Work,
    };
    Cause { event: EventId(stored.event_id), role }
}
