//! What the program says, in which form and with which exit code.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

const BELEG: &str = env!("CARGO_BIN_EXE_beleg");

/// A server of a test, ended with it.
struct Served {
    server: Child,
    url: String,
    data: tempfile::TempDir,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn serve() -> Served {
    let data = tempfile::tempdir().unwrap();
    let mut server = Command::new(BELEG)
        .args(["--lang", "en", "serve", "--allow-import", "--listen", "127.0.0.1:0", "--data"])
        .arg(data.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
    Served { server, url: url.trim_end_matches(';').to_owned(), data }
}

impl Served {
    fn beleg(&self, arguments: &[&str]) -> Output {
        beleg(&[&["--server", &self.url], arguments].concat())
    }

    /// A policy, a contract, and one ticket with a minute of work that costs.
    fn with_a_ticket() -> Self {
        let served = serve();
        assert!(served.beleg(&["policy", "publish"]).status.success());
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), TICKET).unwrap();
        let imported = served.import(file.path(), &[]);
        assert!(imported.status.success(), "{}{}", out(&imported), err(&imported));
        served.wait_for_views();
        served
    }

    /// Lists and the ledger follow the log; what was imported must be in them.
    fn wait_for_views(&self) {
        for _ in 0..200 {
            let status: serde_json::Value =
                serde_json::from_str(&out(&self.beleg(&["--output", "json", "status"]))).unwrap();
            if status["position"] == status["viewsPosition"] {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        panic!("the views do not follow");
    }

    fn import(&self, file: &Path, options: &[&str]) -> Output {
        let file = file.display().to_string();
        self.beleg(&[&["--lang", "en", "import", &file], options].concat())
    }
}

const TICKET: &str = r#"{"agreeContract":{"customerId":"acme","currencyCode":"EUR","timeZone":"Europe/Berlin","effectiveDate":"2026-01-01","terms":{"policy":"support","hourlyRate":{"amountMinor":"12000"}}}}
{"openTicket":{"ticketId":"3d0e6f0e-5a9c-4d5a-9a0a-6b1d1f7b1c01","customerId":"acme","impact":"IMPACT_INCIDENT","subject":"lacks tax","reference":{"system":"desk","number":"INC/7"},"occurredAt":"2026-03-02T09:00:00Z"}}
{"logWork":{"ticketId":"3d0e6f0e-5a9c-4d5a-9a0a-6b1d1f7b1c01","activity":"ACTIVITY_DIAGNOSIS","performerId":"anna","from":"2026-03-02T09:00:00Z","to":"2026-03-02T09:10:00Z","occurredAt":"2026-03-02T09:10:00Z"}}
"#;

fn beleg(arguments: &[&str]) -> Output {
    Command::new(BELEG).args(arguments).env("LC_ALL", "C").output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn error_of(output: &Output) -> serde_json::Value {
    serde_json::from_str(&err(output)).unwrap_or_else(|error| panic!("{error}: {:?}", err(output)))
}

#[test]
fn errors_are_one_json_object_where_json_is_asked_for() {
    for wrong in [
        &["--output", "json", "ticket", "shwo"][..],
        &["--output=json", "ledger", "list", "--limit", "many"],
        &["ticket", "--output", "json"],
        &["--output", "json", "rebuild"],
        &["--output", "json", "ticket", "show", "nothing"],
    ] {
        let said = beleg(wrong);
        assert_eq!(said.status.code(), Some(2), "{wrong:?}");
        let error = error_of(&said);
        assert_eq!(error["code"], "USAGE", "{error}");
        assert!(!error["message"].as_str().unwrap().is_empty() && error["hint"].is_string(), "{error}");
    }
    let nobody = beleg(&["--output", "json", "--server", "http://127.0.0.1:1", "status"]);
    assert_eq!(nobody.status.code(), Some(1));
    let error = error_of(&nobody);
    assert_eq!(error["code"], "NO_SERVER");
    assert!(error["hint"].as_str().unwrap().contains("beleg serve"), "{error}");
    let missing = beleg(&["--output", "json", "policy", "check", "no-such-file"]);
    assert_eq!(error_of(&missing)["code"], "FILE");
}

/// Listens like some other program: answers whatever comes with these bytes, and hangs up.
fn other_program(answer: &'static [u8]) -> String {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            // What the other side thinks of it is its own matter.
            let _ = connection.read(&mut [0; 1024]);
            let _ = connection.write_all(answer);
        }
    });
    url
}

