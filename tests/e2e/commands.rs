//! Generated commands over the wire: steps choose among what is there, and become requests that can be sent again.

use beleg_server::pb;
use proptest::prelude::*;
use prost::Message as _;
use tonic::Status;
use uuid::Uuid;

use crate::house::{House, at, id};

/// One step of a day; numbers choose among what is there.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Wait(u32),
    Open,
    /// One of two tickets at most.
    Switch(usize),
    Findings(usize),
    /// A quote, if it is more than 600 minor units; so many minutes late.
    Inform(i64, u32),
    Approve {
        of: usize,
        limit: pb::limit::Kind,
        late: u32,
    },
    Decline(usize),
    Revoke(usize),
    Work {
        minutes: u32,
        shorter: u32,
        is_diagnosis: bool,
        by: usize,
    },
    Void(usize),
    Resolve,
    Close,
    Reopen,
    Reassess,
    Rate(i64),
    Prepaid(i64),
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let begun = (0..3_usize, 0..900_i64, limit()).prop_map(|(found, offer, limit)| {
        let released = Step::Approve { of: 0, limit, late: 0 };
        vec![Step::Open, Step::Findings(found), Step::Wait(5), Step::Inform(offer, 0), Step::Wait(5), released]
    });
    (begun, prop::collection::vec(step(), 6..22)).prop_map(|(begun, more)| [begun, more].concat())
}

fn step() -> impl Strategy<Value = Step> {
    let late = || prop_oneof![3 => Just(0_u32), 1 => 1..40_u32];
    let work = (1..50_u32, prop_oneof![3 => Just(0_u32), 1 => 0..20_u32], prop::bool::weighted(0.2), 0..2_usize);
    prop_oneof![
        2 => (1..30_u32).prop_map(Step::Wait),
        1 => Just(Step::Open),
        1 => (0..2_usize).prop_map(Step::Switch),
        3 => (0..6_usize).prop_map(Step::Findings),
        2 => (0..900_i64, late()).prop_map(|(offer, late)| Step::Inform(offer, late)),
        3 => (0..2_usize, limit(), late()).prop_map(|(of, limit, late)| Step::Approve { of, limit, late }),
        1 => (0..2_usize).prop_map(Step::Decline),
        1 => (0..2_usize).prop_map(Step::Revoke),
        9 => work.prop_map(|(minutes, shorter, is_diagnosis, by)| Step::Work { minutes, shorter, is_diagnosis, by }),
        2 => (0..4_usize).prop_map(Step::Void),
        1 => Just(Step::Resolve),
        1 => Just(Step::Close),
        1 => Just(Step::Reopen),
        1 => Just(Step::Reassess),
        1 => (1..30_000_i64).prop_map(Step::Rate),
        1 => (1..90_i64).prop_map(Step::Prepaid),
    ]
}

fn limit() -> impl Strategy<Value = pb::limit::Kind> {
    let money = |amount_minor| pb::limit::Kind::Money(pb::Money { currency_code: "EUR".into(), amount_minor });
    prop_oneof![
        Just(pb::limit::Kind::Unlimited(true)),
        (1..90_i64).prop_map(pb::limit::Kind::Minutes),
        (1..15_000_i64).prop_map(money),
    ]
}

/// A request of any kind, to be sent as often as wanted.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    Open(pb::OpenTicketRequest),
    Findings(pb::RecordFindingsRequest),
    Inform(pb::InformCustomerRequest),
    Approve(pb::GiveApprovalRequest),
    Decline(pb::DeclineApprovalRequest),
    Revoke(pb::RevokeApprovalRequest),
    Work(pb::LogWorkRequest),
    Void(pb::VoidWorkRequest),
    Resolve(pb::ResolveTicketRequest),
    Close(pb::CloseTicketRequest),
    Reopen(pb::ReopenTicketRequest),
    Reassess(pb::ReassessTicketRequest),
    Amend(pb::AmendContractRequest),
}

