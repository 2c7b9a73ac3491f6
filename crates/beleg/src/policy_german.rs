//! What is wrong with a policy, in German. Keys, ids and values stay as they are written.

use crate::lang::Lang;
use crate::said::QUOTED;
use beleg_domain::facts::{Account, Findings};
use beleg_domain::policy::Problem;

/// A problem in a language.
pub(crate) fn told(problem: &Problem, lang: Lang) -> String {
    match lang {
        Lang::De => german(problem),
        Lang::En => problem.to_string(),
    }
}

fn german(problem: &Problem) -> String {
    match problem {
        Problem::TooLarge { bytes, bytes_max } => {
            format!("das Dokument hat {bytes} Bytes; gelesen werden höchstens {bytes_max}")
        }
        Problem::Toml { line: Some(line), message } => format!("Zeile {line}, {QUOTED} {message}"),
        Problem::Toml { line: None, message } | Problem::Json { message } => format!("{QUOTED} {message}"),
        Problem::NotCanonical => {
            "das JSON hat nicht die kanonische Form (RFC 8785), sein Hash würde es also nicht bezeichnen".to_owned()
        }
        Problem::MalformedName { name } => {
            format!("Name {name:?}: erwartet ist ein Kleinbuchstabe, dann höchstens 31 aus a-z, 0-9 und -")
        }
        Problem::LimitOutOfRange { limit, value, value_max } => {
            format!("limits.{limit} ist {value}; erwartet ist 0 bis {value_max}")
        }
        Problem::MalformedClauseId { id } => {
            format!("Klausel {id:?}: erwartet sind Zahlen mit Punkten dazwischen, etwa 4.1")
        }
        Problem::MalformedRuleId { id } => format!(
            "Regel {id:?}: erwartet ist classify, free, billable, covered oder withheld, ein Punkt und ein Name aus a-z, \
             0-9 und -"
        ),
        Problem::DuplicateClause { id } => format!("Klausel {id:?} ist zweimal festgelegt"),
        Problem::DuplicateRule { id } => format!("Regel {id:?} ist zweimal festgelegt"),
        Problem::MissingText { place, field } => {
            format!("{}: {} fehlt oder ist leer", place_of(place), text_of(field))
        }
        Problem::ControlCharacter { place, field, character } => format!(
            "{}: {} enthält das Steuerzeichen U+{:04X}; erlaubt sind nur Zeilenenden und Tabulatoren",
            place_of(place),
            text_of(field),
            u32::from(*character)
        ),
        Problem::UnknownClause { rule, clause } => {
            format!("Regel {rule:?} beruht auf Klausel {clause:?}, die es nicht gibt")
        }
        Problem::UnusedClause { clause } => format!("auf Klausel {clause:?} beruht keine Regel"),
        Problem::MissingRule { rule, account } => {
            format!("Regel {rule:?} mit Konto {account} ist nötig und nicht festgelegt")
        }
        Problem::WrongAccount { rule, expected, found } => {
            format!("Regel {rule:?} muss {} haben, nicht {}", account(*expected), account(*found))
        }
        Problem::UnusedRule { rule } => {
            format!("Regel {rule:?} wird nie gebraucht: keine Zeile ordnet nach ihr ein oder rechnet nach ihr ab")
        }
        Problem::UnknownClassifier { rule } => format!("eine Zeile ordnet nach Regel {rule:?} ein, die es nicht gibt"),
        Problem::ClassifierWithAccount { rule, account } => {
            format!(
                "eine Zeile ordnet nach Regel {rule:?} ein, die Konto {account} hat; erwartet ist eine mit classify"
            )
        }
        Problem::ClassifierWithTwoClasses { rule, first, second } => {
            format!("Regel {rule:?} ordnet als {first} und als {second} ein; eine Regel nennt eine Klasse")
        }
        Problem::UnknownCharge { rule, charge } => {
            format!("die Zeile von {rule:?} rechnet nach Regel {charge:?} ab, die es nicht gibt")
        }
        Problem::ChargeWithoutAccount { rule, charge } => {
            format!("die Zeile von {rule:?} rechnet nach Regel {charge:?} ab, die kein Konto hat")
        }
        Problem::ReservedCharge { rule, charge } => {
            format!("die Zeile von {rule:?} rechnet nach Regel {charge:?} ab, die nur das Programm selbst anwendet")
        }
        Problem::StrayCharge { rule, cause } => {
            format!("die Zeile von {rule:?} hat eine Abrechnung für die Ursache {cause}, für die sie nie gilt")
        }
        Problem::EmptyRow { rule } => {
            format!("eine Zeile von {rule:?} gilt für keine Befunde: eine ihrer Listen ist leer")
        }
        Problem::MixedClass { class, first, second } => format!(
            "Klasse {class} wird nach {first:?} und nach {second:?} abgerechnet; eine Klasse ist ganz kostenlos oder ganz \
             kostenpflichtig"
        ),
        Problem::WithheldClass { class, charge } => {
            format!("Klasse {class} wird nach {charge:?} abgerechnet; übernommen wird nur undetermined")
        }
        Problem::ChargedUndetermined { charge } => {
            format!("Klasse undetermined wird nach {charge:?} abgerechnet; erwartet ist withheld.unclassified")
        }
        Problem::ClassWithoutRow { class } => format!("Klasse {class} hat keine Zeile"),
        Problem::Gap { findings } => format!("Lücke: keine Zeile gilt für {}", combination(findings)),
        Problem::MoreGaps { count } => format!("und {count} weitere Lücken"),
        Problem::Overlap { findings, first, second } => {
            format!("Überschneidung: Zeilen von {first:?} und {second:?} gelten beide für {}", combination(findings))
        }
        Problem::MoreOverlaps { count } => format!("und {count} weitere Überschneidungen"),
        Problem::More { count } => format!("und {count} weitere Fehler"),
    }
}

