use std::sync::Arc;
use std::time::Duration;

use beleg_postgres_cluster::Database;
use beleg_proof::{canonical, commitment};
use beleg_store::{
    Append, ClockKind, EventLog, LogOptions, NewEvent, PersonalField, PostgresLog, PostgresOptions, SqliteLog,
};
use tempfile::TempDir;
use uuid::Uuid;

use crate::severed::Wire;

/// 2026-03-02T09:00:00Z.
pub(crate) const NOW_US: i64 = 1_772_442_000_000_000;

/// What every log must do, whatever keeps it: each function runs against SQLite, PostgreSQL, and PostgreSQL over a wire
/// that is cut again and again.
macro_rules! on_every_database {
    ($($(#[$attribute:meta])* $name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")] $(#[$attribute])* async fn $name() {
                super::$name($crate::desk::Desk::sqlite().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")] $(#[$attribute])* async fn $name() {
                if let Some(desk) = $crate::desk::Desk::postgres().await { super::$name(desk).await; }
            })*
        }
        mod severed {
            $(#[tokio::test(flavor = "multi_thread")] $(#[$attribute])* async fn $name() {
                if let Some(desk) = $crate::desk::Desk::severed().await { super::$name(desk).await; }
            })*
        }
    };
}
pub(crate) use on_every_database;

/// What keeps a log.
pub(crate) enum Place {
    Sqlite(TempDir),
    Postgres(Database),
    Severed(Database, Wire),
}

pub(crate) struct Desk {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) place: Place,
}

impl Desk {
    pub(crate) async fn sqlite() -> Self {
        Self::at(Place::Sqlite(tempfile::tempdir().unwrap())).await
    }

    pub(crate) async fn postgres() -> Option<Self> {
        Some(Self::at(Place::Postgres(Database::new().await?)).await)
    }

    pub(crate) async fn severed() -> Option<Self> {
        let database = Database::new().await?;
        let wire = Wire::to(port(database.url())).await;
        Some(Self::at(Place::Severed(database, wire)).await)
    }

    async fn at(place: Place) -> Self {
        let log = place.open().await;
        Self { log, place }
    }

    pub(crate) async fn reopened(self) -> Self {
        self.log.close().await;
        drop(self.log);
        Self::at(self.place).await
    }
}

impl Place {
    /// The directory of a log that has one.
    pub(crate) fn directory(&self) -> &std::path::Path {
        match self {
            Self::Sqlite(directory) => directory.path(),
            Self::Postgres(_) | Self::Severed(..) => panic!("a log in a database has no directory"),
        }
    }

    /// The log in it, once more.
    pub(crate) async fn open(&self) -> Arc<dyn EventLog> {
        let options = LogOptions::new(ClockKind::System);
        match self {
            Self::Sqlite(directory) => Arc::new(SqliteLog::open(directory.path(), options).await.unwrap()),
            Self::Postgres(database) => {
                Arc::new(PostgresLog::open(database.url(), options, PostgresOptions::default()).await.unwrap())
            }
            Self::Severed(database, wire) => {
                let url = database.url().replacen(&port(database.url()).to_string(), &wire.port.to_string(), 1);
                let patient = PostgresOptions {
                    ride_out: Duration::from_secs(20),
                    look_up_for: Duration::from_secs(20),
                    ..PostgresOptions::default()
                };
                wire.cut(false);
                let log = PostgresLog::open(&url, options, patient).await.unwrap();
                wire.cut(true);
                Arc::new(log)
            }
        }
    }
}

/// The port in a URL that has one.
fn port(url: &str) -> u16 {
    let address = url.split("://").nth(1).unwrap().split('/').next().unwrap();
    address.rsplit(':').next().unwrap().parse().unwrap_or(5432)
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

/// All events, checked to be gapless and never to run backwards in time.
pub(crate) async fn all(log: &dyn EventLog) -> Vec<beleg_store::StoredEvent> {
    let mut events: Vec<beleg_store::StoredEvent> = Vec::new();
    loop {
        let after = events.last().map_or(0, |event| event.position);
        let page = log.read_all(after, 100).await.unwrap();
        if page.is_empty() {
            return events;
        }
        for event in page {
            assert_eq!(event.position, events.len() as i64 + 1);
            assert!(events.last().is_none_or(|last| last.recorded_at_us <= event.recorded_at_us));
            events.push(event);
        }
    }
}
