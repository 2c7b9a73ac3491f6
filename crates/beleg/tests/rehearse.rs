//! The project's own rehearsals hold, and each expectation in them that is made wrong is named.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn rehearse(files: &[PathBuf]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_beleg")).args(["--lang", "en", "rehearse"]).args(files).output().unwrap()
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/rehearsals");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn the_projects_own_rehearsals_hold() {
    let files = files();
    assert!(!files.is_empty());
    let played = rehearse(&files);
    let said = String::from_utf8(played.stdout).unwrap();
    assert!(played.status.success(), "{said}");
    let scenarios: usize =
        files.iter().map(|file| std::fs::read_to_string(file).unwrap().matches("- name:").count()).sum();
    assert!(said.contains(&format!("{scenarios} of {scenarios} scenarios hold")), "{said}");
}

#[test]
fn a_wrong_expectation_is_found_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = files().into_iter().find(|file| file.ends_with("durations.yaml")).unwrap();
    let text = std::fs::read_to_string(file).unwrap();
    let wrong = folder.path().join("wrong.yaml");
    let changed = text.replace("amount_minor: 6000", "amount_minor: 6001");
    assert_ne!(text, changed);
    std::fs::write(&wrong, changed).unwrap();
    let played = rehearse(&[wrong]);
    let said = String::from_utf8(played.stdout).unwrap();
    assert!(!played.status.success(), "{said}");
    assert!(said.contains("W1") && said.contains("6001") && said.contains("6000"), "{said}");
}

const OPEN: &str = "  steps:\n    - {at: \"2026-03-02T09:00\", do: open, impact: incident}\n  expect: ";

fn written(folder: &Path, name: &str, text: &str) -> PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, text).unwrap();
    file
}

#[test]
fn a_refused_contract_is_its_scenarios_and_stops_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let one = |name: &str, currency: &str| {
        format!("- name: {name}\n  why: w\n  contract: {{currency: {currency}}}\n{OPEN}{{}}\n")
    };
    let file = written(folder.path(), "two.yaml", &(one("no currency", "EURO") + &one("sound", "EUR")));
    let played = rehearse(&[file]);
    let said = String::from_utf8(played.stdout).unwrap();
    assert_eq!(played.status.code(), Some(1), "{said}");
    assert!(said.contains("differs  no currency") && said.contains("contract"), "{said}");
    assert!(said.contains("1 of 2 scenarios hold"), "{said}");
}

#[test]
fn every_file_that_cannot_be_played_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let empty = written(folder.path(), "empty.yaml", "");
    let none = written(folder.path(), "none.yaml", "[]");
    let rule = format!(
        "- name: n\n  why: w\n  contract: {{currency: EUR}}\n{OPEN}{{classification: {{T1: {{class: undetermined, rule: classify.nonsense}}}}}}\n"
    );
    let rule = written(folder.path(), "rule.yaml", &rule);
    let played = rehearse(&[empty, none, folder.path().join("absent.yaml"), rule]);
    let said = String::from_utf8(played.stderr).unwrap();
    assert_eq!(played.status.code(), Some(1), "{said}");
    for named in ["empty.yaml", "none.yaml: not a single scenario", "absent.yaml", "classify.nonsense"] {
        assert!(said.contains(named), "{named}: {said}");
    }
}

/// What playing a file is refused with, in a language.
fn complaint(lang: &str, arguments: &[&str]) -> String {
    let played = Command::new(env!("CARGO_BIN_EXE_beleg")).args(["--lang", lang]).args(arguments).output().unwrap();
    let said = String::from_utf8(played.stderr).unwrap();
    assert_eq!(played.status.code(), Some(1), "{said}");
    said
}

