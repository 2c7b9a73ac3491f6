use beleg_server::pb;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::house::{House, at, id, key, told};
use crate::worked_ticket::play;

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
async fn entries_and_balances_name_the_position_that_they_are_as_of() {
    let mut house = House::ready().await;
    play(&mut house).await;
    let head = house.head().await;
    let asked = async |point: Option<pb::as_of::Point>| {
        let as_of = point.map(|point| pb::AsOf { point: Some(point) });
        let min_position = Some(head);
        let entries = pb::ListEntriesRequest { as_of, min_position, ..Default::default() };
        let entries = house.ledger().list_entries(house.call(entries)).await.unwrap().into_inner();
        let balances = pb::GetBalancesRequest { as_of, min_position, ..Default::default() };
        let balances = house.ledger().get_balances(house.call(balances)).await.unwrap().into_inner();
        assert_eq!(entries.position, balances.position);
        (entries.entries, entries.position)
    };
    let (all, now) = asked(None).await;
    assert_eq!((all.len(), now), (7, head));
    let posted = all[0].position;
    let (then, position) = asked(Some(pb::as_of::Point::Position(posted))).await;
    assert!(!then.is_empty() && then.len() < all.len());
    assert_eq!(position, posted, "not where the views are meanwhile");
    // A simulated clock begins with 1970, so there was nothing but the log's creation.
    let long_ago = "2000-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(asked(Some(pb::as_of::Point::RecordedAt(long_ago))).await, (Vec::new(), 1));
    let (then, position) = asked(Some(pb::as_of::Point::RecordedAt(at("12:30")))).await;
    assert!(position < head && then.iter().all(|entry| entry.position <= position), "{position}");
    assert_eq!(asked(Some(pb::as_of::Point::Position(position))).await, (then, position));
    // What is not in the log yet is no part of it.
    assert_eq!(asked(Some(pb::as_of::Point::Position(head + 100))).await, (all, head));
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

#[tokio::test(flavor = "multi_thread")]
async fn a_token_belongs_to_its_method() {
    let house = House::ready().await;
    house.open().await;
    house.open().await;
    let min_position = Some(house.head().await);
    let listed = pb::ListTicketsRequest { page_size: 1, min_position, ..Default::default() };
    let page_token = house.tickets().list_tickets(house.call(listed)).await.unwrap().into_inner().next_page_token;
    assert!(!page_token.is_empty());
    let token = || page_token.clone();
    let entries = pb::ListEntriesRequest { page_token: token(), ..Default::default() };
    let balances = pb::GetBalancesRequest { page_token: token(), ..Default::default() };
    let contracts = pb::ListContractsRequest { page_token: token(), ..Default::default() };
    let policies = pb::ListPoliciesRequest { page_token: token(), ..Default::default() };
    let refused = [
        house.ledger().list_entries(house.call(entries)).await.unwrap_err(),
        house.ledger().get_balances(house.call(balances)).await.unwrap_err(),
        house.contracts().list_contracts(house.call(contracts)).await.unwrap_err(),
        house.policies().list_policies(house.call(policies)).await.unwrap_err(),
    ];
    for status in refused {
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().contains("another query"), "{status:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_history_and_a_large_ticket_come_in_parts_and_lose_nothing() {
    let mut house = House::ready().await;
    let ticket = house.open().await;
    house.now = "23:00".into();
    let note = "x".repeat(16 * 1024);
    for minute in 0..150 {
        let (hour, minute) = (10 + minute / 60, minute % 60);
        let (from, to) =
            (format!("{hour}:{minute:02}"), format!("{}:{:02}", hour + (minute + 1) / 60, (minute + 1) % 60));
        let work = house.work(&ticket, pb::Activity::Execution, &from, &to);
        house.log(pb::LogWorkRequest { note: note.clone(), ..work }).await;
    }
    let version = house.ticket(&ticket).await.version;
    let mut asked = pb::GetTicketHistoryRequest { ticket: key(&ticket), page_size: 1_000, ..Default::default() };
    let (mut versions, mut pages) = (Vec::new(), 0);
    loop {
        // The clients' own limit of 4 MiB holds for every page.
        let page = house.tickets().get_ticket_history(house.call(asked.clone())).await.unwrap().into_inner();
        versions.extend(page.events.iter().map(|event| event.version));
        pages += 1;
        asked.page_token = page.next_page_token;
        if asked.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(versions, (1..=version).collect::<Vec<_>>());
    assert!((3..=4).contains(&pages), "{pages}");

    // A page that ends with the history says so.
    let exact = pb::GetTicketHistoryRequest {
        ticket: key(&ticket),
        page_size: i32::try_from(version).unwrap(),
        about: Some(at("22:59")),
        ..Default::default()
    };
    let page = house.tickets().get_ticket_history(house.call(exact)).await.unwrap().into_inner();
    assert_eq!((page.events.len(), page.next_page_token.as_str()), (1, ""));

    // A full read cuts its messages as well.
    let mut read = house.log_service().read_log(house.call(pb::ReadLogRequest::default())).await.unwrap().into_inner();
    let (mut positions, mut messages) = (Vec::new(), 0);
    while let Some(message) = read.message().await.unwrap() {
        positions.extend(message.events.iter().map(|event| event.position));
        messages += 1;
    }
    assert_eq!(positions, (1..=house.head().await).collect::<Vec<_>>());
    assert!(messages >= 3, "{messages}");
}

/// A ticket of an import: a bug of the customizing, told and released without limit.
async fn released_in_january(house: &House) -> String {
    fn imported<T>(house: &House, message: T) -> tonic::Request<T> {
        let mut request = house.call(message);
        request.metadata_mut().insert("beleg-origin", "import:test".parse().unwrap());
        request
    }
    let minute = |minute: u8| Some(format!("2026-01-31T00:{minute:02}:00Z").parse().unwrap());
    let opened = pb::OpenTicketRequest {
        request_id: id(),
        customer_id: "acme".into(),
        impact: pb::Impact::Incident.into(),
        occurred_at: minute(0),
        ..Default::default()
    };
    let ticket_id = house.tickets().open_ticket(imported(house, opened)).await.unwrap().into_inner().ticket_id;
    let found = pb::RecordFindingsRequest {
        request_id: id(),
        ticket_id: ticket_id.clone(),
        occurred_at: minute(1),
        findings: Some(pb::Findings {
            behaviour: pb::Behaviour::Deviates.into(),
            cause: pb::FaultCause::Customizing.into(),
            reproducible_in_standard: pb::Reproducible::No.into(),
            security_relevant: false,
        }),
        ..Default::default()
    };
    house.tickets().record_findings(imported(house, found)).await.unwrap();
    let informed = pb::InformCustomerRequest {
        request_id: id(),
        ticket_id: ticket_id.clone(),
        occurred_at: minute(2),
        ..Default::default()
    };
    let informed = house.tickets().inform_customer(imported(house, informed)).await.unwrap().into_inner();
    let approved = pb::GiveApprovalRequest {
        occurred_at: minute(3),
        limit: Some(pb::Limit { kind: Some(pb::limit::Kind::Unlimited(true)) }),
        ..house.approval(&ticket_id, &informed.information_id, 0)
    };
    house.tickets().give_approval(imported(house, approved)).await.unwrap();
    ticket_id
}

#[tokio::test(flavor = "multi_thread")]
async fn work_of_a_large_ticket_comes_in_parts_of_one_state() {
    let mut house = House::importing().await;
    // Many rates cut each of the entries into many segments.
    for day in 1..=25 {
        let amended = pb::AmendContractRequest {
            request_id: id(),
            customer_id: "acme".into(),
            effective_date: format!("2026-02-{day:02}"),
            terms: Some(pb::Terms {
                hourly_rate: Some(pb::HourlyRate { amount_minor: Some(10_000 + day) }),
                ..Default::default()
            }),
            ..Default::default()
        };
        house.contracts().amend_contract(house.call(amended)).await.unwrap();
    }
    let ticket = released_in_january(&house).await;
    for performer in 0..150 {
        let work = pb::LogWorkRequest {
            performer_id: format!("p{performer}"),
            from: Some("2026-01-31T01:00:00Z".parse().unwrap()),
            to: Some("2026-03-01T01:00:00Z".parse().unwrap()),
            ..house.work(&ticket, pb::Activity::Execution, "09:00", "09:00")
        };
        house.log(work).await;
    }
    house.now = "09:01".into();
    let mut asked = pb::GetTicketRequest { ticket: key(&ticket), ..Default::default() };
    let mut performers = Vec::new();
    let mut parts = 0;
    loop {
        let part = house.tickets().get_ticket(house.call(asked.clone())).await.unwrap().into_inner();
        let shown = part.ticket.unwrap();
        assert_eq!(shown.classification.unwrap().class(), pb::Class::CustomizingBug);
        performers.extend(shown.work.into_iter().map(|work| work.performer_id));
        parts += 1;
        asked.work_page_token = part.next_work_page_token;
        if asked.work_page_token.is_empty() {
            break;
        }
        // Whatever happens in between: the parts are of the state that the first one showed.
        house.findings(&ticket, pb::FaultCause::BaseSoftware, pb::Reproducible::Yes).await;
    }
    assert_eq!(performers, (0..150).map(|performer| format!("p{performer}")).collect::<Vec<_>>());
    assert!(parts > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_wait_for_a_position_and_say_how_far_they_have_come() {
    let house = House::ready().await;
    let head = house.head().await;
    let contracts = pb::ListContractsRequest { min_position: Some(head), ..Default::default() };
    let listed = house.contracts().list_contracts(house.call(contracts)).await.unwrap().into_inner();
    assert!(listed.position >= head && listed.contracts.len() == 1);
    let policies = pb::ListPoliciesRequest { min_position: Some(head), ..Default::default() };
    let listed = house.policies().list_policies(house.call(policies)).await.unwrap().into_inner();
    assert!(listed.position >= head && listed.policies.len() == 1);

    let negative = pb::ListTicketsRequest { min_position: Some(-1), ..Default::default() };
    let status = house.tickets().list_tickets(house.call(negative)).await.unwrap_err();
    assert_eq!(told(&status), (Code::InvalidArgument, "MALFORMED".into()));
    // Nobody has written it yet: that is waited for, and not for ever.
    let beyond = pb::ListContractsRequest { min_position: Some(head + 1_000), ..Default::default() };
    let status = house.contracts().list_contracts(house.call(beyond)).await.unwrap_err();
    assert_eq!(told(&status), (Code::Unavailable, "VIEWS_BEHIND".into()));
    assert!(status.get_details_retry_info().unwrap().retry_delay.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_say_what_was_imported_and_from_where_also_when_the_views_are_built_anew() {
    let house = House::importing().await;
    let imported = released_in_january(&house).await;
    let own = house.open().await;
    for ticket in [&imported, &own] {
        let work = house.work(ticket, pb::Activity::Execution, "08:00", "08:10");
        // Only the imported ticket was open by then.
        let logged = house.tickets().log_work(house.call(work)).await;
        assert_eq!(logged.is_ok(), *ticket == imported, "{logged:?}");
    }
    let mut brought = house.call(house.work(&imported, pb::Activity::Execution, "08:10", "08:20"));
    brought.metadata_mut().insert("beleg-origin", "import:other".parse().unwrap());
    house.tickets().log_work(brought).await.unwrap();
    let seen = async |house: &House| {
        let listed = pb::ListTicketsRequest { min_position: Some(house.head().await), ..Default::default() };
        let listed = house.tickets().list_tickets(house.call(listed)).await.unwrap().into_inner();
        let tickets: Vec<_> = listed.tickets.into_iter().map(|ticket| ticket.origin).collect();
        let entries: Vec<_> = house.entries(&imported).await.into_iter().map(|entry| entry.origin).collect();
        (tickets, entries)
    };
    let expected = (vec![Some("import:test".into()), None], vec![None, Some("import:other".into())]);
    assert_eq!(seen(&house).await, expected);
    let data = house.stop().await;
    data.lose_views().await;
    assert_eq!(seen(&House::on(data, true).await).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_table_can_be_read_back_whole() {
    let house = House::ready().await;
    let asked = pb::GetPolicyRequest { name: "support".into(), version: None };
    let policy = house.policies().get_policy(house.call(asked)).await.unwrap().into_inner();
    // The bytes that the hash is of.
    let whole: serde_json::Value = serde_json::from_str(&policy.canonical_json).unwrap();
    let rows = whole["classification"].as_array().unwrap();
    assert_eq!(rows.len(), policy.classifications.len());
    for (written, row) in rows.iter().zip(&policy.classifications) {
        assert_eq!((&written["rule"], &written["class"]), (&row.rule.as_str().into(), &row.class.as_str().into()));
        let when = row.when.as_ref().unwrap();
        let listed = |key: &str| written["when"][key].as_array().cloned().unwrap_or_default();
        assert_eq!(listed("behaviour"), when.behaviours);
        assert_eq!(listed("cause"), when.causes);
        assert_eq!(listed("reproducible"), when.reproducible);
        assert_eq!(listed("security_relevant"), when.security_relevant);
        assert_eq!(written["charge"], row.charge);
        let by_cause = row.charge_by_cause.iter().map(|other| (other.cause.clone(), other.charge.as_str().into()));
        let by_cause: serde_json::Map<String, serde_json::Value> = by_cause.collect();
        let written = written.get("charge_by_cause").cloned().unwrap_or_else(|| serde_json::json!({}));
        assert_eq!(written, serde_json::Value::Object(by_cause));
    }
    assert!(policy.classifications.iter().any(|row| !row.charge_by_cause.is_empty()));
}
