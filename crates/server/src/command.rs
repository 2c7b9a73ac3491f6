//! The way of a command: read, decide, write.
//!
//! A ticket's command waits for the ticket's turn, reads its folded history, the
//! customer's contract, prepaid time and the policies, decides, and appends what
//! follows under an expectation on every stream it read. Should another process
//! have changed one of them meanwhile, it reads and decides again, a bounded number
//! of times, unless the caller named a version.
//!
//! A request id is unique in the log. The append itself recognises a repeated
//! request; a refusal looks it up before it is given, because what a first call
//! did may be the very reason why a second one would be refused.
//!
//! A command that has begun is carried out to its end, whether or not its caller still
//! waits: it holds its turn until the append is answered, so nobody folds a state
//! that an append under way is about to change.

mod carried;
mod contract;
mod opening;
mod policy;
mod ticket;

use std::sync::Arc;

use beleg_domain::event::SCHEMA_VERSION;
use beleg_domain::ids::{CustomerId, EventId, stream};
use beleg_domain::refusal::Refusal;
use beleg_domain::ticket::command::{Call, Draft};
use beleg_domain::time::Timestamp;
use beleg_proof::{canonical, commitment};
use beleg_store::{Append, AppendError, Appended, EventLog, NewEvent, PersonalField};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::clock::Clock;
use crate::failure::Failure;
use crate::fold;
use crate::projector::Fresh;
use crate::request::Request;
use crate::state::{Folded, Seen, States};

use carried::Carried;
pub(crate) use contract::unknown_contract;
pub(crate) use ticket::unknown_ticket;

/// How often a command is decided anew because others were faster.
const ATTEMPTS_MAX: usize = 5;

/// Commands that may be under way at once, waiting for their turn or for the log.
const UNDER_WAY_MAX: usize = 8_192;

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) receipt: Appended,
    /// Of the command's own stream, after the append.
    pub(crate) stream_version: i64,
    /// The ticket after it; absent for a repeated request.
    pub(crate) ticket: Option<Folded>,
}

/// Decides and appends.
pub(crate) struct Commands {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) states: Arc<States>,
    /// Where the projector finds what was appended.
    pub(crate) fresh: Arc<Fresh>,
    pub(crate) imports_admitted: bool,
    under_way: Arc<Semaphore>,
}

/// One call of a command.
struct Asked {
    request: Request,
    digest: [u8; 32],
    /// The stream that the command is about.
    stream: Arc<str>,
}

impl Commands {
    pub(crate) fn new(
        log: Arc<dyn EventLog>,
        clock: Arc<Clock>,
        states: Arc<States>,
        fresh: Arc<Fresh>,
        imports_admitted: bool,
    ) -> Self {
        Self { log, clock, states, fresh, imports_admitted, under_way: Arc::new(Semaphore::new(UNDER_WAY_MAX)) }
    }

    /// Carries a command out, to its end also where the caller leaves. What refuses it looks the request id up first.
    async fn carry_out<D, F>(self: &Arc<Self>, asked: Asked, decide: D) -> Result<Accepted, Failure>
    where
        D: FnOnce(Arc<Self>, Arc<Asked>) -> F + Send + 'static,
        F: Future<Output = Result<Accepted, Failure>> + Send,
    {
        let place = Arc::clone(&self.under_way).try_acquire_owned().map_err(|_| Failure::Overloaded)?;
        let commands = Arc::clone(self);
        Carried::new(async move {
            let _place = place;
            let asked = Arc::new(asked);
            let decided = match commands.check_origin(&asked.request) {
                Ok(()) => decide(Arc::clone(&commands), Arc::clone(&asked)).await,
                Err(failure) => Err(failure),
            };
            match decided {
                Err(Failure::Refused(_) | Failure::WrongVersion { .. }) => {
                    commands.repeated(&asked).await?.map_or(decided, Ok)
                }
                decided => decided,
            }
        })
        .await
    }

    fn call(&self, request: &Request, event: EventId) -> Call {
        let head = fold::instant(self.log.head().recorded_at_us);
        Call {
            now: self.clock.now(request.call.now).max(head),
            occurred_at: request.occurred_at,
            has_evidence: request.has_evidence(),
            imported: request.call.origin.is_some(),
            event,
        }
    }

    fn check_origin(&self, request: &Request) -> Result<(), Failure> {
        if request.call.origin.is_some() && !self.imports_admitted {
            return Err(Refusal::precondition(
                crate::call::ORIGIN,
                "IMPORTS_NOT_ADMITTED",
                "this server admits no imports: start it with --allow-import",
            )
            .into());
        }
        Ok(())
    }

