//! What somebody with access to the database could do to a log behind the server's back.

use std::sync::Arc;

use beleg_proof::{canonical, commitment};
use beleg_store::{Append, ClockKind, LogOptions, NewEvent, StoredEvent};
use serde_json::Value;
use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::place::{Part, Place, Shell};

/// A stream, an event type and a payload.
pub(crate) type Forged<'a> = (String, &'a str, Value);

/// Appends events as one command, in good form: their hashes, versions and positions are right.
pub(crate) async fn append(data: &Place, events: &[Forged<'_>]) {
    append_with_ids(data, events, Uuid::new_v4).await;
}

/// The same, with the events' ids.
pub(crate) async fn append_with_ids(data: &Place, events: &[Forged<'_>], mut id: impl FnMut() -> Uuid) {
    let log = data.storage().open_log(LogOptions::new(ClockKind::Simulated)).await.unwrap();
    let mut expectations: Vec<(Arc<str>, i64)> = Vec::new();
    for (stream, ..) in events {
        if !expectations.iter().any(|(named, _)| **named == **stream) {
            expectations.push((stream.as_str().into(), log.stream_version(stream).await.unwrap()));
        }
    }
    let now_us = log.head().recorded_at_us;
    let new = |(stream, event_type, payload): &Forged<'_>| {
        let payload = canonical::to_bytes(payload).unwrap();
        NewEvent {
            stream: stream.as_str().into(),
            event_id: id(),
            event_type: (*event_type).into(),
            schema_version: 1,
            occurred_at_us: now_us,
            causation_id: None,
            payload_sha256: commitment::sha256(&payload),
            payload,
            personal: Vec::new(),
        }
    };
    let append = Append {
        request_id: Uuid::new_v4(),
        request_digest: [0; 32],
        correlation_id: None,
        actor: "forger".into(),
        origin: None,
        now_us,
        expectations,
        events: events.iter().map(new).collect(),
    };
    log.append(append).await.unwrap();
    log.close().await;
}

/// The last event of a type.
pub(crate) async fn last(data: &Place, event_type: &str) -> StoredEvent {
    let log = data.storage().open_log_read_only().await.unwrap();
    let events = log.read_all(0, 8_000).await.unwrap();
    log.close().await;
    events.into_iter().rfind(|event| &*event.event_type == event_type).unwrap()
}

pub(crate) fn payload(stored: &StoredEvent) -> Value {
    serde_json::from_slice(&stored.payload).unwrap()
}

/// Only with its triggers gone does the log let itself be changed.
async fn drop_triggers(shell: &mut Shell) {
    match shell {
        Shell::Sqlite(sqlite) => {
            for name in triggers(sqlite).await {
                shell_of(sqlite, &format!("DROP TRIGGER {name}")).await;
            }
        }
        Shell::Postgres(_) => {
            let disable = "DO $$ DECLARE t regclass; BEGIN \
                           FOR t IN SELECT c.oid FROM pg_class c WHERE c.relkind = 'r' \
                           AND c.relnamespace = 'beleg_log'::regnamespace \
                           LOOP EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', t); END LOOP; END $$";
            shell.run(disable).await;
        }
    }
}

async fn triggers(shell: &mut SqliteConnection) -> Vec<String> {
    let names = sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'trigger'");
    names.fetch_all(shell).await.unwrap()
}

async fn shell_of(shell: &mut SqliteConnection, sql: &str) {
    sqlx::query(sqlx::AssertSqlSafe(sql)).execute(shell).await.unwrap();
}

/// Runs a statement and says how many rows it changed.
pub(crate) async fn run(data: &Place, part: Part, sql: &str) -> u64 {
    let mut shell = data.shell(part).await;
    if let Part::Log = part {
        drop_triggers(&mut shell).await;
    }
    shell.run(sql).await
}

/// Cuts a log down to its first events, as if nothing had been appended after them.
pub(crate) async fn keep_first(data: &Place, position: i64) {
    run(data, Part::Log, &format!("DELETE FROM events WHERE position > {position}")).await;
    run(data, Part::Log, &format!("DELETE FROM personal WHERE position > {position}")).await;
    let counted = format!(
        "UPDATE events SET request_events = {position} - position + 1 WHERE position + request_events > {position} + 1"
    );
    run(data, Part::Log, &counted).await;
    run(data, Part::Log, "DELETE FROM streams WHERE stream_id NOT IN (SELECT stream_id FROM events)").await;
}
