//! Tickets: commands. What can be asked about them stands in [`super::ticket_query`].

use beleg_domain::ids::{EventId, OpaqueId, stream};
use beleg_domain::ticket::Ticket;
use beleg_domain::ticket::command::{Command, Open};

use super::parse::{self, Envelope};
use super::{Api, Asked, answer, render};
use crate::command::Accepted;
use crate::failure::Failure;
use crate::fold::UpTo;
use crate::pb;
use crate::services;

#[tonic::async_trait]
impl services::ticket_service_server::TicketService for Api {
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
            expected_version: m.expected_version,
            occurred_at: m.occurred_at,
            chosen_id: m.ticket_id.as_deref().map(|id| ("ticket_id", id)),
            personal: &[
                ("subject", parse::given_text("subject", m.subject.as_deref())?),
                ("description", parse::given_text("description", m.description.as_deref())?),
            ],
        };
        let request = parse::request(&metadata, envelope)?;
        if let Some(expected) = request.expected_version.filter(|expected| *expected != 0) {
            return Err(self.opened_already(request.chosen_id, expected).await?);
        }
        let command = Open {
            customer: OpaqueId::parse("customer_id", &m.customer_id)?,
            impact: parse::impact(m.impact)?,
            reference: parse::new_reference(m.reference.as_ref())?,
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
        let request = parse::request(&metadata, envelope!("StartDiagnosis", m, None, [note]))?;
        let id = parse::id("ticket_id", &m.ticket_id)?;
        let accepted = self.commands.ticket(request, id, Command::StartDiagnosis).await?;
        Ok(pb::StartDiagnosisResponse { receipt: Some(render::receipt(&accepted)) })
    }

    async fn on_record_findings(
        &self,
        asked: Asked<pb::RecordFindingsRequest>,
    ) -> Result<pb::RecordFindingsResponse, Failure> {
        let (metadata, _, m) = asked.into_parts();
        let request = parse::request(&metadata, envelope!("RecordFindings", m, None, [note]))?;
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
        let envelope = Envelope {
            rpc: "InformCustomer",
            request_id: &m.request_id,
            expected_version: m.expected_version,
            occurred_at: m.occurred_at,
            chosen_id: chosen,
            personal: &[
                ("next_steps", parse::given_text("next_steps", m.next_steps.as_deref())?),
                ("evidence", &m.evidence),
            ],
        };
        let request = parse::request(&metadata, envelope)?;
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
        let request = parse::request(&metadata, envelope!("GiveApproval", m, chosen, [evidence]))?;
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
        let request = parse::request(&metadata, envelope!("DeclineApproval", m, None, [evidence]))?;
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
        let request = parse::request(&metadata, envelope!("RevokeApproval", m, None, [evidence]))?;
        let id = parse::id("ticket_id", &m.ticket_id)?;
        let approval = parse::id("approval_id", &m.approval_id)?;
        let accepted = self.commands.ticket(request, id, Command::Revoke { approval }).await?;
        Ok(pb::RevokeApprovalResponse { receipt: Some(render::receipt(&accepted)) })
    }

    async fn on_log_work(&self, asked: Asked<pb::LogWorkRequest>) -> Result<pb::LogWorkResponse, Failure> {
        let (metadata, _, m) = asked.into_parts();
        let chosen = m.work_id.as_deref().map(|id| ("work_id", id));
        let request = parse::request(&metadata, envelope!("LogWork", m, chosen, [note]))?;
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
        let request = parse::request(&metadata, envelope!("VoidWork", m, None, [reason]))?;
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
        let request = parse::request(&metadata, envelope!("ResolveTicket", m, None, [reason, evidence]))?;
        let id = parse::id("ticket_id", &m.ticket_id)?;
        let accepted = self.commands.ticket(request, id, Command::Resolve).await?;
        Ok(pb::ResolveTicketResponse { receipt: Some(render::receipt(&accepted)) })
    }

    async fn on_close_ticket(&self, asked: Asked<pb::CloseTicketRequest>) -> Result<pb::CloseTicketResponse, Failure> {
        let (metadata, _, m) = asked.into_parts();
        let request = parse::request(&metadata, envelope!("CloseTicket", m, None, [reason, evidence]))?;
        let id = parse::id("ticket_id", &m.ticket_id)?;
        let accepted = self.commands.ticket(request, id, Command::Close).await?;
        Ok(pb::CloseTicketResponse { receipt: Some(render::receipt(&accepted)) })
    }

    async fn on_reopen_ticket(
        &self,
        asked: Asked<pb::ReopenTicketRequest>,
    ) -> Result<pb::ReopenTicketResponse, Failure> {
        let (metadata, _, m) = asked.into_parts();
        let request = parse::request(&metadata, envelope!("ReopenTicket", m, None, [reason, evidence]))?;
        let id = parse::id("ticket_id", &m.ticket_id)?;
        let accepted = self.commands.ticket(request, id, Command::Reopen).await?;
        Ok(pb::ReopenTicketResponse { receipt: Some(render::receipt(&accepted)) })
    }

    async fn on_reassess_ticket(
        &self,
        asked: Asked<pb::ReassessTicketRequest>,
    ) -> Result<pb::ReassessTicketResponse, Failure> {
        let (metadata, _, m) = asked.into_parts();
        let request = parse::request(&metadata, envelope!("ReassessTicket", m, None, [reason]))?;
        parse::needed_text("reason", &m.reason)?;
        let id = parse::id("ticket_id", &m.ticket_id)?;
        let accepted = self.commands.ticket(request, id, Command::Reassess).await?;
        Ok(pb::ReassessTicketResponse { receipt: Some(render::receipt(&accepted)) })
    }

    /// A ticket is only ever opened at version 0. Whoever expects another one hears of
    /// the one that is there.
    async fn opened_already(&self, chosen: Option<EventId>, expected: i64) -> Result<Failure, Failure> {
        let name = chosen.map(stream::ticket);
        let actual = match &name {
            Some(name) => self.log().stream_version(name).await?,
            None => 0,
        };
        let stream = name.unwrap_or_else(|| "a new ticket".to_owned());
        Ok(Failure::WrongVersion { stream, expected, actual: if actual == expected { 0 } else { actual } })
    }

    /// The ticket after a command; for a repeated request, as it was then.
    async fn after(&self, accepted: &Accepted, id: EventId) -> Result<std::sync::Arc<Ticket>, Failure> {
        if let Some(folded) = &accepted.ticket {
            return Ok(folded.ticket.clone());
        }
        let last = accepted.receipt.events.last().map_or(0, |event| event.position);
        Ok(self.read(id, UpTo::Position(last)).await?.ticket)
    }
}

/// The id of the command's own event, and so of what it created.
fn own_event(accepted: &Accepted) -> String {
    accepted.receipt.events.first().map(|event| event.event_id.to_string()).unwrap_or_default()
}
