//! The first event of every log, `log_created`: it says which log this is and what clock stamps it.

use std::path::Path;

use beleg_proof::{canonical, commitment};
use uuid::Uuid;

use super::command::{AppendLimits, Command};
use super::writer::system_clock_us;
use super::{Append, ClockKind, LogInfo, LogOptions, NewEvent, OpenError, StoredEvent};
use crate::damage::Damage;

/// Stream and type of the first event, and who is said to have caused it.
pub(crate) const FIRST_STREAM: &str = "log";
const FIRST_TYPE: &str = "log_created";
const FIRST_ACTOR: &str = "beleg";

/// Its payload.
#[derive(serde::Serialize, serde::Deserialize)]
struct LogCreated {
    clock: String,
    format: i64,
    log_id: Uuid,
}

/// The command that creates a log; it is appended by the same way as all others.
pub(crate) fn command(options: &LogOptions, path: &Path) -> Result<Command, OpenError> {
    let mut random = [0; 64];
    getrandom::fill(&mut random).map_err(|_| OpenError::Random)?;
    let id = |at: usize| uuid::Builder::from_random_bytes(std::array::from_fn(|byte| random[at + byte])).into_uuid();
    let salt = std::array::from_fn(|byte| random[32 + byte]);
    let now_us = options.created_at_us.unwrap_or_else(|| match options.clock {
        ClockKind::System => system_clock_us(),
        ClockKind::Simulated => 0,
    });
    let corrupt = |said: String| OpenError::Corrupt { path: path.to_owned(), damage: Damage::Quoted(said) };
    let created = LogCreated { clock: options.clock.to_string(), format: 1, log_id: id(0) };
    let payload = canonical::to_bytes(&created).map_err(|error| corrupt(error.to_string()))?;
    let append = Append {
        request_id: id(16),
        request_digest: commitment::sha256(&payload),
        correlation_id: None,
        actor: FIRST_ACTOR.into(),
        origin: None,
        now_us,
        expectations: vec![(FIRST_STREAM.into(), 0)],
        events: vec![NewEvent {
            stream: FIRST_STREAM.into(),
            event_id: id(0),
            event_type: FIRST_TYPE.into(),
            schema_version: 1,
            occurred_at_us: now_us,
            causation_id: None,
            payload_sha256: commitment::sha256(&payload),
            payload,
            personal: Vec::new(),
        }],
    };
    let no_limit = AppendLimits { events_max: usize::MAX, bytes_max: usize::MAX };
    Command::check(append, salt, no_limit).map_err(|error| corrupt(error.to_string()))
}

/// What the first event says.
pub(crate) fn info(first: Option<StoredEvent>, path: &Path) -> Result<LogInfo, OpenError> {
    let corrupt = |damage| OpenError::Corrupt { path: path.to_owned(), damage };
    let first = first.filter(|event| *event.event_type == *FIRST_TYPE).ok_or_else(|| corrupt(Damage::Beginning))?;
    let created: LogCreated = serde_json::from_slice(&first.payload).map_err(|_| corrupt(Damage::FirstEvent))?;
    let clock = [ClockKind::System, ClockKind::Simulated].into_iter().find(|kind| kind.as_str() == created.clock);
    Ok(LogInfo { log_id: created.log_id, clock: clock.ok_or_else(|| corrupt(Damage::Clock))? })
}
