//! The views over real SQLite files and a real PostgreSQL.

#![allow(clippy::unwrap_used)]

/// A log with views beside it, and rows for them.
mod house;

/// A batch counts as a whole, once, and only where it fits.
mod apply;
/// A database that is away is waited for, and not for ever.
mod away;
/// Views that another build of this program made.
mod build;
/// Fresh builds beside the serving one, and what dead runs leave.
mod generation;
/// Of several writers one writes.
mod leading;
/// Views belong to one log.
mod origin;
/// One moment of the serving views, while they move on.
mod snapshot;
