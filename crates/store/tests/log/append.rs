use std::sync::Arc;

use beleg_store::{AppendError, EventLog};

use crate::desk::{Desk, command};

/// All events, checked to be gapless and never to run backwards in time.
async fn all(log: &dyn EventLog) -> Vec<beleg_store::StoredEvent> {
    let mut events: Vec<beleg_store::StoredEvent> = Vec::new();
    loop {
        let after = events.last().map_or(0, |event| event.position);
        let page = log.read_all(after, 100).await.unwrap();
        if page.is_empty() {
            return events;
        }
        for event in page {
            assert_eq!(event.position, events.len() as i64 + 1);
            assert!(events.last().is_none_or(|last| last.recorded_at_us <= event.recorded_at_us));
            events.push(event);
        }
    }
}

#[tokio::test]
async fn a_new_log_begins_with_its_creation() {
    let desk = Desk::new().await;
    let events = all(&*desk.log).await;
    assert_eq!(events.len(), 1);
    assert_eq!(&*events[0].event_type, "log_created");
    assert_eq!(desk.log.head().position, 1);
}

#[tokio::test]
async fn an_expected_version_that_is_wrong_is_a_conflict_with_the_actual_one() {
    let desk = Desk::new().await;
    desk.log.append(command("a", 0, 2)).await.unwrap();
    let conflict = desk.log.append(command("a", 1, 1)).await.unwrap_err();
    assert_eq!(conflict, AppendError::Conflict { stream: "a".into(), expected: 1, actual: 2 });
    let conflict = desk.log.append(command("b", 1, 1)).await.unwrap_err();
    assert_eq!(conflict, AppendError::Conflict { stream: "b".into(), expected: 1, actual: 0 });
    assert_eq!(all(&*desk.log).await.len(), 3);
}

#[tokio::test]
async fn a_stream_that_is_only_read_is_expected_too() {
    let desk = Desk::new().await;
    desk.log.append(command("contract", 0, 1)).await.unwrap();
    let mut reading = command("a", 0, 1);
    reading.expectations.push(("contract".into(), 0));
    assert!(matches!(desk.log.append(reading.clone()).await, Err(AppendError::Conflict { actual: 1, .. })));
    reading.expectations[1].1 = 1;
    desk.log.append(reading).await.unwrap();
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_receipt_also_after_a_restart() {
    let desk = Desk::new().await;
    let once = command("a", 0, 2);
    let first = desk.log.append(once.clone()).await.unwrap();
    desk.log.append(command("a", 2, 1)).await.unwrap();
    let desk = desk.reopened().await;
    let second = desk.log.append(once.clone()).await.unwrap();
    assert!(second.repeated && !first.repeated);
    assert_eq!((second.first_position, &second.events), (first.first_position, &first.events));
    let other = beleg_store::Append { request_digest: [7; 32], ..once };
    let reused = desk.log.append(other.clone()).await.unwrap_err();
    assert_eq!(reused, AppendError::RequestReused { request_id: other.request_id });
    assert_eq!(all(&*desk.log).await.len(), 4);
}

#[tokio::test]
async fn an_event_id_occurs_once() {
    let desk = Desk::new().await;
    let first = command("a", 0, 1);
    let taken = first.events[0].event_id;
    desk.log.append(first).await.unwrap();
    let mut second = command("b", 0, 1);
    second.events[0].event_id = taken;
    let refused = desk.log.append(second).await.unwrap_err();
    assert_eq!(refused, AppendError::EventExists { event_id: taken });
    assert_eq!(all(&*desk.log).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn racing_commands_leave_no_gap_and_one_that_fails_fails_alone() {
    let desk = Desk::new().await;
    let log = Arc::clone(&desk.log);
    let racing = (0..64).map(|task| {
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            let (mut done, mut conflicts) = (0, 0);
            for version in 0..10 {
                let own = log.append(command(&format!("own-{task}"), version, 2)).await;
                // Every second version of a stream of one's own is wrong by intent.
                match own {
                    Ok(_) => done += 1,
                    Err(AppendError::Conflict { .. }) => conflicts += 1,
                    Err(error) => panic!("{error}"),
                }
            }
            (done, conflicts)
        })
    });
    let tasks: Vec<_> = racing.collect();
    for task in tasks {
        // Versions go 0, 2, 4, …: version 0 is right, 1 is wrong, 2 is right, and so on.
        assert_eq!(task.await.unwrap(), (5, 5));
    }
    assert_eq!(all(&*desk.log).await.len(), 1 + 64 * 5 * 2);
    assert_eq!(desk.log.head().position, 1 + 64 * 5 * 2);
    assert_eq!(desk.log.stream_version("own-7").await.unwrap(), 10);
}
