//! The help in German: the texts, and how they are put into the parser's description of the arguments.
//!
//! The English ones stand with the arguments and are the keys here; a test finds those without a German one. Headings,
//! defaults and possible values, which the parser writes in English by itself, are written here.

use clap::builder::{Str, StyledStr};
use clap::{Arg, Command};
use std::fmt::Write as _;

/// Puts German texts in the place of the English ones.
pub(crate) fn put_into(mut command: Command) -> Command {
    // Whatever the parser adds by itself is there after this.
    command.build();
    translated(command)
}

fn translated(mut command: Command) -> Command {
    if let Some(about) = command.get_about().map(german) {
        command = command.about(about);
    }
    if let Some(about) = command.get_long_about().map(german) {
        command = command.long_about(about);
    }
    if let Some(after) = command.get_after_help().map(german) {
        command = command.after_help(after);
    }
    command = command.mut_args(argument).mut_subcommands(translated);
    let usage = command.render_usage().to_string().replace("[OPTIONS]", "[OPTIONEN]").replace("COMMAND", "BEFEHL");
    let usage = usage.trim_start_matches("Usage:").trim().to_owned();
    let template = template(&command);
    command.override_usage(usage).help_template(template)
}

fn template(command: &Command) -> String {
    let style = command.get_styles().get_header();
    let mut template = format!("{{about-with-newline}}\n{style}Aufruf:{style:#} {{usage}}");
    let mut part = |heading: &str, tag: &str, there: bool| {
        if there {
            let _ = write!(template, "\n\n{style}{heading}:{style:#}\n{{{tag}}}");
        }
    };
    part("Befehle", "subcommands", command.has_subcommands());
    part("Argumente", "positionals", command.get_positionals().next().is_some());
    part("Optionen", "options", true);
    template.push_str("{after-help}");
    template
}

fn argument(arg: Arg) -> Arg {
    let values = if arg.get_action().takes_values() { arg.get_possible_values() } else { Vec::new() };
    let default = if arg.get_action().takes_values() { arg.get_default_values() } else { &[] };
    let default: Vec<_> = default.iter().map(|value| value.to_string_lossy().into_owned()).collect();
    let default = (!default.is_empty()).then(|| format!("[Vorgabe: {}]", default.join(",")));
    let names: Vec<_> = values.iter().map(|value| value.get_name()).collect();
    let explained = values.iter().any(|value| value.get_help().is_some());
    let possible = (!names.is_empty()).then(|| format!("[möglich: {}]", names.join(", ")));

    let help = arg.get_help().map(german);
    let short: Vec<_> = [help.clone(), default.clone(), possible.clone()].into_iter().flatten().collect();
    let mut long: Vec<_> = arg.get_long_help().map(german).or(help).into_iter().collect();
    let has_long = arg.get_long_help().is_some() || explained;
    if explained {
        let mut list = "Möglich:".to_owned();
        for value in &values {
            let help = value.get_help().map(german).unwrap_or_default();
            let _ = write!(list, "\n- {}: {help}", value.get_name());
        }
        long.push(list);
    } else {
        long.extend(possible);
    }
    long.extend(default);
    let names: Vec<_> = arg.get_value_names().unwrap_or_default().iter().map(value_name).collect();
    let takes_values = arg.get_action().takes_values();

    let mut arg = arg.help(short.join(" "));
    if has_long {
        arg = arg.long_help(long.join("\n\n"));
    }
    if takes_values {
        arg = arg.hide_default_value(true).hide_possible_values(true);
        if !names.is_empty() {
            arg = arg.value_names(names);
        }
    }
    arg
}

/// What is missing here stays English; a test says so.
fn german(text: &StyledStr) -> String {
    let text = text.to_string();
    TEXTS.iter().find(|(en, _)| *en == text).map_or(text, |(_, de)| (*de).to_owned())
}

fn value_name(name: &Str) -> Str {
    VALUES.iter().find(|(en, _)| *name == **en).map_or_else(|| name.clone(), |(_, de)| Str::from(*de))
}

