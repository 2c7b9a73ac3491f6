//! `beleg ticket preview`: what a work entry would cost, and why.

use crate::client::Client;
use crate::failure::Failure;
use crate::lang::Lang;
use crate::said::Said;
use crate::screen::Ink;
use crate::session::Session;
use crate::shown::counted;
use crate::ticket::{PAGE, segments};
use crate::word::Word;
use crate::{data_word, json, shown};
use beleg_server::pb;
use chrono::TimeDelta;
use prost_types::Timestamp;
use std::collections::{HashMap, HashSet};

/// Parts that events play in decisions without standing in the ticket's history.
const ELSEWHERE: [&str; 3] = ["contract", "grant", "policy"];

/// The seconds of worked minutes, which a window must hold. One that ends before it begins is the server's to refuse.
pub(crate) fn seconds(minutes: i64, window: TimeDelta) -> Result<i64, Failure> {
    let seconds = minutes.saturating_mul(60);
    if window <= TimeDelta::zero() || seconds <= window.num_seconds() {
        return Ok(seconds);
    }
    let there = window.num_minutes();
    Err(Failure::Usage(Said::new(
        format!("--duration-minutes {minutes} ist mehr, als der Zeitraum hat: {}", counted(there, "Minute", "Minuten")),
        format!("--duration-minutes {minutes} is more than the window has: {}", counted(there, "minute", "minutes")),
    )))
}

/// Asks what work would cost and shows it.
pub(crate) async fn run(session: &Session, request: pb::PreviewWorkRequest) -> Result<(), Failure> {
    let client = session.connect().await?;
    let ticket = request.ticket.clone();
    let answer = client.tickets().preview_work(request).await?.into_inner();
    let screen = &session.screen;
    if screen.is_json() {
        let value = json::of_message("PreviewWorkResponse", &answer);
        return screen.json(&value.map_err(Failure::Answer)?);
    }
    let lang = session.lang;
    segments(screen, &answer.segments)?;
    screen.facts(&[(Word::Amount.in_(lang), shown::money_or_dash(answer.amount.as_ref(), lang))])?;
    let times = times(&client, ticket, &answer.segments).await?;
    for (what, account) in [
        (lang.pick("Nicht kostenfrei:", "not free:"), pb::Account::Free),
        (lang.pick("Nicht berechnet:", "not billable:"), pb::Account::Billable),
    ] {
        for segment in answer.segments.iter().filter(|segment| segment.account() != account) {
            screen.line(format_args!("{what} {}", why(segment, &times, lang)))?;
        }
    }
    for rule in answer.rules {
        let text = shown::policy_text(rule.text.as_ref(), lang);
        screen.line(format_args!("  {}  {text}", screen.ink(Ink::Faint, rule.id)))?;
    }
    Ok(())
}

/// When the facts of a ticket that decided were true, by their events' ids. The server says it in an English sentence
/// only.
async fn times(
    client: &Client,
    ticket: Option<pb::TicketKey>,
    segments: &[pb::Segment],
) -> Result<HashMap<String, Timestamp>, Failure> {
    let causes = segments.iter().flat_map(|segment| &segment.causes);
    // The work itself is not recorded, so it has no id.
    let there = causes.filter(|cause| !cause.event_id.is_empty() && !ELSEWHERE.contains(&cause.role.as_str()));
    let mut wanted: HashSet<&str> = there.map(|cause| cause.event_id.as_str()).collect();
    let mut request = pb::GetTicketHistoryRequest { ticket, page_size: PAGE, ..Default::default() };
    let mut times = HashMap::new();
    while !wanted.is_empty() {
        let page = client.tickets().get_ticket_history(request.clone()).await?.into_inner();
        for event in page.events {
            if let (true, Some(at)) = (wanted.remove(event.event_id.as_str()), event.occurred_at) {
                times.insert(event.event_id, at);
            }
        }
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    Ok(times)
}

/// A segment with its rule, and since when each fact that decided was true.
fn why(segment: &pb::Segment, times: &HashMap<String, Timestamp>, lang: Lang) -> String {
    let account = data_word::in_(shown::account(segment.account()), lang);
    let said = format!("{} {account} ({})", shown::duration(segment.worked_seconds), segment.rule);
    let fact = |cause: &pb::Cause| {
        let at = times.get(&cause.event_id)?;
        Some(format!("{} {}", data_word::in_(cause.role.clone(), lang), shown::time(Some(at))))
    };
    let facts: Vec<String> = segment.causes.iter().filter_map(fact).collect();
    if facts.is_empty() { said } else { format!("{said}: {}", facts.join(" · ")) }
}

#[cfg(test)]
mod tests {
    use super::{seconds, why};
    use crate::instant;
    use crate::lang::Lang;
    use beleg_server::pb;
    use chrono::TimeDelta;
    use std::collections::HashMap;

    #[test]
    fn more_minutes_than_the_window_has_are_told_in_minutes() {
        let told = |minutes, window| seconds(minutes, window).map_err(|wrong| wrong.told_in(Lang::En));
        assert_eq!(told(60, TimeDelta::minutes(60)), Ok(3_600));
        let refused = told(90, TimeDelta::minutes(60)).expect_err("90 of 60");
        assert!(refused.starts_with("--duration-minutes 90 is more than the window has: 60 minutes\n"), "{refused}");
        let refused = told(2, TimeDelta::seconds(90)).expect_err("2 of 1.5");
        assert!(refused.contains("has: 1 minute\n"), "{refused}");
        assert_eq!(told(2, TimeDelta::minutes(-5)), Ok(120), "the server says what is wrong with such a window");
    }

    #[test]
    fn a_reason_is_told_in_the_readers_language_with_hours_and_instants() {
        let cause = |role: &str, id: &str| pb::Cause { role: role.to_owned(), event_id: id.to_owned(), position: 0 };
        let segment = pb::Segment {
            worked_seconds: 3_600,
            account: pb::Account::Free.into(),
            rule: "free.agreed-otherwise".to_owned(),
            causes: vec![cause("work", ""), cause("classification", "c"), cause("contract", "k")],
            ..Default::default()
        };
        let at = instant::parse("2016-02-29T08:26:00Z").expect("an instant");
        let times = HashMap::from([("c".to_owned(), instant::stamp(at))]);
        assert_eq!(
            why(&segment, &times, Lang::De),
            "1:00:00 kostenfrei (free.agreed-otherwise): Einordnung 2016-02-29T08:26:00Z"
        );
        assert_eq!(
            why(&segment, &times, Lang::En),
            "1:00:00 free (free.agreed-otherwise): classification 2016-02-29T08:26:00Z"
        );
        assert_eq!(why(&segment, &HashMap::new(), Lang::En), "1:00:00 free (free.agreed-otherwise)");
    }
}
