//! The rows that a batch of events becomes.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use beleg_domain::event::{Event, PolicyPin, PostingRef, Segment};
use beleg_domain::ids::{CustomerId, EventId, StaffId};
use beleg_domain::money::Currency;
use beleg_store::StoredEvent;
use beleg_store::views::{
    BalanceDelta, ContractRow, EntryRow, PolicyRow, TicketChange, TicketRow, ViewBatch, ViewsWriter,
};
use uuid::Uuid;

use crate::failure::Failure;
use crate::fold;

/// The type of the bench's bare events, which are no events of the domain.
pub(crate) const BENCH_EVENT: &str = "bench_appended";

/// An event to be shown. Every one is read, also one that no view shows: a damaged one
/// must not pass unseen.
pub(super) struct Shown {
    pub(super) position: i64,
    pub(super) stream: Arc<str>,
    pub(super) version: i64,
    pub(super) event_id: Uuid,
    pub(super) occurred_at_us: i64,
    pub(super) recorded_at_us: i64,
    pub(super) origin: Option<Arc<str>>,
    /// None for the bench's.
    pub(super) event: Option<Event>,
}

impl Shown {
    pub(super) fn read(stored: &StoredEvent) -> Result<Self, Failure> {
        let event = (&*stored.event_type != BENCH_EVENT).then(|| fold::read(stored)).transpose();
        let event = event.map_err(|failure| Failure::broken(format!("position {}: {failure}", stored.position)))?;
        Ok(Self {
            position: stored.position,
            stream: stored.stream.clone(),
            version: stored.version,
            event_id: stored.event_id,
            occurred_at_us: stored.occurred_at_us,
            recorded_at_us: stored.recorded_at_us,
            origin: stored.origin.clone(),
            event,
        })
    }

    /// What an assessment takes back.
    fn reversed(&self) -> &[PostingRef] {
        match &self.event {
            Some(Event::WorkAssessed(assessed)) => &assessed.reversed,
            Some(Event::QuoteAssessed(assessed)) => &assessed.reversed,
            _ => &[],
        }
    }

    /// What an assessment posts.
    fn posted(&self) -> &[Segment] {
        match &self.event {
            Some(Event::WorkAssessed(assessed)) => &assessed.posted,
            Some(Event::QuoteAssessed(assessed)) => &assessed.posted,
            _ => &[],
        }
    }
}

/// What events make of the views, and the number of the last entry then. The batch
/// still lacks where it ends.
pub(super) async fn rows(
    writer: &mut dyn ViewsWriter,
    events: &[Vec<Shown>],
    number: i64,
) -> Result<(ViewBatch, i64), Failure> {
    let before = posted_before(writer, events).await?;
    let entries = events.iter().flatten().map(|shown| shown.reversed().len() + shown.posted().len()).sum();
    let mut batch = Batch {
        rows: ViewBatch { entries: Vec::with_capacity(entries), ..ViewBatch::default() },
        number,
        before,
        posted: HashMap::with_capacity(entries),
        words: Words::default(),
    };
    for shown in events.iter().flatten() {
        if let Some(event) = &shown.event {
            batch.take(shown, event)?;
        }
    }
    Ok((batch.rows, batch.number))
}

/// The entries that these events reverse and earlier ones posted: looked up together,
/// because one correction may reverse hundreds.
async fn posted_before(
    writer: &mut dyn ViewsWriter,
    events: &[Vec<Shown>],
) -> Result<HashMap<PostingRef, EntryRow>, Failure> {
    let reversed = events.iter().flatten().flat_map(Shown::reversed);
    let named: BTreeSet<(Uuid, u32)> = reversed.map(|posting| (posting.assessment.0, posting.index)).collect();
    if named.is_empty() {
        return Ok(HashMap::new());
    }
    let found = writer.postings(&named.into_iter().collect::<Vec<_>>()).await?;
    let posting = |entry: EntryRow| {
        let index = u32::try_from(entry.segment).map_err(Failure::broken)?;
        Ok((PostingRef { assessment: EventId(entry.assessment), index }, entry))
    };
    found.into_iter().map(posting).collect()
}

struct Batch {
    rows: ViewBatch,
    /// The last entry's number.
    number: i64,
    /// What earlier batches posted and this one reverses.
    before: HashMap<PostingRef, EntryRow>,
    /// Where this batch's postings are among its entries.
    posted: HashMap<PostingRef, usize>,
    words: Words,
}

/// The few words that every entry repeats: accounts and currencies.
#[derive(Default)]
struct Words(Vec<Arc<str>>);

impl Words {
    fn shared(&mut self, word: &str) -> Arc<str> {
        if let Some(known) = self.0.iter().find(|known| ***known == *word) {
            return Arc::clone(known);
        }
        let new: Arc<str> = word.into();
        self.0.push(Arc::clone(&new));
        new
    }
}

