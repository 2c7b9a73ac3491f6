//! `beleg serve`: the server, until somebody ends it.

use crate::args;
use crate::failure::{Failure, Outcome};
use crate::said::Said;
use crate::sentence::Sentence;
use crate::session::Session;
use crate::storage::check_writable;
use beleg_server::{Config, ServeError, Server};
use serde_json::json;
use std::io::IsTerminal;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Serves until Ctrl-C or SIGTERM, then closes everything.
pub(crate) async fn run(session: &Session, args: args::Serve) -> Result<Outcome, Failure> {
    tell_from(level()?);
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
    // Whoever reads where it listens may end it at once.
    let asked_to_end = asked_to_end()?;
    // Only now is it true.
    let url = format!("http://{address}");
    match session.screen.is_json() {
        // In one line: whoever started the server reads on from there, for the output ends only with it.
        true => session.screen.line(json!({ "url": url, "address": address.to_string() }))?,
        false => session.screen.line(Sentence::Serving { url: &url }.in_(session.lang))?,
    }
    server.serve(listener, asked_to_end).await.map_err(failed)?;
    Ok(Outcome::Good)
}

/// Resolves at Ctrl-C or SIGTERM. From the call on, and not only once it is awaited, neither ends the process by itself.
pub(crate) fn asked_to_end() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    let mut interrupted = signal(SignalKind::interrupt()).map_err(Failure::Output)?;
    let mut terminated = signal(SignalKind::terminate()).map_err(Failure::Output)?;
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    })
}

/// From which level on the server tells what happens.
fn level() -> Result<LevelFilter, Failure> {
    let set = std::env::var_os("BELEG_LOG").filter(|level| !level.is_empty());
    let Some(level) = set else { return Ok(LevelFilter::INFO) };
    let level = level.to_string_lossy();
    match level.to_ascii_lowercase().as_str() {
        "off" => Ok(LevelFilter::OFF),
        "error" => Ok(LevelFilter::ERROR),
        "warn" => Ok(LevelFilter::WARN),
        "info" => Ok(LevelFilter::INFO),
        "debug" => Ok(LevelFilter::DEBUG),
        _ => Err(Failure::Usage(Said::new(
            format!("BELEG_LOG ist {level:?}: möglich ist off|error|warn|info|debug"),
            format!("BELEG_LOG is {level:?}: set it to off, error, warn, info or debug"),
        ))),
    }
}

/// On standard error. What libraries say below "info" is about their own insides.
fn tell_from(level: LevelFilter) {
    let told = Targets::new().with_default(level.min(LevelFilter::INFO)).with_target("beleg", level);
    let error = std::io::stderr;
    let colour = error().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt::layer().with_writer(error).with_ansi(colour);
    tracing_subscriber::registry().with(lines.with_filter(told)).init();
}
