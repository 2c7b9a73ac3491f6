//! `beleg policy`: check, publish and read the rules.

use crate::args;
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::refusal::Refusal;
use crate::said::Said;
use crate::screen::{Ink, account_cell, right};
use crate::sentence::Sentence;
use crate::session::Session;
use crate::word::Word;
use crate::{ids, json, policy_german, shown};
use beleg_domain::policy::Policy;
use beleg_server::pb;
use std::path::Path;

/// The policy that comes with Beleg.
pub(crate) const BUILT_IN: &str = include_str!("../../../policies/support.toml");

/// The largest document the server takes.
const DOCUMENT_BYTES_MAX: u64 = 256 << 10;

/// Does one thing with policies.
pub(crate) async fn run(session: &Session, wanted: args::Policy) -> Result<Outcome, Failure> {
    match wanted {
        args::Policy::Check { file } => check(session, &read(&file)?),
        args::Policy::Show { name, version } => {
            let client = session.connect().await?;
            show(session, &client, name, version).await
        }
        args::Policy::List => {
            let client = session.connect().await?;
            list(session, &client).await
        }
        args::Policy::Publish { file } => {
            let document = file.as_deref().map_or_else(|| Ok(BUILT_IN.to_owned()), read)?;
            // Before a server is called: it tells problems in English only, and in one line.
            let policy = sound(&document, file.as_deref())?;
            let client = session.connect().await?;
            publish(session, &client, document, policy.name()).await
        }
    }
}

/// A policy document from a file, bounded as the server bounds it.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    let failed = |error| {
        let wanted = Said::new("Eine Richtlinie ist eine Textdatei in TOML.", "a policy is a text file in TOML.");
        Failure::of_text_file(path, error, wanted)
    };
    let bytes = std::fs::metadata(path).map_err(failed)?.len();
    if bytes > DOCUMENT_BYTES_MAX {
        return Err(Failure::TooLong { path: path.to_owned(), bytes, bytes_max: DOCUMENT_BYTES_MAX });
    }
    std::fs::read_to_string(path).map_err(failed)
}

/// The policy of a document that may be published; the built-in one stands in no file.
pub(crate) fn sound(document: &str, file: Option<&Path>) -> Result<Policy, Failure> {
    Policy::from_toml(document).map_err(|problems| Failure::BadPolicy {
        place: file.map_or_else(|| "support.toml".to_owned(), |path| path.display().to_string()),
        problems,
    })
}

/// All versions of all policies, in the order they were published.
pub(crate) async fn published(client: &Client) -> Result<pb::ListPoliciesResponse, Failure> {
    let mut whole = pb::ListPoliciesResponse::default();
    let mut request = pb::ListPoliciesRequest { page_size: 1_000, ..Default::default() };
    loop {
        let page = client.policies().list_policies(request.clone()).await?.into_inner();
        whole.policies.extend(page.policies);
        if page.next_page_token.is_empty() {
            return Ok(whole);
        }
        request.page_token = page.next_page_token;
    }
}

/// By the same program as a server's, so no server is asked.
fn check(session: &Session, document: &str) -> Result<Outcome, Failure> {
    let screen = &session.screen;
    let (problems, content_hash) = match Policy::from_toml(document) {
        Ok(policy) => (Vec::new(), hash_of(&policy)),
        Err(problems) => (problems, String::new()),
    };
    let outcome = if problems.is_empty() { Outcome::Good } else { Outcome::Differs };
    if screen.is_json() {
        let problems = problems.iter().map(ToString::to_string).collect();
        let answer = pb::CheckPolicyResponse { problems, content_hash };
        screen.json(&json::of_message("CheckPolicyResponse", &answer).map_err(Failure::Answer)?)?;
    } else if problems.is_empty() {
        let said = Sentence::PolicySound { hash: &content_hash }.in_(session.lang);
        screen.line(screen.ink(Ink::Green, said))?;
    } else {
        let said = Sentence::PolicyProblems { count: problems.len() }.in_(session.lang);
        screen.line(screen.ink(Ink::Red, said))?;
        for problem in &problems {
            screen.line(format_args!("  {}", policy_german::told(problem, session.lang)))?;
        }
    }
    Ok(outcome)
}

