//! Why a command is not carried out.

/// What the caller can do about it, and so which gRPC status it becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request itself is wrong: mend it.
    Malformed,
    /// It names something the log does not hold.
    Unknown,
    /// A rule says no as things stand.
    Precondition,
    /// It names something new by an id that is taken.
    Taken,
}

/// A refused command. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// What the caller can do about it.
    pub kind: Kind,
    /// A stable name in capitals, for programs.
    pub reason: &'static str,
    /// The request's field, or what the rule is about.
    pub field: &'static str,
    /// What is wrong and what to do, in English.
    pub message: String,
}

impl Refusal {
    /// A field of the request is wrong in itself.
    pub fn malformed(field: &'static str, message: impl Into<String>) -> Self {
        Self { kind: Kind::Malformed, reason: "MALFORMED", field, message: message.into() }
    }

    /// The log does not hold what a field names.
    pub fn unknown(field: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self { kind: Kind::Unknown, reason, field, message: message.into() }
    }

    /// A rule says no.
    pub fn precondition(field: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self { kind: Kind::Precondition, reason, field, message: message.into() }
    }

    /// The id a caller chose is taken.
    pub fn taken(field: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self { kind: Kind::Taken, reason, field, message: message.into() }
    }
}
