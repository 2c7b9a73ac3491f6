//! Why a command failed, said with what to do about it, and the exit code it earns.

use crate::client::broke_on_the_way;
use crate::lang::Lang;
use crate::policy_german;
use crate::refusal::Refusal;
use crate::refusal_german;
use crate::said::{QUOTED, Said};
use crate::sentence::Sentence;
use crate::store_german;
use beleg_domain::policy::Problem;
use beleg_store::{OpenError, ViewError, ViewsOpenError};
use std::error::Error;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tonic::Status;

/// How a command that ran to its end came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is well.
    Good,
    /// It ran, and what it looked at is not as it should be.
    Differs,
}

/// What failed beneath a command.
pub(crate) type Cause = Box<dyn Error + Send + Sync>;

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An argument that the parser let through makes no sense.
    Usage(Said),
    /// What was typed names no ticket.
    NoTicketName {
        /// As given.
        text: String,
    },
    /// Something the command needs is not there; said in the caller's language.
    Unmet(String),
    /// The reader of our output has gone; that is its right, not an error.
    PipeClosed,
    /// Output could not be written.
    Output(io::Error),
    /// A file could not be read or written.
    File {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A file that is read as text holds none.
    NoText {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
        /// What it should be.
        wanted: Said,
    },
    /// A policy that may not be published.
    BadPolicy {
        /// Its file.
        place: String,
        /// Everything that is wrong with it.
        problems: Vec<Problem>,
    },
    /// A file says something that it may not.
    Malformed {
        /// File, and line where it is known.
        place: String,
        /// What is wrong there.
        what: String,
    },
    /// A file is larger than anything of its kind.
    TooLong {
        /// Which one.
        path: PathBuf,
        /// Its bytes.
        bytes: u64,
        /// The most that is taken.
        bytes_max: u64,
    },
    /// A log could not be opened, audited or moved.
    Store {
        /// Where it is kept.
        place: String,
        /// Why not.
        error: Cause,
    },
    /// Several files cannot be used, each for its own reason.
    Several(Vec<Failure>),
    /// The server's address is none.
    BadAddress {
        /// As given.
        url: String,
        /// Why not.
        reason: String,
    },
    /// No server answers.
    NothingListens {
        /// The address tried.
        url: String,
    },
    /// Something else than a server of ours answers, or hangs up.
    OtherServer {
        /// The address tried.
        url: String,
        /// What it, or the connection, said.
        last: String,
    },
    /// The server went away in the middle of long work.
    ServerLost {
        /// What it, or the connection, said last.
        last: String,
    },
    /// The server said no.
    Refused(Box<Refusal>),
    /// The server's answer lacks what it must hold.
    Answer(String),
    /// An address cannot be listened on.
    Address {
        /// Which one.
        address: std::net::SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// The server could not run, or not on.
    Serve(Cause),
    /// The views cannot be used.
    Views(ViewsOpenError),
    /// A log that is kept here may not be written.
    NotWritable {
        /// The file.
        path: PathBuf,
    },
    /// A private server could not be started.
    PrivateServer(Cause),
    /// The system gives no random bytes.
    NoRandomness,
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let refusal = Refusal::of(&status);
        if broke_on_the_way(&status) {
            return Self::ServerLost { last: refusal.in_one_line() };
        }
        Self::Refused(Box::new(refusal))
    }
}

impl Failure {
    /// A text file that could not be read. Of one that is no text, neither path nor permissions are what is wrong.
    pub(crate) fn of_text_file(path: &Path, error: io::Error, wanted: Said) -> Self {
        let path = path.to_owned();
        match error.kind() {
            ErrorKind::InvalidData | ErrorKind::IsADirectory => Self::NoText { path, error, wanted },
            _ => Self::File { path, error },
        }
    }

