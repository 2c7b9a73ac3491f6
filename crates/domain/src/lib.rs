//! The support and billing policy as pure functions.
//!
//! A command is decided against a ticket's folded history ([`ticket`]), the whole
//! ticket is assessed anew from its facts ([`assess`]), and every difference to
//! what is recorded becomes an event. Nothing here does IO, reads a clock or draws
//! a random number: time and ids come in as arguments.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod about;
pub mod assess;
pub mod book;
pub mod contract;
pub mod cost;
pub mod event;
pub mod facts;
pub mod ids;
pub mod money;
pub mod policy;
pub mod prepaid;
pub mod refusal;
pub mod ticket;
pub mod time;
