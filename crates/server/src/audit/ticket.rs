//! One ticket, command by command: what a command recorded of assessments and draws
//! must be what the facts up to it give, no more and no less.

use std::collections::HashSet;

use beleg_domain::assess::{self, Balance, Reading};
use beleg_domain::book::PolicyBook;
use beleg_domain::event::{Cause, Event, Role};
use beleg_domain::ids::EventId;
use beleg_domain::ticket::Ticket;
use beleg_store::{EventLog, StoredEvent};
use serde_json::Value;

use super::customer::{ContractUpTo, Customer, Customers};
use super::verify::is_assessment;
use super::{Consequence, Differences, Finding, Member, Place, Subject};
use crate::failure::Failure;
use crate::fold::{self, UpTo};

/// Verifies tickets one after the other.
pub(super) struct Tickets<'a> {
    log: &'a dyn EventLog,
    head: i64,
    book: PolicyBook,
    customers: Customers,
    /// Draws that a ticket's command accounts for and that the pass over the log has not
    /// come to yet.
    claimed: HashSet<EventId>,
}

impl<'a> Tickets<'a> {
    pub(super) fn new(log: &'a dyn EventLog, head: i64, book: PolicyBook) -> Self {
        Self { log, head, book, customers: Customers::new(), claimed: HashSet::new() }
    }

    /// Whether a draw was a verified ticket's; asked once for each.
    pub(super) fn has_claimed(&mut self, draw: EventId) -> bool {
        self.claimed.remove(&draw)
    }

    /// Verifies the ticket that an event opened.
    pub(super) async fn verify(&mut self, opening: &StoredEvent, result: &mut Differences) -> Result<(), Failure> {
        let mut stream = Vec::new();
        fold::walk(self.log, &opening.stream, UpTo::Position(self.head), |stored| {
            stream.push(stored);
            Ok(())
        })
        .await?;
        let Event::TicketOpened(opened) = fold::read(opening)? else {
            return Err(Failure::broken("its opening is none"));
        };
        let customer = self.customers.get(self.log, &opened.customer_id, self.head).await?;
        let mut contract = customer.contract();
        let mut ticket = None;
        for command in stream.chunk_by(|a, b| a.request_id == b.request_id) {
            let command = Command::read(command, &mut ticket)?;
            let Some(ticket) = &mut ticket else { return Err(Failure::broken("it does not begin with its opening")) };
            let derived = command.derived(ticket, &self.book, &customer, &mut contract)?;
            let drawn = customer.drawn(command.events[0].request_id, command.last_position());
            let drawn = drawn.inspect(|draw| _ = self.claimed.insert(draw.id)).map(|draw| (None, draw.event.clone()));
            let recorded: Vec<_> = command.recorded.iter().cloned().chain(drawn).collect();
            compare(&command, &recorded, &derived, ticket, result)?;
        }
        Ok(())
    }
}

/// An event that follows from facts, with its envelope where it is in the ticket's stream.
type Following<'a> = (Option<&'a StoredEvent>, Event);

/// The events of one command in a ticket's stream.
struct Command<'a> {
    events: &'a [StoredEvent],
    /// Its first fact, and the one that its assessments name as new. Without facts, and
    /// for an opening, nothing follows.
    fact: Option<(&'a StoredEvent, Cause)>,
    /// What it recorded as following.
    recorded: Vec<Following<'a>>,
}

impl<'a> Command<'a> {
    /// Folds a command's facts into the ticket; what follows from them is left to compare.
    fn read(events: &'a [StoredEvent], ticket: &mut Option<Ticket>) -> Result<Self, Failure> {
        let mut command = Self { events, fact: None, recorded: Vec::new() };
        for stored in events {
            match (ticket.as_mut(), fold::read(stored)?) {
                (_, event) if is_assessment(&event) => command.recorded.push((Some(stored), event)),
                (None, Event::TicketOpened(opened)) => *ticket = Some(Ticket::opened(fold::recorded(stored), opened)),
                (Some(ticket), event) => {
                    let first = command.fact.as_ref().map_or(stored, |(first, _)| first);
                    command.fact = Some((first, trigger_of(&event, stored)));
                    ticket.evolve(fold::recorded(stored), event).map_err(Failure::broken)?;
                }
                (None, event) => {
                    return Err(Failure::broken(format!("a ticket begins with {}", event.event_type())));
                }
            }
        }
        Ok(command)
    }