/// Names of values that are another word in German.
const VALUES: [(&str, &str); 28] = [
    ("ACCOUNT", "KONTO"),
    ("ACTIVITY", "TÄTIGKEIT"),
    ("ADDR", "ADRESSE"),
    ("BY", "WONACH"),
    ("DIR", "VERZEICHNIS"),
    ("ENTRIES", "ANZAHL"),
    ("EVENTS", "EREIGNISSE"),
    ("FILE", "DATEI"),
    ("FILES", "DATEIEN"),
    ("FORMAT", "FORMAT"),
    ("ID", "KENNUNG"),
    ("LANG", "SPRACHE"),
    ("MINUTES", "MINUTEN"),
    ("N", "N"),
    ("N,…", "N,…"),
    ("NAME", "NAME"),
    ("NUMBER", "NUMMER"),
    ("OUTPUT", "FORM"),
    ("ROUNDS", "ANZAHL"),
    ("RULE", "REGEL"),
    ("SECONDS", "SEKUNDEN"),
    ("STATUS", "ZUSTAND"),
    ("TICKET", "TICKET"),
    ("TICKETS", "ANZAHL"),
    ("TIME", "ZEITPUNKT"),
    ("URL", "URL"),
    ("WHAT,…", "WAS,…"),
    ("WHO", "WER"),
];