#[test]
fn what_listens_and_is_no_server_of_belegs_is_told_as_that() {
    let web = other_program(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let silent = other_program(b"");
    for url in [&web, &silent] {
        for command in [["status"].as_slice(), &["ticket", "list"]] {
            for (lang, words) in [("en", "does not speak gRPC"), ("de", "spricht kein gRPC")] {
                let said = beleg(&[&["--lang", lang, "--server", url], command].concat());
                assert_eq!(said.status.code(), Some(1), "{}", err(&said));
                assert!(err(&said).contains(words) && err(&said).contains(url.as_str()), "{}", err(&said));
            }
        }
        let error = error_of(&beleg(&["--output", "json", "--server", url, "status"]));
        assert_eq!(error["code"], "NO_SERVER", "{error}");
    }
}

#[test]
fn a_refusal_as_json_has_code_and_reason() {
    let served = serve();
    let unknown = served.beleg(&["--output", "json", "ticket", "show", "desk/none"]);
    let error = error_of(&unknown);
    assert_eq!((&error["code"], &error["reason"]), (&"NOT_FOUND".into(), &"TICKET_UNKNOWN".into()), "{error}");
}

#[test]
fn server_and_actor_are_refused_where_they_mean_nothing() {
    for command in [&["rebuild", "--data", "x"][..], &["verify", "--data", "x"], &["demo", "--exit"], &["serve"]] {
        for option in [["--server", "http://127.0.0.1:9"], ["--actor", "me"]] {
            let said = beleg(&[command, &option].concat());
            assert_eq!(said.status.code(), Some(2), "{command:?} {option:?}: {}", err(&said));
            assert!(err(&said).contains(option[0]), "{}", err(&said));
        }
    }
}

#[test]
fn an_import_says_how_many_troubles_it_leaves_out() {
    let served = serve();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "{}\n".repeat(25)).unwrap();
    let said = served.import(file.path(), &["--output", "json"]);
    assert_eq!(said.status.code(), Some(1));
    let document: serde_json::Value = serde_json::from_str(&out(&said)).unwrap();
    let lines: Vec<u64> =
        document["troubles"].as_array().unwrap().iter().map(|one| one["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, (1..=20).collect::<Vec<u64>>());
    assert_eq!(document["troublesLeftOut"], 5);
    assert_eq!(err(&said), "", "as JSON the troubles stand in the document");
}

#[test]
fn an_import_that_would_overwrite_its_own_file_is_refused_and_the_file_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (file, link, twin) = (path("lines.jsonl"), path("link"), path("twin"));
    std::fs::write(&file, TICKET).unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    std::fs::hard_link(&file, &twin).unwrap();
    for (read, written) in [(&file, &file), (&file, &link), (&link, &file), (&file, &twin)] {
        // No server is asked.
        let refused = beleg(&["--lang", "en", "--server", "http://127.0.0.1:1", "import", read, "--errors", written]);
        assert_eq!(refused.status.code(), Some(2), "{}", err(&refused));
        assert!(err(&refused).contains("the file to be imported"), "{}", err(&refused));
    }
    let piped = Command::new(BELEG)
        .args(["--lang", "en", "--server", "http://127.0.0.1:1", "import", "-", "--errors", &file])
        .stdin(std::fs::File::open(&file).unwrap())
        .output()
        .unwrap();
    assert_eq!(piped.status.code(), Some(2), "{}", err(&piped));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), TICKET);
}

#[test]
fn an_import_that_cannot_begin_keeps_the_troubles_of_the_one_before() {
    let served = serve();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (none, table, errors) = (path("none"), path("table.csv"), path("errors.jsonl"));
    std::fs::write(&table, "number,incident_state,active\nINC1,New,true\n").unwrap();
    std::fs::write(&errors, "of an earlier run").unwrap();
    for format in ["jsonl", "servicenow"] {
        for file in [&none, &table] {
            let said = served.import(Path::new(file), &["--format", format, "--errors", &errors]);
            assert_eq!(said.status.code(), Some(1), "{format} {file}: {}", err(&said));
            assert_eq!(std::fs::read_to_string(&errors).unwrap(), "of an earlier run", "{format} {file}");
        }
    }
    // And one that begins writes them anew.
    std::fs::write(&table, "{}\n").unwrap();
    assert_eq!(served.import(Path::new(&table), &["--errors", &errors]).status.code(), Some(1));
    let written: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&errors).unwrap()).unwrap();
    assert_eq!(written["line"], 1);
}

