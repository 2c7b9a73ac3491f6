//! Drives other event stores by the closed loop that `beleg bench` drives Beleg by: N clients, each with one call
//! under way. One workload a run, so that a script can let the contenders take turns; the result is a line of JSON.
//! `benches/compare.sh` is that script.

mod cqrs;
mod measure;
mod umadb;

use clap::{Parser, Subcommand, ValueEnum};
use std::time::Duration;

/// What goes wrong ends the run and is shown as it is: nobody calls this but the script.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    peer: Peer,
}

#[derive(Subcommand)]
enum Peer {
    /// A running UmaDB server, over gRPC
    Umadb {
        #[arg(long)]
        url: String,
        #[arg(long, value_enum)]
        workload: Workload,
        /// Connections that the clients share; beleg bench uses one
        #[arg(long, default_value_t = 1)]
        connections: usize,
        #[command(flatten)]
        run: Run,
    },
    /// cqrs-es and postgres-es in this process, on a PostgreSQL database made for it
    Cqrs {
        #[arg(long)]
        database: String,
        /// Connections to the database; postgres-es's own pool has 10
        #[arg(long, default_value_t = 10)]
        connections: u32,
        #[command(flatten)]
        run: Run,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Workload {
    /// One event with a condition: nothing newer in its stream
    Append,
    /// One stream of 20 events
    History,
    /// The whole log
    Log,
}

#[derive(clap::Args)]
struct Run {
    /// Clients at once; each has one call under way
    #[arg(long, default_value_t = 64)]
    clients: usize,
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// New streams or aggregates that the calls go through in turn
    #[arg(long, default_value_t = 10_000)]
    streams: usize,
}

impl Run {
    fn span(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let measured = match Args::parse().peer {
        Peer::Umadb { url, workload, connections, run } => umadb::measure(url, workload, connections, &run).await?,
        Peer::Cqrs { database, connections, run } => cqrs::measure(&database, connections, &run).await?,
    };
    println!("{measured}");
    Ok(())
}

/// A name that no run before has used: milliseconds since 1970.
fn fresh_name() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("run{:x}", since.as_millis())
}

/// The body of an event: JSON of about 375 bytes, as large as a typical event of Beleg's log.
fn body() -> String {
    serde_json::json!({ "text": "x".repeat(364) }).to_string()
}
