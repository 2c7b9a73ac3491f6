//! `beleg demo`: six tickets on a server of their own, each with its ledger.
//!
//! The server is a real one on a real log, with a simulated clock so that a whole
//! day fits into a moment; everything goes through gRPC. What is printed is read
//! back from the ledger, and nothing here knows what a minute costs.

mod ledger;
mod script;
mod stories;

use crate::args;
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::ids;
use crate::instant;
use crate::policy;
use crate::private_server::private_server;
use crate::screen::Ink;
use crate::sentence::Sentence;
use crate::serve::asked_to_end;
use crate::session::Session;
use beleg_server::pb;
use chrono::{DateTime, Utc};
use ledger::Printed;
use script::{Scene, Story};
use serde_json::{Value, json};

/// When policy and contracts are recorded: before any ticket.
const BEGINNING: &str = "2026-01-01T00:00:00Z";

/// Plays, prints, and serves on.
pub(crate) async fn run(session: &Session, args: args::Demo) -> Result<Outcome, Failure> {
    let ended = asked_to_end()?;
    let server = private_server(true, args.listen, &args.beside).await?;
    let played = play(session, &server.url, !args.exit).await;
    let outcome = match played {
        Ok((outcome, hint)) if !args.exit => {
            if !session.screen.is_json() {
                session.screen.line(hint)?;
            }
            ended.await;
            Ok(outcome)
        }
        other => other.map(|(outcome, _)| outcome),
    };
    server.stop().await?;
    outcome
}

async fn play(session: &Session, url: &str, serves_on: bool) -> Result<(Outcome, String), Failure> {
    let screen = &session.screen;
    let lang = session.lang;
    let client = Client::connect(url, "demo").await?;
    let stories = stories::all(lang)?;
    let rules = prepare(&client, &stories).await?;
    let mut outcome = Outcome::Good;
    let mut documents: Vec<Value> = Vec::new();
    let mut explained = 1;
    for (index, story) in stories.iter().enumerate() {
        if !screen.is_json() {
            title(session, index + 1, story)?;
        }
        let position = enact(session, &client, story).await?;
        let printed = ledger::print(session, &client, story, position, &rules).await?;
        if index == 0 {
            explained = printed.last_number;
        }
        if !printed.conserved {
            outcome = Outcome::Differs;
        }
        documents.push(document(story, printed));
    }
    if screen.is_json() {
        screen.json(&json!({ "url": serves_on.then_some(url), "tickets": documents }))?;
    }
    let ticket = stories.first().map_or("demo/1", |story| story.ticket_id.as_str());
    let hint = Sentence::ServingOn { url, ticket, number: explained }.in_(lang);
    Ok((outcome, format!("\n{hint}")))
}

fn document(story: &Story, printed: Printed) -> Value {
    json!({
        "title": story.title,
        "ticketId": story.ticket_id,
        "workedSeconds": printed.worked_seconds,
        "conserved": printed.conserved,
        "chargedMinor": printed.charged_minor,
        "reversedMinor": printed.reversed_minor,
        "entries": printed.entries,
    })
}

/// The policy and the contracts; returns the rules with their texts.
async fn prepare(client: &Client, stories: &[Story]) -> Result<Vec<pb::Rule>, Failure> {
    let client = client.at(beginning()?)?;
    let request = pb::PublishPolicyRequest {
        request_id: ids::fresh()?.to_string(),
        expected_version: None,
        occurred_at: None,
        document: policy::BUILT_IN.to_owned(),
    };
    let published = client.policies().publish_policy(request).await?.into_inner().policy;
    let policy = published.ok_or_else(|| Failure::Answer("policy".to_owned()))?;
    for story in stories {
        let terms = pb::Terms { policy: Some(policy.name.clone()), ..story.terms.clone() };
        let request = pb::AgreeContractRequest {
            request_id: ids::fresh()?.to_string(),
            expected_version: None,
            occurred_at: None,
            customer_id: story.customer.to_owned(),
            currency_code: "EUR".to_owned(),
            time_zone: "UTC".to_owned(),
            effective_date: "2026-01-01".to_owned(),
            terms: Some(terms),
        };
        client.contracts().agree_contract(request).await?;
    }
    let request = pb::GetPolicyRequest { name: policy.name, version: Some(policy.version) };
    Ok(client.policies().get_policy(request).await?.into_inner().rules)
}

fn beginning() -> Result<DateTime<Utc>, Failure> {
    instant::parse(BEGINNING).map_err(Failure::Usage)
}

fn title(session: &Session, number: usize, story: &Story) -> Result<(), Failure> {
    let screen = &session.screen;
    let head = format!("── {number}. {} ", story.title);
    let rule = "─".repeat(ledger::COLUMNS.saturating_sub(head.chars().count()));
    screen.line(format_args!("\n{}", screen.ink(Ink::Bold, format!("{head}{rule}"))))?;
    let contract = session.lang.pick("Vertrag", "contract");
    let line = format!("{}   {contract}: {}", story.customer, story.agreed);
    screen.line(screen.ink(Ink::Faint, line))?;
    screen.line("")
}

/// Plays a story's scenes and tells them; returns the last log position.
async fn enact(session: &Session, client: &Client, story: &Story) -> Result<i64, Failure> {
    let screen = &session.screen;
    let client = client.with_correlation(&story.ticket_id)?;
    let mut position = 0;
    for Scene { at, told, command } in &story.scenes {
        let receipt = command.send(&client.at(*at)?).await?;
        position = receipt.position;
        if !screen.is_json() {
            let time = screen.ink(Ink::Faint, at.format("%H:%M"));
            screen.line(format_args!("  {time}  {told}"))?;
        }
    }
    Ok(position)
}