/// Standard errors that take nothing: one is full, the other one's reader has gone.
fn deaf() -> [Stdio; 2] {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    [full.into(), writer.into()]
}

#[test]
fn what_cannot_be_said_on_standard_error_changes_no_exit_code() {
    let served = serve();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "{}\n".repeat(25)).unwrap();
    let file = file.path().display().to_string();
    for (arguments, code, printed) in [
        (&["--lang", "de", "ticket", "shwo"][..], 2, ""),
        (&["--lang", "en", "ticket", "shwo"], 2, ""),
        (&["--output", "json", "ticket", "shwo"], 2, ""),
        (&["--lang", "en", "--server", "http://127.0.0.1:1", "status"], 1, ""),
        (&["--output", "json", "--server", "http://127.0.0.1:1", "status"], 1, ""),
        (&["--lang", "en", "--server", &served.url, "import", &file], 1, "25 lines unreadable"),
    ] {
        for stderr in deaf() {
            let ended = Command::new(BELEG).args(arguments).env("LC_ALL", "C").stderr(stderr).output().unwrap();
            assert_eq!(ended.status.code(), Some(code), "{arguments:?}");
            assert!(out(&ended).contains(printed), "{arguments:?}: {}", out(&ended));
        }
    }
}

#[test]
fn a_demo_that_serves_on_says_where_as_json_too() {
    let mut demo = Command::new(BELEG)
        .args(["--output", "json", "demo"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stream =
        serde_json::Deserializer::from_reader(demo.stdout.take().unwrap()).into_iter::<serde_json::Value>();
    let document = stream.next().unwrap().unwrap();
    let url = document["url"].as_str().unwrap().to_owned();
    let status = beleg(&["--server", &url, "status"]);
    demo.kill().unwrap();
    demo.wait().unwrap();
    assert!(status.status.success(), "{url}: {}", err(&status));
    let ended = beleg(&["--output", "json", "demo", "--exit"]);
    let document: serde_json::Value = serde_json::from_str(&out(&ended)).unwrap();
    assert!(document["url"].is_null());
}

#[test]
fn a_policy_is_checked_without_a_server_and_published_twice_without_harm() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/support.toml").display().to_string();
    let checked = beleg(&["--lang", "en", "policy", "check", &file]);
    assert!(checked.status.success() && out(&checked).contains("may be published"), "{}", err(&checked));
    let served = serve();
    assert!(served.beleg(&["policy", "publish", &file]).status.success());
    let again = served.beleg(&["--lang", "en", "policy", "publish"]);
    assert!(again.status.success(), "{}", err(&again));
    assert!(out(&again).contains("support v1 says the same"), "{}", out(&again));
    let json = served.beleg(&["--output", "json", "policy", "publish"]);
    let document: serde_json::Value = serde_json::from_str(&out(&json)).unwrap();
    assert_eq!(document["policy"]["version"], "1");
}

#[test]
fn a_published_table_shows_what_decides() {
    let served = serve();
    assert!(served.beleg(&["policy", "publish"]).status.success());
    let shown = out(&served.beleg(&["--lang", "en", "policy", "show"]));
    let row = |said: &str, words: &[&str]| said.lines().any(|line| words.iter().all(|word| line.contains(word)));
    for words in [
        // Two rows of one rule and class, told apart.
        &["classify.undetermined", "behaviour: deviates; cause: none_found", "withheld.unclassified"][..],
        &["classify.undetermined", "reproducible: no / not_tested; security-relevant: no", "withheld.unclassified"],
        &["classify.service-request", "billable.individual-service; customer_side: billable.customer-side-cause"],
        &["classify.service-request", "third_party: billable.third-party-cause"],
    ] {
        assert!(row(&shown, words), "{words:?} in {shown}");
    }
    let german = out(&served.beleg(&["--lang", "de", "policy", "show"]));
    let words = ["Verhalten: weicht ab; Ursache: Basis-Software", "sicherheitsrelevant: ja", "free.security-fault"];
    assert!(row(&german, &words), "{german}");
    assert!(german.contains("beim Kunden: billable.customer-side-cause"), "{german}");

    let json = served.beleg(&["--output", "json", "policy", "show"]);
    let document: serde_json::Value = serde_json::from_str(&out(&json)).unwrap();
    let rows = document["classifications"].as_array().unwrap();
    let row = |rule: &str| rows.iter().rfind(|row| row["rule"] == rule).unwrap();
    let undetermined = serde_json::json!({
        "behaviours": ["deviates"], "causes": ["base_software"], "reproducible": ["no", "not_tested"],
        "securityRelevant": [false],
    });
    assert_eq!(row("classify.undetermined")["when"], undetermined);
    let service = row("classify.service-request");
    assert_eq!(service["when"], serde_json::json!({ "behaviours": ["conforms"] }));
    let by_cause = serde_json::json!([
        { "cause": "customer_side", "charge": "billable.customer-side-cause" },
        { "cause": "third_party", "charge": "billable.third-party-cause" },
    ]);
    assert_eq!(service["chargeByCause"], by_cause);
}

#[test]
fn a_version_is_shown_of_the_policy_published_most_lately_where_none_is_named() {
    let served = serve();
    let unpublished = served.beleg(&["--lang", "en", "policy", "show", "--version", "1"]);
    assert!(err(&unpublished).contains("no policy is published"), "{}", err(&unpublished));
    assert!(served.beleg(&["policy", "publish"]).status.success());
    let shown = served.beleg(&["--lang", "en", "policy", "show", "--version", "1"]);
    assert!(shown.status.success() && out(&shown).contains("support v1"), "{}{}", out(&shown), err(&shown));
    let named = served.beleg(&["--lang", "en", "policy", "show", "support", "--version", "1"]);
    assert_eq!(out(&named), out(&shown));
    let unknown = served.beleg(&["--lang", "en", "policy", "show", "--version", "2"]);
    assert_eq!(unknown.status.code(), Some(1));
}

#[test]
fn a_policy_that_may_not_be_published_is_told_as_it_is_checked_and_no_server_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wrong.toml").display().to_string();
    let policy = include_str!("../../../policies/support.toml");
    let (title, days) = ("en = \"Support and billing\"", "late_work_days = 35");
    assert!(policy.contains(title) && policy.contains(days));
    let policy = policy.replace(title, "en = \"\\u001b[31mSupport\"").replace(days, "late_work_days = -1");
    std::fs::write(&file, policy).unwrap();
    for (lang, days, title) in [
        (
            "en",
            "  limits.late_work_days is -1; expected 0 to 3660",
            "  title: the text \"en\" holds the control character U+001B",
        ),
        (
            "de",
            "  limits.late_work_days ist -1; erwartet ist 0 bis 3660",
            "  Titel (title): der englische Text (en) enthält das Steuerzeichen U+001B",
        ),
    ] {
        let checked = beleg(&["--lang", lang, "policy", "check", &file]);
        let published = beleg(&["--lang", lang, "--server", "http://127.0.0.1:1", "policy", "publish", &file]);
        assert_eq!((checked.status.code(), published.status.code()), (Some(1), Some(1)));
        for said in [out(&checked), err(&published)] {
            let lines: Vec<&str> = said.lines().collect();
            assert_eq!(lines.len(), 3, "{said}");
            assert!(lines[1].starts_with(days) && lines[2].starts_with(title), "{said}");
            assert!(!said.contains('\u{1b}'), "{said:?}");
        }
    }
    let published = beleg(&["--output", "json", "--server", "http://127.0.0.1:1", "policy", "publish", &file]);
    let error = error_of(&published);
    assert_eq!(error["code"], "MALFORMED", "{error}");
    assert_eq!(error["problems"].as_array().unwrap().len(), 2, "{error}");
}

