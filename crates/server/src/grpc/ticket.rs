//! Tickets: commands and questions.

use beleg_domain::cost;
use beleg_domain::event::Event;
use beleg_domain::facts::Activity;
use beleg_domain::ids::{OpaqueId, stream};
use beleg_domain::refusal::Refusal;
use beleg_domain::ticket::Ticket;
use beleg_domain::ticket::command::{Command, NotDecided, Open, Surroundings};
use beleg_domain::ticket::work::Window;
use beleg_store::views::TicketFilter;
use prost::Message as _;

use super::page::Page;
use super::parse::{self, Envelope};
use super::{Api, Asked, Reading, answer, render};
use crate::command::Accepted;
use crate::failure::Failure;
use crate::fold::{self, UpTo};
use crate::pb;

#[tonic::async_trait]
impl pb::ticket_service_server::TicketService for Api {
    async fn open_ticket(
        &self,
        request: tonic::Request<pb::OpenTicketRequest>,
    ) -> Result<tonic::Response<pb::OpenTicketResponse>, tonic::Status> {
        answer(self.on_open_ticket(request).await)
    }

    async fn start_diagnosis(
        &self,
        request: tonic::Request<pb::StartDiagnosisRequest>,
    ) -> Result<tonic::Response<pb::StartDiagnosisResponse>, tonic::Status> {
        answer(self.on_start_diagnosis(request).await)
    }

    async fn record_findings(
        &self,
        request: tonic::Request<pb::RecordFindingsRequest>,
    ) -> Result<tonic::Response<pb::RecordFindingsResponse>, tonic::Status> {
        answer(self.on_record_findings(request).await)
    }

    async fn inform_customer(
        &self,
        request: tonic::Request<pb::InformCustomerRequest>,
    ) -> Result<tonic::Response<pb::InformCustomerResponse>, tonic::Status> {
        answer(self.on_inform_customer(request).await)
    }

    async fn give_approval(
        &self,
        request: tonic::Request<pb::GiveApprovalRequest>,
    ) -> Result<tonic::Response<pb::GiveApprovalResponse>, tonic::Status> {
        answer(self.on_give_approval(request).await)
    }

    async fn decline_approval(
        &self,
        request: tonic::Request<pb::DeclineApprovalRequest>,
    ) -> Result<tonic::Response<pb::DeclineApprovalResponse>, tonic::Status> {
        answer(self.on_decline_approval(request).await)
    }

    async fn revoke_approval(
        &self,
        request: tonic::Request<pb::RevokeApprovalRequest>,
    ) -> Result<tonic::Response<pb::RevokeApprovalResponse>, tonic::Status> {
        answer(self.on_revoke_approval(request).await)
    }

    async fn log_work(
        &self,
        request: tonic::Request<pb::LogWorkRequest>,
    ) -> Result<tonic::Response<pb::LogWorkResponse>, tonic::Status> {
        answer(self.on_log_work(request).await)
    }

    async fn void_work(
        &self,
        request: tonic::Request<pb::VoidWorkRequest>,
    ) -> Result<tonic::Response<pb::VoidWorkResponse>, tonic::Status> {
        answer(self.on_void_work(request).await)
    }

    async fn resolve_ticket(
        &self,
        request: tonic::Request<pb::ResolveTicketRequest>,
    ) -> Result<tonic::Response<pb::ResolveTicketResponse>, tonic::Status> {
        answer(self.on_resolve_ticket(request).await)
    }

    async fn close_ticket(
        &self,
        request: tonic::Request<pb::CloseTicketRequest>,
    ) -> Result<tonic::Response<pb::CloseTicketResponse>, tonic::Status> {
        answer(self.on_close_ticket(request).await)
    }

    async fn reopen_ticket(
        &self,
        request: tonic::Request<pb::ReopenTicketRequest>,
    ) -> Result<tonic::Response<pb::ReopenTicketResponse>, tonic::Status> {
        answer(self.on_reopen_ticket(request).await)
    }

    async fn reassess_ticket(
        &self,
        request: tonic::Request<pb::ReassessTicketRequest>,
    ) -> Result<tonic::Response<pb::ReassessTicketResponse>, tonic::Status> {
        answer(self.on_reassess_ticket(request).await)
    }

    async fn get_ticket(
        &self,
        request: tonic::Request<pb::GetTicketRequest>,
    ) -> Result<tonic::Response<pb::GetTicketResponse>, tonic::Status> {
        answer(self.on_get_ticket(request).await)
    }

