//! Events into views, in log order: live, catching up and rebuilding by one code path.
//!
//! Projections post what events say; they decide nothing. A batch of events becomes
//! rows, and the rows and the position they reach are written in one transaction.
//!
//! Two things can go wrong. What passes by itself, a locked file or a full disk, is
//! waited for, as long as it takes, and said meanwhile. What does not, an event that
//! cannot be read or that contradicts the views, stops the projector with an alarm: no
//! event is ever skipped.
//!
//! Where several servers share a log, one of them projects. The others look how far it has come, and one of them takes
//! over when it is gone.

mod batch;
mod fresh;

use std::sync::Arc;
use std::time::Duration;

use beleg_store::{EventLog, Views, ViewsWriter};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use self::batch::Shown;
use crate::failure::Failure;

pub(crate) use batch::BENCH_EVENT;
pub(crate) use fresh::Fresh;

/// Events of one batch.
const BATCH_EVENTS: usize = 4_096;
/// Events read before others get their turn.
const EVENTS_AT_ONCE: usize = 256;

/// How far the views have come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// The last position taken in.
    pub(crate) position: i64,
    /// Why the projector stopped.
    pub(crate) alarm: Option<String>,
    /// What the projector waits for, to go on by itself.
    waiting: Option<String>,
}

impl Progress {
    /// Why the views stand still, if they do.
    pub(crate) fn trouble(&self) -> Option<String> {
        match (&self.alarm, &self.waiting) {
            (Some(alarm), _) => Some(format!("the projector stopped: {alarm}")),
            (None, Some(waiting)) => Some(format!("the projector waits and tries again: {waiting}")),
            (None, None) => None,
        }
    }

    fn reached(&mut self, position: i64) {
        if position > self.position {
            self.waiting = None;
        }
        self.position = position;
    }
}

/// How long new events may gather before they are taken in, unless somebody waits for
/// them. A transaction of the views costs about as much for one event as for a hundred,
/// and a page that a hundred events change is written once.
const GATHERING: Duration = Duration::from_millis(100);

/// More events than this are left for the next start.
const LAST_EVENTS_MAX: i64 = 100_000;

/// How long the projector waits before it tries again, at first and at most.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// How often a server that does not project looks how far the one that does has come, and how long it does so before
/// it asks whether that one is still there.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const LOOK_FOR: Duration = Duration::from_millis(400);

/// Moves the views on.
pub(crate) struct Projector {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) views: Arc<dyn Views>,
    pub(crate) writer: Box<dyn ViewsWriter>,
    /// What this process has appended.
    pub(crate) fresh: Arc<Fresh>,
    pub(crate) progress: watch::Sender<Progress>,
    /// Whoever waits for the views hurries the projector.
    pub(crate) hurry: Arc<Notify>,
    pub(crate) stop: CancellationToken,
}

impl Projector {
    /// Follows the log until stopped, or until it cannot go on; then the views are written no more.
    pub(crate) async fn run(mut self) {
        self.follow().await;
        // What is only dropped is closed some time later, and until then it is in use.
        if let Err(error) = self.writer.close().await {
            tracing::warn!(%error, "the views did not close cleanly; nothing is lost");
        }
    }

    async fn follow(&mut self) {
        let mut head = self.log.watch_head();
        let mut retry = RETRY_FIRST;
        loop {
            let wanted = head.borrow_and_update().position;
            let leads = match self.advance(wanted).await {
                Ok(leads) => leads,
                Err(Failure::Unavailable(reason)) => {
                    tracing::warn!(reason, "the projector waits {retry:?} and tries again");
                    self.progress.send_modify(|progress| progress.waiting = Some(reason));
                    tokio::select! {
                        // The next start takes in what is missing.
                        () = self.stop.cancelled() => return,
                        () = tokio::time::sleep(retry) => {}
                    }
                    retry = (retry * 2).min(RETRY_MAX);
                    continue;
                }
                Err(failure) => {
                    tracing::error!(%failure, "the projector stopped: the views stand still until this is mended");
                    self.progress.send_modify(|progress| progress.alarm = Some(failure.to_string()));
                    return;
                }
            };
            retry = RETRY_FIRST;
            self.progress.send_modify(|progress| progress.waiting = None);
            if !leads {
                if self.stop.is_cancelled() {
                    return;
                }
                continue;
            }
            if self.stop.is_cancelled()
                && (self.progress.borrow().position < wanted || self.log.head().position == wanted)
            {
                return;
            }
            tokio::select! {
                () = self.stop.cancelled() => continue,
                changed = head.changed() => if changed.is_err() { return },
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = self.hurry.notified() => {}
                () = tokio::time::sleep(GATHERING) => {}
            }
        }
    }