#[test]
fn what_is_no_text_is_told_as_that() {
    let folder = tempfile::tempdir().unwrap();
    let binary = folder.path().join("bin.toml").display().to_string();
    std::fs::write(&binary, b"\xff\xfe\x00").unwrap();
    let directory = folder.path().display().to_string();
    for file in [&binary, &directory] {
        for (command, lang, hint) in [
            (&["policy", "check"][..], "en", "a policy is a text file in TOML"),
            (&["policy", "check"], "de", "Eine Richtlinie ist eine Textdatei in TOML"),
            (&["policy", "publish"], "en", "a policy is a text file in TOML"),
            (&["rehearse"], "en", "scenarios are a text file in YAML"),
            (&["rehearse"], "de", "Szenarien stehen in einer Textdatei in YAML"),
        ] {
            let said = beleg(&[&["--lang", lang][..], command, &[file.as_str()]].concat());
            assert_eq!(said.status.code(), Some(1));
            let said = err(&said);
            assert!(said.contains(file.as_str()) && said.contains(hint), "{said}");
            assert!(!said.contains("permissions") && !said.contains("Rechte"), "{said}");
        }
    }
    let json = error_of(&beleg(&["--output", "json", "policy", "check", &binary]));
    assert_eq!((&json["code"], json["hint"].is_string()), (&"FILE".into(), true), "{json}");
}

