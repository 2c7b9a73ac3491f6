//! What an assessment changes of what is recorded.

use std::collections::BTreeMap;

use crate::assess::{Capacity, NotWhole, Reading, assess_from};
use crate::event::{Cause, Draw, Event, PolicyPin, PrepaidDrawn, QuoteAssessed, Segment, WorkAssessed};
use crate::ids::EventId;
use crate::ticket::Posting;

/// The events that bring the record in line with the facts: one `work_assessed` for
/// every entry and one `quote_assessed` for every quote whose answer changed, and
/// one `prepaid_drawn`, for the customer's prepaid stream, if time was drawn or
/// returned. `trigger` is the fact that was new.
pub fn changes(reading: &Reading<'_>, trigger: &Cause) -> Result<Vec<Event>, NotWhole> {
    settle(reading, trigger, None).map(|(events, _)| events)
}

/// The same, and what is used up in the end. With what the ticket had used up before
/// its last entry was logged, only that entry is assessed.
pub(crate) fn settle(
    reading: &Reading<'_>,
    trigger: &Cause,
    before_last: Option<Capacity>,
) -> Result<(Vec<Event>, Capacity), NotWhole> {
    let ticket = reading.ticket;
    let (first, capacity) = match before_last {
        Some(capacity) => (ticket.work.len().saturating_sub(1), capacity),
        None => (0, Capacity::new(reading)),
    };
    let (assessment, capacity) = assess_from(reading, first, capacity)?;
    let mut events = Vec::new();
    let mut draws: BTreeMap<EventId, i64> = BTreeMap::new();
    let mut assessed = assessment.work.into_iter().peekable();
    for work in &ticket.work[first..] {
        let wanted = match assessed.peek() {
            Some((id, _)) if *id == work.event => assessed.next().map_or(Vec::new(), |(_, s)| s),
            // Voided: nothing of it stands.
            _ => Vec::new(),
        };
        let change = Change::between(&work.standing, wanted);
        if change.is_none() {
            continue;
        }
        change.count_draws(&work.standing, &mut draws);
        events.push(
            WorkAssessed {
                contract_version: work.contract_version,
                currency: reading.contract.currency,
                customer_id: ticket.customer.clone(),
                performer_id: work.performer.clone(),
                policies: change.policies(reading)?,
                prepaid_version: reading.contract.has_prepaid().then_some(reading.prepaid.version),
                reversed_by: change.reversed_by(trigger),
                reversed: change.reversed(&work.standing),
                posted: change.posted,
                ticket_id: ticket.id,
                work: work.event,
            }
            .into(),
        );
    }
    for quote in assessment.quotes {
        let recorded = ticket.quotes.iter().find(|price| price.approval == quote.approval);
        let standing = recorded.and_then(|price| price.standing.as_ref());
        let standing = standing.map_or(&[][..], std::slice::from_ref);
        let change = Change::between(standing, quote.price.into_iter().collect());
        if change.is_none() {
            continue;
        }
        events.push(
            QuoteAssessed {
                approval: quote.approval,
                contract_version: quote.contract_version,
                currency: reading.contract.currency,
                customer_id: ticket.customer.clone(),
                policies: change.policies(reading)?,
                reversed_by: change.reversed_by(trigger),
                reversed: change.reversed(standing),
                posted: change.posted,
                ticket_id: ticket.id,
            }
            .into(),
        );
    }
    draws.retain(|_, seconds| *seconds != 0);
    if !draws.is_empty() {
        let draws = draws.into_iter().map(|(grant, seconds)| Draw { grant, seconds }).collect();
        let (customer_id, ticket_id) = (ticket.customer.clone(), ticket.id);
        events.push(PrepaidDrawn { customer_id, draws, ticket_id }.into());
    }
    Ok((events, capacity))
}

/// What stops standing, by its place, and what is posted; what is the same in both
/// stays untouched.
struct Change {
    gone: Vec<usize>,
    posted: Vec<Segment>,
}

impl Change {
    fn between(standing: &[Posting], wanted: Vec<Segment>) -> Self {
        let mut gone: Vec<usize> = (0..standing.len()).collect();
        let mut posted = Vec::new();
        for segment in wanted {
            match gone.iter().position(|place| standing[*place].segment == segment) {
                Some(kept) => {
                    gone.remove(kept);
                }
                None => posted.push(segment),
            }
        }
        Self { gone, posted }
    }

    fn is_none(&self) -> bool {
        self.gone.is_empty() && self.posted.is_empty()
    }

    fn reversed(&self, standing: &[Posting]) -> Vec<crate::event::PostingRef> {
        self.gone.iter().map(|place| standing[*place].posted).collect()
    }

    fn reversed_by(&self, trigger: &Cause) -> Vec<Cause> {
        if self.gone.is_empty() { Vec::new() } else { vec![trigger.clone()] }
    }

    /// The policies that the posted segments name, each once, with their hashes.
    fn policies(&self, reading: &Reading<'_>) -> Result<Vec<PolicyPin>, NotWhole> {
        let mut pins: Vec<PolicyPin> = Vec::new();
        for segment in &self.posted {
            let policy = &segment.policy;
            if pins.iter().any(|pin| *pin.name == *policy.name && pin.version == policy.version) {
                continue;
            }
            let published = reading.book.version(&policy.name, policy.version);
            pins.push(published.ok_or_else(|| NotWhole(format!("policy {} is missing", policy.name)))?.pin.clone());
        }
        Ok(pins)
    }

    fn count_draws(&self, standing: &[Posting], draws: &mut BTreeMap<EventId, i64>) {
        let gone = self.gone.iter().map(|place| (&standing[*place].segment, -1));
        for (segment, sign) in gone.chain(self.posted.iter().map(|segment| (segment, 1))) {
            if let Some(grant) = segment.grant {
                *draws.entry(grant).or_default() += sign * segment.worked_seconds;
            }
        }
    }
}
