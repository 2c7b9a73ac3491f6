//! Plays a scenario's steps on a server of its own.

use super::Difference;
use super::expect;
use super::file::{Placed, Scenario, StandingApproval};
use super::labels::Labels;
use super::step::{Deed, Release, Step};
use super::vocabulary::Class;
use crate::client::Client;
use crate::command::Command;
use crate::failure::Failure;
use crate::instant;
use crate::lang::Lang;
use crate::private_server::{ANY_PORT, private_server};
use crate::refusal::Refusal;
use crate::sentence::Sentence;
use crate::storage::Beside;
use beleg_server::pb;
use chrono::{DateTime, NaiveDate, TimeZone, Utc};

/// The one customer of a scenario.
pub(super) const CUSTOMER: &str = "customer";
/// The day the contract is in force from.
const CONTRACT_FROM: NaiveDate = match NaiveDate::from_ymd_opt(2026, 1, 1) {
    Some(day) => day,
    None => NaiveDate::MIN,
};

/// Plays one scenario and says what differs.
pub(super) async fn scenario(
    scenario: &Scenario,
    policy: &str,
    beside: &Beside,
    lang: Lang,
) -> Result<Vec<Difference>, Failure> {
    let server = private_server(true, ANY_PORT, beside).await?;
    let client = Client::connect(&server.url, "rehearsal").await?;
    let played = on_server(scenario, policy, &client, lang).await;
    server.stop().await?;
    played
}

async fn on_server(scenario: &Scenario, policy: &str, client: &Client, lang: Lang) -> Result<Vec<Difference>, Failure> {
    let labels = Labels::of(&scenario.name);
    if let Some(refusal) = prepare(scenario, policy, client, labels).await? {
        // Without its contract nothing of the scenario can be played; the others can.
        let place = lang.pick("Vertrag", "contract");
        return Ok(vec![Difference::new(place, Sentence::Accepted.in_(lang), refusal.in_one_line())]);
    }
    let mut differences = Vec::new();
    let mut position = 0;
    let mut now = midnight(CONTRACT_FROM);
    for (index, placed) in scenario.steps.iter().enumerate() {
        let Placed { line, step } = placed;
        let number = index + 1;
        now = step.at;
        let here = client.at(now)?;
        let place = Sentence::StepPlace { number, line: *line }.in_(lang);
        let Some(command) = command(step, labels, number, &scenario.contract.currency) else {
            let waiting = Sentence::NoStatements.in_(lang);
            differences.push(Difference::new(place, "issue_statement", waiting));
            continue;
        };
        let before = head(&here).await?;
        match (command.send(&here).await, step.expect_error.is_empty()) {
            (Ok(receipt), true) => position = position.max(receipt.position),
            (Ok(receipt), false) => {
                position = position.max(receipt.position);
                let accepted = Sentence::Accepted.in_(lang);
                differences.push(Difference::new(place, step.expect_error.join(" / "), accepted));
            }
            (Err(status), true) => {
                let said = Refusal::of(&status).in_one_line();
                differences.push(Difference::new(place, Sentence::Accepted.in_(lang), said));
            }
            (Err(status), false) => {
                let refusal = Refusal::of(&status);
                if !step.expect_error.iter().any(|name| name == refusal.code) {
                    let wanted = step.expect_error.join(" / ");
                    differences.push(Difference::new(&place, wanted, refusal.in_one_line()));
                }
                let after = head(&here).await?;
                if after != before {
                    let what = format!("{place}: {}", Sentence::LeftBehind.in_(lang));
                    differences.push(Difference::new(what, before.to_string(), after.to_string()));
                }
            }
        }
    }
    let seen = expect::Seen { client: client.at(now)?, labels, position };
    differences.extend(expect::compare(&scenario.expect, &seen, lang).await?);
    Ok(differences)
}

