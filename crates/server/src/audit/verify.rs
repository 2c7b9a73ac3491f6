//! The log against itself: one pass over all events, and every ticket derived anew.

use std::sync::Arc;

use beleg_domain::event::Event;
use beleg_domain::ids::EventId;
use beleg_store::{EventLog, ReadError, Storage, StoredEvent};

use super::events::Sequence;
use super::ticket::Tickets;
use super::{AuditError, Differences, Finding, Place};
use crate::fold;

/// Events of one page.
const PAGE_EVENTS: i64 = 4_096;

/// Checks every event against its leaf hash and its place, and derives every
/// assessment anew from the facts before it, the policies and the contract it names.
pub async fn verify(storage: &Storage, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<Differences, AuditError> {
    let log = storage.open_log_read_only().await?;
    let log = &*log;
    // A server may append meanwhile: what is verified ends here.
    let head = log.head().position;
    let mut result = Differences::default();
    let book = fold::policies(log).await.map(|(book, _)| book);
    // Without its policies no ticket can be derived; the events themselves still can be checked.
    let mut tickets =
        result.take(book, |problem| Finding::Policies { problem })?.map(|book| Tickets::new(log, head, book));
    let mut sequence = Sequence::default();
    let mut position = 0;
    while position < head {
        let to = head.min(position + PAGE_EVENTS);
        let page = page(log, position, to, &mut result).await?;
        page.events.iter().for_each(|stored| sequence.check(stored, &mut result));
        if let Some(tickets) = &mut tickets {
            for stored in &page.events {
                verify_event(tickets, stored, &mut result).await?;
            }
        }
        position = page.end;
        progress(position.unsigned_abs(), head.unsigned_abs());
    }
    log.close().await;
    result.group_under_gap();
    Ok(result)
}

async fn verify_event(
    tickets: &mut Tickets<'_>,
    stored: &StoredEvent,
    result: &mut Differences,
) -> Result<(), AuditError> {
    match &*stored.event_type {
        "ticket_opened" => {
            let verified = tickets.verify(stored, result).await;
            result.take(verified, |problem| Finding::Ticket { stream: Arc::clone(&stored.stream), problem })?;
        }
        "prepaid_drawn" if !tickets.has_claimed(EventId(stored.event_id)) => {
            result.tell(Finding::Unclaimed { event: Place::of(stored) });
        }
        _ => {}
    }
    Ok(())
}

struct Page {
    events: Vec<StoredEvent>,
    /// The position that it ends with.
    end: i64,
}

/// The events after a position. Where the log cannot give a page, what is missing or
/// damaged of it is told and the rest is given.
async fn page(log: &dyn EventLog, after: i64, to: i64, result: &mut Differences) -> Result<Page, AuditError> {
    match log.read_all(after, usize::try_from(to - after).unwrap_or(0)).await {
        Ok(events) => {
            // A page of long payloads ends early.
            let end = events.last().map_or(to, |last| last.position);
            return Ok(Page { events, end });
        }
        Err(ReadError::Corrupt { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let mut events = Vec::new();
    for position in after + 1..=to {
        match log.events_at(&[position]).await {
            Ok(found) if found.is_empty() => result.tell(Finding::NoEvent { position }),
            Ok(found) => events.extend(found),
            Err(ReadError::Corrupt { damage }) => result.tell(Finding::Unreadable { position, damage }),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Page { events, end: to })
}

/// What only a ticket's own stream may hold.
pub(super) fn is_assessment(event: &Event) -> bool {
    matches!(event, Event::WorkAssessed(_) | Event::QuoteAssessed(_))
}
