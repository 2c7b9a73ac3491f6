//! A full read of the log, message by message.
//!
//! A reader is as fast as it wants to be, so what one of them may hold is bounded: a
//! few pages and messages, and only so many readers at a time. Pages are read ahead,
//! so that the database works on one while another becomes messages; but all readers
//! together have only so many pages read at a time that others find a connection to the
//! log at once. Who takes nothing for long loses the connection, because a stream whose
//! reader stands still cannot be told anything any more; the same ends it when the
//! server ends.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use beleg_store::EventLog;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tonic::Status;

use super::encoded::{EncodedEvents, MESSAGE_BYTES, messages};
use crate::connections::Line;
use crate::failure::Failure;

/// Readers at a time.
pub(crate) const READERS_MAX: usize = 16;
/// Pages that are read ahead of the one that is waited for.
const AHEAD: usize = 2;
/// Connections to the log that full reads leave to others: the projector may be reading a page, and whoever asks for a
/// ticket should wait neither for it nor for them.
const LEFT: usize = 2;
/// Messages that wait for a slow reader.
const WAITING: usize = 2;
/// Events of the first page; the next ones are as many as make a message.
const FIRST_EVENTS: usize = 64;
/// The fewest and the most events of a page.
const PAGE_EVENTS: (usize, usize) = (16, 2_048);
/// How long a reader may take nothing.
const READER_WAIT: Duration = Duration::from_secs(60);
/// How long a reader has to take that the server ends.
const FAREWELL_WAIT: Duration = Duration::from_millis(200);

/// Pages that all full reads together may have read at a time, of a log with so many connections for reading. Where those
/// are too few to leave any, it is one page, which others wait for as they do for each other's.
pub(crate) fn pages_at_once(connections: usize) -> usize {
    connections.saturating_sub(LEFT).max(1)
}

/// Where a read stands.
pub(super) struct LogReading {
    log: Arc<dyn EventLog>,
    /// A permit per page that is being read, by whatever reader.
    pages: Arc<Semaphore>,
    /// The last position asked for.
    position: i64,
    /// The last position wanted.
    last: i64,
    page_events: usize,
    ahead: VecDeque<Ahead>,
}

/// A page that is being read.
struct Ahead {
    /// The last position it should have.
    until: i64,
    page: AbortOnDropHandle<Result<Option<Page>, Failure>>,
}

/// A page that was read.
struct Page {
    messages: Vec<EncodedEvents>,
    events: usize,
    bytes: usize,
    last: i64,
}

impl LogReading {
    /// A read of the events between two positions, both included.
    pub(super) fn new(log: Arc<dyn EventLog>, pages: Arc<Semaphore>, from: i64, last: i64) -> Self {
        let position = (from - 1).max(0);
        Self { log, pages, position, last, page_events: FIRST_EVENTS, ahead: VecDeque::with_capacity(AHEAD) }
    }

    /// Reads ahead in tasks of its own, as far as the reader follows.
    pub(super) fn send(
        mut self,
        permit: OwnedSemaphorePermit,
        line: Option<Line>,
        stopping: CancellationToken,
    ) -> Messages {
        let (sender, messages) = mpsc::channel(WAITING);
        let reader = Reader { sender, line, stopping };
        tokio::spawn(async move {
            loop {
                match self.page().await {
                    Ok(None) => return,
                    Ok(Some(page)) => {
                        for message in page.messages {
                            if !reader.takes(Ok(message)).await {
                                return;
                            }
                        }
                    }
                    Err(failure) => {
                        reader.takes(Err(failure.into())).await;
                        return;
                    }
                }
            }
        });
        Messages { messages, _permit: permit }
    }

    /// The next page; none at the end.
    async fn page(&mut self) -> Result<Option<Page>, Failure> {
        self.read_ahead();
        let Some(Ahead { until, page }) = self.ahead.pop_front() else { return Ok(None) };
        // While it is waited for, the next ones are read.
        self.read_ahead();
        let page = page.await.map_err(|_| Failure::Stopping)??;
        let Some(page) = page else { return Ok(None) };
        if page.last < until {
            // It ended early, for its size: what was asked for after it does not follow it.
            self.ahead.clear();
            self.position = page.last;
        }
        self.page_events = (page.events * MESSAGE_BYTES / page.bytes.max(1)).clamp(PAGE_EVENTS.0, PAGE_EVENTS.1);
        Ok(Some(page))
    }

