//! One call of a caller's: sent as often as it takes, with the same request id.

use std::time::{Duration, SystemTime};

use beleg_server::pb::ticket_service_client::TicketServiceClient;
use beleg_server::pb::{self, Activity, Behaviour, FaultCause, Impact, Reproducible};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use uuid::Uuid;

#[derive(Clone)]
pub(crate) enum Call {
    Open(pb::OpenTicketRequest),
    Find(pb::RecordFindingsRequest),
    Work(pb::LogWorkRequest),
}

/// A call that has no receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoReceipt {
    /// The server says that nothing was recorded, and to come back.
    NotTaken,
    /// The server says that it cannot know whether it was recorded.
    Unknown,
    /// The connection broke, or the caller hung up.
    Broken,
}

impl Call {
    pub(crate) fn open(who: &str, description: Option<String>, with_reference: bool) -> Self {
        let request_id = Uuid::now_v7().to_string();
        let reference = with_reference.then(|| pb::Reference { system: "campaign".into(), number: request_id.clone() });
        Self::Open(pb::OpenTicketRequest {
            request_id,
            customer_id: "acme".into(),
            impact: Impact::Incident.into(),
            occurred_at: Some(days_ago(31, 0)),
            subject: Some(format!("found by {who}")),
            reference,
            description,
            ..Default::default()
        })
    }

    /// Every other one takes back what the one before gave: all work is assessed anew.
    pub(crate) fn find(ticket_id: String, free: bool) -> Self {
        let cause = if free { FaultCause::BaseSoftware } else { FaultCause::Customizing };
        let findings = Some(pb::Findings {
            behaviour: Behaviour::Deviates.into(),
            cause: cause.into(),
            reproducible_in_standard: Reproducible::Yes.into(),
            security_relevant: false,
        });
        let request_id = Uuid::now_v7().to_string();
        Self::Find(pb::RecordFindingsRequest { request_id, ticket_id, findings, ..Default::default() })
    }

    /// A minute's work, of the caller's so-many-th minute.
    pub(crate) fn work(
        who: &str,
        ticket_id: String,
        minute: u32,
        expected_version: Option<i64>,
        note: Option<String>,
    ) -> Self {
        Self::Work(pb::LogWorkRequest {
            request_id: Uuid::now_v7().to_string(),
            ticket_id,
            expected_version,
            activity: Activity::Execution.into(),
            performer_id: who.into(),
            from: Some(days_ago(30, i64::from(minute) * 60)),
            to: Some(days_ago(30, i64::from(minute) * 60 + 45)),
            note: note.unwrap_or_default(),
            ..Default::default()
        })
    }

    pub(crate) fn request_id(&self) -> &str {
        match self {
            Self::Open(request) => &request.request_id,
            Self::Find(request) => &request.request_id,
            Self::Work(request) => &request.request_id,
        }
    }

    /// The receipt, or why there is none. That a server refuses the call is a failure of the campaign.
    pub(crate) async fn send(&self, caller: &str, channel: Channel) -> Result<pb::Receipt, NoReceipt> {
        let mut tickets = TicketServiceClient::new(channel);
        let answer = match self.clone() {
            Self::Open(request) => tickets.open_ticket(signed(caller, request)).await.map(|a| a.into_inner().receipt),
            Self::Find(request) => {
                tickets.record_findings(signed(caller, request)).await.map(|a| a.into_inner().receipt)
            }
            Self::Work(request) => tickets.log_work(signed(caller, request)).await.map(|a| a.into_inner().receipt),
        };
        match answer {
            Ok(receipt) => Ok(receipt.unwrap()),
            Err(status) => Err(self.no_receipt(caller, &status)),
        }
    }

    fn no_receipt(&self, caller: &str, status: &Status) -> NoReceipt {
        // The connection broke; else a server said it.
        if std::error::Error::source(status).is_some() {
            return NoReceipt::Broken;
        }
        let refused = || -> ! { panic!("{caller}'s request {} was refused: {status:?}", self.request_id()) };
        let details = status.get_error_details();
        let Some(info) = details.error_info() else { refused() };
        if details.retry_info().is_none_or(|retry| retry.retry_delay.is_none()) {
            refused();
        }
        assert!(!status.message().contains(".sqlite"), "a path is nothing for callers: {}", status.message());
        match (status.code(), info.reason.as_str()) {
            (Code::Unavailable, "OUTCOME_UNKNOWN") => NoReceipt::Unknown,
            (Code::Unavailable, "UNAVAILABLE" | "STOPPING")
            | (Code::Aborted, "CONTENTION")
            | (Code::ResourceExhausted, "OVERLOADED") => NoReceipt::NotTaken,
            _ => refused(),
        }
    }
}

fn signed<T>(caller: &str, message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.metadata_mut().insert("beleg-actor", caller.parse().unwrap());
    // An opening a month ago is an import's.
    request.metadata_mut().insert("beleg-origin", "import:campaign".parse().unwrap());
    request
}

/// A whole second some days ago, and some seconds after midnight.
fn days_ago(days: u64, seconds: i64) -> prost_types::Timestamp {
    let then = SystemTime::now() - Duration::from_secs(days * 86_400);
    let then = prost_types::Timestamp::from(then).seconds;
    prost_types::Timestamp { seconds: then - then % 86_400 + seconds, nanos: 0 }
}
