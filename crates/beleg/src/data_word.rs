//! The domain's words for values, as people read them. JSON, rehearsals and arguments keep the domain's own.

use crate::lang::Lang;

/// A value's word in a language; one without a German word stays as it is.
pub(crate) fn in_(word: String, lang: Lang) -> String {
    match lang {
        Lang::En => word,
        Lang::De => german(&word).map_or(word, str::to_owned),
    }
}

fn german(word: &str) -> Option<&'static str> {
    Some(match word {
        "free" => "kostenfrei",
        "billable" => "berechnet",
        "covered" => "abgedeckt",
        "withheld" => "übernommen",
        "base_software_bug" => "Basis-Software-Bug",
        "customizing_bug" => "Customizing-Bug",
        "platform_fault" => "Plattformstörung",
        "service_request" => "Service Request",
        "change_request" => "Change Request",
        "undetermined" => "unbestimmt",
        "incident" => "Störung",
        "request" => "Anfrage",
        "open" => "offen",
        "resolved" => "gelöst",
        "closed" => "geschlossen",
        "diagnosis" => "Diagnose",
        "execution" => "Ausführung",
        "hourly" => "nach Stunden",
        "quote" => "Angebot",
        "provider" => "Anbieter",
        "customer" => "Kunde",
        "nobody" => "niemand",
        "deviates" => "weicht ab",
        "conforms" => "wie vereinbart",
        "change_wanted" => "Änderung gewünscht",
        "base_software" => "Basis-Software",
        "customizing" => "Customizing",
        "platform" => "Plattform",
        "customer_side" => "beim Kunden",
        "third_party" => "bei Dritten",
        "none_found" => "keine gefunden",
        "yes" => "ja",
        "only_with_customizing" => "nur mit Customizing",
        "no" => "nein",
        "not_tested" => "nicht geprüft",
        // The part that an event played in a decision.
        "work" => "Arbeit",
        "opening" => "Eröffnung",
        "classification" => "Einordnung",
        "information" => "Information",
        "approval" => "Freigabe",
        "decline" => "Ablehnung",
        "revocation" => "Widerruf",
        "contract" => "Vertrag",
        "grant" => "Kontingent",
        "policy" => "Richtlinie",
        "resolution" => "Lösung",
        "closing" => "Schließung",
        "reopening" => "Wiedereröffnung",
        "void" => "Ungültigkeit",
        "reassessment" => "Neubewertung",
        // What would change an answer.
        "findings" => "Befund",
        "higher-limit" => "größerer Rahmen",
        "agreed-rate" => "vereinbarter Stundensatz",
        "prepaid-time" => "Kontingent",
        "none" => "nichts",
        "subject" => "Betreff",
        "description" => "Beschreibung",
        // Which clock a server goes by.
        "system" => "die des Rechners",
        "simulated" => "gestellt",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::german;
    use crate::shown;
    use beleg_domain::facts::{Account, Activity, Behaviour, Class, FaultCause, Impact, Reproducible};
    use beleg_server::pb;

    #[test]
    fn every_value_that_is_shown_has_a_german_word() {
        let mut words: Vec<String> = Vec::new();
        words.extend(Account::ALL.map(|one| one.as_str().to_owned()));
        words.extend(Activity::ALL.map(|one| one.as_str().to_owned()));
        words.extend(Behaviour::ALL.map(|one| one.as_str().to_owned()));
        words.extend(Class::ALL.map(|one| one.as_str().to_owned()));
        words.extend(FaultCause::ALL.map(|one| one.as_str().to_owned()));
        words.extend(Impact::ALL.map(|one| one.as_str().to_owned()));
        words.extend(Reproducible::ALL.map(|one| one.as_str().to_owned()));
        words.extend((1_i32..).map_while(|number| pb::Basis::try_from(number).ok()).map(shown::basis));
        words.extend((1_i32..).map_while(|number| pb::TicketStatus::try_from(number).ok()).map(shown::status));
        words.extend((1_i32..).map_while(|number| pb::Turn::try_from(number).ok()).map(shown::turn));
        // The protocol gives these as texts: parts of events in decisions, what would change an answer, clocks, and the
        // names of a ticket's texts.
        let roles = "work opening classification information approval decline revocation contract grant policy quote \
                     resolution closing reopening void reassessment";
        let changes = "findings information approval higher-limit agreed-rate prepaid-time reopening none";
        let others = "system simulated subject description";
        words.extend([roles, changes, others].iter().flat_map(|list| list.split(' ')).map(str::to_owned));
        let without: Vec<_> = words.iter().filter(|word| german(word).is_none()).collect();
        assert!(without.is_empty(), "{without:?}");
        assert!(words.len() > 50, "{words:?}");
    }
}
