//! Reading events: one statement each, personal texts included, and one more for names of streams not seen lately.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments as _, PgConnection, Row as _};
use uuid::Uuid;

use crate::damage::Damage;
use crate::log::decoded::{self, Recent};
use crate::log::heads::StreamHead;
use crate::log::stream_names::StreamNames;
use crate::log::{
    Appended, AppendedEvent, Disclosed, Head, PAGE_BYTES_MAX, PAGE_EVENTS_MAX, ReadError, Seal, StoredEvent,
    StoredPersonal, StoredRequest,
};
use crate::postgres::Readers;

/// Events under a condition. The personal texts that are still there come along as an array, each as its salt, its
/// name up to a line feed, and its bytes: most events have none, and then no second table is touched.
macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT e.position, e.version, e.schema_version, e.occurred_at_us, e.recorded_at_us, e.event_id, ",
            "e.request_id, e.leaf_hash, e.causation_id, e.correlation_id, e.stream_id, e.event_type, e.actor, e.origin, ",
            "e.payload, e.commitments, CASE WHEN e.commitments IS NOT NULL THEN ARRAY(",
            "SELECT p.salt || convert_to(p.name || chr(10), 'UTF8') || p.bytes FROM beleg_log.personal p ",
            "WHERE p.position = e.position) END ",
            "FROM beleg_log.events e WHERE ",
            $condition
        )
    };
}

/// Events of one statement.
const ROWS_MAX: usize = 1_024;

/// Where the log ends.
pub(super) const HEAD: &str =
    "SELECT e.position, e.recorded_at_us FROM beleg_log.events e ORDER BY e.position DESC LIMIT 1";

pub(super) async fn head(readers: &Readers) -> Result<Head, ReadError> {
    head_in(&readers.rows(HEAD, PgArguments::default()).await?)
}

pub(super) fn head_in(rows: &[PgRow]) -> Result<Head, ReadError> {
    match rows.first() {
        Some(row) => Ok(Head { position: row.try_get(0)?, recorded_at_us: row.try_get(1)? }),
        None => Ok(Head::default()),
    }
}

pub(super) async fn stream_versions(readers: &Readers, streams: &[&str]) -> Result<Vec<i64>, ReadError> {
    let sql = "SELECT coalesce((SELECT max(e.version) FROM beleg_log.streams s \
               JOIN beleg_log.events e ON e.stream_id = s.stream_id WHERE s.name = u.name), 0) \
               FROM unnest($1) WITH ORDINALITY AS u (name, place) ORDER BY u.place";
    let rows = readers.rows(sql, arguments(|values| values.add(streams))?).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Halves the log until the last position at or before the instant is left; `recorded_at` never decreases along it.
pub(super) async fn position_at(readers: &Readers, recorded_at_us: i64) -> Result<i64, ReadError> {
    let sql = "WITH RECURSIVE halved (low, high) AS (
             SELECT 0::bigint, coalesce((SELECT max(position) FROM beleg_log.events), 0)
             UNION ALL
             SELECT CASE WHEN e.recorded_at_us <= $1 THEN e.position ELSE h.low END,
                    CASE WHEN e.recorded_at_us <= $1 THEN h.high ELSE e.position - 1 END
             FROM halved h JOIN beleg_log.events e ON e.position = (h.low + h.high + 1) / 2
             WHERE h.low < h.high
         )
         SELECT low FROM halved WHERE low = high";
    let rows = readers.rows(sql, arguments(|values| values.add(recorded_at_us))?).await?;
    Ok(rows.first().map_or(Ok(0), |row| row.try_get(0))?)
}

/// The first event, on the connection that opens the log.
pub(super) async fn first(connection: &mut PgConnection) -> Result<Option<StoredEvent>, ReadError> {
    Ok(events_of(connection, sqlx::query(select!("e.position = 1"))).await?.pop())
}

/// Events after a position, on a connection that wrote them and has not committed yet.
pub(super) async fn page_of(
    connection: &mut PgConnection,
    after_position: i64,
    limit: usize,
) -> Result<Vec<StoredEvent>, ReadError> {
    let sql = select!("e.position > $1 ORDER BY e.position LIMIT $2");
    events_of(connection, sqlx::query(sql).bind(after_position).bind(i64::try_from(limit).unwrap_or(i64::MAX))).await
}

