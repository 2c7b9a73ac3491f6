//! `beleg ledger`: entries, one entry's reasons, net sums.

use crate::args::{self, By};
use crate::client::Client;
use crate::data_word;
use crate::failure::{Failure, Outcome};
use crate::screen::{Ink, account_cell, right};
use crate::sentence::Sentence;
use crate::session::Session;
use crate::word::Word;
use crate::{json, shown, ticket};
use beleg_server::pb;
use beleg_server::pb::ticket_key::Key;

/// The most entries the server gives on one page.
const PAGE_MAX: usize = 1_000;

/// Answers one question about the ledger.
pub(crate) async fn run(session: &Session, wanted: args::Ledger) -> Result<Outcome, Failure> {
    let client = session.connect().await?;
    match wanted {
        args::Ledger::List { customer, ticket, work, account, rule, standing, as_of_position, as_of, limit } => {
            let request = pb::ListEntriesRequest {
                customer_id: customer,
                ticket_id: ticket_id(&client, ticket).await?,
                work_id: work,
                account: account.map_or(pb::Account::Unspecified, account_of).into(),
                rule,
                standing_only: standing,
                as_of: ticket::as_of(as_of_position, as_of),
                min_position: client.position_to_show().await?,
                ..Default::default()
            };
            list(session, &client, request, usize::try_from(limit).unwrap_or(PAGE_MAX)).await?;
        }
        args::Ledger::Explain { number } => explain(session, &client, number).await?,
        args::Ledger::Balances { by, customer, ticket } => {
            let request = pb::GetBalancesRequest {
                group_by: by.iter().map(|key| i32::from(key_of(*key))).collect(),
                customer_id: customer,
                ticket_id: ticket_id(&client, ticket).await?,
                min_position: client.position_to_show().await?,
                ..Default::default()
            };
            balances(session, &client, request, &by).await?;
        }
    }
    Ok(Outcome::Good)
}

fn account_of(account: args::Account) -> pb::Account {
    match account {
        args::Account::Free => pb::Account::Free,
        args::Account::Billable => pb::Account::Billable,
        args::Account::Covered => pb::Account::Covered,
        args::Account::Withheld => pb::Account::Withheld,
    }
}

fn key_of(by: By) -> pb::BalanceKey {
    match by {
        By::Customer => pb::BalanceKey::Customer,
        By::Ticket => pb::BalanceKey::Ticket,
        By::Account => pb::BalanceKey::Account,
        By::Rule => pb::BalanceKey::Rule,
    }
}

/// The ledger knows tickets by id only, so a reference is looked up first.
async fn ticket_id(client: &Client, named: Option<String>) -> Result<Option<String>, Failure> {
    let Some(text) = named else { return Ok(None) };
    let key = ticket::key(&text)?;
    if let Some(Key::TicketId(id)) = key.key {
        return Ok(Some(id));
    }
    let request = pb::GetTicketRequest { ticket: Some(key), ..Default::default() };
    let found = client.tickets().get_ticket(request).await?.into_inner().ticket;
    found.map(|ticket| Some(ticket.ticket_id)).ok_or_else(|| Failure::Answer("ticket".to_owned()))
}

/// All entries a request asks for, page after page, at most `limit`; the
/// answer's token says whether there are more.
pub(crate) async fn entries(
    client: &Client,
    mut request: pb::ListEntriesRequest,
    limit: usize,
) -> Result<pb::ListEntriesResponse, Failure> {
    let mut whole = pb::ListEntriesResponse::default();
    loop {
        let wanted = (limit - whole.entries.len()).min(PAGE_MAX);
        request.page_size = i32::try_from(wanted).unwrap_or(i32::MAX);
        let page = client.ledger().list_entries(request.clone()).await?.into_inner();
        whole.entries.extend(page.entries);
        whole.position = page.position;
        whole.next_page_token.clone_from(&page.next_page_token);
        if page.next_page_token.is_empty() || whole.entries.len() >= limit {
            return Ok(whole);
        }
        request.page_token = page.next_page_token;
    }
}

