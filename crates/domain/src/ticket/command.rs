//! Commands to a ticket, and the one way they are decided: the command's own facts
//! first, then the assessment of everything.

use serde::Serialize;

use crate::assess::{self, Balance, Reading, Settled};
use crate::book::PolicyBook;
use crate::contract::Contract;
use crate::event::{Basis, Cause, Event, Limit, Offer, Role, TicketOpened};
use crate::facts::{Activity, Class, Findings, Impact};
use crate::ids::{CustomerId, EventId, Reference, StaffId};
use crate::prepaid::Prepaid;
use crate::refusal::Refusal;
use crate::ticket::{EVENTS_HEAD_ROOM, EVENTS_MAX, Recorded, Ticket, gates, lifecycle, work};
use crate::time::{Second, Timestamp};

/// A ticket to be opened. Commands are serialised to be compared by hash, never stored.
#[derive(Clone, Debug, Serialize)]
pub struct Open {
    /// Whose concern.
    pub customer: CustomerId,
    /// What the customer reports.
    pub impact: Impact,
    /// The caller's key.
    pub reference: Option<Reference>,
}

/// What can be done to a ticket.
#[derive(Clone, Debug, Serialize)]
pub enum Command {
    /// Begin the initial diagnosis.
    StartDiagnosis,
    /// Record what diagnosis established.
    RecordFindings {
        /// The facts.
        findings: Findings,
        /// The class the caller expects.
        expected: Option<Class>,
    },
    /// Record that the customer was told.
    Inform {
        /// The classification told; none: the one in force.
        classification: Option<EventId>,
        /// What it would take, with the currency of a quote.
        offer: Offer,
        /// The currency of a quote.
        currency: Option<crate::money::Currency>,
    },
    /// Record that the customer released work.
    Approve {
        /// The information it answers.
        information: EventId,
        /// Hourly or a quote.
        basis: Basis,
        /// How much.
        limit: Option<Limit>,
        /// The currency of a limit in money.
        currency: Option<crate::money::Currency>,
        /// When it expires.
        valid_until: Option<Timestamp>,
    },
    /// Record that the customer refused.
    Decline {
        /// The information it answers.
        information: EventId,
    },
    /// Record that the customer took a release back.
    Revoke {
        /// The release.
        approval: EventId,
    },
    /// Log work.
    LogWork {
        /// Diagnosis or execution.
        activity: Activity,
        /// Who.
        performer: StaffId,
        /// The window begins.
        from: Second,
        /// The window ends before here.
        to: Second,
        /// How long; none: the whole window.
        duration_seconds: Option<i64>,
    },
    /// Void a work entry.
    Void {
        /// Which.
        work: EventId,
    },
    /// Settle the concern.
    Resolve,
    /// Close the ticket.
    Close,
    /// Take the concern up again.
    Reopen,
    /// Assess everything anew with the contract as it stands.
    Reassess,
}

/// What belongs to the call.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The later of the clock and the last instant recorded.
    pub now: Timestamp,
    /// When it was true, if the caller says so.
    pub occurred_at: Option<Timestamp>,
    /// Whether evidence came with it.
    pub has_evidence: bool,
    /// Whether it comes from an import: then no limit for late entry counts.
    pub imported: bool,
    /// The id of the command's own event.
    pub event: EventId,
}

/// What a decision reads besides the ticket.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The customer's contract.
    pub contract: &'a Contract,
    /// All published policies.
    pub book: &'a PolicyBook,
    /// The customer's prepaid time.
    pub prepaid: &'a Prepaid,
}

/// An event to be appended. All but the first are caused by the first.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Its id.
    pub id: EventId,
    /// When it is true.
    pub at: Timestamp,
    /// What it says.
    pub event: Event,
}

/// A decided opening.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The events in order.
    pub drafts: Vec<Draft>,
    /// The ticket after them.
    pub ticket: Ticket,
}