#[test]
fn a_label_that_no_step_defines_is_named_and_not_its_identifier() {
    let folder = tempfile::tempdir().unwrap();
    let head = "- name: n\n  why: w\n  contract: {currency: EUR}\n";
    let step =
        |what: &str| OPEN.replace("  expect: ", &format!("    - {{at: \"2026-03-02T10:00\", {what}}}\n  expect: "));
    for (name, text, de, en) in [
        (
            "entries.yaml",
            format!("{head}{OPEN}{{entries: {{W77: []}}}}\n"),
            "kein Schritt legt fest, wovon unter expect etwas erwartet wird: W77",
            "no step defines W77",
        ),
        (
            "postings.yaml",
            format!("{head}{OPEN}{{postings_without_work: {{T99: []}}}}\n"),
            "kein Schritt legt fest, wovon unter expect etwas erwartet wird: T99",
            "no step defines T99",
        ),
        (
            "information.yaml",
            format!("{head}{}{{}}\n", step("do: approve, id: A1, refers_to: I9, basis: hourly, no_limit: true")),
            ":6: Schritt 2 verweist auf I9, das kein früherer Schritt festlegt",
            ":6: step 2 refers to I9, which no earlier step defines",
        ),
        (
            "ticket.yaml",
            format!("{head}{}{{}}\n", step("do: start_diagnosis, ticket: T7")),
            ":6: Schritt 2 verweist auf T7, das kein früherer Schritt festlegt",
            ":6: step 2 refers to T7, which no earlier step defines",
        ),
        (
            "approve.yaml",
            format!("{head}{}{{}}\n", step("do: approve, id: A1, basis: hourly, no_limit: true")),
            ":6: diesem Schritt fehlt refers_to",
            ":6: this step needs refers_to",
        ),
        (
            "early.yaml",
            format!("{head}{}{{}}\n", OPEN.replace("2026-", "1900-")),
            ":5: \"1900-03-02T09:00\": Zeitpunkte liegen zwischen 1970 und 9999",
            ":5: \"1900-03-02T09:00\": instants lie between 1970 and 9999",
        ),
        (
            "twice.yaml",
            format!("{head}{OPEN}{{}}\n  why: again\n"),
            ":7: der Schlüssel why steht hier zweimal",
            ":7: the key why stands here twice",
        ),
    ] {
        let file = written(folder.path(), name, &text).display().to_string();
        for (lang, wanted) in [("de", de), ("en", en)] {
            let said = complaint(lang, &["rehearse", &file]);
            assert!(said.contains(name) && said.contains(wanted), "{wanted:?} in {said}");
        }
    }
}

#[test]
fn a_refused_approval_needs_no_information() {
    let folder = tempfile::tempdir().unwrap();
    let steps = "    - {at: \"2026-03-02T09:00\", do: approve, id: A1, basis: hourly, no_limit: true, \
                 expect_error: [INVALID_ARGUMENT, NOT_FOUND]}\n  expect: ";
    let steps = OPEN.replace("  expect: ", steps);
    let text = format!("- name: n\n  why: w\n  contract: {{currency: EUR}}\n{steps}{{}}\n");
    let played = rehearse(&[written(folder.path(), "refused.yaml", &text)]);
    assert!(
        played.status.success(),
        "{}{}",
        String::from_utf8_lossy(&played.stdout),
        String::from_utf8_lossy(&played.stderr)
    );
}

#[test]
fn what_is_wrong_with_the_policy_stands_one_below_the_other_in_the_readers_language() {
    let folder = tempfile::tempdir().unwrap();
    let policy = include_str!("../../../policies/support.toml");
    let gap = "reproducible = [\"no\", \"not_tested\"] }";
    assert!(policy.contains(gap));
    let policy =
        policy.replace(gap, "reproducible = [\"not_tested\"] }").replace("late_work_days = 35", "late_work_days = -1");
    let policy = written(folder.path(), "gap.toml", &policy).display().to_string();
    let scenarios = files().remove(0).display().to_string();
    for (lang, first, limit, gap) in [
        (
            "de",
            "gap.toml: Diese Richtlinie kann nicht veröffentlicht werden, Mängel: 2",
            "  limits.late_work_days ist -1; erwartet ist 0 bis 3660",
            "  Lücke: keine Zeile gilt für behaviour=deviates",
        ),
        (
            "en",
            "gap.toml: this policy cannot be published, problems: 2",
            "  limits.late_work_days is -1; expected 0 to 3660",
            "  gap: no row applies to behaviour deviates",
        ),
    ] {
        let said = complaint(lang, &["rehearse", &scenarios, "--policy", &policy]);
        let lines: Vec<&str> = said.lines().collect();
        assert!(lines[0].contains(first), "{said}");
        assert!(lines[1].starts_with(limit) && lines[2].starts_with(gap) && lines.len() == 3, "{said}");
    }
}

/// An expectation made wrong.
struct Wrong {
    /// The whole scenario, with nothing else changed.
    scenario: String,
    key: &'static str,
    /// What the file says now.
    says: String,
}

impl Wrong {
    /// Whether a difference is this one.
    fn is(&self, difference: &Value) -> bool {
        let text = |key: &str| difference[key].as_str().unwrap();
        let (what, expected) = (text("what"), text("expected"));
        match self.key {
            // These say whose sum it is, or are compared themselves.
            "account" | "rule" => what.contains(&self.says) || expected == self.says,
            "class" => what.ends_with(" class") && expected == self.says,
            "expect_error" => expected.contains(&self.says),
            // Of sums that are compared together it is the sum that differs.
            number => what.ends_with(number),
        }
    }
}

