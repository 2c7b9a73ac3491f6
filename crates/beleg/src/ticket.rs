//! `beleg ticket`: one ticket as it is, its history, its cost, a preview.

use crate::args::{self, OfTicket};
use crate::client::Client;
use crate::data_word;
use crate::failure::{Failure, Outcome};
use crate::said::Said;
use crate::screen::{Ink, Screen, account_cell, right};
use crate::session::Session;
use crate::word::Word;
use crate::{instant, json, preview, shown, summary, ticket_list};
use beleg_server::pb;
use beleg_server::pb::{as_of::Point, ticket_key::Key};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// How many events a page of history asks for.
pub(crate) const PAGE: i32 = 500;

/// Answers one question about a ticket.
pub(crate) async fn run(session: &Session, wanted: args::Ticket) -> Result<Outcome, Failure> {
    match wanted {
        args::Ticket::List { customer, status, limit } => {
            ticket_list::run(session, customer, status, usize::try_from(limit).unwrap_or(usize::MAX)).await?;
        }
        args::Ticket::Show { of, about } => {
            let request = pb::GetTicketRequest {
                ticket: Some(key(&of.ticket)?),
                as_of: as_of(of.as_of_position, of.as_of),
                about: about.map(instant::stamp),
                ..Default::default()
            };
            show(session, request).await?;
        }
        args::Ticket::History { of } => history(session, &of).await?,
        args::Ticket::Cost { of, at } => {
            let request = pb::GetCostStatusRequest {
                ticket: Some(key(&of.ticket)?),
                as_of: as_of(of.as_of_position, of.as_of),
                at: at.map(instant::stamp),
                ..Default::default()
            };
            cost(session, request).await?;
        }
        args::Ticket::Preview { ticket, activity, by, from, to, duration_minutes } => {
            let activity = match activity {
                args::Activity::Diagnosis => pb::Activity::Diagnosis,
                args::Activity::Execution => pb::Activity::Execution,
            };
            let request = pb::PreviewWorkRequest {
                ticket: Some(key(&ticket)?),
                activity: activity.into(),
                performer_id: by,
                from: Some(instant::stamp(from)),
                to: Some(instant::stamp(to)),
                duration_seconds: duration_minutes.map(|minutes| preview::seconds(minutes, to - from)).transpose()?,
            };
            preview::run(session, request).await?;
        }
    }
    Ok(Outcome::Good)
}

/// A ticket by its id or, with a slash in it, by its caller's reference.
pub(crate) fn key(text: &str) -> Result<pb::TicketKey, Failure> {
    let key = match text.split_once('/') {
        Some((system, number)) if !system.is_empty() && !number.is_empty() => {
            Key::Reference(pb::Reference { system: system.to_owned(), number: number.to_owned() })
        }
        _ => match Uuid::parse_str(text) {
            Ok(id) if id.is_nil() => {
                return Err(Failure::Usage(Said::new(
                    format!("{text:?} ist die Null-UUID, und die bezeichnet nichts"),
                    format!("{text:?} is the nil UUID, which names nothing"),
                )));
            }
            Ok(id) => Key::TicketId(id.to_string()),
            Err(_) => return Err(Failure::NoTicketName { text: text.to_owned() }),
        },
    };
    Ok(pb::TicketKey { key: Some(key) })
}

/// A state of knowledge, by position or by time.
pub(crate) fn as_of(position: Option<i64>, at: Option<DateTime<Utc>>) -> Option<pb::AsOf> {
    let position = position.map(Point::Position);
    let point = position.or_else(|| at.map(|at| Point::RecordedAt(instant::stamp(at))));
    point.map(|point| pb::AsOf { point: Some(point) })
}

/// A ticket with all its work, part after part.
pub(crate) async fn whole(
    client: &Client,
    mut request: pb::GetTicketRequest,
) -> Result<pb::GetTicketResponse, tonic::Status> {
    let mut tickets = client.tickets();
    let mut answer = tickets.get_ticket(request.clone()).await?.into_inner();
    while !answer.next_work_page_token.is_empty() {
        request.work_page_token = std::mem::take(&mut answer.next_work_page_token);
        let part = tickets.get_ticket(request.clone()).await?.into_inner();
        answer.next_work_page_token = part.next_work_page_token;
        if let (Some(ticket), Some(part)) = (&mut answer.ticket, part.ticket) {
            ticket.work.extend(part.work);
        }
    }
    Ok(answer)
}

