//! A standing approval replaces the click and never the information.

use beleg_domain::contract::{StandingApproval, Terms};
use beleg_domain::event::{Limit, Offer, Role};
use beleg_domain::facts::Class;
use beleg_domain::ticket::command::Command;

use crate::world::*;

fn term(limit: Limit) -> Option<StandingApproval> {
    Some(StandingApproval { classes: vec![Class::CustomizingBug, Class::ChangeRequest], limit })
}

fn standing(limit: Limit) -> Terms {
    Terms { standing_approval: term(limit), ..hourly(RATE) }
}

#[test]
fn it_opens_with_the_information() {
    let mut w = World::with_customizing_bug(standing(Limit::Unlimited));
    w.then("10:00", inform(estimate(60)));
    let work = w.work("anna", Execution, "09:30", "10:30");
    w.stands(work, &[("withheld.before-information", 30 * MIN, 0), ("billable.customizing-bug", 30 * MIN, 6_000)]);
}

#[test]
fn it_releases_only_the_classes_it_names() {
    let mut w = World::with_ticket(standing(Limit::Unlimited));
    w.then("09:30", record(customer_side()));
    w.then("10:00", inform(estimate(60)));
    let work = w.work("anna", Execution, "10:00", "10:30");
    w.stands(work, &[("withheld.before-approval", 30 * MIN, 0)]);
}

#[test]
fn it_opens_with_its_terms_date() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    w.then("10:00", inform(estimate(60)));
    w.amend("10:00", "03-03", Terms { standing_approval: term(Limit::Unlimited), ..Terms::default() });
    let work = w.work("anna", Execution, "23:30", "03-03 00:30");
    w.stands(work, &[("withheld.before-approval", 30 * MIN, 0), ("billable.customizing-bug", 30 * MIN, 6_000)]);
}

#[test]
fn it_opens_with_the_recording_of_its_version() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    w.then("10:00", inform(estimate(60)));
    w.amend("10:30", "01-01", Terms { standing_approval: term(Limit::Unlimited), ..Terms::default() });
    let work = w.work("anna", Execution, "10:00", "11:00");
    w.stands(work, &[("withheld.before-approval", 30 * MIN, 0), ("billable.customizing-bug", 30 * MIN, 6_000)]);
}

#[test]
fn it_ranks_before_explicit_approvals() {
    let mut w = World::with_release(standing(Limit::Minutes(30)), Limit::Minutes(30));
    let work = w.work("anna", Execution, "10:00", "11:10");
    w.stands(
        work,
        &[
            ("billable.customizing-bug", 30 * MIN, 6_000),
            ("billable.customizing-bug", 30 * MIN, 6_000),
            ("withheld.approval-exhausted", 10 * MIN, 0),
        ],
    );
}

#[test]
fn it_has_one_limit_a_ticket_whatever_class_and_however_often_reopened() {
    let mut w = World::with_customizing_bug(standing(Limit::Minutes(60)));
    w.then("10:00", inform(estimate(60)));
    w.work("anna", Execution, "10:00", "10:40");
    w.then("10:40", record(change_wanted()));
    w.then("10:40", inform(estimate(60)));
    w.work("anna", Execution, "10:40", "10:50");
    w.then("11:00", Command::Resolve);
    w.then("11:00", Command::Reopen);
    w.then("11:01", inform(estimate(60)));
    let last = w.work("anna", Execution, "11:01", "11:31");
    w.stands(last, &[("billable.change-request", 10 * MIN, 2_000), ("withheld.approval-exhausted", 20 * MIN, 0)]);
}

#[test]
fn each_ticket_has_a_limit_of_its_own() {
    let mut w = World::with_customizing_bug(standing(Limit::Minutes(60)));
    w.then("10:00", inform(estimate(60)));
    w.work("anna", Execution, "10:00", "11:00");
    w.open("11:00");
    w.then("11:00", record(customizing()));
    w.then("11:00", inform(estimate(60)));
    let other = w.work("anna", Execution, "11:00", "12:00");
    w.stands(other, &[("billable.customizing-bug", 60 * MIN, 12_000)]);
}

#[test]
fn the_latest_versions_limit_counts_and_what_was_used_stays_used() {
    let mut w = World::with_customizing_bug(standing(Limit::Minutes(30)));
    w.then("10:00", inform(estimate(60)));
    let first = w.work("anna", Execution, "10:00", "10:40");
    w.amend("10:40", "03-02", Terms { standing_approval: term(Limit::Minutes(50)), ..Terms::default() });
    let second = w.work("anna", Execution, "10:40", "11:10");
    w.stands(first, &[("billable.customizing-bug", 30 * MIN, 6_000), ("withheld.approval-exhausted", 10 * MIN, 0)]);
    w.stands(second, &[("billable.customizing-bug", 20 * MIN, 4_000), ("withheld.approval-exhausted", 10 * MIN, 0)]);
}

