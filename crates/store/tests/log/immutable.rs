use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};

use crate::desk::{Desk, command};

pub(crate) async fn shell(desk: &Desk) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite://{}", desk.place.directory().join("log.sqlite").display()))
        .await
        .unwrap()
}

async fn dump(shell: &mut SqliteConnection, table: &str) -> Vec<String> {
    let columns = sqlx::query(AssertSqlSafe(format!(
        "SELECT group_concat('quote(' || name || ')', '||') FROM pragma_table_info('{table}')"
    )))
    .fetch_one(&mut *shell)
    .await
    .unwrap()
    .get::<String, _>(0);
    let rows =
        sqlx::query(AssertSqlSafe(format!("SELECT {columns} FROM {table} ORDER BY 1"))).fetch_all(shell).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn the_database_itself_refuses_every_change_of_the_past() {
    let desk = Desk::sqlite().await;
    desk.log.append(command("a", 0, 3)).await.unwrap();
    let mut shell = shell(&desk).await;
    for table in ["events", "streams"] {
        let before = dump(&mut shell, table).await;
        assert!(!before.is_empty());
        let column = if table == "events" { "request_seal" } else { "name" };
        for change in [
            format!("UPDATE {table} SET {column} = {column}"),
            format!("UPDATE OR IGNORE {table} SET {column} = 1"),
            format!("UPDATE OR REPLACE {table} SET {column} = 1"),
            format!("DELETE FROM {table}"),
            format!("REPLACE INTO {table} SELECT * FROM {table}"),
            format!("INSERT OR REPLACE INTO {table} SELECT * FROM {table}"),
            format!("INSERT INTO {table} SELECT * FROM {table}"),
        ] {
            let refused = sqlx::query(AssertSqlSafe(change.clone())).execute(&mut shell).await;
            assert!(refused.is_err(), "{change} was carried out");
        }
        assert_eq!(dump(&mut shell, table).await, before);
    }
    // Nor is an event added that has no request, or that its request does not count, or a request once more.
    let insert = |request: &str| {
        format!(
            "INSERT OR REPLACE INTO events SELECT position + 1, stream_id, version + 1, randomblob(16), event_type, \
             schema_version, occurred_at_us, recorded_at_us, {request}, causation_id, correlation_id, actor, origin, \
             payload, commitments, leaf_hash FROM events ORDER BY position DESC LIMIT 1"
        )
    };
    let before = dump(&mut shell, "events").await;
    for wrong in [
        "randomblob(16), NULL, NULL",
        "request_id, NULL, NULL",
        "request_id, zeroblob(64), 1",
        "randomblob(16), zeroblob(63), 1",
        "randomblob(16), zeroblob(64), 0",
        "randomblob(16), zeroblob(64), NULL",
    ] {
        assert!(sqlx::raw_sql(AssertSqlSafe(insert(wrong))).execute(&mut shell).await.is_err(), "{wrong} was added");
    }
    let request = insert("randomblob(16), zeroblob(64), 2");
    let right = format!("BEGIN; {request}; {}; ROLLBACK", insert("request_id, NULL, NULL"));
    sqlx::raw_sql(AssertSqlSafe(right)).execute(&mut shell).await.unwrap();
    assert_eq!(dump(&mut shell, "events").await, before);
    // The log goes on.
    desk.log.append(command("a", 3, 1)).await.unwrap();
}
