//! Tickets: questions. Each is about a state of knowledge (`as_of`), and some about an
//! instant within it (`about`).

use std::sync::Arc;

use beleg_domain::about::About;
use beleg_domain::contract::Contract;
use beleg_domain::cost;
use beleg_domain::event::Segment;
use beleg_domain::facts::{Account, Activity, Class, Impact};
use beleg_domain::ids::{EventId, OpaqueId, stream};
use beleg_domain::prepaid::Prepaid;
use beleg_domain::refusal::Refusal;
use beleg_domain::ticket::command::{NotDecided, Surroundings};
use beleg_domain::ticket::work::Window;
use beleg_domain::ticket::{Status, Ticket};
use beleg_domain::time::Timestamp;
use beleg_store::StoredEvent;
use beleg_store::views::TicketFilter;
use prost::Message as _;

use super::page::{PAGE_BYTES, Page, event_bytes, wrong_token};
use super::{Api, Asked, Reading, parse, render};
use crate::command::unknown_ticket;
use crate::failure::Failure;
use crate::fold::{self, UpTo};
use crate::pb;

/// Events of a history read at a time.
const HISTORY_EVENTS: usize = 256;
/// The largest answer without work entries: what clients take unless told otherwise.
const TICKET_BYTES_MAX: usize = 4 * 1024 * 1024 - PAGE_BYTES;

impl Api {
    pub(super) async fn on_get_ticket(
        &self,
        asked: Asked<pb::GetTicketRequest>,
    ) -> Result<pb::GetTicketResponse, Failure> {
        let m = asked.into_inner();
        let query = pb::GetTicketRequest { work_page_token: String::new(), ..m.clone() };
        let page = Page::read("GetTicket", 0, &m.work_page_token, &query.encode_to_vec())?;
        let id = self.ticket_id(m.ticket.as_ref()).await?;
        let about = m.about.map(|about| parse::timestamp("about", Some(about))).transpose()?;
        // The parts after the first one are of the same state of knowledge.
        let (up_to, first) = match &page.after {
            None => (self.up_to(m.as_of.as_ref()).await?, 0),
            Some(cursor) => part(cursor)?,
        };
        let Reading { ticket, position, opening, contract } = self.read_about(id, up_to, about).await?;
        let currency = contract.currency.as_str();
        let mut shown = render::ticket(&ticket, position, currency);
        shown.origin = opening.origin.map(|origin| origin.to_string());
        if opening.has_texts {
            let first = self.log().read_stream(&stream::ticket(id), 0, 1).await?;
            shown.personal = first.first().map(render::personal).unwrap_or_default();
        }
        if shown.encoded_len() > TICKET_BYTES_MAX {
            return Err(Refusal::precondition(
                "ticket",
                "TICKET_TOO_LARGE",
                "the ticket has more informations and approvals than one answer holds: read its history",
            )
            .into());
        }
        shown.work = work_part(&ticket, currency, first);
        let next = first + shown.work.len();
        let more = next < ticket.work.len();
        Ok(pb::GetTicketResponse {
            ticket: Some(shown),
            next_work_page_token: if more { page.token(format_args!("{position} {next}")) } else { String::new() },
        })
    }

    pub(super) async fn on_list_tickets(
        &self,
        asked: Asked<pb::ListTicketsRequest>,
    ) -> Result<pb::ListTicketsResponse, Failure> {
        let m = asked.into_inner();
        let query = pb::ListTicketsRequest { page_size: 0, page_token: String::new(), min_position: None, ..m.clone() };
        let page = Page::read("ListTickets", m.page_size, &m.page_token, &query.encode_to_vec())?;
        let filter = TicketFilter {
            customer_id: m.customer_id,
            status: match pb::TicketStatus::try_from(m.status) {
                Ok(pb::TicketStatus::Unspecified) => None,
                Ok(pb::TicketStatus::Open) => Some("open"),
                Ok(pb::TicketStatus::Resolved) => Some("resolved"),
                Ok(pb::TicketStatus::Closed) => Some("closed"),
                Err(_) => return Err(Refusal::malformed("status", "status is not known").into()),
            },
            class: parse::optional_class("class", m.class)?.map(|class| class.as_str()),
        };
        let position = self.views_at(m.min_position).await?;
        let rows = self.views.tickets(&filter, page.after_number()?, page.size).await?;
        let full = rows.len() == page.size;
        let next = rows.last().filter(|_| full).map(|row| page.token(row.opened_position));
        Ok(pb::ListTicketsResponse {
            tickets: rows.into_iter().map(summary).collect(),
            next_page_token: next.unwrap_or_default(),
            position,
        })
    }

