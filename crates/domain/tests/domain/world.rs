//! A world in memory that plays commands the way the server does: read, decide,
//! append, fold. It keeps the whole log, so a test may compare what was posted
//! with what stands.

use std::sync::LazyLock;

use beleg_domain::book::{PolicyBook, Published};
use beleg_domain::contract::{self, Agree, Amend, Contract, Terms};
use beleg_domain::event::{Event, Limit, PolicyPin, PolicyPublished, PolicyRef};
use beleg_domain::facts::{Activity, Findings, Impact};
use beleg_domain::ids::EventId;
use beleg_domain::policy::Policy;
use beleg_domain::prepaid::Prepaid;
use beleg_domain::refusal::Refusal;
use beleg_domain::ticket::Ticket;
use beleg_domain::ticket::command::{self, Call, Command, Decision, NotDecided, Open, Surroundings};
use beleg_domain::time::{Date, Timestamp};
use uuid::Uuid;

pub(crate) use crate::words::*;

/// The policy that the project ships.
pub(crate) const POLICY: &str = include_str!("../../../../policies/support.toml");

/// An event as the log holds it.
#[derive(Clone, Debug)]
pub(crate) struct Logged {
    pub(crate) id: EventId,
    pub(crate) at: Timestamp,
    pub(crate) recorded_at: Timestamp,
    /// The first event of the command that appended it.
    pub(crate) command: EventId,
    pub(crate) stream: Stream,
    pub(crate) event: Event,
}

/// Which history an event belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Policy,
    Contract,
    Prepaid,
    Ticket(usize),
}

/// One customer, the contract, some tickets, and everything recorded about them.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) book: PolicyBook,
    pub(crate) contract: Contract,
    pub(crate) prepaid: Prepaid,
    pub(crate) tickets: Vec<Ticket>,
    pub(crate) log: Vec<Logged>,
    /// The ticket that commands go to.
    pub(crate) current: usize,
    ids: u128,
}

pub(crate) fn refusal(not_decided: NotDecided) -> Refusal {
    match not_decided {
        NotDecided::Refused(refusal) => refusal,
        other => panic!("the log is whole in every test: {other}"),
    }
}

impl World {
    /// The policy is published and a contract agreed, both long before the tests.
    pub(crate) fn agreed(terms: Terms) -> Self {
        let begun = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
        let mut ids = 0;
        let (policy_id, contract_id) = (next(&mut ids), next(&mut ids));
        let mut book = PolicyBook::default();
        // Reading the policy takes longer than most histories: once is enough.
        static SHIPPED: LazyLock<(PolicyPublished, Policy)> = LazyLock::new(|| {
            let published = publication(POLICY, 1);
            let policy = Policy::from_canonical_json(published.document.as_bytes()).unwrap();
            (published, policy)
        });
        let (published, policy) = SHIPPED.clone();
        let (hash, name) = (published.hash.clone(), published.name.clone());
        let reference = PolicyRef { name: name.as_str().into(), version: 1 };
        let pin = PolicyPin { hash: hash.into(), name: name.into(), version: 1 };
        book.add(Published { event: policy_id, at: begun, pin, reference, policy });
        let agree = Agree {
            customer: customer(),
            currency: currency("EUR"),
            time_zone: "UTC".parse().unwrap(),
            effective_date: Date::parse("2026-01-01").unwrap(),
            terms,
        };
        let events = contract::agree(None, agree, |name| book.latest(name).is_some(), contract_id).unwrap();
        let Some(Event::ContractAgreed(first)) = events.first().cloned() else { panic!("no contract") };
        let mut world = Self {
            now: begun,
            book,
            contract: Contract::agreed(contract_id, begun, first).unwrap(),
            prepaid: Prepaid::default(),
            tickets: Vec::new(),
            log: Vec::new(),
            current: 0,
            ids,
        };
        world.append(policy_id, begun, policy_id, Stream::Policy, published.into());
        world.append_terms(contract_id, events);
        world
    }

