//! What an audit of a log and its views finds, in German. Types of events, streams, tables, rows and members of JSON
//! stay as they are stored.

use crate::lang::Lang;
use crate::said::QUOTED;
use crate::{shown, store_german};
use beleg_server::audit::{Consequence, Finding, Misplaced, Place, Posted, Subject};

/// A finding in German.
pub(crate) fn of(finding: &Finding) -> String {
    match finding {
        Finding::Altered { id, position } => {
            format!("das Ereignis {id} an Position {position} ist nicht das, dessen Prüfsumme gebildet wurde")
        }
        Finding::Early { event } => {
            format!("{} ist früher aufgezeichnet als das, worauf es folgt", place(event))
        }
        Finding::Version { event, stream, version, before } => {
            format!("{} hat Version {version} von {stream} und folgt auf Version {before}", place(event))
        }
        Finding::Misplaced { event, why } => format!("{}: {}", place(event), misplaced(why)),
        Finding::NoEvent { position } => format!("an Position {position} steht kein Ereignis"),
        Finding::Unreadable { position, damage } => {
            let damage = store_german::damage(damage);
            format!("das Ereignis an Position {position} lässt sich nicht lesen: {damage}")
        }
        Finding::Unclaimed { event } => format!("{} gehört zu keinem Befehl eines Tickets", place(event)),
        Finding::Policies { problem } => format!("die Richtlinien lassen sich nicht lesen; {QUOTED} {problem}"),
        Finding::Ticket { stream, problem } => format!("{stream} lässt sich nicht nachrechnen; {QUOTED} {problem}"),
        Finding::Otherwise { subject: about, says, gives, at } => {
            let member = at.as_ref().map(|at| format!("; {} ist {} und müsste {} sein", at.path, at.says, at.gives));
            format!(
                "{} sagt: {}; aus den Tatsachen folgt: {}{}",
                subject(about),
                consequence(says),
                consequence(gives),
                member.unwrap_or_default()
            )
        }
        Finding::NotAssessed { after, gives } => {
            format!("nach Position {after} fehlt eine Bewertung; aus den Tatsachen folgt: {}", consequence(gives))
        }
        Finding::Row(row) => {
            let side = if row.only_serving { "in den bisherigen Sichten" } else { "in neu aufgebauten Sichten" };
            format!("{} nur {side}: {}", row.table, row.row)
        }
        Finding::Perhaps(finding) => format!("  vielleicht nur deshalb: {}", of(finding)),
    }
}

fn place(event: &Place) -> String {
    format!("{} an Position {} (Ereignis {})", event.event_type, event.position, event.id)
}

fn misplaced(why: &Misplaced) -> String {
    match why {
        Misplaced::Elsewhere { stream } => format!("es steht im Ereignisstrom {stream}"),
        Misplaced::OutsideTicket { stream } => {
            format!("es gehört zu einem Ticket und steht im Ereignisstrom {stream}")
        }
        Misplaced::Unopened { stream } => format!("{stream} beginnt nicht mit der Eröffnung"),
        Misplaced::OtherTicket { stream } => format!("es eröffnet ein Ticket im Ereignisstrom {stream}"),
        Misplaced::Unreadable { problem } => format!("{QUOTED} {problem}"),
    }
}

fn subject(subject: &Subject) -> String {
    match subject {
        Subject::Event(event) => place(event),
        Subject::Drawn { after } => format!("das nach Position {after} verbrauchte Kontingent"),
    }
}

fn consequence(consequence: &Consequence) -> String {
    match consequence {
        Consequence::Nothing => "nichts".to_owned(),
        Consequence::Assessed { posted: all, reversed } => {
            let stornos = shown::counted(*reversed, "Storno", "Stornos");
            all.iter().map(posted).chain([stornos]).collect::<Vec<_>>().join(", ")
        }
        Consequence::Drawn(draws) => {
            let draws = draws.iter().map(|draw| format!("{} s aus Kontingent {}", draw.seconds, draw.grant));
            draws.collect::<Vec<_>>().join(", ")
        }
        Consequence::Other(event_type) => (*event_type).to_owned(),
    }
}

fn posted(posted: &Posted) -> String {
    let Posted { worked_seconds, rule, billed_seconds, amount_minor } = posted;
    let amount = shown::minor_units(*amount_minor, Lang::De);
    format!("{worked_seconds} s {rule} ({billed_seconds} s berechnet, {amount})")
}

#[cfg(test)]
mod tests {
    use super::of;
    use beleg_server::audit::{Consequence, Finding, Member, Misplaced, Place, Subject};
    use beleg_store::Damage;

    fn event() -> Place {
        Place { event_type: "work_assessed".into(), position: 7, id: uuid::Uuid::nil() }
    }

    #[test]
    fn findings_are_german_to_their_innermost_part() {
        let unreadable = Finding::Unreadable { position: 7, damage: Damage::File };
        assert_eq!(
            of(&Finding::Perhaps(Box::new(unreadable))),
            "  vielleicht nur deshalb: das Ereignis an Position 7 lässt sich nicht lesen: die Datei ist beschädigt"
        );
        let place = "work_assessed an Position 7 (Ereignis 00000000-0000-0000-0000-000000000000)";
        let why = Misplaced::Unreadable { problem: "a type this program does not know".to_owned() };
        assert_eq!(
            of(&Finding::Misplaced { event: event(), why }),
            format!("{place}: im Wortlaut: a type this program does not know")
        );
        let one = Consequence::Assessed { posted: Vec::new(), reversed: 1 };
        let at = Member { path: "/cause".to_owned(), says: "1".to_owned(), gives: "2".to_owned() };
        let otherwise =
            Finding::Otherwise { subject: Subject::Event(event()), says: one.clone(), gives: one, at: Some(at) };
        assert_eq!(
            of(&otherwise),
            format!("{place} sagt: 1 Storno; aus den Tatsachen folgt: 1 Storno; /cause ist 1 und müsste 2 sein")
        );
    }
}
