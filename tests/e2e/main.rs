//! Features at the border: a real server on port 0, a real log, real gRPC.

#![allow(clippy::unwrap_used)]

/// A server, its clients and its clock.
mod house;

/// One day, one ticket, to the cent.
mod worked_ticket;

/// Views against the log, assessments against their facts.
mod audits;
/// What is wrong is said, and changes nothing.
mod bad_input;
/// Texts about people go, what was decided stays.
mod erasure;
/// A log belongs to one kind of clock, one schema and one writer.
mod opening;
/// Lists, pages, references and what was known when.
mod queries;
/// The same call sent twice counts once.
mod repeated_requests;
/// Connections, streams, health: what a server does without any ticket.
mod transport;
/// What was known when, and about when.
mod two_times;