    /// Takes in what there is up to a position, or looks for a while how another server does. Says which.
    async fn advance(&mut self, wanted: i64) -> Result<bool, Failure> {
        if !self.writer.lead().await? {
            self.look_on().await?;
            return Ok(false);
        }
        // At the end what has gathered is taken in, unless that would take long.
        let (progress, stop) = (&self.progress, &self.stop);
        let goes_on = |position| {
            progress.send_modify(|progress| progress.reached(position));
            !stop.is_cancelled() || wanted - position < LAST_EVENTS_MAX
        };
        project(&self.log, &mut *self.writer, &self.fresh, wanted, goes_on).await?;
        Ok(true)
    }

    /// Looks how far another server has brought the views.
    async fn look_on(&mut self) -> Result<(), Failure> {
        let until = tokio::time::Instant::now() + LOOK_FOR;
        while tokio::time::Instant::now() < until && !self.stop.is_cancelled() {
            let position = self.views.position().await?;
            if position != self.progress.borrow().position {
                self.progress.send_modify(|progress| progress.reached(position));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

/// Projects everything up to a position, batch by batch, as long as `goes_on` says so of
/// the position reached. While one batch is written the next one is read.
pub(crate) async fn project(
    log: &Arc<dyn EventLog>,
    writer: &mut dyn ViewsWriter,
    fresh: &Arc<Fresh>,
    to_position: i64,
    mut goes_on: impl FnMut(i64) -> bool,
) -> Result<(), Failure> {
    let (mut position, mut number) = writer.end().await?;
    // Also where nothing is new: whoever waits for the views must learn that they are there.
    if !goes_on(position) || position >= to_position {
        return Ok(());
    }
    let mut page = page(&**log, fresh, position, to_position).await?;
    loop {
        let Page { events, end: Some((end, leaf_hash)) } = page else {
            return Err(Failure::broken(format!("the log ends at {position}, before its head {to_position}")));
        };
        // In a task of its own, because to read a page is about as much work as to write it.
        let next = (end < to_position).then(|| {
            let (log, fresh) = (Arc::clone(log), Arc::clone(fresh));
            AbortOnDropHandle::new(tokio::spawn(async move { self::page(&*log, &fresh, end, to_position).await }))
        });
        let (mut rows, last_number) = batch::rows(writer, &events, number).await?;
        (rows.position, rows.leaf_hash) = (end, leaf_hash);
        writer.apply(&rows).await?;
        (position, number) = (end, last_number);
        let more = goes_on(position);
        let Some(next) = next.filter(|_| more) else { return Ok(()) };
        page = next.await.map_err(Failure::broken)??;
    }
}

/// Events without a gap, piece by piece, and the position and leaf hash of the last one.
struct Page {
    events: Vec<Vec<Shown>>,
    end: Option<(i64, [u8; 32])>,
}

/// The events after a position, as many as make a batch.
/// What is not fresh is read, and the last one always: its hash says how far the views are.
async fn page(log: &dyn EventLog, fresh: &Fresh, after: i64, to_position: i64) -> Result<Page, Failure> {
    let (mut events, next_fresh) = fresh.take(after, to_position, BATCH_EVENTS - 1);
    let mut position = events.last().and_then(|run| run.last()).map_or(after, |last| last.position);
    let room = BATCH_EVENTS - events.iter().map(Vec::len).sum::<usize>();
    let to = next_fresh.map_or(to_position, |next| to_position.min(next - 1)).max(position + 1);
    let wanted = usize::try_from(to - position).unwrap_or(1).min(room);
    let mut end = None;
    let stored = log.read_all(position, wanted).await?;
    let mut read = Vec::with_capacity(stored.len());
    for (place, stored) in stored.iter().enumerate() {
        if place % EVENTS_AT_ONCE == EVENTS_AT_ONCE - 1 {
            // The batch before this one is written meanwhile, statement by statement.
            tokio::task::yield_now().await;
        }
        position += 1;
        if stored.position != position {
            return Err(Failure::broken(format!("event {position} is missing in the log")));
        }
        end = Some((position, stored.leaf_hash));
        read.push(Shown::read(stored)?);
    }
    events.push(read);
    Ok(Page { events, end })
}
