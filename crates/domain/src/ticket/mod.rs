//! A ticket's history, folded: what the facts were, when they were true, and where
//! the work stands. [`Ticket::evolve`] decides nothing; [`command::decide`] does.

pub mod command;
mod ended;
mod gates;
mod lifecycle;
pub mod work;

use std::sync::Arc;

use crate::assess::Settled;
use crate::event::{
    Basis, Event, Limit, Offer, PolicyPin, PostingRef, Segment, TicketClassified, TicketOpened, WorkAssessed,
    WorkLogged,
};
use crate::facts::{Account, Activity, Class, Findings, Impact};
use crate::ids::{CustomerId, EventId, Reference, StaffId};
use crate::policy::RuleId;
use crate::time::{Second, Timestamp};

pub(crate) use ended::End;

/// How many entries of one ticket may stand.
pub const STANDING_WORK_MAX: usize = 2_000;
/// How many events one ticket may have, so that a fold has a bound.
pub const EVENTS_MAX: i64 = 100_000;
/// How many more it may have of voids, findings, declines and revocations.
pub const EVENTS_HEAD_ROOM: i64 = 100_000;

/// Entries that a new one is compared with, for names that they have in common.
const SHARING_MAX: usize = 4;

/// A ticket as it is after some prefix of its stream.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// The id, which is that of the opening.
    pub id: EventId,
    /// Whose concern.
    pub customer: CustomerId,
    /// The caller's key.
    pub reference: Option<Reference>,
    /// What the customer reports.
    pub impact: Impact,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Pinned for the free initial diagnosis.
    pub policy: PolicyPin,
    /// Whether an import opened it.
    pub imported: bool,
    /// When diagnosis began.
    pub diagnosis_started_at: Option<Timestamp>,
    /// The latest findings.
    pub findings: Option<Findings>,
    /// In recorded order.
    pub classifications: Vec<Classification>,
    /// In recorded order.
    pub informations: Vec<Information>,
    /// In recorded order.
    pub approvals: Vec<Approval>,
    /// In recorded order.
    pub declines: Vec<Decline>,
    /// Resolutions, closings and reopenings, in recorded order.
    pub transitions: Vec<Transition>,
    /// Standing and voided entries, in recorded order. Shared, because every decision is taken on a copy of the ticket.
    pub work: Vec<Arc<Work>>,
    /// Prices of accepted quotes, posted or taken back.
    pub quotes: Vec<QuotePrice>,
    /// The stream's version.
    pub version: i64,
    /// How many segments of work stand, by the fold.
    standing_of_work: usize,
    /// What was used up when it was last decided on.
    pub(crate) settled: Settled,
}

/// What followed from findings.
#[derive(Clone, Debug)]
pub struct Classification {
    /// The event.
    pub event: EventId,
    /// From when it counts.
    pub at: Timestamp,
    /// The class.
    pub class: Class,
    /// The rule that classified.
    pub rule: RuleId,
    /// The rule work is charged, or not charged, by.
    pub charge: RuleId,
    /// The account of that rule: free, billable, or withheld for undetermined.
    pub account: Account,
    /// The pinned policy.
    pub policy: PolicyPin,
    /// The unbroken run of one class that it belongs to, from 0.
    pub run: u32,
    /// The stream version that recorded it.
    pub order: i64,
}

/// What the customer was told.
#[derive(Clone, Debug)]
pub struct Information {
    /// The event.
    pub event: EventId,
    /// When it was delivered.
    pub at: Timestamp,
    /// The classification that was told.
    pub classification: EventId,
    /// The run of that classification.
    pub run: u32,
    /// How often the ticket had been reopened by then.
    pub epoch: usize,
    /// What it would take.
    pub offer: Offer,
}

/// What the customer released.
#[derive(Clone, Debug)]
pub struct Approval {
    /// The event.
    pub event: EventId,
    /// When it was given.
    pub at: Timestamp,
    /// The information it answers, by its place.
    pub information: usize,
    /// Hourly or a quote.
    pub basis: Basis,
    /// How much; none for a quote.
    pub limit: Limit,
    /// When it expires.
    pub valid_until: Option<Timestamp>,
    /// When it was taken back, and by which event.
    pub revoked: Option<(Timestamp, EventId)>,
    /// The stream version that recorded the taking back; 0 if nothing did.
    pub revoked_order: i64,
    /// The stream version that recorded it.
    pub order: i64,
}

