//! The log over a real SQLite file.

#![allow(clippy::unwrap_used)]

/// A log in a directory of its own, and commands for it.
mod desk;

/// What an append promises, whatever database keeps the log.
mod append;
/// Nobody changes the past, not even with a shell.
mod immutable;
/// The log against a model.
mod model;
/// Texts about people can go; hashes and facts stay.
mod personal;
/// A full disk, a second writer, a file of the future.
mod trouble;
