//! Events into views, in log order: live, catching up and rebuilding by one code path.
//!
//! Projections post what events say; they decide nothing. A batch of events becomes
//! rows, and the rows and the position they reach are written in one transaction. An
//! event that cannot be read stops the projector with an alarm: it is never skipped.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use beleg_domain::event::{Event, PolicyPin, PostingRef, Segment};
use beleg_domain::ids::EventId;
use beleg_store::views::{
    BalanceDelta, ContractRow, EntryRow, PolicyRow, TicketChange, TicketRow, ViewBatch, ViewsWriter,
};
use beleg_store::{EventLog, StoredEvent};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;
use crate::fold;

/// The type of the bench's bare events, which no view shows.
pub(crate) const BENCH_EVENT: &str = "bench_appended";

/// Events that no view shows. Listed, so that a type nobody knows is not among them
/// and stops the projector.
const UNSHOWN: [&str; 13] = [
    BENCH_EVENT,
    "approval_declined",
    "approval_given",
    "approval_revoked",
    "customer_informed",
    "diagnosis_started",
    "findings_recorded",
    "prepaid_drawn",
    "prepaid_granted",
    "reassessment_requested",
    "reference_taken",
    "work_logged",
    "work_voided",
];

/// Events of one batch.
const BATCH_EVENTS: usize = 4_096;

/// How far the views have come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// The last position taken in.
    pub(crate) position: i64,
    /// Why the projector stopped.
    pub(crate) alarm: Option<String>,
}

/// How long new events may gather before they are taken in. A transaction of the views
/// costs about as much for one event as for a hundred, so taking each in by itself
/// would cost the writer of the log its second processor.
const GATHERING: Duration = Duration::from_millis(10);

/// More events than this are left for the next start.
const LAST_EVENTS_MAX: i64 = 100_000;

/// Follows the log until cancelled, or until it cannot go on. Whoever waits for the
/// views hurries it.
pub(crate) async fn follow(
    log: Arc<dyn EventLog>,
    mut writer: ViewsWriter,
    progress: watch::Sender<Progress>,
    hurry: Arc<Notify>,
    stop: CancellationToken,
) {
    let mut head = log.watch_head();
    loop {
        let wanted = head.borrow_and_update().position;
        // At the end what has gathered is taken in, unless that would take long.
        let goes_on = |position| {
            progress.send_modify(|progress| progress.position = position);
            !stop.is_cancelled() || wanted - position < LAST_EVENTS_MAX
        };
        if let Err(failure) = project(&*log, &mut writer, wanted, goes_on).await {
            tracing::error!(%failure, "the projector stopped: the views stand still until this is mended");
            progress.send_modify(|progress| progress.alarm = Some(failure.to_string()));
            return;
        }
        if stop.is_cancelled() && (progress.borrow().position < wanted || log.head().position == wanted) {
            return;
        }
        tokio::select! {
            () = stop.cancelled() => continue,
            changed = head.changed() => if changed.is_err() { return },
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = hurry.notified() => {}
            () = tokio::time::sleep(GATHERING) => {}
        }
    }
}

/// Projects everything up to a position, batch by batch, as long as `goes_on` says so of
/// the position reached.
pub(crate) async fn project(
    log: &dyn EventLog,
    writer: &mut ViewsWriter,
    to_position: i64,
    mut goes_on: impl FnMut(i64) -> bool,
) -> Result<(), Failure> {
    let (mut position, mut number) = writer.end().await?;
    // Also where nothing is new: whoever waits for the views must learn that they are there.
    let mut going = goes_on(position);
    while going && position < to_position {
        let limit = usize::try_from(to_position - position).unwrap_or(BATCH_EVENTS).min(BATCH_EVENTS);
        let events = log.read_all(position, limit).await?;
        if events.is_empty() {
            return Err(Failure::broken(format!("the log ends at {position}, before its head {to_position}")));
        }
        let mut batch = Batch { writer, rows: ViewBatch::default(), number, posted: HashMap::new() };
        for event in &events {
            if event.position != position + 1 {
                return Err(Failure::broken(format!("event {} is missing in the log", position + 1)));
            }
            position = event.position;
            batch.take(event).await?;
        }
        number = batch.number;
        let mut rows = batch.rows;
        rows.position = position;
        writer.apply(&rows).await?;
        going = goes_on(position);
    }
    Ok(())
}