async fn show(session: &Session, request: pb::GetTicketRequest) -> Result<(), Failure> {
    let answer = whole(&session.connect().await?, request).await?;
    let screen = &session.screen;
    if screen.is_json() {
        return screen.json(&json::of_message("GetTicketResponse", &answer).map_err(Failure::Answer)?);
    }
    let ticket = answer.ticket.ok_or_else(|| Failure::Answer("ticket".to_owned()))?;
    head(screen, &ticket)?;
    informations(screen, &ticket)?;
    approvals(screen, &ticket)?;
    work(screen, &ticket)
}

fn head(screen: &Screen, ticket: &pb::Ticket) -> Result<(), Failure> {
    let lang = screen.lang;
    let mut facts = vec![
        (Word::Ticket.in_(lang), ticket.ticket_id.clone()),
        (Word::Reference.in_(lang), shown::reference(ticket.reference.as_ref())),
        (Word::Customer.in_(lang), ticket.customer_id.clone()),
        (Word::Impact.in_(lang), data_word::in_(shown::impact(ticket.impact()), lang)),
        (Word::Status.in_(lang), data_word::in_(shown::status(ticket.status()), lang)),
        (Word::Opened.in_(lang), shown::time(ticket.opened_at.as_ref())),
        (Word::Diagnosis.in_(lang), shown::time(ticket.diagnosis_started_at.as_ref())),
        (Word::Resolved.in_(lang), shown::time(ticket.resolved_at.as_ref())),
        (Word::Closed.in_(lang), shown::time(ticket.closed_at.as_ref())),
    ];
    if let Some(findings) = &ticket.findings {
        facts.push((Word::Findings.in_(lang), shown::findings(findings, lang)));
    }
    if let Some(class) = &ticket.classification {
        let text = format!("{} ({})", data_word::in_(shown::class(class.class()), lang), class.rule);
        facts.push((Word::Class.in_(lang), text));
    }
    facts.push((Word::Charged.in_(lang), shown::money_or_dash(ticket.charged.as_ref(), lang)));
    if let Some(origin) = &ticket.origin {
        facts.push((Word::Origin.in_(lang), origin.clone()));
    }
    let version = format!("{} ({} {})", ticket.version, Word::Position.in_(lang), ticket.position);
    facts.push((Word::Version.in_(lang), version));
    let mut personal = Vec::new();
    for field in &ticket.personal {
        let text = field.text.clone().unwrap_or_else(|| lang.pick("gelöscht", "erased").to_owned());
        personal.push((data_word::in_(field.name.clone(), lang), text));
    }
    facts.extend(personal.iter().map(|(name, text)| (name.as_str(), text.clone())));
    screen.facts(&facts)
}

fn informations(screen: &Screen, ticket: &pb::Ticket) -> Result<(), Failure> {
    if ticket.informations.is_empty() {
        return Ok(());
    }
    let lang = screen.lang;
    screen.line(format_args!("\n{}", screen.ink(Ink::Bold, Word::Informations.in_(lang))))?;
    let headings = [Word::Id, Word::Occurred, Word::Offer, Word::Condition];
    let mut table = screen.table(headings.map(|word| word.in_(lang)));
    for one in &ticket.informations {
        let offer = one.offer.as_ref().map_or_else(|| "–".to_owned(), |offer| shown::offer(offer, lang));
        let state = if one.declined { lang.pick("abgelehnt", "declined") } else { "" };
        let occurred = shown::time(one.occurred_at.as_ref());
        table.add_row([one.information_id.clone(), occurred, offer, state.to_owned()]);
    }
    screen.show(&table)
}

