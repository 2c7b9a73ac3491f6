//! Events as the bytes of messages: what a full read sends.
//!
//! A full read is bound by processor time. An [`pb::Event`] holds a dozen values that are each allocated, measured and
//! copied once more, so here an event becomes bytes where it was read. The bytes are those that [`pb::ReadLogResponse`]
//! would encode to.

use beleg_store::StoredEvent;
use prost::DecodeError;
use prost::bytes::{Buf, BufMut, Bytes};
use prost::encoding::{DecodeContext, WireType, encode_key, encode_varint, encoded_len_varint, key_len, skip_field};
use uuid::Uuid;

use super::render;
#[cfg(doc)]
use crate::pb;

/// The most bytes of a message, unless one event alone is larger. Larger ones would not be copied any cheaper: they pass
/// through half a dozen buffers, which should fit a processor's cache together.
pub(super) const MESSAGE_BYTES: usize = 256 * 1024;
/// What an event may need beyond its texts: ids, hashes, numbers and the fields' keys.
const EVENT_BYTES: usize = 512;
/// The number of [`pb::ReadLogResponse`]'s events.
const EVENTS: u32 = 1;

/// A [`pb::ReadLogResponse`] that is encoded already.
#[derive(Debug, Default)]
pub(crate) struct EncodedEvents(Bytes);

