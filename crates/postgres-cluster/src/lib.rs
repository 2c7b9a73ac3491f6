//! A PostgreSQL for tests and measurements: an existing server, or a throwaway cluster of its own.
//!
//! [`Cluster`] starts one from the server binaries on this machine, as an unprivileged user also where the caller is
//! root, durable like a real one, and gone with the process that started it, however that ends. [`Database`] is what
//! a test wants: a database of its own, wherever a server can be had.

mod cluster;
mod database;

pub use cluster::Cluster;
pub use database::Database;
