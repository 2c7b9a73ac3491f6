//! A story as a script: each scene a time, a sentence and a command.

use crate::command::Command;
use crate::data_word;
use crate::failure::Failure;
use crate::lang::Lang;
use crate::said::Said;
use crate::{ids, instant, shown};
use beleg_server::pb;
use beleg_server::pb::inform_customer_request::Offer;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use uuid::Uuid;

/// One scene.
pub(super) struct Scene {
    pub(super) at: DateTime<Utc>,
    pub(super) told: String,
    pub(super) command: Command,
}

/// A ticket's day.
pub(super) struct Story {
    pub(super) title: String,
    pub(super) customer: &'static str,
    /// The contract in words.
    pub(super) agreed: String,
    pub(super) terms: pb::Terms,
    pub(super) ticket_id: String,
    pub(super) scenes: Vec<Scene>,
    /// The short names the ledger is printed with, by event id.
    pub(super) labels: BTreeMap<String, String>,
}

/// Writes a story, scene after scene, on one day.
pub(super) struct Script {
    lang: Lang,
    day: &'static str,
    number: usize,
    now: DateTime<Utc>,
    story: Story,
    /// The first thing that went wrong in writing; the scenes after it are void.
    wrong: Option<Said>,
}

/// What is found, in the protocol's words.
pub(super) type Found = (pb::Behaviour, pb::FaultCause, pb::Reproducible);

impl Script {
    /// A story of one customer on one day (`2026-03-02`).
    pub(super) fn of(
        lang: Lang,
        number: usize,
        day: &'static str,
        title: (&str, &str),
        customer: &'static str,
        agreed: (String, pb::Terms),
    ) -> Self {
        let story = Story {
            title: lang.pick(title.0, title.1).to_owned(),
            customer,
            agreed: agreed.0,
            terms: agreed.1,
            ticket_id: ids::derived(&["demo", "ticket", customer]).to_string(),
            scenes: Vec::new(),
            labels: BTreeMap::new(),
        };
        Self { lang, day, number, now: DateTime::UNIX_EPOCH, story, wrong: None }
    }

    /// The finished story.
    pub(super) fn end(self) -> Result<Story, Failure> {
        match self.wrong {
            Some(wrong) => Err(Failure::Usage(wrong)),
            None => Ok(self.story),
        }
    }

    fn instant(&mut self, clock: &str) -> DateTime<Utc> {
        instant::parse(&format!("{}T{clock}", self.day)).unwrap_or_else(|wrong| {
            self.wrong.get_or_insert(wrong);
            DateTime::UNIX_EPOCH
        })
    }

    /// From here on it is this late (`09:50`).
    pub(super) fn at(mut self, clock: &str) -> Self {
        self.now = self.instant(clock);
        self
    }

    fn id(&mut self, label: &str) -> Uuid {
        let id = ids::derived(&["demo", self.story.customer, label]);
        self.story.labels.insert(id.to_string(), label.to_owned());
        id
    }

    fn scene(mut self, told: String, command: impl FnOnce(String, String) -> Command) -> Self {
        let number = self.story.scenes.len().to_string();
        let request_id = ids::derived(&["demo", "request", self.story.customer, &number]);
        let command = command(request_id.to_string(), self.story.ticket_id.clone());
        self.story.scenes.push(Scene { at: self.now, told, command });
        self
    }

    /// The customer reports something; diagnosis starts.
    pub(super) fn open(self, impact: pb::Impact, subject: &str) -> Self {
        let lang = self.lang;
        let (customer, number) = (self.story.customer, self.number);
        let opened = lang.pick("eröffnet", "opened");
        let told = format!("{opened} ({}): {subject}", data_word::in_(shown::impact(impact), lang));
        let started = lang.pick("Diagnose begonnen", "diagnosis started").to_owned();
        self.scene(told, |request_id, ticket_id| {
            Command::OpenTicket(pb::OpenTicketRequest {
                request_id,
                ticket_id: Some(ticket_id),
                customer_id: customer.to_owned(),
                impact: impact.into(),
                reference: Some(pb::Reference { system: "demo".to_owned(), number: number.to_string() }),
                subject: Some(subject.to_owned()),
                ..Default::default()
            })
        })
        .scene(started, |request_id, ticket_id| {
            Command::StartDiagnosis(pb::StartDiagnosisRequest { request_id, ticket_id, ..Default::default() })
        })
    }

