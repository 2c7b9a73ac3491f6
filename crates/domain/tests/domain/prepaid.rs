//! Prepaid time is another way to pay for released work. It belongs to the
//! customer, opens no gate, and comes back only where its segment is reversed.

use beleg_domain::contract::Terms;
use beleg_domain::event::Limit;
use beleg_domain::ticket::command::Command;

use crate::world::*;

fn prepaid(minutes: i64) -> Terms {
    Terms { prepaid_minutes: Some(minutes), ..hourly(RATE) }
}

fn without_rate(minutes: i64) -> Terms {
    Terms { hourly_rate_minor: None, ..prepaid(minutes) }
}

#[test]
fn prepaid_time_opens_no_gate_and_needs_no_rate() {
    let mut w = World::with_customizing_bug(without_rate(30));
    let untold = w.work("anna", Execution, "09:40", "10:00");
    let told = w.then("10:00", inform(estimate(60)));
    let unreleased = w.work("anna", Execution, "10:00", "10:10");
    w.then("10:10", hourly_approval(told, Limit::Unlimited));
    let released = w.work("anna", Execution, "10:10", "11:00");
    w.stands(untold, &[("withheld.before-information", 20 * MIN, 0)]);
    w.stands(unreleased, &[("withheld.before-approval", 10 * MIN, 0)]);
    w.stands(released, &[("covered.prepaid", 30 * MIN, 0), ("withheld.no-agreed-rate", 20 * MIN, 0)]);
    assert_eq!(w.prepaid_left(), 0);
}

#[test]
fn prepaid_time_pays_before_money_does() {
    let mut w = World::with_release(prepaid(20), Limit::Unlimited);
    let work = w.work("anna", Execution, "10:00", "11:00");
    w.stands(work, &[("covered.prepaid", 20 * MIN, 0), ("billable.customizing-bug", 40 * MIN, 8_000)]);
}

#[test]
fn a_limit_in_time_counts_prepaid_seconds() {
    let mut w = World::with_release(prepaid(20), Limit::Minutes(30));
    let work = w.work("anna", Execution, "10:00", "11:00");
    w.stands(
        work,
        &[
            ("covered.prepaid", 20 * MIN, 0),
            ("billable.customizing-bug", 10 * MIN, 2_000),
            ("withheld.approval-exhausted", 30 * MIN, 0),
        ],
    );
}

#[test]
fn a_limit_in_money_does_not_count_prepaid_seconds() {
    let mut w = World::with_release(prepaid(20), Limit::Minor(2_000));
    let work = w.work("anna", Execution, "10:00", "11:00");
    w.stands(
        work,
        &[
            ("covered.prepaid", 20 * MIN, 0),
            ("billable.customizing-bug", 10 * MIN, 2_000),
            ("withheld.approval-exhausted", 30 * MIN, 0),
        ],
    );
}

#[test]
fn voided_work_gives_its_prepaid_time_to_the_tickets_own_entries_and_the_rest_back() {
    let mut w = World::with_release(prepaid(60), Limit::Unlimited);
    let first = w.work("anna", Execution, "10:00", "11:00");
    let second = w.work("anna", Execution, "11:00", "11:20");
    w.stands(second, &[("billable.customizing-bug", 20 * MIN, 4_000)]);
    w.then("12:00", Command::Void { work: first });
    w.stands(second, &[("covered.prepaid", 20 * MIN, 0)]);
    assert_eq!(w.prepaid_left(), 40 * MIN);
}

#[test]
fn time_that_an_entry_no_longer_needs_passes_on_to_a_later_one() {
    let mut w = World::with_release(prepaid(20), Limit::Unlimited);
    let told = w.ticket().informations[0].event;
    let approval = w.ticket().approvals[0].event;
    let first = w.work("anna", Execution, "10:00", "10:20");
    w.then("10:20", hourly_approval(told, Limit::Unlimited));
    let second = w.work("anna", Execution, "10:20", "10:50");
    w.stands(second, &[("billable.customizing-bug", 30 * MIN, 6_000)]);
    w.then("11:00", late("10:05", Command::Revoke { approval }));
    w.stands(first, &[("covered.prepaid", 5 * MIN, 0), ("withheld.approval-ended", 15 * MIN, 0)]);
    w.stands(second, &[("covered.prepaid", 15 * MIN, 0), ("billable.customizing-bug", 15 * MIN, 3_000)]);
    assert_eq!(w.prepaid_left(), 0);
}