    /// A contract, and a ticket opened at 09:00 whose diagnosis began then.
    pub(crate) fn with_ticket(terms: Terms) -> Self {
        let mut world = Self::agreed(terms);
        world.open("09:00");
        world.then("09:00", Command::StartDiagnosis);
        world
    }

    /// An at 09:00 opened ticket with a customizing bug found at 09:30.
    pub(crate) fn with_customizing_bug(terms: Terms) -> Self {
        let mut world = Self::with_ticket(terms);
        world.then("09:30", record(customizing()));
        world
    }

    /// As [`World::with_customizing_bug`], informed at 10:00 and released at 10:00.
    pub(crate) fn with_release(terms: Terms, limit: Limit) -> Self {
        let mut world = Self::with_customizing_bug(terms);
        let told = world.then("10:00", inform(estimate(120)));
        world.then("10:00", hourly_approval(told, limit));
        world
    }

    pub(crate) fn ticket(&self) -> &Ticket {
        &self.tickets[self.current]
    }

    pub(crate) fn new_id(&mut self) -> EventId {
        next(&mut self.ids)
    }

    pub(crate) fn append(&mut self, id: EventId, at: Timestamp, command: EventId, stream: Stream, event: Event) {
        self.log.push(Logged { id, at, recorded_at: self.now, command, stream, event });
    }

    fn append_terms(&mut self, id: EventId, events: Vec<Event>) {
        for (place, event) in events.into_iter().enumerate() {
            let own = if place == 0 { id } else { self.new_id() };
            let stream = match &event {
                Event::PrepaidGranted(granted) => {
                    self.prepaid.granted(own, granted);
                    Stream::Prepaid
                }
                _ => Stream::Contract,
            };
            self.append(own, self.now, id, stream, event);
        }
    }

    /// The clock never runs backwards.
    pub(crate) fn clock(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// Publishes a policy's next version.
    pub(crate) fn publish(&mut self, when: &str, toml: &str) {
        self.clock(at(when));
        let id = self.new_id();
        let published = publication(toml, self.book.count("support") + 1);
        self.book.add(Published::read(id, self.now, published.clone()).unwrap());
        self.append(id, self.now, id, Stream::Policy, published.into());
    }

    pub(crate) fn try_amend(&mut self, effective_date: Date, terms: Terms) -> Result<EventId, Refusal> {
        let id = self.new_id();
        let amend = Amend { customer: customer(), effective_date, terms };
        let book = &self.book;
        let events = contract::amend(&self.contract, amend, |name| book.latest(name).is_some(), id)?;
        if let Some(Event::ContractAmended(amended)) = events.first() {
            self.contract.amended(id, self.now, amended.clone());
        }
        self.append_terms(id, events);
        Ok(id)
    }

    pub(crate) fn amend(&mut self, when: &str, effective: &str, terms: Terms) -> EventId {
        self.clock(at(when));
        self.try_amend(date(effective), terms).unwrap()
    }

    pub(crate) fn try_open(&mut self, call: impl FnOnce(Call) -> Call) -> Result<EventId, Refusal> {
        let call =
            call(Call { now: self.now, occurred_at: None, has_evidence: false, imported: false, event: self.new_id() });
        let open = Open { customer: customer(), impact: Impact::Incident, reference: None };
        let decision = command::open(open, call, Some(&self.contract), &self.book).map_err(refusal)?;
        self.current = self.tickets.len();
        self.tickets.push(decision.ticket.clone());
        self.record(call.event, decision);
        Ok(call.event)
    }

    /// Opens a ticket; commands go to it from now on.
    pub(crate) fn open(&mut self, when: &str) -> usize {
        self.clock(at(when));
        self.try_open(|call| call).unwrap();
        self.current
    }

    /// Opens a ticket that is released without limit, as [`World::with_release`].
    pub(crate) fn open_released(&mut self, found: Findings) -> usize {
        let ticket = self.open("09:00");
        self.send(record(found)).unwrap();
        let told = self.send(inform(estimate(120))).unwrap();
        self.send(hourly_approval(told, Limit::Unlimited)).unwrap();
        ticket
    }

    /// Decides without recording. Ids come from `ids`, so that it can be done twice.
    pub(crate) fn decide(&self, sent: &Sent, ids: &mut u128) -> Result<Decision, NotDecided> {
        let call = Call {
            now: self.now,
            occurred_at: sent.occurred_at,
            has_evidence: sent.has_evidence,
            imported: sent.imported,
            event: next(ids),
        };
        let mut ticket = self.ticket().clone();
        let drafts = command::decide(&mut ticket, &sent.command, call, self.surroundings(), || next(ids))?;
        Ok(Decision { drafts, ticket })
    }

    pub(crate) fn surroundings(&self) -> Surroundings<'_> {
        Surroundings { contract: &self.contract, book: &self.book, prepaid: &self.prepaid }
    }

