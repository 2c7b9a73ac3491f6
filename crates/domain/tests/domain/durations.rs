//! A duration shorter than its window counts in the customer's favour: what may lie
//! outside the billable part is not charged.

use beleg_domain::contract::Terms;
use beleg_domain::event::{Limit, Offer};
use beleg_domain::ticket::command::Command;

use crate::world::*;

/// A customizing bug, informed at 10:00 and released at 11:00.
fn released_at_eleven(terms: Terms) -> World {
    let mut w = World::with_customizing_bug(terms);
    let told = w.then("10:00", inform(estimate(240)));
    w.then("11:00", hourly_approval(told, Limit::Unlimited));
    w
}

#[test]
fn what_may_all_lie_before_the_release_is_not_provable() {
    let mut w = released_at_eleven(hourly(RATE));
    let work = w.work_within("anna", "10:00", "12:00", 60);
    w.stands(work, &[("withheld.not-provable", 60 * MIN, 0)]);
}

#[test]
fn what_must_lie_after_the_release_is_billed() {
    let mut w = released_at_eleven(hourly(RATE));
    let work = w.work_within("anna", "10:30", "12:30", 75);
    w.ledger(&[("billable.customizing-bug", 45 * MIN, 9_000), ("withheld.not-provable", 30 * MIN, 0)]);
    assert_eq!(w.billed_seconds(work), 45 * MIN);
}

#[test]
fn a_window_wholly_in_the_billable_part_proves_all_of_it() {
    let mut w = released_at_eleven(hourly(RATE));
    let work = w.work_within("anna", "13:00", "16:00", 45);
    w.stands(work, &[("billable.customizing-bug", 45 * MIN, 9_000)]);
}

#[test]
fn a_window_with_one_answer_needs_no_proof() {
    let mut w = released_at_eleven(hourly(RATE));
    let work = w.work_within("anna", "09:30", "10:00", 10);
    w.stands(work, &[("withheld.before-information", 10 * MIN, 0)]);
}

#[test]
fn a_window_of_two_withheld_answers_is_not_provable() {
    let mut w = released_at_eleven(hourly(RATE));
    let work = w.work_within("anna", "09:30", "10:30", 10);
    w.stands(work, &[("withheld.not-provable", 10 * MIN, 0)]);
}

#[test]
fn provable_time_lies_where_it_is_cheapest() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    w.amend("09:30", "03-03", Terms { hourly_rate_minor: agreed(9_000), ..Terms::default() });
    let told = w.then("09:40", inform(estimate(240)));
    w.then("23:00", hourly_approval(told, Limit::Unlimited));
    let work = w.work_within("anna", "22:00", "03-03 02:00", 210);
    // 60 of 210 minutes may lie before 23:00; of the rest 120 fit at the lower rate.
    w.ledger(&[("billable.customizing-bug", 150 * MIN, 18_000 + 6_000), ("withheld.not-provable", 60 * MIN, 0)]);
    assert_eq!(w.billed_seconds(work), 150 * MIN);
}

#[test]
fn of_equal_prices_the_earliest_time_is_taken() {
    let mut w = released_at_eleven(hourly(RATE));
    let work = w.work_within("anna", "10:30", "13:00", 60);
    let from: Vec<_> = w.standing().into_iter().filter(|(_, of, _)| *of == Some(work)).collect();
    let billed = from.iter().find(|(_, _, s)| s.amount_minor > 0).unwrap();
    assert_eq!((billed.2.from, billed.2.to), (second("11:00"), second("11:30")));
}

#[test]
fn initial_diagnosis_takes_the_duration_first_and_draws_on_the_allowance() {
    let mut w = released_at_eleven(hourly(RATE));
    let command = Command::LogWork {
        activity: Diagnosis,
        performer: staff("anna"),
        from: second("09:10"),
        to: second("12:10"),
        duration_seconds: Some(130 * MIN),
    };
    w.then("12:10", command);
    // 20 minutes of the window are initial diagnosis, 70 are released: of 130 at
    // least 20 must have been released.
    w.ledger(&[
        ("billable.customizing-bug", 20 * MIN, 4_000),
        ("free.initial-diagnosis", 20 * MIN, 0),
        ("withheld.not-provable", 90 * MIN, 0),
    ]);
}

