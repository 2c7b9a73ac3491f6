use std::time::Duration;

use beleg_store::views::{EntryRow, TicketChange, TicketFilter};
use beleg_store::{Damage, UnavailableReason, ViewError};
use uuid::Uuid;

use crate::house::{House, Place, Shell, entry, on_every_database, ticket};

on_every_database!(
    a_change_of_what_is_not_there_is_an_error_and_leaves_nothing_behind,
    a_lock_is_a_matter_of_time_and_is_told_without_the_databases_words,
    what_reversals_name_is_found_together_and_was_posted_once,
    what_the_schema_forbids_is_refused,
);

async fn a_change_of_what_is_not_there_is_an_error_and_leaves_nothing_behind(place: Place) {
    let house = House::of(place, 3).await;
    let (mut writer, views) = house.views().await;
    let (here, missing) = (Uuid::new_v4(), Uuid::new_v4());
    let resolved = TicketChange { status: Some("resolved"), class: None };

    let mut batch = house.up_to(2).await;
    batch.tickets.push(ticket(here, 2));
    batch.changes.insert(here, resolved.clone());
    batch.changes.insert(missing, resolved);
    let refused = writer.apply(&batch).await.unwrap_err();
    assert!(matches!(refused, ViewError::Broken { .. }), "{refused}");
    assert_eq!(writer.end().await.unwrap(), (0, 0));

    batch.changes.remove(&missing);
    batch.amended.insert("acme".into(), 1);
    let refused = writer.apply(&batch).await.unwrap_err();
    assert!(matches!(refused, ViewError::Broken { .. }), "{refused}");

    batch.amended.clear();
    batch.entries.push(entry(missing, 1, Uuid::new_v4(), 0));
    let refused = writer.apply(&batch).await.unwrap_err();
    assert_eq!(refused, ViewError::Broken { damage: Damage::Contradiction });

    batch.entries.clear();
    writer.apply(&batch).await.unwrap();
    let listed = views.tickets(&TicketFilter::default(), 0, 10).await.unwrap();
    assert_eq!(listed.iter().map(|row| &*row.status).collect::<Vec<_>>(), ["resolved"]);
}

async fn a_lock_is_a_matter_of_time_and_is_told_without_the_databases_words(place: Place) {
    let house = House::of(place, 2).await;
    let (mut writer, _views) = house.views().await;
    let mut other = house.shell().await;
    let lock = match other {
        Shell::Sqlite(_) => "BEGIN IMMEDIATE",
        Shell::Postgres(_) => "BEGIN; SELECT FROM checkpoint FOR UPDATE",
    };
    other.run(lock).await.unwrap();
    let batch = house.up_to(2).await;
    let waiting = std::time::Instant::now();
    let refused = writer.apply(&batch).await.unwrap_err();
    assert_eq!(refused, ViewError::Unavailable { reason: UnavailableReason::Locked });
    assert_eq!(refused.to_string(), "the views are unavailable: the database is locked by another process");
    assert!(waiting.elapsed() < Duration::from_secs(4), "the projector must come back soon enough to be stopped");
    other.run("ROLLBACK").await.unwrap();
    writer.apply(&batch).await.unwrap();
    assert_eq!(writer.end().await.unwrap(), (2, 0));
    let again = writer.apply(&batch).await.unwrap_err();
    assert!(matches!(again, ViewError::Broken { .. }), "{again}");
}

async fn what_reversals_name_is_found_together_and_was_posted_once(place: Place) {
    let house = House::of(place, 3).await;
    let (mut writer, _views) = house.views().await;
    let (id, assessment) = (Uuid::new_v4(), Uuid::new_v4());
    let mut batch = house.up_to(2).await;
    batch.tickets.push(ticket(id, 2));
    batch.entries = (0..40).map(|segment| entry(id, segment + 1, assessment, segment)).collect();
    writer.apply(&batch).await.unwrap();

    let mut found = writer.postings(&[(assessment, 7), (assessment, 3), (assessment, 40), (id, 0)]).await.unwrap();
    found.sort_by_key(|entry| entry.number);
    assert_eq!(found, [batch.entries[3].clone(), batch.entries[7].clone()]);

    let mut twice = house.up_to(3).await;
    twice.entries.push(entry(id, 41, assessment, 7));
    let refused = writer.apply(&twice).await.unwrap_err();
    assert!(matches!(refused, ViewError::Broken { .. }), "{refused}");
}

