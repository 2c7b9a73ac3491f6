//! One incident's rows, told as a ticket's commands, with what the log lacks put
//! in between.
//!
//! Rows set the frame: opening, diagnosis, information, resolution, closing,
//! reopening stand at a row's time. Between two rows lies a gap; while the ticket
//! is open and diagnosis has begun, a gap is filled with diagnosis work, findings,
//! an answer of the customer, execution work, now and then a void or a correction.
//! Two things hold by construction and keep the server from refusing a line:
//! nothing is told with an earlier time than what was told before it, and work
//! windows follow each other, so nobody's overlap.

use super::Told;
use super::dice::Dice;
use super::findings::{self, Finding};
use super::rows::{Incident, Row, State, named};
use crate::command::Command;
use crate::{ids, instant};
use beleg_server::pb;
use beleg_server::pb::inform_customer_request::Offer;
use std::sync::Arc;
use uuid::Uuid;

/// Tells an incident from its first row to its last, in time order.
pub(super) fn tell(incident: &Incident) -> Vec<Told> {
    let mut teller = Teller::new(incident);
    let rows = &incident.rows;
    for (place, row) in rows.iter().enumerate() {
        if place == 0 {
            teller.open(row);
        }
        teller.row(row);
        if let Some(following) = rows.get(place + 1) {
            let diagnosis_to_come = rows[place + 1..].iter().any(|row| row.state == State::Active);
            teller.gap(place as u64, row, following, diagnosis_to_come);
        }
    }
    teller.told
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    Resolved,
    Closed,
}

/// What the customer was told last, and has not answered yet.
#[derive(Clone, Copy)]
pub(super) struct Question {
    pub(super) information: Uuid,
    pub(super) quote: bool,
}

pub(super) struct Teller<'a> {
    pub(super) incident: &'a Incident,
    pub(super) dice: Dice<'a>,
    pub(super) told: Vec<Told>,
    pub(super) ticket_id: String,
    pub(super) phase: Phase,
    pub(super) awaiting_user: bool,
    pub(super) diagnosis_begun: bool,
    pub(super) diagnosis_logged: bool,
    pub(super) finding: Option<Finding>,
    pub(super) question: Option<Question>,
    pub(super) quote_accepted: bool,
    /// Counts what was told, so that every command has an id and dice of its own.
    pub(super) count: u64,
}

impl<'a> Teller<'a> {
    fn new(incident: &'a Incident) -> Self {
        Self {
            incident,
            dice: Dice(&incident.number),
            told: Vec::new(),
            // An earlier build told other stories of tickets called "ticket" here. Under another id nothing of this one can
            // get into such a ticket: its reference is taken, so the whole story is refused.
            ticket_id: ids::derived(&["servicenow", "ticket by place", &incident.number]).to_string(),
            phase: Phase::Open,
            awaiting_user: false,
            diagnosis_begun: false,
            diagnosis_logged: false,
            finding: None,
            question: None,
            quote_accepted: false,
            count: 0,
        }
    }

    /// A UUID for one thing of this incident.
    pub(super) fn id(&self, what: &str, nth: u64) -> Uuid {
        ids::derived(&["servicenow", what, &self.incident.number, &nth.to_string()])
    }

    pub(super) fn say(&mut self, at: i64, row: &Row, synthetic: bool, command: impl FnOnce(Common) -> Command) {
        self.count += 1;
        let common = Common {
            request_id: self.id("request", self.count).to_string(),
            ticket_id: self.ticket_id.clone(),
            occurred_at: Some(instant::stamp_of_seconds(at)),
        };
        let actor = match named(&row.by) {
            Some(who) => Arc::from(format!("servicenow:{who}")),
            None => Arc::from("servicenow"),
        };
        self.told.push(Told { at, line: row.line, synthetic, actor, command: command(common) });
    }

    fn open(&mut self, row: &Row) {
        let incident = self.incident;
        // A caller who phones mostly reports a disturbance.
        let requests = if &*incident.contact == "Phone" { 12 } else { 35 };
        let impact = match self.dice.happens("request", 0, requests) {
            true => pb::Impact::Request,
            false => pb::Impact::Incident,
        };
        self.say(row.at, row, false, |common| {
            Command::OpenTicket(pb::OpenTicketRequest {
                request_id: common.request_id,
                occurred_at: common.occurred_at,
                ticket_id: Some(common.ticket_id),
                customer_id: incident.customer(),
                impact: impact.into(),
                reference: Some(pb::Reference { system: "servicenow".to_owned(), number: incident.number.clone() }),
                subject: Some(incident.number.clone()),
                description: Some(format!("{}; contact: {}", incident.about, incident.contact)),
                ..Default::default()
            })
        });
    }

