use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use beleg_postgres_cluster::Cluster;
use beleg_store::{ClockKind, Database, LogOptions, OpenError, PostgresOptions, Storage, ViewsOpenError};

/// Where a database is, and how long it is waited for.
fn storage(url: String, start_wait: Duration) -> Storage {
    Storage::Database(Database::at(url).with_options(PostgresOptions { start_wait, ..PostgresOptions::default() }))
}

#[tokio::test]
async fn a_database_that_stays_away_is_given_up_after_the_wait() {
    // Given a port where nobody listens.
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let away = storage(format!("postgres://beleg@127.0.0.1:{port}/tickets"), Duration::from_millis(1_700));
    // When a server opens its log there, then it is told how long it was tried and what to do.
    let refused = away.await_log(LogOptions::new(ClockKind::System)).await.map(drop).unwrap_err();
    assert!(matches!(refused, OpenError::Away { waited_seconds: 1.., .. }), "{refused}");
    let said = refused.to_string();
    assert!(said.contains(&format!("127.0.0.1:{port}/tickets does not answer since")), "{said}");
    assert!(said.contains("start it, or correct host and port"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn views_wait_for_a_database_that_is_away_as_the_log_does() {
    let required = std::env::var("BELEG_TEST_POSTGRES").is_ok_and(|wanted| wanted == "required");
    let cluster = match tokio::task::spawn_blocking(Cluster::start).await.unwrap() {
        Ok(cluster) => Arc::new(cluster),
        Err(error) if required => panic!("{error}"),
        Err(error) => return eprintln!("\n*** NOT TESTED ON POSTGRESQL: {error} ***\n"),
    };
    let url = cluster.url("postgres");
    let (patient, hasty) = (storage(url.clone(), Duration::from_secs(30)), storage(url, Duration::from_millis(100)));
    let log = patient.await_log(LogOptions::new(ClockKind::System)).await.unwrap();

    // Given that the database goes away after the log was opened; whoever will not wait is refused as with the log.
    cluster.kill().unwrap();
    let refused = hasty.await_views(&*log).await.map(drop).unwrap_err();
    assert!(matches!(refused, ViewsOpenError::Open(OpenError::Away { .. })), "{refused}");

    // When it comes back while it is waited for.
    let restarting = tokio::task::spawn_blocking({
        let cluster = Arc::clone(&cluster);
        move || {
            std::thread::sleep(Duration::from_millis(700));
            cluster.restart()
        }
    });
    let opened = patient.await_views(&*log).await;
    restarting.await.unwrap().unwrap();

    // Then the views are open.
    let (writer, views) = opened.unwrap();
    assert_eq!(views.position().await.unwrap(), 0);
    writer.close().await.unwrap();
    views.close().await;
    log.close().await;
}
