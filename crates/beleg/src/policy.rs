//! `beleg policy`: check, publish and read the rules.

use crate::args;
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::lang::Lang;
use crate::refusal::Refusal;
use crate::said::Said;
use crate::screen::{Ink, account_cell, right};
use crate::sentence::Sentence;
use crate::session::Session;
use crate::word::Word;
use crate::{data_word, ids, json, policy_german, shown};
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
    let headings = [Word::Rule, Word::When, Word::Class, Word::Charged];
    let mut table = screen.table(headings.map(|word| word.in_(lang)));
    for row in answer.classifications {
        let (when, charge) = (condition(row.when.as_ref(), lang), charge(&row, lang));
        table.add_row([row.rule, when, data_word::in_(row.class, lang), charge]);
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

/// The findings that a row applies to. A fact that it does not name may be anything.
fn condition(when: Option<&pb::Condition>, lang: Lang) -> String {
    let Some(when) = when else { return "–".to_owned() };
    let words = |words: &[String]| {
        let words: Vec<_> = words.iter().map(|word| data_word::in_(word.clone(), lang)).collect();
        words.join(" / ")
    };
    let security: Vec<_> = when.security_relevant.iter().map(|yes| Sentence::yes_or_no(*yes, lang)).collect();
    let facts = [
        (lang.pick("Verhalten", "behaviour"), words(&when.behaviours)),
        (lang.pick("Ursache", "cause"), words(&when.causes)),
        (lang.pick("reproduzierbar", "reproducible"), words(&when.reproducible)),
        (lang.pick("sicherheitsrelevant", "security-relevant"), security.join(" / ")),
    ];
    let named = facts.iter().filter(|(_, values)| !values.is_empty());
    let named: Vec<_> = named.map(|(fact, values)| format!("{fact}: {values}")).collect();
    if named.is_empty() { lang.pick("immer", "always").to_owned() } else { named.join("; ") }
}

/// The rule that a row charges by, and for which causes it is another one.
fn charge(row: &pb::ClassificationRow, lang: Lang) -> String {
    let mut charge = row.charge.clone();
    for other in &row.charge_by_cause {
        charge.push_str(&format!("; {}: {}", data_word::in_(other.cause.clone(), lang), other.charge));
    }
    charge
}

#[cfg(test)]
mod tests {
    use super::{charge, condition};
    use crate::lang::Lang;
    use beleg_server::pb;

    #[test]
    fn a_row_says_when_it_applies_and_what_then_decides_the_charge() {
        let when = pb::Condition {
            behaviours: vec!["deviates".to_owned()],
            causes: vec!["base_software".to_owned()],
            reproducible: vec!["no".to_owned(), "not_tested".to_owned()],
            security_relevant: vec![false],
        };
        assert_eq!(
            condition(Some(&when), Lang::En),
            "behaviour: deviates; cause: base_software; reproducible: no / not_tested; security-relevant: no"
        );
        assert_eq!(
            condition(Some(&when), Lang::De),
            "Verhalten: weicht ab; Ursache: Basis-Software; reproduzierbar: nein / nicht geprüft; sicherheitsrelevant: nein"
        );
        assert_eq!(condition(Some(&pb::Condition::default()), Lang::En), "always");
        assert_eq!(condition(None, Lang::En), "–", "of a server that does not say");

        let mut row = pb::ClassificationRow { charge: "billable.service".to_owned(), ..Default::default() };
        assert_eq!(charge(&row, Lang::En), "billable.service");
        let other = pb::ChargeByCause { cause: "third_party".to_owned(), charge: "billable.third-party".to_owned() };
        row.charge_by_cause.push(other);
        assert_eq!(charge(&row, Lang::En), "billable.service; third_party: billable.third-party");
        assert_eq!(charge(&row, Lang::De), "billable.service; bei Dritten: billable.third-party");
    }
}
