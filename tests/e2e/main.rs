//! Features at the border: a real server on port 0, a real log, real gRPC.

#![allow(clippy::unwrap_used)]

/// Generated commands.
mod commands;
/// A hand in the database.
mod forge;
/// A server, its clients and its clock.
mod house;
/// What keeps log and views.
mod place;

/// One day, one ticket, to the cent.
mod worked_ticket;

/// Views against the log, assessments against their facts.
mod audits;
/// What is wrong is said, and changes nothing.
mod bad_input;
/// Who stops waiting takes nothing back and spoils nothing.
mod cancelled_calls;
/// Texts about people go, what was decided stays.
mod erasure;
/// The views follow the log, wait for what passes and stop at what does not.
mod following;
/// What verifying a log brings to light.
mod forgeries;
/// What holds for every sequence of commands.
mod laws;
/// A log belongs to one kind of clock, one schema and one writer.
mod opening;
/// The database goes away and comes back.
mod outages;
/// Lists, pages, references and what was known when.
mod queries;
/// The same call sent twice counts once.
mod repeated_requests;
/// Connections, streams, health: what a server does without any ticket.
mod transport;
/// Two servers on one database are one service.
mod two_servers;
/// What was known when, and about when.
mod two_times;
