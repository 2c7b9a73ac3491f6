//! The group-commit writer: one task, one batch at a time, no timer.
//!
//! Commands wait in a bounded queue. The task takes what waits, within bounds on commands, events and bytes, and
//! makes it one transaction; while that is flushed to disk the next batch forms by itself. So a single command waits
//! for nobody, and under load one flush carries hundreds.
//!
//! A batch:
//!
//! 1. stamp and hash, with the head as it was last seen; nothing is locked yet;
//! 2. begin, which keeps other writers out; look up the batch's request ids and the streams that are not remembered;
//! 3. judge the commands ([`super::plan`]); a stamp that the head has overtaken is renewed here;
//! 4. insert, commit;
//! 5. publish the head, answer.
//!
//! What can go wrong: a command that is refused fails alone, in step 3. A constraint that step 3 did not foresee (an
//! event id that exists) undoes the batch; it is tried once more with its event ids looked up, and if that fails too,
//! its commands go one by one. A database that cannot write fails the batch, and the next one tries again. A commit
//! that fails may have taken effect: its request ids are looked up before anyone is answered, and where the disk
//! itself failed, what is not found may still come back after a crash, so it is answered as unknown.
//!
//! Each step is a way to the database and back, so shorter ways are tried first. The log of this process alone is as it
//! was left ([`own`]): step 3 needs no database, and the others are one. A log that several processes share
//! ([`shared`]) is planned for on assumptions, and one statement verifies them and appends. The steps above are for
//! when that does not do.

mod own;
mod shared;
mod store;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::command::Command;
use super::heads::{StreamHead, StreamHeads};
use super::plan::{self, Known, Plan, Verdict};
use super::{AppendError, Appended, Commits, Head, UnavailableReason};
use crate::fault::Fault;
pub(crate) use shared::{Confirm, Placed};
pub(crate) use store::BatchStore;

/// What bounds a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchLimits {
    pub(crate) commands_max: usize,
    pub(crate) events_max: usize,
    pub(crate) bytes_max: usize,
}

/// What waits for the writer.
#[derive(Debug)]
pub(crate) enum Job {
    /// An append and who waits for it.
    Append(Command, oneshot::Sender<Result<Appended, AppendError>>),
    /// An erasure from one position to another.
    Erase(i64, i64, oneshot::Sender<Result<u64, AppendError>>),
}

/// What the writer and those who wait for it count.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    /// Bytes in the queue; the sending side counts them up.
    pub(crate) queued_bytes: AtomicUsize,
    batches: AtomicU64,
    commands: AtomicU64,
    largest_batch: AtomicU64,
}

impl Gauges {
    pub(crate) fn commits(&self) -> Commits {
        Commits {
            batches: self.batches.load(Ordering::Relaxed),
            commands: self.commands.load(Ordering::Relaxed),
            largest_batch: self.largest_batch.load(Ordering::Relaxed),
        }
    }

    fn committed(&self, plan: &Plan) {
        let accepted =
            plan.verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Accepted { .. })).count() as u64;
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.commands.fetch_add(accepted, Ordering::Relaxed);
        self.largest_batch.fetch_max(accepted, Ordering::Relaxed);
    }
}

/// The pause between two look-ups of an unknown outcome.
const LOOK_UP_PAUSE: Duration = Duration::from_millis(100);

/// The writer's state.
pub(crate) struct Writer {
    store: Box<dyn BatchStore>,
    jobs: mpsc::Receiver<Job>,
    gauges: Arc<Gauges>,
    waiting: VecDeque<Job>,
    limits: BatchLimits,
    heads: StreamHeads,
    /// As last seen, for stamping ahead of the lock.
    head: Head,
    /// Number of the last stream, as last seen; none before the first look and after a failure. Without meaning where
    /// the log is shared.
    streams: Option<i64>,
    published: watch::Sender<Head>,
    follows_system_clock: bool,
    /// So many batches look up, or have confirmed, what else is left to the keys.
    look_first: u32,
    /// So many batches lock before they are stamped; where the log is shared.
    lock_first: u32,
    /// Until then a lost connection is hidden from those who wait for the batch.
    give_up: Instant,
}

