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
        /// What it owns.
        what: Property,
    },
    /// Members act as the role they are members of.
    #[error("is a member of {of}")]
    Member {
        /// The schemas' owner, or a role that may write every table or the server's files, create roles, or anything.
        of: String,
    },
    /// So they have every right that an owner has.
    #[error("is a member of {of}, which owns {what}")]
    MemberOfOwner {
        /// Who owns it.
        of: String,
        /// What it owns.
        what: Property,
    },
}

impl Excess {
    /// What else there is to say about taking it away, or to do instead.
    pub(in crate::log) fn besides(&self) -> String {
        let gives_away = ", which gives away all that it owns in this database and its other databases too (an owner that \
                          is created here has no password until BELEG_OWNER_PASSWORD is set)";
        match self {
            // Its schema would be in another owner's way: another service alone does not help.
            Self::Owns { what: Property::Schema(_) } => {
                format!("{gives_away}, or name it with --owner and another role with --service")
            }
            Self::Owns { what: Property::InSchema(_) } => gives_away.to_owned(),
            _ => ", or name another role with --service".to_owned(),
        }
    }
}

/// What an owner could change the log with.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Property {
    /// The database.
    #[error("database {0}")]
    Database(String),
    /// A schema of log or views.
    #[error("{0}")]
    Schema(String),
    /// A table, a view or a function in one, with the schema's name.
    #[error("{0}")]
    InSchema(String),
}

/// Roles of PostgreSQL's own that are as good as an owner. The last two write the server's files, or run programs that
/// do, as the user that the server runs as.
const AS_GOOD_AS_OWNERS: [&str; 3] = ["pg_write_all_data", "pg_write_server_files", "pg_execute_server_program"];

/// What the service is, or is a member of: whoever owns something of ours, and who is as good as an owner. The database's
/// owner is a member of pg_database_owner, which nobody can be taken out of; but then that owner is listed too.
///
/// Memberships come first: whoever takes away what is owned may have to become a member of the service, and cannot while
/// the service is a member of it. Then the database, so that it is not given away with all the rest.
const HAS: &str = "SELECT r.rolname::text, o.kind, o.name \
    FROM ( \
        SELECT 'role' AS kind, rolname::text AS name, oid AS owner FROM pg_roles \
            WHERE rolname <> $1 AND (rolsuper OR rolcreaterole OR rolname = ANY ($3)) \
        UNION ALL SELECT 'database', datname::text, datdba FROM pg_database WHERE datname = current_database() \
        UNION ALL SELECT 'schema', nspname::text, nspowner FROM pg_namespace WHERE nspname = ANY ($2) \
        UNION ALL SELECT 'in schema', n.nspname || '.' || c.relname, c.relowner \
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY ($2) \
        UNION ALL SELECT 'in schema', n.nspname || '.' || p.proname, p.proowner \
            FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = ANY ($2) \
    ) o JOIN pg_roles r ON r.oid = o.owner \
    WHERE pg_has_role($1::name, r.oid, 'MEMBER') AND r.rolname <> 'pg_database_owner' \
    ORDER BY r.rolname = $1, o.kind <> 'role', o.kind <> 'database', o.name, r.rolname LIMIT 1";

/// Which membership of the service's own makes it one of the role, perhaps by way of others.
const MEMBERSHIP: &str = "SELECT format('REVOKE %I FROM %I', g.rolname, s.rolname) \
    FROM pg_auth_members m JOIN pg_roles s ON s.oid = m.member JOIN pg_roles g ON g.oid = m.roleid \
    WHERE s.rolname = $1 AND pg_has_role(g.oid, $2::name, 'MEMBER') ORDER BY g.rolname <> $2, g.rolname LIMIT 1";

/// Whoever runs this takes the database: that role is there, and the schemas' owner may not be. Who is no superuser gives
/// away what belongs to a role that it is a member of, and takes a database only if it may create one.
const TAKE_DATABASE: &str = "SELECT concat_ws('; ', \
        CASE WHEN NOT rolsuper THEN format('GRANT %I TO CURRENT_USER', $1) END, \
        CASE WHEN NOT rolsuper AND NOT rolcreatedb THEN 'ALTER ROLE CURRENT_USER CREATEDB' END, \
        format('ALTER DATABASE %I OWNER TO CURRENT_USER', current_database()) \
    ) FROM pg_roles WHERE rolname = current_user";

/// The owner may not be there before the first `database init`. Whoever runs this does not take its place: the owner
/// could not use the schemas then, and what the first superuser owns PostgreSQL reassigns to nobody.
const GIVE_TO_OWNER: &str = "SELECT concat_ws('; ', \
        CASE WHEN NOT EXISTS (SELECT FROM pg_roles WHERE rolname = $2) THEN format('CREATE ROLE %I LOGIN', $2) END, \
        CASE WHEN NOT rolsuper THEN format('GRANT %I, %I TO CURRENT_USER', $1, $2) END, \
        format('REASSIGN OWNED BY %I TO %I', $1, $2) \
    ) FROM pg_roles WHERE rolname = current_user";

/// What the role that is to serve has and must not, and the statements that take it away, as whoever asks can run them
/// in this database; of one that does not exist yet, nothing.
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
    let schemas = Roles::SCHEMAS.map(str::to_owned).to_vec();
    let mut as_good = AS_GOOD_AS_OWNERS.map(str::to_owned).to_vec();
    as_good.push(roles.owner.clone());
    let has = sqlx::query(HAS).bind(service).bind(schemas).bind(as_good);
    let Some(has) = has.fetch_optional(connection).await? else { return Ok(None) };
    let (of, kind, name): (String, String, String) = (has.try_get(0)?, has.try_get(1)?, has.try_get(2)?);
    let what = match kind.as_str() {
        "role" => return Ok(Some(Excess::Member { of })),
        "database" => Property::Database(name),
        "schema" => Property::Schema(name),
        _ => Property::InSchema(name),
    };
    Ok(Some(if of == *service { Excess::Owns { what } } else { Excess::MemberOfOwner { of, what } }))
}

/// Made by the server, which knows what must be quoted.
async fn cure(connection: &mut PgConnection, excess: &Excess, roles: &Roles) -> Result<String, sqlx::Error> {
    let (service, owner) = (roles.service.as_str(), roles.owner.as_str());
    let (format, names) = match excess {
        Excess::Superuser => ("SELECT format('ALTER ROLE %I NOSUPERUSER', $1)", vec![service]),
        Excess::CreatesRoles => ("SELECT format('ALTER ROLE %I NOCREATEROLE', $1)", vec![service]),
        Excess::Owns { what: Property::Database(_) } => (TAKE_DATABASE, vec![service]),
        Excess::Owns { .. } => (GIVE_TO_OWNER, vec![service, owner]),
        Excess::Member { of } | Excess::MemberOfOwner { of, .. } => (MEMBERSHIP, vec![service, of.as_str()]),
    };
    formatted(connection, format, &names).await
}
