//! `beleg` on PostgreSQL: a database prepared, a log moved into it, served by two processes of which one is killed.

#![allow(clippy::unwrap_used)]

#[path = "server/mod.rs"]
mod server;

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use beleg_postgres_cluster::{Cluster, Database};

use server::agreement::POLICY;
use server::{BELEG, Server};

/// A call with a database in its environment, where a password belongs.
fn beleg(url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(BELEG);
    command.env("BELEG_DATABASE", url).args(["--lang", "en"]).args(arguments);
    command
}

fn run(url: &str, arguments: &[&str]) -> Output {
    beleg(url, arguments).output().unwrap()
}

/// What a call printed that went well.
fn said(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    out.into_owned()
}

/// What a call complained of that did not.
fn complained(output: &Output) -> String {
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{err}");
    err
}

fn serve(mut command: Command) -> (Server, String) {
    command.stderr(Stdio::null());
    let server = Server::start(command);
    let url = server.url.clone();
    (server, url)
}

/// A policy, a contract, and tickets with work.
fn commands(tickets: std::ops::Range<u32>) -> String {
    let policy = serde_json::json!({ "publishPolicy": { "document": POLICY } });
    let mut lines = policy.to_string();
    lines.push_str(
        "\n{\"agreeContract\": {\"customerId\": \"acme\", \"currencyCode\": \"EUR\", \"timeZone\": \"UTC\", \
         \"effectiveDate\": \"2026-01-01\", \"terms\": {\"policy\": \"support\"}}}\n",
    );
    for ticket in tickets {
        let id = format!("00000000-0000-4000-8000-{ticket:012}");
        let origin = "\"origin\": \"import:test\"";
        writeln!(
            lines,
            "{{{origin}, \"openTicket\": {{\"ticketId\": \"{id}\", \"customerId\": \"acme\", \"subject\": \"Frau Weber\", \
             \"impact\": \"IMPACT_INCIDENT\", \"occurredAt\": \"2026-03-02T08:00:00Z\"}}}}"
        )
        .unwrap();
        for minute in 0..10 {
            writeln!(
                lines,
                "{{{origin}, \"logWork\": {{\"ticketId\": \"{id}\", \"activity\": \"ACTIVITY_DIAGNOSIS\", \
                 \"performerId\": \"anna\", \"from\": \"2026-03-02T09:{minute:02}:00Z\", \
                 \"to\": \"2026-03-02T09:{minute:02}:30Z\"}}}}"
            )
            .unwrap();
        }
    }
    lines
}

fn import(server: &str, file: &Path) -> Output {
    Command::new(BELEG).args(["--lang", "en", "--server", server, "import"]).arg(file).output().unwrap()
}

fn status(server: &str) -> serde_json::Value {
    let output = Command::new(BELEG).args(["--server", server, "--output", "json", "status"]).output().unwrap();
    serde_json::from_str(&said(&output)).unwrap()
}

/// The ledger as a server tells it, once its views show what the log holds.
fn ledger(server: &str) -> String {
    let asked = std::time::Instant::now();
    loop {
        let status = status(server);
        if status["viewsPosition"] == status["position"] {
            break;
        }
        assert!(asked.elapsed().as_secs() < 10, "{status}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let arguments = ["--server", server, "--output", "json", "ledger", "list", "--limit", "1000"];
    said(&Command::new(BELEG).args(arguments).output().unwrap())
}

/// Another role's URL for the same database.
fn as_role(url: &str, role: &str, password: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    let place = rest.split_once('@').map_or(rest, |(_, place)| place);
    format!("{scheme}://{role}:{password}@{place}")
}

/// Runs statements as the URL's role.
fn sql(url: &str, statements: &str) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        use sqlx::Connection as _;
        let mut shell = sqlx::PgConnection::connect(url).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(statements.to_owned())).execute(&mut shell).await.unwrap();
    });
}

fn database() -> Option<Database> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(Database::new())
}