#[test]
fn a_ticket_with_a_contract_can_be_imported_and_shown() {
    let served = Served::with_a_ticket();
    let shown = served.beleg(&["--lang", "en", "ticket", "show", "desk/INC/7"]);
    assert!(shown.status.success() && out(&shown).contains("desk/INC/7"), "{}{}", out(&shown), err(&shown));
}

#[test]
fn a_slash_in_a_references_system_is_refused_and_in_its_number_taken() {
    let served = Served::with_a_ticket();
    let file = tempfile::NamedTempFile::new().unwrap();
    let line = TICKET.lines().nth(1).unwrap().replace("desk", "de/sk").replace("1c01", "1c02");
    std::fs::write(file.path(), line).unwrap();
    let refused = served.import(file.path(), &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(err(&refused).contains("reference.system contains a slash"), "{}", err(&refused));
    let shown = served.beleg(&["ticket", "show", "desk/INC/7"]);
    assert!(shown.status.success(), "{}", err(&shown));
}

#[test]
fn a_preview_is_told_in_the_readers_language() {
    let served = Served::with_a_ticket();
    let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
    let [from, to] = [now - chrono::TimeDelta::hours(1), now].map(|at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string());
    let preview = |lang: &str, more: &[&str]| {
        let asked = ["--lang", lang, "ticket", "preview", "desk/INC/7", "--activity", "execution", "--by", "ben"];
        served.beleg(&[&asked[..], &["--from", &from, "--to", &to], more].concat())
    };
    for (lang, words) in [
        ("de", "Nicht berechnet: 1:00:00 übernommen (withheld.unclassified): Eröffnung 2026-03-02T09:00:00Z"),
        ("en", "not billable: 1:00:00 withheld (withheld.unclassified): opening 2026-03-02T09:00:00Z"),
    ] {
        let said = preview(lang, &[]);
        assert!(out(&said).lines().any(|line| line == words), "{words:?} in {}{}", out(&said), err(&said));
    }
    assert!(preview("en", &["--duration-minutes", "60"]).status.success());
    for (lang, words) in [("de", "als der Zeitraum hat: 60 Minuten"), ("en", "than the window has: 60 minutes")] {
        let refused = preview(lang, &["--duration-minutes", "90"]);
        assert_eq!(refused.status.code(), Some(2), "{}", err(&refused));
        assert!(err(&refused).contains("--duration-minutes 90") && err(&refused).contains(words), "{}", err(&refused));
    }
}

#[test]
fn work_that_is_too_late_names_its_end_and_days() {
    let served = Served::with_a_ticket();
    let window = ["--from", "2026-03-02T09:00", "--to", "2026-03-02T09:30"];
    let asked = ["--output", "json", "ticket", "preview", "desk/INC/7", "--activity", "diagnosis", "--by", "anna"];
    let said = served.beleg(&[&asked[..], &window].concat());
    let error = error_of(&said);
    assert_eq!(error["reason"], "TOO_LATE", "{error}");
    assert!(error["message"].as_str().unwrap().contains("35 days"), "{error}");
    assert_eq!(error["violations"][0]["subject"], "to", "{error}");
}

#[test]
fn german_is_german_in_tables_amounts_and_refusals() {
    let served = Served::with_a_ticket();
    let ledger = served.beleg(&["--lang", "de", "ledger", "list"]);
    assert!(out(&ledger).contains("kostenfrei") && out(&ledger).contains("0,00 EUR"), "{}", out(&ledger));
    let shown = served.beleg(&["--lang", "de", "ticket", "show", "desk/INC/7"]);
    assert!(out(&shown).contains("Störung") && out(&shown).contains("offen"), "{}", out(&shown));
    let refused = served.beleg(&["--lang", "de", "ticket", "show", "desk/none"]);
    let said = err(&refused);
    assert!(said.contains("Dieses Ticket gibt es nicht.") && said.contains("desk/none"), "{said}");
    assert!(said.contains("\n  Wo: ticket_id\n"), "{said}");
    let refused = err(&served.beleg(&["--lang", "en", "ticket", "show", "desk/none"]));
    assert!(refused.contains("\n  where: ticket_id\n"), "{refused}");
    let file = tempfile::NamedTempFile::new().unwrap();
    let unknown = r#"{"resolveTicket":{"ticketId":"3d0e6f0e-5a9c-4d5a-9a0a-6b1d1f7b1c99"}}"#;
    std::fs::write(file.path(), unknown).unwrap();
    let imported = served.beleg(&["--lang", "de", "import", &file.path().display().to_string()]);
    assert!(err(&imported).contains("Zeile 1: Dieses Ticket gibt es nicht."), "{}", err(&imported));
    let english = served.beleg(&["--lang", "en", "ledger", "list"]);
    assert!(out(&english).contains("free") && out(&english).contains("0.00 EUR"), "{}", out(&english));
}

#[test]
fn tickets_are_listed_and_their_history_is_told() {
    let served = Served::with_a_ticket();
    let listed = served.beleg(&["--lang", "en", "ticket", "list", "--customer", "acme", "--status", "open"]);
    assert!(
        out(&listed).contains("desk/INC/7") && out(&listed).contains("1 ticket;"),
        "{}{}",
        out(&listed),
        err(&listed)
    );
    let none = served.beleg(&["--lang", "en", "ticket", "list", "--status", "closed"]);
    assert!(!out(&none).contains("desk/INC/7") && out(&none).contains("0 tickets"), "{}", out(&none));
    let history = served.beleg(&["--lang", "en", "ticket", "history", "desk/INC/7"]);
    for told in ["acme, incident", "diagnosis, anna, 0:10:00", "free 0:10:00", "import:jsonl"] {
        assert!(out(&history).contains(told), "{told}: {}", out(&history));
    }
    let shown = served.beleg(&["--lang", "en", "ticket", "show", "desk/INC/7"]);
    assert!(out(&shown).contains("import:jsonl"), "{}", out(&shown));
}

/// More of the ticket: what was offered and released, and half a minute of work.
const OFFERS: &str = r#"{"recordFindings":{"ticketId":"3d0e6f0e-5a9c-4d5a-9a0a-6b1d1f7b1c01","findings":{"behaviour":"BEHAVIOUR_DEVIATES","cause":"FAULT_CAUSE_CUSTOMIZING","reproducibleInStandard":"REPRODUCIBLE_NO"},"occurredAt":"2026-03-02T09:10:00Z"}}
{"informCustomer":{"ticketId":"3d0e6f0e-5a9c-4d5a-9a0a-6b1d1f7b1c01","informationId":"3d0e6f0e-5a9c-4d5a-9a0a-6b1d1f7b1c11","estimateMinutes":"120","occurredAt":"2026-03-02T09:15:00Z"}}
{"giveApproval":{"ticketId":"3d0e6f0e-5a9c-4d5a-9a0a-6b1d1f7b1c01","informationId":"3d0e6f0e-5a9c-4d5a-9a0a-6b1d1f7b1c11","basis":"BASIS_HOURLY","limit":{"money":{"currencyCode":"EUR","amountMinor":"30000"}},"occurredAt":"2026-03-02T09:20:00Z"}}
{"informCustomer":{"ticketId":"3d0e6f0e-5a9c-4d5a-9a0a-6b1d1f7b1c01","quote":{"currencyCode":"EUR","amountMinor":"123456789"},"occurredAt":"2026-03-02T09:25:00Z"}}
{"logWork":{"ticketId":"3d0e6f0e-5a9c-4d5a-9a0a-6b1d1f7b1c01","activity":"ACTIVITY_EXECUTION","performerId":"ben","from":"2026-03-02T11:00:10Z","to":"2026-03-02T11:00:40Z","occurredAt":"2026-03-02T11:01:00Z"}}
"#;

#[test]
fn offers_limits_and_seconds_are_told_as_what_they_are() {
    let served = Served::with_a_ticket();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), OFFERS).unwrap();
    let imported = served.import(file.path(), &[]);
    assert!(imported.status.success(), "{}{}", out(&imported), err(&imported));
    for (lang, estimate, quote, limit) in [
        ("en", "estimate 2:00:00", "quote 1234567.89 EUR", "hourly, 300.00 EUR"),
        ("de", "Schätzung 2:00:00", "Angebot 1234567,89 EUR", "nach Stunden, 300,00 EUR"),
    ] {
        let history = out(&served.beleg(&["--lang", lang, "ticket", "history", "desk/INC/7"]));
        for told in [estimate, quote, limit] {
            assert!(history.contains(told), "{told}: {history}");
        }
        let shown = out(&served.beleg(&["--lang", lang, "ticket", "show", "desk/INC/7"]));
        for told in [estimate, quote, "11:00:10–11:00:40", "09:00–09:10"] {
            assert!(shown.contains(told), "{told}: {shown}");
        }
    }
    let shown = out(&served.beleg(&["--lang", "de", "ticket", "show", "desk/INC/7"]));
    assert!(shown.contains("Aufwand oder Preis"), "an estimate is no Angebot: {shown}");
}

