//! "oder auf Basis eines gesonderten Angebots": a fixed price, posted once.

use beleg_domain::contract::Terms;
use beleg_domain::event::{Limit, Offer};
use beleg_domain::facts::Class;
use beleg_domain::ids::EventId;
use beleg_domain::ticket::command::Command;

use crate::world::*;

/// A change request, quoted at 10:00 and accepted at 11:00.
fn accepted(minor: i64) -> (World, EventId) {
    let mut w = World::with_ticket(hourly(RATE));
    w.then("09:30", record(change_wanted()));
    let told = w.then("10:00", inform(Offer::QuoteMinor(minor)));
    let quote = w.then("11:00", quote_approval(told));
    (w, quote)
}

const PRICE: (&str, i64, i64) = ("billable.quote-delivered", 0, 50_000);

#[test]
fn work_is_covered_from_the_acceptance_on() {
    let (mut w, _) = accepted(50_000);
    let work = w.work("anna", Execution, "10:30", "12:00");
    w.stands(work, &[("withheld.before-approval", 30 * MIN, 0), ("covered.quote", 60 * MIN, 0)]);
}

#[test]
fn the_price_is_posted_at_the_first_resolution_and_never_twice() {
    let (mut w, _) = accepted(50_000);
    w.ledger(&[]);
    w.then("12:00", Command::Resolve);
    w.ledger(&[PRICE]);
    w.then("13:00", Command::Reopen);
    w.ledger(&[PRICE]);
    w.then("14:00", Command::Resolve);
    w.ledger(&[PRICE]);
}

#[test]
fn a_ticket_closed_without_a_resolution_delivers_nothing() {
    let (mut w, _) = accepted(50_000);
    w.then("12:00", Command::Close);
    w.ledger(&[]);
}

#[test]
fn a_revoked_quote_is_not_delivered_and_covers_no_longer() {
    let (mut w, approval) = accepted(50_000);
    w.then("12:00", Command::Revoke { approval });
    let work = w.work("anna", Execution, "11:30", "12:30");
    w.stands(work, &[("covered.quote", 30 * MIN, 0), ("withheld.approval-ended", 30 * MIN, 0)]);
    w.then("13:00", Command::Resolve);
    assert_eq!(w.ticket().charged_minor(), 0);
}

#[test]
fn a_second_accepted_quote_replaces_the_first() {
    let (mut w, _) = accepted(50_000);
    let told = w.then("11:30", inform(Offer::QuoteMinor(70_000)));
    w.then("12:00", quote_approval(told));
    w.then("13:00", Command::Resolve);
    w.ledger(&[("billable.quote-delivered", 0, 70_000)]);
}

/// A quote accepted at 11:00, then another one at 12:00.
fn replaced() -> (World, [EventId; 2], [EventId; 2]) {
    let (mut w, first) = accepted(50_000);
    let told = w.then("11:30", inform(Offer::QuoteMinor(70_000)));
    let second = w.then("12:00", quote_approval(told));
    let first_told = w.ticket().informations[0].event;
    (w, [first_told, told], [first, second])
}

#[test]
fn a_replaced_quote_is_no_longer_in_force_for_hourly_work() {
    let (mut w, _, [_, second]) = replaced();
    w.then("12:30", Command::Revoke { approval: second });
    let told = w.then("12:30", inform(estimate(60)));
    w.then("13:00", hourly_approval(told, Limit::Unlimited));
    let work = w.work("anna", Execution, "12:00", "14:00");
    w.stands(
        work,
        &[
            ("covered.quote", 30 * MIN, 0),
            ("withheld.approval-ended", 30 * MIN, 0),
            ("billable.change-request", 60 * MIN, 12_000),
        ],
    );
}

#[test]
fn hourly_work_may_be_approved_once_the_replacing_quote_expired() {
    let (mut w, _) = accepted(50_000);
    let told = w.then("11:30", inform(Offer::QuoteMinor(70_000)));
    w.then("12:00", accepted_until(told, "12:30"));
    let told = w.then("12:00", inform(estimate(60)));
    w.refuses("12:00", hourly_approval(told, Limit::Unlimited), "QUOTE_IN_FORCE");
    w.then("12:30", hourly_approval(told, Limit::Unlimited));
    let work = w.work("anna", Execution, "12:30", "13:00");
    w.stands(work, &[("billable.change-request", 30 * MIN, 6_000)]);
}

#[test]
fn a_replaced_quote_has_nothing_to_revoke_and_its_offer_may_be_declined() {
    let (mut w, [told, _], [first, second]) = replaced();
    w.refuses("12:30", Command::Revoke { approval: first }, "APPROVAL_ENDED");
    w.then("12:30", Command::Decline { information: told });
    let work = w.work("anna", Execution, "12:00", "13:00");
    w.stands(work, &[("covered.quote", 60 * MIN, 0)]);
    w.then("13:00", Command::Revoke { approval: second });
}

