//! The laws of the domain: each holds for every command sequence, so each is tried on generated ones. The eighth is in
//! [`crate::monotony`]; the sixth and the seventh in full, with a log's bytes and its request ids, at the border.

use std::collections::{BTreeMap, BTreeSet};

use beleg_domain::assess::{self, Balance, Reading};
use beleg_domain::contract::Contract;
use beleg_domain::event::{Basis, Cause, Event, Limit, Role, Segment};
use beleg_domain::facts::Account;
use beleg_domain::ids::EventId;
use beleg_domain::prepaid::Prepaid;
use beleg_domain::ticket::{Recorded, Ticket};
use beleg_domain::time::Timestamp;
use proptest::prelude::*;

use crate::about::about;
use crate::histories::{cases, history, play, told};
use crate::releases::{least_paid, paid_seconds, pays, releases};
use crate::world::*;

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

proptest! {
    #![proptest_config(cases(384))]

    /// Law 1: no billable or prepaid second before its information or its approval; no
    /// billable one without an agreed rate or an accepted quote.
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
        // What is billable otherwise is a price, and its quote was told, accepted, delivered, in this order.
        let billable = w.standing().into_iter().filter(|(_, _, segment)| segment.account == Account::Billable);
        for (place, _, price) in billable.filter(|(_, _, segment)| !pays(segment)) {
            let cause = |role: Role| price.causes.iter().find(|cause| cause.role == role).map(|cause| cause.event);
            let approvals = &w.tickets[place].approvals;
            let accepted = approvals.iter().find(|approval| Some(approval.event) == cause(Role::Quote)).unwrap();
            prop_assert_eq!(accepted.basis, Basis::Quote);
            let path = [cause(Role::Information), cause(Role::Quote), cause(Role::Resolution)];
            let path: Option<Vec<_>> = path.into_iter().map(|event| event.map(|event| logged[&event].at)).collect();
            prop_assert!(path.is_some_and(|path| path.is_sorted()), "{price:?}");
            prop_assert_eq!((price.worked_seconds, price.billed_seconds), (0, 0));
        }
    }

    /// Law 2: free diagnosis per ticket is 30 minutes at most; per ticket, time and money
    /// billed are no more than what approvals released.
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

    /// Law 3: per ticket, worked seconds are conserved over the accounts; no second is
    /// counted twice.
    #[test]
    fn worked_seconds_are_conserved_and_none_is_counted_twice(w in history()) {
        for (place, ticket) in w.tickets.iter().enumerate() {
            let standing: Vec<_> = w.standing().into_iter().filter(|(t, _, _)| *t == place).collect();
            let worked: i64 = ticket.standing_work().map(|work| work.duration_seconds).sum();
            prop_assert_eq!(standing.iter().map(|(_, _, s)| s.worked_seconds).sum::<i64>(), worked);
            for work in ticket.standing_work() {
                let own = standing.iter().filter(|(_, of, _)| *of == Some(work.event)).map(|(_, _, segment)| segment);
                let mut own: Vec<&Segment> = own.collect();
                prop_assert_eq!(own.iter().map(|s| s.worked_seconds).sum::<i64>(), work.duration_seconds);
                own.sort_by_key(|segment| (segment.from, segment.to));
                // Where in its window the rest lies is just what is not known of it.
                own.retain(|segment| segment.rule.as_str() != "withheld.not-provable");
                for segment in &own {
                    prop_assert!(work.from <= segment.from && segment.to <= work.to, "{segment:?}");
                    prop_assert_eq!(segment.worked_seconds, segment.to.since(segment.from));
                }
                prop_assert!(own.windows(2).all(|two| two[0].to <= two[1].from), "{own:?}");
            }
            let posted = standing.iter().filter_map(|(_, of, _)| *of);
            let stands: BTreeSet<EventId> = ticket.standing_work().map(|work| work.event).collect();
            prop_assert_eq!(posted.collect::<BTreeSet<_>>(), stands);
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

    /// Law 5: every entry's causes exist in the log before it, and its rule exists in its
    /// policy version. A reversal is an entry too: it has the fact that was new.
    #[test]
    fn every_entry_has_its_vouchers(w in history()) {
        let mut seen = BTreeSet::new();
        for logged in &w.log {
            let (posted, reversed, reversed_by) = match &logged.event {
                Event::WorkAssessed(e) => (&e.posted[..], &e.reversed[..], &e.reversed_by[..]),
                Event::QuoteAssessed(e) => (&e.posted[..], &e.reversed[..], &e.reversed_by[..]),
                _ => (&[][..], &[][..], &[][..]),
            };
            prop_assert_eq!(reversed.is_empty(), reversed_by.is_empty());
            prop_assert!(reversed_by.iter().all(|cause| seen.contains(&cause.event)), "{reversed_by:?}");
            prop_assert!(reversed.iter().all(|posting| seen.contains(&posting.assessment)), "{reversed:?}");
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

    /// Law 6, at its root (the ledger's bytes are compared at the border): wherever a
    /// command ended, the log read so far leaves nothing to assess; read to its end it
    /// tells the very tickets that the commands left.
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
        for ticket in prefix.tickets.values() {
            let standing: usize = ticket.work.iter().map(|work| work.standing.len()).sum();
            prop_assert_eq!(ticket.standing_of_work(), standing);
        }
        prop_assert_eq!(&prefix.prepaid, &w.prepaid);
    }

    /// Law 7, at its root (request ids are told apart at the border): the same commands
    /// give the same log, however often.
    #[test]
    fn deciding_depends_on_nothing_but_the_log((terms, steps) in told()) {
        let once = play(terms.clone(), steps.clone());
        prop_assert_eq!(format!("{:?}", once.log), format!("{:?}", play(terms, steps).log));
    }
}
