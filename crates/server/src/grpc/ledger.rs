//! The ledger: entries with their vouchers, and sums.

use std::collections::{BTreeSet, HashMap};

use beleg_domain::event::{Cause, Event, Role};
use beleg_domain::facts::Account;
use beleg_domain::ids::{EventId, OpaqueId};
use beleg_domain::refusal::Refusal;
use beleg_store::views::{BalanceFilter, BalanceKeys, EntryFilter, ListedEntry};
use beleg_store::{PAGE_EVENTS_MAX, StoredEvent};
use prost::Message as _;
use uuid::Uuid;

use super::page::Page;
use super::{Api, Asked, answer, parse, render};
use crate::failure::Failure;
use crate::fold::{self, UpTo};
use crate::pb;
use crate::services;

#[tonic::async_trait]
impl services::ledger_service_server::LedgerService for Api {
    async fn list_entries(
        &self,
        request: tonic::Request<pb::ListEntriesRequest>,
    ) -> Result<tonic::Response<pb::ListEntriesResponse>, tonic::Status> {
        answer(self.on_list_entries(request).await)
    }

    async fn get_entry(
        &self,
        request: tonic::Request<pb::GetEntryRequest>,
    ) -> Result<tonic::Response<pb::GetEntryResponse>, tonic::Status> {
        answer(self.on_get_entry(request).await)
    }

    async fn explain_entry(
        &self,
        request: tonic::Request<pb::ExplainEntryRequest>,
    ) -> Result<tonic::Response<pb::ExplainEntryResponse>, tonic::Status> {
        answer(self.on_explain_entry(request).await)
    }

    async fn get_balances(
        &self,
        request: tonic::Request<pb::GetBalancesRequest>,
    ) -> Result<tonic::Response<pb::GetBalancesResponse>, tonic::Status> {
        answer(self.on_get_balances(request).await)
    }
}

impl Api {
    async fn on_list_entries(&self, asked: Asked<pb::ListEntriesRequest>) -> Result<pb::ListEntriesResponse, Failure> {
        let m = asked.into_inner();
        let query = pb::ListEntriesRequest { page_size: 0, page_token: String::new(), min_position: None, ..m.clone() };
        let page = Page::read("ListEntries", m.page_size, &m.page_token, &query.encode_to_vec())?;
        let customer = m.customer_id.as_deref().map(|id| OpaqueId::parse("customer_id", id)).transpose()?;
        let ticket = m.ticket_id.as_deref().map(|id| parse::id("ticket_id", id)).transpose()?;
        let work = m.work_id.as_deref().map(|id| parse::id("work_id", id)).transpose()?;
        let mut filter = EntryFilter {
            customer_id: customer.map(|customer| customer.to_string()),
            ticket_id: ticket.map(|ticket| ticket.0),
            work_id: work.map(|work| work.0),
            account: account(m.account)?,
            rule: m.rule,
            standing_only: m.standing_only,
            up_to_position: self.posted_up_to(m.as_of.as_ref()).await?,
        };
        if let (Some(work), None) = (work, filter.ticket_id) {
            // A work entry is its event, and the event's stream says which ticket:
            // entries are found by ticket.
            let found = self.log().events_by_id(&[work.0]).await?;
            let ticket = found.first().and_then(|event| event.stream.strip_prefix("ticket-"));
            filter.ticket_id = Some(ticket.and_then(|id| Uuid::try_parse(id).ok()).unwrap_or_else(Uuid::nil));
        }
        self.views_at(m.min_position).await?;
        let position = self.stands_at(filter.up_to_position).await?;
        let rows = self.views.entries(&filter, page.after_number()?, page.size).await?;
        let full = rows.len() == page.size;
        let next = rows.last().filter(|_| full).map(|row| page.token(row.entry.number));
        Ok(pb::ListEntriesResponse {
            entries: self.with_causes(rows).await?,
            next_page_token: next.unwrap_or_default(),
            position,
        })
    }

    async fn on_get_entry(&self, asked: Asked<pb::GetEntryRequest>) -> Result<pb::GetEntryResponse, Failure> {
        let m = asked.into_inner();
        let entry = self.entry(m.number, m.min_position).await?;
        Ok(pb::GetEntryResponse { entry: Some(entry) })
    }