#[test]
fn an_hourly_approval_that_a_quote_overtook_has_nothing_to_revoke() {
    let mut w = World::with_release(hourly(RATE), Limit::Unlimited);
    let approval = w.ticket().approvals[0].event;
    let told = w.then("10:30", inform(Offer::QuoteMinor(50_000)));
    w.then("11:00", quote_approval(told));
    w.refuses("11:00", Command::Revoke { approval }, "APPROVAL_ENDED");
    w.then("11:30", late("10:45", Command::Revoke { approval }));
}

#[test]
fn a_replaced_quote_may_be_accepted_again_and_replaces_the_other() {
    let (mut w, [told, _], _) = replaced();
    w.then("12:30", quote_approval(told));
    w.refuses("12:30", quote_approval(told), "QUOTE_ACCEPTED");
    w.then("13:00", Command::Resolve);
    w.ledger(&[PRICE]);
}

#[test]
fn expiry_ends_the_cover_and_not_the_price() {
    let (mut w, ..) = expired();
    let work = w.work("anna", Execution, "11:30", "12:30");
    w.stands(work, &[("covered.quote", 30 * MIN, 0), ("withheld.approval-ended", 30 * MIN, 0)]);
    w.then("13:00", Command::Resolve);
    w.ledger(&[PRICE, ("covered.quote", 30 * MIN, 0), ("withheld.approval-ended", 30 * MIN, 0)]);
}

/// A quote of 500.00 accepted at 11:00 whose cover expired at 12:00.
fn expired() -> (World, EventId, EventId) {
    let mut w = World::with_ticket(hourly(RATE));
    w.then("09:30", record(change_wanted()));
    let told = w.then("10:00", inform(Offer::QuoteMinor(50_000)));
    let quote = w.then("11:00", accepted_until(told, "12:00"));
    (w, told, quote)
}

fn accepted_until(information: EventId, valid_until: &str) -> Command {
    let Command::Approve { information, basis, limit, currency, .. } = quote_approval(information) else {
        unreachable!("an approval")
    };
    Command::Approve { information, basis, limit, currency, valid_until: Some(at(valid_until)) }
}

#[test]
fn a_price_that_is_still_to_come_is_revoked_though_the_cover_expired() {
    let (mut w, _, quote) = expired();
    w.then("12:30", Command::Revoke { approval: quote });
    w.then("13:00", Command::Resolve);
    w.ledger(&[]);
}

#[test]
fn a_price_that_is_still_to_come_is_not_declined() {
    let (mut w, told, _) = expired();
    w.refuses("12:30", Command::Decline { information: told }, "APPROVED");
    w.then("13:00", Command::Resolve);
    w.ledger(&[PRICE]);
}

#[test]
fn a_delivered_quote_whose_cover_expired_has_nothing_to_revoke() {
    let (mut w, _, quote) = expired();
    w.then("13:00", Command::Resolve);
    w.refuses("13:30", Command::Revoke { approval: quote }, "APPROVAL_ENDED");
    w.ledger(&[PRICE]);
}

#[test]
fn an_expired_quote_may_be_accepted_again_and_is_charged_once() {
    let (mut w, told, _) = expired();
    w.then("12:30", quote_approval(told));
    let work = w.work("anna", Execution, "11:30", "13:00");
    w.then("13:00", Command::Resolve);
    w.stands(
        work,
        &[("covered.quote", 30 * MIN, 0), ("withheld.approval-ended", 30 * MIN, 0), ("covered.quote", 30 * MIN, 0)],
    );
    assert_eq!(w.ticket().charged_minor(), 50_000);
}

/// Told in time, the hourly approval would have been refused.
#[test]
fn a_quote_that_was_accepted_before_an_hourly_approval_and_recorded_after_it_is_the_one_basis() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    let estimated = w.then("09:35", inform(estimate(60)));
    let quoted = w.then("09:40", inform(Offer::QuoteMinor(50_000)));
    w.then("10:00", hourly_approval(estimated, Limit::Unlimited));
    w.then("10:30", late("09:50", accepted_until(quoted, "11:00")));
    let work = w.work("anna", Execution, "10:00", "12:00");
    w.then("13:00", Command::Resolve);
    w.stands(work, &[("covered.quote", 60 * MIN, 0), ("withheld.approval-ended", 60 * MIN, 0)]);
    assert_eq!(w.ticket().charged_minor(), 50_000);
}

