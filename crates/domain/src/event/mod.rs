//! Events in their stored form: the facts, and nothing about people.
//!
//! A payload is the canonical JSON of one of these structs; its type stands beside
//! it in the log and is not repeated inside. What was once written can always be
//! read: a later version of the program adds variants or defaulted fields.
//! Golden files in `tests/domain/golden` hold one example of each.

mod cause;
mod release;
mod segment;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::facts::{Account, Activity, Class, FaultCause, Findings, Impact};
use crate::ids::{CustomerId, EventId, Reference, StaffId};
use crate::money::Currency;
use crate::policy::RuleId;
use crate::time::{Date, Second, Timestamp};

pub use cause::{Cause, Role};
pub use release::{Basis, Limit, Offer};
pub use segment::{PolicyPin, PolicyRef, PostingRef, Segment};

/// The schema version written now. Version 1 is the only one so far.
pub const SCHEMA_VERSION: u16 = 1;

/// An event's payload that this program cannot read.
#[derive(Debug, thiserror::Error)]
#[error("event of type {event_type}, schema version {schema_version}: {problem}")]
pub struct Unreadable {
    /// The type named beside the payload.
    pub event_type: String,
    /// The schema version named beside the payload.
    pub schema_version: u16,
    /// What is wrong with it.
    pub problem: String,
}

/// The kind of clock a log was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockKind {
    /// The machine's clock.
    System,
    /// "Now" comes with each call.
    Simulated,
}

macro_rules! payloads {
    ($( $(#[$doc:meta])* $name:ident = $event_type:literal { $( $(#[$fdoc:meta])* $field:ident : $ty:ty ),* $(,)? } )*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub struct $name { $( $(#[$fdoc])* pub $field: $ty, )* }
        )*

        /// Any event of the log.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Event { $( $(#[$doc])* $name($name), )* }

        impl Event {
            /// The names of all types, as they stand beside the payload.
            pub const TYPES: &[&'static str] = &[$( $event_type, )*];

            /// The name of the type, as it stands beside the payload.
            pub fn event_type(&self) -> &'static str {
                match self { $( Self::$name(_) => $event_type, )* }
            }

            /// Reads a stored payload.
            pub fn read(event_type: &str, schema_version: u16, payload: &[u8]) -> Result<Self, Unreadable> {
                if schema_version != SCHEMA_VERSION {
                    return Err(unreadable(event_type, schema_version, "a schema version this program does not know".into()));
                }
                match event_type {
                    $( $event_type => read_payload(event_type, payload).map(Self::$name), )*
                    _ => Err(unreadable(event_type, schema_version, "a type this program does not know".into())),
                }
            }
        }

        impl Serialize for Event {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self { $( Self::$name(payload) => payload.serialize(serializer), )* }
            }
        }

        $( impl From<$name> for Event { fn from(payload: $name) -> Self { Self::$name(payload) } } )*
    };
}

