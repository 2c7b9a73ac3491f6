//! A ticket's ledger as the demo prints it: an entry a line, its causes below.

use super::script::Story;
use crate::client::Client;
use crate::data_word;
use crate::failure::Failure;
use crate::json;
use crate::lang::Lang;
use crate::ledger::entries;
use crate::screen::{Ink, ink_of_account, wrapped};
use crate::session::Session;
use crate::shown;
use crate::word::Word;
use beleg_server::pb;
use beleg_server::pb::ticket_key::Key;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Printed to be read at this width.
pub(super) const COLUMNS: usize = 100;
/// More than any demo posts.
const ENTRIES_MAX: usize = 10_000;

/// What a ticket came to.
pub(super) struct Printed {
    pub(super) entries: Value,
    pub(super) last_number: i64,
    /// All accounts together, net.
    pub(super) worked_seconds: i64,
    /// Whether that equals the standing work.
    pub(super) conserved: bool,
    pub(super) charged_minor: i64,
    pub(super) reversed_minor: i64,
}

/// Reads a ticket's ledger and prints it.
pub(super) async fn print(
    session: &Session,
    client: &Client,
    story: &Story,
    position: i64,
    rules: &[pb::Rule],
) -> Result<Printed, Failure> {
    let request = pb::ListEntriesRequest {
        ticket_id: Some(story.ticket_id.clone()),
        min_position: Some(position),
        ..Default::default()
    };
    let answer = entries(client, request, ENTRIES_MAX).await?;
    let standing = standing_seconds(client, story).await?;
    let net = |name: pb::Account| {
        let mine = answer.entries.iter().filter(move |entry| entry.account() == name);
        mine.map(|entry| entry.worked_seconds).sum::<i64>()
    };
    let accounts = [pb::Account::Free, pb::Account::Billable, pb::Account::Covered, pb::Account::Withheld]
        .map(|name| (name, net(name)));
    let worked_seconds = answer.entries.iter().map(|entry| entry.worked_seconds).sum();
    let money = |reversals: bool| {
        let mine = answer.entries.iter().filter(move |one| one.reverses.is_some() == reversals);
        mine.map(|one| one.amount.as_ref().map_or(0, |amount| amount.amount_minor)).sum::<i64>()
    };
    let printed = Printed {
        entries: json::of_message("ListEntriesResponse", &answer).map_err(Failure::Answer)?,
        last_number: answer.entries.last().map_or(1, |entry| entry.number),
        worked_seconds,
        conserved: worked_seconds == standing,
        charged_minor: money(false),
        reversed_minor: money(true),
    };
    if session.screen.is_json() {
        return Ok(printed);
    }
    head(session)?;
    for entry in &answer.entries {
        line(session, entry)?;
        because(session, entry, &story.labels)?;
    }
    sums(session, &printed, standing, &accounts)?;
    let used: BTreeSet<&str> = answer.entries.iter().map(|entry| entry.rule.as_str()).collect();
    texts(session, rules, &used)?;
    Ok(printed)
}

/// What the ticket itself says was worked, voided entries left out.
async fn standing_seconds(client: &Client, story: &Story) -> Result<i64, Failure> {
    let key = pb::TicketKey { key: Some(Key::TicketId(story.ticket_id.clone())) };
    let request = pb::GetTicketRequest { ticket: Some(key), ..Default::default() };
    let ticket = crate::ticket::whole(client, request).await?.ticket;
    let ticket = ticket.ok_or_else(|| Failure::Answer("ticket".to_owned()))?;
    let standing = ticket.work.iter().filter(|work| !work.voided);
    Ok(standing.map(|work| work.duration_seconds).sum())
}

fn head(session: &Session) -> Result<(), Failure> {
    let [number, account, rule, window, worked, billed, amount] =
        [Word::Number, Word::Account, Word::Rule, Word::Window, Word::Worked, Word::Billed, Word::Amount]
            .map(|word| word.in_(session.lang));
    let wide = account_width(session.lang);
    let text =
        format!("\n  {number:>4}  {account:<wide$}  {rule:<28}  {window:<11}  {worked:>10}  {billed:>9}  {amount:>11}");
    session.screen.line(session.screen.ink(Ink::Bold, text))
}

/// The longest name of an account.
fn account_width(lang: Lang) -> usize {
    lang.pick(10, 8)
}

