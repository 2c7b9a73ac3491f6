//! Databases for logs that are thrown away: a demo's, a rehearsal's, a bench's.

use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _};
use uuid::Uuid;

use super::session::Server;
use crate::log::OpenError;
use crate::storage::Database;

const NAME: &str = "beleg_private_";

/// Creates one and says its name.
pub(crate) async fn create_database(beside: &Database) -> Result<String, OpenError> {
    let server = Server::at(beside.url(), beside.options)?;
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| OpenError::Random)?;
    let name = format!("{NAME}{}", Uuid::from_bytes(random).simple());
    let sql = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'");
    run(&server, sql).await?;
    Ok(name)
}

/// Drops one that was created here, and nothing else.
pub(crate) async fn drop_database(database: &Database, maintenance_url: &str) -> Result<(), OpenError> {
    let server = Server::at(maintenance_url, database.options)?;
    let connect = PgConnectOptions::from_str(database.url()).map_err(|source| server.failed(source))?;
    match connect.get_database() {
        Some(name) if name.starts_with(NAME) => {
            run(&server, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await
        }
        _ => Ok(()),
    }
}

async fn run(server: &Server, sql: String) -> Result<(), OpenError> {
    let failed = |source| server.failed(source);
    let mut connection = server.connect_unbounded().await.map_err(failed)?;
    sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.map_err(failed)?;
    connection.close().await.map_err(failed)
}
