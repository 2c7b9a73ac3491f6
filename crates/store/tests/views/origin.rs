use beleg_store::{ClockKind, EventLog, LogOptions, SqliteLog, ViewsOpenError};

use sqlx::Connection as _;

use crate::house::{House, Place, on_every_database};

on_every_database!(views_of_another_log_are_refused_even_before_they_hold_anything);

async fn refused(at: &House, log: &dyn EventLog) -> String {
    let error = at.refused(log).await;
    assert!(matches!(error, ViewsOpenError::Foreign { .. }), "{error}");
    assert!(error.to_string().contains("beleg rebuild"), "{error}");
    error.to_string()
}

async fn views_of_another_log_are_refused_even_before_they_hold_anything(place: Place) {
    let other = House::of(place.another().await, 2).await;
    let house = House::of(place, 2).await;
    let (writer, views) = house.views().await;
    writer.close().await.unwrap();
    views.close().await;
    assert!(refused(&house, &*other.log).await.contains("of log"));
    house.views().await;
}

#[tokio::test]
async fn views_that_went_further_than_the_log_or_another_way_are_refused() {
    let house = House::of(Place::sqlite(), 5).await;
    let Place::Sqlite(directory) = &house.place else { return };
    // A copy of the log, made at this moment; the views go on.
    let older = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.sqlite");
    let mut shell = sqlx::SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let copy = sqlx::query("VACUUM INTO ?").bind(older.path().join("log.sqlite").display().to_string());
    copy.execute(&mut shell).await.unwrap();
    house.append(2).await;
    let (mut writer, _views) = house.views().await;
    writer.apply(&house.up_to(7).await).await.unwrap();

    let log = SqliteLog::open(older.path(), LogOptions::new(ClockKind::System)).await.unwrap();
    assert!(refused(&house, &log).await.contains("position 7, the log ends at 5"));
    let restored = House { place: Place::Sqlite(older), log: std::sync::Arc::new(log) };
    restored.append(4).await;
    assert!(refused(&house, &*restored.log).await.contains("another event at position 7"));
}