    /// The ids that the next command will draw from.
    pub(crate) fn ids(&self) -> u128 {
        self.ids
    }

    /// Decides and records, now.
    pub(crate) fn send(&mut self, sent: impl Into<Sent>) -> Result<EventId, Refusal> {
        let mut ids = self.ids;
        let decision = self.decide(&sent.into(), &mut ids).map_err(refusal)?;
        let command = decision.drafts[0].id;
        self.ids = ids;
        self.record(command, decision);
        Ok(command)
    }

    fn record(&mut self, command: EventId, decision: Decision) {
        for draft in decision.drafts {
            let stream = match &draft.event {
                Event::PrepaidDrawn(drawn) => {
                    self.prepaid.drawn(&drawn.draws);
                    Stream::Prepaid
                }
                _ => Stream::Ticket(self.current),
            };
            self.append(draft.id, draft.at, command, stream, draft.event);
        }
        self.tickets[self.current] = decision.ticket;
    }

    /// What follows is recorded at this time of the clock; it must be accepted.
    pub(crate) fn then(&mut self, when: &str, sent: impl Into<Sent>) -> EventId {
        self.clock(at(when));
        self.send(sent).unwrap_or_else(|refusal| panic!("refused at {when}: {refusal:?}"))
    }

    /// It must be refused, for this reason, and nothing may have changed.
    pub(crate) fn refuses(&mut self, when: &str, sent: impl Into<Sent>, reason: &str) {
        self.clock(at(when));
        let before = format!("{:?} {:?}", self.tickets, self.prepaid);
        let log = self.log.len();
        let refused = self.send(sent).expect_err("accepted");
        assert_eq!(refused.reason, reason, "{refused:?}");
        assert_eq!((format!("{:?} {:?}", self.tickets, self.prepaid), self.log.len()), (before, log));
    }

    /// Work that fills its window, logged when it ends or, if that is past, now.
    pub(crate) fn work(&mut self, by: &str, activity: Activity, from: &str, to: &str) -> EventId {
        self.then(to, log_work(by, activity, from, to))
    }

    /// Work of some minutes somewhere within its window.
    pub(crate) fn work_within(&mut self, by: &str, from: &str, to: &str, minutes: i64) -> EventId {
        let command = Command::LogWork {
            activity: Execution,
            performer: staff(by),
            from: second(from),
            to: second(to),
            duration_seconds: Some(minutes * 60),
        };
        self.then(to, command)
    }
}

/// Ids count up, so that two plays of one history give the same log.
fn next(ids: &mut u128) -> EventId {
    *ids += 1;
    EventId(Uuid::from_u128(*ids))
}

fn publication(toml: &str, version: i64) -> PolicyPublished {
    let policy = Policy::from_toml(toml).unwrap();
    PolicyPublished {
        document: String::from_utf8(policy.canonical_json().to_vec()).unwrap(),
        hash: policy.hash().iter().map(|byte| format!("{byte:02x}")).collect(),
        name: policy.name().to_owned(),
        version,
    }
}
