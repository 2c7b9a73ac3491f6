use beleg_server::pb::{self, Activity};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::house::{House, at, id};
use crate::worked_ticket::play;

/// Sends work that is wrong in one thing; says the code and the reason.
async fn refused(house: &House, work: pb::LogWorkRequest) -> (Code, String) {
    let head = house.head().await;
    let status = house.tickets().log_work(house.call(work)).await.unwrap_err();
    assert_eq!(house.head().await, head, "a refused command left an event: {status:?}");
    told(&status)
}

fn told(status: &Status) -> (Code, String) {
    assert!(!status.message().is_empty());
    let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
    (status.code(), reason)
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_work_is_refused_with_its_reason_and_leaves_nothing() {
    let mut house = House::ready().await;
    let ticket = play(&mut house).await;
    house.now = "14:00".into();
    let good = || house.work(&ticket, Activity::Execution, "13:45", "13:50");
    let malformed = (Code::InvalidArgument, "MALFORMED".to_owned());

    let unknown = pb::LogWorkRequest { ticket_id: id(), ..good() };
    assert_eq!(refused(&house, unknown).await, (Code::NotFound, "TICKET_UNKNOWN".into()));
    let no_uuid = pb::LogWorkRequest { ticket_id: "42".into(), ..good() };
    assert_eq!(refused(&house, no_uuid).await, malformed);
    let no_request = pb::LogWorkRequest { request_id: String::new(), ..good() };
    assert_eq!(refused(&house, no_request).await, malformed);
    let future = pb::LogWorkRequest { to: Some(at("14:01")), ..good() };
    assert_eq!(refused(&house, future).await, malformed);
    let backwards = pb::LogWorkRequest { to: Some(at("13:44")), ..good() };
    assert_eq!(refused(&house, backwards).await, malformed);
    let too_long = pb::LogWorkRequest { duration_seconds: Some(301), ..good() };
    assert_eq!(refused(&house, too_long).await, malformed);
    let nothing = pb::LogWorkRequest { duration_seconds: Some(0), ..good() };
    assert_eq!(refused(&house, nothing).await, malformed);
    let half_second = prost_types::Timestamp { nanos: 500_000_000, ..at("13:45") };
    let fraction = pb::LogWorkRequest { from: Some(half_second), ..good() };
    assert_eq!(refused(&house, fraction).await, malformed);
    let overlapping = pb::LogWorkRequest { from: Some(at("13:30")), ..good() };
    assert_eq!(refused(&house, overlapping).await, (Code::FailedPrecondition, "OVERLAPPING_WORK".into()));
    let early = house.work(&ticket, Activity::Execution, "08:59", "09:01");
    assert_eq!(refused(&house, early).await, (Code::FailedPrecondition, "BEFORE_OPENING".into()));
    let stale = pb::LogWorkRequest { expected_version: Some(1), ..good() };
    assert_eq!(refused(&house, stale).await, (Code::Aborted, "WRONG_VERSION".into()));
    let no_activity = pb::LogWorkRequest { activity: 0, ..good() };
    assert_eq!(refused(&house, no_activity).await, malformed);
    let long_note = pb::LogWorkRequest { note: "x".repeat(5 << 20), ..good() };
    assert_eq!(refused(&house, long_note).await, malformed);
    let late = pb::LogWorkRequest { occurred_at: Some(at("23:00")), ..good() };
    assert_eq!(refused(&house, late).await, malformed);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_approvals_are_refused() {
    let mut house = House::ready().await;
    let ticket = play(&mut house).await;
    let head = house.head().await;
    let status = house.tickets().give_approval(house.call(house.approval(&ticket, &id(), 60))).await.unwrap_err();
    assert_eq!(told(&status), (Code::NotFound, "INFORMATION_UNKNOWN".into()));

    let shown = pb::TicketKey { key: Some(pb::ticket_key::Key::TicketId(ticket.clone())) };
    let shown = pb::GetTicketRequest { ticket: Some(shown), ..Default::default() };
    let shown = house.tickets().get_ticket(house.call(shown)).await.unwrap().into_inner().ticket.unwrap();
    let information = shown.informations[0].information_id.clone();

    for limit in [
        pb::limit::Kind::Minutes(-1),
        pb::limit::Kind::Minutes(0),
        pb::limit::Kind::Minutes(i64::MAX),
        pb::limit::Kind::Money(pb::Money { currency_code: "EUR".into(), amount_minor: -5 }),
        pb::limit::Kind::Money(pb::Money { currency_code: "euro".into(), amount_minor: 5 }),
        pb::limit::Kind::Unlimited(false),
    ] {
        let mut approval = house.approval(&ticket, &information, 60);
        approval.limit = Some(pb::Limit { kind: Some(limit) });
        let status = house.tickets().give_approval(house.call(approval)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    }
    let mut francs = house.approval(&ticket, &information, 60);
    let money = pb::Money { currency_code: "CHF".into(), amount_minor: 5_000 };
    francs.limit = Some(pb::Limit { kind: Some(pb::limit::Kind::Money(money)) });
    let status = house.tickets().give_approval(house.call(francs)).await.unwrap_err();
    assert_eq!(told(&status), (Code::FailedPrecondition, "OTHER_CURRENCY".into()));

    let mut before = house.approval(&ticket, &information, 60);
    before.occurred_at = Some(at("09:55"));
    before.evidence = "phone note".into();
    let status = house.tickets().give_approval(house.call(before)).await.unwrap_err();
    assert_eq!(told(&status), (Code::FailedPrecondition, "APPROVAL_BEFORE_INFORMATION".into()));
    assert_eq!(house.head().await, head);

    let closed = pb::CloseTicketRequest { request_id: id(), ticket_id: ticket.clone(), ..Default::default() };
    house.tickets().close_ticket(house.call(closed)).await.unwrap();
    let status =
        house.tickets().give_approval(house.call(house.approval(&ticket, &information, 60))).await.unwrap_err();
    assert_eq!(told(&status), (Code::FailedPrecondition, "TICKET_SETTLED".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_needs_a_contract_a_void_needs_a_reason_and_a_contract_needs_a_policy() {
    let house = House::ready().await;
    let head = house.head().await;
    let opened = pb::OpenTicketRequest {
        request_id: id(),
        customer_id: "stranger".into(),
        impact: pb::Impact::Request.into(),
        ..Default::default()
    };
    let status = house.tickets().open_ticket(house.call(opened)).await.unwrap_err();
    assert_eq!(told(&status), (Code::FailedPrecondition, "CONTRACT_MISSING".into()));

    let voided = pb::VoidWorkRequest { request_id: id(), ticket_id: id(), work_id: id(), ..Default::default() };
    let status = house.tickets().void_work(house.call(voided)).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, "reason");

    let status = house.agree("acme", 12_000).await.unwrap_err();
    assert_eq!(told(&status), (Code::AlreadyExists, "CONTRACT_EXISTS".into()));
    let other = House::empty().await;
    let status = other.agree("acme", 12_000).await.unwrap_err();
    assert_eq!(told(&status), (Code::NotFound, "POLICY_UNKNOWN".into()));
    assert_eq!(house.head().await, head);
    assert_eq!(other.head().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_need_a_server_that_admits_them() {
    let mut house = House::ready().await;
    let ticket = play(&mut house).await;
    let mut work = house.call(house.work(&ticket, Activity::Execution, "09:00", "09:01"));
    work.metadata_mut().insert("beleg-origin", "import:test".parse().unwrap());
    let status = house.tickets().log_work(work).await.unwrap_err();
    assert_eq!(told(&status), (Code::FailedPrecondition, "IMPORTS_NOT_ADMITTED".into()));
}
