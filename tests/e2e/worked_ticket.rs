use beleg_server::pb::{self, Activity, FaultCause, Reproducible};

use crate::house::{House, id};

/// Plays domain's worked day up to the corrected findings.
pub(crate) async fn play(house: &mut House) -> String {
    let ticket = house.open().await;
    let started = pb::StartDiagnosisRequest { request_id: id(), ticket_id: ticket.clone(), ..Default::default() };
    house.tickets().start_diagnosis(house.call(started)).await.unwrap();
    house.now = "09:50".into();
    house.log(house.work(&ticket, Activity::Diagnosis, "09:10", "09:50")).await;
    house.findings(&ticket, FaultCause::Customizing, Reproducible::No).await;
    house.now = "10:00".into();
    let information = house.inform(&ticket, 120).await;
    house.now = "10:20".into();
    let approval = house.approval(&ticket, &information, 120);
    house.tickets().give_approval(house.call(approval)).await.unwrap();
    house.now = "12:00".into();
    house.log(house.work(&ticket, Activity::Execution, "09:55", "12:00")).await;
    house.now = "13:40".into();
    house.log(house.work(&ticket, Activity::Execution, "13:00", "13:40")).await;
    ticket
}

/// Net (account, rule) → (worked seconds, amount), in order of name.
fn net(entries: &[pb::Entry]) -> Vec<(String, i64, i64)> {
    let mut sums = std::collections::BTreeMap::new();
    for entry in entries {
        let sum: &mut (i64, i64) = sums.entry(entry.rule.clone()).or_default();
        sum.0 += entry.worked_seconds;
        sum.1 += entry.amount.as_ref().unwrap().amount_minor;
    }
    sums.retain(|_, sum| *sum != (0, 0));
    sums.into_iter().map(|(rule, (worked, amount))| (rule, worked, amount)).collect()
}

fn row(rule: &str, minutes: i64, amount: i64) -> (String, i64, i64) {
    (rule.into(), minutes * 60, amount)
}

#[tokio::test(flavor = "multi_thread")]
async fn charges_240_euro_and_takes_them_back_when_it_was_the_base_software() {
    let mut house = House::ready().await;
    let ticket = play(&mut house).await;
    assert_eq!(
        net(&house.entries(&ticket).await),
        [
            row("billable.customizing-bug", 120, 24_000),
            row("free.initial-diagnosis", 30, 0),
            row("withheld.approval-exhausted", 20, 0),
            row("withheld.before-approval", 20, 0),
            row("withheld.before-information", 5, 0),
            row("withheld.diagnosis-overrun", 10, 0),
        ]
    );

    house.now = "15:00".into();
    house.findings(&ticket, FaultCause::BaseSoftware, Reproducible::Yes).await;
    let entries = house.entries(&ticket).await;
    assert_eq!(
        net(&entries),
        [
            row("free.base-software-bug", 165, 0),
            row("free.initial-diagnosis", 30, 0),
            row("withheld.diagnosis-overrun", 10, 0),
        ]
    );

    // Every entry has its vouchers, recorded before it, and reversals name what they reverse.
    for entry in &entries {
        assert!(entry.causes.iter().all(|cause| cause.position > 0 && cause.position < entry.position), "{entry:?}");
        assert!(entry.causes.iter().any(|cause| cause.role == "work"), "{entry:?}");
    }
    let reversed: i64 =
        entries.iter().filter(|e| e.reverses.is_some()).map(|e| e.amount.clone().unwrap().amount_minor).sum();
    assert_eq!(reversed, -24_000);

    let explained = pb::ExplainEntryRequest { number: entries[0].number, min_position: None };
    let explained = house.ledger().explain_entry(house.call(explained)).await.unwrap().into_inner();
    assert_eq!(explained.rule.unwrap().id, "free.initial-diagnosis");
    assert!(!explained.clause.unwrap().heading.is_empty());
    assert_eq!(explained.causes.len(), entries[0].causes.len());
}
