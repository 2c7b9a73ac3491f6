//! A ticket folded from what a log holds, where every event has its own copy of everything.

use std::sync::Arc;

use beleg_domain::event::{Event, Limit, SCHEMA_VERSION};
use beleg_domain::facts::Activity;
use beleg_domain::ticket::{Recorded, Ticket};

use crate::world::*;

#[test]
fn what_entries_have_in_common_is_held_once() {
    let mut w = World::with_release(hourly(RATE), Limit::Unlimited);
    for (from, to) in [("12:00", "12:30"), ("13:00", "13:30"), ("14:00", "14:30")] {
        w.work("anna", Activity::Execution, from, to);
    }
    let events = w.log.iter().filter(|logged| matches!(logged.stream, Stream::Ticket(_))).map(|logged| {
        let payload = serde_json::to_vec(&logged.event).unwrap();
        let event = Event::read(logged.event.event_type(), SCHEMA_VERSION, &payload).unwrap();
        (Recorded { event: logged.id, at: logged.at, imported: false }, event)
    });
    let ticket = Ticket::fold(events).unwrap().unwrap();
    assert_eq!(format!("{ticket:?}"), format!("{:?}", w.ticket()));
    let [first, .., last] = &ticket.work[..] else { panic!("{ticket:?}") };
    assert!(Arc::ptr_eq(&first.performer.shared(), &last.performer.shared()));
    let [first, last] = [first, last].map(|work| &work.standing[0].segment);
    assert!(Arc::ptr_eq(&first.rule.shared(), &last.rule.shared()));
    assert!(Arc::ptr_eq(&first.policy.name, &last.policy.name));
}
