//! A disk that is full, and one that turns read-only: callers are told to come
//! back, and nothing that was acknowledged is lost.
//!
//! Needs the right to mount. Without it the tests say so and check nothing, unless
//! `BELEG_TEST_MOUNT=required`.

#![allow(clippy::unwrap_used)]

/// File systems that can be filled and broken.
mod mount;
#[path = "../server/mod.rs"]
mod server;

use std::path::Path;
use std::process::Command;

use beleg_server::pb;
use beleg_server::pb::contract_service_client::ContractServiceClient;
use beleg_server::pb::policy_service_client::PolicyServiceClient;
use beleg_server::pb::ticket_service_client::TicketServiceClient;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use uuid::Uuid;

use mount::Mount;
use server::{BELEG, Server};

/// Calls sent to a log that cannot be written.
const REFUSED: usize = 20;

fn fresh() -> String {
    Uuid::now_v7().to_string()
}

/// Away, and worth another try soon; says whether it is known that nothing was recorded.
fn is_away(status: &Status) -> bool {
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    let details = status.get_error_details();
    assert!(details.retry_info().is_some_and(|retry| retry.retry_delay.is_some()), "{status:?}");
    assert!(!status.message().contains("log.sqlite"), "a path is nothing for callers: {}", status.message());
    let reason = details.error_info().unwrap().reason.as_str();
    assert!(["UNAVAILABLE", "OUTCOME_UNKNOWN"].contains(&reason), "{status:?}");
    reason == "UNAVAILABLE"
}

/// A ticket with a long description, so that a small disk is soon full.
fn ticket() -> pb::OpenTicketRequest {
    pb::OpenTicketRequest {
        request_id: fresh(),
        customer_id: "acme".into(),
        impact: pb::Impact::Incident.into(),
        description: Some("the disk fills up ".repeat(800)),
        ..Default::default()
    }
}

async fn agree(server: &Server) {
    let published = pb::PublishPolicyRequest {
        request_id: fresh(),
        document: include_str!("../../../../policies/support.toml").to_owned(),
        ..Default::default()
    };
    PolicyServiceClient::new(server.channel()).publish_policy(published).await.unwrap();
    let agreed = pb::AgreeContractRequest {
        request_id: fresh(),
        customer_id: "acme".into(),
        currency_code: "EUR".into(),
        time_zone: "UTC".into(),
        effective_date: "2026-01-01".into(),
        terms: Some(pb::Terms { policy: Some("support".into()), ..Default::default() }),
        ..Default::default()
    };
    ContractServiceClient::new(server.channel()).agree_contract(agreed).await.unwrap();
}

async fn open(server: &Server, asked: &pb::OpenTicketRequest) -> Result<pb::Receipt, Status> {
    let mut tickets = TicketServiceClient::new(server.channel());
    Ok(tickets.open_ticket(asked.clone()).await?.into_inner().receipt.unwrap())
}

/// What was acknowledged, and what was not taken.
#[derive(Default)]
struct Sent {
    acknowledged: Vec<(pb::OpenTicketRequest, pb::Receipt)>,
    /// With whether it is known that nothing of it was recorded.
    refused: Vec<(pb::OpenTicketRequest, bool)>,
}

impl Sent {
    async fn open(&mut self, server: &Server, count: usize) {
        for _ in 0..count {
            let asked = ticket();
            match open(server, &asked).await {
                Ok(receipt) => self.acknowledged.push((asked, receipt)),
                Err(status) => {
                    let known = is_away(&status);
                    self.refused.push((asked, known));
                }
            }
        }
    }

    /// What was acknowledged is answered as before, what was refused is taken now.
    async fn stands(&mut self, server: &Server) {
        for (asked, receipt) in &self.acknowledged {
            assert_eq!(&open(server, asked).await.unwrap(), receipt, "acknowledged, and not there any more");
        }
        let last = self.acknowledged.last().map_or(0, |(_, receipt)| receipt.position);
        for (asked, known) in std::mem::take(&mut self.refused) {
            let receipt = open(server, &asked).await.unwrap();
            assert!(!known || receipt.position > last, "refused, and in the log before {last}: {receipt:?}");
            self.acknowledged.push((asked, receipt));
        }
    }
}

