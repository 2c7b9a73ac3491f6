//! Folded states kept between commands, and whose turn it is.
//!
//! The log is the truth; everything here is a copy that an append's expectations
//! check. A command decides on a copy of a ticket's state and puts the next one in
//! after the commit; where an append was not answered with a receipt, the state is
//! forgotten. Only a command, which holds the ticket's turn until its append is
//! answered, puts states in; see [`crate::command`]. States are never taken out to be
//! put back: to the cache each would be a newcomer, and the first to be evicted.
//!
//! Where several processes share the log, a copy may be outdated. A command decides on it all the same, because the
//! append's expectations find out; but before it refuses, and before a query is answered, [`States::freshen`] looks
//! where the streams are by now.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use beleg_domain::book::PolicyBook;
use beleg_domain::contract::Contract;
use beleg_domain::event::Cause;
use beleg_domain::ids::{CustomerId, EventId, stream};
use beleg_domain::prepaid::Prepaid;
use beleg_domain::ticket::{Posting, QuotePrice, Ticket, Work};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::sync::{Mutex, MutexGuard, RwLock};

use crate::failure::Failure;
use crate::fold::{self, UpTo};

/// Memory for folded tickets.
const TICKETS_BYTES_MAX: u64 = 80 * 1024 * 1024;
/// Contracts kept folded.
const CONTRACTS_MAX: usize = 10_000;
/// Turns, shared by hash. With hundreds of commands under way two tickets still rarely wait for each other: of 256, one in
/// sixty does. With a thousand turns it would be every fifth.
const TURNS: usize = 16_384;

/// A ticket and where its stream stood in the log.
#[derive(Clone, Debug)]
pub(crate) struct Folded {
    pub(crate) ticket: Arc<Ticket>,
    /// The position of its last event.
    pub(crate) position: i64,
    pub(crate) opening: Opening,
}

/// What answers show of a ticket's opening and its history does not need.
#[derive(Clone, Debug, Default)]
pub(crate) struct Opening {
    /// Where an imported ticket came from.
    pub(crate) origin: Option<Arc<str>>,
    /// Whether there are texts about people; they are read only when shown.
    pub(crate) has_texts: bool,
}

/// Counts what a ticket takes in memory: its own size, and what its lists hold.
#[derive(Clone)]
struct TicketBytes;

impl Weighter<EventId, Folded> for TicketBytes {
    fn weight(&self, _: &EventId, folded: &Folded) -> u64 {
        /// The causes of a segment, as many as most have.
        const CAUSES: usize = 6 * size_of::<Cause>();
        /// What the allocator adds to a list, or to a shared slice.
        const LIST: usize = 16;
        /// A performer that no neighbour shares.
        const PERFORMER: usize = 40;
        /// Whatever a ticket has once, names above all.
        const ONCE: usize = 512;
        /// A fact of any kind, the largest: a quote's price.
        const FACT: usize = size_of::<QuotePrice>() + CAUSES + LIST;
        let ticket = &folded.ticket;
        // Counted as the ticket grows: to look at every entry would be as much work as a decision.
        let (works, segments) = (ticket.work.len(), ticket.standing_of_work());
        let facts = ticket.classifications.len()
            + ticket.informations.len()
            + ticket.approvals.len()
            + ticket.declines.len()
            + ticket.transitions.len()
            + ticket.quotes.len();
        let bytes = size_of::<Ticket>()
            + ONCE
            + works * (size_of::<Arc<Work>>() + size_of::<Work>() + PERFORMER + 2 * LIST)
            + segments * (size_of::<Posting>() + CAUSES + LIST)
            + facts * FACT;
        bytes as u64
    }
}

/// All published policies and the version of their stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policies {
    pub(crate) book: Arc<PolicyBook>,
    pub(crate) version: i64,
}

