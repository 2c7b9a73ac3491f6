use beleg_server::audit;
use beleg_server::pb::{FaultCause, Reproducible};
use sqlx::Connection as _;

use crate::house::House;
use crate::worked_ticket::play;

fn silent(_: u64, _: u64) {}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_build_says_what_the_serving_views_say_and_every_assessment_follows_from_its_facts() {
    let mut house = House::ready().await;
    let ticket = play(&mut house).await;
    house.now = "15:00".into();
    house.findings(&ticket, FaultCause::BaseSoftware, Reproducible::Yes).await;
    let entries = house.entries(&ticket).await;

    // While the server runs.
    let compared = audit::check_views(house.data.path(), &silent).await.unwrap();
    assert!(compared.checked > 10);
    assert_eq!(compared.found, Vec::<String>::new());
    let verified = audit::verify(house.data.path(), &silent).await.unwrap();
    assert_eq!(verified.found, Vec::<String>::new());
    assert_eq!(verified.checked, 5);

    let data = house.stop().await;
    audit::rebuild(data.path(), &silent).await.unwrap();
    let compared = audit::check_views(data.path(), &silent).await.unwrap();
    assert_eq!(compared.found, Vec::<String>::new());
    assert!(!entries.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_view_and_a_forged_assessment_are_named() {
    let mut house = House::ready().await;
    play(&mut house).await;
    let data = house.stop().await;

    let mut views =
        sqlx::SqliteConnection::connect(&format!("sqlite://{}", data.path().join("views.sqlite").display()))
            .await
            .unwrap();
    sqlx::query("UPDATE balances SET amount_minor = amount_minor + 1 WHERE account = 'billable'")
        .execute(&mut views)
        .await
        .unwrap();
    let compared = audit::check_views(data.path(), &silent).await.unwrap();
    assert_eq!(compared.found.len(), 2, "{:?}", compared.found);

    // Only with its triggers gone does the log let itself be forged.
    let mut log = sqlx::SqliteConnection::connect(&format!("sqlite://{}", data.path().join("log.sqlite").display()))
        .await
        .unwrap();
    let triggers: Vec<(String,)> =
        sqlx::query_as("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetch_all(&mut log).await.unwrap();
    for (name,) in triggers {
        sqlx::query(sqlx::AssertSqlSafe(format!("DROP TRIGGER {name}"))).execute(&mut log).await.unwrap();
    }
    let forged = sqlx::query(
        "UPDATE events SET payload = replace(payload, '\"amount_minor\":20000', '\"amount_minor\":90000') \
         WHERE payload LIKE '%\"amount_minor\":20000%'",
    )
    .execute(&mut log)
    .await
    .unwrap();
    assert_eq!(forged.rows_affected(), 1);
    let verified = audit::verify(data.path(), &silent).await.unwrap();
    // The leaf no longer fits, and the facts give another amount.
    assert_eq!(verified.found.len(), 2, "{:?}", verified.found);
    assert!(verified.found[0].contains("is not what was hashed"), "{:?}", verified.found);
    assert!(verified.found[1].contains("90000"), "{:?}", verified.found);
}
