use beleg_server::pb::Activity;
use tonic::Code;

use crate::house::House;
use crate::worked_ticket::play;

#[tokio::test(flavor = "multi_thread")]
async fn the_same_call_gets_the_first_receipt_whatever_happened_since() {
    let mut house = House::ready().await;
    let ticket = play(&mut house).await;
    let work = house.work(&ticket, Activity::Execution, "13:40", "13:41");
    house.now = "13:45".into();
    let first = house.log(work.clone()).await;
    // Repeated, its window would overlap the first entry's: the request id counts first.
    let head = house.head().await;
    let second = house.log(work.clone()).await;
    assert_eq!(first, second);
    assert_eq!(house.head().await, head);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_with_other_content_is_refused() {
    let mut house = House::ready().await;
    let ticket = play(&mut house).await;
    house.now = "13:50".into();
    let work = house.work(&ticket, Activity::Execution, "13:40", "13:41");
    house.log(work.clone()).await;
    let head = house.head().await;
    let mut other = work;
    other.to = Some(crate::house::at("13:42"));
    let status = house.tickets().log_work(house.call(other)).await.unwrap_err();
    assert_eq!(status.code(), Code::AlreadyExists, "{status:?}");
    assert_eq!(house.head().await, head);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_spelling_of_the_same_command_is_the_same_command() {
    let mut house = House::ready().await;
    let ticket = house.open().await;
    house.now = "09:30".into();
    let work = house.work(&ticket, Activity::Diagnosis, "09:10", "09:20");
    let first = house.log(work.clone()).await;
    let mut again = work;
    again.ticket_id = again.ticket_id.to_uppercase();
    again.request_id = again.request_id.to_uppercase();
    again.expected_version = Some(7);
    assert_eq!(house.log(again).await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_counts_before_everything_else() {
    let mut house = House::ready().await;
    let ticket = house.open().await;
    house.now = "09:30".into();
    let work = house.work(&ticket, Activity::Diagnosis, "09:10", "09:20");
    house.log(work.clone()).await;
    let mut elsewhere = work;
    elsewhere.ticket_id = crate::house::id();
    let status = house.tickets().log_work(house.call(elsewhere)).await.unwrap_err();
    assert_eq!(status.code(), Code::AlreadyExists, "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_with_another_text_is_refused_as_long_as_the_text_is_there() {
    let house = House::ready().await;
    let opening = |subject: &str, request_id: &str| beleg_server::pb::OpenTicketRequest {
        request_id: request_id.into(),
        customer_id: "acme".into(),
        impact: beleg_server::pb::Impact::Incident.into(),
        subject: Some(subject.into()),
        ..Default::default()
    };
    let request_id = crate::house::id();
    let first = house.tickets().open_ticket(house.call(opening("Mrs Meier called", &request_id))).await.unwrap();
    let again = house.tickets().open_ticket(house.call(opening("Mrs Meier called", &request_id))).await.unwrap();
    assert_eq!(first.into_inner(), again.into_inner());
    let other = house.tickets().open_ticket(house.call(opening("Mrs Maier called", &request_id))).await.unwrap_err();
    assert_eq!(other.code(), Code::AlreadyExists, "{other:?}");
}