/// What a server says that cannot start. One that does start is stopped, and is a failure.
fn does_not_start(data: &Path, lang: &str) -> String {
    let ended = Command::new("timeout")
        .args(["10", BELEG, "--lang", lang, "serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .env("BELEG_LOG", "off")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    said
}

fn nothing_is_found(data: &Path) {
    for args in [["verify", "--data"].as_slice(), &["rebuild", "--check", "--data"]] {
        let looked = Command::new(BELEG).args(args).arg(data).output().unwrap();
        let said = String::from_utf8_lossy(&looked.stdout).into_owned();
        assert!(looked.status.success(), "{args:?}: {said}{}", String::from_utf8_lossy(&looked.stderr));
    }
}

#[tokio::test]
async fn a_full_disk_refuses_for_now_and_loses_nothing() {
    let Some(mount) = Mount::in_memory(2_048) else { return };
    let data = mount.path().join("log");
    let server = Server::on(&data);
    agree(&server).await;
    let mut sent = Sent::default();
    while sent.refused.len() < REFUSED {
        assert!(sent.acknowledged.len() < 1_000, "the disk does not fill up");
        sent.open(&server, 10).await;
    }
    assert!(sent.acknowledged.len() > 10, "{} acknowledged", sent.acknowledged.len());
    // Reading goes on.
    let known = pb::ticket_key::Key::TicketId(sent.acknowledged[0].1.events[0].event_id.clone());
    let asked = pb::GetTicketRequest { ticket: Some(pb::TicketKey { key: Some(known) }), ..Default::default() };
    TicketServiceClient::new(server.channel()).get_ticket(asked).await.unwrap();

    // Room, and the same server goes on with the same requests.
    mount.resize(6_144);
    sent.stands(&server).await;

    // Full again, and this time the server is killed.
    while sent.refused.len() < REFUSED {
        sent.open(&server, 10).await;
    }
    server.kill();
    mount.resize(64 << 10);
    let server = Server::on(&data);
    sent.stands(&server).await;
    assert_eq!(sent.refused.len(), 0);
    server.kill();
    nothing_is_found(&data);
}

#[tokio::test]
async fn a_disk_that_turns_read_only_refuses_for_now_and_loses_nothing() {
    let Some(mount) = Mount::disk() else { return };
    let data = mount.path().join("log");
    let server = Server::on(&data);
    agree(&server).await;
    let mut sent = Sent::default();
    sent.open(&server, 30).await;
    assert_eq!(sent.acknowledged.len(), 30);

    mount.break_down();
    sent.open(&server, REFUSED).await;
    assert_eq!((sent.acknowledged.len(), sent.refused.len()), (30, REFUSED));
    server.kill();

    // No server starts on it, and says why.
    let said = does_not_start(&data, "en");
    assert!(said.contains("log.sqlite may not be written"), "{said}");
    mount.attach_again();
    mount.forbid_writing();
    for (lang, words) in [("en", "log.sqlite may not be written"), ("de", "log.sqlite darf nicht geschrieben werden")] {
        let said = does_not_start(&data, lang);
        assert!(said.contains(words), "{said}");
    }

    mount.attach_again();
    let server = Server::on(&data);
    sent.stands(&server).await;
    server.kill();
    nothing_is_found(&data);
}

#[test]
fn a_server_that_finds_no_space_for_its_log_says_so() {
    let Some(mount) = Mount::in_memory(512) else { return };
    mount.fill();
    for lang in ["en", "de"] {
        let said = does_not_start(&mount.path().join("log"), lang);
        assert!(said.contains("log.sqlite cannot be opened, no space is left"), "{said}");
    }
}
