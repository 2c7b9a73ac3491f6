use beleg_server::pb::{self, Activity};
use prost_types::Timestamp;
use tonic::Code;

use crate::house::{House, at, id, key, told};
use crate::worked_ticket::play;

async fn about(house: &House, ticket: &str, about: &str) -> Result<pb::Ticket, tonic::Status> {
    let asked = pb::GetTicketRequest { ticket: key(ticket), about: Some(at(about)), ..Default::default() };
    Ok(house.tickets().get_ticket(house.call(asked)).await?.into_inner().ticket.unwrap())
}

/// A change request, quoted at 10:00 for 500.00 EUR, accepted at 11:00 and delivered at 13:00.
async fn delivered_quote(house: &mut House) -> String {
    let ticket = house.open().await;
    house.findings(&ticket, pb::FaultCause::CustomerSide, pb::Reproducible::No).await;
    house.now = "10:00".into();
    let price = pb::Money { currency_code: "EUR".into(), amount_minor: 50_000 };
    let informed = pb::InformCustomerRequest {
        request_id: id(),
        ticket_id: ticket.clone(),
        offer: Some(pb::inform_customer_request::Offer::Quote(price)),
        ..Default::default()
    };
    let information = house.tickets().inform_customer(house.call(informed)).await.unwrap().into_inner().information_id;
    house.now = "11:00".into();
    let accepted = pb::GiveApprovalRequest {
        basis: pb::Basis::Quote.into(),
        limit: None,
        ..house.approval(&ticket, &information, 0)
    };
    house.tickets().give_approval(house.call(accepted)).await.unwrap();
    house.now = "13:00".into();
    let resolved = pb::ResolveTicketRequest { request_id: id(), ticket_id: ticket.clone(), ..Default::default() };
    house.tickets().resolve_ticket(house.call(resolved)).await.unwrap();
    ticket
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quote_costs_from_its_delivery_on_and_nothing_was_there_before_the_opening() {
    let mut house = House::ready().await;
    let ticket = delivered_quote(&mut house).await;
    let before = about(&house, &ticket, "12:00").await.unwrap();
    assert_eq!((before.status(), before.quotes.len()), (pb::TicketStatus::Open, 0));
    assert_eq!(before.charged.unwrap().amount_minor, 0);
    let now = house.ticket(&ticket).await;
    assert_eq!((before.version, before.position), (now.version, now.position));
    let after = about(&house, &ticket, "13:00").await.unwrap();
    assert_eq!((after.quotes.len(), after.charged.unwrap().amount_minor), (1, 50_000));
    assert_eq!(after.quotes, now.quotes);

    let status = about(&house, &ticket, "08:59").await.unwrap_err();
    assert_eq!(told(&status), (Code::FailedPrecondition, "BEFORE_OPENING".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_void_counts_from_its_own_instant_even_before_its_work_was_logged() {
    let mut house = House::ready().await;
    let ticket = play(&mut house).await;
    let void = async |house: &House, occurred_at: Option<Timestamp>, work_id: String| {
        let reason = "typed twice".to_owned();
        let voided = pb::VoidWorkRequest {
            request_id: id(),
            ticket_id: ticket.clone(),
            work_id,
            reason,
            occurred_at,
            ..Default::default()
        };
        house.tickets().void_work(house.call(voided)).await.unwrap();
    };
    house.now = "15:00".into();
    let late = house.log(house.work(&ticket, Activity::Execution, "14:00", "14:10")).await.work_id;
    void(&house, Some(at("10:30")), late.clone()).await;
    let then = about(&house, &ticket, "14:30").await.unwrap();
    assert!(then.work.iter().all(|work| work.work_id != late), "it was logged at 15:00");

    let first = then.work[1].clone();
    house.now = "16:00".into();
    void(&house, None, first.work_id.clone()).await;
    assert_eq!(about(&house, &ticket, "15:30").await.unwrap().work[1], first);
    let now = house.ticket(&ticket).await;
    assert!(now.work[1].voided && now.work[1].segments.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn history_and_cost_can_be_asked_about_an_instant() {
    let mut house = House::ready().await;
    let ticket = play(&mut house).await;
    let asked =
        |about: Option<Timestamp>| pb::GetTicketHistoryRequest { ticket: key(&ticket), about, ..Default::default() };
    let all = house.tickets().get_ticket_history(house.call(asked(None))).await.unwrap().into_inner().events;
    let then = house.tickets().get_ticket_history(house.call(asked(Some(at("10:00"))))).await.unwrap().into_inner();
    assert!(then.events.len() < all.len() && then.next_page_token.is_empty());
    assert!(then.events.iter().all(|event| event.occurred_at.unwrap().seconds <= at("10:00").seconds));

    let asked = |about, at| pb::GetCostStatusRequest { ticket: key(&ticket), about, at, ..Default::default() };
    let cost = async |about: Option<Timestamp>, at: Option<Timestamp>| {
        house.tickets().get_cost_status(house.call(asked(about, at))).await.map(tonic::Response::into_inner)
    };
    let then = cost(Some(at("10:10")), None).await.unwrap();
    assert_eq!(then.activities[1].rule.as_ref().unwrap().id, "withheld.before-approval");
    assert_eq!(then.cost_so_far.unwrap().amount_minor, 0);
    let then = cost(Some(at("12:30")), None).await.unwrap();
    assert_eq!((then.limit_left_seconds, then.cost_so_far.unwrap().amount_minor), (Some(20 * 60), 20_000));
    assert_eq!(cost(None, None).await.unwrap().limit_left_seconds, Some(0));
    for refused in [cost(None, Some(at("08:59"))).await, cost(Some(at("08:59")), None).await] {
        assert_eq!(told(&refused.unwrap_err()), (Code::FailedPrecondition, "BEFORE_OPENING".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_can_be_asked_as_it_stood() {
    let mut house = House::ready().await;
    let ticket = play(&mut house).await;
    let before = house.entries(&ticket).await;
    let position = house.head().await;
    house.now = "15:00".into();
    house.findings(&ticket, pb::FaultCause::BaseSoftware, pb::Reproducible::Yes).await;

    let as_of = Some(pb::AsOf { point: Some(pb::as_of::Point::Position(position)) });
    let listed = |standing_only| pb::ListEntriesRequest {
        ticket_id: Some(ticket.clone()),
        as_of,
        standing_only,
        min_position: None,
        ..Default::default()
    };
    let then = house.ledger().list_entries(house.call(listed(false))).await.unwrap().into_inner().entries;
    assert_eq!(then, before, "nothing was reversed yet");
    let standing = house.ledger().list_entries(house.call(listed(true))).await.unwrap().into_inner().entries;
    assert_eq!(standing, before);
    assert_ne!(house.entries(&ticket).await, before);

    let sum = async |as_of| {
        let asked = pb::GetBalancesRequest { as_of, min_position: Some(house.head().await), ..Default::default() };
        let balances = house.ledger().get_balances(house.call(asked)).await.unwrap().into_inner().balances;
        (balances[0].worked_seconds, balances[0].amount.as_ref().unwrap().amount_minor)
    };
    assert_eq!(sum(as_of).await, (205 * 60, 24_000));
    let at_noon = Some(pb::AsOf { point: Some(pb::as_of::Point::RecordedAt(at("12:30"))) });
    assert_eq!(sum(at_noon).await, (165 * 60, 20_000));
    assert_eq!(sum(None).await, (205 * 60, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_recorded_moves_a_simulated_clock() {
    let mut house = House::ready().await;
    let now = async |house: &House| {
        let status = house.log_service().get_log_status(pb::GetLogStatusRequest {}).await.unwrap().into_inner();
        status.now.unwrap()
    };
    assert_eq!(now(&house).await, at("09:00"));
    house.now = "20:00".into();
    let asked = house.log_service().get_log_status(house.call(pb::GetLogStatusRequest {})).await.unwrap();
    assert_eq!(asked.into_inner().now, Some(at("20:00")));
    let refused = pb::StartDiagnosisRequest { request_id: id(), ticket_id: id(), ..Default::default() };
    house.tickets().start_diagnosis(house.call(refused)).await.unwrap_err();
    assert_eq!(now(&house).await, at("09:00"));

    house.now = "10:00".into();
    house.open().await;
    // Earlier than what is recorded is not earlier than the log.
    house.now = "09:30".into();
    let ticket = house.open().await;
    assert_eq!(house.ticket(&ticket).await.opened_at, Some(at("10:00")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_may_be_published_for_an_earlier_instant_and_for_no_later_one() {
    let mut house = House::empty().await;
    house.now = "12:00".into();
    let published = |occurred_at| pb::PublishPolicyRequest {
        request_id: id(),
        document: include_str!("../../policies/support.toml").to_owned(),
        occurred_at,
        ..Default::default()
    };
    let status = house.policies().publish_policy(house.call(published(Some(at("12:01"))))).await.unwrap_err();
    assert_eq!(told(&status), (Code::InvalidArgument, "MALFORMED".into()));
    house.policies().publish_policy(house.call(published(Some(at("11:00"))))).await.unwrap();
    let read = pb::ReadLogRequest { from_position: 2, to_position: None };
    let event = house.log_service().read_log(house.call(read)).await.unwrap().into_inner().message().await.unwrap();
    let event = event.unwrap().events.remove(0);
    assert_eq!((event.occurred_at, event.recorded_at), (Some(at("11:00")), Some(at("12:00"))));
}