/// What a decision was made on, or what an answer is to show: versions where copies were looked at.
#[derive(Debug, Default)]
pub(crate) struct Seen<'a> {
    pub(crate) ticket: Option<(EventId, i64)>,
    pub(crate) customer: Option<&'a CustomerId>,
    pub(crate) contract: Option<i64>,
    pub(crate) prepaid: Option<i64>,
    pub(crate) policies: Option<i64>,
}

/// The states and the turns.
pub(crate) struct States {
    tickets: Cache<EventId, Folded, TicketBytes>,
    contracts: Cache<CustomerId, Arc<Contract>>,
    contract_changes: AtomicU64,
    prepaid: Cache<CustomerId, Arc<Prepaid>>,
    policies: RwLock<Policies>,
    ticket_turns: Box<[Mutex<()>]>,
    customer_turns: Box<[Mutex<()>]>,
}

impl States {
    pub(crate) fn new(policies: Policies) -> Self {
        let turns = || (0..TURNS).map(|_| Mutex::new(())).collect();
        Self {
            tickets: Cache::with_weighter(100_000, TICKETS_BYTES_MAX, TicketBytes),
            contracts: Cache::new(CONTRACTS_MAX),
            contract_changes: AtomicU64::new(0),
            prepaid: Cache::new(CONTRACTS_MAX),
            policies: RwLock::new(policies),
            ticket_turns: turns(),
            customer_turns: turns(),
        }
    }

