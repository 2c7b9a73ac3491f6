use std::time::Duration;

use beleg_store::ViewError;

use crate::house::{House, Place};

#[tokio::test(flavor = "multi_thread")]
async fn one_writes_and_another_takes_over_when_it_is_gone() {
    let Some(place) = Place::postgres().await else { return };
    let house = House::of(place, 3).await;
    let ((mut one, _), (mut two, _)) = (house.views().await, house.views().await);
    assert!(one.lead().await.unwrap());
    assert!(!two.lead().await.unwrap());
    assert!(one.lead().await.unwrap());
    one.apply(&house.up_to(2).await).await.unwrap();
    one.close().await.unwrap();
    // The server may take a moment to notice.
    while !two.lead().await.unwrap() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(two.end().await.unwrap(), (2, 0));
    two.apply(&house.up_to(3).await).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_both_believe_to_lead_cannot_both_write() {
    let Some(place) = Place::postgres().await else { return };
    let house = House::of(place, 4).await;
    let ((mut one, views), (mut two, _)) = (house.views().await, house.views().await);
    assert_eq!((one.end().await.unwrap(), two.end().await.unwrap()), ((0, 0), (0, 0)));
    one.apply(&house.up_to(2).await).await.unwrap();
    // Also what would lie behind the checkpoint: it was not made of what follows it.
    let refused = two.apply(&house.up_to(4).await).await.unwrap_err();
    assert!(matches!(refused, ViewError::Unavailable { .. }), "{refused}");
    assert_eq!(views.position().await.unwrap(), 2);
    one.apply(&house.up_to(4).await).await.unwrap();
    while !two.lead().await.unwrap() {}
    assert_eq!(two.end().await.unwrap(), (4, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_ended_is_opened_again() {
    let Some(place) = Place::postgres().await else { return };
    let house = House::of(place, 2).await;
    let (mut writer, views) = house.views().await;
    assert!(writer.lead().await.unwrap());
    let end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    house.shell().await.run(end).await.unwrap();
    let lost = writer.apply(&house.up_to(2).await).await.unwrap_err();
    assert!(matches!(lost, ViewError::Unavailable { .. }), "{lost}");
    assert!(writer.lead().await.unwrap());
    assert_eq!(writer.end().await.unwrap(), (0, 0));
    writer.apply(&house.up_to(2).await).await.unwrap();
    assert_eq!(views.position().await.unwrap(), 2);
}