/// On a connection that may see what nobody else does yet, so nothing is kept of it.
async fn events_of(
    connection: &mut PgConnection,
    query: sqlx::query::Query<'_, sqlx::Postgres, PgArguments>,
) -> Result<Vec<StoredEvent>, ReadError> {
    let mut decoder = Decoder::default();
    decoder.take(&query.fetch_all(&mut *connection).await?)?;
    let names = StreamNames::new();
    let nameless = names.name(&mut decoder.events, &decoder.stream_ids);
    let found = stream_names_in(&sqlx::query(STREAM_NAMES).bind(nameless.stream_ids()).fetch_all(connection).await?)?;
    names.learn(nameless, found)?;
    Ok(decoder.events)
}

/// Requests, on such a connection.
pub(super) async fn requests_of(
    connection: &mut PgConnection,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, StoredRequest>, ReadError> {
    requests_in(&sqlx::query(REQUESTS).bind(ids).fetch_all(connection).await?)
}

pub(super) async fn all(
    readers: &Readers,
    names: &StreamNames,
    after_position: i64,
    limit: usize,
) -> Result<Vec<StoredEvent>, ReadError> {
    let sql = select!("e.position > $1 ORDER BY e.position LIMIT $2");
    let read =
        page(readers, sql, limit, |last, values| values.add(last.map_or(after_position, |event| event.position)));
    let events = named(readers, names, read.await?).await?;
    let gap = events.iter().zip(after_position + 1..).find(|(event, position)| event.position != *position);
    match gap {
        None => Ok(events),
        Some((_, position)) => Err(ReadError::Corrupt { damage: Damage::NoEvent { position } }),
    }
}

pub(super) async fn stream(
    readers: &Readers,
    stream: &str,
    after_version: i64,
    limit: usize,
) -> Result<Vec<StoredEvent>, ReadError> {
    // The stream's number first: then its events are one range of their key.
    let sql = select!(
        "e.stream_id = (SELECT stream_id FROM beleg_log.streams WHERE name = $1) AND e.version > $2 \
         ORDER BY e.version LIMIT $3"
    );
    let read = page(readers, sql, limit, |last, values| {
        values.add(stream)?;
        values.add(last.map_or(after_version, |event| event.version))
    });
    let mut events = read.await?.events;
    let name: Arc<str> = stream.into();
    for event in &mut events {
        event.stream = Arc::clone(&name);
    }
    Ok(events)
}

pub(super) async fn at(
    readers: &Readers,
    names: &StreamNames,
    positions: &[i64],
) -> Result<Vec<StoredEvent>, ReadError> {
    let sql = select!("e.position = ANY ($1) ORDER BY e.position");
    let mut read = Decoder::default();
    read.take(&readers.rows(sql, arguments(|values| values.add(positions))?).await?)?;
    named(readers, names, read).await
}

pub(super) async fn by_id(
    readers: &Readers,
    names: &StreamNames,
    event_ids: &[Uuid],
) -> Result<Vec<StoredEvent>, ReadError> {
    let sql = select!("e.event_id = ANY ($1) ORDER BY e.position");
    let mut read = Decoder::default();
    read.take(&readers.rows(sql, arguments(|values| values.add(event_ids))?).await?)?;
    named(readers, names, read).await
}

/// The events that were read, with their streams' names.
async fn named(readers: &Readers, names: &StreamNames, mut read: Decoder) -> Result<Vec<StoredEvent>, ReadError> {
    let nameless = names.name(&mut read.events, &read.stream_ids);
    let wanted = nameless.stream_ids();
    if !wanted.is_empty() {
        let rows = readers.rows(STREAM_NAMES, arguments(|values| values.add(&wanted))?).await?;
        names.learn(nameless, stream_names_in(&rows)?)?;
    }
    Ok(read.events)
}

const STREAM_NAMES: &str = "SELECT stream_id, name FROM beleg_log.streams WHERE stream_id = ANY ($1)";

fn stream_names_in(rows: &[PgRow]) -> Result<HashMap<i64, Arc<str>>, ReadError> {
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get::<&str, _>(1)?.into()))).collect()
}

