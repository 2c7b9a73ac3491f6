//! "Erst nach Ihrer Freigabe beginnen kostenpflichtige Leistungen", and never before
//! "dem Zeitpunkt unserer Information an Sie".

use beleg_domain::contract::{StandingApproval, Terms};
use beleg_domain::event::{Limit, Offer};
use beleg_domain::facts::Class;
use beleg_domain::ids::EventId;
use beleg_domain::ticket::command::Command;

use crate::world::*;

fn until(information: EventId, valid_until: &str) -> Command {
    match hourly_approval(information, Limit::Unlimited) {
        Command::Approve { information, basis, limit, currency, .. } => {
            Command::Approve { information, basis, limit, currency, valid_until: Some(at(valid_until)) }
        }
        other => other,
    }
}

#[test]
fn billing_starts_at_the_later_of_information_and_approval() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    let told = w.then("10:00", inform(estimate(60)));
    w.then("10:30", hourly_approval(told, Limit::Unlimited));
    let work = w.work("anna", Execution, "09:30", "11:30");
    w.stands(
        work,
        &[
            ("withheld.before-information", 30 * MIN, 0),
            ("withheld.before-approval", 30 * MIN, 0),
            ("billable.customizing-bug", 60 * MIN, 12_000),
        ],
    );
}

#[test]
fn an_information_without_an_offer_is_an_information() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    let told = w.then("10:00", inform(Offer::None));
    w.then("10:00", hourly_approval(told, Limit::Unlimited));
    let work = w.work("anna", Execution, "10:00", "10:30");
    w.stands(work, &[("billable.customizing-bug", 30 * MIN, 6_000)]);
}

#[test]
fn work_before_the_classification_is_unclassified_though_the_class_is_chargeable() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    let told = w.then("10:00", inform(estimate(60)));
    w.then("10:00", hourly_approval(told, Limit::Unlimited));
    let work = w.work("anna", Execution, "09:10", "09:40");
    w.stands(work, &[("withheld.unclassified", 20 * MIN, 0), ("withheld.before-information", 10 * MIN, 0)]);
}

#[test]
fn work_logged_before_an_approval_is_not_charged_by_it() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    let told = w.then("10:00", inform(estimate(60)));
    let work = w.work("anna", Execution, "10:00", "10:30");
    w.then("10:30", hourly_approval(told, Limit::Unlimited));
    w.stands(work, &[("withheld.before-approval", 30 * MIN, 0)]);
}

#[test]
fn a_decline_says_why_until_something_is_approved() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    let told = w.then("10:00", inform(estimate(60)));
    w.then("10:20", Command::Decline { information: told });
    let work = w.work("anna", Execution, "10:00", "10:40");
    w.stands(work, &[("withheld.before-approval", 20 * MIN, 0), ("withheld.declined", 20 * MIN, 0)]);
    w.then("11:00", hourly_approval(told, Limit::Unlimited));
    let after = w.work("anna", Execution, "11:00", "11:30");
    w.stands(after, &[("billable.customizing-bug", 30 * MIN, 6_000)]);
    w.stands(work, &[("withheld.before-approval", 20 * MIN, 0), ("withheld.declined", 20 * MIN, 0)]);
}

#[test]
fn a_revocation_ends_the_release_and_leaves_what_was_charged() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    let told = w.then("10:00", inform(estimate(60)));
    let approval = w.then("10:00", hourly_approval(told, Limit::Unlimited));
    let before = w.work("anna", Execution, "10:00", "10:30");
    w.then("11:00", Command::Revoke { approval });
    let across = w.work("anna", Execution, "10:30", "11:30");
    w.stands(before, &[("billable.customizing-bug", 30 * MIN, 6_000)]);
    w.stands(across, &[("billable.customizing-bug", 30 * MIN, 6_000), ("withheld.approval-ended", 30 * MIN, 0)]);
}

#[test]
fn a_backdated_revocation_takes_charges_back() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    let told = w.then("10:00", inform(estimate(60)));
    let approval = w.then("10:00", hourly_approval(told, Limit::Unlimited));
    let work = w.work("anna", Execution, "10:00", "11:00");
    w.then("12:00", late("10:30", Command::Revoke { approval }));
    w.stands(work, &[("billable.customizing-bug", 30 * MIN, 6_000), ("withheld.approval-ended", 30 * MIN, 0)]);
}

#[test]
fn an_approval_expires_at_its_date() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    let told = w.then("10:00", inform(estimate(60)));
    w.then("10:00", until(told, "10:30"));
    let work = w.work("anna", Execution, "10:00", "11:00");
    w.stands(work, &[("billable.customizing-bug", 30 * MIN, 6_000), ("withheld.approval-ended", 30 * MIN, 0)]);
}

