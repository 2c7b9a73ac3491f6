//! The names by which ledger entries, classifications and texts point into a policy.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::facts::Account;

/// Longest rule id, in bytes.
const RULE_ID_BYTES_MAX: usize = 64;

/// Most parts of a clause number, and most digits of one part.
const CLAUSE_PARTS_MAX: usize = 4;
const CLAUSE_DIGITS_MAX: usize = 3;

/// The name of a rule, such as `free.initial-diagnosis`.
///
/// Two words of `[a-z][a-z0-9-]*` joined by a dot, at most 64 bytes. The first word says what the rule does: it is
/// `classify`, or the account the rule posts to. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(Arc<str>);

impl RuleId {
    /// The id, when it is spelled as one.
    #[must_use]
    pub fn parse(id: &str) -> Option<Self> {
        let (first, second) = id.split_once('.')?;
        let known = first == CLASSIFY || Account::parse(first).is_some();
        (known && is_word(second) && id.len() <= RULE_ID_BYTES_MAX).then(|| Self(id.into()))
    }

    /// The id as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text itself, to be held without a copy.
    #[must_use]
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }

    /// The account that the first word promises; none for a `classify` rule.
    #[must_use]
    pub fn promised_account(&self) -> Option<Account> {
        self.0.split_once('.').and_then(|(first, _)| Account::parse(first))
    }
}

/// First word of the rules that name a class instead of an account.
const CLASSIFY: &str = "classify";

/// The number of a clause, such as `4.1`.
///
/// One to four numbers of at most three digits, joined by dots. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClauseId(Arc<str>);

impl ClauseId {
    /// The number, when it is spelled as one.
    #[must_use]
    pub fn parse(id: &str) -> Option<Self> {
        let is_number =
            |part: &str| (1..=CLAUSE_DIGITS_MAX).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        let well_formed = id.split('.').all(is_number) && id.split('.').count() <= CLAUSE_PARTS_MAX;
        well_formed.then(|| Self(id.into()))
    }

    /// The number as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text itself, to be held without a copy.
    #[must_use]
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

/// `[a-z][a-z0-9-]*`
pub(super) fn is_word(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

impl Deref for RuleId {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Deref for ClauseId {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for RuleId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ClauseId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for ClauseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for RuleId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl Serialize for ClauseId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RuleId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = String::deserialize(deserializer)?;
        Self::parse(&id).ok_or_else(|| de::Error::custom("malformed rule id"))
    }
}

impl<'de> Deserialize<'de> for ClauseId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = String::deserialize(deserializer)?;
        Self::parse(&id).ok_or_else(|| de::Error::custom("malformed clause number"))
    }
}

impl From<Required> for RuleId {
    fn from(rule: Required) -> Self {
        Self(rule.as_str().into())
    }
}

impl PartialEq<Required> for RuleId {
    fn eq(&self, rule: &Required) -> bool {
        self.as_str() == rule.as_str()
    }
}

/// A rule that the program itself applies, so that every policy must define it with this account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Required {
    /// Initial diagnosis within the ticket's allowance ("Die kostenfreie Erstdiagnose").
    FreeInitialDiagnosis,
    /// A contract term exempts the class ("Unser Abgrenzungsgrundsatz": "sofern nichts anderes vereinbart").
    FreeAgreedOtherwise,
    /// The price of an accepted quote, posted once ("auf Basis eines gesonderten Angebots").
    BillableQuoteDelivered,
    /// Work inside an accepted quote's scope.
    CoveredQuote,
    /// Billable work paid from prepaid time.
    CoveredPrepaid,
    /// Initial diagnosis beyond the allowance ("Was umfasst die Erstdiagnose?").
    WithheldDiagnosisOverrun,
    /// No classification yet, or an undetermined one.
    WithheldUnclassified,
    /// The customer was not informed yet ("Was passiert danach?").
    WithheldBeforeInformation,
    /// The customer did not approve yet ("Was passiert danach?").
    WithheldBeforeApproval,
    /// The customer refused.
    WithheldDeclined,
    /// The approval was revoked, expired or lapsed.
    WithheldApprovalEnded,
    /// The approval's limit is reached.
    WithheldApprovalExhausted,
    /// No rate is agreed ("nach vereinbartem Stundensatz").
    WithheldNoAgreedRate,
    /// It cannot be shown that the time lies in the billable part of its window.
    WithheldNotProvable,
}

impl Required {
    /// Every one of them, in the order of domain.md section 3.
    pub const ALL: [Self; 14] = [
        Self::FreeInitialDiagnosis,
        Self::FreeAgreedOtherwise,
        Self::BillableQuoteDelivered,
        Self::CoveredQuote,
        Self::CoveredPrepaid,
        Self::WithheldDiagnosisOverrun,
        Self::WithheldUnclassified,
        Self::WithheldBeforeInformation,
        Self::WithheldBeforeApproval,
        Self::WithheldDeclined,
        Self::WithheldApprovalEnded,
        Self::WithheldApprovalExhausted,
        Self::WithheldNoAgreedRate,
        Self::WithheldNotProvable,
    ];

    /// The rule's id.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FreeInitialDiagnosis => "free.initial-diagnosis",
            Self::FreeAgreedOtherwise => "free.agreed-otherwise",
            Self::BillableQuoteDelivered => "billable.quote-delivered",
            Self::CoveredQuote => "covered.quote",
            Self::CoveredPrepaid => "covered.prepaid",
            Self::WithheldDiagnosisOverrun => "withheld.diagnosis-overrun",
            Self::WithheldUnclassified => "withheld.unclassified",
            Self::WithheldBeforeInformation => "withheld.before-information",
            Self::WithheldBeforeApproval => "withheld.before-approval",
            Self::WithheldDeclined => "withheld.declined",
            Self::WithheldApprovalEnded => "withheld.approval-ended",
            Self::WithheldApprovalExhausted => "withheld.approval-exhausted",
            Self::WithheldNoAgreedRate => "withheld.no-agreed-rate",
            Self::WithheldNotProvable => "withheld.not-provable",
        }
    }

    /// The account it posts to.
    #[must_use]
    pub const fn account(self) -> Account {
        match self {
            Self::FreeInitialDiagnosis | Self::FreeAgreedOtherwise => Account::Free,
            Self::BillableQuoteDelivered => Account::Billable,
            Self::CoveredQuote | Self::CoveredPrepaid => Account::Covered,
            Self::WithheldDiagnosisOverrun
            | Self::WithheldUnclassified
            | Self::WithheldBeforeInformation
            | Self::WithheldBeforeApproval
            | Self::WithheldDeclined
            | Self::WithheldApprovalEnded
            | Self::WithheldApprovalExhausted
            | Self::WithheldNoAgreedRate
            | Self::WithheldNotProvable => Account::Withheld,
        }
    }
}

impl fmt::Display for Required {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
