//! `beleg import`: commands from a file, through gRPC like everybody else's.
//!
//! An import is resumed by running it again. Every command has a request id that
//! depends on the file's content alone, so the server answers what it has already
//! taken with the first receipt; a receipt whose position lies at or before the
//! head that stood when the import began is counted as already there. A line that
//! cannot be read or is refused is reported and counted, and the rest is done.
//! The order of a source holds within a customer; customers are sent side by side.
//! Absent: any way to write that other callers do not have.

mod customers;
mod dispatch;
mod input;
mod jsonl;
mod servicenow;
mod tally;

use crate::args::{self, Format};
use crate::command::Command;
use crate::failure::{Failure, Outcome};
use crate::said::Said;
use crate::sentence::Sentence;
use crate::session::Session;
use beleg_server::pb;
use tally::Tally;

/// Who acts in an import unless the caller or a line says otherwise. Not the
/// user: the actor is part of what a request id stands for, and a colleague
/// must be able to resume.
const ACTOR: &str = "import";

/// What a source yields, in the order it is to be sent.
enum Read {
    /// A command, ready to be sent.
    Item(Box<Item>),
    /// A line that is no command.
    Bad(Trouble),
    /// The file cannot be read on.
    Broken(Failure),
}

/// A command on its way from a file to the server.
struct Item {
    /// Its line in the file.
    line: u64,
    /// How much of the source lies behind it, in the source's own unit.
    behind: u64,
    actor: String,
    origin: String,
    /// Filled in, not taken from the file.
    synthetic: bool,
    command: Command,
}

/// A line that did not get into the log, and why.
#[derive(Debug, PartialEq, Eq, serde::Serialize)]
struct Trouble {
    line: u64,
    /// The gRPC status, where it was the server that said no.
    code: Option<&'static str>,
    reason: String,
}

impl Trouble {
    /// Where it stands among others.
    fn place(&self) -> (u64, &str) {
        (self.line, self.reason.as_str())
    }
}

/// Commands to send, and how much there is of them in the source's own unit.
struct Source {
    total: u64,
    reads: Box<dyn Iterator<Item = Read> + Send>,
}

/// Sends a file.
pub(crate) async fn run(session: &Session, args: args::Import) -> Result<Outcome, Failure> {
    if let Some(errors) = args.errors.as_deref().filter(|errors| input::is_same_file(&args.file, errors)) {
        let errors = errors.display();
        return Err(Failure::Usage(Said::new(
            format!("--errors {errors} ist die Datei, die importiert werden soll; sie ginge verloren"),
            format!("--errors {errors} is the file to be imported, which would be lost"),
        )));
    }
    let actor = session.actor.clone().unwrap_or_else(|| ACTOR.to_owned());
    let client = session.connect().await?.acting_as(&actor)?;
    let before = client.log().get_log_status(pb::GetLogStatusRequest {}).await?.into_inner();
    if !before.imports_admitted {
        return Err(Failure::Unmet(Sentence::ImportsNotAdmitted.in_(session.lang)));
    }
    // After the source is read, or can be: the troubles of an earlier run are kept when this one cannot begin.
    let tally = || Tally::new(before.position, args.errors.as_deref(), session.lang);
    let (source, mut tally) = match args.format {
        Format::Jsonl => (jsonl::open(&args.file, &actor, session.lang)?, tally()?),
        Format::Servicenow => {
            let log = servicenow::read(&args.file, session.lang)?;
            let mut tally = tally()?;
            (servicenow::commands(log, &client, &mut tally).await?, tally)
        }
    };
    let bar = session.screen.progress(source.total);
    let sent = dispatch::send_all(&client, source.reads, &mut tally, &bar).await;
    bar.finish_and_clear();
    // Also after a failure: what was done is done, and is said.
    tally.report(session)?;
    sent?;
    Ok(if tally.is_clean() { Outcome::Good } else { Outcome::Differs })
}
