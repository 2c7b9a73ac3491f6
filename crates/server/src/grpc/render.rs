//! The domain's states and stored rows into messages.

use std::collections::BTreeSet;

use beleg_domain::book::Published;
use beleg_domain::contract::{Contract, Terms};
use beleg_domain::cost::{ActivityStatus, Turn};
use beleg_domain::event::{Basis, Limit, Offer, Segment};
use beleg_domain::facts::{Account, Activity, Behaviour, Class, FaultCause, Findings, Impact, Reproducible};
use beleg_domain::policy::{Policy, Rule, RuleId, When};
use beleg_domain::ticket::{Status, Ticket};
use beleg_domain::time::Timestamp;
use beleg_store::{Appended, StoredEvent};
use uuid::Uuid;

use crate::command::Accepted;
use crate::pb;

pub(crate) fn at(at: Timestamp) -> prost_types::Timestamp {
    micros(at.micros())
}

pub(crate) fn micros(us: i64) -> prost_types::Timestamp {
    let nanos = i32::try_from(us.rem_euclid(1_000_000) * 1_000).unwrap_or(0);
    prost_types::Timestamp { seconds: us.div_euclid(1_000_000), nanos }
}

pub(crate) fn money(currency: &str, amount_minor: i64) -> pb::Money {
    pb::Money { currency_code: currency.to_owned(), amount_minor }
}

pub(crate) fn receipt(accepted: &Accepted) -> pb::Receipt {
    let Appended { events, recorded_at_us, first_position, .. } = &accepted.receipt;
    let reference = |event: &beleg_store::AppendedEvent| pb::EventRef {
        event_id: event.event_id.to_string(),
        r#type: event.event_type.to_string(),
        stream: event.stream.to_string(),
        version: event.version,
        position: event.position,
    };
    pb::Receipt {
        position: events.last().map_or(*first_position, |event| event.position),
        events: events.iter().map(reference).collect(),
        stream_version: accepted.stream_version,
        recorded_at: Some(micros(*recorded_at_us)),
    }
}

pub(crate) fn class(class: Class) -> pb::Class {
    match class {
        Class::BaseSoftwareBug => pb::Class::BaseSoftwareBug,
        Class::CustomizingBug => pb::Class::CustomizingBug,
        Class::PlatformFault => pb::Class::PlatformFault,
        Class::ServiceRequest => pb::Class::ServiceRequest,
        Class::ChangeRequest => pb::Class::ChangeRequest,
        Class::Undetermined => pb::Class::Undetermined,
    }
}

pub(crate) fn account(account: Account) -> pb::Account {
    match account {
        Account::Free => pb::Account::Free,
        Account::Billable => pb::Account::Billable,
        Account::Covered => pb::Account::Covered,
        Account::Withheld => pb::Account::Withheld,
    }
}

pub(crate) fn impact(impact: Impact) -> pb::Impact {
    match impact {
        Impact::Incident => pb::Impact::Incident,
        Impact::Request => pb::Impact::Request,
    }
}

pub(crate) fn activity(activity: Activity) -> pb::Activity {
    match activity {
        Activity::Diagnosis => pb::Activity::Diagnosis,
        Activity::Execution => pb::Activity::Execution,
    }
}

pub(crate) fn status(status: Status) -> pb::TicketStatus {
    match status {
        Status::Open => pb::TicketStatus::Open,
        Status::Resolved => pb::TicketStatus::Resolved,
        Status::Closed => pb::TicketStatus::Closed,
    }
}

pub(crate) fn turn(turn: Turn) -> pb::Turn {
    match turn {
        Turn::Provider => pb::Turn::Provider,
        Turn::Customer => pb::Turn::Customer,
        Turn::Nobody => pb::Turn::Nobody,
    }
}

