//! A page of events as one value, each event a frame: numbers as text up to a line feed, then the ids and hashes,
//! then the texts. Frames follow each other; each says where it ends.
//!
//! ```text
//! position version schema occurred recorded |payload| optional \n
//! event id, request id, leaf hash, causation id, correlation id, payload, stream 0 type 0 actor 0 origin 0 commitments 0
//! ```
//!
//! `|payload|` is its length in bytes. `optional` is the sum of what is there: 1 causation id, 2 correlation id, 4
//! origin, 8 commitments. The short texts end with a zero byte, which no text of the log contains: every length would
//! be one more call of a function in SQLite. The frame exists only between SQLite and this file.

use uuid::Uuid;

use crate::damage::Damage;
use crate::log::decoded::{Recent, personal};
use crate::log::{ReadError, StoredEvent};

/// The statement that yields the frames under a condition, all in one value.
macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT group_concat(frame, '') FROM (SELECT concat(e.position, ' ', e.version, ' ', e.schema_version, ' ', ",
            "e.occurred_at_us, ' ', e.recorded_at_us, ' ', octet_length(e.payload), ' ', ",
            "(e.causation_id IS NOT NULL) + 2 * (e.correlation_id IS NOT NULL) + 4 * (e.origin IS NOT NULL) ",
            "+ 8 * (e.commitments IS NOT NULL), char(10), e.event_id, e.request_id, e.leaf_hash, e.causation_id, ",
            "e.correlation_id, e.payload, s.name, char(0), e.event_type, char(0), e.actor, char(0), e.origin, char(0), ",
            "e.commitments, char(0)) AS frame ",
            "FROM events e JOIN streams s ON s.stream_id = e.stream_id WHERE ",
            $condition,
            ")"
        )
    };
}
pub(super) use select;

/// Takes frames apart, and lets events of a page share the texts that they have in common.
pub(super) struct FrameReader {
    events: Vec<StoredEvent>,
    bytes: usize,
    types: Recent,
    actors: Recent,
    streams: Recent,
    origins: Recent,
}

impl FrameReader {
    pub(super) fn with_capacity(events: usize) -> Self {
        Self {
            events: Vec::with_capacity(events),
            bytes: 0,
            types: Recent::default(),
            actors: Recent::default(),
            streams: Recent::default(),
            origins: Recent::default(),
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

    /// The events, their personal texts still to come.
    pub(super) fn into_events(self) -> Vec<StoredEvent> {
        self.events
    }

    /// Takes in the frames of a page.
    pub(super) fn read(&mut self, frames: &[u8]) -> Result<(), ReadError> {
        let mut cursor = Cursor(frames);
        while !cursor.0.is_empty() {
            let event = self.take_apart(&mut cursor).ok_or_else(|| {
                let after = self.events.last().map_or(0, |event| event.position);
                ReadError::Corrupt { damage: Damage::Event { after } }
            })?;
            self.events.push(event);
        }
        self.bytes += frames.len();
        Ok(())
    }

    fn take_apart(&mut self, cursor: &mut Cursor<'_>) -> Option<StoredEvent> {
        let (position, version) = (cursor.number()?, cursor.number()?);
        let schema_version = u16::try_from(cursor.number()?).ok()?;
        let (occurred_at_us, recorded_at_us) = (cursor.number()?, cursor.number()?);
        let (payload, optional) = (cursor.length()?, cursor.number()?);
        let has = |what: i64| optional & what != 0;
        Some(StoredEvent {
            position,
            version,
            schema_version,
            occurred_at_us,
            recorded_at_us,
            event_id: cursor.id()?,
            request_id: cursor.id()?,
            leaf_hash: *cursor.array()?,
            causation_id: if has(CAUSATION) { Some(cursor.id()?) } else { None },
            correlation_id: if has(CORRELATION) { Some(cursor.id()?) } else { None },
            payload: cursor.bytes(payload)?.to_vec(),
            stream: self.streams.text(cursor.text()?),
            event_type: self.types.text(cursor.text()?),
            actor: self.actors.text(cursor.text()?),
            origin: {
                let text = cursor.text()?;
                has(ORIGIN).then(|| self.origins.text(text))
            },
            personal: {
                let text = cursor.text()?;
                if has(COMMITMENTS) { personal(text)? } else { Vec::new() }
            },
        })
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

    /// A text and the zero byte after it.
    fn text(&mut self) -> Option<&'a str> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let text = std::str::from_utf8(self.bytes(end)?).ok()?;
        self.0 = &self.0[1..];
        Some(text)
    }

    fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(array)
    }

    fn id(&mut self) -> Option<Uuid> {
        self.array().copied().map(Uuid::from_bytes)
    }

    /// A number and the one separator after it.
    fn number(&mut self) -> Option<i64> {
        let negative = self.0.first() == Some(&b'-');
        let mut value: i64 = 0;
        for (at, byte) in self.0.iter().enumerate().skip(usize::from(negative)) {
            match byte {
                b'0'..=b'9' => value = value.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?,
                b' ' | b'\n' => {
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
        let mut frame = b"7 1 1 10 20 2 0\n".to_vec();
        frame.extend_from_slice(&[9; 64]);
        frame.extend_from_slice(b"{}s\0t\0a\0\0\0");
        let mut reader = FrameReader::with_capacity(1);
        for length in 1..frame.len() {
            assert!(reader.read(&frame[..length]).is_err(), "{length}");
        }
        assert!(reader.read(&[frame.as_slice(), b"x"].concat()).is_err());
        let mut reader = FrameReader::with_capacity(2);
        reader.read(&[frame.as_slice(), &frame].concat()).unwrap();
        let events = reader.into_events();
        assert_eq!(events.len(), 2);
        assert_eq!((events[1].position, &*events[1].stream, &*events[1].payload), (7, "s", b"{}".as_slice()));
    }
}
