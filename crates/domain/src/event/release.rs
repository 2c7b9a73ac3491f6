//! What a customer is offered, and what it releases.

use serde::{Deserialize, Serialize};

/// How much an approval releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Limit {
    /// So many minutes of billed and prepaid time.
    Minutes(i64),
    /// So much money, in minor units of the contract's currency.
    Minor(i64),
    /// Released without limit, and said so.
    Unlimited,
}

impl Limit {
    /// This limit, or the other one if it is lower. Time and money do not compare, so
    /// neither is lower than the other.
    pub(crate) fn lowered_to(self, other: Self) -> Self {
        match (self, other) {
            (Self::Minutes(own), Self::Minutes(minutes)) => Self::Minutes(own.min(minutes)),
            (Self::Minor(own), Self::Minor(minor)) => Self::Minor(own.min(minor)),
            (Self::Unlimited, other) => other,
            (own, _) => own,
        }
    }
}

/// What an approval is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Work at the agreed hourly rate.
    Hourly,
    /// A fixed price.
    Quote,
}

/// What the customer was told it would take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Offer {
    /// Nothing was said.
    None,
    /// An estimate, which binds nobody.
    EstimateMinutes(i64),
    /// A fixed price in minor units of the contract's currency.
    QuoteMinor(i64),
}
