//! Where "now" comes from.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use beleg_domain::time::Timestamp;

/// A server's clock. Whoever asks takes the later of it and the log's end, so that
/// "now" never runs backwards along the log.
#[derive(Debug)]
pub(crate) enum Clock {
    /// The machine's clock, held where it was whenever the machine sets it back.
    System { last_us: AtomicI64 },
    /// What the call says. It is kept nowhere: only what a command left in the log
    /// moves the time of the calls after it, so neither a query about next year nor a
    /// refused command does.
    Simulated,
}

impl Clock {
    /// A clock that is not before `start`.
    pub(crate) fn new(simulated: bool, start: Timestamp) -> Self {
        if simulated { Self::Simulated } else { Self::System { last_us: AtomicI64::new(start.micros()) } }
    }

    /// Now. A simulated clock takes what the call says; of one that says nothing it
    /// knows nothing, and the log's end counts.
    pub(crate) fn now(&self, said: Option<Timestamp>) -> Timestamp {
        match self {
            Self::System { last_us } => {
                let reading = system_us();
                let last = last_us.fetch_max(reading, Ordering::AcqRel);
                Timestamp::from_micros(last.max(reading)).unwrap_or_default()
            }
            Self::Simulated => said.unwrap_or_default(),
        }
    }
}

fn system_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