    /// Waits for a ticket's turn.
    pub(crate) async fn ticket_turn(&self, id: EventId) -> MutexGuard<'_, ()> {
        self.ticket_turns[slot(&id)].lock().await
    }

    /// Waits for the turn of a customer's contract and prepaid time. Always taken
    /// after the ticket's.
    pub(crate) async fn customer_turn(&self, customer: &CustomerId) -> MutexGuard<'_, ()> {
        self.customer_turns[slot(customer)].lock().await
    }

    /// Puts a ticket in. The caller holds the ticket's turn.
    pub(crate) fn put_ticket(&self, folded: Folded) {
        self.tickets.insert(folded.ticket.id, folded);
    }

    /// Forgets a ticket that may have changed.
    pub(crate) fn forget_ticket(&self, id: EventId) {
        self.tickets.remove(&id);
    }

    /// A ticket as it is, for reading.
    pub(crate) async fn ticket(&self, log: &dyn beleg_store::EventLog, id: EventId) -> Result<Option<Folded>, Failure> {
        if let Some(folded) = self.tickets.get(&id) {
            return Ok(Some(folded));
        }
        fold::ticket(log, id, UpTo::Head).await
    }

    /// A ticket as it is now, also by what other processes recorded; with it its customer's contract and prepaid time
    /// and the policies are up to date.
    pub(crate) async fn ticket_now(
        &self,
        log: &dyn beleg_store::EventLog,
        id: EventId,
    ) -> Result<Option<Folded>, Failure> {
        let Some(folded) = self.ticket(log, id).await? else { return Ok(None) };
        let seen = Seen {
            ticket: Some((id, folded.ticket.version)),
            customer: Some(&folded.ticket.customer),
            ..Seen::default()
        };
        if self.freshen(log, &seen).await? {
            return self.ticket(log, id).await;
        }
        Ok(Some(folded))
    }

    /// Forgets what other processes have changed of a ticket, of a customer's contract and prepaid time, and of the
    /// policies, and says whether what was seen of them is outdated. One look at the log, and none where nobody else
    /// writes it.
    ///
    /// That nothing had to be forgotten says nothing: another call may have done it since the caller looked.
    pub(crate) async fn freshen(&self, log: &dyn beleg_store::EventLog, seen: &Seen<'_>) -> Result<bool, Failure> {
        if !log.is_shared() {
            return Ok(false);
        }
        let names = [
            seen.ticket.map_or(String::new(), |(id, _)| stream::ticket(id)),
            seen.customer.map_or(String::new(), stream::contract),
            seen.customer.map_or(String::new(), stream::prepaid),
            stream::POLICIES.to_owned(),
        ];
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        // A stream without a name does not exist; its version is 0.
        let versions = log.stream_versions(&names).await?;
        let &[ticket_version, contract_version, prepaid_version, policies_version] = &versions[..] else {
            return Err(Failure::broken("the log does not say where its streams are"));
        };
        let older = |seen: Option<i64>, version| seen.is_some_and(|seen| seen < version);
        let mut changed = older(seen.ticket.map(|(_, version)| version), ticket_version)
            || older(seen.contract, contract_version)
            || older(seen.prepaid, prepaid_version)
            || older(seen.policies, policies_version);
        // What a command of this process put in meanwhile may be newer than what was looked up.
        if let Some((id, _)) = seen.ticket
            && self.tickets.get(&id).is_some_and(|folded| folded.ticket.version < ticket_version)
        {
            self.forget_ticket(id);
            changed = true;
        }
        if let Some(customer) = seen.customer {
            if self.contracts.get(customer).is_some_and(|contract| contract.version() < contract_version) {
                self.forget_contract(customer);
                changed = true;
            }
            if self.prepaid.get(customer).is_some_and(|prepaid| prepaid.version < prepaid_version) {
                self.forget_prepaid(customer);
                changed = true;
            }
        }
        if self.policies().await.version < policies_version {
            self.reload_policies(log).await?;
            changed = true;
        }
        Ok(changed)
    }

    /// A customer's contract as it is.
    pub(crate) async fn contract(
        &self,
        log: &dyn beleg_store::EventLog,
        customer: &CustomerId,
    ) -> Result<Option<Arc<Contract>>, Failure> {
        if let Some(contract) = self.contracts.get(customer) {
            return Ok(Some(contract));
        }
        let before = self.contract_changes.load(Ordering::SeqCst);
        let Some(contract) = fold::contract(log, customer, UpTo::Head).await? else { return Ok(None) };
        let contract = Arc::new(contract);
        self.contracts.insert(customer.clone(), contract.clone());
        // Whoever changes a contract counts first and forgets then: one of both sees the other.
        if self.contract_changes.load(Ordering::SeqCst) != before {
            self.contracts.remove(customer);
        }
        Ok(Some(contract))
    }

    /// Forgets a contract that changed, and the prepaid time it grants.
    pub(crate) fn forget_contract(&self, customer: &CustomerId) {
        self.contract_changes.fetch_add(1, Ordering::SeqCst);
        self.contracts.remove(customer);
        self.prepaid.remove(customer);
    }

    /// Puts a customer's prepaid time in. The caller holds the customer's turn.
    pub(crate) fn put_prepaid(&self, customer: CustomerId, prepaid: Arc<Prepaid>) {
        self.prepaid.insert(customer, prepaid);
    }

    /// Forgets prepaid time that may have changed.
    pub(crate) fn forget_prepaid(&self, customer: &CustomerId) {
        self.prepaid.remove(customer);
    }

    /// A customer's prepaid time as it is, for reading.
    pub(crate) async fn prepaid(
        &self,
        log: &dyn beleg_store::EventLog,
        contract: &Contract,
    ) -> Result<Arc<Prepaid>, Failure> {
        if !contract.has_prepaid() {
            return Ok(Arc::default());
        }
        if let Some(prepaid) = self.prepaid.get(&contract.customer) {
            return Ok(prepaid);
        }
        Ok(Arc::new(fold::prepaid(log, &contract.customer, UpTo::Head).await?))
    }

    /// All published policies.
    pub(crate) async fn policies(&self) -> Policies {
        self.policies.read().await.clone()
    }

    /// Reads the policies anew after one was published.
    pub(crate) async fn reload_policies(&self, log: &dyn beleg_store::EventLog) -> Result<(), Failure> {
        let mut policies = self.policies.write().await;
        let (book, version) = fold::policies(log).await?;
        *policies = Policies { book: Arc::new(book), version };
        Ok(())
    }
}

fn slot(key: &impl std::hash::Hash) -> usize {
    use std::hash::{DefaultHasher, Hasher};
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    usize::try_from(hasher.finish() % TURNS as u64).unwrap_or(0)
}
