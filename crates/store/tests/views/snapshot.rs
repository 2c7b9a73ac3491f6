use beleg_store::views::{Generation, Snapshot};
use uuid::Uuid;

use crate::house::{House, Place, entry, on_every_database, ticket};

on_every_database!(a_pinned_moment_stays_while_the_serving_views_move_on);

async fn a_pinned_moment_stays_while_the_serving_views_move_on(place: Place) {
    let house = House::of(place, 4).await;
    let storage = house.storage();
    let (mut writer, _views) = house.views().await;
    let (id, assessment) = (Uuid::new_v4(), Uuid::new_v4());
    let mut first = house.up_to(2).await;
    first.tickets.push(ticket(id, 2));
    writer.apply(&first).await.unwrap();

    let mut pinned = Snapshot::open(&storage).await.unwrap();
    pinned.check_origin(&*house.log).await.unwrap();
    let mut later = house.up_to(4).await;
    later.entries.push(entry(id, 1, assessment, 0));
    writer.apply(&later).await.unwrap();

    assert_eq!(pinned.position(), 2);
    let fresh = Generation::begin(&storage).await.unwrap();
    let mut build = fresh.writer(&*house.log).await.unwrap();
    build.apply(&first).await.unwrap();
    let (rows, differences) = pinned.compare(&fresh).await.unwrap();
    assert_eq!((rows, differences), (2, Vec::new()));
    pinned.close().await.unwrap();
    build.apply(&later).await.unwrap();

    // And what differs is named, from both sides.
    let mut pinned = Snapshot::open(&storage).await.unwrap();
    let other = Generation::begin(&storage).await.unwrap();
    let mut build = other.writer(&*house.log).await.unwrap();
    later.entries[0].amount_minor += 1;
    build.apply(&first).await.unwrap();
    build.apply(&later).await.unwrap();
    let (rows, differences) = pinned.compare(&other).await.unwrap();
    assert_eq!(rows, 3);
    let named: Vec<_> = differences.iter().map(|difference| (difference.table, difference.only_serving)).collect();
    assert_eq!(named, [("entries", true), ("entries", false)]);
}