type Answer = oneshot::Sender<Result<Appended, AppendError>>;
type Answers = Vec<Result<Appended, AppendError>>;

impl Writer {
    pub(crate) fn new(
        store: Box<dyn BatchStore>,
        jobs: mpsc::Receiver<Job>,
        gauges: Arc<Gauges>,
        limits: BatchLimits,
        streams_remembered: usize,
        published: watch::Sender<Head>,
        follows_system_clock: bool,
    ) -> Self {
        let head = *published.borrow();
        Self {
            store,
            jobs,
            gauges,
            waiting: VecDeque::new(),
            limits,
            heads: StreamHeads::new(streams_remembered),
            head,
            streams: None,
            published,
            follows_system_clock,
            look_first: 0,
            lock_first: 0,
            give_up: Instant::now(),
        }
    }

    /// Works until the queue is closed and empty.
    pub(crate) async fn run(mut self) {
        while self.collect().await {
            if let Some(Job::Erase(..)) = self.waiting.front() {
                self.erase().await;
            } else {
                let (mut batch, answers) = self.next_batch();
                self.give_up = Instant::now() + self.store.ride_out();
                let results = self.append(&mut batch).await;
                for (answer, result) in answers.into_iter().zip(results) {
                    // Nobody may be waiting any more; what was appended stays.
                    let _ = answer.send(result);
                }
            }
            self.store.tidy().await;
        }
        self.store.close().await;
    }

    /// Waits for work, then takes all that is there, up to one batch.
    async fn collect(&mut self) -> bool {
        if self.waiting.is_empty() {
            let Some(job) = self.jobs.recv().await else { return false };
            self.waiting.push_back(job);
        }
        while self.waiting.len() < self.limits.commands_max {
            let Ok(job) = self.jobs.try_recv() else { break };
            self.waiting.push_back(job);
        }
        true
    }

    fn next_batch(&mut self) -> (Vec<Command>, Vec<Answer>) {
        let (mut batch, mut answers) = (Vec::new(), Vec::new());
        let (mut events, mut bytes) = (0, 0);
        while let Some(Job::Append(command, _)) = self.waiting.front() {
            events += command.events.len();
            bytes += command.bytes;
            let full = batch.len() >= self.limits.commands_max
                || events > self.limits.events_max
                || bytes > self.limits.bytes_max;
            if full && !batch.is_empty() {
                break;
            }
            let Some(Job::Append(command, answer)) = self.waiting.pop_front() else { break };
            self.gauges.queued_bytes.fetch_sub(command.bytes, Ordering::Relaxed);
            batch.push(command);
            answers.push(answer);
        }
        (batch, answers)
    }

    async fn erase(&mut self) {
        let Some(Job::Erase(from, to, answer)) = self.waiting.pop_front() else { return };
        let give_up = Instant::now() + self.store.ride_out();
        let result = loop {
            let result = self.store.erase_personal(from, to).await;
            let Err(fault) = &result else { break result };
            tracing::error!(error = fault.message(), "erasing failed");
            self.store.rollback().await;
            // What is erased twice is erased; only the number of texts may then be too small.
            if fault.reason() != UnavailableReason::Connection || Instant::now() + LOOK_UP_PAUSE >= give_up {
                break result;
            }
            tokio::time::sleep(LOOK_UP_PAUSE).await;
        };
        let _ = answer.send(result.map_err(Into::into));
    }

    async fn append(&mut self, batch: &mut [Command]) -> Answers {
        match self.attempt(batch, false).await {
            Ok(answers) => answers,
            Err(Fault::Constraint(message)) => {
                tracing::info!(commands = batch.len(), message, "a batch was refused; its event ids are looked up");
                self.append_checked(batch).await
            }
            Err(fault) => failed(batch.len(), &fault),
        }
    }

