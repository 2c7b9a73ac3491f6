//! A server with a simulated clock, and short ways to call it.

use std::net::SocketAddr;
use std::time::Duration;

use beleg_server::pb;
use beleg_server::pb::contract_service_client::ContractServiceClient;
use beleg_server::pb::ledger_service_client::LedgerServiceClient;
use beleg_server::pb::log_service_client::LogServiceClient;
use beleg_server::pb::policy_service_client::PolicyServiceClient;
use beleg_server::pb::ticket_service_client::TicketServiceClient;
use beleg_server::{Config, ServeError};
use beleg_store::Storage;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;
use uuid::Uuid;

use crate::place::Place;

pub(crate) const POLICY: &str = include_str!("../../policies/support.toml");

pub(crate) struct House {
    pub(crate) data: Place,
    pub(crate) address: SocketAddr,
    pub(crate) channel: Channel,
    /// What the next call says of "now"; a day's `HH:MM`.
    pub(crate) now: String,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), ServeError>>,
}

/// 2026-03-02 at a time of day.
pub(crate) fn at(time: &str) -> prost_types::Timestamp {
    format!("2026-03-02T{time}:00Z").parse().unwrap()
}

/// A ticket, named by its id.
pub(crate) fn key(ticket: &str) -> Option<pb::TicketKey> {
    Some(pb::TicketKey { key: Some(pb::ticket_key::Key::TicketId(ticket.into())) })
}

/// The code and the reason of a refusal.
pub(crate) fn told(status: &Status) -> (Code, String) {
    assert!(!status.message().is_empty());
    let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
    (status.code(), reason)
}

pub(crate) fn id() -> String {
    Uuid::new_v4().to_string()
}

pub(crate) async fn serve(
    data: &Place,
    simulated: bool,
) -> (Channel, oneshot::Sender<()>, JoinHandle<Result<(), ServeError>>) {
    let (address, stop, running) = start(data, simulated, false).await;
    (connect(address), stop, running)
}

/// Why a server does not serve. One that serves all the same would not end by itself.
pub(crate) async fn refusal(data: &Place, simulated: bool) -> String {
    let (_channel, _stop, running) = serve(data, simulated).await;
    let ended = tokio::time::timeout(Duration::from_secs(60), running).await;
    ended.expect("it serves").unwrap().unwrap_err().to_string()
}

fn connect(address: SocketAddr) -> Channel {
    Channel::from_shared(format!("http://{address}")).unwrap().connect_lazy()
}

async fn start(
    data: &Place,
    simulated: bool,
    allow_import: bool,
) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<Result<(), ServeError>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let config = Config { storage: data.storage(), simulated_clock: simulated, allow_import, bench: false };
    let running = tokio::spawn(beleg_server::run(config, listener, async {
        let _ = stopped.await;
    }));
    (address, stop, running)
}

impl House {
    /// An empty log.
    pub(crate) async fn empty() -> Self {
        Self::on(Place::new().await, false).await
    }

    /// The log of a place.
    pub(crate) async fn on(data: Place, allow_import: bool) -> Self {
        let (address, stop, running) = start(&data, true, allow_import).await;
        Self { data, address, channel: connect(address), now: "09:00".into(), stop, running }
    }

    /// A log with the default policy and a contract of 120.00 EUR per hour.
    pub(crate) async fn ready() -> Self {
        let house = Self::empty().await;
        house.prepare().await;
        house
    }

    pub(crate) async fn prepare(&self) {
        let document = POLICY.to_owned();
        let published = pb::PublishPolicyRequest { request_id: id(), document, ..Default::default() };
        self.policies().publish_policy(self.call(published)).await.unwrap();
        self.agree("acme", 12_000).await.unwrap();
    }

    /// As [`House::ready`], and it admits imports.
    pub(crate) async fn importing() -> Self {
        let house = Self::on(Place::new().await, true).await;
        house.prepare().await;
        house
    }

    pub(crate) async fn agree(&self, customer: &str, rate: i64) -> Result<pb::AgreeContractResponse, Status> {
        let agreed = pb::AgreeContractRequest {
            request_id: id(),
            customer_id: customer.into(),
            currency_code: "EUR".into(),
            time_zone: "Europe/Berlin".into(),
            effective_date: "2026-01-01".into(),
            terms: Some(pb::Terms {
                policy: Some("support".into()),
                hourly_rate: Some(pb::HourlyRate { amount_minor: Some(rate) }),
                ..Default::default()
            }),
            ..Default::default()
        };
        Ok(self.contracts().agree_contract(self.call(agreed)).await?.into_inner())
    }

