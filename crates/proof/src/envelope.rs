//! The envelope of an event and its leaf hash.
//!
//! The envelope is the canonical JSON (RFC 8785) of everything an event is, with the payload and the personal fields
//! represented by hashes. Its SHA-256 after a zero byte is the leaf of the log's Merkle tree (RFC 6962). The position
//! is not part of it: it is the leaf's index.
//!
//! **These bytes can never change.** The shape is fixed, so it is written by hand in the order of its keys; a property
//! test holds the writer to what a general RFC 8785 writer makes of the same envelope, and frozen vectors hold both.

use sha2::{Digest, Sha256};
use thiserror::Error;
use uuid::Uuid;

use crate::canonical::CanonicalError;
use crate::canonical::text::{key_order, write_hex, write_integer, write_string};
use crate::instant::{self, InstantError};

/// The number under which this shape is written into every envelope.
pub const FORMAT: i64 = 1;

/// What is hashed of an event.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    /// Stream name.
    pub stream: &'a str,
    /// Version in the stream.
    pub version: i64,
    /// The event's id.
    pub event_id: Uuid,
    /// The event's type; written as `type`.
    pub event_type: &'a str,
    /// Version of the payload's shape.
    pub schema_version: u16,
    /// When it was true, microseconds since the Unix epoch.
    pub occurred_at_us: i64,
    /// When the log learned it.
    pub recorded_at_us: i64,
    /// The request that wrote it.
    pub request_id: Uuid,
    /// What caused it.
    pub causation_id: Option<Uuid>,
    /// The conversation it belongs to.
    pub correlation_id: Option<Uuid>,
    /// Who commanded it.
    pub actor: &'a str,
    /// Where it came from.
    pub origin: Option<&'a str>,
    /// SHA-256 of the payload's bytes.
    pub payload_sha256: [u8; 32],
    /// Personal fields by name, in any order; left out of the envelope when there are none.
    pub commitments: &'a [(&'a str, [u8; 32])],
}

/// Why an envelope cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EnvelopeError {
    /// An instant outside the years 1970 to 9999.
    #[error(transparent)]
    Instant(#[from] InstantError),
    /// A version outside what canonical JSON holds.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}

impl Envelope<'_> {
    /// The canonical bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EnvelopeError> {
        let mut bytes = Vec::with_capacity(768);
        self.write(&mut bytes)?;
        Ok(bytes)
    }

    /// Appends the canonical bytes to a buffer; after an error the buffer holds a useless part of them.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), EnvelopeError> {
        out.extend_from_slice(b"{\"actor\":");
        write_string(out, self.actor);
        write_optional_id(out, b",\"causation_id\":", self.causation_id);
        if !self.commitments.is_empty() {
            out.extend_from_slice(b",\"commitments\":");
            write_commitments(out, self.commitments)?;
        }
        write_optional_id(out, b",\"correlation_id\":", self.correlation_id);
        write_id(out, b",\"event_id\":", self.event_id);
        out.extend_from_slice(b",\"format\":");
        write_integer(out, FORMAT)?;
        write_instant(out, b",\"occurred_at\":", self.occurred_at_us)?;
        if let Some(origin) = self.origin {
            out.extend_from_slice(b",\"origin\":");
            write_string(out, origin);
        }
        write_hash(out, b",\"payload_sha256\":", &self.payload_sha256);
        write_instant(out, b",\"recorded_at\":", self.recorded_at_us)?;
        write_id(out, b",\"request_id\":", self.request_id);
        out.extend_from_slice(b",\"schema_version\":");
        write_integer(out, i64::from(self.schema_version))?;
        out.extend_from_slice(b",\"stream\":");
        write_string(out, self.stream);
        out.extend_from_slice(b",\"type\":");
        write_string(out, self.event_type);
        out.extend_from_slice(b",\"version\":");
        write_integer(out, self.version)?;
        out.push(b'}');
        Ok(())
    }

    /// The leaf hash.
    pub fn leaf_hash(&self) -> Result<[u8; 32], EnvelopeError> {
        Ok(leaf_hash(&self.to_bytes()?))
    }
}

/// SHA-256(0x00 ‖ envelope), as RFC 6962 hashes a leaf.
pub fn leaf_hash(envelope: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update([0]);
    hash.update(envelope);
    hash.finalize().into()
}

fn write_id(out: &mut Vec<u8>, key: &[u8], id: Uuid) {
    out.extend_from_slice(key);
    out.push(b'"');
    out.extend_from_slice(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()).as_bytes());
    out.push(b'"');
}

fn write_optional_id(out: &mut Vec<u8>, key: &[u8], id: Option<Uuid>) {
    if let Some(id) = id {
        write_id(out, key, id);
    }
}

fn write_hash(out: &mut Vec<u8>, key: &[u8], hash: &[u8; 32]) {
    out.extend_from_slice(key);
    out.push(b'"');
    write_hex(out, hash);
    out.push(b'"');
}

fn write_instant(out: &mut Vec<u8>, key: &[u8], us: i64) -> Result<(), InstantError> {
    let text = instant::format(us)?;
    out.extend_from_slice(key);
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
    Ok(())
}

fn write_commitments(out: &mut Vec<u8>, commitments: &[(&str, [u8; 32])]) -> Result<(), CanonicalError> {
    if commitments.windows(2).all(|pair| key_order(pair[0].0, pair[1].0).is_lt()) {
        write_ordered_commitments(out, commitments);
        return Ok(());
    }
    let mut ordered = commitments.to_vec();
    ordered.sort_unstable_by(|left, right| key_order(left.0, right.0));
    if let Some(pair) = ordered.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(CanonicalError::DuplicateKey(pair[0].0.to_owned()));
    }
    write_ordered_commitments(out, &ordered);
    Ok(())
}

fn write_ordered_commitments(out: &mut Vec<u8>, commitments: &[(&str, [u8; 32])]) {
    for (index, (name, commitment)) in commitments.iter().enumerate() {
        out.push(if index == 0 { b'{' } else { b',' });
        write_string(out, name);
        write_hash(out, b":", commitment);
    }
    out.push(b'}');
}
