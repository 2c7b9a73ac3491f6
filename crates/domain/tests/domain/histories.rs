//! Generated histories: contracts, tickets and commands as they come, what is refused left out.

use std::collections::BTreeSet;

use beleg_domain::contract::{StandingApproval, Terms};
use beleg_domain::event::{Event, Limit, Offer};
use beleg_domain::facts::Class;
use beleg_domain::ticket::command::Command;
use beleg_domain::time::Timestamp;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::releases::{pays, releases};
use crate::world::*;

/// So many cases, or as many as a longer campaign asks for by `PROPTEST_CASES`.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_some() { default } else { ProptestConfig { cases, ..default } }
}

/// One step of a history; numbers choose among what is there.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Wait(i64),
    /// The next step, if it may be, is recorded so many minutes late.
    Late(i64),
    Findings(usize),
    Inform(Option<i64>),
    Approve(usize, u8, i64),
    Decline(usize),
    Revoke(usize),
    Work {
        diagnosis: bool,
        back: i64,
        minutes: i64,
        shorter: i64,
        by: usize,
    },
    Void(usize),
    Resolve,
    Close,
    Reopen,
    Reassess,
    Switch(usize),
    /// Which day of three, which term, how much.
    Amend(usize, u8, i64),
    /// Which day of three, what is released from then on.
    AmendStanding(usize, Option<StandingApproval>),
    /// Which day of three, what costs nothing from then on.
    AmendExemptions(usize, Vec<Class>),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1..90_i64).prop_map(Step::Wait),
        2 => (1..120_i64).prop_map(Step::Late),
        2 => (0..7_usize).prop_map(Step::Findings),
        3 => prop::option::of(1..900_i64).prop_map(Step::Inform),
        4 => (0..4_usize, 0..4_u8, 1..100_i64).prop_map(|(of, kind, much)| Step::Approve(of, kind, much)),
        2 => (0..4_usize).prop_map(Step::Decline),
        3 => (0..4_usize).prop_map(Step::Revoke),
        12 => work(),
        2 => (0..6_usize).prop_map(Step::Void),
        1 => Just(Step::Resolve),
        1 => Just(Step::Close),
        1 => Just(Step::Reopen),
        1 => Just(Step::Reassess),
        1 => (0..2_usize).prop_map(Step::Switch),
        2 => (0..3_usize, 0..4_u8, 1..300_i64).prop_map(|(day, kind, much)| Step::Amend(day, kind, much)),
        2 => (0..3_usize, prop::option::weighted(0.9, standing())).prop_map(|(day, to)| Step::AmendStanding(day, to)),
        1 => (0..3_usize, exemptions()).prop_map(|(day, to)| Step::AmendExemptions(day, to)),
    ]
}

fn standing() -> impl Strategy<Value = StandingApproval> {
    let classes = vec![Class::CustomizingBug, Class::ChangeRequest, Class::ServiceRequest];
    let limit = prop_oneof![
        3 => (1..120_i64).prop_map(Limit::Minutes),
        3 => (1..20_000_i64).prop_map(Limit::Minor),
        1 => Just(Limit::Unlimited),
    ];
    (prop::sample::subsequence(classes, 1..4), limit).prop_map(|(classes, limit)| StandingApproval { classes, limit })
}

fn exemptions() -> impl Strategy<Value = Vec<Class>> {
    prop::sample::subsequence(vec![Class::CustomizingBug, Class::ChangeRequest, Class::ServiceRequest], 0..2)
}

/// Mostly execution that fills a window which has just ended; sometimes anything else.
fn work() -> impl Strategy<Value = Step> {
    let diagnosis = prop::bool::weighted(0.2);
    let back = prop_oneof![3 => Just(0_i64), 1 => 0..200_i64];
    let shorter = prop_oneof![3 => Just(0_i64), 1 => 0..60_i64];
    (diagnosis, back, 1..120_i64, shorter, 0..3_usize).prop_map(|(diagnosis, back, minutes, shorter, by)| Step::Work {
        diagnosis,
        back,
        minutes,
        shorter,
        by,
    })
}

