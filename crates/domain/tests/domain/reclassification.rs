//! Findings may be corrected at any time. A free class takes every charge back; a
//! chargeable one never reaches back.

use beleg_domain::contract::Terms;
use beleg_domain::event::{Event, Limit, Role};
use beleg_domain::facts::{Behaviour, Class, FaultCause, Findings};
use beleg_domain::ticket::command::Command;

use crate::world::*;

/// One hour charged from 10:00, then these findings at 12:00.
fn charged_then(found: Findings) -> World {
    let mut w = World::with_release(hourly(RATE), Limit::Unlimited);
    w.work("anna", Execution, "09:00", "11:00");
    w.then("12:00", record(found));
    w
}

#[test]
fn a_free_class_answers_for_all_execution_also_before_any_classification() {
    let w = charged_then(base_software());
    w.ledger(&[("free.base-software-bug", 120 * MIN, 0)]);
}

#[test]
fn a_platform_fault_is_free_by_its_own_rule() {
    let w = charged_then(platform());
    w.ledger(&[("free.platform-fault", 120 * MIN, 0)]);
}

#[test]
fn a_security_fault_of_the_base_software_is_free_though_nobody_reproduced_it() {
    let mut w = charged_then(Findings { security_relevant: true, ..base_software() });
    w.ledger(&[("free.security-fault", 120 * MIN, 0)]);
    // A charge may change within one class: the rule in force answers.
    w.then("13:00", record(base_software()));
    w.ledger(&[("free.base-software-bug", 120 * MIN, 0)]);
}

#[test]
fn an_undetermined_class_takes_the_charges_back() {
    let w = charged_then(unexplained());
    w.ledger(&[("withheld.unclassified", 120 * MIN, 0)]);
}

#[test]
fn another_chargeable_class_leaves_the_charges() {
    let w = charged_then(change_wanted());
    w.ledger(&[
        ("billable.customizing-bug", 60 * MIN, 12_000),
        ("withheld.before-information", 30 * MIN, 0),
        ("withheld.unclassified", 30 * MIN, 0),
    ]);
}

#[test]
fn what_a_free_class_took_back_no_chargeable_one_charges_again() {
    let mut w = charged_then(base_software());
    w.then("13:00", record(customizing()));
    w.ledger(&[("free.base-software-bug", 120 * MIN, 0)]);
    let told = w.then("14:00", inform(estimate(60)));
    w.then("14:00", hourly_approval(told, Limit::Unlimited));
    let work = w.work("anna", Execution, "13:30", "15:00");
    w.stands(work, &[("withheld.before-information", 30 * MIN, 0), ("billable.customizing-bug", 60 * MIN, 12_000)]);
}

#[test]
fn what_an_undetermined_class_took_back_stays_withheld() {
    let mut w = charged_then(unexplained());
    w.then("13:00", record(customizing()));
    w.ledger(&[("withheld.unclassified", 120 * MIN, 0)]);
}

#[test]
fn an_undetermined_class_leaves_what_was_free() {
    let mut w = charged_then(base_software());
    w.then("13:00", record(unexplained()));
    let later = w.work("anna", Execution, "13:00", "13:30");
    w.stands(later, &[("withheld.unclassified", 30 * MIN, 0)]);
    w.ledger(&[("free.base-software-bug", 120 * MIN, 0), ("withheld.unclassified", 30 * MIN, 0)]);
}

#[test]
fn findings_after_the_resolution_count_too() {
    let mut w = World::with_release(hourly(RATE), Limit::Unlimited);
    w.work("anna", Execution, "10:00", "11:00");
    w.then("11:00", Command::Resolve);
    w.then("11:00", Command::Close);
    w.then("12:00", record(base_software()));
    w.ledger(&[("free.base-software-bug", 60 * MIN, 0)]);
}

#[test]
fn an_exempted_class_is_free_within_its_dates_only() {
    let exempt = Terms { exemptions: Some(vec![Class::CustomizingBug]), ..hourly(RATE) };
    let mut w = World::with_release(exempt, Limit::Unlimited);
    w.amend("10:00", "03-03", Terms { exemptions: Some(Vec::new()), ..Terms::default() });
    let work = w.work("anna", Execution, "23:30", "03-03 00:30");
    w.stands(work, &[("free.agreed-otherwise", 30 * MIN, 0), ("billable.customizing-bug", 30 * MIN, 6_000)]);
}

#[test]
fn an_exempted_class_takes_earlier_charges_back_within_its_dates() {
    let exempt = Terms { exemptions: Some(vec![Class::ChangeRequest]), ..hourly(RATE) };
    let mut w = World::with_release(exempt, Limit::Unlimited);
    w.amend("10:00", "03-03", Terms { exemptions: Some(Vec::new()), ..Terms::default() });
    let work = w.work("anna", Execution, "23:30", "03-03 00:30");
    w.then("03-03 01:00", record(change_wanted()));
    w.stands(work, &[("free.agreed-otherwise", 30 * MIN, 0), ("billable.customizing-bug", 30 * MIN, 6_000)]);
}

#[test]
fn a_repeated_finding_changes_nothing_and_keeps_its_cause() {
    let mut w = World::with_release(hourly(RATE), Limit::Unlimited);
    w.work("anna", Execution, "10:00", "11:00");
    let before = w.log.len();
    w.then("12:00", record(customizing()));
    let added: Vec<_> = w.log[before..].iter().map(|logged| logged.event.event_type()).collect();
    assert_eq!(added, ["findings_recorded"]);
    assert_eq!(w.ticket().classifications.len(), 1);
}

#[test]
fn a_reversal_names_the_classification_that_caused_it() {
    let w = charged_then(base_software());
    let last = w.log.last().unwrap();
    let Event::WorkAssessed(assessed) = &last.event else { panic!("{last:?}") };
    let caused = &assessed.reversed_by[0];
    assert_eq!((assessed.reversed_by.len(), caused.role), (1, Role::Classification));
    assert_eq!(caused.event, w.ticket().classifications[1].event);
    // 09:30 to 10:00 was withheld, 09:00 to 09:30 unclassified, one hour charged.
    assert_eq!(assessed.reversed.len(), 3);
}

/// One rule classifies whatever conforms; its charge follows the cause.
#[test]
fn a_corrected_cause_of_what_conforms_changes_the_charge_within_one_rule() {
    let conforms = |cause| Findings { behaviour: Behaviour::Conforms, cause, ..customizing() };
    let mut w = World::with_ticket(hourly(RATE));
    w.then("09:30", record(conforms(FaultCause::CustomerSide)));
    let told = w.then("10:00", inform(estimate(60)));
    w.then("10:00", hourly_approval(told, Limit::Unlimited));
    w.then("11:00", record(conforms(FaultCause::NoneFound)));
    w.then("12:00", record(conforms(FaultCause::ThirdParty)));
    w.work("anna", Execution, "10:00", "13:00");
    w.ledger(&[
        ("billable.customer-side-cause", 60 * MIN, 12_000),
        ("billable.individual-service", 60 * MIN, 12_000),
        ("billable.third-party-cause", 60 * MIN, 12_000),
    ]);
    let rules: Vec<&str> = w.ticket().classifications.iter().map(|class| class.rule.as_str()).collect();
    assert_eq!(rules, ["classify.service-request"; 3]);
}