/// Policy and contract, on the day the contract begins; the server's no to the contract is handed back.
async fn prepare(
    scenario: &Scenario,
    policy: &str,
    client: &Client,
    labels: Labels<'_>,
) -> Result<Option<Refusal>, Failure> {
    let client = client.at(midnight(CONTRACT_FROM))?;
    let publish = pb::PublishPolicyRequest {
        request_id: labels.request("the policy").to_string(),
        expected_version: None,
        occurred_at: None,
        document: policy.to_owned(),
    };
    let published = client.policies().publish_policy(publish).await?.into_inner().policy;
    let policy = published.ok_or_else(|| Failure::Answer("policy".to_owned()))?;
    let contract = &scenario.contract;
    let terms = pb::Terms {
        policy: Some(policy.name),
        hourly_rate: contract.hourly_rate_minor.map(|minor| pb::HourlyRate { amount_minor: Some(minor) }),
        increment: contract.increment_minutes.map(|minutes| pb::Increment { minutes: Some(minutes) }),
        exemptions: contract.exemptions.as_deref().map(exemptions),
        standing_approval: contract
            .standing_approval
            .as_ref()
            .map(|standing| standing_approval(standing, &contract.currency)),
        prepaid_minutes: contract.prepaid_minutes,
    };
    let agree = pb::AgreeContractRequest {
        request_id: labels.request("the contract").to_string(),
        expected_version: None,
        occurred_at: None,
        customer_id: CUSTOMER.to_owned(),
        currency_code: contract.currency.clone(),
        time_zone: "UTC".to_owned(),
        effective_date: CONTRACT_FROM.to_string(),
        terms: Some(terms),
    };
    match client.contracts().agree_contract(agree).await {
        Ok(_) => Ok(None),
        Err(status) => match Failure::from(status) {
            Failure::Refused(refusal) => Ok(Some(*refusal)),
            lost => Err(lost),
        },
    }
}

async fn head(client: &Client) -> Result<i64, Failure> {
    let status = client.log().get_log_status(pb::GetLogStatusRequest {}).await?;
    Ok(status.into_inner().position)
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    Utc.from_utc_datetime(&day.and_time(chrono::NaiveTime::MIN))
}

fn exemptions(classes: &[Class]) -> pb::Exemptions {
    pb::Exemptions { classes: classes.iter().map(|one| pb::Class::from(*one).into()).collect() }
}

fn standing_approval(standing: &StandingApproval, currency: &str) -> pb::StandingApproval {
    let minutes = standing.limit_minutes.map(Release::Minutes);
    let release = minutes.or_else(|| standing.limit_minor.map(Release::Minor));
    pb::StandingApproval {
        classes: standing.classes.iter().map(|one| pb::Class::from(*one).into()).collect(),
        limit: release.map(|release| limit(release, currency)),
    }
}

fn limit(release: Release, currency: &str) -> pb::Limit {
    let kind = match release {
        Release::Minutes(minutes) => pb::limit::Kind::Minutes(minutes),
        Release::Minor(minor) => pb::limit::Kind::Money(money(minor, currency)),
        Release::Unlimited => pb::limit::Kind::Unlimited(true),
    };
    pb::Limit { kind: Some(kind) }
}

fn money(amount_minor: i64, currency: &str) -> pb::Money {
    pb::Money { currency_code: currency.to_owned(), amount_minor }
}

