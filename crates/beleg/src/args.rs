//! The arguments as they are typed; each command checks its own before any work.

mod bench;
mod keeping;

use crate::lang::Lang;
use crate::said::Said;
use crate::storage::Beside;
use chrono::{DateTime, Utc};
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

pub(crate) use bench::{Bench, Workload};
pub(crate) use keeping::{Database, Migrate, Rebuild, Serve, Verify};

/// Support tickets as events, every charge with its voucher.
#[derive(Debug, Parser)]
#[command(name = "beleg", version, about, max_term_width = 100)]
pub(crate) struct Args {
    /// The server's address, for commands that call one (default: http://127.0.0.1:7311)
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// The language of what is said (default: from LC_ALL, LC_MESSAGES or LANG, else en)
    #[arg(long, global = true, value_enum)]
    pub(crate) lang: Option<Lang>,
    /// Tables for people or protobuf JSON for programs
    #[arg(long, global = true, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
    /// Who acts, for commands that call a server (default: cli:$USER; an import: import)
    #[arg(long, global = true, value_name = "NAME", value_parser = actor)]
    pub(crate) actor: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The form of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Tables and sentences.
    Table,
    /// One JSON document.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve a log until Ctrl-C
    ///
    /// What happens meanwhile is told on standard error. BELEG_LOG says from which level on: off, error, warn, info (the
    /// default) or debug.
    Serve(Serve),
    /// Look at tickets
    #[command(subcommand)]
    Ticket(Ticket),
    /// Look at the ledger
    #[command(subcommand)]
    Ledger(Ledger),
    /// Check, publish and read policies
    #[command(subcommand)]
    Policy(Policy),
    /// Where the log, the views and the server stand
    Status,
    /// Send a file of commands to a server started with --allow-import
    Import(Import),
    /// Play scenarios against a private server and say what differs
    Rehearse(Rehearse),
    /// Play six tickets on a private server and print their ledgers
    Demo(Demo),
    /// Build the views anew, or compare a fresh build with the serving ones
    Rebuild(Rebuild),
    /// Derive every assessment anew from its facts and compare
    Verify(Verify),
    /// Prepare a PostgreSQL database for servers
    #[command(subcommand)]
    Database(Database),
    /// Move the log of a directory into an empty PostgreSQL database, event for event
    Migrate(Migrate),
    /// Measure a private or a running server with a closed loop of clients
    Bench(Bench),
}

