//! The views in a schema of a PostgreSQL database.
//!
//! Each server process could write them, one does: the one whose session holds an advisory lock. When that process or
//! its connection dies the lock is free, and another one takes over where the checkpoint says. The lock keeps them from
//! working for nothing; what makes two writers impossible is the checkpoint itself. A batch is made of what follows one
//! position, its transaction begins by moving the checkpoint from that very position, and where it stands elsewhere by
//! now nothing is written.

mod compare;
mod generation;
mod read;
mod write;

use std::sync::Arc;

use sqlx::migrate::Migrator;
use sqlx::{PgConnection, Row as _};

use super::origin::Origin;
use super::{ViewError, Views, ViewsOpenError, ViewsWriter};
use crate::log::EventLog;
use crate::postgres::{Readers, Schema, Server};
use crate::storage::Database;

pub(super) use compare::SchemaSnapshot;
pub(super) use generation::SchemaGeneration;
use read::PostgresViews;
use write::PostgresViewsWriter;

pub(crate) const SCHEMA: Schema = Schema { name: std::borrow::Cow::Borrowed("beleg_views"), migrator, lock: 3 };

/// Held by the session that projects.
const PROJECTOR_LOCK: i32 = 5;

fn migrator() -> Migrator {
    sqlx::migrate!("../../migrations/postgres/views")
}

/// What the service may: `%1$I` is the schema, `%2$I` the role. Entries it only adds.
pub(crate) const GRANTS: [&str; 4] = [
    "SELECT format('GRANT USAGE ON SCHEMA %I TO %I', $1, $2)",
    "SELECT format('GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA %I TO %I', $1, $2)",
    "SELECT format('GRANT UPDATE ON %1$I.checkpoint, %1$I.tickets, %1$I.balances, %1$I.contracts TO %2$I', $1, $2)",
    "SELECT format('REVOKE INSERT ON %1$I._sqlx_migrations FROM %2$I', $1, $2)",
];

/// Opens the serving views for the projector of a log and for readers, and creates them if they are missing and the
/// role may.
pub(crate) async fn open(
    database: &Database,
    log: &dyn EventLog,
) -> Result<(Box<dyn ViewsWriter>, Arc<dyn Views>), ViewsOpenError> {
    let server = Server::at(database.url(), database.options)?.in_schema(&SCHEMA.name);
    let writer = PostgresViewsWriter::open(server.clone(), SCHEMA, log).await?;
    let views = PostgresViews::new(Readers::new(server, database.view_readers()));
    Ok((Box::new(writer), Arc::new(views)))
}

async fn origin(connection: &mut PgConnection) -> Result<Origin, ViewError> {
    let row = sqlx::query("SELECT log_id, position, leaf_hash FROM checkpoint").fetch_one(connection).await?;
    Ok(Origin { log_id: row.try_get(0)?, position: row.try_get(1)?, leaf_hash: row.try_get(2)? })
}
