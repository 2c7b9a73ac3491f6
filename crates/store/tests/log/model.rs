//! The log against a model that is nothing but lists and maps: after every step both
//! hold the same.

use std::collections::HashMap;

use beleg_store::{Append, AppendError};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use uuid::Uuid;

use crate::desk::{Desk, command, personal};

/// One step; streams and earlier requests are chosen by number.
#[derive(Clone, Debug)]
enum Step {
    /// Appends to a stream, at its version or beside it, perhaps reading another one.
    Append { stream: usize, beside: i64, events: usize, reads: Option<(usize, i64)>, texts: bool },
    /// Sends an earlier command again, with the same or with other content.
    Again { which: usize, other: bool },
    /// Sends a new command with an event id that is taken.
    Taken { which: usize, stream: usize },
    /// Sends several commands at once; they form batches.
    Together { streams: Vec<usize> },
    /// Closes the log and opens it again.
    Reopen,
    /// Erases the texts of a part of the log.
    Erase { from: i64, to: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let reads = prop::option::weighted(0.3, (0..4_usize, -1..2_i64));
    prop_oneof![
        8 => (0..4_usize, prop_oneof![4 => Just(0_i64), 1 => -2..3_i64], 1..4_usize, reads, any::<bool>())
            .prop_map(|(stream, beside, events, reads, texts)| Step::Append { stream, beside, events, reads, texts }),
        3 => (0..50_usize, any::<bool>()).prop_map(|(which, other)| Step::Again { which, other }),
        1 => (0..50_usize, 0..4_usize).prop_map(|(which, stream)| Step::Taken { which, stream }),
        2 => prop::collection::vec(0..4_usize, 1..8).prop_map(|streams| Step::Together { streams }),
        1 => Just(Step::Reopen),
        1 => (1..30_i64, 1..30_i64).prop_map(|(from, length)| Step::Erase { from, to: from + length }),
    ]
}

#[derive(Default)]
struct Model {
    /// Event ids per stream; a stream's version is their number.
    streams: HashMap<String, Vec<Uuid>>,
    /// Every event: its id, its stream, and whether it was written with a text.
    events: Vec<(Uuid, String, bool)>,
    accepted: Vec<(Append, i64)>,
    erased: Vec<(i64, i64)>,
}

impl Model {
    fn version(&self, stream: &str) -> i64 {
        self.streams.get(stream).map_or(0, Vec::len) as i64
    }

    /// The position of the next event; the log's own first one is at 1.
    fn next(&self) -> i64 {
        self.events.len() as i64 + 2
    }

