//! Opening a ticket.

use std::sync::Arc;

use beleg_domain::event::ReferenceTaken;
use beleg_domain::ids::{EventId, stream};
use beleg_domain::refusal::Refusal;
use beleg_domain::ticket::command::{self as ticket_command, Decision, Draft};
use beleg_store::AppendError;

use super::ticket::not_decided;
use super::{Accepted, Asked, Commands, new_id};
use crate::failure::Failure;
use crate::request::Request;
use crate::state::{Opening, Seen};

impl Commands {
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
            let seen = Seen {
                customer: Some(&command.customer),
                contract: Some(contract.as_ref().map_or(0, |contract| contract.version())),
                policies: Some(policies.version),
                ..Seen::default()
            };
            let call = self.call(request, id);
            let decided = ticket_command::open(command.clone(), call, contract.as_deref(), &policies.book);
            let Decision { mut drafts, ticket } = match decided {
                Ok(decision) => decision,
                Err(_) if self.outdated(&seen, Some(call.now), &mut attempts).await? => continue,
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
                drafts.push(draft);
            }
            match self.append(&asked, call.now, expectations, events).await {
                Ok(receipt) => {
                    self.fresh.appended(&receipt, drafts, request.call.origin.as_ref());
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
}
