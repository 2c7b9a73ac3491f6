//! A fresh build in a schema of its own, and how it takes the serving one's place while servers run.

use std::borrow::Cow;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use super::{GRANTS, PostgresViewsWriter, SCHEMA};
use crate::log::EventLog;
use crate::postgres::{Schema, Server, lock_alone, run_formatted, try_lock, unlock};
use crate::storage::Database;
use crate::views::{ViewsOpenError, ViewsWriter};

const FRESH: &str = "beleg_views_fresh_";

/// Fresh builds at a time; each has an advisory lock of its own.
const NUMBERS: std::ops::Range<i32> = 1_000..1_100;

/// A schema that only its run knows.
#[derive(Debug)]
pub(in crate::views) struct SchemaGeneration {
    server: Server,
    name: String,
    /// Holds the lock that says that the run is alive.
    holder: PgConnection,
}

impl SchemaGeneration {
    /// As the role that owns the serving views, if the URL's role may act as it: what takes their place is to be owned
    /// by the same.
    pub(in crate::views) async fn begin(database: &Database) -> Result<Self, ViewsOpenError> {
        let server = Server::at(database.url(), database.options)?;
        let mut holder = server.connect_unbounded().await.map_err(|source| server.failed(source))?;
        let server = match owner(&mut holder).await.map_err(|source| server.failed(source))? {
            Some(owner) => server.acting_as(&owner),
            None => server,
        };
        let failed = |source| server.failed(source);
        holder.close().await.map_err(failed)?;
        let mut holder = server.connect_unbounded().await.map_err(failed)?;
        if !may_create(&mut holder).await.map_err(failed)? {
            return Err(ViewsOpenError::NotAllowed { path: server.place });
        }
        match place(&mut holder).await.map_err(failed)? {
            Some(name) => Ok(Self { server, name, holder }),
            None => Err(ViewsOpenError::TooMany { path: server.place }),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(in crate::views) async fn writer(&self, log: &dyn EventLog) -> Result<Box<dyn ViewsWriter>, ViewsOpenError> {
        let schema = Schema { name: Cow::Owned(self.name.clone()), ..SCHEMA };
        let writer = PostgresViewsWriter::open(self.server.in_schema(&self.name), schema, log).await?;
        Ok(Box::new(writer.alone()))
    }

    /// Readers go on. The projector's next transaction begins with the checkpoint, so there it waits.
    pub(in crate::views) async fn hold_serving(&mut self) -> Result<Option<i64>, ViewsOpenError> {
        Ok(hold(&mut self.holder).await.map_err(|source| self.server.failed(source))?)
    }

    /// Takes the serving views' use lock for this run alone; `false` if somebody uses them.
    pub(in crate::views) async fn lock_out_users(&mut self) -> Result<bool, ViewsOpenError> {
        Ok(lock_alone(&mut self.holder, &SCHEMA).await.map_err(|source| self.server.failed(source))?)
    }

    pub(in crate::views) fn place(&self) -> &std::path::Path {
        &self.server.place
    }

    /// In one transaction: who waits for the old tables finds the new ones by the same names.
    pub(in crate::views) async fn serve(mut self) -> Result<(), ViewsOpenError> {
        let exchanged = exchange(&mut self.holder, &self.name).await;
        exchanged.map_err(|source| self.server.failed(source))?;
        Ok(self.holder.close().await.map_err(|source| self.server.failed(source))?)
    }

    pub(in crate::views) async fn discard(mut self) -> Result<(), ViewsOpenError> {
        drop_schema(&mut self.holder, &self.name).await.map_err(|source| self.server.failed(source))?;
        Ok(self.holder.close().await.map_err(|source| self.server.failed(source))?)
    }
}

/// The role that owns the serving views, if this one may act as it.
async fn owner(connection: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    let sql = "SELECT pg_get_userbyid(nspowner)::text FROM pg_namespace \
               WHERE nspname = $1 AND pg_has_role(nspowner, 'MEMBER')";
    let row = sqlx::query(sql).bind(&*SCHEMA.name).fetch_optional(connection).await?;
    row.map(|row| row.try_get(0)).transpose()
}

async fn may_create(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let sql = "SELECT has_database_privilege(current_database(), 'CREATE') \
               AND coalesce((SELECT pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = $1), true)";
    sqlx::query(sql).bind(&*SCHEMA.name).fetch_one(connection).await?.try_get(0)
}

/// Drops what dead runs left, and takes a name that is free.
async fn place(holder: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    let mut taken = None;
    for number in NUMBERS {
        if !try_lock(holder, number).await? {
            continue;
        }
        let name = format!("{FRESH}{number}");
        drop_schema(holder, &name).await?;
        match taken {
            None => taken = Some(name),
            Some(_) => unlock(holder, number).await?,
        }
    }
    Ok(taken)
}

async fn drop_schema(holder: &mut PgConnection, name: &str) -> Result<(), sqlx::Error> {
    let exists = sqlx::query("SELECT FROM pg_namespace WHERE nspname = $1").bind(name);
    if exists.fetch_optional(&mut *holder).await?.is_none() {
        return Ok(());
    }
    sqlx::query(AssertSqlSafe(format!("DROP SCHEMA {name} CASCADE"))).execute(holder).await.map(drop)
}

async fn hold(holder: &mut PgConnection) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query("BEGIN").execute(&mut *holder).await?;
    let exists = sqlx::query("SELECT to_regclass('beleg_views.checkpoint') IS NOT NULL");
    if !exists.fetch_one(&mut *holder).await?.try_get::<bool, _>(0)? {
        return Ok(None);
    }
    sqlx::query("LOCK TABLE beleg_views.checkpoint IN EXCLUSIVE MODE").execute(&mut *holder).await?;
    let position = sqlx::query("SELECT position FROM beleg_views.checkpoint").fetch_one(holder).await?;
    position.try_get(0).map(Some)
}

async fn exchange(holder: &mut PgConnection, fresh: &str) -> Result<(), sqlx::Error> {
    // Whoever could use the old ones can use the new ones.
    let users = "SELECT DISTINCT pg_get_userbyid(a.grantee)::text FROM pg_namespace n, aclexplode(n.nspacl) a \
                 WHERE n.nspname = $1 AND a.grantee <> n.nspowner AND a.grantee <> 0";
    for user in sqlx::query(users).bind(&*SCHEMA.name).fetch_all(&mut *holder).await? {
        let user: String = user.try_get(0)?;
        for grant in GRANTS {
            run_formatted(holder, grant, &[fresh, &user]).await?;
        }
    }
    drop_schema(holder, &SCHEMA.name).await?;
    let rename = format!("ALTER SCHEMA {fresh} RENAME TO {}", SCHEMA.name);
    sqlx::query(AssertSqlSafe(rename)).execute(&mut *holder).await?;
    sqlx::query("COMMIT").execute(holder).await.map(drop)
}
