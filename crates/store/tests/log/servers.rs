use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use beleg_postgres_cluster::Database;
use beleg_store::{AppendError, ClockKind, EventLog, LogOptions, OpenError, PostgresLog, PostgresOptions, StoredEvent};
use sqlx::{Connection as _, PgConnection};

use crate::desk::{all, command};

pub(crate) async fn open(database: &Database) -> Arc<PostgresLog> {
    let options = LogOptions::new(ClockKind::System);
    Arc::new(PostgresLog::open(database.url(), options, PostgresOptions::default()).await.unwrap())
}

/// Reads on and on, and checks that no position is ever skipped; says what it read once told to stop.
async fn follow(log: Arc<PostgresLog>, stop: Arc<AtomicBool>) -> Vec<StoredEvent> {
    let mut read: Vec<StoredEvent> = Vec::new();
    loop {
        let stopping = stop.load(Ordering::Relaxed);
        let page = log.read_all(read.len() as i64, 200).await.unwrap();
        if page.is_empty() && stopping {
            return read;
        }
        for event in page {
            assert_eq!(event.position, read.len() as i64 + 1);
            read.push(event);
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_servers_leave_no_gap_and_lose_nothing() {
    let Some(database) = Database::new().await else { return };
    let servers = [open(&database).await, open(&database).await, open(&database).await];
    let stop = Arc::new(AtomicBool::new(false));
    let followers: Vec<_> =
        servers.iter().map(|log| tokio::spawn(follow(Arc::clone(log), Arc::clone(&stop)))).collect();
    let mut tasks = Vec::new();
    for task in 0..24 {
        let log = Arc::clone(&servers[task % 3]);
        tasks.push(tokio::spawn(async move {
            let (mut acknowledged, mut conflicts, mut version) = (Vec::new(), 0, 0);
            for round in 0..60 {
                // One stream of its own, and streams that all servers fight for.
                let append = if round % 2 == 0 {
                    command(&format!("own-{task}"), round / 2, 1)
                } else {
                    command(&format!("shared-{}", task % 4), version, 2)
                };
                match log.append(append.clone()).await {
                    Ok(receipt) => acknowledged.push((append, receipt)),
                    Err(AppendError::Conflict { actual, .. }) => {
                        assert_ne!(actual, version);
                        (version, conflicts) = (actual, conflicts + 1);
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            (acknowledged, conflicts)
        }));
    }
    let (mut acknowledged, mut conflicts) = (Vec::new(), 0);
    for task in tasks {
        let (appends, lost) = task.await.unwrap();
        acknowledged.extend(appends);
        conflicts += lost;
    }
    stop.store(true, Ordering::Relaxed);
    let events = all(&*servers[0]).await;
    for follower in followers {
        assert_eq!(follower.await.unwrap(), events);
    }
    assert!(conflicts > 0);
    // Each acknowledged request is there once, where its receipt says.
    let by_position: HashMap<i64, &StoredEvent> = events.iter().map(|event| (event.position, event)).collect();
    let expected: usize = acknowledged.iter().map(|(append, _)| append.events.len()).sum();
    assert_eq!(events.len(), expected + 1);
    for (append, receipt) in &acknowledged {
        assert_eq!(receipt.events.len(), append.events.len());
        for appended in &receipt.events {
            let stored = by_position[&appended.position];
            assert_eq!((stored.event_id, stored.version), (appended.event_id, appended.version));
            assert_eq!((stored.request_id, stored.recorded_at_us), (append.request_id, receipt.recorded_at_us));
        }
    }
    let mut versions: BTreeMap<&str, i64> = BTreeMap::new();
    for event in &events {
        let version = versions.entry(&event.stream).or_default();
        *version += 1;
        assert_eq!(event.version, *version);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_another_server_moved_is_judged_as_it_is() {
    let Some(database) = Database::new().await else { return };
    let (here, there) = (open(&database).await, open(&database).await);
    here.append(command("a", 0, 1)).await.unwrap();
    there.append(command("a", 1, 1)).await.unwrap();
    // This server remembers version 1.
    let conflict = here.append(command("a", 1, 1)).await.unwrap_err();
    assert_eq!(conflict, AppendError::Conflict { stream: "a".into(), expected: 1, actual: 2 });
    there.append(command("a", 2, 1)).await.unwrap();
    assert_eq!(here.append(command("a", 3, 1)).await.unwrap().events[0].version, 4);
    let once = command("b", 0, 1);
    let first = here.append(once.clone()).await.unwrap();
    let again = there.append(once).await.unwrap();
    assert_eq!((again.repeated, again.events), (true, first.events));
    assert!(here.is_shared());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_keys_refuse_is_judged_as_it_is_and_harms_nobody_else() {
    let Some(database) = Database::new().await else { return };
    let (here, there) = (open(&database).await, open(&database).await);
    let mut strangers = 0;
    let mut stranger = || {
        strangers += 1;
        command(&format!("stranger-{strangers}"), 0, 1)
    };
    let mut version = 0;
    for round in 0..4 {
        // So many batches that this server leaves it to the keys again, and knows the stream by its number.
        for _ in 0..70 {
            here.append(command("a", version, 1)).await.unwrap();
            version += 1;
        }
        there.append(command("a", version, 1)).await.unwrap();
        let conflict = Err(AppendError::Conflict { stream: "a".into(), expected: version, actual: version + 1 });
        let writing = command("a", version, 1);
        let mut reading = stranger();
        reading.expectations.push(("a".into(), version));
        let (writing, reading) = (here.append(writing), here.append(reading));
        let (wrote, read, unharmed) = match round % 2 {
            0 => tokio::join!(writing, reading, here.append(stranger())),
            _ => {
                let (read, wrote, unharmed) = tokio::join!(reading, writing, here.append(stranger()));
                (wrote, read, unharmed)
            }
        };
        assert_eq!((wrote, read), (conflict.clone(), conflict));
        assert!(unharmed.is_ok());
        version += 1;
        for _ in 0..70 {
            here.append(stranger()).await.unwrap();
        }
        let once = stranger();
        let first = there.append(once.clone()).await.unwrap();
        let (again, unharmed) = tokio::join!(here.append(once), here.append(stranger()));
        assert!(unharmed.is_ok());
        let again = again.unwrap();
        assert_eq!((again.repeated, again.events), (true, first.events));
    }
    let events = all(&*here).await;
    let of_a = events.iter().filter(|event| &*event.stream == "a");
    assert!(of_a.map(|event| event.version).eq(1..=version));
    // Each stranger but those that read has its event.
    assert_eq!(events.len() as i64, 1 + version + strangers - 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_start_together_create_one_log() {
    let Some(database) = Database::new().await else { return };
    let opening: Vec<_> = (0..6)
        .map(|_| {
            let url = database.url().to_owned();
            let options = LogOptions::new(ClockKind::System);
            tokio::spawn(async move { PostgresLog::open(&url, options, PostgresOptions::default()).await.unwrap() })
        })
        .collect();
    let mut logs = Vec::new();
    for log in opening {
        logs.push(log.await.unwrap());
    }
    let ids: Vec<_> = logs.iter().map(|log| log.info().log_id).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(all(&logs[0]).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_servers_append_moves_the_head_within_100_ms() {
    let Some(database) = Database::new().await else { return };
    let (here, there) = (open(&database).await, open(&database).await);
    let mut slowest = Duration::ZERO;
    for version in 0..20 {
        let mut head = there.watch_head();
        let appended = here.append(command("a", version, 1)).await.unwrap();
        let since = Instant::now();
        head.wait_for(|head| head.position >= appended.first_position).await.unwrap();
        slowest = slowest.max(since.elapsed());
    }
    assert!(slowest < Duration::from_millis(100), "{slowest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_transaction_elsewhere_stalls_neither_writer_nor_reader() {
    let Some(database) = Database::new().await else { return };
    let log = open(&database).await;
    log.append(command("a", 0, 1)).await.unwrap();
    let mut elsewhere = PgConnection::connect(database.url()).await.unwrap();
    for statement in [
        "BEGIN ISOLATION LEVEL REPEATABLE READ",
        "CREATE TABLE other (x int)",
        "INSERT INTO other VALUES (1)",
        "SELECT count(*) FROM beleg_log.events",
    ] {
        sqlx::query(statement).execute(&mut elsewhere).await.unwrap();
    }
    let begun = Instant::now();
    for version in 1..200 {
        let appended = log.append(command("a", version, 1)).await.unwrap();
        assert_eq!(log.read_all(appended.first_position - 1, 10).await.unwrap().len(), 1);
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    // Nothing that every append walks over has grown.
    let size = sqlx::query_scalar::<_, i64>("SELECT pg_relation_size('beleg_log.log_head')");
    assert_eq!(size.fetch_one(&mut elsewhere).await.unwrap(), 8_192);
    sqlx::query("ROLLBACK").execute(&mut elsewhere).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_and_another_clock_are_refused() {
    let Some(database) = Database::new().await else { return };
    let log = open(&database).await;
    let simulated = LogOptions::new(ClockKind::Simulated);
    let refused = PostgresLog::open(database.url(), simulated, PostgresOptions::default()).await.unwrap_err();
    assert!(matches!(refused, OpenError::WrongClock { .. }), "{refused}");
    let mut shell = PgConnection::connect(database.url()).await.unwrap();
    sqlx::query(
        "INSERT INTO beleg_log._sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'of the future', true, '', 0)",
    )
    .execute(&mut shell)
    .await
    .unwrap();
    let options = LogOptions::new(ClockKind::System);
    let refused = PostgresLog::open(database.url(), options, PostgresOptions::default()).await.unwrap_err();
    assert!(matches!(refused, OpenError::NewerSchema { found: 9999, .. }), "{refused}");
    assert!(!refused.to_string().contains("postgres:@"));
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_opened_for_reading_follows_and_takes_nothing() {
    let Some(database) = Database::new().await else { return };
    let options = LogOptions::new(ClockKind::System);
    let missing = PostgresLog::open_read_only(database.url(), options, PostgresOptions::default()).await.unwrap_err();
    assert!(matches!(missing, OpenError::NoLog { .. }), "{missing}");
    let log = open(&database).await;
    let reader = PostgresLog::open_read_only(database.url(), options, PostgresOptions::default()).await.unwrap();
    assert_eq!(reader.append(command("a", 0, 1)).await.unwrap_err(), AppendError::Closed);
    let mut head = reader.watch_head();
    log.append(command("a", 0, 1)).await.unwrap();
    head.wait_for(|head| head.position == 2).await.unwrap();
    assert_eq!(all(&reader).await, all(&*log).await);
}
