use beleg_server::pb;
use beleg_server::pb::policy_service_client::PolicyServiceClient;

use crate::house::{House, refusal, serve};
use crate::place::Place;

#[tokio::test(flavor = "multi_thread")]
async fn a_log_with_a_simulated_clock_is_refused_by_an_ordinary_server_and_the_other_way_round() {
    let simulated = House::ready().await.stop().await;
    let error = refusal(&simulated, false).await;
    assert!(error.contains("simulated"), "{error}");

    let ordinary = Place::new().await;
    let (_channel, stop, running) = serve(&ordinary, false).await;
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
    let error = refusal(&ordinary, true).await;
    assert!(error.contains("system"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_directory_has_one_writer() {
    let house = House::ready().await;
    let Place::Directory(_) = house.data else { return };
    let error = refusal(&house.data, true).await;
    assert!(error.contains("another process"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_the_views_answer_before_anything_new_is_appended() {
    let data = House::ready().await.stop().await;
    let (channel, stop, running) = serve(&data, true).await;
    let listed = PolicyServiceClient::new(channel).list_policies(pb::ListPoliciesRequest::default()).await.unwrap();
    assert_eq!(listed.into_inner().policies.len(), 1);
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
}

/// The files in a directory that this process has open.
#[cfg(target_os = "linux")]
fn open_in(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    // The listing's own is gone by now.
    let open = open.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    open.filter(|file| file.starts_with(directory)).collect()
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn once_a_server_has_ended_or_refused_it_has_no_file_open_any_more() {
    let house = House::ready().await;
    if !matches!(house.data, Place::Directory(_)) {
        return;
    }
    house.open().await;
    let (data, other) = (house.stop().await, House::ready().await.stop().await);
    let Place::Directory(directory) = &data else { return };
    assert_eq!(open_in(directory.path()), Vec::<std::path::PathBuf>::new());
    data.take_views_of(&other).await;
    let refused = refusal(&data, true).await;
    assert!(refused.contains("are not of the log beside them"), "{refused}");
    assert_eq!(open_in(directory.path()), Vec::<std::path::PathBuf>::new());
}
