use std::sync::Arc;

use beleg_postgres_cluster::Database;
use beleg_proof::{canonical, commitment};
use beleg_store::views::{EntryRow, TicketRow};
use beleg_store::{
    Append, ClockKind, EventLog, LogOptions, NewEvent, Storage, ViewBatch, Views, ViewsOpenError, ViewsWriter,
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use tempfile::TempDir;
use uuid::Uuid;

/// 2026-03-02T09:00:00Z.
const NOW_US: i64 = 1_772_442_000_000_000;

/// What views must do, whatever keeps them: each function runs on SQLite and on PostgreSQL.
macro_rules! on_every_database {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")] async fn $name() {
                super::$name($crate::house::Place::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")] async fn $name() {
                if let Some(place) = $crate::house::Place::postgres().await { super::$name(place).await; }
            })*
        }
    };
}
pub(crate) use on_every_database;

/// What keeps a log and its views.
pub(crate) enum Place {
    Sqlite(TempDir),
    Postgres(Database),
}

impl Place {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    pub(crate) async fn postgres() -> Option<Self> {
        Database::new().await.map(Self::Postgres)
    }

    /// Another one of the same kind.
    pub(crate) async fn another(&self) -> Self {
        match self {
            Self::Sqlite(_) => Self::sqlite(),
            Self::Postgres(_) => Self::postgres().await.unwrap(),
        }
    }

    pub(crate) fn storage(&self) -> Storage {
        match self {
            Self::Sqlite(directory) => Storage::Directory(directory.path().to_owned()),
            Self::Postgres(database) => Storage::Database(beleg_store::Database::at(database.url())),
        }
    }
}

pub(crate) struct House {
    pub(crate) place: Place,
    pub(crate) log: Arc<dyn EventLog>,
}

/// A hand on the views' tables from outside.
pub(crate) enum Shell {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Shell {
    pub(crate) async fn run(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(shell) => sqlx::raw_sql(AssertSqlSafe(sql)).execute(shell).await.map(drop),
            Self::Postgres(shell) => sqlx::raw_sql(AssertSqlSafe(sql)).execute(shell).await.map(drop),
        }
    }
}

impl House {
    /// A log of so many events.
    pub(crate) async fn of(place: Place, events: i64) -> Self {
        let log = place.storage().open_log(LogOptions::new(ClockKind::System)).await.unwrap();
        let house = Self { place, log };
        house.append(events - 1).await;
        house
    }

    pub(crate) fn storage(&self) -> Storage {
        self.place.storage()
    }

    pub(crate) async fn append(&self, events: i64) {
        let from = self.log.stream_version("a").await.unwrap();
        for version in from..from + events {
            self.log.append(command(version)).await.unwrap();
        }
    }

    pub(crate) async fn views(&self) -> (Box<dyn ViewsWriter>, Arc<dyn Views>) {
        self.storage().open_views(&*self.log).await.unwrap()
    }

    pub(crate) async fn refused(&self, log: &dyn EventLog) -> ViewsOpenError {
        self.storage().open_views(log).await.map(drop).unwrap_err()
    }

    /// A shell where the views' tables need no other name.
    pub(crate) async fn shell(&self) -> Shell {
        match &self.place {
            Place::Sqlite(directory) => {
                let file = directory.path().join("views.sqlite");
                Shell::Sqlite(SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap())
            }
            Place::Postgres(database) => {
                let mut shell = PgConnection::connect(database.url()).await.unwrap();
                sqlx::raw_sql("SET search_path = beleg_views").execute(&mut shell).await.unwrap();
                Shell::Postgres(shell)
            }
        }
    }

    /// A batch that comes to a position and holds nothing.
    pub(crate) async fn up_to(&self, position: i64) -> ViewBatch {
        let event = self.log.events_at(&[position]).await.unwrap().remove(0);
        ViewBatch { position, leaf_hash: event.leaf_hash, ..ViewBatch::default() }
    }
}

fn command(expected: i64) -> Append {
    let request_id = Uuid::new_v4();
    let payload = canonical::to_bytes(&request_id).unwrap();
    Append {
        request_id,
        request_digest: commitment::sha256(request_id.as_bytes()),
        correlation_id: None,
        actor: "test".into(),
        origin: None,
        now_us: NOW_US,
        expectations: vec![("a".into(), expected)],
        events: vec![NewEvent {
            stream: "a".into(),
            event_id: Uuid::now_v7(),
            event_type: "noted".into(),
            schema_version: 1,
            occurred_at_us: NOW_US,
            causation_id: None,
            payload_sha256: commitment::sha256(&payload),
            payload,
            personal: Vec::new(),
        }],
    }
}

pub(crate) fn ticket(id: Uuid, opened_position: i64) -> TicketRow {
    TicketRow {
        opened_position,
        ticket_id: id,
        customer_id: "acme".into(),
        reference: None,
        impact: "incident".into(),
        opened_at_us: NOW_US,
        status: "open".into(),
        class: None,
        rule: None,
        origin: None,
    }
}

pub(crate) fn entry(ticket: Uuid, number: i64, assessment: Uuid, segment: i64) -> EntryRow {
    EntryRow {
        number,
        customer_id: "acme".into(),
        ticket_id: ticket,
        work_id: None,
        performer_id: None,
        service_from_us: NOW_US,
        service_to_us: NOW_US,
        worked_seconds: 60,
        billed_seconds: 60,
        hourly_rate_minor: Some(12_000),
        amount_minor: 200,
        currency: "EUR".into(),
        account: "billable".into(),
        rule: "billable.customizing-bug".into(),
        clause: "3.4".into(),
        policy_name: "support".into(),
        policy_version: 1,
        contract_version: 1,
        posted_position: 1,
        posted_at_us: NOW_US,
        assessment,
        segment,
        reverses: None,
        origin: None,
    }
}
