//! Work: logged within the ticket's life, voided with a reason, never edited.

use super::command::Late;
use super::{STANDING_WORK_MAX, Status, Ticket};
use crate::event::{Event, WorkLogged, WorkVoided};
use crate::facts::Activity;
use crate::ids::{EventId, StaffId};
use crate::refusal::Refusal;
use crate::time::Second;

/// The longest window of one entry, in seconds: 31 days.
pub const WINDOW_SECONDS_MAX: i64 = 31 * 86_400;

/// When somebody worked, and how long within it.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// It begins.
    pub from: Second,
    /// It ends before here.
    pub to: Second,
    /// How long; none: all of it.
    pub duration_seconds: Option<i64>,
}

impl Window {
    /// The duration, if the window is one that can be worked in.
    pub(crate) fn duration(&self) -> Result<i64, Refusal> {
        let Self { from, to, duration_seconds } = *self;
        let length = to.since(from);
        if length <= 0 {
            return Err(Refusal::malformed("to", format!("to {to} is not after from {from}")));
        }
        if length > WINDOW_SECONDS_MAX {
            return Err(Refusal::malformed("to", "a window has at most 31 days: log days apart"));
        }
        let duration = duration_seconds.unwrap_or(length);
        if !(1..=length).contains(&duration) {
            return Err(Refusal::malformed(
                "duration_seconds",
                format!("duration_seconds must be 1 to the window's {length}, not {duration}"),
            ));
        }
        Ok(duration)
    }
}

pub(super) fn log(
    ticket: &Ticket,
    activity: Activity,
    performer: &StaffId,
    window: Window,
    contract_version: i64,
    late: &Late<'_>,
) -> Result<Event, Refusal> {
    let duration_seconds = check(ticket, performer, window, late)?;
    let Window { from, to, .. } = window;
    let performer_id = performer.clone();
    Ok(WorkLogged { activity, contract_version, duration_seconds, from, performer_id, to }.into())
}

/// The duration, if such work may be logged.
fn check(ticket: &Ticket, performer: &StaffId, window: Window, late: &Late<'_>) -> Result<i64, Refusal> {
    let duration_seconds = window.duration()?;
    let Window { from, to, .. } = window;
    if to.timestamp() > late.at {
        return Err(Refusal::malformed("to", format!("to {to} is in the future: it is {} here", late.at)));
    }
    if from.timestamp() < ticket.opened_at {
        return Err(Refusal::precondition(
            "from",
            "BEFORE_OPENING",
            format!("no work precedes the opening at {}", ticket.opened_at),
        ));
    }
    late.work(to.timestamp())?;
    check_settled(ticket, window)?;
    if ticket.standing_work().count() >= STANDING_WORK_MAX {
        return Err(Refusal::precondition(
            "ticket_id",
            "TOO_MUCH_WORK",
            format!("{STANDING_WORK_MAX} entries stand, one more is refused: open another ticket"),
        ));
    }
    let overlaps = |other: &super::Work| other.performer == *performer && other.from < to && from < other.to;
    if let Some(other) = ticket.standing_work().find(|other| overlaps(other)) {
        return Err(Refusal::precondition(
            "from",
            "OVERLAPPING_WORK",
            format!(
                "{performer} has an entry {} from {} to {} in this ticket: no second counts twice",
                other.event, other.from, other.to
            ),
        ));
    }
    Ok(duration_seconds)
}

/// Nobody works on a settled ticket, and that it is reopened later changes nothing about
/// the time before.
fn check_settled(ticket: &Ticket, Window { from, to, .. }: Window) -> Result<(), Refusal> {
    let mut settled_at = None;
    for turn in &ticket.transitions {
        if turn.to != Status::Open {
            settled_at.get_or_insert(turn.at);
        } else if let Some(settled_at) = settled_at.take()
            && settled_at < turn.at
            && to.timestamp() > settled_at
            && from.timestamp() < turn.at
        {
            return Err(Refusal::precondition(
                "from",
                "TICKET_SETTLED",
                format!("the ticket was settled from {settled_at} to {}: log the work before and after apart", turn.at),
            ));
        }
    }
    match settled_at.filter(|settled_at| to.timestamp() > *settled_at) {
        Some(settled_at) => Err(Refusal::precondition(
            "to",
            "TICKET_SETTLED",
            format!("the ticket was settled at {settled_at}: reopen it for later work"),
        )),
        None => Ok(()),
    }
}

pub(super) fn void(ticket: &Ticket, work: EventId) -> Result<Event, Refusal> {
    let entry =
        ticket.work.iter().find(|entry| entry.event == work).ok_or_else(|| {
            Refusal::unknown("work_id", "WORK_UNKNOWN", format!("the ticket has no work entry {work}"))
        })?;
    if entry.voided.is_some() {
        return Err(Refusal::precondition("work_id", "WORK_VOIDED", format!("work entry {work} is voided already")));
    }
    Ok(WorkVoided { work }.into())
}