/// Every text of the help.
const TEXTS: [(&str, &str); 101] = [
    (
        "Beleg: support tickets as events, every charge with its voucher",
        "Beleg: Support-Tickets als Ereignisse, zu jeder Berechnung der Beleg",
    ),
    (
        "The server's address, for commands that call one (default: http://127.0.0.1:7311)",
        "Adresse des Servers, für Befehle, die einen ansprechen (Vorgabe: http://127.0.0.1:7311)",
    ),
    (
        "The language of what is said (default: from LC_ALL, LC_MESSAGES or LANG, else en)",
        "Sprache der Ausgabe (Vorgabe: nach LC_ALL, LC_MESSAGES oder LANG, sonst en)",
    ),
    ("Tables for people or protobuf JSON for programs", "Tabellen für Menschen oder Protobuf-JSON für Programme"),
    (
        "Who acts, for commands that call a server (default: cli:$USER; an import: import)",
        "Wer handelt, für Befehle, die einen Server rufen (Vorgabe: cli:$USER; beim Import: import)",
    ),
    ("Tables and sentences", "Tabellen und Sätze"),
    ("One JSON document", "Ein JSON-Dokument"),
    ("Deutsch", "Deutsch"),
    ("English", "Englisch"),
    ("Serve a log until Ctrl-C", "Den Server auf einem Protokoll betreiben, bis Strg-C"),
    ("Look at tickets", "Tickets ansehen"),
    ("Look at the ledger", "Das Hauptbuch ansehen"),
    ("Check, publish and read policies", "Richtlinien prüfen, veröffentlichen und lesen"),
    ("Where the log, the views and the server stand", "Wie weit Protokoll, Sichten und Server sind"),
    (
        "Send a file of commands to a server started with --allow-import",
        "Eine Datei mit Befehlen an einen Server senden, der mit --allow-import läuft",
    ),
    (
        "Play scenarios against a private server and say what differs",
        "Szenarien auf einem eigenen Server durchspielen und sagen, was abweicht",
    ),
    (
        "Play six tickets on a private server and print their ledgers",
        "Sechs Tickets auf einem eigenen Server durchspielen und ihre Buchungen zeigen",
    ),
    (
        "Build the views anew, or compare a fresh build with the serving ones",
        "Die Sichten neu aufbauen, oder mit einem neuen Aufbau vergleichen",
    ),
    (
        "Derive every assessment anew from its facts and compare",
        "Jede Bewertung aus ihren Tatsachen nachrechnen und vergleichen",
    ),
    ("Prepare a PostgreSQL database for servers", "Eine PostgreSQL-Datenbank für Server vorbereiten"),
    (
        "Move the log of a directory into an empty PostgreSQL database, event for event",
        "Das Protokoll eines Verzeichnisses Ereignis für Ereignis in eine leere PostgreSQL-Datenbank umziehen",
    ),
    (
        "Measure a private or a running server with a closed loop of clients",
        "Einen eigenen oder laufenden Server mit einer festen Zahl von Aufrufern messen",
    ),
    (
        "Tickets in the order in which the log recorded their openings",
        "Tickets in der Reihenfolge, in der das Protokoll ihre Eröffnung aufgezeichnet hat",
    ),
    ("How many at most", "Wie viele höchstens"),
    ("The ticket as it is, or as it was known", "Das Ticket, wie es ist oder wie es bekannt war"),
    ("What, by that knowledge, was true at this instant", "Was nach diesem Wissensstand zu diesem Zeitpunkt galt"),
    ("The ticket's events in order", "Die Ereignisse des Tickets der Reihe nach"),
    (
        "Where a minute of work would go, what is used and left, whose turn it is",
        "Wohin eine Minute Arbeit ginge, was verbraucht und übrig ist, wer am Zug ist",
    ),
    ("When the minute is worked (default: now)", "Wann die Minute gearbeitet wird (Vorgabe: jetzt)"),
    ("What a work entry would cost, without recording it", "Was eine Arbeit kosten würde, ohne sie aufzuzeichnen"),
    (
        "A ticket's id, or its reference as SYSTEM/NUMBER",
        "Kennung eines Tickets, oder seine Referenz als SYSTEM/NUMMER",
    ),
    ("Who works", "Wer arbeitet"),
    ("The window's first instant", "Erster Zeitpunkt des Zeitraums"),
    ("The instant the window ends before", "Zeitpunkt, vor dem der Zeitraum endet"),
    ("Worked time, if not the whole window", "Gearbeitete Zeit, wenn es nicht der ganze Zeitraum ist"),
    ("As the log stood at this position", "Wie das Protokoll an dieser Position stand"),
    ("As the log stood at this instant", "Wie das Protokoll zu diesem Zeitpunkt stand"),
    ("Entries in the order they were posted", "Buchungen in der Reihenfolge, in der gebucht wurde"),
    ("A work entry's id", "Kennung einer Arbeit"),
    ("A rule's id, such as billable.customizing-bug", "Kennung einer Regel, etwa billable.customizing-bug"),
    (
        "Only entries that stand: no reversals, nothing reversed",
        "Nur Buchungen, die stehen: keine Stornos, nichts Storniertes",
    ),
    (
        "One entry with its rule, clause and causes spelled out",
        "Eine Buchung, mit Regel, Klausel und Anlässen im Wortlaut",
    ),
    ("The entry's number", "Nummer der Buchung"),
    ("Net sums", "Salden"),
    ("What to sum by", "Wonach summiert wird"),
    (
        "Check a document over the whole product of facts; writes nothing",
        "Ein Dokument über alle Kombinationen der Tatsachen prüfen; schreibt nichts",
    ),
    ("A policy as TOML", "Eine Richtlinie als TOML"),
    ("One version of a policy, whole", "Eine Fassung einer Richtlinie, ganz"),
    (
        "The policy's name (default: the one most lately published)",
        "Name der Richtlinie (Vorgabe: die zuletzt veröffentlichte)",
    ),
    ("Which version (default: the latest)", "Welche Fassung (Vorgabe: die neueste)"),
    ("All versions of all policies", "Alle Fassungen aller Richtlinien"),
    (
        "Publish a document as the next version of the policy it names",
        "Ein Dokument als nächste Fassung der Richtlinie veröffentlichen, die es nennt",
    ),
    ("A policy as TOML (default: the one built in)", "Eine Richtlinie als TOML (Vorgabe: die eingebaute)"),
    ("The file; - is standard input", "Die Datei; - ist die Standardeingabe"),
    ("What the file holds", "Was die Datei enthält"),
    (
        "Write every bad or refused line here, as JSON Lines",
        "Jede unlesbare oder abgelehnte Zeile hierhin schreiben, als JSON-Zeilen",
    ),
    ("One command a line, in protobuf JSON", "Ein Befehl je Zeile, in Protobuf-JSON"),
    (
        "The incident event log of a ServiceNow instance, as CSV",
        "Das Ereignisprotokoll der Incidents einer ServiceNow-Instanz, als CSV",
    ),
    ("Scenarios as YAML", "Szenarien als YAML"),
    (
        "The policy to rehearse, as TOML (default: the one built in)",
        "Die Richtlinie, die geprobt wird, als TOML (Vorgabe: die eingebaute)",
    ),
    ("Stop after printing instead of serving on", "Nach der Ausgabe enden, statt den Server weiter zu betreiben"),
    (
        "Where to listen (default: a free port)",
        "Adresse, auf der der Server Verbindungen annimmt (Vorgabe: ein freier Port)",
    ),
    ("Where to listen", "Adresse, auf der der Server Verbindungen annimmt"),
    ("Admit imports", "Importe zulassen"),
    (
        "Take \"now\" from each call; for demos, tests and rehearsals",
        "„Jetzt“ aus jedem Aufruf nehmen; für Vorführungen, Tests und Proben",
    ),
    (
        "Offer the bare append that `beleg bench --against` compares with",
        "Das bloße Anhängen anbieten, mit dem `beleg bench --against` vergleicht",
    ),
    (
        "Create the roles and schemas, or bring them up to date; may be repeated",
        "Rollen und Schemata anlegen oder auf den neuesten Stand bringen; darf wiederholt werden",
    ),
    (
        "The database, as a role that may create roles (rather set BELEG_DATABASE_ADMIN)",
        "Die Datenbank, mit einer Rolle, die Rollen anlegen darf (besser BELEG_DATABASE_ADMIN setzen)",
    ),
    ("The role that owns the schemas", "Die Rolle, der die Schemata gehören"),
    ("The role that serves", "Die Rolle, mit der der Server arbeitet"),
    (
        "The directory whose log is moved; no server runs on it, and it is left as it is",
        "Das Verzeichnis, dessen Protokoll umzieht; auf ihm läuft kein Server, und es bleibt, wie es ist",
    ),
    (
        "The PostgreSQL database, whose log must be empty (rather set BELEG_DATABASE)",
        "Die PostgreSQL-Datenbank, deren Protokoll leer sein muss (besser BELEG_DATABASE setzen)",
    ),
    (
        "Compare a fresh build with the serving views and change nothing",
        "Einen neuen Aufbau mit den Sichten in Betrieb vergleichen und nichts ändern",
    ),
    (
        "A directory for log and views, made if it is not there; one server uses it",
        "Ein Verzeichnis für Protokoll und Sichten, angelegt, wenn es fehlt; ein einziger Server benutzt es",
    ),
    (
        "The directory that holds log and views; no server may run on it, unless --check is given",
        "Das Verzeichnis mit Protokoll und Sichten; darauf darf kein Server laufen, es sei denn mit --check",
    ),
    (
        "The directory that holds the log, which is only read, also while a server runs on it",
        "Das Verzeichnis mit dem Protokoll, das nur gelesen wird, auch während ein Server darauf läuft",
    ),
    (
        "A PostgreSQL database (15 or newer) for log and views; any number of servers share it",
        "Eine PostgreSQL-Datenbank (ab 15) für Protokoll und Sichten; beliebig viele Server teilen sie sich",
    ),
    (
        "Connections to the database, at most: one writes, one projects, one follows the log's end, the others read",
        "Verbindungen zur Datenbank, höchstens: eine schreibt, eine führt die Sichten nach, eine folgt dem Ende des Protokolls, die anderen lesen",
    ),
    (
        "Use PostgreSQL: each private log gets a database of its own beside this one, dropped at the end. The URL's role must be allowed to create databases",
        "PostgreSQL nehmen: jedes eigene Protokoll bekommt neben dieser eine Datenbank für sich, die am Ende gelöscht wird. Die Rolle der URL muss Datenbanken anlegen dürfen",
    ),
    (
        "A running server to measure, started with --bench and --allow-import on a log made for it (default: a private one)",
        "Ein laufender Server, der gemessen wird, gestartet mit --bench und --allow-import auf einem Protokoll nur dafür (Vorgabe: ein eigener)",
    ),
    ("Clients at once; each has one call under way", "Aufrufer zugleich; jeder hat einen Aufruf unterwegs"),
    ("Seconds per workload and number of clients", "Sekunden je Last und Zahl der Aufrufer"),
    (
        "What to measure; the whole log is read once, at the end",
        "Was gemessen wird; das ganze Protokoll wird einmal gelesen, am Ende",
    ),
    (
        "Rounds of the bare append and LogWork in turn; the median counts",
        "Runden von bloßem Anhängen und LogWork im Wechsel; der Median zählt",
    ),
    ("Tickets to prepare for each number of clients", "Tickets, die für jede Zahl von Aufrufern vorbereitet werden"),
    (
        "Work entries on each of them before anything is measured; 8 make a history of 21 events",
        "Arbeiten auf jedem davon, bevor gemessen wird; 8 ergeben eine Geschichte von 21 Ereignissen",
    ),
    (
        "Instead: LogWork, GetTicket and memory on a log of so many events beside one of 100,000, which are made first: on tickets spread over the whole log, and on 4,000 that are added to it",
        "Stattdessen: LogWork, GetTicket und Speicher auf einem Protokoll mit so vielen Ereignissen neben einem mit 100.000, die zuerst entstehen: auf Tickets über das ganze Protokoll hinweg und auf 4.000, die dazukommen",
    ),
    (
        "Keep the large log here, or go on with the one that is here (default: it is thrown away like the small ones)",
        "Das große Protokoll hier behalten, oder mit dem weitermachen, das hier ist (Vorgabe: es wird wie die kleinen weggeworfen)",
    ),
    ("One event, no decision: the yardstick", "Ein Ereignis ohne Entscheidung: der Maßstab"),
    ("The command: decision, assessment, two events", "Der Befehl: Entscheidung, Bewertung, zwei Ereignisse"),
    ("GetTicket", "GetTicket"),
    ("GetTicketHistory, a page of at most 20 events", "GetTicketHistory, eine Seite mit höchstens 20 Ereignissen"),
    ("ReadLog from the first event to the last", "ReadLog vom ersten Ereignis bis zum letzten"),
    ("Print version", "Version zeigen"),
    ("Print help (see more with '--help')", "Hilfe zeigen (mehr mit '--help')"),
    ("Print help (see a summary with '-h')", "Hilfe zeigen (kürzer mit '-h')"),
    ("Print this message or the help of the given subcommand(s)", "Diese Hilfe oder die eines Unterbefehls zeigen"),
    (
        "A PostgreSQL database (15 or newer) for log and views; any number of servers share it\n\npostgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=MODE&sslrootcert=FILE. MODE is disable, prefer (the default), require, verify-ca or verify-full; the last two check the server's certificate, against FILE or what the system trusts. Arguments are seen by everybody on the machine, so a URL with a password belongs in the environment variable BELEG_DATABASE.",
        "Eine PostgreSQL-Datenbank (ab 15) für Protokoll und Sichten; beliebig viele Server teilen sie sich\n\npostgres://ROLLE:KENNWORT@RECHNER:PORT/NAME?sslmode=MODUS&sslrootcert=DATEI. MODUS ist disable, prefer (die Vorgabe), require, verify-ca oder verify-full; die beiden letzten prüfen das Zertifikat des Servers, mit DATEI oder dem, worauf das System vertraut. Argumente sieht jeder auf dem Rechner; eine URL mit Kennwort gehört deshalb in die Umgebungsvariable BELEG_DATABASE.",
    ),
    (
        "Create the roles and schemas, or bring them up to date; may be repeated\n\nTwo roles: the owner migrates and rebuilds views, the service serves and can change nothing that is recorded. A new role gets its password from BELEG_OWNER_PASSWORD or BELEG_SERVICE_PASSWORD; without them one is made and shown once. A role that is there keeps its own, unless its variable is set.",
        "Rollen und Schemata anlegen oder auf den neuesten Stand bringen; darf wiederholt werden\n\nZwei Rollen: der Eigentümer migriert und baut Sichten neu auf, mit dem Dienst arbeitet der Server und kann nichts ändern, was aufgezeichnet ist. Eine neue Rolle bekommt ihr Kennwort aus BELEG_OWNER_PASSWORD oder BELEG_SERVICE_PASSWORD; ohne sie entsteht eines und wird einmal gezeigt. Eine Rolle, die schon da ist, behält ihres, es sei denn, ihre Variable ist gesetzt.",
    ),
    (
        "Serve a log until Ctrl-C\n\nWhat happens meanwhile is told on standard error. BELEG_LOG says from which level on: off, error, warn, info (the default) or debug.",
        "Den Server auf einem Protokoll betreiben, bis Strg-C\n\nWas dabei geschieht, steht auf der Standardfehlerausgabe. BELEG_LOG sagt, ab welcher Stufe: off|error|warn|info|debug, Vorgabe ist info.",
    ),
    (crate::args::IMPORT_HELP, IMPORT_HELP),
];

