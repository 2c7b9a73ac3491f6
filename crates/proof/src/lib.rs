//! The bytes that are hashed, and their hashes.
//!
//! Everything here is frozen: a canonical form, an envelope or a leaf hash that changes makes every log ever written
//! unprovable. The vectors under `tests/vectors` hold them in place.
//!
//! What is absent: no clock, no random source, no IO. Times, ids and salts come in as arguments.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod canonical;
pub mod commitment;
pub mod envelope;
pub mod instant;
