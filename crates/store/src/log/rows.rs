//! What goes into the log and what comes out of it.

use std::sync::Arc;

use beleg_proof::commitment;
use beleg_proof::envelope::Envelope;
use uuid::Uuid;

/// What kind of clock stamps a log. It is fixed when the log is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockKind {
    /// `recorded_at` follows the system's clock.
    System,
    /// `recorded_at` follows the commands' own now: tests, demonstrations and imports on an invented calendar.
    Simulated,
}

impl ClockKind {
    /// The word that `log_created` records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Simulated => "simulated",
        }
    }
}

impl std::fmt::Display for ClockKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the first event of every log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogInfo {
    /// The log's own id.
    pub log_id: Uuid,
    /// The clock it was created with.
    pub clock: ClockKind,
}

/// What a process has committed: how commands gather in batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Commits {
    /// Transactions.
    pub batches: u64,
    /// Commands in them.
    pub commands: u64,
    /// Commands of the largest.
    pub largest_batch: u64,
}

/// The end of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// Position of the last event; positions start at 1 and have no gaps.
    pub position: i64,
    /// When the last event was recorded; never decreases along the log.
    pub recorded_at_us: i64,
}

/// One piece of text about people: kept beside its event, bound to it by a salted hash, erasable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonalField {
    /// Field name, lower-case letters, digits and underscores; unique within its event.
    pub name: Arc<str>,
    /// Fresh random salt of this one field.
    pub salt: [u8; 32],
    /// The text.
    pub bytes: Vec<u8>,
    /// SHA-256(salt ‖ bytes), as [`beleg_proof::commitment::commit`] computes it.
    pub commitment: [u8; 32],
}

/// An event about to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// The stream it is written to; its version follows from the stream's expectation.
    pub stream: Arc<str>,
    /// Unique in the log.
    pub event_id: Uuid,
    /// Past-tense name.
    pub event_type: Arc<str>,
    /// Version of the payload's shape.
    pub schema_version: u16,
    /// When it was true, microseconds since the Unix epoch.
    pub occurred_at_us: i64,
    /// The event or command that caused it.
    pub causation_id: Option<Uuid>,
    /// Canonical JSON, stored exactly as given.
    pub payload: Vec<u8>,
    /// SHA-256 of `payload`.
    pub payload_sha256: [u8; 32],
    /// Texts about people.
    pub personal: Vec<PersonalField>,
}

/// One command's events, appended together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// Unique in the log; a repeated one gets the first answer.
    pub request_id: Uuid,
    /// SHA-256 of the canonical command with its target and actor; the log stores it salted, and for ever: texts
    /// about people must not be in it. They are compared with the personal fields that are still there.
    pub request_digest: [u8; 32],
    /// Ties commands of one conversation together.
    pub correlation_id: Option<Uuid>,
    /// Who commanded it.
    pub actor: Arc<str>,
    /// Where it came from (an import, a channel).
    pub origin: Option<Arc<str>>,
    /// The now that the decision was taken with.
    pub now_us: i64,
    /// Version expected of every stream that was read; 0 means that the stream does not exist. Every stream that an
    /// event is written to must be among them.
    pub expectations: Vec<(Arc<str>, i64)>,
    /// At least one event.
    pub events: Vec<NewEvent>,
}

/// Where one event of an append landed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendedEvent {
    /// Its id.
    pub event_id: Uuid,
    /// Its type.
    pub event_type: Arc<str>,
    /// Its stream.
    pub stream: Arc<str>,
    /// Its version in the stream, from 1.
    pub version: i64,
    /// Its position in the log.
    pub position: i64,
}

/// The receipt of an append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// True when the request had been accepted before and this is the first receipt again.
    pub repeated: bool,
    /// Position of the first event; the others follow without a gap.
    pub first_position: i64,
    /// The stamp of all its events.
    pub recorded_at_us: i64,
    /// In the order they were given.
    pub events: Vec<AppendedEvent>,
}

/// What the first event of a command carries beside its facts: by it a request that is sent again is told from another
/// one with the same id, and from the same one in another batch. It lets nobody guess what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seal {
    salt: [u8; 32],
    hash: [u8; 32],
}

