use std::sync::Arc;

use beleg_store::AppendError;

use crate::desk::{Desk, all, command, event, on_every_database, personal};

async fn a_new_log_begins_with_its_creation(desk: Desk) {
    let events = all(&*desk.log).await;
    assert_eq!(events.len(), 1);
    assert_eq!(&*events[0].event_type, "log_created");
    assert_eq!(desk.log.head().position, 1);
}

async fn an_expected_version_that_is_wrong_is_a_conflict_with_the_actual_one(desk: Desk) {
    desk.log.append(command("a", 0, 2)).await.unwrap();
    let conflict = desk.log.append(command("a", 1, 1)).await.unwrap_err();
    assert_eq!(conflict, AppendError::Conflict { stream: "a".into(), expected: 1, actual: 2 });
    let conflict = desk.log.append(command("b", 1, 1)).await.unwrap_err();
    assert_eq!(conflict, AppendError::Conflict { stream: "b".into(), expected: 1, actual: 0 });
    assert_eq!(all(&*desk.log).await.len(), 3);
}

async fn a_stream_that_is_only_read_is_expected_too(desk: Desk) {
    desk.log.append(command("contract", 0, 1)).await.unwrap();
    let mut reading = command("a", 0, 1);
    reading.expectations.push(("contract".into(), 0));
    assert!(matches!(desk.log.append(reading.clone()).await, Err(AppendError::Conflict { actual: 1, .. })));
    reading.expectations[1].1 = 1;
    desk.log.append(reading).await.unwrap();
}

async fn a_stream_that_is_read_before_it_is_there_gets_its_own_events(desk: Desk) {
    let mut reading = command("a", 0, 1);
    reading.expectations.push(("b".into(), 0));
    desk.log.append(reading).await.unwrap();
    let mut appended = Vec::new();
    // The second time on, a stream may be known by its number.
    for version in 0..3 {
        for (stream, version) in [("b", version), ("a", version + 1)] {
            appended.push((stream, desk.log.append(command(stream, version, 1)).await.unwrap().events[0].event_id));
        }
    }
    for stream in ["a", "b"] {
        let read = desk.log.read_stream(stream, 0, 10).await.unwrap();
        let own = appended.iter().filter(|(of, _)| *of == stream).map(|(_, id)| *id);
        let first = usize::from(stream == "a");
        assert!(read[first..].iter().map(|event| event.event_id).eq(own), "{stream}");
    }
}

async fn the_last_request_has_its_own_events_while_others_are_appended(desk: Desk) {
    let mut last = command("a", 0, 2);
    let mut receipt = desk.log.append(last.clone()).await.unwrap();
    for version in 1..200 {
        let next = command("a", version * 2, 2);
        let (found, appended) = tokio::join!(desk.log.find_request(last.request_id), desk.log.append(next.clone()));
        let found = found.unwrap().unwrap().receipt;
        assert_eq!((found.first_position, found.events), (receipt.first_position, receipt.events));
        (last, receipt) = (next, appended.unwrap());
    }
}

