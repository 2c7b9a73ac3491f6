//! What a server's refusals mean in German, by their stable reasons. What a reason is about in the single case – ids,
//! instants, limits – stands in the server's own sentence, which is shown with it.

/// The German sentence of a reason; none for one that is newer than this program.
pub(crate) fn of(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "APPROVAL_BEFORE_INFORMATION" => {
            "Eine Freigabe darf nicht vor der Information liegen, auf die sie sich bezieht."
        }
        "APPROVAL_ENDED" => "Die Freigabe ist schon beendet.",
        "APPROVAL_UNKNOWN" => "Diese Freigabe gibt es nicht.",
        "BEFORE_CLASSIFICATION" => "Das darf nicht vor der Einordnung liegen.",
        "BEFORE_CONTRACT" => "Der Vertrag beginnt später.",
        "BEFORE_OPENING" => "Das liegt vor der Eröffnung des Tickets.",
        "BROKEN" => "Ein Fehler im Server; geändert wurde nichts, seine Ausgaben sagen mehr.",
        "CLASSIFICATION_SUPERSEDED" => "Zu diesem Zeitpunkt galt eine andere Einordnung: über jene informieren.",
        "CLASSIFICATION_UNKNOWN" => "Diese Einordnung gibt es nicht.",
        "CONTENTION" => "Andere ändern dasselbe: noch einmal versuchen.",
        "CONTRACT_EXISTS" => "Der Kunde hat schon einen Vertrag: ihn ändern statt neu vereinbaren.",
        "CONTRACT_MISSING" => "Der Kunde hat keinen Vertrag: zuerst einen vereinbaren.",
        "CONTRACT_NOT_IN_FORCE" => "Der Vertrag des Kunden gilt zu diesem Zeitpunkt nicht.",
        "CONTRACT_TOO_LONG" => "Der Vertrag hat so viele Fassungen, wie es geben darf.",
        "CONTRACT_UNKNOWN" => "Einen Vertrag mit diesem Kunden gibt es nicht.",
        "DECLINE_BEFORE_INFORMATION" => {
            "Eine Ablehnung darf nicht vor der Information liegen, auf die sie sich bezieht."
        }
        "DIAGNOSIS_STARTED" => "Die Diagnose hat schon begonnen.",
        "ENTRY_UNKNOWN" => "Diese Buchung gibt es nicht.",
        "EVIDENCE_NEEDED" => "Es geschah früher als jetzt: dazu gehört ein Nachweis (evidence).",
        "FINDINGS_COUNT_FROM_NOW" => "Ein Befund gilt ab jetzt: occurred_at weglassen.",
        "ID_TAKEN" => "Diese Kennung ist vergeben: eine andere wählen oder weglassen.",
        "IMPORTS_NOT_ADMITTED" => "Dieser Server nimmt keine Importe an: mit --allow-import starten.",
        "INFORMATION_SUPERSEDED" => {
            "Seit dieser Information hat die Einordnung gewechselt oder wurde das Ticket wieder eröffnet: neu informieren."
        }
        "INFORMATION_UNKNOWN" => "Diese Information gibt es nicht.",
        "MALFORMED" => "Eine Angabe der Anfrage ist nicht zulässig.",
        "NOT_CLASSIFIED" => "Das Ticket ist noch nicht eingeordnet: zuerst den Befund aufnehmen.",
        "NOT_IMPORTED" => "Ein Import darf nur in Tickets schreiben, die ein Import eröffnet hat.",
        "NO_QUOTE" => {
            "Diese Information enthält kein Angebot: Arbeit nach Stunden freigeben oder mit einem Angebot informieren."
        }
        "OTHER_CLASSIFICATION" => "Aus dem Befund folgt eine andere Einordnung als erwartet.",
        "OTHER_CURRENCY" => "Der Vertrag lautet auf eine andere Währung.",
        "OUTCOME_UNKNOWN" => "Ob es aufgezeichnet wurde, ist nicht bekannt: denselben Aufruf wiederholen.",
        "OUT_OF_ORDER" => "Das liegt vor dem, was das Ticket dazu schon aufgezeichnet hat.",
        "OVERLAPPING_WORK" => "Der Zeitraum überschneidet sich mit anderer Arbeit derselben Person.",
        "OVERLOADED" => "Zu viele Befehle warten: gleich noch einmal versuchen.",
        "POLICY_UNCHANGED" => "Die veröffentlichte Fassung der Richtlinie sagt dasselbe.",
        "POLICY_UNKNOWN" => "Diese Richtlinie ist nicht veröffentlicht.",
        "QUOTE_ACCEPTED" => "Dieses Angebot ist schon angenommen.",
        "QUOTE_IN_FORCE" => "Ein angenommenes Angebot gilt: zuerst widerrufen, es gilt nur eine Grundlage.",
        "QUOTE_OFFERED" => "Diese Information enthält ein Angebot: es annehmen oder mit einer Schätzung informieren.",
        "REFERENCE_TAKEN" => "Diese Referenz gehört schon einem anderen Ticket.",
        "REQUEST_ID_REUSED" => "Diese request_id stand schon für etwas anderes: eine neue wählen.",
        "REVOCATION_BEFORE_APPROVAL" => "Ein Widerruf darf nicht vor der Freigabe liegen.",
        "STOPPING" => "Der Server wird gerade beendet: gleich noch einmal versuchen.",
        "TICKET_SETTLED" => "Das Ticket ist gelöst oder geschlossen: zuerst wieder eröffnen.",
        "TICKET_TOO_LARGE" => "Das Ticket ist größer, als eine Antwort fasst: seine Geschichte lesen.",
        "TICKET_TOO_LONG" => "Das Ticket hat so viele Ereignisse, wie es geben darf: ein anderes eröffnen.",
        "TICKET_UNKNOWN" => "Dieses Ticket gibt es nicht.",
        "TOO_LARGE" => "Die Anfrage ist zu groß.",
        "TOO_LATE" => "Das liegt länger zurück, als die Richtlinie für späte Einträge zulässt.",
        "TOO_MANY_POLICIES" => "Es sind so viele Richtlinien veröffentlicht, wie es geben darf.",
        "TOO_MANY_READERS" => "Zu viele lesen gerade das ganze Protokoll: gleich noch einmal versuchen.",
        "TOO_MUCH_WORK" => "Im Ticket stehen so viele Arbeiten, wie es geben darf: ein anderes eröffnen.",
        "UNAVAILABLE" => "Der Server kann gerade nicht dienen.",
        "VIEWS_BROKEN" => {
            "Die Sichten sind beschädigt: Server anhalten, beleg rebuild, wieder starten; das Protokoll bleibt, wie es ist."
        }
        "VIEWS_BEHIND" => "Die Sichten sind noch nicht so weit, wie verlangt wird: gleich noch einmal versuchen.",
        "WORK_UNKNOWN" => "Diese Arbeit gibt es nicht.",
        "WORK_VOIDED" => "Diese Arbeit ist schon ungültig.",
        "WRONG_STATUS" => "Im Zustand, in dem das Ticket ist, geht das nicht.",
        "WRONG_VERSION" => "Inzwischen wurde anderes aufgezeichnet: neu lesen und neu entscheiden.",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn a_known_reason_has_a_sentence_and_an_unknown_one_none() {
        assert_eq!(of("TICKET_UNKNOWN"), Some("Dieses Ticket gibt es nicht."));
        assert_eq!(of("INVENTED_TOMORROW"), None);
    }
}
