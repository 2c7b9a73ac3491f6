//! Reading events.
//!
//! sqlx copies every column of every row on its way from the connection's thread, and wakes the reader for each:
//! that costs many times SQLite's own work. So events travel some hundred at a time as one value: [`frame`] lets
//! SQLite put their columns one after the other, and takes them apart here.
//!
//! A limit is written `+?`: into a bare one SQLite looks while it prepares a statement, and so prepares it anew for
//! every other value.

mod frame;
mod lookup;

use std::sync::Arc;

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, Row as _, SqliteConnection, SqlitePool};
use uuid::Uuid;

use self::frame::{FrameReader, select};
use crate::damage::Damage;
use crate::log::stream_names::StreamNames;
use crate::log::{Head, PAGE_BYTES_MAX, PAGE_EVENTS_MAX, ReadError, StoredEvent};

pub(super) use lookup::{requests, stream_heads, taken};

/// Where the log ends: what its last event says.
pub(super) async fn head(connection: &mut SqliteConnection) -> Result<Head, sqlx::Error> {
    let last = sqlx::query("SELECT position, recorded_at_us FROM events ORDER BY position DESC LIMIT 1");
    match last.fetch_optional(connection).await? {
        Some(row) => Ok(Head { position: row.try_get(0)?, recorded_at_us: row.try_get(1)? }),
        None => Ok(Head::default()),
    }
}

pub(super) async fn stream_version(readers: &SqlitePool, stream: &str) -> Result<i64, ReadError> {
    let version = sqlx::query(
        "SELECT coalesce(max(e.version), 0) FROM streams s JOIN events e USING (stream_id) WHERE s.name = ?",
    );
    Ok(version.bind(stream).fetch_one(readers).await?.try_get(0)?)
}

pub(super) async fn stream_versions(readers: &SqlitePool, streams: &[&str]) -> Result<Vec<i64>, ReadError> {
    let list = serde_json::to_string(streams)
        .map_err(|error| ReadError::Corrupt { damage: Damage::Quoted(error.to_string()) })?;
    let versions = sqlx::query(
        "SELECT coalesce((SELECT max(e.version) FROM streams s JOIN events e USING (stream_id) WHERE s.name = l.value), 0) \
         FROM json_each(?) l ORDER BY l.key",
    );
    let rows = versions.bind(list).fetch_all(readers).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Halves the log until the last position at or before the instant is left; `recorded_at` never decreases along it.
pub(super) async fn position_at(readers: &SqlitePool, recorded_at_us: i64) -> Result<i64, ReadError> {
    let position = sqlx::query(
        "WITH RECURSIVE halved (low, high) AS (
             SELECT 0, coalesce(max(position), 0) FROM events
             UNION ALL
             SELECT iif(e.recorded_at_us <= ?1, e.position, low), iif(e.recorded_at_us <= ?1, high, e.position - 1)
             FROM halved JOIN events e ON e.position = (low + high + 1) / 2
             WHERE low < high
         )
         SELECT low FROM halved WHERE low = high",
    );
    Ok(position.bind(recorded_at_us).fetch_one(readers).await?.try_get(0)?)
}

pub(super) async fn first(connection: &mut SqliteConnection) -> Result<Option<StoredEvent>, ReadError> {
    let mut reader = FrameReader::with_capacity(1);
    frames(connection, select!("e.position = 1"), SqliteArguments::default(), &mut reader).await?;
    finish(connection, &StreamNames::new(), reader).await.map(|events| events.into_iter().next())
}

pub(super) async fn all(
    readers: &SqlitePool,
    names: &StreamNames,
    after_position: i64,
    limit: usize,
) -> Result<Vec<StoredEvent>, ReadError> {
    let sql = select!("e.position > ? ORDER BY e.position LIMIT +?");
    let mut connection = readers.acquire().await?;
    let read = page(&mut connection, limit, |last, count| {
        let mut arguments = SqliteArguments::default();
        arguments.add(last.map_or(after_position, |event| event.position))?;
        arguments.add(count)?;
        Ok((sql, arguments))
    });
    let read = read.await?;
    let events = finish(&mut connection, names, read).await?;
    let gap = events.iter().zip(after_position + 1..).find(|(event, position)| event.position != *position);
    match gap {
        None => Ok(events),
        Some((_, position)) => Err(ReadError::Corrupt { damage: Damage::NoEvent { position } }),
    }
}

