use beleg_server::pb::log_service_client::LogServiceClient;
use beleg_server::pb::{self, Activity};
use prost::bytes::BufMut as _;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::house::{House, at, id, key, serve, told};
use crate::place::Place;
use crate::worked_ticket::play;

/// Sends work that is wrong in one thing; says the code and the reason.
async fn refused(house: &House, work: pb::LogWorkRequest) -> (Code, String) {
    let head = house.head().await;
    let status = house.tickets().log_work(house.call(work)).await.unwrap_err();
    assert_eq!(house.head().await, head, "a refused command left an event: {status:?}");
    told(&status)
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_work_is_refused_with_its_reason_and_leaves_nothing() {
    let mut house = House::ready().await;
    let ticket = play(&mut house).await;
    house.now = "14:00".into();
    let good = || house.work(&ticket, Activity::Execution, "13:45", "13:50");
    let malformed = (Code::InvalidArgument, "MALFORMED".to_owned());

    let unknown = pb::LogWorkRequest { ticket_id: id(), ..good() };
    assert_eq!(refused(&house, unknown).await, (Code::NotFound, "TICKET_UNKNOWN".into()));
    let no_uuid = pb::LogWorkRequest { ticket_id: "42".into(), ..good() };
    assert_eq!(refused(&house, no_uuid).await, malformed);
    let nil = || uuid::Uuid::nil().to_string();
    for of_nobody in
        [pb::LogWorkRequest { ticket_id: nil(), ..good() }, pb::LogWorkRequest { request_id: nil(), ..good() }]
    {
        let status = house.tickets().log_work(house.call(of_nobody)).await.unwrap_err();
        assert_eq!(told(&status), malformed);
        assert!(status.message().contains("is the nil UUID, which names nothing"), "{status:?}");
    }
    let no_request = pb::LogWorkRequest { request_id: String::new(), ..good() };
    assert_eq!(refused(&house, no_request).await, malformed);
    let future = pb::LogWorkRequest { to: Some(at("14:01")), ..good() };
    assert_eq!(refused(&house, future).await, malformed);
    let backwards = pb::LogWorkRequest { to: Some(at("13:44")), ..good() };
    assert_eq!(refused(&house, backwards).await, malformed);
    let too_long = pb::LogWorkRequest { duration_seconds: Some(301), ..good() };
    assert_eq!(refused(&house, too_long).await, malformed);
    let nothing = pb::LogWorkRequest { duration_seconds: Some(0), ..good() };
    assert_eq!(refused(&house, nothing).await, malformed);
    let half_second = prost_types::Timestamp { nanos: 500_000_000, ..at("13:45") };
    let fraction = pb::LogWorkRequest { from: Some(half_second), ..good() };
    assert_eq!(refused(&house, fraction).await, malformed);
    let overlapping = pb::LogWorkRequest { from: Some(at("13:30")), ..good() };
    assert_eq!(refused(&house, overlapping).await, (Code::FailedPrecondition, "OVERLAPPING_WORK".into()));
    let early = house.work(&ticket, Activity::Execution, "08:59", "09:01");
    assert_eq!(refused(&house, early).await, (Code::FailedPrecondition, "BEFORE_OPENING".into()));
    let stale = pb::LogWorkRequest { expected_version: Some(1), ..good() };
    assert_eq!(refused(&house, stale).await, (Code::Aborted, "WRONG_VERSION".into()));
    let no_activity = pb::LogWorkRequest { activity: 0, ..good() };
    assert_eq!(refused(&house, no_activity).await, malformed);
    let long_note = pb::LogWorkRequest { note: "x".repeat(5 << 20), ..good() };
    assert_eq!(refused(&house, long_note).await, malformed);
    let late = pb::LogWorkRequest { occurred_at: Some(at("23:00")), ..good() };
    assert_eq!(refused(&house, late).await, malformed);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_approvals_are_refused() {
    let mut house = House::ready().await;
    let ticket = play(&mut house).await;
    let head = house.head().await;
    let status = house.tickets().give_approval(house.call(house.approval(&ticket, &id(), 60))).await.unwrap_err();
    assert_eq!(told(&status), (Code::NotFound, "INFORMATION_UNKNOWN".into()));

    let shown = pb::TicketKey { key: Some(pb::ticket_key::Key::TicketId(ticket.clone())) };
    let shown = pb::GetTicketRequest { ticket: Some(shown), ..Default::default() };
    let shown = house.tickets().get_ticket(house.call(shown)).await.unwrap().into_inner().ticket.unwrap();
    let information = shown.informations[0].information_id.clone();

    for limit in [
        pb::limit::Kind::Minutes(-1),
        pb::limit::Kind::Minutes(0),
        pb::limit::Kind::Minutes(i64::MAX),
        pb::limit::Kind::Money(pb::Money { currency_code: "EUR".into(), amount_minor: -5 }),
        pb::limit::Kind::Money(pb::Money { currency_code: "euro".into(), amount_minor: 5 }),
        pb::limit::Kind::Unlimited(false),
    ] {
        let mut approval = house.approval(&ticket, &information, 60);
        approval.limit = Some(pb::Limit { kind: Some(limit) });
        let status = house.tickets().give_approval(house.call(approval)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    }
    let mut francs = house.approval(&ticket, &information, 60);
    let money = pb::Money { currency_code: "CHF".into(), amount_minor: 5_000 };
    francs.limit = Some(pb::Limit { kind: Some(pb::limit::Kind::Money(money)) });
    let status = house.tickets().give_approval(house.call(francs)).await.unwrap_err();
    assert_eq!(told(&status), (Code::FailedPrecondition, "OTHER_CURRENCY".into()));

    let mut before = house.approval(&ticket, &information, 60);
    before.occurred_at = Some(at("09:55"));
    before.evidence = "phone note".into();
    let status = house.tickets().give_approval(house.call(before)).await.unwrap_err();
    assert_eq!(told(&status), (Code::FailedPrecondition, "APPROVAL_BEFORE_INFORMATION".into()));
    assert_eq!(house.head().await, head);

    let closed = pb::CloseTicketRequest { request_id: id(), ticket_id: ticket.clone(), ..Default::default() };
    house.tickets().close_ticket(house.call(closed)).await.unwrap();
    let status =
        house.tickets().give_approval(house.call(house.approval(&ticket, &information, 60))).await.unwrap_err();
    assert_eq!(told(&status), (Code::FailedPrecondition, "TICKET_SETTLED".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_needs_a_contract_a_void_needs_a_reason_and_a_contract_needs_a_policy() {
    let house = House::ready().await;
    let head = house.head().await;
    let opened = pb::OpenTicketRequest {
        request_id: id(),
        customer_id: "stranger".into(),
        impact: pb::Impact::Request.into(),
        ..Default::default()
    };
    let status = house.tickets().open_ticket(house.call(opened)).await.unwrap_err();
    assert_eq!(told(&status), (Code::FailedPrecondition, "CONTRACT_MISSING".into()));

    let voided = pb::VoidWorkRequest { request_id: id(), ticket_id: id(), work_id: id(), ..Default::default() };
    let status = house.tickets().void_work(house.call(voided)).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, "reason");

    let status = house.agree("acme", 12_000).await.unwrap_err();
    assert_eq!(told(&status), (Code::AlreadyExists, "CONTRACT_EXISTS".into()));
    let other = House::empty().await;
    let status = other.agree("acme", 12_000).await.unwrap_err();
    assert_eq!(told(&status), (Code::NotFound, "POLICY_UNKNOWN".into()));
    assert_eq!(house.head().await, head);
    assert_eq!(other.head().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_need_a_server_that_admits_them() {
    let mut house = House::ready().await;
    let ticket = play(&mut house).await;
    let mut work = house.call(house.work(&ticket, Activity::Execution, "09:00", "09:01"));
    work.metadata_mut().insert("beleg-origin", "import:test".parse().unwrap());
    let status = house.tickets().log_work(work).await.unwrap_err();
    assert_eq!(told(&status), (Code::FailedPrecondition, "IMPORTS_NOT_ADMITTED".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_is_given_says_something_and_is_not_too_long() {
    let house = House::ready().await;
    let ticket = house.open().await;
    house.findings(&ticket, pb::FaultCause::Customizing, pb::Reproducible::No).await;
    let head = house.head().await;
    let field = |status: &tonic::Status| {
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        status.get_details_bad_request().unwrap().field_violations[0].field.clone()
    };
    let opened = |subject: Option<String>, description: Option<String>| pb::OpenTicketRequest {
        request_id: id(),
        customer_id: "acme".into(),
        impact: pb::Impact::Request.into(),
        subject,
        description,
        ..Default::default()
    };
    let informed = |next_steps: Option<String>, evidence: &str| pb::InformCustomerRequest {
        request_id: id(),
        ticket_id: ticket.clone(),
        next_steps,
        evidence: evidence.into(),
        ..Default::default()
    };
    for blank in ["", "  ", "\n\t"] {
        let blank = Some(blank.to_owned());
        let status = house.tickets().open_ticket(house.call(opened(blank.clone(), None))).await.unwrap_err();
        assert_eq!(field(&status), "subject");
        let status = house.tickets().open_ticket(house.call(opened(None, blank.clone()))).await.unwrap_err();
        assert_eq!(field(&status), "description");
        let status = house.tickets().inform_customer(house.call(informed(blank, ""))).await.unwrap_err();
        assert_eq!(field(&status), "next_steps");
    }
    let status = house.tickets().inform_customer(house.call(informed(None, "  "))).await.unwrap_err();
    assert_eq!(field(&status), "evidence");

    let long = opened(Some("x".repeat(5_000_000)), None);
    let status = house.tickets().open_ticket(house.call(long)).await.unwrap_err();
    assert_eq!(field(&status), "subject");
    assert!(status.message().contains("5000000") && status.message().contains("16384"), "{status:?}");
    assert_eq!(house.head().await, head);

    // What nothing is said of may be left out.
    house.tickets().open_ticket(house.call(opened(None, None))).await.unwrap();
    house.tickets().inform_customer(house.call(informed(None, ""))).await.unwrap();
}

/// A message as it is, whatever it is.
struct Raw;

impl tonic::codec::Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = ();
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl tonic::codec::Encoder for Raw {
    type Item = Vec<u8>;
    type Error = tonic::Status;

    fn encode(&mut self, bytes: Vec<u8>, into: &mut tonic::codec::EncodeBuf<'_>) -> Result<(), tonic::Status> {
        into.put_slice(&bytes);
        Ok(())
    }
}

impl tonic::codec::Decoder for Raw {
    type Item = ();
    type Error = tonic::Status;

    fn decode(&mut self, _: &mut tonic::codec::DecodeBuf<'_>) -> Result<Option<()>, tonic::Status> {
        Ok(Some(()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_read_is_the_callers_mistake() {
    let house = House::ready().await;
    let head = house.head().await;
    let send = async |bytes: Vec<u8>| {
        let mut client = tonic::client::Grpc::new(house.channel.clone());
        client.ready().await.unwrap();
        let path = tonic::codegen::http::uri::PathAndQuery::from_static("/beleg.v1.TicketService/OpenTicket");
        client.unary(tonic::Request::new(bytes), path, Raw).await.unwrap_err()
    };
    let no_message = send(vec![0xff; 3]).await;
    let no_text = send(vec![0x0a, 0x02, 0xff, 0xfe]).await;
    let mut too_large = vec![0x0a, 0x80, 0x80, 0xc0, 0x04];
    too_large.resize(9 << 20, b'x');
    let too_large = send(too_large).await;
    for status in [&no_message, &no_text, &too_large] {
        assert_eq!(told(status), (Code::InvalidArgument, "MALFORMED".into()), "{status:?}");
        assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, "request");
    }
    assert!(too_large.message().contains("8 MiB"), "{too_large:?}");
    assert_eq!(house.head().await, head);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_a_clock_of_its_own_is_not_told_the_time() {
    let data = Place::new().await;
    let (channel, stop, running) = serve(&data, false).await;
    let mut log = LogServiceClient::new(channel);
    let mut asked = tonic::Request::new(pb::GetLogStatusRequest {});
    log.get_log_status(pb::GetLogStatusRequest {}).await.unwrap();
    asked.metadata_mut().insert("beleg-now", "2026-03-02T09:00:00Z".parse().unwrap());
    let status = log.get_log_status(asked).await.unwrap_err();
    assert_eq!(told(&status), (Code::InvalidArgument, "MALFORMED".into()));
    assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, "beleg-now");
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_simulated_now_before_1970_is_told_as_that() {
    let house = House::ready().await;
    let mut asked = tonic::Request::new(pb::GetLogStatusRequest {});
    asked.metadata_mut().insert("beleg-now", "1900-03-02T09:00:00Z".parse().unwrap());
    let status = house.log_service().get_log_status(asked).await.unwrap_err();
    assert_eq!(told(&status), (Code::InvalidArgument, "MALFORMED".into()));
    assert!(status.message().contains("between 1970 and 9999"), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_of_a_policy_that_gives_a_terminal_orders_is_not_published() {
    let house = House::empty().await;
    let document = crate::house::POLICY.replace("Support and billing", "Support\\u001b[31m");
    let checked = pb::CheckPolicyRequest { document: document.clone() };
    let checked = house.policies().check_policy(house.call(checked)).await.unwrap().into_inner();
    assert!(checked.problems.len() == 1 && checked.problems[0].contains("U+001B"), "{checked:?}");
    let published = pb::PublishPolicyRequest { request_id: id(), document, ..Default::default() };
    let head = house.head().await;
    let status = house.policies().publish_policy(house.call(published)).await.unwrap_err();
    assert_eq!(told(&status), (Code::InvalidArgument, "MALFORMED".into()));
    assert_eq!(house.head().await, head);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_is_refused_where_logging_would_be() {
    let mut house = House::ready().await;
    let ticket = play(&mut house).await;
    let refused = async |house: &House, from: &str, to: &str| {
        let asked = pb::PreviewWorkRequest {
            ticket: key(&ticket),
            activity: Activity::Execution.into(),
            performer_id: "anna".into(),
            from: Some(at(from)),
            to: Some(at(to)),
            duration_seconds: None,
        };
        let previewed = house.tickets().preview_work(house.call(asked)).await.unwrap_err();
        let logged = house.work(&ticket, Activity::Execution, from, to);
        let logged = house.tickets().log_work(house.call(logged)).await.unwrap_err();
        assert_eq!(told(&previewed), told(&logged));
        told(&previewed).1
    };
    assert_eq!(refused(&house, "13:40", "13:50").await, "MALFORMED");
    assert_eq!(refused(&house, "08:00", "08:30").await, "BEFORE_OPENING");
    assert_eq!(refused(&house, "13:30", "13:40").await, "OVERLAPPING_WORK");
    let closed = pb::CloseTicketRequest { request_id: id(), ticket_id: ticket.clone(), ..Default::default() };
    house.tickets().close_ticket(house.call(closed)).await.unwrap();
    house.now = "14:30".into();
    assert_eq!(refused(&house, "14:00", "14:30").await, "TICKET_SETTLED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_opened_at_no_other_version_than_none() {
    let house = House::ready().await;
    let head = house.head().await;
    let opened = |expected_version| pb::OpenTicketRequest {
        request_id: id(),
        customer_id: "acme".into(),
        impact: pb::Impact::Request.into(),
        expected_version: Some(expected_version),
        ..Default::default()
    };
    let status = house.tickets().open_ticket(house.call(opened(1))).await.unwrap_err();
    assert_eq!(told(&status), (Code::Aborted, "WRONG_VERSION".into()));
    assert_eq!(status.get_details_error_info().unwrap().metadata["actual_version"], "0");
    assert_eq!(house.head().await, head);
    house.tickets().open_ticket(house.call(opened(0))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_writes_only_to_tickets_that_an_import_opened() {
    let house = House::importing().await;
    let own = house.open().await;
    let opened = pb::OpenTicketRequest {
        request_id: id(),
        customer_id: "acme".into(),
        impact: pb::Impact::Request.into(),
        ..Default::default()
    };
    let mut opened = house.call(opened);
    opened.metadata_mut().insert("beleg-origin", "import:test".parse().unwrap());
    let imported = house.tickets().open_ticket(opened).await.unwrap().into_inner().ticket_id;
    let start = async |ticket: &str| {
        let started = pb::StartDiagnosisRequest { request_id: id(), ticket_id: ticket.into(), ..Default::default() };
        let mut started = house.call(started);
        started.metadata_mut().insert("beleg-origin", "import:test".parse().unwrap());
        house.tickets().start_diagnosis(started).await
    };
    assert_eq!(told(&start(&own).await.unwrap_err()), (Code::FailedPrecondition, "NOT_IMPORTED".into()));
    start(&imported).await.unwrap();
    assert_eq!(house.ticket(&imported).await.origin.as_deref(), Some("import:test"));
    assert_eq!(house.ticket(&own).await.origin, None);
}
