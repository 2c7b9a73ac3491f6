//! What is put between two rows: work, findings, the customer's answer. All of it
//! synthetic, and all of it decided by dice over the incident's number and the place
//! of a row among the incident's own, so that it is the same wherever they stand.

use super::rows::{Row, State, named};
use super::story::{Phase, Question, Teller};
use crate::command::Command;
use crate::instant;
use beleg_server::pb;
use uuid::Uuid;

/// The shortest gap worth filling.
const GAP_SECONDS_MIN: i64 = 10 * 60;

impl Teller<'_> {
    /// Fills the time from the `nth` row to the next.
    pub(super) fn gap(&mut self, nth: u64, row: &Row, following: &Row, diagnosis_to_come: bool) {
        if following.at - row.at < GAP_SECONDS_MIN {
            return;
        }
        match self.phase {
            Phase::Open => {}
            Phase::Resolved => {
                // Findings may be corrected after the resolution as well.
                if self.finding.is_some() && self.dice.happens("late correction", nth, 3) {
                    self.find(row.at + 60, row, true);
                }
                return;
            }
            Phase::Closed => return,
        }
        if !self.diagnosis_begun {
            if diagnosis_to_come {
                return;
            }
            self.begin_diagnosis(row.at, row, true);
        }
        let mut now = row.at + 60 * self.dice.between("pause", nth, 0, 4);
        if !self.diagnosis_logged {
            let minutes = self.dice.between("diagnosis", nth, 8, 45);
            now = self.work(pb::Activity::Diagnosis, row, now, minutes, following.at);
            self.diagnosis_logged = true;
        }
        let told_next = following.state == State::AwaitingUserInfo;
        if self.finding.is_none() && (told_next || self.dice.happens("findings now", nth, 60)) {
            self.find(now, row, told_next);
        } else if self.finding.is_some() && self.dice.happens("correction", nth, 4) {
            self.find(now, row, false);
        }
        now = self.answer(nth, row, now, following.at);
        let works = if self.finding.is_some() { 55 } else { 20 };
        if self.dice.happens("execution", nth, works) {
            let minutes = self.dice.between("minutes", nth, 10, 150);
            self.work(pb::Activity::Execution, row, now, minutes, following.at);
        }
    }

    /// The customer's answer to what is open, if it comes before `until`.
    fn answer(&mut self, nth: u64, row: &Row, now: i64, until: i64) -> i64 {
        let Some(Question { information, quote }) = self.question else { return now };
        let at = now + 60 * self.dice.between("answer", nth, 1, 90);
        if at >= until {
            return now;
        }
        self.question = None;
        let chance = self.dice.roll("decision", nth, 100);
        let information_id = information.to_string();
        if chance < 12 {
            self.say(at, row, true, |common| {
                Command::DeclineApproval(pb::DeclineApprovalRequest {
                    request_id: common.request_id,
                    occurred_at: common.occurred_at,
                    ticket_id: common.ticket_id,
                    information_id,
                    evidence: "synthetic".to_owned(),
                    ..Default::default()
                })
            });
            return at;
        }
        // While a quote is in force, hours cannot be released beside it.
        if chance >= 90 || (self.quote_accepted && !quote) {
            return now;
        }
        let approval_id = self.id("approval", self.count).to_string();
        let basis = if quote { pb::Basis::Quote } else { pb::Basis::Hourly };
        self.quote_accepted |= quote;
        let limit = (!quote).then(|| self.limit(nth));
        self.say(at, row, true, |common| {
            Command::GiveApproval(pb::GiveApprovalRequest {
                request_id: common.request_id,
                occurred_at: common.occurred_at,
                ticket_id: common.ticket_id,
                approval_id: Some(approval_id),
                information_id,
                basis: basis.into(),
                limit,
                evidence: "synthetic".to_owned(),
                ..Default::default()
            })
        });
        at
    }

    fn limit(&self, nth: u64) -> pb::Limit {
        let kind = match self.dice.roll("limit", nth, 10) {
            0..=4 => pb::limit::Kind::Minutes(30 * self.dice.between("limit minutes", nth, 1, 8)),
            5..=6 => pb::limit::Kind::Money(pb::Money {
                currency_code: "EUR".to_owned(),
                amount_minor: 5_000 * self.dice.between("limit money", nth, 1, 10),
            }),
            _ => pb::limit::Kind::Unlimited(true),
        };
        pb::Limit { kind: Some(kind) }
    }

    /// One work entry from `from`, cut at `until`; now and then voided and logged
    /// anew, shorter. Returns when it was over.
    fn work(&mut self, activity: pb::Activity, row: &Row, from: i64, minutes: i64, until: i64) -> i64 {
        let to = (from + 60 * minutes).min(until);
        if to <= from {
            return from;
        }
        let nth = self.count;
        let who = named(&row.assigned_to).or_else(|| named(&row.by));
        let who = who.unwrap_or_else(|| "unassigned".to_owned());
        let length = to - from;
        let less = self.dice.happens("pauses within", nth, 10) && length >= 600;
        let first = Entry { activity, from, to, duration: less.then_some(length * 2 / 3) };
        let work_id = self.log(row, &who, first);
        if length >= 600 && self.dice.happens("typed wrongly", nth, 4) {
            self.say(to, row, true, |common| {
                Command::VoidWork(pb::VoidWorkRequest {
                    request_id: common.request_id,
                    occurred_at: common.occurred_at,
                    ticket_id: common.ticket_id,
                    work_id: work_id.to_string(),
                    reason: "synthetic: typed too long".to_owned(),
                    ..Default::default()
                })
            });
            self.log(row, &who, Entry { to: from + length / 2, duration: None, ..first });
        }
        to
    }

    /// Logs an entry at the end of the gap's work, never before the window's end.
    fn log(&mut self, row: &Row, who: &str, entry: Entry) -> Uuid {
        let Entry { activity, from, to, duration } = entry;
        let work_id = self.id("work", self.count);
        let at = self.told.last().map_or(to, |last| last.at.max(to));
        self.say(at, row, true, |common| {
            Command::LogWork(pb::LogWorkRequest {
                request_id: common.request_id,
                occurred_at: common.occurred_at,
                ticket_id: common.ticket_id,
                work_id: Some(work_id.to_string()),
                activity: activity.into(),
                performer_id: who.to_owned(),
                from: Some(instant::stamp_of_seconds(from)),
                to: Some(instant::stamp_of_seconds(to)),
                duration_seconds: duration,
                note: "synthetic".to_owned(),
                ..Default::default()
            })
        });
        work_id
    }
}

/// A work entry to be logged.
#[derive(Clone, Copy)]
struct Entry {
    activity: pb::Activity,
    from: i64,
    to: i64,
    /// Shorter than the window, in seconds.
    duration: Option<i64>,
}