    /// What a row says by the state it brings.
    fn row(&mut self, row: &Row) {
        match row.state {
            State::Unknown => {}
            State::Resolved => self.resolve(row),
            State::Closed => self.close(row),
            State::Active | State::AwaitingUserInfo | State::OtherOpen => {
                if self.phase != Phase::Open {
                    self.reopen(row);
                }
                if row.state == State::Active && !self.diagnosis_begun {
                    self.begin_diagnosis(row.at, row, false);
                }
                let entering = row.state == State::AwaitingUserInfo && !self.awaiting_user;
                self.awaiting_user = row.state == State::AwaitingUserInfo;
                if entering {
                    self.inform(row);
                }
            }
        }
    }

    fn resolve(&mut self, row: &Row) {
        // Resolved after Closed is no step of a ticket's life; Closed stands.
        if self.phase != Phase::Open {
            return;
        }
        if self.finding.is_none() && self.dice.happens("findings at the end", 0, 85) {
            self.find(row.at, row, false);
        }
        self.phase = Phase::Resolved;
        self.awaiting_user = false;
        self.question = None;
        self.say(row.at, row, false, |common| {
            Command::ResolveTicket(pb::ResolveTicketRequest {
                request_id: common.request_id,
                occurred_at: common.occurred_at,
                ticket_id: common.ticket_id,
                ..Default::default()
            })
        });
    }

    fn close(&mut self, row: &Row) {
        if self.phase == Phase::Closed {
            return;
        }
        self.phase = Phase::Closed;
        self.awaiting_user = false;
        self.question = None;
        self.quote_accepted = false;
        self.say(row.at, row, false, |common| {
            Command::CloseTicket(pb::CloseTicketRequest {
                request_id: common.request_id,
                occurred_at: common.occurred_at,
                ticket_id: common.ticket_id,
                ..Default::default()
            })
        });
    }

    fn reopen(&mut self, row: &Row) {
        self.phase = Phase::Open;
        self.quote_accepted = false;
        self.say(row.at, row, false, |common| {
            Command::ReopenTicket(pb::ReopenTicketRequest {
                request_id: common.request_id,
                occurred_at: common.occurred_at,
                ticket_id: common.ticket_id,
                reason: "the log left the state".to_owned(),
                ..Default::default()
            })
        });
    }

    pub(super) fn begin_diagnosis(&mut self, at: i64, row: &Row, synthetic: bool) {
        self.diagnosis_begun = true;
        self.say(at, row, synthetic, |common| {
            Command::StartDiagnosis(pb::StartDiagnosisRequest {
                request_id: common.request_id,
                occurred_at: common.occurred_at,
                ticket_id: common.ticket_id,
                ..Default::default()
            })
        });
    }

    pub(super) fn find(&mut self, at: i64, row: &Row, determined: bool) {
        if !self.diagnosis_begun {
            self.begin_diagnosis(at, row, true);
        }
        let found = findings::draw(&self.dice, self.count, determined);
        if self.finding.is_none_or(|before| before.class != found.class) {
            // Another class: what was asked and accepted belongs to the old one.
            self.question = None;
            self.quote_accepted = false;
        }
        self.finding = Some(found);
        self.say(at, row, true, |common| {
            Command::RecordFindings(pb::RecordFindingsRequest {
                request_id: common.request_id,
                occurred_at: common.occurred_at,
                ticket_id: common.ticket_id,
                findings: Some(found.message()),
                note: "synthetic".to_owned(),
                ..Default::default()
            })
        });
    }

    /// Entering `Awaiting User Info` is the nearest to informing. An information
    /// needs a class, so findings come first where there are none.
    fn inform(&mut self, row: &Row) {
        if self.finding.is_none_or(|found| found.class == pb::Class::Undetermined) {
            self.find(row.at, row, true);
        }
        let chargeable = self.finding.is_some_and(Finding::is_chargeable);
        let nth = self.count;
        let information = self.id("information", nth);
        let quote = chargeable && self.dice.happens("quote", nth, 15);
        let offer = match (chargeable, quote) {
            (false, _) => None,
            (true, true) => Some(Offer::Quote(pb::Money {
                currency_code: "EUR".to_owned(),
                amount_minor: 5_000 * self.dice.between("price", nth, 2, 30),
            })),
            (true, false) => Some(Offer::EstimateMinutes(30 * self.dice.between("estimate", nth, 1, 10))),
        };
        self.question = chargeable.then_some(Question { information, quote });
        // The row says that the customer was told; the offer is invented.
        self.say(row.at, row, offer.is_some(), |common| {
            Command::InformCustomer(pb::InformCustomerRequest {
                request_id: common.request_id,
                occurred_at: common.occurred_at,
                ticket_id: common.ticket_id,
                information_id: Some(information.to_string()),
                offer,
                next_steps: Some("synthetic".to_owned()),
                ..Default::default()
            })
        });
    }
}

