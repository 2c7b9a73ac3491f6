//! "Sie wissen jederzeit, wann Support Teil des SaaS-Betriebs ist": where the next
//! minute would go, and why.

use beleg_domain::contract::Terms;
use beleg_domain::cost::{self, Turn};
use beleg_domain::event::{Limit, Offer};
use beleg_domain::facts::Class;
use beleg_domain::refusal::Refusal;
use beleg_domain::ticket::Status;
use beleg_domain::ticket::command::{Command, NotDecided};
use beleg_domain::ticket::work::Window;

use crate::world::*;

fn says(w: &World, when: &str, rule: &str, turn: Turn, changes: &[&str]) {
    let execution = w.next_minute(when);
    let found = (execution.segment.rule.as_str(), w.status(when).turn, &execution.changes[..]);
    assert_eq!(found, (rule, turn, changes));
}

#[test]
fn it_follows_the_ticket_from_its_opening_to_its_end() {
    let mut w = World::with_ticket(hourly(RATE));
    says(&w, "09:00", "withheld.unclassified", Turn::Provider, &["findings"]);
    w.then("09:30", record(customizing()));
    says(&w, "09:30", "withheld.before-information", Turn::Provider, &["information", "approval"]);
    let told = w.then("10:00", inform(estimate(60)));
    says(&w, "10:00", "withheld.before-approval", Turn::Customer, &["approval"]);
    w.then("10:10", hourly_approval(told, Limit::Minutes(30)));
    says(&w, "10:10", "billable.customizing-bug", Turn::Provider, &["findings", "prepaid-time"]);
    w.work("anna", Execution, "10:10", "10:40");
    says(&w, "10:40", "withheld.approval-exhausted", Turn::Customer, &["higher-limit"]);
    w.then("11:00", Command::Resolve);
    assert_eq!((w.status("11:00").turn, w.status("11:00").status), (Turn::Nobody, Status::Resolved));
    w.then("12:00", record(base_software()));
    says(&w, "12:00", "free.base-software-bug", Turn::Nobody, &["findings", "reopening"]);
}

#[test]
fn it_names_a_decline_and_an_end() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    let told = w.then("10:00", inform(estimate(60)));
    w.then("10:10", Command::Decline { information: told });
    says(&w, "10:10", "withheld.declined", Turn::Provider, &["approval"]);
    let approval = w.then("10:20", hourly_approval(told, Limit::Unlimited));
    w.then("10:30", Command::Revoke { approval });
    says(&w, "10:30", "withheld.approval-ended", Turn::Provider, &["approval"]);
}

#[test]
fn it_counts_what_is_used_and_left() {
    let terms = Terms { prepaid_minutes: Some(10), ..hourly(RATE) };
    let mut w = World::with_ticket(terms);
    w.work("anna", Diagnosis, "09:00", "09:20");
    w.then("09:30", record(customizing()));
    let told = w.then("10:00", inform(estimate(60)));
    w.then("10:00", hourly_approval(told, Limit::Minutes(60)));
    w.then("10:00", hourly_approval(told, Limit::Minor(5_000)));
    w.work("anna", Execution, "10:00", "10:30");
    let status = w.status("10:30");
    assert_eq!((status.allowance_used_seconds, status.allowance_left_seconds), (20 * MIN, 10 * MIN));
    assert_eq!((status.limit_left_seconds, status.limit_left_minor), (Some(30 * MIN), Some(5_000)));
    assert_eq!((status.prepaid_left_seconds, status.cost_so_far_minor), (0, 4_000));
    assert_eq!(status.class, Some(Class::CustomizingBug));
}

#[test]
fn a_limit_that_is_used_up_is_zero_and_one_that_was_never_set_is_none() {
    let mut w = World::with_release(hourly(RATE), Limit::Minutes(30));
    w.work("anna", Execution, "10:00", "11:00");
    let status = w.status("11:00");
    assert_eq!((status.limit_left_seconds, status.limit_left_minor), (Some(0), None));
    let w = World::with_release(hourly(RATE), Limit::Unlimited);
    assert_eq!(w.status("11:00").limit_left_seconds, None);
}

