use std::path::Path;

use beleg_store::Views;
use beleg_store::views::{Generation, serving_file};

use crate::house::House;

/// The names in a directory, the log's and the serving views' left out.
fn left_in(directory: &Path) -> Vec<String> {
    let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut left: Vec<String> =
        names.filter(|name| !name.starts_with("log.") && !name.starts_with("views.sqlite")).collect();
    left.sort();
    left
}

#[tokio::test]
async fn every_run_has_a_file_of_its_own_and_takes_it_away_at_its_end() {
    let house = House::of(2).await;
    let directory = house.directory.path();
    let (one, two) = (Generation::begin(directory).unwrap(), Generation::begin(directory).unwrap());
    assert_ne!(one.path(), two.path());
    for generation in [&one, &two] {
        let mut writer = generation.writer(&house.log).await.unwrap();
        writer.apply(&house.up_to(2).await).await.unwrap();
        writer.finish().await.unwrap();
    }
    drop(one);
    assert!(two.path().exists());
    two.serve(directory).unwrap();
    assert_eq!(left_in(directory), Vec::<String>::new());
    let (mut writer, _views) = Views::open(&serving_file(directory), &house.log).await.unwrap();
    assert_eq!(writer.end().await.unwrap(), (2, 0));
}

#[tokio::test]
async fn what_a_dead_run_left_is_removed_and_what_a_living_one_builds_is_not() {
    let house = House::of(2).await;
    let directory = house.directory.path();
    for name in ["views.fresh-0-0.lock", "views.fresh-0-0.sqlite", "views.fresh-0-0.sqlite-journal"] {
        std::fs::write(directory.join(name), b"").unwrap();
    }
    let living = Generation::begin(directory).unwrap();
    assert_eq!(left_in(directory).len(), 1, "{:?}", left_in(directory));
    let other = Generation::begin(directory).unwrap();
    assert_eq!(left_in(directory).len(), 2, "{:?}", left_in(directory));
    drop((living, other));
    assert_eq!(left_in(directory), Vec::<String>::new());
}
