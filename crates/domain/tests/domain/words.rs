//! Short ways to say instants, terms, findings and commands.

use beleg_domain::contract::{Agreed, Terms};
use beleg_domain::event::{Basis, Limit, Offer};
use beleg_domain::facts::{Activity, Behaviour, FaultCause, Findings, Reproducible};
use beleg_domain::ids::{CustomerId, EventId, StaffId};
use beleg_domain::money::Currency;
use beleg_domain::ticket::command::Command;
use beleg_domain::time::{Date, Second, Timestamp};

pub(crate) use Activity::{Diagnosis, Execution};

/// Seconds of a minute.
pub(crate) const MIN: i64 = 60;

/// An instant of the tests' one week: `09:10`, `09:10:30`, `09:10:30.000001`, each
/// of Monday 2 March 2026, or with a date before it, as in `03-05 09:10`.
pub(crate) fn at(text: &str) -> Timestamp {
    let (date, time) = text.split_once(' ').unwrap_or(("03-02", text));
    let seconds = if time.len() == 5 { ":00" } else { "" };
    Timestamp::parse(&format!("2026-{date}T{time}{seconds}Z")).unwrap()
}

/// A whole second, written as [`at`] reads it.
pub(crate) fn second(text: &str) -> Second {
    at(text).whole_second().unwrap()
}

pub(crate) fn date(text: &str) -> Date {
    Date::parse(&format!("2026-{text}")).unwrap()
}

pub(crate) fn staff(name: &str) -> StaffId {
    StaffId::parse("performer_id", name).unwrap()
}

pub(crate) fn customer() -> CustomerId {
    CustomerId::parse("customer_id", "c-1").unwrap()
}

pub(crate) fn currency(code: &str) -> Currency {
    Currency::parse("currency_code", code).unwrap()
}

/// The first terms of a contract: the shipped policy, one rate, nothing else.
pub(crate) fn hourly(rate_minor: i64) -> Terms {
    Terms { policy: Some("support".into()), hourly_rate_minor: agreed(rate_minor), ..Terms::default() }
}

pub(crate) fn agreed(number: i64) -> Option<Agreed> {
    Some(Agreed { agreed: Some(number) })
}

pub(crate) fn no_longer_agreed() -> Option<Agreed> {
    Some(Agreed { agreed: None })
}

/// 120.00 EUR an hour: a minute costs 2.00, a second 3⅓ cents.
pub(crate) const RATE: i64 = 12_000;

fn findings(behaviour: Behaviour, cause: FaultCause, reproducible: Reproducible) -> Findings {
    Findings { behaviour, cause, reproducible_in_standard: reproducible, security_relevant: false }
}

pub(crate) fn customizing() -> Findings {
    findings(Behaviour::Deviates, FaultCause::Customizing, Reproducible::No)
}
pub(crate) fn base_software() -> Findings {
    findings(Behaviour::Deviates, FaultCause::BaseSoftware, Reproducible::Yes)
}
pub(crate) fn platform() -> Findings {
    findings(Behaviour::Deviates, FaultCause::Platform, Reproducible::NotTested)
}
pub(crate) fn change_wanted() -> Findings {
    findings(Behaviour::ChangeWanted, FaultCause::Customizing, Reproducible::NotTested)
}
pub(crate) fn customer_side() -> Findings {
    findings(Behaviour::Deviates, FaultCause::CustomerSide, Reproducible::No)
}
pub(crate) fn third_party() -> Findings {
    findings(Behaviour::Deviates, FaultCause::ThirdParty, Reproducible::No)
}
pub(crate) fn unexplained() -> Findings {
    findings(Behaviour::Deviates, FaultCause::NoneFound, Reproducible::No)
}

pub(crate) fn estimate(minutes: i64) -> Offer {
    Offer::EstimateMinutes(minutes)
}

pub(crate) fn inform(offer: Offer) -> Command {
    Command::Inform { classification: None, offer, currency: None }
}

/// Hourly work, released as far as the limit says.
pub(crate) fn hourly_approval(information: EventId, limit: Limit) -> Command {
    let (basis, limit) = (Basis::Hourly, Some(limit));
    Command::Approve { information, basis, limit, currency: None, valid_until: None }
}

pub(crate) fn quote_approval(information: EventId) -> Command {
    let (basis, limit) = (Basis::Quote, None);
    Command::Approve { information, basis, limit, currency: None, valid_until: None }
}

pub(crate) fn record(findings: Findings) -> Command {
    Command::RecordFindings { findings, expected: None }
}

pub(crate) fn log_work(by: &str, activity: Activity, from: &str, to: &str) -> Command {
    let (from, to) = (second(from), second(to));
    Command::LogWork { activity, performer: staff(by), from, to, duration_seconds: None }
}

/// A command and what belongs to its call.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) command: Command,
    pub(crate) occurred_at: Option<Timestamp>,
    pub(crate) has_evidence: bool,
    pub(crate) imported: bool,
}

impl From<Command> for Sent {
    fn from(command: Command) -> Self {
        Self { command, occurred_at: None, has_evidence: false, imported: false }
    }
}

/// Late, and with evidence.
pub(crate) fn late(occurred: &str, command: Command) -> Sent {
    Sent { occurred_at: Some(at(occurred)), has_evidence: true, ..command.into() }
}
