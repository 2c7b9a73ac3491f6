//! What is believed about an instant: a ticket with only the facts that, by what is
//! known, were true then, and its work where these facts put it.
//!
//! Facts are chosen by when they occurred, not by when they were recorded, so what
//! was recorded late about an earlier instant counts, and what happened later does
//! not. No assessment in the log was made from just these facts: between two of them
//! others may have been recorded. So the work is assessed from the chosen facts, by
//! the one function that assesses everything. It posts nothing.

use std::sync::Arc;

use uuid::Uuid;

use crate::assess::{self, Balance, NotWhole, Reading};
use crate::event::{Event, PostingRef, Segment};
use crate::ids::EventId;
use crate::ticket::command::Surroundings;
use crate::ticket::{BrokenHistory, Posting, QuotePrice, Recorded, Ticket};
use crate::time::Timestamp;

/// A ticket's stream, folded twice: whole, and with what was true at an instant.
#[derive(Debug)]
pub struct About {
    at: Timestamp,
    known: Option<Ticket>,
    true_then: Option<Ticket>,
    /// Whether any fact is left out.
    leaves_out: bool,
}

impl About {
    /// Begins the folds.
    pub fn new(at: Timestamp) -> Self {
        Self { at, known: None, true_then: None, leaves_out: false }
    }

    /// Folds one more event, in the order of the stream.
    pub fn evolve(&mut self, recorded: Recorded, event: Event) -> Result<(), BrokenHistory> {
        let then = recorded.at <= self.at;
        let Some(known) = &mut self.known else {
            let Event::TicketOpened(opened) = event else {
                return Err(BrokenHistory(format!("it begins with {}", event.event_type())));
            };
            self.true_then = then.then(|| Ticket::opened(recorded, opened.clone()));
            self.known = Some(Ticket::opened(recorded, opened));
            return Ok(());
        };
        known.evolve(recorded, event.clone())?;
        let Some(ticket) = self.true_then.as_mut().filter(|ticket| then && holds_what_it_names(ticket, &event)) else {
            self.leaves_out = true;
            return Ok(());
        };
        match &event {
            // What an entry drew of prepaid time is where its last assessment put it.
            Event::WorkAssessed(assessed) => {
                let standing = known.work.iter().find(|work| work.event == assessed.work).map(|w| w.standing.clone());
                let work = ticket.work.iter_mut().find(|work| work.event == assessed.work);
                if let (Some(standing), Some(work)) = (standing, work) {
                    Arc::make_mut(work).standing = standing;
                }
            }
            _ => ticket.evolve(recorded, event)?,
        }
        Ok(())
    }

    /// The ticket with what was true then; none before its opening. Its version is
    /// that of the whole stream.
    pub fn ticket(self, surroundings: Surroundings<'_>) -> Result<Option<Ticket>, NotWhole> {
        let (Some(known), Some(mut ticket)) = (self.known, self.true_then) else { return Ok(None) };
        if !self.leaves_out {
            return Ok(Some(known));
        }
        let Surroundings { contract, book, prepaid } = surroundings;
        let reading = Reading { ticket: &ticket, contract, book, prepaid, balance: Balance::Closed };
        let assessment = assess::assess(&reading)?;
        for work in ticket.work.iter_mut().map(Arc::make_mut) {
            let segments = assessment.work.iter().find(|(id, _)| *id == work.event).map(|(_, segments)| &segments[..]);
            work.standing = segments.unwrap_or_default().iter().cloned().zip(0..).map(never_posted).collect();
        }
        let prices = assessment.quotes.into_iter().filter_map(|quote| Some((quote.approval, quote.price?)));
        ticket.quotes =
            prices.map(|(approval, price)| QuotePrice { approval, standing: Some(never_posted((price, 0))) }).collect();
        ticket.version = known.version;
        Ok(Some(ticket))
    }
}

/// Whether an event is about something that was true then: work may be voided for an
/// instant before it was logged.
fn holds_what_it_names(ticket: &Ticket, event: &Event) -> bool {
    match event {
        Event::WorkVoided(voided) => ticket.work.iter().any(|work| work.event == voided.work),
        Event::WorkAssessed(assessed) => ticket.work.iter().any(|work| work.event == assessed.work),
        Event::QuoteAssessed(assessed) => ticket.approvals.iter().any(|given| given.event == assessed.approval),
        _ => true,
    }
}

fn never_posted((segment, index): (Segment, u32)) -> Posting {
    Posting { posted: PostingRef { assessment: EventId(Uuid::nil()), index }, segment }
}
