//! Two roles: one owns the schemas of log and views and is needed only to migrate and rebuild them, the other serves.
//!
//! The service's role can read the log and call what appends and erases. It has no right to write a table, so there is
//! no statement by which it could change or remove an event, or add one that does not belong where it is put. That is
//! less than INSERT on the tables would be: an INSERT by hand could leave a gap. The owner has every right, as owners
//! do, but the triggers refuse it too. The views are made of the log, so there the service may write.

use sqlx::{Connection as _, PgConnection};

use super::excess::excess_of;
use super::open::SCHEMA;
use crate::log::OpenError;
use crate::postgres::{PostgresOptions, Server, prepare_schema, run_formatted};
use crate::views;

/// The roles of a database, with passwords where they are to be set.
#[derive(Clone)]
pub struct Roles {
    /// Owns the schemas, and migrates them.
    pub owner: String,
    /// Its password; `None` leaves it as it is.
    pub owner_password: Option<String>,
    /// Serves.
    pub service: String,
    /// Its password; `None` leaves it as it is.
    pub service_password: Option<String>,
}

impl std::fmt::Debug for Roles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Roles").field("owner", &self.owner).field("service", &self.service).finish_non_exhaustive()
    }
}

impl Roles {
    /// The schemas, which the owner owns.
    pub const SCHEMAS: [&str; 2] = ["beleg_log", "beleg_views"];

    /// Which of the roles do not exist yet.
    pub async fn missing(&self, admin_url: &str, options: PostgresOptions) -> Result<Vec<String>, OpenError> {
        let admin = Server::at(admin_url, options)?;
        let failed = |source| admin.failed(source);
        let mut connection = admin.connect_unbounded().await.map_err(failed)?;
        let mut missing = Vec::new();
        for role in [&self.owner, &self.service] {
            if !exists(&mut connection, role).await.map_err(failed)? {
                missing.push(role.clone());
            }
        }
        connection.close().await.map_err(failed)?;
        Ok(missing)
    }

    /// Creates the roles where they are missing, migrates both schemas as the owner and gives the service its
    /// rights. The URL's role must be allowed to create roles and to let others create schemas in the database. What
    /// is done already stays done: this may be repeated, and is after every new version of the program. Before anything
    /// is done, a service that could change what is recorded is refused.
    pub async fn init(&self, admin_url: &str, options: PostgresOptions) -> Result<(), OpenError> {
        let admin = Server::at(admin_url, options)?;
        let failed = |source| admin.failed(source);
        let mut connection = admin.connect_unbounded().await.map_err(failed)?;
        if let Some((excess, cure)) = excess_of(&mut connection, self).await.map_err(failed)? {
            return Err(OpenError::Excess { role: self.service.clone(), excess: Box::new(excess), cure });
        }
        for (role, password) in [(&self.owner, &self.owner_password), (&self.service, &self.service_password)] {
            create(&mut connection, role, password.as_deref()).await.map_err(failed)?;
        }
        // To act as the owner in what follows.
        run_formatted(&mut connection, "SELECT format('GRANT %I TO CURRENT_USER', $1)", &[&self.owner])
            .await
            .map_err(failed)?;
        let allow = "SELECT format('GRANT CONNECT, CREATE ON DATABASE %I TO %I', current_database(), $1)";
        run_formatted(&mut connection, allow, &[&self.owner]).await.map_err(failed)?;
        let allow = "SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), $1)";
        run_formatted(&mut connection, allow, &[&self.service]).await.map_err(failed)?;
        connection.close().await.map_err(failed)?;

        let owner = admin.acting_as(&self.owner);
        let mut connection = owner.connect_unbounded().await.map_err(failed)?;
        prepare_schema(&mut connection, &owner, &SCHEMA).await?;
        for grant in GRANTS {
            run_formatted(&mut connection, grant, &[&SCHEMA.name, &self.service]).await.map_err(failed)?;
        }
        connection.close().await.map_err(failed)?;

        let owner = owner.in_schema(&views::SCHEMA.name);
        let mut connection = owner.connect_unbounded().await.map_err(failed)?;
        prepare_schema(&mut connection, &owner, &views::SCHEMA).await?;
        for grant in views::GRANTS {
            run_formatted(&mut connection, grant, &[&views::SCHEMA.name, &self.service]).await.map_err(failed)?;
        }
        connection.close().await.map_err(failed)
    }
}

/// What the service may: of the tables and functions there are, and of those that a later migration adds.
const GRANTS: [&str; 5] = [
    "SELECT format('GRANT USAGE ON SCHEMA %I TO %I', $1, $2)",
    "SELECT format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', $1, $2)",
    "SELECT format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA %I TO %I', $1, $2)",
    "SELECT format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT ON TABLES TO %I', $1, $2)",
    "SELECT format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT EXECUTE ON FUNCTIONS TO %I', $1, $2)",
];

async fn exists(connection: &mut PgConnection, role: &str) -> Result<bool, sqlx::Error> {
    let role = sqlx::query("SELECT FROM pg_roles WHERE rolname = $1").bind(role);
    Ok(role.fetch_optional(connection).await?.is_some())
}

async fn create(connection: &mut PgConnection, role: &str, password: Option<&str>) -> Result<(), sqlx::Error> {
    if !exists(connection, role).await? {
        run_formatted(connection, "SELECT format('CREATE ROLE %I LOGIN', $1)", &[role]).await?;
    }
    match password {
        Some(password) => {
            run_formatted(connection, "SELECT format('ALTER ROLE %I PASSWORD %L', $1, $2)", &[role, password]).await
        }
        None => Ok(()),
    }
}
