//! Opening and creating a log.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::Migrator;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::write::{PostgresStore, Session};
use super::{PostgresLog, read};
use crate::damage::Damage;
use crate::fault::Fault;
use crate::log::plan::{self, Known};
use crate::log::queue::Queue;
use crate::log::sqlite::limits;
use crate::log::stream_names::StreamNames;
use crate::log::writer::{BatchStore as _, Confirm, Gauges, Placed, Writer};
use crate::log::{ClockKind, Head, LogInfo, LogOptions, OpenError, ReadError, creation};
use crate::postgres::{PostgresOptions, Readers, Schema, Server, Use, check_schema};

pub(super) const SCHEMA: Schema = Schema { name: std::borrow::Cow::Borrowed("beleg_log"), migrator, lock: 1 };

fn migrator() -> Migrator {
    sqlx::migrate!("../../migrations/postgres/log")
}

/// Pause after a look at the log's end that failed.
const FOLLOW_PAUSE: Duration = Duration::from_millis(200);

impl PostgresLog {
    /// Opens the log in a database, `postgres://user:password@host:port/database?sslmode=…`, for writing beside any
    /// other process that does. Creates it if it is missing; brings its schema up to date if the role may and no
    /// server of an older program runs. Refuses another kind of clock and a newer schema.
    pub async fn open(url: &str, log: LogOptions, postgres: PostgresOptions) -> Result<Self, OpenError> {
        let server = Server::at(url, postgres)?;
        let mut session = Session::open(&server).await?;
        let mut info = log_created(&mut session, &server).await;
        if let Ok(None) = info {
            session = create(session, &server, &log).await?;
            info = log_created(&mut session, &server).await;
        }
        let info = info?.map_or_else(|| creation::info(None, &server.place), Ok)?;
        if info.clock != log.clock {
            return Err(OpenError::WrongClock { found: info.clock, wanted: log.clock });
        }
        let head = head(&mut session, &server).await?;

        let (batch_limits, append_limits) = limits(&log);
        let (jobs, jobs_of_writer) = mpsc::channel(log.queue_commands_max.max(1));
        let (published, head) = watch::channel(head);
        let gauges = Arc::new(Gauges::default());
        let streams_remembered = log.streams_remembered.max(1);
        let writer = Writer::new(
            Box::new(PostgresStore::new(server.clone(), session, streams_remembered)),
            jobs_of_writer,
            Arc::clone(&gauges),
            batch_limits,
            streams_remembered,
            published.clone(),
            info.clock == ClockKind::System,
        );
        let writer = tokio::spawn(writer.run());
        let queue = Queue::new(jobs, gauges, log.queue_bytes_max, append_limits, writer);
        Ok(Self::assemble(server, info, log.readers, head, published, queue))
    }

    /// Opens the log in a database for reading. Its head follows what others append.
    pub async fn open_read_only(url: &str, log: LogOptions, postgres: PostgresOptions) -> Result<Self, OpenError> {
        let server = Server::at(url, postgres)?;
        let failed = |source| server.failed(source);
        let mut connection = server.connect(Use::Read).await.map_err(failed)?;
        let no_log = || OpenError::NoLog { path: server.place.clone() };
        check_schema(&mut connection, &server, &SCHEMA).await.map_err(|error| match error {
            // There is no schema at all.
            OpenError::OlderSchema { found: 0, .. } => no_log(),
            error => error,
        })?;
        let head = sqlx::query(read::HEAD).fetch_all(&mut connection).await.map_err(failed)?;
        let head = read::head_in(&head).map_err(|error| unread(&server, &error))?;
        if head.position == 0 {
            // It is prepared, and no server has started yet.
            return Err(no_log());
        }
        let first = read::first(&mut connection).await.map_err(|error| unread(&server, &error))?;
        let info = creation::info(first, &server.place)?;
        let (published, head) = watch::channel(head);
        Ok(Self::assemble(server, info, log.readers, head, published, Queue::closed()))
    }

