use beleg_store::views::Snapshot;
use beleg_store::{OpenError, ViewsOpenError};

use crate::house::{House, Place, on_every_database};

on_every_database!(views_of_another_build_are_known_for_what_they_are);

/// The schema has this program's number, and other tables: what two builds of one version may leave.
async fn views_of_another_build_are_known_for_what_they_are(place: Place) {
    let house = House::of(place, 2).await;
    let (writer, views) = house.views().await;
    writer.close().await.unwrap();
    views.close().await;
    let mut shell = house.shell().await;
    let zeros = match house.place {
        Place::Sqlite(_) => "zeroblob(48)",
        Place::Postgres(_) => "decode(repeat('00', 48), 'hex')",
    };
    shell.run(&format!("UPDATE _sqlx_migrations SET checksum = {zeros}")).await.unwrap();
    shell.run("ALTER TABLE tickets DROP COLUMN origin").await.unwrap();

    let opened = house.refused(&*house.log).await;
    let pinned = Snapshot::open(&house.storage()).await.map(drop).unwrap_err();
    for refused in [opened, pinned] {
        assert!(refused.is_of_another_build(), "{refused}");
        assert!(matches!(refused, ViewsOpenError::Open(OpenError::OtherBuild { .. })), "{refused}");
        assert!(refused.to_string().contains("of another build of this program"), "{refused}");
    }
}