    async fn list_tickets(
        &self,
        request: tonic::Request<pb::ListTicketsRequest>,
    ) -> Result<tonic::Response<pb::ListTicketsResponse>, tonic::Status> {
        answer(self.on_list_tickets(request).await)
    }

    async fn get_ticket_history(
        &self,
        request: tonic::Request<pb::GetTicketHistoryRequest>,
    ) -> Result<tonic::Response<pb::GetTicketHistoryResponse>, tonic::Status> {
        answer(self.on_get_ticket_history(request).await)
    }

    async fn get_cost_status(
        &self,
        request: tonic::Request<pb::GetCostStatusRequest>,
    ) -> Result<tonic::Response<pb::GetCostStatusResponse>, tonic::Status> {
        answer(self.on_get_cost_status(request).await)
    }

    async fn preview_work(
        &self,
        request: tonic::Request<pb::PreviewWorkRequest>,
    ) -> Result<tonic::Response<pb::PreviewWorkResponse>, tonic::Status> {
        answer(self.on_preview_work(request).await)
    }
}

/// What a command holds beside its ticket.
macro_rules! envelope {
    ($rpc:literal, $message:ident, $chosen:expr, [$($field:ident),*]) => {
        Envelope {
            rpc: $rpc,
            request_id: &$message.request_id,
            expected_version: $message.expected_version,
            occurred_at: $message.occurred_at,
            chosen_id: $chosen,
            personal: &[$((stringify!($field), $message.$field.as_str())),*],
        }
    };
}

impl Api {
    async fn on_open_ticket(&self, asked: Asked<pb::OpenTicketRequest>) -> Result<pb::OpenTicketResponse, Failure> {
        let (metadata, _, m) = asked.into_parts();
        let envelope = Envelope {
            rpc: "OpenTicket",
            request_id: &m.request_id,
            expected_version: None,
            occurred_at: m.occurred_at,
            chosen_id: m.ticket_id.as_deref().map(|id| ("ticket_id", id)),
            personal: &[("subject", &m.subject), ("description", &m.description)],
        };
        let request = parse::request(&metadata, &m, envelope)?;
        let command = Open {
            customer: OpaqueId::parse("customer_id", &m.customer_id)?,
            impact: parse::impact(m.impact)?,
            reference: parse::reference(m.reference.as_ref())?,
        };
        let accepted = self.commands.open(request, command).await?;
        let ticket_id = own_event(&accepted);
        Ok(pb::OpenTicketResponse { receipt: Some(render::receipt(&accepted)), ticket_id })
    }

    async fn on_start_diagnosis(
        &self,
        asked: Asked<pb::StartDiagnosisRequest>,
    ) -> Result<pb::StartDiagnosisResponse, Failure> {
        let (metadata, _, m) = asked.into_parts();
        let request = parse::request(&metadata, &m, envelope!("StartDiagnosis", m, None, [note]))?;
        let id = parse::id("ticket_id", &m.ticket_id)?;
        let accepted = self.commands.ticket(request, id, Command::StartDiagnosis).await?;
        Ok(pb::StartDiagnosisResponse { receipt: Some(render::receipt(&accepted)) })
    }

    async fn on_record_findings(
        &self,
        asked: Asked<pb::RecordFindingsRequest>,
    ) -> Result<pb::RecordFindingsResponse, Failure> {
        let (metadata, _, m) = asked.into_parts();
        let request = parse::request(&metadata, &m, envelope!("RecordFindings", m, None, [note]))?;
        let id = parse::id("ticket_id", &m.ticket_id)?;
        let command = Command::RecordFindings {
            findings: parse::findings(m.findings)?,
            expected: parse::optional_class("expected_class", m.expected_class)?,
        };
        let accepted = self.commands.ticket(request, id, command).await?;
        let ticket = self.after(&accepted, id).await?;
        let classification = ticket.class_in_force().map(render::classification);
        Ok(pb::RecordFindingsResponse { receipt: Some(render::receipt(&accepted)), classification })
    }