/// Accepted requests with their receipts, and their texts as far as they are not erased. Each fetches its events by their
/// key: of a join over a range of positions PostgreSQL guesses so many rows that it reads the whole log instead.
pub(super) const REQUESTS: &str = "SELECT f.request_id, f.request_seal, f.position, e.event_id, e.event_type, \
     (SELECT s.name FROM beleg_log.streams s WHERE s.stream_id = e.stream_id), e.version, e.position, e.recorded_at_us, \
     ARRAY(SELECT p.name FROM beleg_log.personal p WHERE p.position = e.position ORDER BY p.name), \
     ARRAY(SELECT p.bytes FROM beleg_log.personal p WHERE p.position = e.position ORDER BY p.name) \
     FROM beleg_log.events f CROSS JOIN LATERAL (SELECT * FROM beleg_log.events l \
     WHERE l.position >= f.position ORDER BY l.position LIMIT f.request_events) e \
     WHERE f.request_id = ANY ($1) AND f.request_seal IS NOT NULL ORDER BY e.position";

pub(super) async fn requests(readers: &Readers, ids: &[Uuid]) -> Result<HashMap<Uuid, StoredRequest>, ReadError> {
    requests_in(&readers.rows(REQUESTS, arguments(|values| values.add(ids))?).await?)
}

/// One row per event, those of one request together.
pub(super) fn requests_in(rows: &[PgRow]) -> Result<HashMap<Uuid, StoredRequest>, ReadError> {
    let mut requests: HashMap<Uuid, StoredRequest> = HashMap::new();
    for row in rows {
        let seal: &[u8] = row.try_get(1)?;
        let (found, wanted) = (seal.len(), Seal::BYTES);
        let seal = Seal::from_bytes(seal).ok_or(ReadError::Corrupt { damage: Damage::Length { found, wanted } })?;
        let (first_position, recorded_at_us) = (row.try_get(2)?, row.try_get(8)?);
        let stored = requests.entry(row.try_get(0)?).or_insert_with(|| StoredRequest {
            seal,
            receipt: Appended { repeated: true, first_position, recorded_at_us, events: Vec::new() },
            texts: Vec::new(),
        });
        let (names, texts) = (row.try_get::<Vec<String>, _>(9)?, row.try_get::<Vec<Vec<u8>>, _>(10)?);
        stored.texts.extend(names.into_iter().map(Arc::from).zip(texts));
        stored.receipt.events.push(AppendedEvent {
            event_id: row.try_get(3)?,
            event_type: row.try_get::<&str, _>(4)?.into(),
            stream: row.try_get::<&str, _>(5)?.into(),
            version: row.try_get(6)?,
            position: row.try_get(7)?,
        });
    }
    Ok(requests)
}

/// Streams that exist, with their numbers and versions.
pub(super) const STREAM_HEADS: &str = "SELECT s.name, s.stream_id, \
     coalesce((SELECT max(e.version) FROM beleg_log.events e WHERE e.stream_id = s.stream_id), 0) \
     FROM beleg_log.streams s WHERE s.name = ANY ($1)";

pub(super) fn stream_heads_in(rows: &[PgRow]) -> Result<HashMap<Arc<str>, StreamHead>, ReadError> {
    let head = |row: &PgRow| {
        Ok((row.try_get::<&str, _>(0)?.into(), StreamHead { stream_id: row.try_get(1)?, version: row.try_get(2)? }))
    };
    rows.iter().map(head).collect()
}

/// Event ids that exist.
pub(super) const TAKEN: &str = "SELECT event_id FROM beleg_log.events WHERE event_id = ANY ($1)";

