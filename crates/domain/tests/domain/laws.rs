use std::collections::{BTreeMap, BTreeSet};

use beleg_domain::assess::{self, Balance, Reading};
use beleg_domain::contract::{Contract, StandingApproval, Terms};
use beleg_domain::event::{Cause, Event, Limit, Offer, Role};
use beleg_domain::facts::{Account, Class};
use beleg_domain::ids::EventId;
use beleg_domain::prepaid::Prepaid;
use beleg_domain::ticket::command::Command;
use beleg_domain::ticket::{Recorded, Ticket};
use beleg_domain::time::Timestamp;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::about::about;
use crate::releases::{least_paid, paid_seconds, pays, releases};
use crate::world::*;

/// One step of a history; numbers choose among what is there.
#[derive(Clone, Debug)]
enum Step {
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
fn play(terms: Terms, steps: Vec<Step>) -> World {
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

/// What the log's first events tell: everything that a reader of them would know.
struct Prefix {
    contract: Option<Contract>,
    prepaid: Prepaid,
    tickets: BTreeMap<usize, Ticket>,
}

impl Prefix {
    fn read(&mut self, logged: &Logged) {
        let recorded = Recorded { event: logged.id, at: logged.at, imported: false };
        match (logged.stream, logged.event.clone()) {
            (Stream::Contract, Event::ContractAgreed(agreed)) => {
                self.contract = Contract::agreed(logged.id, logged.recorded_at, agreed);
            }
            (Stream::Contract, Event::ContractAmended(amended)) => {
                self.contract.as_mut().unwrap().amended(logged.id, logged.recorded_at, amended);
            }
            (Stream::Prepaid, Event::PrepaidGranted(granted)) => self.prepaid.granted(logged.id, &granted),
            (Stream::Prepaid, Event::PrepaidDrawn(drawn)) => self.prepaid.drawn(&drawn.draws),
            (Stream::Ticket(place), Event::TicketOpened(opened)) => {
                self.tickets.insert(place, Ticket::opened(recorded, opened));
            }
            (Stream::Ticket(place), event) => self.tickets.get_mut(&place).unwrap().evolve(recorded, event).unwrap(),
            _ => {}
        }
    }

    /// What an assessment of everything would still change.
    fn changes(&self, w: &World) -> Vec<Event> {
        let Some(contract) = &self.contract else { return Vec::new() };
        let changes = |ticket| {
            let (book, prepaid) = (&w.book, &self.prepaid);
            let reading = Reading { ticket, contract, book, prepaid, balance: Balance::Closed };
            let trigger = Cause { event: ticket.id, role: Role::Opening };
            assess::changes(&reading, &trigger).unwrap()
        };
        self.tickets.values().flat_map(changes).collect()
    }
}

/// So many cases, or as many as a longer campaign asks for by `PROPTEST_CASES`.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_some() { default } else { ProptestConfig { cases, ..default } }
}

fn sum(paid: impl Iterator<Item = (i64, i64)>) -> (i64, i64) {
    paid.fold((0, 0), |(seconds, minor), more| (seconds + more.0, minor + more.1))
}

fn is_within(limit: Limit, (seconds, minor): (i64, i64)) -> bool {
    match limit {
        Limit::Minutes(minutes) => seconds <= minutes * MIN,
        Limit::Minor(limit) => minor <= limit,
        Limit::Unlimited => true,
    }
}

fn history() -> impl Strategy<Value = World> {
    let begun = prop_oneof![3 => released(), 1 => Just(Vec::new())];
    (terms(), begun, prop::collection::vec(step(), 5..45))
        .prop_map(|(terms, begun, steps)| play(terms, [begun, steps].concat()))
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

proptest! {
    #![proptest_config(cases(384))]

    /// Law 1: no billable or prepaid second before its information or its approval, nor a
    /// billable one without an agreed rate.
    #[test]
    fn nothing_costs_before_it_was_told_and_released(w in history()) {
        let logged: BTreeMap<_, _> = w.log.iter().map(|logged| (logged.id, logged)).collect();
        let opens = |event| logged[&event].at.opens();
        let terms = |event: EventId| w.contract.versions.iter().find(|version| version.event == event);
        for (place, _, segment) in w.standing().into_iter().filter(|(_, _, segment)| pays(segment)) {
            let cause = |role: Role| segment.causes.iter().find(|cause| cause.role == role).map(|cause| cause.event);
            prop_assert!(cause(Role::Information).is_some_and(|told| opens(told) <= segment.from), "{segment:?}");
            let paid = releases(&segment);
            match paid[0].role {
                Role::Approval => prop_assert!(opens(paid[0].event) <= segment.from, "{segment:?}"),
                Role::Contract => {
                    let class = w.tickets[place].classification(cause(Role::Classification).unwrap()).unwrap().class;
                    let version = terms(paid[0].event).unwrap();
                    let standing = version.terms.standing_approval.as_ref();
                    prop_assert!(standing.is_some_and(|standing| standing.classes.contains(&class)), "{segment:?}");
                    prop_assert!(version.effective_at.opens() <= segment.from, "{segment:?}");
                    prop_assert!(version.recorded_at.opens() <= segment.from, "{segment:?}");
                }
                other => prop_assert!(false, "{other:?} released {segment:?}"),
            }
            // What only a supplement drew on was open to the segment's last second.
            prop_assert!(paid.iter().skip(1).all(|more| opens(more.event) < segment.to), "{segment:?}");
            let rate = segment.hourly_rate_minor;
            let agreed = segment.causes.iter().filter(|cause| cause.role == Role::Contract).any(|cause| {
                let version = terms(cause.event).unwrap();
                let agreed = version.terms.hourly_rate_minor.and_then(|rate| rate.agreed);
                agreed.is_some() && agreed == rate && version.effective_at.opens() <= segment.from
            });
            prop_assert_eq!(rate.is_some(), segment.account == Account::Billable);
            prop_assert!(agreed || rate.is_none(), "{segment:?}");
        }
    }

    /// Law 2: the free diagnosis has its allowance, and nothing costs more than was released.
    #[test]
    fn allowance_and_limits_are_never_exceeded(w in history()) {
        for (place, ticket) in w.tickets.iter().enumerate() {
            let standing: Vec<_> = w.standing().into_iter().filter(|(t, _, _)| *t == place).collect();
            let free = standing.iter().filter(|(_, _, s)| s.rule.as_str() == "free.initial-diagnosis");
            prop_assert!(free.map(|(_, _, s)| s.worked_seconds).sum::<i64>() <= 30 * MIN);
            let mut paying: Vec<_> = standing.iter().filter(|(_, _, segment)| pays(segment)).collect();
            for approval in &ticket.approvals {
                let paid = paying.iter().map(|(_, _, segment)| least_paid(segment, approval.event));
                prop_assert!(is_within(approval.limit, sum(paid)));
            }
            // Together the named approvals released it, supplements included.
            let named = |cause: &Cause| ticket.approvals.iter().find(|approval| approval.event == cause.event);
            let mut limits = BTreeMap::new();
            for cause in paying.iter().flat_map(|(_, _, segment)| releases(segment)) {
                limits.insert(cause.event, named(&cause).map(|approval| approval.limit));
            }
            let minutes = limits.values().map(|l| match l { Some(Limit::Minutes(minutes)) => Some(*minutes), _ => None });
            if let Some(minutes) = minutes.sum::<Option<i64>>() {
                prop_assert!(paying.iter().map(|(_, _, s)| paid_seconds(s)).sum::<i64>() <= minutes * MIN);
            }
            let minor = limits.values().map(|l| match l { Some(Limit::Minor(minor)) => Some(*minor), _ => None });
            if let Some(minor) = minor.sum::<Option<i64>>() {
                prop_assert!(paying.iter().map(|(_, _, s)| s.amount_minor).sum::<i64>() <= minor);
            }
            // The standing approval has one limit a ticket: at each segment that the version
            // then in force, of those its entry is read with. Entries use it in recorded
            // order, each in time order.
            let recorded = |event: &Option<EventId>| ticket.work.iter().position(|work| Some(work.event) == *event);
            paying.sort_by_key(|(_, work, segment)| (recorded(work), segment.from));
            let mut used = (0, 0);
            for (_, work, segment) in paying {
                let release = releases(segment).remove(0);
                if release.role != Role::Contract {
                    continue;
                }
                used = sum([used, least_paid(segment, release.event)].into_iter());
                let entry = &ticket.work[recorded(work).unwrap()];
                let named = segment.causes.iter().find(|cause| cause.role == Role::Classification).unwrap();
                let class = ticket.classification(named.event).unwrap().class;
                let term = w.contract.at(entry.contract_version).standing(class, segment.from);
                // Prepaid time uses no limit in money, so one that is used up does not end it.
                let counts = |limit: Limit| segment.grant.is_none() || matches!(limit, Limit::Minutes(_));
                let is_kept = term.is_some_and(|term| !counts(term.limit) || is_within(term.limit, used));
                prop_assert!(is_kept, "{used:?} {term:?} {segment:?}");
            }
        }
        prop_assert!(w.prepaid.grants.iter().all(|grant| (0..=grant.seconds).contains(&grant.left_seconds)));
    }

    /// Law 3: worked seconds are conserved over the accounts.
    #[test]
    fn worked_seconds_are_conserved(w in history()) {
        for (place, ticket) in w.tickets.iter().enumerate() {
            let stands: i64 = w.standing().iter().filter(|(t, _, _)| *t == place).map(|(_, _, s)| s.worked_seconds).sum();
            let worked: i64 = ticket.standing_work().map(|work| work.duration_seconds).sum();
            prop_assert_eq!(stands, worked);
        }
    }

    /// Law 4: a free final class leaves a net charge of zero, and so does an undetermined
    /// one; an exempted one within its dates, of the version that each charge is read with.
    #[test]
    fn a_free_final_class_costs_nothing(w in history()) {
        for (place, ticket) in w.tickets.iter().enumerate() {
            let Some(last) = ticket.class_in_force() else { continue };
            if last.account != Account::Billable {
                prop_assert_eq!(ticket.charged_minor(), 0);
            }
            for (_, work, segment) in w.standing().iter().filter(|(t, _, s)| *t == place && s.amount_minor > 0) {
                let version = match work {
                    Some(work) => ticket.work.iter().find(|w| w.event == *work).unwrap().contract_version,
                    None => {
                        let delivered = segment.causes.iter().find(|cause| cause.role == Role::Resolution).unwrap();
                        ticket.transitions.iter().find(|t| t.event == delivered.event).unwrap().contract_version
                    }
                };
                prop_assert_eq!(w.contract.at(version).exemption(last.class, segment.from), None, "{:?}", segment);
            }
        }
    }

    /// Law 5: every cause was recorded before, and every rule exists in its policy version.
    #[test]
    fn every_entry_has_its_vouchers(w in history()) {
        let mut seen = BTreeSet::new();
        for logged in &w.log {
            let posted = match &logged.event {
                Event::WorkAssessed(e) => &e.posted[..],
                Event::QuoteAssessed(e) => &e.posted[..],
                _ => &[],
            };
            for segment in posted {
                prop_assert!(segment.causes.iter().all(|cause| seen.contains(&cause.event)), "{segment:?}");
                let published = w.book.version(&segment.policy.name, segment.policy.version).unwrap();
                let rule = published.policy.rule(segment.rule.as_str()).unwrap();
                prop_assert_eq!(rule.account, Some(segment.account));
                prop_assert_eq!(&rule.clause, &segment.clause);
            }
            seen.insert(logged.id);
        }
    }

    /// About every instant: what is shown happened by then, every second of what stood is
    /// shown once, and about the last one it is the ticket itself.
    #[test]
    fn what_is_believed_about_an_instant_is_whole(mut w in history()) {
        let at: BTreeMap<_, _> = w.log.iter().map(|logged| (logged.id, logged.at)).collect();
        for place in 0..w.tickets.len() {
            w.current = place;
            let own = w.log.iter().filter(|logged| logged.stream == Stream::Ticket(place));
            let instants: BTreeSet<Timestamp> = own.map(|logged| logged.at).collect();
            for instant in &instants {
                let then = about(&w, *instant).unwrap();
                let worked: i64 = then.standing_work().map(|work| work.duration_seconds).sum();
                prop_assert_eq!(then.standing_segments().map(|s| s.worked_seconds).sum::<i64>(), worked);
                for cause in then.standing_segments().flat_map(|segment| &segment.causes) {
                    let dated = matches!(cause.role, Role::Contract | Role::Grant | Role::Policy);
                    prop_assert!(dated || at[&cause.event] <= *instant, "{cause:?} about {instant}");
                }
            }
            let last = instants.last().map(|last| format!("{:?}", about(&w, *last).unwrap()));
            prop_assert_eq!(last, Some(format!("{:?}", w.ticket())));
        }
    }

    /// Law 6, at its root: wherever a command ended, the log read so far leaves nothing to
    /// assess; read to its end it tells the very tickets that the commands left.
    #[test]
    fn every_prefix_of_the_log_is_at_rest(w in history()) {
        let mut prefix = Prefix { contract: None, prepaid: Prepaid::default(), tickets: BTreeMap::new() };
        for command in w.log.chunk_by(|one, next| one.command == next.command) {
            command.iter().for_each(|logged| prefix.read(logged));
            prop_assert_eq!(prefix.changes(&w), vec![], "after {:?}", command);
        }
        let told: Vec<String> = prefix.tickets.values().map(|ticket| format!("{ticket:?}")).collect();
        let left: Vec<String> = w.tickets.iter().map(|ticket| format!("{ticket:?}")).collect();
        prop_assert_eq!(told, left);
        prop_assert_eq!(&prefix.prepaid, &w.prepaid);
    }

    /// Law 7, at its root: the same command decided twice gives the same events.
    #[test]
    fn deciding_depends_on_nothing_but_the_log(w in history()) {
        let sent = Sent::from(Command::Reassess);
        let decided = |mut ids: u128| w.decide(&sent, &mut ids).map(|decision| format!("{:?}", decision.drafts)).ok();
        prop_assert_eq!(decided(w.ids()), decided(w.ids()));
    }
}
