//! Facts that share one instant. A simulated clock, a script or a quick hand may
//! resolve and close, or reopen and inform, within one microsecond; then the order
//! of recording says what came first.

use beleg_domain::event::{Limit, Offer};
use beleg_domain::ticket::command::Command;

use crate::world::*;

/// A change request with an accepted quote of 500.00 EUR.
fn with_quote() -> World {
    let mut w = World::with_ticket(hourly(RATE));
    w.then("09:30", record(change_wanted()));
    let told = w.then("10:00", inform(Offer::QuoteMinor(50_000)));
    w.then("10:00", quote_approval(told));
    w
}

#[test]
fn a_quote_is_delivered_by_a_resolution_closed_in_the_same_instant() {
    let mut w = with_quote();
    w.then("12:00", Command::Resolve);
    w.then("12:00", Command::Close);
    w.ledger(&[("billable.quote-delivered", 0, 50_000)]);
}

#[test]
fn a_delivered_price_stays_though_the_ticket_is_reopened_in_the_same_instant() {
    let mut w = with_quote();
    w.then("12:00", Command::Resolve);
    w.then("12:00", Command::Reopen);
    w.ledger(&[("billable.quote-delivered", 0, 50_000)]);
}

#[test]
fn a_delivered_price_stays_though_it_is_revoked_in_the_same_instant() {
    let mut w = with_quote();
    let quote = w.ticket().approvals[0].event;
    w.then("12:00", Command::Resolve);
    w.then("12:00", Command::Revoke { approval: quote });
    w.ledger(&[("billable.quote-delivered", 0, 50_000)]);
}

#[test]
fn a_delivered_price_stays_though_another_chargeable_class_follows_in_the_same_instant() {
    let mut w = with_quote();
    w.then("12:00", Command::Resolve);
    w.then("12:00", record(customizing()));
    w.ledger(&[("billable.quote-delivered", 0, 50_000)]);
}

#[test]
fn a_quote_revoked_or_closed_and_then_resolved_in_one_instant_is_not_delivered() {
    let mut w = with_quote();
    let quote = w.ticket().approvals[0].event;
    w.then("12:00", Command::Revoke { approval: quote });
    w.then("12:00", Command::Resolve);
    w.ledger(&[]);
}

#[test]
fn what_was_told_and_released_just_before_a_reopening_opens_nothing_after_it() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    w.clock(at("10:00"));
    let told = w.send(inform(estimate(60))).unwrap();
    w.send(hourly_approval(told, Limit::Unlimited)).unwrap();
    w.send(Command::Resolve).unwrap();
    w.send(Command::Reopen).unwrap();
    w.refuses("10:00", hourly_approval(told, Limit::Unlimited), "INFORMATION_SUPERSEDED");
    let work = w.work("anna", Execution, "10:00", "11:00");
    w.stands(work, &[("withheld.before-information", 60 * MIN, 0)]);
}

#[test]
fn what_is_told_and_released_just_after_a_reopening_opens_its_gates() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    w.clock(at("10:00"));
    w.send(Command::Close).unwrap();
    w.send(Command::Reopen).unwrap();
    let told = w.send(inform(estimate(60))).unwrap();
    w.send(hourly_approval(told, Limit::Unlimited)).unwrap();
    let work = w.work("anna", Execution, "10:00", "11:00");
    w.stands(work, &[("billable.customizing-bug", 60 * MIN, 12_000)]);
}

#[test]
fn an_approval_just_after_a_quote_was_taken_back_releases_hourly_work() {
    let mut w = with_quote();
    let quote = w.ticket().approvals[0].event;
    w.clock(at("10:00"));
    let told = w.send(inform(estimate(60))).unwrap();
    w.send(Command::Revoke { approval: quote }).unwrap();
    w.send(hourly_approval(told, Limit::Unlimited)).unwrap();
    let work = w.work("anna", Execution, "10:00", "11:00");
    w.stands(work, &[("billable.change-request", 60 * MIN, 12_000)]);
}

#[test]
fn a_gate_opens_at_the_next_whole_second_and_an_end_counts_from_its_own() {
    let mut w = World::with_customizing_bug(hourly(3_600));
    let told = w.then("10:00", inform(estimate(60)));
    let approval = w.then("10:00:10.000001", hourly_approval(told, Limit::Unlimited));
    w.then("10:00:20.999999", Command::Revoke { approval });
    let work = w.work("anna", Execution, "10:00", "10:01");
    w.stands(
        work,
        &[("withheld.before-approval", 11, 0), ("billable.customizing-bug", 9, 9), ("withheld.approval-ended", 40, 0)],
    );
}

#[test]
fn of_a_decline_and_an_end_in_one_instant_the_later_recorded_is_the_reason() {
    let play = |is_declined_first: bool| {
        let mut w = World::with_release(hourly(RATE), Limit::Unlimited);
        let approval = w.ticket().approvals[0].event;
        let other = w.then("10:00", inform(estimate(60)));
        let mut commands = [Command::Decline { information: other }, Command::Revoke { approval }];
        if !is_declined_first {
            commands.reverse();
        }
        for command in commands {
            w.then("11:00", command);
        }
        let work = w.work("anna", Execution, "11:00", "12:00");
        w.standing().into_iter().find(|(_, of, _)| *of == Some(work)).unwrap().2.rule.as_str().to_owned()
    };
    assert_eq!((play(true).as_str(), play(false).as_str()), ("withheld.approval-ended", "withheld.declined"));
}

#[test]
fn the_second_in_which_another_chargeable_class_takes_over_is_not_billed_under_the_first() {
    let mut w = World::with_release(hourly(3_600), Limit::Unlimited);
    w.then("10:00:10.5", record(change_wanted()));
    let work = w.work("anna", Execution, "10:00", "10:00:20");
    w.stands(work, &[("billable.customizing-bug", 10, 10), ("withheld.before-information", 10, 0)]);
}

#[test]
fn the_second_in_which_a_cause_is_corrected_within_a_run_keeps_the_rule_it_began_with() {
    let mut w = World::with_ticket(hourly(3_600));
    w.then("09:30", record(customer_side()));
    let told = w.then("10:00", inform(estimate(60)));
    w.then("10:00", hourly_approval(told, Limit::Unlimited));
    w.then("10:00:10.5", record(third_party()));
    let work = w.work("anna", Execution, "10:00", "10:00:20");
    w.stands(work, &[("billable.customer-side-cause", 11, 11), ("billable.third-party-cause", 9, 9)]);
}

#[test]
fn an_expiry_and_a_decline_in_one_instant_name_the_decline() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    let told = w.then("10:00", inform(estimate(60)));
    let Command::Approve { information, basis, limit, currency, .. } = hourly_approval(told, Limit::Unlimited) else {
        return;
    };
    w.then("10:00", Command::Approve { information, basis, limit, currency, valid_until: Some(at("11:00")) });
    w.then("11:00", Command::Decline { information: told });
    let work = w.work("anna", Execution, "11:00", "12:00");
    w.stands(work, &[("withheld.declined", 60 * MIN, 0)]);
}