fn line(session: &Session, entry: &pb::Entry) -> Result<(), Failure> {
    let screen = &session.screen;
    let name = shown::account(entry.account());
    let (account, wide) = (data_word::in_(name.clone(), session.lang), account_width(session.lang));
    let (from, to) = (entry.service_from.as_ref(), entry.service_to.as_ref());
    let window = if entry.work_id.is_empty() { shown::clock(from) } else { shown::window(from, to) };
    let text = format!(
        "  {:>4}  {account:<wide$}  {:<28}  {window:<11}  {:>10}  {:>9}  {:>11}",
        entry.number,
        entry.rule,
        shown::duration(entry.worked_seconds),
        shown::duration(entry.billed_seconds),
        shown::money_or_dash(entry.amount.as_ref(), session.lang),
    );
    let ink = if entry.reverses.is_some() { Ink::Red } else { ink_of_account(&name) };
    screen.line(screen.ink(ink, text))
}

/// The causes: what the demo calls by a short name by that, all else by its
/// log position.
fn because(session: &Session, entry: &pb::Entry, labels: &BTreeMap<String, String>) -> Result<(), Failure> {
    let screen = &session.screen;
    let named = |cause: &pb::Cause| match labels.get(&cause.event_id) {
        Some(label) => format!("{} {label}", data_word::in_(cause.role.clone(), session.lang)),
        None => format!("{} #{}", data_word::in_(cause.role.clone(), session.lang), cause.position),
    };
    let mut causes: Vec<String> = entry.causes.iter().map(named).collect();
    if let Some(number) = entry.reverses {
        let word = session.lang.pick("nimmt zurück Nr.", "reverses no.");
        causes.insert(0, format!("{word} {number}"));
    }
    for text in wrapped(&causes, " · ", COLUMNS - 10) {
        screen.line(screen.ink(Ink::Faint, format_args!("        └ {text}")))?;
    }
    Ok(())
}

fn sums(session: &Session, printed: &Printed, standing: i64, accounts: &[(pb::Account, i64)]) -> Result<(), Failure> {
    let screen = &session.screen;
    let lang = session.lang;
    let parts: Vec<String> = accounts
        .iter()
        .filter(|(_, seconds)| *seconds != 0)
        .map(|(name, seconds)| format!("{} {}", data_word::in_(shown::account(*name), lang), shown::duration(*seconds)))
        .collect();
    let (sign, ink) = if printed.conserved { ("=", Ink::Green) } else { ("≠", Ink::Red) };
    let worked = format!(
        "{} {sign} {} {}",
        parts.join(" + "),
        shown::duration(printed.worked_seconds),
        if printed.conserved {
            lang.pick("gearbeitet", "worked").to_owned()
        } else {
            format!("{} {}", lang.pick("statt", "instead of"), shown::duration(standing))
        },
    );
    let euros = |minor: i64| shown::amount_minor(minor, "EUR", lang);
    let net = printed.charged_minor + printed.reversed_minor;
    let money = match printed.reversed_minor {
        0 => format!("{} {}", euros(net), lang.pick("berechnet", "charged")),
        reversed => format!(
            "{} {}, {} {} {} {}",
            euros(printed.charged_minor),
            lang.pick("berechnet", "charged"),
            euros(reversed),
            lang.pick("zurückgenommen,", "reversed,"),
            lang.pick("es bleiben", "which leaves"),
            euros(net),
        ),
    };
    screen.line("")?;
    screen.line(format_args!("  {}  {}", lang.pick("Zeit", "Time "), screen.ink(ink, worked)))?;
    screen.line(format_args!("  {}  {}", lang.pick("Geld", "Money"), screen.ink(Ink::Bold, money)))
}

/// The rules that came up, in the words of the policy.
fn texts(session: &Session, rules: &[pb::Rule], used: &BTreeSet<&str>) -> Result<(), Failure> {
    let screen = &session.screen;
    screen.line("")?;
    for rule in rules.iter().filter(|rule| used.contains(rule.id.as_str())) {
        let text = rule.text.as_ref().map_or("", |text| session.lang.pick(&text.de, &text.en));
        screen.line(format_args!("  {}", screen.ink(Ink::Bold, &rule.id)))?;
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        for line in wrapped(&words, " ", COLUMNS - 6) {
            screen.line(screen.ink(Ink::Faint, format_args!("      {line}")))?;
        }
    }
    Ok(())
}
