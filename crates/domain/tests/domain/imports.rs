//! Rows of another system bring their own times: no limit for late entry counts, the
//! order of what was found does.

use beleg_domain::event::Limit;
use beleg_domain::ticket::command::{Call, Command};

use crate::world::*;

/// Long after it happened: a ticket of Monday, imported in April.
fn imported() -> World {
    let mut w = World::agreed(hourly(RATE));
    w.clock(at("04-30 12:00"));
    w.try_open(|call| Call { imported: true, occurred_at: Some(at("09:00")), ..call }).unwrap();
    w
}

fn row(occurred: &str, command: Command) -> Sent {
    Sent { imported: true, has_evidence: false, ..late(occurred, command) }
}

#[test]
fn an_import_has_no_limit_for_late_entry_and_needs_no_evidence() {
    let mut w = imported();
    w.send(row("09:30", record(customizing()))).unwrap();
    let told = w.send(row("10:00", inform(estimate(60)))).unwrap();
    w.send(row("10:00", hourly_approval(told, Limit::Unlimited))).unwrap();
    let work = w.send(row("04-30 12:00", log_work("anna", Execution, "10:00", "11:00"))).unwrap();
    w.send(row("11:00", Command::Resolve)).unwrap();
    w.stands(work, &[("billable.customizing-bug", 60 * MIN, 12_000)]);
}

#[test]
fn the_same_entries_of_a_call_that_is_no_import_are_too_late() {
    let mut w = imported();
    w.refuses("04-30 12:00", late("09:30", record(customizing())), "FINDINGS_COUNT_FROM_NOW");
    w.refuses("04-30 12:00", log_work("anna", Execution, "10:00", "11:00"), "TOO_LATE");
    w.send(row("09:30", record(customizing()))).unwrap();
    w.refuses("04-30 12:00", late("10:00", inform(estimate(60))), "TOO_LATE");
    w.refuses("04-30 12:00", late("11:00", Command::Close), "TOO_LATE");
}

#[test]
fn imported_findings_do_not_precede_the_last_classification() {
    let mut w = imported();
    w.send(row("10:00", record(customizing()))).unwrap();
    w.refuses("04-30 12:00", row("09:59:59.999999", record(base_software())), "BEFORE_CLASSIFICATION");
    w.send(row("10:00", record(change_wanted()))).unwrap();
    assert_eq!(w.ticket().classifications.last().map(|class| class.at), Some(at("10:00")));
}
