//! Who draws prepaid time is who comes first in the file, whichever tickets the lines name.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::beleg;
use crate::server::Server;
use crate::server::agreement::POLICY;

/// Tickets of each customer, with an hour of work each; there is prepaid time for half of them.
const TICKETS: u32 = 24;

fn id(customer: u32, ticket: u32) -> String {
    format!("00000000-0000-4000-8000-{customer:06}{ticket:06}")
}

fn lines(commands: &[Value]) -> String {
    commands.iter().fold(String::new(), |mut lines, command| {
        writeln!(lines, "{command}").unwrap();
        lines
    })
}

/// A contract with prepaid time.
fn contract(customer: &str) -> Value {
    json!({ "agreeContract": {
        "customerId": customer, "currencyCode": "EUR", "timeZone": "UTC", "effectiveDate": "2026-01-01",
        "terms": {
            "policy": "support", "hourlyRate": { "amountMinor": "12000" },
            "prepaidMinutes": (TICKETS / 2 * 60).to_string(),
        },
    }})
}

/// Everything that a ticket needs before work on it costs.
fn begun(customer: &str, ticket: &str) -> [Value; 4] {
    let information = ticket.replacen('0', "1", 1);
    let findings = json!({
        "behaviour": "BEHAVIOUR_DEVIATES", "cause": "FAULT_CAUSE_CUSTOMIZING",
        "reproducibleInStandard": "REPRODUCIBLE_NO",
    });
    [
        json!({ "openTicket": {
            "ticketId": ticket, "customerId": customer, "impact": "IMPACT_INCIDENT",
            "occurredAt": "2026-03-02T08:00:00Z",
        }}),
        json!({ "recordFindings": { "ticketId": ticket, "findings": findings, "occurredAt": "2026-03-02T08:10:00Z" }}),
        json!({ "informCustomer": {
            "ticketId": ticket, "informationId": information, "estimateMinutes": "600",
            "occurredAt": "2026-03-02T08:20:00Z",
        }}),
        json!({ "giveApproval": {
            "ticketId": ticket, "informationId": information, "basis": "BASIS_HOURLY", "limit": { "unlimited": true },
            "occurredAt": "2026-03-02T08:30:00Z",
        }}),
    ]
}

/// An hour of work by somebody who does nothing else.
fn worked(ticket: &str) -> Value {
    json!({ "logWork": {
        "ticketId": ticket, "activity": "ACTIVITY_EXECUTION", "performerId": format!("staff-{ticket}"),
        "from": "2026-03-02T09:00:00Z", "to": "2026-03-02T10:00:00Z", "occurredAt": "2026-03-02T10:00:00Z",
    }})
}

fn import(url: &str, file: &Path, text: &str) {
    std::fs::write(file, text).unwrap();
    let done = beleg(url, &["--lang", "en", "import", file.to_str().unwrap()]);
    let said = [done.stdout, done.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    assert!(done.status.success(), "{said}");
}

/// The tickets whose work prepaid time has paid for, as they were posted.
fn paid(url: &str, customer: &str) -> Vec<String> {
    let asked =
        ["--output", "json", "ledger", "list", "--customer", customer, "--account", "covered", "--limit", "1000"];
    let listed = beleg(url, &asked);
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let mut tickets: Vec<String> = Vec::new();
    for entry in listed["entries"].as_array().unwrap() {
        assert_eq!(entry["rule"], "covered.prepaid", "{entry}");
        tickets.push(entry["ticketId"].as_str().unwrap().to_owned());
    }
    tickets.dedup();
    tickets
}

#[test]
fn prepaid_time_goes_to_the_tickets_that_come_first_in_the_file() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::on(&place.path().join("log"));
    let file = place.path().join("lines.jsonl");
    // Not the order they were opened in, nor that of their ids.
    let order = |customer| (0..TICKETS).map(move |place| id(customer, place * 7 % TICKETS));
    let preparation = |customer: u32, name: &str| {
        (0..TICKETS).flat_map(|ticket| begun(name, &id(customer, ticket))).collect::<Vec<_>>()
    };
    let first_half = |customer| order(customer).take(TICKETS as usize / 2).collect::<Vec<_>>();
    let agreed = [json!({ "publishPolicy": { "document": POLICY } }), contract("acme"), contract("birkholz")];
    import(&server.url, &file, &lines(&agreed));

    // The file opens the tickets itself.
    let work: Vec<Value> = order(1).map(|ticket| worked(&ticket)).collect();
    import(&server.url, &file, &lines(&[preparation(1, "acme"), work].concat()));
    assert_eq!(paid(&server.url, "acme"), first_half(1));

    // Another file has opened them.
    import(&server.url, &file, &lines(&preparation(2, "birkholz")));
    let work: Vec<Value> = order(2).map(|ticket| worked(&ticket)).collect();
    import(&server.url, &file, &lines(&work));
    assert_eq!(paid(&server.url, "birkholz"), first_half(2));
    server.stop();
}
