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
