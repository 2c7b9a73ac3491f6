use beleg_server::pb;
use beleg_server::pb::policy_service_client::PolicyServiceClient;

use crate::house::{House, serve};
use crate::place::Place;

#[tokio::test(flavor = "multi_thread")]
async fn a_log_with_a_simulated_clock_is_refused_by_an_ordinary_server_and_the_other_way_round() {
    let simulated = House::ready().await.stop().await;
    let (_channel, _stop, running) = serve(&simulated, false).await;
    let error = running.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("simulated"), "{error}");

    let ordinary = Place::new().await;
    let (_channel, stop, running) = serve(&ordinary, false).await;
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
    let (_channel, _stop, running) = serve(&ordinary, true).await;
    let error = running.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("system"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_directory_has_one_writer() {
    let house = House::ready().await;
    let Place::Directory(_) = house.data else { return };
    let (_channel, _stop, running) = serve(&house.data, true).await;
    let error = running.await.unwrap().unwrap_err().to_string();
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