    fn assemble(
        server: Server,
        info: LogInfo,
        readers: u32,
        head: watch::Receiver<Head>,
        published: watch::Sender<Head>,
        queue: Queue,
    ) -> Self {
        let follower = follow(Readers::new(server.clone(), 1), published.clone(), server.options.follow_every);
        let follower = tokio::spawn(follower).abort_handle();
        let readers = Readers::new(server, readers);
        Self { info, readers, names: StreamNames::new(), head, published, queue, follower }
    }
}

fn unread(server: &Server, error: &ReadError) -> OpenError {
    let path = server.place.clone();
    match error {
        ReadError::Corrupt { damage } => OpenError::Corrupt { path, damage: damage.clone() },
        // A database that goes away meanwhile is not damaged.
        ReadError::Unavailable { .. } | ReadError::Closed => {
            OpenError::Io { path, source: std::io::Error::other(error.clone()) }
        }
    }
}

/// What the first event says; `None` if there is no event.
async fn log_created(session: &mut Session, server: &Server) -> Result<Option<LogInfo>, OpenError> {
    let first = read::first(&mut session.connection).await.map_err(|error| unread(server, &error))?;
    first.map(|first| creation::info(Some(first), &server.place)).transpose()
}

async fn head(session: &mut Session, server: &Server) -> Result<Head, OpenError> {
    let rows = sqlx::query(read::HEAD).fetch_all(&mut session.connection).await;
    read::head_in(&rows.map_err(|source| server.failed(source))?).map_err(|error| unread(server, &error))
}

/// Appends the first event, by the same way as all others: if another process was faster, its stream exists, and
/// nothing is added.
async fn create(session: Session, server: &Server, options: &LogOptions) -> Result<Session, OpenError> {
    let mut batch = [creation::command(options, &server.place)?];
    let (requests, heads, taken) = (HashMap::new(), HashMap::new(), HashSet::new());
    let known = Known { head: Head::default(), streams: 0, requests: &requests, heads: &heads, taken: &taken };
    let plan = plan::plan(&mut batch, &known, None);
    let mut store = PostgresStore::new(server.clone(), session, 1);
    match store.append_if_as_planned(&batch, &plan, Confirm::All).await {
        Ok(Placed::Behind(_)) => tracing::info!(database = %server.place.display(), "a log was created"),
        Ok(Placed::Overtaken(_) | Placed::Otherwise(_)) => {}
        Err(fault) => {
            let (path, reason) = (server.place.clone(), fault.message().to_owned());
            return Err(match fault {
                Fault::Constraint(_) => OpenError::Corrupt { path, damage: Damage::Quoted(reason) },
                Fault::Unavailable(..) => OpenError::Io { path, source: std::io::Error::other(reason) },
            });
        }
    }
    store
        .into_session()
        .ok_or_else(|| OpenError::Io { path: server.place.clone(), source: std::io::ErrorKind::NotConnected.into() })
}

/// Publishes a head that is newer than the last one.
pub(super) fn move_on(published: &watch::Sender<Head>, head: Head) {
    published.send_if_modified(|published| {
        let newer = head.position > published.position;
        if newer {
            *published = head;
        }
        newer
    });
}

/// Looks where the log ends, for as long as the log is open.
async fn follow(readers: Readers, published: watch::Sender<Head>, every: Duration) {
    let mut ticks = interval(every.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = published.borrow().position;
    loop {
        ticks.tick().await;
        let known = published.borrow().position;
        if known != seen {
            // The writer has just been there.
            seen = known;
            continue;
        }
        match read::head(&readers).await {
            Ok(head) => {
                seen = head.position.max(known);
                move_on(&published, head);
            }
            // Said where it failed; commands and reads say it too.
            Err(_) => sleep(FOLLOW_PAUSE).await,
        }
    }
}
