//! Whose commands they are: what must stay in order is a customer.
//!
//! Prepaid time and contract belong to a customer, and each of its tickets draws on
//! them. Most commands name a ticket only. Whose that is says the command that opens
//! it; about a ticket that the source does not open, the server is asked once.
//!
//! Taken for granted: that the opening is accepted. A source that opens a ticket which
//! is there already and another customer's says of it what is not so.

use crate::client::{Client, Patience};
use crate::command::{Command, Subject};
use beleg_server::pb;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tonic::{Code, Status};
use uuid::Uuid;

/// What a command must not overtake.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// Commands of one lane are sent one after the other.
    pub(super) lane: Arc<str>,
    /// Also what was read before it for other lanes.
    pub(super) behind_all: bool,
}

/// The customers of the tickets met so far, in 32 bytes a ticket.
#[derive(Default)]
pub(super) struct Customers {
    /// Each name once.
    names: HashSet<Arc<str>>,
    of_tickets: HashMap<Uuid, Arc<str>>,
}

impl Customers {
    /// Where a command belongs. Fails where the server, asked about a ticket, does not say.
    pub(super) async fn way_of(&mut self, command: &Command, client: &Client) -> Result<Way, Status> {
        match self.known(command) {
            Ok(way) => Ok(way),
            Err(ticket) => {
                let customer = customer_of(ticket, client).await?;
                Ok(self.told(ticket, customer))
            }
        }
    }

    /// The same as far as it was read, or the ticket to ask about.
    fn known(&mut self, command: &Command) -> Result<Way, Uuid> {
        if let Command::OpenTicket(open) = command {
            let lane = self.name(&open.customer_id);
            // The server will choose an id that is missing, so no later command can name it.
            let id = open.ticket_id.as_deref().and_then(|id| Uuid::try_parse(id).ok());
            let before = id.and_then(|id| self.of_tickets.insert(id, Arc::clone(&lane)));
            // What was said of the ticket before it was opened went another way.
            let behind_all = before.is_some_and(|before| before != lane);
            return Ok(Way { lane, behind_all });
        }
        let lane: Arc<str> = match command.subject() {
            Subject::Policy => Arc::from(""),
            Subject::Contract(customer) => Arc::from(customer),
            Subject::Ticket(id) => match Uuid::try_parse(&id) {
                Ok(id) => self.of_tickets.get(&id).cloned().ok_or(id)?,
                // It will be refused.
                Err(_) => Arc::from(id),
            },
        };
        Ok(Way { lane, behind_all: false })
    }

    /// What the server said of a ticket: its customer, or that there is no such ticket. Commands about that one will be
    /// refused, unless it is opened yet, and keep their order among themselves.
    fn told(&mut self, ticket: Uuid, customer: Option<String>) -> Way {
        let lane = self.name(&customer.unwrap_or_else(|| ticket.to_string()));
        self.of_tickets.insert(ticket, Arc::clone(&lane));
        Way { lane, behind_all: false }
    }

    fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return Arc::clone(known);
        }
        let new: Arc<str> = Arc::from(name);
        self.names.insert(Arc::clone(&new));
        new
    }
}

/// A ticket's customer, by its first event: the ticket itself may be as large as all its work.
async fn customer_of(ticket: Uuid, client: &Client) -> Result<Option<String>, Status> {
    let key = pb::TicketKey { key: Some(pb::ticket_key::Key::TicketId(ticket.to_string())) };
    let asked = pb::GetTicketHistoryRequest { ticket: Some(key), page_size: 1, ..Default::default() };
    let mut patience = Patience::new(false);
    loop {
        match client.tickets().get_ticket_history(asked.clone()).await {
            Ok(history) => {
                let events = history.into_inner().events;
                let opening = events.first().and_then(|event| serde_json::from_slice::<Value>(&event.payload).ok());
                let customer = opening.and_then(|opening| opening["customer_id"].as_str().map(str::to_owned));
                return customer.map(Some).ok_or_else(|| Status::data_loss("the answer holds no customer"));
            }
            Err(status) if matches!(status.code(), Code::NotFound | Code::InvalidArgument) => return Ok(None),
            Err(status) => patience.wait_after(status).await?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Customers, Way};
    use crate::command::Command;
    use beleg_server::pb;
    use uuid::Uuid;

    const ONE: &str = "3d0e6f0e-5a9c-4d5a-9a0a-6b1d1f7b1c01";
    const OTHER: &str = "3d0e6f0e-5a9c-4d5a-9a0a-6b1d1f7b1c02";

    fn open(ticket: Option<&str>, customer: &str) -> Command {
        Command::OpenTicket(pb::OpenTicketRequest {
            ticket_id: ticket.map(str::to_owned),
            customer_id: customer.to_owned(),
            ..Default::default()
        })
    }

    fn work(ticket: &str) -> Command {
        Command::LogWork(pb::LogWorkRequest { ticket_id: ticket.to_owned(), ..Default::default() })
    }

    fn id(ticket: &str) -> Uuid {
        Uuid::try_parse(ticket).expect("a UUID")
    }

    fn way(lane: &str) -> Way {
        Way { lane: lane.into(), behind_all: false }
    }

    #[test]
    fn tickets_of_one_customer_and_its_contract_share_a_lane() {
        let mut customers = Customers::default();
        let amended = pb::AmendContractRequest { customer_id: "acme".to_owned(), ..Default::default() };
        assert_eq!(customers.known(&Command::AmendContract(amended)), Ok(way("acme")));
        assert_eq!(customers.known(&open(Some(ONE), "acme")), Ok(way("acme")));
        assert_eq!(customers.known(&open(Some(OTHER), "acme")), Ok(way("acme")));
        assert_eq!(customers.known(&open(None, "birkholz")), Ok(way("birkholz")));
        for ticket in [ONE, OTHER, &ONE.to_uppercase()] {
            assert_eq!(customers.known(&work(ticket)), Ok(way("acme")), "{ticket}");
        }
    }

    #[test]
    fn a_ticket_that_the_file_did_not_open_is_asked_about_once() {
        let mut customers = Customers::default();
        assert_eq!(customers.known(&work(ONE)), Err(id(ONE)));
        assert_eq!(customers.told(id(ONE), Some("acme".to_owned())), way("acme"));
        assert_eq!(customers.known(&work(ONE)), Ok(way("acme")));
        assert_eq!(customers.known(&open(Some(ONE), "acme")), Ok(way("acme")), "it was there already");
    }

    #[test]
    fn what_comes_before_a_ticket_s_opening_is_not_overtaken_by_it() {
        let mut customers = Customers::default();
        assert_eq!(customers.known(&work(ONE)), Err(id(ONE)));
        assert_eq!(customers.told(id(ONE), None), way(ONE));
        assert_eq!(customers.known(&work(ONE)), Ok(way(ONE)), "nobody is asked again");
        let opened = customers.known(&open(Some(ONE), "acme"));
        assert_eq!(opened, Ok(Way { lane: "acme".into(), behind_all: true }));
        assert_eq!(customers.known(&work(ONE)), Ok(way("acme")));
    }

    #[test]
    fn an_id_that_is_none_is_not_asked_about() {
        assert_eq!(Customers::default().known(&work("seven")), Ok(way("seven")));
    }
}
