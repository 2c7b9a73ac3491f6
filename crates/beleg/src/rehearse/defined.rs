//! The labels that steps define, against those that steps and expectations name.
//!
//! A label that nothing defines has an identifier all the same, and the log knows nothing about it: an expectation of
//! nothing would hold, and a step would be refused with an identifier that stands nowhere in the file.

use super::file::{Expect, Placed};
use super::step::{Deed, Step};
use crate::said::Said;
use crate::shown::plain;
use std::collections::BTreeSet;

/// What a label stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Ticket,
    Information,
    Approval,
    Work,
    Statement,
}

impl Kind {
    /// What a step must do to define such a label.
    fn defined_by(self) -> &'static str {
        match self {
            Self::Ticket => "open",
            Self::Information => "inform",
            Self::Approval => "approve",
            Self::Work => "log_work",
            Self::Statement => "issue_statement",
        }
    }
}

type Label<'a> = (Kind, &'a str);

/// The first step that refers to what no earlier one defined, with its line. A step that is to be refused may: that
/// what it names is not there can be the very reason.
pub(super) fn check_steps(steps: &[Placed]) -> Result<(), (u64, Said)> {
    let mut there: BTreeSet<Label<'_>> = BTreeSet::new();
    let mut refused: BTreeSet<Label<'_>> = BTreeSet::new();
    for (number, Placed { line, step }) in (1_usize..).zip(steps) {
        if !step.expect_error.is_empty() {
            // It leaves nothing behind.
            refused.extend(definition(step));
            continue;
        }
        if let Some(label) = references(step).find(|label| !there.contains(label)) {
            return Err((*line, undefined(number, label, refused.contains(&label))));
        }
        there.extend(definition(step));
    }
    Ok(())
}

fn undefined(number: usize, (kind, label): Label<'_>, is_refused: bool) -> Said {
    let (label, by) = (plain(label), kind.defined_by());
    if is_refused {
        return Said::new(
            format!("Schritt {number} verweist auf {label}; der Schritt davor, der es festlegt, soll abgelehnt werden"),
            format!("step {number} refers to {label}; the earlier step that defines it is to be refused"),
        );
    }
    Said::new(
        format!("Schritt {number} verweist auf {label}, das kein früherer Schritt festlegt (do: {by})"),
        format!("step {number} refers to {label}, which no earlier step defines (do: {by})"),
    )
}

/// What is expected of labels that no step defines. Of what a refused step would have left behind nothing may be there,
/// and that can be expected.
pub(super) fn check_expected(expect: &Expect, steps: &[Placed]) -> Result<(), Said> {
    let there: BTreeSet<Label<'_>> = steps.iter().filter_map(|placed| definition(&placed.step)).collect();
    let tickets = expect.classification.keys().chain(expect.postings_without_work.keys());
    let tickets = tickets.chain(expect.status.iter().map(|one| &one.ticket));
    let work = expect.entries.keys().map(|label| (Kind::Work, label.as_str()));
    let statements = expect.statements.keys().map(|label| (Kind::Statement, label.as_str()));
    let named = tickets.map(|label| (Kind::Ticket, label.as_str())).chain(work).chain(statements);
    let unknown: BTreeSet<Label<'_>> = named.filter(|label| !there.contains(label)).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let unknown = unknown.into_iter().map(|(kind, label)| format!("{} (do: {})", plain(label), kind.defined_by()));
    let unknown = unknown.collect::<Vec<_>>().join(", ");
    Err(Said::new(
        format!("kein Schritt legt fest, wovon unter expect etwas erwartet wird: {unknown}"),
        format!("no step defines {unknown}, of which expect says something"),
    ))
}

/// The label that a step defines.
fn definition(step: &Step) -> Option<Label<'_>> {
    Some(match &step.deed {
        Deed::Open { .. } => (Kind::Ticket, step.ticket.as_str()),
        Deed::Inform { id, .. } => (Kind::Information, id.as_str()),
        Deed::Approve { id, .. } => (Kind::Approval, id.as_str()),
        Deed::LogWork { id, .. } => (Kind::Work, id.as_str()),
        Deed::IssueStatement { id } => (Kind::Statement, id.as_str()),
        _ => return None,
    })
}

/// The labels that a step takes for granted.
fn references(step: &Step) -> impl Iterator<Item = Label<'_>> {
    let ticket = match &step.deed {
        // The one comes before its ticket, the others belong to none.
        Deed::Open { .. } | Deed::AmendContract(_) | Deed::IssueStatement { .. } => None,
        _ => Some((Kind::Ticket, step.ticket.as_str())),
    };
    let other = match &step.deed {
        Deed::Approve { refers_to, .. } => refers_to.as_deref().map(|label| (Kind::Information, label)),
        Deed::Decline { refers_to } => Some((Kind::Information, refers_to.as_str())),
        Deed::Revoke { approval } => Some((Kind::Approval, approval.as_str())),
        Deed::VoidWork { work, .. } => Some((Kind::Work, work.as_str())),
        _ => None,
    };
    ticket.into_iter().chain(other)
}

