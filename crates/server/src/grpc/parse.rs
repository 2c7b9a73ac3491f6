//! Messages into the domain's types. A bad field ends here.

use beleg_domain::contract::{Agreed, StandingApproval, Terms};
use beleg_domain::event::{Basis, Limit, Offer};
use beleg_domain::facts::{Activity, Behaviour, Class, FaultCause, Findings, Impact, Reproducible};
use beleg_domain::ids::{EventId, OpaqueId, Reference};
use beleg_domain::money::Currency;
use beleg_domain::refusal::Refusal;
use beleg_domain::time::{Second, Timestamp};
use tonic::metadata::MetadataMap;
use uuid::Uuid;

use crate::call::CallInfo;
use crate::pb;
use crate::request::Request;

/// The longest text about people.
const TEXT_BYTES_MAX: usize = 16 * 1024;

type Parsed<T> = Result<T, Refusal>;

/// What every command message holds.
pub(crate) struct Envelope<'a> {
    pub(crate) rpc: &'static str,
    pub(crate) request_id: &'a str,
    pub(crate) expected_version: Option<i64>,
    pub(crate) occurred_at: Option<prost_types::Timestamp>,
    pub(crate) chosen_id: Option<(&'static str, &'a str)>,
    pub(crate) personal: &'a [(&'static str, &'a str)],
}

/// Reads what every command holds.
pub(crate) fn request(metadata: &MetadataMap, envelope: Envelope<'_>) -> Parsed<Request> {
    let call = CallInfo::read(metadata)?;
    let id = Uuid::try_parse(envelope.request_id).ok().filter(|_| envelope.request_id.len() == 36);
    if id.is_some_and(|id| id.is_nil()) {
        let what = "request_id is the nil UUID, which names nothing; choose a new one for every command";
        return Err(Refusal::malformed("request_id", what));
    }
    let id = id.ok_or_else(|| {
        Refusal::malformed(
            "request_id",
            format!("request_id is not a UUID: {:.80?}; choose a new one for every command", envelope.request_id),
        )
    })?;
    if envelope.expected_version.is_some_and(|version| version < 0) {
        return Err(Refusal::malformed("expected_version", "expected_version is negative"));
    }
    let mut personal = Vec::with_capacity(envelope.personal.len());
    for (name, text) in envelope.personal {
        check_text(name, text)?;
        if !text.is_empty() {
            personal.push((*name, (*text).to_owned()));
        }
    }
    Ok(Request {
        method: envelope.rpc,
        call,
        id,
        expected_version: envelope.expected_version,
        occurred_at: envelope.occurred_at.map(|at| timestamp("occurred_at", Some(at))).transpose()?,
        chosen_id: envelope.chosen_id.map(|(field, id)| EventId::parse(field, id)).transpose()?,
        personal,
    })
}

fn check_text(field: &'static str, text: &str) -> Parsed<()> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(Refusal::malformed(
            field,
            format!("{field} has {} bytes, at most {TEXT_BYTES_MAX} are taken", text.len()),
        ));
    }
    if !text.is_empty() && text.trim().is_empty() {
        return Err(blank(field));
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(Refusal::malformed(field, format!("{field} contains control characters")));
    }
    Ok(())
}

/// A text that may be absent, and says something when it is given.
pub(crate) fn given_text<'a>(field: &'static str, text: Option<&'a str>) -> Parsed<&'a str> {
    match text {
        None => Ok(""),
        Some(text) if text.trim().is_empty() => Err(blank(field)),
        Some(text) => Ok(text),
    }
}

fn blank(field: &'static str) -> Refusal {
    Refusal::malformed(field, format!("{field} is blank: say something, or leave it out"))
}

/// A text that must say something.
pub(crate) fn needed_text(field: &'static str, text: &str) -> Parsed<()> {
    if text.trim().is_empty() {
        return Err(Refusal::malformed(field, format!("{field} is empty: say why")));
    }
    Ok(())
}

pub(crate) fn timestamp(field: &'static str, at: Option<prost_types::Timestamp>) -> Parsed<Timestamp> {
    let at = at.ok_or_else(|| Refusal::malformed(field, format!("{field} is missing")))?;
    let micros = at.seconds.checked_mul(1_000_000).and_then(|us| us.checked_add(i64::from(at.nanos) / 1_000));
    let valid = (0..1_000_000_000).contains(&at.nanos);
    micros
        .filter(|_| valid)
        .and_then(Timestamp::from_micros)
        .ok_or_else(|| Refusal::malformed(field, format!("{field} is not between 1970 and 9999")))
}