#[test]
fn who_serves_does_not_own_and_a_failed_preparation_loses_no_password() {
    let Some(database) = database() else { return };
    let admin = database.url();
    let unique = database.name().trim_start_matches("beleg_test_").to_owned();
    let (owner, service) = (format!("own_{unique}"), format!("svc_{unique}"));
    let init = |owner: &str| run("", &["database", "init", "--admin", admin, "--owner", owner, "--service", &service]);
    let refused = complained(&init(&service));
    assert!(refused.contains(&format!("are both {service}")), "{refused}");

    // A schema of somebody else's is in the way.
    sql(admin, "CREATE SCHEMA beleg_log");
    let refused = complained(&init(&owner));
    for role in [&owner, &service] {
        let shown = refused.lines().find(|line| line.contains(&format!("role {role} is created"))).unwrap();
        let password = shown.rsplit(' ').next().unwrap();
        // It opens the door: with it the refusal is another one.
        let status = run(&as_role(admin, role, password), &["verify"]);
        assert!(!complained(&status).contains("password"), "{refused}");
    }
    sql(admin, "DROP SCHEMA beleg_log");
    said(&init(&owner));
    for role in [&service, &owner] {
        sql(admin, &format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}"));
    }
}

#[test]
fn what_a_refused_service_is_to_lose_is_said_in_statements_that_can_be_run_as_they_stand() {
    // Roles belong to the whole server, and these names to nobody alone.
    let Some(cluster) = cluster() else { return };
    let admin = cluster.url("postgres");
    for service in ["user", "2nd"] {
        sql(&admin, &format!("CREATE ROLE \"{service}\" LOGIN SUPERUSER"));
        let init = |lang: &str| {
            let arguments = ["--lang", lang, "database", "init", "--admin", &admin, "--service", service];
            Command::new(BELEG).env_remove("BELEG_DATABASE").args(arguments).output().unwrap()
        };
        let cure = format!("ALTER ROLE \"{service}\" NOSUPERUSER");
        let (english, german) = (complained(&init("en")), complained(&init("de")));
        assert!(english.contains("is a superuser, so") && english.contains(&format!("({cure})")), "{english}");
        assert!(german.contains("ist ein Superuser; ") && german.contains(&format!("({cure})")), "{german}");
        sql(&admin, &cure);
        said(&init("en"));
    }
}

#[test]
fn what_postgresql_says_comes_with_its_code_and_without_a_line_of_its_source() {
    let Some(database) = database() else { return };
    let elsewhere = database.url().replace(database.name(), "beleg_test_of_nobody");
    let refused = complained(&run(&elsewhere, &["verify"]));
    assert!(refused.contains("\"beleg_test_of_nobody\" does not exist (SQLSTATE 3D000)"), "{refused}");
    assert!(!refused.contains("at line"), "{refused}");
}

#[test]
fn a_database_without_a_log_is_told_as_that() {
    let Some(database) = database() else { return };
    for command in [["verify"].as_slice(), &["rebuild"], &["rebuild", "--check"]] {
        let refused = complained(&run(database.url(), command));
        assert!(refused.contains("holds no log: `beleg database init`"), "{command:?}: {refused}");
    }
}