fn hash_of(policy: &Policy) -> String {
    policy.hash().iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn publish(session: &Session, client: &Client, document: String, name: &str) -> Result<Outcome, Failure> {
    let request = pb::PublishPolicyRequest {
        request_id: ids::fresh()?.to_string(),
        expected_version: None,
        occurred_at: None,
        document,
    };
    let screen = &session.screen;
    let answer = match client.policies().publish_policy(request).await {
        Ok(answer) => answer.into_inner(),
        // What was to be reached is so already: publishing may be repeated, by a script for example.
        Err(status) if Refusal::of(&status).reason.as_deref() == Some("POLICY_UNCHANGED") => {
            let latest = latest(client, name).await?;
            if screen.is_json() {
                let answer = pb::PublishPolicyResponse { policy: Some(latest), receipt: None };
                screen.json(&json::of_message("PublishPolicyResponse", &answer).map_err(Failure::Answer)?)?;
            } else {
                let said = Sentence::PolicyUnchanged { name: &latest.name, version: latest.version };
                screen.line(said.in_(session.lang))?;
            }
            return Ok(Outcome::Good);
        }
        Err(status) => return Err(status.into()),
    };
    if screen.is_json() {
        screen.json(&json::of_message("PublishPolicyResponse", &answer).map_err(Failure::Answer)?)?;
    } else {
        let policy = answer.policy.ok_or_else(|| Failure::Answer("policy".to_owned()))?;
        let said =
            Sentence::PolicyPublished { name: &policy.name, version: policy.version, hash: &policy.content_hash };
        screen.line(said.in_(session.lang))?;
    }
    Ok(Outcome::Good)
}

/// The latest version of a policy.
async fn latest(client: &Client, name: &str) -> Result<pb::PolicyVersion, Failure> {
    let request = pb::GetPolicyRequest { name: name.to_owned(), version: None };
    let answer = client.policies().get_policy(request).await?.into_inner();
    answer.policy.ok_or_else(|| Failure::Answer("policy".to_owned()))
}

async fn list(session: &Session, client: &Client) -> Result<Outcome, Failure> {
    let whole = published(client).await?;
    let screen = &session.screen;
    if screen.is_json() {
        screen.json(&json::of_message("ListPoliciesResponse", &whole).map_err(Failure::Answer)?)?;
        return Ok(Outcome::Good);
    }
    let headings = [Word::Policy, Word::Version, Word::Published, Word::Hash];
    let mut table = screen.table(headings.map(|word| word.in_(session.lang)));
    for one in &whole.policies {
        table.add_row([
            one.name.as_str().into(),
            right(one.version),
            shown::time(one.published_at.as_ref()).into(),
            one.content_hash.as_str().into(),
        ]);
    }
    screen.show(&table)?;
    Ok(Outcome::Good)
}

async fn show(
    session: &Session,
    client: &Client,
    name: Option<String>,
    version: Option<i64>,
) -> Result<Outcome, Failure> {
    let name = match name {
        Some(name) => name,
        None => {
            let latest = published(client).await?.policies.pop();
            latest.map(|policy| policy.name).ok_or_else(|| Failure::Unmet(Sentence::NoPolicyYet.in_(session.lang)))?
        }
    };
    let request = pb::GetPolicyRequest { name, version };
    let answer = client.policies().get_policy(request).await?.into_inner();
    let screen = &session.screen;
    if screen.is_json() {
        screen.json(&json::of_message("GetPolicyResponse", &answer).map_err(Failure::Answer)?)?;
        return Ok(Outcome::Good);
    }
    let lang = session.lang;
    let policy = answer.policy.unwrap_or_default();
    screen.facts(&[
        (Word::Policy.in_(lang), format!("{} v{}", policy.name, policy.version)),
        (Word::Hash.in_(lang), policy.content_hash),
        (Word::Published.in_(lang), shown::time(policy.published_at.as_ref())),
        (Word::Allowance.in_(lang), format!("{} min", answer.initial_diagnosis_minutes)),
        (Word::LateEntry.in_(lang), format!("{} h", answer.late_entry_hours)),
        (Word::LateWork.in_(lang), format!("{} d", answer.late_work_days)),
    ])?;
    let headings = [Word::Rule, Word::Class, Word::Charged];
    let mut table = screen.table(headings.map(|word| word.in_(lang)));
    for row in &answer.classifications {
        table.add_row([&row.rule, &row.class, &row.charge]);
    }
    screen.show(&table)?;
    let mut table = screen.table([Word::Rule, Word::Account, Word::Clause, Word::Text].map(|word| word.in_(lang)));
    for rule in answer.rules {
        let text = shown::policy_text(rule.text.as_ref(), lang);
        table.add_row([rule.id.into(), account_cell(&rule.account, lang), rule.clause.into(), text.into()]);
    }
    screen.show(&table)?;
    let mut table = screen.table([Word::Clause, Word::Heading, Word::Text].map(|word| word.in_(lang)));
    for clause in answer.clauses {
        let text = shown::policy_text(clause.text.as_ref(), lang);
        table.add_row([clause.id, shown::plain(&clause.heading), text]);
    }
    screen.show(&table)?;
    Ok(Outcome::Good)
}
