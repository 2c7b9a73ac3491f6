use std::path::Path;

use beleg_store::views::{Generation, Snapshot};
use beleg_store::{Database, PostgresOptions, Roles, Storage, ViewError};

use crate::house::{House, Place, on_every_database, ticket};

on_every_database!(a_fresh_build_is_removed_or_takes_the_serving_ones_place);

/// The names in a directory, the log's and the serving views' left out.
fn left_in(directory: &Path) -> Vec<String> {
    let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut left: Vec<String> =
        names.filter(|name| !name.starts_with("log.") && !name.starts_with("views.sqlite")).collect();
    left.sort();
    left
}

async fn a_fresh_build_is_removed_or_takes_the_serving_ones_place(place: Place) {
    let house = House::of(place, 2).await;
    let storage = house.storage();
    assert!(Snapshot::open(&storage).await.is_err());
    let (one, two) = (Generation::begin(&storage).await.unwrap(), Generation::begin(&storage).await.unwrap());
    for generation in [&one, &two] {
        let mut writer = generation.writer(&*house.log).await.unwrap();
        assert_eq!(writer.end().await.unwrap(), (0, 0));
        writer.apply(&house.up_to(2).await).await.unwrap();
        writer.finish().await.unwrap();
    }
    one.discard().await.unwrap();
    let mut two = two;
    assert_eq!(two.hold_serving().await.unwrap(), None);
    two.serve().await.unwrap();
    let (mut writer, views) = house.views().await;
    assert_eq!(writer.end().await.unwrap(), (2, 0));
    assert_eq!(views.position().await.unwrap(), 2);
}

#[tokio::test]
async fn a_file_and_its_lock_go_with_their_run() {
    let house = House::of(Place::sqlite(), 2).await;
    let Storage::Directory(directory) = house.storage() else { panic!("a directory") };
    for name in ["views.fresh-0-0.lock", "views.fresh-0-0.sqlite", "views.fresh-0-0.sqlite-journal"] {
        std::fs::write(directory.join(name), b"").unwrap();
    }
    let living = Generation::begin(&house.storage()).await.unwrap();
    assert_eq!(left_in(&directory).len(), 1, "{:?}", left_in(&directory));
    let other = Generation::begin(&house.storage()).await.unwrap();
    assert_eq!(left_in(&directory).len(), 2, "{:?}", left_in(&directory));
    drop((living, other));
    assert_eq!(left_in(&directory), Vec::<String>::new());
}

