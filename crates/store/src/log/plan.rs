//! Decides which commands of a batch are accepted.
//!
//! Pure: it is given what the database says, once per batch, and judges the commands one after the other as if each
//! had come alone. So a command sees what the ones before it in the batch did, a repeated request gets the receipt of
//! the first, and one that is refused leaves no trace.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use uuid::Uuid;

use super::command::Command;
use super::heads::StreamHead;
use super::{AppendError, Appended, AppendedEvent, Head, StoredRequest};

/// What the database says, with other writers kept out.
#[derive(Debug)]
pub(crate) struct Known<'a> {
    pub(crate) head: Head,
    /// Number of the last stream.
    pub(crate) streams: i64,
    /// Those of the batch's requests that were accepted before.
    pub(crate) requests: &'a HashMap<Uuid, StoredRequest>,
    /// The batch's streams that exist.
    pub(crate) heads: &'a HashMap<Arc<str>, StreamHead>,
    /// Event ids of the batch that are taken, as far as they were looked up.
    pub(crate) taken: &'a HashSet<Uuid>,
}

/// What becomes of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Accepted; its first event takes this position.
    Accepted { first_position: i64 },
    /// Accepted before, in an earlier batch.
    Repeated(Appended),
    /// The same request as an accepted one earlier in this batch.
    RepeatOf(usize),
    /// Refused.
    Refused(AppendError),
}

/// What becomes of a batch.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// One per command.
    pub(crate) verdicts: Vec<Verdict>,
    /// The head after the batch.
    pub(crate) head: Head,
    /// Number of the last stream after the batch.
    pub(crate) streams: i64,
    /// Streams to be created, in the order of their numbers.
    pub(crate) new_streams: Vec<(i64, Arc<str>)>,
    /// The streams of the batch as they are after it.
    pub(crate) heads: HashMap<Arc<str>, StreamHead>,
}

impl Plan {
    pub(crate) fn is_empty(&self) -> bool {
        !self.verdicts.iter().any(|verdict| matches!(verdict, Verdict::Accepted { .. }))
    }
}

/// Judges a batch, stamps what is accepted and numbers it.
pub(crate) fn plan(batch: &mut [Command], known: &Known<'_>, clock_us: Option<i64>) -> Plan {
    let mut plan = Plan {
        verdicts: Vec::with_capacity(batch.len()),
        head: known.head,
        streams: known.streams,
        new_streams: Vec::new(),
        heads: known.heads.clone(),
    };
    let mut accepted: HashMap<Uuid, usize> = HashMap::new();
    let mut event_ids: HashSet<Uuid> = HashSet::new();
    for index in 0..batch.len() {
        let (earlier, rest) = batch.split_at_mut(index);
        let Some(command) = rest.first_mut() else { break };
        let first = accepted.get(&command.request_id).map(|first| (*first, &earlier[*first]));
        let verdict = match refusal_or_repeat(command, known, first, &event_ids, &plan.heads) {
            Some(verdict) => verdict,
            None => match command.stamp(stamp_us(command, plan.head, clock_us)) {
                Ok(()) => {
                    accepted.insert(command.request_id, index);
                    event_ids.extend(command.events.iter().map(|event| event.event_id));
                    plan.accept(command)
                }
                Err(error) => Verdict::Refused(error),
            },
        };
        plan.verdicts.push(verdict);
    }
    plan
}

/// Never before the last stamp of the log, the decision's now or anything that the events say.
pub(crate) fn stamp_us(command: &Command, head: Head, clock_us: Option<i64>) -> i64 {
    command.earliest_stamp_us().max(head.recorded_at_us).max(clock_us.unwrap_or(0))
}

fn refusal_or_repeat(
    command: &Command,
    known: &Known<'_>,
    first: Option<(usize, &Command)>,
    event_ids: &HashSet<Uuid>,
    heads: &HashMap<Arc<str>, StreamHead>,
) -> Option<Verdict> {
    let reused = || Verdict::Refused(AppendError::RequestReused { request_id: command.request_id });
    if let Some(stored) = known.requests.get(&command.request_id) {
        let same = stored.matches(&command.request_digest, command.texts());
        return Some(if same { Verdict::Repeated(stored.receipt.clone()) } else { reused() });
    }
    if let Some((place, first)) = first {
        return Some(if first.is_same_request(command) { Verdict::RepeatOf(place) } else { reused() });
    }
    for (stream, expected) in &command.expectations {
        let actual = heads.get(stream).map_or(0, |head| head.version);
        if actual != *expected {
            let (stream, expected) = (Arc::clone(stream), *expected);
            return Some(Verdict::Refused(AppendError::Conflict { stream, expected, actual }));
        }
    }
    let taken = |id: &Uuid| known.taken.contains(id) || event_ids.contains(id);
    let event = command.events.iter().find(|event| taken(&event.event_id))?;
    Some(Verdict::Refused(AppendError::EventExists { event_id: event.event_id }))
}

impl Plan {
    fn accept(&mut self, command: &Command) -> Verdict {
        let first_position = self.head.position + 1;
        for event in &command.events {
            self.head.position += 1;
            if let Some(head) = self.heads.get_mut(&event.stream) {
                head.version = event.version;
                continue;
            }
            self.streams += 1;
            self.new_streams.push((self.streams, Arc::clone(&event.stream)));
            let head = StreamHead { stream_id: self.streams, version: event.version };
            self.heads.insert(Arc::clone(&event.stream), head);
        }
        self.head.recorded_at_us = command.recorded_at_us;
        Verdict::Accepted { first_position }
    }
}

impl Plan {
    /// The same plan on a log that ends at another position than the plan assumed.
    pub(crate) fn move_behind(&mut self, position: i64) {
        let first = self.verdicts.iter().find_map(|verdict| match verdict {
            Verdict::Accepted { first_position } => Some(*first_position),
            _ => None,
        });
        let Some(first) = first else { return };
        let distance = position + 1 - first;
        for verdict in &mut self.verdicts {
            if let Verdict::Accepted { first_position } = verdict {
                *first_position += distance;
            }
        }
        self.head.position += distance;
    }
}

/// The receipt of a command that was accepted.
pub(crate) fn receipt(command: &Command, first_position: i64) -> Appended {
    let events = command.events.iter().zip(first_position..).map(|(event, position)| AppendedEvent {
        event_id: event.event_id,
        event_type: Arc::clone(&event.event_type),
        stream: Arc::clone(&event.stream),
        version: event.version,
        position,
    });
    Appended { repeated: false, first_position, recorded_at_us: command.recorded_at_us, events: events.collect() }
}
