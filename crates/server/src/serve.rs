//! A server from its parts: log, views, projector, services.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use beleg_store::views::serving_file;
use beleg_store::{ClockKind, EventLog, LogOptions, OpenError, SqliteLog, Views, ViewsOpenError};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server as Transport;
use tonic::transport::server::TcpIncoming;

use crate::clock::Clock;
use crate::command::Commands;
use crate::fold;
use crate::grpc::Api;
use crate::pb;
use crate::projector::{self, Progress};
use crate::state::{Policies, States};

/// The largest message taken.
const REQUEST_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Calls one connection may have under way.
const STREAMS_MAX: u32 = 1_024;
/// How long a shutdown waits for calls under way.
const SHUTDOWN_WAIT: Duration = Duration::from_secs(10);
/// How long a call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(600);

/// How a server is run.
#[derive(Clone, Debug)]
pub struct Config {
    /// The directory of the log and the views.
    pub data: PathBuf,
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

/// An opened server: its log is locked, its views follow. It does not answer yet.
pub struct Server {
    api: Api,
    bench: bool,
    log: Arc<dyn EventLog>,
    views: Views,
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
        let log: Arc<dyn EventLog> = Arc::new(SqliteLog::open(&config.data, LogOptions::new(clock)).await?);
        let (writer, views) = Views::open(&serving_file(&config.data), &*log).await?;
        let (book, version) = fold::policies(&*log).await.map_err(|failure| ServeError::Read(failure.to_string()))?;

        let stop = CancellationToken::new();
        let (sender, progress) = watch::channel(Progress::default());
        let hurry = Arc::new(Notify::new());
        let projecting =
            tokio::spawn(projector::follow(Arc::clone(&log), writer, sender, Arc::clone(&hurry), stop.clone()));
        let head = fold::instant(log.head().recorded_at_us);
        let clock = Arc::new(Clock::new(config.simulated_clock, head));
        let states = Arc::new(States::new(Policies { book: Arc::new(book), version }));
        let commands = Commands::new(Arc::clone(&log), clock, states, config.allow_import);
        let api = Api { commands: Arc::new(commands), views: views.clone(), progress, hurry };
        Ok(Self { api, bench: config.bench, log, views, projecting, stop })
    }

    /// Serves on a bound listener until `shutdown` resolves and everything is closed.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError> {
        let served = serve(self.api, self.bench, listener, shutdown).await;
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
    bench: bool,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(pb::DESCRIPTORS)
        .build_v1()
        .map_err(|error| ServeError::Read(error.to_string()))?;
    let (health, health_service) = tonic_health::server::health_reporter();
    let yardstick = bench.then(|| pb::bench::bench_service_server::BenchServiceServer::new(api.clone()));
    let tickets = pb::ticket_service_server::TicketServiceServer::new(api.clone());
    let contracts = pb::contract_service_server::ContractServiceServer::new(api.clone());
    let policies = pb::policy_service_server::PolicyServiceServer::new(api.clone());
    let ledger = pb::ledger_service_server::LedgerServiceServer::new(api.clone());
    let log = pb::log_service_server::LogServiceServer::new(api);
    health.set_service_status("", tonic_health::ServingStatus::Serving).await;

    // Set on the sockets themselves: the server's own setting is for listeners it binds.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let begun = CancellationToken::new();
    let ended = begun.clone();
    let serving = Transport::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(60)))
        .http2_keepalive_timeout(Some(Duration::from_secs(20)))
        .max_concurrent_streams(Some(STREAMS_MAX))
        .http2_max_pending_accept_reset_streams(Some(64))
        .http2_max_header_list_size(Some(16 * 1024))
        .initial_stream_window_size(Some(1024 * 1024))
        .initial_connection_window_size(Some(4 * 1024 * 1024))
        .timeout(CALL_TIMEOUT)
        .add_service(reflection)
        .add_service(health_service)
        .add_service(tickets.max_decoding_message_size(REQUEST_BYTES_MAX))
        .add_service(contracts.max_decoding_message_size(REQUEST_BYTES_MAX))
        .add_service(policies.max_decoding_message_size(REQUEST_BYTES_MAX))
        .add_service(ledger.max_decoding_message_size(REQUEST_BYTES_MAX))
        .add_service(log.max_decoding_message_size(REQUEST_BYTES_MAX))
        .add_optional_service(yardstick)
        .serve_with_incoming_shutdown(incoming, async move {
            shutdown.await;
            begun.cancel();
        });
    // A shutdown has a hard bound: a client that holds a stream cannot hold the server.
    let overdue = async move {
        ended.cancelled().await;
        tokio::time::sleep(SHUTDOWN_WAIT).await;
    };
    tokio::select! {
        served = serving => Ok(served?),
        () = overdue => Ok(()),
    }
}