    /// A call with "now" and an actor.
    pub(crate) fn call<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let now = format!("2026-03-02T{}:00.000000Z", self.now);
        request.metadata_mut().insert("beleg-now", now.parse().unwrap());
        request.metadata_mut().insert("beleg-actor", "test".parse().unwrap());
        request
    }

    pub(crate) fn tickets(&self) -> TicketServiceClient<Channel> {
        TicketServiceClient::new(self.channel.clone()).max_encoding_message_size(64 << 20)
    }

    pub(crate) fn contracts(&self) -> ContractServiceClient<Channel> {
        ContractServiceClient::new(self.channel.clone())
    }

    pub(crate) fn policies(&self) -> PolicyServiceClient<Channel> {
        PolicyServiceClient::new(self.channel.clone())
    }

    pub(crate) fn ledger(&self) -> LedgerServiceClient<Channel> {
        LedgerServiceClient::new(self.channel.clone())
    }

    pub(crate) fn log_service(&self) -> LogServiceClient<Channel> {
        LogServiceClient::new(self.channel.clone())
    }

    /// Where log and views are.
    pub(crate) fn storage(&self) -> Storage {
        self.data.storage()
    }

    /// The log's last position.
    pub(crate) async fn head(&self) -> i64 {
        let mut log = self.log_service();
        log.get_log_status(self.call(pb::GetLogStatusRequest {})).await.unwrap().into_inner().position
    }

    /// A ticket, whole.
    pub(crate) async fn ticket(&self, ticket: &str) -> pb::Ticket {
        let asked = pb::GetTicketRequest { ticket: key(ticket), ..Default::default() };
        self.tickets().get_ticket(self.call(asked)).await.unwrap().into_inner().ticket.unwrap()
    }

    /// Stops the server; its data stay.
    pub(crate) async fn stop(self) -> Place {
        let _ = self.stop.send(());
        self.running.await.unwrap().unwrap();
        self.data
    }

    pub(crate) async fn open(&self) -> String {
        let opened = pb::OpenTicketRequest {
            request_id: id(),
            customer_id: "acme".into(),
            impact: pb::Impact::Incident.into(),
            subject: Some("invoices lack their tax rate".into()),
            ..Default::default()
        };
        self.tickets().open_ticket(self.call(opened)).await.unwrap().into_inner().ticket_id
    }

    pub(crate) async fn findings(&self, ticket: &str, cause: pb::FaultCause, reproducible: pb::Reproducible) {
        let findings = pb::Findings {
            behaviour: pb::Behaviour::Deviates.into(),
            cause: cause.into(),
            reproducible_in_standard: reproducible.into(),
            security_relevant: false,
        };
        let recorded = pb::RecordFindingsRequest {
            request_id: id(),
            ticket_id: ticket.into(),
            findings: Some(findings),
            ..Default::default()
        };
        self.tickets().record_findings(self.call(recorded)).await.unwrap();
    }

    pub(crate) async fn inform(&self, ticket: &str, estimate_minutes: i64) -> String {
        let informed = pb::InformCustomerRequest {
            request_id: id(),
            ticket_id: ticket.into(),
            offer: Some(pb::inform_customer_request::Offer::EstimateMinutes(estimate_minutes)),
            ..Default::default()
        };
        self.tickets().inform_customer(self.call(informed)).await.unwrap().into_inner().information_id
    }

    pub(crate) fn approval(&self, ticket: &str, information: &str, minutes: i64) -> pb::GiveApprovalRequest {
        pb::GiveApprovalRequest {
            request_id: id(),
            ticket_id: ticket.into(),
            information_id: information.into(),
            basis: pb::Basis::Hourly.into(),
            limit: Some(pb::Limit { kind: Some(pb::limit::Kind::Minutes(minutes)) }),
            ..Default::default()
        }
    }

    pub(crate) fn work(&self, ticket: &str, activity: pb::Activity, from: &str, to: &str) -> pb::LogWorkRequest {
        pb::LogWorkRequest {
            request_id: id(),
            ticket_id: ticket.into(),
            activity: activity.into(),
            performer_id: "anna".into(),
            from: Some(at(from)),
            to: Some(at(to)),
            ..Default::default()
        }
    }

    pub(crate) async fn log(&self, work: pb::LogWorkRequest) -> pb::LogWorkResponse {
        self.tickets().log_work(self.call(work)).await.unwrap().into_inner()
    }

    /// All entries of a ticket: account's first letter, rule, worked seconds, amount.
    pub(crate) async fn entries(&self, ticket: &str) -> Vec<pb::Entry> {
        let listed = pb::ListEntriesRequest {
            page_size: 1_000,
            ticket_id: Some(ticket.into()),
            min_position: Some(self.head().await),
            ..Default::default()
        };
        self.ledger().list_entries(self.call(listed)).await.unwrap().into_inner().entries
    }
}
