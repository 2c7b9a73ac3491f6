//! A billing increment exists only where it is agreed, and rounds up only what is
//! billed.

use beleg_domain::contract::Terms;
use beleg_domain::event::Limit;

use crate::world::*;

fn quarter_hours() -> Terms {
    Terms { increment_minutes: agreed(15), ..hourly(RATE) }
}

#[test]
fn billed_seconds_are_rounded_up_and_worked_seconds_are_not() {
    let mut w = World::with_release(quarter_hours(), Limit::Unlimited);
    let second = w.work("anna", Execution, "10:00", "10:00:01");
    let exact = w.work("anna", Execution, "10:15", "10:30");
    w.stands(second, &[("billable.customizing-bug", 1, 3_000)]);
    w.stands(exact, &[("billable.customizing-bug", 15 * MIN, 3_000)]);
    assert_eq!((w.billed_seconds(second), w.billed_seconds(exact)), (15 * MIN, 15 * MIN));
}

#[test]
fn an_entry_is_rounded_once_after_all_cuts_and_its_last_billable_segment_pays() {
    let mut w = World::with_release(quarter_hours(), Limit::Unlimited);
    w.amend("10:00", "03-03", Terms { hourly_rate_minor: agreed(15_000), ..Terms::default() });
    let work = w.work("anna", Execution, "23:50", "03-03 00:06");
    // 10 and 6 minutes make 16, so 14 more at the later rate.
    w.stands(work, &[("billable.customizing-bug", 10 * MIN, 2_000), ("billable.customizing-bug", 6 * MIN, 5_000)]);
    assert_eq!(w.billed_seconds(work), 30 * MIN);
}

#[test]
fn withheld_time_is_not_rounded() {
    let mut w = World::with_release(quarter_hours(), Limit::Unlimited);
    let work = w.work("anna", Execution, "09:50", "10:20");
    w.stands(work, &[("withheld.before-information", 10 * MIN, 0), ("billable.customizing-bug", 20 * MIN, 6_000)]);
}

#[test]
fn a_limit_in_minutes_caps_the_supplement() {
    let mut w = World::with_release(quarter_hours(), Limit::Minutes(20));
    let work = w.work("anna", Execution, "10:00", "10:16");
    w.stands(work, &[("billable.customizing-bug", 16 * MIN, 4_000)]);
    assert_eq!(w.billed_seconds(work), 20 * MIN);
}

#[test]
fn a_limit_in_money_caps_the_supplement_at_a_whole_second() {
    let mut w = World::with_release(quarter_hours(), Limit::Minor(100));
    let work = w.work("anna", Execution, "10:00", "10:00:10");
    w.stands(work, &[("billable.customizing-bug", 10, 100)]);
    assert_eq!(w.billed_seconds(work), 30);
}

#[test]
fn a_supplement_uses_the_limit_that_later_entries_would_have() {
    let mut w = World::with_release(quarter_hours(), Limit::Minutes(20));
    w.work("anna", Execution, "10:00", "10:01");
    let later = w.work("anna", Execution, "10:01", "10:11");
    w.stands(later, &[("billable.customizing-bug", 5 * MIN, 1_000), ("withheld.approval-exhausted", 5 * MIN, 0)]);
}

#[test]
fn an_increment_holds_from_its_date() {
    let mut w = World::with_release(hourly(RATE), Limit::Unlimited);
    w.amend("10:00", "03-03", Terms { increment_minutes: agreed(60), ..Terms::default() });
    let before = w.work("anna", Execution, "10:00", "10:01");
    let after = w.work("anna", Execution, "03-03 10:00", "03-03 10:01");
    w.stands(before, &[("billable.customizing-bug", MIN, 200)]);
    w.stands(after, &[("billable.customizing-bug", MIN, 12_000)]);
}

#[test]
fn half_a_cent_rounds_away_from_zero_once_a_segment() {
    let mut w = World::with_release(hourly(1_800), Limit::Unlimited);
    let work = w.work("anna", Execution, "10:00", "10:00:01");
    w.stands(work, &[("billable.customizing-bug", 1, 1)]);
    let work = w.work("anna", Execution, "10:00:02", "10:00:05");
    w.stands(work, &[("billable.customizing-bug", 3, 2)]);
}
