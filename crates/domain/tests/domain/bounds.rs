//! Everything has a bound, and what would pass it is refused.

use beleg_domain::contract::{Terms, VERSIONS_MAX};
use beleg_domain::event::{Event, Limit, WorkLogged};
use beleg_domain::ticket::command::Command;
use beleg_domain::ticket::{EVENTS_HEAD_ROOM, EVENTS_MAX, Recorded, STANDING_WORK_MAX};

use crate::world::*;

#[test]
fn a_ticket_has_a_bound_on_its_events() {
    let mut w = World::with_ticket(hourly(RATE));
    w.tickets[0].version = EVENTS_MAX;
    w.refuses("10:00", Command::Resolve, "TICKET_TOO_LONG");
}

/// What takes charges back or ends them is taken further: its bound is its own.
#[test]
fn a_ticket_at_its_bound_still_takes_what_favours_the_customer() {
    let mut w = World::with_release(hourly(RATE), Limit::Unlimited);
    let work = w.work("anna", Execution, "10:00", "11:00");
    let approval = w.ticket().approvals[0].event;
    let told = w.then("11:00", inform(estimate(60)));
    let favouring = [
        Command::Void { work },
        Command::Revoke { approval },
        Command::Decline { information: told },
        record(base_software()),
    ];
    for command in favouring {
        let mut w = w.clone();
        w.tickets[0].version = EVENTS_MAX + EVENTS_HEAD_ROOM - 1;
        w.clone().then("11:00", command.clone());
        w.tickets[0].version = EVENTS_MAX + EVENTS_HEAD_ROOM;
        w.refuses("11:00", command, "TICKET_TOO_LONG");
    }
}

#[test]
fn a_ticket_has_a_bound_on_its_standing_entries() {
    let mut w = World::with_ticket(hourly(RATE));
    let first = second("09:00");
    for place in 0..i64::try_from(STANDING_WORK_MAX).unwrap() {
        let recorded = Recorded { event: w.new_id(), at: at("10:00"), imported: false };
        let logged = WorkLogged {
            activity: Execution,
            contract_version: 1,
            duration_seconds: 1,
            from: first.plus(place),
            performer_id: staff("anna"),
            to: first.plus(place + 1),
        };
        w.tickets[0].evolve(recorded, Event::from(logged)).unwrap();
    }
    w.refuses("10:00", log_work("ben", Execution, "09:00", "09:01"), "TOO_MUCH_WORK");
}

#[test]
fn a_contract_has_a_bound_on_its_versions() {
    let mut w = World::agreed(hourly(RATE));
    let first = w.contract.versions[0].clone();
    w.contract.versions.resize(VERSIONS_MAX, first);
    let terms = Terms { hourly_rate_minor: agreed(1), ..Terms::default() };
    assert_eq!(w.try_amend(date("03-02"), terms).unwrap_err().reason, "CONTRACT_TOO_LONG");
}
