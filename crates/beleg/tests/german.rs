//! German is German: whatever the program says is looked through for English words.

#![allow(clippy::unwrap_used)]

#[path = "server/mod.rs"]
mod server;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use beleg_postgres_cluster::Database;
use server::{BELEG, Server};

/// Words that English sentences can hardly do without, and those of the parser of arguments. None is a German word.
const ENGLISH: [&str; 74] = [
    "and",
    "are",
    "be",
    "been",
    "begin",
    "but",
    "by",
    "can",
    "cannot",
    "command",
    "commands",
    "could",
    "default",
    "does",
    "during",
    "each",
    "error",
    "exists",
    "expected",
    "failed",
    "file",
    "for",
    "found",
    "from",
    "given",
    "has",
    "have",
    "invalid",
    "is",
    "it",
    "its",
    "line",
    "may",
    "missing",
    "more",
    "must",
    "no",
    "of",
    "on",
    "only",
    "options",
    "or",
    "other",
    "possible",
    "print",
    "provided",
    "required",
    "should",
    "similar",
    "summary",
    "than",
    "that",
    "the",
    "them",
    "then",
    "there",
    "these",
    "they",
    "this",
    "to",
    "too",
    "try",
    "unexpected",
    "unknown",
    "usage",
    "used",
    "value",
    "values",
    "when",
    "where",
    "which",
    "while",
    "with",
    "without",
];

/// Before what the server, a database or a library said in its own words, up to the end of the line.
const QUOTED: [&str; 2] = ["Der Server:", "im Wortlaut:"];

/// A line as it is; of JSON what it says to people, for the rest is data.
fn own_lines(line: &str) -> Vec<String> {
    let Ok(serde_json::Value::Object(said)) = serde_json::from_str(line) else {
        return if line.contains("\":") { Vec::new() } else { vec![line.to_owned()] };
    };
    let texts = ["message", "hint", "problem"].map(|key| said.get(key).and_then(serde_json::Value::as_str));
    texts.into_iter().flatten().flat_map(str::lines).map(str::to_owned).collect()
}

/// The English words of a text that are the program's own.
fn english(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in text.lines().flat_map(own_lines) {
        let line = line.as_str();
        let own = QUOTED.iter().filter_map(|quoted| line.find(quoted)).min().map_or(line, |end| &line[..end]);
        for word in own.split_whitespace() {
            let word = word.trim_matches(|letter: char| !letter.is_alphanumeric() && letter != '-');
            // Flags, paths, URLs, ids and keys hold other letters too, and no word of the list does.
            let word = word.to_lowercase();
            if ENGLISH.contains(&word.as_str()) {
                found.insert(word);
            }
        }
    }
    found
}