async fn list(
    session: &Session,
    client: &Client,
    request: pb::ListEntriesRequest,
    limit: usize,
) -> Result<(), Failure> {
    let whole = entries(client, request, limit).await?;
    let screen = &session.screen;
    if screen.is_json() {
        let value = json::of_message("ListEntriesResponse", &whole);
        return screen.json(&value.map_err(Failure::Answer)?);
    }
    let headings = [
        Word::Number,
        Word::Ticket,
        Word::Service,
        Word::Account,
        Word::Rule,
        Word::Worked,
        Word::Billed,
        Word::Amount,
        Word::Reversal,
        Word::Origin,
    ];
    let mut table = screen.table(headings.map(|word| word.in_(session.lang)));
    // Where nothing was reversed, or imported, there is nothing to say.
    let reversed = whole.entries.iter().any(|entry| !reversal(entry).is_empty());
    let imported = whole.entries.iter().any(|entry| entry.origin.is_some());
    for (place, said) in [(8, reversed), (9, imported)] {
        if let Some(column) = table.column_mut(place).filter(|_| !said) {
            column.set_constraint(comfy_table::ColumnConstraint::Hidden);
        }
    }
    for entry in &whole.entries {
        table.add_row([
            right(entry.number),
            // Whole: tickets of one minute differ in their last letters only, and a part of an id finds none.
            entry.ticket_id.as_str().into(),
            shown::time(entry.service_from.as_ref()).into(),
            account_cell(&shown::account(entry.account()), session.lang),
            entry.rule.as_str().into(),
            right(shown::duration(entry.worked_seconds)),
            right(shown::duration(entry.billed_seconds)),
            right(shown::money_or_dash(entry.amount.as_ref(), session.lang)),
            reversal(entry).into(),
            entry.origin.as_deref().unwrap_or_default().into(),
        ]);
    }
    screen.show(&table)?;
    let more = !whole.next_page_token.is_empty();
    let said = Sentence::EntriesShown { shown: whole.entries.len(), more, position: whole.position };
    screen.line(screen.ink(Ink::Faint, said.in_(session.lang)))
}

/// `↩ 4` reverses entry 4, `↪ 9` was reversed by entry 9.
pub(crate) fn reversal(entry: &pb::Entry) -> String {
    match (entry.reverses, entry.reversed_by) {
        (Some(number), _) => format!("↩ {number}"),
        (None, Some(number)) => format!("↪ {number}"),
        (None, None) => String::new(),
    }
}

