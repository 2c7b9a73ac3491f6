//! Where every second of a ticket's work stands, and why.
//!
//! # One pure function
//!
//! After every accepted command all standing work entries of the ticket are assessed
//! from its whole history, compared with what is recorded, and every difference
//! becomes a `work_assessed` event. There is no special case per command: a new
//! approval, a corrected finding and a void all take the same way.
//!
//! # The phases, for one entry
//!
//! 1. **Cut** (`answers`). The window is cut at every second at which an answer may
//!    change. For each piece one question is asked: what would a second here be?
//!    Initial diagnosis, free, covered by a quote, open for billing (with the
//!    releases that could pay for it), or withheld and for what reason. This looks
//!    at facts only, never at what is used up.
//! 2. **Lay** (`lay`). A duration shorter than its window is laid onto the pieces in
//!    the customer's favour; what may lie outside the billable part is not provable.
//!    Where prepaid time may pay there are several ways to lay it. Each is tried
//!    through the next two phases, and the cheapest is taken.
//! 3. **Use** (`capacity`). In time order, allowance, prepaid time and limits are used.
//!    Entries come in recorded order, so what an earlier entry uses is gone for a
//!    later one, and what a void frees passes on in the same order.
//! 4. **Round** (`entry`). Each segment is priced once, after all cuts; what an agreed
//!    increment adds goes to the last billable one, as far as its releases reach.
//!
//! Rounding of instants is for the customer throughout: a gate opens at the next
//! whole second, what ends or frees counts from the second it lies in.
//!
//! # What need not be done again
//!
//! An entry is judged by the facts and by what the entries before it use, never by a
//! later one. So logging work changes no answer but that of the new entry, and a
//! ticket whose last assessment is still at hand (`settled`) goes on from there: a
//! ticket of a hundred entries takes the next as fast as one of two. Any other
//! command assesses everything; the laws compare both ways.
//!
//! # Who reads which contract
//!
//! An entry is assessed with the contract version recorded before it, until somebody
//! asks for a re-assessment. Policies are pinned: by the opening for the allowance,
//! by each classification for everything else.

mod answers;
mod capacity;
mod difference;
mod entry;
mod lay;
mod quote;
mod settled;

use crate::book::PolicyBook;
use crate::contract::Contract;
use crate::event::{Cause, Segment};
use crate::ids::EventId;
use crate::prepaid::Prepaid;
use crate::ticket::{Ticket, Work};
use crate::time::Second;

pub(crate) use answers::{Answer, Facts};
pub(crate) use capacity::Capacity;
pub use difference::changes;
pub(crate) use difference::settle;
pub use quote::QuoteAssessment;
pub(crate) use settled::Settled;

/// Everything an assessment reads.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// The ticket with all its facts, the new ones included.
    pub ticket: &'a Ticket,
    /// The customer's contract with all its versions.
    pub contract: &'a Contract,
    /// All published policies.
    pub book: &'a PolicyBook,
    /// The customer's prepaid time.
    pub prepaid: &'a Prepaid,
    /// Which entries may draw on the customer's balance; every entry may use what
    /// the ticket itself has drawn.
    pub balance: Balance,
}

/// Which entries may draw on the customer's prepaid balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balance {
    /// None: the command logged no work.
    Closed,
    /// The entry that the command logged.
    For(EventId),
    /// All: a re-assessment was asked for.
    Open,
}

/// A pinned policy is not in the book, or a contract ends before its ticket: the
/// log is not whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log is not whole: {0}")]
pub struct NotWhole(pub String);

/// Where everything of a ticket stands.
pub struct Assessment {
    /// Per standing entry, in recorded order, its segments.
    pub work: Vec<(EventId, Vec<Segment>)>,
    /// Per accepted quote whether its price stands.
    pub quotes: Vec<QuoteAssessment>,
}

/// Assesses a ticket.
pub fn assess(reading: &Reading<'_>) -> Result<Assessment, NotWhole> {
    assess_from(reading, 0, Capacity::new(reading)).map(|(assessment, _)| assessment)
}

/// Assesses the entries from a place on; what the ones before it use is used already.
/// Also gives what is used up in the end.
fn assess_from(
    reading: &Reading<'_>,
    first: usize,
    mut capacity: Capacity,
) -> Result<(Assessment, Capacity), NotWhole> {
    let facts = Facts::new(reading);
    let entries = &reading.ticket.work[first..];
    let mut work = Vec::with_capacity(entries.len());
    for entry in entries.iter().filter(|entry| entry.voided.is_none()) {
        work.push((entry.event, entry::assess(&facts, &mut capacity, entry)?));
    }
    let quotes = quote::assess(&facts)?;
    Ok((Assessment { work, quotes }, capacity))
}

/// What is used and left after everything recorded, and what one more entry, never
/// recorded, would become. Answers the cost status and previews.
pub(crate) fn hypothetical<'a>(
    reading: &Reading<'a>,
    entry: &Work,
) -> Result<(Facts<'a>, Capacity, Vec<Segment>), NotWhole> {
    let facts = Facts::new(reading);
    let mut capacity = match reading.ticket.settled.now(reading) {
        Some(capacity) => capacity,
        None => {
            let mut capacity = Capacity::new(reading);
            for recorded in reading.ticket.standing_work() {
                entry::assess(&facts, &mut capacity, recorded)?;
            }
            capacity
        }
    };
    let before = capacity.clone();
    let segments = entry::assess(&facts, &mut capacity, entry)?;
    Ok((facts, before, segments))
}

pub(crate) fn length(from: Second, to: Second) -> i64 {
    to.since(from).max(0)
}

fn cause(role: crate::event::Role, event: EventId) -> Cause {
    Cause { event, role }
}