#[test]
fn the_latest_of_declined_and_ended_is_the_reason() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    let told = w.then("10:00", inform(estimate(60)));
    w.then("10:00", Command::Decline { information: told });
    w.then("10:10", until(told, "10:20"));
    let work = w.work("anna", Execution, "10:00", "10:40");
    w.stands(
        work,
        &[
            ("withheld.declined", 10 * MIN, 0),
            ("billable.customizing-bug", 10 * MIN, 2_000),
            ("withheld.approval-ended", 20 * MIN, 0),
        ],
    );
    w.then("10:50", Command::Decline { information: told });
    let after = w.work("anna", Execution, "10:40", "11:00");
    w.stands(after, &[("withheld.approval-ended", 10 * MIN, 0), ("withheld.declined", 10 * MIN, 0)]);
}

#[test]
fn a_corrected_cause_within_the_run_keeps_the_gates_and_changes_the_rule() {
    let mut w = World::with_ticket(hourly(RATE));
    w.then("09:30", record(customer_side()));
    let told = w.then("10:00", inform(estimate(60)));
    w.then("10:00", hourly_approval(told, Limit::Unlimited));
    w.then("11:00", record(third_party()));
    let work = w.work("anna", Execution, "10:00", "12:00");
    w.stands(
        work,
        &[("billable.customer-side-cause", 60 * MIN, 12_000), ("billable.third-party-cause", 60 * MIN, 12_000)],
    );
}

#[test]
fn another_class_needs_its_own_information_and_approval() {
    let mut w = World::with_release(hourly(RATE), Limit::Unlimited);
    w.then("11:00", record(change_wanted()));
    let work = w.work("anna", Execution, "10:00", "12:00");
    w.stands(work, &[("billable.customizing-bug", 60 * MIN, 12_000), ("withheld.before-information", 60 * MIN, 0)]);
}

#[test]
fn returning_to_a_class_needs_both_anew_and_does_not_reach_back() {
    let mut w = World::with_release(hourly(RATE), Limit::Unlimited);
    w.then("11:00", record(change_wanted()));
    w.then("12:00", record(customizing()));
    let work = w.work("anna", Execution, "10:00", "13:00");
    w.ledger(&[("billable.customizing-bug", 60 * MIN, 12_000), ("withheld.before-information", 120 * MIN, 0)]);
    assert_eq!(w.billed_seconds(work), 60 * MIN);
}

#[test]
fn a_later_information_withdraws_nothing() {
    let mut w = World::with_release(hourly(RATE), Limit::Unlimited);
    w.then("10:30", inform(estimate(300)));
    let work = w.work("anna", Execution, "10:00", "11:00");
    w.ledger(&[("billable.customizing-bug", 60 * MIN, 12_000)]);
    assert_eq!(w.billed_seconds(work), 60 * MIN);
}

#[test]
fn a_reopened_ticket_needs_new_information_and_approval() {
    let mut w = World::with_release(hourly(RATE), Limit::Unlimited);
    let before = w.work("anna", Execution, "10:00", "10:30");
    w.then("11:00", Command::Resolve);
    w.then("12:00", Command::Reopen);
    let untold = w.work("anna", Execution, "12:00", "12:30");
    let told = w.then("12:30", inform(estimate(30)));
    let unreleased = w.work("anna", Execution, "12:30", "13:00");
    w.then("13:00", hourly_approval(told, Limit::Unlimited));
    let after = w.work("anna", Execution, "13:00", "13:30");
    w.stands(before, &[("billable.customizing-bug", 30 * MIN, 6_000)]);
    w.stands(untold, &[("withheld.before-information", 30 * MIN, 0)]);
    w.stands(unreleased, &[("withheld.before-approval", 30 * MIN, 0)]);
    w.stands(after, &[("billable.customizing-bug", 30 * MIN, 6_000)]);
}

#[test]
fn a_resolved_ticket_takes_work_that_ended_earlier() {
    let mut w = World::with_release(hourly(RATE), Limit::Unlimited);
    w.then("11:00", Command::Resolve);
    w.then("11:30", Command::Close);
    let work = w.then("12:00", log_work("anna", Execution, "10:30", "11:00"));
    w.stands(work, &[("billable.customizing-bug", 30 * MIN, 6_000)]);
    w.refuses("12:00", log_work("ben", Execution, "10:30", "11:00:01"), "TICKET_SETTLED");
}

#[test]
fn a_late_information_with_evidence_opens_the_gate_where_it_was_delivered() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    let work = w.work("anna", Execution, "10:00", "11:00");
    let told = w.then("11:00", late("10:00", inform(estimate(60))));
    w.stands(work, &[("withheld.before-approval", 60 * MIN, 0)]);
    w.then("11:00", late("10:30", hourly_approval(told, Limit::Unlimited)));
    w.stands(work, &[("withheld.before-approval", 30 * MIN, 0), ("billable.customizing-bug", 30 * MIN, 6_000)]);
}

#[test]
fn a_late_information_of_an_earlier_class_opens_nothing_for_the_next_one() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    let told_class = w.ticket().classifications[0].event;
    w.then("11:00", record(change_wanted()));
    let command = Command::Inform { classification: Some(told_class), offer: estimate(60), currency: None };
    w.then("12:00", late("10:00", command));
    let work = w.work("anna", Execution, "10:00", "12:00");
    w.stands(work, &[("withheld.before-approval", 60 * MIN, 0), ("withheld.before-information", 60 * MIN, 0)]);
}