/// The way to work that costs: found, told, and mostly released.
fn released() -> impl Strategy<Value = Vec<Step>> {
    let chargeable = prop::sample::select(vec![0_usize, 3, 4, 5]);
    let quote = prop::option::weighted(0.3, 601..900_i64);
    (chargeable, quote, 0..4_u8, 1..100_i64, prop::bool::weighted(0.8)).prop_map(
        |(found, quote, kind, much, is_released)| {
            let answer = if is_released { Step::Approve(0, kind, much) } else { Step::Decline(0) };
            vec![Step::Findings(found), Step::Wait(10), Step::Inform(quote), Step::Wait(10), answer]
        },
    )
}

fn terms() -> impl Strategy<Value = Terms> {
    let increment = prop::option::weighted(0.3, 1..40_i64);
    let prepaid = prop::option::weighted(0.4, 1..120_i64);
    let standing = prop::option::weighted(0.3, standing());
    let rate = prop::option::weighted(0.9, 1..30_000_i64);
    (rate, increment, prepaid, standing, any::<bool>()).prop_map(|(rate, increment, prepaid, standing, exempt)| Terms {
        policy: Some("support".into()),
        hourly_rate_minor: rate.and_then(agreed),
        increment_minutes: increment.and_then(agreed),
        prepaid_minutes: prepaid,
        standing_approval: standing,
        exemptions: exempt.then(|| vec![Class::ServiceRequest]),
    })
}

/// The day before a history begins, the one it begins on, the next.
const DAYS: [&str; 3] = ["03-01", "03-02", "03-03"];

/// Plays a history; what is refused is skipped.
pub(crate) fn play(terms: Terms, steps: Vec<Step>) -> World {
    let mut w = World::with_ticket(terms);
    w.open("09:00");
    let mut back = None;
    for step in steps {
        let pick = |of: usize, count: usize| (count > 0).then(|| of % count);
        let command = match step {
            Step::Wait(minutes) => {
                let later = Timestamp::from_micros(w.now.micros() + minutes * 60_000_000).unwrap();
                w.clock(later);
                continue;
            }
            Step::Late(minutes) => {
                back = Some(minutes);
                continue;
            }
            Step::Switch(ticket) => {
                w.current = ticket;
                continue;
            }
            Step::Amend(day, kind, much) => {
                let terms = match kind {
                    0 => Terms { hourly_rate_minor: agreed(much * 50), ..Terms::default() },
                    1 => Terms { hourly_rate_minor: no_longer_agreed(), ..Terms::default() },
                    2 => Terms { increment_minutes: agreed(much), ..Terms::default() },
                    _ => Terms { prepaid_minutes: Some(much), ..Terms::default() },
                };
                let _ = w.try_amend(date(DAYS[day]), terms);
                continue;
            }
            Step::AmendStanding(day, standing) => {
                let ended = StandingApproval { classes: Vec::new(), limit: Limit::Unlimited };
                let standing_approval = Some(standing.unwrap_or(ended));
                let _ = w.try_amend(date(DAYS[day]), Terms { standing_approval, ..Terms::default() });
                continue;
            }
            Step::AmendExemptions(day, exempt) => {
                let _ = w.try_amend(date(DAYS[day]), Terms { exemptions: Some(exempt), ..Terms::default() });
                continue;
            }
            Step::Findings(which) => record(
                [
                    customizing(),
                    base_software(),
                    platform(),
                    change_wanted(),
                    customer_side(),
                    third_party(),
                    unexplained(),
                ][which],
            ),
            Step::Inform(quote) => inform(quote.filter(|q| *q > 600).map_or(estimate(60), Offer::QuoteMinor)),
            Step::Approve(of, kind, much) => {
                let Some(place) = pick(of, w.ticket().informations.len()) else { continue };
                let information = &w.ticket().informations[place];
                match (information.offer, kind) {
                    (Offer::QuoteMinor(_), _) => quote_approval(information.event),
                    (_, 0) => hourly_approval(information.event, Limit::Unlimited),
                    (_, 1) => hourly_approval(information.event, Limit::Minor(much * 97)),
                    _ => hourly_approval(information.event, Limit::Minutes(much)),
                }
            }
            Step::Decline(of) => {
                let Some(place) = pick(of, w.ticket().informations.len()) else { continue };
                Command::Decline { information: w.ticket().informations[place].event }
            }
            Step::Revoke(of) => {
                let Some(place) = pick(of, w.ticket().approvals.len()) else { continue };
                Command::Revoke { approval: w.ticket().approvals[place].event }
            }
            Step::Work { diagnosis, back, minutes, shorter, by } => {
                let ended = Timestamp::from_micros(w.now.micros() + minutes * 60_000_000).unwrap();
                w.clock(ended);
                let to = w.now.ends().plus(-back * 60);
                let from = to.plus(-minutes * 60);
                Command::LogWork {
                    activity: if diagnosis { Diagnosis } else { Execution },
                    performer: staff(["anna", "ben", "cleo"][by]),
                    from,
                    to,
                    duration_seconds: Some((minutes * 60 - shorter * 45).max(1)),
                }
            }
            Step::Void(of) => {
                let Some(place) = pick(of, w.ticket().work.len()) else { continue };
                Command::Void { work: w.ticket().work[place].event }
            }
            Step::Resolve => Command::Resolve,
            Step::Close => Command::Close,
            Step::Reopen => Command::Reopen,
            Step::Reassess => Command::Reassess,
        };
        // Findings count from now, and work names its own window.
        let is_dated = !matches!(command, Command::RecordFindings { .. } | Command::LogWork { .. });
        let late = back.take().filter(|_| is_dated);
        let occurred_at = late.map(|minutes| w.now.minus_micros(minutes * 60_000_000));
        let _ = w.send(Sent { occurred_at, has_evidence: true, ..command.into() });
    }
    w
}

