//! The gRPC services: messages in, messages out, nothing decided.

mod bench;
mod border;
mod contract;
mod encoded;
mod ledger;
mod log;
mod log_reading;
mod page;
mod parse;
mod policy;
mod render;
mod services;
mod status;
mod ticket;
mod ticket_query;

use std::sync::Arc;
use std::time::Duration;

use beleg_domain::contract::Contract;
use beleg_domain::ids::EventId;
use beleg_domain::refusal::Refusal;
use beleg_domain::ticket::Ticket;
use beleg_domain::time::Timestamp;
use beleg_store::{EventLog, Views};
use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tonic::metadata::MetadataMap;

use crate::call::CallInfo;
use crate::command::{Commands, unknown_ticket};
use crate::failure::Failure;
use crate::fold::{self, UpTo};
use crate::pb;
use crate::projector::Progress;
use crate::state::{Folded, Opening, Policies, Seen};

pub(crate) use border::{Border, Calls};
pub(crate) use encoded::EncodedEvents;
pub(crate) use log_reading::{READERS_MAX, pages_at_once};
pub(crate) use services::Services;

/// How long a query waits for the views to reach a position.
const VIEWS_WAIT: Duration = Duration::from_secs(5);

/// What all services share.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) commands: Arc<Commands>,
    pub(crate) views: Arc<dyn Views>,
    pub(crate) progress: watch::Receiver<Progress>,
    pub(crate) hurry: Arc<Notify>,
    /// A permit per reader of the whole log.
    pub(crate) log_readers: Arc<Semaphore>,
    /// A permit per page that all of these may be reading at a time.
    pub(crate) log_pages: Arc<Semaphore>,
    /// Cancelled once the server is asked to end.
    pub(crate) stopping: CancellationToken,
}

impl Api {
    fn log(&self) -> &dyn EventLog {
        &*self.commands.log
    }

    fn now(&self, metadata: &MetadataMap) -> Result<Timestamp, Failure> {
        let call = CallInfo::read(metadata)?;
        let head = fold::instant(self.log().head().recorded_at_us);
        Ok(self.commands.clock.now(call.now).max(head))
    }

    /// Which ticket a key names.
    async fn ticket_id(&self, key: Option<&pb::TicketKey>) -> Result<EventId, Failure> {
        match key.and_then(|key| key.key.as_ref()) {
            Some(pb::ticket_key::Key::TicketId(id)) => Ok(parse::id("ticket.ticket_id", id)?),
            Some(pb::ticket_key::Key::Reference(reference)) => {
                let Some(reference) = parse::reference(Some(reference))? else { return Err(no_key().into()) };
                let found = fold::referenced(self.log(), &reference).await?;
                found.ok_or_else(|| unknown_ticket(format!("{}/{}", reference.system, reference.number)).into())
            }
            None => Err(no_key().into()),
        }
    }

    /// The position that a state of knowledge ends with.
    async fn up_to(&self, as_of: Option<&pb::AsOf>) -> Result<UpTo, Failure> {
        Ok(match as_of.and_then(|as_of| as_of.point.as_ref()) {
            None => UpTo::Head,
            Some(pb::as_of::Point::Position(position)) if *position < 1 => {
                return Err(Refusal::malformed("as_of.position", "positions begin at 1").into());
            }
            Some(pb::as_of::Point::Position(position)) => UpTo::Position(*position),
            Some(pb::as_of::Point::RecordedAt(at)) => {
                let at = parse::timestamp("as_of.recorded_at", Some(*at))?;
                UpTo::Position(self.log().position_at(at.micros()).await?)
            }
        })
    }

    /// A ticket as of a state of knowledge, with the contract and prepaid time then.
    async fn read(&self, id: EventId, up_to: UpTo) -> Result<Reading, Failure> {
        let folded = match up_to {
            UpTo::Head => self.commands.states.ticket_now(self.log(), id).await?,
            UpTo::Position(_) => fold::ticket(self.log(), id, up_to).await?,
        };
        let Folded { ticket, position, opening } = folded.ok_or_else(|| unknown_ticket(id))?;
        let contract = match up_to {
            UpTo::Head => self.commands.states.contract(self.log(), &ticket.customer).await?,
            UpTo::Position(_) => fold::contract(self.log(), &ticket.customer, up_to).await?.map(Arc::new),
        };
        let contract = contract.ok_or_else(|| Failure::broken(format!("ticket {id} has no contract")))?;
        Ok(Reading { ticket, position, opening, contract })
    }

    /// The log's last position; looked up where another server may have given out a later one than this one knows.
    async fn head_from(&self, position: i64) -> Result<i64, Failure> {
        let head = self.log().head().position;
        if position <= head || !self.log().is_shared() {
            return Ok(head);
        }
        Ok(self.log().refresh_head().await?.position)
    }

    /// All published policies as they are now.
    async fn policies_now(&self) -> Result<Policies, Failure> {
        self.commands.states.freshen(self.log(), &Seen::default()).await?;
        Ok(self.commands.states.policies().await)
    }

    /// Waits until the views have taken in a position. One that the log has not reached
    /// is waited for as well: another server may have given it.
    async fn views_at(&self, wanted: Option<i64>) -> Result<i64, Failure> {
        let mut progress = self.progress.clone();
        if let Some(wanted) = wanted {
            if wanted < 0 {
                return Err(Refusal::malformed("min_position", "min_position is negative").into());
            }
            if progress.borrow().position < wanted {
                self.hurry.notify_one();
            }
            let reached = progress.wait_for(|progress| progress.position >= wanted || progress.alarm.is_some());
            tokio::select! {
                _ = tokio::time::timeout(VIEWS_WAIT, reached) => {}
                () = self.stopping.cancelled() => return Err(Failure::Stopping),
            }
            let progress = self.progress.borrow();
            let reached = progress.position;
            if reached < wanted {
                return Err(Failure::ViewsBehind { wanted, reached, trouble: progress.trouble() });
            }
        }
        Ok(self.progress.borrow().position)
    }
}

struct Reading {
    ticket: Arc<Ticket>,
    position: i64,
    opening: Opening,
    contract: Arc<Contract>,
}

fn no_key() -> Refusal {
    Refusal::malformed("ticket", "no ticket is named: give its id or its reference")
}

type Asked<T> = tonic::Request<T>;

/// An answer, or the status of its failure.
fn answer<T>(answered: Result<T, Failure>) -> Result<tonic::Response<T>, tonic::Status> {
    answered.map(tonic::Response::new).map_err(tonic::Status::from)
}
