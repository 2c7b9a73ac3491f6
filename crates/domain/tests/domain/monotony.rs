//! Law 8: under one rate, without prepaid time and quotes, an added information, hourly approval or higher limit never
//! lowers billed seconds; a decline or a free classification never raises them; a void never lowers another entry's
//! billed seconds and takes no limit past its amount.

use std::collections::BTreeMap;

use beleg_domain::contract::{StandingApproval, Terms};
use beleg_domain::event::{Cause, Limit, Segment};
use beleg_domain::facts::{Account, Class};
use beleg_domain::ids::EventId;
use beleg_domain::money;
use beleg_domain::ticket::command::Command;
use proptest::prelude::*;

use crate::added_facts::{Fact, Played, approved, history, is_work, pair, play, terms};
use crate::histories::cases;
use crate::releases::{least_paid, releases};
use crate::world::*;

/// Where the law gives way to the rules it is made of, and how far; the examples below
/// show each. Nothing is excepted beyond these seconds.
impl Played {
    fn terms(&self) -> &Terms {
        &self.world.contract.versions[0].terms
    }

    fn rate(&self) -> i64 {
        self.terms().hourly_rate_minor.unwrap().agreed.unwrap()
    }

    fn standing_limit(&self) -> Option<Limit> {
        self.terms().standing_approval.as_ref().map(|standing| standing.limit)
    }

    /// An increment rounds up what is billed, and its supplement goes to the last billable
    /// segment. Where several releases share the work and one has a limit, a second more or
    /// less may so decide about a whole increment, and a fact may move that second.
    fn increments_depend_on_limits(&self) -> bool {
        let given = self.world.ticket().approvals.iter().map(|approval| approval.limit);
        let limits: Vec<Limit> = given.chain(self.standing_limit()).collect();
        let is_limited = limits.len() > 1 && limits.iter().any(|limit| *limit != Limit::Unlimited);
        is_limited && self.terms().increment_minutes.is_some()
    }

    /// A limited standing approval ranks first: closed by a decline while an explicit one
    /// stands in for it, it keeps more of itself for a time when that one is gone.
    fn kept_by_a_decline(&self) -> i64 {
        let ticket = self.world.ticket();
        if ticket.declines.is_empty() || ticket.approvals.is_empty() {
            return 0;
        }
        match self.standing_limit() {
            Some(Limit::Minutes(minutes)) => minutes * MIN,
            Some(Limit::Minor(minor)) => money::seconds_within(minor, self.rate()),
            Some(Limit::Unlimited) | None => 0,
        }
    }

    /// A limit in money is used by rounded prices, so other cuts leave another rest: with
    /// each segment it pays for at most what one minor unit buys, which is one second from
    /// a rate of 36.00 on.
    fn rounding(&self) -> i64 {
        let is_money = |cause: &Cause| {
            let given = self.world.ticket().approvals.iter().find(|approval| approval.event == cause.event);
            matches!(given.map_or(self.standing_limit(), |given| Some(given.limit)), Some(Limit::Minor(_)))
        };
        let paid = self.billable().into_iter().flat_map(|(_, segment)| releases(&segment));
        let paid = i64::try_from(paid.filter(is_money).count()).unwrap();
        paid * (3_600 + self.rate() - 1).div_euclid(self.rate())
    }

    fn billable(&self) -> Vec<(EventId, Segment)> {
        let standing = self.world.standing().into_iter();
        standing.filter(|(_, _, s)| s.account == Account::Billable).map(|(_, work, s)| (work.unwrap(), s)).collect()
    }

    /// Billed seconds, and those of them that were worked, of the entries that count.
    fn billed(&self, counts: impl Fn(EventId) -> bool) -> (i64, i64) {
        let own = self.billable().into_iter().filter(|(work, _)| counts(*work));
        own.fold((0, 0), |(billed, worked), (_, s)| (billed + s.billed_seconds, worked + s.worked_seconds))
    }
}

/// That the play of `more` bills no less than the play of `less`, of which this much was
/// billed, and worked.
fn no_less(less: &Played, (billed, worked): (i64, i64), more: &Played, than: i64) -> bool {
    let depends = less.increments_depend_on_limits() || more.increments_depend_on_limits();
    let least = if depends { worked } else { billed };
    least <= than + less.rounding() + more.rounding()
}

