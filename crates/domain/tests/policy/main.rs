//! The default policy says what domain.md sections 2 and 3 say, and a policy that is wrong is refused with its reason.

#![allow(clippy::unwrap_used)]

/// What the default policy says.
mod shipped;

/// When two documents are the same policy.
mod identity;

/// Documents that are no policy.
mod documents;

/// Clauses, rules and texts.
mod texts;

/// The table that classifies.
mod table;

/// All problems at once, as many as can be read.
mod reporting;

use beleg_domain::facts::{Behaviour, FaultCause, Findings, Reproducible};
use beleg_domain::policy::{Policy, Problem};

const DEFAULT: &str = include_str!("../../../../policies/support.toml");

fn default_policy() -> Policy {
    Policy::from_toml(DEFAULT).unwrap()
}

/// The default policy with one place changed; the place must be there exactly once.
fn changed(from: &str, to: &str) -> String {
    assert_eq!(DEFAULT.matches(from).count(), 1, "not exactly once in the default policy: {from}");
    DEFAULT.replacen(from, to, 1)
}

/// The default policy without the paragraph that starts with these lines.
fn without(start: &str) -> String {
    assert_eq!(DEFAULT.matches(start).count(), 1, "not exactly once in the default policy: {start}");
    let at = DEFAULT.find(start).unwrap();
    let rest = &DEFAULT[at..];
    let end = rest.find("\n\n").unwrap_or(rest.len());
    format!("{}{}", &DEFAULT[..at], &rest[end..])
}

/// The default policy with more of its paragraphs at the end.
fn with(paragraphs: &str) -> String {
    format!("{DEFAULT}\n{paragraphs}")
}

fn refused(toml: &str) -> Vec<Problem> {
    Policy::from_toml(toml).unwrap_err()
}

fn line_of(toml: &str, text: &str) -> usize {
    1 + toml.lines().position(|line| line.contains(text)).unwrap()
}

fn findings(
    behaviour: Behaviour,
    cause: FaultCause,
    reproducible_in_standard: Reproducible,
    security_relevant: bool,
) -> Findings {
    Findings { behaviour, cause, reproducible_in_standard, security_relevant }
}
