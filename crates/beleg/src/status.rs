//! `beleg status`: where the log, the views and the server stand.

use crate::data_word;
use crate::failure::{Failure, Outcome};
use crate::json;
use crate::screen::Ink;
use crate::sentence::Sentence;
use crate::session::Session;
use crate::shown;
use crate::word::Word;
use beleg_server::pb;

/// Prints the status; a stopped projector is a difference.
pub(crate) async fn run(session: &Session) -> Result<Outcome, Failure> {
    let client = session.connect().await?;
    let status = client.log().get_log_status(pb::GetLogStatusRequest {}).await?.into_inner();
    let outcome = match status.projector_alarm.as_str() {
        "" => Outcome::Good,
        _ => Outcome::Differs,
    };
    let screen = &session.screen;
    if screen.is_json() {
        let value = json::of_message("GetLogStatusResponse", &status).map_err(Failure::Answer)?;
        screen.json(&value)?;
        return Ok(outcome);
    }
    let lang = session.lang;
    let behind = status.position.saturating_sub(status.views_position);
    let views = Sentence::ViewsBehind { position: status.views_position, behind }.in_(lang);
    let mut facts = vec![
        (Word::Log.in_(lang), status.log_id.clone()),
        (Word::ClockKind.in_(lang), data_word::in_(status.clock.clone(), lang)),
        (Word::Position.in_(lang), status.position.to_string()),
        (Word::Recorded.in_(lang), shown::time(status.recorded_at.as_ref())),
        (Word::ViewsPosition.in_(lang), views),
        (Word::ImportsAdmitted.in_(lang), Sentence::yes_or_no(status.imports_admitted, lang)),
        (Word::ServerVersion.in_(lang), status.server_version.clone()),
        (Word::ServerNow.in_(lang), shown::time(status.now.as_ref())),
    ];
    if outcome == Outcome::Differs {
        let alarm = screen.ink(Ink::Red, &status.projector_alarm);
        facts.push((Word::ProjectorAlarm.in_(lang), alarm));
    }
    screen.facts(&facts)?;
    Ok(outcome)
}
