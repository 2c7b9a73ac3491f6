use std::sync::Arc;
use std::time::{Duration, Instant};

use beleg_postgres_cluster::Cluster;
use beleg_server::{audit, pb};
use tokio::net::TcpStream;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::house::{House, id, key, told};
use crate::place::Place;

async fn houses() -> Option<(Arc<Cluster>, House, House)> {
    let place = Place::own().await?;
    let Place::Own(cluster) = &place else { return None };
    let cluster = Arc::clone(cluster);
    let one = House::on(place.clone(), false).await;
    one.prepare().await;
    let two = House::on(place, false).await;
    // It has opened the log when it answers.
    two.head().await;
    Some((cluster, one, two))
}

async fn restarted(cluster: &Arc<Cluster>) {
    let cluster = Arc::clone(cluster);
    tokio::task::spawn_blocking(move || cluster.restart()).await.unwrap().unwrap();
}

/// Kills the database, and returns once nothing answers any more.
async fn killed(cluster: &Cluster) {
    cluster.kill().unwrap();
    while TcpStream::connect(("127.0.0.1", cluster.port())).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Away, and worth another try soon.
fn is_away(status: &Status) {
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    let details = status.get_error_details();
    assert!(details.retry_info().is_some_and(|retry| retry.retry_delay.is_some()), "{status:?}");
    assert!(["UNAVAILABLE", "OUTCOME_UNKNOWN"].contains(&&*told(status).1), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_away_callers_are_told_to_come_back_and_then_all_goes_on() {
    let Some((cluster, mut one, mut two)) = houses().await else { return };
    let ticket = one.open().await;
    (one.now, two.now) = ("20:00".into(), "20:00".into());
    killed(&cluster).await;
    let work = one.work(&ticket, pb::Activity::Diagnosis, "10:00", "10:10");
    let (mut writing, mut reading) = (one.tickets(), two.tickets());
    let asked = pb::GetTicketRequest { ticket: key(&ticket), ..Default::default() };
    let begun = Instant::now();
    let (written, read) =
        tokio::join!(writing.log_work(one.call(work.clone())), reading.get_ticket(two.call(asked.clone())));
    is_away(&written.unwrap_err());
    is_away(&read.unwrap_err());
    // Bounded: what a connection is ridden out for, and the look-up of an outcome that cannot be known.
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());

    restarted(&cluster).await;
    let give_up = Instant::now() + Duration::from_secs(30);
    while let Err(status) = two.tickets().log_work(two.call(work.clone())).await {
        is_away(&status);
        assert!(Instant::now() < give_up, "{status:?}");
    }
    // The same request, sent to both before and after, counts once.
    one.log(work).await;
    let shown = one.tickets().get_ticket(one.call(asked)).await.unwrap().into_inner().ticket.unwrap();
    assert_eq!(shown.work.len(), 1);
    let caught_up = async |house: &House| {
        let listed = pb::ListTicketsRequest { min_position: Some(house.head().await), ..Default::default() };
        house.tickets().list_tickets(house.call(listed)).await
    };
    while let Err(status) = caught_up(&two).await {
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
        assert!(Instant::now() < give_up, "{status:?}");
    }
    assert_eq!(one.entries(&ticket).await, two.entries(&ticket).await);
    assert_eq!(audit::check_views(&one.storage(), &|_, _| {}).await.unwrap().found, Vec::new());
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_through_both_servers_over_a_database_that_is_killed_again_and_again_count_once() {
    let Some((cluster, mut one, mut two)) = houses().await else { return };
    let tickets = [one.open().await, two.open().await];
    (one.now, two.now) = ("20:00".into(), "20:00".into());
    let hammer = async |house: &House, ticket: &str, who: &str| {
        for minute in 0..59 {
            let (from, to) = (format!("10:{minute:02}"), format!("10:{:02}", minute + 1));
            let mut work = house.work(ticket, pb::Activity::Diagnosis, &from, &to);
            work.performer_id = who.into();
            work.request_id = id();
            let give_up = Instant::now() + Duration::from_secs(60);
            while let Err(status) = house.tickets().log_work(house.call(work.clone())).await {
                assert!([Code::Unavailable, Code::Aborted].contains(&status.code()), "{status:?}");
                assert!(Instant::now() < give_up, "{status:?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let killing = async {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(400)).await;
            killed(&cluster).await;
            restarted(&cluster).await;
        }
    };
    tokio::join!(
        killing,
        hammer(&one, &tickets[0], "anna"),
        hammer(&two, &tickets[0], "ben"),
        hammer(&one, &tickets[1], "anna"),
        hammer(&two, &tickets[1], "ben"),
    );
    for ticket in &tickets {
        let shown = one.ticket(ticket).await;
        assert_eq!((shown.work.len(), shown.version), (118, 1 + 2 * 118));
        assert_eq!(shown, two.ticket(ticket).await);
    }
    let storage = one.storage();
    assert_eq!(audit::verify(&storage, &|_, _| {}).await.unwrap().found, Vec::new());
    assert_eq!(one.head().await, 3 + 2 * (1 + 2 * 118));
    one.stop().await;
    two.stop().await;
    let rebuilt = audit::rebuild(&storage, &|_, _| {}).await.unwrap();
    assert_eq!(rebuilt.compared().unwrap().found, Vec::new());
}
