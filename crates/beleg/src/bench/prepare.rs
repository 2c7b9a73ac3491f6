//! Tickets that work can be logged on: a month old, classified, told and released.

use crate::failure::Failure;
use beleg_server::pb::contract_service_client::ContractServiceClient;
use beleg_server::pb::policy_service_client::PolicyServiceClient;
use beleg_server::pb::ticket_service_client::TicketServiceClient;
use beleg_server::{call, pb};
use indicatif::ProgressBar;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Code, Request};
use uuid::Uuid;

const POLICY: &str = include_str!("../../../../policies/support.toml");
/// Clients that prepare.
const PREPARING: u64 = 64;
/// A month ago, within the limit for late work and with room for many entries.
const OPENED_SECONDS_AGO: i64 = 30 * 86_400;

/// Publishes the policy, where it is not published yet, and agrees a new customer's contract.
pub(crate) async fn customer(channel: &Channel) -> Result<String, Failure> {
    let publish = pb::PublishPolicyRequest { request_id: id(), document: POLICY.into(), ..Default::default() };
    match PolicyServiceClient::new(channel.clone()).publish_policy(publish).await {
        Err(status) if status.code() != Code::FailedPrecondition => return Err(status.into()),
        _ => {}
    }
    let run = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let customer = format!("bench-{run:x}");
    let agree = pb::AgreeContractRequest {
        request_id: id(),
        customer_id: customer.clone(),
        currency_code: "EUR".into(),
        time_zone: "UTC".into(),
        effective_date: "2020-01-01".into(),
        terms: Some(pb::Terms {
            policy: Some("support".into()),
            hourly_rate: Some(pb::HourlyRate { amount_minor: Some(12_000) }),
            ..Default::default()
        }),
        ..Default::default()
    };
    ContractServiceClient::new(channel.clone()).agree_contract(agree).await?;
    Ok(customer)
}

/// Prepares so many tickets of a customer.
pub(crate) async fn tickets(
    channel: &Channel,
    customer: &str,
    count: u64,
    bar: &ProgressBar,
) -> Result<Vec<String>, Failure> {
    let step = usize::try_from(PREPARING).unwrap_or(1);
    let preparing: Vec<_> = (0..PREPARING.min(count))
        .map(|first| {
            let (mut client, bar) = (TicketServiceClient::new(channel.clone()), bar.clone());
            let customer = customer.to_owned();
            tokio::spawn(async move {
                let mut prepared = Vec::new();
                for _ in (first..count).step_by(step) {
                    prepared.push(ticket(&mut client, &customer).await?);
                    bar.inc(1);
                }
                Ok::<_, Failure>(prepared)
            })
        })
        .collect();
    let mut tickets = Vec::new();
    for client in preparing {
        tickets.extend(client.await.map_err(|died| Failure::PrivateServer(died.into()))??);
    }
    // In the order they were opened, which their ids tell: the bare append comes to its streams in that order too, and
    // neighbours share pages of an index.
    tickets.sort_unstable();
    Ok(tickets)
}

/// Logs so many entries on each ticket, round by round: in the log a ticket's events lie as far apart as they would
/// in a house that works on all of them.
pub(crate) async fn entries(channel: &Channel, tickets: &Arc<Vec<String>>, entries: u64) -> Result<(), Failure> {
    let step = usize::try_from(PREPARING).unwrap_or(1);
    for round in 0..entries {
        let logging: Vec<_> = (0..step.min(tickets.len()))
            .map(|first| {
                let (mut client, tickets) = (TicketServiceClient::new(channel.clone()), Arc::clone(tickets));
                tokio::spawn(async move {
                    for ticket in tickets.iter().skip(first).step_by(step) {
                        client.log_work(work(ticket, "staff", round)).await?;
                    }
                    Ok::<_, Failure>(())
                })
            })
            .collect();
        for client in logging {
            client.await.map_err(|died| Failure::PrivateServer(died.into()))??;
        }
    }
    Ok(())
}

async fn ticket(client: &mut TicketServiceClient<Channel>, customer: &str) -> Result<String, Failure> {
    let open = pb::OpenTicketRequest {
        request_id: id(),
        occurred_at: Some(seconds_ago(OPENED_SECONDS_AGO)),
        customer_id: customer.into(),
        impact: pb::Impact::Incident.into(),
        ..Default::default()
    };
    let ticket_id = client.open_ticket(imported(open)).await?.into_inner().ticket_id;
    let found = pb::RecordFindingsRequest {
        request_id: id(),
        occurred_at: Some(seconds_ago(OPENED_SECONDS_AGO - 10)),
        ticket_id: ticket_id.clone(),
        findings: Some(pb::Findings {
            behaviour: pb::Behaviour::Deviates.into(),
            cause: pb::FaultCause::Customizing.into(),
            reproducible_in_standard: pb::Reproducible::No.into(),
            security_relevant: false,
        }),
        ..Default::default()
    };
    client.record_findings(imported(found)).await?;
    let informed = pb::InformCustomerRequest {
        request_id: id(),
        occurred_at: Some(seconds_ago(OPENED_SECONDS_AGO - 20)),
        ticket_id: ticket_id.clone(),
        offer: Some(pb::inform_customer_request::Offer::EstimateMinutes(120)),
        ..Default::default()
    };
    let information_id = client.inform_customer(imported(informed)).await?.into_inner().information_id;
    let approved = pb::GiveApprovalRequest {
        request_id: id(),
        occurred_at: Some(seconds_ago(OPENED_SECONDS_AGO - 30)),
        ticket_id: ticket_id.clone(),
        information_id,
        basis: pb::Basis::Hourly.into(),
        limit: Some(pb::Limit { kind: Some(pb::limit::Kind::Unlimited(true)) }),
        ..Default::default()
    };
    client.give_approval(imported(approved)).await?;
    Ok(ticket_id)
}

/// A minute of execution, each round of the tickets two minutes later. `who` keeps runs on the same tickets apart:
/// nobody works twice at a time.
pub(crate) fn work(ticket: &str, who: &str, round: u64) -> pb::LogWorkRequest {
    let from = OPENED_SECONDS_AGO - 120 * (i64::try_from(round).unwrap_or(0) + 1);
    pb::LogWorkRequest {
        request_id: id(),
        ticket_id: ticket.to_owned(),
        activity: pb::Activity::Execution.into(),
        performer_id: format!("{who}-{round}"),
        from: Some(seconds_ago(from)),
        to: Some(seconds_ago(from - 60)),
        ..Default::default()
    }
}

fn imported<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert(call::ORIGIN, MetadataValue::from_static("bench:prepared"));
    request
}

fn id() -> String {
    Uuid::now_v7().to_string()
}

fn seconds_ago(seconds: i64) -> prost_types::Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    prost_types::Timestamp { seconds: i64::try_from(now).unwrap_or(0) - seconds, nanos: 0 }
}