    async fn on_explain_entry(
        &self,
        asked: Asked<pb::ExplainEntryRequest>,
    ) -> Result<pb::ExplainEntryResponse, Failure> {
        let m = asked.into_inner();
        let entry = self.entry(m.number, m.min_position).await?;
        let policies = self.policies_now().await?;
        let published = policies.book.version(&entry.policy_name, entry.policy_version);
        let published = published.filter(|published| *published.pin.hash == *entry.policy_hash);
        let policy = &published
            .ok_or_else(|| Failure::broken(format!("entry {} names a policy that is not there", entry.number)))?
            .policy;
        let ids: Vec<Uuid> = entry.causes.iter().filter_map(|cause| Uuid::try_parse(&cause.event_id).ok()).collect();
        let events = self.events(ids).await?;
        let explained = |cause: &pb::Cause| {
            let event = Uuid::try_parse(&cause.event_id).ok().and_then(|id| events.get(&id))?;
            Some(pb::ExplainedCause {
                cause: Some(cause.clone()),
                r#type: event.event_type.to_string(),
                stream: event.stream.to_string(),
                occurred_at: Some(render::micros(event.occurred_at_us)),
                recorded_at: Some(render::micros(event.recorded_at_us)),
                actor: event.actor.to_string(),
                // A policy's payload is the whole policy; the rule is spelled out above.
                payload_json: match &*event.event_type {
                    "policy_published" => String::new(),
                    _ => String::from_utf8_lossy(&event.payload).into_owned(),
                },
            })
        };
        Ok(pb::ExplainEntryResponse {
            rule: policy.rule(&entry.rule).map(render::rule),
            clause: policy.clause(&entry.clause).map(render::clause),
            causes: entry.causes.iter().filter_map(explained).collect(),
            entry: Some(entry),
        })
    }

    async fn on_get_balances(&self, asked: Asked<pb::GetBalancesRequest>) -> Result<pb::GetBalancesResponse, Failure> {
        let m = asked.into_inner();
        let query = pb::GetBalancesRequest { page_size: 0, page_token: String::new(), min_position: None, ..m.clone() };
        let page = Page::read("GetBalances", m.page_size, &m.page_token, &query.encode_to_vec())?;
        let mut keys = BalanceKeys::default();
        for key in &m.group_by {
            match pb::BalanceKey::try_from(*key) {
                Ok(pb::BalanceKey::Customer) => keys.customer = true,
                Ok(pb::BalanceKey::Ticket) => keys.ticket = true,
                Ok(pb::BalanceKey::Account) => keys.account = true,
                Ok(pb::BalanceKey::Rule) => keys.rule = true,
                _ => return Err(Refusal::malformed("group_by", "group_by names an unknown key").into()),
            }
        }
        let customer = m.customer_id.as_deref().map(|id| OpaqueId::parse("customer_id", id)).transpose()?;
        let ticket = m.ticket_id.as_deref().map(|id| parse::id("ticket_id", id)).transpose()?;
        let filter = BalanceFilter {
            customer_id: customer.map(|customer| customer.to_string()),
            ticket_id: ticket.map(|ticket| ticket.0),
            account: account(m.account)?,
            rule: m.rule,
            up_to_position: self.posted_up_to(m.as_of.as_ref()).await?,
        };
        self.views_at(m.min_position).await?;
        let position = self.stands_at(filter.up_to_position).await?;
        let after = page.after.as_deref().unwrap_or("");
        let rows = self.views.balances(keys, &filter, after, page.size).await?;
        let full = rows.len() == page.size;
        let next = rows.last().filter(|_| full).map(|row| page.token(&row.cursor));
        let balance = |row: beleg_store::views::BalanceRow| pb::Balance {
            customer_id: row.customer_id,
            ticket_id: row.ticket_id.map(|id| id.to_string()).unwrap_or_default(),
            account: Account::parse(&row.account).map_or(pb::Account::Unspecified, render::account).into(),
            rule: row.rule,
            worked_seconds: row.sum.worked_seconds,
            billed_seconds: row.sum.billed_seconds,
            amount: Some(render::money(&row.currency, row.sum.amount_minor)),
        };
        Ok(pb::GetBalancesResponse {
            balances: rows.into_iter().map(balance).collect(),
            next_page_token: next.unwrap_or_default(),
            position,
        })
    }

    /// The position up to which entries were posted in the state of knowledge asked
    /// for; none is all of them. What is not in the log yet is no part of it.
    async fn posted_up_to(&self, as_of: Option<&pb::AsOf>) -> Result<Option<i64>, Failure> {
        Ok(match self.up_to(as_of).await? {
            UpTo::Head => None,
            UpTo::Position(position) => Some(position.min(self.head_from(position).await?)),
        })
    }

    /// Waits for the views, and gives the position that an answer is as of: the one that was asked for, for what the
    /// views have taken in since is not in it.
    async fn stands_at(&self, up_to: Option<i64>) -> Result<i64, Failure> {
        let reached = self.views_at(up_to).await?;
        Ok(up_to.unwrap_or(reached))
    }

    async fn entry(&self, number: i64, min_position: Option<i64>) -> Result<pb::Entry, Failure> {
        self.views_at(min_position).await?;
        let found = self.views.entry(number).await?;
        let entries = self.with_causes(found.into_iter().collect()).await?;
        entries.into_iter().next().ok_or_else(|| {
            Refusal::unknown("number", "ENTRY_UNKNOWN", format!("the ledger has no entry {number}")).into()
        })
    }