#[cfg(test)]
mod tests {
    use super::super::file::parse;
    use crate::lang::Lang;

    const HEAD: &str = "- name: n\n  why: w\n  contract: {currency: EUR}\n  steps:\n";
    const OPEN: &str = "    - {at: \"2026-03-02T09:00\", do: open, impact: incident}\n";

    /// What a scenario is refused with, and where.
    fn refused(steps: &str, expect: &str, lang: Lang) -> (Option<u64>, String) {
        parse(&format!("{HEAD}{steps}  expect: {expect}\n"), lang).expect_err(expect)
    }

    fn step(what: &str) -> String {
        format!("    - {{at: \"2026-03-02T09:00\", {what}}}\n")
    }

    #[test]
    fn what_no_step_defines_cannot_be_expected_to_be_nothing() {
        for (expect, named) in [
            ("{entries: {W77: []}}", "no step defines W77 (do: log_work)"),
            ("{postings_without_work: {T99: []}}", "no step defines T99 (do: open)"),
            ("{statements: {S5: {}}}", "no step defines S5 (do: issue_statement)"),
            ("{classification: {T2: {class: undetermined, rule: r}}}", "no step defines T2 (do: open)"),
            ("{status: [{ticket: T3, activity: diagnosis, account: free, rule: r}]}", "no step defines T3 (do: open)"),
            // A label of another kind.
            ("{entries: {T1: []}}", "no step defines T1 (do: log_work)"),
        ] {
            let (_, what) = refused(OPEN, expect, Lang::En);
            assert!(what.contains(named), "{expect}: {what}");
        }
        let (_, what) = refused(OPEN, "{entries: {W77: []}}", Lang::De);
        assert!(what.contains("kein Schritt legt fest") && what.contains("W77"), "{what}");
    }

    #[test]
    fn what_a_refused_step_would_have_defined_can_be_expected_to_be_nothing() {
        let work = "do: log_work, id: W1, activity: diagnosis, by: anna, from: \"2026-03-02T08:00\", \
                    to: \"2026-03-02T08:10\", expect_error: FAILED_PRECONDITION";
        let text = format!("{HEAD}{OPEN}{}  expect: {{entries: {{W1: []}}}}\n", step(work));
        assert!(parse(&text, Lang::En).is_ok());
    }

    #[test]
    fn a_step_refers_to_what_an_earlier_one_defines() {
        for (what, named) in [
            ("do: approve, id: A1, refers_to: I9, basis: hourly, no_limit: true", "I9"),
            ("do: decline, refers_to: I9", "I9"),
            ("do: revoke, approval: A9", "A9"),
            ("do: void_work, work: W9, reason: r", "W9"),
            ("ticket: T7, do: start_diagnosis", "T7"),
        ] {
            let steps = format!("{OPEN}{}", step(what));
            let (line, said) = refused(&steps, "{}", Lang::En);
            assert_eq!(line, Some(6), "{said}");
            let wanted = format!("step 2 refers to {named}, which no earlier step defines");
            assert!(said.starts_with(&wanted), "{what}: {said}");
            let (_, said) = refused(&steps, "{}", Lang::De);
            assert!(said.starts_with(&format!("Schritt 2 verweist auf {named}, das kein früherer")), "{said}");
            // What is to be refused may name what is not there.
            let steps = format!("{OPEN}{}", step(&format!("{what}, expect_error: NOT_FOUND")));
            assert!(parse(&format!("{HEAD}{steps}  expect: {{}}\n"), Lang::En).is_ok(), "{what}");
        }
    }

    #[test]
    fn what_is_defined_later_or_by_a_refused_step_is_not_there_yet() {
        let later = format!("{}{OPEN}", step("do: start_diagnosis"));
        let (line, said) = refused(&later, "{}", Lang::En);
        assert_eq!(line, Some(5), "{said}");
        assert!(said.contains("step 1 refers to T1, which no earlier step defines"), "{said}");

        let refusal = step("do: inform, id: I1, estimate_minutes: 60, expect_error: FAILED_PRECONDITION");
        let steps = format!("{OPEN}{refusal}{}", step("do: decline, refers_to: I1"));
        let (line, said) = refused(&steps, "{}", Lang::En);
        assert_eq!(line, Some(7), "{said}");
        assert!(said.contains("the earlier step that defines it is to be refused"), "{said}");
    }
}
