//! Law 8: what one added fact may do to what is billed. Two plays of one history,
//! with the fact and without it, under one rate, without prepaid time and quotes.

use std::collections::BTreeMap;

use beleg_domain::contract::{StandingApproval, Terms};
use beleg_domain::event::Limit;
use beleg_domain::facts::Class;
use beleg_domain::ids::EventId;
use beleg_domain::ticket::command::Command;
use beleg_domain::time::Timestamp;
use proptest::prelude::*;

use crate::laws::cases;
use crate::world::*;

/// A fact; what it answers is counted back from the latest of its kind, 0.
#[derive(Clone, Debug)]
enum Fact {
    Found(usize),
    Informed,
    Approved { of: usize, limit: Limit, minutes_valid: Option<i64> },
    Declined(usize),
    Revoked(usize),
    Worked { back: i64, minutes: i64, shorter: i64, by: usize },
    Voided(usize),
    Resolved,
    Reopened,
}

/// A history: minutes to wait, how late the fact is recorded, the fact.
type History = Vec<(i64, i64, Fact)>;

fn limit() -> impl Strategy<Value = Limit> {
    prop_oneof![Just(Limit::Unlimited), (1..60_i64).prop_map(Limit::Minutes), (1..20_000_i64).prop_map(Limit::Minor)]
}

fn approved() -> impl Strategy<Value = Fact> {
    (0..2_usize, limit(), prop::option::weighted(0.3, 1..200_i64))
        .prop_map(|(of, limit, minutes_valid)| Fact::Approved { of, limit, minutes_valid })
}

/// Mostly work and approvals: limits only show where work competes for them.
fn fact() -> impl Strategy<Value = Fact> {
    prop_oneof![
        1 => (0..6_usize).prop_map(Fact::Found),
        3 => Just(Fact::Informed),
        10 => approved(),
        4 => (0..3_usize).prop_map(Fact::Declined),
        2 => (0..3_usize).prop_map(Fact::Revoked),
        24 => (0..30_i64, 1..90_i64, prop_oneof![3 => Just(0), 1 => 0..40_i64], 0..3_usize)
            .prop_map(|(back, minutes, shorter, by)| Fact::Worked { back, minutes, shorter, by }),
        3 => (0..3_usize).prop_map(Fact::Voided),
        1 => prop_oneof![Just(Fact::Resolved), Just(Fact::Reopened)],
    ]
}

fn history() -> impl Strategy<Value = History> {
    let late = prop_oneof![3 => Just(0_i64), 1 => 1..120_i64];
    let first = (Just(0), Just(0), Just(Fact::Found(0)));
    let told = (Just(5), Just(0), Just(Fact::Informed));
    let rest = prop::collection::vec((0..45_i64, late, fact()), 3..22);
    (first, told, rest).prop_map(|(first, told, rest)| [first, told].into_iter().chain(rest).collect())
}

fn terms() -> impl Strategy<Value = Terms> {
    let increment = prop::option::weighted(0.4, 1..40_i64);
    let standing = prop::option::weighted(0.4, limit());
    (1..20_000_i64, increment, standing).prop_map(|(rate, increment, standing)| Terms {
        increment_minutes: increment.and_then(agreed),
        standing_approval: standing
            .map(|limit| StandingApproval { classes: vec![Class::CustomizingBug, Class::ChangeRequest], limit }),
        ..hourly(rate)
    })
}

/// One play: the world after it, and which facts were accepted, by their labels.
struct Played {
    world: World,
    accepted: BTreeMap<usize, EventId>,
}

/// The label of the fact that only one of two plays has; no other fact answers it.
const ADDED: usize = usize::MAX;

fn is_information(fact: &Fact) -> bool {
    matches!(fact, Fact::Informed)
}

fn is_work(fact: &Fact) -> bool {
    matches!(fact, Fact::Worked { .. })
}