/// Where a text stands, which is told with its number or id.
fn place_of(place: &str) -> String {
    match place.split_once(' ') {
        Some(("clause", id)) => format!("Klausel {id}"),
        Some(("rule", id)) => format!("Regel {id}"),
        _ if place == "title" => "Titel (title)".to_owned(),
        _ => place.to_owned(),
    }
}

/// Which of its texts, with the key that its author looks for.
fn text_of(field: &str) -> &str {
    match field {
        "de" => "der deutsche Text (de)",
        "en" => "der englische Text (en)",
        "heading" => "die Überschrift (heading)",
        _ => field,
    }
}

fn account(account: Option<Account>) -> String {
    account.map_or_else(|| "kein Konto".to_owned(), |account| format!("Konto {account}"))
}

/// In the words of the document, where its author looks for them.
fn combination(findings: &Findings) -> String {
    format!(
        "behaviour={} cause={} reproducible={} security_relevant={}",
        findings.behaviour, findings.cause, findings.reproducible_in_standard, findings.security_relevant,
    )
}

#[cfg(test)]
mod tests {
    use super::german;
    use beleg_domain::policy::Problem;

    #[test]
    fn a_text_that_is_missing_is_named_in_german() {
        let missing = |place: &str, field| german(&Problem::MissingText { place: place.to_owned(), field });
        assert_eq!(missing("clause \"3.1\"", "en"), "Klausel \"3.1\": der englische Text (en) fehlt oder ist leer");
        assert_eq!(missing("title", "de"), "Titel (title): der deutsche Text (de) fehlt oder ist leer");
        let wrong = Problem::ControlCharacter { place: "rule \"x\"".to_owned(), field: "heading", character: '\r' };
        assert!(german(&wrong).starts_with("Regel \"x\": die Überschrift (heading) enthält das Steuerzeichen U+000D"));
    }
}
