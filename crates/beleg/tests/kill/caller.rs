//! One caller with one call under way at a time, who repeats what was not answered.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use beleg_server::pb::ticket_service_client::TicketServiceClient;
use beleg_server::pb::{self, Activity, Behaviour, FaultCause, Impact, Reproducible};
use tonic::Status;
use tonic::transport::Channel;
use uuid::Uuid;

use crate::journal::Journal;

/// A ticket's calls: the opening, then work with findings in between.
const CALLS_PER_TICKET: u32 = 25;
const FINDINGS_EVERY: u32 = 6;

#[derive(Clone)]
enum Asked {
    Open(pb::OpenTicketRequest),
    Find(pb::RecordFindingsRequest),
    Work(pb::LogWorkRequest),
}

pub(crate) struct Caller {
    name: String,
    /// Calls answered so far.
    answered: u32,
    /// The ticket worked on, by the id that the server chose for it.
    ticket: String,
    /// Sent, and not answered.
    open: Option<Asked>,
    /// A recent call with its receipt, to be asked once more.
    known: Option<(Asked, pb::Receipt)>,
}

impl Caller {
    pub(crate) fn new(number: u32) -> Self {
        Self { name: format!("caller-{number}"), answered: 0, ticket: String::new(), open: None, known: None }
    }

    /// The request id that got no answer.
    pub(crate) fn unanswered(&self) -> Option<String> {
        self.open.as_ref().map(|asked| asked.request_id().to_owned())
    }

    /// Repeats what is open, then works until the server is gone, or not at all.
    pub(crate) async fn work(mut self, channel: Channel, journal: Arc<Journal>, only_finish: bool) -> Self {
        if let Some((asked, receipt)) = self.known.clone() {
            match asked.send(&self.name, &channel).await {
                Ok(again) => assert_eq!(again, receipt, "{} got another receipt", asked.request_id()),
                Err(status) => return self.gone(&status),
            }
        }
        loop {
            if self.open.is_none() {
                if only_finish {
                    return self;
                }
                self.open = Some(self.next());
            }
            let Some(asked) = self.open.clone() else { return self };
            match asked.send(&self.name, &channel).await {
                Err(status) => return self.gone(&status),
                Ok(receipt) => {
                    journal.note(asked.request_id(), &receipt);
                    if let Asked::Open(_) = asked {
                        self.ticket.clone_from(&receipt.events[0].event_id);
                    }
                    self.open = None;
                    self.answered += 1;
                    self.known = Some((asked, receipt));
                }
            }
        }
    }

    /// The connection broke; the server itself never says no.
    fn gone(self, status: &Status) -> Self {
        assert!(std::error::Error::source(status).is_some(), "{} was refused: {status:?}", self.name);
        self
    }

    fn next(&self) -> Asked {
        let request_id = Uuid::now_v7().to_string();
        let ticket_id = self.ticket.clone();
        let within = self.answered % CALLS_PER_TICKET;
        if within == 0 {
            return Asked::Open(pb::OpenTicketRequest {
                request_id,
                customer_id: "acme".into(),
                impact: Impact::Incident.into(),
                occurred_at: Some(days_ago(31, 0)),
                subject: Some(format!("found by {}", self.name)),
                ..Default::default()
            });
        }
        if within.is_multiple_of(FINDINGS_EVERY) {
            // Every other one takes back what the one before gave: all work is assessed anew.
            let free = (within / FINDINGS_EVERY).is_multiple_of(2);
            let cause = if free { FaultCause::BaseSoftware } else { FaultCause::Customizing };
            let findings = pb::Findings {
                behaviour: Behaviour::Deviates.into(),
                cause: cause.into(),
                reproducible_in_standard: Reproducible::Yes.into(),
                security_relevant: false,
            };
            let findings = Some(findings);
            return Asked::Find(pb::RecordFindingsRequest { request_id, ticket_id, findings, ..Default::default() });
        }
        Asked::Work(pb::LogWorkRequest {
            request_id,
            ticket_id,
            activity: Activity::Execution.into(),
            performer_id: self.name.clone(),
            from: Some(days_ago(30, i64::from(within) * 60)),
            to: Some(days_ago(30, i64::from(within) * 60 + 45)),
            ..Default::default()
        })
    }
}

impl Asked {
    fn request_id(&self) -> &str {
        match self {
            Self::Open(request) => &request.request_id,
            Self::Find(request) => &request.request_id,
            Self::Work(request) => &request.request_id,
        }
    }

    async fn send(&self, caller: &str, channel: &Channel) -> Result<pb::Receipt, Status> {
        let mut tickets = TicketServiceClient::new(channel.clone());
        let receipt = match self.clone() {
            Self::Open(request) => tickets.open_ticket(signed(caller, request)).await?.into_inner().receipt,
            Self::Find(request) => tickets.record_findings(signed(caller, request)).await?.into_inner().receipt,
            Self::Work(request) => tickets.log_work(signed(caller, request)).await?.into_inner().receipt,
        };
        Ok(receipt.unwrap())
    }
}

fn signed<T>(caller: &str, message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.metadata_mut().insert("beleg-actor", caller.parse().unwrap());
    // An opening a month ago is an import's.
    request.metadata_mut().insert("beleg-origin", "import:test".parse().unwrap());
    request
}

/// A whole second some days ago, and some seconds after midnight.
fn days_ago(days: u64, seconds: i64) -> prost_types::Timestamp {
    let then = SystemTime::now() - Duration::from_secs(days * 86_400);
    let then = prost_types::Timestamp::from(then).seconds;
    prost_types::Timestamp { seconds: then - then % 86_400 + seconds, nanos: 0 }
}