#[test]
fn a_decline_closes_it_until_an_approval_reopens_it() {
    let mut w = World::with_customizing_bug(standing(Limit::Unlimited));
    let told = w.then("10:00", inform(estimate(60)));
    w.then("10:30", Command::Decline { information: told });
    w.then("11:00", hourly_approval(told, Limit::Minutes(1)));
    let work = w.work("anna", Execution, "10:00", "11:30");
    w.stands(
        work,
        &[
            ("billable.customizing-bug", 30 * MIN, 6_000),
            ("withheld.declined", 30 * MIN, 0),
            ("billable.customizing-bug", 30 * MIN, 6_000),
        ],
    );
}

#[test]
fn an_accepted_quote_is_the_one_basis() {
    let mut w = World::with_customizing_bug(standing(Limit::Unlimited));
    let told = w.then("10:00", inform(Offer::QuoteMinor(50_000)));
    let quote = w.then("10:30", quote_approval(told));
    w.then("11:00", Command::Revoke { approval: quote });
    let work = w.work("anna", Execution, "10:00", "11:30");
    w.stands(
        work,
        &[
            ("billable.customizing-bug", 30 * MIN, 6_000),
            ("covered.quote", 30 * MIN, 0),
            ("withheld.approval-ended", 30 * MIN, 0),
        ],
    );
}

#[test]
fn an_amendment_ends_it_from_its_date() {
    let mut w = World::with_customizing_bug(standing(Limit::Unlimited));
    w.then("10:00", inform(estimate(60)));
    let ended = StandingApproval { classes: Vec::new(), limit: Limit::Unlimited };
    w.amend("10:00", "03-03", Terms { standing_approval: Some(ended), ..Terms::default() });
    let work = w.work("anna", Execution, "23:30", "03-03 00:30");
    w.stands(work, &[("billable.customizing-bug", 30 * MIN, 6_000), ("withheld.approval-ended", 30 * MIN, 0)]);
}

#[test]
fn the_amendment_that_ended_it_is_named() {
    let mut w = World::with_customizing_bug(standing(Limit::Unlimited));
    w.then("10:00", inform(estimate(60)));
    let nothing = StandingApproval { classes: Vec::new(), limit: Limit::Unlimited };
    let ended = w.amend("10:00", "03-03", Terms { standing_approval: Some(nothing.clone()), ..Terms::default() });
    w.amend("11:00", "03-04", Terms { standing_approval: Some(nothing), ..Terms::default() });
    w.work("anna", Execution, "03-04 10:00", "03-04 10:30");
    let (_, _, segment) = w.standing().remove(0);
    let named: Vec<_> = segment.causes.iter().filter(|cause| cause.role == Role::Contract).collect();
    assert_eq!(named.iter().map(|cause| cause.event).collect::<Vec<_>>(), [ended]);
}

#[test]
fn what_an_amendment_ended_before_the_customer_was_told_was_never_open() {
    let mut w = World::with_customizing_bug(standing(Limit::Unlimited));
    let ended = StandingApproval { classes: Vec::new(), limit: Limit::Unlimited };
    w.amend("09:40", "03-03", Terms { standing_approval: Some(ended), ..Terms::default() });
    w.then("03-03 10:00", inform(estimate(60)));
    let work = w.work("anna", Execution, "03-03 10:00", "03-03 10:30");
    w.stands(work, &[("withheld.before-approval", 30 * MIN, 0)]);
}

#[test]
fn what_was_declined_before_an_amendment_ended_it_stays_declined() {
    let mut w = World::with_customizing_bug(standing(Limit::Unlimited));
    let told = w.then("10:00", inform(estimate(60)));
    w.then("10:30", Command::Decline { information: told });
    let ended = StandingApproval { classes: Vec::new(), limit: Limit::Unlimited };
    w.amend("10:40", "03-03", Terms { standing_approval: Some(ended), ..Terms::default() });
    let work = w.work("anna", Execution, "03-03 10:00", "03-03 10:30");
    w.stands(work, &[("withheld.declined", 30 * MIN, 0)]);
}

#[test]
fn a_money_limit_that_cut_an_entry_has_something_left_once_it_is_raised() {
    let mut w = World::with_customizing_bug(standing(Limit::Minor(10_000)));
    w.then("10:00", inform(estimate(60)));
    w.work("anna", Execution, "10:00", "11:00");
    w.amend("12:00", "03-03", Terms { standing_approval: term(Limit::Minor(20_000)), ..Terms::default() });
    let raised = w.work("anna", Execution, "03-03 10:00", "03-03 11:00");
    w.stands(raised, &[("billable.customizing-bug", 50 * MIN, 10_000), ("withheld.approval-exhausted", 10 * MIN, 0)]);
}

