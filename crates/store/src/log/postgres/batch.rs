//! A planned batch as the arguments of `beleg_log.append`: one array per column.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sqlx::Arguments as _;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgBindIterExt as _};
use uuid::Uuid;

use crate::log::PersonalField;
use crate::log::command::{Command, Pending};
use crate::log::heads::Remembered;
use crate::log::plan::{Plan, Verdict};
use crate::log::writer::Confirm;

/// The call.
pub(super) const APPEND: &str = "SELECT outcome, position, recorded_at_us, stream_ids FROM beleg_log.append($1, $2, \
     $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)";

/// The rows of a batch, not yet numbered: they are numbered from where the log ends.
pub(super) struct Rows<'b> {
    /// Streams and requests that the database is asked about.
    streams: Vec<Stream<'b>>,
    requests: Vec<Uuid>,
    events: Vec<Event<'b>>,
    /// Each with the place of its event, from 1.
    personal: Vec<(i32, &'b PersonalField)>,
    bytes: usize,
}

struct Stream<'b> {
    name: &'b Arc<str>,
    /// Before the batch.
    version: i64,
    /// Among the streams that the batch creates, from 1; 0 if it exists or is only read.
    number: i32,
}

struct Event<'b> {
    command: &'b Command,
    event: &'b Pending,
    /// As `beleg_log.append` wants it: the stream's number or, negative, its place among those asked about.
    stream: i64,
    is_first_of_command: bool,
}

impl<'b> Rows<'b> {
    /// What to insert, and what to ask first. A stream whose number is known need not be asked about where the keys
    /// confirm it; where everything is looked up, the numbers are as well.
    pub(super) fn of(
        batch: &'b [Command],
        plan: &'b Plan,
        confirm: Confirm,
        numbers: &Remembered<i64>,
    ) -> Result<Self, BoxDynError> {
        let accepted = batch.iter().zip(&plan.verdicts);
        let accepted = accepted.filter(|(_, verdict)| matches!(verdict, Verdict::Accepted { .. }));
        let accepted: Vec<_> = accepted.map(|(command, _)| command).collect();
        let mut rows = Self {
            streams: Vec::new(),
            requests: asked_requests(batch, plan, confirm),
            events: Vec::with_capacity(accepted.len() * 2),
            personal: Vec::new(),
            bytes: accepted.iter().map(|command| command.bytes).sum(),
        };
        let mut references = References::default();
        if confirm == Confirm::WhatIsRead {
            let written = accepted.iter().flat_map(|command| &command.events).map(|event| &*event.stream);
            references.0.extend(written.filter_map(|stream| Some((stream, numbers.get(stream)?))));
        }
        // What a plan takes for new although it has a number is where the plan is wrong, and the answer will say so.
        for (_, stream) in &plan.new_streams {
            references.0.remove(&**stream);
        }
        // The first accepted command that expects a stream found it as it was before the batch.
        for (stream, version) in accepted.iter().flat_map(|command| &command.expectations) {
            references.ask(&mut rows.streams, stream, *version)?;
        }
        if confirm != Confirm::Additions {
            // A stream that no accepted command expects is after the batch what it was before.
            for (stream, _) in batch.iter().flat_map(|command| &command.expectations) {
                let version = plan.heads.get(stream).map_or(0, |head| head.version);
                references.ask(&mut rows.streams, stream, version)?;
            }
        }
        for ((_, stream), number) in plan.new_streams.iter().zip(1..) {
            let place = usize::try_from(-references.of(stream)?)?;
            rows.streams[place - 1].number = number;
        }
        for command in accepted {
            for (number, event) in command.events.iter().enumerate() {
                let place = i32::try_from(rows.events.len() + 1)?;
                let stream = references.of(&event.stream)?;
                rows.personal.extend(event.personal.iter().map(|field| (place, field)));
                rows.events.push(Event { command, event, stream, is_first_of_command: number == 0 });
            }
        }
        Ok(rows)
    }

    /// The arguments of the call.
    pub(super) fn arguments(&self) -> Result<PgArguments, BoxDynError> {
        let mut values = PgArguments::default();
        values.reserve(25, self.bytes);
        values.add(self.streams.iter().map(|stream| &**stream.name).bind_iter())?;
        values.add(self.streams.iter().map(|stream| stream.version).bind_iter())?;
        values.add(self.streams.iter().map(|stream| stream.number).bind_iter())?;
        values.add(&self.requests)?;
        let events = || self.events.iter();
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
        values.add(self.personal.iter().map(|(event, _)| *event).bind_iter())?;
        values.add(self.personal.iter().map(|(_, field)| &*field.name).bind_iter())?;
        values.add(self.personal.iter().map(|(_, field)| field.salt.as_slice()).bind_iter())?;
        values.add(self.personal.iter().map(|(_, field)| field.bytes.as_slice()).bind_iter())?;
        Ok(values)
    }

    /// Remembers the numbers of the streams that the database was asked about and that are written to. Not those of new
    /// ones: the transaction may still come to nothing.
    pub(super) fn learn(&self, stream_ids: &[Option<i64>], numbers: &mut Remembered<i64>) {
        let written: HashSet<i64> = self.events.iter().map(|row| row.stream).collect();
        for ((stream, id), place) in self.streams.iter().zip(stream_ids).zip(1..) {
            if let Some(id) = id
                && stream.number == 0
                && written.contains(&-place)
            {
                numbers.put(Arc::clone(stream.name), *id);
            }
        }
    }
}

/// A request that is inserted is confirmed by its key; one that is refused may have been accepted before.
fn asked_requests(batch: &[Command], plan: &Plan, confirm: Confirm) -> Vec<Uuid> {
    let asked = batch.iter().zip(&plan.verdicts).filter(|(_, verdict)| match confirm {
        Confirm::All => true,
        Confirm::WhatIsRead => matches!(verdict, Verdict::Refused(_)),
        Confirm::Additions => false,
    });
    asked.map(|(command, _)| command.request_id).collect()
}

/// How an event names its stream.
#[derive(Default)]
struct References<'b>(HashMap<&'b str, i64>);

impl<'b> References<'b> {
    /// Asks about a stream, unless that is done or its number is known.
    fn ask(&mut self, streams: &mut Vec<Stream<'b>>, name: &'b Arc<str>, version: i64) -> Result<(), BoxDynError> {
        if !self.0.contains_key(&**name) {
            streams.push(Stream { name, version, number: 0 });
            self.0.insert(name, -i64::try_from(streams.len())?);
        }
        Ok(())
    }

    fn of(&self, name: &str) -> Result<i64, BoxDynError> {
        self.0.get(name).copied().ok_or_else(|| format!("stream {name} is in no expectation").into())
    }
}