fn run(arguments: &[&str]) -> Output {
    Command::new(BELEG)
        .args(arguments)
        .env("LC_ALL", "de_DE.UTF-8")
        .env("BELEG_LOG", "off")
        .env_remove("BELEG_DATABASE")
        .env_remove("BELEG_DATABASE_ADMIN")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What calls say that ought to be German, and what of it is not.
#[derive(Default)]
struct Leftovers(Vec<String>);

impl Leftovers {
    fn look(&mut self, arguments: &[&str]) -> Output {
        let output = run(arguments);
        let said = both(&output);
        assert!(!said.trim().is_empty(), "{arguments:?} says nothing");
        self.look_through(arguments, &said);
        output
    }

    fn look_through(&mut self, arguments: &[&str], said: &str) {
        let english = english(said);
        if !english.is_empty() {
            self.0.push(format!("beleg {}: {english:?}\n{said}", arguments.join(" ")));
        }
    }

    fn good(&mut self, arguments: &[&str]) -> String {
        let output = self.look(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", both(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn bad(&mut self, arguments: &[&str], code: i32) {
        let output = self.look(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", both(&output));
    }

    fn none(self) {
        assert!(self.0.is_empty(), "{} calls with English words:\n\n{}", self.0.len(), self.0.join("\n\n"));
    }
}

/// The subcommands that a help lists.
fn subcommands(help: &str) -> Vec<String> {
    let list = help.split_once("Befehle:\n").map_or("", |(_, rest)| rest.split("\n\n").next().unwrap_or_default());
    // A line that goes on is indented further.
    let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn what_is_looked_for_is_found_where_the_program_speaks_english() {
    for arguments in [&["--lang", "en", "--help"][..], &["--lang", "en", "ticket", "lst"], &["--lang", "en", "serve"]] {
        assert!(!english(&both(&run(arguments))).is_empty(), "{arguments:?}");
    }
    assert_eq!(english("beleg: /data/for/is: the log is closed"), ["is", "the"].map(str::to_owned).into());
    assert_eq!(english("Das ist es. im Wortlaut: it is"), BTreeSet::new());
}

#[test]
fn every_help_is_german() {
    let mut leftovers = Leftovers::default();
    let mut waiting: Vec<Vec<String>> = vec![Vec::new()];
    let mut seen = 0;
    while let Some(path) = waiting.pop() {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let help = leftovers.good(&[&path[..], &["--help"]].concat());
        assert!(help.contains("Aufruf: beleg") && help.contains("Optionen:"), "{help}");
        let short = leftovers.good(&[&path[..], &["-h"]].concat());
        assert_eq!(subcommands(&short), subcommands(&help));
        assert_eq!(leftovers.good(&[&["help"], &path[..]].concat()), help);
        waiting.extend(subcommands(&help).into_iter().map(|name| {
            let mut path: Vec<String> = path.iter().map(|one| (*one).to_owned()).collect();
            path.push(name);
            path
        }));
        seen += 1;
    }
    assert_eq!(seen, 27, "the program, its thirteen commands and their subcommands");
    leftovers.none();
}

#[test]
fn the_help_says_what_is_so() {
    let help = |lang: &str, command: &[&str]| {
        let said = both(&run(&[command, &["--lang", lang, "--help"]].concat()));
        said.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    for (lang, command, words) in [
        ("de", ["ticket", "list"], "in der das Protokoll ihre Eröffnung aufgezeichnet hat"),
        ("en", ["ticket", "list"], "in which the log recorded their openings"),
        ("de", ["ticket", "preview"], "--by <WER>"),
        ("en", ["ticket", "preview"], "--by <WHO>"),
        ("de", ["ledger", "balances"], "--by <WONACH>"),
        ("de", ["ticket", "list"], "LC_ALL, LC_MESSAGES oder LANG"),
        ("en", ["ticket", "list"], "LC_ALL, LC_MESSAGES or LANG"),
    ] {
        let said = help(lang, &command);
        assert!(said.contains(words), "{command:?}: {words:?} in {said}");
    }
    // Only who serves makes a directory.
    for (lang, made) in [("de", "angelegt, wenn es fehlt"), ("en", "made if it is not there")] {
        for (command, makes) in [("serve", true), ("verify", false), ("rebuild", false)] {
            let said = help(lang, &[command]);
            assert_eq!(said.contains(made), makes, "{command}: {said}");
        }
    }
}

#[test]
fn wrong_arguments_are_told_in_german() {
    let mut leftovers = Leftovers::default();
    for wrong in [
        &[][..],
        &["ticket"],
        &["tickt"],
        &["ticket", "lst"],
        &["ticket", "list", "--custmer", "x"],
        &["ticket", "list", "--status"],
        &["ticket", "list", "--status", "opn"],
        &["ticket", "list", "--limit", "viele"],
        &["ticket", "list", "--limit", "0"],
        &["ticket", "list", "--limit", "1", "--limit", "2"],
        &["ticket", "list", "zu", "viel"],
        &["ticket", "show"],
        &["ticket", "show", "x", "--as-of", "gestern"],
        &["ticket", "show", "x", "--as-of-position", "3", "--as-of", "2026-01-01"],
        &["ticket", "show", "--", "--x", "y"],
        &["--actor", "ä", "status"],
        &["ledger", "balances", "--by", "monat"],
        &["ledger", "explain", "eins"],
        &["ledger", "explain", "99999999999999999999"],
        &["serve", "--listen", "hier", "--data", "x"],
        &["serve", "--database-connections", "1", "--database", "x"],
        &["serve", "--data", "x", "--database", "y"],
        &["serve"],
        &["serve", "--status"],
        &["status", "--server", "x"],
        &["status", "--frobnicate=1"],
        &["rebuild", "--server", "http://127.0.0.1:9", "--data", "x"],
        &["migrate", "--data", "x"],
        &["database", "init"],
        &["bench", "--data", "x"],
        &["bench", "--data", "x", "--against", "u"],
        &["bench", "--database", "y", "--against", "u"],
        &["bench", "--grow", "200000", "--data", "x", "--database", "y"],
        &["bench", "--clients", "64", "--tickets", "3"],
        &["import", "Cargo.toml", "--errors", "Cargo.toml"],
        &["--output", "json", "ticket", "show"],
        &["--output", "yaml", "status"],
    ] {
        leftovers.bad(wrong, 2);
    }
    // The variable asks for German, the argument does not; or the other way round.
    let english_after_all = run(&["ticket", "--lang", "en", "lst"]);
    assert!(both(&english_after_all).contains("unrecognized subcommand"), "{}", both(&english_after_all));
    let german = Command::new(BELEG).args(["ticket", "lst", "--lang=de"]).env("LC_ALL", "C").output().unwrap();
    assert!(both(&german).contains("'lst' ist kein Unterbefehl"), "{}", both(&german));
    leftovers.none();
}

#[test]
fn what_a_log_and_its_views_complain_of_is_german() {
    let mut leftovers = Leftovers::default();
    let data = tempfile::tempdir().unwrap();
    let path = |name: &str| data.path().join(name).display().to_string();
    let (none, log) = (path("none"), path("log"));
    leftovers.bad(&["rebuild", "--data", &none], 1);
    leftovers.bad(&["rebuild", "--check", "--data", &none], 1);
    leftovers.bad(&["verify", "--data", &none], 1);
    leftovers.bad(&["policy", "check", &none], 1);
    leftovers.bad(&["policy", "check", "/"], 1);
    leftovers.bad(&["rehearse", &none], 1);
    std::fs::write(path("bad.yaml"), "[]").unwrap();
    leftovers.bad(&["rehearse", &path("bad.yaml")], 1);
    std::fs::write(
        path("steps.yaml"),
        "- name: n\n  why: w\n  contract: {currency: EUR}\n  steps:\n    - {at: \"2026-03-02T09:00\", do: open}\n  expect: {}\n",
    )
    .unwrap();
    leftovers.bad(&["rehearse", &path("steps.yaml")], 1);
    let head = "- name: n\n  why: w\n  contract: {currency: EUR}\n  steps:\n    - {at: \"2026-03-02T09:00\", do: ";
    for (steps, expect) in [
        ("open, impact: request}", "{entries: {W77: []}}"),
        ("start_diagnosis}", "{}"),
        ("open, impact: incidnt}", "{}"),
        ("open, impact: request, duration_minutes: viel}", "{}"),
        ("open, impact: request, no_limit: vielleicht}", "{}"),
        ("open, impact: request, impact: request}", "{}"),
        ("open, impact: [request]}", "{}"),
        ("open}\n    - open", "{}"),
        ("open, impact: request}", "{}\n---\n- open"),
        ("open, impact: request}", "[]"),
        ("open, impact: request", "{}"),
        ("approve, id: A1, basis: hourly}", "{}"),
        ("open, impact: request, expect_error: {a: b}}", "{}"),
    ] {
        std::fs::write(path("steps.yaml"), format!("{head}{steps}\n  expect: {expect}\n")).unwrap();
        leftovers.bad(&["rehearse", &path("steps.yaml")], 1);
    }
    std::fs::write(path("steps.yaml"), format!("{}open}}\n  expect: {{}}\n", head.replace("2026", "1900"))).unwrap();
    leftovers.bad(&["rehearse", &path("steps.yaml")], 1);
    std::fs::write(path("binary"), b"\xff\xfe\x00").unwrap();
    for file in [path("binary"), data.path().display().to_string()] {
        leftovers.bad(&["policy", "check", &file], 1);
        leftovers.bad(&["rehearse", &file], 1);
    }
    std::fs::write(path("large.toml"), " ".repeat(300 << 10)).unwrap();
    leftovers.bad(&["policy", "check", &path("large.toml")], 1);
    let policy = include_str!("../../../policies/support.toml");
    let broken = [
        ("initial_diagnosis_minutes = 30", "initial_diagnosis_minutes = -30"),
        ("id = \"1.2\"", "id = \"1.1\""),
        ("de = \"Support und Abrechnung\"", "de = \"\""),
        ("[limits]", "[bounds]"),
        ("behaviour = [\"change_wanted\"]", "behaviour = []"),
        ("cause = [\"customizing\"] }", "cause = [\"customizing\", \"base_software\"] }"),
    ];
    for (written, otherwise) in broken {
        assert!(policy.contains(written), "{written}");
        std::fs::write(path("policy.toml"), policy.replacen(written, otherwise, 1)).unwrap();
        leftovers.bad(&["policy", "check", &path("policy.toml")], 1);
    }

    // A log that is served elsewhere, and an address that is taken.
    let server = Server::on(Path::new(&log));
    let taken = server.url.trim_start_matches("http://").to_owned();
    leftovers.bad(&["serve", "--listen", "127.0.0.1:0", "--data", &log], 1);
    leftovers.bad(&["serve", "--listen", &taken, "--data", &none], 1);
    leftovers.bad(&["rebuild", "--data", &log], 1);
    leftovers.good(&["rebuild", "--check", "--data", &log]);
    leftovers.good(&["verify", "--data", &log]);
    server.stop();
    leftovers.bad(&["serve", "--simulated-clock", "--listen", "127.0.0.1:0", "--data", &log], 1);
    leftovers.good(&["rebuild", "--data", &log]);

    // Views that are none, then a log that is none.
    for name in ["views.sqlite-wal", "views.sqlite-shm"] {
        let _ = std::fs::remove_file(Path::new(&log).join(name));
    }
    std::fs::write(Path::new(&log).join("views.sqlite"), "no views at all ".repeat(400)).unwrap();
    leftovers.bad(&["serve", "--listen", "127.0.0.1:0", "--data", &log], 1);
    leftovers.bad(&["rebuild", "--check", "--data", &log], 1);
    leftovers.bad(&["rebuild", "--data", &log], 1);
    std::fs::remove_file(Path::new(&log).join("views.sqlite")).unwrap();
    leftovers.bad(&["rebuild", "--check", "--data", &log], 1);
    leftovers.good(&["rebuild", "--data", &log]);
    std::fs::write(Path::new(&log).join("log.sqlite"), "no log at all ".repeat(400)).unwrap();
    leftovers.bad(&["serve", "--listen", "127.0.0.1:0", "--data", &log], 1);
    leftovers.bad(&["verify", "--data", &log], 1);

    // Databases that are none, or away.
    leftovers.bad(&["serve", "--listen", "127.0.0.1:0", "--database", "tickets"], 1);
    leftovers.bad(&["verify", "--database", "postgres://x@127.0.0.1:9/x"], 1);
    leftovers.bad(&["rebuild", "--database", "postgres://x@127.0.0.1:9/x"], 1);
    leftovers.bad(&["demo", "--exit", "--database", "postgres://x@127.0.0.1:9/x"], 1);
    leftovers.bad(&["database", "init", "--admin", "postgres://x@127.0.0.1:9/x"], 1);
    leftovers.bad(&["migrate", "--data", &none, "--database", "postgres://x@127.0.0.1:9/x"], 1);
    leftovers.none();
}

#[test]
fn what_a_database_complains_of_is_german_but_for_its_own_words() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let Some(database) = runtime.block_on(Database::new()) else { return };
    let url = database.url();
    let mut leftovers = Leftovers::default();
    leftovers.bad(&["verify", "--database", url], 1);
    let (place, settings) = url.split_once('?').unwrap_or((url, ""));
    leftovers.bad(&["verify", "--database", &format!("{place}_none?{settings}")], 1);
    leftovers.bad(&["rebuild", "--check", "--database", url], 1);
    leftovers.none();
}

const TICKET: &str = "3d0e6f0e-5a9c-4d5a-9a0a-6b1d1f7b1c01";

/// A contract, a ticket and some work.
fn lines() -> String {
    [
        r#"{"agreeContract":{"customerId":"acme","currencyCode":"EUR","timeZone":"Europe/Berlin","effectiveDate":"2026-01-01","terms":{"policy":"support","hourlyRate":{"amountMinor":"12000"}}}}"#.to_owned(),
        format!(r#"{{"openTicket":{{"ticketId":"{TICKET}","customerId":"acme","impact":"IMPACT_INCIDENT","subject":"Steuersatz fehlt","reference":{{"system":"desk","number":"INC-7"}},"occurredAt":"2026-03-02T09:00:00Z"}}}}"#),
        format!(r#"{{"logWork":{{"ticketId":"{TICKET}","activity":"ACTIVITY_DIAGNOSIS","performerId":"anna","from":"2026-03-02T09:00:00Z","to":"2026-03-02T09:50:00Z","occurredAt":"2026-03-02T09:50:00Z"}}}}"#),
    ]
    .join("\n")
}

#[test]
fn what_a_server_is_asked_is_answered_in_german() {
    let mut leftovers = Leftovers::default();
    let data = tempfile::tempdir().unwrap();
    let mut command = Command::new(BELEG);
    command.args(["--lang", "de", "serve", "--data"]).arg(data.path()).env("BELEG_LOG", "off");
    let server = Server::start(command);
    let url = server.url.clone();
    let asked = |arguments: &[&'static str]| -> Vec<String> {
        ["--server", &url].iter().chain(arguments).map(|one| (*one).to_owned()).collect()
    };
    let good = |leftovers: &mut Leftovers, arguments: &[&'static str]| {
        let asked = asked(arguments);
        leftovers.good(&asked.iter().map(String::as_str).collect::<Vec<_>>());
    };
    let status = leftovers.good(&["--server", &url, "status"]);
    assert!(status.lines().any(|line| line.starts_with("Uhr ") && line.ends_with(" die des Rechners")), "{status}");
    good(&mut leftovers, &["policy", "list"]);
    good(&mut leftovers, &["policy", "publish"]);
    good(&mut leftovers, &["policy", "publish"]);
    let file = data.path().join("lines.jsonl");
    std::fs::write(&file, lines()).unwrap();
    let file = file.display().to_string();
    leftovers.good(&["--server", &url, "import", &file]);
    leftovers.good(&["--server", &url, "import", &file]);
    for arguments in [
        &["status"][..],
        &["policy", "list"],
        &["policy", "show"],
        &["policy", "show", "--version", "1"],
        &["ticket", "list"],
        &["ticket", "show", "desk/INC-7"],
        &["ticket", "show", TICKET, "--about", "2026-03-02T09:10"],
        &["ticket", "history", "desk/INC-7"],
        &["ticket", "cost", "desk/INC-7"],
        &["ledger", "list"],
        &["ledger", "list", "--as-of-position", "4"],
        &["ledger", "explain", "1"],
        &["ledger", "explain", "2"],
        &["ledger", "balances", "--by", "customer,ticket,account,rule"],
    ] {
        good(&mut leftovers, arguments);
    }
    for (refused, code) in [
        (&["ticket", "show", "desk/none"][..], 1),
        (&["ticket", "show", "x"], 2),
        (&["ticket", "show", "00000000-0000-0000-0000-000000000000"], 2),
        (&["ledger", "explain", "99"], 1),
        (&["policy", "show", "none"], 1),
    ] {
        leftovers.bad(&[&["--server", &url], refused].concat(), code);
    }
    let bad = data.path().join("bad.jsonl");
    std::fs::write(&bad, "{}\n{\"deleteWork\": {}}\n{\"logWork\": 3}\nnope\n{\"actor\": 3}\n").unwrap();
    leftovers.bad(&["--server", &url, "import", &bad.display().to_string()], 1);
    std::fs::write(&bad, "number,incident_state,active\nINC1,New,true\n").unwrap();
    leftovers.bad(&["--server", &url, "import", &bad.display().to_string()], 1);
    leftovers.bad(&["--server", &url, "import", "--format", "servicenow", &bad.display().to_string()], 1);
    leftovers.bad(&["--server", &url, "import", "/none"], 1);
    server.stop();
    let place = data.path().display().to_string();
    leftovers.good(&["verify", "--data", &place]);
    leftovers.good(&["rebuild", "--check", "--data", &place]);
    leftovers.good(&["rebuild", "--data", &place]);
    leftovers.bad(&["--server", &url, "status"], 1);
    leftovers.none();
}

/// Changes a file of SQLite past everything that forbids it.
fn tamper(file: &Path, statement: &'static str) {
    use sqlx::{Connection as _, Row as _};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
        let mut shell = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        let triggers = sqlx::query("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetch_all(&mut shell).await;
        for trigger in triggers.unwrap() {
            let drop = format!("DROP TRIGGER {}", trigger.get::<String, _>(0));
            sqlx::raw_sql(sqlx::AssertSqlSafe(drop)).execute(&mut shell).await.unwrap();
        }
        assert_eq!(sqlx::query(statement).execute(&mut shell).await.unwrap().rows_affected(), 1, "{statement}");
        shell.close().await.unwrap();
    });
}

#[test]
fn what_audits_find_is_german() {
    let mut leftovers = Leftovers::default();
    let data = tempfile::tempdir().unwrap();
    let server = Server::on(data.path());
    leftovers.good(&["--server", &server.url, "policy", "publish"]);
    let file = data.path().join("lines.jsonl");
    std::fs::write(&file, lines()).unwrap();
    leftovers.good(&["--server", &server.url, "import", &file.display().to_string()]);
    server.stop();
    let place = data.path().display().to_string();
    let found = |leftovers: &mut Leftovers, arguments: &[&str], words: &[&str]| {
        let output = leftovers.look(arguments);
        let said = both(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        for word in words {
            assert!(said.lines().any(|line| line.contains(word)), "{arguments:?}: {word:?} in {said}");
        }
    };

    tamper(&data.path().join("views.sqlite"), "UPDATE entries SET worked_seconds = 1801 WHERE worked_seconds = 1800");
    let sides = ["entries nur in den bisherigen Sichten: ", "entries nur in neu aufgebauten Sichten: "];
    found(&mut leftovers, &["rebuild", "--check", "--data", &place], &sides);
    found(&mut leftovers, &["rebuild", "--data", &place], &sides);
    leftovers.good(&["rebuild", "--check", "--data", &place]);

    let log = data.path().join("log.sqlite");
    tamper(
        &log,
        "UPDATE events SET payload = replace(payload, '\"worked_seconds\":1800', '\"worked_seconds\":1801') \
         WHERE event_type = 'work_assessed'",
    );
    let changed =
        ["ist nicht das, dessen Prüfsumme gebildet wurde", " sagt: 1801 s free.", "aus den Tatsachen folgt: 1800 s"];
    found(&mut leftovers, &["verify", "--data", &place], &changed);
    // Programs read the same findings in English.
    let told = both(&run(&["--output", "json", "verify", "--data", &place]));
    assert!(told.contains("its facts give: 1800 s free."), "{told}");

    tamper(&log, "DELETE FROM events WHERE event_type = 'work_logged'");
    let missing = ["steht kein Ereignis", "  vielleicht nur deshalb: "];
    found(&mut leftovers, &["verify", "--data", &place], &missing);
    leftovers.none();
}

#[test]
fn demo_rehearsals_and_policies_speak_german() {
    let mut leftovers = Leftovers::default();
    let demo = leftovers.good(&["demo", "--exit"]);
    for words in
        ["Befund: weicht ab, Customizing, reproduzierbar: nein", "Dauerfreigabe für Service Requests, 60 Minuten"]
    {
        assert!(demo.contains(words), "{words:?} in {demo}");
    }
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    leftovers.good(&["rehearse", &format!("{root}/tests/rehearsals/quotes.yaml")]);
    leftovers.good(&["policy", "check", &format!("{root}/policies/support.toml")]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wrong.toml").display().to_string();
    let policy = include_str!("../../../policies/support.toml").replace("[\"no\", \"not_tested\"]", "[\"not_tested\"]");
    std::fs::write(&file, policy.replace("Support und Abrechnung", "Support\\u001b[31m")).unwrap();
    leftovers.bad(&["policy", "check", &file], 1);
    // No server is asked.
    leftovers.bad(&["--server", "http://127.0.0.1:1", "policy", "publish", &file], 1);
    leftovers.bad(&["rehearse", &format!("{root}/tests/rehearsals/quotes.yaml"), "--policy", &file], 1);
    leftovers.none();
}
