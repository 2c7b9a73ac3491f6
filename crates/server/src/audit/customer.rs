//! What commands read of a customer: contract and prepaid time as of any position.

use std::sync::Arc;

use beleg_domain::contract::Contract;
use beleg_domain::event::Event;
use beleg_domain::ids::{CustomerId, EventId, stream};
use beleg_domain::prepaid::Prepaid;
use beleg_domain::time::Timestamp;
use beleg_store::{EventLog, StoredEvent};
use quick_cache::unsync::Cache;
use uuid::Uuid;

use crate::failure::Failure;
use crate::fold::{self, UpTo};

/// Customers kept at hand; their tickets follow each other in any order.
const CUSTOMERS_KEPT: usize = 64;
/// Events between two states that are kept of prepaid time.
const STRIDE: usize = 256;

/// An event of one of a customer's streams.
pub(super) struct Recorded {
    position: i64,
    /// The event's id.
    pub(super) id: EventId,
    request_id: Uuid,
    recorded_at: Timestamp,
    /// What it says.
    pub(super) event: Event,
}

/// A customer's streams, read once for all of the customer's tickets.
pub(super) struct Customer {
    contract: Vec<Recorded>,
    prepaid: Vec<Recorded>,
    /// Prepaid time before every so many events.
    states: Vec<Prepaid>,
}

/// The customers whose tickets are being verified.
pub(super) struct Customers(Cache<CustomerId, Arc<Customer>>);

impl Customers {
    pub(super) fn new() -> Self {
        Self(Cache::new(CUSTOMERS_KEPT))
    }

    pub(super) async fn get(
        &mut self,
        log: &dyn EventLog,
        id: &CustomerId,
        head: i64,
    ) -> Result<Arc<Customer>, Failure> {
        if let Some(known) = self.0.get(id) {
            return Ok(Arc::clone(known));
        }
        let customer = Arc::new(Customer::read(log, id, head).await?);
        self.0.insert(id.clone(), Arc::clone(&customer));
        Ok(customer)
    }
}

impl Customer {
    async fn read(log: &dyn EventLog, id: &CustomerId, head: i64) -> Result<Self, Failure> {
        let contract = events(log, &stream::contract(id), head).await?;
        let prepaid = events(log, &stream::prepaid(id), head).await?;
        let mut states = Vec::with_capacity(prepaid.len() / STRIDE + 1);
        let mut state = Prepaid::default();
        for some in prepaid.chunks(STRIDE) {
            states.push(state.clone());
            some.iter().try_for_each(|recorded| take(&mut state, recorded))?;
        }
        states.push(state);
        Ok(Self { contract, prepaid, states })
    }

    /// Follows the contract from its beginning.
    pub(super) fn contract(&self) -> ContractUpTo<'_> {
        ContractUpTo { rest: &self.contract, contract: None }
    }

    /// Prepaid time as it stood at a position.
    pub(super) fn prepaid(&self, position: i64) -> Result<Prepaid, Failure> {
        let count = self.prepaid.partition_point(|recorded| recorded.position <= position);
        let mut prepaid = self.states[count / STRIDE].clone();
        let rest = &self.prepaid[count / STRIDE * STRIDE..count];
        rest.iter().try_for_each(|recorded| take(&mut prepaid, recorded))?;
        Ok(prepaid)
    }

    /// What a command drew: a command's draws stand behind its other events.
    pub(super) fn drawn(&self, request_id: Uuid, after: i64) -> impl Iterator<Item = &Recorded> {
        let first = self.prepaid.partition_point(|recorded| recorded.position <= after);
        self.prepaid[first..].iter().take_while(move |recorded| recorded.request_id == request_id)
    }
}

/// A contract, followed forwards.
pub(super) struct ContractUpTo<'a> {
    rest: &'a [Recorded],
    contract: Option<Contract>,
}

impl ContractUpTo<'_> {
    /// As it stood at a position, which must not be before an earlier one asked for.
    pub(super) fn at(&mut self, position: i64) -> Result<&Contract, Failure> {
        while let Some((next, rest)) = self.rest.split_first().filter(|(next, _)| next.position <= position) {
            self.rest = rest;
            match (&mut self.contract, &next.event) {
                (None, Event::ContractAgreed(agreed)) => {
                    let agreed = Contract::agreed(next.id, next.recorded_at, agreed.clone());
                    self.contract = Some(agreed.ok_or_else(|| Failure::broken("a contract in an unknown time zone"))?);
                }
                (Some(contract), Event::ContractAmended(amended)) => {
                    contract.amended(next.id, next.recorded_at, amended.clone());
                }
                (_, event) => return Err(Failure::broken(format!("{} in a contract", event.event_type()))),
            }
        }
        self.contract.as_ref().ok_or_else(|| Failure::broken("a ticket without a contract"))
    }
}

async fn events(log: &dyn EventLog, name: &str, head: i64) -> Result<Vec<Recorded>, Failure> {
    let mut events = Vec::new();
    fold::walk(log, name, UpTo::Position(head), |stored: StoredEvent| {
        events.push(Recorded {
            position: stored.position,
            id: EventId(stored.event_id),
            request_id: stored.request_id,
            recorded_at: fold::instant(stored.recorded_at_us),
            event: fold::read(&stored)?,
        });
        Ok(())
    })
    .await?;
    Ok(events)
}

fn take(prepaid: &mut Prepaid, recorded: &Recorded) -> Result<(), Failure> {
    match &recorded.event {
        Event::PrepaidGranted(granted) => prepaid.granted(recorded.id, granted),
        Event::PrepaidDrawn(drawn) => prepaid.drawn(&drawn.draws),
        event => return Err(Failure::broken(format!("{} in prepaid time", event.event_type()))),
    }
    Ok(())
}
