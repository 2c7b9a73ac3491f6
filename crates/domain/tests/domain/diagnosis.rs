//! "Die Erstdiagnose ist zeitlich auf bis zu 30 Minuten je Ticket begrenzt."

use beleg_domain::event::Limit;
use beleg_domain::ticket::command::Command;

use crate::world::*;

#[test]
fn thirty_minutes_are_free_and_the_next_second_is_not() {
    let mut w = World::with_ticket(hourly(RATE));
    let exact = w.work("anna", Diagnosis, "09:00", "09:30");
    let more = w.work("ben", Diagnosis, "09:30", "09:30:01");
    w.stands(exact, &[("free.initial-diagnosis", 30 * MIN, 0)]);
    w.stands(more, &[("withheld.diagnosis-overrun", 1, 0)]);
}

#[test]
fn all_performers_share_the_allowance_in_recorded_order() {
    let mut w = World::with_ticket(hourly(RATE));
    w.clock(at("10:00"));
    // Ben worked first and wrote it down last.
    let anna = w.work("anna", Diagnosis, "09:20", "09:40");
    let ben = w.work("ben", Diagnosis, "09:00", "09:20");
    w.stands(anna, &[("free.initial-diagnosis", 20 * MIN, 0)]);
    w.stands(ben, &[("free.initial-diagnosis", 10 * MIN, 0), ("withheld.diagnosis-overrun", 10 * MIN, 0)]);
}

#[test]
fn two_people_at_the_same_time_use_two_peoples_time() {
    let mut w = World::with_ticket(hourly(RATE));
    w.work("anna", Diagnosis, "09:00", "09:20");
    let ben = w.work("ben", Diagnosis, "09:00", "09:20");
    w.stands(ben, &[("free.initial-diagnosis", 10 * MIN, 0), ("withheld.diagnosis-overrun", 10 * MIN, 0)]);
}

#[test]
fn a_void_frees_allowance_for_the_entries_after_it() {
    let mut w = World::with_ticket(hourly(RATE));
    let first = w.work("anna", Diagnosis, "09:00", "09:25");
    let second = w.work("anna", Diagnosis, "09:30", "09:45");
    w.stands(second, &[("free.initial-diagnosis", 5 * MIN, 0), ("withheld.diagnosis-overrun", 10 * MIN, 0)]);
    w.then("10:00", Command::Void { work: first });
    w.stands(first, &[]);
    w.stands(second, &[("free.initial-diagnosis", 15 * MIN, 0)]);
}

#[test]
fn diagnosis_after_the_first_determined_classification_is_assessed_as_execution() {
    let mut w = World::with_ticket(hourly(RATE));
    let before = w.work("anna", Diagnosis, "09:00", "09:20");
    w.then("09:20", record(customizing()));
    let later = w.work("anna", Diagnosis, "09:20", "09:50");
    w.stands(before, &[("free.initial-diagnosis", 20 * MIN, 0)]);
    w.stands(later, &[("withheld.before-information", 30 * MIN, 0)]);
}

#[test]
fn an_entry_across_the_classification_is_diagnosis_before_it_and_execution_after() {
    let mut w = World::with_ticket(hourly(RATE));
    w.then("09:20", record(customizing()));
    let across = w.work("anna", Diagnosis, "09:10", "09:30");
    w.stands(across, &[("free.initial-diagnosis", 10 * MIN, 0), ("withheld.before-information", 10 * MIN, 0)]);
}

#[test]
fn an_undetermined_classification_does_not_end_the_initial_diagnosis() {
    let mut w = World::with_ticket(hourly(RATE));
    w.then("09:10", record(unexplained()));
    let work = w.work("anna", Diagnosis, "09:10", "09:45");
    w.stands(work, &[("free.initial-diagnosis", 30 * MIN, 0), ("withheld.diagnosis-overrun", 5 * MIN, 0)]);
}

#[test]
fn the_overrun_is_never_charged_whatever_is_found_and_released_later() {
    let mut w = World::with_ticket(hourly(RATE));
    let work = w.work("anna", Diagnosis, "09:00", "09:50");
    w.then("09:50", record(customizing()));
    let told = w.then("10:00", inform(estimate(60)));
    w.then("10:00", hourly_approval(told, Limit::Unlimited));
    w.stands(work, &[("free.initial-diagnosis", 30 * MIN, 0), ("withheld.diagnosis-overrun", 20 * MIN, 0)]);
}

#[test]
fn the_overrun_stays_an_overrun_even_where_the_class_becomes_free() {
    let mut w = World::with_ticket(hourly(RATE));
    let work = w.work("anna", Diagnosis, "09:00", "09:50");
    w.then("10:00", record(base_software()));
    w.stands(work, &[("free.initial-diagnosis", 30 * MIN, 0), ("withheld.diagnosis-overrun", 20 * MIN, 0)]);
}

#[test]
fn a_reopened_ticket_gets_no_new_allowance() {
    let mut w = World::with_ticket(hourly(RATE));
    w.work("anna", Diagnosis, "09:00", "09:30");
    w.then("10:00", Command::Close);
    w.then("11:00", Command::Reopen);
    let again = w.work("anna", Diagnosis, "11:00", "11:10");
    w.stands(again, &[("withheld.diagnosis-overrun", 10 * MIN, 0)]);
}

#[test]
fn each_ticket_has_its_own_allowance() {
    let mut w = World::with_ticket(hourly(RATE));
    w.work("anna", Diagnosis, "09:00", "09:30");
    w.open("09:30");
    let other = w.work("anna", Diagnosis, "09:30", "10:00");
    w.stands(other, &[("free.initial-diagnosis", 30 * MIN, 0)]);
}

#[test]
fn execution_without_a_classification_is_unclassified() {
    let mut w = World::with_ticket(hourly(RATE));
    let work = w.work("anna", Execution, "09:00", "09:20");
    w.stands(work, &[("withheld.unclassified", 20 * MIN, 0)]);
}
