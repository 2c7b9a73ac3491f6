//! A server from its parts: log, views, projector, services.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use beleg_store::{ClockKind, EventLog, LogOptions, OpenError, Storage, Views, ViewsOpenError};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server as Transport;

use crate::clock::Clock;
use crate::command::Commands;
use crate::grpc::{Api, Border, Calls, READERS_MAX, Services, pages_at_once};
use crate::health::{self, Health};
use crate::projector::{Fresh, Progress, Projector};
use crate::services::bench::bench_service_server::BenchServiceServer;
use crate::services::contract_service_server::ContractServiceServer;
use crate::services::ledger_service_server::LedgerServiceServer;
use crate::services::log_service_server::LogServiceServer;
use crate::services::policy_service_server::PolicyServiceServer;
use crate::services::ticket_service_server::TicketServiceServer;
use crate::state::{Policies, States};
use crate::{connections, fold};

/// The largest message taken. The border's words name it as well.
const REQUEST_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The largest message given. Pages end at a mebibyte, but one event may be large.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The largest message of health and reflection.
const SMALL_BYTES_MAX: usize = 64 * 1024;
/// Calls one connection may have under way.
const STREAMS_MAX: u32 = 1_024;
/// Resets that a client, or this server, may cause before the connection is at fault.
const RESETS_MAX: usize = 64;
/// The largest frame taken: the least that HTTP/2 allows.
const FRAME_BYTES_MAX: u32 = 16 * 1024;
/// How long a shutdown waits for calls under way.
const SHUTDOWN_WAIT: Duration = Duration::from_secs(10);
/// How long clients then have to take their answers and to hang up.
const HANG_UP_WAIT: Duration = Duration::from_secs(1);
/// How long a call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(600);

/// How a server is run.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where log and views are kept: a directory for this server alone, or a database that others may share.
    pub storage: Storage,
    /// Whether "now" comes with each call.
    pub simulated_clock: bool,
    /// Whether imports are admitted.
    pub allow_import: bool,
    /// Whether the bench's bare append is offered. Nothing but a bench wants it.
    pub bench: bool,
}

/// Why a server could not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The log could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The views could not be opened.
    #[error(transparent)]
    Views(#[from] ViewsOpenError),
    /// What the log holds could not be read.
    #[error("{0}")]
    Read(String),
    /// The transport failed.
    #[error("the transport failed: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// An opened server: its log is open, its views follow. It does not answer yet.
pub struct Server {
    api: Api,
    config: Config,
    log: Arc<dyn EventLog>,
    views: Arc<dyn Views>,
    projecting: JoinHandle<()>,
    stop: CancellationToken,
}

/// Opens a server and serves until `shutdown` resolves and everything is closed.
pub async fn run(
    config: Config,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    Server::open(config).await?.serve(listener, shutdown).await
}

impl Server {
    /// Opens the log and the views.
    pub async fn open(config: Config) -> Result<Self, ServeError> {
        let clock = if config.simulated_clock { ClockKind::Simulated } else { ClockKind::System };
        let log = config.storage.await_log(LogOptions::new(clock)).await?;
        let opened = Self::over(Arc::clone(&log), config).await;
        if opened.is_err() {
            log.close().await;
        }
        opened
    }

    async fn over(log: Arc<dyn EventLog>, config: Config) -> Result<Self, ServeError> {
        let (book, version) = fold::policies(&*log).await.map_err(|failure| ServeError::Read(failure.to_string()))?;
        let (writer, views) = config.storage.await_views(&*log).await?;

        let stop = CancellationToken::new();
        let (sender, progress) = watch::channel(Progress::default());
        let hurry = Arc::new(Notify::new());
        let fresh = Arc::new(Fresh::default());
        let projector = Projector {
            log: Arc::clone(&log),
            views: Arc::clone(&views),
            writer,
            fresh: Arc::clone(&fresh),
            progress: sender,
            hurry: Arc::clone(&hurry),
            stop: stop.clone(),
        };
        let projecting = tokio::spawn(projector.run());
        let head = fold::instant(log.head().recorded_at_us);
        let clock = Arc::new(Clock::new(config.simulated_clock, head));
        let states = Arc::new(States::new(Policies { book: Arc::new(book), version }));
        let commands = Commands::new(Arc::clone(&log), clock, states, fresh, config.allow_import);
        let api = Api {
            commands: Arc::new(commands),
            views: Arc::clone(&views),
            progress,
            hurry,
            log_readers: Arc::new(Semaphore::new(READERS_MAX)),
            log_pages: Arc::new(Semaphore::new(pages_at_once(log.readers()))),
            stopping: CancellationToken::new(),
        };
        Ok(Self { api, config, log, views, projecting, stop })
    }

    /// Serves on a bound listener until `shutdown` resolves and everything is closed.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError> {
        let served = serve(self.api, &self.config, listener, shutdown).await;
        self.stop.cancel();
        // It only ends: a panic in it was an alarm already.
        let _ = self.projecting.await;
        self.views.close().await;
        self.log.close().await;
        served
    }
}

