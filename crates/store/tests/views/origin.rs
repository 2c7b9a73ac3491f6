use beleg_store::{ClockKind, LogOptions, SqliteLog, Views, ViewsOpenError};

use sqlx::Connection as _;

use crate::house::House;

async fn refused(at: &House, log: &SqliteLog) -> String {
    let error = Views::open(&at.file(), log).await.unwrap_err();
    assert!(matches!(error, ViewsOpenError::Foreign { .. }), "{error}");
    assert!(error.to_string().contains("beleg rebuild"), "{error}");
    error.to_string()
}

#[tokio::test]
async fn views_of_another_log_are_refused_even_before_they_hold_anything() {
    let (house, other) = (House::of(2).await, House::of(2).await);
    let (writer, views) = house.views().await;
    writer.close().await.unwrap();
    views.close().await;
    assert!(refused(&house, &other.log).await.contains("of log"));
    house.views().await;
}

#[tokio::test]
async fn views_that_went_further_than_the_log_or_another_way_are_refused() {
    let house = House::of(5).await;
    // A copy of the log, made at this moment; the views go on.
    let older = tempfile::tempdir().unwrap();
    let path = house.directory.path().join("log.sqlite");
    let mut shell = sqlx::SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let copy = sqlx::query("VACUUM INTO ?").bind(older.path().join("log.sqlite").display().to_string());
    copy.execute(&mut shell).await.unwrap();
    house.append(2).await;
    let (mut writer, _views) = house.views().await;
    writer.apply(&house.up_to(7).await).await.unwrap();

    let log = SqliteLog::open(older.path(), LogOptions::new(ClockKind::System)).await.unwrap();
    assert!(refused(&house, &log).await.contains("position 7, the log ends at 5"));
    let restored = House { directory: older, log };
    restored.append(4).await;
    assert!(refused(&house, &restored.log).await.contains("another event at position 7"));
}
