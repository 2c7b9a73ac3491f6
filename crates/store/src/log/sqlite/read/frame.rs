//! A page of events as one value, each event a frame: fields with a zero byte between them, as between frames.
//!
//! ```text
//! position version schema occurred recorded stream |payload| optional
//! payload type actor [origin] [commitments]
//! event id, request id, [causation id], [correlation id], leaf hash
//! ```
//!
//! The stream is its number, `|payload|` the payload's length in bytes. `optional` is the sum of what is there: 1
//! causation id, 2 correlation id, 4 origin, 8 commitments; what is not there is left out, with its zero byte. Texts
//! contain no zero byte; ids and hashes may, and have their length. The frame exists only between SQLite and this file.

use std::sync::Arc;

use uuid::Uuid;

use crate::damage::Damage;
use crate::log::decoded::{Recent, personal};
use crate::log::{ReadError, StoredEvent};

/// The statement that yields the frames under a condition, all in one value. The stream's name is not joined to them:
/// that would be one more search per event, for a name that most of them share.
macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT group_concat(frame, char(0)) FROM (SELECT concat_ws(char(0), e.position, e.version, e.schema_version, ",
            "e.occurred_at_us, e.recorded_at_us, e.stream_id, octet_length(e.payload), ",
            "(e.causation_id IS NOT NULL) + 2 * (e.correlation_id IS NOT NULL) + 4 * (e.origin IS NOT NULL) ",
            "+ 8 * (e.commitments IS NOT NULL), e.payload, e.event_type, e.actor, e.origin, e.commitments, e.event_id, ",
            "e.request_id, e.causation_id, e.correlation_id, e.leaf_hash) AS frame FROM events e WHERE ",
            $condition,
            ")"
        )
    };
}
pub(super) use select;

/// Takes frames apart, and lets events of a page share the texts that they have in common.
pub(super) struct FrameReader {
    events: Vec<StoredEvent>,
    stream_ids: Vec<i64>,
    bytes: usize,
    types: Recent,
    actors: Recent,
    origins: Recent,
    nameless: Arc<str>,
}

impl FrameReader {
    pub(super) fn with_capacity(events: usize) -> Self {
        Self {
            events: Vec::with_capacity(events),
            stream_ids: Vec::with_capacity(events),
            bytes: 0,
            types: Recent::default(),
            actors: Recent::default(),
            origins: Recent::default(),
            nameless: "".into(),
        }
    }

    /// Events read so far.
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// The last event read.
    pub(super) fn last(&self) -> Option<&StoredEvent> {
        self.events.last()
    }

    /// Bytes read so far.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The events and the numbers of their streams; names and personal texts are still to come.
    pub(super) fn into_events(self) -> (Vec<StoredEvent>, Vec<i64>) {
        (self.events, self.stream_ids)
    }

    /// Takes in the frames of a page.
    pub(super) fn read(&mut self, frames: &[u8]) -> Result<(), ReadError> {
        let mut cursor = Cursor(frames);
        loop {
            let (event, stream_id) = self.take_apart(&mut cursor).ok_or_else(|| self.damage())?;
            self.events.push(event);
            self.stream_ids.push(stream_id);
            if cursor.0.is_empty() {
                break;
            }
            cursor.separator().ok_or_else(|| self.damage())?;
        }
        self.bytes += frames.len();
        Ok(())
    }

    fn damage(&self) -> ReadError {
        let after = self.events.last().map_or(0, |event| event.position);
        ReadError::Corrupt { damage: Damage::Event { after } }
    }

    fn take_apart(&mut self, cursor: &mut Cursor<'_>) -> Option<(StoredEvent, i64)> {
        let (position, version) = (cursor.number()?, cursor.number()?);
        let schema_version = u16::try_from(cursor.number()?).ok()?;
        let (occurred_at_us, recorded_at_us) = (cursor.number()?, cursor.number()?);
        let (stream_id, payload, optional) = (cursor.number()?, cursor.length()?, cursor.number()?);
        let has = |what: i64| optional & what != 0;
        let event = StoredEvent {
            position,
            version,
            schema_version,
            occurred_at_us,
            recorded_at_us,
            stream: Arc::clone(&self.nameless),
            payload: cursor.bytes_and_separator(payload)?.to_vec(),
            event_type: self.types.text(cursor.text()?),
            actor: self.actors.text(cursor.text()?),
            origin: if has(ORIGIN) { Some(self.origins.text(cursor.text()?)) } else { None },
            personal: if has(COMMITMENTS) { personal(cursor.text()?)? } else { Vec::new() },
            event_id: cursor.id()?,
            request_id: cursor.id()?,
            causation_id: if has(CAUSATION) { Some(cursor.id()?) } else { None },
            correlation_id: if has(CORRELATION) { Some(cursor.id()?) } else { None },
            leaf_hash: *cursor.array()?,
        };
        Some((event, stream_id))
    }
}

const CAUSATION: i64 = 1;
const CORRELATION: i64 = 2;
const ORIGIN: i64 = 4;
const COMMITMENTS: i64 = 8;

/// What is left of a frame.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn separator(&mut self) -> Option<()> {
        self.bytes(1).filter(|byte| *byte == [0]).map(drop)
    }

    fn bytes_and_separator(&mut self, length: usize) -> Option<&'a [u8]> {
        let bytes = self.bytes(length)?;
        self.separator()?;
        Some(bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        std::str::from_utf8(self.bytes_and_separator(end)?).ok()
    }

    fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(array)
    }

    fn id(&mut self) -> Option<Uuid> {
        let id = Uuid::from_bytes(*self.array()?);
        self.separator()?;
        Some(id)
    }

    fn number(&mut self) -> Option<i64> {
        let negative = self.0.first() == Some(&b'-');
        let mut value: i64 = 0;
        for (at, byte) in self.0.iter().enumerate().skip(usize::from(negative)) {
            match byte {
                b'0'..=b'9' => value = value.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?,
                0 => {
                    self.0 = &self.0[at + 1..];
                    return Some(if negative { -value } else { value });
                }
                _ => return None,
            }
        }
        None
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_cut_short_is_damage_not_a_panic() {
        let mut frame = b"7\x001\x001\x0010\x0020\x003\x002\x000\x00{}\x00t\x00a\x00".to_vec();
        frame.extend_from_slice(&[[9; 16].as_slice(), &[0], &[8; 16], &[0], &[7; 32]].concat());
        let mut reader = FrameReader::with_capacity(1);
        for length in 0..frame.len() {
            assert!(reader.read(&frame[..length]).is_err(), "{length}");
        }
        assert!(reader.read(&[frame.as_slice(), b"x"].concat()).is_err());
        assert!(reader.read(&[frame.as_slice(), &[0]].concat()).is_err());
        let mut reader = FrameReader::with_capacity(2);
        reader.read(&[frame.as_slice(), &[0], &frame].concat()).unwrap();
        let (events, stream_ids) = reader.into_events();
        assert_eq!((events.len(), stream_ids), (2, vec![3, 3]));
        assert_eq!((events[1].position, &*events[1].payload, events[1].leaf_hash), (7, b"{}".as_slice(), [7; 32]));
    }
}
