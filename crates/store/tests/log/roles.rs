use beleg_postgres_cluster::Database;
use beleg_store::{
    AppendError, ClockKind, EventLog as _, Excess, LogOptions, OpenError, PostgresLog, PostgresOptions, Property, Roles,
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::desk::{all, command, personal};

const TABLES: [&str; 4] = ["log_head", "streams", "events", "personal"];

struct Owned {
    database: Database,
    roles: Roles,
}

impl Owned {
    async fn new() -> Option<Self> {
        let database = Database::new().await?;
        // Roles belong to the whole server.
        let unique = database.name().trim_start_matches("beleg_test_").to_owned();
        let roles = Roles {
            owner: format!("own \"{unique}\""),
            owner_password: Some("it's".into()),
            service: format!("svc_{unique}"),
            service_password: Some("\\secret'".into()),
        };
        roles.init(database.url(), PostgresOptions::default()).await.unwrap();
        // After every new version of the program.
        roles.init(database.url(), PostgresOptions::default()).await.unwrap();
        Some(Self { database, roles })
    }

    /// A shell that acts as a role with all it has and no more.
    async fn shell(&self, role: &str) -> PgConnection {
        let mut shell = PgConnection::connect(self.database.url()).await.unwrap();
        done(&mut shell, &format!("SET SESSION AUTHORIZATION {}", quoted(role))).await;
        shell
    }

    /// The URL of a role that logs in.
    fn url_of(&self, role: &str, password: &str) -> String {
        let (scheme, rest) = self.database.url().split_once("://").unwrap();
        let place = rest.split_once('@').map_or(rest, |(_, place)| place);
        format!("{scheme}://{role}:{password}@{place}")
    }

    fn service_url(&self) -> String {
        self.url_of(&self.roles.service, "%5Csecret%27")
    }

    async fn serve(&self) -> PostgresLog {
        let options = LogOptions::new(ClockKind::System);
        PostgresLog::open(&self.service_url(), options, PostgresOptions::default()).await.unwrap()
    }

    async fn forget(self) {
        let mut shell = PgConnection::connect(self.database.url()).await.unwrap();
        for role in [&self.roles.service, &self.roles.owner] {
            let role = quoted(role);
            done(&mut shell, &format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}")).await;
        }
    }
}

fn quoted(role: &str) -> String {
    format!("\"{}\"", role.replace('"', "\"\""))
}

async fn done(shell: &mut PgConnection, statement: &str) {
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(shell).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_could_change_what_is_recorded_is_refused_before_anything_is_done() {
    let Some(database) = Database::new().await else { return };
    let unique = database.name().trim_start_matches("beleg_test_").to_owned();
    let (owner, service) = (format!("own_{unique}"), format!("svc_{unique}"));
    let roles = Roles { owner: owner.clone(), owner_password: None, service: service.clone(), service_password: None };
    let mut shell = PgConnection::connect(database.url()).await.unwrap();
    done(&mut shell, &format!("CREATE ROLE {service} LOGIN")).await;
    let name = database.name();
    let (dba, staff, root) = (format!("dba_{unique}"), format!("staff_{unique}"), format!("root_{unique}"));
    done(&mut shell, &format!("CREATE ROLE {dba}; CREATE ROLE {staff}; GRANT {dba} TO {staff}")).await;
    done(&mut shell, &format!("CREATE ROLE {root} SUPERUSER")).await;
    let table = "CREATE SCHEMA beleg_log; CREATE TABLE beleg_log.events (x int); ALTER TABLE beleg_log.events";
    let function = "CREATE SCHEMA beleg_log; CREATE FUNCTION beleg_log.append() RETURNS int LANGUAGE sql AS 'SELECT 1'; \
                    ALTER FUNCTION beleg_log.append";
    let [the_database, schema, events, append] = [
        Property::Database(name.to_owned()),
        Property::Schema("beleg_log".to_owned()),
        Property::InSchema("beleg_log.events".to_owned()),
        Property::InSchema("beleg_log.append".to_owned()),
    ];
    let owns = |what: &Property| Excess::Owns { what: what.clone() };
    let member = |of: &str| Excess::Member { of: of.to_owned() };
    let member_of_owner = |what: &Property| Excess::MemberOfOwner { of: dba.clone(), what: what.clone() };
    for (given, expected) in [
        (format!("ALTER ROLE {service} SUPERUSER"), Excess::Superuser),
        (format!("ALTER ROLE {service} CREATEROLE"), Excess::CreatesRoles),
        (format!("CREATE SCHEMA beleg_log AUTHORIZATION {service}"), owns(&schema)),
        (format!("{table} OWNER TO {service}"), owns(&events)),
        (format!("{function} OWNER TO {service}"), owns(&append)),
        (format!("ALTER DATABASE {name} OWNER TO {service}"), owns(&the_database)),
        (format!("GRANT {root} TO {service}"), member(&root)),
        (format!("GRANT pg_write_all_data TO {service}"), member("pg_write_all_data")),
        (format!("GRANT pg_write_server_files TO {service}"), member("pg_write_server_files")),
        (format!("GRANT pg_execute_server_program TO {service}"), member("pg_execute_server_program")),
        (format!("CREATE ROLE {owner}; GRANT {owner} TO {service}"), member(&owner)),
        (format!("ALTER DATABASE {name} OWNER TO {dba}; GRANT {dba} TO {service}"), member_of_owner(&the_database)),
        (format!("CREATE SCHEMA beleg_log AUTHORIZATION {dba}; GRANT {dba} TO {service}"), member_of_owner(&schema)),
        // By way of a role that owns nothing itself.
        (format!("{table} OWNER TO {dba}; GRANT {staff} TO {service}"), member_of_owner(&events)),
        (format!("{function} OWNER TO {dba}; GRANT {staff} TO {service}"), member_of_owner(&append)),
    ] {
        done(&mut shell, &given).await;
        let error = roles.init(database.url(), PostgresOptions::default()).await.unwrap_err();
        let OpenError::Excess { excess, cure, .. } = &error else { panic!("{given}: {error}") };
        assert_eq!(**excess, expected, "{given}");
        if expected != member(&owner) {
            let missing = roles.missing(database.url(), PostgresOptions::default()).await.unwrap();
            assert_eq!(missing, [owner.as_str()], "{given}");
        }
        assert!(error.to_string().contains(cure), "{error}");
        done(&mut shell, cure).await;
        // A schema that is in the way is another matter.
        let then = roles.init(database.url(), PostgresOptions::default()).await;
        assert!(!matches!(then, Err(OpenError::Excess { .. })), "{given}, {cure}: {then:?}");
        let undo = format!(
            "DROP SCHEMA IF EXISTS beleg_log, beleg_views CASCADE; ALTER DATABASE {name} OWNER TO CURRENT_USER; \
             DROP OWNED BY {owner}; DROP ROLE {owner}"
        );
        done(&mut shell, &undo).await;
    }
    done(&mut shell, &format!("DROP ROLE {dba}, {staff}, {root}")).await;
    roles.init(database.url(), PostgresOptions::default()).await.unwrap();
    // The owner is there now.
    done(&mut shell, &format!("ALTER TABLE beleg_log.events OWNER TO {service}")).await;
    let error = roles.init(database.url(), PostgresOptions::default()).await.unwrap_err();
    let OpenError::Excess { cure, .. } = &error else { panic!("{error}") };
    assert_eq!(*cure, format!("REASSIGN OWNED BY {service} TO {owner}"));
    done(&mut shell, cure).await;
    roles.init(database.url(), PostgresOptions::default()).await.unwrap();
    shell.close().await.unwrap();
    Owned { database, roles }.forget().await;
}

/// A service that made its schema itself, in a database of its own, before there was an owner; and somebody who may
/// create roles and is no superuser.
async fn served_alone() -> Option<(Owned, String)> {
    let database = Database::new().await?;
    let unique = database.name().trim_start_matches("beleg_test_").to_owned();
    let (service, administrator) = (format!("svc_{unique}"), format!("adm_{unique}"));
    let mut shell = PgConnection::connect(database.url()).await.unwrap();
    // Since PostgreSQL 16 nobody gives itself what it has not, and who created a role may become a member of it.
    let version = sqlx::query_scalar("SELECT current_setting('server_version_num')::int");
    let version: i32 = version.fetch_one(&mut shell).await.unwrap();
    let also = if version < 160_000 { "" } else { "CREATEDB" };
    for statement in [
        format!("CREATE ROLE {administrator} LOGIN PASSWORD 'a' CREATEROLE {also}"),
        format!("SET ROLE {administrator}"),
        format!("CREATE ROLE {service} LOGIN PASSWORD $$\\secret'$$"),
        "RESET ROLE".to_owned(),
        format!("ALTER DATABASE {} OWNER TO {service}", database.name()),
    ] {
        done(&mut shell, &statement).await;
    }
    shell.close().await.unwrap();
    let (owner, service_password) = (format!("own_{unique}"), Some("\\secret'".to_owned()));
    let owned = Owned { database, roles: Roles { owner, owner_password: None, service, service_password } };
    let log = owned.serve().await;
    log.append(command("a", 0, 2)).await.unwrap();
    log.close().await;
    Some((owned, administrator))
}

/// After [`served_alone`].
async fn forget_both(owned: Owned, administrator: &str) {
    let mut shell = PgConnection::connect(owned.database.url()).await.unwrap();
    let name = owned.database.name();
    let drop = format!(
        "ALTER DATABASE {name} OWNER TO CURRENT_USER; DROP OWNED BY {administrator}; DROP ROLE {administrator}"
    );
    done(&mut shell, &drop).await;
    shell.close().await.unwrap();
    owned.forget().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_owns_that_served_alone_is_taken_away_as_whoever_prepares_its_database_is_told() {
    let Some((owned, administrator)) = served_alone().await else { return };
    let log = owned.serve().await;
    let before = all(&log).await;
    log.close().await;

    // When somebody who is no superuser does what it is told.
    let url = owned.url_of(&administrator, "a");
    let mut shell = PgConnection::connect(&url).await.unwrap();
    let mut found = Vec::new();
    while let Err(error) = owned.roles.init(&url, PostgresOptions::default()).await {
        let OpenError::Excess { excess, cure, .. } = &error else { panic!("after {found:?}: {error}") };
        assert!(!found.contains(excess), "{error}");
        found.push(excess.clone());
        done(&mut shell, cure).await;
    }
    shell.close().await.unwrap();
    let properties = [Property::Database(owned.database.name().to_owned()), Property::Schema("beleg_log".to_owned())];
    assert_eq!(found, properties.map(|what| Box::new(Excess::Owns { what })));

    // Then the service serves what it served, and cannot change it.
    let log = owned.serve().await;
    assert_eq!(all(&log).await, before);
    log.append(command("a", 2, 1)).await.unwrap();
    let mut shell = owned.shell(&owned.roles.service).await;
    refused(&mut shell, "ALTER TABLE beleg_log.events DISABLE TRIGGER ALL".to_owned(), "42501").await;
    shell.close().await.unwrap();
    log.close().await;
    forget_both(owned, &administrator).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_served_alone_can_be_the_owner_beside_another_one() {
    let Some((Owned { database, roles }, administrator)) = served_alone().await else { return };
    let mut shell = PgConnection::connect(database.url()).await.unwrap();
    done(&mut shell, &format!("ALTER DATABASE {} OWNER TO CURRENT_USER", database.name())).await;
    shell.close().await.unwrap();
    let error = roles.init(database.url(), PostgresOptions::default()).await.unwrap_err();
    assert!(error.to_string().contains("name it with --owner and another role with --service"), "{error}");

    let roles = Roles { owner: roles.service.clone(), service: roles.owner.clone(), ..roles };
    let owned = Owned { database, roles };
    owned.roles.init(owned.database.url(), PostgresOptions::default()).await.unwrap();
    let log = owned.serve().await;
    log.append(command("a", 2, 1)).await.unwrap();
    log.close().await;
    forget_both(owned, &administrator).await;
}

async fn refused(shell: &mut PgConnection, statement: String, code: &str) {
    let error = sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(shell).await;
    let error = error.map(drop).expect_err(&statement);
    let found = error.as_database_error().and_then(|error| error.code()).map(|code| code.into_owned());
    assert_eq!(found.as_deref(), Some(code), "{statement}: {error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_appends_reads_and_erases_and_no_verb_of_sql_does_more() {
    let Some(owned) = Owned::new().await else { return };
    let log = owned.serve().await;
    let mut told = command("a", 0, 2);
    told.events[0].personal = vec![personal("note", "Frau Weber rief an")];
    log.append(told.clone()).await.unwrap();
    assert!(log.append(told).await.unwrap().repeated);
    assert!(matches!(log.append(command("a", 0, 1)).await, Err(AppendError::Conflict { .. })));
    let before = all(&log).await;

    let mut shell = owned.shell(&owned.roles.service).await;
    for table in TABLES {
        let key = match table {
            "log_head" => "id",
            "streams" => "stream_id",
            _ => "position",
        };
        let unique = if table == "personal" { "position, name" } else { key };
        for statement in [
            format!("INSERT INTO beleg_log.{table} SELECT * FROM beleg_log.{table}"),
            format!("INSERT INTO beleg_log.{table} SELECT * FROM beleg_log.{table} ON CONFLICT DO NOTHING"),
            format!(
                "INSERT INTO beleg_log.{table} SELECT * FROM beleg_log.{table} ON CONFLICT ({unique}) DO UPDATE SET {key} = EXCLUDED.{key}"
            ),
            format!("UPDATE beleg_log.{table} SET {key} = {key}"),
            format!("DELETE FROM beleg_log.{table}"),
            format!("TRUNCATE beleg_log.{table} CASCADE"),
            format!(
                "MERGE INTO beleg_log.{table} t USING beleg_log.{table} s ON t.{key} = s.{key} WHEN MATCHED THEN DELETE"
            ),
            format!("COPY beleg_log.{table} FROM STDIN"),
            format!("SELECT FROM beleg_log.{table} FOR UPDATE"),
            format!("SELECT FROM beleg_log.{table} FOR SHARE"),
            format!("DO $$ BEGIN LOCK beleg_log.{table} IN SHARE MODE; END $$"),
            format!("ALTER TABLE beleg_log.{table} DISABLE TRIGGER ALL"),
            format!("ALTER TABLE beleg_log.{table} ADD COLUMN x int"),
            format!("DROP TABLE beleg_log.{table} CASCADE"),
            format!("CREATE TRIGGER x AFTER INSERT ON beleg_log.{table} EXECUTE FUNCTION beleg_log.refuse_change()"),
            format!("CREATE RULE x AS ON INSERT TO beleg_log.{table} DO INSTEAD NOTHING"),
        ] {
            refused(&mut shell, statement, "42501").await;
        }
        // To grant what one has not is no error, but gives nothing.
        let grant = format!("GRANT INSERT, UPDATE, DELETE, TRUNCATE ON beleg_log.{table} TO PUBLIC");
        sqlx::raw_sql(AssertSqlSafe(grant)).execute(&mut shell).await.unwrap();
        let any =
            "SELECT has_table_privilege('beleg_log.' || $1, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')";
        assert!(!sqlx::query_scalar::<_, bool>(any).bind(table).fetch_one(&mut shell).await.unwrap(), "{table}");
    }
    for statement in [
        "CREATE TABLE beleg_log.x (x int)",
        "DROP SCHEMA beleg_log CASCADE",
        "DROP FUNCTION beleg_log.lock_head",
        "CREATE OR REPLACE FUNCTION beleg_log.lock_head(OUT \"position\" bigint, OUT recorded_at_us bigint, OUT streams bigint) LANGUAGE sql AS 'SELECT 1, 1, 1'",
        "UPDATE beleg_log.log SET actor = 'x'",
        "SET session_replication_role = replica",
    ] {
        refused(&mut shell, statement.to_owned(), if statement.starts_with("UPDATE") { "55000" } else { "42501" })
            .await;
    }

    assert_eq!(all(&log).await, before);
    assert_eq!(log.erase_personal(1, 10).await.unwrap(), 1);
    log.append(command("a", 2, 1)).await.unwrap();
    log.close().await;
    owned.forget().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn triggers_refuse_the_owner_too() {
    let Some(owned) = Owned::new().await else { return };
    let log = owned.serve().await;
    log.append(command("a", 0, 2)).await.unwrap();
    let before = all(&log).await;
    let mut shell = owned.shell(&owned.roles.owner).await;
    for table in TABLES {
        let key = if table == "personal" { "name" } else { "*" };
        refused(&mut shell, format!("TRUNCATE beleg_log.{table}"), "23001").await;
        let column = match table {
            "log_head" => "id",
            "events" => "payload",
            _ => "name",
        };
        refused(&mut shell, format!("UPDATE beleg_log.{table} SET {column} = {column}"), "23001").await;
        if key == "*" {
            refused(&mut shell, format!("DELETE FROM beleg_log.{table}"), "23001").await;
            // Not even where nothing would be hit.
            refused(&mut shell, format!("DELETE FROM beleg_log.{table} WHERE false"), "23001").await;
        }
    }
    refused(&mut shell, "INSERT INTO beleg_log.log_head VALUES (1)".into(), "23001").await;
    // Nor is anything added that does not follow what is there: the log has three events, stream a two of them.
    let insert = |position: i64, stream: i64, version: i64, recorded: &str| {
        format!(
            "INSERT INTO beleg_log.events SELECT {position}, {stream}, {version}, gen_random_uuid(), event_type, \
             schema_version, 0, {recorded}, gen_random_uuid(), decode(repeat('00', 64), 'hex'), 1, causation_id, \
             correlation_id, actor, origin, payload, commitments, leaf_hash FROM beleg_log.events WHERE position = 3"
        )
    };
    let both = |one: String, other: String| {
        format!("{one} UNION ALL {}", other.replacen("INSERT INTO beleg_log.events ", "", 1))
    };
    let of_request = |insert: String, request: &str| {
        insert.replace("gen_random_uuid(), decode(repeat('00', 64), 'hex'), 1", request)
    };
    let next = || insert(4, 2, 3, "recorded_at_us");
    let first_of = |request: u8, insert: String, count: u8| {
        of_request(insert, &format!("lpad('{request}', 32, '0')::uuid, decode(repeat('00', 64), 'hex'), {count}"))
    };
    let further_of = |request: u8, insert: String| {
        of_request(insert, &format!("lpad('{request}', 32, '0')::uuid, NULL::bytea, NULL::integer"))
    };
    let of_a = |position: i64| insert(position, 2, position - 1, "recorded_at_us");
    for wrong in [
        of_request(next(), "gen_random_uuid(), NULL, NULL"),
        of_request(next(), "request_id, NULL, NULL"),
        of_request(next(), "request_id, decode(repeat('00', 64), 'hex'), 1"),
        of_request(next(), "gen_random_uuid(), decode(repeat('00', 63), 'hex'), 1"),
        of_request(next(), "gen_random_uuid(), decode(repeat('00', 64), 'hex'), NULL"),
        both(next(), of_request(insert(5, 2, 4, "recorded_at_us"), "gen_random_uuid(), NULL, NULL")),
        insert(5, 2, 3, "recorded_at_us"),
        insert(0, 2, 3, "recorded_at_us"),
        insert(4, 2, 4, "recorded_at_us"),
        insert(4, 2, 3, "recorded_at_us - 1"),
        insert(4, 7, 1, "recorded_at_us"),
        both(insert(4, 2, 3, "recorded_at_us"), insert(6, 2, 4, "recorded_at_us")),
        both(insert(4, 2, 3, "recorded_at_us"), insert(5, 2, 5, "recorded_at_us")),
        both(insert(4, 2, 3, "recorded_at_us + 1"), insert(5, 2, 4, "recorded_at_us")),
        // In one statement the rows come in order, and a request ends where its count does.
        both(insert(5, 2, 4, "recorded_at_us"), insert(4, 2, 3, "recorded_at_us")),
        both(first_of(1, of_a(4), 2), of_a(5)),
        both(first_of(1, of_a(4), 1), further_of(1, of_a(5))),
        both(first_of(1, of_a(4), 3), both(first_of(2, of_a(5), 1), further_of(1, of_a(6)))),
        // Each version has the one before it, but not in the log's order.
        [insert(5, 1, 2, "recorded_at_us"), insert(6, 2, 5, "recorded_at_us"), insert(7, 1, 3, "recorded_at_us")]
            .into_iter()
            .chain([insert(8, 2, 4, "recorded_at_us")])
            .fold(of_a(4), both),
        // Another one's count is not one's own.
        format!(
            "{}; {}",
            first_of(1, of_a(4), 3),
            both(first_of(2, of_a(5), 9), both(further_of(1, of_a(6)), further_of(1, of_a(7))))
        ),
    ] {
        let error = sqlx::raw_sql(AssertSqlSafe(wrong.clone())).execute(&mut shell).await.map(drop).expect_err(&wrong);
        let code = error.as_database_error().and_then(|error| error.code()).map(|code| code.into_owned());
        assert!(["23000", "23505", "23514"].contains(&code.as_deref().unwrap_or_default()), "{wrong}: {error}");
    }
    // What does follow is taken: the refusals above are about what they seem to be.
    let counted = both(first_of(1, of_a(4), 2), both(further_of(1, of_a(5)), first_of(2, of_a(6), 1)));
    // A request may go on in the next statement.
    let going_on = format!("{}; {}", first_of(1, of_a(4), 3), both(further_of(1, of_a(5)), further_of(1, of_a(6))));
    for right in [next(), both(next(), insert(5, 2, 4, "recorded_at_us + 1")), counted, going_on] {
        let undone = format!("BEGIN; {right}; ROLLBACK");
        sqlx::raw_sql(AssertSqlSafe(undone)).execute(&mut shell).await.unwrap();
    }
    assert_eq!(all(&log).await, before);
    log.close().await;
    owned.forget().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_a_schema_says_who_must_make_it() {
    let Some(owned) = Owned::new().await else { return };
    let mut shell = PgConnection::connect(owned.database.url()).await.unwrap();
    sqlx::raw_sql("DROP SCHEMA beleg_log CASCADE").execute(&mut shell).await.unwrap();
    let url = owned.service_url();
    let options = LogOptions::new(ClockKind::System);
    let refused = PostgresLog::open(&url, options, PostgresOptions::default()).await.unwrap_err();
    assert!(matches!(refused, OpenError::NotMigrated { found: 0, .. }), "{refused}");
    owned.forget().await;
}
