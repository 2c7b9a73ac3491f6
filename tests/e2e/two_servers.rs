use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use beleg_server::{audit, pb};
use tokio::task::JoinSet;
use tonic::Code;

use crate::house::{House, POLICY, at, id, key, told};
use crate::place::Place;

/// Two servers on one database, with policy and contract.
async fn two() -> Option<(House, House)> {
    let place = Place::database().await?;
    let one = House::on(place.clone(), false).await;
    one.prepare().await;
    Some((one, House::on(place, false).await))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_acknowledged_the_other_shows_and_builds_on_at_once() {
    let Some((mut one, mut two)) = two().await else { return };
    let ticket = one.open().await;
    (one.now, two.now) = ("20:00".into(), "20:00".into());
    for round in 0..40 {
        let (writer, reader) = if round % 2 == 0 { (&one, &two) } else { (&two, &one) };
        // Both have the ticket folded: one of them is outdated every time.
        let mut work =
            writer.work(&ticket, pb::Activity::Diagnosis, &format!("10:{round:02}"), &format!("10:{:02}", round + 1));
        work.expected_version = Some(reader.ticket(&ticket).await.version);
        let logged = writer.log(work.clone()).await;
        let shown = reader.ticket(&ticket).await;
        assert_eq!(shown.work.len(), round + 1);
        assert_eq!(shown.version, work.expected_version.unwrap() + 2);
        // A repeated request is recognised there, and a version that is no more is told with the one that is.
        assert_eq!(reader.log(work.clone()).await.work_id, logged.work_id);
        work.request_id = id();
        let wrong = reader.tickets().log_work(reader.call(work)).await.unwrap_err();
        assert_eq!(told(&wrong), (Code::Aborted, "WRONG_VERSION".into()));
        assert!(wrong.message().contains(&format!("is at version {}", shown.version)), "{wrong:?}");
        let cost = pb::GetCostStatusRequest { ticket: key(&ticket), ..Default::default() };
        let cost = reader.tickets().get_cost_status(reader.call(cost)).await.unwrap().into_inner();
        assert_eq!(cost.version, shown.version);
    }
    assert_eq!(one.entries(&ticket).await, two.entries(&ticket).await);
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_and_contracts_of_one_hold_at_the_other() {
    let Some((one, two)) = two().await else { return };
    let document = POLICY.replace("name = \"support\"", "name = \"night\"");
    let publish = pb::PublishPolicyRequest { request_id: id(), document: document.clone(), ..Default::default() };
    one.policies().publish_policy(one.call(publish)).await.unwrap();
    let asked = pb::GetPolicyRequest { name: "night".into(), version: None };
    two.policies().get_policy(two.call(asked)).await.unwrap();
    let again = pb::PublishPolicyRequest { request_id: id(), document, ..Default::default() };
    let unchanged = two.policies().publish_policy(two.call(again)).await.unwrap_err();
    assert_eq!(told(&unchanged).1, "POLICY_UNCHANGED");

    two.agree("initech", 9_000).await.unwrap();
    let contract = async |house: &House| {
        let asked = pb::GetContractRequest { customer_id: "initech".into() };
        house.contracts().get_contract(house.call(asked)).await.unwrap().into_inner().contract.unwrap()
    };
    assert_eq!(contract(&one).await.version, 1);
    for (house, other, rate) in [(&two, &one, 10_000), (&one, &two, 11_000), (&two, &one, 12_000)] {
        let amend = pb::AmendContractRequest {
            request_id: id(),
            customer_id: "initech".into(),
            effective_date: "2026-04-01".into(),
            expected_version: Some(contract(other).await.version),
            terms: Some(pb::Terms {
                policy: Some("night".into()),
                hourly_rate: Some(pb::HourlyRate { amount_minor: Some(rate) }),
                ..Default::default()
            }),
            ..Default::default()
        };
        house.contracts().amend_contract(house.call(amend)).await.unwrap();
        assert_eq!(contract(other).await, contract(house).await);
    }
    one.stop().await;
    two.stop().await;
}

/// A server whose clock is behind, and that has not yet seen what the other one recorded later, would find in the future
/// what is past already. It looks where the log ends before it says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_contract_or_a_policy_before_what_the_other_server_recorded_is_not_in_the_future() {
    let Some((mut one, two)) = two().await else { return };
    assert_eq!(two.now, "09:00");
    for round in 0..20 {
        // Given an event that the first server recorded at this minute, with the second one's clock far behind it.
        one.now = format!("12:{:02}", 2 * round);
        one.open().await;
        let occurred_at = Some(at(&one.now));
        // When the second one is asked, before it can have followed, for what happened at that very minute.
        let agree = pb::AgreeContractRequest {
            request_id: id(),
            customer_id: format!("customer-{round}"),
            currency_code: "EUR".into(),
            time_zone: "UTC".into(),
            effective_date: "2026-01-01".into(),
            occurred_at,
            terms: Some(pb::Terms { policy: Some("support".into()), ..Default::default() }),
            ..Default::default()
        };
        // Then it is taken.
        two.contracts().agree_contract(two.call(agree)).await.unwrap();

        one.now = format!("12:{:02}", 2 * round + 1);
        one.open().await;
        let name = format!("name = \"night-{round}\"");
        let publish = pb::PublishPolicyRequest {
            request_id: id(),
            document: POLICY.replace("name = \"support\"", &name),
            occurred_at: Some(at(&one.now)),
            ..Default::default()
        };
        two.policies().publish_policy(two.call(publish)).await.unwrap();
        // What no server has come to is refused all the same.
        let ahead = pb::PublishPolicyRequest {
            request_id: id(),
            document: POLICY.replace("name = \"support\"", "name = \"tomorrow\""),
            occurred_at: Some(at("23:00")),
            ..Default::default()
        };
        let refused = two.policies().publish_policy(two.call(ahead)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
    }
    one.stop().await;
    two.stop().await;
}

/// The first of the calls that come in together brings the copies up to date: the others decided on the older ones.
#[tokio::test(flavor = "multi_thread")]
async fn calls_that_come_in_together_all_know_what_the_other_server_has_acknowledged() {
    let Some((one, two)) = two().await else { return };
    for round in 0..20 {
        let name = format!("night-{round}");
        let document = POLICY.replace("name = \"support\"", &format!("name = \"{name}\""));
        let publish = pb::PublishPolicyRequest { request_id: id(), document, ..Default::default() };
        one.policies().publish_policy(one.call(publish)).await.unwrap();
        let agree = pb::AgreeContractRequest {
            request_id: id(),
            customer_id: name.clone(),
            currency_code: "EUR".into(),
            time_zone: "UTC".into(),
            effective_date: "2026-01-01".into(),
            terms: Some(pb::Terms { policy: Some(name.clone()), ..Default::default() }),
            ..Default::default()
        };
        one.contracts().agree_contract(one.call(agree)).await.unwrap();
        let mut calls = JoinSet::new();
        for _ in 0..16 {
            let open = pb::OpenTicketRequest {
                request_id: id(),
                customer_id: name.clone(),
                impact: pb::Impact::Incident.into(),
                ..Default::default()
            };
            let (mut tickets, call) = (two.tickets(), two.call(open));
            calls.spawn(async move { tickets.open_ticket(call).await });
        }
        for opened in calls.join_all().await {
            opened.unwrap();
        }
    }
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_of_the_whole_log_ends_with_what_the_other_server_has_acknowledged() {
    let Some((one, two)) = two().await else { return };
    for _ in 0..20 {
        let open = pb::OpenTicketRequest {
            request_id: id(),
            customer_id: "acme".into(),
            impact: pb::Impact::Incident.into(),
            ..Default::default()
        };
        let opened = one.tickets().open_ticket(one.call(open)).await.unwrap().into_inner();
        let asked = two.call(pb::ReadLogRequest::default());
        let mut reading = two.log_service().read_log(asked).await.unwrap().into_inner();
        let mut last = 0;
        while let Some(part) = reading.message().await.unwrap() {
            last = part.events.last().map_or(last, |event| event.position);
        }
        assert_eq!(last, opened.receipt.unwrap().position);
    }
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_race_for_a_ticket_through_both_count_once_each_and_the_ledger_is_a_rebuilds() {
    let Some((mut one, mut two)) = two().await else { return };
    let tickets = [one.open().await, two.open().await];
    (one.now, two.now) = ("20:00".into(), "20:00".into());
    let hammer = async |house: &House, hour: u32, who: &str| {
        for minute in 0..30 {
            for ticket in &tickets {
                let (from, to) = (format!("{hour}:{minute:02}"), format!("{hour}:{:02}", minute + 1));
                let mut work = house.work(ticket, pb::Activity::Diagnosis, &from, &to);
                work.performer_id = who.into();
                // Whoever was overtaken five times says so, and is asked again.
                let begun = Instant::now();
                while let Err(status) = house.tickets().log_work(house.call(work.clone())).await {
                    assert_eq!(told(&status), (Code::Aborted, "CONTENTION".into()), "{status:?}");
                    assert!(begun.elapsed() < Duration::from_secs(30));
                }
            }
        }
    };
    tokio::join!(
        hammer(&one, 10, "anna"),
        hammer(&two, 10, "ben"),
        hammer(&one, 11, "carla"),
        hammer(&two, 11, "dora"),
    );
    for ticket in &tickets {
        let (shown, other) = (one.ticket(ticket).await, two.ticket(ticket).await);
        assert_eq!(shown, other);
        assert_eq!((shown.work.len(), shown.version), (120, 1 + 2 * 120));
        let entries = one.entries(ticket).await;
        assert_eq!(entries, two.entries(ticket).await);
        let worked: i64 = entries.iter().map(|entry| entry.worked_seconds).sum();
        assert_eq!(worked, 120 * 60);
    }
    let storage = one.storage();
    assert_eq!(audit::check_views(&storage, &|_, _| {}).await.unwrap().found, Vec::new());
    assert_eq!(audit::verify(&storage, &|_, _| {}).await.unwrap().found, Vec::new());
    assert_eq!(one.head().await, 3 + 2 * (1 + 2 * 120));
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_head_of_one_reaches_the_other_and_its_views_within_a_tenth_of_a_second() {
    let Some((one, two)) = two().await else { return };
    let mut taken = Vec::new();
    for (writer, reader) in std::iter::repeat_n([(&one, &two), (&two, &one)], 10).flatten() {
        writer.open().await;
        let begun = Instant::now();
        let head = writer.head().await;
        while reader.head().await < head {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let seen = begun.elapsed();
        let listed = pb::ListTicketsRequest { min_position: Some(head), ..Default::default() };
        reader.tickets().list_tickets(reader.call(listed)).await.unwrap();
        taken.push((seen, begun.elapsed()));
    }
    // The median, because other tests use the same processor.
    let median = |mut times: Vec<Duration>| {
        times.sort();
        times[times.len() / 2]
    };
    let seen = median(taken.iter().map(|(seen, _)| *seen).collect());
    let listed = median(taken.iter().map(|(_, listed)| *listed).collect());
    assert!(seen < Duration::from_millis(100), "{taken:?}");
    assert!(listed < Duration::from_millis(250), "{taken:?}");
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_server_that_projects_ends_the_other_one_goes_on() {
    let Some((one, two)) = two().await else { return };
    let ticket = two.open().await;
    let before = two.entries(&ticket).await.len();
    one.stop().await;
    let mut two = two;
    two.now = "11:00".into();
    two.log(two.work(&ticket, pb::Activity::Diagnosis, "10:00", "10:10")).await;
    assert_eq!(two.entries(&ticket).await.len(), before + 1);
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn views_are_rebuilt_and_exchanged_under_two_servers_at_work() {
    let Some((mut one, mut two)) = two().await else { return };
    let tickets = [one.open().await, two.open().await];
    (one.now, two.now) = ("20:00".into(), "20:00".into());
    let storage = one.storage();
    let done = AtomicBool::new(false);
    let hammer = async |house: &House, ticket: &str| {
        let mut count = 0;
        for (hour, minute) in (10..18).flat_map(|hour| (0..59).map(move |minute| (hour, minute))) {
            if done.load(Ordering::Relaxed) {
                break;
            }
            let (from, to) = (format!("{hour}:{minute:02}"), format!("{hour}:{:02}", minute + 1));
            let work = house.work(ticket, pb::Activity::Diagnosis, &from, &to);
            let logged = house.tickets().log_work(house.call(work)).await.unwrap().into_inner();
            count += 1;
            // And it can be read back from the views, whichever they are by then.
            let position = logged.receipt.unwrap().position;
            let listed = pb::ListEntriesRequest {
                ticket_id: Some(ticket.into()),
                min_position: Some(position),
                page_size: 1_000,
                ..Default::default()
            };
            let entries = house.ledger().list_entries(house.call(listed)).await.unwrap().into_inner().entries;
            assert!(entries.iter().any(|entry| entry.position == position));
        }
        count
    };
    let rebuilding = async {
        for _ in 0..4 {
            let rebuilt = audit::rebuild(&storage, &|_, _| {}).await.unwrap();
            assert_eq!(rebuilt.compared().unwrap().found, Vec::new());
        }
        done.store(true, Ordering::Relaxed);
    };
    let (first, second, ()) = tokio::join!(hammer(&one, &tickets[0]), hammer(&two, &tickets[1]), rebuilding);
    assert!(first > 4 && second > 4, "{first} {second}");
    for (ticket, count) in tickets.iter().zip([first, second]) {
        let entries = two.entries(ticket).await;
        assert_eq!(entries, one.entries(ticket).await);
        assert_eq!(entries.iter().map(|entry| entry.worked_seconds).sum::<i64>(), count * 60);
    }
    assert_eq!(audit::check_views(&storage, &|_, _| {}).await.unwrap().found, Vec::new());
    assert_eq!(one.data.builds_left().await, 0);
    one.stop().await;
    two.stop().await;
}