    /// 2 for what the caller should have typed otherwise, 1 for all else.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::PipeClosed => ExitCode::SUCCESS,
            Self::Usage(_) | Self::NoTicketName { .. } | Self::BadAddress { .. } => ExitCode::from(2),
            _ => ExitCode::from(1),
        }
    }

    /// A stable name for programs: the gRPC status where a server said no.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Usage(_) | Self::NoTicketName { .. } | Self::BadAddress { .. } => "USAGE",
            Self::Unmet(_) => "UNMET",
            Self::PipeClosed | Self::Output(_) => "OUTPUT",
            Self::File { .. } | Self::NoText { .. } => "FILE",
            Self::Malformed { .. }
            | Self::BadPolicy { .. }
            | Self::TooLong { .. }
            | Self::Store { .. }
            | Self::Several(_) => "MALFORMED",
            Self::NothingListens { .. } | Self::OtherServer { .. } => "NO_SERVER",
            Self::ServerLost { .. } => "SERVER_LOST",
            Self::Refused(refusal) => refusal.code,
            Self::Answer(_) => "ANSWER_INCOMPLETE",
            Self::Address { .. } => "ADDRESS",
            Self::Serve(_) | Self::PrivateServer(_) => "SERVE",
            Self::Views(_) => "VIEWS",
            Self::NotWritable { .. } => "FILE",
            Self::NoRandomness => "NO_RANDOMNESS",
        }
    }

    /// Whether indented lines under the first one say what to do, rather than go on with what is wrong.
    pub(crate) fn has_hint(&self) -> bool {
        !matches!(
            self,
            Self::Malformed { .. }
                | Self::BadPolicy { .. }
                | Self::TooLong { .. }
                | Self::Store { .. }
                | Self::Several(_)
                | Self::Output(_)
                | Self::Serve(_)
                | Self::PrivateServer(_)
        )
    }

    /// What is wrong, where, and what to do; several lines.
    pub(crate) fn told_in(&self, lang: Lang) -> String {
        match self {
            Self::PipeClosed => String::new(),
            Self::Usage(what) => {
                let help = lang.pick("Hilfe: beleg --help", "for help: beleg --help");
                format!("{}\n  {help}", what.clone().in_(lang))
            }
            Self::NoTicketName { text } => lang.pick(
                format!("{text:?} bezeichnet kein Ticket.\n  Angeben: seine UUID oder SYSTEM/NUMMER"),
                format!("{text:?} names no ticket.\n  give its UUID or SYSTEM/NUMBER"),
            ),
            Self::Unmet(what) => what.clone(),
            Self::Output(error) => lang.pick(
                format!("Die Ausgabe lässt sich nicht schreiben: {}", store_german::system(error)),
                format!("the output cannot be written: {error}"),
            ),
            Self::File { path, error } => lang.pick(
                format!("{}: {}\n  Pfad und Rechte prüfen.", path.display(), store_german::system(error)),
                format!("{}: {error}\n  check the path and its permissions.", path.display()),
            ),
            Self::NoText { path, error, wanted } => {
                let what = lang.pick(store_german::system(error), error.to_string());
                format!("{}: {what}\n  {}", path.display(), wanted.clone().in_(lang))
            }
            Self::BadPolicy { place, problems } => {
                let sum = Sentence::PolicyProblems { count: problems.len() }.in_(lang);
                let lines = problems.iter().map(|problem| format!("\n  {}", policy_german::told(problem, lang)));
                format!("{place}: {sum}{}", lines.collect::<String>())
            }
            Self::Malformed { place, what } => format!("{place}: {what}"),
            Self::TooLong { path, bytes, bytes_max } => lang.pick(
                format!("{}: {bytes} Byte; so eine Datei hat höchstens {bytes_max}", path.display()),
                format!("{}: {bytes} bytes; such a file has at most {bytes_max}", path.display()),
            ),
            Self::Store { place, error } => {
                let what = lang.pick(store_german::of(&**error), error.to_string());
                // Most say it by themselves.
                if what.contains(place) { what } else { format!("{place}: {what}") }
            }
            Self::Several(failures) => {
                failures.iter().map(|failure| failure.told_in(lang)).collect::<Vec<_>>().join("\n")
            }
            Self::BadAddress { url, reason } => lang.pick(
                format!("{url:?} ist keine Adresse eines Servers, denn die ist http://RECHNER:PORT\n  Beispiel: --server http://127.0.0.1:7311"),
                format!("{url:?} is no server address: {reason}\n  for example: --server http://127.0.0.1:7311"),
            ),
            Self::NothingListens { url } => lang.pick(
                format!("Unter {url} antwortet kein Server.\n  Starten: beleg serve --data VERZEICHNIS\n  Anderswo: --server URL"),
                format!("no server answers at {url}.\n  start one:  beleg serve --data DIR\n  elsewhere:  --server URL"),
            ),
            Self::OtherServer { url, last } => lang.pick(
                format!("Unter {url} antwortet kein Server von Beleg: was dort läuft, spricht kein gRPC oder ein anderes; {QUOTED} {last}\n  Starten, mit freiem Port: beleg serve --data VERZEICHNIS --listen ADRESSE\n  Anderswo: --server URL"),
                format!("no beleg server answers at {url}: what listens there does not speak gRPC, or not this one: {last}\n  start one, on a free port:  beleg serve --data DIR --listen ADDR\n  elsewhere:  --server URL"),
            ),
            Self::ServerLost { last } => lang.pick(
                format!("Der Server ist nicht mehr erreichbar: {last}\n  Server starten und denselben Befehl wiederholen; Bestätigtes wird erkannt."),
                format!("the server is gone: {last}\n  start it and run the same command again; what was acknowledged is recognised."),
            ),
            Self::Refused(refusal) => told_refusal(refusal, lang),
            Self::Answer(what) => lang.pick(
                format!("Die Antwort des Servers ist unvollständig: {what}\n  Passen beleg und Server zusammen? beleg status"),
                format!("the server's answer is incomplete: {what}\n  do beleg and the server match? beleg status"),
            ),
            Self::Address { address, error } => lang.pick(
                format!("{address} lässt sich nicht als Adresse des Servers öffnen: {}\n  Andere Adresse: --listen ADRESSE", store_german::system(error)),
                format!("cannot listen on {address}: {error}\n  elsewhere: --listen ADDR"),
            ),
            Self::Serve(what) => lang.pick(
                format!("Der Server kann nicht laufen: {}", store_german::of(&**what)),
                format!("the server cannot run: {what}"),
            ),
            Self::Views(error) => {
                let what = lang.pick(store_german::of(error), error.to_string());
                if !is_cured_by_a_rebuild(error) {
                    return what;
                }
                let hint = lang.pick(
                    "Die Sichten entstehen neu aus dem Protokoll, das bleibt, wie es ist: beleg rebuild (mit denselben Angaben zum Ort; auf einem Verzeichnis bei angehaltenem Server, in einer Datenbank ohne Server eines anders gebauten beleg)",
                    "views are made anew from the log, which stays as it is: beleg rebuild (with the same --data or --database; on a directory while no server runs, on a database while none of another build does)",
                );
                format!("{what}\n  {hint}")
            }
            Self::NotWritable { path } => lang.pick(
                format!("{} darf nicht geschrieben werden.\n  Rechte der Datei ändern (chmod u+w), ihren Datenträger zum Schreiben einhängen oder beleg als ihr Besitzer starten; nur gelesen wird mit: beleg verify, beleg rebuild --check", path.display()),
                format!("{} may not be written.\n  change the file's permissions (chmod u+w), mount its disk for writing, or start beleg as its owner; what only reads: beleg verify, beleg rebuild --check", path.display()),
            ),
            Self::PrivateServer(what) => lang.pick(
                format!("Ein eigener Server ließ sich nicht starten: {}", store_german::of(&**what)),
                format!("a private server could not be started: {what}"),
            ),
            Self::NoRandomness => lang.pick(
                "Das System liefert keine Zufallszahlen.".to_owned(),
                "the system gives no random bytes.".to_owned(),
            ),
        }
    }
}