#[test]
fn a_money_limit_that_cut_a_supplement_has_something_left_once_it_is_raised() {
    let terms = Terms { increment_minutes: agreed(30), ..standing(Limit::Minor(5_000)) };
    let mut w = World::with_customizing_bug(terms);
    w.then("10:00", inform(estimate(60)));
    let cut = w.work("anna", Execution, "10:00", "10:20");
    w.amend("12:00", "03-03", Terms { standing_approval: term(Limit::Minor(20_000)), ..Terms::default() });
    let raised = w.work("anna", Execution, "03-03 10:00", "03-03 10:30");
    assert_eq!(w.billed_seconds(cut), 25 * MIN);
    w.stands(raised, &[("billable.customizing-bug", 30 * MIN, 6_000)]);
}

#[test]
fn an_amendment_with_todays_date_takes_nothing_away_that_it_names_again() {
    let mut w = World::with_customizing_bug(standing(Limit::Minutes(600)));
    w.then("10:00", inform(estimate(60)));
    w.amend("12:00", "03-02", Terms { standing_approval: term(Limit::Minutes(900)), ..Terms::default() });
    w.work("anna", Execution, "10:00", "14:00");
    w.ledger(&[("billable.customizing-bug", 240 * MIN, 48_000)]);
}

#[test]
fn a_reassessment_after_such_an_amendment_leaves_what_was_charged() {
    let mut w = World::with_customizing_bug(standing(Limit::Minutes(120)));
    w.then("10:00", inform(estimate(60)));
    let work = w.work("anna", Execution, "10:00", "12:00");
    w.amend("12:00", "01-01", Terms { standing_approval: term(Limit::Minutes(240)), ..Terms::default() });
    w.then("12:30", Command::Reassess);
    w.stands(work, &[("billable.customizing-bug", 120 * MIN, 24_000)]);
}

#[test]
fn what_stays_open_until_the_recording_has_the_new_limit_already() {
    let mut w = World::with_customizing_bug(standing(Limit::Minutes(600)));
    w.then("10:00", inform(estimate(60)));
    w.amend("12:00", "03-02", Terms { standing_approval: term(Limit::Minutes(30)), ..Terms::default() });
    let work = w.work("anna", Execution, "10:00", "11:00");
    w.stands(work, &[("billable.customizing-bug", 30 * MIN, 6_000), ("withheld.approval-exhausted", 30 * MIN, 0)]);
}

#[test]
fn a_higher_limit_releases_nothing_before_it_was_recorded() {
    let mut w = World::with_customizing_bug(standing(Limit::Minutes(60)));
    w.then("10:00", inform(estimate(60)));
    w.amend("12:00", "03-02", Terms { standing_approval: term(Limit::Minutes(240)), ..Terms::default() });
    let work = w.work("anna", Execution, "10:00", "14:00");
    w.stands(
        work,
        &[
            ("billable.customizing-bug", 60 * MIN, 12_000),
            ("withheld.approval-exhausted", 60 * MIN, 0),
            ("billable.customizing-bug", 120 * MIN, 24_000),
        ],
    );
}

#[test]
fn a_reassessment_with_a_higher_limit_charges_nothing_that_was_exhausted() {
    for limit in [Limit::Minutes(240), Limit::Minor(90_000), Limit::Unlimited] {
        let mut w = World::with_customizing_bug(standing(Limit::Minutes(60)));
        w.then("10:00", inform(estimate(60)));
        let work = w.work("anna", Execution, "10:00", "12:00");
        let stands = [("billable.customizing-bug", 60 * MIN, 12_000), ("withheld.approval-exhausted", 60 * MIN, 0)];
        w.stands(work, &stands);
        w.amend("03-10 12:00", "01-01", Terms { standing_approval: term(limit), ..Terms::default() });
        w.then("03-10 12:30", Command::Reassess);
        w.stands(work, &stands);
    }
}

#[test]
fn what_an_amendment_ended_or_no_longer_names_is_not_continued() {
    let ended = StandingApproval { classes: Vec::new(), limit: Limit::Unlimited };
    let other = StandingApproval { classes: vec![Class::ChangeRequest], limit: Limit::Unlimited };
    for between in [ended, other] {
        let mut w = World::with_customizing_bug(standing(Limit::Unlimited));
        w.then("10:00", inform(estimate(60)));
        w.amend("10:00", "03-02", Terms { standing_approval: Some(between), ..Terms::default() });
        w.amend("10:30", "03-02", Terms { standing_approval: term(Limit::Unlimited), ..Terms::default() });
        let work = w.work("anna", Execution, "10:00", "11:00");
        w.stands(work, &[("withheld.before-approval", 30 * MIN, 0), ("billable.customizing-bug", 30 * MIN, 6_000)]);
    }
}
