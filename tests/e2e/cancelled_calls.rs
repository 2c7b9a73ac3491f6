//! A call that its caller drops while the log is slow is carried out all the same, and leaves no stale copy behind.

use std::future::Future;
use std::time::Duration;

use beleg_server::pb;
use tonic::Code;
use uuid::Uuid;

use crate::house::{House, id};
use crate::place::Part;

/// Drops a call while somebody else holds the log, sends another one, then lets both go on.
async fn dropped_and_overtaken<T>(
    house: &House,
    dropped: impl Future<Output = Result<T, tonic::Status>>,
    overtaking: impl Future,
) {
    let mut other = house.data.lock(Part::Log).await;
    let before = house.head().await;
    let gone = tokio::time::timeout(Duration::from_millis(300), dropped).await;
    assert!(gone.is_err(), "the call did not wait for the log");
    let release = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        other.run("ROLLBACK").await;
    };
    tokio::join!(overtaking, release);
    for _ in 0..100 {
        if house.head().await > before {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the dropped call was not carried out");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tickets_next_caller_sees_what_a_dropped_call_did() {
    let mut house = House::ready().await;
    let ticket = house.open().await;
    house.now = "10:00".into();
    let work = house.work(&ticket, pb::Activity::Diagnosis, "09:10", "09:20");
    let void = pb::VoidWorkRequest {
        request_id: id(),
        ticket_id: ticket.clone(),
        work_id: Uuid::new_v4().to_string(),
        reason: "unknown".into(),
        ..Default::default()
    };
    let (mut logging, mut voiding) = (house.tickets(), house.tickets());
    dropped_and_overtaken(&house, logging.log_work(house.call(work)), async {
        let refused = voiding.void_work(house.call(void)).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound, "{refused:?}");
    })
    .await;

    let asked = pb::GetTicketRequest { ticket: crate::house::key(&ticket), ..Default::default() };
    let shown = house.tickets().get_ticket(house.call(asked)).await.unwrap().into_inner().ticket.unwrap();
    assert_eq!((shown.version, shown.work.len()), (3, 1), "{shown:?}");
    let mut next = house.work(&ticket, pb::Activity::Diagnosis, "09:30", "09:40");
    next.expected_version = Some(3);
    house.log(next).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contracts_next_caller_sees_what_a_dropped_call_did() {
    let house = House::ready().await;
    let amend = |rate, expected_version| pb::AmendContractRequest {
        request_id: id(),
        customer_id: "acme".into(),
        effective_date: "2026-04-01".into(),
        expected_version,
        terms: Some(pb::Terms { hourly_rate: Some(pb::HourlyRate { amount_minor: Some(rate) }), ..Default::default() }),
        ..Default::default()
    };
    let asked = || pb::GetContractRequest { customer_id: "acme".into() };
    let (mut amending, mut reading) = (house.contracts(), house.contracts());
    dropped_and_overtaken(&house, amending.amend_contract(house.call(amend(13_000, None))), async {
        reading.get_contract(house.call(asked())).await.unwrap();
    })
    .await;

    let contract = house.contracts().get_contract(house.call(asked())).await.unwrap().into_inner().contract.unwrap();
    assert_eq!(contract.version, 2);
    house.contracts().amend_contract(house.call(amend(14_000, Some(2)))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_publisher_sees_what_a_dropped_call_did() {
    let house = House::ready().await;
    let publish = |word: &str| pb::PublishPolicyRequest {
        request_id: id(),
        document: crate::house::POLICY.replace("name = \"support\"", &format!("name = \"{word}\"")),
        ..Default::default()
    };
    let mut publishing = house.policies();
    dropped_and_overtaken(&house, publishing.publish_policy(house.call(publish("night"))), async {}).await;
    house.policies().publish_policy(house.call(publish("day"))).await.unwrap();
}