async fn what_the_schema_forbids_is_refused(place: Place) {
    let house = House::of(place, 4).await;
    let (mut writer, _views) = house.views().await;
    let (id, assessment) = (Uuid::new_v4(), Uuid::new_v4());
    let mut batch = house.up_to(2).await;
    batch.tickets.push(ticket(id, 2));
    batch.entries = vec![entry(id, 1, assessment, 0), entry(id, 2, assessment, 1)];
    writer.apply(&batch).await.unwrap();

    let reversal = |number, reverses| EntryRow {
        worked_seconds: -60,
        billed_seconds: -60,
        amount_minor: -200,
        reverses: Some(reverses),
        ..entry(id, number, Uuid::new_v4(), 0)
    };
    let wrong = [
        // Not equal and opposite; not on the account of what it names; not an entry that was posted.
        vec![EntryRow { amount_minor: -199, ..reversal(3, 1) }],
        vec![EntryRow { account: "free".into(), billed_seconds: 0, amount_minor: 0, ..reversal(3, 1) }],
        vec![EntryRow { ticket_id: Uuid::new_v4(), ..reversal(3, 1) }],
        vec![reversal(3, 7)],
        // Twice; a reversal of a reversal.
        vec![reversal(3, 1), reversal(4, 1)],
        vec![reversal(3, 1), EntryRow { worked_seconds: 60, billed_seconds: 60, amount_minor: 200, ..reversal(4, 3) }],
        // Money where none stands; time that runs backwards.
        vec![EntryRow { account: "withheld".into(), ..entry(id, 3, Uuid::new_v4(), 0) }],
        vec![EntryRow { worked_seconds: -1, ..entry(id, 3, Uuid::new_v4(), 0) }],
    ];
    for entries in wrong {
        let mut batch = house.up_to(3).await;
        batch.entries = entries;
        let refused = writer.apply(&batch).await.expect_err(&format!("{:?}", batch.entries));
        assert_eq!(refused, ViewError::Broken { damage: Damage::Contradiction });
    }
    let mut right = house.up_to(3).await;
    right.entries = vec![reversal(3, 1), entry(id, 4, Uuid::new_v4(), 0), reversal(5, 4)];
    writer.apply(&right).await.unwrap();

    let mut shell = house.shell().await;
    for change in ["UPDATE entries SET amount_minor = 0", "DELETE FROM entries", "DELETE FROM entries WHERE number = 5"]
    {
        assert!(shell.run(change).await.is_err(), "{change}");
    }
    assert_eq!(writer.end().await.unwrap(), (3, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_a_batch_names_are_looked_up_whatever_there_was_when_the_first_one_came() {
    let Some(place) = Place::postgres().await else { return };
    let house = House::of(place, 14).await;
    let Place::Postgres(database) = &house.place else { panic!("a database") };
    let (mut writer, views) = house.views().await;
    let tickets: Vec<_> = (0..400).map(|_| Uuid::new_v4()).collect();
    let (assessment, resolved) = (Uuid::new_v4(), TicketChange { status: Some("resolved"), class: None });
    let mut first = house.up_to(2).await;
    first.tickets.push(ticket(tickets[0], 1));
    first.changes.insert(tickets[0], resolved.clone());
    writer.apply(&first).await.unwrap();
    assert_eq!(writer.postings(&[(assessment, 0)]).await.unwrap(), []);

    let mut many = house.up_to(3).await;
    many.tickets = (2..).zip(&tickets[1..]).map(|(opened, id)| ticket(*id, opened)).collect();
    many.entries = (0..2_000).map(|place| entry(tickets[0], place + 1, assessment, place)).collect();
    writer.apply(&many).await.unwrap();
    for position in 4..14 {
        let mut batch = house.up_to(position).await;
        batch.changes.insert(tickets[1], resolved.clone());
        writer.apply(&batch).await.unwrap();
        assert_eq!(writer.postings(&[(assessment, 7)]).await.unwrap(), [many.entries[7].clone()]);
    }
    writer.close().await.unwrap();
    views.close().await;

    // The server counts what a session read when that has ended.
    let mut shell = <sqlx::PgConnection as sqlx::Connection>::connect(database.url()).await.unwrap();
    let mut read = async |index: &str| {
        let sql = "SELECT idx_scan, idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = $1";
        for _ in 0..100 {
            let (scans, rows) = sqlx::query_as::<_, (i64, i64)>(sql).bind(index).fetch_one(&mut shell).await.unwrap();
            if scans >= 10 {
                return rows;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{index} was not used");
    };
    assert_eq!(read("entries_posted_once").await, 10);
    // An entry looks for its ticket.
    let rows = read("tickets_ticket_id_key").await;
    assert!(rows < 2_100, "{rows} rows of 400 tickets were read for 11 changes and 2,000 entries");
}
