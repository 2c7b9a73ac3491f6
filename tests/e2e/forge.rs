//! What somebody with access to the data directory could do to a log behind the server's back.

use std::path::Path;
use std::sync::Arc;

use beleg_proof::{canonical, commitment};
use beleg_store::{Append, ClockKind, EventLog as _, LogOptions, NewEvent, SqliteLog, StoredEvent};
use serde_json::Value;
use sqlx::{Connection as _, SqliteConnection};
use uuid::Uuid;

/// A stream, an event type and a payload.
pub(crate) type Forged<'a> = (String, &'a str, Value);

/// Appends events as one command, in good form: their hashes, versions and positions are right.
pub(crate) async fn append(data: &Path, events: &[Forged<'_>]) {
    append_with_ids(data, events, Uuid::new_v4).await;
}

/// The same, with the events' ids.
pub(crate) async fn append_with_ids(data: &Path, events: &[Forged<'_>], mut id: impl FnMut() -> Uuid) {
    let log = SqliteLog::open(data, LogOptions::new(ClockKind::Simulated)).await.unwrap();
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
pub(crate) async fn last(data: &Path, event_type: &str) -> StoredEvent {
    let log = SqliteLog::open_read_only(data).await.unwrap();
    let events = log.read_all(0, 8_000).await.unwrap();
    log.close().await;
    events.into_iter().rfind(|event| &*event.event_type == event_type).unwrap()
}

pub(crate) fn payload(stored: &StoredEvent) -> Value {
    serde_json::from_slice(&stored.payload).unwrap()
}

/// A plain SQLite shell on a file of the data directory. Only with its triggers gone does the log let itself be changed.
pub(crate) async fn shell(data: &Path, file: &str) -> SqliteConnection {
    let mut shell = SqliteConnection::connect(&format!("sqlite://{}", data.join(file).display())).await.unwrap();
    if file == "log.sqlite" {
        let triggers: Vec<(String,)> = sqlx::query_as("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
            .fetch_all(&mut shell)
            .await
            .unwrap();
        for (name,) in triggers {
            sqlx::query(sqlx::AssertSqlSafe(format!("DROP TRIGGER {name}"))).execute(&mut shell).await.unwrap();
        }
    }
    shell
}

/// Runs a statement and says how many rows it changed.
pub(crate) async fn run(data: &Path, file: &str, sql: &'static str) -> u64 {
    let mut shell = shell(data, file).await;
    let changed = sqlx::query(sql).execute(&mut shell).await.unwrap().rows_affected();
    shell.close().await.unwrap();
    changed
}