/// Every expectation of a scenario, each made wrong alone.
fn wrongs(scenario: &str) -> Vec<Wrong> {
    let mut wrongs = Vec::new();
    let (mut offset, mut in_expect, mut in_statements) = (0, false, false);
    for line in scenario.split_inclusive('\n') {
        in_expect |= line.trim_end() == "  expect:";
        if line.starts_with("    ") && !line.starts_with("     ") {
            in_statements = line.starts_with("    statements:");
        }
        // No statement is issued yet, so nothing of one can be compared.
        for (key, at) in fields(line).into_iter().filter(|_| !in_statements) {
            let value = line[at..].trim_end();
            let value = &value[..value.find([',', '}', ']']).unwrap_or(value.len())];
            let other = match key {
                _ if !in_expect && key != "expect_error" => continue,
                "expect_error" if value.starts_with('[') => "[DATA_LOSS",
                "expect_error" => "DATA_LOSS",
                "account" if value == "covered" => "withheld",
                "account" => "covered",
                "rule" if value == "free.security-fault" => "free.platform-fault",
                "rule" => "free.security-fault",
                "class" if value == "undetermined" => "platform_fault",
                "class" => "undetermined",
                _ => &value.parse::<i64>().map_or_else(|_| panic!("{line}"), |number| (number + 1).to_string()),
            };
            let (from, to) = (offset + at, offset + at + value.len());
            // One more that would do is still right.
            let rest = if value.starts_with('[') { scenario[to..].find(']').map_or(0, |end| end) } else { 0 };
            wrongs.push(Wrong {
                scenario: format!("{}{other}{}", &scenario[..from], &scenario[to + rest..]),
                key,
                says: other.trim_start_matches('[').to_owned(),
            });
        }
        // What stands nowhere is expected to stand somewhere.
        if let Some(at) = line.find(": []").filter(|_| in_expect && !in_statements) {
            let at = offset + at + ": [".len();
            let one = "{account: free, rule: free.security-fault, worked_seconds: 1, amount_minor: 0}";
            let scenario = format!("{}{one}{}", &scenario[..at], &scenario[at..]);
            wrongs.push(Wrong { scenario, key: "rule", says: "free.security-fault".to_owned() });
        }
        offset += line.len();
    }
    wrongs
}

/// Where a line says something that is compared: the key, and where its value begins.
fn fields(line: &str) -> Vec<(&'static str, usize)> {
    const KEYS: [&str; 12] = [
        "account",
        "rule",
        "class",
        "worked_seconds",
        "amount_minor",
        "billed_seconds",
        "allowance_left_seconds",
        "limit_left_seconds",
        "limit_left_minor",
        "prepaid_left_seconds",
        "cost_so_far_minor",
        "expect_error",
    ];
    let mut found = Vec::new();
    for key in KEYS {
        let text = format!("{key}: ");
        let starts = line.match_indices(&text).map(|(at, _)| at);
        let whole = starts.filter(|at| line[..*at].ends_with([' ', '{']));
        found.extend(whole.map(|at| (key, at + text.len())));
    }
    found
}

/// Plays one file and gives the verdicts by scenario.
fn verdicts(file: PathBuf) -> Vec<Value> {
    let played = Command::new(env!("CARGO_BIN_EXE_beleg"))
        .args(["--lang", "en", "--output", "json", "rehearse"])
        .arg(&file)
        .output()
        .unwrap();
    let said: Value = serde_json::from_slice(&played.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&played.stderr)));
    said["scenarios"].as_array().unwrap().clone()
}

/// Makes each expectation of a file wrong, plays all of it, and gives how many there were.
fn each_is_named(file: &Path) -> usize {
    let text = std::fs::read_to_string(file).unwrap();
    let starts: Vec<usize> = text.match_indices("- name:").map(|(at, _)| at).chain([text.len()]).collect();
    let wrongs: Vec<Wrong> = starts.windows(2).flat_map(|ends| wrongs(&text[ends[0]..ends[1]])).collect();
    let folder = tempfile::tempdir().unwrap();
    let changed = folder.path().join("wrong.yaml");
    let scenarios: String = wrongs.iter().map(|wrong| format!("{}\n", wrong.scenario)).collect();
    std::fs::write(&changed, scenarios).unwrap();
    let verdicts = verdicts(changed);
    assert_eq!(verdicts.len(), wrongs.len(), "{}", file.display());
    for (verdict, wrong) in verdicts.iter().zip(&wrongs) {
        assert_eq!(verdict["holds"], false, "{}\n{verdict}", wrong.scenario);
        let differences = verdict["differences"].as_array().unwrap();
        let named = differences.iter().any(|difference| wrong.is(difference));
        assert!(named, "{} {} is not named: {verdict}\n{}", wrong.key, wrong.says, wrong.scenario);
    }
    wrongs.len()
}

fn all_are_named(files: Vec<PathBuf>) {
    for file in files {
        let count = each_is_named(&file);
        println!("{count} expectations of {}", file.display());
        assert!(count > 0, "{}", file.display());
    }
}

#[test]
fn each_expectation_of_our_own_that_is_made_wrong_is_named() {
    all_are_named(files());
}

#[test]
fn each_expectation_of_the_shared_ones_that_is_made_wrong_is_named() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/rehearsals");
    let Ok(folder) = std::fs::read_dir(&shared) else {
        eprintln!("SKIPPED: the shared rehearsals are not on this machine; only the project's own were tried");
        return;
    };
    all_are_named(folder.map(|entry| entry.unwrap().path()).collect());
}