impl Seal {
    /// Bytes of a stored one.
    pub(crate) const BYTES: usize = 64;

    /// Seals a request's digest with a fresh random salt.
    pub(crate) fn new(salt: [u8; 32], request_digest: &[u8; 32]) -> Self {
        Self { salt, hash: commitment::commit(&salt, request_digest) }
    }

    /// Whether it is that of a request with this digest.
    fn is_of(&self, request_digest: &[u8; 32]) -> bool {
        *self == Self::new(self.salt, request_digest)
    }

    /// As it is stored: the salt, then the hash.
    pub(crate) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..32].copy_from_slice(&self.salt);
        bytes[32..].copy_from_slice(&self.hash);
        bytes
    }

    /// A stored one; none if it has another length.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (salt, hash) = bytes.split_first_chunk::<32>()?;
        Some(Self { salt: *salt, hash: hash.try_into().ok()? })
    }
}

/// A request that was accepted, as found in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRequest {
    /// What it was sealed with.
    pub seal: Seal,
    /// The first receipt, marked as repeated.
    pub receipt: Appended,
    /// Its texts about people, by field name, as far as they are not erased.
    pub texts: Vec<(Arc<str>, Vec<u8>)>,
}

impl StoredRequest {
    /// Whether a command with this digest and these texts is the one that was accepted. An erased text is not
    /// compared: nothing is left that it could be compared with.
    pub fn matches<'t>(&self, request_digest: &[u8; 32], mut texts: impl Iterator<Item = (&'t str, &'t [u8])>) -> bool {
        let stored = |name: &str| self.texts.iter().find(|(stored, _)| **stored == *name);
        self.seal.is_of(request_digest)
            && texts.all(|(name, bytes)| stored(name).is_none_or(|(_, stored)| stored == bytes))
    }
}

/// A personal field as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPersonal {
    /// Field name.
    pub name: Arc<str>,
    /// The salt and the text; `None` once erased.
    pub disclosed: Option<Disclosed>,
    /// What the leaf binds; stays for ever.
    pub commitment: [u8; 32],
}

impl StoredPersonal {
    /// The text, unless it was erased.
    pub fn bytes(&self) -> Option<&[u8]> {
        self.disclosed.as_ref().map(|disclosed| disclosed.bytes.as_slice())
    }
}

/// The erasable half of a personal field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disclosed {
    /// The field's salt.
    pub salt: [u8; 32],
    /// The text.
    pub bytes: Vec<u8>,
}

/// An event as the log holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Position in the log, from 1 without gaps.
    pub position: i64,
    /// Its stream.
    pub stream: Arc<str>,
    /// Version in the stream, from 1.
    pub version: i64,
    /// Unique in the log.
    pub event_id: Uuid,
    /// Past-tense name.
    pub event_type: Arc<str>,
    /// Version of the payload's shape.
    pub schema_version: u16,
    /// When it was true.
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
    pub actor: Arc<str>,
    /// Where it came from.
    pub origin: Option<Arc<str>>,
    /// Canonical JSON, byte for byte as appended.
    pub payload: Vec<u8>,
    /// SHA-256(0x00 ‖ envelope).
    pub leaf_hash: [u8; 32],
    /// Personal fields in the order of their names, erased ones included; their commitments are part of the leaf.
    pub personal: Vec<StoredPersonal>,
}

impl StoredEvent {
    /// Whether it is what its leaf was hashed over, and every text that is still there what was committed to.
    pub fn is_intact(&self) -> bool {
        let commitments: Vec<(&str, [u8; 32])> =
            self.personal.iter().map(|field| (&*field.name, field.commitment)).collect();
        let envelope = Envelope {
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
            payload_sha256: commitment::sha256(&self.payload),
            commitments: &commitments,
        };
        let texts = self.personal.iter().all(|field| match &field.disclosed {
            Some(disclosed) => commitment::commit(&disclosed.salt, &disclosed.bytes) == field.commitment,
            None => true,
        });
        // What has no envelope was never hashed.
        envelope.leaf_hash().is_ok_and(|leaf| leaf == self.leaf_hash) && texts
    }
}
