use std::path::PathBuf;

use beleg_proof::{canonical, commitment};
use beleg_store::views::{EntryRow, TicketRow, serving_file};
use beleg_store::{Append, ClockKind, EventLog as _, LogOptions, NewEvent, SqliteLog, ViewBatch, Views, ViewsWriter};
use tempfile::TempDir;
use uuid::Uuid;

/// 2026-03-02T09:00:00Z.
const NOW_US: i64 = 1_772_442_000_000_000;

pub(crate) struct House {
    pub(crate) directory: TempDir,
    pub(crate) log: SqliteLog,
}

impl House {
    /// A log of so many events.
    pub(crate) async fn of(events: i64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let log = SqliteLog::open(directory.path(), LogOptions::new(ClockKind::System)).await.unwrap();
        let house = Self { directory, log };
        house.append(events - 1).await;
        house
    }

    pub(crate) async fn append(&self, events: i64) {
        let from = self.log.stream_version("a").await.unwrap();
        for version in from..from + events {
            self.log.append(command(version)).await.unwrap();
        }
    }

    pub(crate) fn file(&self) -> PathBuf {
        serving_file(self.directory.path())
    }

    pub(crate) async fn views(&self) -> (ViewsWriter, Views) {
        Views::open(&self.file(), &self.log).await.unwrap()
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
    }
}
