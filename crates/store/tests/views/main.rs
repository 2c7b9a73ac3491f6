//! The views over real SQLite files.

#![allow(clippy::unwrap_used)]

/// A log with views beside it, and rows for them.
mod house;

/// A batch counts as a whole, once, and only where it fits.
mod apply;
/// Fresh builds beside the serving file, and what dead runs leave.
mod generation;
/// Views belong to one log.
mod origin;
/// One moment of the serving file, while it moves on.
mod snapshot;
