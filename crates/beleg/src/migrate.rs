//! `beleg migrate`: the log of a directory into an empty database, event for event.

use crate::args;
use crate::failure::{Failure, Outcome};
use crate::said::Said;
use crate::session::Session;
use crate::shown::counted;
use crate::storage::{DATABASE, from_environment};
use beleg_store::{Database, MoveError, OpenError, Storage, move_log};
use serde_json::json;

/// Moves it whole or not at all.
pub(crate) async fn run(session: &Session, args: args::Migrate) -> Result<Outcome, Failure> {
    let (screen, lang) = (&session.screen, session.lang);
    let url = args.database.or_else(|| from_environment(DATABASE)).ok_or_else(|| {
        Failure::Usage(Said::new(
            format!("Wohin? Angeben: --database URL (oder {DATABASE} setzen)"),
            format!("where to? give --database URL (or set {DATABASE})"),
        ))
    })?;
    let database = Database::at(url);
    let bar = screen.progress(0);
    let progress = |done: u64, total: u64| {
        bar.set_length(total);
        bar.set_position(done);
    };
    let moved = move_log(&args.data, &database, &progress).await;
    bar.finish_and_clear();
    let place = Storage::Database(database).place();
    let events = moved.map_err(|error| match &error {
        MoveError::Open(OpenError::InUse { .. }) => {
            let data = args.data.display();
            Failure::Unmet(lang.pick(
                format!("Auf {data} läuft ein Server oder ein Import.\n  Anhalten, dann umziehen."),
                format!("a server or an import runs on {data}.\n  stop it, then move."),
            ))
        }
        MoveError::NotEmpty { path, events } => {
            let path = path.display();
            Failure::Unmet(lang.pick(
                format!(
                    "{path} enthält schon ein Protokoll mit {}.\n  In eine leere Datenbank umziehen.",
                    counted(*events, "Ereignis", "Ereignissen")
                ),
                format!(
                    "{path} holds a log of {} already.\n  move into an empty database.",
                    counted(*events, "event", "events")
                ),
            ))
        }
        _ => Failure::Store { place: args.data.display().to_string(), error: error.into() },
    })?;
    if screen.is_json() {
        screen.json(&json!({ "events": events, "database": place.display().to_string() }))?;
        return Ok(Outcome::Good);
    }
    let (place, data) = (place.display(), args.data.display());
    screen.line(lang.pick(
        format!(
            "{} nach {place} umgezogen und dort nachgeprüft.\nAb jetzt: BELEG_DATABASE=… beleg serve; {data} bleibt, \
             wie es war, und dient nicht mehr.",
            counted(events, "Ereignis", "Ereignisse")
        ),
        format!(
            "{} moved to {place} and verified there.\nfrom now on: BELEG_DATABASE=… beleg serve; {data} is left as it \
             was and serves no more.",
            counted(events, "event", "events")
        ),
    ))?;
    Ok(Outcome::Good)
}