    /// Somebody worked, and logs it now.
    pub(super) fn work(mut self, label: &str, activity: pb::Activity, by: &str, from: &str, to: &str) -> Self {
        let (begin, end) = (self.instant(from), self.instant(to));
        let id = self.id(label);
        let minutes = (end - begin).num_minutes();
        let told = format!(
            "{label}: {} {from}–{to}, {}, {by}, {minutes} min",
            self.lang.pick("Arbeit", "work"),
            data_word::in_(shown::activity(activity), self.lang),
        );
        self.scene(told, |request_id, ticket_id| {
            Command::LogWork(pb::LogWorkRequest {
                request_id,
                ticket_id,
                work_id: Some(id.to_string()),
                activity: activity.into(),
                performer_id: by.to_owned(),
                from: Some(instant::stamp(begin)),
                to: Some(instant::stamp(end)),
                ..Default::default()
            })
        })
    }

    /// Diagnosis, or a correction of it, comes to a result.
    pub(super) fn find(self, (behaviour, cause, reproducible): Found) -> Self {
        let findings = pb::Findings {
            behaviour: behaviour.into(),
            cause: cause.into(),
            reproducible_in_standard: reproducible.into(),
            security_relevant: false,
        };
        let told = format!("{}: {}", self.lang.pick("Befund", "findings"), shown::findings(&findings, self.lang));
        self.scene(told, |request_id, ticket_id| {
            Command::RecordFindings(pb::RecordFindingsRequest {
                request_id,
                ticket_id,
                findings: Some(findings),
                ..Default::default()
            })
        })
    }

    /// The customer is told, perhaps with an estimate or a quote.
    pub(super) fn inform(mut self, label: &str, offer: Option<Offer>) -> Self {
        let id = self.id(label);
        let lang = self.lang;
        let with = match &offer {
            None => String::new(),
            Some(Offer::EstimateMinutes(minutes)) => {
                format!(", {} {minutes} min", lang.pick("Schätzung", "estimate"))
            }
            Some(Offer::Quote(price)) => {
                format!(", {} {}", lang.pick("Angebot", "quote"), shown::money(price, lang))
            }
        };
        let told = format!("{label}: {}{with}", lang.pick("Kunde informiert", "customer informed"));
        self.scene(told, |request_id, ticket_id| {
            Command::InformCustomer(pb::InformCustomerRequest {
                request_id,
                ticket_id,
                information_id: Some(id.to_string()),
                offer,
                ..Default::default()
            })
        })
    }

    /// The customer releases hours, so many minutes of them.
    pub(super) fn approve(mut self, label: &str, information: &str, minutes: i64) -> Self {
        let (id, information) = (self.id(label), self.id(information));
        let hourly = self.lang.pick("freigegeben, nach Stunden, höchstens", "approved, hourly, at most");
        let told = format!("{label}: {hourly} {minutes} min");
        self.scene(told, |request_id, ticket_id| {
            Command::GiveApproval(pb::GiveApprovalRequest {
                request_id,
                ticket_id,
                approval_id: Some(id.to_string()),
                information_id: information.to_string(),
                basis: pb::Basis::Hourly.into(),
                limit: Some(pb::Limit { kind: Some(pb::limit::Kind::Minutes(minutes)) }),
                ..Default::default()
            })
        })
    }

    /// The customer accepts the quote.
    pub(super) fn accept_quote(mut self, label: &str, information: &str) -> Self {
        let (id, information) = (self.id(label), self.id(information));
        let told = format!("{label}: {}", self.lang.pick("Angebot angenommen", "quote accepted"));
        self.scene(told, |request_id, ticket_id| {
            Command::GiveApproval(pb::GiveApprovalRequest {
                request_id,
                ticket_id,
                approval_id: Some(id.to_string()),
                information_id: information.to_string(),
                basis: pb::Basis::Quote.into(),
                ..Default::default()
            })
        })
    }

    /// The concern is settled.
    pub(super) fn resolve(self) -> Self {
        let told = self.lang.pick("gelöst", "resolved").to_owned();
        self.scene(told, |request_id, ticket_id| {
            Command::ResolveTicket(pb::ResolveTicketRequest { request_id, ticket_id, ..Default::default() })
        })
    }
}
