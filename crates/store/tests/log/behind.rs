//! A server takes its log to be as it left it, and asks the database only when it is told no.

use beleg_store::AppendError;
use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::desk::{Desk, all, command};
use crate::immutable::shell;

/// Appends one more event to a stream, as a person with a shell could.
async fn by_hand(shell: &mut SqliteConnection, stream: &str) {
    let text = format!(
        "INSERT INTO events (position, stream_id, version, event_id, event_type, schema_version, occurred_at_us, \
         recorded_at_us, request_id, request_seal, request_events, actor, payload, leaf_hash) \
         SELECT l.position + 1, e.stream_id, max(e.version) + 1, randomblob(16), 'by_hand', 1, 1, l.recorded_at_us, \
         randomblob(16), zeroblob(64), 1, 'somebody', '{{}}', zeroblob(32) \
         FROM (SELECT * FROM events ORDER BY position DESC LIMIT 1) l, \
         streams s JOIN events e USING (stream_id) WHERE s.name = '{stream}'"
    );
    sqlx::raw_sql(AssertSqlSafe(text)).execute(shell).await.unwrap();
}

#[tokio::test]
async fn the_log_goes_on_behind_what_somebody_else_appended() {
    let desk = Desk::sqlite().await;
    desk.log.append(command("a", 0, 2)).await.unwrap();
    desk.log.append(command("b", 0, 1)).await.unwrap();
    by_hand(&mut shell(&desk).await, "b").await;

    let appended = desk.log.append(command("a", 2, 1)).await.unwrap();
    assert_eq!(appended.first_position, 6, "creation, two of a, one of b, one by hand");
    let conflict = desk.log.append(command("b", 1, 1)).await.unwrap_err();
    assert_eq!(conflict, AppendError::Conflict { stream: "b".into(), expected: 1, actual: 2 });
    desk.log.append(command("b", 2, 1)).await.unwrap();
    let positions: Vec<_> = all(&*desk.log).await.iter().map(|event| event.position).collect();
    assert_eq!(positions, (1..=7).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_command_on_a_version_that_somebody_else_overtook_is_a_conflict() {
    let desk = Desk::sqlite().await;
    desk.log.append(command("a", 0, 1)).await.unwrap();
    by_hand(&mut shell(&desk).await, "a").await;
    let conflict = desk.log.append(command("a", 1, 1)).await.unwrap_err();
    assert_eq!(conflict, AppendError::Conflict { stream: "a".into(), expected: 1, actual: 2 });
    assert_eq!(all(&*desk.log).await.len(), 3);
}

#[tokio::test]
async fn many_repeated_requests_among_new_ones_get_their_first_receipts() {
    let desk = Desk::sqlite().await;
    let mut first = Vec::new();
    for stream in 0..40 {
        let command = command(&format!("s-{stream}"), 0, 2);
        first.push((command.clone(), desk.log.append(command).await.unwrap()));
    }
    let calls = first.iter().enumerate().map(|(stream, (repeated, receipt))| {
        let (log, repeated, receipt) = (desk.log.clone(), repeated.clone(), receipt.clone());
        tokio::spawn(async move {
            let (again, new) = tokio::join!(log.append(repeated), log.append(command(&format!("s-{stream}"), 2, 1)));
            let again = again.unwrap();
            assert!(again.repeated);
            assert_eq!((again.first_position, again.events), (receipt.first_position, receipt.events));
            assert!(!new.unwrap().repeated);
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    assert_eq!(all(&*desk.log).await.len(), 1 + 40 * 3);
}
