//! The arguments of what works on a log where it is kept, without a server that runs.

use crate::storage::Kept;
use clap::{Args as ClapArgs, Subcommand};
use std::path::PathBuf;

/// What `--data` is to a command that makes none.
const LOG_REBUILT: &str = "The directory that holds log and views; no server may run on it, unless --check is given";
const LOG_VERIFIED: &str = "The directory that holds the log, which is only read, also while a server runs on it";

/// What `beleg serve` takes.
#[derive(Debug, ClapArgs)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) kept: Kept,
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7311")]
    pub(crate) listen: std::net::SocketAddr,
    /// Admit imports
    #[arg(long)]
    pub(crate) allow_import: bool,
    /// Take "now" from each call; for demos, tests and rehearsals
    #[arg(long)]
    pub(crate) simulated_clock: bool,
    /// Offer the bare append that `beleg bench --against` compares with
    #[arg(long)]
    pub(crate) bench: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Database {
    /// Create the roles and schemas, or bring them up to date; may be repeated
    ///
    /// Two roles: the owner migrates and rebuilds views, the service serves and can change nothing that is recorded.
    /// A new role gets its password from BELEG_OWNER_PASSWORD or BELEG_SERVICE_PASSWORD; without them one is made and
    /// shown once. A role that is there keeps its own, unless its variable is set.
    Init(Init),
}

/// What `beleg database init` takes.
#[derive(Debug, ClapArgs)]
pub(crate) struct Init {
    /// The database, as a role that may create roles (rather set BELEG_DATABASE_ADMIN)
    #[arg(long, value_name = "URL")]
    pub(crate) admin: Option<String>,
    /// The role that owns the schemas
    #[arg(long, value_name = "NAME", default_value = "beleg_owner")]
    pub(crate) owner: String,
    /// The role that serves
    #[arg(long, value_name = "NAME", default_value = "beleg")]
    pub(crate) service: String,
}

/// What `beleg migrate` takes.
#[derive(Debug, ClapArgs)]
pub(crate) struct Migrate {
    /// The directory whose log is moved; no server runs on it, and it is left as it is
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// The PostgreSQL database, whose log must be empty (rather set BELEG_DATABASE)
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
}

/// What `beleg rebuild` takes.
#[derive(Debug, ClapArgs)]
#[command(mut_arg("data", |data| data.help(LOG_REBUILT)))]
pub(crate) struct Rebuild {
    #[command(flatten)]
    pub(crate) kept: Kept,
    /// Compare a fresh build with the serving views and change nothing
    #[arg(long)]
    pub(crate) check: bool,
}

/// What `beleg verify` takes.
#[derive(Debug, ClapArgs)]
#[command(mut_arg("data", |data| data.help(LOG_VERIFIED)))]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) kept: Kept,
}
