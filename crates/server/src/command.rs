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

use std::sync::Arc;

use beleg_domain::book::PolicyBook;
use beleg_domain::contract::{self, Agree, Amend};
use beleg_domain::event::{Event, PolicyPublished, ReferenceTaken, SCHEMA_VERSION};
use beleg_domain::ids::{CustomerId, EventId, stream};
use beleg_domain::policy::Policy;
use beleg_domain::prepaid::Prepaid;
use beleg_domain::refusal::Refusal;
use beleg_domain::ticket::Ticket;
use beleg_domain::ticket::command::{self as ticket_command, Call, Command, Decision, Draft, NotDecided, Surroundings};
use beleg_domain::time::Timestamp;
use beleg_proof::{canonical, commitment};
use beleg_store::{Append, AppendError, Appended, EventLog, NewEvent, PersonalField};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::clock::Clock;
use crate::failure::Failure;
use crate::fold;
use crate::request::Request;
use crate::state::{Folded, Opening, States};

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
    pub(crate) fn new(log: Arc<dyn EventLog>, clock: Arc<Clock>, states: Arc<States>, imports_admitted: bool) -> Self {
        Self { log, clock, states, imports_admitted, under_way: Arc::new(Semaphore::new(UNDER_WAY_MAX)) }
    }

    /// Opens a ticket.
    pub(crate) async fn open(
        self: &Arc<Self>,
        request: Request,
        command: ticket_command::Open,
    ) -> Result<Accepted, Failure> {
        let id = request.chosen_id.unwrap_or_else(new_id);
        let asked = Asked { digest: request.digest(None, &command)?, request, stream: stream::ticket(id).into() };
        self.carry_out(asked, async move |commands, asked| commands.decide_opening(asked, id, command).await).await
    }

    /// Does something to a ticket.
    pub(crate) async fn ticket(
        self: &Arc<Self>,
        request: Request,
        id: EventId,
        command: Command,
    ) -> Result<Accepted, Failure> {
        let asked = Asked { digest: request.digest(Some(id), &command)?, request, stream: stream::ticket(id).into() };
        self.carry_out(asked, async move |commands, asked| commands.decide_ticket(asked, id, command).await).await
    }

    /// Agrees a customer's contract.
    pub(crate) async fn agree(self: &Arc<Self>, request: Request, command: Agree) -> Result<Accepted, Failure> {
        let stream = stream::contract(&command.customer).into();
        let asked = Asked { digest: request.digest(None, &command)?, request, stream };
        self.carry_out(asked, async move |commands, asked| {
            let customer = command.customer.clone();
            let decide = |contract: Option<&contract::Contract>, exists: &dyn Fn(&str) -> bool, event| {
                contract::agree(contract, command.clone(), exists, event)
            };
            commands.decide_contract(asked, customer, &decide).await
        })
        .await
    }

    /// Changes a contract's terms.
    pub(crate) async fn amend(self: &Arc<Self>, request: Request, command: Amend) -> Result<Accepted, Failure> {
        let stream = stream::contract(&command.customer).into();
        let asked = Asked { digest: request.digest(None, &command)?, request, stream };
        self.carry_out(asked, async move |commands, asked| {
            let customer = command.customer.clone();
            let decide = |contract: Option<&contract::Contract>, exists: &dyn Fn(&str) -> bool, event| {
                let contract = contract.ok_or_else(|| unknown_contract(&command.customer))?;
                contract::amend(contract, command.clone(), exists, event)
            };
            commands.decide_contract(asked, customer, &decide).await
        })
        .await
    }

    /// Publishes a policy's next version.
    pub(crate) async fn publish(self: &Arc<Self>, request: Request, policy: Policy) -> Result<Accepted, Failure> {
        let digest = request.digest(None, &hex::encode(policy.hash()))?;
        let asked = Asked { digest, request, stream: stream::POLICIES.into() };
        self.carry_out(asked, async move |commands, asked| commands.decide_policy(asked, policy).await).await
    }

    /// Carries a command out in a task of its own. What refuses it looks the request id up first.
    async fn carry_out<D, F>(self: &Arc<Self>, asked: Asked, decide: D) -> Result<Accepted, Failure>
    where
        D: FnOnce(Arc<Self>, Arc<Asked>) -> F + Send + 'static,
        F: Future<Output = Result<Accepted, Failure>> + Send,
    {
        let place = Arc::clone(&self.under_way).try_acquire_owned().map_err(|_| Failure::Overloaded)?;
        let commands = Arc::clone(self);
        let carried = tokio::spawn(async move {
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
        });
        carried.await.unwrap_or_else(|died| Err(Failure::broken(died)))
    }

    async fn decide_opening(
        &self,
        asked: Arc<Asked>,
        id: EventId,
        command: ticket_command::Open,
    ) -> Result<Accepted, Failure> {
        let request = &asked.request;
        if let Some(expected) = request.expected_version.filter(|expected| *expected != 0) {
            return Err(Failure::WrongVersion { stream: asked.stream.to_string(), expected, actual: 0 });
        }
        let _turn = self.states.ticket_turn(id).await;
        let mut attempts = 0;
        loop {
            let contract = self.states.contract(&*self.log, &command.customer).await?;
            let policies = self.states.policies().await;
            let call = self.call(request, id);
            let decided = ticket_command::open(command.clone(), call, contract.as_deref(), &policies.book);
            let Decision { drafts, ticket } = match decided {
                Ok(decision) => decision,
                Err(_) if self.outdated(None, Some(&command.customer), Some(call.now), &mut attempts).await? => {
                    continue;
                }
                Err(error) => return Err(not_decided(error)),
            };
            let name = Arc::clone(&asked.stream);
            let mut expectations: Vec<(Arc<str>, i64)> = vec![(name.clone(), 0)];
            if let Some(contract) = &contract {
                expectations.push((stream::contract(&command.customer).into(), contract.version()));
            }
            expectations.push((stream::POLICIES.into(), policies.version));
            let mut events = vec![self.new_event(&name, &drafts[0], None, &request.personal)?];
            if let Some(reference) = &command.reference {
                // The reference's own stream makes it unique: it must not exist yet.
                let taken = ReferenceTaken { reference: reference.clone(), ticket_id: id };
                let draft = Draft { id: new_id(), at: drafts[0].at, event: taken.into() };
                let name: Arc<str> = stream::reference(reference).into();
                expectations.push((name.clone(), 0));
                events.push(self.new_event(&name, &draft, Some(id), &[])?);
            }
            match self.append(&asked, call.now, expectations, events).await {
                Ok(receipt) => {
                    let has_texts = request.personal.iter().any(|(_, text)| !text.is_empty());
                    let opening = Opening { origin: request.call.origin.clone(), has_texts };
                    return Ok(self.accepted(receipt, &name, Arc::new(ticket), opening));
                }
                Err(AppendError::Conflict { stream: conflicting, .. }) if *conflicting == *name => {
                    return Err(Refusal::taken("ticket_id", "ID_TAKEN", format!("ticket {id} exists already")).into());
                }
                Err(AppendError::Conflict { stream: conflicting, .. }) if conflicting.starts_with("reference-") => {
                    return Err(Refusal::taken(
                        "reference",
                        "REFERENCE_TAKEN",
                        "another ticket has this reference: find it by it",
                    )
                    .into());
                }
                Err(error) => self.again(error, &mut attempts, None, &command.customer).await?,
            }
        }
    }

    async fn decide_ticket(&self, asked: Arc<Asked>, id: EventId, command: Command) -> Result<Accepted, Failure> {
        let request = &asked.request;
        let own = request.chosen_id.unwrap_or_else(new_id);
        let name = Arc::clone(&asked.stream);
        let _turn = self.states.ticket_turn(id).await;
        let mut attempts = 0;
        loop {
            let Some(mut folded) = self.states.ticket(&*self.log, id).await? else {
                return Err(unknown_ticket(id).into());
            };
            if let Some(expected) = request.expected_version.filter(|expected| *expected != folded.ticket.version) {
                let actual = folded.ticket.version;
                if self.outdated(Some(id), None, None, &mut attempts).await? {
                    continue;
                }
                return Err(Failure::WrongVersion { stream: name.to_string(), expected, actual });
            }
            let customer = folded.ticket.customer.clone();
            let contract = self
                .states
                .contract(&*self.log, &customer)
                .await?
                .ok_or_else(|| Failure::broken(format!("ticket {id} has no contract")))?;
            let _customer_turn = match contract.has_prepaid() {
                true => Some(self.states.customer_turn(&customer).await),
                false => None,
            };
            let prepaid = self.states.prepaid(&*self.log, &contract).await?;
            let policies = self.states.policies().await;
            let surroundings = Surroundings { contract: &contract, book: &policies.book, prepaid: &prepaid };
            let call = self.call(request, own);
            let version = folded.ticket.version;
            // What is decided is a copy: the state in the cache stays as the log has it.
            let ticket = Arc::make_mut(&mut folded.ticket);
            let drafts = match ticket_command::decide(ticket, &command, call, surroundings, new_id) {
                Ok(drafts) => drafts,
                Err(error) => {
                    if self.outdated(Some(id), Some(&customer), Some(call.now), &mut attempts).await? {
                        continue;
                    }
                    if let NotDecided::Refused(_) = error {
                        self.states.put_ticket(folded);
                    }
                    return Err(not_decided(error));
                }
            };

            let mut expectations: Vec<(Arc<str>, i64)> =
                vec![(name.clone(), version), (stream::contract(&customer).into(), contract.version())];
            if matches!(command, Command::RecordFindings { .. }) {
                expectations.push((stream::POLICIES.into(), policies.version));
            }
            let prepaid_name: Arc<str> = stream::prepaid(&customer).into();
            if contract.has_prepaid() {
                expectations.push((prepaid_name.clone(), prepaid.version));
            }
            let mut events = Vec::with_capacity(drafts.len());
            for (place, draft) in drafts.iter().enumerate() {
                let prepaid = matches!(draft.event, Event::PrepaidDrawn(_));
                let name = if prepaid { &prepaid_name } else { &name };
                let personal = if place == 0 { &request.personal[..] } else { &[] };
                events.push(self.new_event(name, draft, (place > 0).then_some(own), personal)?);
            }
            match self.append(&asked, call.now, expectations, events).await {
                Ok(receipt) => {
                    if contract.has_prepaid() && !receipt.repeated {
                        self.states.put_prepaid(customer, drawn(prepaid, &drafts));
                    }
                    return Ok(self.accepted(receipt, &name, folded.ticket, folded.opening));
                }
                Err(error) => {
                    self.states.forget_ticket(id);
                    self.states.forget_prepaid(&customer);
                    self.again(error, &mut attempts, request.expected_version, &customer).await?;
                }
            }
        }
    }

    async fn decide_contract(
        &self,
        asked: Arc<Asked>,
        customer: CustomerId,
        decide: &DecideContract<'_>,
    ) -> Result<Accepted, Failure> {
        let request = &asked.request;
        let own = new_id();
        let name = Arc::clone(&asked.stream);
        let prepaid_name: Arc<str> = stream::prepaid(&customer).into();
        let _turn = self.states.customer_turn(&customer).await;
        let mut attempts = 0;
        loop {
            let contract = self.states.contract(&*self.log, &customer).await?;
            let version = contract.as_ref().map_or(0, |contract| contract.version());
            if let Some(expected) = request.expected_version.filter(|expected| *expected != version) {
                if self.outdated(None, Some(&customer), None, &mut attempts).await? {
                    continue;
                }
                return Err(Failure::WrongVersion { stream: name.to_string(), expected, actual: version });
            }
            let policies = self.states.policies().await;
            let call = self.call(request, own);
            let at = request.occurred_at.unwrap_or(call.now);
            not_in_the_future(at, call.now)?;
            let exists = |policy: &str| policies.book.latest(policy).is_some();
            let own_events = match decide(contract.as_deref(), &exists, own) {
                Ok(events) => events,
                Err(_) if self.outdated(None, Some(&customer), Some(call.now), &mut attempts).await? => continue,
                Err(refusal) => return Err(refusal.into()),
            };
            let mut expectations = vec![(name.clone(), version)];
            let mut events = Vec::with_capacity(own_events.len());
            for (place, event) in own_events.into_iter().enumerate() {
                let name = if matches!(event, Event::PrepaidGranted(_)) {
                    let version = self.log.stream_version(&prepaid_name).await?;
                    expectations.push((prepaid_name.clone(), version));
                    &prepaid_name
                } else {
                    &name
                };
                let id = if place == 0 { own } else { new_id() };
                let draft = Draft { id, at, event };
                events.push(self.new_event(name, &draft, (place > 0).then_some(own), &[])?);
            }
            let appended = self.append(&asked, call.now, expectations, events).await;
            self.states.forget_contract(&customer);
            match appended {
                Ok(receipt) => {
                    let stream_version = stream_version(&receipt);
                    return Ok(Accepted { receipt, stream_version, ticket: None });
                }
                Err(error) => self.again(error, &mut attempts, request.expected_version, &customer).await?,
            }
        }
    }

    async fn decide_policy(&self, asked: Arc<Asked>, policy: Policy) -> Result<Accepted, Failure> {
        let (request, name) = (&asked.request, Arc::clone(&asked.stream));
        let own = new_id();
        let mut attempts = 0;
        loop {
            let policies = self.states.policies().await;
            if let Some(expected) = request.expected_version.filter(|expected| *expected != policies.version) {
                if self.outdated(None, None, None, &mut attempts).await? {
                    continue;
                }
                return Err(Failure::WrongVersion { stream: name.to_string(), expected, actual: policies.version });
            }
            let call = self.call(request, own);
            let at = request.occurred_at.unwrap_or(call.now);
            not_in_the_future(at, call.now)?;
            let count = policies.book.count(policy.name());
            if let Err(refusal) = check_policy(&policy, &policies.book, count) {
                if self.outdated(None, None, Some(call.now), &mut attempts).await? {
                    continue;
                }
                return Err(refusal.into());
            }
            let published = PolicyPublished {
                document: String::from_utf8(policy.canonical_json().to_vec()).map_err(Failure::broken)?,
                hash: hex::encode(policy.hash()),
                name: policy.name().to_owned(),
                version: count + 1,
            };
            let draft = Draft { id: own, at, event: published.into() };
            let events = vec![self.new_event(&name, &draft, None, &[])?];
            let appended = self.append(&asked, call.now, vec![(name.clone(), policies.version)], events).await;
            self.states.reload_policies(&*self.log).await?;
            match appended {
                Ok(receipt) => {
                    let stream_version = stream_version(&receipt);
                    return Ok(Accepted { receipt, stream_version, ticket: None });
                }
                Err(AppendError::Conflict { expected, actual, .. }) if request.expected_version.is_some() => {
                    return Err(Failure::WrongVersion { stream: name.to_string(), expected, actual });
                }
                Err(AppendError::Conflict { .. }) if attempts + 1 < ATTEMPTS_MAX => attempts += 1,
                Err(error) => return Err(error.into()),
            }
        }
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
    async fn outdated(
        &self,
        ticket: Option<EventId>,
        customer: Option<&CustomerId>,
        now: Option<Timestamp>,
        attempts: &mut usize,
    ) -> Result<bool, Failure> {
        if !self.log.is_shared() || *attempts + 1 >= ATTEMPTS_MAX {
            return Ok(false);
        }
        let head = self.log.refresh_head().await?;
        let changed = self.states.freshen(&*self.log, ticket, customer).await?;
        let outdated = changed || now.is_some_and(|now| fold::instant(head.recorded_at_us) > now);
        *attempts += usize::from(outdated);
        Ok(outdated)
    }

    fn accepted(&self, receipt: Appended, name: &str, ticket: Arc<Ticket>, opening: Opening) -> Accepted {
        let stream_version = stream_version(&receipt);
        if receipt.repeated {
            return Accepted { receipt, stream_version, ticket: None };
        }
        let last = receipt.events.iter().rfind(|event| *event.stream == *name);
        let position = last.map_or(receipt.first_position, |event| event.position);
        let folded = Folded { ticket, position, opening };
        self.states.put_ticket(folded.clone());
        Accepted { receipt, stream_version, ticket: Some(folded) }
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

/// Decides about a contract, if there is one: whether a policy exists, the event's id, and then what follows.
type DecideContract<'a> = dyn Fn(Option<&contract::Contract>, &dyn Fn(&str) -> bool, EventId) -> Result<Vec<Event>, Refusal>
    + Send
    + Sync
    + 'a;

fn not_decided(error: NotDecided) -> Failure {
    match error {
        NotDecided::Refused(refusal) => refusal.into(),
        NotDecided::NotWhole(problem) => Failure::broken(problem),
        NotDecided::Broken(problem) => Failure::broken(problem),
    }
}

fn not_in_the_future(at: Timestamp, now: Timestamp) -> Result<(), Refusal> {
    if at > now {
        return Err(Refusal::malformed("occurred_at", format!("{at} is in the future: it is {now} here")));
    }
    Ok(())
}

fn check_policy(policy: &Policy, book: &PolicyBook, count: i64) -> Result<(), Refusal> {
    let refuse = |reason, message: String| Err(Refusal::precondition("document", reason, message));
    if book.latest(policy.name()).is_some_and(|latest| latest.policy.hash() == policy.hash()) {
        return refuse("POLICY_UNCHANGED", format!("version {count} of policy {} says the same", policy.name()));
    }
    if book.len() >= beleg_domain::book::VERSIONS_MAX {
        return refuse("TOO_MANY_POLICIES", "the log holds its fill of policies".into());
    }
    Ok(())
}

/// Prepaid time after a command's draws.
fn drawn(mut prepaid: Arc<Prepaid>, drafts: &[Draft]) -> Arc<Prepaid> {
    for draft in drafts {
        if let Event::PrepaidDrawn(drawn) = &draft.event {
            Arc::make_mut(&mut prepaid).drawn(&drawn.draws);
        }
    }
    prepaid
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

/// The log has no such ticket.
pub(crate) fn unknown_ticket(id: impl std::fmt::Display) -> Refusal {
    Refusal::unknown("ticket_id", "TICKET_UNKNOWN", format!("there is no ticket {id}"))
}

/// The log has no such contract.
pub(crate) fn unknown_contract(customer: &CustomerId) -> Refusal {
    Refusal::unknown("customer_id", "CONTRACT_UNKNOWN", format!("customer {customer} has no contract: agree one"))
}
