use std::time::Duration;

use beleg_server::{audit, pb};
use tonic::{Code, Status};

use crate::forge;
use crate::house::{House, refusal};
use crate::place::Part;
use crate::worked_ticket::play;

async fn status(house: &House) -> pb::GetLogStatusResponse {
    let mut log = pb::log_service_client::LogServiceClient::new(house.channel.clone());
    log.get_log_status(house.call(pb::GetLogStatusRequest {})).await.unwrap().into_inner()
}

async fn list(house: &House, min_position: i64) -> Result<usize, Status> {
    let listed = pb::ListTicketsRequest { min_position: Some(min_position), ..Default::default() };
    Ok(house.tickets().list_tickets(house.call(listed)).await?.into_inner().tickets.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn locked_views_are_waited_for_and_said() {
    let house = House::ready().await;
    list(&house, house.head().await).await.unwrap();
    let mut lock = house.data.lock(Part::Views).await;
    house.open().await;
    let head = house.head().await;
    let behind = list(&house, head).await.unwrap_err();
    assert_eq!(behind.code(), Code::Unavailable);
    let reason = "the projector waits and tries again: the views are unavailable: the database is locked";
    assert!(behind.message().contains(reason), "{behind}");
    let told = status(&house).await;
    assert!(told.projector_alarm.contains(reason) && told.views_position < head, "{told:?}");

    lock.run("ROLLBACK").await;
    assert_eq!(list(&house, head).await.unwrap(), 1);
    // What it waited for may be said for a moment longer, until it has taken in everything.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(status(&house).await.projector_alarm, "");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_event_that_no_view_shows_stops_the_projector_with_an_alarm() {
    let mut house = House::ready().await;
    play(&mut house).await;
    let data = house.stop().await;
    forge::run(&data, Part::Log, "UPDATE events SET payload = '{}' WHERE event_type = 'work_logged'").await;
    data.lose_views().await;

    let house = House::on(data, false).await;
    let head = house.head().await;
    let stopped = list(&house, head).await.unwrap_err();
    assert!(stopped.message().contains("the projector stopped"), "{stopped}");
    assert!(stopped.message().contains("work_logged"), "{stopped}");
    assert_eq!(status(&house).await.views_position, 0);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn views_of_another_log_are_refused_until_they_are_rebuilt() {
    let mut house = House::ready().await;
    play(&mut house).await;
    let other = house.stop().await;
    let data = House::ready().await.stop().await;
    data.take_views_of(&other).await;

    let refused = refusal(&data, true).await;
    assert!(refused.contains("are not of the log beside them") && refused.contains("beleg rebuild"), "{refused}");
    let checked = audit::check_views(&data.storage(), &|_, _| {}).await.unwrap_err().to_string();
    assert!(checked.contains("are not of the log beside them"), "{checked}");

    let rebuilt = audit::rebuild(&data.storage(), &|_, _| {}).await.unwrap();
    assert!(matches!(rebuilt.replaced, audit::Replaced::Unreadable { .. }), "{rebuilt:?}");
    let house = House::on(data, false).await;
    assert_eq!(list(&house, house.head().await).await.unwrap(), 0);
    house.stop().await;
}