/// What a history is played from.
pub(crate) fn told() -> impl Strategy<Value = (Terms, Vec<Step>)> {
    let begun = prop_oneof![3 => released(), 1 => Just(Vec::new())];
    (terms(), begun, prop::collection::vec(step(), 5..45))
        .prop_map(|(terms, begun, steps)| (terms, [begun, steps].concat()))
}

pub(crate) fn history() -> impl Strategy<Value = World> {
    told().prop_map(|(terms, steps)| play(terms, steps))
}

/// The laws are about something: generated histories come to every rule of money and time.
#[test]
fn histories_reach_what_the_laws_are_about() {
    let mut runner = TestRunner::deterministic();
    let mut reached = BTreeSet::new();
    for _ in 0..512 {
        let w = history().new_tree(&mut runner).unwrap().current();
        for logged in &w.log {
            if logged.at < logged.recorded_at {
                reached.insert(format!("late {}", logged.event.event_type()));
            }
            let (posted, reversed) = match &logged.event {
                Event::WorkAssessed(e) => (&e.posted[..], &e.reversed),
                Event::QuoteAssessed(e) => (&e.posted[..], &e.reversed),
                _ => continue,
            };
            reached.extend(posted.iter().map(|segment| segment.rule.as_str().to_owned()));
            for segment in posted.iter().filter(|segment| pays(segment)) {
                let released = releases(segment);
                let version = w.contract.versions.iter().position(|version| version.event == released[0].event);
                reached.extend(version.map(|place| ["standing", "standing, amended"][place.min(1)].to_owned()));
                reached.extend((released.len() > 1).then(|| "a supplement of several releases".to_owned()));
            }
            reached.extend((!reversed.is_empty()).then(|| format!("reversed {}", logged.event.event_type())));
        }
    }
    let wanted = [
        "a supplement of several releases",
        "billable.change-request",
        "billable.customer-side-cause",
        "billable.customizing-bug",
        "billable.quote-delivered",
        "billable.third-party-cause",
        "covered.prepaid",
        "covered.quote",
        "free.agreed-otherwise",
        "free.base-software-bug",
        "free.initial-diagnosis",
        "free.platform-fault",
        "late approval_declined",
        "late approval_given",
        "late approval_revoked",
        "late customer_informed",
        "late ticket_resolved",
        "reversed quote_assessed",
        "reversed work_assessed",
        "standing",
        "standing, amended",
        "withheld.approval-ended",
        "withheld.approval-exhausted",
        "withheld.before-approval",
        "withheld.before-information",
        "withheld.declined",
        "withheld.diagnosis-overrun",
        "withheld.no-agreed-rate",
        "withheld.not-provable",
        "withheld.unclassified",
    ];
    let missing: Vec<&str> = wanted.into_iter().filter(|rule| !reached.contains(*rule)).collect();
    assert!(missing.is_empty(), "never reached: {missing:?}");
}
