//! Events on their way from the commands to the views.
//!
//! What this process has appended it need not read back and parse to project it: a
//! command leaves its events here once they are in the log. It is a shortcut and no
//! more. What is missing here is read from the log: events of other processes, of
//! before the start, and what found no room. The last event of every batch always is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use beleg_domain::event::Event;
use beleg_domain::ticket::command::Draft;
use beleg_store::Appended;

use super::batch::Shown;

/// With so many events nobody leaves more: several times what gathers under load between two batches.
const EVENTS_MAX: usize = 16_384;

/// Events on their way.
#[derive(Default)]
pub(crate) struct Fresh(Mutex<Kept>);

/// What each command left, by the position of its first event. A list per command: to move many events about, or to
/// make one list of them all, takes longer than to show them.
#[derive(Default)]
struct Kept {
    runs: BTreeMap<i64, Vec<Shown>>,
    events: usize,
}

impl Kept {
    fn put(&mut self, first: i64, run: Vec<Shown>) {
        self.events += run.len();
        // A database that went back to an earlier state gives positions out again.
        if let Some(replaced) = self.runs.insert(first, run) {
            self.events -= replaced.len();
        }
    }

    fn remove(&mut self, first: i64) -> Option<Vec<Shown>> {
        let run = self.runs.remove(&first)?;
        self.events -= run.len();
        Some(run)
    }

    fn first(&self) -> Option<i64> {
        self.runs.first_key_value().map(|(first, _)| *first)
    }

    /// Lets go what is before a position.
    fn forget_before(&mut self, position: i64) {
        while let Some(first) = self.first().filter(|first| *first < position) {
            let Some(mut run) = self.remove(first) else { return };
            let before = usize::try_from(position - first).unwrap_or(usize::MAX);
            if before < run.len() {
                self.put(position, run.split_off(before));
            }
        }
    }
}

impl Fresh {
    /// Leaves what a command appended, and where it was imported from.
    pub(crate) fn appended(&self, receipt: &Appended, drafts: Vec<Draft>, origin: Option<&Arc<str>>) {
        let events = drafts.into_iter().map(|draft| (draft.at.micros(), Some(draft.event)));
        self.put(receipt, events, origin);
    }

    /// Leaves events of the bench, which no view shows.
    pub(crate) fn appended_by_bench(&self, receipt: &Appended, occurred_at_us: i64) {
        self.put(receipt, receipt.events.iter().map(|_| (occurred_at_us, None)), None);
    }

    fn put(&self, receipt: &Appended, events: impl Iterator<Item = (i64, Option<Event>)>, origin: Option<&Arc<str>>) {
        // The receipt of a repeated request is about events of long ago.
        if receipt.repeated {
            return;
        }
        if self.kept().events >= EVENTS_MAX {
            return;
        }
        let shown = receipt.events.iter().zip(events).map(|(appended, (occurred_at_us, event))| Shown {
            position: appended.position,
            stream: appended.stream.clone(),
            version: appended.version,
            event_id: appended.event_id,
            occurred_at_us,
            recorded_at_us: receipt.recorded_at_us,
            origin: origin.cloned(),
            event,
        });
        let shown = shown.collect();
        self.kept().put(receipt.first_position, shown);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the unbroken run of events after a position and before another, so many at
    /// most, and says where the next one after the run is. What lies before is let go.
    pub(super) fn take(&self, after: i64, before: i64, limit: usize) -> (Vec<Vec<Shown>>, Option<i64>) {
        let mut kept = self.kept();
        kept.forget_before(after + 1);
        let mut taken = Vec::with_capacity(kept.runs.len());
        let end = before.min((after + 1).saturating_add_unsigned(limit as u64));
        let mut next = after + 1;
        while next < end
            && let Some(mut run) = kept.remove(next)
        {
            let room = usize::try_from(end - next).unwrap_or(usize::MAX);
            if room < run.len() {
                kept.put(end, run.split_off(room));
            }
            next = next.saturating_add_unsigned(run.len() as u64);
            taken.push(run);
        }
        (taken, kept.first())
    }
}

#[cfg(test)]
mod tests {
    use beleg_store::AppendedEvent;
    use uuid::Uuid;

    use super::*;

    fn appended(fresh: &Fresh, positions: std::ops::Range<i64>) {
        let event = |position| AppendedEvent {
            event_id: Uuid::now_v7(),
            event_type: "bench_appended".into(),
            stream: "a".into(),
            version: position,
            position,
        };
        let receipt = Appended {
            repeated: false,
            first_position: positions.start,
            recorded_at_us: 7,
            events: positions.map(event).collect(),
        };
        fresh.appended_by_bench(&receipt, 6);
    }

    fn taken(fresh: &Fresh, after: i64, before: i64, limit: usize) -> (Vec<i64>, Option<i64>) {
        let (run, next) = fresh.take(after, before, limit);
        (run.iter().flatten().map(|shown| shown.position).collect(), next)
    }

    #[test]
    fn a_run_ends_at_a_gap_at_the_limit_and_before_the_end() {
        let fresh = Fresh::default();
        appended(&fresh, 8..10);
        appended(&fresh, 3..7);
        assert_eq!(taken(&fresh, 2, 100, 2), (vec![3, 4], Some(5)));
        assert_eq!(taken(&fresh, 4, 6, 100), (vec![5], Some(6)));
        assert_eq!(taken(&fresh, 5, 100, 100), (vec![6], Some(8)));
        assert_eq!(taken(&fresh, 6, 100, 100), (vec![], Some(8)), "the event at 7 is not here");
        assert_eq!(taken(&fresh, 8, 100, 100), (vec![9], None), "what lies before is let go");
        assert_eq!(fresh.0.lock().unwrap().events, 0);
    }

    #[test]
    fn it_holds_so_many_and_what_is_too_much_is_left_to_the_log() {
        let fresh = Fresh::default();
        for position in 1..=2 * EVENTS_MAX as i64 {
            appended(&fresh, position..position + 1);
        }
        assert_eq!(taken(&fresh, 0, i64::MAX, usize::MAX).0.len(), EVENTS_MAX);
    }
}
