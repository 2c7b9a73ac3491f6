use beleg_server::pb::{Activity, FaultCause, Reproducible};
use beleg_server::{audit, pb};

use crate::forge;
use crate::house::House;
use crate::place::{Part, Place};
use crate::worked_ticket::play;

fn silent(_: u64, _: u64) {}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_build_says_what_the_serving_views_say_and_every_assessment_follows_from_its_facts() {
    let mut house = House::ready().await;
    let ticket = play(&mut house).await;
    house.now = "15:00".into();
    house.findings(&ticket, FaultCause::BaseSoftware, Reproducible::Yes).await;
    let entries = house.entries(&ticket).await;

    // While the server runs.
    let compared = audit::check_views(&house.storage(), &silent).await.unwrap();
    assert!(compared.checked > 10);
    assert_eq!(compared.found, Vec::new());
    let verified = audit::verify(&house.storage(), &silent).await.unwrap();
    assert_eq!(verified.found, Vec::new());
    assert_eq!(verified.checked, 5);

    let data = house.stop().await;
    let rebuilt = audit::rebuild(&data.storage(), &silent).await.unwrap();
    assert_eq!(rebuilt.compared().unwrap().found, Vec::new());
    assert!(rebuilt.compared().unwrap().checked > 10);
    let compared = audit::check_views(&data.storage(), &silent).await.unwrap();
    assert_eq!(compared.found, Vec::new());
    assert!(!entries.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_view_and_a_forged_assessment_are_named() {
    let mut house = House::ready().await;
    play(&mut house).await;
    let data = house.stop().await;

    let more = "UPDATE balances SET amount_minor = amount_minor + 1 WHERE account = 'billable'";
    forge::run(&data, Part::Views, more).await;
    let compared = audit::check_views(&data.storage(), &silent).await.unwrap();
    assert_eq!(compared.found.len(), 2, "{:?}", compared.found);

    let forged = "UPDATE events SET payload = replace(payload, '\"amount_minor\":20000', '\"amount_minor\":90000') \
                  WHERE payload LIKE '%\"amount_minor\":20000%'";
    assert_eq!(forge::run(&data, Part::Log, forged).await, 1);
    let verified = audit::verify(&data.storage(), &silent).await.unwrap();
    // The leaf no longer fits, and the facts give another amount.
    assert_eq!(verified.found.len(), 2, "{:?}", verified.found);
    assert!(verified.found[0].to_string().contains("is not what was hashed"), "{:?}", verified.found);
    assert!(verified.found[1].to_string().contains("90000"), "{:?}", verified.found);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_account_is_named_though_the_figures_are_right() {
    let mut house = House::ready().await;
    play(&mut house).await;
    let data = house.stop().await;
    let forged = "UPDATE events SET payload = replace(payload, '\"account\":\"billable\"', '\"account\":\"free\"') \
                  WHERE payload LIKE '%\"amount_minor\":20000%'";
    assert_eq!(forge::run(&data, Part::Log, forged).await, 1);
    let verified = audit::verify(&data.storage(), &silent).await.unwrap();
    let named = |told: &&beleg_server::audit::Finding| {
        told.to_string().contains("account is \"free\" and should be \"billable\"")
    };
    assert_eq!(verified.found.iter().filter(named).count(), 1, "{:?}", verified.found);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_names_what_the_replaced_views_said_otherwise_and_never_runs_beside_the_server_of_a_directory() {
    let mut house = House::ready().await;
    play(&mut house).await;
    let beside_a_server = audit::rebuild(&house.storage(), &silent).await;
    if let Place::Directory(_) = house.data {
        let refused = beside_a_server.unwrap_err().to_string();
        assert!(refused.contains("stop it, rebuild, and start it again"), "{refused}");
    } else {
        assert_eq!(beside_a_server.unwrap().compared().unwrap().found, Vec::new());
        house.now = "16:00".into();
        house.open().await;
        let listed = pb::ListTicketsRequest { min_position: Some(house.head().await), ..Default::default() };
        assert_eq!(house.tickets().list_tickets(house.call(listed)).await.unwrap().into_inner().tickets.len(), 2);
    }

    let data = house.stop().await;
    forge::run(&data, Part::Views, "DELETE FROM contracts").await;
    let rebuilt = audit::rebuild(&data.storage(), &silent).await.unwrap();
    let head = data.storage().open_log_read_only().await.unwrap().head().position;
    assert_eq!((rebuilt.events, rebuilt.compared().unwrap().count), (head.unsigned_abs(), 1), "{rebuilt:?}");
    assert!(
        rebuilt.compared().unwrap().found[0].to_string().starts_with("contracts only in a fresh build"),
        "{rebuilt:?}"
    );
    let compared = audit::check_views(&data.storage(), &silent).await.unwrap();
    assert_eq!(compared.count, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_beside_a_busy_server_and_beside_each_other_find_nothing() {
    let mut house = House::ready().await;
    let ticket = house.open().await;
    house.now = "20:00".into();
    let hammering = async {
        for minute in 0..240 {
            let (hour, minute) = (9 + minute / 60, minute % 60);
            let (from, to) = (format!("{hour:02}:{minute:02}"), format!("{hour:02}:{:02}", minute + 1));
            if minute < 59 {
                house.log(house.work(&ticket, Activity::Diagnosis, &from, &to)).await;
            }
        }
    };
    let storage = house.storage();
    let checking = async {
        for _ in 0..5 {
            let (one, two) = tokio::join!(audit::check_views(&storage, &silent), audit::check_views(&storage, &silent));
            assert_eq!(one.unwrap().found, Vec::new());
            assert_eq!(two.unwrap().found, Vec::new());
        }
    };
    tokio::join!(hammering, checking);
    assert_eq!(house.data.builds_left().await, 0);
    house.stop().await;
}
