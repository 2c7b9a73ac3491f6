//! The command line of Beleg: support tickets as events, every charge with its voucher.

// They panic where the reader has gone; what `screen` prints with does not.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod args;
mod audit;
mod audit_german;
mod bench;
mod client;
mod command;
mod data_word;
mod database;
mod demo;
mod failure;
mod fault_json;
mod help_german;
mod ids;
mod import;
mod instant;
mod json;
mod lang;
mod ledger;
mod migrate;
mod parser_german;
mod policy;
mod policy_german;
mod preview;
mod private_server;
mod private_storage;
mod refusal;
mod refusal_german;
mod rehearse;
mod run;
mod said;
mod screen;
mod sentence;
mod serve;
mod session;
mod shown;
mod status;
mod storage;
mod store_german;
mod summary;
mod ticket;
mod ticket_list;
mod word;

use std::process::ExitCode;

/// Events, rows and messages are many small allocations on all threads: a tenth of the
/// server's time went into the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match session::begin() {
        Ok((session, command)) => run::to_the_end(&session, command),
        Err(early) => early.leave(),
    }
}