proptest! {
    #![proptest_config(cases(128))]

    /// Law 8: an added information never lowers billed seconds.
    #[test]
    fn an_added_information_never_lowers_what_is_billed(
        terms in terms(), history in history(), place in 0..30_usize, wait in 0..60_i64, late in 0..60_i64,
    ) {
        let Some((without, with)) = pair(&terms, &history, place, wait, late, Fact::Informed) else { return Ok(()) };
        prop_assert!(no_less(&without, without.billed(|_| true), &with, with.billed(|_| true).0));
    }

    /// Law 8: an added hourly approval never lowers billed seconds.
    #[test]
    fn an_added_hourly_approval_never_lowers_what_is_billed(
        terms in terms(), history in history(), place in 0..30_usize, wait in 0..60_i64, late in 0..60_i64,
        approved in approved(),
    ) {
        let Some((without, with)) = pair(&terms, &history, place, wait, late, approved) else { return Ok(()) };
        // After a decline it also opens the standing approval, for work of another time.
        let billed = with.billed(|_| true).0 + with.kept_by_a_decline();
        prop_assert!(no_less(&without, without.billed(|_| true), &with, billed));
    }

    /// Law 8: a higher limit never lowers billed seconds.
    #[test]
    fn a_higher_limit_never_lowers_what_is_billed(
        terms in terms(), history in history(), place in 0..30_usize, more in 1..10_000_i64,
    ) {
        let without: Vec<_> = history.iter().cloned().enumerate().collect();
        let mut with = without.clone();
        let place = place % with.len();
        let Fact::Approved { limit, .. } = &mut with[place].1.2 else { return Ok(()) };
        *limit = match limit {
            Limit::Minutes(minutes) => Limit::Minutes(*minutes + more / 100 + 1),
            Limit::Minor(minor) => Limit::Minor(*minor + more),
            Limit::Unlimited => return Ok(()),
        };
        let (without, with) = (play(&terms, &without), play(&terms, &with));
        prop_assert!(no_less(&without, without.billed(|_| true), &with, with.billed(|_| true).0));
    }

    /// Law 8: a decline never raises billed seconds.
    #[test]
    fn an_added_decline_never_raises_what_is_billed(
        terms in terms(), history in history(), place in 0..30_usize, wait in 0..60_i64, late in 0..60_i64,
        of in 0..3_usize,
    ) {
        let Some((without, with)) = pair(&terms, &history, place, wait, late, Fact::Declined(of)) else { return Ok(()) };
        let billed = without.billed(|_| true).0 + with.kept_by_a_decline();
        prop_assert!(no_less(&with, with.billed(|_| true), &without, billed));
    }

    /// Law 8: a free classification never raises billed seconds.
    #[test]
    fn an_added_free_classification_never_raises_what_is_billed(
        terms in terms(), history in history(), place in 0..30_usize, wait in 0..60_i64,
    ) {
        let Some((without, with)) = pair(&terms, &history, place, wait, 0, Fact::Found(4)) else { return Ok(()) };
        prop_assert!(no_less(&with, with.billed(|_| true), &without, without.billed(|_| true).0));
    }

    /// Law 8: a void never lowers another entry's billed seconds and takes no limit past its amount.
    #[test]
    fn an_added_void_never_lowers_another_entry_and_takes_no_limit_past_its_amount(
        terms in terms(), history in history(), place in 0..30_usize, wait in 0..60_i64, of in 0..5_usize,
    ) {
        let Some((without, with)) = pair(&terms, &history, place, wait, 0, Fact::Voided(of)) else { return Ok(()) };
        let stands = |event: EventId| with.world.ticket().standing_work().any(|work| work.event == event);
        let others = without.accepted.iter().filter(|(label, _)| is_work(&history[**label].2));
        let others: BTreeMap<EventId, EventId> =
            others.map(|(label, work)| (*work, with.accepted[label])).filter(|(_, again)| stands(*again)).collect();
        let (before, after) = (without.billed(|work| others.contains_key(&work)), with.billed(|_| true).0);
        prop_assert!(no_less(&without, before, &with, after));
        if !without.increments_depend_on_limits() {
            for (work, again) in &others {
                let (before, after) = (without.billed(|of| of == *work), with.billed(|of| of == *again).0);
                prop_assert!(no_less(&without, before, &with, after), "entry {work}: {before:?} > {after}");
            }
        }
        let standing = with.billable();
        for approval in &with.world.ticket().approvals {
            let paid = standing.iter().map(|(_, segment)| least_paid(segment, approval.event));
            let (seconds, minor) = paid.fold((0, 0), |(a, b), (seconds, minor)| (a + seconds, b + minor));
            match approval.limit {
                Limit::Minutes(minutes) => prop_assert!(seconds <= minutes * MIN),
                Limit::Minor(limit) => prop_assert!(minor <= limit),
                Limit::Unlimited => {}
            }
        }
    }
}