/// What the customer refused.
#[derive(Clone, Debug)]
pub struct Decline {
    /// The event.
    pub event: EventId,
    /// When.
    pub at: Timestamp,
    /// The information it answers, by its place.
    pub information: usize,
    /// The stream version that recorded it.
    pub order: i64,
}

/// The status a ticket may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Being worked on.
    Open,
    /// Settled.
    Resolved,
    /// Settled and closed.
    Closed,
}

/// A change of status.
#[derive(Clone, Copy, Debug)]
pub struct Transition {
    /// The event.
    pub event: EventId,
    /// When.
    pub at: Timestamp,
    /// The status from then on; `Open` is a reopening.
    pub to: Status,
    /// The version of the contract that stood then; read for quotes.
    pub contract_version: i64,
    /// The stream version that recorded it.
    pub order: i64,
}

/// When something was true, and which came first of what shares one instant: the
/// one recorded first.
pub(crate) type Moment = (Timestamp, i64);

impl Classification {
    pub(crate) fn moment(&self) -> Moment {
        (self.at, self.order)
    }
}

impl Approval {
    pub(crate) fn moment(&self) -> Moment {
        (self.at, self.order)
    }
}

impl Decline {
    pub(crate) fn moment(&self) -> Moment {
        (self.at, self.order)
    }
}

impl Transition {
    pub(crate) fn moment(&self) -> Moment {
        (self.at, self.order)
    }
}

/// Work that was logged.
#[derive(Clone, Debug)]
pub struct Work {
    /// The event.
    pub event: EventId,
    /// Diagnosis or execution.
    pub activity: Activity,
    /// Who.
    pub performer: StaffId,
    /// The window begins.
    pub from: Second,
    /// The window ends before here.
    pub to: Second,
    /// How long, within the window.
    pub duration_seconds: i64,
    /// The version of the contract that it is assessed with.
    pub contract_version: i64,
    /// The event that voided it.
    pub voided: Option<EventId>,
    /// Where its seconds stand.
    pub standing: Arc<[Posting]>,
}

/// A segment that stands, and where it was posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Where it was posted.
    pub posted: PostingRef,
    /// What was posted.
    pub segment: Segment,
}

/// The price of an accepted quote.
#[derive(Clone, Debug)]
pub struct QuotePrice {
    /// The accepted quote.
    pub approval: EventId,
    /// What stands; none once it was taken back, and then for good.
    pub standing: Option<Posting>,
}

/// What is recorded beside an event's facts and matters to the fold.
#[derive(Clone, Copy, Debug)]
pub struct Recorded {
    /// The event's id.
    pub event: EventId,
    /// When it was true.
    pub at: Timestamp,
    /// Whether an import recorded it.
    pub imported: bool,
}

/// A stream that is not a ticket's: a bug, or a log made by another program.
#[derive(Debug, thiserror::Error)]
#[error("not a ticket's history: {0}")]
pub struct BrokenHistory(pub String);

impl Ticket {
    /// Begins the fold with the opening.
    pub fn opened(recorded: Recorded, opened: TicketOpened) -> Self {
        Self {
            id: recorded.event,
            customer: opened.customer_id,
            reference: opened.reference,
            impact: opened.impact,
            opened_at: recorded.at,
            policy: opened.policy,
            imported: recorded.imported,
            diagnosis_started_at: None,
            findings: None,
            classifications: Vec::new(),
            informations: Vec::new(),
            approvals: Vec::new(),
            declines: Vec::new(),
            transitions: Vec::new(),
            work: Vec::new(),
            quotes: Vec::new(),
            version: 1,
            standing_of_work: 0,
            settled: Settled::default(),
        }
    }

    /// Folds a whole stream, or a prefix of one.
    pub fn fold(events: impl IntoIterator<Item = (Recorded, Event)>) -> Result<Option<Self>, BrokenHistory> {
        let mut ticket: Option<Self> = None;
        for (recorded, event) in events {
            match (&mut ticket, event) {
                (None, Event::TicketOpened(opened)) => ticket = Some(Self::opened(recorded, opened)),
                (Some(ticket), event) => ticket.evolve(recorded, event)?,
                (None, event) => {
                    return Err(BrokenHistory(format!("it begins with {}", event.event_type())));
                }
            }
        }
        Ok(ticket)
    }

