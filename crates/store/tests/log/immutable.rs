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
    for table in ["events", "requests"] {
        let before = dump(&mut shell, table).await;
        assert!(!before.is_empty());
        let column = if table == "events" { "actor" } else { "first_position" };
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
    for change in ["UPDATE log_head SET position = position - 1", "DELETE FROM log_head"] {
        assert!(sqlx::query(change).execute(&mut shell).await.is_err(), "{change} was carried out");
    }
    // The log goes on.
    desk.log.append(command("a", 3, 1)).await.unwrap();
}