pub(super) async fn stream(
    readers: &SqlitePool,
    stream: &str,
    after_version: i64,
    limit: usize,
) -> Result<Vec<StoredEvent>, ReadError> {
    let sql = select!(
        "e.stream_id = (SELECT stream_id FROM streams WHERE name = ?) AND e.version > ? ORDER BY e.version LIMIT +?"
    );
    let mut connection = readers.acquire().await?;
    let read = page(&mut connection, limit, |last, count| {
        let mut arguments = SqliteArguments::default();
        arguments.add(stream)?;
        arguments.add(last.map_or(after_version, |event| event.version))?;
        arguments.add(count)?;
        Ok((sql, arguments))
    });
    let (mut events, _) = read.await?.into_events();
    let name: Arc<str> = stream.into();
    for event in &mut events {
        event.stream = Arc::clone(&name);
    }
    lookup::fill_personal(&mut connection, &mut events).await?;
    Ok(events)
}

pub(super) async fn at(
    readers: &SqlitePool,
    names: &StreamNames,
    positions: &[i64],
) -> Result<Vec<StoredEvent>, ReadError> {
    let list: Vec<_> = positions.iter().map(i64::to_string).collect();
    let sql = select!("e.position IN (SELECT value FROM json_each(?)) ORDER BY e.position");
    chosen(readers, names, sql, format!("[{}]", list.join(",")), positions.len()).await
}

pub(super) async fn by_id(
    readers: &SqlitePool,
    names: &StreamNames,
    event_ids: &[Uuid],
) -> Result<Vec<StoredEvent>, ReadError> {
    let sql = select!("e.event_id IN (SELECT unhex(value) FROM json_each(?)) ORDER BY e.position");
    chosen(readers, names, sql, lookup::id_list(event_ids), event_ids.len()).await
}

async fn chosen(
    readers: &SqlitePool,
    names: &StreamNames,
    sql: &'static str,
    list: String,
    count: usize,
) -> Result<Vec<StoredEvent>, ReadError> {
    let mut arguments = SqliteArguments::default();
    arguments.add(list).map_err(sqlx::Error::Encode)?;
    let mut connection = readers.acquire().await?;
    let mut reader = FrameReader::with_capacity(count);
    frames(&mut connection, sql, arguments, &mut reader).await?;
    finish(&mut connection, names, reader).await
}

/// Events of one value.
const FRAMES_MAX: usize = 256;

type Statement = Result<(&'static str, SqliteArguments), sqlx::error::BoxDynError>;

/// A page, value by value: `next` gives the statement that goes on after an event with so many more.
async fn page(
    connection: &mut SqliteConnection,
    limit: usize,
    next: impl Fn(Option<&StoredEvent>, i64) -> Statement,
) -> Result<FrameReader, ReadError> {
    let limit = limit.min(PAGE_EVENTS_MAX);
    let mut reader = FrameReader::with_capacity(limit);
    while reader.len() < limit && reader.bytes() < PAGE_BYTES_MAX {
        let wanted = FRAMES_MAX.min(limit - reader.len());
        let before = reader.len();
        let (sql, arguments) =
            next(reader.last(), i64::try_from(wanted).unwrap_or(i64::MAX)).map_err(sqlx::Error::Encode)?;
        frames(connection, sql, arguments, &mut reader).await?;
        if reader.len() - before < wanted {
            break;
        }
    }
    Ok(reader)
}

async fn frames(
    connection: &mut SqliteConnection,
    sql: &'static str,
    arguments: SqliteArguments,
    reader: &mut FrameReader,
) -> Result<(), ReadError> {
    let row = sqlx::query_with(sql, arguments).fetch_one(connection).await?;
    // Nothing found is no value.
    match row.try_get::<Option<&[u8]>, _>(0)? {
        Some(frames) => reader.read(frames),
        None => Ok(()),
    }
}

/// What does not come in the frames: the streams' names and the personal texts.
async fn finish(
    connection: &mut SqliteConnection,
    names: &StreamNames,
    reader: FrameReader,
) -> Result<Vec<StoredEvent>, ReadError> {
    let (mut events, stream_ids) = reader.into_events();
    let nameless = names.name(&mut events, &stream_ids);
    let wanted = nameless.stream_ids();
    if !wanted.is_empty() {
        names.learn(nameless, lookup::stream_names(connection, &wanted).await?)?;
    }
    lookup::fill_personal(connection, &mut events).await?;
    Ok(events)
}
