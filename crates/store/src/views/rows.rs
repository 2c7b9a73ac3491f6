//! The rows of the views, as the projector writes and queries give them.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

/// A ticket in lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketRow {
    /// The position of its opening: the order of the list.
    pub opened_position: i64,
    /// Its id.
    pub ticket_id: Uuid,
    /// Whose concern.
    pub customer_id: String,
    /// The caller's key: system and number.
    pub reference: Option<(String, String)>,
    /// What the customer reports.
    pub impact: String,
    /// When it was opened.
    pub opened_at_us: i64,
    /// open, resolved or closed.
    pub status: String,
    /// The class in force.
    pub class: Option<String>,
    /// The rule that classified.
    pub rule: Option<String>,
    /// Where its opening was imported from; none if it was not.
    pub origin: Option<String>,
}

/// What a batch of events changes of one ticket's row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TicketChange {
    /// The new status, if it changed.
    pub status: Option<&'static str>,
    /// The new class and rule, if they changed.
    pub class: Option<(String, String)>,
}

/// A ledger entry. Its texts are mostly the event's own, or those of the entry before: they are shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRow {
    /// From 1, in order of posting.
    pub number: i64,
    /// Whose.
    pub customer_id: Arc<str>,
    /// Which ticket.
    pub ticket_id: Uuid,
    /// Which work entry; none for a quote's price.
    pub work_id: Option<Uuid>,
    /// Who worked.
    pub performer_id: Option<Arc<str>>,
    /// The part of the window it is about begins.
    pub service_from_us: i64,
    /// And ends.
    pub service_to_us: i64,
    /// Worked.
    pub worked_seconds: i64,
    /// Billed.
    pub billed_seconds: i64,
    /// The rate, where one took part.
    pub hourly_rate_minor: Option<i64>,
    /// The price.
    pub amount_minor: i64,
    /// Its currency.
    pub currency: Arc<str>,
    /// free, billable, covered or withheld.
    pub account: Arc<str>,
    /// The rule.
    pub rule: Arc<str>,
    /// The clause.
    pub clause: Arc<str>,
    /// The policy's name.
    pub policy_name: Arc<str>,
    /// And version.
    pub policy_version: i64,
    /// The version of the contract read.
    pub contract_version: i64,
    /// The position of the event that posted it.
    pub posted_position: i64,
    /// When it was recorded.
    pub posted_at_us: i64,
    /// The event that posted it.
    pub assessment: Uuid,
    /// Its place among what that event posted, or among what it reversed.
    pub segment: i64,
    /// The entry that it reverses.
    pub reverses: Option<i64>,
    /// Where the command that posted it was imported from; none if it was not.
    pub origin: Option<Arc<str>>,
}

/// An entry, and whether it still stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedEntry {
    /// The entry.
    pub entry: EntryRow,
    /// The entry that reversed it.
    pub reversed_by: Option<i64>,
    /// The hash of the policy version it names, in hex.
    pub policy_hash: String,
}

/// A change of a net sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BalanceDelta {
    /// Worked.
    pub worked_seconds: i64,
    /// Billed.
    pub billed_seconds: i64,
    /// Money.
    pub amount_minor: i64,
}

/// What a net sum is kept by: customer, rule, account, currency.
pub type BalanceOf = (Arc<str>, Arc<str>, Arc<str>, Arc<str>);

/// A contract in lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractRow {
    /// Whose.
    pub customer_id: String,
    /// Of all amounts.
    pub currency: String,
    /// Where its days begin.
    pub time_zone: String,
    /// How many versions.
    pub version: i64,
}

/// A published policy in lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRow {
    /// The position of its publication.
    pub position: i64,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: i64,
    /// Its hash, in hex.
    pub content_hash: String,
    /// When it was published.
    pub published_at_us: i64,
    /// By which event.
    pub event_id: Uuid,
}

/// What a batch of events makes of the views; applied as a whole.
#[derive(Clone, Debug, Default)]
pub struct ViewBatch {
    /// New tickets.
    pub tickets: Vec<TicketRow>,
    /// Changes of tickets that were there before, by id.
    pub changes: BTreeMap<Uuid, TicketChange>,
    /// New entries.
    pub entries: Vec<EntryRow>,
    /// Changes of sums.
    pub balances: BTreeMap<BalanceOf, BalanceDelta>,
    /// New contracts.
    pub contracts: Vec<ContractRow>,
    /// Amendments, by customer: how many.
    pub amended: BTreeMap<String, i64>,
    /// New policies.
    pub policies: Vec<PolicyRow>,
    /// The last position taken in.
    pub position: i64,
    /// The leaf hash of the event there.
    pub leaf_hash: [u8; 32],
}

/// Which entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryFilter {
    /// Of a customer.
    pub customer_id: Option<String>,
    /// Of a ticket.
    pub ticket_id: Option<Uuid>,
    /// Of a work entry.
    pub work_id: Option<Uuid>,
    /// On an account.
    pub account: Option<&'static str>,
    /// By a rule.
    pub rule: Option<String>,
    /// Neither reversals nor what was reversed.
    pub standing_only: bool,
    /// As they stood at a log position; none is now.
    pub up_to_position: Option<i64>,
}

/// Which tickets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TicketFilter {
    /// Of a customer.
    pub customer_id: Option<String>,
    /// With a status.
    pub status: Option<&'static str>,
    /// Of a class.
    pub class: Option<&'static str>,
}

/// Which sums.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BalanceFilter {
    /// Of a customer.
    pub customer_id: Option<String>,
    /// Of a ticket.
    pub ticket_id: Option<Uuid>,
    /// On an account.
    pub account: Option<&'static str>,
    /// By a rule.
    pub rule: Option<String>,
    /// As they stood at a log position; none is now.
    pub up_to_position: Option<i64>,
}

/// What to sum by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BalanceKeys {
    /// By customer.
    pub customer: bool,
    /// By ticket.
    pub ticket: bool,
    /// By account.
    pub account: bool,
    /// By rule.
    pub rule: bool,
}

/// A net sum; a key that is not summed by is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalanceRow {
    /// Where the next page begins after this row.
    pub cursor: String,
    /// The customer.
    pub customer_id: String,
    /// The ticket.
    pub ticket_id: Option<Uuid>,
    /// The account.
    pub account: String,
    /// The rule.
    pub rule: String,
    /// The currency.
    pub currency: String,
    /// The sum.
    pub sum: BalanceDelta,
}
