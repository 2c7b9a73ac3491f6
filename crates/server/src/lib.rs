//! The gRPC service, the command path and the projector.
//!
//! A command takes one pass: [`grpc`](crate) parses it into the domain's types, the
//! command path reads, decides and appends, and the projector takes in what was
//! appended. There is no SQL here and no rule of the policy.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod audit;
pub mod call;
mod clock;
mod command;
mod connections;
mod failure;
mod fold;
mod grpc;
mod health;
pub mod pb;
mod projector;
mod request;
mod serve;
mod services;
mod state;

/// The short client in the README is compiled with the documentation's tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

pub use serve::{Config, ServeError, Server, run};
