//! `beleg serve`: the server, until somebody ends it.

use crate::args;
use crate::failure::{Failure, Outcome};
use crate::sentence::Sentence;
use crate::session::Session;
use crate::storage::check_writable;
use beleg_server::{Config, ServeError, Server};
use serde_json::json;
use std::io::IsTerminal;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Serves until Ctrl-C or SIGTERM, then closes everything.
pub(crate) async fn run(session: &Session, args: args::Serve) -> Result<Outcome, Failure> {
    let filter = tracing_subscriber::EnvFilter::try_from_env("BELEG_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .init();
    let storage = args.kept.storage()?;
    check_writable(&storage)?;
    let listener =
        TcpListener::bind(args.listen).await.map_err(|error| Failure::Address { address: args.listen, error })?;
    // With port 0 the system chose one, so the address is asked back.
    let address = listener.local_addr().map_err(Failure::Output)?;
    let config =
        Config { storage, simulated_clock: args.simulated_clock, allow_import: args.allow_import, bench: args.bench };
    let failed = |error: ServeError| match error {
        ServeError::Views(error) => Failure::Views(error),
        error => Failure::Serve(error.into()),
    };
    let server = Server::open(config).await.map_err(failed)?;
    // Only now is it true.
    let url = format!("http://{address}");
    match session.screen.is_json() {
        // In one line: whoever started the server reads on from there, for the output ends only with it.
        true => session.screen.line(json!({ "url": url, "address": address.to_string() }))?,
        false => session.screen.line(Sentence::Serving { url: &url }.in_(session.lang))?,
    }
    server.serve(listener, asked_to_end()?).await.map_err(failed)?;
    Ok(Outcome::Good)
}

/// Resolves at Ctrl-C or SIGTERM.
pub(crate) fn asked_to_end() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    let mut terminated = signal(SignalKind::terminate()).map_err(Failure::Output)?;
    Ok(async move {
        tokio::select! {
            // A signal that cannot be awaited leaves the other one.
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated.recv() => {}
        }
    })
}
