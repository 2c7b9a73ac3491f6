//! What is used up: the allowance, the releases' limits, the prepaid time.

use std::collections::HashMap;

use crate::assess::answers::{Release, ReleaseKey};
use crate::assess::{Balance, Reading};
use crate::event::Limit;
use crate::ids::EventId;
use crate::money;
use crate::prepaid::Grant;
use crate::ticket::Work;
use crate::time::Second;

/// What entries assessed so far have used.
#[derive(Clone, Debug)]
pub(crate) struct Capacity {
    /// Seconds of initial diagnosis.
    pub(crate) allowance_used: i64,
    used: HashMap<ReleaseKey, Used>,
    grants: Vec<Pool>,
    balance: Balance,
}

/// What one release's limit has taken.
#[derive(Clone, Copy, Debug, Default)]
struct Used {
    seconds: i64,
    minor: i64,
    cut: Option<Cut>,
}

/// Where a limit in money cut an entry: what was left of it was less than a second's
/// price.
#[derive(Clone, Copy, Debug)]
struct Cut {
    minor: i64,
    rate: i64,
}

impl Used {
    /// A limit that once cut an entry is used up, and rounding may not bring it back. A
    /// raised one has something left again, and a lower rate makes use of what is left.
    fn is_used_up(&self, minor: i64, rate: Option<i64>) -> bool {
        self.cut.is_some_and(|cut| minor <= cut.minor && rate.is_none_or(|rate| rate >= cut.rate))
    }
}

/// One grant as a ticket may use it.
#[derive(Clone, Debug)]
struct Pool {
    grant: Grant,
    /// Drawn by entries of this ticket before: each has its own draws first.
    own: HashMap<EventId, i64>,
    /// Drawn by this ticket's entries before and no longer needed by them.
    freed: i64,
    /// Drawn by nobody.
    free: i64,
}

impl Pool {
    fn is_known(&self, entry: &Work, at: Second) -> bool {
        self.grant.opens <= at && self.grant.contract_version <= entry.contract_version
    }

    fn draw(&mut self, entry: &Work, seconds: i64) {
        let own = self.own.entry(entry.event).or_default();
        let from_own = seconds.min(*own);
        *own -= from_own;
        let from_freed = (seconds - from_own).min(self.freed);
        self.freed -= from_freed;
        self.free -= seconds - from_own - from_freed;
    }
}

impl Capacity {
    pub(crate) fn new(reading: &Reading<'_>) -> Self {
        let pool = |grant: &Grant| {
            let mut pool = Pool { grant: *grant, own: HashMap::new(), freed: 0, free: grant.left_seconds.max(0) };
            for work in &reading.ticket.work {
                let segments = work.standing.iter().map(|posting| &posting.segment);
                let drawn = segments.filter(|s| s.grant == Some(grant.event)).map(|s| s.worked_seconds).sum();
                // Asked to assess everything anew, all entries share in recorded order.
                if work.voided.is_some() || reading.balance == Balance::Open {
                    pool.freed += drawn;
                } else if drawn > 0 {
                    pool.own.insert(work.event, drawn);
                }
            }
            pool
        };
        Self {
            allowance_used: 0,
            used: HashMap::new(),
            grants: reading.prepaid.grants.iter().map(pool).collect(),
            balance: reading.balance,
        }
    }

    /// The grant that would pay for a second of an entry, and how far it reaches.
    pub(crate) fn prepaid(&self, entry: &Work, at: Second) -> Option<(EventId, i64)> {
        self.grants.iter().filter(|pool| pool.is_known(entry, at)).find_map(|pool| {
            let own = pool.own.get(&entry.event).copied().unwrap_or_default();
            let left = own + pool.freed + if self.may_draw(entry) { pool.free } else { 0 };
            (left > 0).then_some((pool.grant.event, left))
        })
    }

    /// Whether prepaid time is agreed for a second of an entry, used up or not.
    pub(crate) fn is_prepaid_agreed(&self, entry: &Work, at: Second) -> bool {
        self.grants.iter().any(|pool| pool.is_known(entry, at))
    }

    fn may_draw(&self, entry: &Work) -> bool {
        match self.balance {
            Balance::Closed => false,
            Balance::For(work) => work == entry.event,
            Balance::Open => true,
        }
    }

    pub(crate) fn draw(&mut self, entry: &Work, grant: EventId, seconds: i64) {
        if let Some(pool) = self.grants.iter_mut().find(|pool| pool.grant.event == grant) {
            pool.draw(entry, seconds);
        }
    }

    /// An entry is assessed: what it drew before and needs no longer passes on.
    pub(crate) fn pass_on(&mut self, entry: &Work) {
        for pool in &mut self.grants {
            pool.freed += pool.own.remove(&entry.event).unwrap_or_default();
        }
    }

    /// Seconds of billed and prepaid time that a limit in time still lets through;
    /// other limits do not count time.
    pub(crate) fn seconds_left(&self, release: &Release) -> Option<i64> {
        match release.limit {
            Limit::Minutes(minutes) => Some((minutes * 60 - self.used(release).seconds).max(0)),
            Limit::Minor(_) | Limit::Unlimited => None,
        }
    }

    /// Minor units that a limit in money still lets through.
    pub(crate) fn minor_left(&self, release: &Release) -> Option<i64> {
        match release.limit {
            Limit::Minor(minor) => Some((minor - self.used(release).minor).max(0)),
            Limit::Minutes(_) | Limit::Unlimited => None,
        }
    }

    /// Whether anything is left, whatever it would pay for.
    pub(crate) fn has_some_left(&self, release: &Release) -> bool {
        match release.limit {
            Limit::Minutes(_) => self.seconds_left(release).is_some_and(|left| left > 0),
            Limit::Minor(minor) => {
                !self.used(release).is_used_up(minor, None) && self.minor_left(release).is_some_and(|left| left > 0)
            }
            Limit::Unlimited => true,
        }
    }

    /// How many more seconds a release lets be billed at a rate, where a segment
    /// already holds `billed` seconds of it that will be priced together with them.
    pub(crate) fn billable_seconds(&self, release: &Release, rate: i64, billed: i64) -> i64 {
        let used = self.used(release);
        match release.limit {
            Limit::Unlimited => i64::MAX,
            Limit::Minutes(minutes) => (minutes * 60 - used.seconds).max(0),
            Limit::Minor(minor) if used.is_used_up(minor, Some(rate)) => 0,
            Limit::Minor(minor) => {
                let before = used.minor - money::amount_minor(billed, rate);
                (money::seconds_within(minor - before, rate) - billed).max(0)
            }
        }
    }

    /// Uses a release's limit; `minor` is the change of the segment's price.
    pub(crate) fn take(&mut self, key: ReleaseKey, seconds: i64, minor: i64) {
        let used = self.used.entry(key).or_default();
        used.seconds += seconds;
        used.minor += minor;
    }

    /// Notes that a limit in money ended a segment at a rate.
    pub(crate) fn cut(&mut self, release: &Release, rate: i64) {
        let Limit::Minor(minor) = release.limit else { return };
        let used = self.used.entry(release.key).or_default();
        if !used.is_used_up(minor, Some(rate)) {
            used.cut = Some(Cut { minor, rate });
        }
    }

    fn used(&self, release: &Release) -> Used {
        self.used.get(&release.key).copied().unwrap_or_default()
    }
}
