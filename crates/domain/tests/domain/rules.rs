use beleg_domain::contract::{StandingApproval, Terms};
use beleg_domain::event::{Limit, Offer};
use beleg_domain::facts::Class;
use beleg_domain::ticket::command::Command;

use crate::world::*;

#[test]
fn the_worked_ticket_to_the_cent() {
    let mut w = World::with_ticket(hourly(12_000));
    w.work("anna", Diagnosis, "09:10", "09:50");
    w.then("09:50", record(customizing()));
    let told = w.then("10:00", inform(estimate(120)));
    w.then("10:20", hourly_approval(told, Limit::Minutes(120)));
    let first = w.work("anna", Execution, "09:55", "12:00");
    w.stands(
        first,
        &[
            ("withheld.before-information", 5 * MIN, 0),
            ("withheld.before-approval", 20 * MIN, 0),
            ("billable.customizing-bug", 100 * MIN, 20_000),
        ],
    );
    let second = w.work("anna", Execution, "13:00", "13:40");
    w.stands(second, &[("billable.customizing-bug", 20 * MIN, 4_000), ("withheld.approval-exhausted", 20 * MIN, 0)]);
    assert_eq!(w.ticket().charged_minor(), 24_000);

    w.then("15:00", record(base_software()));
    w.ledger(&[
        ("free.base-software-bug", 165 * MIN, 0),
        ("free.initial-diagnosis", 30 * MIN, 0),
        ("withheld.diagnosis-overrun", 10 * MIN, 0),
    ]);
    assert_eq!(w.ticket().charged_minor(), 0);
}

#[test]
fn a_standing_approval_replaces_the_approval_and_never_the_information() {
    let standing = StandingApproval { classes: vec![Class::CustomizingBug], limit: Limit::Minutes(60) };
    let terms = Terms { standing_approval: Some(standing), ..hourly(12_000) };
    let mut w = World::with_customizing_bug(terms);
    let before = w.work("anna", Execution, "09:30", "09:40");
    w.stands(before, &[("withheld.before-information", 10 * MIN, 0)]);
    w.then("10:00", inform(estimate(120)));
    let after = w.work("anna", Execution, "10:00", "11:10");
    w.stands(after, &[("billable.customizing-bug", 60 * MIN, 12_000), ("withheld.approval-exhausted", 10 * MIN, 0)]);
}

#[test]
fn a_decline_closes_the_standing_approval_until_something_is_approved() {
    let standing = StandingApproval { classes: vec![Class::CustomizingBug], limit: Limit::Unlimited };
    let terms = Terms { standing_approval: Some(standing), ..hourly(12_000) };
    let mut w = World::with_customizing_bug(terms);
    let told = w.then("10:00", inform(estimate(120)));
    w.then("10:30", Command::Decline { information: told });
    let refused = w.work("anna", Execution, "10:00", "11:00");
    w.stands(refused, &[("billable.customizing-bug", 30 * MIN, 6_000), ("withheld.declined", 30 * MIN, 0)]);
    w.then("11:00", hourly_approval(told, Limit::Minutes(10)));
    let again = w.work("anna", Execution, "11:00", "11:30");
    w.stands(again, &[("billable.customizing-bug", 30 * MIN, 6_000)]);
}

#[test]
fn a_limit_in_money_is_cut_at_the_last_whole_second_it_pays() {
    let mut w = World::with_release(hourly(9_500), Limit::Minor(10_000));
    let work = w.work("anna", Execution, "10:00", "12:00");
    // 3,789 s cost 99.99 EUR, one more would cost 100.02 EUR.
    w.stands(work, &[("billable.customizing-bug", 3_789, 9_999), ("withheld.approval-exhausted", 3_411, 0)]);
}

#[test]
fn a_quotes_price_is_posted_at_the_first_resolution_and_taken_back_for_good_by_a_free_class() {
    let mut w = World::with_ticket(hourly(12_000));
    w.then("09:30", record(change_wanted()));
    let told = w.then("10:00", inform(Offer::QuoteMinor(50_000)));
    w.then("11:00", quote_approval(told));
    let work = w.work("anna", Execution, "10:30", "12:00");
    w.stands(work, &[("withheld.before-approval", 30 * MIN, 0), ("covered.quote", 60 * MIN, 0)]);
    w.then("12:00", Command::Resolve);
    assert_eq!(w.ticket().charged_minor(), 50_000);
    w.then("13:00", Command::Reopen);
    assert_eq!(w.ticket().charged_minor(), 50_000);
    w.then("14:00", record(base_software()));
    assert_eq!(w.ticket().charged_minor(), 0);
    w.then("15:00", record(change_wanted()));
    w.then("16:00", Command::Resolve);
    assert_eq!(w.ticket().charged_minor(), 0);
}

#[test]
fn prepaid_time_needs_both_gates_and_no_rate() {
    let terms = Terms { policy: Some("support".into()), prepaid_minutes: Some(30), ..Terms::default() };
    let mut w = World::with_release(terms, Limit::Unlimited);
    let early = w.work("anna", Execution, "09:40", "10:00");
    w.stands(early, &[("withheld.before-information", 20 * MIN, 0)]);
    let work = w.work("anna", Execution, "10:00", "11:00");
    w.stands(work, &[("covered.prepaid", 30 * MIN, 0), ("withheld.no-agreed-rate", 30 * MIN, 0)]);
    assert_eq!(w.prepaid_left(), 0);
    w.then("12:00", Command::Void { work });
    assert_eq!(w.prepaid_left(), 30 * MIN);
}

#[test]
fn what_a_void_frees_passes_on_in_recorded_order() {
    let mut w = World::with_release(hourly(12_000), Limit::Minutes(60));
    let first = w.work("anna", Execution, "10:00", "11:00");
    let second = w.work("ben", Execution, "11:00", "11:40");
    let third = w.work("cleo", Execution, "11:40", "12:20");
    w.then("13:00", Command::Void { work: first });
    w.stands(first, &[]);
    w.stands(second, &[("billable.customizing-bug", 40 * MIN, 8_000)]);
    w.stands(third, &[("billable.customizing-bug", 20 * MIN, 4_000), ("withheld.approval-exhausted", 20 * MIN, 0)]);
}

#[test]
fn late_approvals_need_evidence_and_the_policys_limit_is_inclusive() {
    let mut w = World::with_customizing_bug(hourly(12_000));
    let told = w.then("10:00", inform(estimate(60)));
    let approve = || hourly_approval(told, Limit::Unlimited);
    let unproven = Sent { has_evidence: false, ..late("10:00", approve()) };
    w.refuses("11:00", unproven, "EVIDENCE_NEEDED");
    w.refuses("11:00", late("09:59", approve()), "APPROVAL_BEFORE_INFORMATION");
    let mut later = w.clone();
    w.then("03-03 10:00", late("10:00", approve()));
    later.refuses("03-03 10:00:01", late("10:00", approve()), "TOO_LATE");
}
