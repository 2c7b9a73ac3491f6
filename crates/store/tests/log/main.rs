//! The log over real databases: SQLite files, PostgreSQL, and PostgreSQL over a wire that is cut again and again.

#![allow(clippy::unwrap_used)]

/// A log in a place of its own, and commands for it.
mod desk;
/// A wire to PostgreSQL that is cut.
mod severed;

/// What an append promises, whatever database keeps the log.
mod append;
/// The log against a model.
mod model;
/// Texts about people can go; hashes and facts stay.
mod personal;

/// SQLite: what somebody else appended behind a server's back.
mod behind;
/// SQLite: nobody changes the past, not even with a shell.
mod immutable;
/// SQLite: a full disk, a second writer, a file of the future.
mod trouble;

/// PostgreSQL: TLS, and what is refused for its sake.
mod encrypted;
/// A log of a directory that goes into a database.
mod moving;
/// PostgreSQL: connections that die, and a server that restarts.
mod outages;
/// PostgreSQL: nobody changes the past, not even the owner.
mod roles;
/// PostgreSQL: several servers on one database.
mod servers;