    fn accept(&mut self, append: Append, first: i64) {
        for event in &append.events {
            self.streams.entry(event.stream.to_string()).or_default().push(event.event_id);
            self.events.push((event.event_id, event.stream.to_string(), !event.personal.is_empty()));
        }
        self.accepted.push((append, first));
    }
}

fn name(stream: usize) -> String {
    format!("stream-{stream}")
}

async fn play(mut desk: Desk, steps: Vec<Step>) {
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Append { stream, beside, events, reads, texts } => {
                let actual = model.version(&name(stream));
                let expected = (actual + beside).max(0);
                let mut append = command(&name(stream), expected, events);
                if texts {
                    append.events[0].personal.push(personal("note", "Frau Weber rief an"));
                }
                let mut wrong = (expected != actual).then_some((name(stream), expected, actual));
                if let Some((other, beside)) = reads.filter(|(other, _)| *other != stream) {
                    let actual = model.version(&name(other));
                    let expected = (actual + beside).max(0);
                    append.expectations.push((name(other).into(), expected));
                    wrong = wrong.or((expected != actual).then_some((name(other), expected, actual)));
                }
                match (desk.log.append(append.clone()).await, wrong) {
                    (Ok(receipt), None) => {
                        assert_eq!((receipt.repeated, receipt.first_position), (false, model.next()));
                        model.accept(append, receipt.first_position);
                    }
                    (Err(AppendError::Conflict { stream, expected, actual }), Some(wrong)) => {
                        assert_eq!((stream.to_string(), expected, actual), wrong);
                    }
                    (outcome, wrong) => panic!("{outcome:?}, expected {wrong:?}"),
                }
            }
            Step::Again { which, other } if !model.accepted.is_empty() => {
                let (append, first) = &model.accepted[which % model.accepted.len()];
                let again =
                    Append { request_digest: if other { [9; 32] } else { append.request_digest }, ..append.clone() };
                match desk.log.append(again).await {
                    Ok(receipt) if !other => {
                        assert_eq!((receipt.repeated, receipt.first_position), (true, *first));
                        let ids: Vec<_> = receipt.events.iter().map(|event| event.event_id).collect();
                        assert_eq!(ids, append.events.iter().map(|event| event.event_id).collect::<Vec<_>>());
                    }
                    Err(AppendError::RequestReused { request_id }) if other => {
                        assert_eq!(request_id, append.request_id)
                    }
                    outcome => panic!("{outcome:?}"),
                }
            }
            Step::Taken { which, stream } if !model.events.is_empty() => {
                let taken = model.events[which % model.events.len()].0;
                let mut append = command(&name(stream), model.version(&name(stream)), 1);
                append.events[0].event_id = taken;
                let refused = desk.log.append(append).await.unwrap_err();
                assert_eq!(refused, AppendError::EventExists { event_id: taken });
            }
            Step::Together { streams } => {
                // All expect what stands now: of those on one stream exactly one is accepted.
                let appends = streams.iter().map(|stream| command(&name(*stream), model.version(&name(*stream)), 1));
                let sent: Vec<_> = appends
                    .map(|append| {
                        let log = desk.log.clone();
                        (append.clone(), tokio::spawn(async move { log.append(append).await }))
                    })
                    .collect();
                let mut accepted = Vec::new();
                for (append, answer) in sent {
                    match answer.await.unwrap() {
                        Ok(receipt) => accepted.push((receipt.first_position, append)),
                        Err(AppendError::Conflict { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
                accepted.sort_by_key(|(first, _)| *first);
                let mut distinct = streams.clone();
                distinct.sort_unstable();
                distinct.dedup();
                assert_eq!(accepted.len(), distinct.len());
                for (first, append) in accepted {
                    assert_eq!(first, model.next());
                    model.accept(append, first);
                }
            }
            Step::Reopen => desk = desk.reopened().await,
            Step::Erase { from, to } => {
                desk.log.erase_personal(from, to).await.unwrap();
                model.erased.push((from, to));
            }
            Step::Again { .. } | Step::Taken { .. } => {}
        }
        same(&desk, &model).await;
    }
}

/// Positions, streams, versions, texts: all as the model has them.
async fn same(desk: &Desk, model: &Model) {
    let log = desk.log.read_all(0, 8_000).await.unwrap();
    assert_eq!(log.len(), model.events.len() + 1);
    assert_eq!(desk.log.head().position, log.len() as i64);
    for (stored, (id, stream, has_text)) in log[1..].iter().zip(&model.events) {
        assert_eq!((&stored.event_id, &*stored.stream), (id, stream.as_str()));
        assert_eq!(stored.personal.len(), usize::from(*has_text));
        let erased = model.erased.iter().any(|(from, to)| (*from..=*to).contains(&stored.position));
        // What was erased before it was written stays.
        if stored.personal.iter().any(|field| field.bytes().is_none()) {
            assert!(erased);
        }
    }
    assert!(log.windows(2).all(|pair| pair[0].recorded_at_us <= pair[1].recorded_at_us));
    for (stream, ids) in &model.streams {
        let stored = desk.log.read_stream(stream, 0, 8_000).await.unwrap();
        assert_eq!(&stored.iter().map(|event| event.event_id).collect::<Vec<_>>(), ids);
        assert!(stored.iter().zip(1..).all(|(event, version)| event.version == version));
        assert_eq!(desk.log.stream_version(stream).await.unwrap(), ids.len() as i64);
    }
}

/// Plays random steps; where the database cannot be had, none.
fn plays<D: Future<Output = Option<Desk>>>(cases: u32, desk: impl Fn() -> D) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut runner = TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() });
    let outcome = runner.run(&prop::collection::vec(step(), 1..30), |steps| {
        runtime.block_on(async {
            if let Some(desk) = desk().await {
                play(desk, steps).await;
            }
        });
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn sqlite_does_what_its_model_does() {
    plays(48, || async { Some(Desk::sqlite().await) });
}

#[test]
fn postgres_does_what_its_model_does() {
    plays(24, Desk::postgres);
}

#[test]
fn postgres_over_a_severed_wire_does_what_its_model_does() {
    plays(12, Desk::severed);
}