pub(super) fn taken_in(rows: &[PgRow]) -> Result<HashSet<Uuid>, ReadError> {
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

type Bound = Result<(), sqlx::error::BoxDynError>;

fn arguments(add: impl FnOnce(&mut PgArguments) -> Bound) -> Result<PgArguments, ReadError> {
    let mut values = PgArguments::default();
    add(&mut values).map_err(sqlx::Error::Encode)?;
    Ok(values)
}

/// A page, statement by statement: `bind` adds where to go on after an event; the last value is how many are wanted.
async fn page(
    readers: &Readers,
    sql: &'static str,
    limit: usize,
    bind: impl Fn(Option<&StoredEvent>, &mut PgArguments) -> Bound,
) -> Result<Decoder, ReadError> {
    let limit = limit.min(PAGE_EVENTS_MAX);
    let mut read = Decoder::default();
    while read.events.len() < limit && read.bytes < PAGE_BYTES_MAX {
        let wanted = ROWS_MAX.min(limit - read.events.len());
        let values = arguments(|values| {
            bind(read.events.last(), values)?;
            values.add(i64::try_from(wanted)?)
        });
        let rows = readers.rows(sql, values?).await?;
        read.take(&rows)?;
        if rows.len() < wanted {
            break;
        }
    }
    Ok(read)
}

/// Makes events of rows, whose streams are still to be named; those of a page share the texts that they have in common.
#[derive(Default)]
struct Decoder {
    events: Vec<StoredEvent>,
    stream_ids: Vec<i64>,
    /// Bytes of the texts so far.
    bytes: usize,
    types: Recent,
    actors: Recent,
    origins: Recent,
    nameless: Arc<str>,
}

impl Decoder {
    fn take(&mut self, rows: &[PgRow]) -> Result<(), ReadError> {
        self.events.reserve(rows.len());
        self.stream_ids.reserve(rows.len());
        for row in rows {
            let event = self.event(row)?;
            self.events.push(event);
            self.stream_ids.push(row.try_get_unchecked(10)?);
        }
        Ok(())
    }

    /// Columns are not asked for their types: they are what [`select`] says.
    fn event(&mut self, row: &PgRow) -> Result<StoredEvent, ReadError> {
        let position = row.try_get_unchecked(0)?;
        let damaged = |damage| ReadError::Corrupt { damage };
        let payload: &[u8] = row.try_get_unchecked(14)?;
        let mut personal = match row.try_get_unchecked::<Option<&str>, _>(15)? {
            Some(commitments) => {
                decoded::personal(commitments).ok_or_else(|| damaged(Damage::Commitments { position }))?
            }
            None => Vec::new(),
        };
        self.bytes += payload.len() + 256;
        for disclosed in row.try_get_unchecked::<Option<Vec<Vec<u8>>>, _>(16)?.unwrap_or_default() {
            self.bytes += disclosed.len();
            disclose(&mut personal, disclosed).ok_or_else(|| damaged(Damage::PersonalText { position }))?;
        }
        Ok(StoredEvent {
            position,
            version: row.try_get_unchecked(1)?,
            schema_version: u16::try_from(row.try_get_unchecked::<i32, _>(2)?)
                .map_err(|_| damaged(Damage::SchemaVersion { position }))?,
            occurred_at_us: row.try_get_unchecked(3)?,
            recorded_at_us: row.try_get_unchecked(4)?,
            event_id: row.try_get_unchecked(5)?,
            request_id: row.try_get_unchecked(6)?,
            leaf_hash: row.try_get_unchecked(7)?,
            causation_id: row.try_get_unchecked(8)?,
            correlation_id: row.try_get_unchecked(9)?,
            stream: Arc::clone(&self.nameless),
            event_type: self.types.text(row.try_get_unchecked(11)?),
            actor: self.actors.text(row.try_get_unchecked(12)?),
            origin: row.try_get_unchecked::<Option<&str>, _>(13)?.map(|origin| self.origins.text(origin)),
            payload: payload.to_vec(),
            personal,
        })
    }
}

/// Puts a text to its field: its salt, its name up to a line feed, its bytes.
fn disclose(personal: &mut [StoredPersonal], disclosed: Vec<u8>) -> Option<()> {
    let (salt, rest) = disclosed.split_first_chunk::<32>()?;
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let field = personal.iter_mut().find(|field| field.name.as_bytes() == &rest[..end])?;
    field.disclosed = Some(Disclosed { salt: *salt, bytes: rest[end + 1..].to_vec() });
    Some(())
}
