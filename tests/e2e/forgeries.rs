use beleg_server::audit;
use beleg_server::pb;
use serde_json::json;
use uuid::Uuid;

use crate::forge::{self, last, payload};
use crate::house::{House, id};
use crate::place::{Part, Place};
use crate::worked_ticket::play;

async fn played() -> Place {
    let mut house = House::ready().await;
    play(&mut house).await;
    house.stop().await
}

async fn found(data: &Place) -> Vec<String> {
    let verified = audit::verify(&data.storage(), &|_, _| {}).await.unwrap();
    assert_eq!(verified.count, verified.found.len() as u64);
    verified.found.iter().map(ToString::to_string).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assessment_that_no_fact_called_for_is_named() {
    let data = played().await;
    assert_eq!(found(&data).await, Vec::<String>::new());
    let assessed = last(&data, "work_assessed").await;
    let mut forged = payload(&assessed);
    forged["posted"][0]["account"] = json!("billable");
    forged["posted"][0]["amount_minor"] = json!(99_999);
    forge::append(&data, &[(assessed.stream.to_string(), "work_assessed", forged)]).await;
    let found = found(&data).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("99999") && found[0].contains("its facts give: nothing"), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opening_assesses_nothing() {
    let data = played().await;
    let opening = payload(&last(&data, "ticket_opened").await);
    let assessed = payload(&last(&data, "work_assessed").await);
    let ticket = Uuid::new_v4();
    let price = json!({
        "approval": Uuid::new_v4(), "contract_version": 1, "currency": "EUR", "customer_id": "acme",
        "policies": assessed["policies"], "posted": [assessed["posted"][0]], "reversed": [], "ticket_id": ticket,
    });
    let stream = format!("ticket-{ticket}");
    let mut ids = [ticket, Uuid::new_v4()].into_iter();
    let events = [(stream.clone(), "ticket_opened", opening), (stream, "quote_assessed", price)];
    forge::append_with_ids(&data, &events, || ids.next().unwrap()).await;
    let found = found(&data).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("quote_assessed") && found[0].contains("its facts give: nothing"), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn prepaid_time_drawn_otherwise_or_by_nobody_is_named() {
    let mut house = House::empty().await;
    let document = include_str!("../../policies/support.toml").to_owned();
    let published = pb::PublishPolicyRequest { request_id: id(), document, ..Default::default() };
    house.policies().publish_policy(house.call(published)).await.unwrap();
    let agreed = pb::AgreeContractRequest {
        request_id: id(),
        customer_id: "acme".into(),
        currency_code: "EUR".into(),
        time_zone: "Europe/Berlin".into(),
        effective_date: "2026-01-01".into(),
        terms: Some(pb::Terms {
            policy: Some("support".into()),
            hourly_rate: Some(pb::HourlyRate { amount_minor: Some(12_000) }),
            prepaid_minutes: Some(600),
            ..Default::default()
        }),
        ..Default::default()
    };
    house.contracts().agree_contract(house.call(agreed)).await.unwrap();
    play(&mut house).await;
    let data = house.stop().await;
    assert_eq!(found(&data).await, Vec::<String>::new());

    let drawn = last(&data, "prepaid_drawn").await;
    let mut more = payload(&drawn);
    more["draws"][0]["seconds"] = json!(1);
    forge::append(&data, &[(drawn.stream.to_string(), "prepaid_drawn", more)]).await;
    let by_nobody = found(&data).await;
    assert_eq!(by_nobody.len(), 1, "{by_nobody:?}");
    assert!(by_nobody[0].contains("belongs to no command"), "{by_nobody:?}");

    let less = "UPDATE events SET payload = replace(payload, '\"seconds\":', '\"seconds\":-') \
                WHERE position = (SELECT min(position) FROM events WHERE event_type = 'prepaid_drawn')";
    assert_eq!(forge::run(&data, Part::Log, less).await, 1);
    let found = found(&data).await;
    assert!(found[0].contains("is not what was hashed"), "{found:?}");
    assert!(found.iter().any(|told| told.contains("says: -") && told.contains("of grant")), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_without_its_opening_and_an_event_in_a_strange_stream_are_named() {
    let data = played().await;
    let headless = format!("ticket-{}", Uuid::new_v4());
    forge::append(&data, &[(headless.clone(), "diagnosis_started", json!({}))]).await;
    let assessed = payload(&last(&data, "work_assessed").await);
    forge::append(&data, &[("elsewhere".into(), "work_assessed", assessed)]).await;
    let found = found(&data).await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains(&headless) && found[0].contains("does not begin with its opening"), "{found:?}");
    assert!(found[1].contains("is in stream elsewhere"), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_event_a_stamp_that_runs_backwards_and_a_damaged_payload_are_named_and_the_rest_is_still_verified() {
    let data = played().await;
    forge::run(&data, Part::Log, "DELETE FROM events WHERE position = (SELECT max(position) - 1 FROM events)").await;
    let later = "UPDATE events SET recorded_at_us = recorded_at_us + 86400000000 WHERE event_type = 'ticket_opened'";
    forge::run(&data, Part::Log, later).await;
    let found = found(&data).await;
    assert!(found.iter().any(|told| told.contains("there is no event at position")), "{found:?}");
    assert!(found.iter().any(|told| told.contains("was recorded before")), "{found:?}");
    assert!(found.iter().any(|told| told.contains("is not what was hashed")), "{found:?}");

    let data = played().await;
    forge::run(&data, Part::Log, "UPDATE events SET payload = '{}' WHERE event_type = 'work_logged'").await;
    let verified = audit::verify(&data.storage(), &|_, _| {}).await.unwrap();
    assert_eq!(verified.count, 4, "{:?}", verified.found);
    assert!(verified.found[3].to_string().contains("missing field"), "{:?}", verified.found);
}