    async fn on_inform_customer(
        &self,
        asked: Asked<pb::InformCustomerRequest>,
    ) -> Result<pb::InformCustomerResponse, Failure> {
        let (metadata, _, m) = asked.into_parts();
        let chosen = m.information_id.as_deref().map(|id| ("information_id", id));
        let request = parse::request(&metadata, &m, envelope!("InformCustomer", m, chosen, [next_steps, evidence]))?;
        let id = parse::id("ticket_id", &m.ticket_id)?;
        let classification = m.classification_id.as_deref().map(|id| parse::id("classification_id", id)).transpose()?;
        let (offer, currency) = parse::offer(m.offer)?;
        let command = Command::Inform { classification, offer, currency };
        let accepted = self.commands.ticket(request, id, command).await?;
        let information_id = own_event(&accepted);
        Ok(pb::InformCustomerResponse { receipt: Some(render::receipt(&accepted)), information_id })
    }

    async fn on_give_approval(
        &self,
        asked: Asked<pb::GiveApprovalRequest>,
    ) -> Result<pb::GiveApprovalResponse, Failure> {
        let (metadata, _, m) = asked.into_parts();
        let chosen = m.approval_id.as_deref().map(|id| ("approval_id", id));
        let request = parse::request(&metadata, &m, envelope!("GiveApproval", m, chosen, [evidence]))?;
        let id = parse::id("ticket_id", &m.ticket_id)?;
        let limit = parse::limit("limit", m.limit.clone())?;
        let command = Command::Approve {
            information: parse::id("information_id", &m.information_id)?,
            basis: parse::basis(m.basis)?,
            limit: limit.map(|(limit, _)| limit),
            currency: limit.and_then(|(_, currency)| currency),
            valid_until: m.valid_until.map(|until| parse::timestamp("valid_until", Some(until))).transpose()?,
        };
        let accepted = self.commands.ticket(request, id, command).await?;
        let approval_id = own_event(&accepted);
        Ok(pb::GiveApprovalResponse { receipt: Some(render::receipt(&accepted)), approval_id })
    }

    async fn on_decline_approval(
        &self,
        asked: Asked<pb::DeclineApprovalRequest>,
    ) -> Result<pb::DeclineApprovalResponse, Failure> {
        let (metadata, _, m) = asked.into_parts();
        let request = parse::request(&metadata, &m, envelope!("DeclineApproval", m, None, [evidence]))?;
        let id = parse::id("ticket_id", &m.ticket_id)?;
        let information = parse::id("information_id", &m.information_id)?;
        let accepted = self.commands.ticket(request, id, Command::Decline { information }).await?;
        Ok(pb::DeclineApprovalResponse { receipt: Some(render::receipt(&accepted)) })
    }

    async fn on_revoke_approval(
        &self,
        asked: Asked<pb::RevokeApprovalRequest>,
    ) -> Result<pb::RevokeApprovalResponse, Failure> {
        let (metadata, _, m) = asked.into_parts();
        let request = parse::request(&metadata, &m, envelope!("RevokeApproval", m, None, [evidence]))?;
        let id = parse::id("ticket_id", &m.ticket_id)?;
        let approval = parse::id("approval_id", &m.approval_id)?;
        let accepted = self.commands.ticket(request, id, Command::Revoke { approval }).await?;
        Ok(pb::RevokeApprovalResponse { receipt: Some(render::receipt(&accepted)) })
    }

    async fn on_log_work(&self, asked: Asked<pb::LogWorkRequest>) -> Result<pb::LogWorkResponse, Failure> {
        let (metadata, _, m) = asked.into_parts();
        let chosen = m.work_id.as_deref().map(|id| ("work_id", id));
        let request = parse::request(&metadata, &m, envelope!("LogWork", m, chosen, [note]))?;
        let id = parse::id("ticket_id", &m.ticket_id)?;
        let command = Command::LogWork {
            activity: parse::activity(m.activity)?,
            performer: OpaqueId::parse("performer_id", &m.performer_id)?,
            from: parse::second("from", m.from)?,
            to: parse::second("to", m.to)?,
            duration_seconds: m.duration_seconds,
        };
        let accepted = self.commands.ticket(request, id, command).await?;
        let work_id = own_event(&accepted);
        Ok(pb::LogWorkResponse { receipt: Some(render::receipt(&accepted)), work_id })
    }

    async fn on_void_work(&self, asked: Asked<pb::VoidWorkRequest>) -> Result<pb::VoidWorkResponse, Failure> {
        let (metadata, _, m) = asked.into_parts();
        let request = parse::request(&metadata, &m, envelope!("VoidWork", m, None, [reason]))?;
        parse::needed_text("reason", &m.reason)?;
        let id = parse::id("ticket_id", &m.ticket_id)?;
        let work = parse::id("work_id", &m.work_id)?;
        let accepted = self.commands.ticket(request, id, Command::Void { work }).await?;
        Ok(pb::VoidWorkResponse { receipt: Some(render::receipt(&accepted)) })
    }