    /// Folds one more event.
    pub fn evolve(&mut self, recorded: Recorded, event: Event) -> Result<(), BrokenHistory> {
        let Recorded { event: id, at, .. } = recorded;
        match event {
            Event::DiagnosisStarted(_) => self.diagnosis_started_at = Some(at),
            Event::FindingsRecorded(recorded) => self.findings = Some(recorded.findings),
            Event::TicketClassified(classified) => self.classified(id, at, classified),
            Event::CustomerInformed(informed) => {
                let run = self
                    .classification(informed.classification)
                    .ok_or_else(|| BrokenHistory("an information without classification".into()))?
                    .run;
                self.informations.push(Information {
                    event: id,
                    at,
                    classification: informed.classification,
                    run,
                    epoch: self.epoch(at),
                    offer: informed.offer,
                });
            }
            Event::ApprovalGiven(given) => self.approvals.push(Approval {
                event: id,
                at,
                information: self.information_place(given.information)?,
                basis: given.basis,
                limit: given.limit.unwrap_or(Limit::Unlimited),
                valid_until: given.valid_until,
                revoked: None,
                revoked_order: 0,
                order: self.version + 1,
            }),
            Event::ApprovalDeclined(declined) => self.declines.push(Decline {
                event: id,
                at,
                information: self.information_place(declined.information)?,
                order: self.version + 1,
            }),
            Event::ApprovalRevoked(revoked) => {
                let approval = self.approvals.iter_mut().find(|a| a.event == revoked.approval);
                let approval = approval.ok_or_else(|| BrokenHistory("a revocation without approval".into()))?;
                approval.revoked = Some((at, id));
                approval.revoked_order = self.version + 1;
            }
            Event::WorkLogged(logged) => self.logged(id, logged),
            Event::WorkVoided(voided) => self.work_mut(voided.work)?.voided = Some(id),
            Event::TicketResolved(resolved) => {
                self.turned(id, at, Status::Resolved, resolved.contract_version);
            }
            Event::TicketClosed(_) => self.turned(id, at, Status::Closed, 0),
            Event::TicketReopened(_) => self.turned(id, at, Status::Open, 0),
            Event::ReassessmentRequested(requested) => {
                for work in self.work.iter_mut().map(Arc::make_mut) {
                    work.contract_version = requested.contract_version;
                }
                for transition in &mut self.transitions {
                    transition.contract_version = requested.contract_version;
                }
            }
            Event::WorkAssessed(assessed) => self.assessed(id, assessed)?,
            Event::QuoteAssessed(assessed) => {
                self.quotes.retain(|quote| quote.approval != assessed.approval);
                let standing = postings(id, assessed.posted).next();
                self.quotes.push(QuotePrice { approval: assessed.approval, standing });
            }
            other => {
                return Err(BrokenHistory(format!("{} in a ticket's stream", other.event_type())));
            }
        }
        self.version += 1;
        Ok(())
    }

    fn classified(&mut self, event: EventId, at: Timestamp, classified: TicketClassified) {
        let run = match self.classifications.last() {
            Some(last) if last.class == classified.class => last.run,
            Some(last) => last.run + 1,
            None => 0,
        };
        self.classifications.push(Classification {
            event,
            at,
            class: classified.class,
            rule: classified.rule,
            charge: classified.charge,
            account: classified.account,
            policy: classified.policy,
            run,
            order: self.version + 1,
        });
    }

    fn turned(&mut self, event: EventId, at: Timestamp, to: Status, contract_version: i64) {
        self.transitions.push(Transition { event, at, to, contract_version, order: self.version + 1 });
    }

    fn logged(&mut self, event: EventId, logged: WorkLogged) {
        let before = self.work.last().filter(|work| work.performer == logged.performer_id);
        self.work.push(Arc::new(Work {
            event,
            activity: logged.activity,
            performer: before.map_or(logged.performer_id, |work| work.performer.clone()),
            from: logged.from,
            to: logged.to,
            duration_seconds: logged.duration_seconds,
            contract_version: logged.contract_version,
            voided: None,
            standing: Arc::new([]),
        }));
    }