#[test]
fn diagnosis_has_an_answer_of_its_own() {
    let mut w = World::with_ticket(hourly(RATE));
    let diagnosis = |w: &World, when| w.status(when).activities[0].segment.rule.as_str().to_owned();
    assert_eq!(diagnosis(&w, "09:00"), "free.initial-diagnosis");
    w.work("anna", Diagnosis, "09:00", "09:30");
    assert_eq!(diagnosis(&w, "09:30"), "withheld.diagnosis-overrun");
    w.then("09:40", record(base_software()));
    assert_eq!(diagnosis(&w, "09:40"), "free.base-software-bug");
}

#[test]
fn an_accepted_quote_covers_the_next_minute_and_costs_nothing_yet() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    let told = w.then("10:00", inform(Offer::QuoteMinor(50_000)));
    w.then("10:00", quote_approval(told));
    says(&w, "10:00", "covered.quote", Turn::Provider, &["findings"]);
    assert_eq!(w.status("10:00").cost_so_far_minor, 0);
}

#[test]
fn without_a_rate_it_says_what_would_change_that() {
    let w = World::with_release(Terms { hourly_rate_minor: None, ..hourly(RATE) }, Limit::Unlimited);
    says(&w, "10:00", "withheld.no-agreed-rate", Turn::Provider, &["agreed-rate", "prepaid-time"]);
}

#[test]
fn a_preview_says_what_logging_then_does_and_records_nothing() {
    let terms = Terms { increment_minutes: agreed(15), prepaid_minutes: Some(20), ..hourly(RATE) };
    let mut w = World::with_release(terms, Limit::Minutes(60));
    w.clock(at("12:00"));
    let window = Window { from: second("09:30"), to: second("11:30"), duration_seconds: None };
    let before = w.log.len();
    let previewed = cost::preview(w.ticket(), Execution, staff("anna"), window, at("12:00"), w.surroundings()).unwrap();
    assert_eq!(w.log.len(), before);
    let work = w.work("anna", Execution, "09:30", "11:30");
    let mut logged: Vec<_> = w.standing().into_iter().filter(|(_, of, _)| *of == Some(work)).collect();
    logged.sort_by_key(|(_, _, segment)| segment.from);
    let shape = |s: &beleg_domain::event::Segment| (s.rule.clone(), s.from, s.to, s.billed_seconds, s.amount_minor);
    let (previewed, logged): (Vec<_>, Vec<_>) =
        (previewed.iter().map(shape).collect(), logged.iter().map(|(_, _, s)| shape(s)).collect());
    assert_eq!(previewed, logged);
}

#[test]
fn a_preview_of_no_window_is_refused() {
    let w = World::with_ticket(hourly(RATE));
    let window = Window { from: second("10:00"), to: second("10:00"), duration_seconds: None };
    assert_eq!(preview_refused(&w, window, "10:00").field, "to");
}

#[test]
fn a_preview_is_refused_where_logging_would_be() {
    let mut w = World::with_release(hourly(RATE), Limit::Unlimited);
    w.clock(at("12:00"));
    let window = |from, to| Window { from: second(from), to: second(to), duration_seconds: None };
    assert_eq!(preview_refused(&w, window("11:00", "12:01"), "12:00").field, "to");
    assert_eq!(preview_refused(&w, window("08:00", "10:00"), "12:00").reason, "BEFORE_OPENING");
    w.work("anna", Execution, "10:00", "11:00");
    assert_eq!(preview_refused(&w, window("10:30", "11:30"), "12:00").reason, "OVERLAPPING_WORK");
    w.then("12:00", Command::Close);
    assert_eq!(preview_refused(&w, window("12:00", "12:30"), "13:00").reason, "TICKET_SETTLED");
}

fn preview_refused(w: &World, window: Window, now: &str) -> Refusal {
    match cost::preview(w.ticket(), Execution, staff("anna"), window, at(now), w.surroundings()) {
        Err(NotDecided::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}