/// How the lines of an import look.
const IMPORT_HELP: &str = r#"JSON-Zeilen: ein Befehl je Zeile, unter dem Namen seines Aufrufs, in Protobuf-JSON:

  {"openTicket": {"ticketId": "…", "customerId": "acme", "impact": "IMPACT_INCIDENT",
                  "occurredAt": "2026-03-02T09:00:00Z"}}
  {"logWork": {"ticketId": "…", "activity": "ACTIVITY_DIAGNOSIS", "performerId": "anna",
               "from": "2026-03-02T09:00:00Z", "to": "2026-03-02T09:20:00Z"}, "actor": "desk"}

(jeder in einer Zeile). Neben dem Befehl dürfen "actor" und "origin" stehen. Fehlt requestId, so
folgt sie aus der Zeile; ein abgebrochener Import geht weiter, wenn man ihn noch einmal startet.
Zeilen zu einem Kunden werden in ihrer Reihenfolge gesendet, verschiedene Kunden nebeneinander."#;

#[cfg(test)]
mod tests {
    use super::{TEXTS, VALUES};
    use crate::args::{Args, IMPORT_HELP};
    use clap::{Command, CommandFactory};
    use std::collections::BTreeSet;

    fn texts(command: &Command, texts: &mut BTreeSet<String>, values: &mut BTreeSet<String>) {
        let own = [command.get_about(), command.get_long_about(), command.get_after_help()];
        texts.extend(own.into_iter().flatten().map(ToString::to_string));
        for arg in command.get_arguments() {
            texts.extend([arg.get_help(), arg.get_long_help()].into_iter().flatten().map(ToString::to_string));
            if arg.get_action().takes_values() {
                values.extend(arg.get_value_names().unwrap_or_default().iter().map(ToString::to_string));
                let possible = arg.get_possible_values();
                texts.extend(possible.iter().filter_map(|value| value.get_help()).map(ToString::to_string));
            }
        }
        command.get_subcommands().for_each(|command| self::texts(command, texts, values));
    }

    #[test]
    fn every_text_of_the_help_has_a_german_one_and_none_is_left_over() {
        let mut command = Args::command();
        command.build();
        let (mut there, mut names) = (BTreeSet::new(), BTreeSet::new());
        texts(&command, &mut there, &mut names);
        let known: BTreeSet<String> = TEXTS.iter().map(|(en, _)| (*en).to_owned()).collect();
        let names_known: BTreeSet<String> = VALUES.iter().map(|(en, _)| (*en).to_owned()).collect();
        assert!(there.contains(IMPORT_HELP));
        let missing: Vec<_> = there.symmetric_difference(&known).collect();
        assert!(missing.is_empty(), "{missing:#?}");
        let missing: Vec<_> = names.symmetric_difference(&names_known).collect();
        assert!(missing.is_empty(), "{missing:#?}");
    }
}
