//! An append on its way into a batch: checked, counted, and with everything computed that the database is not needed
//! for.

use std::sync::Arc;

use beleg_proof::canonical::INTEGER_MAX;
use beleg_proof::envelope::Envelope;
use beleg_proof::instant::MAX_US;
use uuid::Uuid;

use super::{Append, AppendError, NewEvent, PersonalField, Seal};

/// Bytes that an event counts for beside its payload and its personal fields.
const EVENT_BYTES: usize = 512;

/// Most events and bytes of one append.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AppendLimits {
    pub(crate) events_max: usize,
    pub(crate) bytes_max: usize,
}

/// A checked append.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) request_id: Uuid,
    pub(crate) request_digest: [u8; 32],
    /// Of its seal.
    salt: [u8; 32],
    pub(crate) correlation_id: Option<Uuid>,
    pub(crate) actor: Arc<str>,
    pub(crate) origin: Option<Arc<str>>,
    pub(crate) now_us: i64,
    pub(crate) expectations: Vec<(Arc<str>, i64)>,
    pub(crate) events: Vec<Pending>,
    pub(crate) bytes: usize,
    /// The stamp that the leaf hashes below were computed with.
    pub(crate) recorded_at_us: i64,
}

/// One of its events.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) stream: Arc<str>,
    pub(crate) version: i64,
    pub(crate) event_id: Uuid,
    pub(crate) event_type: Arc<str>,
    pub(crate) schema_version: u16,
    pub(crate) occurred_at_us: i64,
    pub(crate) causation_id: Option<Uuid>,
    pub(crate) payload: Arc<str>,
    pub(crate) payload_sha256: [u8; 32],
    pub(crate) personal: Vec<PersonalField>,
    /// `{"field":"hex"}`, in the order of the names.
    pub(crate) commitments: Option<Arc<str>>,
    pub(crate) leaf_hash: [u8; 32],
}

impl Command {
    /// Checks an append and settles the versions of its events.
    pub(crate) fn check(append: Append, salt: [u8; 32], limits: AppendLimits) -> Result<Self, AppendError> {
        let bytes = append.events.iter().map(|event| {
            EVENT_BYTES + event.payload.len() + event.personal.iter().map(|field| field.bytes.len()).sum::<usize>()
        });
        let bytes = bytes.sum::<usize>();
        if append.events.len() > limits.events_max || bytes > limits.bytes_max {
            return Err(AppendError::TooLarge {
                events: append.events.len(),
                bytes,
                events_max: limits.events_max,
                bytes_max: limits.bytes_max,
            });
        }
        if append.events.is_empty() {
            return Err(malformed("no events"));
        }
        check_instant(append.now_us)?;
        check_texts(&append)?;
        let mut versions = expected_versions(&append.expectations)?;
        check_ids(&append.events)?;
        let mut events = Vec::with_capacity(append.events.len());
        for event in append.events {
            check_instant(event.occurred_at_us)?;
            let Some((_, version)) = versions.iter_mut().find(|(stream, _)| **stream == *event.stream) else {
                return Err(malformed(format!("no expectation on stream {}", event.stream)));
            };
            *version += 1;
            let payload = String::from_utf8(event.payload).map_err(|_| malformed("a payload that is not UTF-8"))?;
            let personal = in_order(event.personal)?;
            events.push(Pending {
                version: *version,
                commitments: commitments_text(personal.iter().map(|field| (&*field.name, field.commitment)))
                    .map(Arc::from),
                stream: event.stream,
                event_id: event.event_id,
                event_type: event.event_type,
                schema_version: event.schema_version,
                occurred_at_us: event.occurred_at_us,
                causation_id: event.causation_id,
                payload: payload.into(),
                payload_sha256: event.payload_sha256,
                personal,
                leaf_hash: [0; 32],
            });
        }
        Ok(Self {
            request_id: append.request_id,
            request_digest: append.request_digest,
            salt,
            correlation_id: append.correlation_id,
            actor: append.actor,
            origin: append.origin,
            now_us: append.now_us,
            expectations: append.expectations,
            events,
            bytes,
            recorded_at_us: -1,
        })
    }

    /// What its first event carries.
    pub(crate) fn seal(&self) -> Seal {
        Seal::new(self.salt, &self.request_digest)
    }

    /// The earliest stamp that contradicts neither the decision's now nor what the events say.
    pub(crate) fn earliest_stamp_us(&self) -> i64 {
        self.events.iter().map(|event| event.occurred_at_us).max().unwrap_or(0).max(self.now_us)
    }