#[test]
fn a_quotes_cover_is_provable_at_price_zero() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    let told = w.then("10:00", inform(Offer::QuoteMinor(50_000)));
    w.then("11:00", quote_approval(told));
    let work = w.work_within("anna", "10:30", "12:00", 80);
    w.ledger(&[("covered.quote", 50 * MIN, 0), ("withheld.not-provable", 30 * MIN, 0)]);
    assert_eq!(w.billed_seconds(work), 0);
}

#[test]
fn prepaid_work_is_provable_without_a_rate() {
    let terms = Terms { hourly_rate_minor: None, prepaid_minutes: Some(600), ..hourly(RATE) };
    let mut w = released_at_eleven(terms);
    w.work_within("anna", "10:30", "12:00", 80);
    w.ledger(&[("covered.prepaid", 50 * MIN, 0), ("withheld.not-provable", 30 * MIN, 0)]);
}

/// Released in the evening; from midnight on there is prepaid time.
fn prepaid_from_midnight(released: &str, minutes: i64) -> World {
    let mut w = World::with_customizing_bug(hourly(RATE));
    let told = w.then("09:40", inform(estimate(600)));
    w.then(released, hourly_approval(told, Limit::Unlimited));
    w.amend(released, "03-03", Terms { prepaid_minutes: Some(minutes), ..Terms::default() });
    w
}

#[test]
fn provable_time_lies_in_prepaid_time_before_it_costs_money() {
    let mut w = prepaid_from_midnight("21:00", 600);
    let work = w.work_within("anna", "22:00", "03-03 02:00", 150);
    w.stands(work, &[("billable.customizing-bug", 30 * MIN, 6_000), ("covered.prepaid", 120 * MIN, 0)]);
    let mut w = prepaid_from_midnight("23:00", 600);
    w.work_within("anna", "22:00", "03-03 02:00", 150);
    w.ledger(&[("covered.prepaid", 90 * MIN, 0), ("withheld.not-provable", 60 * MIN, 0)]);
}

#[test]
fn of_prepaid_times_the_one_with_the_lower_rate_is_taken_for_it_may_be_used_up() {
    let mut w = prepaid_from_midnight("21:00", 30);
    w.amend("21:00", "03-04", Terms { hourly_rate_minor: agreed(6_000), ..Terms::default() });
    let work = w.work_within("anna", "03-03 23:00", "03-04 01:00", 60);
    w.stands(work, &[("covered.prepaid", 30 * MIN, 0), ("billable.customizing-bug", 30 * MIN, 3_000)]);
}

/// As a limit, what is left of prepaid time is applied after time is laid: else the
/// next command, finding none left to draw, would lay it anew.
#[test]
fn prepaid_time_that_a_limit_keeps_from_being_used_leaves_the_answer_as_it_was() {
    let terms = Terms { hourly_rate_minor: None, prepaid_minutes: Some(60), ..hourly(RATE) };
    let mut w = World::with_customizing_bug(terms);
    let told = w.then("10:00", inform(estimate(60)));
    w.then("11:00", hourly_approval(told, Limit::Minutes(1)));
    w.work("anna", Execution, "11:00", "11:01");
    w.work_within("ben", "10:30", "12:00", 80);
    let stands = [
        ("covered.prepaid", MIN, 0),
        ("withheld.approval-exhausted", 50 * MIN, 0),
        ("withheld.not-provable", 30 * MIN, 0),
    ];
    w.ledger(&stands);
    w.then("12:30", inform(estimate(10)));
    w.ledger(&stands);
}

/// Released on Monday at 10:00; from midnight on an hour costs twice as much and some
/// minutes are prepaid.
fn dearer_and_prepaid_from_midnight(minutes: i64) -> World {
    let mut w = World::with_release(hourly(10_000), Limit::Unlimited);
    dearer_and_prepaid(&mut w, minutes);
    w
}

fn dearer_and_prepaid(w: &mut World, minutes: i64) {
    let terms = Terms { prepaid_minutes: Some(minutes), hourly_rate_minor: agreed(20_000), ..Terms::default() };
    w.amend("11:00", "03-03", terms);
}