    /// Again, with every event id looked up; and what is refused even so, one by one.
    async fn append_checked(&mut self, batch: &mut [Command]) -> Answers {
        match self.attempt(batch, true).await {
            Ok(answers) => answers,
            Err(Fault::Constraint(message)) => {
                tracing::warn!(commands = batch.len(), message, "a batch was refused; its commands go one by one");
                let mut answers = Vec::with_capacity(batch.len());
                for command in batch {
                    let alone = self.attempt(std::slice::from_mut(command), true).await;
                    answers.extend(alone.unwrap_or_else(|fault| failed(1, &fault)));
                }
                answers
            }
            Err(fault) => failed(batch.len(), &fault),
        }
    }

    /// One transaction. An error means that nothing of it is in the log.
    async fn attempt_once(&mut self, batch: &mut [Command], look_up_events: bool) -> Result<Answers, Fault> {
        let clock_us = self.follows_system_clock.then(system_clock_us);
        let mut ahead = self.head;
        for command in batch.iter_mut() {
            ahead.recorded_at_us = plan::stamp_us(command, ahead, clock_us);
            // What cannot be stamped is refused by the plan, with this same error.
            let _ = command.stamp(ahead.recorded_at_us);
        }
        if !look_up_events {
            let answered = match self.store.is_shared() {
                true => self.assuming(batch, clock_us).await?,
                false => self.unasked(batch, clock_us).await?,
            };
            if let Some(answers) = answered {
                return Ok(answers);
            }
        }
        let plan = match self.prepare(batch, look_up_events, clock_us).await {
            Ok(plan) => plan,
            Err(fault) => return Err(self.undo(fault).await),
        };
        if plan.is_empty() {
            self.store.rollback().await;
            return Ok(answers(batch, &plan));
        }
        if let Err(fault) = self.store.insert(batch, &plan).await {
            return Err(self.undo(fault).await);
        }
        if let Err(fault) = self.store.commit().await {
            let fault = self.undo(fault).await;
            return self.look_up_outcome(batch, &plan, fault).await;
        }
        self.committed(&plan);
        Ok(answers(batch, &plan))
    }

    /// Steps 2 and 3.
    async fn prepare(
        &mut self,
        batch: &mut [Command],
        look_up_events: bool,
        clock_us: Option<i64>,
    ) -> Result<Plan, Fault> {
        let (head, streams) = self.store.begin().await?;
        self.publish(head);
        self.streams = Some(streams);
        let ids: Vec<_> = batch.iter().map(|command| command.request_id).collect();
        let requests = self.store.requests(&ids).await?;
        let heads = self.stream_heads(batch).await?;
        let mut taken = HashSet::new();
        if look_up_events {
            let ids: Vec<_> = batch.iter().flat_map(|command| &command.events).map(|event| event.event_id).collect();
            taken = self.store.taken(&ids).await?;
        }
        let known = Known { head, streams, requests: &requests, heads: &heads, taken: &taken };
        Ok(plan::plan(batch, &known, clock_us))
    }

    /// The batch's streams: remembered ones, and the others by one look-up.
    async fn stream_heads(&mut self, batch: &[Command]) -> Result<HashMap<Arc<str>, StreamHead>, Fault> {
        let mut found = HashMap::new();
        let mut unknown = HashSet::new();
        for (stream, _) in batch.iter().flat_map(|command| &command.expectations) {
            if found.contains_key(stream) || unknown.contains(stream) {
                continue;
            }
            match self.heads.get(stream).filter(|_| !self.store.is_shared()) {
                Some(head) => drop(found.insert(Arc::clone(stream), head)),
                None => drop(unknown.insert(Arc::clone(stream))),
            }
        }
        if !unknown.is_empty() {
            let names: Vec<_> = unknown.into_iter().collect();
            let looked_up = self.store.stream_heads(&names).await?;
            for (stream, head) in &looked_up {
                self.heads.put(Arc::clone(stream), *head);
            }
            found.extend(looked_up);
        }
        Ok(found)
    }

