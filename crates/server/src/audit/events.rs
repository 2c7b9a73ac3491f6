//! Single events: what was hashed, and where they stand.

use std::collections::HashMap;
use std::sync::Arc;

use beleg_domain::event::Event;
use beleg_domain::ids::stream;
use beleg_store::StoredEvent;
use uuid::Uuid;

use super::{Differences, Finding, Misplaced, Place};
use crate::fold;
use crate::projector::BENCH_EVENT;

/// How far the streams have come, and when. A version is kept for every ticket, customer
/// and other stream that may go on, and for none that is one event.
#[derive(Default)]
pub(super) struct Sequence {
    recorded_at_us: i64,
    tickets: HashMap<Uuid, i64>,
    others: HashMap<Arc<str>, i64>,
}

impl Sequence {
    /// Checks the next event of the log by itself and against those before it.
    pub(super) fn check(&mut self, stored: &StoredEvent, result: &mut Differences) {
        if !stored.is_intact() {
            result.tell(Finding::Altered { id: stored.event_id, position: stored.position });
        }
        if stored.recorded_at_us < self.recorded_at_us || stored.recorded_at_us < stored.occurred_at_us {
            result.tell(Finding::Early { event: Place::of(stored) });
        }
        self.recorded_at_us = self.recorded_at_us.max(stored.recorded_at_us);
        let before = self.advance(stored);
        if stored.version != before + 1 {
            let (stream, version) = (Arc::clone(&stored.stream), stored.version);
            result.tell(Finding::Version { event: Place::of(stored), stream, version, before });
        }
        if let Some(why) = misplaced(stored, before) {
            result.tell(Finding::Misplaced { event: Place::of(stored), why });
        }
    }

    /// The version that the event's stream had before it.
    fn advance(&mut self, stored: &StoredEvent) -> i64 {
        let before = match ticket_of(stored) {
            Some(ticket) => self.tickets.insert(ticket, stored.version),
            None if stored.stream.starts_with("reference-") => None,
            None => self.others.insert(Arc::clone(&stored.stream), stored.version),
        };
        before.unwrap_or(0)
    }
}

fn ticket_of(stored: &StoredEvent) -> Option<Uuid> {
    stored.stream.strip_prefix("ticket-").and_then(|id| Uuid::try_parse(id).ok())
}

/// Why an event cannot stand in its stream. What a ticket's stream may hold is the
/// fold's to say, which begins with the opening.
fn misplaced(stored: &StoredEvent, version_before: i64) -> Option<Misplaced> {
    let here = || Arc::clone(&stored.stream);
    if &*stored.event_type == BENCH_EVENT {
        return (!stored.stream.starts_with("bench-")).then(|| Misplaced::Elsewhere { stream: here() });
    }
    if let Some(ticket) = ticket_of(stored) {
        let opening = &*stored.event_type == "ticket_opened";
        return match version_before {
            0 if !opening => Some(Misplaced::Unopened { stream: here() }),
            0 if ticket != stored.event_id => Some(Misplaced::OtherTicket { stream: here() }),
            _ => None,
        };
    }
    let event = match fold::read(stored) {
        Ok(event) => event,
        Err(failure) => return Some(Misplaced::Unreadable { problem: failure.to_string() }),
    };
    let home = match &event {
        Event::LogCreated(_) => "log".to_owned(),
        Event::PolicyPublished(_) => stream::POLICIES.to_owned(),
        Event::ContractAgreed(agreed) => stream::contract(&agreed.customer_id),
        Event::ContractAmended(amended) => stream::contract(&amended.customer_id),
        Event::PrepaidGranted(granted) => stream::prepaid(&granted.customer_id),
        Event::PrepaidDrawn(drawn) => stream::prepaid(&drawn.customer_id),
        Event::ReferenceTaken(taken) => stream::reference(&taken.reference),
        _ => return Some(Misplaced::OutsideTicket { stream: here() }),
    };
    (home != *stored.stream).then(|| Misplaced::Elsewhere { stream: here() })
}