pub(crate) fn second(field: &'static str, at: Option<prost_types::Timestamp>) -> Parsed<Second> {
    let at = timestamp(field, at)?;
    at.whole_second()
        .ok_or_else(|| Refusal::malformed(field, format!("{field} {at} is not a whole second: work has none smaller")))
}

pub(crate) fn id(field: &'static str, text: &str) -> Parsed<EventId> {
    EventId::parse(field, text)
}

pub(crate) fn reference(reference: Option<&pb::Reference>) -> Parsed<Option<Reference>> {
    let Some(reference) = reference else { return Ok(None) };
    Ok(Some(Reference {
        system: OpaqueId::parse("reference.system", &reference.system)?,
        number: OpaqueId::parse("reference.number", &reference.number)?,
    }))
}

/// The reference of a new ticket. People write it `SYSTEM/NUMBER`, so the system ends at the first slash.
pub(crate) fn new_reference(reference: Option<&pb::Reference>) -> Parsed<Option<Reference>> {
    let parsed = self::reference(reference)?;
    if parsed.as_ref().is_some_and(|reference| reference.system.as_str().contains('/')) {
        let what = "reference.system contains a slash: SYSTEM/NUMBER could not be told apart; only the number may";
        return Err(Refusal::malformed("reference.system", what));
    }
    Ok(parsed)
}

fn unspecified(field: &'static str) -> Refusal {
    Refusal::malformed(field, format!("{field} is missing or not known"))
}

pub(crate) fn impact(value: i32) -> Parsed<Impact> {
    match pb::Impact::try_from(value) {
        Ok(pb::Impact::Incident) => Ok(Impact::Incident),
        Ok(pb::Impact::Request) => Ok(Impact::Request),
        _ => Err(unspecified("impact")),
    }
}

pub(crate) fn activity(value: i32) -> Parsed<Activity> {
    match pb::Activity::try_from(value) {
        Ok(pb::Activity::Diagnosis) => Ok(Activity::Diagnosis),
        Ok(pb::Activity::Execution) => Ok(Activity::Execution),
        _ => Err(unspecified("activity")),
    }
}

pub(crate) fn basis(value: i32) -> Parsed<Basis> {
    match pb::Basis::try_from(value) {
        Ok(pb::Basis::Hourly) => Ok(Basis::Hourly),
        Ok(pb::Basis::Quote) => Ok(Basis::Quote),
        _ => Err(unspecified("basis")),
    }
}

pub(crate) fn findings(findings: Option<pb::Findings>) -> Parsed<Findings> {
    let findings = findings.ok_or_else(|| unspecified("findings"))?;
    let behaviour = match pb::Behaviour::try_from(findings.behaviour) {
        Ok(pb::Behaviour::Deviates) => Behaviour::Deviates,
        Ok(pb::Behaviour::Conforms) => Behaviour::Conforms,
        Ok(pb::Behaviour::ChangeWanted) => Behaviour::ChangeWanted,
        _ => return Err(unspecified("findings.behaviour")),
    };
    let cause = match pb::FaultCause::try_from(findings.cause) {
        Ok(pb::FaultCause::BaseSoftware) => FaultCause::BaseSoftware,
        Ok(pb::FaultCause::Customizing) => FaultCause::Customizing,
        Ok(pb::FaultCause::Platform) => FaultCause::Platform,
        Ok(pb::FaultCause::CustomerSide) => FaultCause::CustomerSide,
        Ok(pb::FaultCause::ThirdParty) => FaultCause::ThirdParty,
        Ok(pb::FaultCause::NoneFound) => FaultCause::NoneFound,
        _ => return Err(unspecified("findings.cause")),
    };
    let reproducible_in_standard = match pb::Reproducible::try_from(findings.reproducible_in_standard) {
        Ok(pb::Reproducible::Yes) => Reproducible::Yes,
        Ok(pb::Reproducible::OnlyWithCustomizing) => Reproducible::OnlyWithCustomizing,
        Ok(pb::Reproducible::No) => Reproducible::No,
        Ok(pb::Reproducible::NotTested) => Reproducible::NotTested,
        _ => return Err(unspecified("findings.reproducible_in_standard")),
    };
    Ok(Findings { behaviour, cause, reproducible_in_standard, security_relevant: findings.security_relevant })
}

