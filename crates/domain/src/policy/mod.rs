//! The support and billing policy as checked, versioned data.
//!
//! A policy is written as TOML, published into the log as canonical JSON, and known by the SHA-256 of that JSON.
//! It holds the clauses in two languages, the rules that rest on them, and the table that turns findings into a
//! class and a class into who pays (domain.md sections 2 and 3). What depends on time, such as the gates, the
//! allowance and limits, is the program's and not in here; the rules it names for that are [`Required`].
//!
//! **There is no unchecked policy.** A [`Policy`] comes only out of [`Policy::from_toml`] and
//! [`Policy::from_canonical_json`], both of which check it and report all problems together. So whoever holds one
//! may rely on it: every combination of facts has exactly one outcome, every rule named exists, every clause is
//! there in German and English. What its texts may not hold is asked of its author only, not of the log.

mod check;
mod classify;
mod document;
mod names;
mod problem;

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

pub use classify::{Kind, Outcome, Row};
pub use document::{Text, When};
pub use names::{ClauseId, Required, RuleId};
pub use problem::Problem;

use crate::facts::{Account, Class, Findings};
use check::{Checked, Source};
use document::Document;

/// One numbered statement of the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// Its number.
    pub id: ClauseId,
    /// The heading of the published policy that it rests on, in German as published.
    pub heading: String,
    /// What it says.
    pub text: Text,
}

/// One rule by which the ledger decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its id.
    pub id: RuleId,
    /// The account it posts to; none for a rule that classifies.
    pub account: Option<Account>,
    /// The clause it rests on.
    pub clause: ClauseId,
    /// What it tells the customer.
    pub text: Text,
}

/// The policy's limits, in the units the program counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Free initial diagnosis per ticket, in seconds of person time ("Was umfasst die Erstdiagnose?").
    pub initial_diagnosis_seconds: i64,
    /// How long after it occurred an information, approval or other step may be recorded, in microseconds.
    pub late_entry_us: i64,
    /// How long after its window work may be recorded, in microseconds.
    pub late_work_us: i64,
}

/// A policy that passed every check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    name: String,
    title: Text,
    checked: Checked,
    rule_places: BTreeMap<RuleId, usize>,
    canonical_json: Vec<u8>,
    hash: [u8; 32],
}

impl Policy {
    /// Reads a policy as its author writes it.
    ///
    /// # Errors
    ///
    /// All problems found, at most 200 and then a count. A document that cannot be read at all has one, with its
    /// line.
    pub fn from_toml(text: &str) -> Result<Self, Vec<Problem>> {
        let document = Document::from_toml(text).map_err(|problem| vec![problem])?;
        Self::from_document(document, Source::Author)
    }

    /// Reads a policy as the log holds it: exactly the bytes that [`Policy::canonical_json`] gave.
    ///
    /// # Errors
    ///
    /// As [`Policy::from_toml`], and [`Problem::NotCanonical`] for other bytes with the same content: their hash
    /// would differ from the policy's. [`Problem::ControlCharacter`] is none here: policies were published before it
    /// was one, and they stay readable.
    pub fn from_canonical_json(bytes: &[u8]) -> Result<Self, Vec<Problem>> {
        let document = Document::from_json(bytes).map_err(|problem| vec![problem])?;
        let policy = Self::from_document(document, Source::Log)?;
        if policy.canonical_json != bytes {
            return Err(vec![Problem::NotCanonical]);
        }
        Ok(policy)
    }

    fn from_document(document: Document, source: Source) -> Result<Self, Vec<Problem>> {
        let checked = check::check(&document, source)?;
        let canonical_json = document.canonical_json().map_err(|problem| vec![problem])?;
        let places = checked.rules.iter().enumerate();
        Ok(Self {
            rule_places: places.map(|(place, rule)| (rule.id.clone(), place)).collect(),
            hash: Sha256::digest(&canonical_json).into(),
            name: document.name,
            title: document.title,
            checked,
            canonical_json,
        })
    }

    /// The name its versions share, `[a-z][a-z0-9-]{0,31}`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The title.
    #[must_use]
    pub fn title(&self) -> &Text {
        &self.title
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.checked.limits
    }

    /// The whole content in its one canonical form (RFC 8785).
    #[must_use]
    pub fn canonical_json(&self) -> &[u8] {
        &self.canonical_json
    }

    /// SHA-256 of [`Policy::canonical_json`]: which policy this is, whoever wrote it down and how.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// What follows from the findings; every combination has an answer ("Unser Abgrenzungsgrundsatz").
    #[must_use]
    pub fn classify(&self, findings: &Findings) -> &Outcome {
        self.checked.table.outcome(*findings)
    }

    /// Who pays for a class. All charges of one class agree on it.
    #[must_use]
    pub fn kind(&self, class: Class) -> Kind {
        self.checked.kinds.of(class)
    }

    /// The rule with this id.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.checked.rules.get(*self.rule_places.get(id)?)
    }

    /// The clause with this number.
    #[must_use]
    pub fn clause(&self, id: &str) -> Option<&Clause> {
        self.clauses().iter().find(|clause| clause.id.as_str() == id)
    }

    /// All rules, in the document's order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.checked.rules
    }

    /// All clauses, in the document's order.
    #[must_use]
    pub fn clauses(&self) -> &[Clause] {
        &self.checked.clauses
    }

    /// The table's rows, in the document's order.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.checked.rows
    }
}