impl prost::Message for EncodedEvents {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        buf.put_slice(&self.0);
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    /// Never called: a server does not take such a message.
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        ctx: DecodeContext,
    ) -> Result<(), DecodeError> {
        skip_field(wire_type, tag, buf, ctx)
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

/// Encodes a page, in as many messages as it needs. A message ends before the event that would make it larger than
/// [`MESSAGE_BYTES`].
pub(super) fn messages(page: &[StoredEvent]) -> Vec<EncodedEvents> {
    let mut messages = Vec::new();
    let (mut message, mut event) = (Vec::with_capacity(MESSAGE_BYTES), Vec::with_capacity(2 * EVENT_BYTES));
    for stored in page {
        event.clear();
        put(&mut event, stored);
        if !message.is_empty() && message.len() + field_len(EVENTS, event.len()) > MESSAGE_BYTES {
            messages.push(EncodedEvents(std::mem::take(&mut message).into()));
            message.reserve(MESSAGE_BYTES);
        }
        bytes(&mut message, EVENTS, &event);
    }
    if !message.is_empty() {
        messages.push(EncodedEvents(message.into()));
    }
    messages
}

/// The fields of one event, in order of their numbers.
fn put(buf: &mut Vec<u8>, event: &StoredEvent) {
    number(buf, 1, event.position);
    text(buf, 2, &event.stream);
    number(buf, 3, event.version);
    id(buf, 4, event.event_id);
    text(buf, 5, &event.event_type);
    number(buf, 6, event.schema_version.into());
    instant(buf, 7, event.occurred_at_us);
    instant(buf, 8, event.recorded_at_us);
    id(buf, 9, event.request_id);
    if let Some(causation_id) = event.causation_id {
        id(buf, 10, causation_id);
    }
    if let Some(correlation_id) = event.correlation_id {
        id(buf, 11, correlation_id);
    }
    text(buf, 12, &event.actor);
    if let Some(origin) = &event.origin {
        bytes(buf, 13, origin.as_bytes());
    }
    if !event.payload.is_empty() {
        bytes(buf, 14, &event.payload);
    }
    bytes(buf, 15, &event.leaf_hash);
    for field in &event.personal {
        let mut personal = Vec::new();
        text(&mut personal, 1, &field.name);
        if let Some(disclosed) = field.bytes() {
            bytes(&mut personal, 2, String::from_utf8_lossy(disclosed).as_bytes());
        }
        bytes(&mut personal, 3, &field.commitment);
        bytes(buf, 16, &personal);
    }
}

/// What a field takes whose value has so many bytes: its key and its length count as well.
fn field_len(tag: u32, bytes: usize) -> usize {
    key_len(tag) + encoded_len_varint(bytes as u64) + bytes
}

/// What is of a fixed length or optional is there even if it is empty.
fn bytes(buf: &mut Vec<u8>, tag: u32, bytes: &[u8]) {
    encode_key(tag, WireType::LengthDelimited, buf);
    encode_varint(bytes.len() as u64, buf);
    buf.extend_from_slice(bytes);
}

fn text(buf: &mut Vec<u8>, tag: u32, text: &str) {
    if !text.is_empty() {
        bytes(buf, tag, text.as_bytes());
    }
}

fn number(buf: &mut Vec<u8>, tag: u32, number: i64) {
    if number != 0 {
        encode_key(tag, WireType::Varint, buf);
        encode_varint(number.cast_unsigned(), buf);
    }
}

fn id(buf: &mut Vec<u8>, tag: u32, id: Uuid) {
    bytes(buf, tag, id.hyphenated().encode_lower(&mut Uuid::encode_buffer()).as_bytes());
}

fn instant(buf: &mut Vec<u8>, tag: u32, us: i64) {
    prost::encoding::message::encode(tag, &render::micros(us), buf);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use beleg_store::{Disclosed, StoredPersonal};
    use prost::Message as _;

    use super::*;
    use crate::pb;

    fn full() -> StoredEvent {
        let personal = |name: &str, text: Option<&str>| StoredPersonal {
            name: name.into(),
            disclosed: text.map(|text| Disclosed { salt: [4; 32], bytes: text.into() }),
            commitment: [5; 32],
        };
        StoredEvent {
            position: 1 << 40,
            stream: "ticket-1".into(),
            version: 300,
            event_id: Uuid::from_u128(1 << 100),
            event_type: "work_logged".into(),
            schema_version: u16::MAX,
            occurred_at_us: -1,
            recorded_at_us: 1_790_000_000_123_456,
            request_id: Uuid::from_u128(7),
            causation_id: Some(Uuid::from_u128(8)),
            correlation_id: Some(Uuid::nil()),
            actor: "müller".into(),
            origin: Some(Arc::from("import")),
            payload: br#"{"minutes":30}"#.to_vec(),
            leaf_hash: [9; 32],
            personal: vec![personal("note", Some("Grüße")), personal("name", None), personal("empty", Some(""))],
        }
    }

    fn bare() -> StoredEvent {
        StoredEvent {
            position: 1,
            stream: "".into(),
            version: 0,
            schema_version: 0,
            occurred_at_us: 0,
            recorded_at_us: 1_000_000,
            causation_id: None,
            correlation_id: None,
            actor: "".into(),
            origin: Some("".into()),
            payload: Vec::new(),
            personal: Vec::new(),
            ..full()
        }
    }

    fn generated(events: &[StoredEvent]) -> Vec<u8> {
        let events = events.iter().cloned().map(render::event).collect();
        pb::ReadLogResponse { events }.encode_to_vec()
    }

    #[test]
    fn the_bytes_are_those_of_the_generated_message() {
        let events = [full(), bare(), full()];
        let encoded = messages(&events);
        assert_eq!(encoded.len(), 1);
        assert_eq!(encoded[0].encode_to_vec(), generated(&events));
    }

    #[test]
    fn a_message_ends_where_it_would_grow_too_large() {
        let sized = |bytes| StoredEvent { payload: vec![b'x'; bytes], ..bare() };
        let events =
            [sized(MESSAGE_BYTES / 2), sized(MESSAGE_BYTES / 4), sized(MESSAGE_BYTES / 2), sized(MESSAGE_BYTES * 3)];
        let encoded: Vec<_> = messages(&events).iter().map(prost::Message::encode_to_vec).collect();
        assert_eq!(encoded, [generated(&events[..2]), generated(&events[2..3]), generated(&events[3..])]);
        assert!(messages(&[]).is_empty());
    }

    #[test]
    fn a_full_message_has_the_most_bytes_and_no_more() {
        let sized = |bytes| StoredEvent { payload: vec![b'x'; bytes], ..bare() };
        // The second event's lengths take as many bytes each wherever the message ends.
        let pair = |bytes| [sized(MESSAGE_BYTES / 2), sized(bytes)];
        let fits = MESSAGE_BYTES / 4 + MESSAGE_BYTES - generated(&pair(MESSAGE_BYTES / 4)).len();
        let lengths = |bytes| messages(&pair(bytes)).iter().map(prost::Message::encoded_len).collect::<Vec<_>>();
        assert_eq!(lengths(fits), [MESSAGE_BYTES]);
        // Key and length alone would pass over the bound by as much.
        for more in 1..=4 {
            let alone = |bytes| generated(&[sized(bytes)]).len();
            assert_eq!(lengths(fits + more), [alone(MESSAGE_BYTES / 2), alone(fits + more)], "{more}");
        }
    }
}
