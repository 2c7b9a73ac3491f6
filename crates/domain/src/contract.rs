//! What one customer agreed: one contract a customer, each term dated.
//!
//! A contract is a list of recorded versions. Each version changes some terms from
//! a date on; for an instant the change with the latest date at or before it holds,
//! the later recorded of two with the same date. A reader names how many versions
//! it may see, so an entry stays with the contract it was logged under.

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::event::{ContractAgreed, ContractAmended, Event, Limit, PrepaidGranted};
use crate::facts::Class;
use crate::ids::{CustomerId, EventId};
use crate::money::{self, Currency};
use crate::refusal::Refusal;
use crate::time::{Date, Second, Timestamp, start_of_day};

/// How many versions one contract may have.
pub const VERSIONS_MAX: usize = 1_000;
/// The most minutes a limit, an estimate or a grant may name: ten years.
pub const MINUTES_MAX: i64 = 5_256_000;

/// Changed terms: what is absent stays as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Classes that cost nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exemptions: Option<Vec<Class>>,
    /// Minor units per hour; `agreed` absent means no agreed rate from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hourly_rate_minor: Option<Agreed>,
    /// The billing increment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub increment_minutes: Option<Agreed>,
    /// The policy by which work is judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// A grant of prepaid time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepaid_minutes: Option<i64>,
    /// What is released before it is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing_approval: Option<StandingApproval>,
}

/// A number that is agreed, or from now on is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreed {
    /// The number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed: Option<i64>,
}

/// Classes released in advance, up to one limit a ticket. No classes: ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandingApproval {
    /// What is released.
    pub classes: Vec<Class>,
    /// How much, per ticket.
    pub limit: Limit,
}

/// One recorded version.
#[derive(Clone, Debug)]
pub struct Version {
    /// The event that recorded it.
    pub event: EventId,
    /// From when its terms hold.
    pub effective_at: Timestamp,
    /// The first day they hold.
    pub effective_date: Date,
    /// When the log learned of it.
    pub recorded_at: Timestamp,
    /// What it changes.
    pub terms: Terms,
}

/// A customer's contract, folded.
#[derive(Clone, Debug)]
pub struct Contract {
    /// Whose.
    pub customer: CustomerId,
    /// Of all amounts.
    pub currency: Currency,
    /// Where its days begin.
    pub time_zone: Tz,
    /// In recorded order; the contract's version is their number.
    pub versions: Vec<Version>,
}

/// A contract to be agreed. Commands are serialised to be compared by hash, never stored.
#[derive(Clone, Debug, Serialize)]
pub struct Agree {
    /// Whose.
    pub customer: CustomerId,
    /// Of all amounts.
    pub currency: Currency,
    /// Where its days begin.
    #[serde(serialize_with = "by_name")]
    pub time_zone: Tz,
    /// The first day.
    pub effective_date: Date,
    /// The terms from then on.
    pub terms: Terms,
}

/// Terms to be changed.
#[derive(Clone, Debug, Serialize)]
pub struct Amend {
    /// Whose.
    pub customer: CustomerId,
    /// The first day of the change.
    pub effective_date: Date,
    /// What changes.
    pub terms: Terms,
}

fn by_name<S: serde::Serializer>(time_zone: &Tz, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(time_zone.name())
}

/// Decides the agreement of a contract: the event for the contract's stream and,
/// with prepaid time, the grant for the customer's prepaid stream.
pub fn agree(
    existing: Option<&Contract>,
    command: Agree,
    policy_exists: impl Fn(&str) -> bool,
    event: EventId,
) -> Result<Vec<Event>, Refusal> {
    if existing.is_some() {
        return Err(Refusal::taken(
            "customer_id",
            "CONTRACT_EXISTS",
            format!("customer {} has a contract: amend it", command.customer),
        ));
    }
    if command.terms.policy.is_none() {
        return Err(Refusal::malformed("terms.policy", "terms.policy is missing: name a published policy"));
    }
    check_terms(&command.terms, policy_exists)?;
    let effective_at = begin(command.effective_date, command.time_zone)?;
    let grant = grant(&command.terms, &command.customer, event, 1, effective_at);
    let agreed = ContractAgreed {
        currency: command.currency,
        customer_id: command.customer,
        effective_date: command.effective_date,
        effective_at,
        terms: command.terms,
        time_zone: command.time_zone.name().to_owned(),
    };
    Ok(std::iter::once(agreed.into()).chain(grant).collect())
}

