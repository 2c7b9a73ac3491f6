//! Compares what a scenario expects with what the server says, sum by sum.

use super::Difference;
use super::file::{Expect, ExpectEntry, ExpectStatus, ExpectTotal};
use super::labels::Labels;
use super::play::CUSTOMER;
use super::vocabulary::Account;
use crate::client::Client;
use crate::failure::Failure;
use crate::lang::Lang;
use crate::refusal::Refusal;
use crate::sentence::Sentence;
use crate::{ledger, shown};
use beleg_server::pb;
use beleg_server::pb::ticket_key::Key;
use std::collections::BTreeMap;

/// The most entries one question may bring; a scenario has a few dozen.
const ENTRIES_MAX: usize = 100_000;

/// A scenario played to its end.
pub(super) struct Seen<'a> {
    /// With the clock of the last step.
    pub(super) client: Client,
    pub(super) labels: Labels<'a>,
    /// What the ledger must have taken in.
    pub(super) position: i64,
}

/// Everything that differs.
pub(super) async fn compare(expect: &Expect, seen: &Seen<'_>, lang: Lang) -> Result<Vec<Difference>, Failure> {
    let mut found = Vec::new();
    for (label, wanted) in &expect.classification {
        let place = format!("classification {label}");
        match ticket(seen, label).await {
            Err(refusal) => found.push(Difference::new(place, &wanted.rule, refusal)),
            Ok(ticket) => {
                let class = ticket.classification.unwrap_or_default();
                let wanted_class = shown::class(wanted.class.into());
                found.extend(text(&format!("{place} class"), &wanted_class, &shown::class(class.class())));
                found.extend(text(&format!("{place} rule"), &wanted.rule, &class.rule));
            }
        }
    }
    let all = entries(seen).await?;
    for (label, wanted) in &expect.entries {
        let id = seen.labels.work(label).to_string();
        let mine = all.iter().filter(|entry| entry.work_id == id);
        found.extend(sums(&format!("entries {label}"), wanted, mine));
    }
    for (label, wanted) in &expect.postings_without_work {
        let id = seen.labels.ticket(label).to_string();
        let mine = all.iter().filter(|entry| entry.work_id.is_empty() && entry.ticket_id == id);
        found.extend(sums(&format!("postings_without_work {label}"), wanted, mine));
    }
    if let Some(wanted) = &expect.totals {
        found.extend(totals(wanted, &all));
    }
    for wanted in &expect.status {
        found.extend(status(wanted, seen).await);
    }
    for label in expect.statements.keys() {
        let waiting = Sentence::NoStatements.in_(lang);
        found.push(Difference::new(format!("statements {label}"), label, waiting));
    }
    Ok(found)
}

async fn ticket(seen: &Seen<'_>, label: &str) -> Result<pb::Ticket, String> {
    let request = pb::GetTicketRequest { ticket: Some(key(seen, label)), ..Default::default() };
    let answer = crate::ticket::whole(&seen.client, request).await;
    let answer = answer.map_err(|status| Refusal::of(&status).in_one_line())?;
    answer.ticket.ok_or_else(|| "the answer holds no ticket".to_owned())
}

fn key(seen: &Seen<'_>, label: &str) -> pb::TicketKey {
    pb::TicketKey { key: Some(Key::TicketId(seen.labels.ticket(label).to_string())) }
}

async fn entries(seen: &Seen<'_>) -> Result<Vec<pb::Entry>, Failure> {
    let request = pb::ListEntriesRequest {
        customer_id: Some(CUSTOMER.to_owned()),
        min_position: Some(seen.position),
        ..Default::default()
    };
    Ok(ledger::entries(&seen.client, request, ENTRIES_MAX).await?.entries)
}

fn text(what: &str, expected: &str, actual: &str) -> Option<Difference> {
    (expected != actual).then(|| Difference::new(what, expected, actual))
}

fn number(what: String, expected: i64, actual: i64) -> Option<Difference> {
    (expected != actual).then(|| Difference::new(what, expected.to_string(), actual.to_string()))
}

/// What stands on one account by one rule.
#[derive(Clone, Copy, Default)]
struct Sum {
    worked: i64,
    billed: i64,
    amount: i64,
    /// Whether the file says what was billed.
    says_billed: bool,
}

/// Both sides summed per account and rule. A sum of nothing is no entry: a
/// posting and its reversal leave nothing behind.
fn sums<'e>(place: &str, wanted: &[ExpectEntry], actual: impl Iterator<Item = &'e pb::Entry>) -> Vec<Difference> {
    let mut expected: BTreeMap<(String, String), Sum> = BTreeMap::new();
    for one in wanted {
        let name = shown::account(one.account.into());
        let sum = expected.entry((name, one.rule.clone())).or_default();
        sum.worked += one.worked_seconds;
        sum.amount += one.amount_minor;
        sum.billed += one.billed_seconds.unwrap_or(0);
        sum.says_billed |= one.billed_seconds.is_some();
    }
    let mut stands: BTreeMap<(String, String), Sum> = BTreeMap::new();
    for entry in actual {
        let name = shown::account(entry.account());
        let sum = stands.entry((name, entry.rule.clone())).or_default();
        sum.worked += entry.worked_seconds;
        sum.billed += entry.billed_seconds;
        sum.amount += entry.amount.as_ref().map_or(0, |amount| amount.amount_minor);
    }
    stands.retain(|_, sum| (sum.worked, sum.billed, sum.amount) != (0, 0, 0));
    let mut found = Vec::new();
    for (key, wanted) in &expected {
        let what = format!("{place} {} {}", key.0, key.1);
        let Some(sum) = stands.remove(key) else {
            let said = format!("worked_seconds {}, amount_minor {}", wanted.worked, wanted.amount);
            found.push(Difference::new(what, said, "–"));
            continue;
        };
        found.extend(number(format!("{what} worked_seconds"), wanted.worked, sum.worked));
        found.extend(number(format!("{what} amount_minor"), wanted.amount, sum.amount));
        if wanted.says_billed {
            found.extend(number(format!("{what} billed_seconds"), wanted.billed, sum.billed));
        }
    }
    for ((account, rule), sum) in stands {
        let said = format!("worked_seconds {}, amount_minor {}", sum.worked, sum.amount);
        found.push(Difference::new(format!("{place} {account} {rule}"), "–", said));
    }
    found
}