/// What every command has.
pub(super) struct Common {
    pub(super) request_id: String,
    pub(super) ticket_id: String,
    pub(super) occurred_at: Option<prost_types::Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::super::rows::{Incident, of_text};
    use super::tell;
    use crate::command::Command;

    fn incidents() -> Vec<Incident> {
        log(0..300, "\n")
    }

    /// Incidents of a file with these numbers and ends of lines.
    fn log(numbers: impl Iterator<Item = u32>, end: &str) -> Vec<Incident> {
        let mut text = format!(
            "number,incident_state,sys_mod_count,caller_id,sys_updated_by,sys_updated_at,contact_type,category,subcategory,u_symptom,impact,urgency,priority,assigned_to{end}"
        );
        for number in numbers {
            let life = [
                ("New", "1/3/2016 08:00"),
                ("Active", "1/3/2016 09:30"),
                ("Awaiting User Info", "1/3/2016 13:00"),
                ("Active", "2/3/2016 09:00"),
                ("Resolved", "2/3/2016 17:00"),
                ("Awaiting User Info", "3/3/2016 08:00"),
                ("Active", "3/3/2016 12:00"),
                ("-100", "3/3/2016 13:00"),
                ("Resolved", "4/3/2016 12:00"),
                ("Closed", "9/3/2016 12:00"),
                ("Active", "9/3/2016 13:00"),
                ("Closed", "9/3/2016 13:00"),
            ];
            for (count, (state, at)) in life.into_iter().enumerate() {
                text.push_str(&format!(
                    "INC{number},{state},{count},Caller 1,Updated by 1,{at},Phone,?,?,?,?,?,?,Resolver 1{end}"
                ));
            }
        }
        of_text(&text).incidents
    }

    #[test]
    fn a_story_is_told_in_time_order_and_the_same_way_again() {
        for incident in incidents() {
            let (once, again) = (tell(&incident), tell(&incident));
            assert!(once.windows(2).all(|pair| pair[0].at <= pair[1].at));
            assert!(once.iter().zip(&again).all(|(one, other)| one.command == other.command));
        }
    }

    #[test]
    fn a_story_is_the_same_whatever_stands_around_it_and_however_lines_end() {
        let whole = incidents();
        let part = log((3..300).step_by(7), "\r\n");
        assert_eq!((part.len(), part[1].rows[0].line), (43, 14));
        for incident in &part {
            let among = whole.iter().find(|one| one.number == incident.number).expect("it is in both");
            let (alone, among) = (tell(incident), tell(among));
            assert_eq!(alone.len(), among.len());
            for (one, other) in alone.iter().zip(&among) {
                // The command holds its request's id.
                assert_eq!((one.at, one.synthetic, &one.command), (other.at, other.synthetic, &other.command));
            }
        }
    }

    #[test]
    fn work_lies_between_the_opening_and_its_logging_and_never_overlaps() {
        for incident in incidents() {
            let mut standing: Vec<(i64, i64, String)> = Vec::new();
            for told in tell(&incident) {
                match told.command {
                    Command::LogWork(work) => {
                        let (from, to) =
                            (work.from.map_or(0, |stamp| stamp.seconds), work.to.map_or(0, |stamp| stamp.seconds));
                        assert!(incident.begins_at() <= from && from < to && to <= told.at);
                        assert!(work.duration_seconds.is_none_or(|it| 0 < it && it <= to - from));
                        assert!(
                            standing.iter().all(|(other_from, other_to, _)| to <= *other_from || *other_to <= from)
                        );
                        standing.push((from, to, work.work_id.unwrap_or_default()));
                    }
                    Command::VoidWork(void) => standing.retain(|(_, _, id)| *id != void.work_id),
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn everything_a_ticket_can_meet_comes_up() {
        let told: Vec<Command> = incidents().iter().flat_map(tell).map(|told| told.command).collect();
        let some = |wanted: fn(&Command) -> bool| told.iter().any(wanted);
        assert!(some(|c| matches!(c, Command::GiveApproval(_))));
        assert!(some(|c| matches!(c, Command::DeclineApproval(_))));
        assert!(some(|c| matches!(c, Command::VoidWork(_))));
        assert!(some(|c| matches!(c, Command::ReopenTicket(_))));
        assert!(some(|c| matches!(c, Command::CloseTicket(_))));
    }
}