/// Plays labelled facts; the labels of two plays agree, whatever is added to one.
fn play(terms: &Terms, facts: &[(usize, (i64, i64, Fact))]) -> Played {
    let mut world = World::with_ticket(terms.clone());
    let mut accepted = BTreeMap::new();
    for (label, (wait, late, fact)) in facts {
        let later =
            |from: Timestamp, minutes: i64| Timestamp::from_micros(from.micros() + minutes * 60_000_000).unwrap();
        world.clock(later(world.now, *wait));
        let occurred = later(world.now, -*late);
        let named = |of: &usize, kind: fn(&Fact) -> bool| {
            let mut labels: Vec<usize> = facts
                .iter()
                .filter(|(label, (_, _, fact))| *label != ADDED && kind(fact))
                .map(|(label, _)| *label)
                .collect();
            labels.retain(|label| accepted.contains_key(label));
            let place = labels.len().checked_sub(1 + of)?;
            accepted.get(&labels[place]).copied()
        };
        let command = match fact {
            Fact::Found(which) => Some(record(
                [customizing(), change_wanted(), customer_side(), third_party(), base_software(), unexplained()]
                    [*which],
            )),
            Fact::Informed => Some(inform(estimate(60))),
            Fact::Approved { of, limit, minutes_valid } => {
                named(of, is_information).map(|information| Command::Approve {
                    information,
                    basis: beleg_domain::event::Basis::Hourly,
                    limit: Some(*limit),
                    currency: None,
                    valid_until: minutes_valid.map(|minutes| later(occurred, minutes)),
                })
            }
            Fact::Declined(of) => named(of, is_information).map(|information| Command::Decline { information }),
            Fact::Revoked(of) => {
                named(of, |fact| matches!(fact, Fact::Approved { .. })).map(|approval| Command::Revoke { approval })
            }
            Fact::Worked { back, minutes, shorter, by } => {
                let to = world.now.ends().plus(-back * 60);
                Some(Command::LogWork {
                    activity: Execution,
                    performer: staff(["anna", "ben", "cleo"][*by]),
                    from: to.plus(-minutes * 60),
                    to,
                    duration_seconds: Some((minutes * 60 - shorter * 45).max(1)),
                })
            }
            Fact::Voided(of) => named(of, is_work).map(|work| Command::Void { work }),
            Fact::Resolved => Some(Command::Resolve),
            Fact::Reopened => Some(Command::Reopen),
        };
        let Some(command) = command else { continue };
        let may_be_late = matches!(command, Command::Inform { .. } | Command::Approve { .. } | Command::Decline { .. });
        let occurred_at = (*late > 0 && may_be_late).then_some(occurred);
        if let Ok(event) = world.send(Sent { occurred_at, has_evidence: true, ..command.into() }) {
            accepted.insert(*label, event);
        }
    }
    Played { world, accepted }
}

/// The history without and with the added fact, if everything else is accepted or
/// refused alike: else the two differ by more than one fact.
fn pair(terms: &Terms, history: &History, place: usize, wait: i64, late: i64, fact: Fact) -> Option<(Played, Played)> {
    let facts: Vec<_> = history.iter().cloned().enumerate().collect();
    let place = 1 + place % facts.len();
    let mut more = facts.clone();
    // It waits within the next fact's own waiting, so that no other time changes.
    let next = more.get(place).map_or(wait, |(_, (wait, _, _))| *wait);
    let wait = wait.min(next);
    if let Some((_, (rest, _, _))) = more.get_mut(place) {
        *rest -= wait;
    }
    more.insert(place, (ADDED, (wait, late, fact)));
    let (without, mut with) = (play(terms, &facts), play(terms, &more));
    with.accepted.remove(&ADDED)?;
    (without.accepted.keys().eq(with.accepted.keys()) && !is_excepted(&with.world)).then_some((without, with))
}

/// Where the law gives way to the rules it is made of; the examples below show how.
/// An increment's supplement goes to the last billable segment and is capped by that
/// segment's release, so what moves a segment to another release may shrink it. And a
/// limited standing approval ranks first: closed for a while, it leaves more of itself
/// for a time when the explicit approval that stood in for it is gone.
fn is_excepted(world: &World) -> bool {
    let terms = &world.contract.versions[0].terms;
    let ticket = world.ticket();
    let standing = terms.standing_approval.as_ref().map(|standing| standing.limit);
    let limits: Vec<Limit> = ticket.approvals.iter().map(|approval| approval.limit).chain(standing).collect();
    let several = limits.len() > 1 && limits.iter().any(|limit| *limit != Limit::Unlimited);
    let limited_standing = standing.is_some_and(|limit| limit != Limit::Unlimited);
    several && (terms.increment_minutes.is_some() || limited_standing && !ticket.declines.is_empty())
}

