//! Streams read from the log and folded into the domain's states.

use std::sync::Arc;

use beleg_domain::book::{PolicyBook, Published};
use beleg_domain::contract::Contract;
use beleg_domain::event::Event;
use beleg_domain::ids::{CustomerId, EventId, Reference, stream};
use beleg_domain::prepaid::Prepaid;
use beleg_domain::ticket::{Recorded, Ticket};
use beleg_domain::time::Timestamp;
use beleg_store::{EventLog, StoredEvent};

use crate::failure::Failure;
use crate::state::{Folded, Opening};

/// Events of one page of a stream.
const PAGE_EVENTS: usize = 1_000;

/// Which prefix of a stream is folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UpTo {
    /// All of it.
    Head,
    /// What stood at a log position.
    Position(i64),
}

impl UpTo {
    fn takes(self, event: &StoredEvent) -> bool {
        match self {
            Self::Head => true,
            Self::Position(position) => event.position <= position,
        }
    }
}

/// Reads an event's facts.
pub(crate) fn read(stored: &StoredEvent) -> Result<Event, Failure> {
    Event::read(&stored.event_type, stored.schema_version, &stored.payload).map_err(Failure::broken)
}

/// What the fold needs beside the facts.
pub(crate) fn recorded(stored: &StoredEvent) -> Recorded {
    Recorded { event: EventId(stored.event_id), at: instant(stored.occurred_at_us), imported: stored.origin.is_some() }
}

/// An instant as the log holds it.
pub(crate) fn instant(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).unwrap_or_default()
}

/// Walks a prefix of a stream, page by page.
pub(crate) async fn walk(
    log: &dyn EventLog,
    name: &str,
    up_to: UpTo,
    mut take: impl FnMut(StoredEvent) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut version = 0;
    loop {
        let page = log.read_stream(name, version, PAGE_EVENTS).await?;
        let Some(last) = page.last() else { return Ok(()) };
        version = last.version;
        for event in page {
            if !up_to.takes(&event) {
                return Ok(());
            }
            take(event)?;
        }
    }
}

/// A ticket after a prefix of its stream.
pub(crate) async fn ticket(log: &dyn EventLog, id: EventId, up_to: UpTo) -> Result<Option<Folded>, Failure> {
    let mut ticket: Option<Ticket> = None;
    let mut position = 0;
    let mut opening = Opening::default();
    walk(log, &stream::ticket(id), up_to, |stored| {
        position = stored.position;
        match (&mut ticket, read(&stored)?) {
            (None, Event::TicketOpened(opened)) => {
                opening = Opening { origin: stored.origin.clone(), has_texts: !stored.personal.is_empty() };
                ticket = Some(Ticket::opened(recorded(&stored), opened));
            }
            (Some(ticket), event) => ticket.evolve(recorded(&stored), event).map_err(Failure::broken)?,
            (None, event) => return Err(Failure::broken(format!("a ticket begins with {}", event.event_type()))),
        }
        Ok(())
    })
    .await?;
    Ok(ticket.map(|ticket| Folded { ticket: Arc::new(ticket), position, opening }))
}

/// A customer's contract.
pub(crate) async fn contract(
    log: &dyn EventLog,
    customer: &CustomerId,
    up_to: UpTo,
) -> Result<Option<Contract>, Failure> {
    let mut contract: Option<Contract> = None;
    walk(log, &stream::contract(customer), up_to, |stored| {
        let (id, at) = (EventId(stored.event_id), instant(stored.recorded_at_us));
        match (&mut contract, read(&stored)?) {
            (None, Event::ContractAgreed(agreed)) => {
                let agreed = Contract::agreed(id, at, agreed);
                contract = Some(agreed.ok_or_else(|| Failure::broken("a contract in an unknown time zone"))?);
            }
            (Some(contract), Event::ContractAmended(amended)) => contract.amended(id, at, amended),
            (_, event) => return Err(Failure::broken(format!("{} in a contract", event.event_type()))),
        }
        Ok(())
    })
    .await?;
    Ok(contract)
}

/// A customer's prepaid time.
pub(crate) async fn prepaid(log: &dyn EventLog, customer: &CustomerId, up_to: UpTo) -> Result<Prepaid, Failure> {
    let mut prepaid = Prepaid::default();
    walk(log, &stream::prepaid(customer), up_to, |stored| {
        match read(&stored)? {
            Event::PrepaidGranted(granted) => prepaid.granted(EventId(stored.event_id), &granted),
            Event::PrepaidDrawn(drawn) => prepaid.drawn(&drawn.draws),
            event => return Err(Failure::broken(format!("{} in prepaid time", event.event_type()))),
        }
        Ok(())
    })
    .await?;
    Ok(prepaid)
}

/// All published policies, in the order they were published.
pub(crate) async fn policies(log: &dyn EventLog) -> Result<(PolicyBook, i64), Failure> {
    let mut book = PolicyBook::default();
    let mut version = 0;
    walk(log, stream::POLICIES, UpTo::Head, |stored| {
        version = stored.version;
        let Event::PolicyPublished(published) = read(&stored)? else {
            return Err(Failure::broken("an event that is no policy among the policies"));
        };
        book.add(publication(&stored, published)?);
        Ok(())
    })
    .await?;
    Ok((book, version))
}

/// A publication as it is recorded.
pub(crate) fn publication(
    stored: &StoredEvent,
    published: beleg_domain::event::PolicyPublished,
) -> Result<Published, Failure> {
    Published::read(EventId(stored.event_id), instant(stored.recorded_at_us), published)
        .map_err(|problems| Failure::broken(format!("a published policy is broken: {problems:?}")))
}

/// The ticket that a caller's reference names.
pub(crate) async fn referenced(log: &dyn EventLog, reference: &Reference) -> Result<Option<EventId>, Failure> {
    let page = log.read_stream(&stream::reference(reference), 0, 1).await?;
    let Some(stored) = page.first() else { return Ok(None) };
    match read(stored)? {
        Event::ReferenceTaken(taken) => Ok(Some(taken.ticket_id)),
        event => Err(Failure::broken(format!("{} in a reference", event.event_type()))),
    }
}
