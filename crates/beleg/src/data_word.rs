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
        "subject" => "Betreff",
        "description" => "Beschreibung",
        _ => return None,
    })
}