fn findings(findings: Findings) -> pb::Findings {
    let behaviour = match findings.behaviour {
        Behaviour::Deviates => pb::Behaviour::Deviates,
        Behaviour::Conforms => pb::Behaviour::Conforms,
        Behaviour::ChangeWanted => pb::Behaviour::ChangeWanted,
    };
    let cause = match findings.cause {
        FaultCause::BaseSoftware => pb::FaultCause::BaseSoftware,
        FaultCause::Customizing => pb::FaultCause::Customizing,
        FaultCause::Platform => pb::FaultCause::Platform,
        FaultCause::CustomerSide => pb::FaultCause::CustomerSide,
        FaultCause::ThirdParty => pb::FaultCause::ThirdParty,
        FaultCause::NoneFound => pb::FaultCause::NoneFound,
    };
    let reproducible = match findings.reproducible_in_standard {
        Reproducible::Yes => pb::Reproducible::Yes,
        Reproducible::OnlyWithCustomizing => pb::Reproducible::OnlyWithCustomizing,
        Reproducible::No => pb::Reproducible::No,
        Reproducible::NotTested => pb::Reproducible::NotTested,
    };
    pb::Findings {
        behaviour: behaviour.into(),
        cause: cause.into(),
        reproducible_in_standard: reproducible.into(),
        security_relevant: findings.security_relevant,
    }
}

fn limit(limit: Limit, currency: &str) -> pb::Limit {
    use pb::limit::Kind;
    let kind = match limit {
        Limit::Minutes(minutes) => Kind::Minutes(minutes),
        Limit::Minor(minor) => Kind::Money(money(currency, minor)),
        Limit::Unlimited => Kind::Unlimited(true),
    };
    pb::Limit { kind: Some(kind) }
}

pub(crate) fn classification(of: &beleg_domain::ticket::Classification) -> pb::Classification {
    pb::Classification {
        classification_id: of.event.to_string(),
        class: class(of.class).into(),
        rule: of.rule.to_string(),
        charge: of.charge.to_string(),
        occurred_at: Some(at(of.at)),
        policy_name: of.policy.name.to_string(),
        policy_version: of.policy.version,
    }
}

/// A segment as a ticket shows it; positions of causes stand in the ledger's entries.
pub(crate) fn segment(segment: &Segment, currency: &str) -> pb::Segment {
    let cause = |cause: &beleg_domain::event::Cause| pb::Cause {
        role: cause.role.as_str().to_owned(),
        event_id: if cause.event.0.is_nil() { String::new() } else { cause.event.to_string() },
        position: 0,
    };
    pb::Segment {
        from: Some(at(segment.from.timestamp())),
        to: Some(at(segment.to.timestamp())),
        worked_seconds: segment.worked_seconds,
        billed_seconds: segment.billed_seconds,
        hourly_rate_minor: segment.hourly_rate_minor,
        amount: Some(money(currency, segment.amount_minor)),
        account: account(segment.account).into(),
        rule: segment.rule.to_string(),
        clause: segment.clause.to_string(),
        causes: segment.causes.iter().map(cause).collect(),
        policy_name: segment.policy.name.to_string(),
        policy_version: segment.policy.version,
    }
}

