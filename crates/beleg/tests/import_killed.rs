//! `beleg import` is killed, or its server is, again and again, and run again: every command of the file is in the
//! log once.

#![allow(clippy::unwrap_used)]

#[path = "server/mod.rs"]
mod server;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use beleg_server::pb;
use beleg_server::pb::log_service_client::LogServiceClient;
use serde_json::Value;

use server::agreement::POLICY;
use server::log::{Noted, Record, audits_find_nothing};
use server::{BELEG, Server};

const ROUNDS: u64 = 6;
/// Sent side by side; the commands of one go one after the other.
const CUSTOMERS: u32 = 10;
const TICKETS: u32 = 150;
const WORK_PER_TICKET: u32 = 10;
/// The tickets, and the work entries, that the log must hold of it in the end.
const EXPECTED: (usize, usize) = (TICKETS as usize, (TICKETS * WORK_PER_TICKET) as usize);

struct Import {
    agreement: PathBuf,
    tickets: PathBuf,
}

/// An import under way.
struct Importing(Child);

/// What a whole import said of itself.
#[derive(Debug)]
struct Counts {
    accepted: u64,
    already_there: u64,
}

impl Import {
    fn write(place: &Path) -> Self {
        let (agreement, tickets) = (place.join("agreement.jsonl"), place.join("tickets.jsonl"));
        let policy = serde_json::json!({ "publishPolicy": { "document": POLICY } });
        let mut agreements = format!("{policy}\n");
        for customer in 0..CUSTOMERS {
            writeln!(
                agreements,
                "{{\"agreeContract\": {{\"customerId\": \"acme-{customer}\", \"currencyCode\": \"EUR\", \
                 \"timeZone\": \"UTC\", \"effectiveDate\": \"2026-01-01\", \"terms\": {{\"policy\": \"support\"}}}}}}"
            )
            .unwrap();
        }
        std::fs::write(&agreement, agreements).unwrap();
        std::fs::write(&tickets, lines()).unwrap();
        Self { agreement, tickets }
    }

    /// Brings policy and contract, so that whoever comes next can work.
    fn agree(&self, data: &Path) {
        let server = Server::on(data);
        assert_eq!(counts(&server.url, &self.agreement).accepted, u64::from(1 + CUSTOMERS));
        server.kill();
    }

    fn start(&self, url: &str) -> Importing {
        let mut import = command(url, &self.tickets);
        Importing(import.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Imports to the end.
    fn finish(&self, url: &str) -> Counts {
        let counts = counts(url, &self.tickets);
        assert_eq!(counts.accepted + counts.already_there, (EXPECTED.0 + EXPECTED.1) as u64, "{counts:?}");
        counts
    }
}

impl Importing {
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// The server has gone: the import gives up and says how to go on.
    fn ends_by_itself_and_says_what_to_do(self) {
        let ended = self.0.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(1), "{said}");
        assert!(said.contains("run the same command again"), "{said}");
    }
}

fn command(url: &str, file: &Path) -> Command {
    let mut import = Command::new(BELEG);
    import.args(["--lang", "en", "--output", "json", "--server", url, "import"]).arg(file);
    import
}

fn counts(url: &str, file: &Path) -> Counts {
    let imported = command(url, file).output().unwrap();
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let said: Value = serde_json::from_slice(&imported.stdout).unwrap();
    let count = |key: &str| said[key].as_u64().unwrap();
    Counts { accepted: count("accepted"), already_there: count("alreadyThere") }
}

fn lines() -> String {
    let mut lines = String::new();
    for ticket in 0..TICKETS {
        let id = format!("00000000-0000-4000-8000-{ticket:012}");
        writeln!(
            lines,
            "{{\"openTicket\": {{\"ticketId\": \"{id}\", \"customerId\": \"acme-{}\", \
             \"impact\": \"IMPACT_INCIDENT\", \"occurredAt\": \"2026-03-02T08:00:00Z\"}}}}",
            ticket % CUSTOMERS
        )
        .unwrap();
        for minute in 0..WORK_PER_TICKET {
            writeln!(
                lines,
                "{{\"logWork\": {{\"ticketId\": \"{id}\", \"activity\": \"ACTIVITY_DIAGNOSIS\", \
                 \"performerId\": \"anna\", \"from\": \"2026-03-02T09:{minute:02}:00Z\", \
                 \"to\": \"2026-03-02T09:{minute:02}:30Z\"}}}}"
            )
            .unwrap();
        }
    }
    lines
}

/// Where a server's log ends.
async fn head(server: &Server) -> i64 {
    let mut log = LogServiceClient::new(server.channel());
    log.get_log_status(pb::GetLogStatusRequest {}).await.unwrap().into_inner().position
}

/// A moment between two bounds that nobody chose.
async fn pause(from_millis: u64, to_millis: u64) {
    let millis = from_millis + u64::from(getrandom::u32().unwrap()) % (to_millis - from_millis);
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// How many of the file's tickets and work entries the log holds.
fn tickets_and_work(requests: &HashMap<String, Vec<Noted>>) -> (usize, usize) {
    let events = || requests.values().flatten().filter(|event| event.stream.contains("00000000-0000-4000-8000"));
    let count = |kind: &str| events().filter(|event| event.kind == kind).count();
    (count("ticket_opened"), count("work_logged"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_killed_again_and_again_brings_every_command_once() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("log");
    let import = Import::write(place.path());
    import.agree(&data);
    for round in 1..=ROUNDS {
        let server = Server::on(&data);
        let before = head(&server).await;
        let importing = import.start(&server.url);
        // In its middle, however fast it is.
        let waited = std::time::Instant::now();
        while head(&server).await < before + 20 {
            assert!(waited.elapsed() < Duration::from_secs(60), "nothing is imported");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        pause(1, 60).await;
        if round % 2 == 0 {
            importing.kill();
            pause(1, 60).await;
            server.kill();
        } else {
            server.kill();
            // Once is enough: it tries again for seconds before it gives up.
            if round == 1 { importing.ends_by_itself_and_says_what_to_do() } else { importing.kill() }
        }
    }

    let server = Server::on(&data);
    let missing = import.finish(&server.url);
    assert!(missing.accepted > 0 && missing.already_there > 0, "no import was killed in its middle: {missing:?}");
    let again = import.finish(&server.url);
    assert_eq!((again.accepted, again.already_there), (0, missing.accepted + missing.already_there));

    let mut log = Record::default();
    log.read_on(&server.channel()).await;
    server.kill();
    assert_eq!(tickets_and_work(&log.requests), EXPECTED);
    audits_find_nothing(Path::new(BELEG), &["--data", data.to_str().unwrap()]);
}