    /// The first answer to a request that was accepted before.
    async fn repeated(&self, asked: &Asked) -> Result<Option<Accepted>, Failure> {
        let Some(stored) = self.log.find_request(asked.request.id).await? else { return Ok(None) };
        if !stored.matches(&asked.digest, asked.request.texts()) {
            return Err(Failure::RequestReused(asked.request.id));
        }
        Ok(Some(Accepted { stream_version: stream_version(&stored.receipt), receipt: stored.receipt, ticket: None }))
    }

    /// Whether a failed append is worth another decision; else its failure.
    async fn again(
        &self,
        error: AppendError,
        attempts: &mut usize,
        named: Option<i64>,
        customer: &CustomerId,
    ) -> Result<(), Failure> {
        let AppendError::Conflict { stream: name, expected, actual } = error else { return Err(error.into()) };
        if named.is_some() && name.starts_with("ticket-") {
            return Err(Failure::WrongVersion { stream: name.to_string(), expected, actual });
        }
        *attempts += 1;
        if *attempts >= ATTEMPTS_MAX {
            return Err(Failure::Contention);
        }
        self.states.forget_contract(customer);
        if *name == *stream::POLICIES {
            self.states.reload_policies(&*self.log).await?;
        }
        Ok(())
    }

    /// Whether another process has changed what a decision was made on, or has recorded something later than the "now" of
    /// a decision in which time played a part: then it may come out otherwise the next time. Asked before a refusal is given.
    async fn outdated(&self, seen: &Seen<'_>, now: Option<Timestamp>, attempts: &mut usize) -> Result<bool, Failure> {
        if !self.log.is_shared() || *attempts + 1 >= ATTEMPTS_MAX {
            return Ok(false);
        }
        let head = self.log.refresh_head().await?;
        let changed = self.states.freshen(&*self.log, seen).await?;
        let outdated = changed || now.is_some_and(|now| fold::instant(head.recorded_at_us) > now);
        *attempts += usize::from(outdated);
        Ok(outdated)
    }

    async fn append(
        &self,
        asked: &Asked,
        now: Timestamp,
        expectations: Vec<(Arc<str>, i64)>,
        events: Vec<NewEvent>,
    ) -> Result<Appended, AppendError> {
        let request = &asked.request;
        self.log
            .append(Append {
                request_id: request.id,
                request_digest: asked.digest,
                correlation_id: request.call.correlation_id,
                actor: request.call.actor.clone(),
                origin: request.call.origin.clone(),
                now_us: now.micros(),
                expectations,
                events,
            })
            .await
    }

    fn new_event(
        &self,
        name: &Arc<str>,
        draft: &Draft,
        caused_by: Option<EventId>,
        personal: &[(&'static str, String)],
    ) -> Result<NewEvent, Failure> {
        let payload = canonical::to_bytes(&draft.event).map_err(Failure::broken)?;
        let written = personal.iter().filter(|(_, text)| !text.is_empty());
        Ok(NewEvent {
            stream: name.clone(),
            event_id: draft.id.0,
            event_type: draft.event.event_type().into(),
            schema_version: SCHEMA_VERSION,
            occurred_at_us: draft.at.micros(),
            causation_id: caused_by.map(|id| id.0),
            payload_sha256: Sha256::digest(&payload).into(),
            payload,
            personal: written.map(|(name, text)| personal_field(name, text)).collect::<Result<_, _>>()?,
        })
    }
}

fn not_in_the_future(at: Timestamp, now: Timestamp) -> Result<(), Refusal> {
    if at > now {
        return Err(Refusal::malformed("occurred_at", format!("{at} is in the future: it is {now} here")));
    }
    Ok(())
}

fn personal_field(name: &'static str, text: &str) -> Result<PersonalField, Failure> {
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).map_err(|_| Failure::Unavailable("the system gives no random bytes".into()))?;
    let bytes = text.as_bytes().to_vec();
    let commitment = commitment::commit(&salt, &bytes);
    Ok(PersonalField { name: name.into(), salt, bytes, commitment })
}

/// A new id, ordered by time.
pub(crate) fn new_id() -> EventId {
    EventId(Uuid::now_v7())
}

/// A command's own stream, after it: the one that its first event is in.
fn stream_version(receipt: &Appended) -> i64 {
    let own = receipt.events.first().map(|event| &event.stream);
    receipt.events.iter().rfind(|event| Some(&event.stream) == own).map_or(0, |event| event.version)
}
