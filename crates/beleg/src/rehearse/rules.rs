//! The rules a policy has, against those that expectations name: a rule that is not there can never be met.

use super::file::Scenario;
use crate::failure::Failure;
use crate::lang::Lang;
use crate::policy;
use std::collections::BTreeSet;
use std::path::Path;

/// What a status says where no rule applies.
const NONE: &str = "–";

/// The ids of a policy's rules.
pub(super) struct Rules(BTreeSet<String>);

/// The rules of the policy that is rehearsed; one that may not be published is not played.
pub(super) fn of(document: &str, file: Option<&Path>) -> Result<Rules, Failure> {
    let policy = policy::sound(document, file)?;
    let rules = policy.rules().iter().map(|rule| rule.id.as_str().to_owned());
    let rows = policy.rows().iter().map(|row| row.rule.as_str().to_owned());
    Ok(Rules(rules.chain(rows).collect()))
}

impl Rules {
    /// What a scenario expects of rules that are not there.
    pub(super) fn check(&self, place: &str, scenario: &Scenario, lang: Lang) -> Option<Failure> {
        let expect = &scenario.expect;
        let classes = expect.classification.values().map(|one| &one.rule);
        let entries = expect.entries.values().chain(expect.postings_without_work.values()).flatten();
        let named = classes.chain(entries.map(|one| &one.rule)).chain(expect.status.iter().map(|one| &one.rule));
        let unknown: BTreeSet<&str> =
            named.map(String::as_str).filter(|rule| *rule != NONE && !self.0.contains(*rule)).collect();
        if unknown.is_empty() {
            return None;
        }
        let (name, rules) = (&scenario.name, unknown.into_iter().collect::<Vec<_>>().join(", "));
        let what = lang.pick(
            format!("Szenario {name:?} erwartet Regeln, die die Richtlinie nicht hat: {rules}"),
            format!("scenario {name:?} expects rules that the policy does not have: {rules}"),
        );
        Some(Failure::Malformed { place: place.to_owned(), what })
    }
}