async fn explain(session: &Session, client: &Client, number: i64) -> Result<(), Failure> {
    let request = pb::ExplainEntryRequest { number, min_position: client.position_to_show().await? };
    let answer = client.ledger().explain_entry(request).await?.into_inner();
    let screen = &session.screen;
    if screen.is_json() {
        let value = json::of_message("ExplainEntryResponse", &answer);
        return screen.json(&value.map_err(Failure::Answer)?);
    }
    let lang = session.lang;
    let entry = answer.entry.ok_or_else(|| Failure::Answer("entry".to_owned()))?;
    let rule = answer.rule.unwrap_or_default();
    let clause = answer.clause.unwrap_or_default();
    let rule_text = shown::policy_text(rule.text.as_ref(), lang);
    let clause_text = shown::policy_text(clause.text.as_ref(), lang);
    let currency = entry.amount.as_ref().map_or("", |amount| amount.currency_code.as_str());
    let rate = entry
        .hourly_rate_minor
        .map_or_else(|| "–".to_owned(), |minor| shown::amount_minor(minor, currency, session.lang));
    let service = format!("{} – {}", shown::time(entry.service_from.as_ref()), shown::time(entry.service_to.as_ref()));
    let policy = format!("{} v{}  {}", entry.policy_name, entry.policy_version, entry.policy_hash);
    let posted = format!("{} (#{})", shown::time(entry.posted_at.as_ref()), entry.position);
    let mut facts = vec![
        (Word::Entry.in_(lang), entry.number.to_string()),
        (Word::Ticket.in_(lang), entry.ticket_id.clone()),
        (Word::Customer.in_(lang), entry.customer_id.clone()),
        (Word::Work.in_(lang), format!("{} {}", entry.work_id, entry.performer_id).trim().to_owned()),
        (Word::Service.in_(lang), service),
        (Word::Worked.in_(lang), shown::duration(entry.worked_seconds)),
        (Word::Billed.in_(lang), shown::duration(entry.billed_seconds)),
        (Word::Rate.in_(lang), rate),
        (Word::Amount.in_(lang), shown::money_or_dash(entry.amount.as_ref(), session.lang)),
        (Word::Account.in_(lang), data_word::in_(shown::account(entry.account()), lang)),
        (Word::Rule.in_(lang), format!("{}\n{rule_text}", entry.rule)),
        (Word::Clause.in_(lang), format!("{}\n{clause_text}", entry.clause)),
        (Word::Heading.in_(lang), clause.heading),
        (Word::Policy.in_(lang), policy),
        (Word::Posted.in_(lang), posted),
    ];
    if entry.reverses.is_some() || entry.reversed_by.is_some() {
        facts.push((Word::Reversal.in_(lang), reversal(&entry)));
    }
    if let Some(origin) = &entry.origin {
        facts.push((Word::Origin.in_(lang), origin.clone()));
    }
    indent_following_lines(&mut facts);
    screen.facts(&facts)?;
    screen.line(format_args!("\n{}", screen.ink(Ink::Bold, Word::Causes.in_(lang))))?;
    for explained in answer.causes {
        let cause = explained.cause.unwrap_or_default();
        screen.line(format_args!(
            "  {} #{}  {}  {} {}  {} {}",
            screen.ink(Ink::Bold, data_word::in_(cause.role.clone(), lang)),
            cause.position,
            explained.r#type,
            Word::Occurred.in_(lang),
            shown::time(explained.occurred_at.as_ref()),
            Word::Recorded.in_(lang),
            shown::time(explained.recorded_at.as_ref()),
        ))?;
        screen.line(screen.ink(Ink::Faint, format_args!("      {}", explained.actor)))?;
        // A policy's facts are the whole policy: what it says here is spelled out above.
        let facts = match explained.payload_json.as_str() {
            "" => Sentence::WholePolicy.in_(lang),
            facts => facts.to_owned(),
        };
        screen.line(screen.ink(Ink::Faint, format_args!("      {facts}")))?;
    }
    Ok(())
}

/// A text under its id starts where the id does.
fn indent_following_lines(facts: &mut [(&str, String)]) {
    let width = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let pad = format!("\n{}", " ".repeat(width + 2));
    for (_, value) in facts {
        *value = value.replace('\n', &pad);
    }
}

async fn balances(
    session: &Session,
    client: &Client,
    mut request: pb::GetBalancesRequest,
    by: &[By],
) -> Result<(), Failure> {
    request.page_size = 1_000;
    let mut whole = pb::GetBalancesResponse::default();
    loop {
        let page = client.ledger().get_balances(request.clone()).await?.into_inner();
        whole.balances.extend(page.balances);
        whole.position = page.position;
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let screen = &session.screen;
    if screen.is_json() {
        let value = json::of_message("GetBalancesResponse", &whole);
        return screen.json(&value.map_err(Failure::Answer)?);
    }
    let headings = [Word::Customer, Word::Ticket, Word::Account, Word::Rule, Word::Worked, Word::Billed, Word::Amount];
    let mut table = screen.table(headings.map(|word| word.in_(session.lang)));
    for (column, key) in [By::Customer, By::Ticket, By::Account, By::Rule].into_iter().enumerate() {
        if let Some(column) = table.column_mut(column).filter(|_| !by.contains(&key)) {
            column.set_constraint(comfy_table::ColumnConstraint::Hidden);
        }
    }
    for sum in &whole.balances {
        table.add_row([
            sum.customer_id.as_str().into(),
            sum.ticket_id.as_str().into(),
            account_cell(&shown::account(sum.account()), session.lang),
            sum.rule.as_str().into(),
            right(shown::duration(sum.worked_seconds)),
            right(shown::duration(sum.billed_seconds)),
            right(shown::money_or_dash(sum.amount.as_ref(), session.lang)),
        ]);
    }
    screen.show(&table)
}