pub(crate) fn class(field: &'static str, value: i32) -> Parsed<Class> {
    optional_class(field, value)?.ok_or_else(|| unspecified(field))
}

pub(crate) fn optional_class(field: &'static str, value: i32) -> Parsed<Option<Class>> {
    Ok(Some(match pb::Class::try_from(value) {
        Ok(pb::Class::Unspecified) => return Ok(None),
        Ok(pb::Class::BaseSoftwareBug) => Class::BaseSoftwareBug,
        Ok(pb::Class::CustomizingBug) => Class::CustomizingBug,
        Ok(pb::Class::PlatformFault) => Class::PlatformFault,
        Ok(pb::Class::ServiceRequest) => Class::ServiceRequest,
        Ok(pb::Class::ChangeRequest) => Class::ChangeRequest,
        Ok(pb::Class::Undetermined) => Class::Undetermined,
        Err(_) => return Err(unspecified(field)),
    }))
}

/// A limit, and the currency it names.
pub(crate) fn limit(field: &'static str, limit: Option<pb::Limit>) -> Parsed<Option<(Limit, Option<Currency>)>> {
    let Some(limit) = limit else { return Ok(None) };
    Ok(Some(match limit.kind {
        Some(pb::limit::Kind::Minutes(minutes)) => (Limit::Minutes(minutes), None),
        Some(pb::limit::Kind::Money(money)) => {
            (Limit::Minor(money.amount_minor), Some(Currency::parse(field, &money.currency_code)?))
        }
        Some(pb::limit::Kind::Unlimited(true)) => (Limit::Unlimited, None),
        Some(pb::limit::Kind::Unlimited(false)) | None => {
            return Err(Refusal::malformed(field, "a limit is minutes, money, or unlimited = true"));
        }
    }))
}

/// An offer, and the currency of a quote.
pub(crate) fn offer(offer: Option<pb::inform_customer_request::Offer>) -> Parsed<(Offer, Option<Currency>)> {
    use pb::inform_customer_request::Offer as Message;
    Ok(match offer {
        None => (Offer::None, None),
        Some(Message::EstimateMinutes(minutes)) => (Offer::EstimateMinutes(minutes), None),
        Some(Message::Quote(money)) => {
            (Offer::QuoteMinor(money.amount_minor), Some(Currency::parse("quote.currency_code", &money.currency_code)?))
        }
    })
}

pub(crate) fn terms(terms: Option<pb::Terms>, currency: Option<Currency>) -> Parsed<Terms> {
    let terms = terms.unwrap_or_default();
    let classes =
        |values: &[i32]| values.iter().map(|value| class("terms.classes", *value)).collect::<Result<Vec<_>, _>>();
    let standing_approval = match terms.standing_approval {
        None => None,
        Some(standing) => {
            let limited = limit("terms.standing_approval.limit", standing.limit)?;
            let (limit, named) = match limited {
                Some(limited) => limited,
                None if standing.classes.is_empty() => (Limit::Unlimited, None),
                None => {
                    return Err(Refusal::malformed(
                        "terms.standing_approval.limit",
                        "a standing approval needs a limit, or explicitly none",
                    ));
                }
            };
            if let (Some(named), Some(agreed)) = (named, currency)
                && named != agreed
            {
                return Err(Refusal::precondition(
                    "terms.standing_approval.limit",
                    "OTHER_CURRENCY",
                    format!("the contract is in {agreed}, not in {named}"),
                ));
            }
            Some(StandingApproval { classes: classes(&standing.classes)?, limit })
        }
    };
    Ok(Terms {
        exemptions: terms.exemptions.map(|exemptions| classes(&exemptions.classes)).transpose()?,
        hourly_rate_minor: terms.hourly_rate.map(|rate| Agreed { agreed: rate.amount_minor }),
        increment_minutes: terms.increment.map(|increment| Agreed { agreed: increment.minutes }),
        policy: terms.policy,
        prepaid_minutes: terms.prepaid_minutes,
        standing_approval,
    })
}
