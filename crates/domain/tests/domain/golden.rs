//! What was once written can always be read: one stored example of every event. A
//! golden file never changes; a new type adds one, written with `BELEG_WRITE_GOLDEN=1`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use beleg_domain::contract::Terms;
use beleg_domain::event::{
    ClockKind, Event, Limit, LogCreated, Offer, PolicyPublished, ReferenceTaken, SCHEMA_VERSION,
};
use beleg_domain::ids::{OpaqueId, Reference};
use beleg_domain::ticket::command::Command;

use crate::world::*;

/// One example of every type, from a played history where there is one.
fn examples() -> BTreeMap<&'static str, Event> {
    let terms = Terms { prepaid_minutes: Some(10), ..hourly(12_000) };
    let mut w = World::with_release(terms, Limit::Minutes(60));
    let work = w.work("anna", Execution, "09:50", "11:00");
    w.amend("11:00", "03-02", hourly(15_000));
    w.then("11:10", Command::Void { work });
    let told = w.then("11:20", inform(Offer::QuoteMinor(50_000)));
    w.then("11:30", Command::Decline { information: told });
    let accepted = w.then("11:40", quote_approval(told));
    w.then("12:00", Command::Resolve);
    w.then("12:10", Command::Revoke { approval: accepted });
    w.then("12:20", Command::Close);
    w.then("12:30", Command::Reopen);
    w.then("12:40", Command::Reassess);

    let ticket_id = w.ticket().id;
    let word = |text| OpaqueId::parse("reference", text).unwrap();
    let reference = Reference { number: word("INC-7"), system: word("desk") };
    let written = [
        LogCreated { clock: ClockKind::System, format: 1, log_id: ticket_id }.into(),
        PolicyPublished { document: "{}".into(), hash: "00".repeat(32), name: "support".into(), version: 1 }.into(),
        ReferenceTaken { reference, ticket_id }.into(),
    ];
    let mut examples = BTreeMap::new();
    for event in written.into_iter().chain(w.log.into_iter().map(|logged| logged.event)) {
        examples.entry(event.event_type()).or_insert(event);
    }
    examples
}

fn file(event_type: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/domain/golden/{event_type}.v{SCHEMA_VERSION}.json"))
}

#[test]
fn every_event_is_written_and_read_as_it_always_was() {
    let examples = examples();
    let missing: Vec<_> = Event::TYPES.iter().filter(|event_type| !examples.contains_key(*event_type)).collect();
    assert!(missing.is_empty(), "no example of {missing:?}");
    for (event_type, event) in examples {
        let written = serde_json_canonicalizer::to_vec(&event).unwrap();
        let path = file(event_type);
        if std::env::var_os("BELEG_WRITE_GOLDEN").is_some() && !path.exists() {
            std::fs::write(&path, &written).unwrap();
        }
        let golden = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let again = Event::read(event_type, SCHEMA_VERSION, &golden).unwrap();
        assert_eq!(again.event_type(), event_type);
        assert_eq!(serde_json_canonicalizer::to_vec(&again).unwrap(), golden, "{event_type}");
        let read = |bytes: &[u8]| beside_the_policy(serde_json::from_slice(bytes).unwrap());
        assert_eq!(read(&golden), read(&written), "{event_type}");
    }
}

/// A payload without what the shipped policy's texts decide, which may change: its hash,
/// and the numbers of its clauses.
fn beside_the_policy(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Object(members) => {
            let masked = |(key, value): (String, serde_json::Value)| {
                let masked = matches!(key.as_str(), "hash" | "clause") && value.is_string();
                let value = if masked { "of the policy".into() } else { beside_the_policy(value) };
                (key, value)
            };
            members.into_iter().map(masked).collect()
        }
        serde_json::Value::Array(items) => items.into_iter().map(beside_the_policy).collect(),
        other => other,
    }
}

#[test]
fn every_golden_file_is_of_a_type_that_exists() {
    let known: BTreeSet<PathBuf> = Event::TYPES.iter().map(|event_type| file(event_type)).collect();
    let folder = file("any").parent().unwrap().to_owned();
    let stored: BTreeSet<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(stored, known);
}

#[test]
fn an_unknown_type_version_or_field_is_refused() {
    assert!(Event::read("ticket_vanished", SCHEMA_VERSION, b"{}").is_err());
    assert!(Event::read("diagnosis_started", SCHEMA_VERSION + 1, b"{}").is_err());
    assert!(Event::read("diagnosis_started", SCHEMA_VERSION, b"{\"why\":1}").is_err());
    assert!(Event::read("diagnosis_started", SCHEMA_VERSION, b"{}").is_ok());
}