    /// Entries with their causes: these stand in the events that posted them, and
    /// their positions in the log.
    async fn with_causes(&self, rows: Vec<ListedEntry>) -> Result<Vec<pb::Entry>, Failure> {
        let assessments = self.events(rows.iter().map(|row| row.entry.assessment)).await?;
        let mut causes = Vec::with_capacity(rows.len());
        for row in &rows {
            let stored = assessments.get(&row.entry.assessment);
            let stored = stored.ok_or_else(|| Failure::broken(format!("entry {} has no event", row.entry.number)))?;
            causes.push(entry_causes(row, stored)?);
        }
        let named: BTreeSet<Uuid> = causes.iter().flatten().map(|cause| cause.event.0).collect();
        let positions = self.events(named).await?;
        let position = |cause: &Cause| positions.get(&cause.event.0).map_or(0, |event| event.position);
        let entries =
            rows.into_iter().zip(causes).map(|(ListedEntry { entry, reversed_by, policy_hash }, causes)| pb::Entry {
                number: entry.number,
                customer_id: entry.customer_id.to_string(),
                ticket_id: entry.ticket_id.to_string(),
                work_id: entry.work_id.map(|id| id.to_string()).unwrap_or_default(),
                performer_id: entry.performer_id.as_deref().unwrap_or_default().to_owned(),
                service_from: Some(render::micros(entry.service_from_us)),
                service_to: Some(render::micros(entry.service_to_us)),
                worked_seconds: entry.worked_seconds,
                billed_seconds: entry.billed_seconds,
                hourly_rate_minor: entry.hourly_rate_minor,
                amount: Some(render::money(&entry.currency, entry.amount_minor)),
                account: Account::parse(&entry.account).map_or(pb::Account::Unspecified, render::account).into(),
                rule: entry.rule.to_string(),
                clause: entry.clause.to_string(),
                policy_name: entry.policy_name.to_string(),
                policy_version: entry.policy_version,
                policy_hash,
                contract_version: entry.contract_version,
                causes: causes
                    .iter()
                    .map(|cause| pb::Cause {
                        role: cause.role.as_str().to_owned(),
                        event_id: cause.event.to_string(),
                        position: position(cause),
                    })
                    .collect(),
                position: entry.posted_position,
                posted_at: Some(render::micros(entry.posted_at_us)),
                reverses: entry.reverses,
                reversed_by,
                origin: entry.origin.as_deref().map(str::to_owned),
            });
        Ok(entries.collect())
    }

    /// Events by their ids, page by page.
    async fn events(&self, ids: impl IntoIterator<Item = Uuid>) -> Result<HashMap<Uuid, StoredEvent>, Failure> {
        let ids: Vec<Uuid> = ids.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        let mut events = HashMap::with_capacity(ids.len());
        for page in ids.chunks(PAGE_EVENTS_MAX.min(1_000)) {
            for event in self.log().events_by_id(page).await? {
                events.insert(event.event_id, event);
            }
        }
        Ok(events)
    }
}

/// The causes of a posting stand with its segment; those of a reversal are the work,
/// if there was any, and the fact that was new.
fn entry_causes(row: &ListedEntry, stored: &StoredEvent) -> Result<Vec<Cause>, Failure> {
    let (posted, reversed_by) = match fold::read(stored)? {
        Event::WorkAssessed(assessed) => (assessed.posted, assessed.reversed_by),
        Event::QuoteAssessed(assessed) => (assessed.posted, assessed.reversed_by),
        event => return Err(Failure::broken(format!("entry {} is from {}", row.entry.number, event.event_type()))),
    };
    if row.entry.reverses.is_some() {
        let work = row.entry.work_id.map(|work| Cause { event: EventId(work), role: Role::Work });
        let mut causes: Vec<Cause> = work.into_iter().collect();
        causes.extend(reversed_by.into_iter().filter(|cause| !causes.contains(cause)).collect::<Vec<_>>());
        return Ok(causes);
    }
    let place = usize::try_from(row.entry.segment).unwrap_or(usize::MAX);
    let segment = posted.into_iter().nth(place);
    Ok(segment.ok_or_else(|| Failure::broken(format!("entry {} has no segment", row.entry.number)))?.causes)
}

fn account(value: i32) -> Result<Option<&'static str>, Refusal> {
    Ok(match pb::Account::try_from(value) {
        Ok(pb::Account::Unspecified) => None,
        Ok(pb::Account::Free) => Some("free"),
        Ok(pb::Account::Billable) => Some("billable"),
        Ok(pb::Account::Covered) => Some("covered"),
        Ok(pb::Account::Withheld) => Some("withheld"),
        Err(_) => return Err(Refusal::malformed("account", "account is not known")),
    })
}
