//! The way to the writer: a bounded queue, and the writer's end.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::command::{AppendLimits, Command, malformed};
use super::writer::{Gauges, Job};
use super::{Append, AppendError, Appended, Commits, UnavailableReason};

/// Where appends wait. A log that was opened for reading has one that takes none.
#[derive(Debug)]
pub(crate) struct Queue {
    jobs: RwLock<Option<mpsc::Sender<Job>>>,
    gauges: Arc<Gauges>,
    bytes_max: usize,
    append_limits: AppendLimits,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Queue {
    /// A queue that a running writer empties.
    pub(crate) fn new(
        jobs: mpsc::Sender<Job>,
        gauges: Arc<Gauges>,
        bytes_max: usize,
        append_limits: AppendLimits,
        writer: JoinHandle<()>,
    ) -> Self {
        let (jobs, writer) = (RwLock::new(Some(jobs)), Mutex::new(Some(writer)));
        Self { jobs, gauges, bytes_max, append_limits, writer }
    }

    /// A queue that is closed.
    pub(crate) fn closed() -> Self {
        Self {
            jobs: RwLock::new(None),
            gauges: Arc::default(),
            bytes_max: 0,
            append_limits: AppendLimits { events_max: usize::MAX, bytes_max: usize::MAX },
            writer: Mutex::new(None),
        }
    }

    pub(crate) fn commits(&self) -> Commits {
        self.gauges.commits()
    }

    pub(crate) async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let mut salt = [0; 32];
        getrandom::fill(&mut salt).map_err(|_| AppendError::Unavailable { reason: UnavailableReason::Other })?;
        let command = Command::check(append, salt, self.append_limits)?;
        let (answer, answered) = oneshot::channel();
        self.enqueue(command, answer)?;
        // The writer answers everything it took; if it died, what it had taken may be in the log.
        answered.await.unwrap_or(Err(AppendError::Unknown { reason: UnavailableReason::Other }))
    }

    pub(crate) async fn erase_personal(&self, from_position: i64, to_position: i64) -> Result<u64, AppendError> {
        if from_position > to_position {
            return Err(malformed("an erasure from a later position to an earlier one"));
        }
        let (answer, answered) = oneshot::channel();
        self.send(Job::Erase(from_position, to_position, answer))?;
        answered.await.unwrap_or(Err(AppendError::Unknown { reason: UnavailableReason::Other }))
    }

    /// Takes nothing more. The writer finishes what is queued and ends.
    pub(crate) fn stop(&self) {
        drop(self.jobs.write().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Waits until the writer has ended.
    pub(crate) async fn ended(&self) {
        if let Some(writer) = self.writer.lock().await.take()
            && let Err(error) = writer.await
        {
            tracing::error!(%error, "the writer died");
        }
    }

    fn enqueue(
        &self,
        command: Command,
        answer: oneshot::Sender<Result<Appended, AppendError>>,
    ) -> Result<(), AppendError> {
        let bytes = command.bytes;
        if self.gauges.queued_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > self.bytes_max {
            self.gauges.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            // A closed queue has no bytes to give, but that is not what is wrong with it.
            let closed = self.jobs.read().unwrap_or_else(PoisonError::into_inner).is_none();
            return Err(if closed { AppendError::Closed } else { AppendError::Overloaded });
        }
        self.send(Job::Append(command, answer)).inspect_err(|_| {
            self.gauges.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
        })
    }

    fn send(&self, job: Job) -> Result<(), AppendError> {
        let jobs = self.jobs.read().unwrap_or_else(PoisonError::into_inner);
        let jobs = jobs.as_ref().ok_or(AppendError::Closed)?;
        jobs.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => AppendError::Overloaded,
            TrySendError::Closed(_) => AppendError::Closed,
        })
    }
}