impl Command {
    /// Whether it calls a server that runs already, so that `--server` and `--actor` mean something.
    pub(crate) fn calls_a_server(&self) -> bool {
        match self {
            Self::Policy(Policy::Check { .. }) => false,
            Self::Ticket(_) | Self::Ledger(_) | Self::Policy(_) | Self::Status | Self::Import(_) => true,
            Self::Serve(_)
            | Self::Rehearse(_)
            | Self::Demo(_)
            | Self::Rebuild(_)
            | Self::Verify(_)
            | Self::Database(_)
            | Self::Migrate(_)
            | Self::Bench(_) => false,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Ticket {
    /// Tickets in the order in which the log recorded their openings
    List {
        #[arg(long, value_name = "ID")]
        customer: Option<String>,
        #[arg(long, value_enum)]
        status: Option<Status>,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: u32,
    },
    /// The ticket as it is, or as it was known
    Show {
        #[command(flatten)]
        of: OfTicket,
        /// What, by that knowledge, was true at this instant
        #[arg(long, value_name = "TIME", value_parser = time)]
        about: Option<DateTime<Utc>>,
    },
    /// The ticket's events in order
    History {
        #[command(flatten)]
        of: OfTicket,
    },
    /// Where a minute of work would go, what is used and left, whose turn it is
    Cost {
        #[command(flatten)]
        of: OfTicket,
        /// When the minute is worked (default: now)
        #[arg(long, value_name = "TIME", value_parser = time)]
        at: Option<DateTime<Utc>>,
    },
    /// What a work entry would cost, without recording it
    Preview {
        /// A ticket's id, or its reference as SYSTEM/NUMBER
        ticket: String,
        #[arg(long, value_enum)]
        activity: Activity,
        /// Who works
        #[arg(long, value_name = "WHO")]
        by: String,
        /// The window's first instant
        #[arg(long, value_name = "TIME", value_parser = time)]
        from: DateTime<Utc>,
        /// The instant the window ends before
        #[arg(long, value_name = "TIME", value_parser = time)]
        to: DateTime<Utc>,
        /// Worked time, if not the whole window
        #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(i64).range(1..=527_040))]
        duration_minutes: Option<i64>,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct OfTicket {
    /// A ticket's id, or its reference as SYSTEM/NUMBER
    pub(crate) ticket: String,
    /// As the log stood at this position
    #[arg(long, value_name = "N", conflicts_with = "as_of", value_parser = clap::value_parser!(i64).range(1..))]
    pub(crate) as_of_position: Option<i64>,
    /// As the log stood at this instant
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) as_of: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Status {
    Open,
    Resolved,
    Closed,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Activity {
    Diagnosis,
    Execution,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Account {
    Free,
    Billable,
    Covered,
    Withheld,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Ledger {
    /// Entries in the order they were posted
    List {
        #[arg(long, value_name = "ID")]
        customer: Option<String>,
        /// A ticket's id, or its reference as SYSTEM/NUMBER
        #[arg(long, value_name = "TICKET")]
        ticket: Option<String>,
        /// A work entry's id
        #[arg(long, value_name = "ID")]
        work: Option<String>,
        #[arg(long, value_enum)]
        account: Option<Account>,
        /// A rule's id, such as billable.customizing-bug
        #[arg(long, value_name = "RULE")]
        rule: Option<String>,
        /// Only entries that stand: no reversals, nothing reversed
        #[arg(long)]
        standing: bool,
        /// As the log stood at this position
        #[arg(long, value_name = "N", conflicts_with = "as_of", value_parser = clap::value_parser!(i64).range(1..))]
        as_of_position: Option<i64>,
        /// As the log stood at this instant
        #[arg(long, value_name = "TIME", value_parser = time)]
        as_of: Option<DateTime<Utc>>,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: u32,
    },
    /// One entry with its rule, clause and causes spelled out
    Explain {
        /// The entry's number
        #[arg(value_parser = clap::value_parser!(i64).range(1..))]
        number: i64,
    },
    /// Net sums
    Balances {
        /// What to sum by
        #[arg(long, value_enum, value_delimiter = ',', default_value = "account")]
        by: Vec<By>,
        #[arg(long, value_name = "ID")]
        customer: Option<String>,
        /// A ticket's id, or its reference as SYSTEM/NUMBER
        #[arg(long, value_name = "TICKET")]
        ticket: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    Customer,
    Ticket,
    Account,
    Rule,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Check a document over the whole product of facts; writes nothing
    Check {
        /// A policy as TOML
        file: PathBuf,
    },
    /// One version of a policy, whole
    Show {
        /// The policy's name (default: the one most lately published)
        name: Option<String>,
        /// Which version (default: the latest)
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
        version: Option<i64>,
    },
    /// All versions of all policies
    List,
    /// Publish a document as the next version of the policy it names
    Publish {
        /// A policy as TOML (default: the one built in)
        file: Option<PathBuf>,
    },
}

#[derive(Debug, ClapArgs)]
#[command(after_help = IMPORT_HELP)]
pub(crate) struct Import {
    /// The file; - is standard input
    pub(crate) file: PathBuf,
    /// What the file holds
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    pub(crate) format: Format,
    /// Write every bad or refused line here, as JSON Lines
    #[arg(long, value_name = "FILE")]
    pub(crate) errors: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One command a line, in protobuf JSON
    Jsonl,
    /// The incident event log of a ServiceNow instance, as CSV
    Servicenow,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Rehearse {
    /// Scenarios as YAML
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// The policy to rehearse, as TOML (default: the one built in)
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) beside: Beside,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Demo {
    /// Stop after printing instead of serving on
    #[arg(long)]
    pub(crate) exit: bool,
    /// Where to listen (default: a free port)
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) listen: std::net::SocketAddr,
    #[command(flatten)]
    pub(crate) beside: Beside,
}

/// How the lines of an import look.
pub(crate) const IMPORT_HELP: &str = r#"JSON Lines: one command a line, keyed by its rpc's name, in protobuf JSON:

  {"openTicket": {"ticketId": "…", "customerId": "acme", "impact": "IMPACT_INCIDENT",
                  "occurredAt": "2026-03-02T09:00:00Z"}}
  {"logWork": {"ticketId": "…", "activity": "ACTIVITY_DIAGNOSIS", "performerId": "anna",
               "from": "2026-03-02T09:00:00Z", "to": "2026-03-02T09:20:00Z"}, "actor": "desk"}

(each on one line). "actor" and "origin" may stand beside the command. A missing requestId is
derived from the line, so an import that was interrupted is resumed by running it again.
Lines about one customer are sent in their order, different customers side by side."#;

fn time(text: &str) -> Result<DateTime<Utc>, Said> {
    crate::instant::parse(text)
}

fn actor(text: &str) -> Result<String, Said> {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    if plain && (1..=128).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err(Said::new(
            "ein Handelnder hat 1 bis 128 sichtbare ASCII-Zeichen",
            "an actor is 1 to 128 visible ASCII characters",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::Args;
    use clap::{CommandFactory, Parser};

    #[test]
    fn the_arguments_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn two_axes_of_knowledge_at_once_are_refused() {
        let both = ["beleg", "ticket", "show", "x", "--as-of-position", "3", "--as-of", "2026-01-01"];
        assert!(Args::try_parse_from(both).is_err());
    }
}