fn approvals(screen: &Screen, ticket: &pb::Ticket) -> Result<(), Failure> {
    if ticket.approvals.is_empty() {
        return Ok(());
    }
    let lang = screen.lang;
    screen.line(format_args!("\n{}", screen.ink(Ink::Bold, Word::Approvals.in_(lang))))?;
    let headings = [Word::Id, Word::What, Word::LimitLeft, Word::Given, Word::ValidUntil, Word::Ended];
    let mut headings = headings.map(|word| word.in_(lang));
    headings[2] = lang.pick("Rahmen", "limit");
    let mut table = screen.table(headings);
    for one in &ticket.approvals {
        table.add_row([
            one.approval_id.clone(),
            data_word::in_(shown::basis(one.basis()), lang),
            shown::limit(one.limit.as_ref(), lang),
            shown::time(one.given_at.as_ref()),
            shown::time(one.valid_until.as_ref()),
            shown::time(one.ended_at.as_ref()),
        ]);
    }
    screen.show(&table)
}

fn work(screen: &Screen, ticket: &pb::Ticket) -> Result<(), Failure> {
    let lang = screen.lang;
    for one in &ticket.work {
        let voided = if one.voided { lang.pick("  ungültig", "  void") } else { "" };
        let head = format!(
            "{} {}  {}  {}  {} – {}  {}{voided}",
            Word::Work.in_(lang),
            one.work_id,
            data_word::in_(shown::activity(one.activity()), lang),
            one.performer_id,
            shown::time(one.from.as_ref()),
            shown::time(one.to.as_ref()),
            shown::duration(one.duration_seconds),
        );
        screen.line(format_args!("\n{}", screen.ink(Ink::Bold, head)))?;
        if !one.segments.is_empty() {
            segments(screen, &one.segments)?;
        }
    }
    for quote in &ticket.quotes {
        let price = shown::money_or_dash(quote.amount.as_ref(), lang);
        let at = shown::time(quote.occurred_at.as_ref());
        screen.line(format_args!("\n{price}  {}  {at}", quote.rule))?;
    }
    Ok(())
}

/// A table of segments.
pub(crate) fn segments(screen: &Screen, segments: &[pb::Segment]) -> Result<(), Failure> {
    let lang = screen.lang;
    let headings = [Word::Window, Word::Account, Word::Rule, Word::Worked, Word::Billed, Word::Amount, Word::Causes];
    let mut table = screen.table(headings.map(|word| word.in_(lang)));
    for one in segments {
        table.add_row([
            shown::window(one.from.as_ref(), one.to.as_ref()).into(),
            account_cell(&shown::account(one.account()), lang),
            one.rule.as_str().into(),
            right(shown::duration(one.worked_seconds)),
            right(shown::duration(one.billed_seconds)),
            right(shown::money_or_dash(one.amount.as_ref(), lang)),
            shown::causes(&one.causes, lang).into(),
        ]);
    }
    screen.show(&table)
}

