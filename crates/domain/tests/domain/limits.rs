//! How far an approval reaches: by minutes or by money, the oldest first.

use beleg_domain::contract::{StandingApproval, Terms};
use beleg_domain::event::Limit;
use beleg_domain::facts::Class;
use beleg_domain::ticket::command::Command;

use crate::world::*;

#[test]
fn minutes_end_at_their_last_second() {
    let mut w = World::with_release(hourly(RATE), Limit::Minutes(60));
    let work = w.work("anna", Execution, "10:00", "11:00:01");
    w.stands(work, &[("billable.customizing-bug", 60 * MIN, 12_000), ("withheld.approval-exhausted", 1, 0)]);
}

#[test]
fn money_ends_at_the_last_whole_second_it_pays() {
    let mut w = World::with_release(hourly(9_500), Limit::Minor(10_000));
    let work = w.work("anna", Execution, "10:00", "12:00");
    // 3,789 seconds cost 99.99 EUR; one more would cost 100.02 EUR.
    w.stands(work, &[("billable.customizing-bug", 3_789, 9_999), ("withheld.approval-exhausted", 3_411, 0)]);
}

#[test]
fn what_is_left_of_money_below_a_seconds_price_is_not_saved_up() {
    let mut w = World::with_release(hourly(9_500), Limit::Minor(10_000));
    w.work("anna", Execution, "10:00", "12:00");
    let later = w.work("anna", Execution, "12:00", "12:00:01");
    w.stands(later, &[("withheld.approval-exhausted", 1, 0)]);
}

#[test]
fn rounding_does_not_bring_back_money_that_was_used_up() {
    // 0.8 cents a second: three cost 2.4 and are rounded to 2, so a whole cent seems left.
    let mut w = World::with_release(hourly(2_880), Limit::Minor(3));
    let first = w.work("anna", Execution, "10:00", "10:00:10");
    let second = w.work("anna", Execution, "10:00:10", "10:00:11");
    w.stands(first, &[("billable.customizing-bug", 3, 2), ("withheld.approval-exhausted", 7, 0)]);
    w.stands(second, &[("withheld.approval-exhausted", 1, 0)]);
}

#[test]
fn what_is_left_of_money_buys_time_at_a_lower_rate() {
    // At 1.00 EUR a second 0.50 EUR are left; at 0.10 EUR these pay for five seconds.
    let mut w = World::with_release(hourly(360_000), Limit::Minor(1_050));
    let dear = w.work("anna", Execution, "10:00", "11:00");
    w.amend("12:00", "03-03", Terms { hourly_rate_minor: agreed(36_000), ..Terms::default() });
    let cheap = w.work("anna", Execution, "03-03 10:00", "03-03 11:00");
    w.stands(dear, &[("billable.customizing-bug", 10, 1_000), ("withheld.approval-exhausted", 3_590, 0)]);
    w.stands(cheap, &[("billable.customizing-bug", 5, 50), ("withheld.approval-exhausted", 3_595, 0)]);
}

#[test]
fn what_was_used_up_at_a_lower_rate_is_used_up_at_a_higher_one() {
    let mut w = World::with_release(hourly(2_880), Limit::Minor(3));
    w.work("anna", Execution, "10:00", "10:00:10");
    w.amend("12:00", "03-03", Terms { hourly_rate_minor: agreed(3_600), ..Terms::default() });
    let dear = w.work("anna", Execution, "03-03 10:00", "03-03 10:00:01");
    w.stands(dear, &[("withheld.approval-exhausted", 1, 0)]);
}

#[test]
fn many_short_entries_do_not_pass_a_limit_in_money_by_rounding() {
    let mut w = World::with_release(hourly(RATE), Limit::Minor(10));
    // One second costs 3⅓ cents and rounds to 3: three fit, then less than one is left.
    for second in 0..6 {
        w.work("anna", Execution, &format!("10:00:{second:02}"), &format!("10:00:{:02}", second + 1));
    }
    w.ledger(&[("billable.customizing-bug", 3, 9), ("withheld.approval-exhausted", 3, 0)]);
}

#[test]
fn a_further_approval_does_not_reach_back() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    let told = w.then("10:00", inform(estimate(60)));
    w.then("10:00", hourly_approval(told, Limit::Minutes(30)));
    let first = w.work("anna", Execution, "10:00", "11:00");
    w.then("11:00", hourly_approval(told, Limit::Minutes(30)));
    let second = w.work("anna", Execution, "11:00", "12:00");
    w.stands(first, &[("billable.customizing-bug", 30 * MIN, 6_000), ("withheld.approval-exhausted", 30 * MIN, 0)]);
    w.stands(second, &[("billable.customizing-bug", 30 * MIN, 6_000), ("withheld.approval-exhausted", 30 * MIN, 0)]);
}

