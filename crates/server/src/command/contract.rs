//! Agreeing and amending contracts.

use std::sync::Arc;

use beleg_domain::contract::{self, Agree, Amend};
use beleg_domain::event::Event;
use beleg_domain::ids::{CustomerId, EventId, stream};
use beleg_domain::refusal::Refusal;
use beleg_domain::ticket::command::Draft;

use super::{Accepted, Asked, Commands, new_id, not_in_the_future, stream_version};
use crate::failure::Failure;
use crate::request::Request;
use crate::state::Seen;

/// Decides about a contract, if there is one: whether a policy exists, the event's id, and then what follows.
type DecideContract<'a> = dyn Fn(Option<&contract::Contract>, &dyn Fn(&str) -> bool, EventId) -> Result<Vec<Event>, Refusal>
    + Send
    + Sync
    + 'a;

impl Commands {
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
            let mut seen = Seen { customer: Some(&customer), contract: Some(version), ..Seen::default() };
            if let Some(expected) = request.expected_version.filter(|expected| *expected != version) {
                if self.outdated(&seen, None, &mut attempts).await? {
                    continue;
                }
                return Err(Failure::WrongVersion { stream: name.to_string(), expected, actual: version });
            }
            let policies = self.states.policies().await;
            seen.policies = Some(policies.version);
            let call = self.call(request, own);
            let at = request.occurred_at.unwrap_or(call.now);
            let exists = |policy: &str| policies.book.latest(policy).is_some();
            let decided = not_in_the_future(at, call.now).and_then(|()| decide(contract.as_deref(), &exists, own));
            let own_events = match decided {
                Ok(events) => events,
                Err(_) if self.outdated(&seen, Some(call.now), &mut attempts).await? => continue,
                Err(refusal) => return Err(refusal.into()),
            };
            let mut expectations = vec![(name.clone(), version)];
            let mut events = Vec::with_capacity(own_events.len());
            let mut drafts = Vec::with_capacity(own_events.len());
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
                drafts.push(draft);
            }
            let appended = self.append(&asked, call.now, expectations, events).await;
            self.states.forget_contract(&customer);
            match appended {
                Ok(receipt) => {
                    self.fresh.appended(&receipt, drafts, request.call.origin.as_ref());
                    let stream_version = stream_version(&receipt);
                    return Ok(Accepted { receipt, stream_version, ticket: None });
                }
                Err(error) => self.again(error, &mut attempts, request.expected_version, &customer).await?,
            }
        }
    }
}

/// The log has no such contract.
pub(crate) fn unknown_contract(customer: &CustomerId) -> Refusal {
    Refusal::unknown("customer_id", "CONTRACT_UNKNOWN", format!("customer {customer} has no contract: agree one"))
}