    pub(super) async fn on_get_ticket_history(
        &self,
        asked: Asked<pb::GetTicketHistoryRequest>,
    ) -> Result<pb::GetTicketHistoryResponse, Failure> {
        let m = asked.into_inner();
        let query = pb::GetTicketHistoryRequest { page_size: 0, page_token: String::new(), ..m.clone() };
        let page = Page::read("GetTicketHistory", m.page_size, &m.page_token, &query.encode_to_vec())?;
        let id = self.ticket_id(m.ticket.as_ref()).await?;
        let up_to = self.up_to(m.as_of.as_ref()).await?;
        let about = m.about.map(|about| parse::timestamp("about", Some(about))).transpose()?;
        let after = page.after_number()?;
        let history = self.history(id, up_to, about, after, page.size).await?;
        if history.ends_at == 0 {
            return Err(unknown_ticket(id).into());
        }
        let next = history.events.last().filter(|_| history.more).map(|event| page.token(event.version));
        Ok(pb::GetTicketHistoryResponse {
            events: history.events.into_iter().map(render::event).collect(),
            next_page_token: next.unwrap_or_default(),
        })
    }

    /// Events of a ticket after a version. More follow only if one was seen: a page of
    /// the log may be short and not the last one.
    async fn history(
        &self,
        id: EventId,
        up_to: UpTo,
        about: Option<Timestamp>,
        after: i64,
        size: usize,
    ) -> Result<History, Failure> {
        let name = stream::ticket(id);
        let mut history = History { events: Vec::new(), more: false, ends_at: after };
        let mut bytes = 0;
        loop {
            let wanted = (size + 1 - history.events.len()).min(HISTORY_EVENTS);
            let read = self.log().read_stream(&name, history.ends_at, wanted).await?;
            if read.is_empty() {
                return Ok(history);
            }
            for event in read {
                if matches!(up_to, UpTo::Position(last) if event.position > last) {
                    return Ok(history);
                }
                history.ends_at = event.version;
                if about.is_some_and(|about| fold::instant(event.occurred_at_us) > about) {
                    continue;
                }
                if history.events.len() == size || bytes >= PAGE_BYTES {
                    history.more = true;
                    return Ok(history);
                }
                bytes += event_bytes(&event);
                history.events.push(event);
            }
        }
    }

    pub(super) async fn on_get_cost_status(
        &self,
        asked: Asked<pb::GetCostStatusRequest>,
    ) -> Result<pb::GetCostStatusResponse, Failure> {
        let now = self.now(asked.metadata())?;
        let m = asked.into_inner();
        let id = self.ticket_id(m.ticket.as_ref()).await?;
        let up_to = self.up_to(m.as_of.as_ref()).await?;
        let about = m.about.map(|about| parse::timestamp("about", Some(about))).transpose()?;
        let at = m.at.map(|at| parse::timestamp("at", Some(at))).transpose()?;
        let at = at.or(about).unwrap_or(now);
        let Reading { ticket, contract, .. } = self.read_about(id, up_to, about).await?;
        if at < ticket.opened_at {
            return Err(before_opening("at", at, &ticket).into());
        }
        let policies = self.commands.states.policies().await;
        let prepaid = self.prepaid_at(&contract, up_to).await?;
        let surroundings = Surroundings { contract: &contract, book: &policies.book, prepaid: &prepaid };
        let status = cost::status(&ticket, at, surroundings).map_err(Failure::broken)?;
        let activities = status.activities.iter().map(|activity| {
            let policy = &activity.segment.policy;
            let published = policies.book.version(&policy.name, policy.version);
            render::activity_status(activity, published.map(|published| &published.policy))
        });
        Ok(pb::GetCostStatusResponse {
            activities: activities.collect(),
            allowance_used_seconds: status.allowance_used_seconds,
            allowance_left_seconds: status.allowance_left_seconds,
            limit_left_seconds: status.limit_left_seconds,
            limit_left_minor: status.limit_left_minor,
            prepaid_left_seconds: status.prepaid_left_seconds,
            cost_so_far: Some(render::money(contract.currency.as_str(), status.cost_so_far_minor)),
            turn: render::turn(status.turn).into(),
            accepts_work: status.status == Status::Open,
            status: render::status(status.status).into(),
            class: status.class.map_or(pb::Class::Unspecified, render::class).into(),
            version: ticket.version,
        })
    }

