//! The six stories. The first is the worked ticket of the domain's description.

use super::script::{Found, Script, Story};
use crate::failure::Failure;
use crate::lang::Lang;
use crate::shown;
use beleg_server::pb;
use beleg_server::pb::inform_customer_request::Offer;
use pb::Activity::{Diagnosis, Execution};
use pb::Impact::{Incident, Request};

const BASE_SOFTWARE: Found = (pb::Behaviour::Deviates, pb::FaultCause::BaseSoftware, pb::Reproducible::Yes);
const CUSTOMIZING: Found = (pb::Behaviour::Deviates, pb::FaultCause::Customizing, pb::Reproducible::No);
const PLATFORM: Found = (pb::Behaviour::Deviates, pb::FaultCause::Platform, pb::Reproducible::NotTested);
const CUSTOMER_SIDE: Found = (pb::Behaviour::Deviates, pb::FaultCause::CustomerSide, pb::Reproducible::No);
const CHANGE: Found = (pb::Behaviour::ChangeWanted, pb::FaultCause::Customizing, pb::Reproducible::NotTested);

/// All stories, in the order of their days.
pub(super) fn all(lang: Lang) -> Result<Vec<Story>, Failure> {
    Ok(vec![
        worked_ticket(lang)?,
        base_software_bug(lang)?,
        platform_outage(lang)?,
        quote(lang)?,
        standing_approval(lang)?,
        free_then_chargeable(lang)?,
    ])
}

/// A contract with an hourly rate and nothing else.
fn hourly(lang: Lang, minor: i64) -> (String, pb::Terms) {
    let rate = shown::amount_minor(minor, "EUR", lang);
    let per_hour = lang.pick("je Stunde", "per hour");
    let terms = pb::Terms { hourly_rate: Some(pb::HourlyRate { amount_minor: Some(minor) }), ..Default::default() };
    (format!("{rate} {per_hour}"), terms)
}

fn estimate(minutes: i64) -> Option<Offer> {
    Some(Offer::EstimateMinutes(minutes))
}

fn worked_ticket(lang: Lang) -> Result<Story, Failure> {
    let title = (
        "Berechnet, dann zurückgenommen: ein Fehler der Basis-Software",
        "Charged, then taken back: it was the base software",
    );
    let subject = lang.pick("Rechnungen ohne Steuersatz", "invoices lack their tax rate");
    Script::of(lang, 1, "2026-03-02", title, "acme", hourly(lang, 12_000))
        .at("09:00")
        .open(Incident, subject)
        .at("09:50")
        .work("W1", Diagnosis, "anna", "09:10", "09:50")
        .find(CUSTOMIZING)
        .at("10:00")
        .inform("I1", estimate(120))
        .at("10:20")
        .approve("A1", "I1", 120)
        .at("12:00")
        .work("W2", Execution, "anna", "09:55", "12:00")
        .at("13:40")
        .work("W3", Execution, "anna", "13:00", "13:40")
        .at("15:00")
        .find(BASE_SOFTWARE)
        .end()
}

fn base_software_bug(lang: Lang) -> Result<Story, Failure> {
    let title =
        ("Ein Fehler der Basis-Software, mit Umgehung und Behebung", "A base-software bug, with workaround and fix");
    let subject = lang.pick("Suche findet keine Umlaute", "search finds no umlauts");
    Script::of(lang, 2, "2026-03-03", title, "birkholz", hourly(lang, 12_000))
        .at("09:00")
        .open(Incident, subject)
        .at("09:25")
        .work("W1", Diagnosis, "anna", "09:05", "09:25")
        .find(BASE_SOFTWARE)
        .at("09:40")
        .inform("I1", None)
        .at("10:15")
        .work("W2", Execution, "anna", "09:30", "10:15")
        .at("16:00")
        .work("W3", Execution, "ben", "13:00", "16:00")
        .resolve()
        .end()
}

