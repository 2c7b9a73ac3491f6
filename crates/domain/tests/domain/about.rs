//! "What we believed on day X, about time Y": the second of the two times.

use beleg_domain::about::About;
use beleg_domain::event::{Limit, Offer};
use beleg_domain::ids::EventId;
use beleg_domain::ticket::command::Command;
use beleg_domain::ticket::{Recorded, Status, Ticket};
use beleg_domain::time::Timestamp;

use crate::world::*;

/// The current ticket about an instant, by everything recorded so far.
pub(crate) fn about(w: &World, at: Timestamp) -> Option<Ticket> {
    let mut about = About::new(at);
    for logged in w.log.iter().filter(|logged| logged.stream == Stream::Ticket(w.current)) {
        let recorded = Recorded { event: logged.id, at: logged.at, imported: false };
        about.evolve(recorded, logged.event.clone()).unwrap();
    }
    about.ticket(w.surroundings()).unwrap()
}

/// Rules and worked minutes of one entry.
fn stands(ticket: &Ticket, work: EventId) -> Vec<(String, i64)> {
    let entry = ticket.work.iter().find(|entry| entry.event == work).unwrap();
    let segments = entry.standing.iter().map(|posting| &posting.segment);
    segments.map(|s| (s.rule.as_str().to_owned(), s.worked_seconds / MIN)).collect()
}

#[test]
fn before_its_opening_there_is_no_ticket_whatever_was_posted_later() {
    let mut w = World::with_ticket(hourly(RATE));
    w.then("09:30", record(change_wanted()));
    let told = w.then("10:00", inform(Offer::QuoteMinor(50_000)));
    w.then("11:00", quote_approval(told));
    w.then("13:00", Command::Resolve);
    assert!(about(&w, at("08:59")).is_none());

    let then = about(&w, at("12:00")).unwrap();
    assert_eq!((then.status(), then.charged_minor(), then.quotes.len()), (Status::Open, 0, 0));
    assert_eq!(then.version, w.ticket().version, "the stream's version, so that it can be expected");
    let after = about(&w, at("13:00")).unwrap();
    assert_eq!((after.status(), after.charged_minor()), (Status::Resolved, 50_000));
}

#[test]
fn work_voided_later_still_stands_where_it_stood() {
    let mut w = World::with_release(hourly(RATE), Limit::Unlimited);
    let work = w.work("anna", Execution, "10:00", "11:00");
    w.then("13:00", Command::Void { work });
    let then = about(&w, at("12:00")).unwrap();
    assert!(then.work[0].voided.is_none());
    assert_eq!(stands(&then, work), [("billable.customizing-bug".to_owned(), 60)]);
    assert_eq!(then.charged_minor(), RATE);
    let after = about(&w, at("13:00")).unwrap();
    assert_eq!((after.charged_minor(), stands(&after, work).len()), (0, 0));
}

#[test]
fn a_void_for_an_instant_before_its_work_was_logged_is_left_out_with_it() {
    let mut w = World::with_release(hourly(RATE), Limit::Unlimited);
    w.clock(at("15:00"));
    let work = w.then("15:00", log_work("anna", Execution, "10:00", "10:20"));
    w.then("15:00", late("11:00", Command::Void { work }));
    assert!(about(&w, at("12:00")).unwrap().work.is_empty());
    assert!(about(&w, at("15:00")).unwrap().work[0].voided.is_some());
}

#[test]
fn what_was_recorded_late_counts_and_what_happened_later_does_not() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    let work = w.work("anna", Execution, "11:00", "12:00");
    w.then("13:00", record(base_software()));
    w.then("14:00", record(customizing()));
    // Believed at noon was a bug of the customizing that nobody had been told of.
    assert_eq!(stands(&about(&w, at("12:00")).unwrap(), work), [("withheld.before-information".to_owned(), 60)]);
    assert_eq!(stands(&about(&w, at("13:30")).unwrap(), work), [("free.base-software-bug".to_owned(), 60)]);
    assert_eq!(about(&w, at("13:30")).unwrap().classifications.len(), 2);
}

#[test]
fn prepaid_time_that_was_drawn_stays_drawn() {
    let terms = beleg_domain::contract::Terms { prepaid_minutes: Some(30), ..hourly(RATE) };
    let mut w = World::with_release(terms, Limit::Unlimited);
    let work = w.work("anna", Execution, "10:00", "11:00");
    w.then("12:00", Command::Resolve);
    let expected = [("covered.prepaid".to_owned(), 30), ("billable.customizing-bug".to_owned(), 30)];
    assert_eq!(stands(&about(&w, at("11:30")).unwrap(), work), expected);
}