#[test]
fn the_ledger_is_listed_as_it_was_known() {
    let served = Served::with_a_ticket();
    let now = served.beleg(&["--lang", "en", "ledger", "list"]);
    assert!(out(&now).contains("1 entry;"), "{}", out(&now));
    let ticket = "3d0e6f0e-5a9c-4d5a-9a0a-6b1d1f7b1c01";
    assert!(out(&now).contains(ticket), "what is shown can be asked for: {}", out(&now));
    assert!(served.beleg(&["ticket", "show", ticket]).status.success());
    let before = served.beleg(&["--lang", "en", "ledger", "list", "--as-of", "2020-01-01"]);
    assert!(out(&before).contains("0 entries; as of position 0"), "{}{}", out(&before), err(&before));
    let position = served.beleg(&["--lang", "en", "ledger", "list", "--as-of-position", "2"]);
    assert!(out(&position).contains("0 entries; as of position 2"), "{}{}", out(&position), err(&position));
    let json = served.beleg(&["--output", "json", "ledger", "list", "--as-of-position", "2"]);
    let document: serde_json::Value = serde_json::from_str(&out(&json)).unwrap();
    assert_eq!(document["position"], "2", "{document}");
}

#[test]
fn a_byte_order_mark_is_passed_over_and_what_is_no_json_is_told_apart() {
    let served = Served::with_a_ticket();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("\u{feff}{TICKET}")).unwrap();
    let marked = served.import(file.path(), &[]);
    assert!(
        marked.status.success() && out(&marked).contains("3 were already there"),
        "{}{}",
        out(&marked),
        err(&marked)
    );

    std::fs::write(file.path(), "number,incident_state,active\nINC1,New,true\nINC1,Closed,true\n").unwrap();
    let table = served.import(file.path(), &[]);
    assert_eq!(table.status.code(), Some(1));
    assert!(err(&table).contains("--format servicenow") && !err(&table).contains("line 2"), "{}", err(&table));

    std::fs::write(file.path(), b"\x28\xb5\x2f\xfd rest").unwrap();
    for format in ["jsonl", "servicenow"] {
        let packed = served.import(file.path(), &["--format", format]);
        assert_eq!(packed.status.code(), Some(1));
        assert!(err(&packed).contains("zstd -dc"), "{}", err(&packed));
    }
}

