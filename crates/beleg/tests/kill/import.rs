//! A file of commands, a real `beleg import`, and what the log must hold of it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use beleg_server::pb;
use serde_json::Value;

use crate::server::{BELEG, Server};

const TICKETS: u32 = 150;
const WORK_PER_TICKET: u32 = 10;
/// The tickets, and the work entries, that the log must hold of it in the end.
pub(crate) const EXPECTED: (usize, usize) = (TICKETS as usize, (TICKETS * WORK_PER_TICKET) as usize);

pub(crate) struct Import {
    agreement: PathBuf,
    tickets: PathBuf,
}

/// An import under way.
pub(crate) struct Importing(Child);

/// What a whole import said of itself.
#[derive(Debug)]
pub(crate) struct Counts {
    pub(crate) accepted: u64,
    pub(crate) already_there: u64,
}

impl Import {
    pub(crate) fn write(place: &Path) -> Self {
        let (agreement, tickets) = (place.join("agreement.jsonl"), place.join("tickets.jsonl"));
        let document = include_str!("../../../../policies/support.toml");
        let policy = serde_json::json!({ "publishPolicy": { "document": document } });
        let contract = "{\"agreeContract\": {\"customerId\": \"acme\", \"currencyCode\": \"EUR\", \
                        \"timeZone\": \"UTC\", \"effectiveDate\": \"2026-01-01\", \"terms\": {\"policy\": \"support\"}}}";
        std::fs::write(&agreement, format!("{policy}\n{contract}\n")).unwrap();
        std::fs::write(&tickets, lines()).unwrap();
        Self { agreement, tickets }
    }

    /// Brings policy and contract, so that whoever comes next can work.
    pub(crate) fn agree(&self, data: &Path) {
        let server = Server::on(data);
        assert_eq!(counts(&server.url, &self.agreement).accepted, 2);
        server.kill();
    }

    pub(crate) fn start(&self, url: &str) -> Importing {
        let mut import = command(url, &self.tickets);
        Importing(import.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Imports to the end.
    pub(crate) fn finish(&self, url: &str) -> Counts {
        let counts = counts(url, &self.tickets);
        assert_eq!(counts.accepted + counts.already_there, (EXPECTED.0 + EXPECTED.1) as u64, "{counts:?}");
        counts
    }

    /// How many of the file's tickets and work entries the log holds.
    pub(crate) fn tickets_and_work(&self, events: &[pb::Event]) -> (usize, usize) {
        let ours = |kind: &str| {
            let ours =
                move |event: &&pb::Event| event.r#type == kind && event.stream.contains("00000000-0000-4000-8000");
            events.iter().filter(ours).count()
        };
        (ours("ticket_opened"), ours("work_logged"))
    }
}

impl Importing {
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// The server has gone: the import gives up and says how to go on.
    pub(crate) fn ends_by_itself_and_says_what_to_do(self) {
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
            "{{\"openTicket\": {{\"ticketId\": \"{id}\", \"customerId\": \"acme\", \
             \"impact\": \"IMPACT_INCIDENT\", \"occurredAt\": \"2026-03-02T08:00:00Z\"}}}}"
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