async fn serve(
    api: Api,
    config: &Config,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let reflected = || health::reflection(config.bench).map_err(|error| ServeError::Read(error.to_string()));
    let unreflected = |error: tonic_reflection::server::Error| ServeError::Read(error.to_string());
    let reflection = reflected()?.build_v1().map_err(unreflected)?;
    let reflection_alpha = reflected()?.build_v1alpha().map_err(unreflected)?;
    let (reporter, health) = tonic_health::server::health_reporter();
    let stopping = api.stopping.clone();
    let healthy = Health::announce(reporter, api.progress.clone()).await;
    let healthy = tokio::spawn(healthy.follow(stopping.clone()));

    let calls = Calls::none();
    let end = CancellationToken::new();
    // Whatever way this ends, no connection outlives it.
    let _end = end.clone().drop_guard();
    /// A service with the bounds of all of them.
    macro_rules! bounded {
        ($service:expr) => {
            $service.max_decoding_message_size(REQUEST_BYTES_MAX).max_encoding_message_size(ANSWER_BYTES_MAX)
        };
    }
    let tickets = bounded!(TicketServiceServer::new(api.clone()));
    let mut others = Routes::builder();
    others
        .add_service(reflection.max_decoding_message_size(SMALL_BYTES_MAX))
        .add_service(reflection_alpha.max_decoding_message_size(SMALL_BYTES_MAX))
        .add_service(health.max_decoding_message_size(SMALL_BYTES_MAX).max_encoding_message_size(SMALL_BYTES_MAX))
        .add_service(bounded!(ContractServiceServer::new(api.clone())))
        .add_service(bounded!(PolicyServiceServer::new(api.clone())))
        .add_service(bounded!(LedgerServiceServer::new(api.clone())))
        .add_service(bounded!(LogServiceServer::new(api.clone())));
    let bench = config.bench.then(|| bounded!(BenchServiceServer::new(api)));
    let serving = Transport::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(60)))
        .http2_keepalive_timeout(Some(Duration::from_secs(20)))
        .max_connection_age(connections::AGE_MAX)
        .max_concurrent_streams(Some(STREAMS_MAX))
        .http2_max_pending_accept_reset_streams(Some(RESETS_MAX))
        .http2_max_local_error_reset_streams(Some(RESETS_MAX))
        .http2_max_header_list_size(Some(16 * 1024))
        .max_frame_size(Some(FRAME_BYTES_MAX))
        .initial_stream_window_size(Some(1024 * 1024))
        .initial_connection_window_size(Some(4 * 1024 * 1024))
        .timeout(CALL_TIMEOUT)
        .layer(Border::new(config.simulated_clock, calls.clone()))
        .serve_with_incoming_shutdown(
            Services::new(tickets, bench, others.routes()),
            connections::accept(listener, end),
            {
                let stopping = stopping.clone();
                async move {
                    shutdown.await;
                    stopping.cancel();
                }
            },
        );
    // A shutdown has a hard bound: calls get their answers, but a client that holds a
    // stream cannot hold the server.
    let overdue = async {
        stopping.cancelled().await;
        let _ = tokio::time::timeout(SHUTDOWN_WAIT, calls.ended()).await;
        tokio::time::sleep(HANG_UP_WAIT).await;
    };
    let served = tokio::select! {
        served = serving => served.map_err(ServeError::from),
        () = overdue => Ok(()),
    };
    stopping.cancel();
    // It only ends: a panic in it was seen already.
    let _ = healthy.await;
    served
}