#[test]
fn a_log_moves_into_a_prepared_database_where_two_servers_serve_it() {
    let Some(database) = database() else { return };
    let admin = database.url();
    let unique = database.name().trim_start_matches("beleg_test_").to_owned();
    let (owner, service) = (format!("own_{unique}"), format!("svc_{unique}"));

    // Given a prepared database: passwords are made once and shown once.
    let init = ["--output", "json", "database", "init", "--admin", admin, "--owner", &owner, "--service", &service];
    let told: serde_json::Value = serde_json::from_str(&said(&run("", &init))).unwrap();
    let password = |role: &str| told[role]["password"].as_str().unwrap().to_owned();
    let (owner_url, service_url) =
        (as_role(admin, &owner, &password("owner")), as_role(admin, &service, &password("service")));
    let again: serde_json::Value = serde_json::from_str(&said(&run("", &init))).unwrap();
    assert!(again["service"]["password"].is_null() && again["service"]["created"] == false, "{again}");

    // And a log in a directory.
    let data = tempfile::tempdir().unwrap();
    let (first, more) = (data.path().join("first.jsonl"), data.path().join("more.jsonl"));
    std::fs::write(&first, commands(0..20)).unwrap();
    std::fs::write(&more, commands(0..40)).unwrap();
    let log = data.path().join("log");
    let log_path = log.to_str().unwrap();
    let mut serve_directory = Command::new(BELEG);
    serve_directory.args(["--lang", "en", "serve", "--data", log_path]);
    let (server, address) = serve(serve_directory);
    said(&import(&address, &first));
    let (before, ledger_before) = (status(&address), ledger(&address));
    let migrate = ["migrate", "--data", log_path];
    let refused = complained(&run(&service_url, &migrate));
    assert!(refused.contains("a server or an import runs on"), "{refused}");
    server.kill();

    // When it is moved, by the role that can only append.
    let moved = said(&run(&service_url, &migrate));
    assert!(moved.contains(&format!("{} events moved", before["position"].as_str().unwrap())), "{moved}");
    let refused = complained(&run(&service_url, &migrate));
    assert!(refused.contains("holds a log of"), "{refused}");
    // There were no views yet that the first ones could differ from.
    let rebuilt = said(&run(&owner_url, &["rebuild"]));
    assert!(rebuilt.contains("views rebuilt") && !rebuilt.contains("difference"), "{rebuilt}");

    // Then two servers serve it, and requests sent before the move are recognised.
    let (one, first_address) = serve(beleg(&service_url, &["serve"]));
    let (two, second_address) = serve(beleg(&service_url, &["serve"]));
    assert_eq!(status(&first_address)["logId"], before["logId"]);
    said(&import(&second_address, &first));
    assert_eq!(status(&second_address)["position"], before["position"]);
    assert_eq!(ledger(&second_address), ledger_before);
    said(&run(&service_url, &["verify"]));

    // And when the one that moves the views on is killed, the other one does.
    one.kill();
    said(&import(&second_address, &more));
    assert_eq!(status(&second_address)["position"], (3 + 40 * 21).to_string());
    let checked = said(&run(&owner_url, &["rebuild", "--check"]));
    assert!(checked.contains("0 differences"), "{checked}");
    let rebuilt = said(&run(&owner_url, &["rebuild"]));
    assert!(rebuilt.contains("views rebuilt") && rebuilt.contains("0 differences"), "{rebuilt}");
    let refused = complained(&run(&service_url, &["rebuild"]));
    assert!(refused.contains("beleg database init"), "{refused}");
    // The views it serves from now on are the new ones.
    assert!(ledger(&second_address).len() > ledger_before.len());
    two.kill();

    for role in [&service, &owner] {
        sql(admin, &format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}"));
    }
}

#[test]
fn demo_and_rehearsals_run_on_a_database_of_their_own_and_leave_none() {
    let Some(database) = database() else { return };
    let demo = |options: &[&str]| {
        let arguments = [&["--output", "json", "demo", "--exit"], options].concat();
        let told: serde_json::Value = serde_json::from_str(&said(&run("", &arguments))).unwrap();
        told
    };
    assert_eq!(
        demo(&["--database", database.url()])["tickets"].as_array().unwrap().len(),
        demo(&[])["tickets"].as_array().unwrap().len()
    );
    let scenarios = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/rehearsals");
    let file = std::fs::read_dir(scenarios).unwrap().map(|entry| entry.unwrap().path()).min().unwrap();
    said(&run("", &["rehearse", "--database", database.url(), file.to_str().unwrap()]));

    let left = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        use sqlx::Connection as _;
        let mut shell = sqlx::PgConnection::connect(database.url()).await.unwrap();
        let count = "SELECT count(*) FROM pg_database WHERE datname LIKE 'beleg_private_%'";
        sqlx::query_scalar::<_, i64>(count).fetch_one(&mut shell).await.unwrap()
    });
    assert_eq!(left, 0);
}

/// The private databases on a server.
fn private(url: &str) -> Vec<String> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        use sqlx::Connection as _;
        let mut shell = sqlx::PgConnection::connect(url).await.unwrap();
        let names = "SELECT datname FROM pg_database WHERE datname LIKE 'beleg_private_%' ORDER BY datname";
        sqlx::query_scalar(names).fetch_all(&mut shell).await.unwrap()
    })
}

