//! A whole log from a directory into an empty database, event for event.
//!
//! Positions, ids, stamps, salts and hashes stay what they are, so whoever kept a receipt or a leaf finds it again, and
//! a request that is repeated later gets its first answer. It is one transaction: until its end the database's log is
//! empty, after it the log is whole, and nothing is in between. Each page is read back before the next one is written,
//! and every leaf is computed anew from what the database gives.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use sqlx::postgres::{PgArguments, PgBindIterExt as _};
use sqlx::{Arguments as _, Connection as _, PgConnection, Row as _};
use uuid::Uuid;

use super::batch::APPEND;
use super::open::SCHEMA;
use super::read;
use crate::fault::own_words;
use crate::log::{EventLog as _, LogOptions, OpenError, ReadError, SqliteLog, StoredEvent, StoredRequest};
use crate::postgres::{Server, Use, prepare_schema};
use crate::storage::Database;

/// Events of one statement.
const PAGE_EVENTS: usize = 2_048;

/// Why a log was not moved. The database's log is empty as before.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// One of the two could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The directory's log could not be read.
    #[error("the directory's log: {0}")]
    Read(#[from] ReadError),
    /// The database holds a log already.
    #[error("{path} holds a log of {events} events: move into an empty database")]
    NotEmpty {
        /// The database.
        path: PathBuf,
        /// How many events.
        events: i64,
    },
    /// The directory's log is not what was hashed.
    #[error("the event at position {position} is not what was hashed: nothing was moved; `beleg verify` says more")]
    Damaged {
        /// Where.
        position: i64,
    },
    /// The database gave back something else than what it was given.
    #[error("the database gives another event or request back than it was given, at position {position}")]
    Differs {
        /// Where.
        position: i64,
    },
    /// The database failed.
    #[error("the database: {}; run it again: what is not whole is not there", own_words(.0))]
    Database(#[from] sqlx::Error),
}

/// Moves the log, and says how many events it holds. No server may run on the directory, whose log is left as it is.
pub async fn move_log(
    directory: &Path,
    database: &Database,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<u64, MoveError> {
    let source = SqliteLog::open_read_only(directory).await?;
    let clock = source.info().clock;
    source.close().await;
    // Held for writing, so that nothing is added meanwhile.
    let source = SqliteLog::open(directory, LogOptions::new(clock)).await?;
    let moved = into(&source, database, progress).await;
    source.close().await;
    moved
}

async fn into(source: &SqliteLog, database: &Database, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<u64, MoveError> {
    let server = Server::at(database.url(), database.options)?;
    let mut target = server.connect(Use::Move).await.map_err(|source| server.failed(source))?;
    prepare_schema(&mut target, &server, &SCHEMA).await?;
    sqlx::query("BEGIN ISOLATION LEVEL READ COMMITTED").execute(&mut target).await?;
    let head = sqlx::query("SELECT position FROM beleg_log.lock_head()").fetch_one(&mut target).await?;
    let events: i64 = head.try_get(0)?;
    if events > 0 {
        return Err(MoveError::NotEmpty { path: server.place, events });
    }
    let end = source.head().position;
    let mut position = 0;
    while position < end {
        let page = source.read_all(position, PAGE_EVENTS).await?;
        let Some(last) = page.last() else { break };
        if let Some(damaged) = page.iter().find(|event| !event.is_intact()) {
            return Err(MoveError::Damaged { position: damaged.position });
        }
        let requests = requests_of(source, &page).await?;
        write(&mut target, &page, &requests).await?;
        check(&mut target, position, &page, &requests).await?;
        position = last.position;
        progress(position.unsigned_abs(), end.unsigned_abs());
    }
    if position != end {
        return Err(MoveError::Differs { position: position + 1 });
    }
    sqlx::query("COMMIT").execute(&mut target).await?;
    target.close().await?;
    Ok(end.unsigned_abs())
}

/// The requests whose first event is in the page; one may go on in the next page.
async fn requests_of(source: &SqliteLog, page: &[StoredEvent]) -> Result<Vec<(Uuid, StoredRequest)>, MoveError> {
    let mut ids: Vec<Uuid> = page.iter().map(|event| event.request_id).collect();
    ids.dedup();
    let mut found = source.requests(&ids).await?;
    let first = page.first().map_or(0, |event| event.position);
    let here =
        |id| found.remove(&id).filter(|stored| stored.receipt.first_position >= first).map(|stored| (id, stored));
    Ok(ids.into_iter().filter_map(here).collect())
}

async fn write(
    target: &mut PgConnection,
    page: &[StoredEvent],
    requests: &[(Uuid, StoredRequest)],
) -> Result<(), MoveError> {
    let values = arguments(page, requests).map_err(sqlx::Error::Encode)?;
    let row = sqlx::query_with(APPEND, values).fetch_one(target).await?;
    let before = page.first().map_or(0, |event| event.position - 1);
    match (row.try_get::<&str, _>(0)?, row.try_get::<i64, _>(1)?) {
        ("appended", end) if end == before => Ok(()),
        _ => Err(MoveError::Differs { position: before + 1 }),
    }
}

/// The arguments of `beleg_log.append`, in the order in which it declares them.
fn arguments(
    page: &[StoredEvent],
    requests: &[(Uuid, StoredRequest)],
) -> Result<PgArguments, sqlx::error::BoxDynError> {
    // Every stream with its version before the page, and its number among the new ones.
    let mut places: HashMap<&str, i64> = HashMap::new();
    let mut streams: Vec<(&str, i64, i32)> = Vec::new();
    let mut new = 0;
    for event in page {
        if !places.contains_key(&*event.stream) {
            new += i32::from(event.version == 1);
            let number = if event.version == 1 { new } else { 0 };
            streams.push((&event.stream, event.version - 1, number));
            places.insert(&event.stream, i64::try_from(streams.len())?);
        }
    }
    let payloads: Result<Vec<&str>, _> = page.iter().map(|event| std::str::from_utf8(&event.payload)).collect();
    let mut personal = Vec::new();
    for (place, event) in (1_i32..).zip(page) {
        let texts = event.personal.iter().filter_map(|field| Some((field, field.disclosed.as_ref()?)));
        personal.extend(texts.map(|(field, disclosed)| (place, &*field.name, disclosed)));
    }
    let requests_at: HashMap<i64, &StoredRequest> =
        requests.iter().map(|(_, stored)| (stored.receipt.first_position, stored)).collect();
    let begun = || page.iter().map(|event| requests_at.get(&event.position));
    let seals = begun().map(|stored| stored.map(|stored| stored.seal.to_bytes().to_vec()));
    let counts = begun().map(|stored| stored.map(|stored| i32::try_from(stored.receipt.events.len())).transpose());

    let mut values = PgArguments::default();
    values.add(streams.iter().map(|(name, ..)| *name).bind_iter())?;
    values.add(streams.iter().map(|(_, version, _)| *version).bind_iter())?;
    values.add(streams.iter().map(|(.., number)| *number).bind_iter())?;
    values.add(requests.iter().map(|(id, _)| *id).bind_iter())?;
    values.add(page.iter().map(|event| places.get(&*event.stream).map_or(0, |place| -place)).bind_iter())?;
    values.add(page.iter().map(|event| event.version).bind_iter())?;
    values.add(page.iter().map(|event| event.event_id).bind_iter())?;
    values.add(page.iter().map(|event| &*event.event_type).bind_iter())?;
    values.add(page.iter().map(|event| i32::from(event.schema_version)).bind_iter())?;
    values.add(page.iter().map(|event| event.occurred_at_us).bind_iter())?;
    values.add(page.iter().map(|event| event.recorded_at_us).bind_iter())?;
    values.add(page.iter().map(|event| event.request_id).bind_iter())?;
    values.add(seals.bind_iter())?;
    values.add(counts.collect::<Result<Vec<_>, _>>()?)?;
    values.add(page.iter().map(|event| event.causation_id).bind_iter())?;
    values.add(page.iter().map(|event| event.correlation_id).bind_iter())?;
    values.add(page.iter().map(|event| &*event.actor).bind_iter())?;
    values.add(page.iter().map(|event| event.origin.as_deref()).bind_iter())?;
    values.add(payloads?)?;
    values.add(page.iter().map(commitments).bind_iter())?;
    values.add(page.iter().map(|event| event.leaf_hash.as_slice()).bind_iter())?;
    values.add(personal.iter().map(|(place, ..)| *place).bind_iter())?;
    values.add(personal.iter().map(|(_, name, _)| *name).bind_iter())?;
    values.add(personal.iter().map(|(.., disclosed)| disclosed.salt.as_slice()).bind_iter())?;
    values.add(personal.iter().map(|(.., disclosed)| disclosed.bytes.as_slice()).bind_iter())?;
    Ok(values)
}

fn commitments(event: &StoredEvent) -> Option<String> {
    crate::log::command::commitments_text(event.personal.iter().map(|field| (&*field.name, field.commitment)))
}

/// Reads the page back.
async fn check(
    target: &mut PgConnection,
    after: i64,
    page: &[StoredEvent],
    requests: &[(Uuid, StoredRequest)],
) -> Result<(), MoveError> {
    let written = read::page_of(target, after, page.len()).await?;
    for (place, event) in page.iter().enumerate() {
        if written.get(place).is_none_or(|written| written != event || !written.is_intact()) {
            return Err(MoveError::Differs { position: event.position });
        }
    }
    let ids: Vec<Uuid> = requests.iter().map(|(id, _)| *id).collect();
    let written = read::requests_of(target, &ids).await?;
    // The events of a request that goes on in the next page are not all there yet.
    for (id, stored) in requests {
        let same = |written: &StoredRequest| {
            (written.seal, written.receipt.first_position) == (stored.seal, stored.receipt.first_position)
        };
        if !written.get(id).is_some_and(same) {
            return Err(MoveError::Differs { position: stored.receipt.first_position });
        }
    }
    Ok(())
}
