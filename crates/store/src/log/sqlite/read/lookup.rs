//! Looking up what a list names: requests, streams, event ids, and the personal texts of a page.
//!
//! Lists go as one JSON text, so that one prepared statement serves lists of every length.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use uuid::Uuid;

use crate::damage::Damage;
use crate::log::heads::StreamHead;
use crate::log::{Appended, AppendedEvent, Disclosed, ReadError, Seal, StoredEvent, StoredRequest};

/// `["hex","hex"]`
pub(super) fn id_list(ids: &[Uuid]) -> String {
    let mut list = String::with_capacity(ids.len() * 35 + 2);
    for id in ids {
        list.push(if list.is_empty() { '[' } else { ',' });
        list.push('"');
        list.push_str(id.simple().encode_lower(&mut Uuid::encode_buffer()));
        list.push('"');
    }
    list.push_str(if list.is_empty() { "[]" } else { "]" });
    list
}

/// Accepted requests with their receipts.
pub(in crate::log::sqlite) async fn requests(
    connection: &mut SqliteConnection,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, StoredRequest>, ReadError> {
    let sql = "SELECT request_id, request_seal, position, position + request_events FROM events \
               WHERE request_id IN (SELECT unhex(value) FROM json_each(?)) AND request_seal IS NOT NULL";
    let rows = sqlx::query(sql).bind(id_list(ids)).fetch_all(&mut *connection).await?;
    let mut requests = HashMap::with_capacity(rows.len());
    for row in rows {
        let seal: &[u8] = row.try_get(1)?;
        let (found, wanted) = (seal.len(), Seal::BYTES);
        let seal = Seal::from_bytes(seal).ok_or(ReadError::Corrupt { damage: Damage::Length { found, wanted } })?;
        let positions = row.try_get(2)?..row.try_get(3)?;
        let receipt = receipt(connection, &positions).await?;
        let texts = texts(connection, &positions).await?;
        let stored = StoredRequest { seal, receipt, texts };
        requests.insert(Uuid::from_bytes(array(&row, 0)?), stored);
    }
    Ok(requests)
}

async fn receipt(connection: &mut SqliteConnection, positions: &Range<i64>) -> Result<Appended, ReadError> {
    let sql = "SELECT e.event_id, e.event_type, s.name, e.version, e.position, e.recorded_at_us \
               FROM events e LEFT JOIN streams s USING (stream_id) \
               WHERE e.position >= ? AND e.position < ? ORDER BY e.position";
    let rows = sqlx::query(sql).bind(positions.start).bind(positions.end).fetch_all(connection).await?;
    let Some(first) = rows.first() else {
        return Err(ReadError::Corrupt { damage: Damage::NoEvent { position: positions.start } });
    };
    let recorded_at_us = first.try_get(5)?;
    let mut events = Vec::with_capacity(rows.len());
    for row in &rows {
        let position = row.try_get(4)?;
        let stream: Option<&str> = row.try_get(2)?;
        events.push(AppendedEvent {
            event_id: Uuid::from_bytes(array(row, 0)?),
            event_type: row.try_get::<&str, _>(1)?.into(),
            stream: stream.ok_or(ReadError::Corrupt { damage: Damage::Stream { position } })?.into(),
            version: row.try_get(3)?,
            position,
        });
    }
    Ok(Appended { repeated: true, first_position: positions.start, recorded_at_us, events })
}

/// The texts of a request's events, as far as they are not erased.
async fn texts(
    connection: &mut SqliteConnection,
    positions: &Range<i64>,
) -> Result<Vec<(Arc<str>, Vec<u8>)>, ReadError> {
    let sql = "SELECT name, bytes FROM personal WHERE position >= ? AND position < ?";
    let rows = sqlx::query(sql).bind(positions.start).bind(positions.end).fetch_all(connection).await?;
    rows.iter().map(|row| Ok((row.try_get::<&str, _>(0)?.into(), row.try_get(1)?))).collect()
}

/// Streams that exist, with their numbers and versions.
pub(in crate::log::sqlite) async fn stream_heads(
    connection: &mut SqliteConnection,
    names: &[Arc<str>],
) -> Result<HashMap<Arc<str>, StreamHead>, ReadError> {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    let list = serde_json::to_string(&names)
        .map_err(|error| ReadError::Corrupt { damage: Damage::Quoted(error.to_string()) })?;
    let sql = "SELECT s.name, s.stream_id, (SELECT max(e.version) FROM events e WHERE e.stream_id = s.stream_id) \
               FROM streams s WHERE s.name IN (SELECT value FROM json_each(?))";
    let rows = sqlx::query(sql).bind(list).fetch_all(connection).await?;
    let mut heads = HashMap::with_capacity(rows.len());
    for row in rows {
        let head = StreamHead { stream_id: row.try_get(1)?, version: row.try_get::<Option<i64>, _>(2)?.unwrap_or(0) };
        heads.insert(row.try_get::<&str, _>(0)?.into(), head);
    }
    Ok(heads)
}

/// The names of streams, whose numbers are in order, as one value like the frames.
pub(super) async fn stream_names(
    connection: &mut SqliteConnection,
    stream_ids: &[i64],
) -> Result<HashMap<i64, Arc<str>>, ReadError> {
    let list: Vec<_> = stream_ids.iter().map(i64::to_string).collect();
    let sql = "SELECT group_concat(concat_ws(char(0), stream_id, name), char(0)) FROM streams \
               WHERE stream_id IN (SELECT value FROM json_each(?))";
    let row = sqlx::query(sql).bind(format!("[{}]", list.join(","))).fetch_one(connection).await?;
    let text = row.try_get::<Option<&str>, _>(0)?.unwrap_or_default();
    let mut fields = text.split('\0');
    let mut names = HashMap::with_capacity(list.len());
    while let Some(id) = fields.next().filter(|_| !text.is_empty()) {
        // A name that holds a zero byte is no name of this program's.
        let (Ok(id), Some(name)) = (id.parse(), fields.next()) else {
            return Err(ReadError::Corrupt { damage: Damage::Row });
        };
        if stream_ids.binary_search(&id).is_err() || names.insert(id, name.into()).is_some() {
            return Err(ReadError::Corrupt { damage: Damage::Row });
        }
    }
    Ok(names)
}

/// Event ids that exist.
pub(in crate::log::sqlite) async fn taken(
    connection: &mut SqliteConnection,
    event_ids: &[Uuid],
) -> Result<HashSet<Uuid>, ReadError> {
    let sql = "SELECT event_id FROM events WHERE event_id IN (SELECT unhex(value) FROM json_each(?))";
    let rows = sqlx::query(sql).bind(id_list(event_ids)).fetch_all(connection).await?;
    rows.iter().map(|row| Ok(Uuid::from_bytes(array(row, 0)?))).collect()
}

/// Puts the personal texts that are still there to their events, which are in order of position.
pub(super) async fn fill_personal(
    connection: &mut SqliteConnection,
    events: &mut [StoredEvent],
) -> Result<(), ReadError> {
    let mut positions = events.iter().filter(|event| !event.personal.is_empty()).map(|event| event.position);
    let Some(first) = positions.next() else { return Ok(()) };
    let last = positions.next_back().unwrap_or(first);
    let span = usize::try_from(last - first).unwrap_or(usize::MAX);
    let rows = if span <= events.len() {
        let sql = "SELECT position, name, salt, bytes FROM personal WHERE position BETWEEN ? AND ? ORDER BY position";
        sqlx::query(sql).bind(first).bind(last).fetch_all(connection).await?
    } else {
        // The events of one stream lie far apart, with others' texts in between.
        let positions = events.iter().filter(|event| !event.personal.is_empty());
        let list: Vec<_> = positions.map(|event| event.position.to_string()).collect();
        let sql = "SELECT position, name, salt, bytes FROM personal \
                   WHERE position IN (SELECT value FROM json_each(?)) ORDER BY position";
        sqlx::query(sql).bind(format!("[{}]", list.join(","))).fetch_all(connection).await?
    };
    let mut at = 0;
    for row in rows {
        let position: i64 = row.try_get(0)?;
        while events.get(at).is_some_and(|event| event.position < position) {
            at += 1;
        }
        // Chosen events may have others in between.
        let Some(event) = events.get_mut(at).filter(|event| event.position == position) else { continue };
        let name: &str = row.try_get(1)?;
        let Some(field) = event.personal.iter_mut().find(|field| *field.name == *name) else {
            return Err(ReadError::Corrupt { damage: Damage::PersonalField { position, name: name.to_owned() } });
        };
        field.disclosed = Some(Disclosed { salt: array(&row, 2)?, bytes: row.try_get(3)? });
    }
    Ok(())
}

fn array<const N: usize>(row: &SqliteRow, column: usize) -> Result<[u8; N], ReadError> {
    let bytes: &[u8] = row.try_get(column)?;
    bytes.try_into().map_err(|_| ReadError::Corrupt { damage: Damage::Length { found: bytes.len(), wanted: N } })
}