/// Decides a change of terms, as [`agree`] does the first ones.
pub fn amend(
    contract: &Contract,
    command: Amend,
    policy_exists: impl Fn(&str) -> bool,
    event: EventId,
) -> Result<Vec<Event>, Refusal> {
    if command.terms == Terms::default() {
        return Err(Refusal::malformed("terms", "terms name no change: set at least one"));
    }
    if contract.versions.len() >= VERSIONS_MAX {
        return Err(Refusal::precondition(
            "customer_id",
            "CONTRACT_TOO_LONG",
            format!("a contract has at most {VERSIONS_MAX} versions"),
        ));
    }
    check_terms(&command.terms, policy_exists)?;
    let effective_at = begin(command.effective_date, contract.time_zone)?;
    if contract.versions.first().is_some_and(|first| effective_at < first.effective_at) {
        return Err(Refusal::precondition(
            "effective_date",
            "BEFORE_CONTRACT",
            format!("the contract begins later than {}", command.effective_date),
        ));
    }
    let version = contract.version() + 1;
    let grant = grant(&command.terms, &command.customer, event, version, effective_at);
    let amended = ContractAmended {
        customer_id: command.customer,
        effective_at,
        effective_date: command.effective_date,
        terms: command.terms,
    };
    Ok(std::iter::once(amended.into()).chain(grant).collect())
}

fn begin(date: Date, zone: Tz) -> Result<Timestamp, Refusal> {
    start_of_day(date, zone)
        .ok_or_else(|| Refusal::malformed("effective_date", format!("{date} does not begin in {zone}")))
}

fn grant(
    terms: &Terms,
    customer: &CustomerId,
    contract_event: EventId,
    contract_version: i64,
    effective_at: Timestamp,
) -> Option<Event> {
    let seconds = terms.prepaid_minutes? * 60;
    let customer_id = customer.clone();
    Some(PrepaidGranted { contract_event, contract_version, customer_id, effective_at, seconds }.into())
}

fn check_terms(terms: &Terms, policy_exists: impl Fn(&str) -> bool) -> Result<(), Refusal> {
    if let Some(policy) = &terms.policy
        && !policy_exists(policy)
    {
        return Err(Refusal::unknown(
            "terms.policy",
            "POLICY_UNKNOWN",
            format!("no policy {policy:.80?} is published: publish it first"),
        ));
    }
    if let Some(Agreed { agreed: Some(rate) }) = terms.hourly_rate_minor {
        money::positive_amount("terms.hourly_rate", rate)?;
    }
    if let Some(Agreed { agreed: Some(minutes) }) = terms.increment_minutes
        && !(1..=1_440).contains(&minutes)
    {
        return Err(Refusal::malformed(
            "terms.increment.minutes",
            format!("an increment has 1 to 1440 minutes, not {minutes}"),
        ));
    }
    if let Some(minutes) = terms.prepaid_minutes {
        check_minutes("terms.prepaid_minutes", minutes)?;
    }
    if let Some(standing) = &terms.standing_approval {
        check_limit("terms.standing_approval.limit", standing.limit)?;
    }
    let listed = [terms.exemptions.as_deref(), terms.standing_approval.as_ref().map(|standing| &standing.classes[..])];
    for classes in listed.into_iter().flatten() {
        check_classes(classes)?;
    }
    Ok(())
}

fn check_classes(classes: &[Class]) -> Result<(), Refusal> {
    if classes.contains(&Class::Undetermined) {
        return Err(Refusal::malformed(
            "terms",
            "undetermined is no class a contract can name: nothing of it may be charged anyway",
        ));
    }
    let mut sorted = classes.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() < classes.len() {
        return Err(Refusal::malformed("terms", "a class is named twice in one list"));
    }
    Ok(())
}

/// Minutes between 1 and ten years.
pub fn check_minutes(field: &'static str, minutes: i64) -> Result<(), Refusal> {
    if (1..=MINUTES_MAX).contains(&minutes) {
        return Ok(());
    }
    Err(Refusal::malformed(field, format!("{field} must be between 1 and {MINUTES_MAX} minutes, not {minutes}")))
}

/// A limit that is neither negative, nor nothing, nor absurd.
pub fn check_limit(field: &'static str, limit: Limit) -> Result<(), Refusal> {
    match limit {
        Limit::Minutes(minutes) => check_minutes(field, minutes),
        Limit::Minor(minor) => money::positive_amount(field, minor).map(|_| ()),
        Limit::Unlimited => Ok(()),
    }
}

impl Contract {
    /// Begins a fold.
    pub fn agreed(event: EventId, recorded_at: Timestamp, agreed: ContractAgreed) -> Option<Self> {
        let version = Version {
            event,
            effective_at: agreed.effective_at,
            effective_date: agreed.effective_date,
            recorded_at,
            terms: agreed.terms,
        };
        Some(Self {
            customer: agreed.customer_id,
            currency: agreed.currency,
            time_zone: agreed.time_zone.parse().ok()?,
            versions: vec![version],
        })
    }

    /// Folds a change of terms.
    pub fn amended(&mut self, event: EventId, recorded_at: Timestamp, amended: ContractAmended) {
        self.versions.push(Version {
            event,
            effective_at: amended.effective_at,
            effective_date: amended.effective_date,
            recorded_at,
            terms: amended.terms,
        });
    }

