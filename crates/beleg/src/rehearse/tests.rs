//! A wrong expectation is found and named, whatever it is about.

use super::{Difference, file, play};
use crate::lang::Lang;
use crate::policy;

/// Holds: an allowance used, both gates, a limit, a quote, a refused step.
const HOLDS: &str = r#"
- name: everything that can be expected
  why: the runner itself is on trial here
  contract: {currency: EUR, hourly_rate_minor: 12000, prepaid_minutes: 10}
  steps:
    - {at: "2026-03-02T09:00", do: open, impact: incident}
    - {at: "2026-03-02T09:00", do: start_diagnosis}
    - {at: "2026-03-02T09:20", do: log_work, id: W1, activity: diagnosis, by: anna, from: "2026-03-02T09:00", to: "2026-03-02T09:20"}
    - {at: "2026-03-02T09:30", do: record_findings, behaviour: deviates, cause: customizing, reproducible: "no"}
    - {at: "2026-03-02T09:40", do: approve, id: A0, refers_to: I0, basis: hourly, no_limit: true, expect_error: NOT_FOUND}
    - {at: "2026-03-02T10:00", do: inform, id: I1, estimate_minutes: 60}
    - {at: "2026-03-02T10:00", do: approve, id: A1, refers_to: I1, basis: hourly, limit_minutes: 40}
    - {at: "2026-03-02T11:00", do: log_work, id: W2, activity: execution, by: anna, from: "2026-03-02T10:00", to: "2026-03-02T11:00", request_id: r-1}
    - {at: "2026-03-02T11:00", do: log_work, id: W2, activity: execution, by: anna, from: "2026-03-02T10:00", to: "2026-03-02T11:00", request_id: r-1}
    - {at: "2026-03-02T12:00", do: open, ticket: T2, impact: request}
    - {at: "2026-03-02T12:00", do: record_findings, ticket: T2, behaviour: change_wanted, cause: none_found, reproducible: "not_tested"}
    - {at: "2026-03-02T12:00", do: inform, ticket: T2, id: I2, quote_minor: 30000}
    - {at: "2026-03-02T12:00", do: approve, ticket: T2, id: A2, refers_to: I2, basis: quote}
    - {at: "2026-03-02T12:30", do: resolve, ticket: T2}
  expect:
    classification: {T1: {class: customizing_bug, rule: classify.customizing-bug}}
    entries:
      W1: [{account: free, rule: free.initial-diagnosis, worked_seconds: 1200, amount_minor: 0}]
      W2:
        - {account: covered, rule: covered.prepaid, worked_seconds: 600, amount_minor: 0}
        - {account: billable, rule: billable.customizing-bug, worked_seconds: 1800, billed_seconds: 1800, amount_minor: 6000}
        - {account: withheld, rule: withheld.approval-exhausted, worked_seconds: 1200, amount_minor: 0}
    postings_without_work:
      T2: [{account: billable, rule: billable.quote-delivered, worked_seconds: 0, amount_minor: 30000}]
    totals:
      free: {worked_seconds: 1200, amount_minor: 0}
      covered: {worked_seconds: 600, amount_minor: 0}
      billable: {worked_seconds: 1800, amount_minor: 36000}
      withheld: {worked_seconds: 1200, amount_minor: 0}
    status:
      - {ticket: T1, activity: execution, account: withheld, rule: withheld.approval-exhausted, limit_left_seconds: 0, prepaid_left_seconds: 0, cost_so_far_minor: 6000}
"#;

async fn differences(text: &str) -> Vec<Difference> {
    let scenarios = file::parse(text, Lang::En).expect("a well-formed rehearsal");
    let scenario = scenarios.first().expect("one scenario");
    play::scenario(scenario, policy::BUILT_IN, &crate::storage::Beside::default(), Lang::En)
        .await
        .expect("a server that runs")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_holds_holds() {
    assert_eq!(differences(HOLDS).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_expectation_is_named() {
    let wrong = [
        ("rule: classify.customizing-bug}}", "rule: classify.third-party}}", "classification T1 rule"),
        ("{class: customizing_bug", "{class: service_request", "classification T1 class"),
        (
            "worked_seconds: 1200, amount_minor: 0}]\n      W2",
            "worked_seconds: 1201, amount_minor: 0}]\n      W2",
            "entries W1 free free.initial-diagnosis worked_seconds",
        ),
        (
            "billed_seconds: 1800, amount_minor: 6000",
            "billed_seconds: 1800, amount_minor: 6001",
            "entries W2 billable billable.customizing-bug amount_minor",
        ),
        (
            "billed_seconds: 1800, amount_minor: 6000",
            "billed_seconds: 1799, amount_minor: 6000",
            "entries W2 billable billable.customizing-bug billed_seconds",
        ),
        ("rule: covered.prepaid, worked", "rule: covered.quote, worked", "entries W2 covered covered.quote"),
        (
            "worked_seconds: 0, amount_minor: 30000",
            "worked_seconds: 0, amount_minor: 29999",
            "postings_without_work T2 billable billable.quote-delivered amount_minor",
        ),
        ("      free: {worked_seconds: 1200, amount_minor: 0}\n", "", "totals free worked_seconds"),
        ("amount_minor: 36000", "amount_minor: 6000", "totals billable amount_minor"),
        ("limit_left_seconds: 0", "limit_left_seconds: 60", "status T1 execution limit_left_seconds"),
        ("prepaid_left_seconds: 0", "prepaid_left_seconds: 1", "status T1 execution prepaid_left_seconds"),
        ("cost_so_far_minor: 6000", "cost_so_far_minor: 0", "status T1 execution cost_so_far_minor"),
        (
            "execution, account: withheld, rule: withheld.approval-exhausted",
            "execution, account: billable, rule: withheld.approval-exhausted",
            "status T1 execution account",
        ),
        ("expect_error: NOT_FOUND", "expect_error: ABORTED", "step 5 (line 10)"),
        (
            "request_id: r-1}\n    - {at: \"2026-03-02T12:00\"",
            "request_id: r-2}\n    - {at: \"2026-03-02T12:00\"",
            "step 9 (line 14)",
        ),
        ("do: resolve, ticket: T2}", "do: resolve, ticket: T2, expect_error: ABORTED}", "step 14 (line 19)"),
    ];
    for (from, to, named) in wrong {
        assert_eq!(HOLDS.matches(from).count(), 1, "{from:?} must stand there once");
        let found = differences(&HOLDS.replace(from, to)).await;
        assert!(found.iter().any(|one| one.what == named), "{to:?} must be named {named:?}: {found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_are_said_to_be_missing() {
    let step = "    - {at: \"2026-03-02T13:00\", do: issue_statement, id: S1, from: \"2026-03-01\", to: \"2026-04-01\"}\n  expect:";
    let found = differences(&HOLDS.replacen("  expect:", step, 1)).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].actual.contains("not available in this version"));
}
