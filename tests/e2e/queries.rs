use beleg_server::pb;
use tonic::Code;

use crate::house::{House, at, id};
use crate::worked_ticket::play;

pub(crate) fn key(ticket: &str) -> Option<pb::TicketKey> {
    Some(pb::TicketKey { key: Some(pb::ticket_key::Key::TicketId(ticket.into())) })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_found_by_its_callers_reference_which_is_unique() {
    let house = House::ready().await;
    let reference = pb::Reference { system: "desk".into(), number: "INC-7".into() };
    let opened = || pb::OpenTicketRequest {
        request_id: id(),
        customer_id: "acme".into(),
        impact: pb::Impact::Request.into(),
        reference: Some(reference.clone()),
        ..Default::default()
    };
    let ticket = house.tickets().open_ticket(house.call(opened())).await.unwrap().into_inner().ticket_id;
    let again = house.tickets().open_ticket(house.call(opened())).await.unwrap_err();
    assert_eq!(again.code(), Code::AlreadyExists);
    let by_reference = pb::TicketKey { key: Some(pb::ticket_key::Key::Reference(reference)) };
    let shown = pb::GetTicketRequest { ticket: Some(by_reference), ..Default::default() };
    let shown = house.tickets().get_ticket(house.call(shown)).await.unwrap().into_inner();
    assert_eq!(shown.ticket.unwrap().ticket_id, ticket);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_known_then_can_be_asked_by_position_and_by_time() {
    let mut house = House::ready().await;
    let ticket = play(&mut house).await;
    let charged = |as_of: Option<pb::as_of::Point>| {
        let as_of = as_of.map(|point| pb::AsOf { point: Some(point) });
        let shown = pb::GetTicketRequest { ticket: key(&ticket), as_of, ..Default::default() };
        let request = house.call(shown);
        let mut tickets = house.tickets();
        async move {
            let shown = tickets.get_ticket(request).await.unwrap().into_inner().ticket.unwrap();
            shown.charged.unwrap().amount_minor
        }
    };
    assert_eq!(charged(None).await, 24_000);
    assert_eq!(charged(Some(pb::as_of::Point::RecordedAt(at("12:30")))).await, 20_000);
    let head = house.head().await;
    assert_eq!(charged(Some(pb::as_of::Point::Position(head - 1))).await, 20_000);
    assert_eq!(charged(Some(pb::as_of::Point::Position(head))).await, 24_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_whole_and_their_tokens_belong_to_one_query() {
    let mut house = House::ready().await;
    let ticket = play(&mut house).await;
    let all = house.entries(&ticket).await;
    let mut listed = pb::ListEntriesRequest { page_size: 2, ticket_id: Some(ticket.clone()), ..Default::default() };
    let mut paged = Vec::new();
    loop {
        let page = house.ledger().list_entries(house.call(listed.clone())).await.unwrap().into_inner();
        assert!(page.entries.len() <= 2);
        paged.extend(page.entries);
        if page.next_page_token.is_empty() {
            break;
        }
        listed.page_token = page.next_page_token;
    }
    assert_eq!(paged, all);
    listed.ticket_id = None;
    let status = house.ledger().list_entries(house.call(listed)).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cost_status_says_where_a_minute_would_go_and_whose_turn_it_is() {
    let mut house = House::ready().await;
    let ticket = play(&mut house).await;
    let asked = pb::GetCostStatusRequest { ticket: key(&ticket), ..Default::default() };
    let status = house.tickets().get_cost_status(house.call(asked)).await.unwrap().into_inner();
    assert_eq!(status.activities[1].rule.as_ref().unwrap().id, "withheld.approval-exhausted");
    assert_eq!(status.limit_left_seconds, Some(0));
    assert_eq!(status.allowance_left_seconds, 0);
    assert_eq!(status.turn, i32::from(pb::Turn::Customer));
    assert_eq!(status.cost_so_far.unwrap().amount_minor, 24_000);
}
