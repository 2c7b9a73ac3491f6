use std::time::Duration;

use beleg_store::views::{TicketChange, TicketFilter};
use beleg_store::{UnavailableReason, ViewError};
use sqlx::Connection as _;
use uuid::Uuid;

use crate::house::{House, entry, ticket};

#[tokio::test]
async fn a_change_of_what_is_not_there_is_an_error_and_leaves_nothing_behind() {
    let house = House::of(3).await;
    let (mut writer, views) = house.views().await;
    let (here, missing) = (Uuid::new_v4(), Uuid::new_v4());
    let resolved = TicketChange { status: Some("resolved"), class: None };

    let mut batch = house.up_to(2).await;
    batch.tickets.push(ticket(here, 2));
    batch.changes.insert(here, resolved.clone());
    batch.changes.insert(missing, resolved);
    let refused = writer.apply(&batch).await.unwrap_err();
    assert!(matches!(refused, ViewError::Broken { .. }), "{refused}");
    assert_eq!(writer.end().await.unwrap(), (0, 0));

    batch.changes.remove(&missing);
    batch.amended.insert("acme".into(), 1);
    let refused = writer.apply(&batch).await.unwrap_err();
    assert!(matches!(refused, ViewError::Broken { .. }), "{refused}");

    batch.amended.clear();
    batch.entries.push(entry(missing, 1, Uuid::new_v4(), 0));
    let refused = writer.apply(&batch).await.unwrap_err();
    assert_eq!(refused, ViewError::Broken { what: "a row contradicts what is there".into() });

    batch.entries.clear();
    writer.apply(&batch).await.unwrap();
    let listed = views.tickets(&TicketFilter::default(), 0, 10).await.unwrap();
    assert_eq!(listed.iter().map(|row| &*row.status).collect::<Vec<_>>(), ["resolved"]);
}

#[tokio::test]
async fn a_locked_file_is_a_matter_of_time_and_is_told_without_the_databases_words() {
    let house = House::of(2).await;
    let (mut writer, _views) = house.views().await;
    let mut other = sqlx::SqliteConnection::connect(&format!("sqlite://{}", house.file().display())).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let batch = house.up_to(2).await;
    let waiting = std::time::Instant::now();
    let refused = writer.apply(&batch).await.unwrap_err();
    assert_eq!(refused, ViewError::Unavailable { reason: UnavailableReason::Locked });
    assert_eq!(refused.to_string(), "the views are unavailable: the database is locked by another process");
    assert!(waiting.elapsed() < Duration::from_secs(4), "the projector must come back soon enough to be stopped");
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    writer.apply(&batch).await.unwrap();
    assert_eq!(writer.end().await.unwrap(), (2, 0));
    let again = writer.apply(&batch).await.unwrap_err();
    assert!(matches!(again, ViewError::Broken { .. }), "{again}");
}

#[tokio::test]
async fn what_reversals_name_is_found_together_and_was_posted_once() {
    let house = House::of(3).await;
    let (mut writer, _views) = house.views().await;
    let (id, assessment) = (Uuid::new_v4(), Uuid::new_v4());
    let mut batch = house.up_to(2).await;
    batch.tickets.push(ticket(id, 2));
    batch.entries = (0..40).map(|segment| entry(id, segment + 1, assessment, segment)).collect();
    writer.apply(&batch).await.unwrap();

    let mut found = writer.postings(&[(assessment, 7), (assessment, 3), (assessment, 40), (id, 0)]).await.unwrap();
    found.sort_by_key(|entry| entry.number);
    assert_eq!(found, [batch.entries[3].clone(), batch.entries[7].clone()]);

    let mut twice = house.up_to(3).await;
    twice.entries.push(entry(id, 41, assessment, 7));
    let refused = writer.apply(&twice).await.unwrap_err();
    assert!(matches!(refused, ViewError::Broken { .. }), "{refused}");
}
