//! What callers share while they work.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tonic::transport::Channel;

use crate::dice::Dice;
use crate::journal::Journal;

/// The servers as callers find them.
#[derive(Default)]
pub(crate) struct Doors(Mutex<Vec<Option<Channel>>>);

impl Doors {
    pub(crate) fn open(&self, number: usize, channel: Channel) {
        let mut doors = self.0.lock().unwrap();
        if doors.len() <= number {
            doors.resize(number + 1, None);
        }
        doors[number] = Some(channel);
    }

    /// The server is gone, and another process may get its port.
    pub(crate) fn close(&self, number: usize) {
        self.0.lock().unwrap()[number] = None;
    }

    /// One that is open.
    pub(crate) fn any(&self, dice: &mut Dice) -> Option<Channel> {
        let open = self.all();
        (!open.is_empty()).then(|| open[dice.below(open.len())].clone())
    }

    /// All that are open.
    pub(crate) fn all(&self) -> Vec<Channel> {
        self.0.lock().unwrap().iter().flatten().cloned().collect()
    }
}

/// What the callers count.
#[derive(Default)]
pub(crate) struct Tally {
    acknowledged: AtomicU64,
    asked_again: AtomicU64,
    sent_away: AtomicU64,
    recorded: AtomicU64,
    lost: AtomicU64,
}

/// The counts at a moment.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) acknowledged: u64,
    /// Answered calls that were sent once more, and answered alike.
    pub(crate) asked_again: u64,
    /// Calls that a server sent away at first: it could not take them, or could not know.
    pub(crate) sent_away: u64,
    /// Calls that had no answer at first, and were recorded by then, or were not.
    pub(crate) recorded: u64,
    pub(crate) lost: u64,
}

impl Tally {
    pub(crate) fn acknowledged(&self) {
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn asked_again(&self) {
        self.asked_again.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn sent_away(&self) {
        self.sent_away.fetch_add(1, Ordering::Relaxed);
    }

    /// A call that had no answer was answered when it was repeated.
    pub(crate) fn repeated(&self, was_recorded: bool) {
        let count = if was_recorded { &self.recorded } else { &self.lost };
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn counts(&self) -> Counts {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            acknowledged: of(&self.acknowledged),
            asked_again: of(&self.asked_again),
            sent_away: of(&self.sent_away),
            recorded: of(&self.recorded),
            lost: of(&self.lost),
        }
    }
}

/// One round's work of all callers.
pub(crate) struct Shift {
    pub(crate) doors: Arc<Doors>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) tally: Arc<Tally>,
    over: AtomicBool,
}

impl Shift {
    pub(crate) fn new(doors: Arc<Doors>, journal: Arc<Journal>, tally: Arc<Tally>) -> Self {
        Self { doors, journal, tally, over: AtomicBool::new(false) }
    }

    /// Nothing new is begun.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}
