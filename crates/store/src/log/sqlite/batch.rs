//! A planned batch as rows.

use std::sync::Arc;

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, AssertSqlSafe, SqliteConnection};
use uuid::Uuid;

use crate::log::command::{Command, Pending};
use crate::log::plan::{Plan, Verdict};
use crate::log::{Head, PersonalField};
use crate::sqlite::{BulkInsert, insert, rooms};

const STREAMS: (&str, usize) = ("INSERT INTO streams (stream_id, name)", 2);
const EVENTS: (&str, usize) = (
    "INSERT INTO events (position, stream_id, version, event_id, event_type, schema_version, occurred_at_us, \
     recorded_at_us, request_id, causation_id, correlation_id, actor, origin, payload, commitments, leaf_hash)",
    16,
);
const PERSONAL: (&str, usize) = ("INSERT INTO personal (position, name, salt, bytes)", 4);
const REQUESTS: (&str, usize) = ("INSERT INTO requests (request_id, salt, hash, first_position, event_count)", 5);

/// The rows that a plan adds.
struct Rows<'b> {
    new_streams: &'b [(i64, Arc<str>)],
    /// With position and number of the stream.
    events: Vec<(&'b Command, &'b Pending, i64, i64)>,
    personal: Vec<(i64, &'b PersonalField)>,
    /// With the position of the first event.
    requests: Vec<(&'b Command, i64)>,
}

impl<'b> Rows<'b> {
    fn of(batch: &'b [Command], plan: &'b Plan) -> Self {
        let mut rows = Self {
            new_streams: &plan.new_streams,
            events: Vec::with_capacity(batch.len() * 2),
            personal: Vec::new(),
            requests: Vec::with_capacity(batch.len()),
        };
        for (command, verdict) in batch.iter().zip(&plan.verdicts) {
            let Verdict::Accepted { first_position } = verdict else { continue };
            rows.requests.push((command, *first_position));
            for (event, position) in command.events.iter().zip(*first_position..) {
                let stream_id = plan.heads.get(&event.stream).map_or(0, |head| head.stream_id);
                rows.events.push((command, event, position, stream_id));
                rows.personal.extend(event.personal.iter().map(|field| (position, field)));
            }
        }
        rows
    }
}

/// The statements, prepared for every table and, for the common batch, for all of them together.
pub(super) struct Inserts {
    streams: BulkInsert,
    events: BulkInsert,
    personal: BulkInsert,
    requests: BulkInsert,
    together: Together,
}

impl Default for Inserts {
    fn default() -> Self {
        let bulk = |(head, columns)| BulkInsert::new(head, columns, "");
        Self {
            streams: bulk(STREAMS),
            events: bulk(EVENTS),
            personal: bulk(PERSONAL),
            requests: bulk(REQUESTS),
            together: Together::new(),
        }
    }
}

impl Inserts {
    /// Inserts what the plan accepted of a batch, in a transaction that has begun.
    pub(super) async fn run(
        &self,
        connection: &mut SqliteConnection,
        batch: &[Command],
        plan: &Plan,
    ) -> Result<(), sqlx::Error> {
        self.insert(connection, &Rows::of(batch, plan)).await
    }

    /// A whole transaction, in one hop to the connection's thread where the batch is of the common kind.
    pub(super) async fn transaction(
        &self,
        connection: &mut SqliteConnection,
        batch: &[Command],
        plan: &Plan,
    ) -> Result<(), sqlx::Error> {
        let rows = Rows::of(batch, plan);
        if let Some((text, arguments)) = self.together.statement(&rows, plan)? {
            sqlx::query_with(text, arguments).execute(connection).await?;
            return Ok(());
        }
        sqlx::query(BEGIN).execute(&mut *connection).await?;
        self.insert(connection, &rows).await?;
        move_head_and_commit(connection, plan.head, plan.streams).await
    }

    async fn insert(&self, connection: &mut SqliteConnection, rows: &Rows<'_>) -> Result<(), sqlx::Error> {
        self.streams.run(connection, rows.new_streams, bind_stream).await?;
        self.events.run(connection, &rows.events, bind_event).await?;
        self.personal.run(connection, &rows.personal, bind_personal).await?;
        self.requests.run(connection, &rows.requests, bind_request).await?;
        Ok(())
    }
}

const BEGIN: &str = "BEGIN IMMEDIATE";
const END: &str = "UPDATE log_head SET position = ?, recorded_at_us = ?, streams = ?; COMMIT";

/// Ends a transaction whose rows are inserted.
pub(super) async fn move_head_and_commit(
    connection: &mut SqliteConnection,
    head: Head,
    streams: i64,
) -> Result<(), sqlx::Error> {
    let mut values = SqliteArguments::default();
    bind_end(head, streams, &mut values).map_err(sqlx::Error::Encode)?;
    sqlx::query_with(END, values).execute(connection).await?;
    Ok(())
}

/// A whole batch as one text. To keep such texts few, and so prepared, every table in it has the same room; what is
/// left of that is NULL and passed over.
struct Together {
    texts: Vec<Texts>,
}

/// The texts with room for so many rows of each table.
struct Texts {
    room: usize,
    facts: Arc<str>,
    /// With texts about people.
    personal: Arc<str>,
}

impl Together {
    fn new() -> Self {
        let texts = rooms().map(|room| {
            let rows = |(head, columns)| insert(head, columns, room);
            let facts = format!("{BEGIN}; {}; {}", rows(EVENTS), rows(REQUESTS));
            let personal = format!("{facts}; {}; {END}", rows(PERSONAL)).into();
            Texts { room, facts: format!("{facts}; {END}").into(), personal }
        });
        Self { texts: texts.collect() }
    }

    /// None for a batch that opens streams or has more rows than fit.
    fn statement(&self, rows: &Rows<'_>, plan: &Plan) -> Result<Option<Statement>, sqlx::Error> {
        let most = rows.events.len().max(rows.personal.len());
        let Some(Texts { room, facts, personal }) = self.texts.iter().find(|texts| texts.room >= most) else {
            return Ok(None);
        };
        if !rows.new_streams.is_empty() {
            return Ok(None);
        }
        let mut values = SqliteArguments::default();
        values.reserve(room * (EVENTS.1 + REQUESTS.1 + PERSONAL.1) + 3, 0);
        fill(&mut values, *room, EVENTS, &rows.events, bind_event).map_err(sqlx::Error::Encode)?;
        fill(&mut values, *room, REQUESTS, &rows.requests, bind_request).map_err(sqlx::Error::Encode)?;
        let mut text = facts;
        if !rows.personal.is_empty() {
            text = personal;
            fill(&mut values, *room, PERSONAL, &rows.personal, bind_personal).map_err(sqlx::Error::Encode)?;
        }
        bind_end(plan.head, plan.streams, &mut values).map_err(sqlx::Error::Encode)?;
        Ok(Some((AssertSqlSafe(Arc::clone(text)), values)))
    }
}

/// A text and its values.
type Statement = (AssertSqlSafe<Arc<str>>, SqliteArguments);

type Bound = Result<(), sqlx::error::BoxDynError>;

/// Binds the rows of one table, and NULL where its room is not taken: another statement's values follow.
fn fill<R>(
    values: &mut SqliteArguments,
    room: usize,
    (_, columns): (&str, usize),
    rows: &[R],
    bind: impl Fn(&R, &mut SqliteArguments) -> Bound,
) -> Bound {
    for row in rows {
        bind(row, values)?;
    }
    for _ in 0..(room - rows.len()) * columns {
        values.add(None::<i64>)?;
    }
    Ok(())
}

fn id(id: Uuid) -> Vec<u8> {
    id.as_bytes().to_vec()
}

fn bind_stream((stream_id, name): &(i64, Arc<str>), values: &mut SqliteArguments) -> Bound {
    values.add(*stream_id)?;
    values.add(Arc::clone(name))
}

fn bind_event(
    (command, event, position, stream_id): &(&Command, &Pending, i64, i64),
    values: &mut SqliteArguments,
) -> Bound {
    values.add(*position)?;
    values.add(*stream_id)?;
    values.add(event.version)?;
    values.add(id(event.event_id))?;
    values.add(Arc::clone(&event.event_type))?;
    values.add(i64::from(event.schema_version))?;
    values.add(event.occurred_at_us)?;
    values.add(command.recorded_at_us)?;
    values.add(id(command.request_id))?;
    values.add(event.causation_id.map(id))?;
    values.add(command.correlation_id.map(id))?;
    values.add(Arc::clone(&command.actor))?;
    values.add(command.origin.clone())?;
    values.add(Arc::clone(&event.payload))?;
    values.add(event.commitments.clone())?;
    values.add(event.leaf_hash.to_vec())
}

fn bind_personal((position, field): &(i64, &PersonalField), values: &mut SqliteArguments) -> Bound {
    values.add(*position)?;
    values.add(Arc::clone(&field.name))?;
    values.add(field.salt.to_vec())?;
    values.add(field.bytes.clone())
}

fn bind_request((command, first_position): &(&Command, i64), values: &mut SqliteArguments) -> Bound {
    values.add(id(command.request_id))?;
    values.add(command.salt.to_vec())?;
    values.add(beleg_proof::commitment::commit(&command.salt, &command.request_digest).to_vec())?;
    values.add(*first_position)?;
    values.add(i64::try_from(command.events.len())?)
}

fn bind_end(head: Head, streams: i64, values: &mut SqliteArguments) -> Bound {
    values.add(head.position)?;
    values.add(head.recorded_at_us)?;
    values.add(streams)
}