#[test]
fn time_that_returns_leaves_other_tickets_as_they_are_until_somebody_asks() {
    let mut w = World::agreed(prepaid(60));
    let using = w.open_released(change_wanted());
    let first = w.work("anna", Execution, "10:00", "11:00");
    let waiting = w.open_released(customizing());
    let second = w.work("anna", Execution, "11:00", "11:30");
    w.stands(second, &[("billable.customizing-bug", 30 * MIN, 6_000)]);

    w.current = using;
    w.then("12:00", record(base_software()));
    w.stands(first, &[("free.base-software-bug", 60 * MIN, 0)]);
    assert_eq!(w.prepaid_left(), 60 * MIN);

    w.current = waiting;
    w.then("12:10", inform(estimate(10)));
    w.stands(second, &[("billable.customizing-bug", 30 * MIN, 6_000)]);
    w.then("12:20", Command::Reassess);
    w.stands(second, &[("covered.prepaid", 30 * MIN, 0)]);
    assert_eq!(w.prepaid_left(), 30 * MIN);
}

/// Otherwise the next command, whatever it is, would hand time that a later entry
/// drew to an earlier one that was never to have the balance.
#[test]
fn what_a_later_entry_drew_stays_with_it_while_it_is_not_freed() {
    let mut w = World::agreed(prepaid(60));
    let other = w.open_released(change_wanted());
    let borrowed = w.work("anna", Execution, "10:00", "11:00");
    let ticket = w.open_released(customizing());
    let earlier = w.work("anna", Execution, "11:00", "11:20");
    w.current = other;
    w.then("12:00", Command::Void { work: borrowed });
    w.current = ticket;
    let later = w.work("ben", Execution, "12:00", "13:00");
    w.stands(earlier, &[("billable.customizing-bug", 20 * MIN, 4_000)]);
    w.stands(later, &[("covered.prepaid", 60 * MIN, 0)]);

    w.then("13:00", inform(estimate(10)));
    w.stands(earlier, &[("billable.customizing-bug", 20 * MIN, 4_000)]);
    w.stands(later, &[("covered.prepaid", 60 * MIN, 0)]);
}

#[test]
fn a_grant_pays_from_its_date_and_for_work_logged_after_it_was_recorded() {
    let mut w = World::with_release(hourly(RATE), Limit::Unlimited);
    let before = w.work("anna", Execution, "10:00", "10:30");
    w.amend("10:30", "03-03", Terms { prepaid_minutes: Some(60), ..Terms::default() });
    let too_early = w.work("anna", Execution, "11:00", "11:30");
    let across = w.work("anna", Execution, "23:30", "03-03 00:30");
    w.stands(before, &[("billable.customizing-bug", 30 * MIN, 6_000)]);
    w.stands(too_early, &[("billable.customizing-bug", 30 * MIN, 6_000)]);
    w.stands(across, &[("billable.customizing-bug", 30 * MIN, 6_000), ("covered.prepaid", 30 * MIN, 0)]);
}

#[test]
fn an_amendment_adds_a_grant_and_the_earlier_one_is_used_up_first() {
    let mut w = World::with_release(prepaid(10), Limit::Unlimited);
    w.amend("10:00", "03-02", Terms { prepaid_minutes: Some(15), ..Terms::default() });
    let work = w.work("anna", Execution, "10:00", "10:20");
    // Two grants, so two segments: each names the grant that paid for it.
    w.stands(work, &[("covered.prepaid", 10 * MIN, 0), ("covered.prepaid", 10 * MIN, 0)]);
    let left: Vec<i64> = w.prepaid.grants.iter().map(|grant| grant.left_seconds).collect();
    assert_eq!(left, [0, 5 * MIN]);
}

#[test]
fn prepaid_time_is_never_rounded_up() {
    let terms = Terms { increment_minutes: agreed(15), ..prepaid(60) };
    let mut w = World::with_release(terms, Limit::Unlimited);
    let work = w.work("anna", Execution, "10:00", "10:01");
    w.stands(work, &[("covered.prepaid", MIN, 0)]);
    assert_eq!((w.billed_seconds(work), w.prepaid_left()), (0, 59 * MIN));
}
