//! The policy as it is written: what TOML and canonical JSON hold, before any check.
//!
//! Ids are plain strings here and missing texts are empty, so that the check can report all of them together
//! instead of stopping at the first.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::problem::{Problem, repeated};
use crate::facts::{Account, Behaviour, Class, FaultCause, Findings, Reproducible};

/// Largest document read, in bytes.
pub(super) const DOCUMENT_BYTES_MAX: usize = 256 * 1024;

/// Longest part of a parser's own message that a problem repeats.
const MESSAGE_CHARS_MAX: usize = 500;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) name: String,
    #[serde(default)]
    pub(super) title: Text,
    pub(super) limits: LimitsEntry,
    #[serde(default)]
    pub(super) clause: Vec<ClauseEntry>,
    #[serde(default)]
    pub(super) rule: Vec<RuleEntry>,
    #[serde(default)]
    pub(super) classification: Vec<RowEntry>,
}

/// One text in both languages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// German.
    #[serde(default)]
    pub de: String,
    /// English.
    #[serde(default)]
    pub en: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsEntry {
    pub(super) initial_diagnosis_minutes: i64,
    pub(super) late_entry_hours: i64,
    pub(super) late_work_days: i64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClauseEntry {
    pub(super) id: String,
    #[serde(default)]
    pub(super) heading: String,
    #[serde(default)]
    pub(super) de: String,
    #[serde(default)]
    pub(super) en: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleEntry {
    pub(super) id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) account: Option<Account>,
    pub(super) clause: String,
    #[serde(default)]
    pub(super) de: String,
    #[serde(default)]
    pub(super) en: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RowEntry {
    pub(super) rule: String,
    pub(super) class: Class,
    pub(super) when: When,
    pub(super) charge: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) charge_by_cause: BTreeMap<FaultCause, String>,
}

/// The findings to which one row of the table applies: all four must hold, an absent one always does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// The behaviours allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behaviour: Option<BTreeSet<Behaviour>>,
    /// The causes allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<BTreeSet<FaultCause>>,
    /// The results of reproduction allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reproducible: Option<BTreeSet<Reproducible>>,
    /// Whether security may be concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_relevant: Option<BTreeSet<bool>>,
}

impl When {
    /// Whether these findings meet the condition.
    #[must_use]
    pub fn holds(&self, findings: &Findings) -> bool {
        allows(self.behaviour.as_ref(), &findings.behaviour)
            && allows(self.cause.as_ref(), &findings.cause)
            && allows(self.reproducible.as_ref(), &findings.reproducible_in_standard)
            && allows(self.security_relevant.as_ref(), &findings.security_relevant)
    }
}

fn allows<T: Ord>(allowed: Option<&BTreeSet<T>>, value: &T) -> bool {
    allowed.is_none_or(|allowed| allowed.contains(value))
}

impl Document {
    pub(super) fn from_toml(text: &str) -> Result<Self, Problem> {
        bounded(text.len())?;
        toml::from_str(text).map_err(|error| Problem::Toml {
            line: error.span().map(|span| line_at(text, span.start)),
            message: repeated(error.message(), MESSAGE_CHARS_MAX),
        })
    }

    pub(super) fn from_json(bytes: &[u8]) -> Result<Self, Problem> {
        bounded(bytes.len())?;
        serde_json::from_slice(bytes).map_err(|error| json_problem(&error))
    }

    /// RFC 8785: one sequence of bytes for one content, so that its hash identifies the policy.
    pub(super) fn canonical_json(&self) -> Result<Vec<u8>, Problem> {
        serde_json_canonicalizer::to_vec(self).map_err(|error| json_problem(&error))
    }
}

fn bounded(bytes: usize) -> Result<(), Problem> {
    if bytes > DOCUMENT_BYTES_MAX {
        return Err(Problem::TooLarge { bytes, bytes_max: DOCUMENT_BYTES_MAX });
    }
    Ok(())
}

fn json_problem(error: &serde_json::Error) -> Problem {
    Problem::Json { message: repeated(&error.to_string(), MESSAGE_CHARS_MAX) }
}

/// Lines count from 1.
fn line_at(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}