    pub(super) async fn on_preview_work(
        &self,
        asked: Asked<pb::PreviewWorkRequest>,
    ) -> Result<pb::PreviewWorkResponse, Failure> {
        let now = self.now(asked.metadata())?;
        let m = asked.into_inner();
        let id = self.ticket_id(m.ticket.as_ref()).await?;
        let activity: Activity = parse::activity(m.activity)?;
        let performer = OpaqueId::parse("performer_id", &m.performer_id)?;
        let (from, to) = (parse::second("from", m.from)?, parse::second("to", m.to)?);
        let window = Window { from, to, duration_seconds: m.duration_seconds };
        let Reading { ticket, contract, .. } = self.read(id, UpTo::Head).await?;
        let policies = self.commands.states.policies().await;
        let prepaid = self.prepaid_at(&contract, UpTo::Head).await?;
        let surroundings = Surroundings { contract: &contract, book: &policies.book, prepaid: &prepaid };
        let previewed = cost::preview(&ticket, activity, performer, window, now, false, surroundings);
        let segments = previewed.map_err(|error| match error {
            NotDecided::Refused(refusal) => refusal.into(),
            broken => Failure::broken(broken),
        })?;

        let mut rules: Vec<pb::Rule> = Vec::new();
        let (mut why_not_free, mut why_not_billable) = (Vec::new(), Vec::new());
        for segment in &segments {
            let published = policies.book.version(&segment.policy.name, segment.policy.version);
            let rule = published.and_then(|published| published.policy.rule(&segment.rule)).map(render::rule);
            rules.extend(rule.filter(|rule| rules.iter().all(|known| known.id != rule.id)));
            let fact = deciding_facts(&ticket, segment);
            match segment.account {
                Account::Free => why_not_billable.push(fact),
                Account::Billable => why_not_free.push(fact),
                _ => {
                    why_not_free.push(fact.clone());
                    why_not_billable.push(fact);
                }
            }
        }
        let currency = contract.currency.as_str();
        Ok(pb::PreviewWorkResponse {
            amount: Some(render::money(currency, segments.iter().map(|segment| segment.amount_minor).sum())),
            segments: segments.iter().map(|segment| render::segment(segment, currency)).collect(),
            why_not_free,
            why_not_billable,
            rules,
        })
    }

    async fn prepaid_at(&self, contract: &Contract, up_to: UpTo) -> Result<Arc<Prepaid>, Failure> {
        match up_to {
            UpTo::Head => self.commands.states.prepaid(self.log(), contract).await,
            UpTo::Position(_) => Ok(fold::prepaid(self.log(), &contract.customer, up_to).await?.into()),
        }
    }

