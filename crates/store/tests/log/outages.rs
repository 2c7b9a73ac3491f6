use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use beleg_postgres_cluster::{Cluster, Database};
use beleg_store::{Append, AppendError, Appended, ClockKind, EventLog as _, LogOptions, PostgresLog, PostgresOptions};
use sqlx::{Connection as _, PgConnection};

use crate::desk::{Desk, Place, all, command};
use crate::servers::open;

/// Appends until told to stop, every command until its answer is certain, and keeps what was acknowledged.
async fn work(log: Arc<PostgresLog>, stream: String, stop: Arc<AtomicBool>) -> Vec<(Append, Appended)> {
    let mut acknowledged: Vec<(Append, Appended)> = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let append = command(&stream, acknowledged.len() as i64, 1);
        loop {
            match log.append(append.clone()).await {
                Ok(receipt) => break acknowledged.push((append, receipt)),
                Err(AppendError::Unavailable { .. } | AppendError::Unknown { .. }) => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    acknowledged
}

/// Everything acknowledged is there once, and nothing else is.
async fn check(log: &PostgresLog, acknowledged: Vec<(Append, Appended)>) {
    let events = all(log).await;
    assert_eq!(events.len(), acknowledged.len() + 1);
    for (append, receipt) in acknowledged {
        let stored = &events[usize::try_from(receipt.first_position - 1).unwrap()];
        assert_eq!((stored.request_id, stored.event_id), (append.request_id, append.events[0].event_id));
        assert_eq!(stored.version, receipt.events[0].version);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_writer_whose_connection_is_killed_again_and_again_loses_nothing_and_doubles_nothing() {
    let Some(database) = Database::new().await else { return };
    let logs = [open(&database).await, open(&database).await];
    let stop = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..8)
        .map(|task| tokio::spawn(work(Arc::clone(&logs[task % 2]), format!("s-{task}"), Arc::clone(&stop))))
        .collect();
    let mut shell = PgConnection::connect(database.url()).await.unwrap();
    let mut head = logs[0].watch_head();
    let (mut killed, begun) = (0, Instant::now());
    for round in 0_u64.. {
        if killed >= 40 || begun.elapsed() > Duration::from_secs(60) {
            break;
        }
        // Once the log goes on, at different moments of a batch.
        let _ = tokio::time::timeout(Duration::from_secs(2), head.changed()).await;
        tokio::time::sleep(Duration::from_micros(round * 977 % 20_000)).await;
        let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                    WHERE datname = current_database() AND application_name = 'beleg writer'";
        killed += sqlx::query_scalar::<_, i64>(kill).fetch_one(&mut shell).await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    let mut acknowledged = Vec::new();
    for task in tasks {
        acknowledged.extend(task.await.unwrap());
    }
    assert!(killed >= 20, "{killed}");
    assert!(acknowledged.len() >= 20, "{}", acknowledged.len());
    check(&logs[0], acknowledged).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_is_killed_and_started_again_is_ridden_out() {
    let required = std::env::var("BELEG_TEST_POSTGRES").is_ok_and(|wanted| wanted == "required");
    let cluster = match tokio::task::spawn_blocking(Cluster::start).await.unwrap() {
        Ok(cluster) => Arc::new(cluster),
        Err(error) if required => panic!("{error}"),
        Err(error) => return eprintln!("\n*** NOT TESTED ON POSTGRESQL: {error} ***\n"),
    };
    let patient = PostgresOptions { ride_out: Duration::from_secs(30), ..PostgresOptions::default() };
    let log = PostgresLog::open(&cluster.url("postgres"), LogOptions::new(ClockKind::System), patient).await.unwrap();
    let log = Arc::new(log);
    let stop = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> =
        (0..8).map(|task| tokio::spawn(work(Arc::clone(&log), format!("s-{task}"), Arc::clone(&stop)))).collect();
    for kill in [true, false, true] {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let cluster = Arc::clone(&cluster);
        let restarted = tokio::task::spawn_blocking(move || {
            if kill { cluster.kill() } else { cluster.stop() }?;
            cluster.restart()
        });
        restarted.await.unwrap().unwrap();
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    stop.store(true, Ordering::Relaxed);
    let mut acknowledged = Vec::new();
    for task in tasks {
        acknowledged.extend(task.await.unwrap());
    }
    assert!(acknowledged.len() >= 20, "{}", acknowledged.len());
    check(&log, acknowledged).await;
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_over_a_wire_that_is_cut_are_answered_as_if_it_held() {
    let Some(desk) = Desk::severed().await else { return };
    for version in 0..200 {
        let append = command("a", version, 1);
        let receipt = desk.log.append(append.clone()).await.unwrap();
        assert_eq!((receipt.repeated, receipt.first_position), (false, version + 2));
    }
    assert_eq!(all(&*desk.log).await.len(), 201);
    let Place::Severed(_, wire) = &desk.place else { panic!("another place") };
    assert!(wire.cuts() > 3, "{}", wire.cuts());
}
