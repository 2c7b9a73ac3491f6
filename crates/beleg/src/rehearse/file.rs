//! The YAML of a rehearsal, read and checked. An unknown key anywhere refuses the
//! file with its line, and so does a key that its step does not take.

use super::step::{RawStep, Step};
use super::vocabulary::{Account, Activity, Class};
use crate::failure::Failure;
use serde::Deserialize;
use serde_saphyr::Spanned;
use std::collections::BTreeMap;
use std::path::Path;

/// The largest file read.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// One scenario, checked.
#[derive(Debug)]
pub(super) struct Scenario {
    pub(super) name: String,
    pub(super) contract: Contract,
    pub(super) steps: Vec<Placed>,
    pub(super) expect: Expect,
}

/// A step and the line it stands on.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) line: u64,
    pub(super) step: Step,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawScenario {
    name: String,
    // Read by people, and checked to be there.
    #[serde(rename = "why")]
    _why: String,
    contract: Contract,
    steps: Vec<Spanned<RawStep>>,
    expect: Expect,
}

/// The contract in force from the beginning.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contract {
    pub(super) currency: String,
    pub(super) hourly_rate_minor: Option<i64>,
    pub(super) increment_minutes: Option<i64>,
    pub(super) exemptions: Option<Vec<Class>>,
    pub(super) standing_approval: Option<StandingApproval>,
    pub(super) prepaid_minutes: Option<i64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StandingApproval {
    pub(super) classes: Vec<Class>,
    pub(super) limit_minutes: Option<i64>,
    pub(super) limit_minor: Option<i64>,
}

/// What must be so after the last step.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Expect {
    pub(super) classification: BTreeMap<String, ExpectClass>,
    pub(super) entries: BTreeMap<String, Vec<ExpectEntry>>,
    pub(super) postings_without_work: BTreeMap<String, Vec<ExpectEntry>>,
    pub(super) totals: Option<BTreeMap<Account, ExpectTotal>>,
    pub(super) status: Vec<ExpectStatus>,
    pub(super) statements: BTreeMap<String, BTreeMap<Account, ExpectTotal>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectClass {
    pub(super) class: Class,
    pub(super) rule: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectEntry {
    pub(super) account: Account,
    pub(super) rule: String,
    pub(super) worked_seconds: i64,
    pub(super) amount_minor: i64,
    pub(super) billed_seconds: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectTotal {
    pub(super) worked_seconds: i64,
    pub(super) amount_minor: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectStatus {
    pub(super) ticket: String,
    pub(super) activity: Activity,
    pub(super) account: Account,
    pub(super) rule: String,
    pub(super) allowance_left_seconds: Option<i64>,
    pub(super) limit_left_seconds: Option<i64>,
    pub(super) limit_left_minor: Option<i64>,
    pub(super) prepaid_left_seconds: Option<i64>,
    pub(super) cost_so_far_minor: Option<i64>,
}

/// Reads a file.
pub(super) fn read(path: &Path) -> Result<Vec<Scenario>, Failure> {
    let failed = |error| Failure::File { path: path.to_owned(), error };
    let place = path.display().to_string();
    let bytes = std::fs::metadata(path).map_err(failed)?.len();
    if bytes > FILE_BYTES_MAX {
        let what = format!("{bytes} bytes; a rehearsal has at most {FILE_BYTES_MAX}");
        return Err(Failure::Malformed { place, what });
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    parse(&text).map_err(|(line, what)| {
        let place = line.map_or(place.clone(), |line| format!("{place}:{line}"));
        Failure::Malformed { place, what }
    })
}

/// Parses a text; what is wrong comes with its line.
pub(super) fn parse(text: &str) -> Result<Vec<Scenario>, (Option<u64>, String)> {
    let raw: Vec<RawScenario> = serde_saphyr::from_str(text).map_err(|error| {
        let line = error.location().map(|location| location.line());
        (line, error.without_snippet().to_string())
    })?;
    raw.into_iter().map(check).collect()
}

fn check(raw: RawScenario) -> Result<Scenario, (Option<u64>, String)> {
    let mut steps = Vec::with_capacity(raw.steps.len());
    for spanned in raw.steps {
        let line = spanned.referenced.line();
        let step = Step::check(spanned.value).map_err(|what| (Some(line), what))?;
        steps.push(Placed { line, step });
    }
    if steps.is_empty() {
        return Err((None, format!("scenario {:?} has no steps", raw.name)));
    }
    if let Some(standing) = &raw.contract.standing_approval {
        super::step::check_standing(standing).map_err(|what| (None, what))?;
    }
    Ok(Scenario { name: raw.name, contract: raw.contract, steps, expect: raw.expect })
}

#[cfg(test)]
mod tests {
    use super::parse;

    const HEAD: &str = "- name: n\n  why: w\n  contract: {currency: EUR}\n  steps:\n";

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let text = format!(
            "{HEAD}    - {{at: \"2026-03-02T09:00\", do: open, impact: incident}}\n    - {{at: \"2026-03-02T09:00\", do: resolve, wherefore: x}}\n  expect: {{}}\n"
        );
        let (line, what) = parse(&text).expect_err("wherefore is no key");
        assert_eq!(line, Some(6), "{what}");
        assert!(what.contains("wherefore"), "{what}");
    }

    #[test]
    fn a_key_of_another_step_is_refused_with_its_line() {
        let text = format!(
            "{HEAD}    - {{at: \"2026-03-02T09:00\", do: open, impact: incident, basis: hourly}}\n  expect: {{}}\n"
        );
        let (line, what) = parse(&text).expect_err("open takes no basis");
        assert_eq!(line, Some(5), "{what}");
        assert!(what.contains("basis"), "{what}");
    }

    #[test]
    fn an_unknown_key_in_what_is_expected_is_refused() {
        let text = format!(
            "{HEAD}    - {{at: \"2026-03-02T09:00\", do: open, impact: incident}}\n  expect:\n    totals:\n      free: {{worked_seconds: 1, amount: 3}}\n"
        );
        let (line, _) = parse(&text).expect_err("amount is no key");
        assert_eq!(line, Some(8));
    }
}
