use std::sync::Arc;

use beleg_proof::{canonical, commitment};
use beleg_store::{Append, ClockKind, EventLog, LogOptions, NewEvent, PersonalField, SqliteLog};
use tempfile::TempDir;
use uuid::Uuid;

/// 2026-03-02T09:00:00Z.
pub(crate) const NOW_US: i64 = 1_772_442_000_000_000;

pub(crate) struct Desk {
    pub(crate) directory: TempDir,
    pub(crate) log: Arc<dyn EventLog>,
}

impl Desk {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let log = SqliteLog::open(directory.path(), LogOptions::new(ClockKind::System)).await.unwrap();
        Self { directory, log: Arc::new(log) }
    }

    pub(crate) async fn reopened(self) -> Self {
        self.log.close().await;
        drop(self.log);
        let log = SqliteLog::open(self.directory.path(), LogOptions::new(ClockKind::System)).await.unwrap();
        Self { directory: self.directory, log: Arc::new(log) }
    }
}

pub(crate) fn event(stream: &str) -> NewEvent {
    let payload = canonical::to_bytes(&std::collections::BTreeMap::from([("stream", stream)])).unwrap();
    NewEvent {
        stream: stream.into(),
        event_id: Uuid::now_v7(),
        event_type: "noted".into(),
        schema_version: 1,
        occurred_at_us: NOW_US,
        causation_id: None,
        payload_sha256: commitment::sha256(&payload),
        payload,
        personal: Vec::new(),
    }
}

pub(crate) fn personal(name: &str, text: &str) -> PersonalField {
    let salt = commitment::sha256(name.as_bytes());
    let bytes = text.as_bytes().to_vec();
    let commitment = commitment::commit(&salt, &bytes);
    PersonalField { name: name.into(), salt, bytes, commitment }
}

/// A command that expects a stream at a version and adds events to it.
pub(crate) fn command(stream: &str, expected: i64, events: usize) -> Append {
    let request_id = Uuid::new_v4();
    Append {
        request_id,
        request_digest: commitment::sha256(request_id.as_bytes()),
        correlation_id: None,
        actor: "test".into(),
        origin: None,
        now_us: NOW_US,
        expectations: vec![(stream.into(), expected)],
        events: (0..events).map(|_| event(stream)).collect(),
    }
}