    fn assessed(&mut self, event: EventId, mut assessed: WorkAssessed) -> Result<(), BrokenHistory> {
        for segment in &mut assessed.posted {
            let recent = self.work.iter().rev().take(SHARING_MAX).flat_map(|work| work.standing.iter());
            recent.for_each(|posting| segment.share_names(&posting.segment));
        }
        let work = self.work_mut(assessed.work)?;
        let before = work.standing.len();
        let kept = work.standing.iter().filter(|p| !assessed.reversed.contains(&p.posted)).cloned();
        work.standing = kept.chain(postings(event, assessed.posted)).collect();
        let after = work.standing.len();
        self.standing_of_work = self.standing_of_work + after - before;
        Ok(())
    }

    fn information_place(&self, id: EventId) -> Result<usize, BrokenHistory> {
        self.informations
            .iter()
            .position(|information| information.event == id)
            .ok_or_else(|| BrokenHistory("an answer without information".into()))
    }

    fn work_mut(&mut self, id: EventId) -> Result<&mut Work, BrokenHistory> {
        self.work
            .iter_mut()
            .rfind(|work| work.event == id)
            .map(Arc::make_mut)
            .ok_or_else(|| BrokenHistory("an assessment without work".into()))
    }

    /// The status after everything recorded.
    pub fn status(&self) -> Status {
        self.transitions.last().map_or(Status::Open, |last| last.to)
    }

    /// The status at an instant, by what is recorded now.
    pub fn status_at(&self, at: Timestamp) -> Status {
        let before = self.transitions.iter().rfind(|transition| transition.at <= at);
        before.map_or(Status::Open, |transition| transition.to)
    }

    /// The classification in force.
    pub fn class_in_force(&self) -> Option<&Classification> {
        self.classifications.last()
    }

    /// The classification in force at an instant, by what is recorded now.
    pub fn class_at(&self, at: Timestamp) -> Option<&Classification> {
        self.classifications.iter().rfind(|classification| classification.at <= at)
    }

    /// A classification by its event.
    pub fn classification(&self, event: EventId) -> Option<&Classification> {
        self.classifications.iter().find(|classification| classification.event == event)
    }

    /// Whether an information counts at an instant: its class runs on, and the ticket
    /// was not reopened since.
    pub(crate) fn counts(&self, information: &Information, at: Timestamp) -> bool {
        self.class_at(at).is_some_and(|class| class.run == information.run) && self.epoch(at) == information.epoch
    }

    /// How often the ticket was reopened at or before an instant. Gates belong to
    /// one such epoch.
    pub fn epoch(&self, at: Timestamp) -> usize {
        self.transitions.iter().filter(|t| t.to == Status::Open && t.at <= at).count()
    }

    /// How often the ticket had been reopened before something recorded.
    pub(crate) fn epoch_before(&self, moment: Moment) -> usize {
        self.transitions.iter().filter(|t| t.to == Status::Open && t.moment() < moment).count()
    }

    /// Entries that were not voided.
    pub fn standing_work(&self) -> impl Iterator<Item = &Work> {
        self.work.iter().map(AsRef::as_ref).filter(|work| work.voided.is_none())
    }

    /// Everything that stands: segments of work and prices of quotes.
    pub fn standing_segments(&self) -> impl Iterator<Item = &Segment> {
        let work = self.work.iter().flat_map(|work| work.standing.iter());
        let quotes = self.quotes.iter().filter_map(|quote| quote.standing.as_ref());
        work.chain(quotes).map(|posting| &posting.segment)
    }

    /// How many segments of work stand: counted with each assessment, because on a long ticket they are many.
    pub fn standing_of_work(&self) -> usize {
        self.standing_of_work
    }

    /// The net charge.
    pub fn charged_minor(&self) -> i64 {
        self.standing_segments().map(|segment| segment.amount_minor).sum()
    }
}

fn postings(assessment: EventId, posted: Vec<Segment>) -> impl Iterator<Item = Posting> {
    (0..).zip(posted).map(move |(index, segment)| Posting { posted: PostingRef { assessment, index }, segment })
}
