//! `beleg rehearse`: a policy tried on paper before it meets a customer.
//!
//! Every scenario gets a private server with a simulated clock and a fresh log, so
//! none can lean on another. It is played through gRPC like any caller's day, and
//! what the ledger then says is compared with what the file expects. Absent: any
//! knowledge of rules or amounts in here. This module only adds up and compares.

mod defined;
mod expect;
mod file;
mod labels;
mod play;
mod rules;
mod step;
#[cfg(test)]
mod tests;
mod vocabulary;
mod yaml;

use crate::args;
use crate::failure::{Failure, Outcome};
use crate::policy;
use crate::screen::Ink;
use crate::sentence::Sentence;
use crate::session::Session;
use serde::Serialize;
use serde_json::json;

/// How one scenario came out.
#[derive(Debug, Serialize)]
struct Verdict {
    file: String,
    scenario: String,
    holds: bool,
    differences: Vec<Difference>,
}

/// One thing that is not as the file expects.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Difference {
    /// For example `entries W1 billable billable.customizing-bug amount_minor`.
    what: String,
    expected: String,
    actual: String,
}

impl Difference {
    fn new(what: impl Into<String>, expected: impl Into<String>, actual: impl Into<String>) -> Self {
        Self { what: what.into(), expected: expected.into(), actual: actual.into() }
    }
}

/// Plays all scenarios of all files.
pub(crate) async fn run(session: &Session, args: args::Rehearse) -> Result<Outcome, Failure> {
    let document = match &args.policy {
        Some(path) => policy::read(path)?,
        None => policy::BUILT_IN.to_owned(),
    };
    // All files are read before anything is played: a typo in the last one
    // should not be found after minutes of work.
    let known = rules::of(&document, args.policy.as_deref())?;
    let (mut scenarios, mut failures) = (Vec::new(), Vec::new());
    for path in &args.files {
        let place = path.display().to_string();
        match file::read(path, session.lang) {
            Err(failure) => failures.push(failure),
            Ok(read) => {
                failures.extend(read.iter().filter_map(|scenario| known.check(&place, scenario, session.lang)));
                scenarios.extend(read.into_iter().map(|scenario| (place.clone(), scenario)));
            }
        }
    }
    if !failures.is_empty() {
        return Err(Failure::Several(failures));
    }
    let screen = &session.screen;
    let bar = screen.progress(scenarios.len() as u64);
    let mut verdicts = Vec::new();
    for (file, scenario) in scenarios {
        bar.set_message(scenario.name.clone());
        let differences = play::scenario(&scenario, &document, &args.beside, session.lang).await?;
        bar.inc(1);
        let verdict = Verdict { file, scenario: scenario.name, holds: differences.is_empty(), differences };
        if !screen.is_json() {
            bar.suspend(|| show(session, &verdict))?;
        }
        verdicts.push(verdict);
    }
    bar.finish_and_clear();
    let holding = verdicts.iter().filter(|verdict| verdict.holds).count();
    if screen.is_json() {
        screen.json(&json!({ "scenarios": verdicts }))?;
    } else {
        screen.line(Sentence::Rehearsed { holding, all: verdicts.len() }.in_(session.lang))?;
    }
    Ok(if holding == verdicts.len() { Outcome::Good } else { Outcome::Differs })
}

fn show(session: &Session, verdict: &Verdict) -> Result<(), Failure> {
    let screen = &session.screen;
    let lang = session.lang;
    if verdict.holds {
        let word = screen.ink(Ink::Green, lang.pick("hält    ", "holds  "));
        return screen.line(format_args!("{word}  {}", verdict.scenario));
    }
    let word = screen.ink(Ink::Red, lang.pick("weicht ab", "differs"));
    screen.line(format_args!("{word}  {}  {}", verdict.scenario, screen.ink(Ink::Faint, &verdict.file)))?;
    for one in &verdict.differences {
        screen.line(format_args!("    {}", screen.ink(Ink::Bold, &one.what)))?;
        screen.line(format_args!("        {} {}", lang.pick("erwartet:  ", "expected:"), one.expected))?;
        screen.line(format_args!("        {} {}", lang.pick("tatsächlich:", "actual:  "), one.actual))?;
    }
    Ok(())
}