    /// The texts about people, by field name.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let fields = self.events.iter().flat_map(|event| &event.personal);
        fields.map(|field| (&*field.name, field.bytes.as_slice()))
    }

    /// Whether both ask for the same, in the same words.
    pub(crate) fn is_same_request(&self, other: &Self) -> bool {
        self.request_digest == other.request_digest && self.texts().eq(other.texts())
    }

    /// Stamps the events and hashes their envelopes, unless that was done with the same stamp before.
    pub(crate) fn stamp(&mut self, recorded_at_us: i64) -> Result<(), AppendError> {
        if self.recorded_at_us == recorded_at_us {
            return Ok(());
        }
        let mut bytes = Vec::with_capacity(1_024);
        let mut commitments = Vec::new();
        for event in &mut self.events {
            commitments.clear();
            commitments.extend(event.personal.iter().map(|field| (&*field.name, field.commitment)));
            let envelope = Envelope {
                stream: &event.stream,
                version: event.version,
                event_id: event.event_id,
                event_type: &event.event_type,
                schema_version: event.schema_version,
                occurred_at_us: event.occurred_at_us,
                recorded_at_us,
                request_id: self.request_id,
                causation_id: event.causation_id,
                correlation_id: self.correlation_id,
                actor: &self.actor,
                origin: self.origin.as_deref(),
                payload_sha256: event.payload_sha256,
                commitments: &commitments,
            };
            bytes.clear();
            envelope.write(&mut bytes).map_err(|error| malformed(error.to_string()))?;
            event.leaf_hash = beleg_proof::envelope::leaf_hash(&bytes);
        }
        self.recorded_at_us = recorded_at_us;
        Ok(())
    }
}

pub(crate) fn malformed(reason: impl Into<String>) -> AppendError {
    AppendError::Malformed { reason: reason.into() }
}

fn check_ids(events: &[NewEvent]) -> Result<(), AppendError> {
    let mut ids: Vec<Uuid> = events.iter().map(|event| event.event_id).collect();
    ids.sort_unstable();
    match ids.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(AppendError::EventExists { event_id: pair[0] }),
        None => Ok(()),
    }
}

fn check_instant(us: i64) -> Result<(), AppendError> {
    if (0..=MAX_US).contains(&us) { Ok(()) } else { Err(malformed("an instant outside the years 1970 to 9999")) }
}

/// PostgreSQL's texts hold every character but this one.
fn check_texts(append: &Append) -> Result<(), AppendError> {
    let names = append.expectations.iter().map(|(stream, _)| stream);
    let names = names.chain([&append.actor]).chain(&append.origin);
    let mut names = names.chain(append.events.iter().map(|event| &event.event_type));
    if names.any(|name| name.contains('\0')) || append.events.iter().any(|event| event.payload.contains(&0)) {
        return Err(malformed("a zero character"));
    }
    Ok(())
}

fn expected_versions(expectations: &[(Arc<str>, i64)]) -> Result<Vec<(Arc<str>, i64)>, AppendError> {
    for (index, (stream, version)) in expectations.iter().enumerate() {
        if !(0..INTEGER_MAX).contains(version) {
            return Err(malformed(format!("version {version} of stream {stream}")));
        }
        if expectations[..index].iter().any(|(other, _)| other == stream) {
            return Err(malformed(format!("two expectations on stream {stream}")));
        }
    }
    Ok(expectations.to_vec())
}

/// Names are plain words, so that they can be written into a log's schema, messages and JSON as they are.
fn in_order(mut personal: Vec<PersonalField>) -> Result<Vec<PersonalField>, AppendError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if let Some(field) = personal.iter().find(|field| field.name.is_empty() || !field.name.bytes().all(plain)) {
        return Err(malformed(format!("personal field name {:?}", field.name)));
    }
    personal.sort_unstable_by(|left, right| left.name.cmp(&right.name));
    if let Some(pair) = personal.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return Err(malformed(format!("personal field {} twice", pair[0].name)));
    }
    Ok(personal)
}

/// `{"field":"hex"}`; none where there are no fields.
pub(crate) fn commitments_text<'f>(fields: impl Iterator<Item = (&'f str, [u8; 32])>) -> Option<String> {
    let members: Vec<_> =
        fields.map(|(name, commitment)| format!("\"{name}\":\"{}\"", hex::encode(commitment))).collect();
    (!members.is_empty()).then(|| format!("{{{}}}", members.join(",")))
}
