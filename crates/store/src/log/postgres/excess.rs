//! What a role that is to serve must not have: with it, that no event can be changed would only seem so.

use sqlx::{PgConnection, Row as _};
use thiserror::Error;

use super::roles::Roles;
use crate::postgres::formatted;

/// What lets a role change what is recorded, whatever it is granted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Excess {
    /// Nothing is refused to it.
    #[error("is a superuser")]
    Superuser,
    /// On PostgreSQL 15 it makes itself a member of any role but a superuser.
    #[error("may create roles")]
    CreatesRoles,
    /// Owners have every right.
    #[error("owns {what}")]
    Owns {
        /// The database, a schema, or something in one.
        what: String,
    },
    /// Members act as the role they are members of.
    #[error("is a member of {of}")]
    Member {
        /// An owner, or a role that may write every table, create roles, or anything.
        of: String,
    },
}

/// How [`OWNS`] begins where it names the database.
const DATABASE: &str = "database ";

const OWNS: &str = "SELECT o.what FROM ( \
        SELECT 'database ' || datname AS what, datdba AS owner FROM pg_database WHERE datname = current_database() \
        UNION ALL SELECT nspname::text, nspowner FROM pg_namespace WHERE nspname::text = ANY ($2) \
        UNION ALL SELECT n.nspname || '.' || c.relname, c.relowner \
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname::text = ANY ($2) \
        UNION ALL SELECT n.nspname || '.' || p.proname, p.proowner \
            FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname::text = ANY ($2) \
    ) o JOIN pg_roles r ON r.oid = o.owner WHERE r.rolname = $1 ORDER BY o.what LIMIT 1";

const IS_MEMBER: &str = "SELECT r.rolname::text FROM pg_roles r \
    WHERE r.rolname <> $1 AND pg_has_role($1::name, r.oid, 'MEMBER') AND (r.rolname IN ($2, 'pg_write_all_data') \
        OR r.rolsuper OR r.rolcreaterole OR r.oid IN (SELECT nspowner FROM pg_namespace WHERE nspname::text = ANY ($3))) \
    ORDER BY r.rolname LIMIT 1";

/// What the role that is to serve has and must not, and the statement that takes it away; of one that does not exist
/// yet, nothing.
pub(super) async fn excess_of(
    connection: &mut PgConnection,
    roles: &Roles,
) -> Result<Option<(Excess, String)>, sqlx::Error> {
    let Some(excess) = found(connection, roles).await? else { return Ok(None) };
    let cure = cure(connection, &excess, roles).await?;
    Ok(Some((excess, cure)))
}

async fn found(connection: &mut PgConnection, roles: &Roles) -> Result<Option<Excess>, sqlx::Error> {
    let service = &roles.service;
    let found = sqlx::query("SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = $1").bind(service);
    let Some(found) = found.fetch_optional(&mut *connection).await? else { return Ok(None) };
    if found.try_get(0)? {
        return Ok(Some(Excess::Superuser));
    }
    if found.try_get(1)? {
        return Ok(Some(Excess::CreatesRoles));
    }
    let schemas = || Roles::SCHEMAS.map(str::to_owned).to_vec();
    let owns = sqlx::query_scalar(OWNS).bind(service).bind(schemas());
    if let Some(what) = owns.fetch_optional(&mut *connection).await? {
        return Ok(Some(Excess::Owns { what }));
    }
    let member = sqlx::query_scalar(IS_MEMBER).bind(service).bind(&roles.owner).bind(schemas());
    Ok(member.fetch_optional(connection).await?.map(|of| Excess::Member { of }))
}

/// Made by the server, which knows what must be quoted.
async fn cure(connection: &mut PgConnection, excess: &Excess, roles: &Roles) -> Result<String, sqlx::Error> {
    let (service, owner) = (roles.service.as_str(), roles.owner.as_str());
    let (format, names) = match excess {
        Excess::Superuser => ("SELECT format('ALTER ROLE %I NOSUPERUSER', $1)", vec![service]),
        Excess::CreatesRoles => ("SELECT format('ALTER ROLE %I NOCREATEROLE', $1)", vec![service]),
        // The owner's role may not be there before the first `database init`; whoever runs this one is.
        Excess::Owns { what } => match what.strip_prefix(DATABASE) {
            Some(name) => ("SELECT format('ALTER DATABASE %I OWNER TO CURRENT_USER', $1)", vec![name]),
            None => ("SELECT format('REASSIGN OWNED BY %I TO %I', $1, $2)", vec![service, owner]),
        },
        Excess::Member { of } => ("SELECT format('REVOKE %I FROM %I', $1, $2)", vec![of.as_str(), service]),
    };
    formatted(connection, format, &names).await
}