    async fn on_resolve_ticket(
        &self,
        asked: Asked<pb::ResolveTicketRequest>,
    ) -> Result<pb::ResolveTicketResponse, Failure> {
        let (metadata, _, m) = asked.into_parts();
        let request = parse::request(&metadata, &m, envelope!("ResolveTicket", m, None, [reason, evidence]))?;
        let id = parse::id("ticket_id", &m.ticket_id)?;
        let accepted = self.commands.ticket(request, id, Command::Resolve).await?;
        Ok(pb::ResolveTicketResponse { receipt: Some(render::receipt(&accepted)) })
    }

    async fn on_close_ticket(&self, asked: Asked<pb::CloseTicketRequest>) -> Result<pb::CloseTicketResponse, Failure> {
        let (metadata, _, m) = asked.into_parts();
        let request = parse::request(&metadata, &m, envelope!("CloseTicket", m, None, [reason, evidence]))?;
        let id = parse::id("ticket_id", &m.ticket_id)?;
        let accepted = self.commands.ticket(request, id, Command::Close).await?;
        Ok(pb::CloseTicketResponse { receipt: Some(render::receipt(&accepted)) })
    }

    async fn on_reopen_ticket(
        &self,
        asked: Asked<pb::ReopenTicketRequest>,
    ) -> Result<pb::ReopenTicketResponse, Failure> {
        let (metadata, _, m) = asked.into_parts();
        let request = parse::request(&metadata, &m, envelope!("ReopenTicket", m, None, [reason, evidence]))?;
        let id = parse::id("ticket_id", &m.ticket_id)?;
        let accepted = self.commands.ticket(request, id, Command::Reopen).await?;
        Ok(pb::ReopenTicketResponse { receipt: Some(render::receipt(&accepted)) })
    }

    async fn on_reassess_ticket(
        &self,
        asked: Asked<pb::ReassessTicketRequest>,
    ) -> Result<pb::ReassessTicketResponse, Failure> {
        let (metadata, _, m) = asked.into_parts();
        let request = parse::request(&metadata, &m, envelope!("ReassessTicket", m, None, [reason]))?;
        parse::needed_text("reason", &m.reason)?;
        let id = parse::id("ticket_id", &m.ticket_id)?;
        let accepted = self.commands.ticket(request, id, Command::Reassess).await?;
        Ok(pb::ReassessTicketResponse { receipt: Some(render::receipt(&accepted)) })
    }

    async fn on_get_ticket(&self, asked: Asked<pb::GetTicketRequest>) -> Result<pb::GetTicketResponse, Failure> {
        let m = asked.into_inner();
        let id = self.ticket_id(m.ticket.as_ref()).await?;
        let up_to = self.up_to(m.as_of.as_ref()).await?;
        let Reading { mut ticket, position, opening, contract } = self.read(id, up_to).await?;
        if let Some(about) = m.about {
            ticket = self.about(id, up_to, parse::timestamp("about", Some(about))?).await?.into();
        }
        let mut shown = render::ticket(&ticket, position, contract.currency.as_str());
        shown.origin = opening.origin.map(|origin| origin.to_string());
        if opening.has_texts {
            let first = self.log().read_stream(&stream::ticket(id), 0, 1).await?;
            shown.personal = first.first().map(render::personal).unwrap_or_default();
        }
        Ok(pb::GetTicketResponse { ticket: Some(shown) })
    }