/// What an assessment says besides its segments.
struct Assessed<'e> {
    stored: &'e Shown,
    customer: &'e CustomerId,
    ticket: EventId,
    work: Option<EventId>,
    performer: Option<&'e StaffId>,
    currency: Currency,
    contract_version: i64,
    policies: &'e [PolicyPin],
}

impl Batch {
    fn take(&mut self, stored: &Shown, event: &Event) -> Result<(), Failure> {
        match event {
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
                    origin: stored.origin.as_deref().map(str::to_owned),
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
                    customer: &assessed.customer_id,
                    ticket: assessed.ticket_id,
                    work: Some(assessed.work),
                    performer: Some(&assessed.performer_id),
                    currency: assessed.currency,
                    contract_version: assessed.contract_version,
                    policies: &assessed.policies,
                };
                self.assessed(&about, &assessed.reversed, &assessed.posted)?;
            }
            Event::QuoteAssessed(assessed) => {
                let about = Assessed {
                    stored,
                    customer: &assessed.customer_id,
                    ticket: assessed.ticket_id,
                    work: None,
                    performer: None,
                    currency: assessed.currency,
                    contract_version: assessed.contract_version,
                    policies: &assessed.policies,
                };
                self.assessed(&about, &assessed.reversed, &assessed.posted)?;
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
            // No view shows these. Named, so that a new type is thought of here.
            Event::LogCreated(_)
            | Event::ReferenceTaken(_)
            | Event::PrepaidGranted(_)
            | Event::PrepaidDrawn(_)
            | Event::DiagnosisStarted(_)
            | Event::FindingsRecorded(_)
            | Event::CustomerInformed(_)
            | Event::ApprovalGiven(_)
            | Event::ApprovalDeclined(_)
            | Event::ApprovalRevoked(_)
            | Event::WorkLogged(_)
            | Event::WorkVoided(_)
            | Event::ReassessmentRequested(_) => {}
        }
        Ok(())
    }

    /// The row of the ticket whose stream an event is in.
    fn change(&mut self, stored: &Shown) -> Result<&mut TicketChange, Failure> {
        let id = stored.stream.strip_prefix("ticket-").and_then(|id| Uuid::try_parse(id).ok());
        let id = id.ok_or_else(|| Failure::broken(format!("a ticket's event in stream {}", stored.stream)))?;
        Ok(self.rows.changes.entry(id).or_default())
    }

    fn assessed(&mut self, about: &Assessed<'_>, reversed: &[PostingRef], posted: &[Segment]) -> Result<(), Failure> {
        for (place, posting) in (0..).zip(reversed) {
            let original = self.posting(about.ticket, posting)?;
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
                origin: about.stored.origin.clone(),
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
            let posting = PostingRef { assessment: EventId(about.stored.event_id), index: place };
            let entry = EntryRow {
                number: self.number,
                customer_id: about.customer.shared(),
                ticket_id: about.ticket.0,
                work_id: about.work.map(|work| work.0),
                performer_id: about.performer.map(StaffId::shared),
                service_from_us: segment.from.timestamp().micros(),
                service_to_us: segment.to.timestamp().micros(),
                worked_seconds: segment.worked_seconds,
                billed_seconds: segment.billed_seconds,
                hourly_rate_minor: segment.hourly_rate_minor,
                amount_minor: segment.amount_minor,
                currency: self.words.shared(about.currency.as_str()),
                account: self.words.shared(segment.account.as_str()),
                rule: segment.rule.shared(),
                clause: segment.clause.shared(),
                policy_name: Arc::clone(&policy.name),
                policy_version: pin.version,
                contract_version: about.contract_version,
                posted_position: about.stored.position,
                posted_at_us: about.stored.recorded_at_us,
                assessment: about.stored.event_id,
                segment: i64::from(place),
                reverses: None,
                origin: about.stored.origin.clone(),
            };
            self.posted.insert(posting, self.rows.entries.len());
            self.post(entry);
        }
        Ok(())
    }

    /// The entry that a ticket's reversal names: of this batch, or of an earlier one.
    fn posting(&self, ticket: EventId, posting: &PostingRef) -> Result<EntryRow, Failure> {
        let here = self.posted.get(posting).map(|place| &self.rows.entries[*place]);
        let found = here.or_else(|| self.before.get(posting)).filter(|entry| entry.ticket_id == ticket.0);
        found.cloned().ok_or_else(|| {
            let PostingRef { assessment, index } = posting;
            Failure::broken(format!("nothing was posted by {assessment} at {index} for ticket {ticket}"))
        })
    }

    fn post(&mut self, entry: EntryRow) {
        let of = (entry.customer_id.clone(), entry.rule.clone(), entry.account.clone(), entry.currency.clone());
        let sum: &mut BalanceDelta = self.rows.balances.entry(of).or_default();
        sum.worked_seconds += entry.worked_seconds;
        sum.billed_seconds += entry.billed_seconds;
        sum.amount_minor += entry.amount_minor;
        self.rows.entries.push(entry);
    }
}
