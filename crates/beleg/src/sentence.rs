//! Sentences said to people, German and English side by side.

use crate::lang::Lang;
use crate::shown::counted;

/// One sentence with what it is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sentence<'a> {
    /// A command was taken by the server.
    Accepted,
    /// Under a list of entries.
    EntriesShown { shown: usize, more: bool, position: i64 },
    /// What an import brought.
    Imported { accepted: u64, synthetic: u64, events: u64, already_there: u64 },
    /// The server was not started for imports.
    ImportsNotAdmitted,
    /// A refused step moved the head of the log.
    LeftBehind,
    /// Troubles beyond those shown.
    MoreTroubles { more: u64 },
    /// `no`.
    No,
    /// A policy was asked for and none is published.
    NoPolicyYet,
    /// A rehearsal has steps about statements.
    NoStatements,
    /// What an import could not bring.
    NotImported { bad: u64, refused: u64 },
    /// A policy document may not be published.
    PolicyProblems { count: usize },
    /// A version was published.
    PolicyPublished { name: &'a str, version: i64, hash: &'a str },
    /// A version that is published already says the same.
    PolicyUnchanged { name: &'a str, version: i64 },
    /// A policy document may be published.
    PolicySound { hash: &'a str },
    /// At the end of a rehearsal.
    Rehearsed { holding: usize, all: usize },
    /// What a table held.
    RowsRead { rows: u64, tickets: u64 },
    /// The server listens.
    Serving { url: &'a str },
    /// The demo serves on.
    ServingOn { url: &'a str, ticket: &'a str, number: i64 },
    /// Under a list of tickets.
    TicketsShown { shown: usize, more: bool, position: i64 },
    /// Where a step stands.
    StepPlace { number: usize, line: u64 },
    /// One line of an import that did not make it.
    Trouble { line: u64, reason: &'a str },
    /// How far the views are.
    ViewsBehind { position: i64, behind: i64 },
    /// `yes`.
    Yes,
    /// In place of a policy's facts.
    WholePolicy,
}

impl Sentence<'_> {
    /// `yes` or `no`.
    pub(crate) fn yes_or_no(yes: bool, lang: Lang) -> String {
        if yes { Self::Yes } else { Self::No }.in_(lang)
    }

    /// The sentence in a language.
    pub(crate) fn in_(self, lang: Lang) -> String {
        let (de, en) = self.pair();
        lang.pick(de, en)
    }

    fn pair(self) -> (String, String) {
        let both = |de: &str, en: &str| (de.to_owned(), en.to_owned());
        match self {
            Self::WholePolicy => both(
                "(die ganze Richtlinie; Regel und Klausel stehen oben, alles andere zeigt beleg policy show)",
                "(the whole policy; rule and clause are above, beleg policy show has the rest)",
            ),
            Self::Accepted => both("angenommen", "accepted"),
            Self::EntriesShown { shown, more, position } => {
                let (de, en) = limited(more);
                (
                    format!("{}{de}; Stand: Position {position}", counted(shown, "Buchung", "Buchungen")),
                    format!("{}{en}; as of position {position}", counted(shown, "entry", "entries")),
                )
            }
            Self::Imported { accepted, synthetic, events, already_there } => (
                format!(
                    "{} angenommen (davon {synthetic} synthetisch), {}; {} schon da",
                    counted(accepted, "Befehl", "Befehle"),
                    counted(events, "Ereignis", "Ereignisse"),
                    counted(already_there, "war", "waren"),
                ),
                format!(
                    "{} accepted ({synthetic} of them synthetic), {}; {} already there",
                    counted(accepted, "command", "commands"),
                    counted(events, "event", "events"),
                    counted(already_there, "was", "were"),
                ),
            ),
            Self::ImportsNotAdmitted => both(
                "Dieser Server nimmt keine Importe an.\n  Starten: beleg serve --data VERZEICHNIS --allow-import",
                "this server admits no imports.\n  start it with: beleg serve --data DIR --allow-import",
            ),
            Self::LeftBehind => both(
                "abgelehnt, und doch wurde etwas aufgezeichnet (Ende des Protokolls)",
                "refused, and yet something was recorded (head of the log)",
            ),
            Self::MoreTroubles { more } => (
                format!("… und {more} weitere; --errors DATEI schreibt alle auf"),
                format!("… and {more} more; --errors FILE writes them all"),
            ),
            Self::No => both("nein", "no"),
            Self::NoPolicyYet => both(
                "Es ist keine Richtlinie veröffentlicht; die mitgelieferte: beleg policy publish",
                "no policy is published; for the built-in one: beleg policy publish",
            ),
            Self::NoStatements => both(
                "nicht gespielt: Leistungsnachweise gibt es in dieser Version nicht",
                "not played: statements are not available in this version",
            ),
            Self::NotImported { bad, refused } => (
                format!(
                    "{} unlesbar, {} abgelehnt",
                    counted(bad, "Zeile", "Zeilen"),
                    counted(refused, "Befehl", "Befehle")
                ),
                format!(
                    "{} unreadable, {} refused",
                    counted(bad, "line", "lines"),
                    counted(refused, "command", "commands")
                ),
            ),
            Self::PolicyProblems { count } => (
                format!("Diese Richtlinie kann nicht veröffentlicht werden, Mängel: {count}"),
                format!("this policy cannot be published, problems: {count}"),
            ),
            Self::PolicyPublished { name, version, hash } => (
                format!("Veröffentlicht: {name} v{version}, Prüfsumme {hash}"),
                format!("published: {name} v{version}, hash {hash}"),
            ),
            Self::PolicyUnchanged { name, version } => (
                format!("Nichts zu tun: {name} v{version} sagt dasselbe"),
                format!("nothing to do: {name} v{version} says the same"),
            ),
            Self::PolicySound { hash } => (
                format!("Diese Richtlinie kann veröffentlicht werden; Prüfsumme {hash}"),
                format!("this policy may be published; hash {hash}"),
            ),
            Self::Rehearsed { holding, all } => (
                format!("{holding} von {}", counted(all, "Szenario hält", "Szenarien halten")),
                format!("{holding} of {}", counted(all, "scenario holds", "scenarios hold")),
            ),
            Self::RowsRead { rows, tickets } => (
                format!("{} gelesen, {}", counted(rows, "Zeile", "Zeilen"), counted(tickets, "Ticket", "Tickets")),
                format!("{} read, {}", counted(rows, "row", "rows"), counted(tickets, "ticket", "tickets")),
            ),
            Self::Serving { url } => {
                (format!("Beleg hört auf {url}; Ende mit Strg-C"), format!("Beleg listens at {url}; Ctrl-C ends it"))
            }
            Self::ServingOn { url, ticket, number } => (
                format!(
                    "Der Server läuft weiter unter {url}; Ende mit Strg-C. Nachsehen:\n\
                     \n  beleg --server {url} ticket show demo/1\
                     \n  beleg --server {url} ticket cost {ticket}\
                     \n  beleg --server {url} ledger list --ticket {ticket}\
                     \n  beleg --server {url} ledger explain {number}\
                     \n  beleg --server {url} ledger balances --by customer,account"
                ),
                format!(
                    "The server goes on at {url}; Ctrl-C ends it. Look around:\n\
                     \n  beleg --server {url} ticket show demo/1\
                     \n  beleg --server {url} ticket cost {ticket}\
                     \n  beleg --server {url} ledger list --ticket {ticket}\
                     \n  beleg --server {url} ledger explain {number}\
                     \n  beleg --server {url} ledger balances --by customer,account"
                ),
            ),
            Self::TicketsShown { shown, more, position } => {
                let (de, en) = limited(more);
                (
                    format!("{}{de}; Stand: Position {position}", counted(shown, "Ticket", "Tickets")),
                    format!("{}{en}; as of position {position}", counted(shown, "ticket", "tickets")),
                )
            }
            Self::StepPlace { number, line } => {
                (format!("Schritt {number} (Zeile {line})"), format!("step {number} (line {line})"))
            }
            Self::Trouble { line, reason } => (format!("Zeile {line}: {reason}"), format!("line {line}: {reason}")),
            Self::ViewsBehind { position, behind: 0 } => {
                (format!("{position} (auf dem Stand des Protokolls)"), format!("{position} (level with the log)"))
            }
            Self::ViewsBehind { position, behind } => {
                (format!("{position} ({behind} dahinter)"), format!("{position} ({behind} behind)"))
            }
            Self::Yes => both("ja", "yes"),
        }
    }
}

/// After the count of a list.
fn limited(more: bool) -> (&'static str, &'static str) {
    if more { (", es gibt mehr (--limit)", ", there are more (--limit)") } else { ("", "") }
}

#[cfg(test)]
mod tests {
    use super::Sentence;
    use crate::lang::Lang;

    #[test]
    fn one_is_no_plural() {
        let both = |sentence: Sentence<'_>| [Lang::De, Lang::En].map(|lang| sentence.in_(lang));
        let entries = |shown, more| Sentence::EntriesShown { shown, more, position: 7 };
        assert_eq!(both(entries(1, false)), ["1 Buchung; Stand: Position 7", "1 entry; as of position 7"]);
        assert_eq!(
            both(entries(2, true)),
            [
                "2 Buchungen, es gibt mehr (--limit); Stand: Position 7",
                "2 entries, there are more (--limit); as of position 7"
            ]
        );
        let tickets = Sentence::TicketsShown { shown: 1, more: true, position: 7 };
        assert_eq!(
            both(tickets),
            [
                "1 Ticket, es gibt mehr (--limit); Stand: Position 7",
                "1 ticket, there are more (--limit); as of position 7"
            ]
        );
        let imported =
            |count| Sentence::Imported { accepted: count, synthetic: 0, events: count, already_there: count };
        assert_eq!(
            both(imported(1)),
            [
                "1 Befehl angenommen (davon 0 synthetisch), 1 Ereignis; 1 war schon da",
                "1 command accepted (0 of them synthetic), 1 event; 1 was already there"
            ]
        );
        assert_eq!(
            both(imported(0)),
            [
                "0 Befehle angenommen (davon 0 synthetisch), 0 Ereignisse; 0 waren schon da",
                "0 commands accepted (0 of them synthetic), 0 events; 0 were already there"
            ]
        );
        let lost = Sentence::NotImported { bad: 1, refused: 1 };
        assert_eq!(both(lost), ["1 Zeile unlesbar, 1 Befehl abgelehnt", "1 line unreadable, 1 command refused"]);
        let read = Sentence::RowsRead { rows: 1, tickets: 2 };
        assert_eq!(both(read), ["1 Zeile gelesen, 2 Tickets", "1 row read, 2 tickets"]);
        let rehearsed = |holding, all| Sentence::Rehearsed { holding, all };
        assert_eq!(both(rehearsed(0, 1)), ["0 von 1 Szenario hält", "0 of 1 scenario holds"]);
        assert_eq!(both(rehearsed(1, 2)), ["1 von 2 Szenarien halten", "1 of 2 scenarios hold"]);
    }
}