async fn history(session: &Session, of: &OfTicket) -> Result<(), Failure> {
    let client = session.connect().await?;
    let mut tickets = client.tickets();
    let mut request = pb::GetTicketHistoryRequest {
        ticket: Some(key(&of.ticket)?),
        page_size: PAGE,
        as_of: as_of(of.as_of_position, of.as_of),
        ..Default::default()
    };
    let mut whole = pb::GetTicketHistoryResponse::default();
    loop {
        let page = tickets.get_ticket_history(request.clone()).await?.into_inner();
        whole.events.extend(page.events);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let screen = &session.screen;
    if screen.is_json() {
        let value = json::of_message("GetTicketHistoryResponse", &whole);
        return screen.json(&value.map_err(Failure::Answer)?);
    }
    let currency = currency_of(&client, &whole.events).await?;
    let headings = [
        Word::Position,
        Word::Version,
        Word::Event,
        Word::Occurred,
        Word::Recorded,
        Word::Actor,
        Word::Origin,
        Word::Summary,
    ];
    let mut table = screen.table(headings.map(|word| word.in_(session.lang)));
    // Most tickets were not imported.
    let imported = whole.events.iter().any(|event| event.origin.is_some());
    if let Some(column) = table.column_mut(6).filter(|_| !imported) {
        column.set_constraint(comfy_table::ColumnConstraint::Hidden);
    }
    for event in &whole.events {
        table.add_row([
            right(event.position),
            right(event.version),
            event.r#type.as_str().into(),
            shown::time(event.occurred_at.as_ref()).into(),
            shown::time(event.recorded_at.as_ref()).into(),
            event.actor.as_str().into(),
            event.origin.as_deref().unwrap_or_default().into(),
            summary::of(event, &currency, session.lang).into(),
        ]);
    }
    screen.show(&table)
}

/// The currency of money in a ticket's history: its customer's contract has it. Empty where nothing asks for it.
async fn currency_of(client: &Client, events: &[pb::Event]) -> Result<String, Failure> {
    let asked = events.iter().any(summary::leaves_the_currency_open);
    let Some(customer_id) = events.first().and_then(summary::customer).filter(|_| asked) else {
        return Ok(String::new());
    };
    let contract = client.contracts().get_contract(pb::GetContractRequest { customer_id }).await?.into_inner().contract;
    Ok(contract.map(|contract| contract.currency_code).unwrap_or_default())
}

async fn cost(session: &Session, request: pb::GetCostStatusRequest) -> Result<(), Failure> {
    let answer = session.connect().await?.tickets().get_cost_status(request).await?.into_inner();
    let screen = &session.screen;
    if screen.is_json() {
        let value = json::of_message("GetCostStatusResponse", &answer);
        return screen.json(&value.map_err(Failure::Answer)?);
    }
    let lang = session.lang;
    let headings = [Word::Activity, Word::Account, Word::Rule, Word::Text, Word::Changes];
    let mut table = screen.table(headings.map(|word| word.in_(lang)));
    for one in &answer.activities {
        let rule = one.rule.clone().unwrap_or_default();
        let text = shown::policy_text(rule.text.as_ref(), lang);
        table.add_row([
            data_word::in_(shown::activity(one.activity()), lang).into(),
            account_cell(&shown::account(one.account()), lang),
            rule.id.into(),
            text.into(),
            one.changes.iter().map(|change| data_word::in_(change.clone(), lang)).collect::<Vec<_>>().join(", ").into(),
        ]);
    }
    screen.show(&table)?;
    let mut facts = vec![
        (Word::AllowanceUsed.in_(lang), shown::duration(answer.allowance_used_seconds)),
        (Word::AllowanceLeft.in_(lang), shown::duration(answer.allowance_left_seconds)),
    ];
    if let Some(seconds) = answer.limit_left_seconds {
        facts.push((Word::LimitLeft.in_(lang), shown::duration(seconds)));
    }
    if let Some(minor) = answer.limit_left_minor {
        let currency = answer.cost_so_far.as_ref().map_or("", |cost| cost.currency_code.as_str());
        facts.push((Word::LimitLeft.in_(lang), shown::amount_minor(minor, currency, lang)));
    }
    facts.extend([
        (Word::PrepaidLeft.in_(lang), shown::duration(answer.prepaid_left_seconds)),
        (Word::CostSoFar.in_(lang), shown::money_or_dash(answer.cost_so_far.as_ref(), lang)),
        (Word::Status.in_(lang), data_word::in_(shown::status(answer.status()), lang)),
        (Word::Class.in_(lang), data_word::in_(shown::class(answer.class()), lang)),
        (Word::Turn.in_(lang), data_word::in_(shown::turn(answer.turn()), lang)),
    ]);
    screen.facts(&facts)
}

#[cfg(test)]
mod tests {
    use super::key;
    use crate::lang::Lang;
    use beleg_server::pb::ticket_key::Key;

    #[test]
    fn a_ticket_is_named_by_uuid_or_reference() {
        let by_reference = key("servicenow/INC0000045").expect("a reference").key;
        assert!(matches!(by_reference, Some(Key::Reference(r)) if r.number == "INC0000045"));
        let by_id = key("01890a5d-ac96-774b-bcce-b302099a8057").expect("a UUID").key;
        assert!(matches!(by_id, Some(Key::TicketId(_))));
        for wrong in ["", "INC0000045", "/1", "a/"] {
            assert!(key(wrong).is_err());
        }
        let nil = key("00000000-0000-0000-0000-000000000000").expect_err("nobody's id");
        assert!(nil.told_in(Lang::En).contains("is the nil UUID, which names nothing"));
        assert!(nil.told_in(Lang::De).contains("ist die Null-UUID, und die bezeichnet nichts"));
    }
}
