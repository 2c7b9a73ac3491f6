//! The vouchers of a decision.

use serde::{Deserialize, Serialize};

use crate::ids::EventId;

/// The part an event played in a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The work itself.
    Work,
    /// The ticket's opening.
    Opening,
    /// The classification in force.
    Classification,
    /// What the customer was told.
    Information,
    /// What the customer released.
    Approval,
    /// What the customer refused.
    Decline,
    /// What ended a release.
    Revocation,
    /// A contract's term.
    Contract,
    /// A grant of prepaid time.
    Grant,
    /// The policy version read.
    Policy,
    /// An accepted quote.
    Quote,
    /// The resolution that delivered a quote.
    Resolution,
    /// A closing that ended releases.
    Closing,
    /// A reopening.
    Reopening,
    /// The voiding of an entry.
    Void,
    /// A re-assessment somebody asked for.
    Reassessment,
}

impl Role {
    /// The role's name in queries and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Work => "work",
            Self::Opening => "opening",
            Self::Classification => "classification",
            Self::Information => "information",
            Self::Approval => "approval",
            Self::Decline => "decline",
            Self::Revocation => "revocation",
            Self::Contract => "contract",
            Self::Grant => "grant",
            Self::Policy => "policy",
            Self::Quote => "quote",
            Self::Resolution => "resolution",
            Self::Closing => "closing",
            Self::Reopening => "reopening",
            Self::Void => "void",
            Self::Reassessment => "reassessment",
        }
    }
}

/// An event that took part in a decision.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    /// The event.
    pub event: EventId,
    /// Its part.
    pub role: Role,
}