/// Whether the views themselves are at fault, rather than what keeps them or who asks.
fn is_cured_by_a_rebuild(error: &ViewsOpenError) -> bool {
    error.is_of_another_build()
        || matches!(
            error,
            ViewsOpenError::Foreign { .. }
                | ViewsOpenError::Missing { .. }
                | ViewsOpenError::Views(ViewError::Broken { .. })
                | ViewsOpenError::Open(OpenError::Corrupt { .. } | OpenError::Migration { .. })
        )
}

fn told_refusal(refusal: &Refusal, lang: Lang) -> String {
    let german = refusal.reason.as_deref().and_then(refusal_german::of).filter(|_| lang == Lang::De);
    let mut lines = match german {
        None => vec![refusal.message.clone()],
        // The server's own sentence has the ids, instants and limits of the case.
        Some(german) => vec![german.to_owned(), format!("  Der Server: {}", refusal.message)],
    };
    for one in &refusal.violations {
        if !refusal.message.contains(&one.description) {
            lines.push(format!("  {}: {}", one.subject, one.description));
        } else if !one.subject.is_empty() {
            lines.push(format!("  {}: {}", heading("field", lang), one.subject));
        }
    }
    let named = |key: &str, value: &str| key == "field" && refusal.violations.iter().any(|one| one.subject == value);
    for (key, value) in refusal.facts.iter().filter(|(key, value)| !named(key, value)) {
        lines.push(format!("  {}: {value}", heading(key, lang)));
    }
    let reason = refusal.reason.as_deref().map(|key| format!(" / {key}")).unwrap_or_default();
    lines.push(format!("  {} {}{reason}", lang.pick("Status:", "status:"), refusal.code));
    if let Some(hint) = hint(refusal.code, lang) {
        lines.push(format!("  {hint}"));
    }
    lines.join("\n")
}

