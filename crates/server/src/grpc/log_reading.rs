//! A full read of the log, message by message.
//!
//! A reader is as fast as it wants to be, so what one of them may hold is bounded: a
//! few pages and messages, and only so many readers at a time. While one page becomes a
//! message the next one is read. Who takes nothing for long loses the connection, because
//! a stream whose reader stands still cannot be told anything any more; the same ends it
//! when the server ends.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use beleg_store::{EventLog, StoredEvent};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::page::{PAGE_BYTES, event_bytes};
use super::render;
use crate::connections::Line;
use crate::failure::Failure;
use crate::pb;

/// Readers at a time.
pub(crate) const READERS_MAX: usize = 16;
/// Pages and messages that wait for a slow reader.
const WAITING: usize = 2;
/// Bytes of a message, about. Larger ones would not be copied any cheaper: they pass
/// through half a dozen buffers, which should fit a processor's cache together.
const MESSAGE_BYTES: usize = 256 * 1024;
/// Events of the first page; the next ones are as many as make a message.
const FIRST_EVENTS: usize = 64;
/// The fewest and the most events of a page.
const PAGE_EVENTS: (usize, usize) = (16, 2_048);
/// How long a reader may take nothing.
const READER_WAIT: Duration = Duration::from_secs(60);
/// How long a reader has to take that the server ends.
const FAREWELL_WAIT: Duration = Duration::from_millis(200);

/// Where a read stands.
pub(super) struct LogReading {
    log: Arc<dyn EventLog>,
    /// The last position read.
    position: i64,
    /// The last position wanted.
    last: i64,
    page_events: usize,
}

impl LogReading {
    /// A read of the events between two positions, both included.
    pub(super) fn new(log: Arc<dyn EventLog>, from: i64, last: i64) -> Self {
        Self { log, position: (from - 1).max(0), last, page_events: FIRST_EVENTS }
    }

    /// Reads ahead in tasks of its own, as far as the reader follows.
    pub(super) fn send(
        mut self,
        permit: OwnedSemaphorePermit,
        line: Option<Line>,
        stopping: CancellationToken,
    ) -> Messages {
        let (pages, mut read) = mpsc::channel(WAITING);
        let (sender, messages) = mpsc::channel(WAITING);
        let reader = Reader { sender, line, stopping };
        tokio::spawn(async move {
            while let Some(page) = self.page().await.transpose() {
                let goes_on = page.is_ok();
                // Whoever takes nothing any more is heard of here.
                if pages.send(page).await.is_err() || !goes_on {
                    return;
                }
            }
        });
        tokio::spawn(async move {
            while let Some(page) = read.recv().await {
                let failed = match page {
                    Ok(page) => !reader.takes_all(page).await,
                    Err(failure) => !reader.takes(Err(failure.into())).await,
                };
                if failed {
                    return;
                }
            }
        });
        Messages { messages, _permit: permit }
    }

    /// The next page; none at the end.
    async fn page(&mut self) -> Result<Option<Vec<StoredEvent>>, Failure> {
        let wanted = usize::try_from(self.last - self.position).unwrap_or(0).min(self.page_events);
        if wanted == 0 {
            return Ok(None);
        }
        let page = self.log.read_all(self.position, wanted).await?;
        let Some(end) = page.last() else { return Ok(None) };
        self.position = end.position;
        let bytes: usize = page.iter().map(event_bytes).sum();
        self.page_events = (page.len() * MESSAGE_BYTES / bytes.max(1)).clamp(PAGE_EVENTS.0, PAGE_EVENTS.1);
        Ok(Some(page))
    }
}

/// How many events make a message; at least one.
fn fitting(events: &[StoredEvent]) -> usize {
    let mut bytes = 0;
    let full = |event: &StoredEvent| {
        bytes += event_bytes(event);
        bytes > PAGE_BYTES
    };
    events.iter().position(full).unwrap_or(events.len()).max(1)
}

/// The far end of a read.
struct Reader {
    sender: mpsc::Sender<Result<pb::ReadLogResponse, Status>>,
    line: Option<Line>,
    stopping: CancellationToken,
}

impl Reader {
    /// Whether the reader takes a page, in as many messages as it needs.
    async fn takes_all(&self, page: Vec<StoredEvent>) -> bool {
        let mut page = page.into_iter();
        while !page.as_slice().is_empty() {
            let count = fitting(page.as_slice());
            let events = page.by_ref().take(count).map(render::event).collect();
            if !self.takes(Ok(pb::ReadLogResponse { events })).await {
                return false;
            }
        }
        true
    }

    /// Whether the reader takes a message and may have another one.
    async fn takes(&self, message: Result<pb::ReadLogResponse, Status>) -> bool {
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
    messages: mpsc::Receiver<Result<pb::ReadLogResponse, Status>>,
    _permit: OwnedSemaphorePermit,
}

impl Stream for Messages {
    type Item = Result<pb::ReadLogResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.messages.poll_recv(cx)
    }
}
