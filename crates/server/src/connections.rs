//! Connections: how many there may be, and when each of them ends.
//!
//! The transport would accept without end and wait for ever on whoever connects and
//! says nothing. So a connection is accepted only when there is room for it, has some
//! seconds to introduce itself, and ends at a certain age: politely by the transport,
//! and here once nobody listens to that.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, Sleep};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

/// Connections at a time. The next one waits in the socket's queue. Below the 1,024
/// open files that most systems allow, because the database needs some as well.
const CONNECTIONS_MAX: usize = 512;
/// How long a client may take for the first frame.
const INTRODUCTION_WAIT: Duration = Duration::from_secs(10);
/// The preface of HTTP/2 and the head of the SETTINGS frame that must follow it.
const INTRODUCTION_BYTES: u64 = 24 + 9;
/// The age at which a connection is asked to end, so that clients spread anew.
pub(crate) const AGE_MAX: Duration = Duration::from_secs(3_600);
/// How long calls under way then have.
const AGE_GRACE: Duration = Duration::from_secs(600);
/// The wait after a connection that could not be accepted, say for want of open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections until nobody takes them any more. All of them end when `end` is
/// cancelled.
pub(crate) fn accept(listener: TcpListener, end: CancellationToken) -> ReceiverStream<io::Result<Connection>> {
    let (sender, accepted) = mpsc::channel(1);
    tokio::spawn(async move {
        tokio::select! {
            () = sender.closed() => {}
            () = accept_all(&listener, &sender, &end) => {}
        }
    });
    ReceiverStream::new(accepted)
}

async fn accept_all(listener: &TcpListener, sender: &mpsc::Sender<io::Result<Connection>>, end: &CancellationToken) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut failing = false;
    while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                failing = false;
                let connection = Connection::new(stream, permit, end.child_token());
                if sender.send(connection).await.is_err() {
                    return;
                }
            }
            // The client gave up while it waited.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                // Said once and not ten times a second: it lasts until something is freed.
                if !failing {
                    tracing::warn!(%error, "connections cannot be accepted now");
                }
                failing = true;
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A call's connection.
#[derive(Clone, Debug)]
pub(crate) struct Line(CancellationToken);

impl Line {
    /// Ends the connection at once, with all its calls.
    pub(crate) fn cut(&self) {
        self.0.cancel();
    }
}

/// An accepted connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    line: Line,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    /// When it ends, whatever the transport thinks.
    deadline: Pin<Box<Sleep>>,
    accepted: Instant,
    /// Bytes that are still missing of the introduction.
    missing: u64,
    /// Whether anything was written yet.
    written: bool,
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    fn new(stream: TcpStream, permit: OwnedSemaphorePermit, end: CancellationToken) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let accepted = Instant::now();
        Ok(Self {
            stream,
            cut: Box::pin(end.clone().cancelled_owned()),
            line: Line(end),
            deadline: Box::pin(tokio::time::sleep_until(accepted + INTRODUCTION_WAIT)),
            accepted,
            missing: INTRODUCTION_BYTES,
            written: false,
            _permit: permit,
        })
    }
}

impl Connected for Connection {
    type ConnectInfo = Line;

    fn connect_info(&self) -> Line {
        self.line.clone()
    }
}

impl AsyncRead for Connection {
    /// The transport always waits for more to read, so here is where an end is noticed.
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if self.missing > 0 {
            self.missing = self.missing.saturating_sub((buf.filled().len() - before) as u64);
            if self.missing == 0 {
                let end = self.accepted + AGE_MAX + AGE_GRACE;
                self.deadline.as_mut().reset(end);
            }
        }
        if read.is_pending() {
            if self.deadline.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            if self.cut.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
            }
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.written = true;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.written = true;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    /// The transport asks before its first write, to choose the size from which on it leaves a message where it lies and
    /// sends it at once: 256 bytes with vectored writes, 1,024 without. What is smaller it gathers, so that the answers
    /// of a batch leave together; most of them are between the two. Asked at a write, it is told the truth: large
    /// messages need not be copied.
    fn is_write_vectored(&self) -> bool {
        self.written && self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
