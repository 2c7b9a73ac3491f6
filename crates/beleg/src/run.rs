//! One match: which command does what.

use crate::args::Command;
use crate::failure::{Failure, Outcome};
use crate::screen::complain;
use crate::session::Session;
use crate::{
    audit, bench, database, demo, fault_json, import, ledger, migrate, policy, rehearse, serve, status, ticket,
};
use std::process::ExitCode;

/// Runs a command and turns what came of it into an exit code: 0 when all is
/// well, 1 when it failed or something differs, 2 when it was asked wrongly.
pub(crate) fn to_the_end(session: &Session, command: Command) -> ExitCode {
    let ended = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::Output)
        .and_then(|runtime| runtime.block_on(run(session, command)))
        .and_then(|outcome| session.screen.flush().map(|()| outcome));
    match ended {
        Ok(Outcome::Good) | Err(Failure::PipeClosed) => ExitCode::SUCCESS,
        Ok(Outcome::Differs) => ExitCode::from(1),
        Err(failure) => {
            if session.screen.is_json() {
                complain(fault_json::of_failure(&failure, session.lang));
            } else {
                complain(format_args!("beleg: {}", failure.told_in(session.lang)));
            }
            failure.exit_code()
        }
    }
}

async fn run(session: &Session, command: Command) -> Result<Outcome, Failure> {
    match command {
        Command::Serve(args) => serve::run(session, args).await,
        Command::Ticket(wanted) => ticket::run(session, wanted).await,
        Command::Ledger(wanted) => ledger::run(session, wanted).await,
        Command::Policy(wanted) => policy::run(session, wanted).await,
        Command::Status => status::run(session).await,
        Command::Import(args) => import::run(session, args).await,
        Command::Rehearse(args) => rehearse::run(session, args).await,
        Command::Demo(args) => demo::run(session, args).await,
        Command::Rebuild(args) => audit::rebuild(session, args).await,
        Command::Bench(args) => bench::run(session, args).await,
        Command::Verify(args) => audit::verify(session, args).await,
        Command::Database(args) => database::run(session, args).await,
        Command::Migrate(args) => migrate::run(session, args).await,
    }
}