#[test]
fn the_oldest_approval_pays_first() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    let told = w.then("10:00", inform(estimate(60)));
    let newer = w.then("10:10", late("10:05", hourly_approval(told, Limit::Minutes(20))));
    let older = w.then("10:10", late("10:00", hourly_approval(told, Limit::Minutes(20))));
    let work = w.work("anna", Execution, "10:10", "10:30");
    let paid: Vec<_> = w.standing().into_iter().filter(|(_, of, _)| *of == Some(work)).collect();
    assert_eq!(paid.len(), 1);
    let named = |approval| paid[0].2.causes.iter().any(|cause| cause.event == approval);
    assert!(named(older) && !named(newer));
}

#[test]
fn limits_are_used_in_recorded_order_and_in_time_order_within_an_entry() {
    let mut w = World::with_release(hourly(RATE), Limit::Minutes(60));
    w.clock(at("13:00"));
    let afternoon = w.work("anna", Execution, "12:00", "12:40");
    let morning = w.work("anna", Execution, "10:00", "10:40");
    w.stands(afternoon, &[("billable.customizing-bug", 40 * MIN, 8_000)]);
    w.stands(morning, &[("billable.customizing-bug", 20 * MIN, 4_000), ("withheld.approval-exhausted", 20 * MIN, 0)]);
}

#[test]
fn what_a_void_frees_passes_on_in_recorded_order() {
    let mut w = World::with_release(hourly(RATE), Limit::Minutes(60));
    let first = w.work("anna", Execution, "10:00", "11:00");
    let second = w.work("ben", Execution, "11:00", "11:40");
    let third = w.work("cleo", Execution, "10:00", "10:40");
    w.stands(second, &[("withheld.approval-exhausted", 40 * MIN, 0)]);
    w.then("12:00", Command::Void { work: first });
    w.stands(second, &[("billable.customizing-bug", 40 * MIN, 8_000)]);
    w.stands(third, &[("billable.customizing-bug", 20 * MIN, 4_000), ("withheld.approval-exhausted", 20 * MIN, 0)]);
}

#[test]
fn a_standing_limit_is_not_renewed_by_an_explicit_approval() {
    let standing = StandingApproval { classes: vec![Class::CustomizingBug], limit: Limit::Minutes(20) };
    let terms = Terms { standing_approval: Some(standing), ..hourly(RATE) };
    let mut w = World::with_customizing_bug(terms);
    let told = w.then("10:00", inform(estimate(60)));
    w.work("anna", Execution, "10:00", "10:20");
    w.then("10:20", hourly_approval(told, Limit::Minutes(10)));
    let work = w.work("anna", Execution, "10:20", "11:00");
    w.stands(work, &[("billable.customizing-bug", 10 * MIN, 2_000), ("withheld.approval-exhausted", 30 * MIN, 0)]);
}

#[test]
fn without_an_agreed_rate_nothing_is_billed_and_no_limit_is_used() {
    let mut w = World::with_release(Terms { hourly_rate_minor: None, ..hourly(RATE) }, Limit::Minutes(60));
    let unpriced = w.work("anna", Execution, "10:00", "11:00");
    w.stands(unpriced, &[("withheld.no-agreed-rate", 60 * MIN, 0)]);
    w.amend("11:00", "03-02", Terms { hourly_rate_minor: agreed(RATE), ..Terms::default() });
    let priced = w.work("anna", Execution, "11:00", "12:00");
    w.stands(priced, &[("billable.customizing-bug", 60 * MIN, 12_000)]);
    w.stands(unpriced, &[("withheld.no-agreed-rate", 60 * MIN, 0)]);
}

#[test]
fn exhausted_comes_before_no_agreed_rate() {
    let mut w = World::with_release(hourly(RATE), Limit::Minutes(30));
    w.work("anna", Execution, "10:00", "10:30");
    w.amend("10:30", "03-02", Terms { hourly_rate_minor: no_longer_agreed(), ..Terms::default() });
    let work = w.work("anna", Execution, "10:30", "10:40");
    w.stands(work, &[("withheld.approval-exhausted", 10 * MIN, 0)]);
}
