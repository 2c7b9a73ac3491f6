//! A server that is killed in the middle of an import, again and again: whatever was
//! acknowledged is there once.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const BELEG: &str = env!("CARGO_BIN_EXE_beleg");
const TICKETS: u32 = 60;
const WORK_PER_TICKET: u32 = 10;

/// The whole log once everything arrived: its creation, policy, contract, then per
/// ticket the opening and two events for every work entry.
const EVENTS: u32 = 3 + TICKETS * (1 + 2 * WORK_PER_TICKET);

fn serve(data: &Path) -> (Child, String) {
    let mut server = Command::new(BELEG)
        .args(["--lang", "en", "serve", "--listen", "127.0.0.1:0", "--allow-import", "--data"])
        .arg(data)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut said).unwrap();
    let url = said.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
    (server, url.trim_end_matches(';').to_owned())
}

fn import(url: &str, file: &Path) -> Child {
    Command::new(BELEG)
        .args(["--server", url, "import"])
        .arg(file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The log's position, as `beleg status` says it.
fn position(url: &str) -> u32 {
    let status = Command::new(BELEG).args(["--server", url, "--output", "json", "status"]).output().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    said["position"].as_str().unwrap().parse().unwrap()
}

fn commands() -> String {
    let policy = serde_json::json!({ "publishPolicy": { "document": include_str!("../../../policies/support.toml") } });
    let mut lines = policy.to_string();
    lines.push_str(
        "\n{\"agreeContract\": {\"customerId\": \"acme\", \"currencyCode\": \"EUR\", \"timeZone\": \"UTC\", \
         \"effectiveDate\": \"2026-01-01\", \"terms\": {\"policy\": \"support\"}}}\n",
    );
    for ticket in 0..TICKETS {
        let id = format!("00000000-0000-4000-8000-{ticket:012}");
        let origin = "\"origin\": \"import:test\"";
        writeln!(
            lines,
            "{{{origin}, \"openTicket\": {{\"ticketId\": \"{id}\", \"customerId\": \"acme\", \
             \"impact\": \"IMPACT_INCIDENT\", \"occurredAt\": \"2026-03-02T08:00:00Z\"}}}}"
        )
        .unwrap();
        for minute in 0..WORK_PER_TICKET {
            writeln!(
                lines,
                "{{{origin}, \"logWork\": {{\"ticketId\": \"{id}\", \"activity\": \"ACTIVITY_DIAGNOSIS\", \
                 \"performerId\": \"anna\", \"from\": \"2026-03-02T09:{minute:02}:00Z\", \
                 \"to\": \"2026-03-02T09:{minute:02}:30Z\"}}}}"
            )
            .unwrap();
        }
    }
    lines
}

#[test]
fn what_was_acknowledged_before_a_kill_is_there_once() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("commands.jsonl");
    std::fs::write(&file, commands()).unwrap();
    let log = data.path().join("log");

    let mut reached = 0;
    for round in 1..=4 {
        let (mut server, url) = serve(&log);
        let mut importing = import(&url, &file);
        std::thread::sleep(Duration::from_millis(150 * round));
        // SIGKILL: no chance to tidy up.
        server.kill().unwrap();
        server.wait().unwrap();
        importing.kill().unwrap();
        importing.wait().unwrap();

        let (mut server, url) = serve(&log);
        let now = position(&url);
        assert!(now >= reached, "round {round}: the log went back from {reached} to {now}");
        reached = now;
        server.kill().unwrap();
        server.wait().unwrap();
    }

    let (mut server, url) = serve(&log);
    assert!(import(&url, &file).wait().unwrap().success());
    assert_eq!(position(&url), EVENTS);
    assert!(import(&url, &file).wait().unwrap().success());
    assert_eq!(position(&url), EVENTS);
    let checked = Command::new(BELEG).args(["rebuild", "--check", "--data"]).arg(&log).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    let verified = Command::new(BELEG).args(["verify", "--data"]).arg(&log).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    server.kill().unwrap();
    server.wait().unwrap();
}