/// A log that was served once, and its directory.
fn kept() -> tempfile::TempDir {
    let mut served = Served::with_a_ticket();
    served.server.kill().unwrap();
    served.server.wait().unwrap();
    std::mem::replace(&mut served.data, tempfile::tempdir().unwrap())
}

fn serve_again(data: &Path) -> Output {
    Command::new(BELEG).args(["--lang", "en", "serve", "--listen", "127.0.0.1:0", "--data"]).arg(data).output().unwrap()
}

#[test]
fn a_log_that_may_not_be_written_is_noticed_when_it_is_opened() {
    let data = kept();
    let log = data.path().join("log.sqlite");
    let mut permissions = log.metadata().unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&log, permissions).unwrap();
    let refused = serve_again(data.path());
    assert_eq!(refused.status.code(), Some(1));
    let said = err(&refused);
    assert!(said.contains("log.sqlite may not be written") && said.contains("chmod"), "{said}");
}

#[test]
fn damaged_views_are_told_with_their_remedy_which_helps() {
    let data = kept();
    for name in ["views.sqlite-wal", "views.sqlite-shm"] {
        let _ = std::fs::remove_file(data.path().join(name));
    }
    std::fs::write(data.path().join("views.sqlite"), "no views at all, but of some length".repeat(400)).unwrap();
    let refused = serve_again(data.path());
    assert_eq!(refused.status.code(), Some(1));
    assert!(err(&refused).contains("beleg rebuild"), "{}", err(&refused));
    let directory = data.path().display().to_string();
    let checked = beleg(&["--lang", "en", "rebuild", "--check", "--data", &directory]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(err(&checked).contains("beleg rebuild"), "{}", err(&checked));
    let rebuilt = beleg(&["--lang", "en", "rebuild", "--data", &directory]);
    assert!(out(&rebuilt).contains("views rebuilt"), "{}{}", out(&rebuilt), err(&rebuilt));
    let checked = beleg(&["--lang", "en", "rebuild", "--check", "--data", &directory]);
    assert!(checked.status.success(), "{}{}", out(&checked), err(&checked));
}

/// Takes one event out of a log, past everything that forbids it.
async fn lose(data: &Path, event_type: &str) -> i64 {
    use sqlx::{Connection as _, Row as _};
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(data.join("log.sqlite"));
    let mut shell = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    let triggers = sqlx::query("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetch_all(&mut shell).await;
    for trigger in triggers.unwrap() {
        let drop = format!("DROP TRIGGER {}", trigger.get::<String, _>(0));
        sqlx::raw_sql(sqlx::AssertSqlSafe(drop)).execute(&mut shell).await.unwrap();
    }
    let lost = sqlx::query("DELETE FROM events WHERE event_type = ? RETURNING position").bind(event_type);
    let position = lost.fetch_one(&mut shell).await.unwrap().get(0);
    shell.close().await.unwrap();
    position
}

#[tokio::test]
async fn what_follows_from_a_lost_event_stands_under_it() {
    let data = kept();
    let position = lose(data.path(), "work_logged").await;
    let directory = data.path().display().to_string();
    let verified = beleg(&["--lang", "en", "verify", "--data", &directory]);
    assert_eq!(verified.status.code(), Some(1), "{}", err(&verified));
    let said = out(&verified);
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines[0], format!("there is no event at position {position}"), "{said}");
    let (following, sum) = lines[1..].split_at(lines.len() - 2);
    assert!(!following.is_empty() && following.iter().all(|line| line.starts_with("  perhaps only")), "{said}");
    assert!(sum[0].contains("differences"), "{said}");

    let checked = beleg(&["--lang", "en", "rebuild", "--check", "--data", &directory]);
    assert_eq!(checked.status.code(), Some(1));
    let said = err(&checked);
    assert!(said.contains(&format!("position {position}")) && said.contains("log after position"), "{said}");
}

#[test]
fn off_a_terminal_a_row_is_a_line_whatever_the_environment_says() {
    let served = Served::with_a_ticket();
    let listed = Command::new(BELEG)
        .args(["--server", &served.url, "--lang", "en", "ledger", "list"])
        .env("COLUMNS", "20")
        .output()
        .unwrap();
    let said = out(&listed);
    assert!(said.lines().any(|line| line.contains("free.initial-diagnosis") && line.contains("0.00 EUR")), "{said}");
    assert!(!said.contains('\u{1b}'), "{said:?}");
}

#[tokio::test]
async fn views_damaged_in_the_middle_are_built_anew_as_well() {
    use sqlx::{Connection as _, Row as _};
    let data = kept();
    let directory = data.path().display().to_string();
    // Everything from the log into one file, so that nothing beside it helps out.
    assert!(beleg(&["rebuild", "--data", &directory]).status.success());
    let views = data.path().join("views.sqlite");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&views);
    let mut shell = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    let root = sqlx::query("SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name = 'entries'");
    let root: i64 = root.fetch_one(&mut shell).await.unwrap().get(0);
    let page: i64 = sqlx::query("PRAGMA page_size").fetch_one(&mut shell).await.unwrap().get(0);
    shell.close().await.unwrap();
    let (from, to) = (usize::try_from((root - 1) * page).unwrap(), usize::try_from(root * page).unwrap());
    let mut bytes = std::fs::read(&views).unwrap();
    bytes[from..to].fill(0xa5);
    std::fs::write(&views, bytes).unwrap();
    let checked = beleg(&["--lang", "en", "rebuild", "--check", "--data", &directory]);
    assert!(err(&checked).contains("beleg rebuild"), "{}{}", out(&checked), err(&checked));
    let rebuilt = beleg(&["--lang", "en", "rebuild", "--data", &directory]);
    assert!(out(&rebuilt).contains("views rebuilt"), "{}{}", out(&rebuilt), err(&rebuilt));
    assert!(out(&rebuilt).contains("could not be compared"), "{}", out(&rebuilt));
    let checked = beleg(&["--lang", "en", "rebuild", "--check", "--data", &directory]);
    assert!(checked.status.success(), "{}{}", out(&checked), err(&checked));
}
