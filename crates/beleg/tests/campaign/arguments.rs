//! What a person may ask for.

use std::path::PathBuf;

use clap::Parser;

/// Servers are killed, databases too, and disks fail, while callers work and keep what was acknowledged.
///
/// After each round all of it must be in the log once, as it was acknowledged, and the ledgers must be a rebuild's.
/// Without arguments each campaign runs a few rounds.
#[derive(Debug, Parser)]
#[command(name = "campaign", no_binary_name = false)]
pub(crate) struct Arguments {
    /// Campaigns: two-servers, one-server, full-disk, read-only-disk (default: all of them)
    pub(crate) campaigns: Vec<String>,
    /// Rounds of each campaign (default: a few)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) rounds: Option<u32>,
    /// No round begins once a campaign has run for so long
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1_440))]
    pub(crate) minutes: u64,
    /// Where all choices come from (default: from nowhere, and said). The moments at which processes are hit, and
    /// what they were doing then, are never the same twice
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Callers at once
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(2..=1_024))]
    pub(crate) callers: u32,
    /// The beleg to try (default: the one built with this campaign)
    #[arg(long, value_name = "FILE")]
    pub(crate) program: Option<PathBuf>,
    /// Verify and compare with a rebuild after so many rounds; after the last one in any case
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) audit_every: u32,
    /// PostgreSQL stays away for at least a second and at most so many whenever it is killed (default: mostly for less
    /// than servers ride out)
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(2..=60))]
    pub(crate) outage: Option<u64>,
    /// The disk that turns read-only does so under calls, not between two of them. Then ext4 may lose what it has
    /// confirmed, and the campaign fails without a fault of the server's: see `tests/disk.rs`
    #[arg(long)]
    pub(crate) under_calls: bool,
    /// As cargo test passes it on; output is never held back
    #[arg(long, hide = true)]
    nocapture: bool,
    /// As cargo test passes it on; campaigns run one after the other
    #[arg(long, hide = true)]
    test_threads: Option<String>,
    /// As cargo test passes it on
    #[arg(long, short, hide = true)]
    quiet: bool,
}
