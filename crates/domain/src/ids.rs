//! Names of things. The id of a ticket, an information, an approval or a work
//! entry is the id of the event that created it, so a cause named by its event
//! names the thing as well.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::refusal::Refusal;

/// The id of an event, and of what the event created.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub Uuid);

impl EventId {
    /// Parses a UUID in hyphenated form; the nil UUID is nobody's.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, Refusal> {
        if text.is_empty() {
            return Err(Refusal::malformed(field, format!("{field} is missing: give a UUID")));
        }
        match Uuid::try_parse(text) {
            Ok(id) if id.is_nil() => {
                Err(Refusal::malformed(field, format!("{field} is the nil UUID, which names nothing")))
            }
            Ok(id) if text.len() == 36 => Ok(Self(id)),
            _ => Err(Refusal::malformed(
                field,
                format!("{field} is not a UUID (expected 36 characters, hyphenated): {text:.80?}"),
            )),
        }
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The most bytes a caller's own id may have.
const OPAQUE_BYTES_MAX: usize = 128;

/// An id that belongs to the caller: kept and compared, never understood.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OpaqueId(Arc<str>);

impl OpaqueId {
    /// 1 to 128 bytes, printable, no white space.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, Refusal> {
        let wrong = if text.is_empty() {
            "is missing"
        } else if text.len() > OPAQUE_BYTES_MAX {
            "is longer than 128 bytes"
        } else if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            "contains white space or a control character"
        } else {
            return Ok(Self(text.into()));
        };
        Err(Refusal::malformed(field, format!("{field} {wrong}: give 1 to 128 printable bytes")))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text itself, to be held without a copy.
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl fmt::Debug for OpaqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for OpaqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A customer, by the caller's id.
pub type CustomerId = OpaqueId;
/// A member of staff, by the caller's id.
pub type StaffId = OpaqueId;

/// The caller's own key of a ticket, unique in the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// The key within the system.
    pub number: OpaqueId,
    /// The system that numbers.
    pub system: OpaqueId,
}

/// Names of streams. A stream's name says what it holds.
pub mod stream {
    use super::{CustomerId, EventId, Reference};

    /// A ticket's history.
    pub fn ticket(id: EventId) -> String {
        format!("ticket-{id}")
    }

    /// A customer's contract.
    pub fn contract(customer: &CustomerId) -> String {
        format!("contract-{customer}")
    }

    /// A customer's prepaid time.
    pub fn prepaid(customer: &CustomerId) -> String {
        format!("prepaid-{customer}")
    }

    /// All versions of all policies.
    pub const POLICIES: &str = "policies";

    /// The one event that gives a caller's reference to a ticket. The length of
    /// the system keeps two references from sharing a name.
    pub fn reference(reference: &Reference) -> String {
        let system = reference.system.as_str();
        format!("reference-{}-{system}-{}", system.len(), reference.number)
    }
}