#[test]
fn prepaid_time_is_the_cheapest_only_as_far_as_it_lasts() {
    let mut w = dearer_and_prepaid_from_midnight(12);
    let work = w.work_within("anna", "23:00", "03-03 01:00", 60);
    let stands = [("billable.customizing-bug", 48 * MIN, 8_000), ("covered.prepaid", 12 * MIN, 0)];
    w.stands(work, &stands);
    w.then("03-03 02:00", inform(estimate(10)));
    w.stands(work, &stands);
    w.then("03-03 03:00", Command::Reassess);
    w.stands(work, &stands);
}

#[test]
fn prepaid_time_that_others_used_up_makes_nothing_cheaper() {
    let mut w = World::agreed(hourly(10_000));
    w.open_released(change_wanted());
    dearer_and_prepaid(&mut w, 60);
    w.work("ben", Execution, "03-03 00:00", "03-03 01:00");
    w.open_released(customizing());
    let work = w.work_within("anna", "03-03 23:00", "03-04 01:00", 60);
    w.amend("03-04 02:00", "03-04", Terms { hourly_rate_minor: agreed(10_000), ..Terms::default() });
    w.stands(work, &[("billable.customizing-bug", 60 * MIN, 20_000)]);
    w.then("03-04 03:00", Command::Reassess);
    w.stands(work, &[("billable.customizing-bug", 60 * MIN, 10_000)]);
}

#[test]
fn prepaid_time_that_an_entry_may_not_draw_makes_nothing_cheaper() {
    let mut w = World::with_customizing_bug(hourly(10_000));
    let told = w.then("10:00", inform(estimate(120)));
    dearer_and_prepaid(&mut w, 600);
    let work = w.work_within("anna", "23:00", "03-03 01:00", 60);
    w.then("03-03 08:30", late("22:00", hourly_approval(told, Limit::Unlimited)));
    w.stands(work, &[("billable.customizing-bug", 60 * MIN, 10_000)]);
    w.then("03-03 09:00", Command::Reassess);
    w.stands(work, &[("covered.prepaid", 60 * MIN, 0)]);
}

#[test]
fn two_grants_of_prepaid_time_are_counted_each_from_its_date() {
    let mut w = World::with_release(Terms { prepaid_minutes: Some(5), ..hourly(10_000) }, Limit::Unlimited);
    dearer_and_prepaid(&mut w, 60);
    let work = w.work_within("anna", "23:00", "03-03 01:00", 60);
    w.stands(work, &[("covered.prepaid", 5 * MIN, 0), ("covered.prepaid", 55 * MIN, 0)]);
}

#[test]
fn a_limit_that_keeps_prepaid_time_from_paying_makes_no_layout_dearer_later() {
    let mut w = World::with_release(hourly(1_000), Limit::Minutes(50));
    let terms = Terms { prepaid_minutes: Some(12), hourly_rate_minor: agreed(20_000), ..Terms::default() };
    w.amend("11:00", "03-03", terms);
    let work = w.work_within("anna", "23:00", "03-03 01:00", 60);
    let stands = [("billable.customizing-bug", 50 * MIN, 833), ("withheld.approval-exhausted", 10 * MIN, 0)];
    w.stands(work, &stands);
    w.then("03-03 02:00", inform(estimate(10)));
    w.stands(work, &stands);
}

#[test]
fn without_a_rate_nothing_is_provable_beside_another_answer() {
    let mut w = released_at_eleven(Terms { hourly_rate_minor: None, ..hourly(RATE) });
    w.work_within("anna", "10:30", "12:00", 80);
    w.ledger(&[("withheld.not-provable", 80 * MIN, 0)]);
}

#[test]
fn limits_are_applied_after_time_is_laid() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    let told = w.then("10:00", inform(estimate(60)));
    w.then("11:00", hourly_approval(told, Limit::Minutes(20)));
    w.work_within("anna", "10:30", "12:00", 80);
    w.ledger(&[
        ("billable.customizing-bug", 20 * MIN, 4_000),
        ("withheld.approval-exhausted", 30 * MIN, 0),
        ("withheld.not-provable", 30 * MIN, 0),
    ]);
}

#[test]
fn a_free_class_makes_the_whole_window_one_answer() {
    let mut w = released_at_eleven(hourly(RATE));
    let work = w.work_within("anna", "10:30", "12:30", 75);
    w.then("13:00", record(base_software()));
    w.stands(work, &[("free.base-software-bug", 75 * MIN, 0)]);
}