fn read_payload<T: DeserializeOwned>(event_type: &str, payload: &[u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(payload).map_err(|problem| unreadable(event_type, SCHEMA_VERSION, problem.to_string()))
}

fn unreadable(event_type: &str, schema_version: u16, problem: String) -> Unreadable {
    Unreadable { event_type: event_type.to_owned(), schema_version, problem }
}

// The list of event types stands once: struct, enum variant and stored name
// cannot drift apart. Fields are in the order of canonical JSON.
payloads! {
    /// The first event of every log.
    LogCreated = "log_created" {
        /// The kind of clock.
        clock: ClockKind,
        /// The number of the log's format.
        format: i64,
        /// The log's own id.
        log_id: EventId,
    }

    /// A policy's next version.
    PolicyPublished = "policy_published" {
        /// The policy's canonical JSON, as text.
        document: String,
        /// SHA-256 of it, lower-case hex.
        hash: String,
        /// The policy's name.
        name: String,
        /// The version, from 1.
        version: i64,
    }

    /// A customer's contract.
    ContractAgreed = "contract_agreed" {
        /// Of all amounts.
        currency: Currency,
        /// Whose contract.
        customer_id: CustomerId,
        /// The instant its first day begins.
        effective_at: Timestamp,
        /// The first day, in the contract's time zone.
        effective_date: Date,
        /// The terms from then on.
        terms: crate::contract::Terms,
        /// An IANA name.
        time_zone: String,
    }

    /// Changed terms of a contract.
    ContractAmended = "contract_amended" {
        /// Whose contract.
        customer_id: CustomerId,
        /// The instant the day begins.
        effective_at: Timestamp,
        /// The first day of the changed terms.
        effective_date: Date,
        /// The terms that change.
        terms: crate::contract::Terms,
    }

    /// Prepaid time that a contract grants.
    PrepaidGranted = "prepaid_granted" {
        /// The contract's event that granted it.
        contract_event: EventId,
        /// The version of the contract with that event.
        contract_version: i64,
        /// Whose time.
        customer_id: CustomerId,
        /// From when it may be used.
        effective_at: Timestamp,
        /// How much.
        seconds: i64,
    }

    /// Prepaid time drawn by, or returned from, one ticket's assessment.
    PrepaidDrawn = "prepaid_drawn" {
        /// Whose time.
        customer_id: CustomerId,
        /// Net seconds per grant.
        draws: Vec<Draw>,
        /// The ticket.
        ticket_id: EventId,
    }

    /// A caller's reference now means this ticket.
    ReferenceTaken = "reference_taken" {
        /// The reference.
        reference: Reference,
        /// The ticket.
        ticket_id: EventId,
    }

    /// A concern of a customer was taken up.
    TicketOpened = "ticket_opened" {
        /// Whose concern.
        customer_id: CustomerId,
        /// What the customer reports; it never decides the price.
        impact: Impact,
        /// Pinned for the free initial diagnosis.
        policy: PolicyPin,
        /// The caller's key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<Reference>,
    }

    /// The initial diagnosis began.
    DiagnosisStarted = "diagnosis_started" {}

    /// What diagnosis established.
    FindingsRecorded = "findings_recorded" {
        /// The facts.
        findings: Findings,
    }

    /// What followed from the findings.
    TicketClassified = "ticket_classified" {
        /// Where work of this class stands once its gates are open.
        account: Account,
        /// The technical cause.
        cause: FaultCause,
        /// The rule work of this class is charged, or not charged, by.
        charge: RuleId,
        /// The class.
        class: Class,
        /// The event with the findings.
        findings_event: EventId,
        /// Pinned for everything but the allowance.
        policy: PolicyPin,
        /// The rule that classified.
        rule: RuleId,
    }

    /// The customer was told.
    CustomerInformed = "customer_informed" {
        /// The classification that was told.
        classification: EventId,
        /// What it would take.
        offer: Offer,
    }

    /// The customer released chargeable work.
    ApprovalGiven = "approval_given" {
        /// Hourly or a quote.
        basis: Basis,
        /// The information it answers.
        information: EventId,
        /// How much; none for a quote.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<Limit>,
        /// When it expires.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        valid_until: Option<Timestamp>,
    }

    /// The customer refused what was offered.
    ApprovalDeclined = "approval_declined" {
        /// The information it answers.
        information: EventId,
    }

    /// The customer took a release back.
    ApprovalRevoked = "approval_revoked" {
        /// The release.
        approval: EventId,
    }

    /// Somebody worked.
    WorkLogged = "work_logged" {
        /// Diagnosis or execution.
        activity: Activity,
        /// The version of the contract that stood then.
        contract_version: i64,
        /// How long, within the window.
        duration_seconds: i64,
        /// The window begins.
        from: Second,
        /// Who.
        performer_id: StaffId,
        /// The window ends before here.
        to: Second,
    }

    /// A work entry was wrong.
    WorkVoided = "work_voided" {
        /// Which.
        work: EventId,
    }

    /// The concern is settled.
    TicketResolved = "ticket_resolved" {
        /// The version of the contract that stood then.
        contract_version: i64,
    }

    /// The ticket is closed.
    TicketClosed = "ticket_closed" {}

    /// The concern is back.
    TicketReopened = "ticket_reopened" {}

    /// Somebody asked for a re-assessment with the contract as it stands.
    ReassessmentRequested = "reassessment_requested" {
        /// The version of the contract to read.
        contract_version: i64,
    }

    /// Where a work entry's seconds stand, decided and recorded.
    WorkAssessed = "work_assessed" {
        /// The version of the contract that was read.
        contract_version: i64,
        /// Of all amounts.
        currency: Currency,
        /// Whose ticket.
        customer_id: CustomerId,
        /// Who worked.
        performer_id: StaffId,
        /// The policy versions that the segments name, with their hashes.
        policies: Vec<PolicyPin>,
        /// Segments that stand from now on.
        posted: Vec<Segment>,
        /// The version of the customer's prepaid stream that was read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prepaid_version: Option<i64>,
        /// Segments that stand no longer.
        reversed: Vec<PostingRef>,
        /// Why they do not: the fact that was new.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reversed_by: Vec<Cause>,
        /// The ticket.
        ticket_id: EventId,
        /// The work entry.
        work: EventId,
    }

    /// Whether an accepted quote's price stands, decided and recorded.
    QuoteAssessed = "quote_assessed" {
        /// The accepted quote.
        approval: EventId,
        /// The version of the contract that was read.
        contract_version: i64,
        /// Of all amounts.
        currency: Currency,
        /// Whose ticket.
        customer_id: CustomerId,
        /// The policy version that the posting names, with its hash.
        policies: Vec<PolicyPin>,
        /// The price, as a segment without worked time; at most one.
        posted: Vec<Segment>,
        /// The price that stands no longer; at most one.
        reversed: Vec<PostingRef>,
        /// Why it does not.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reversed_by: Vec<Cause>,
        /// The ticket.
        ticket_id: EventId,
    }
}

/// Net seconds drawn from one grant; negative when time returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draw {
    /// The grant.
    pub grant: EventId,
    /// Net seconds.
    pub seconds: i64,
}
