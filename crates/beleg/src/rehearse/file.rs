//! The YAML of a rehearsal, read and checked. An unknown key anywhere refuses the
//! file with its line, and so does a key that its step does not take.

use super::defined;
use super::step::{RawStep, Step};
use super::vocabulary::{Account, Activity, Class};
use super::yaml;
use crate::failure::Failure;
use crate::lang::Lang;
use crate::said::Said;
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
pub(super) fn read(path: &Path, lang: Lang) -> Result<Vec<Scenario>, Failure> {
    let failed = |error| {
        let wanted = Said::new("Szenarien stehen in einer Textdatei in YAML.", "scenarios are a text file in YAML.");
        Failure::of_text_file(path, error, wanted)
    };
    let place = path.display().to_string();
    let bytes = std::fs::metadata(path).map_err(failed)?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(Failure::TooLong { path: path.to_owned(), bytes, bytes_max: FILE_BYTES_MAX });
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    let scenarios = parse(&text, lang).map_err(|(line, what)| {
        let place = line.map_or(place.clone(), |line| format!("{place}:{line}"));
        Failure::Malformed { place, what }
    })?;
    if scenarios.is_empty() {
        let what = lang.pick("kein einziges Szenario", "not a single scenario").to_owned();
        return Err(Failure::Malformed { place, what });
    }
    Ok(scenarios)
}

/// Parses a text; what is wrong comes with its line.
pub(super) fn parse(text: &str, lang: Lang) -> Result<Vec<Scenario>, (Option<u64>, String)> {
    let raw: Vec<RawScenario> = serde_saphyr::from_str(text).map_err(|error| {
        let (line, what) = yaml::told(&error, text);
        (line, what.in_(lang))
    })?;
    raw.into_iter().map(|raw| check(raw, lang)).collect()
}

fn check(raw: RawScenario, lang: Lang) -> Result<Scenario, (Option<u64>, String)> {
    let mut steps = Vec::with_capacity(raw.steps.len());
    for spanned in raw.steps {
        let line = spanned.referenced.line();
        let step = Step::check(spanned.value).map_err(|what| (Some(line), what.in_(lang)))?;
        let before = steps.last().map(|placed: &Placed| placed.step.at);
        if let Some(before) = before.filter(|before| *before > step.at) {
            let (number, name) = (steps.len() + 1, &raw.name);
            let what = lang.pick(
                format!("Szenario {name:?}, Schritt {number}: at {} liegt vor dem Schritt davor ({before}); die Uhr eines Szenarios läuft vorwärts, Nachgetragenes sagt occurred", step.at),
                format!("scenario {name:?}, step {number}: at {} lies before the step before it ({before}); a scenario's clock runs forwards, what is entered late says occurred", step.at),
            );
            return Err((Some(line), what));
        }
        steps.push(Placed { line, step });
    }
    if steps.is_empty() {
        let name = &raw.name;
        let what =
            lang.pick(format!("Szenario {name:?} hat keine Schritte"), format!("scenario {name:?} has no steps"));
        return Err((None, what));
    }
    if let Some(standing) = &raw.contract.standing_approval {
        super::step::check_standing(standing).map_err(|what| (None, what.in_(lang)))?;
    }
    defined::check_steps(&steps).map_err(|(line, what)| (Some(line), what.in_(lang)))?;
    defined::check_expected(&raw.expect, &steps).map_err(|what| {
        let name = &raw.name;
        let what = what.in_(lang);
        (None, lang.pick(format!("Szenario {name:?}: {what}"), format!("scenario {name:?}: {what}")))
    })?;
    Ok(Scenario { name: raw.name, contract: raw.contract, steps, expect: raw.expect })
}

#[cfg(test)]
mod tests {
    use super::{Lang, parse};

    const HEAD: &str = "- name: n\n  why: w\n  contract: {currency: EUR}\n  steps:\n";

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let text = format!(
            "{HEAD}    - {{at: \"2026-03-02T09:00\", do: open, impact: incident}}\n    - {{at: \"2026-03-02T09:00\", do: resolve, wherefore: x}}\n  expect: {{}}\n"
        );
        let (line, what) = parse(&text, Lang::En).expect_err("wherefore is no key");
        assert_eq!(line, Some(6), "{what}");
        assert_eq!(what, "unknown key wherefore");
    }

    #[test]
    fn a_mistyped_key_is_told_with_the_one_that_is_meant() {
        let text = format!("{HEAD}    - {{at: \"2026-03-02T09:00\", do: open, impct: incident}}\n  expect: {{}}\n");
        let (_, what) = parse(&text, Lang::De).expect_err("impct is no key");
        assert_eq!(what, "unbekannter Schlüssel impct; gemeint: impact?");
    }

    #[test]
    fn a_clock_that_runs_backwards_is_refused_with_its_step() {
        let text = format!(
            "{HEAD}    - {{at: \"2026-03-02T09:00\", do: open, impact: incident}}\n    - {{at: \"2026-03-02T08:59\", do: resolve}}\n  expect: {{}}\n"
        );
        let (line, what) = parse(&text, Lang::En).expect_err("08:59 is before 09:00");
        assert_eq!(line, Some(6), "{what}");
        assert!(what.contains("step 2"), "{what}");
    }

    #[test]
    fn a_key_of_another_step_is_refused_with_its_line() {
        let text = format!(
            "{HEAD}    - {{at: \"2026-03-02T09:00\", do: open, impact: incident, basis: hourly}}\n  expect: {{}}\n"
        );
        let (line, what) = parse(&text, Lang::En).expect_err("open takes no basis");
        assert_eq!(line, Some(5), "{what}");
        assert!(what.contains("basis"), "{what}");
    }

    #[test]
    fn an_unknown_key_in_what_is_expected_is_refused() {
        let text = format!(
            "{HEAD}    - {{at: \"2026-03-02T09:00\", do: open, impact: incident}}\n  expect:\n    totals:\n      free: {{worked_seconds: 1, amount: 3}}\n"
        );
        let (line, _) = parse(&text, Lang::En).expect_err("amount is no key");
        assert_eq!(line, Some(8));
    }
}
