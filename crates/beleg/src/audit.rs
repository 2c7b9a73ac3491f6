//! `beleg rebuild` and `beleg verify`: a log and its views against themselves, with or
//! without a server.

use crate::failure::{Failure, Outcome};
use crate::lang::Lang;
use crate::session::Session;
use crate::shown::counted;
use crate::storage::check_writable;
use crate::{args, audit_german, store_german};
use beleg_server::audit::{self, AuditError, Differences, Rebuilt, Replaced};
use indicatif::ProgressBar;
use serde_json::{Value, json};
use std::path::Path;

/// Builds the views anew, or compares a fresh build with the serving ones.
pub(crate) async fn rebuild(session: &Session, args: args::Rebuild) -> Result<Outcome, Failure> {
    let storage = args.kept.storage()?;
    let bar = session.screen.progress(0);
    let progress = |done: u64, total: u64| advance(&bar, done, total);
    if args.check {
        let result = audit::check_views(&storage, &progress).await;
        bar.finish_and_clear();
        let told = session.lang.pick(
            ["Zeile der Sichten verglichen", "Zeilen der Sichten verglichen"],
            ["row of the views compared", "rows of the views compared"],
        );
        return tell(session, told, &result.map_err(|error| not_checked(session.lang, &storage.place(), error))?);
    }
    check_writable(&storage)?;
    let result = audit::rebuild(&storage, &progress).await;
    bar.finish_and_clear();
    let rebuilt = result.map_err(|error| failed(session.lang, &storage.place(), error))?;
    let Rebuilt { events, took, replaced } = &rebuilt;
    let (ms, rate) = (took.as_millis(), u128::from(*events) * 1_000_000 / took.as_micros().max(1));
    if session.screen.is_json() {
        let mut told = match replaced {
            // What was not compared has no number of differences.
            Replaced::Unreadable { error } => json!({ "problem": problem(session.lang, error) }),
            _ => as_json(rebuilt.compared().unwrap_or(&Differences::default())),
        };
        told["replaced"] = json!(name_of(replaced));
        told["events"] = json!(events);
        told["buildMs"] = json!(ms);
        told["eventsPerSecond"] = json!(rate);
        session.screen.json(&told)?;
        return Ok(outcome_of(replaced));
    }
    let seconds = format!("{}.{:03}", ms / 1_000, ms % 1_000);
    let lang = session.lang;
    let (one, several) = lang.pick(("Ereignis", "Ereignisse"), ("event", "events"));
    let read = counted(*events, one, several);
    session.screen.line(lang.pick(
        format!("{read}, Sichten neu aufgebaut in {seconds} s, {rate} je Sekunde"),
        format!("{read}, views rebuilt in {seconds} s, {rate} per second"),
    ))?;
    match replaced {
        Replaced::Nothing => {
            session.screen.line(lang.pick("vorher gab es keine Sichten", "there were no views before"))?;
        }
        Replaced::OtherBuild { .. } => session.screen.line(lang.pick(
            "die ersetzten Sichten stammten von einem anders gebauten beleg: zu vergleichen war da nichts",
            "the replaced views were of another build of beleg: there was nothing to compare",
        ))?,
        Replaced::Unreadable { error } => {
            let problem = problem(lang, error);
            session.screen.line(lang.pick(
                format!("die ersetzten Sichten ließen sich nicht vergleichen: {problem}"),
                format!("the replaced views could not be compared: {problem}"),
            ))?;
        }
        Replaced::Compared(differences) => {
            let told = lang.pick(
                ["Zeile der ersetzten Sichten verglichen", "Zeilen der ersetzten Sichten verglichen"],
                ["row of the replaced views compared", "rows of the replaced views compared"],
            );
            return tell(session, told, differences);
        }
    }
    Ok(outcome_of(replaced))
}

/// A stable name for programs.
fn name_of(replaced: &Replaced) -> &'static str {
    match replaced {
        Replaced::Nothing => "NOTHING",
        Replaced::Compared(_) => "COMPARED",
        Replaced::OtherBuild { .. } => "OTHER_BUILD",
        Replaced::Unreadable { .. } => "UNREADABLE",
    }
}