fn platform_outage(lang: Lang) -> Result<Story, Failure> {
    let title = ("Ein Ausfall der Plattform", "A platform outage");
    let subject = lang.pick("Anmeldung nicht möglich", "nobody can sign in");
    Script::of(lang, 3, "2026-03-04", title, "corvus", hourly(lang, 14_500))
        .at("07:10")
        .open(Incident, subject)
        .at("07:25")
        .work("W1", Diagnosis, "ben", "07:10", "07:25")
        .find(PLATFORM)
        .inform("I1", None)
        .at("08:40")
        .work("W2", Execution, "ben", "07:25", "08:40")
        .work("W3", Execution, "cleo", "07:30", "08:40")
        .resolve()
        .end()
}

fn quote(lang: Lang) -> Result<Story, Failure> {
    let title = ("Eine Änderung zum Festpreis", "A change at a fixed price");
    let subject = lang.pick("neuer Freigabeprozess", "a new approval workflow");
    let price = pb::Money { currency_code: "EUR".to_owned(), amount_minor: 50_000 };
    Script::of(lang, 4, "2026-03-05", title, "dohle", hourly(lang, 12_000))
        .at("09:00")
        .open(Request, subject)
        .at("09:30")
        .work("W1", Diagnosis, "anna", "09:00", "09:20")
        .find(CHANGE)
        .at("10:00")
        .inform("I1", Some(Offer::Quote(price)))
        .at("11:00")
        .accept_quote("A1", "I1")
        .at("15:30")
        .work("W2", Execution, "anna", "10:30", "15:30")
        .at("17:00")
        .resolve()
        .end()
}

fn standing_approval(lang: Lang) -> Result<Story, Failure> {
    let title = ("Eine Dauerfreigabe, bis ihr Rahmen erreicht ist", "A standing approval, until its limit is reached");
    let (rate, terms) = hourly(lang, 9_500);
    let standing = lang.pick(
        "Dauerfreigabe für Service Requests, 60 Minuten je Ticket",
        "standing approval for service_request, 60 minutes a ticket",
    );
    let terms = pb::Terms {
        standing_approval: Some(pb::StandingApproval {
            classes: vec![pb::Class::ServiceRequest.into()],
            limit: Some(pb::Limit { kind: Some(pb::limit::Kind::Minutes(60)) }),
        }),
        ..terms
    };
    let agreed = (format!("{rate}; {standing}"), terms);
    let subject = lang.pick("Schnittstelle liefert nichts mehr", "the interface delivers nothing");
    Script::of(lang, 5, "2026-03-06", title, "elster", agreed)
        .at("09:00")
        .open(Incident, subject)
        .at("09:40")
        .work("W1", Diagnosis, "ben", "09:00", "09:20")
        .find(CUSTOMER_SIDE)
        .at("10:00")
        .inform("I1", estimate(90))
        .at("11:30")
        .work("W2", Execution, "ben", "09:45", "11:30")
        .resolve()
        .end()
}

fn free_then_chargeable(lang: Lang) -> Result<Story, Failure> {
    let title =
        ("Erst kostenfrei, dann kostenpflichtig – nie rückwirkend", "Free first, chargeable later – never in arrears");
    let subject = lang.pick("Bericht zeigt falsche Summen", "a report shows wrong sums");
    Script::of(lang, 6, "2026-03-09", title, "falke", hourly(lang, 12_000))
        .at("09:00")
        .open(Incident, subject)
        .at("09:20")
        .work("W1", Diagnosis, "anna", "09:00", "09:20")
        .find(BASE_SOFTWARE)
        .at("11:00")
        .work("W2", Execution, "anna", "10:00", "11:00")
        .at("13:00")
        .find(CUSTOMIZING)
        .at("13:30")
        .inform("I1", estimate(60))
        .at("14:00")
        .approve("A1", "I1", 60)
        .at("15:00")
        .work("W3", Execution, "anna", "13:10", "15:00")
        .resolve()
        .end()
}

#[cfg(test)]
mod tests {
    use super::all;
    use crate::lang::Lang;

    #[test]
    fn the_stories_can_be_written_and_follow_each_other_in_time() {
        for lang in [Lang::De, Lang::En] {
            let stories = all(lang).expect("every time is one");
            let times: Vec<_> = stories.iter().flat_map(|story| story.scenes.iter().map(|scene| scene.at)).collect();
            assert_eq!(stories.len(), 6);
            assert!(times.windows(2).all(|pair| pair[0] <= pair[1]));
        }
    }
}