/// The rows that a batch of events becomes.
struct Batch<'w> {
    writer: &'w mut ViewsWriter,
    rows: ViewBatch,
    /// The last entry's number.
    number: i64,
    /// Where this batch's postings are among its entries.
    posted: HashMap<(EventId, u32), usize>,
}

/// What an assessment says besides its segments.
struct Assessed<'e> {
    stored: &'e StoredEvent,
    customer: &'e str,
    ticket: EventId,
    work: Option<EventId>,
    performer: Option<&'e str>,
    currency: &'e str,
    contract_version: i64,
    policies: &'e [PolicyPin],
}

impl Batch<'_> {
    async fn take(&mut self, stored: &StoredEvent) -> Result<(), Failure> {
        if UNSHOWN.contains(&&*stored.event_type) {
            return Ok(());
        }
        match &fold::read(stored)? {
            Event::TicketOpened(opened) => {
                let reference = opened.reference.as_ref();
                self.rows.tickets.push(TicketRow {
                    opened_position: stored.position,
                    ticket_id: stored.event_id,
                    customer_id: opened.customer_id.as_str().to_owned(),
                    reference: reference.map(|r| (r.system.as_str().to_owned(), r.number.as_str().to_owned())),
                    impact: opened.impact.as_str().to_owned(),
                    opened_at_us: stored.occurred_at_us,
                    status: "open".to_owned(),
                    class: None,
                    rule: None,
                });
            }
            Event::TicketResolved(_) => self.change(stored)?.status = Some("resolved"),
            Event::TicketClosed(_) => self.change(stored)?.status = Some("closed"),
            Event::TicketReopened(_) => self.change(stored)?.status = Some("open"),
            Event::TicketClassified(classified) => {
                let class = (classified.class.as_str().to_owned(), classified.rule.as_str().to_owned());
                self.change(stored)?.class = Some(class);
            }
            Event::WorkAssessed(assessed) => {
                let about = Assessed {
                    stored,
                    customer: assessed.customer_id.as_str(),
                    ticket: assessed.ticket_id,
                    work: Some(assessed.work),
                    performer: Some(assessed.performer_id.as_str()),
                    currency: assessed.currency.as_str(),
                    contract_version: assessed.contract_version,
                    policies: &assessed.policies,
                };
                self.assessed(&about, &assessed.reversed, &assessed.posted).await?;
            }
            Event::QuoteAssessed(assessed) => {
                let about = Assessed {
                    stored,
                    customer: assessed.customer_id.as_str(),
                    ticket: assessed.ticket_id,
                    work: None,
                    performer: None,
                    currency: assessed.currency.as_str(),
                    contract_version: assessed.contract_version,
                    policies: &assessed.policies,
                };
                self.assessed(&about, &assessed.reversed, &assessed.posted).await?;
            }
            Event::ContractAgreed(agreed) => self.rows.contracts.push(ContractRow {
                customer_id: agreed.customer_id.as_str().to_owned(),
                currency: agreed.currency.as_str().to_owned(),
                time_zone: agreed.time_zone.clone(),
                version: stored.version,
            }),
            Event::ContractAmended(amended) => {
                *self.rows.amended.entry(amended.customer_id.as_str().to_owned()).or_default() += 1;
            }
            Event::PolicyPublished(published) => self.rows.policies.push(PolicyRow {
                position: stored.position,
                name: published.name.clone(),
                version: published.version,
                content_hash: published.hash.clone(),
                published_at_us: stored.recorded_at_us,
                event_id: stored.event_id,
            }),
            _ => {}
        }
        Ok(())
    }

    /// The row of the ticket whose stream an event is in.
    fn change(&mut self, stored: &StoredEvent) -> Result<&mut TicketChange, Failure> {
        let id = stored.stream.strip_prefix("ticket-").and_then(|id| uuid::Uuid::try_parse(id).ok());
        let id = id.ok_or_else(|| Failure::broken(format!("{} in stream {}", stored.event_type, stored.stream)))?;
        Ok(self.rows.changes.entry(id).or_default())
    }

    async fn assessed(
        &mut self,
        about: &Assessed<'_>,
        reversed: &[PostingRef],
        posted: &[Segment],
    ) -> Result<(), Failure> {
        for (place, posting) in (0..).zip(reversed) {
            let original = self.posting(about.ticket, posting).await?;
            self.number += 1;
            let reversal = EntryRow {
                number: self.number,
                worked_seconds: -original.worked_seconds,
                billed_seconds: -original.billed_seconds,
                amount_minor: -original.amount_minor,
                posted_position: about.stored.position,
                posted_at_us: about.stored.recorded_at_us,
                assessment: about.stored.event_id,
                segment: place,
                reverses: Some(original.number),
                ..original
            };
            self.post(reversal);
        }
        for (place, segment) in (0_u32..).zip(posted) {
            let policy = &segment.policy;
            let pin = about.policies.iter().find(|pin| *pin.name == *policy.name && pin.version == policy.version);
            let pin =
                pin.ok_or_else(|| Failure::broken(format!("event {} names no policy hash", about.stored.event_id)))?;
            self.number += 1;
            self.posted.insert((EventId(about.stored.event_id), place), self.rows.entries.len());
            self.post(EntryRow {
                number: self.number,
                customer_id: about.customer.to_owned(),
                ticket_id: about.ticket.0,
                work_id: about.work.map(|work| work.0),
                performer_id: about.performer.map(str::to_owned),
                service_from_us: segment.from.timestamp().micros(),
                service_to_us: segment.to.timestamp().micros(),
                worked_seconds: segment.worked_seconds,
                billed_seconds: segment.billed_seconds,
                hourly_rate_minor: segment.hourly_rate_minor,
                amount_minor: segment.amount_minor,
                currency: about.currency.to_owned(),
                account: segment.account.as_str().to_owned(),
                rule: segment.rule.as_str().to_owned(),
                clause: segment.clause.as_str().to_owned(),
                policy_name: pin.name.clone(),
                policy_version: pin.version,
                contract_version: about.contract_version,
                posted_position: about.stored.position,
                posted_at_us: about.stored.recorded_at_us,
                assessment: about.stored.event_id,
                segment: i64::from(place),
                reverses: None,
            });
        }
        Ok(())
    }

    /// The entry that a reversal names: of this batch, or of an earlier one.
    async fn posting(&mut self, ticket: EventId, posting: &PostingRef) -> Result<EntryRow, Failure> {
        if let Some(place) = self.posted.get(&(posting.assessment, posting.index)) {
            return Ok(self.rows.entries[*place].clone());
        }
        let found = self.writer.posting(ticket.0, posting.assessment.0, i64::from(posting.index)).await?;
        found.ok_or_else(|| {
            Failure::broken(format!("nothing was posted by {} at {}", posting.assessment, posting.index))
        })
    }

    fn post(&mut self, entry: EntryRow) {
        let of = (entry.ticket_id, entry.rule.clone(), entry.account.clone(), entry.currency.clone());
        let sum: &mut BalanceDelta = self.rows.balances.entry(of).or_default();
        sum.worked_seconds += entry.worked_seconds;
        sum.billed_seconds += entry.billed_seconds;
        sum.amount_minor += entry.amount_minor;
        self.rows.entries.push(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_view_shows_is_still_a_type_that_is_known() {
        for event_type in UNSHOWN.into_iter().filter(|event_type| *event_type != BENCH_EVENT) {
            assert!(Event::TYPES.contains(&event_type), "{event_type}");
        }
    }
}
