//! Every command of the protocol as one type: imports, rehearsals and the demo
//! carry commands about before they send them.

use crate::client::{Client, Patience};
use crate::json;
use crate::said::Said;
use beleg_server::pb;
use serde_json::Value;
use tonic::Status;

/// A command, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Command {
    OpenTicket(pb::OpenTicketRequest),
    StartDiagnosis(pb::StartDiagnosisRequest),
    RecordFindings(pb::RecordFindingsRequest),
    InformCustomer(pb::InformCustomerRequest),
    GiveApproval(pb::GiveApprovalRequest),
    DeclineApproval(pb::DeclineApprovalRequest),
    RevokeApproval(pb::RevokeApprovalRequest),
    LogWork(pb::LogWorkRequest),
    VoidWork(pb::VoidWorkRequest),
    ResolveTicket(pb::ResolveTicketRequest),
    CloseTicket(pb::CloseTicketRequest),
    ReopenTicket(pb::ReopenTicketRequest),
    ReassessTicket(pb::ReassessTicketRequest),
    AgreeContract(pb::AgreeContractRequest),
    AmendContract(pb::AmendContractRequest),
    PublishPolicy(pb::PublishPolicyRequest),
}

/// What a command is about; commands about one subject keep their order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// All policies: everything after may rest on them.
    Policy,
    /// One customer's contract.
    Contract(String),
    /// One ticket. Empty where the server is to choose its id.
    Ticket(String),
}

impl Command {
    /// A command by its name in JSON, the lower camel case of its rpc.
    pub(crate) fn from_json(name: &str, body: Value) -> Result<Self, Said> {
        let read = match name {
            "openTicket" => json::to_message("OpenTicketRequest", body).map(Self::OpenTicket),
            "startDiagnosis" => json::to_message("StartDiagnosisRequest", body).map(Self::StartDiagnosis),
            "recordFindings" => json::to_message("RecordFindingsRequest", body).map(Self::RecordFindings),
            "informCustomer" => json::to_message("InformCustomerRequest", body).map(Self::InformCustomer),
            "giveApproval" => json::to_message("GiveApprovalRequest", body).map(Self::GiveApproval),
            "declineApproval" => json::to_message("DeclineApprovalRequest", body).map(Self::DeclineApproval),
            "revokeApproval" => json::to_message("RevokeApprovalRequest", body).map(Self::RevokeApproval),
            "logWork" => json::to_message("LogWorkRequest", body).map(Self::LogWork),
            "voidWork" => json::to_message("VoidWorkRequest", body).map(Self::VoidWork),
            "resolveTicket" => json::to_message("ResolveTicketRequest", body).map(Self::ResolveTicket),
            "closeTicket" => json::to_message("CloseTicketRequest", body).map(Self::CloseTicket),
            "reopenTicket" => json::to_message("ReopenTicketRequest", body).map(Self::ReopenTicket),
            "reassessTicket" => json::to_message("ReassessTicketRequest", body).map(Self::ReassessTicket),
            "agreeContract" => json::to_message("AgreeContractRequest", body).map(Self::AgreeContract),
            "amendContract" => json::to_message("AmendContractRequest", body).map(Self::AmendContract),
            "publishPolicy" => json::to_message("PublishPolicyRequest", body).map(Self::PublishPolicy),
            other => return Err(Said::new(format!("{other:?} ist kein Befehl"), format!("{other:?} is no command"))),
        };
        read.map_err(Said::quoted)
    }

    /// What it is about.
    pub(crate) fn subject(&self) -> Subject {
        let ticket = |id: &str| Subject::Ticket(id.to_owned());
        match self {
            Self::OpenTicket(m) => ticket(m.ticket_id.as_deref().unwrap_or_default()),
            Self::StartDiagnosis(m) => ticket(&m.ticket_id),
            Self::RecordFindings(m) => ticket(&m.ticket_id),
            Self::InformCustomer(m) => ticket(&m.ticket_id),
            Self::GiveApproval(m) => ticket(&m.ticket_id),
            Self::DeclineApproval(m) => ticket(&m.ticket_id),
            Self::RevokeApproval(m) => ticket(&m.ticket_id),
            Self::LogWork(m) => ticket(&m.ticket_id),
            Self::VoidWork(m) => ticket(&m.ticket_id),
            Self::ResolveTicket(m) => ticket(&m.ticket_id),
            Self::CloseTicket(m) => ticket(&m.ticket_id),
            Self::ReopenTicket(m) => ticket(&m.ticket_id),
            Self::ReassessTicket(m) => ticket(&m.ticket_id),
            Self::AgreeContract(m) => Subject::Contract(m.customer_id.clone()),
            Self::AmendContract(m) => Subject::Contract(m.customer_id.clone()),
            Self::PublishPolicy(_) => Subject::Policy,
        }
    }

