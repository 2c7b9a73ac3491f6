//! A planned batch as rows.

use std::sync::Arc;

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, AssertSqlSafe, SqliteConnection};
use uuid::Uuid;

use crate::log::PersonalField;
use crate::log::command::{Command, Pending};
use crate::log::plan::{Plan, Verdict};
use crate::sqlite::{BulkInsert, insert, rooms};

const STREAMS: (&str, usize) = ("INSERT INTO streams (stream_id, name)", 2);
const EVENTS: (&str, usize) = (
    "INSERT INTO events (position, stream_id, version, event_id, event_type, schema_version, occurred_at_us, \
     recorded_at_us, request_id, request_seal, request_events, causation_id, correlation_id, actor, origin, payload, \
     commitments, leaf_hash)",
    18,
);
const PERSONAL: (&str, usize) = ("INSERT INTO personal (position, name, salt, bytes)", 4);

/// The rows that a plan adds.
struct Rows<'b> {
    new_streams: &'b [(i64, Arc<str>)],
    personal: Vec<(i64, &'b PersonalField)>,
    events: Vec<Event<'b>>,
}

struct Event<'b> {
    command: &'b Command,
    event: &'b Pending,
    position: i64,
    stream_id: i64,
    is_first_of_command: bool,
}

impl<'b> Rows<'b> {
    fn of(batch: &'b [Command], plan: &'b Plan) -> Self {
        let mut rows =
            Self { new_streams: &plan.new_streams, personal: Vec::new(), events: Vec::with_capacity(batch.len() * 2) };
        for (command, verdict) in batch.iter().zip(&plan.verdicts) {
            let Verdict::Accepted { first_position } = verdict else { continue };
            for (event, position) in command.events.iter().zip(*first_position..) {
                let stream_id = plan.heads.get(&event.stream).map_or(0, |head| head.stream_id);
                let is_first_of_command = position == *first_position;
                rows.personal.extend(event.personal.iter().map(|field| (position, field)));
                rows.events.push(Event { command, event, position, stream_id, is_first_of_command });
            }
        }
        rows
    }
}

/// The statements, prepared for every table and, for the common batch, for all of them together.
pub(super) struct Inserts {
    streams: BulkInsert,
    personal: BulkInsert,
    events: BulkInsert,
    together: Together,
}

impl Default for Inserts {
    fn default() -> Self {
        let bulk = |(head, columns)| BulkInsert::new(head, columns, "");
        Self { streams: bulk(STREAMS), personal: bulk(PERSONAL), events: bulk(EVENTS), together: Together::new() }
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
        if let Some((text, arguments)) = self.together.statement(&rows)? {
            sqlx::query_with(text, arguments).execute(connection).await?;
            return Ok(());
        }
        sqlx::query(BEGIN).execute(&mut *connection).await?;
        self.insert(connection, &rows).await?;
        commit(connection).await
    }

    async fn insert(&self, connection: &mut SqliteConnection, rows: &Rows<'_>) -> Result<(), sqlx::Error> {
        self.streams.run(connection, rows.new_streams, bind_stream).await?;
        // Texts come before their events: to those that are there already none may be added.
        self.personal.run(connection, &rows.personal, bind_personal).await?;
        self.events.run(connection, &rows.events, bind_event).await?;
        Ok(())
    }
}

const BEGIN: &str = "BEGIN IMMEDIATE";
const COMMIT: &str = "COMMIT";

/// Ends a transaction whose rows are inserted.
pub(super) async fn commit(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query(COMMIT).execute(connection).await?;
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
            // One statement is a transaction by itself. Begun and ended in words it would be three: after each of them
            // the connection's thread wakes the waiting task, and the rows' pages would be copied first, in case that
            // the statement alone were to be undone.
            let facts = rows(EVENTS).into();
            let personal = format!("{BEGIN}; {}; {}; {COMMIT}", rows(PERSONAL), rows(EVENTS)).into();
            Texts { room, facts, personal }
        });
        Self { texts: texts.collect() }
    }

    /// None for a batch that opens streams or has more rows than fit.
    fn statement(&self, rows: &Rows<'_>) -> Result<Option<Statement>, sqlx::Error> {
        let most = rows.events.len().max(rows.personal.len());
        let Some(Texts { room, facts, personal }) = self.texts.iter().find(|texts| texts.room >= most) else {
            return Ok(None);
        };
        if !rows.new_streams.is_empty() {
            return Ok(None);
        }
        let mut values = SqliteArguments::default();
        values.reserve(room * (EVENTS.1 + PERSONAL.1), 0);
        let mut text = facts;
        if !rows.personal.is_empty() {
            text = personal;
            rows.personal.iter().try_for_each(|row| bind_personal(row, &mut values)).map_err(sqlx::Error::Encode)?;
            // Another statement's values follow.
            for _ in rows.personal.len() * PERSONAL.1..room * PERSONAL.1 {
                values.add(None::<i64>).map_err(sqlx::Error::Encode)?;
            }
        }
        rows.events.iter().try_for_each(|row| bind_event(row, &mut values)).map_err(sqlx::Error::Encode)?;
        Ok(Some((AssertSqlSafe(Arc::clone(text)), values)))
    }
}

/// A text and its values.
type Statement = (AssertSqlSafe<Arc<str>>, SqliteArguments);

type Bound = Result<(), sqlx::error::BoxDynError>;

fn id(id: Uuid) -> Vec<u8> {
    id.as_bytes().to_vec()
}

fn bind_stream((stream_id, name): &(i64, Arc<str>), values: &mut SqliteArguments) -> Bound {
    values.add(*stream_id)?;
    values.add(Arc::clone(name))
}

fn bind_event(row: &Event<'_>, values: &mut SqliteArguments) -> Bound {
    let Event { command, event, .. } = row;
    values.add(row.position)?;
    values.add(row.stream_id)?;
    values.add(event.version)?;
    values.add(id(event.event_id))?;
    values.add(Arc::clone(&event.event_type))?;
    values.add(i64::from(event.schema_version))?;
    values.add(event.occurred_at_us)?;
    values.add(command.recorded_at_us)?;
    values.add(id(command.request_id))?;
    values.add(row.is_first_of_command.then(|| command.seal().to_bytes().to_vec()))?;
    values.add(row.is_first_of_command.then(|| i64::try_from(command.events.len())).transpose()?)?;
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