/// Why a command was not decided.
#[derive(Debug, thiserror::Error)]
pub enum NotDecided {
    /// A rule says no, or the request is wrong.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The log is not whole.
    #[error(transparent)]
    NotWhole(#[from] assess::NotWhole),
    /// The ticket's stream is not a ticket's.
    #[error(transparent)]
    Broken(#[from] super::BrokenHistory),
}

/// Decides the opening of a ticket.
pub fn open(command: Open, call: Call, contract: Option<&Contract>, book: &PolicyBook) -> Result<Decision, NotDecided> {
    let contract = contract.ok_or_else(|| {
        Refusal::precondition(
            "customer_id",
            "CONTRACT_MISSING",
            format!("customer {} has no contract: agree one first", command.customer),
        )
    })?;
    let at = call.occurred_at.unwrap_or(call.now);
    let named = contract.at(contract.version()).policy(at).ok_or_else(|| {
        Refusal::precondition(
            "customer_id",
            "CONTRACT_NOT_IN_FORCE",
            format!("the contract of customer {} is not in force at {at}", command.customer),
        )
    })?;
    let published = book.latest(named).ok_or_else(|| {
        Refusal::precondition("customer_id", "POLICY_UNKNOWN", format!("no policy {named} is published"))
    })?;
    // Work may be logged so late, so a ticket may be opened so late.
    within(call, at, published.policy.limits().late_work_us, "occurred_at", "work")?;
    let opened = TicketOpened {
        customer_id: command.customer,
        impact: command.impact,
        policy: published.pin.clone(),
        reference: command.reference,
    };
    let recorded = Recorded { event: call.event, at, imported: call.imported };
    let ticket = Ticket::opened(recorded, opened.clone());
    Ok(Decision { drafts: vec![Draft { id: call.event, at, event: opened.into() }], ticket })
}

/// Decides a command to a ticket, which then stands as it does after the command: the
/// events in order, the command's own first. A refusal leaves the ticket as it was; any
/// other failure leaves it beyond use. `new_id` gives ids for the events that follow.
pub fn decide(
    ticket: &mut Ticket,
    command: &Command,
    call: Call,
    surroundings: Surroundings<'_>,
    mut new_id: impl FnMut() -> EventId,
) -> Result<Vec<Draft>, NotDecided> {
    let (at, own) = accept(ticket, command, call, surroundings)?;

    let before = ticket.version;
    let mut drafts = Vec::with_capacity(own.len() + 1);
    let mut classified = None;
    for (place, event) in own.into_iter().enumerate() {
        let id = if place == 0 { call.event } else { new_id() };
        if matches!(event, Event::TicketClassified(_)) {
            classified = Some(id);
        }
        fold(ticket, &mut drafts, Draft { id, at, event }, call)?;
    }
    let balance = match command {
        Command::LogWork { .. } => Balance::For(call.event),
        Command::Reassess => Balance::Open,
        _ => Balance::Closed,
    };
    let settled = std::mem::take(&mut ticket.settled);
    let Surroundings { contract, book, prepaid } = surroundings;
    let reading = Reading { ticket, contract, book, prepaid, balance };
    let before_last = match command {
        Command::LogWork { .. } => settled.at(before, &reading),
        _ => None,
    };
    let (changes, capacity) = assess::settle(&reading, &trigger(command, call.event, classified), before_last)?;
    let mut draws = Vec::new();
    for event in changes {
        let draft = Draft { id: new_id(), at, event };
        if matches!(draft.event, Event::PrepaidDrawn(_)) {
            draws.push(draft);
        } else {
            fold(ticket, &mut drafts, draft, call)?;
        }
    }
    drafts.extend(draws);
    ticket.settled = Settled::after(&Reading { ticket, contract, book, prepaid, balance }, capacity);
    Ok(drafts)
}

/// When a command's facts are true, and which they are; or why it is refused. Nothing
/// is changed by it.
pub(crate) fn accept(
    ticket: &Ticket,
    command: &Command,
    call: Call,
    surroundings: Surroundings<'_>,
) -> Result<(Timestamp, Vec<Event>), NotDecided> {
    if call.imported && !ticket.imported {
        return Err(Refusal::precondition(
            "ticket_id",
            "NOT_IMPORTED",
            "an import may only write to tickets that an import opened",
        )
        .into());
    }
    let events_max = events_max(command);
    if ticket.version >= events_max {
        return Err(Refusal::precondition(
            "ticket_id",
            "TICKET_TOO_LONG",
            format!("a ticket has at most {events_max} events: open another one"),
        )
        .into());
    }
    let at = call.occurred_at.unwrap_or(call.now);
    if at > call.now {
        return Err(Refusal::malformed(
            "occurred_at",
            format!("occurred_at {at} is in the future: it is {} here", call.now),
        )
        .into());
    }
    if at < ticket.opened_at {
        return Err(Refusal::precondition(
            "occurred_at",
            "BEFORE_OPENING",
            format!("{at} is before the ticket was opened at {}", ticket.opened_at),
        )
        .into());
    }
    Ok((at, own_events(ticket, command, call, at, surroundings)?))
}

/// How many events a ticket may have for a command to be taken. A long ticket must not
/// keep a customer from what takes charges back or ends them.
fn events_max(command: &Command) -> i64 {
    match command {
        Command::RecordFindings { .. } | Command::Decline { .. } | Command::Revoke { .. } | Command::Void { .. } => {
            EVENTS_MAX + EVENTS_HEAD_ROOM
        }
        _ => EVENTS_MAX,
    }
}

fn fold(ticket: &mut Ticket, drafts: &mut Vec<Draft>, draft: Draft, call: Call) -> Result<(), super::BrokenHistory> {
    let recorded = Recorded { event: draft.id, at: draft.at, imported: call.imported };
    ticket.evolve(recorded, draft.event.clone())?;
    drafts.push(draft);
    Ok(())
}

/// The fact that was new. Of findings it is the classification that moves entries.
fn trigger(command: &Command, own: EventId, classified: Option<EventId>) -> Cause {
    let role = match command {
        Command::RecordFindings { .. } => {
            return Cause { event: classified.unwrap_or(own), role: Role::Classification };
        }
        Command::StartDiagnosis | Command::LogWork { .. } => Role::Work,
        Command::Inform { .. } => Role::Information,
        Command::Approve { .. } => Role::Approval,
        Command::Decline { .. } => Role::Decline,
        Command::Revoke { .. } => Role::Revocation,
        Command::Void { .. } => Role::Void,
        Command::Resolve => Role::Resolution,
        Command::Close => Role::Closing,
        Command::Reopen => Role::Reopening,
        Command::Reassess => Role::Reassessment,
    };
    Cause { event: own, role }
}

fn own_events(
    ticket: &Ticket,
    command: &Command,
    call: Call,
    at: Timestamp,
    surroundings: Surroundings<'_>,
) -> Result<Vec<Event>, NotDecided> {
    let late = Late { ticket, call, at, book: surroundings.book };
    match command {
        Command::StartDiagnosis => Ok(vec![lifecycle::start_diagnosis(ticket, &late)?]),
        Command::RecordFindings { findings, expected } => {
            Ok(lifecycle::record_findings(ticket, *findings, *expected, &late, surroundings)?)
        }
        Command::Inform { classification, offer, currency } => {
            let currency = (*currency, surroundings.contract.currency);
            Ok(vec![gates::inform(ticket, *classification, *offer, currency, &late)?])
        }
        Command::Approve { information, basis, limit, currency, valid_until } => {
            let currency = (*currency, surroundings.contract.currency);
            let release =
                gates::Release { information: *information, basis: *basis, limit: *limit, valid_until: *valid_until };
            Ok(vec![gates::approve(ticket, release, currency, &late)?])
        }
        Command::Decline { information } => Ok(vec![gates::decline(ticket, *information, &late)?]),
        Command::Revoke { approval } => Ok(vec![gates::revoke(ticket, *approval, &late)?]),
        Command::LogWork { activity, performer, from, to, duration_seconds } => {
            let window = work::Window { from: *from, to: *to, duration_seconds: *duration_seconds };
            let contract_version = surroundings.contract.version();
            let logged = work::log(ticket, *activity, performer, window, contract_version, &late)?;
            Ok(vec![logged])
        }
        Command::Void { work } => Ok(vec![work::void(ticket, *work)?]),
        Command::Resolve => Ok(vec![lifecycle::resolve(ticket, surroundings.contract.version(), &late)?]),
        Command::Close => Ok(vec![lifecycle::close(ticket, &late)?]),
        Command::Reopen => Ok(vec![lifecycle::reopen(ticket, &late)?]),
        Command::Reassess => Ok(vec![lifecycle::reassess(surroundings.contract.version())]),
    }
}

/// How late a command comes, and whether it may.
pub(super) struct Late<'a> {
    ticket: &'a Ticket,
    pub(super) call: Call,
    pub(super) at: Timestamp,
    book: &'a PolicyBook,
}

impl Late<'_> {
    /// Something recorded later than it occurred needs evidence and respects the
    /// policy's limit; an import's rows bring their own evidence and no limit.
    pub(super) fn entry(&self) -> Result<(), Refusal> {
        if self.at == self.call.now || self.call.imported {
            return Ok(());
        }
        if !self.call.has_evidence {
            return Err(Refusal::precondition(
                "evidence",
                "EVIDENCE_NEEDED",
                format!("it occurred at {}, earlier than now: evidence is needed", self.at),
            ));
        }
        within(self.call, self.at, self.limits().late_entry_us, "occurred_at", "entry")
    }