    /// Asks for pages until enough are on their way.
    fn read_ahead(&mut self) {
        while self.ahead.len() < AHEAD && self.position < self.last {
            let wanted = usize::try_from(self.last - self.position).unwrap_or(usize::MAX).min(self.page_events);
            let (log, pages, after) = (Arc::clone(&self.log), Arc::clone(&self.pages), self.position);
            let page = AbortOnDropHandle::new(tokio::spawn(async move { read(&*log, &pages, after, wanted).await }));
            self.position = after.saturating_add(i64::try_from(wanted).unwrap_or(i64::MAX));
            self.ahead.push_back(Ahead { until: self.position, page });
        }
    }
}

async fn read(log: &dyn EventLog, pages: &Semaphore, after: i64, wanted: usize) -> Result<Option<Page>, Failure> {
    let events = {
        // Given back before the page becomes messages: another one is read meanwhile.
        let _permit = pages.acquire().await.map_err(|_| Failure::Stopping)?;
        log.read_all(after, wanted).await?
    };
    let Some(last) = events.last().map(|event| event.position) else { return Ok(None) };
    let messages = messages(&events);
    let bytes = messages.iter().map(prost::Message::encoded_len).sum();
    Ok(Some(Page { messages, events: events.len(), bytes, last }))
}

/// The far end of a read.
struct Reader {
    sender: mpsc::Sender<Result<EncodedEvents, Status>>,
    line: Option<Line>,
    stopping: CancellationToken,
}

impl Reader {
    /// Whether the reader takes a message and may have another one.
    async fn takes(&self, message: Result<EncodedEvents, Status>) -> bool {
        tokio::select! {
            biased;
            () = self.stopping.cancelled() => {}
            sent = tokio::time::timeout(READER_WAIT, self.sender.send(message)) => {
                if sent.is_err() {
                    self.cut();
                }
                return matches!(sent, Ok(Ok(())));
            }
        }
        // A read that ends without an error has reached its end, so this one must not.
        let farewell = self.sender.send(Err(Failure::Stopping.into()));
        if tokio::time::timeout(FAREWELL_WAIT, farewell).await.is_err() {
            self.cut();
        }
        false
    }

    fn cut(&self) {
        if let Some(line) = &self.line {
            line.cut();
        }
    }
}

/// The messages as the transport takes them. The permit goes with them, because what
/// they hold is held until the transport has let go of it.
pub(super) struct Messages {
    messages: mpsc::Receiver<Result<EncodedEvents, Status>>,
    _permit: OwnedSemaphorePermit,
}

impl Stream for Messages {
    type Item = Result<EncodedEvents, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.messages.poll_recv(cx)
    }
}

#[cfg(test)]
mod tests {
    use beleg_store::{ClockKind, LogOptions, SqliteLog};

    use super::*;

    #[test]
    fn full_reads_leave_connections_to_others() {
        for connections in 3..20 {
            assert_eq!(pages_at_once(connections), connections - LEFT);
        }
        assert_eq!([0, 1, 2].map(pages_at_once), [1, 1, 1]);
        let usual = usize::try_from(LogOptions::new(ClockKind::System).readers).unwrap();
        // What one full read has on its way: it alone is not slowed down.
        assert_eq!(pages_at_once(usual), AHEAD + 1);
    }

    #[tokio::test]
    async fn a_full_read_waits_for_its_turn_and_others_do_not() {
        let directory = tempfile::tempdir().unwrap();
        let log = SqliteLog::open(directory.path(), LogOptions::new(ClockKind::System)).await.unwrap();
        let log: Arc<dyn EventLog> = Arc::new(log);
        let pages = Arc::new(Semaphore::new(1));
        let other = Arc::clone(&pages).acquire_owned().await.unwrap();
        let mut reading = LogReading::new(Arc::clone(&log), pages, 1, 1);
        let mut page = Box::pin(reading.page());
        assert!(tokio::time::timeout(Duration::from_millis(100), &mut page).await.is_err());
        assert_eq!(log.read_all(0, 10).await.unwrap().len(), 1);
        drop(other);
        let page = page.await.unwrap().unwrap();
        assert_eq!((page.events, page.last), (1, 1));
        log.close().await;
    }
}