    async fn undo(&mut self, fault: Fault) -> Fault {
        match &fault {
            // A batch that goes another way then.
            Fault::Constraint(message) => tracing::debug!(message, "a transaction was refused"),
            Fault::Unavailable(_, message) => tracing::warn!(error = message, "a transaction failed"),
        }
        self.store.rollback().await;
        self.heads.clear();
        self.streams = None;
        fault
    }

    /// After a commit that failed: did it take effect?
    async fn look_up_outcome(&mut self, batch: &[Command], plan: &Plan, fault: Fault) -> Result<Answers, Fault> {
        let accepted = batch.iter().zip(&plan.verdicts);
        let accepted = accepted.filter(|(_, verdict)| matches!(verdict, Verdict::Accepted { .. }));
        let accepted: Vec<_> = accepted.map(|(command, _)| command).collect();
        let ids: Vec<_> = accepted.iter().map(|command| command.request_id).collect();
        let give_up = Instant::now() + self.store.look_up_for();
        loop {
            match self.store.requests(&ids).await {
                Ok(found) => {
                    // The seal tells this batch's own request from an earlier one with the same id.
                    let own = |command: &&Command| {
                        found.get(&command.request_id).filter(|stored| stored.seal == command.seal())
                    };
                    let Some(stored) = accepted.first().and_then(own) else {
                        match fault.reason() {
                            UnavailableReason::Io => break,
                            _ => return Err(fault),
                        }
                    };
                    tracing::warn!("a commit that reported a failure took effect");
                    let mut plan = plan.clone();
                    plan.move_behind(stored.receipt.first_position - 1);
                    self.committed(&plan);
                    return Ok(answers(batch, &plan));
                }
                Err(error) => {
                    tracing::error!(error = error.message(), "the outcome of a commit could not be looked up");
                    self.store.rollback().await;
                }
            }
            if Instant::now() + LOOK_UP_PAUSE >= give_up {
                break;
            }
            tokio::time::sleep(LOOK_UP_PAUSE).await;
        }
        let reason = fault.reason();
        let unknown = batch.iter().zip(&plan.verdicts).zip(answers(batch, plan));
        Ok(unknown
            .map(|((_, verdict), answer)| match verdict {
                Verdict::Accepted { .. } | Verdict::RepeatOf(_) => Err(AppendError::Unknown { reason }),
                Verdict::Repeated(_) | Verdict::Refused(_) => answer,
            })
            .collect())
    }

    fn committed(&mut self, plan: &Plan) {
        self.gauges.committed(plan);
        for (stream, head) in &plan.heads {
            self.heads.put(Arc::clone(stream), *head);
        }
        self.streams = self.streams.map(|_| plan.streams);
        self.publish(plan.head);
    }

    fn publish(&mut self, head: Head) {
        self.head = head;
        self.published.send_if_modified(|published| {
            let newer = head.position > published.position;
            if newer {
                *published = head;
            }
            newer
        });
    }
}

fn failed(commands: usize, fault: &Fault) -> Answers {
    tracing::error!(error = fault.message(), commands, "appends failed");
    vec![Err(AppendError::Unavailable { reason: fault.reason() }); commands]
}

fn answers(batch: &[Command], plan: &Plan) -> Answers {
    let mut answers: Answers = Vec::with_capacity(batch.len());
    for (command, verdict) in batch.iter().zip(&plan.verdicts) {
        answers.push(match verdict {
            Verdict::Accepted { first_position } => Ok(plan::receipt(command, *first_position)),
            Verdict::Repeated(receipt) => Ok(receipt.clone()),
            Verdict::RepeatOf(first) => answers[*first].clone().map(|receipt| Appended { repeated: true, ..receipt }),
            Verdict::Refused(error) => Err(error.clone()),
        });
    }
    answers
}

/// Microseconds since the Unix epoch.
pub(crate) fn system_clock_us() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX)
}