/// New views serve in every case; what they replaced may have been wrong, and somebody should know.
fn outcome_of(replaced: &Replaced) -> Outcome {
    match replaced {
        Replaced::Nothing | Replaced::OtherBuild { .. } => Outcome::Good,
        Replaced::Compared(differences) => outcome(differences),
        Replaced::Unreadable { .. } => Outcome::Differs,
    }
}

fn problem(lang: Lang, error: &AuditError) -> String {
    lang.pick(store_german::of(error), error.to_string())
}

/// Derives every assessment anew and compares.
pub(crate) async fn verify(session: &Session, args: args::Verify) -> Result<Outcome, Failure> {
    let storage = args.kept.storage()?;
    let bar = session.screen.progress(0);
    let progress = |done: u64, total: u64| advance(&bar, done, total);
    let result = audit::verify(&storage, &progress).await;
    bar.finish_and_clear();
    let told = session.lang.pick(
        ["Bewertung nachgerechnet", "Bewertungen nachgerechnet"],
        ["assessment derived anew", "assessments derived anew"],
    );
    tell(session, told, &result.map_err(|error| failed(session.lang, &storage.place(), error))?)
}

fn advance(bar: &ProgressBar, done: u64, total: u64) {
    bar.set_length(total);
    bar.set_position(done);
}

/// Says what was found; of what was checked there are words for one and for several.
fn tell(session: &Session, [one, several]: [&str; 2], result: &Differences) -> Result<Outcome, Failure> {
    let screen = &session.screen;
    if screen.is_json() {
        screen.json(&as_json(result))?;
    } else {
        for finding in &result.found {
            screen.line(session.lang.pick(audit_german::of(finding), finding.to_string()))?;
        }
        let checked = counted(result.checked, one, several);
        let (one, several) = session.lang.pick(("Unterschied", "Unterschiede"), ("difference", "differences"));
        screen.line(format!("{checked}, {}", counted(result.count, one, several)))?;
    }
    Ok(outcome(result))
}

fn as_json(result: &Differences) -> Value {
    let differences: Vec<String> = result.found.iter().map(ToString::to_string).collect();
    json!({ "checked": result.checked, "count": result.count, "differences": differences })
}

fn outcome(result: &Differences) -> Outcome {
    if result.count == 0 { Outcome::Good } else { Outcome::Differs }
}

/// Views of another build cannot be compared, and it is no fault of theirs.
fn not_checked(lang: Lang, place: &Path, error: AuditError) -> Failure {
    match error {
        AuditError::Views(error) if error.is_of_another_build() => {
            let place = place.display();
            Failure::Unmet(lang.pick(
                format!(
                    "Die Sichten in {place} stammen von einem anders gebauten beleg; vergleichen lassen sie sich \
                     nicht.\n  Neu aufbauen, dann gehören sie zu diesem: beleg rebuild (ohne --check)"
                ),
                format!(
                    "the views in {place} are of another build of beleg; they cannot be compared.\n  build them anew, \
                     then they are of this one: beleg rebuild (without --check)"
                ),
            ))
        }
        error => failed(lang, place, error),
    }
}

fn failed(lang: Lang, data: &Path, error: AuditError) -> Failure {
    match error {
        AuditError::InUse { data } => {
            let data = data.display();
            Failure::Unmet(lang.pick(
                format!(
                    "Auf {data} läuft ein Server oder ein Import.\n  Anhalten, neu aufbauen, wieder starten; im Betrieb \
                     vergleicht: beleg rebuild --check"
                ),
                format!(
                    "a server or an import runs on {data}.\n  stop it, rebuild, start it again; to compare while it \
                     runs: beleg rebuild --check"
                ),
            ))
        }
        AuditError::Views(error) => Failure::Views(error),
        error => Failure::Store { place: data.display().to_string(), error: error.into() },
    }
}