/// A ticket without its work, which comes in parts, and without its texts and its
/// origin, which are not of its history.
pub(crate) fn ticket(ticket: &Ticket, position: i64, currency: &str) -> pb::Ticket {
    let settled = |to: Status| ticket.transitions.iter().rfind(|t| t.to == to && ticket.status() != Status::Open);
    let information = |i: &beleg_domain::ticket::Information| pb::Information {
        information_id: i.event.to_string(),
        classification_id: i.classification.to_string(),
        occurred_at: Some(at(i.at)),
        offer: match i.offer {
            Offer::None => None,
            Offer::EstimateMinutes(minutes) => Some(pb::information::Offer::EstimateMinutes(minutes)),
            Offer::QuoteMinor(minor) => Some(pb::information::Offer::Quote(money(currency, minor))),
        },
        declined: ticket.declines.iter().any(|d| ticket.informations[d.information].event == i.event),
    };
    let approval = |a: &beleg_domain::ticket::Approval| pb::Approval {
        approval_id: a.event.to_string(),
        information_id: ticket.informations[a.information].event.to_string(),
        basis: match a.basis {
            Basis::Hourly => pb::Basis::Hourly,
            Basis::Quote => pb::Basis::Quote,
        }
        .into(),
        limit: (a.basis == Basis::Hourly).then(|| limit(a.limit, currency)),
        given_at: Some(at(a.at)),
        valid_until: a.valid_until.map(at),
        ended_at: a.revoked.map(|(when, _)| at(when)),
    };
    let quotes = ticket.quotes.iter().filter_map(|quote| {
        let posting = quote.standing.as_ref()?;
        Some(pb::QuotePosting {
            approval_id: quote.approval.to_string(),
            amount: Some(money(currency, posting.segment.amount_minor)),
            rule: posting.segment.rule.to_string(),
            occurred_at: Some(at(posting.segment.from.timestamp())),
        })
    });
    pb::Ticket {
        ticket_id: ticket.id.to_string(),
        customer_id: ticket.customer.to_string(),
        reference: ticket
            .reference
            .as_ref()
            .map(|r| pb::Reference { system: r.system.to_string(), number: r.number.to_string() }),
        impact: impact(ticket.impact).into(),
        status: status(ticket.status()).into(),
        opened_at: Some(at(ticket.opened_at)),
        diagnosis_started_at: ticket.diagnosis_started_at.map(at),
        resolved_at: settled(Status::Resolved).map(|t| at(t.at)),
        closed_at: settled(Status::Closed).map(|t| at(t.at)),
        findings: ticket.findings.map(findings),
        classification: ticket.class_in_force().map(classification),
        informations: ticket.informations.iter().map(information).collect(),
        approvals: ticket.approvals.iter().map(approval).collect(),
        work: Vec::new(),
        charged: Some(money(currency, ticket.charged_minor())),
        version: ticket.version,
        position,
        origin: None,
        personal: Vec::new(),
        quotes: quotes.collect(),
    }
}

/// A work entry and where it stands.
pub(crate) fn work(work: &beleg_domain::ticket::Work, currency: &str) -> pb::Work {
    pb::Work {
        work_id: work.event.to_string(),
        activity: activity(work.activity).into(),
        performer_id: work.performer.to_string(),
        from: Some(at(work.from.timestamp())),
        to: Some(at(work.to.timestamp())),
        duration_seconds: work.duration_seconds,
        voided: work.voided.is_some(),
        segments: work.standing.iter().map(|posting| segment(&posting.segment, currency)).collect(),
    }
}

pub(crate) fn personal(event: &StoredEvent) -> Vec<pb::PersonalField> {
    let field = |field: &beleg_store::StoredPersonal| pb::PersonalField {
        name: field.name.to_string(),
        text: field.bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned()),
        commitment: field.commitment.to_vec(),
    };
    event.personal.iter().map(field).collect()
}

/// An id as text. A history writes three of them per event, so without a formatter.
fn id(id: Uuid) -> String {
    id.hyphenated().encode_lower(&mut Uuid::encode_buffer()).to_owned()
}

pub(crate) fn event(stored: StoredEvent) -> pb::Event {
    pb::Event {
        personal: personal(&stored),
        position: stored.position,
        stream: stored.stream.to_string(),
        version: stored.version,
        event_id: id(stored.event_id),
        r#type: stored.event_type.to_string(),
        schema_version: i32::from(stored.schema_version),
        occurred_at: Some(micros(stored.occurred_at_us)),
        recorded_at: Some(micros(stored.recorded_at_us)),
        request_id: id(stored.request_id),
        causation_id: stored.causation_id.map(id),
        correlation_id: stored.correlation_id.map(id),
        actor: stored.actor.to_string(),
        origin: stored.origin.map(|origin| origin.to_string()),
        payload: stored.payload.into(),
        leaf_hash: prost::bytes::Bytes::copy_from_slice(&stored.leaf_hash),
    }
}

fn text(text: &beleg_domain::policy::Text) -> pb::Text {
    pb::Text { de: text.de.clone(), en: text.en.clone() }
}

pub(crate) fn rule(rule: &Rule) -> pb::Rule {
    pb::Rule {
        id: rule.id.to_string(),
        account: rule.account.map(|account| account.to_string()).unwrap_or_default(),
        clause: rule.clause.to_string(),
        text: Some(text(&rule.text)),
    }
}