/// An hour's increment, an older approval of ten minutes, one without limit.
fn two_releases_and_an_increment(older: Limit) -> World {
    let mut w = World::with_customizing_bug(Terms { increment_minutes: agreed(60), ..hourly(RATE) });
    let told = w.then("10:00", inform(estimate(60)));
    w.then("10:00", hourly_approval(told, older));
    w.then("10:00:01", hourly_approval(told, Limit::Unlimited));
    w
}

#[test]
fn with_an_increment_a_higher_limit_takes_no_supplement_from_another_release() {
    let billed = |older| {
        let mut w = two_releases_and_an_increment(Limit::Minutes(older));
        let work = w.work("anna", Execution, "10:01", "10:21");
        w.billed_seconds(work)
    };
    assert_eq!([billed(10), billed(20), billed(30), billed(90)], [60 * MIN; 4]);
}

#[test]
fn with_an_increment_a_void_takes_no_supplement_from_another_entry() {
    let mut w = two_releases_and_an_increment(Limit::Minutes(20));
    let first = w.work("anna", Execution, "10:01", "10:11");
    let second = w.work("anna", Execution, "10:11", "10:31");
    assert_eq!((w.billed_seconds(first), w.billed_seconds(second)), (60 * MIN, 60 * MIN));
    w.then("11:00", Command::Void { work: first });
    assert_eq!(w.billed_seconds(second), 60 * MIN);
}

#[test]
fn an_increment_belongs_to_the_last_billable_segment_so_a_further_approval_may_take_it_away() {
    let billed = |is_released_again: bool| {
        let mut w = World::with_customizing_bug(Terms { increment_minutes: agreed(60), ..hourly(RATE) });
        let told = w.then("10:00", inform(estimate(60)));
        let approval = w.then("10:00", hourly_approval(told, Limit::Unlimited));
        w.then("10:10", Command::Revoke { approval });
        if is_released_again {
            w.then("10:10", hourly_approval(told, Limit::Minutes(10)));
        }
        let work = w.work("anna", Execution, "10:00", "10:20");
        w.billed_seconds(work)
    };
    // 10 minutes rounded up; or 10 and 10 more, whose release has nothing left to add.
    assert_eq!((billed(false), billed(true)), (60 * MIN, 20 * MIN));
}

#[test]
fn other_cuts_may_cost_a_limit_in_money_a_second() {
    let billed = |is_told_earlier: bool| {
        let standing = StandingApproval { classes: vec![Class::CustomizingBug], limit: Limit::Minor(5) };
        let mut w = World::with_customizing_bug(Terms { standing_approval: Some(standing), ..hourly(4_800) });
        if is_told_earlier {
            w.then("10:00", inform(estimate(60)));
        }
        w.then("10:00:01", inform(estimate(60)));
        let first = w.work("anna", Execution, "10:00", "10:00:02");
        let second = w.work("anna", Execution, "10:00:02", "10:01");
        w.billed_seconds(first) + w.billed_seconds(second)
    };
    // At 1⅓ cents a second, one costs 1 and leaves 4 for three; two cost 3 and leave 2 for one.
    assert_eq!((billed(false), billed(true)), (4, 3));
}

#[test]
fn a_decline_may_keep_a_limited_standing_approval_for_later() {
    let billed = |declined: bool| {
        let standing = StandingApproval { classes: vec![Class::CustomizingBug], limit: Limit::Minutes(60) };
        let mut w = World::with_customizing_bug(Terms { standing_approval: Some(standing), ..hourly(RATE) });
        let told = w.then("09:40", inform(estimate(60)));
        let other = w.then("09:40", inform(estimate(90)));
        let approval = w.then("09:40", hourly_approval(told, Limit::Unlimited));
        if declined {
            w.then("10:00", Command::Decline { information: other });
        }
        let first = w.work("anna", Execution, "10:00", "11:00");
        w.then("11:00", Command::Revoke { approval });
        w.then("11:00", hourly_approval(told, Limit::Minutes(1)));
        let second = w.work("anna", Execution, "11:00", "12:00");
        w.billed_seconds(first) + w.billed_seconds(second)
    };
    assert_eq!((billed(false), billed(true)), (61 * MIN, 120 * MIN));
}