    /// A ticket as of a state of knowledge, and about an instant if one is asked for.
    async fn read_about(&self, id: EventId, up_to: UpTo, about: Option<Timestamp>) -> Result<Reading, Failure> {
        let mut reading = self.read(id, up_to).await?;
        let Some(at) = about else { return Ok(reading) };
        // As far as was read, whatever is appended meanwhile.
        let up_to = UpTo::Position(reading.position);
        let mut about = About::new(at);
        fold::walk(self.log(), &stream::ticket(id), up_to, |stored| {
            about.evolve(fold::recorded(&stored), fold::read(&stored)?).map_err(Failure::broken)
        })
        .await?;
        let policies = self.commands.states.policies().await;
        let prepaid = self.prepaid_at(&reading.contract, up_to).await?;
        let surroundings = Surroundings { contract: &reading.contract, book: &policies.book, prepaid: &prepaid };
        let ticket = about.ticket(surroundings).map_err(Failure::broken)?;
        reading.ticket = ticket.ok_or_else(|| before_opening("about", at, &reading.ticket))?.into();
        Ok(reading)
    }
}

/// A page of a ticket's events.
struct History {
    events: Vec<StoredEvent>,
    more: bool,
    /// The version of the last event looked at; 0 if there is none.
    ends_at: i64,
}

fn before_opening(field: &'static str, at: Timestamp, ticket: &Ticket) -> Refusal {
    let message = format!("at {at} the ticket was not open yet: it was opened at {}", ticket.opened_at);
    Refusal::precondition(field, "BEFORE_OPENING", message)
}

/// Where a part of a ticket's work begins, and in which state of knowledge.
fn part(cursor: &str) -> Result<(UpTo, usize), Refusal> {
    let read = |(position, first): (&str, &str)| Some((position.parse().ok()?, first.parse().ok()?));
    let (position, first) = cursor.split_once(' ').and_then(read).ok_or_else(wrong_token)?;
    Ok((UpTo::Position(position), first))
}

/// As many work entries from a place on as an answer holds; at least one, if there is.
fn work_part(ticket: &Ticket, currency: &str, first: usize) -> Vec<pb::Work> {
    let mut bytes = 0;
    let entries = ticket.work.iter().skip(first).map(|work| render::work(work, currency));
    let fits = |work: &pb::Work| {
        let fits = bytes < PAGE_BYTES;
        bytes += work.encoded_len();
        fits
    };
    entries.take_while(fits).collect()
}

fn summary(row: beleg_store::views::TicketRow) -> pb::TicketSummary {
    let class = row.class.as_deref().and_then(Class::parse);
    let impact = Impact::parse(&row.impact);
    let status = match row.status.as_str() {
        "resolved" => pb::TicketStatus::Resolved,
        "closed" => pb::TicketStatus::Closed,
        _ => pb::TicketStatus::Open,
    };
    pb::TicketSummary {
        ticket_id: row.ticket_id.to_string(),
        customer_id: row.customer_id,
        reference: row.reference.map(|(system, number)| pb::Reference { system, number }),
        impact: impact.map_or(pb::Impact::Unspecified, render::impact).into(),
        status: status.into(),
        class: class.map_or(pb::Class::Unspecified, render::class).into(),
        rule: row.rule.unwrap_or_default(),
        opened_at: Some(render::micros(row.opened_at_us)),
        origin: row.origin,
    }
}

/// A segment's rule with the facts that decided it and when they were true.
fn deciding_facts(ticket: &Ticket, segment: &Segment) -> String {
    let mut text = format!("{} s {}", segment.worked_seconds, segment.rule);
    for cause in &segment.causes {
        let id = cause.event;
        let at = if id == ticket.id {
            Some(ticket.opened_at)
        } else {
            let classified = ticket.classifications.iter().map(|c| (c.event, c.at));
            let informed = ticket.informations.iter().map(|i| (i.event, i.at));
            let approved = ticket.approvals.iter().map(|a| (a.event, a.at));
            let revoked = ticket.approvals.iter().filter_map(|a| a.revoked.map(|(at, event)| (event, at)));
            let declined = ticket.declines.iter().map(|d| (d.event, d.at));
            let turned = ticket.transitions.iter().map(|t| (t.event, t.at));
            let mut facts = classified.chain(informed).chain(approved).chain(revoked).chain(declined).chain(turned);
            facts.find(|(event, _)| *event == id).map(|(_, at)| at)
        };
        if let Some(at) = at {
            text.push_str(&format!(", {} at {at}", cause.role.as_str()));
        }
    }
    text
}
