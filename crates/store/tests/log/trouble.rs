use beleg_store::{
    AppendError, ClockKind, EventLog as _, LogOptions, OpenError, ReadError, SqliteLog, UnavailableReason,
};
use sqlx::Connection as _;
use uuid::Uuid;

use crate::desk::{Desk, command};

#[tokio::test]
async fn a_full_disk_takes_nothing_it_cannot_keep_and_the_log_goes_on_when_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let small = LogOptions { pages_max: Some(60), ..LogOptions::new(ClockKind::System) };
    let log = SqliteLog::open(directory.path(), small).await.unwrap();
    let mut acknowledged: Vec<Uuid> = Vec::new();
    let full = loop {
        let append = command("a", acknowledged.len() as i64, 1);
        let id = append.events[0].event_id;
        match log.append(append).await {
            Ok(_) => acknowledged.push(id),
            Err(error) => break error,
        }
        assert!(acknowledged.len() < 10_000, "the disk never filled");
    };
    assert_eq!(full, AppendError::Unavailable { reason: UnavailableReason::DiskFull });
    assert!(acknowledged.len() > 10);
    log.close().await;
    drop(log);

    let log = SqliteLog::open(directory.path(), LogOptions::new(ClockKind::System)).await.unwrap();
    let kept = log.read_stream("a", 0, 8_000).await.unwrap();
    assert_eq!(kept.iter().map(|event| event.event_id).collect::<Vec<_>>(), acknowledged);
    log.append(command("a", acknowledged.len() as i64, 1)).await.unwrap();
}

#[tokio::test]
async fn a_log_of_a_newer_schema_is_refused() {
    let desk = Desk::sqlite().await;
    desk.log.close().await;
    let path = desk.place.directory().join("log.sqlite");
    drop(desk.log);
    let mut shell = sqlx::SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'of the future', 1, x'00', 0)",
    )
    .execute(&mut shell)
    .await
    .unwrap();
    shell.close().await.unwrap();
    let refused = SqliteLog::open(desk.place.directory(), LogOptions::new(ClockKind::System)).await.unwrap_err();
    assert!(matches!(refused, OpenError::NewerSchema { found: 9999, .. }), "{refused}");
    assert!(refused.to_string().contains("newer program"));
}

#[tokio::test]
async fn another_programs_database_is_refused_and_stays_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.sqlite");
    let url = format!("sqlite://{}?mode=rwc", path.display());
    let mut theirs = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("CREATE TABLE recipes (name TEXT)").execute(&mut theirs).await.unwrap();
    theirs.close().await.unwrap();
    let before = std::fs::read(&path).unwrap();
    let refused = SqliteLog::open(directory.path(), LogOptions::new(ClockKind::System)).await.unwrap_err();
    assert!(matches!(refused, OpenError::NotOurs { .. }), "{refused}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_second_writer_another_clock_and_a_missing_log_are_refused() {
    let desk = Desk::sqlite().await;
    let options = LogOptions::new(ClockKind::System);
    let second = SqliteLog::open(desk.place.directory(), options).await.unwrap_err();
    assert!(matches!(second, OpenError::InUse { .. }), "{second}");
    desk.log.close().await;
    let directory = desk.place.directory();
    let simulated = SqliteLog::open(directory, LogOptions::new(ClockKind::Simulated)).await.unwrap_err();
    assert!(matches!(simulated, OpenError::WrongClock { .. }), "{simulated}");
    let empty = tempfile::tempdir().unwrap();
    let missing = SqliteLog::open_read_only(empty.path()).await.unwrap_err();
    assert!(matches!(missing, OpenError::Missing { .. }), "{missing}");
}

#[tokio::test]
async fn a_stream_that_was_given_a_name_of_two_parts_is_damage() {
    let directory = tempfile::tempdir().unwrap();
    let log = SqliteLog::open(directory.path(), LogOptions::new(ClockKind::System)).await.unwrap();
    log.append(command("a", 0, 1)).await.unwrap();
    log.close().await;
    let file = format!("sqlite://{}", directory.path().join("log.sqlite").display());
    let mut shell = sqlx::SqliteConnection::connect(&file).await.unwrap();
    let forge =
        "DROP TRIGGER streams_are_not_updated; UPDATE streams SET name = name || char(0) || 'b' WHERE name = 'a'";
    sqlx::raw_sql(forge).execute(&mut shell).await.unwrap();
    shell.close().await.unwrap();

    let log = SqliteLog::open_read_only(directory.path()).await.unwrap();
    let read = log.read_all(0, 100).await;
    assert!(matches!(read, Err(ReadError::Corrupt { .. })), "{read:?}");
}
