//! A planned batch as the arguments of `beleg_log.append`: one array per column.

use std::collections::HashMap;

use sqlx::Arguments as _;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgBindIterExt as _};
use uuid::Uuid;

use crate::log::PersonalField;
use crate::log::command::{Command, Pending};
use crate::log::plan::{Plan, Verdict};

/// The call.
pub(super) const APPEND: &str = "SELECT outcome, position, recorded_at_us FROM beleg_log.append($1, $2, $3, $4, $5, \
     $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)";

/// How much of a plan the database must confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Confirm {
    /// All that it depends on: every stream that a command of the batch expects, every request id.
    Assumptions,
    /// What it adds to: the rest was looked up under the lock.
    Additions,
}

/// The rows of a batch, not yet numbered: they are numbered from where the log ends.
struct Rows<'b> {
    streams: Vec<Stream<'b>>,
    requests: Vec<Uuid>,
    events: Vec<Event<'b>>,
    /// Each with the place of its event, from 1.
    personal: Vec<(i32, &'b PersonalField)>,
}

struct Stream<'b> {
    name: &'b str,
    /// Before the batch.
    version: i64,
    /// Among the streams that the batch creates, from 1; 0 if it exists or is only read.
    number: i32,
}

struct Event<'b> {
    command: &'b Command,
    event: &'b Pending,
    /// Place of its stream, from 1.
    stream: i32,
    is_first_of_command: bool,
}

/// The arguments of the call.
pub(super) fn arguments(batch: &[Command], plan: &Plan, confirm: Confirm) -> Result<PgArguments, BoxDynError> {
    let rows = Rows::of(batch, plan, confirm)?;
    let mut values = PgArguments::default();
    values.reserve(25, batch.iter().map(|command| command.bytes).sum());
    values.add(rows.streams.iter().map(|stream| stream.name).bind_iter())?;
    values.add(rows.streams.iter().map(|stream| stream.version).bind_iter())?;
    values.add(rows.streams.iter().map(|stream| stream.number).bind_iter())?;
    values.add(&rows.requests)?;
    let events = || rows.events.iter();
    values.add(events().map(|row| row.stream).bind_iter())?;
    values.add(events().map(|row| row.event.version).bind_iter())?;
    values.add(events().map(|row| row.event.event_id).bind_iter())?;
    values.add(events().map(|row| &*row.event.event_type).bind_iter())?;
    values.add(events().map(|row| i32::from(row.event.schema_version)).bind_iter())?;
    values.add(events().map(|row| row.event.occurred_at_us).bind_iter())?;
    values.add(events().map(|row| row.command.recorded_at_us).bind_iter())?;
    values.add(events().map(|row| row.command.request_id).bind_iter())?;
    let seal = |row: &Event<'_>| row.is_first_of_command.then(|| row.command.seal().to_bytes().to_vec());
    values.add(events().map(seal).bind_iter())?;
    let counts =
        events().map(|row| row.is_first_of_command.then(|| i32::try_from(row.command.events.len())).transpose());
    values.add(counts.collect::<Result<Vec<_>, _>>()?)?;
    values.add(events().map(|row| row.event.causation_id).bind_iter())?;
    values.add(events().map(|row| row.command.correlation_id).bind_iter())?;
    values.add(events().map(|row| &*row.command.actor).bind_iter())?;
    values.add(events().map(|row| row.command.origin.as_deref()).bind_iter())?;
    values.add(events().map(|row| &*row.event.payload).bind_iter())?;
    values.add(events().map(|row| row.event.commitments.as_deref()).bind_iter())?;
    values.add(events().map(|row| row.event.leaf_hash.as_slice()).bind_iter())?;
    values.add(rows.personal.iter().map(|(event, _)| *event).bind_iter())?;
    values.add(rows.personal.iter().map(|(_, field)| &*field.name).bind_iter())?;
    values.add(rows.personal.iter().map(|(_, field)| field.salt.as_slice()).bind_iter())?;
    values.add(rows.personal.iter().map(|(_, field)| field.bytes.as_slice()).bind_iter())?;
    Ok(values)
}

impl<'b> Rows<'b> {
    fn of(batch: &'b [Command], plan: &'b Plan, confirm: Confirm) -> Result<Self, BoxDynError> {
        let accepted = batch.iter().zip(&plan.verdicts);
        let accepted = accepted.filter(|(_, verdict)| matches!(verdict, Verdict::Accepted { .. }));
        let accepted: Vec<_> = accepted.map(|(command, _)| command).collect();
        let mut rows = Self {
            streams: Vec::new(),
            requests: Vec::new(),
            events: Vec::with_capacity(accepted.len() * 2),
            personal: Vec::new(),
        };
        let mut places = Places::default();
        // The first accepted command that expects a stream found it as it was before the batch.
        for (stream, version) in accepted.iter().flat_map(|command| &command.expectations) {
            places.settle(&mut rows.streams, stream, *version)?;
        }
        if confirm == Confirm::Assumptions {
            rows.requests.extend(batch.iter().map(|command| command.request_id));
            // A stream that no accepted command expects is after the batch what it was before.
            for (stream, _) in batch.iter().flat_map(|command| &command.expectations) {
                let version = plan.heads.get(stream).map_or(0, |head| head.version);
                places.settle(&mut rows.streams, stream, version)?;
            }
        } else {
            rows.requests.extend(accepted.iter().map(|command| command.request_id));
        }
        for ((_, stream), number) in plan.new_streams.iter().zip(1..) {
            let place = places.of(stream)?;
            rows.streams[usize::try_from(place - 1)?].number = number;
        }
        for command in accepted {
            for (number, event) in command.events.iter().enumerate() {
                let place = next_place(rows.events.len())?;
                let stream = places.of(&event.stream)?;
                rows.personal.extend(event.personal.iter().map(|field| (place, field)));
                rows.events.push(Event { command, event, stream, is_first_of_command: number == 0 });
            }
        }
        Ok(rows)
    }
}

/// Where each stream stands in the array of streams, from 1 as in SQL.
#[derive(Default)]
struct Places<'b>(HashMap<&'b str, i32>);

impl<'b> Places<'b> {
    /// Gives a stream its place and version, unless it has them.
    fn settle(&mut self, streams: &mut Vec<Stream<'b>>, name: &'b str, version: i64) -> Result<(), BoxDynError> {
        if !self.0.contains_key(name) {
            self.0.insert(name, next_place(streams.len())?);
            streams.push(Stream { name, version, number: 0 });
        }
        Ok(())
    }

    fn of(&self, name: &str) -> Result<i32, BoxDynError> {
        self.0.get(name).copied().ok_or_else(|| format!("stream {name} is in no expectation").into())
    }
}

fn next_place(taken: usize) -> Result<i32, BoxDynError> {
    Ok(i32::try_from(taken + 1)?)
}