    /// Work has a limit of its own, from its window's end.
    pub(super) fn work(&self, ended: Timestamp) -> Result<(), Refusal> {
        within(self.call, ended, self.limits().late_work_us, "to", "work")
    }

    fn limits(&self) -> crate::policy::Limits {
        let pin = self.ticket.class_in_force().map_or(&self.ticket.policy, |class| &class.policy);
        self.book.pinned(pin).map_or(
            crate::policy::Limits { initial_diagnosis_seconds: 0, late_entry_us: 0, late_work_us: 0 },
            |published| published.policy.limits(),
        )
    }
}

fn within(call: Call, at: Timestamp, limit_us: i64, field: &'static str, what: &str) -> Result<(), Refusal> {
    if at > call.now {
        return Err(Refusal::malformed(field, format!("{at} is in the future: it is {} here", call.now)));
    }
    if call.imported || call.now.minus_micros(limit_us) <= at {
        return Ok(());
    }
    let limit = match limit_us / 3_600_000_000 {
        hours if hours > 0 && hours % 24 == 0 => format!("{} days", hours / 24),
        hours => format!("{hours} hours"),
    };
    Err(Refusal::precondition(
        field,
        "TOO_LATE",
        format!("{at} is more than {limit} ago: the policy's limit for late {what}"),
    ))
}