/// Starts a bench of so many seconds, and returns once its database is there.
fn bench(url: &str, seconds: &str) -> (std::process::Child, String) {
    let before = private(url);
    let arguments = ["--workloads", "log-work", "--clients", "1", "--tickets", "1", "--rounds", "1"];
    let mut command = beleg("", &["bench", "--database", url, "--seconds", seconds]);
    let mut bench = command.args(arguments).stdout(Stdio::null()).spawn().unwrap();
    loop {
        if let Some(name) = private(url).into_iter().find(|name| !before.contains(name)) {
            return (bench, name);
        }
        assert!(bench.try_wait().unwrap().is_none(), "the bench ended and had no database");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn what_a_killed_bench_left_is_dropped_by_the_next_one_and_nothing_else_is() {
    let Some(cluster) = cluster() else { return };
    let url = cluster.url("postgres");
    // Given a bench that was killed, one that runs, and a database that only sounds like theirs.
    let (mut killed, left) = bench(&url, "3600");
    killed.kill().unwrap();
    killed.wait().unwrap();
    let (mut running, kept) = bench(&url, "3600");
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        use sqlx::Connection as _;
        let mut shell = sqlx::PgConnection::connect(&url).await.unwrap();
        sqlx::query("CREATE DATABASE beleg_private_notes").execute(&mut shell).await.unwrap();
    });

    // When another one starts; what was left has connections until the server notices that their process is gone.
    let begun = std::time::Instant::now();
    while private(&url).contains(&left) {
        assert!(begun.elapsed() < std::time::Duration::from_secs(60), "{left} stays: {:?}", private(&url));
        let (mut next, _) = bench(&url, "1");
        assert!(next.wait().unwrap().success());
    }

    // Then only what nobody uses is gone, and each of the others when it ends.
    assert_eq!(private(&url), [kept.clone(), "beleg_private_notes".to_owned()]);
    assert!(running.try_wait().unwrap().is_none());
    running.kill().unwrap();
    running.wait().unwrap();
}

/// A cluster of one's own that may be killed.
fn cluster() -> Option<Cluster> {
    let required = std::env::var("BELEG_TEST_POSTGRES").is_ok_and(|wanted| wanted == "required");
    match Cluster::start() {
        Ok(cluster) => Some(cluster),
        Err(error) if required => panic!("{error}"),
        Err(error) => {
            eprintln!("\n*** NOT TESTED ON POSTGRESQL: {error} ***\n");
            None
        }
    }
}

#[test]
fn a_server_that_starts_before_its_database_waits_for_it_and_says_so() {
    let Some(cluster) = cluster() else { return };
    cluster.kill().unwrap();
    let mut command = beleg(&cluster.url("postgres"), &["serve"]);
    let mut said = tempfile::NamedTempFile::new().unwrap();
    command.env("BELEG_LOG", "warn").stderr(said.reopen().unwrap());
    let starting = Server::launch(command);
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    cluster.restart().unwrap();
    let server = starting.wait().unwrap();
    assert_eq!(status(&server.url)["position"], "1");
    server.kill();
    let mut words = String::new();
    said.read_to_string(&mut words).unwrap();
    assert!(words.contains("the database does not answer; it is waited for"), "{words}");
}

/// The counterpart of the same test on a directory.
#[test]
fn views_of_another_build_in_a_database_are_refused_and_built_anew_as_the_caller_is_told() {
    let Some(database) = database() else { return };
    let url = database.url();
    let (server, _) = serve(beleg(url, &["serve"]));
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        use sqlx::Connection as _;
        let mut shell = sqlx::PgConnection::connect(url).await.unwrap();
        let another = "UPDATE beleg_views._sqlx_migrations SET checksum = decode(repeat('00', 48), 'hex')";
        assert_eq!(sqlx::query(another).execute(&mut shell).await.unwrap().rows_affected(), 1);
        sqlx::query("ALTER TABLE beleg_views.tickets DROP COLUMN origin").execute(&mut shell).await.unwrap();
    });
    let refused = complained(&run(url, &["serve", "--listen", "127.0.0.1:0"]));
    assert!(refused.contains("of another build") && refused.contains("beleg rebuild"), "{refused}");
    let refused = complained(&run(url, &["rebuild", "--check"]));
    assert!(refused.contains("are of another build of beleg") && refused.contains("beleg rebuild ("), "{refused}");
    let refused = complained(&run(url, &["rebuild"]));
    assert!(refused.contains("servers of another build of beleg") && refused.contains("stop them first"), "{refused}");
    server.kill();
    let rebuilt = said(&run(url, &["--output", "json", "rebuild"]));
    let told: serde_json::Value = serde_json::from_str(&rebuilt).unwrap();
    assert_eq!((&told["replaced"], &told["count"]), (&"OTHER_BUILD".into(), &0.into()), "{told}");
    let checked = said(&run(url, &["rebuild", "--check"]));
    assert!(checked.contains("0 differences"), "{checked}");
    let again = said(&run(url, &["rebuild"]));
    assert!(again.contains("1 row of the replaced views compared, 0 differences"), "{again}");
    serve(beleg(url, &["serve"])).0.kill();
}
