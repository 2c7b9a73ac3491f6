//! Each term has its date, each entry the contract that stood when it was logged.

use beleg_domain::contract::Terms;
use beleg_domain::event::{Event, Limit};
use beleg_domain::ticket::command::Command;

use crate::world::*;

fn rate(minor: i64) -> Terms {
    Terms { hourly_rate_minor: agreed(minor), ..Terms::default() }
}

#[test]
fn a_rate_holds_from_its_date() {
    let mut w = World::with_release(hourly(RATE), Limit::Unlimited);
    w.amend("10:00", "03-03", rate(15_000));
    let work = w.work("anna", Execution, "23:00", "03-03 01:00");
    w.stands(work, &[("billable.customizing-bug", 60 * MIN, 12_000), ("billable.customizing-bug", 60 * MIN, 15_000)]);
}

#[test]
fn of_two_versions_with_one_date_the_later_recorded_holds() {
    let mut w = World::with_release(hourly(RATE), Limit::Unlimited);
    w.amend("10:00", "03-02", rate(15_000));
    w.amend("10:00", "03-02", rate(18_000));
    let work = w.work("anna", Execution, "10:00", "11:00");
    w.stands(work, &[("billable.customizing-bug", 60 * MIN, 18_000)]);
}

#[test]
fn a_later_recorded_version_with_an_earlier_date_does_not_hide_a_later_date() {
    let mut w = World::with_release(hourly(RATE), Limit::Unlimited);
    w.amend("10:00", "03-03", rate(18_000));
    w.amend("10:00", "03-02", rate(15_000));
    let work = w.work("anna", Execution, "23:00", "03-03 01:00");
    w.stands(work, &[("billable.customizing-bug", 60 * MIN, 15_000), ("billable.customizing-bug", 60 * MIN, 18_000)]);
}

#[test]
fn terms_that_an_amendment_does_not_name_stay() {
    let mut w = World::with_release(hourly(RATE), Limit::Unlimited);
    w.amend("10:00", "03-02", Terms { increment_minutes: agreed(60), ..Terms::default() });
    let work = w.work("anna", Execution, "10:00", "10:01");
    w.stands(work, &[("billable.customizing-bug", MIN, 12_000)]);
}

#[test]
fn an_entry_keeps_the_version_it_was_logged_under() {
    let mut w = World::with_release(hourly(RATE), Limit::Unlimited);
    let work = w.work("anna", Execution, "10:00", "11:00");
    w.amend("11:00", "03-02", rate(6_000));
    w.then("11:30", inform(estimate(60)));
    w.then("11:40", record(base_software()));
    w.then("11:50", record(customizing()));
    let Event::WorkAssessed(assessed) =
        &w.log.iter().rfind(|l| matches!(l.event, Event::WorkAssessed(_))).unwrap().event
    else {
        return;
    };
    assert_eq!((assessed.work, assessed.contract_version), (work, 1));
}

#[test]
fn only_a_reassessment_moves_an_entry_to_the_contract_as_it_stands() {
    let mut w = World::with_release(hourly(RATE), Limit::Unlimited);
    let work = w.work("anna", Execution, "10:00", "11:00");
    w.amend("11:00", "03-02", rate(6_000));
    w.then("11:30", inform(estimate(60)));
    w.stands(work, &[("billable.customizing-bug", 60 * MIN, 12_000)]);
    w.then("12:00", Command::Reassess);
    w.stands(work, &[("billable.customizing-bug", 60 * MIN, 6_000)]);
}

#[test]
fn a_rate_that_ended_is_no_rate() {
    let mut w = World::with_release(hourly(RATE), Limit::Unlimited);
    w.amend("10:00", "03-03", Terms { hourly_rate_minor: no_longer_agreed(), ..Terms::default() });
    let work = w.work("anna", Execution, "23:00", "03-03 01:00");
    w.stands(work, &[("billable.customizing-bug", 60 * MIN, 12_000), ("withheld.no-agreed-rate", 60 * MIN, 0)]);
}

#[test]
fn the_allowance_is_the_openings_and_the_rest_the_classifications_policy() {
    let mut w = World::with_ticket(hourly(RATE));
    let shorter = POLICY.replace("initial_diagnosis_minutes = 30", "initial_diagnosis_minutes = 10");
    w.publish("09:00", &shorter);
    let diagnosis = w.work("anna", Diagnosis, "09:00", "09:30");
    w.stands(diagnosis, &[("free.initial-diagnosis", 30 * MIN, 0)]);
    w.then("09:30", record(customizing()));
    let work = w.work("anna", Execution, "09:30", "10:00");
    let versions: Vec<_> = w.standing().into_iter().map(|(_, of, s)| (of, s.policy.version)).collect();
    assert_eq!(versions, [(Some(diagnosis), 1), (Some(work), 2)]);
    let other = w.open("10:00");
    assert_eq!(w.tickets[other].policy.version, 2);
}

#[test]
fn a_repeated_finding_keeps_its_policy_version() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    w.publish("09:40", &POLICY.replace("late_entry_hours = 24", "late_entry_hours = 12"));
    w.then("09:50", record(customizing()));
    assert_eq!(w.ticket().classifications.last().map(|class| class.policy.version), Some(1));
    w.then("10:00", record(change_wanted()));
    assert_eq!(w.ticket().classifications.last().map(|class| class.policy.version), Some(2));
}
