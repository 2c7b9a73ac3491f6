//! `beleg ticket list`: tickets by customer and status.

use crate::args::Status;
use crate::failure::{Failure, Outcome};
use crate::screen::Ink;
use crate::sentence::Sentence;
use crate::session::Session;
use crate::word::Word;
use crate::{data_word, json, shown};
use beleg_server::pb;

/// The most tickets the server gives on one page.
const PAGE_MAX: usize = 1_000;

/// Lists at most `limit` tickets.
pub(crate) async fn run(
    session: &Session,
    customer: Option<String>,
    status: Option<Status>,
    limit: usize,
) -> Result<Outcome, Failure> {
    let status = status.map_or(pb::TicketStatus::Unspecified, |status| match status {
        Status::Open => pb::TicketStatus::Open,
        Status::Resolved => pb::TicketStatus::Resolved,
        Status::Closed => pb::TicketStatus::Closed,
    });
    let mut request = pb::ListTicketsRequest { customer_id: customer, status: status.into(), ..Default::default() };
    let client = session.connect().await?;
    request.min_position = client.position_to_show().await?;
    let mut tickets = client.tickets();
    let mut whole = pb::ListTicketsResponse::default();
    loop {
        let wanted = (limit - whole.tickets.len()).min(PAGE_MAX);
        request.page_size = i32::try_from(wanted).unwrap_or(i32::MAX);
        let page = tickets.list_tickets(request.clone()).await?.into_inner();
        whole.tickets.extend(page.tickets);
        whole.position = page.position;
        whole.next_page_token.clone_from(&page.next_page_token);
        if page.next_page_token.is_empty() || whole.tickets.len() >= limit {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let (screen, lang) = (&session.screen, session.lang);
    if screen.is_json() {
        screen.json(&json::of_message("ListTicketsResponse", &whole).map_err(Failure::Answer)?)?;
        return Ok(Outcome::Good);
    }
    let headings = [
        Word::Ticket,
        Word::Reference,
        Word::Customer,
        Word::Impact,
        Word::Status,
        Word::Class,
        Word::Opened,
        Word::Origin,
    ];
    let mut table = screen.table(headings.map(|word| word.in_(lang)));
    // Where nothing was imported there is nothing to say.
    let imported = whole.tickets.iter().any(|one| one.origin.is_some());
    if let Some(column) = table.column_mut(7).filter(|_| !imported) {
        column.set_constraint(comfy_table::ColumnConstraint::Hidden);
    }
    for one in &whole.tickets {
        table.add_row([
            one.ticket_id.clone(),
            shown::reference(one.reference.as_ref()),
            one.customer_id.clone(),
            data_word::in_(shown::impact(one.impact()), lang),
            data_word::in_(shown::status(one.status()), lang),
            data_word::in_(shown::class(one.class()), lang),
            shown::time(one.opened_at.as_ref()),
            one.origin.clone().unwrap_or_default(),
        ]);
    }
    screen.show(&table)?;
    let more = !whole.next_page_token.is_empty();
    let said = Sentence::TicketsShown { shown: whole.tickets.len(), more, position: whole.position };
    screen.line(screen.ink(Ink::Faint, said.in_(lang)))?;
    Ok(Outcome::Good)
}
