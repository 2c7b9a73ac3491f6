//! A billing increment exists only where it is agreed, and rounds up only what is
//! billed.

use beleg_domain::contract::{StandingApproval, Terms};
use beleg_domain::event::{Limit, Role};
use beleg_domain::facts::Class;
use beleg_domain::ticket::command::Command;

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
fn a_supplement_goes_on_with_the_next_release_where_one_is_used_up() {
    let mut w = World::with_release(quarter_hours(), Limit::Minutes(20));
    let (told, first) = (w.ticket().informations[0].event, w.ticket().approvals[0].event);
    let second = w.then("10:00", hourly_approval(told, Limit::Minutes(5)));
    let third = w.then("10:00", hourly_approval(told, Limit::Unlimited));
    let work = w.work("anna", Execution, "10:00", "10:18");
    // 18 minutes make 30: two more of the first, five of the second, five of the third.
    w.stands(work, &[("billable.customizing-bug", 18 * MIN, 6_000)]);
    assert_eq!(w.billed_seconds(work), 30 * MIN);
    let (_, _, segment) = w.standing().remove(0);
    let named: Vec<_> = segment.causes.iter().filter(|cause| cause.role == Role::Approval).collect();
    assert_eq!(named.iter().map(|cause| cause.event).collect::<Vec<_>>(), [first, second, third]);
    assert_eq!(segment.causes.last().map(|cause| cause.role), Some(Role::Policy));
    let later = w.work("anna", Execution, "10:18", "10:20");
    let (_, _, segment) = w.standing().into_iter().find(|(_, of, _)| *of == Some(later)).unwrap();
    assert!(segment.causes.iter().all(|cause| cause.event != first && cause.event != second));
}

#[test]
fn a_supplement_goes_on_with_an_explicit_approval_where_the_standing_one_is_used_up() {
    let standing = StandingApproval { classes: vec![Class::CustomizingBug], limit: Limit::Minutes(20) };
    let terms = Terms { increment_minutes: agreed(30), standing_approval: Some(standing), ..hourly(RATE) };
    let mut w = World::with_release(terms, Limit::Unlimited);
    let work = w.work("anna", Execution, "10:00", "10:20");
    w.stands(work, &[("billable.customizing-bug", 20 * MIN, 6_000)]);
    assert_eq!(w.billed_seconds(work), 30 * MIN);
}

#[test]
fn limits_in_money_share_a_supplement_without_passing_their_amounts() {
    let mut w = World::with_release(quarter_hours(), Limit::Minor(500));
    let told = w.ticket().informations[0].event;
    w.then("10:00", hourly_approval(told, Limit::Minor(700)));
    let work = w.work("anna", Execution, "10:00", "10:01");
    // 2.5 and 3.5 minutes of the 15; nothing is left of either.
    w.stands(work, &[("billable.customizing-bug", MIN, 1_200)]);
    assert_eq!(w.billed_seconds(work), 6 * MIN);
    let later = w.work("anna", Execution, "10:01", "10:02");
    w.stands(later, &[("withheld.approval-exhausted", MIN, 0)]);
}

#[test]
fn a_release_that_ended_before_the_last_billable_segment_adds_nothing() {
    let mut w = World::with_release(quarter_hours(), Limit::Unlimited);
    let (told, approval) = (w.ticket().informations[0].event, w.ticket().approvals[0].event);
    w.then("10:05", Command::Revoke { approval });
    w.then("10:05", hourly_approval(told, Limit::Minutes(6)));
    let work = w.work("anna", Execution, "10:00", "10:10");
    w.stands(work, &[("billable.customizing-bug", 5 * MIN, 1_000), ("billable.customizing-bug", 5 * MIN, 1_200)]);
    assert_eq!(w.billed_seconds(work), 11 * MIN);
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

/// A term that is restated unchanged cuts the entry at its date and must change no amount.
#[test]
fn an_entry_over_an_increments_date_is_rounded_by_the_one_at_its_end() {
    for (first, then, billed) in [(Some(60), agreed(1), 40), (None, agreed(60), 60), (Some(60), no_longer_agreed(), 40)]
    {
        for restated in [None, agreed(RATE)] {
            let terms = Terms { increment_minutes: first.and_then(agreed), ..hourly(RATE) };
            let mut w = World::with_release(terms, Limit::Unlimited);
            let amended = Terms { increment_minutes: then, hourly_rate_minor: restated, ..Terms::default() };
            w.amend("10:00", "03-03", amended);
            let work = w.work("anna", Execution, "23:30", "03-03 00:10");
            assert_eq!(w.billed_seconds(work), billed * MIN, "{first:?}, then {then:?}, {restated:?} restated");
            assert_eq!(w.ticket().charged_minor(), billed * 200);
        }
    }
}

#[test]
fn half_a_cent_rounds_away_from_zero_once_a_segment() {
    let mut w = World::with_release(hourly(1_800), Limit::Unlimited);
    let work = w.work("anna", Execution, "10:00", "10:00:01");
    w.stands(work, &[("billable.customizing-bug", 1, 1)]);
    let work = w.work("anna", Execution, "10:00:02", "10:00:05");
    w.stands(work, &[("billable.customizing-bug", 3, 2)]);
}