    fn last_position(&self) -> i64 {
        self.events.last().map_or(0, |last| last.position)
    }

    /// What follows from the facts up to this command.
    fn derived(
        &self,
        ticket: &Ticket,
        book: &PolicyBook,
        customer: &Customer,
        contract: &mut ContractUpTo<'_>,
    ) -> Result<Vec<Event>, Failure> {
        let Some((first, trigger)) = &self.fact else { return Ok(Vec::new()) };
        // What the command read had been recorded before it.
        let before = self.events[0].position - 1;
        let (contract, prepaid) = (contract.at(before)?, customer.prepaid(before)?);
        let balance = match &*first.event_type {
            "work_logged" => Balance::For(EventId(first.event_id)),
            "reassessment_requested" => Balance::Open,
            _ => Balance::Closed,
        };
        let reading = Reading { ticket, contract, book, prepaid: &prepaid, balance };
        assess::changes(&reading, trigger).map_err(Failure::broken)
    }
}

/// Names what is recorded otherwise than it follows, and folds what follows.
fn compare(
    command: &Command<'_>,
    recorded: &[Following<'_>],
    derived: &[Event],
    ticket: &mut Ticket,
    result: &mut Differences,
) -> Result<(), Failure> {
    let count = recorded.len().max(derived.len());
    result.checked += count as u64;
    for at in 0..count {
        let (recorded, derived) = (recorded.get(at), derived.get(at));
        let gives = || derived.map_or(Consequence::Nothing, Consequence::of);
        match recorded {
            Some((_, recorded)) if Some(recorded) == derived => {}
            Some((stored, recorded)) => {
                let drawn = || Subject::Drawn { after: command.last_position() };
                let subject = stored.map_or_else(drawn, |stored| Subject::Event(Place::of(stored)));
                let (says, gives) = (Consequence::of(recorded), gives());
                let at = match derived {
                    Some(derived) if says == gives => first_difference(recorded, derived)?,
                    _ => None,
                };
                result.tell(Finding::Otherwise { subject, says, gives, at });
            }
            None => result.tell(Finding::NotAssessed { after: command.events[0].position, gives: gives() }),
        }
        // What follows is judged by what should stand here, so one forgery is
        // named once.
        if let Some((Some(stored), event)) = recorded {
            let event = derived.filter(|event| is_assessment(event)).unwrap_or(event);
            ticket.evolve(fold::recorded(stored), event.clone()).map_err(Failure::broken)?;
        }
    }
    Ok(())
}

/// Where two events differ that say the same in short: the first member that does.
fn first_difference(recorded: &Event, derived: &Event) -> Result<Option<Member>, Failure> {
    let value = |event: &Event| serde_json::to_value(event).map_err(Failure::broken);
    let (recorded, derived) = (value(recorded)?, value(derived)?);
    let differing = differing("", &recorded, &derived);
    Ok(differing.map(|(path, says, gives)| Member { path, says: says.to_string(), gives: gives.to_string() }))
}

fn differing<'v>(path: &str, one: &'v Value, other: &'v Value) -> Option<(String, &'v Value, &'v Value)> {
    let inner = |name: &dyn std::fmt::Display, one, other| differing(&format!("{path}/{name}"), one, other);
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
            let member = |of: &'v serde_json::Map<String, Value>, name: &str| of.get(name).unwrap_or(&Value::Null);
            names.into_iter().find_map(|name| inner(name, member(one, name), member(other, name)))
        }
        (Value::Array(one), Value::Array(other)) => (0..one.len().max(other.len())).find_map(|place| {
            inner(&place, one.get(place).unwrap_or(&Value::Null), other.get(place).unwrap_or(&Value::Null))
        }),
        _ => (one != other).then(|| (path.to_owned(), one, other)),
    }
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