/// The schemas of fresh builds.
async fn fresh_schemas(place: &Place) -> Vec<String> {
    let Place::Postgres(database) = place else { panic!("a database") };
    let mut shell = <sqlx::PgConnection as sqlx::Connection>::connect(database.url()).await.unwrap();
    let sql = "SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'beleg_views_fresh%'";
    sqlx::query_scalar(sql).fetch_all(&mut shell).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_a_dead_run_left_is_removed_and_one_of_a_living_run_is_not() {
    let Some(place) = Place::postgres().await else { return };
    let house = House::of(place, 2).await;
    let dead = Generation::begin(&house.storage()).await.unwrap();
    dead.writer(&*house.log).await.unwrap().close().await.unwrap();
    let left = fresh_schemas(&house.place).await;
    drop(dead);
    assert_eq!(left.len(), 1);
    // The server may take a moment to notice.
    let living = loop {
        let living = Generation::begin(&house.storage()).await.unwrap();
        if fresh_schemas(&house.place).await.is_empty() {
            break living;
        }
        living.discard().await.unwrap();
    };
    living.writer(&*house.log).await.unwrap().close().await.unwrap();
    Generation::begin(&house.storage()).await.unwrap();
    assert_eq!(fresh_schemas(&house.place).await.len(), 1);
    living.discard().await.unwrap();
    assert_eq!(fresh_schemas(&house.place).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_planner_is_told_of_a_fresh_build_and_nobody_elses_tables_are_read_for_it() {
    let Some(place) = Place::postgres().await else { return };
    let house = House::of(place, 2).await;
    let Place::Postgres(database) = &house.place else { panic!("a database") };
    let mut shell = <sqlx::PgConnection as sqlx::Connection>::connect(database.url()).await.unwrap();
    sqlx::raw_sql("CREATE TABLE public.another_programs AS SELECT 1 AS id").execute(&mut shell).await.unwrap();
    let mut fresh = Generation::begin(&house.storage()).await.unwrap();
    let mut build = fresh.writer(&*house.log).await.unwrap();
    build.apply(&house.up_to(2).await).await.unwrap();
    build.finish().await.unwrap();
    fresh.hold_serving().await.unwrap();
    fresh.serve().await.unwrap();
    // As long as nobody looked, the number of rows is -1.
    let mut rows = async |table: &str| {
        let sql = "SELECT reltuples::float8 FROM pg_class WHERE oid = $1::regclass";
        sqlx::query_scalar::<_, f64>(sql).bind(table).fetch_one(&mut shell).await.unwrap()
    };
    for table in ["tickets", "entries", "balances", "contracts", "policies"] {
        assert!(rows(&format!("beleg_views.{table}")).await >= 0.0, "{table}");
    }
    assert_eq!(rows("public.another_programs").await, -1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn views_are_exchanged_under_a_projector_and_readers_that_go_on() {
    let Some(place) = Place::postgres().await else { return };
    let house = House::of(place, 4).await;
    let (mut writer, views) = house.views().await;
    assert!(writer.lead().await.unwrap());
    let mut opened = house.up_to(2).await;
    opened.tickets.push(ticket(uuid::Uuid::new_v4(), 2));
    writer.apply(&opened).await.unwrap();

    let mut fresh = Generation::begin(&house.storage()).await.unwrap();
    let mut build = fresh.writer(&*house.log).await.unwrap();
    opened.tickets[0].impact = "request".into();
    build.apply(&opened).await.unwrap();
    assert_eq!(fresh.hold_serving().await.unwrap(), Some(2));
    let held = writer.apply(&house.up_to(3).await).await.unwrap_err();
    assert!(matches!(held, ViewError::Unavailable { .. }), "{held}");
    let impact = async || views.tickets(&Default::default(), 0, 10).await.unwrap()[0].impact.clone();
    assert_eq!(impact().await, "incident");
    build.apply(&house.up_to(3).await).await.unwrap();
    build.finish().await.unwrap();
    fresh.serve().await.unwrap();

    assert_eq!(impact().await, "request");
    // What it was about to write is there already.
    assert!(matches!(writer.apply(&house.up_to(3).await).await, Err(ViewError::Unavailable { .. })));
    assert!(writer.lead().await.unwrap());
    assert_eq!(writer.end().await.unwrap(), (3, 0));
    writer.apply(&house.up_to(4).await).await.unwrap();
    assert_eq!(views.position().await.unwrap(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_serves_the_views_that_the_owner_rebuilt_and_may_not_rebuild_them_itself() {
    let Some(place) = Place::postgres().await else { return };
    let Place::Postgres(database) = &place else { return };
    let unique = database.name().trim_start_matches("beleg_test_").to_owned();
    let roles = Roles {
        owner: format!("own_{unique}"),
        owner_password: Some("o".into()),
        service: format!("svc_{unique}"),
        service_password: Some("s".into()),
    };
    roles.init(database.url(), PostgresOptions::default()).await.unwrap();
    let as_role = |role: &str, password: &str| {
        let (scheme, rest) = database.url().split_once("://").unwrap();
        let place = rest.split_once('@').map_or(rest, |(_, place)| place);
        Storage::Database(Database::at(format!("{scheme}://{role}:{password}@{place}")))
    };
    let (owner, service) = (as_role(&roles.owner, "o"), as_role(&roles.service, "s"));
    let superuser = place.storage();

    let log = service.open_log(beleg_store::LogOptions::new(beleg_store::ClockKind::System)).await.unwrap();
    let leaf_hash = log.events_at(&[1]).await.unwrap()[0].leaf_hash;
    let (mut writer, views) = service.open_views(&*log).await.unwrap();
    let batch = beleg_store::ViewBatch { position: 1, leaf_hash, ..Default::default() };
    writer.apply(&batch).await.unwrap();
    let refused = Generation::begin(&service).await.unwrap_err();
    assert!(refused.to_string().contains("beleg database init"), "{refused}");
    // A superuser's build is owned by the owner, so that the owner can make the next one.
    for upkeep in [&owner, &superuser, &owner] {
        let mut fresh = Generation::begin(upkeep).await.unwrap();
        let mut build = fresh.writer(&*log).await.unwrap();
        build.apply(&batch).await.unwrap();
        build.finish().await.unwrap();
        assert_eq!(fresh.hold_serving().await.unwrap(), Some(1));
        fresh.serve().await.unwrap();
        assert_eq!(views.position().await.unwrap(), 1);
        assert_eq!(writer.end().await.unwrap(), (1, 0));
    }
    writer.close().await.unwrap();
    views.close().await;
    log.close().await;
    let mut shell = <sqlx::PgConnection as sqlx::Connection>::connect(database.url()).await.unwrap();
    for role in [&roles.service, &roles.owner] {
        let drop = format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(drop)).execute(&mut shell).await.unwrap();
    }
}