impl Command {
    /// Sends it and gives the answer's bytes.
    pub(crate) async fn send(&self, house: &House) -> Result<Vec<u8>, Status> {
        macro_rules! sent {
            ($client:ident . $method:ident ( $message:expr )) => {
                house
                    .$client()
                    .$method(house.call($message.clone()))
                    .await
                    .map(|said| said.into_inner().encode_to_vec())
            };
        }
        match self {
            Self::Open(m) => sent!(tickets.open_ticket(m)),
            Self::Findings(m) => sent!(tickets.record_findings(m)),
            Self::Inform(m) => sent!(tickets.inform_customer(m)),
            Self::Approve(m) => sent!(tickets.give_approval(m)),
            Self::Decline(m) => sent!(tickets.decline_approval(m)),
            Self::Revoke(m) => sent!(tickets.revoke_approval(m)),
            Self::Work(m) => sent!(tickets.log_work(m)),
            Self::Void(m) => sent!(tickets.void_work(m)),
            Self::Resolve(m) => sent!(tickets.resolve_ticket(m)),
            Self::Close(m) => sent!(tickets.close_ticket(m)),
            Self::Reopen(m) => sent!(tickets.reopen_ticket(m)),
            Self::Reassess(m) => sent!(tickets.reassess_ticket(m)),
            Self::Amend(m) => sent!(contracts.amend_contract(m)),
        }
    }
}

/// What a history's accepted commands made, by ids that the caller chose.
#[derive(Default)]
struct Made {
    ticket: String,
    informations: Vec<(String, bool)>,
    approvals: Vec<String>,
    work: Vec<String>,
}

/// Turns steps into commands, as far as what they name is there.
pub(crate) struct Player {
    /// Minutes of the day.
    now: u32,
    tickets: Vec<Made>,
    current: usize,
}

/// The day ends before midnight, for the house's clock has no date.
const MINUTES_MAX: u32 = 23 * 60 + 59;

impl Player {
    pub(crate) fn new() -> Self {
        Self { now: 9 * 60, tickets: Vec::new(), current: 0 }
    }

    pub(crate) fn tickets(&self) -> impl Iterator<Item = &str> {
        self.tickets.iter().map(|made| made.ticket.as_str())
    }

    /// The command that a step is, and the house's clock set to it.
    pub(crate) fn command(&mut self, step: &Step, house: &mut House) -> Option<Command> {
        if let Step::Wait(minutes) | Step::Work { minutes, .. } = step {
            self.now = (self.now + minutes).min(MINUTES_MAX);
        }
        house.now = clock(self.now);
        if let Step::Open = step {
            if self.tickets.len() == 2 {
                return None;
            }
            self.current = self.tickets.len();
            self.tickets.push(Made { ticket: id(), ..Made::default() });
        }
        if let Step::Switch(ticket) = step {
            self.current = ticket % self.tickets.len().max(1);
        }
        let made = self.tickets.get(self.current)?;
        let (request_id, ticket_id) = (id(), made.ticket.clone());
        let latest = |of: &usize, all: &[String]| all.get(all.len().checked_sub(1 + of)?).cloned();
        let back = |late: &u32| (*late > 0).then(|| at(&clock(self.now.saturating_sub(*late))));
        let reason = || "as agreed".to_owned();
        Some(match step {
            Step::Wait(_) | Step::Switch(_) => return None,
            Step::Open => Command::Open(pb::OpenTicketRequest {
                request_id,
                ticket_id: Some(ticket_id),
                customer_id: "acme".into(),
                impact: pb::Impact::Incident.into(),
                ..Default::default()
            }),
            Step::Findings(which) => {
                let findings = Some(findings(*which));
                Command::Findings(pb::RecordFindingsRequest { request_id, ticket_id, findings, ..Default::default() })
            }
            Step::Inform(offer, late) => Command::Inform(pb::InformCustomerRequest {
                request_id,
                ticket_id,
                information_id: Some(id()),
                occurred_at: back(late),
                offer: Some(match offer {
                    601.. => pb::inform_customer_request::Offer::Quote(pb::Money {
                        currency_code: "EUR".into(),
                        amount_minor: *offer,
                    }),
                    _ => pb::inform_customer_request::Offer::EstimateMinutes(60),
                }),
                evidence: "a letter".into(),
                ..Default::default()
            }),
            Step::Approve { of, limit, late } => {
                let (information_id, is_quote) =
                    made.informations.get(made.informations.len().checked_sub(1 + of)?)?.clone();
                Command::Approve(pb::GiveApprovalRequest {
                    request_id,
                    ticket_id,
                    approval_id: Some(id()),
                    information_id,
                    basis: if is_quote { pb::Basis::Quote } else { pb::Basis::Hourly }.into(),
                    limit: (!is_quote).then(|| pb::Limit { kind: Some(limit.clone()) }),
                    occurred_at: back(late),
                    evidence: "a letter".into(),
                    ..Default::default()
                })
            }
            Step::Decline(of) => {
                let (information_id, _) = made.informations.get(made.informations.len().checked_sub(1 + of)?)?.clone();
                Command::Decline(pb::DeclineApprovalRequest {
                    request_id,
                    ticket_id,
                    information_id,
                    ..Default::default()
                })
            }
            Step::Revoke(of) => {
                let approval_id = latest(of, &made.approvals)?;
                Command::Revoke(pb::RevokeApprovalRequest { request_id, ticket_id, approval_id, ..Default::default() })
            }
            Step::Work { minutes, shorter, is_diagnosis, by } => {
                let seconds = i64::from(*minutes) * 60 - i64::from(*shorter) * 45;
                Command::Work(pb::LogWorkRequest {
                    request_id,
                    ticket_id,
                    work_id: Some(id()),
                    activity: if *is_diagnosis { pb::Activity::Diagnosis } else { pb::Activity::Execution }.into(),
                    performer_id: ["anna", "ben"][*by].into(),
                    from: Some(at(&clock(self.now - minutes))),
                    to: Some(at(&clock(self.now))),
                    duration_seconds: Some(seconds.max(1)),
                    ..Default::default()
                })
            }
            Step::Void(of) => {
                let work_id = latest(of, &made.work)?;
                Command::Void(pb::VoidWorkRequest {
                    request_id,
                    ticket_id,
                    work_id,
                    reason: reason(),
                    ..Default::default()
                })
            }
            Step::Resolve => Command::Resolve(pb::ResolveTicketRequest { request_id, ticket_id, ..Default::default() }),
            Step::Close => Command::Close(pb::CloseTicketRequest { request_id, ticket_id, ..Default::default() }),
            Step::Reopen => Command::Reopen(pb::ReopenTicketRequest { request_id, ticket_id, ..Default::default() }),
            Step::Reassess => Command::Reassess(pb::ReassessTicketRequest {
                request_id,
                ticket_id,
                reason: reason(),
                ..Default::default()
            }),
            Step::Rate(amount) => amend(pb::Terms {
                hourly_rate: Some(pb::HourlyRate { amount_minor: Some(*amount) }),
                ..Default::default()
            }),
            Step::Prepaid(minutes) => amend(pb::Terms { prepaid_minutes: Some(*minutes), ..Default::default() }),
        })
    }

