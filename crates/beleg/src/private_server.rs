//! A server of one's own on a fresh log, gone when its user is done.

use crate::failure::{Cause, Failure};
use crate::private_storage::PrivateStorage;
use crate::storage::Beside;
use beleg_server::{Config, ServeError, run};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Wherever there is a free port.
pub(crate) const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A running server. Dropped without [`stop`](Self::stop), it ends as well, only
/// nobody waits for it.
pub(crate) struct PrivateServer {
    /// Where it listens.
    pub(crate) url: String,
    data: PrivateStorage,
    shutdown: oneshot::Sender<()>,
    running: JoinHandle<Result<(), ServeError>>,
}

impl PrivateServer {
    /// Stops it, waits until it has closed everything, and removes its data.
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        // It may have ended by itself; then there is nobody to tell.
        let _ = self.shutdown.send(());
        let ended = match self.running.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(failed(error)),
            Err(died) => Err(failed(died)),
        };
        self.data.discard().await?;
        ended
    }
}

/// Starts a server on a fresh log in a temporary directory. With a `simulated`
/// clock it takes "now" from each call.
pub(crate) async fn private_server(
    simulated: bool,
    listen: SocketAddr,
    beside: &Beside,
) -> Result<PrivateServer, Failure> {
    start(simulated, false, listen, beside).await
}

/// A server for a bench: with the machine's clock, the bare append to compare with,
/// and imports, by which tickets are prepared that lie in the past.
pub(crate) async fn bench_server(beside: &Beside) -> Result<PrivateServer, Failure> {
    start(false, true, ANY_PORT, beside).await
}

async fn start(simulated: bool, bench: bool, listen: SocketAddr, beside: &Beside) -> Result<PrivateServer, Failure> {
    // Bound here, so that a caller may connect at once: the first connection
    // waits in the socket until the server takes it.
    let listener = TcpListener::bind(listen).await.map_err(|error| Failure::Address { address: listen, error })?;
    let url = format!("http://{}", listener.local_addr().map_err(failed)?);
    let data = PrivateStorage::make(beside).await?;
    let config = Config { storage: data.storage(), simulated_clock: simulated, allow_import: bench, bench };
    let (shutdown, told) = oneshot::channel::<()>();
    let running = tokio::spawn(run(config, listener, async {
        // Told to, or its user is gone: both are the end.
        let _ = told.await;
    }));
    Ok(PrivateServer { url, data, shutdown, running })
}

fn failed(error: impl Into<Cause>) -> Failure {
    Failure::PrivateServer(error.into())
}
