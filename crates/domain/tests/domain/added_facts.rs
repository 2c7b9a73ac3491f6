//! Two plays of one history, with a fact and without it, under one rate, without prepaid time and quotes.

use std::collections::BTreeMap;

use beleg_domain::contract::{StandingApproval, Terms};
use beleg_domain::event::{Basis, Limit};
use beleg_domain::facts::Class;
use beleg_domain::ids::EventId;
use beleg_domain::ticket::command::Command;
use beleg_domain::time::Timestamp;
use proptest::prelude::*;

use crate::world::*;

/// A fact; what it answers is counted back from the latest of its kind, 0.
#[derive(Clone, Debug)]
pub(crate) enum Fact {
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
pub(crate) type History = Vec<(i64, i64, Fact)>;

fn limit() -> impl Strategy<Value = Limit> {
    prop_oneof![Just(Limit::Unlimited), (1..60_i64).prop_map(Limit::Minutes), (1..20_000_i64).prop_map(Limit::Minor)]
}

pub(crate) fn approved() -> impl Strategy<Value = Fact> {
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

pub(crate) fn history() -> impl Strategy<Value = History> {
    let late = prop_oneof![3 => Just(0_i64), 1 => 1..120_i64];
    let first = (Just(0), Just(0), Just(Fact::Found(0)));
    let told = (Just(5), Just(0), Just(Fact::Informed));
    let rest = prop::collection::vec((0..45_i64, late, fact()), 3..22);
    (first, told, rest).prop_map(|(first, told, rest)| [first, told].into_iter().chain(rest).collect())
}

pub(crate) fn terms() -> impl Strategy<Value = Terms> {
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
pub(crate) struct Played {
    pub(crate) world: World,
    pub(crate) accepted: BTreeMap<usize, EventId>,
}

/// The label of the fact that only one of two plays has; no other fact answers it.
const ADDED: usize = usize::MAX;

fn is_information(fact: &Fact) -> bool {
    matches!(fact, Fact::Informed)
}

pub(crate) fn is_work(fact: &Fact) -> bool {
    matches!(fact, Fact::Worked { .. })
}

/// Plays labelled facts; the labels of two plays agree, whatever is added to one.
pub(crate) fn play(terms: &Terms, facts: &[(usize, (i64, i64, Fact))]) -> Played {
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
                    basis: Basis::Hourly,
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
pub(crate) fn pair(
    terms: &Terms,
    history: &History,
    place: usize,
    wait: i64,
    late: i64,
    fact: Fact,
) -> Option<(Played, Played)> {
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
    without.accepted.keys().eq(with.accepted.keys()).then_some((without, with))
}