/// The command of a step; none for a statement, which this server cannot issue.
fn command(step: &Step, labels: Labels<'_>, number: usize, currency: &str) -> Option<Command> {
    let request_id = match &step.request {
        Some(label) => labels.request(label),
        None => labels.request_of_step(number),
    }
    .to_string();
    let ticket_id = labels.ticket(&step.ticket).to_string();
    let occurred_at = step.occurred.map(instant::stamp);
    let evidence = step.evidence.clone();
    let expected_version = None;
    Some(match &step.deed {
        Deed::Open { impact } => Command::OpenTicket(pb::OpenTicketRequest {
            request_id,
            expected_version,
            occurred_at,
            ticket_id: Some(ticket_id),
            customer_id: CUSTOMER.to_owned(),
            impact: (*impact).into(),
            reference: None,
            subject: Some(step.ticket.clone()),
            description: None,
        }),
        Deed::StartDiagnosis => Command::StartDiagnosis(pb::StartDiagnosisRequest {
            request_id,
            expected_version,
            occurred_at,
            ticket_id,
            note: String::new(),
        }),
        Deed::LogWork { id, activity, by, from, to, duration_minutes } => Command::LogWork(pb::LogWorkRequest {
            request_id,
            expected_version,
            occurred_at,
            ticket_id,
            work_id: Some(labels.work(id).to_string()),
            activity: (*activity).into(),
            performer_id: by.clone(),
            from: Some(instant::stamp(*from)),
            to: Some(instant::stamp(*to)),
            duration_seconds: duration_minutes.map(|minutes| minutes.saturating_mul(60)),
            note: String::new(),
        }),
        Deed::RecordFindings { findings, expected } => Command::RecordFindings(pb::RecordFindingsRequest {
            request_id,
            expected_version,
            occurred_at,
            ticket_id,
            findings: Some(*findings),
            expected_class: (*expected).into(),
            note: String::new(),
        }),
        Deed::Inform { id, estimate_minutes, quote_minor } => {
            use pb::inform_customer_request::Offer;
            let quote = quote_minor.map(|minor| Offer::Quote(money(minor, currency)));
            Command::InformCustomer(pb::InformCustomerRequest {
                request_id,
                expected_version,
                occurred_at,
                ticket_id,
                information_id: Some(labels.information(id).to_string()),
                classification_id: None,
                offer: quote.or_else(|| estimate_minutes.map(Offer::EstimateMinutes)),
                next_steps: None,
                evidence,
            })
        }
        Deed::Approve { id, refers_to, basis, limit: release, valid_until } => {
            let information = refers_to.as_deref().map(|label| labels.information(label).to_string());
            Command::GiveApproval(pb::GiveApprovalRequest {
                request_id,
                expected_version,
                occurred_at,
                ticket_id,
                approval_id: Some(labels.approval(id).to_string()),
                information_id: information.unwrap_or_default(),
                basis: (*basis).into(),
                limit: release.map(|release| limit(release, currency)),
                valid_until: valid_until.map(instant::stamp),
                evidence,
            })
        }
        Deed::Decline { refers_to } => Command::DeclineApproval(pb::DeclineApprovalRequest {
            request_id,
            expected_version,
            occurred_at,
            ticket_id,
            information_id: labels.information(refers_to).to_string(),
            evidence,
        }),
        Deed::Revoke { approval } => Command::RevokeApproval(pb::RevokeApprovalRequest {
            request_id,
            expected_version,
            occurred_at,
            ticket_id,
            approval_id: labels.approval(approval).to_string(),
            evidence,
        }),
        Deed::VoidWork { work, reason } => Command::VoidWork(pb::VoidWorkRequest {
            request_id,
            expected_version,
            occurred_at,
            ticket_id,
            work_id: labels.work(work).to_string(),
            reason: reason.clone(),
        }),
        Deed::Resolve { reason } => Command::ResolveTicket(pb::ResolveTicketRequest {
            request_id,
            expected_version,
            occurred_at,
            ticket_id,
            reason: reason.clone(),
            evidence,
        }),
        Deed::Close { reason } => Command::CloseTicket(pb::CloseTicketRequest {
            request_id,
            expected_version,
            occurred_at,
            ticket_id,
            reason: reason.clone(),
            evidence,
        }),
        Deed::Reopen { reason } => Command::ReopenTicket(pb::ReopenTicketRequest {
            request_id,
            expected_version,
            occurred_at,
            ticket_id,
            reason: reason.clone(),
            evidence,
        }),
        Deed::Reassess { reason } => Command::ReassessTicket(pb::ReassessTicketRequest {
            request_id,
            expected_version,
            occurred_at,
            ticket_id,
            reason: reason.clone(),
        }),
        Deed::AmendContract(change) => Command::AmendContract(pb::AmendContractRequest {
            request_id,
            expected_version,
            occurred_at,
            customer_id: CUSTOMER.to_owned(),
            effective_date: change.effective.to_string(),
            terms: Some(pb::Terms {
                policy: None,
                hourly_rate: change.hourly_rate_minor.map(|minor| pb::HourlyRate { amount_minor: Some(minor) }),
                increment: change.increment_minutes.map(|minutes| pb::Increment { minutes: Some(minutes) }),
                exemptions: change.exemptions.as_deref().map(exemptions),
                standing_approval: change
                    .standing_approval
                    .as_ref()
                    .map(|standing| standing_approval(standing, currency)),
                prepaid_minutes: change.prepaid_minutes,
            }),
        }),
        Deed::IssueStatement { .. } => return None,
    })
}
