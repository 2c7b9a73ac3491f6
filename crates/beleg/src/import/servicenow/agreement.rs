//! What the log does not say about callers: their contracts. All synthetic.

use super::dice::Dice;
use crate::client::Client;
use crate::command::Command;
use crate::failure::Failure;
use crate::{ids, policy};
use beleg_server::pb;
use std::collections::HashSet;

/// A day before the log's first row.
const EFFECTIVE: &str = "2016-01-01";

/// The name of the built-in policy, published if no version equals it.
pub(super) async fn policy_in_force(client: &Client) -> Result<String, Failure> {
    let document = policy::BUILT_IN.to_owned();
    let check = pb::CheckPolicyRequest { document: document.clone() };
    let hash = client.policies().check_policy(check).await?.into_inner().content_hash;
    let published = policy::published(client).await?.policies;
    if let Some(known) = published.into_iter().find(|one| one.content_hash == hash) {
        return Ok(known.name);
    }
    let request = pb::PublishPolicyRequest {
        request_id: ids::derived(&["servicenow", "policy", &document]).to_string(),
        expected_version: None,
        occurred_at: None,
        document,
    };
    let answer = client.policies().publish_policy(request).await?.into_inner();
    answer.policy.map(|one| one.name).ok_or_else(|| Failure::Answer("policy".to_owned()))
}

/// The customers who have a contract already.
pub(super) async fn customers(client: &Client) -> Result<HashSet<String>, Failure> {
    let mut known = HashSet::new();
    let mut request = pb::ListContractsRequest { page_size: 1_000, ..Default::default() };
    loop {
        let page = client.contracts().list_contracts(request.clone()).await?.into_inner();
        known.extend(page.contracts.into_iter().map(|contract| contract.customer_id));
        if page.next_page_token.is_empty() {
            return Ok(known);
        }
        request.page_token = page.next_page_token;
    }
}

/// A contract by the hash of the customer's id: every one has a rate, some an
/// increment, prepaid time, a standing approval or an exemption.
pub(super) fn contract(policy: &str, customer: &str) -> Command {
    let dice = Dice(customer);
    let has = |what: &str, percent: u32| dice.happens(what, 0, percent);
    let increment =
        has("increment", 25).then(|| pb::Increment { minutes: Some(if has("quarter", 60) { 15 } else { 6 }) });
    let exemptions = has("exemption", 8).then(|| pb::Exemptions { classes: vec![pb::Class::ServiceRequest.into()] });
    let standing_approval = has("standing", 10).then(|| pb::StandingApproval {
        classes: vec![pb::Class::ServiceRequest.into(), pb::Class::CustomizingBug.into()],
        limit: Some(pb::Limit { kind: Some(pb::limit::Kind::Minutes(30 * dice.between("standing limit", 0, 2, 8))) }),
    });
    let terms = pb::Terms {
        policy: Some(policy.to_owned()),
        hourly_rate: Some(pb::HourlyRate { amount_minor: Some(500 * dice.between("rate", 0, 15, 34)) }),
        increment,
        exemptions,
        standing_approval,
        prepaid_minutes: has("prepaid", 12).then(|| 60 * dice.between("prepaid hours", 0, 2, 20)),
    };
    Command::AgreeContract(pb::AgreeContractRequest {
        request_id: ids::derived(&["servicenow", "contract", customer]).to_string(),
        expected_version: None,
        occurred_at: None,
        customer_id: customer.to_owned(),
        currency_code: "EUR".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        effective_date: EFFECTIVE.to_owned(),
        terms: Some(terms),
    })
}
