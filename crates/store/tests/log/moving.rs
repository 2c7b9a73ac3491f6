use beleg_postgres_cluster::Database;
use beleg_store::{ClockKind, EventLog as _, LogOptions, MoveError, PostgresLog, PostgresOptions, SqliteLog, move_log};
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use tempfile::TempDir;

use crate::desk::{all, command, personal};

fn silent(_: u64, _: u64) {}

async fn at(directory: &TempDir) -> SqliteLog {
    SqliteLog::open(directory.path(), LogOptions::new(ClockKind::System)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_what_it_was_and_where_it_was() {
    let Some(database) = Database::new().await else { return };
    let directory = tempfile::tempdir().unwrap();
    let log = at(&directory).await;
    // More than a page in one request, texts that stay and texts that were erased.
    let mut commands = vec![command("a", 0, 5_000), command("b", 0, 2), command("a", 5_000, 1), command("c", 0, 1)];
    commands[1].events[1].personal = vec![personal("note", "Frau Weber rief an"), personal("name", "Weber")];
    commands[3].events[0].personal = vec![personal("note", "Herr Kurz")];
    for command in &commands {
        log.append(command.clone()).await.unwrap();
    }
    let end = log.head();
    assert_eq!(log.erase_personal(end.position, end.position).await.unwrap(), 1);
    let (info, events) = (log.info(), all(&log).await);
    let mut requests = Vec::new();
    for command in &commands {
        let mut stored = log.find_request(command.request_id).await.unwrap().unwrap();
        stored.texts.sort();
        requests.push(stored);
    }
    log.close().await;

    let target = beleg_store::Database::at(database.url());
    assert_eq!(move_log(directory.path(), &target, &silent).await.unwrap(), events.len() as u64);
    let moved = PostgresLog::open(database.url(), LogOptions::new(ClockKind::System), PostgresOptions::default());
    let moved = moved.await.unwrap();
    assert_eq!((moved.info(), moved.head()), (info, end));
    assert_eq!(all(&moved).await, events);
    assert!(events.iter().all(|event| event.is_intact()));
    for (command, before) in commands.iter().zip(requests) {
        let mut stored = moved.find_request(command.request_id).await.unwrap().unwrap();
        stored.texts.sort();
        assert_eq!(stored, before);
        assert_eq!(moved.append(command.clone()).await.unwrap(), before.receipt);
    }
    moved.append(command("a", 5_001, 1)).await.unwrap();
    moved.close().await;

    let again = move_log(directory.path(), &target, &silent).await.unwrap_err();
    assert!(matches!(again, MoveError::NotEmpty { .. }), "{again}");
}

/// Each page is read back by its keys. A plan that goes through the log for every page would take hours on a large one.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_back_does_not_grow_with_what_was_moved_before() {
    let Some(database) = Database::new().await else { return };
    let directory = tempfile::tempdir().unwrap();
    let log = std::sync::Arc::new(at(&directory).await);
    let appends = (0..2_500).map(|stream| {
        let log = std::sync::Arc::clone(&log);
        tokio::spawn(async move { log.append(command(&format!("s{stream}"), 0, 4)).await.unwrap() })
    });
    for append in appends.collect::<Vec<_>>() {
        append.await.unwrap();
    }
    log.close().await;

    let target = beleg_store::Database::at(database.url());
    let events = i64::try_from(move_log(directory.path(), &target, &silent).await.unwrap()).unwrap();
    let mut shell = PgConnection::connect(database.url()).await.unwrap();
    let mut read = None;
    // The session that moved reports what it read when it ends.
    for _ in 0..100 {
        let sql = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_all_tables \
                   WHERE schemaname = 'beleg_log' AND relname = 'events' AND n_tup_ins >= $1";
        read = sqlx::query_scalar::<_, i64>(sql).bind(events).fetch_optional(&mut shell).await.unwrap();
        if read.is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let read = read.expect("the database counts what it reads");
    // Each event is read with its page and with its request, and for most of them the request's first one is.
    assert!(read < 4 * events, "{read} rows read for {events} events");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_not_what_was_hashed_is_not_moved_at_all() {
    let Some(database) = Database::new().await else { return };
    let directory = tempfile::tempdir().unwrap();
    let log = at(&directory).await;
    log.append(command("a", 0, 4_000)).await.unwrap();
    let target = beleg_store::Database::at(database.url());
    let running = move_log(directory.path(), &target, &silent).await.unwrap_err();
    assert!(matches!(running, MoveError::Open(_)), "{running}");
    log.close().await;

    let file = format!("sqlite://{}", directory.path().join("log.sqlite").display());
    let mut shell = SqliteConnection::connect(&file).await.unwrap();
    let triggers: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'events'")
            .fetch_all(&mut shell)
            .await
            .unwrap();
    let mut forge: String = triggers.iter().map(|name| format!("DROP TRIGGER {name}; ")).collect();
    forge.push_str("UPDATE events SET payload = '{}' WHERE position = 3500");
    sqlx::raw_sql(sqlx::AssertSqlSafe(forge)).execute(&mut shell).await.unwrap();
    shell.close().await.unwrap();
    let refused = move_log(directory.path(), &target, &silent).await.unwrap_err();
    assert!(matches!(refused, MoveError::Damaged { position: 3_500 }), "{refused}");
    // The first page had been written by then.
    let empty =
        PostgresLog::open_read_only(database.url(), LogOptions::new(ClockKind::System), PostgresOptions::default());
    assert!(empty.await.is_err());
}