    /// Whether the caller said which version it saw.
    pub(crate) fn names_version(&self) -> bool {
        let named = match self {
            Self::OpenTicket(_) => None,
            Self::StartDiagnosis(m) => m.expected_version,
            Self::RecordFindings(m) => m.expected_version,
            Self::InformCustomer(m) => m.expected_version,
            Self::GiveApproval(m) => m.expected_version,
            Self::DeclineApproval(m) => m.expected_version,
            Self::RevokeApproval(m) => m.expected_version,
            Self::LogWork(m) => m.expected_version,
            Self::VoidWork(m) => m.expected_version,
            Self::ResolveTicket(m) => m.expected_version,
            Self::CloseTicket(m) => m.expected_version,
            Self::ReopenTicket(m) => m.expected_version,
            Self::ReassessTicket(m) => m.expected_version,
            Self::AgreeContract(m) => m.expected_version,
            Self::AmendContract(m) => m.expected_version,
            Self::PublishPolicy(m) => m.expected_version,
        };
        named.is_some()
    }

    /// Sends it, again while the server is only busy, and returns the receipt.
    pub(crate) async fn send(&self, client: &Client) -> Result<pb::Receipt, Status> {
        let mut patience = Patience::new(self.names_version());
        loop {
            match self.send_once(client).await {
                Ok(receipt) => return Ok(receipt),
                Err(status) => patience.wait_after(status).await?,
            }
        }
    }

    async fn send_once(&self, client: &Client) -> Result<pb::Receipt, Status> {
        let mut tickets = client.tickets();
        let receipt = match self.clone() {
            Self::OpenTicket(m) => tickets.open_ticket(m).await?.into_inner().receipt,
            Self::StartDiagnosis(m) => tickets.start_diagnosis(m).await?.into_inner().receipt,
            Self::RecordFindings(m) => tickets.record_findings(m).await?.into_inner().receipt,
            Self::InformCustomer(m) => tickets.inform_customer(m).await?.into_inner().receipt,
            Self::GiveApproval(m) => tickets.give_approval(m).await?.into_inner().receipt,
            Self::DeclineApproval(m) => tickets.decline_approval(m).await?.into_inner().receipt,
            Self::RevokeApproval(m) => tickets.revoke_approval(m).await?.into_inner().receipt,
            Self::LogWork(m) => tickets.log_work(m).await?.into_inner().receipt,
            Self::VoidWork(m) => tickets.void_work(m).await?.into_inner().receipt,
            Self::ResolveTicket(m) => tickets.resolve_ticket(m).await?.into_inner().receipt,
            Self::CloseTicket(m) => tickets.close_ticket(m).await?.into_inner().receipt,
            Self::ReopenTicket(m) => tickets.reopen_ticket(m).await?.into_inner().receipt,
            Self::ReassessTicket(m) => tickets.reassess_ticket(m).await?.into_inner().receipt,
            Self::AgreeContract(m) => client.contracts().agree_contract(m).await?.into_inner().receipt,
            Self::AmendContract(m) => client.contracts().amend_contract(m).await?.into_inner().receipt,
            Self::PublishPolicy(m) => client.policies().publish_policy(m).await?.into_inner().receipt,
        };
        receipt.ok_or_else(|| Status::data_loss("the answer holds no receipt"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Command, Subject};
    use serde_json::json;

    #[test]
    fn a_command_is_read_by_its_rpc_s_name() {
        let read = Command::from_json("logWork", json!({"ticketId": "t", "expectedVersion": "3"}));
        let command = read.expect("well-formed");
        assert_eq!(command.subject(), Subject::Ticket("t".to_owned()));
        assert!(command.names_version());
        assert!(Command::from_json("deleteWork", json!({})).is_err());
        assert!(Command::from_json("logWork", json!({"ticket": "t"})).is_err());
    }
}