    async fn on_list_tickets(&self, asked: Asked<pb::ListTicketsRequest>) -> Result<pb::ListTicketsResponse, Failure> {
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

    async fn on_get_ticket_history(
        &self,
        asked: Asked<pb::GetTicketHistoryRequest>,
    ) -> Result<pb::GetTicketHistoryResponse, Failure> {
        let m = asked.into_inner();
        let query = pb::GetTicketHistoryRequest { page_size: 0, page_token: String::new(), ..m.clone() };
        let page = Page::read("GetTicketHistory", m.page_size, &m.page_token, &query.encode_to_vec())?;
        let id = self.ticket_id(m.ticket.as_ref()).await?;
        let up_to = self.up_to(m.as_of.as_ref()).await?;
        let after = page.after_number()?;
        let mut events = self.log().read_stream(&stream::ticket(id), after, page.size).await?;
        if events.is_empty() && after == 0 {
            return Err(crate::command::unknown_ticket(id).into());
        }
        let full = events.len() == page.size;
        if let UpTo::Position(position) = up_to {
            events.retain(|event| event.position <= position);
        }
        let full = full && events.len() == page.size;
        let next = events.last().filter(|_| full).map(|event| page.token(event.version));
        Ok(pb::GetTicketHistoryResponse {
            events: events.into_iter().map(render::event).collect(),
            next_page_token: next.unwrap_or_default(),
        })
    }

    async fn on_get_cost_status(
        &self,
        asked: Asked<pb::GetCostStatusRequest>,
    ) -> Result<pb::GetCostStatusResponse, Failure> {
        let now = self.now(asked.metadata())?;
        let m = asked.into_inner();
        let id = self.ticket_id(m.ticket.as_ref()).await?;
        let up_to = self.up_to(m.as_of.as_ref()).await?;
        let at = m.at.map(|at| parse::timestamp("at", Some(at))).transpose()?.unwrap_or(now);
        let Reading { ticket, contract, .. } = self.read(id, up_to).await?;
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
            accepts_work: status.status == beleg_domain::ticket::Status::Open,
            status: render::status(status.status).into(),
            class: status.class.map_or(pb::Class::Unspecified, render::class).into(),
            version: ticket.version,
        })
    }

    async fn on_preview_work(&self, asked: Asked<pb::PreviewWorkRequest>) -> Result<pb::PreviewWorkResponse, Failure> {
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
        let previewed = cost::preview(&ticket, activity, performer, window, now, surroundings);
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
                beleg_domain::facts::Account::Free => why_not_billable.push(fact),
                beleg_domain::facts::Account::Billable => why_not_free.push(fact),
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

    async fn prepaid_at(
        &self,
        contract: &beleg_domain::contract::Contract,
        up_to: UpTo,
    ) -> Result<std::sync::Arc<beleg_domain::prepaid::Prepaid>, Failure> {
        match up_to {
            UpTo::Head => self.commands.states.prepaid(self.log(), contract).await,
            UpTo::Position(_) => Ok(fold::prepaid(self.log(), &contract.customer, up_to).await?.into()),
        }
    }

    /// The ticket after a command; for a repeated request, as it was then.
    async fn after(
        &self,
        accepted: &Accepted,
        id: beleg_domain::ids::EventId,
    ) -> Result<std::sync::Arc<Ticket>, Failure> {
        if let Some(folded) = &accepted.ticket {
            return Ok(folded.ticket.clone());
        }
        let last = accepted.receipt.events.last().map_or(0, |event| event.position);
        Ok(self.read(id, UpTo::Position(last)).await?.ticket)
    }

    /// A ticket with only what was true at an instant, by what was known.
    async fn about(
        &self,
        id: beleg_domain::ids::EventId,
        up_to: UpTo,
        at: beleg_domain::time::Timestamp,
    ) -> Result<Ticket, Failure> {
        let mut events = Vec::new();
        fold::walk(self.log(), &stream::ticket(id), up_to, |stored| {
            let (recorded, event) = (fold::recorded(&stored), fold::read(&stored)?);
            // Assessments say where work stands by all that is known; they stay with
            // the work that they are about.
            if recorded.at <= at || matches!(event, Event::WorkAssessed(_) | Event::QuoteAssessed(_)) {
                events.push((recorded, event));
            }
            Ok(())
        })
        .await?;
        let works: std::collections::HashSet<_> = events
            .iter()
            .filter(|(_, event)| matches!(event, Event::WorkLogged(_)))
            .map(|(recorded, _)| recorded.event)
            .collect();
        events.retain(|(_, event)| match event {
            Event::WorkAssessed(assessed) => works.contains(&assessed.work),
            _ => true,
        });
        let folded = Ticket::fold(events).map_err(Failure::broken)?;
        folded.ok_or_else(|| {
            Refusal::precondition("about", "BEFORE_OPENING", format!("at {at} the ticket was not open yet")).into()
        })
    }
}

/// The id of the command's own event, and so of what it created.
fn own_event(accepted: &Accepted) -> String {
    accepted.receipt.events.first().map(|event| event.event_id.to_string()).unwrap_or_default()
}

fn summary(row: beleg_store::views::TicketRow) -> pb::TicketSummary {
    use beleg_domain::facts::{Class, Impact};
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
    }
}

/// A segment's rule with the facts that decided it and when they were true.
fn deciding_facts(ticket: &Ticket, segment: &beleg_domain::event::Segment) -> String {
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
