//! A cluster starts, survives being killed, and leaves nothing behind.

#![allow(clippy::unwrap_used)]

use std::io::ErrorKind;

use beleg_postgres_cluster::Cluster;
use sqlx::{Connection as _, PgConnection};

#[tokio::test]
async fn a_cluster_starts_is_killed_starts_again_and_is_gone() {
    let cluster = match Cluster::start() {
        Ok(cluster) => cluster,
        Err(error) if error.kind() == ErrorKind::NotFound => return eprintln!("not tested: {error}"),
        Err(error) => panic!("{error}"),
    };
    let mut connection = PgConnection::connect(&cluster.url("postgres")).await.unwrap();
    sqlx::query("CREATE TABLE kept AS SELECT 7 AS number").execute(&mut connection).await.unwrap();
    cluster.kill().unwrap();
    cluster.restart().unwrap();
    assert!(connection.ping().await.is_err());
    let mut connection = PgConnection::connect(&cluster.socket_url("postgres")).await.unwrap();
    let kept: i32 = sqlx::query_scalar("SELECT number FROM kept").fetch_one(&mut connection).await.unwrap();
    assert_eq!(kept, 7);
    cluster.stop().unwrap();
    cluster.restart().unwrap();
    let url = cluster.url("postgres");
    drop(cluster);
    assert!(PgConnection::connect(&url).await.is_err());
}