    /// How many versions are recorded.
    pub fn version(&self) -> i64 {
        i64::try_from(self.versions.len()).unwrap_or(i64::MAX)
    }

    /// Whether time was ever granted in advance.
    pub fn has_prepaid(&self) -> bool {
        self.versions.iter().any(|version| version.terms.prepaid_minutes.is_some())
    }

    /// The contract as it stood with so many versions recorded.
    pub fn at(&self, version: i64) -> ContractAt<'_> {
        let count = usize::try_from(version).unwrap_or(0).min(self.versions.len());
        ContractAt { versions: &self.versions[..count] }
    }
}

/// A contract as one reader sees it.
#[derive(Clone, Copy, Debug)]
pub struct ContractAt<'a> {
    versions: &'a [Version],
}

/// A standing approval that is open.
#[derive(Clone, Copy, Debug)]
pub struct StandingTerm {
    /// The contract's event that opened it.
    pub event: EventId,
    /// How much, per ticket: what the version in force says.
    pub limit: Limit,
}

impl<'a> ContractAt<'a> {
    /// The term in force at a second, with the version that set it.
    fn term<T>(&self, at: Second, pick: impl Fn(&'a Terms) -> Option<T>) -> Option<(T, &'a Version)> {
        let mut found: Option<(T, &Version)> = None;
        for version in self.versions {
            if version.effective_at.opens() > at
                || found.as_ref().is_some_and(|(_, other)| other.effective_at > version.effective_at)
            {
                continue;
            }
            if let Some(term) = pick(&version.terms) {
                found = Some((term, version));
            }
        }
        found
    }

    /// The policy by which work is judged.
    pub fn policy(&self, at: Timestamp) -> Option<&'a str> {
        self.term(at.ends(), |terms| terms.policy.as_deref()).map(|(name, _)| name)
    }

    /// The agreed hourly rate and the contract's event that agreed it.
    pub fn hourly_rate(&self, at: Second) -> Option<(i64, EventId)> {
        let (rate, version) = self.term(at, |terms| terms.hourly_rate_minor)?;
        Some((rate.agreed?, version.event))
    }

    /// The billing increment in seconds.
    pub fn increment_seconds(&self, at: Second) -> Option<i64> {
        let (increment, _) = self.term(at, |terms| terms.increment_minutes)?;
        increment.agreed.map(|minutes| minutes * 60)
    }

    /// The contract's event that exempts a class.
    pub fn exemption(&self, class: Class, at: Second) -> Option<EventId> {
        let (classes, version) = self.term(at, |terms| terms.exemptions.as_ref())?;
        classes.contains(&class).then_some(version.event)
    }

    /// The standing approval for a class, if it is open at a second. A term opens at its
    /// date, and not before it was recorded. Until then the one that it continues stays
    /// open: an amendment changes what is agreed and takes nothing away that it names
    /// again. A lower limit counts at once; a higher one releases nothing before it was
    /// recorded.
    pub fn standing(&self, class: Class, at: Second) -> Option<StandingTerm> {
        let terms = self.standing_terms(at);
        let latest = terms.last()?.0.limit;
        let mut unbroken = terms.into_iter().rev().take_while(|(term, _)| term.classes.contains(&class));
        let (open, opened) = unbroken.find(|(_, version)| version.recorded_at.opens() <= at)?;
        Some(StandingTerm { event: opened.event, limit: open.limit.lowered_to(latest) })
    }

    /// What ended a class's standing approval last: the version that left the class out,
    /// and from when.
    pub(crate) fn standing_ended(&self, class: Class, at: Second) -> Option<(Timestamp, EventId)> {
        let terms = self.standing_terms(at).into_iter().rev();
        let mut left_out = None;
        for (term, version) in terms.skip_while(|(term, _)| term.classes.contains(&class)) {
            if term.classes.contains(&class) {
                return left_out;
            }
            left_out = Some((version.effective_at, version.event));
        }
        None
    }

    /// The agreed standing approvals up to a second, in the order of their dates.
    fn standing_terms(&self, at: Second) -> Vec<(&'a StandingApproval, &'a Version)> {
        let agreed = |version: &'a Version| version.terms.standing_approval.as_ref().map(|term| (term, version));
        let in_force = self.versions.iter().filter(|version| version.effective_at.opens() <= at);
        let mut terms: Vec<_> = in_force.filter_map(agreed).collect();
        terms.sort_by_key(|(_, version)| version.effective_at);
        terms
    }

    /// The seconds at which an answer may change.
    pub fn boundaries(&self) -> impl Iterator<Item = Second> {
        self.versions.iter().flat_map(|version| [version.effective_at.opens(), version.recorded_at.opens()])
    }
}