async fn a_repeated_request_gets_the_first_receipt_also_after_a_restart(desk: Desk) {
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

async fn an_event_id_occurs_once(desk: Desk) {
    let first = command("a", 0, 1);
    let taken = first.events[0].event_id;
    desk.log.append(first).await.unwrap();
    let mut second = command("b", 0, 1);
    second.events[0].event_id = taken;
    let refused = desk.log.append(second).await.unwrap_err();
    assert_eq!(refused, AppendError::EventExists { event_id: taken });
    assert_eq!(all(&*desk.log).await.len(), 2);
}

async fn racing_commands_leave_no_gap_and_one_that_fails_fails_alone(desk: Desk) {
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

async fn what_was_appended_is_read_back_as_it_was(desk: Desk) {
    let mut told = command("ä stream / with, \"signs\" \\ and \u{1f4dc}", 0, 3);
    told.origin = Some("import".into());
    told.correlation_id = Some(uuid::Uuid::new_v4());
    told.events[1].causation_id = Some(uuid::Uuid::new_v4());
    told.events[1].personal = vec![personal("note", "Zeile 1\nZeile 2, mit \0 darin"), personal("subject", "")];
    let receipt = desk.log.append(told.clone()).await.unwrap();
    let stored = desk.log.read_stream(&told.events[0].stream, 0, 10).await.unwrap();
    assert_eq!(stored.len(), 3);
    for ((stored, event), appended) in stored.iter().zip(&told.events).zip(&receipt.events) {
        assert_eq!(
            (stored.position, stored.version, stored.event_id),
            (appended.position, appended.version, event.event_id)
        );
        assert_eq!(
            (&stored.stream, &stored.event_type, &stored.payload),
            (&event.stream, &event.event_type, &event.payload)
        );
        assert_eq!((stored.schema_version, stored.occurred_at_us), (event.schema_version, event.occurred_at_us));
        assert_eq!((stored.recorded_at_us, stored.request_id), (receipt.recorded_at_us, told.request_id));
        assert_eq!((stored.causation_id, stored.correlation_id), (event.causation_id, told.correlation_id));
        assert_eq!((&stored.actor, &stored.origin), (&told.actor, &told.origin));
        assert_eq!(stored.personal.len(), event.personal.len());
        for (stored, field) in stored.personal.iter().zip(&event.personal) {
            assert_eq!(
                (&stored.name, stored.bytes(), stored.commitment),
                (&field.name, Some(&*field.bytes), field.commitment)
            );
        }
    }
    let ids: Vec<_> = stored.iter().map(|event| event.event_id).collect();
    assert_eq!(desk.log.events_by_id(&ids).await.unwrap(), stored);
    let positions: Vec<_> = stored.iter().map(|event| event.position).collect();
    assert_eq!(desk.log.events_at(&positions).await.unwrap(), stored);
    assert_eq!(desk.log.read_all(1, 10).await.unwrap(), stored);
    let found = desk.log.find_request(told.request_id).await.unwrap().unwrap();
    assert_eq!(found.receipt, beleg_store::Appended { repeated: true, ..receipt });
    assert_eq!(desk.log.find_request(uuid::Uuid::new_v4()).await.unwrap(), None);
}

async fn a_repeated_request_with_other_texts_is_another_request_until_they_are_erased(desk: Desk) {
    let mut told = command("a", 0, 1);
    told.events[0].personal = vec![personal("note", "Frau Weber rief an")];
    let mut other = told.clone();
    other.events[0].personal = vec![personal("note", "Herr Weber rief an")];
    let first = desk.log.append(told.clone()).await.unwrap();
    assert!(desk.log.append(told.clone()).await.unwrap().repeated);
    let reused = desk.log.append(other.clone()).await.unwrap_err();
    assert_eq!(reused, AppendError::RequestReused { request_id: told.request_id });
    desk.log.erase_personal(1, first.first_position).await.unwrap();
    assert!(desk.log.append(other).await.unwrap().repeated);
}

async fn versions_of_several_streams_come_in_the_order_asked(desk: Desk) {
    desk.log.append(command("a", 0, 2)).await.unwrap();
    desk.log.append(command("b", 0, 1)).await.unwrap();
    assert_eq!(desk.log.stream_versions(&["b", "none", "a", "b"]).await.unwrap(), [1, 0, 2, 1]);
    assert_eq!(desk.log.stream_versions(&[]).await.unwrap(), [0; 0]);
    assert_eq!(desk.log.stream_version("a").await.unwrap(), 2);
}

async fn an_instant_maps_to_a_position(desk: Desk) {
    let first = desk.log.append(command("a", 0, 2)).await.unwrap();
    let second = desk.log.append(command("a", 2, 1)).await.unwrap();
    assert_eq!(desk.log.position_at(0).await.unwrap(), 0);
    assert_eq!(desk.log.position_at(second.recorded_at_us).await.unwrap(), 4);
    assert_eq!(desk.log.position_at(i64::MAX).await.unwrap(), 4);
    if first.recorded_at_us < second.recorded_at_us {
        assert_eq!(desk.log.position_at(second.recorded_at_us - 1).await.unwrap(), 3);
        assert_eq!(desk.log.position_at(first.recorded_at_us).await.unwrap(), 3);
    }
}

async fn pages_follow_each_other(desk: Desk) {
    for batch in 0..6 {
        desk.log.append(command("long", batch * 500, 500)).await.unwrap();
    }
    assert_eq!(all(&*desk.log).await.len(), 3_001);
    let page = desk.log.read_stream("long", 1_000, 1_500).await.unwrap();
    assert!(page.iter().zip(1_001..).all(|(event, version)| event.version == version));
    assert_eq!(page.len(), 1_500);
    assert_eq!(desk.log.read_stream("long", 2_999, 1_500).await.unwrap().len(), 1);
    assert!(desk.log.read_stream("long", 3_000, 1_500).await.unwrap().is_empty());
    assert_eq!(desk.log.read_all(0, 3).await.unwrap().len(), 3);
}

async fn an_append_that_no_database_could_keep_is_malformed(desk: Desk) {
    let mut zero = command("a", 0, 1);
    zero.actor = "a\0b".into();
    assert!(matches!(desk.log.append(zero).await, Err(AppendError::Malformed { .. })));
    let mut two = command("a", 0, 1);
    two.expectations.push(("a".into(), 1));
    assert!(matches!(desk.log.append(two).await, Err(AppendError::Malformed { .. })));
    let mut elsewhere = command("a", 0, 1);
    elsewhere.events.push(event("b"));
    assert!(matches!(desk.log.append(elsewhere).await, Err(AppendError::Malformed { .. })));
}

/// Waits until the writer is busy with the first, so that the others form one batch.
async fn a_batch_with_every_kind_of_command_answers_each_as_if_it_came_alone(desk: Desk) {
    let earlier = command("a", 0, 1);
    let first = desk.log.append(earlier.clone()).await.unwrap();
    for round in 0..10 {
        let stream = |name: &str| format!("{name}-{round}");
        let fresh = command(&stream("fresh"), 0, 2);
        let mut reads = command(&stream("reads"), 0, 1);
        reads.expectations.push((stream("never").into(), 0));
        let follows = command(&stream("fresh"), 2, 1);
        let taken = {
            let mut taken = command(&stream("taken"), 0, 1);
            taken.events[0].event_id = earlier.events[0].event_id;
            taken
        };
        let batch = [
            fresh.clone(),
            command(&stream("fresh"), 0, 1),
            follows,
            fresh.clone(),
            earlier.clone(),
            reads,
            command("a", 7, 1),
            taken,
            command(&stream("last"), 0, 1),
        ];
        let sent: Vec<_> = batch
            .into_iter()
            .map(|append| {
                let log = Arc::clone(&desk.log);
                async move { log.append(append).await }
            })
            .collect();
        // Polled in their order on one task, so that they queue in their order.
        let answers = futures(sent).await;
        let receipt = answers[0].clone().unwrap();
        assert!(!receipt.repeated);
        assert_eq!(answers[1], Err(AppendError::Conflict { stream: stream("fresh").into(), expected: 0, actual: 2 }));
        assert_eq!(answers[2].as_ref().unwrap().events[0].version, 3);
        let again = answers[3].clone().unwrap();
        assert_eq!((again.repeated, &again.events), (true, &receipt.events));
        let again = answers[4].clone().unwrap();
        assert_eq!((again.repeated, &again.events), (true, &first.events));
        assert!(answers[5].is_ok());
        assert_eq!(answers[6], Err(AppendError::Conflict { stream: "a".into(), expected: 7, actual: 1 }));
        assert_eq!(answers[7], Err(AppendError::EventExists { event_id: earlier.events[0].event_id }));
        assert!(answers[8].is_ok());
    }
    assert_eq!(all(&*desk.log).await.len(), 2 + 10 * 5);
    assert_eq!(desk.log.stream_version("never-0").await.unwrap(), 0);
}

/// All of them, begun in their order.
async fn futures<F: Future + Send>(futures: Vec<F>) -> Vec<F::Output> {
    let mut pinned: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, output) in &mut pinned {
            if output.is_none()
                && let std::task::Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *output = Some(ready);
            }
        }
        if pinned.iter().all(|(_, output)| output.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    pinned.into_iter().filter_map(|(_, output)| output).collect()
}

on_every_database! {
    a_new_log_begins_with_its_creation,
    an_expected_version_that_is_wrong_is_a_conflict_with_the_actual_one,
    a_stream_that_is_only_read_is_expected_too,
    a_stream_that_is_read_before_it_is_there_gets_its_own_events,
    the_last_request_has_its_own_events_while_others_are_appended,
    a_repeated_request_gets_the_first_receipt_also_after_a_restart,
    an_event_id_occurs_once,
    racing_commands_leave_no_gap_and_one_that_fails_fails_alone,
    what_was_appended_is_read_back_as_it_was,
    a_repeated_request_with_other_texts_is_another_request_until_they_are_erased,
    versions_of_several_streams_come_in_the_order_asked,
    an_instant_maps_to_a_position,
    pages_follow_each_other,
    an_append_that_no_database_could_keep_is_malformed,
    a_batch_with_every_kind_of_command_answers_each_as_if_it_came_alone,
}
