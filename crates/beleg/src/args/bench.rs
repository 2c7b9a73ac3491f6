//! The arguments of `beleg bench`.

use crate::storage::Beside;
use clap::{Args as ClapArgs, ValueEnum};
use std::path::PathBuf;

/// What `beleg bench` takes.
#[derive(Debug, ClapArgs)]
pub(crate) struct Bench {
    /// A running server to measure, started with --bench and --allow-import on a log made for it (default: a private one)
    #[arg(long, value_name = "URL", conflicts_with = "database")]
    pub(crate) against: Option<String>,
    /// Clients at once; each has one call under way
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1,16,64,256", value_parser = clap::value_parser!(u64).range(1..=4096))]
    pub(crate) clients: Vec<u64>,
    /// Seconds per workload and number of clients
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) seconds: u64,
    /// What to measure; the whole log is read once, at the end
    #[arg(
        long,
        value_enum,
        value_name = "WHAT,…",
        value_delimiter = ',',
        default_value = "bare-append,log-work,ticket,history,log"
    )]
    pub(crate) workloads: Vec<Workload>,
    /// Rounds of the bare append and LogWork in turn; the median counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub(crate) rounds: u64,
    /// Tickets to prepare for each number of clients
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) tickets: u64,
    /// Work entries on each of them before anything is measured; 8 make a history of 21 events
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=1_000))]
    pub(crate) entries: u64,
    /// Instead: LogWork, GetTicket and memory on a log of so many events beside one of 100,000, which are made first:
    /// on tickets spread over the whole log, and on 4,000 that are added to it
    #[arg(long, value_name = "EVENTS", conflicts_with = "against",
          value_parser = clap::value_parser!(u64).range(200_000..=1_000_000_000))]
    pub(crate) grow: Option<u64>,
    /// Keep the large log here, or go on with the one that is here (default: it is thrown away like the small ones)
    #[arg(long, value_name = "DIR", requires = "grow", conflicts_with_all = ["against", "database"])]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) beside: Beside,
}

/// What `beleg bench` measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// One event, no decision: the yardstick
    BareAppend,
    /// The command: decision, assessment, two events
    LogWork,
    /// GetTicket
    Ticket,
    /// GetTicketHistory, a page of at most 20 events
    History,
    /// ReadLog from the first event to the last
    Log,
}