/// Told in time, the hourly approval would have been taken: the cover had expired.
#[test]
fn an_hourly_approval_stands_beside_a_late_quote_that_had_expired_by_then() {
    let mut w = World::with_customizing_bug(hourly(RATE));
    let estimated = w.then("09:35", inform(estimate(60)));
    let quoted = w.then("09:40", inform(Offer::QuoteMinor(50_000)));
    w.then("10:00", hourly_approval(estimated, Limit::Unlimited));
    w.then("10:30", late("09:45", accepted_until(quoted, "09:55")));
    let work = w.work("anna", Execution, "10:00", "11:00");
    w.stands(work, &[("billable.customizing-bug", 60 * MIN, 12_000)]);
}

#[test]
fn accepting_a_quote_ends_hourly_approvals_and_leaves_earlier_charges() {
    let mut w = World::with_release(hourly(RATE), Limit::Unlimited);
    let told = w.then("10:30", inform(Offer::QuoteMinor(50_000)));
    let quote = w.then("11:00", quote_approval(told));
    w.then("12:00", Command::Revoke { approval: quote });
    let work = w.work("anna", Execution, "10:00", "12:30");
    w.stands(
        work,
        &[
            ("billable.customizing-bug", 60 * MIN, 12_000),
            ("covered.quote", 60 * MIN, 0),
            ("withheld.approval-ended", 30 * MIN, 0),
        ],
    );
}

#[test]
fn a_free_class_takes_the_price_back_for_good() {
    let (mut w, _) = accepted(50_000);
    w.then("12:00", Command::Resolve);
    w.then("13:00", record(base_software()));
    w.ledger(&[]);
    w.then("14:00", record(change_wanted()));
    w.ledger(&[]);
    w.then("15:00", Command::Reassess);
    w.ledger(&[]);
}

#[test]
fn an_undetermined_class_takes_the_price_back_for_good() {
    let (mut w, _) = accepted(50_000);
    w.then("12:00", Command::Resolve);
    w.then("13:00", record(unexplained()));
    w.then("14:00", record(change_wanted()));
    w.ledger(&[]);
}

#[test]
fn an_exempted_class_takes_the_price_back_for_good() {
    let (mut w, _) = accepted(50_000);
    w.then("12:00", Command::Resolve);
    let exempt = Terms { exemptions: Some(vec![Class::ChangeRequest]), ..Terms::default() };
    w.amend("12:30", "01-01", exempt);
    w.ledger(&[PRICE]);
    w.then("13:00", Command::Reassess);
    w.ledger(&[]);
    w.amend("13:30", "01-01", Terms { exemptions: Some(Vec::new()), ..Terms::default() });
    w.then("14:00", Command::Reassess);
    w.ledger(&[]);
}

#[test]
fn another_chargeable_class_after_the_delivery_leaves_the_price() {
    let (mut w, _) = accepted(50_000);
    w.then("12:00", Command::Resolve);
    w.then("13:00", record(customizing()));
    w.ledger(&[PRICE]);
}

#[test]
fn a_quote_whose_class_was_left_before_the_resolution_is_not_delivered() {
    let (mut w, _) = accepted(50_000);
    w.then("12:00", record(customizing()));
    w.then("13:00", Command::Resolve);
    w.ledger(&[]);
}

#[test]
fn a_reopened_ticket_may_deliver_another_quote() {
    let (mut w, _) = accepted(50_000);
    w.then("12:00", Command::Resolve);
    w.then("13:00", Command::Reopen);
    let told = w.then("13:00", inform(Offer::QuoteMinor(10_000)));
    w.then("13:30", quote_approval(told));
    w.then("14:00", Command::Resolve);
    w.ledger(&[("billable.quote-delivered", 0, 60_000)]);
}

#[test]
fn the_reopened_ticket_is_no_longer_covered() {
    let (mut w, _) = accepted(50_000);
    w.then("12:00", Command::Resolve);
    w.then("13:00", Command::Reopen);
    let work = w.work("anna", Execution, "13:00", "13:30");
    w.stands(work, &[("withheld.before-information", 30 * MIN, 0)]);
}

#[test]
fn the_price_names_its_vouchers() {
    let (mut w, quote) = accepted(50_000);
    let resolution = w.then("12:00", Command::Resolve);
    let (_, work, price) = w.standing().remove(0);
    let roles: Vec<_> = price.causes.iter().map(|cause| cause.role.as_str()).collect();
    assert_eq!(roles, ["classification", "information", "quote", "resolution", "policy"]);
    assert!(price.causes.iter().any(|cause| cause.event == quote));
    assert!(price.causes.iter().any(|cause| cause.event == resolution));
    assert_eq!((work, price.billed_seconds), (None, 0));
}