fn billed(played: &Played) -> i64 {
    played.world.standing().iter().map(|(_, _, segment)| segment.billed_seconds).sum()
}

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn an_added_information_never_lowers_what_is_billed(
        terms in terms(), history in history(), place in 0..30_usize, wait in 0..60_i64, late in 0..60_i64,
    ) {
        let Some((without, with)) = pair(&terms, &history, place, wait, late, Fact::Informed) else { return Ok(()) };
        prop_assert!(billed(&without) <= billed(&with));
    }

    #[test]
    fn an_added_hourly_approval_never_lowers_what_is_billed(
        terms in terms(), history in history(), place in 0..30_usize, wait in 0..60_i64, late in 0..60_i64,
        approved in approved(),
    ) {
        let Some((without, with)) = pair(&terms, &history, place, wait, late, approved) else { return Ok(()) };
        prop_assert!(billed(&without) <= billed(&with));
    }

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
        if is_excepted(&with.world) {
            return Ok(());
        }
        prop_assert!(billed(&without) <= billed(&with));
    }

    #[test]
    fn an_added_decline_never_raises_what_is_billed(
        terms in terms(), history in history(), place in 0..30_usize, wait in 0..60_i64, late in 0..60_i64,
        of in 0..3_usize,
    ) {
        let Some((without, with)) = pair(&terms, &history, place, wait, late, Fact::Declined(of)) else { return Ok(()) };
        prop_assert!(billed(&with) <= billed(&without));
    }

    #[test]
    fn an_added_free_classification_never_raises_what_is_billed(
        terms in terms(), history in history(), place in 0..30_usize, wait in 0..60_i64,
    ) {
        let Some((without, with)) = pair(&terms, &history, place, wait, 0, Fact::Found(4)) else { return Ok(()) };
        prop_assert!(billed(&with) <= billed(&without));
    }

    #[test]
    fn an_added_void_never_lowers_another_entry_and_takes_no_limit_past_its_amount(
        terms in terms(), history in history(), place in 0..30_usize, wait in 0..60_i64, of in 0..5_usize,
    ) {
        let Some((without, with)) = pair(&terms, &history, place, wait, 0, Fact::Voided(of)) else { return Ok(()) };
        for (label, work) in without.accepted.iter().filter(|(label, _)| is_work(&history[**label].2)) {
            let again = with.accepted[label];
            if with.world.ticket().work.iter().any(|work| work.event == again && work.voided.is_some()) {
                continue;
            }
            let (before, after) = (without.world.billed_seconds(*work), with.world.billed_seconds(again));
            prop_assert!(before <= after, "entry {label}: {before} > {after}");
        }
        for approval in &with.world.ticket().approvals {
            let standing = with.world.standing();
            let own = standing.iter().filter(|(_, _, s)| s.causes.iter().any(|cause| cause.event == approval.event));
            let (seconds, minor) = own.fold((0, 0), |(a, b), (_, _, s)| (a + s.billed_seconds, b + s.amount_minor));
            match approval.limit {
                Limit::Minutes(minutes) => prop_assert!(seconds <= minutes * 60),
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
fn with_an_increment_a_higher_limit_may_take_the_supplement_from_another_release() {
    let billed = |older| {
        let mut w = two_releases_and_an_increment(Limit::Minutes(older));
        let work = w.work("anna", Execution, "10:01", "10:21");
        w.billed_seconds(work)
    };
    // 10 minutes and 10 of the other, with 40 on top; or 20 with nothing left to add.
    assert_eq!((billed(10), billed(20)), (60 * MIN, 20 * MIN));
}

#[test]
fn with_an_increment_a_void_may_take_the_supplement_from_another_entry() {
    let mut w = two_releases_and_an_increment(Limit::Minutes(20));
    let first = w.work("anna", Execution, "10:01", "10:11");
    let second = w.work("anna", Execution, "10:11", "10:31");
    assert_eq!((w.billed_seconds(first), w.billed_seconds(second)), (20 * MIN, 60 * MIN));
    w.then("11:00", Command::Void { work: first });
    assert_eq!(w.billed_seconds(second), 20 * MIN);
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