fn totals(wanted: &BTreeMap<Account, ExpectTotal>, entries: &[pb::Entry]) -> Vec<Difference> {
    let mut found = Vec::new();
    for name in [Account::Free, Account::Billable, Account::Covered, Account::Withheld] {
        let proto = pb::Account::from(name);
        let mine = entries.iter().filter(|entry| entry.account() == proto);
        let (mut worked, mut amount) = (0, 0);
        for entry in mine {
            worked += entry.worked_seconds;
            amount += entry.amount.as_ref().map_or(0, |money| money.amount_minor);
        }
        let expected = wanted.get(&name).map_or((0, 0), |sum| (sum.worked_seconds, sum.amount_minor));
        let what = format!("totals {}", shown::account(proto));
        found.extend(number(format!("{what} worked_seconds"), expected.0, worked));
        found.extend(number(format!("{what} amount_minor"), expected.1, amount));
    }
    found
}

async fn status(wanted: &ExpectStatus, seen: &Seen<'_>) -> Vec<Difference> {
    let activity = pb::Activity::from(wanted.activity);
    let place = format!("status {} {}", wanted.ticket, shown::activity(activity));
    let request = pb::GetCostStatusRequest { ticket: Some(key(seen, &wanted.ticket)), ..Default::default() };
    let answer = match seen.client.tickets().get_cost_status(request).await {
        Ok(answer) => answer.into_inner(),
        Err(status) => {
            return vec![Difference::new(place, &wanted.rule, Refusal::of(&status).in_one_line())];
        }
    };
    let mut found = Vec::new();
    let mine = answer.activities.iter().find(|one| one.activity() == activity);
    let rule = mine.and_then(|one| one.rule.as_ref()).map_or("–", |rule| rule.id.as_str());
    let actual = mine.map_or_else(|| "–".to_owned(), |one| shown::account(one.account()));
    let expected = shown::account(wanted.account.into());
    found.extend(text(&format!("{place} account"), &expected, &actual));
    found.extend(text(&format!("{place} rule"), &wanted.rule, rule));
    let cost = answer.cost_so_far.as_ref().map(|money| money.amount_minor);
    let numbers = [
        ("allowance_left_seconds", wanted.allowance_left_seconds, Some(answer.allowance_left_seconds)),
        ("limit_left_seconds", wanted.limit_left_seconds, answer.limit_left_seconds),
        ("limit_left_minor", wanted.limit_left_minor, answer.limit_left_minor),
        ("prepaid_left_seconds", wanted.prepaid_left_seconds, Some(answer.prepaid_left_seconds)),
        ("cost_so_far_minor", wanted.cost_so_far_minor, cost),
    ];
    for (key, expected, actual) in numbers {
        let Some(expected) = expected else { continue };
        if actual != Some(expected) {
            let said = actual.map_or_else(|| "–".to_owned(), |value| value.to_string());
            found.push(Difference::new(format!("{place} {key}"), expected.to_string(), said));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::vocabulary::Account;
    use super::{ExpectEntry, sums, totals};
    use beleg_server::pb;
    use std::collections::BTreeMap;

    fn entry(account: pb::Account, worked: i64, amount: i64) -> pb::Entry {
        pb::Entry {
            account: account.into(),
            rule: "r".to_owned(),
            worked_seconds: worked,
            billed_seconds: worked,
            amount: Some(pb::Money { currency_code: "EUR".to_owned(), amount_minor: amount }),
            ..Default::default()
        }
    }

    fn wanted(worked_seconds: i64, amount_minor: i64) -> ExpectEntry {
        ExpectEntry {
            account: Account::Billable,
            rule: "r".to_owned(),
            worked_seconds,
            amount_minor,
            billed_seconds: None,
        }
    }

    #[test]
    fn both_sides_are_summed_before_they_are_compared() {
        let stands = [entry(pb::Account::Billable, 60, 10), entry(pb::Account::Billable, 40, 5)];
        assert_eq!(sums("W1", &[wanted(70, 12), wanted(30, 3)], stands.iter()), []);
        let found = sums("W1", &[wanted(100, 16)], stands.iter());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].what, "W1 billable r amount_minor");
    }

    #[test]
    fn what_was_reversed_leaves_nothing_and_what_was_not_expected_is_named() {
        let reversed = [entry(pb::Account::Billable, 60, 10), entry(pb::Account::Billable, -60, -10)];
        assert_eq!(sums("W1", &[], reversed.iter()), []);
        let found = sums("W1", &[], [entry(pb::Account::Free, 60, 0)].iter());
        assert_eq!(found[0].expected, "–");
    }

    #[test]
    fn an_account_not_named_must_be_empty() {
        let found = totals(&BTreeMap::new(), &[entry(pb::Account::Free, 60, 0)]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].what, "totals free worked_seconds");
    }
}
