//! The envelope's bytes against a general RFC 8785 writer, and against vectors that never change.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use beleg_proof::envelope::{Envelope, EnvelopeError, leaf_hash};
use beleg_proof::{canonical, commitment, instant};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// An envelope that owns its parts, as a vector file spells them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Owned {
    stream: String,
    version: i64,
    event_id: Uuid,
    event_type: String,
    schema_version: u16,
    occurred_at_us: i64,
    recorded_at_us: i64,
    request_id: Uuid,
    causation_id: Option<Uuid>,
    correlation_id: Option<Uuid>,
    actor: String,
    origin: Option<String>,
    payload: String,
    /// Name, salt in hex, text.
    personal: Vec<(String, String, String)>,
}

impl Owned {
    fn commitments(&self) -> Vec<(&str, [u8; 32])> {
        let commit = |salt: &str, text: &str| {
            commitment::commit(&hex::decode(salt).unwrap().try_into().unwrap(), text.as_bytes())
        };
        self.personal.iter().map(|(name, salt, text)| (name.as_str(), commit(salt, text))).collect()
    }

    fn with<R>(&self, read: impl FnOnce(&Envelope<'_>) -> R) -> R {
        let commitments = self.commitments();
        read(&Envelope {
            stream: &self.stream,
            version: self.version,
            event_id: self.event_id,
            event_type: &self.event_type,
            schema_version: self.schema_version,
            occurred_at_us: self.occurred_at_us,
            recorded_at_us: self.recorded_at_us,
            request_id: self.request_id,
            causation_id: self.causation_id,
            correlation_id: self.correlation_id,
            actor: &self.actor,
            origin: self.origin.as_deref(),
            payload_sha256: commitment::sha256(self.payload.as_bytes()),
            commitments: &commitments,
        })
    }

    /// The same by the letter of the design: an object of these keys, absent ones left out.
    fn as_json(&self) -> Value {
        let mut object = Map::new();
        let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
        put("format", json!(1));
        put("stream", json!(self.stream));
        put("version", json!(self.version));
        put("event_id", json!(self.event_id.to_string()));
        put("type", json!(self.event_type));
        put("schema_version", json!(self.schema_version));
        put("occurred_at", json!(&*instant::format(self.occurred_at_us).unwrap()));
        put("recorded_at", json!(&*instant::format(self.recorded_at_us).unwrap()));
        put("request_id", json!(self.request_id.to_string()));
        put("actor", json!(self.actor));
        put("payload_sha256", json!(hex::encode(commitment::sha256(self.payload.as_bytes()))));
        for (key, id) in [("causation_id", self.causation_id), ("correlation_id", self.correlation_id)] {
            if let Some(id) = id {
                put(key, json!(id.to_string()));
            }
        }
        if let Some(origin) = &self.origin {
            put("origin", json!(origin));
        }
        if !self.personal.is_empty() {
            let commitments: BTreeMap<_, _> =
                self.commitments().into_iter().map(|(name, hash)| (name, hex::encode(hash))).collect();
            put("commitments", json!(commitments));
        }
        Value::Object(object)
    }
}

prop_compose! {
    fn any_owned()(
        (stream, event_type, actor, origin) in (any::<String>(), any::<String>(), any::<String>(), any::<Option<String>>()),
        (version, schema_version) in (0..=canonical::INTEGER_MAX, any::<u16>()),
        (occurred_at_us, recorded_at_us) in (0..=instant::MAX_US, 0..=instant::MAX_US),
        ids in any::<[u128; 4]>(),
        (caused, correlated) in any::<(bool, bool)>(),
        payload in any::<String>(),
        personal in prop::collection::hash_map(
            prop_oneof![any::<String>(), "[a-z_]{1,12}", "[\u{e000}\u{1f600}\u{ffff}a]{1,3}"],
            (any::<[u8; 32]>(), any::<String>()),
            0..5,
        ),
    ) -> Owned {
        let [event_id, request_id, cause, correlation] = ids.map(Uuid::from_u128);
        Owned {
            stream, version, event_id, event_type, schema_version, occurred_at_us, recorded_at_us, request_id,
            causation_id: caused.then_some(cause),
            correlation_id: correlated.then_some(correlation),
            actor, origin, payload,
            personal: personal.into_iter().map(|(name, (salt, text))| (name, hex::encode(salt), text)).collect(),
        }
    }
}

proptest! {
    #[test]
    fn is_what_a_general_writer_makes_of_the_same_object(owned in any_owned()) {
        let bytes = owned.with(|envelope| envelope.to_bytes()).unwrap();
        prop_assert_eq!(&bytes, &serde_json_canonicalizer::to_vec(&owned.as_json()).unwrap());
        prop_assert_eq!(&bytes, &canonical::to_bytes(&owned.as_json()).unwrap());
        prop_assert_eq!(
            leaf_hash(&bytes),
            commitment::sha256(&[b"\0".as_slice(), &bytes].concat())
        );
    }
}

/// One frozen envelope: its parts, its bytes and its leaf hash.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    parts: Owned,
    envelope: String,
    leaf_hash: String,
}

#[test]
fn frozen_vectors_hold() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("vectors/envelopes.json")).unwrap();
    assert!(vectors.len() >= 6, "vectors are added, never taken away");
    for vector in vectors {
        let bytes = vector.parts.with(|envelope| envelope.to_bytes()).unwrap();
        let name = &vector.name;
        assert_eq!(std::str::from_utf8(&bytes).unwrap(), vector.envelope, "{name}: the envelope changed");
        assert_eq!(hex::encode(leaf_hash(&bytes)), vector.leaf_hash, "{name}: the leaf hash changed");
    }
}

#[test]
fn what_cannot_be_written_is_refused() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("vectors/envelopes.json")).unwrap();
    let good = &vectors[0].parts;
    let fault = |owned: Owned| owned.with(|envelope| envelope.to_bytes()).unwrap_err();
    assert!(matches!(fault(Owned { occurred_at_us: -1, ..good.clone() }), EnvelopeError::Instant(_)));
    assert!(matches!(fault(Owned { recorded_at_us: i64::MAX, ..good.clone() }), EnvelopeError::Instant(_)));
    assert!(matches!(fault(Owned { version: i64::MAX, ..good.clone() }), EnvelopeError::Canonical(_)));
    let twice = vec![("note".to_owned(), hex::encode([1; 32]), String::new()); 2];
    assert!(matches!(fault(Owned { personal: twice, ..good.clone() }), EnvelopeError::Canonical(_)));
}
