//! The project's own rehearsals hold, and a wrong expectation in one of them is named.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

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