pub(crate) fn clause(clause: &beleg_domain::policy::Clause) -> pb::Clause {
    pb::Clause { id: clause.id.to_string(), heading: clause.heading.clone(), text: Some(text(&clause.text)) }
}

pub(crate) fn policy_version(published: &Published) -> pb::PolicyVersion {
    pb::PolicyVersion {
        name: published.pin.name.to_string(),
        version: published.pin.version,
        content_hash: published.pin.hash.to_string(),
        published_at: Some(at(published.at)),
        event_id: published.event.to_string(),
    }
}

pub(crate) fn classification_rows(policy: &Policy) -> Vec<pb::ClassificationRow> {
    let other = |(cause, charge): (&FaultCause, &RuleId)| pb::ChargeByCause {
        cause: cause.to_string(),
        charge: charge.to_string(),
    };
    let row = |row: &beleg_domain::policy::Row| pb::ClassificationRow {
        rule: row.rule.to_string(),
        class: row.class.to_string(),
        charge: row.charge.to_string(),
        when: Some(condition(&row.when)),
        charge_by_cause: row.charge_by_cause.iter().map(other).collect(),
    };
    policy.rows().iter().map(row).collect()
}

fn condition(when: &When) -> pb::Condition {
    pb::Condition {
        behaviours: words(when.behaviour.as_ref()),
        causes: words(when.cause.as_ref()),
        reproducible: words(when.reproducible.as_ref()),
        security_relevant: when.security_relevant.iter().flatten().copied().collect(),
    }
}

/// The words of what is allowed; none where anything is, for a published row allows something of everything.
fn words<T: ToString>(allowed: Option<&BTreeSet<T>>) -> Vec<String> {
    allowed.into_iter().flatten().map(ToString::to_string).collect()
}

pub(crate) fn activity_status(status: &ActivityStatus, policy: Option<&Policy>) -> pb::ActivityStatus {
    let shown = segment(&status.segment, "");
    pb::ActivityStatus {
        activity: activity(status.activity).into(),
        account: account(status.segment.account).into(),
        rule: policy.and_then(|policy| policy.rule(&status.segment.rule)).map(rule),
        causes: shown.causes,
        changes: status.changes.iter().map(|change| (*change).to_owned()).collect(),
    }
}

fn terms(terms: &Terms, currency: &str) -> pb::Terms {
    let classes = |classes: &[Class]| classes.iter().map(|of| class(*of).into()).collect();
    pb::Terms {
        policy: terms.policy.clone(),
        hourly_rate: terms.hourly_rate_minor.map(|rate| pb::HourlyRate { amount_minor: rate.agreed }),
        increment: terms.increment_minutes.map(|minutes| pb::Increment { minutes: minutes.agreed }),
        exemptions: terms.exemptions.as_ref().map(|of| pb::Exemptions { classes: classes(of) }),
        standing_approval: terms.standing_approval.as_ref().map(|standing| pb::StandingApproval {
            classes: classes(&standing.classes),
            limit: Some(limit(standing.limit, currency)),
        }),
        prepaid_minutes: terms.prepaid_minutes,
    }
}

pub(crate) fn contract(contract: &Contract, prepaid_left_seconds: i64) -> pb::Contract {
    let currency = contract.currency.as_str();
    let version = |(number, version): (i64, &beleg_domain::contract::Version)| pb::ContractVersion {
        version: number,
        event_id: version.event.to_string(),
        effective_date: version.effective_date.to_string(),
        effective_at: Some(at(version.effective_at)),
        recorded_at: Some(at(version.recorded_at)),
        terms: Some(terms(&version.terms, currency)),
    };
    pb::Contract {
        customer_id: contract.customer.to_string(),
        currency_code: currency.to_owned(),
        time_zone: contract.time_zone.name().to_owned(),
        version: contract.version(),
        versions: (1..).zip(&contract.versions).map(version).collect(),
        prepaid_left_seconds,
    }
}