    /// Remembers what an accepted command made.
    pub(crate) fn accepted(&mut self, command: &Command) {
        let made = &mut self.tickets[self.current];
        match command {
            Command::Inform(m) => {
                let is_quote = matches!(m.offer, Some(pb::inform_customer_request::Offer::Quote(_)));
                made.informations.extend(m.information_id.clone().map(|id| (id, is_quote)));
            }
            Command::Approve(m) => made.approvals.extend(m.approval_id.clone()),
            Command::Work(m) => made.work.extend(m.work_id.clone()),
            _ => {}
        }
    }
}

fn clock(minutes: u32) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

fn amend(terms: pb::Terms) -> Command {
    Command::Amend(pb::AmendContractRequest {
        request_id: Uuid::new_v4().to_string(),
        customer_id: "acme".into(),
        effective_date: "2026-03-02".into(),
        terms: Some(terms),
        ..Default::default()
    })
}

/// The first three are chargeable.
fn findings(which: usize) -> pb::Findings {
    use pb::{Behaviour, FaultCause, Reproducible};
    let (behaviour, cause, reproducible) = [
        (Behaviour::Deviates, FaultCause::Customizing, Reproducible::No),
        (Behaviour::ChangeWanted, FaultCause::BaseSoftware, Reproducible::NotTested),
        (Behaviour::Deviates, FaultCause::ThirdParty, Reproducible::No),
        (Behaviour::Deviates, FaultCause::BaseSoftware, Reproducible::Yes),
        (Behaviour::Deviates, FaultCause::Platform, Reproducible::NotTested),
        (Behaviour::Deviates, FaultCause::NoneFound, Reproducible::No),
    ][which];
    pb::Findings {
        behaviour: behaviour.into(),
        cause: cause.into(),
        reproducible_in_standard: reproducible.into(),
        security_relevant: false,
    }
}