#[test]
fn a_late_information_that_names_no_classification_means_the_cause_in_force_then() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    w.then("10:00", record(customer_side()));
    w.then("10:30", record(third_party()));
    let told = w.then("11:00", late("10:15", inform(estimate(60))));
    assert_eq!(w.ticket().informations[0].classification, w.ticket().classifications[1].event);
    w.then("11:00", hourly_approval(told, Limit::Unlimited));
    let work = w.work("anna", Execution, "11:00", "12:00");
    w.stands(work, &[("billable.third-party-cause", 60 * MIN, 12_000)]);
    // At 09:45 another class was in force, which such an information cannot mean.
    w.refuses("12:00", late("09:45", inform(estimate(60))), "BEFORE_CLASSIFICATION");
}

#[test]
fn a_late_decline_with_evidence_says_why_from_when_it_was_said_and_closes_the_standing_approval() {
    let classes = vec![Class::CustomizingBug];
    let standing_approval = Some(StandingApproval { classes, limit: Limit::Unlimited });
    let mut w = World::with_customizing_bug(Terms { standing_approval, ..hourly(RATE) });
    let told = w.then("10:00", inform(estimate(60)));
    let work = w.work("anna", Execution, "10:00", "11:00");
    w.stands(work, &[("billable.customizing-bug", 60 * MIN, 12_000)]);
    w.then("12:00", late("10:20", Command::Decline { information: told }));
    w.stands(work, &[("billable.customizing-bug", 20 * MIN, 4_000), ("withheld.declined", 40 * MIN, 0)]);
}

/// What was approved is revoked, not declined; but the log learned of the decline first.
#[test]
fn an_approval_recorded_after_a_later_decline_lasts_until_that_decline() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    let told = w.then("10:00", inform(estimate(60)));
    w.then("10:30", Command::Decline { information: told });
    w.then("11:00", late("10:15", hourly_approval(told, Limit::Unlimited)));
    let work = w.work("anna", Execution, "10:00", "12:00");
    w.stands(
        work,
        &[
            ("withheld.before-approval", 15 * MIN, 0),
            ("billable.customizing-bug", 15 * MIN, 3_000),
            ("withheld.declined", 90 * MIN, 0),
        ],
    );
}

#[test]
fn a_quote_accepted_before_a_decline_and_recorded_after_it_is_not_charged() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    let told = w.then("10:00", inform(Offer::QuoteMinor(50_000)));
    w.then("10:30", Command::Decline { information: told });
    w.then("11:00", late("10:15", quote_approval(told)));
    let work = w.work("anna", Execution, "10:15", "11:00");
    w.then("12:00", Command::Resolve);
    w.stands(work, &[("covered.quote", 15 * MIN, 0), ("withheld.declined", 30 * MIN, 0)]);
    assert_eq!(w.ticket().charged_minor(), 0);
}

#[test]
fn a_decline_of_one_offer_leaves_what_was_released_on_another() {
    let mut w = World::with_release(hourly(RATE), Limit::Unlimited);
    let told = w.then("10:30", inform(estimate(240)));
    w.then("10:40", Command::Decline { information: told });
    let work = w.work("anna", Execution, "10:00", "11:00");
    w.stands(work, &[("billable.customizing-bug", 60 * MIN, 12_000)]);
}

/// Whether it is logged before the ticket is reopened or after it.
#[test]
fn nobody_works_on_a_settled_ticket_though_it_is_reopened() {
    let mut w = World::with_release(hourly(RATE), Limit::Unlimited);
    w.then("11:00", Command::Resolve);
    w.refuses("12:00", log_work("anna", Execution, "11:00", "12:00"), "TICKET_SETTLED");
    w.then("12:30", Command::Close);
    w.then("13:00", Command::Reopen);
    for (from, to) in [("11:00", "12:00"), ("10:30", "11:30"), ("12:30", "13:30"), ("10:00", "14:00")] {
        w.refuses("14:00", log_work("anna", Execution, from, to), "TICKET_SETTLED");
    }
    let before = w.work("anna", Execution, "10:00", "11:00");
    let after = w.work("anna", Execution, "13:00", "14:00");
    w.stands(before, &[("billable.customizing-bug", 60 * MIN, 12_000)]);
    w.stands(after, &[("withheld.before-information", 60 * MIN, 0)]);
}

#[test]
fn late_entry_takes_a_day_inclusive_and_not_a_microsecond_more() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    w.clone().then("03-03 10:00", late("10:00", inform(estimate(60))));
    w.refuses("03-03 10:00:00.000001", late("10:00", inform(estimate(60))), "TOO_LATE");
}

#[test]
fn late_work_takes_thirty_five_days_from_its_end_inclusive() {
    let mut w = World::with_ticket(hourly(RATE));
    let work = || log_work("anna", Execution, "09:00", "10:00");
    w.clone().then("04-06 10:00", work());
    w.refuses("04-06 10:00:00.000001", work(), "TOO_LATE");
}