/// What a fact of a refusal is; a key that is newer than this program stays as it is.
fn heading(key: &str, lang: Lang) -> &str {
    match key {
        "field" => lang.pick("Wo", "where"),
        "stream" => lang.pick("Ereignisstrom", "stream"),
        "expected_version" => lang.pick("Erwartete Version", "expected version"),
        "actual_version" => lang.pick("Tatsächliche Version", "actual version"),
        _ => key,
    }
}

/// What a caller can do about a kind of refusal.
#[derive(Clone, Copy)]
enum Hint {
    Correct,
    LookUp,
    Reread,
    Wait,
    Report,
}

/// What to do about a refusal with this status.
pub(crate) fn hint(code: &str, lang: Lang) -> Option<&'static str> {
    let hint = match code {
        "INVALID_ARGUMENT" => Some(Hint::Correct),
        "NOT_FOUND" => Some(Hint::LookUp),
        "ABORTED" => Some(Hint::Reread),
        "UNAVAILABLE" | "RESOURCE_EXHAUSTED" | "DEADLINE_EXCEEDED" => Some(Hint::Wait),
        "INTERNAL" | "UNKNOWN" | "DATA_LOSS" => Some(Hint::Report),
        _ => None,
    };
    hint.map(|hint| hint_in(hint, lang))
}

fn hint_in(hint: Hint, lang: Lang) -> &'static str {
    match hint {
        Hint::Correct => lang
            .pick("Die genannten Angaben berichtigen und erneut senden.", "correct what is named and send it again."),
        Hint::LookUp => lang.pick(
            "Nachsehen, was es gibt: beleg ticket list, beleg ledger list, beleg policy list.",
            "see what there is: beleg ticket list, beleg ledger list, beleg policy list.",
        ),
        Hint::Reread => lang.pick(
            "Der Stand hat sich geändert: neu lesen, dann erneut senden.",
            "the state has moved on: read it again, then send.",
        ),
        Hint::Wait => lang.pick(
            "Der Server ist ausgelastet oder nicht bereit: etwas später wiederholen.",
            "the server is busy or not ready: repeat it a little later.",
        ),
        Hint::Report => lang.pick(
            "Das ist ein Fehler von Beleg; die Ausgaben des Servers sagen mehr.",
            "this is a fault of Beleg; the server's own output says more.",
        ),
    }
}
