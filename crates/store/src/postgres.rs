//! What log and views need of PostgreSQL beside their own statements: sessions, readers, migrations and what errors mean.

mod fault;
mod migration;
mod readers;
mod session;
mod throwaway;

use std::time::Duration;

pub(crate) use fault::cause;
pub(crate) use migration::{
    Schema, check_schema, formatted, lock_alone, prepare_schema, run_formatted, try_lock, unlock,
};
pub(crate) use readers::Readers;
pub(crate) use session::{Backend, Server, Use};
pub use throwaway::PrivateDatabase;

/// How a PostgreSQL server is used.
#[derive(Debug, Clone, Copy)]
pub struct PostgresOptions {
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest statement that writes; the server ends it.
    pub write_timeout: Duration,
    /// Longest statement that reads; the server ends it.
    pub read_timeout: Duration,
    /// Longest wait for a lock; the server ends it.
    pub lock_timeout: Duration,
    /// Longest pause inside a transaction; the server ends it, so that a process that hangs holds no lock for ever.
    pub idle_in_transaction_timeout: Duration,
    /// How long a lost connection is hidden from callers, while it is tried anew.
    pub ride_out: Duration,
    /// How long the outcome of a commit is looked up before it is answered as unknown.
    pub look_up_for: Duration,
    /// How often the log's end is looked at for what other processes appended.
    pub follow_every: Duration,
    /// Longest wait of a server that starts for a database that is away.
    pub start_wait: Duration,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(5),
            idle_in_transaction_timeout: Duration::from_secs(10),
            ride_out: Duration::from_secs(2),
            look_up_for: Duration::from_secs(10),
            follow_every: Duration::from_millis(25),
            start_wait: Duration::from_secs(30),
        }
    }
}
