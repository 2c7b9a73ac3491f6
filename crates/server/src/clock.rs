//! Where "now" comes from.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use beleg_domain::time::Timestamp;

/// A server's clock. It never runs backwards.
#[derive(Debug)]
pub(crate) struct Clock {
    simulated: bool,
    last_us: AtomicI64,
}

impl Clock {
    /// A clock that is not before `start`.
    pub(crate) fn new(simulated: bool, start: Timestamp) -> Self {
        Self { simulated, last_us: AtomicI64::new(start.micros()) }
    }

    /// Now. A simulated clock takes what the call says, or stands still.
    pub(crate) fn now(&self, said: Option<Timestamp>) -> Timestamp {
        let reading = if self.simulated { said.map_or(0, Timestamp::micros) } else { system_us() };
        let last = self.last_us.fetch_max(reading, Ordering::AcqRel);
        Timestamp::from_micros(last.max(reading)).unwrap_or_default()
    }
}

fn system_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
