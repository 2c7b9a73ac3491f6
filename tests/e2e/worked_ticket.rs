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

/// An entry as a line: account, rule, window, worked and billed minutes, cents, and what it reverses.
fn line(entry: &pb::Entry) -> String {
    let clock = |instant: &Option<prost_types::Timestamp>| instant.unwrap().to_string()[11..16].to_owned();
    let amount = entry.amount.as_ref().unwrap();
    assert_eq!((amount.currency_code.as_str(), entry.worked_seconds % 60, entry.billed_seconds % 60), ("EUR", 0, 0));
    let reverses = entry.reverses.map(|number| format!(" reverses {number}")).unwrap_or_default();
    format!(
        "{} {} {} {}-{} {} {} {}{reverses}",
        entry.number,
        entry.account().as_str_name().trim_start_matches("ACCOUNT_").to_lowercase(),
        entry.rule,
        clock(&entry.service_from),
        clock(&entry.service_to),
        entry.worked_seconds / 60,
        entry.billed_seconds / 60,
        amount.amount_minor,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_each_line_to_the_cent_and_takes_each_back_by_one_of_its_own() {
    let mut house = House::ready().await;
    let ticket = play(&mut house).await;
    let charged = [
        "1 free free.initial-diagnosis 09:10-09:40 30 0 0",
        "2 withheld withheld.diagnosis-overrun 09:40-09:50 10 0 0",
        "3 withheld withheld.before-information 09:55-10:00 5 0 0",
        "4 withheld withheld.before-approval 10:00-10:20 20 0 0",
        "5 billable billable.customizing-bug 10:20-12:00 100 100 20000",
        "6 billable billable.customizing-bug 13:00-13:20 20 20 4000",
        "7 withheld withheld.approval-exhausted 13:20-13:40 20 0 0",
    ];
    assert_eq!(house.entries(&ticket).await.iter().map(line).collect::<Vec<_>>(), charged);

    house.now = "15:00".into();
    house.findings(&ticket, FaultCause::BaseSoftware, Reproducible::Yes).await;
    let taken_back = [
        "8 withheld withheld.before-information 09:55-10:00 -5 0 0 reverses 3",
        "9 withheld withheld.before-approval 10:00-10:20 -20 0 0 reverses 4",
        "10 billable billable.customizing-bug 10:20-12:00 -100 -100 -20000 reverses 5",
        "11 free free.base-software-bug 09:55-12:00 125 0 0",
        "12 billable billable.customizing-bug 13:00-13:20 -20 -20 -4000 reverses 6",
        "13 withheld withheld.approval-exhausted 13:20-13:40 -20 0 0 reverses 7",
        "14 free free.base-software-bug 13:00-13:40 40 0 0",
    ];
    let entries = house.entries(&ticket).await;
    assert_eq!(entries.iter().map(line).collect::<Vec<_>>(), [&charged[..], &taken_back[..]].concat());
    let standing: i64 = house.ticket(&ticket).await.work.iter().map(|work| work.duration_seconds).sum();
    assert_eq!((entries.iter().map(|entry| entry.worked_seconds).sum::<i64>(), standing), (205 * 60, 205 * 60));
    assert_eq!(entries.iter().map(|entry| entry.amount.as_ref().unwrap().amount_minor).sum::<i64>(), 0);
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
