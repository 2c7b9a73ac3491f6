use std::time::{Duration, Instant};

use beleg_server::pb;
use beleg_server::pb::log_service_client::LogServiceClient;
use beleg_store::{Append, ClockKind, LogOptions, NewEvent};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

use crate::house::{House, id, told};

/// Opens tickets until a full read is larger than any buffer on its way.
async fn fill(house: &House) {
    let text = Some("x".repeat(16 * 1024));
    for _ in 0..400 {
        let opened = pb::OpenTicketRequest {
            request_id: id(),
            customer_id: "acme".into(),
            impact: pb::Impact::Request.into(),
            subject: text.clone(),
            description: text.clone(),
            ..Default::default()
        };
        house.tickets().open_ticket(house.call(opened)).await.unwrap();
    }
}

/// A connection that takes little before somebody reads.
async fn narrow(house: &House) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{}", house.address)).unwrap();
    endpoint.initial_stream_window_size(64 * 1024).initial_connection_window_size(1024 * 1024).connect().await.unwrap()
}

type Read = tonic::Streaming<pb::ReadLogResponse>;

async fn read(channel: &Channel) -> Result<Read, Status> {
    Ok(LogServiceClient::new(channel.clone()).read_log(pb::ReadLogRequest::default()).await?.into_inner())
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_read_the_log_and_one_more_is_told_to_wait() {
    let house = House::ready().await;
    fill(&house).await;
    let channel = narrow(&house).await;
    let mut readers = Vec::new();
    let refused = loop {
        match read(&channel).await {
            Ok(reader) => readers.push(reader),
            Err(status) => break status,
        }
        assert!(readers.len() < 100, "no bound");
    };
    assert_eq!(told(&refused), (Code::ResourceExhausted, "TOO_MANY_READERS".into()));
    assert!(refused.get_details_retry_info().unwrap().retry_delay.is_some());
    // Whoever goes makes room.
    readers.clear();
    let begun = Instant::now();
    while read(&channel).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(5), "no room");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stands_still_does_not_hold_the_server() {
    let house = House::ready().await;
    fill(&house).await;
    let channel = narrow(&house).await;
    let mut stalled = read(&channel).await.unwrap();
    let first = stalled.message().await.unwrap().unwrap();
    assert_eq!(first.events[0].position, 1);
    let begun = Instant::now();
    house.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    // What was cut off does not look like the end of the log.
    let end = loop {
        match stalled.message().await {
            Ok(Some(_)) => {}
            Ok(None) => break None,
            Err(status) => break Some(status.code()),
        }
    };
    assert!(end.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_connects_and_says_nothing_is_hung_up_on() {
    let house = House::ready().await;
    let mut silent = TcpStream::connect(house.address).await.unwrap();
    let mut half = TcpStream::connect(house.address).await.unwrap();
    half.write_all(b"PRI * HTTP/2.0").await.unwrap();
    for connection in [&mut silent, &mut half] {
        let mut bytes = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(15), connection.read_to_end(&mut bytes));
        // The server may say its settings first; then the connection ends, one way or another.
        let _ = read.await.expect("it is still open");
    }
    // Whoever did introduce itself stays.
    house.open().await;
}

async fn health(channel: &Channel, service: &str) -> Result<ServingStatus, Status> {
    let asked = HealthCheckRequest { service: service.into() };
    Ok(HealthClient::new(channel.clone()).check(asked).await?.into_inner().status())
}

const SERVICES: [&str; 5] = ["TicketService", "ContractService", "PolicyService", "LedgerService", "LogService"];

#[tokio::test(flavor = "multi_thread")]
async fn health_knows_every_service_and_says_when_the_server_ends() {
    let house = House::ready().await;
    let channel = house.channel.clone();
    assert_eq!(health(&channel, "").await.unwrap(), ServingStatus::Serving);
    for service in SERVICES {
        assert_eq!(health(&channel, &format!("beleg.v1.{service}")).await.unwrap(), ServingStatus::Serving);
    }
    assert_eq!(health(&channel, "beleg.v1.NoService").await.unwrap_err().code(), Code::NotFound);

    let asked = HealthCheckRequest { service: "beleg.v1.TicketService".into() };
    let mut watched = HealthClient::new(channel).watch(asked).await.unwrap().into_inner();
    assert_eq!(watched.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    let stopped = tokio::spawn(house.stop());
    assert_eq!(watched.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    drop(watched);
    stopped.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn health_says_that_the_views_stand_still_and_the_status_says_where() {
    let data = House::ready().await.stop().await;
    // An event of a type that this program does not know.
    let log = data.storage().open_log(LogOptions::new(ClockKind::Simulated)).await.unwrap();
    let payload = b"{}".to_vec();
    let event = NewEvent {
        stream: "strange-1".into(),
        event_id: uuid::Uuid::new_v4(),
        event_type: "strange_happened".into(),
        schema_version: 1,
        occurred_at_us: log.head().recorded_at_us,
        causation_id: None,
        payload_sha256: beleg_proof::commitment::sha256(&payload),
        payload,
        personal: Vec::new(),
    };
    let append = Append {
        request_id: uuid::Uuid::new_v4(),
        request_digest: [0; 32],
        correlation_id: None,
        actor: "test".into(),
        origin: None,
        now_us: log.head().recorded_at_us,
        expectations: vec![("strange-1".into(), 0)],
        events: vec![event],
    };
    log.append(append).await.unwrap();
    log.close().await;

    let house = House::on(data, false).await;
    let begun = Instant::now();
    while health(&house.channel, "beleg.v1.LedgerService").await.unwrap() == ServingStatus::Serving {
        assert!(begun.elapsed() < Duration::from_secs(10), "still serving");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(health(&house.channel, "").await.unwrap(), ServingStatus::NotServing);
    let status = house.log_service().get_log_status(house.call(pb::GetLogStatusRequest {})).await.unwrap().into_inner();
    assert!(status.projector_alarm.contains("projector"), "{status:?}");
    assert!(status.projector_alarm.contains(&format!("position {}", status.position)), "{status:?}");
    let behind = pb::ListTicketsRequest { min_position: Some(status.position), ..Default::default() };
    let status = house.tickets().list_tickets(house.call(behind)).await.unwrap_err();
    assert_eq!(told(&status), (Code::Unavailable, "VIEWS_BEHIND".into()));
}

/// The services that reflection of one version lists.
macro_rules! reflected {
    ($house:expr, $version:ident) => {{
        use tonic_reflection::pb::$version as reflection;
        let asked = reflection::ServerReflectionRequest {
            host: String::new(),
            message_request: Some(reflection::server_reflection_request::MessageRequest::ListServices(String::new())),
        };
        let mut client = reflection::server_reflection_client::ServerReflectionClient::new($house.channel.clone());
        let answers = client.server_reflection_info(tokio_stream::once(asked)).await.unwrap();
        let answer = answers.into_inner().message().await.unwrap().unwrap().message_response;
        let Some(reflection::server_reflection_response::MessageResponse::ListServicesResponse(listed)) = answer else {
            panic!("no list: {answer:?}");
        };
        listed.service.into_iter().map(|service| service.name).collect::<Vec<_>>()
    }};
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_lists_what_is_served_to_newer_and_older_clients() {
    let house = House::ready().await;
    for listed in [reflected!(house, v1), reflected!(house, v1alpha)] {
        for service in SERVICES {
            assert!(listed.contains(&format!("beleg.v1.{service}")), "{listed:?}");
        }
        assert!(listed.contains(&"grpc.health.v1.Health".to_owned()), "{listed:?}");
        assert!(!listed.iter().any(|service| service.contains("bench")), "{listed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_service_is_called_and_no_method_is_unimplemented() {
    let house = House::ready().await;
    let channel = narrow(&house).await;
    let called = async |path: &'static str| {
        let mut client = tonic::client::Grpc::new(channel.clone());
        client.ready().await.unwrap();
        let codec = tonic_prost::ProstCodec::<pb::GetTicketRequest, pb::GetTicketResponse>::default();
        let path = path.parse().unwrap();
        let answer = client.unary(tonic::Request::new(pb::GetTicketRequest::default()), path, codec).await;
        answer.err().map(|status| status.code())
    };
    // Each service has its methods, whatever they say of an empty message.
    for method in [
        "/beleg.v1.TicketService/GetTicket",
        "/beleg.v1.ContractService/GetContract",
        "/beleg.v1.PolicyService/PublishPolicy",
        "/beleg.v1.LedgerService/ExplainEntry",
        "/beleg.v1.LogService/GetLogStatus",
        "/grpc.health.v1.Health/Check",
    ] {
        assert_ne!(called(method).await, Some(Code::Unimplemented), "{method}");
    }
    for nothing in [
        "/beleg.v1.TicketService/GetTickets",
        "/beleg.v1.TicketService",
        "/beleg.v1.TicketServices/GetTicket",
        "/other/beleg.v1.TicketService/GetTicket",
        "/beleg.v1.LedgerService/GetTicket",
        "/beleg.bench.v1.BenchService/Append",
        "/",
    ] {
        assert_eq!(called(nothing).await, Some(Code::Unimplemented), "{nothing}");
    }
}
