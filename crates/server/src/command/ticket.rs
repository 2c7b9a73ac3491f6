//! Commands to a ticket.

use std::sync::Arc;

use beleg_domain::event::Event;
use beleg_domain::ids::{EventId, stream};
use beleg_domain::prepaid::Prepaid;
use beleg_domain::refusal::Refusal;
use beleg_domain::ticket::Ticket;
use beleg_domain::ticket::command::{self as ticket_command, Command, Draft, NotDecided, Surroundings};
use beleg_store::Appended;

use super::{Accepted, Asked, Commands, new_id, stream_version};
use crate::failure::Failure;
use crate::request::Request;
use crate::state::{Folded, Opening, Seen};

impl Commands {
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
                let seen = Seen { ticket: Some((id, actual)), ..Seen::default() };
                if self.outdated(&seen, None, &mut attempts).await? {
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
                    let seen = Seen {
                        ticket: Some((id, version)),
                        customer: Some(&customer),
                        contract: Some(contract.version()),
                        prepaid: contract.has_prepaid().then_some(prepaid.version),
                        policies: Some(policies.version),
                    };
                    if self.outdated(&seen, Some(call.now), &mut attempts).await? {
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
            let prepaid_name: Option<Arc<str>> = contract.has_prepaid().then(|| stream::prepaid(&customer).into());
            if let Some(name) = &prepaid_name {
                expectations.push((name.clone(), prepaid.version));
            }
            let mut events = Vec::with_capacity(drafts.len());
            for (place, draft) in drafts.iter().enumerate() {
                let name = match &draft.event {
                    Event::PrepaidDrawn(_) => prepaid_name.as_ref(),
                    _ => Some(&name),
                };
                let name = name.ok_or_else(|| Failure::broken(format!("{customer} has no prepaid time to draw on")))?;
                let personal = if place == 0 { &request.personal[..] } else { &[] };
                events.push(self.new_event(name, draft, (place > 0).then_some(own), personal)?);
            }
            match self.append(&asked, call.now, expectations, events).await {
                Ok(receipt) => {
                    if contract.has_prepaid() && !receipt.repeated {
                        self.states.put_prepaid(customer, drawn(prepaid, &drafts));
                    }
                    self.fresh.appended(&receipt, drafts, request.call.origin.as_ref());
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

    pub(super) fn accepted(&self, receipt: Appended, name: &str, ticket: Arc<Ticket>, opening: Opening) -> Accepted {
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
}

pub(super) fn not_decided(error: NotDecided) -> Failure {
    match error {
        NotDecided::Refused(refusal) => refusal.into(),
        NotDecided::NotWhole(problem) => Failure::broken(problem),
        NotDecided::Broken(problem) => Failure::broken(problem),
    }
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

/// The log has no such ticket.
pub(crate) fn unknown_ticket(id: impl std::fmt::Display) -> Refusal {
    Refusal::unknown("ticket_id", "TICKET_UNKNOWN", format!("there is no ticket {id}"))
}
